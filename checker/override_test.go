package checker

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"keepalived/checker/ipvs"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

// Operators may say a server in many ways; who says it wrong learns what there is.
func TestFindServer(t *testing.T) {
	r := newRig(t)
	r.configure(two("") + strings.Replace(two(""), "10.0.0.100 80", "10.0.0.100 81", 1) +
		strings.Replace(two("persistence_timeout 9"), "10.0.0.100 80", "fwmark 7", 1) +
		"virtual_server_group G1 {\n10.0.0.110 80\n}\n" + strings.Replace(two(""), "10.0.0.100 80", "group G1", 1) +
		strings.NewReplacer("10.0.0.100 80", "2001:db8::100 80", "10.0.0.", "2001:db8::").Replace(two("")))
	for _, tt := range []struct{ vs, rs, want string }{
		{vs1, rs1, vs1 + " 10.0.0.1:80"},
		{"10.0.0.100:81", "10.0.0.1:80", "[10.0.0.100]:tcp:81 10.0.0.1:80"},
		{"fwmark 7", "10.0.0.2", "FWM 7 10.0.0.2:80"},
		{"FWM 7", "10.0.0.2", "FWM 7 10.0.0.2:80"},
		{"G1", "10.0.0.1", "[G1]:0 10.0.0.1:80"},
		{"group G1", "10.0.0.1", "[G1]:0 10.0.0.1:80"},
		{"[2001:db8::100]:80", "2001:db8::1", "[2001:db8::100]:tcp:80 [2001:db8::1]:80"},
		{"2001:db8::100", "[2001:db8::2]:80", "[2001:db8::100]:tcp:80 [2001:db8::2]:80"},
		{"10.0.0.100", "10.0.0.1", `"10.0.0.100" is more than one virtual server; say which: [10.0.0.100]:tcp:80, [10.0.0.100]:tcp:81`},
		{"10.0.0.9", "10.0.0.1", `there is no virtual server "10.0.0.9"; there are: [10.0.0.100]:tcp:80, [10.0.0.100]:tcp:81, FWM 7, [G1]:0, [2001:db8::100]:tcp:80`},
		{vs1, "10.0.0.9", `[10.0.0.100]:tcp:80 has no real server "10.0.0.9"; it has: 10.0.0.1:80, 10.0.0.2:80`},
	} {
		s, i, err := r.d.model.findServer(tt.vs, tt.rs)
		got := ""
		var none *childapi.NotFoundError
		switch {
		case errors.As(err, &none):
			got = err.Error()
		case err == nil:
			got = s.key + " " + s.cfg.Servers[i].Key()
		}
		if got != tt.want {
			t.Errorf("%q %q: %q, want %q", tt.vs, tt.rs, got, tt.want)
		}
	}
}

