package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
)

const (
	web  = "[10.0.0.100]:tcp:80"
	name = "[10.0.0.1]:tcp:80"
)

// balancer is a healthy daemon that balances: one of its servers drains.
func balancer() *fake {
	f := node()
	f.status.Processes[1] = &pb.Process{Role: pb.Role_ROLE_CHECKER, Pid: 104, State: pb.ProcessState_PROCESS_STATE_RUNNING, Started: at(-time.Hour)}
	f.instances, f.groups, f.trackers = nil, nil, nil
	tcp := func(ago time.Duration) []*pb.Checker {
		return []*pb.Checker{{Type: "TCP_CHECK", Up: true, HasRun: true, Good: true, LastRan: at(-ago)}}
	}
	f.services = []*pb.VirtualServer{
		{Key: web, Name: web, Protocol: "tcp", Scheduler: "wrr", Method: "NAT", QuorumUp: true, Quorum: 1, Weight: 3, InState: span(time.Hour), Since: at(-time.Hour),
			ActiveConnections: proto.Uint64(12), Table: pb.TableState_TABLE_STATE_APPLIED, Repairs: 2, SorryServer: "[10.0.0.9]:tcp:80",
			Servers: []*pb.RealServer{
				{Key: "10.0.0.1:80", Name: name, Alive: true, InState: span(time.Hour), ConfiguredWeight: 3, Weight: 3, Present: true, TableWeight: 3,
					ActiveConnections: proto.Uint64(12), Checkers: tcp(2500 * time.Millisecond)},
				{Key: "10.0.0.2:80", Name: "[10.0.0.2]:tcp:80", Alive: true, InState: span(time.Hour), ConfiguredWeight: 1, Weight: 1, Present: true,
					ActiveConnections: proto.Uint64(0), Checkers: tcp(time.Second), Override: &pb.ServerOverride{Service: web, Server: "10.0.0.2:80",
						Mode: pb.ServerMode_SERVER_MODE_DRAINING, Who: "alice (pid 7)", Why: "kernel update", Since: at(-time.Minute), Until: at(9 * time.Minute)}},
			}},
		{Key: "FWM 7", Name: "FWM 7", Scheduler: "rr", Method: "DR", QuorumUp: true, Quorum: 1, Weight: 1, InState: span(2 * time.Second),
			Servers: []*pb.RealServer{{Key: "10.0.0.3:0", Name: "[10.0.0.3]:tcp:0", Alive: true, ConfiguredWeight: 1, Weight: 1, Present: true, TableWeight: 1}}},
	}
	return f
}

const balancerText = `
SERVICE              STATE  SINCE  QUORUM  WEIGHT  SCHEDULER  METHOD  SERVERS  ACTIVE  SORRY SERVER       REPAIRS
[10.0.0.100]:tcp:80  UP     1h0m   1       3       wrr        NAT     1 of 2   12      [10.0.0.9]:tcp:80  2
FWM 7                UP     2.0s   1       1       rr         DR      1 of 1   -       -                  -

SERVICE              SERVER             STATE     SINCE  WEIGHT            ACTIVE  LAST CHECK               OVERRIDE
[10.0.0.100]:tcp:80  [10.0.0.1]:tcp:80  UP        1h0m   3                 12      TCP_CHECK ok, 2.5s ago   -
[10.0.0.100]:tcp:80  [10.0.0.2]:tcp:80  DRAINING  1h0m   0 (configured 1)  0       TCP_CHECK ok, 1.0s ago   draining until 2026-11-21 12:09:00 by alice (pid 7) since 2026-11-21 11:59:00: kernel update
FWM 7                [10.0.0.3]:tcp:0   UP        -      1                 -       no checker               -

healthy: 2 of 2 services up, 2 of 3 servers up and 1 taken out
`

func TestStatusOfServices(t *testing.T) {
	status, out, errs := call(t, balancer(), "status")
	if status != exitHealthy || errs != "" {
		t.Errorf("status %d, errors %q", status, errs)
	}
	_, tables, _ := strings.Cut(out, "\n\n") // behind the head
	_, tables, _ = strings.Cut(tables, "\n\n")
	if diff := cmp.Diff(words(strings.TrimPrefix(balancerText, "\n")), words(tables)); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, out)
	}
}

