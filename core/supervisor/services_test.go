package supervisor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

func serviceEvent(s *pb.VirtualServer) *pb.Event {
	return &pb.Event{Kind: &pb.Event_Service{Service: &pb.ServiceChange{Service: s}}}
}

func serverEvent(service string, s *pb.RealServer) *pb.Event {
	return &pb.Event{Kind: &pb.Event_Server{Server: &pb.ServerChange{Service: service, ServiceKey: service, Server: s}}}
}

// checkerUp is a supervisor whose only child checks.
func checkerUp(t *testing.T) (*rig, *fakeSession) {
	r := newRig(t, func(o *Options) { o.Initial = configOf("one", childapi.Checker) })
	r.up(childapi.Checker)
	return r, r.proc(childapi.Checker).session
}

// servicesOf lists: key, + or - for its quorum, its servers likewise, "stale".
func servicesOf(r *rig, names ...string) (got []string) {
	r.t.Helper()
	sign := map[bool]string{true: "+", false: "-"}
	if err := (answers{r.s}).Services(r.t.Context(), names, func(v *pb.VirtualServer) error {
		text := v.GetKey() + sign[v.GetQuorumUp()]
		for _, s := range v.GetServers() {
			text += " " + s.GetKey() + sign[s.GetAlive()]
		}
		if v.GetStale() {
			text += " stale"
		}
		got = append(got, text)
		return nil
	}); err != nil {
		r.t.Error(err)
	}
	return got
}

func TestServicesAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, x := checkerUp(t)
		defer r.stop()
		expect := func(what string, got []string, want ...string) {
			t.Helper()
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		x.event(serviceEvent(&pb.VirtualServer{Key: "W", Name: "W"}))
		x.event(serverEvent("V", &pb.RealServer{Key: "2", Alive: true}))
		x.event(serverEvent("V", &pb.RealServer{Key: "1", Alive: true}))
		x.event(serviceEvent(&pb.VirtualServer{Key: "V", Name: "V", QuorumUp: true}))
		x.event(serverEvent("V", &pb.RealServer{Key: "1"}))
		x.answers(func(_ context.Context, c *pb.ServeResponse, each func(*pb.ServeRequest) error) error {
			if c.GetListServices() == nil {
				return nil
			}
			return each(&pb.ServeRequest{Answer: &pb.ServeRequest_Service{Service: &pb.VirtualServer{Key: "V", QuorumUp: true}}})
		})
		expect("the child answers", servicesOf(r), "V+")
		x.answers(func(ctx context.Context, _ *pb.ServeResponse, each func(*pb.ServeRequest) error) error {
			_ = each(&pb.ServeRequest{Answer: &pb.ServeRequest_Service{Service: &pb.VirtualServer{Key: "W", QuorumUp: true}}})
			<-ctx.Done()
			return ctx.Err()
		})
		expect("it falls silent", servicesOf(r), "W+", "V+ 2+ 1- stale")
		p := r.proc(childapi.Checker)
		p.crash(ending{signal: 9})
		expect("it is dead", servicesOf(r), "V+ 2+ 1- stale", "W- stale")
		expect("by name", servicesOf(r, "W", "X"), "W- stale")

		// The next one reports what it has: the rest is no more.
		r.proc(childapi.Checker).connect(0)
		x = r.proc(childapi.Checker).session
		x.answers(func(_ context.Context, c *pb.ServeResponse, each func(*pb.ServeRequest) error) error {
			return each(&pb.ServeRequest{Answer: &pb.ServeRequest_Service{Service: &pb.VirtualServer{
				Key: "V", Name: "V", QuorumUp: true, Servers: []*pb.RealServer{{Key: "1"}, {Key: "3", Alive: true}}}}})
		})
		var told []string
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			_ = answers{r.s}.Watch(ctx, &pb.WatchEventsRequest{NoSnapshot: true}, func(e *pb.Event) error {
				switch k := e.GetKind().(type) {
				case *pb.Event_Service:
					told = append(told, fmt.Sprint("service ", k.Service.GetService().GetKey(), " removed ", k.Service.GetRemoved(), ": ", k.Service.GetCause()))
				case *pb.Event_Server:
					told = append(told, fmt.Sprint("server ", k.Server.GetServer().GetKey(), " of ", k.Server.GetServiceKey(), " removed ", k.Server.GetRemoved(), " first ", k.Server.GetFirst()))
				}
				return nil
			})
		}()
		synctest.Wait()
		x.ready()
		slices.Sort(told)
		expect("events of a refresh", told, "server 2 of V removed true first false", "server 3 of V removed false first true", "service W removed true: "+restarted)
		x.hangUp()
		expect("after it", servicesOf(r), "V+ 1- 3+ stale")

		x = r.proc(childapi.Checker).connect(1)
		x.answers(func(context.Context, *pb.ServeResponse, func(*pb.ServeRequest) error) error { return nil })
		x.report(&pb.ReportRequest{Report: &pb.ReportRequest_Missed{Missed: &pb.Missed{Count: 1}}})
		x.hangUp()
		expect("events were missed", servicesOf(r))
	})
}

func TestServicesAreInTheSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, x := checkerUp(t)
		defer r.stop()
		x.answers(func(_ context.Context, c *pb.ServeResponse, each func(*pb.ServeRequest) error) error {
			if c.GetListServices() == nil {
				t.Errorf("the healthchecker child is asked for %v", c)
			}
			return each(&pb.ServeRequest{Answer: &pb.ServeRequest_Service{Service: &pb.VirtualServer{Key: "V"}}})
		})
		ctx, cancel := context.WithCancel(t.Context())
		var got []string
		_ = answers{r.s}.Watch(ctx, &pb.WatchEventsRequest{}, func(e *pb.Event) error {
			if v := e.GetSnapshotService(); v != nil {
				got = append(got, v.GetKey())
			} else {
				got = append(got, tell(e))
				cancel()
			}
			return nil
		})
		if text := strings.Join(got, " "); text != "V end" {
			t.Errorf("snapshot %q", text)
		}
	})
}

func TestNamesOfServices(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		key, name string
		by, not   []string
	}{
		{"[10.0.0.100]:tcp:80 #2", "[10.0.0.100]:tcp:80", []string{"[10.0.0.100]:tcp:80 #2", "[10.0.0.100]:tcp:80", "10.0.0.100:80", "10.0.0.100"}, []string{"10.0.0.10", ":80", ""}},
		{"[2001:db8::1]:tcp:80", "[2001:db8::1]:tcp:80", []string{"[2001:db8::1]:80", "2001:db8::1"}, []string{"2001:db8::"}},
		{"FWM 7 inet6", "FWM 7", []string{"FWM 7", "FWM 7 inet6", "fwmark 7", "Fwmark 7"}, []string{"7", "fwmark 8"}},
		{"[G1]:0 udp", "[G1]:0", []string{"[G1]:0", "G1", "group G1"}, []string{"G1:0", "G"}},
		{"odd", "odd", []string{"odd"}, []string{"dd"}},
	} {
		v := &pb.VirtualServer{Key: tt.key, Name: tt.name}
		for _, n := range tt.by {
			if !goesBy(v, n) {
				t.Errorf("%s does not go by %q", tt.key, n)
			}
		}
		for _, n := range tt.not {
			if goesBy(v, n) {
				t.Errorf("%s goes by %q", tt.key, n)
			}
		}
	}
}

// TestCheckRecordsOutliveTheChild: what the crashed one knew is given to the next, with
// its first configuration, and forgotten when there is nothing to check any more.
func TestCheckRecordsOutliveTheChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, x := checkerUp(t)
		defer r.stop()
		records := func(all, more bool, digests ...uint64) {
			m := &pb.CheckRecords{All: all, More: more}
			for _, d := range digests {
				m.Records = append(m.Records, &pb.CheckRecord{Service: "V", Server: "1", Digest: d, Up: true})
			}
			x.report(&pb.ReportRequest{Report: &pb.ReportRequest_Records{Records: m}})
		}
		next := func() string {
			r.proc(childapi.Checker).crash(ending{signal: 9})
			time.Sleep(5 * time.Second) // the respawn delays
			x = r.proc(childapi.Checker).connect(0)
			var digests []uint64
			for _, v := range x.memory.Records {
				digests = append(digests, v.GetDigest())
			}
			slices.Sort(digests)
			return fmt.Sprint(digests)
		}
		if len(x.memory.Records) != 0 {
			t.Errorf("the first child inherits %v", x.memory.Records)
		}
		records(true, false, 1, 2)
		records(false, false, 2, 3)
		if got := next(); got != "[1 2 3]" {
			t.Errorf("inherited %s", got)
		}
		records(true, true, 4) // and dies before it has said all
		if got := next(); got != "[1 2 3 4]" {
			t.Errorf("inherited from one that died early %s", got)
		}
		records(true, true, 4)
		records(false, false, 5)
		if got := next(); got != "[4 5]" {
			t.Errorf("inherited %s", got)
		}
		if got := r.starts(childapi.Checker); got != 4 {
			t.Errorf("%d starts", got)
		}
	})
}