// Mode and weight are set apart, survive a reload, and are gone when both are undone.
func TestOverride(t *testing.T) {
	r := newRig(t)
	r.configure(two(""))
	r.run(2 * time.Second)
	r.said()
	o, err := r.set(&pb.SetServerCommand{KeepMode: true, Override: &pb.ServerOverride{Service: "10.0.0.100", Server: "10.0.0.1", Weight: weight(0), Who: "root"}})
	if err != nil || o.GetService() != vs1 || o.GetServer() != "10.0.0.1:80" || o.GetServerName() != rs1 || o.GetMode() != pb.ServerMode_SERVER_MODE_NORMAL || o.Weight == nil {
		t.Fatalf("%v, %v", o, err)
	}
	r.expect("Weight of service " + rs1 + " of VS " + vs1 + " set from 1 to 0 on request")
	r.has("TCP 10.0.0.100:80: rr 10.0.0.1:80/0 10.0.0.2:80/1")
	if _, err := r.set(&pb.SetServerCommand{KeepWeight: true, Override: &pb.ServerOverride{Service: vs1, Server: "10.0.0.2", Mode: pb.ServerMode_SERVER_MODE_DISABLED}}); err != nil {
		t.Fatal(err)
	}
	r.has("TCP 10.0.0.100:80: rr 10.0.0.1:80/0")
	r.expect("Service "+rs2+" of VS "+vs1+" disabled on request", "Lost quorum 1-0=1 > 0 for VS "+vs1)
	// What a command does not speak of stays.
	if o, err = r.set(&pb.SetServerCommand{KeepMode: true, Override: &pb.ServerOverride{Service: vs1, Server: "10.0.0.2", Weight: weight(9)}}); err != nil ||
		o.GetMode() != pb.ServerMode_SERVER_MODE_DISABLED || o.GetWeight() != 9 {
		t.Errorf("a weight beside a mode: %v, %v", o, err)
	}
	if o, err = r.set(&pb.SetServerCommand{KeepWeight: true, Override: &pb.ServerOverride{Service: vs1, Server: "10.0.0.1", Who: "root"}}); err != nil || o.Weight == nil {
		t.Errorf("a mode beside a weight: %v, %v", o, err)
	}
	if _, err = r.set(&pb.SetServerCommand{KeepMode: true, Override: &pb.ServerOverride{Service: vs1, Server: "10.0.0.2"}}); err != nil {
		t.Fatal(err)
	}
	r.configure(two("quorum 2"))
	r.has("TCP 10.0.0.100:80: rr 10.0.0.1:80/0")
	s := r.d.view(r.now).serviceProto(0)
	if s.GetServers()[0].GetOverride().GetWho() != "root" || s.GetServers()[1].GetOverride().GetMode() != pb.ServerMode_SERVER_MODE_DISABLED || s.GetServers()[1].GetPresent() {
		t.Errorf("status: %v", s)
	}
	for _, c := range []*pb.SetServerCommand{
		{KeepMode: true, Override: &pb.ServerOverride{Service: vs1, Server: "10.0.0.1"}},
		{KeepWeight: true, Override: &pb.ServerOverride{Service: vs1, Server: "10.0.0.2", Mode: pb.ServerMode_SERVER_MODE_NORMAL}},
	} {
		if o, err := r.set(c); err != nil || o.GetMode() != pb.ServerMode_SERVER_MODE_NORMAL || o.Weight != nil {
			t.Errorf("%v, %v", o, err)
		}
	}
	r.has(full)
	if len(r.d.overrides.byKey) != 0 || len(r.dropped) != 0 {
		t.Errorf("left: %v, reported: %v", r.d.overrides.byKey, r.dropped)
	}
}

// fakeConns is the counter's connection to ip_vs.
type fakeConns struct{ list []ipvs.DestinationStatus }

func (f *fakeConns) Destinations(ipvs.Key) ([]ipvs.DestinationStatus, error) { return f.list, nil }
func (f *fakeConns) SetTimeouts(ipvs.Timeouts) error                         { return nil }
func (f *fakeConns) Close() error                                            { return nil }

// count has the counter answer what was asked of it, as its goroutine would.
func (r *rig) count(list ...ipvs.DestinationStatus) (asked bool) {
	r.d.counter.conn = &fakeConns{list}
	select {
	case q := <-r.d.counter.requests:
		q.done(r.d.counter.serve(q))
		return true
	default:
		return false
	}
}

func destinationWith(addr string, active, inactive uint32) ipvs.DestinationStatus {
	return ipvs.DestinationStatus{Destination: ipvs.Destination{Addr: at(addr)}, Active: active, Inactive: inactive}
}