// TestServiceVerdict: what is degraded, and how a server is shown.
func TestServiceVerdict(t *testing.T) {
	down := func(f *fake) *pb.RealServer {
		s := f.services[0].Servers[0]
		s.Alive, s.Present, s.Checkers[0].Up, s.Checkers[0].Good, s.Checkers[0].Cause = false, false, false, false, "connection refused"
		s.Weight = 0
		return s
	}
	for _, c := range []struct {
		rule   string
		change func(*fake)
		status int
		want   string
	}{
		{"a server that is down is, with the reason", func(f *fake) { down(f) }, exitDegraded,
			"degraded: [10.0.0.100]:tcp:80: 1 of 2 servers down: [10.0.0.1]:tcp:80 (TCP_CHECK: connection refused)\n"},
		{"and is shown so", func(f *fake) { down(f) }, exitDegraded, "DOWN      1h0m   - (configured 3)  12      TCP_CHECK: connection refused, 2.5s ago"},
		{"not one that an operator has disabled", func(f *fake) {
			down(f).Override = &pb.ServerOverride{Mode: pb.ServerMode_SERVER_MODE_DISABLED, Who: "root (pid 1)"}
		}, exitHealthy, "DOWN, DISABLED"},
		{"one that is down and weighs otherwise is", func(f *fake) { down(f).Override = &pb.ServerOverride{Weight: proto.Int32(5)} }, exitDegraded, "weight 5"},
		{"a disabled one", func(f *fake) {
			f.services[0].Servers[1].Override = &pb.ServerOverride{Mode: pb.ServerMode_SERVER_MODE_DISABLED, Weight: proto.Int32(2), Who: "root (pid 1)"}
		}, exitHealthy, "disabled, weight 2 by root (pid 1)\n"},
		{"a lost quorum", func(f *fake) { v := f.services[0]; v.QuorumUp, v.Weight, v.Quorum = false, 1, 2 }, exitDegraded,
			"degraded: [10.0.0.100]:tcp:80 has no quorum: weight 1 of 2\n"},
		{"with a sorry server", func(f *fake) { f.services[0].QuorumUp, f.services[0].SorryActive = false, true }, exitDegraded,
			", the sorry server [10.0.0.9]:tcp:80 takes its place"},
		{"which is marked", func(f *fake) { f.services[0].QuorumUp, f.services[0].SorryActive = false, true }, exitDegraded, "[10.0.0.9]:tcp:80 (in use)"},
		{"ip_vs that refuses", func(f *fake) {
			f.services[0].Table, f.services[0].TableError = pb.TableState_TABLE_STATE_PENDING, "no scheduler foo"
		}, exitDegraded, "degraded: [10.0.0.100]:tcp:80 is not yet in ip_vs as it should be: no scheduler foo"},
		{"no ip_vs, said once", func(f *fake) {
			for _, v := range f.services {
				v.Table, v.TableError = pb.TableState_TABLE_STATE_ABSENT, "this kernel has no ip_vs: no module"
			}
		}, exitDegraded, "\n\ndegraded: nothing is balanced: this kernel has no ip_vs: no module\n"},
		{"a retry is not", func(f *fake) {
			k := f.services[0].Servers[0].Checkers[0]
			k.Good, k.Retries, k.Cause = false, 2, "timeout"
		}, exitHealthy, "TCP_CHECK: timeout, 2.5s ago, retry 2"},
		{"the checker that fails is told", func(f *fake) {
			s := f.services[0].Servers[0]
			s.Checkers = append(s.Checkers, &pb.Checker{Type: "MISC_CHECK", HasRun: true, LastRan: at(-time.Hour)})
		}, exitHealthy, "MISC_CHECK failed, 1h0m ago"},
		{"the latest of the good ones", func(f *fake) {
			s := f.services[0].Servers[0]
			s.Checkers = append(s.Checkers, &pb.Checker{Type: "HTTP_GET", Up: true, HasRun: true, Good: true, LastRan: at(-time.Second)})
		}, exitHealthy, "HTTP_GET ok, 1.0s ago"},
		{"not run yet", func(f *fake) { f.services[0].Servers[0].Checkers[0] = &pb.Checker{Type: "DNS_CHECK", Up: true} }, exitHealthy, "DNS_CHECK has not run yet"},
		{"stale answers", func(f *fake) { f.services[0].Stale = true }, exitDegraded, "UP (stale)"},
		{"are explained", func(f *fake) { f.services[0].Stale = true }, exitDegraded, "degraded: the healthchecker process does not answer"},
		{"and have the parent's overrides", func(f *fake) {
			f.services[0].Stale = true
			f.status.Overrides = []*pb.ServerOverride{{Service: web, Server: "10.0.0.1:80", Weight: proto.Int32(9), Who: "bob (pid 8)"}}
		}, exitDegraded, "weight 9 by bob (pid 8)"},
		{"a child that cannot be asked", func(f *fake) { f.servicesErr, f.services = adminapi.ErrUnavailable, nil }, exitDegraded,
			"degraded: the healthchecker process does not answer"},
		{"many that are down", func(f *fake) {
			v := f.services[1]
			for range 5 {
				v.Servers = append(v.Servers, &pb.RealServer{Name: "x"})
			}
		}, exitDegraded, "degraded: FWM 7: 5 of 6 servers down: x, x, x, x, and 1 more\n"},
		{"what does things to a terminal", func(f *fake) {
			f.services[0].Servers[1].Override.Why = "\x1b[2Jo\nk\u202e\u009b"
		}, exitHealthy, `: \x1b[2Jo\nk\u202e\u009b`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			f := balancer()
			c.change(f)
			status, out, errs := call(t, f, "status")
			if status != c.status || !strings.Contains(out, c.want) || errs != "" {
				t.Errorf("status %d, want %d and %q in\n%s%s", status, c.status, c.want, out, errs)
			}
		})
	}
}

func TestStatusOfSomeServices(t *testing.T) {
	f := balancer()
	f.status.Processes = append(f.status.Processes, node().status.Processes[1])
	f.instances = node().instances
	f.services[1].QuorumUp = false
	status, out, _ := call(t, f, "status", web, "VI_1", web)
	if status != exitHealthy || strings.Contains(out, "FWM 7") || strings.Contains(out, "VI_6") || !strings.Contains(out, "VI_1") || strings.Count(out, name) != 1 {
		t.Errorf("status %d\n%s", status, out)
	}
	if status, _, _ := call(t, f, "status", "FWM 7"); status != exitDegraded {
		t.Errorf("the one without a quorum: status %d", status)
	}
	if status, out, errs := call(t, f, "status", web, "[G]:0"); status != exitUsage || out != "" || !strings.Contains(errs, `there is no instance or service "[G]:0"`) {
		t.Errorf("an unknown one: status %d, %q, %q", status, out, errs)
	}
	f.servicesErr = adminapi.ErrUnavailable
	if status, _, _ := call(t, f, "status", "[G]:0"); status != exitDegraded {
		t.Errorf("who knows: status %d", status)
	}
}

func TestServicesJSON(t *testing.T) {
	_, out, _ := call(t, balancer(), "status", "--json")
	var r struct {
		Services []struct {
			Name, ActiveConnections string
			QuorumUp                bool
			Servers                 []struct {
				Alive    *bool
				Override *struct{ Mode, Why, Until string }
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Services) != 2 || r.Services[0].Name != web || r.Services[0].ActiveConnections != "12" || r.Services[0].Servers[0].Override != nil ||
		r.Services[0].Servers[1].Override.Mode != "SERVER_MODE_DRAINING" || r.Services[1].Servers[0].Alive == nil {
		t.Errorf("got %+v", r)
	}
	_, out, _ = call(t, node(), "status", "--json")
	if !strings.Contains(out, `"services":[]`) {
		t.Errorf("without services: %s", out)
	}
}