// A drain is weight 0 until the last connection has ended, and disabled then.
func TestDrain(t *testing.T) {
	r := newRig(t)
	r.configure(two("") + strings.Replace(two(""), "10.0.0.100 80", "10.0.0.101 80", 1))
	r.run(2 * time.Second)
	o, err := r.set(drainOf(vs1, "10.0.0.1"))
	if err != nil || o.GetMode() != pb.ServerMode_SERVER_MODE_DRAINING {
		t.Fatalf("%v, %v", o, err)
	}
	other := "TCP 10.0.0.101:80: rr 10.0.0.1:80/1 10.0.0.2:80/1"
	r.has("TCP 10.0.0.100:80: rr 10.0.0.1:80/0 10.0.0.2:80/1", other)
	for _, n := range [][2]uint32{{2, 0}, {1, 0}, {0, 1}} {
		r.run(1100 * time.Millisecond)
		if !r.count(destinationWith("10.0.0.1:80", n[0], n[1]), destinationWith("10.0.0.2:80", 0, 0)) {
			t.Fatal("nobody counts")
		}
		r.has("TCP 10.0.0.100:80: rr 10.0.0.1:80/0 10.0.0.2:80/1", other)
	}
	// One that is over is in the kernel's number until it is forgotten.
	list := t.TempDir() + "/ip_vs_conn"
	r.d.counter.list = list
	for state, out := range map[string]bool{"FIN_WAIT": false, "TIME_WAIT": true} {
		if err := os.WriteFile(list, []byte("TCP C0A80001 9C40 0A000064 0050 0A000001 0050 "+state+" 99\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := r.d.counter.serve(countRequest{keys: r.d.model.services[0].ends, fresh: true, ended: true}); err != nil ||
			(n.of(r.d.model.services[0].ends, ipvs.Destination{Addr: at("10.0.0.1:80")}) == connections{}) != out {
			t.Errorf("%s: %v, %v", state, n, err)
		}
	}
	r.run(1100 * time.Millisecond)
	r.count(destinationWith("10.0.0.1:80", 0, 0))
	r.has("TCP 10.0.0.100:80: rr 10.0.0.2:80/1", other)
	if len(r.dropped) != 1 || r.dropped[0].GetRemoved() || r.dropped[0].GetCause() != "drained: the last connection has ended" ||
		r.dropped[0].GetOverride().GetMode() != pb.ServerMode_SERVER_MODE_DISABLED || r.dropped[0].GetOverride().GetRevision() != 3 {
		t.Errorf("reported: %v", r.dropped)
	}
	r.run(3 * time.Second)
	if r.count() {
		t.Error("connections are counted for nobody")
	}
}

// As long as weight 0 is not in force a new connection may come: none is counted.
func TestDrainWaitsForTheTable(t *testing.T) {
	r := newRig(t)
	r.configure(two(""))
	r.run(2 * time.Second)
	r.refuse = errors.New("busy")
	if _, err := r.set(drainOf(vs1, "10.0.0.1")); err != nil {
		t.Fatal(err)
	}
	r.run(2 * time.Second)
	if r.count() {
		t.Error("connections are counted while new ones may come")
	}
}

// A drain with a time limit ends then at the latest; one that is undone does not.
func TestDrainLimit(t *testing.T) {
	r := newRig(t)
	r.configure(two(""))
	r.run(2 * time.Second)
	c := drainOf(vs1, "10.0.0.1")
	c.Override.UntilInstant = int64(r.now.Add(2500 * time.Millisecond))
	undone := proto.Clone(c).(*pb.SetServerCommand)
	undone.Override.Server = "10.0.0.2"
	for _, c := range []*pb.SetServerCommand{c, undone} {
		if _, err := r.set(c); err != nil {
			t.Fatal(err)
		}
	}
	r.run(2400 * time.Millisecond)
	undone.Override.Mode = pb.ServerMode_SERVER_MODE_NORMAL
	if _, err := r.set(undone); err != nil {
		t.Fatal(err)
	}
	r.has("TCP 10.0.0.100:80: rr 10.0.0.1:80/0 10.0.0.2:80/1")
	r.run(200 * time.Millisecond)
	r.has("TCP 10.0.0.100:80: rr 10.0.0.2:80/1")
	if len(r.dropped) != 1 || r.dropped[0].GetCause() != "drained: the time is over" {
		t.Errorf("reported: %v", r.dropped)
	}
	if r.d.overrides.of(vs1, "10.0.0.2:80") != nil {
		t.Error("what was undone is still there")
	}
}
