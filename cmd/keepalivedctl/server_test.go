package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
)

// set is an answer of the daemon: the override in force.
func set(o *pb.ServerOverride) *fake {
	o.Service, o.Server, o.ServiceName, o.ServerName = web, "10.0.0.1:80", web, name
	return &fake{status: &pb.GetStatusResponse{EventSequence: 41}, set: &pb.SetRealServerResponse{Override: o}}
}

func draining(revision uint64) *pb.ServerOverride {
	return &pb.ServerOverride{Mode: pb.ServerMode_SERVER_MODE_DRAINING, Who: "alice (pid 7)", Revision: revision}
}

func TestServer(t *testing.T) {
	until := &pb.ServerOverride{Mode: pb.ServerMode_SERVER_MODE_DRAINING, Who: "alice (pid 7)", Why: "update", Since: at(0), Until: at(10 * time.Minute)}
	line := "server " + name + " of " + web + ": "
	for _, c := range []struct {
		args []string
		now  *pb.ServerOverride
		want *pb.SetRealServerRequest
		out  string
	}{
		{[]string{"drain", "S", "R", "--timeout", "10m", "--why", "update"}, until,
			&pb.SetRealServerRequest{Service: "S", Server: "R", Why: "update", Action: &pb.SetRealServerRequest_Drain{Drain: &pb.Drain{Timeout: span(10 * time.Minute)}}},
			line + "draining until 2026-11-21 12:10:00 by alice (pid 7) since 2026-11-21 12:00:00: update\n"},
		{[]string{"drain", "S", "R"}, draining(1),
			&pb.SetRealServerRequest{Service: "S", Server: "R", Action: &pb.SetRealServerRequest_Drain{Drain: &pb.Drain{Timeout: span(0)}}},
			line + "draining by alice (pid 7)\n"},
		{[]string{"disable", "S", "R"}, &pb.ServerOverride{Mode: pb.ServerMode_SERVER_MODE_DISABLED, Weight: proto.Int32(2)},
			&pb.SetRealServerRequest{Service: "S", Server: "R", Action: &pb.SetRealServerRequest_Disable{Disable: &pb.Disable{}}}, line + "disabled, weight 2\n"},
		{[]string{"enable", "S", "R", "--why=done"}, &pb.ServerOverride{Mode: pb.ServerMode_SERVER_MODE_NORMAL, Who: "alice (pid 7)"},
			&pb.SetRealServerRequest{Service: "S", Server: "R", Why: "done", Action: &pb.SetRealServerRequest_Enable{Enable: &pb.Enable{}}},
			line + "no override: the configuration and the checkers decide\n"},
		{[]string{"weight", "S", "R", "0"}, &pb.ServerOverride{Weight: proto.Int32(0)},
			&pb.SetRealServerRequest{Service: "S", Server: "R", Action: &pb.SetRealServerRequest_Weight{}}, line + "weight 0\n"},
		{[]string{"weight", "S", "R", "reset"}, &pb.ServerOverride{},
			&pb.SetRealServerRequest{Service: "S", Server: "R", Action: &pb.SetRealServerRequest_ResetWeight{ResetWeight: &pb.ResetWeight{}}},
			line + "no override: the configuration and the checkers decide\n"},
	} {
		f := set(c.now)
		// How long to wait for the daemon stands before the command and is another thing.
		status, out, errs := call(t, f, append([]string{"--timeout", "3s", "server"}, c.args...)...)
		if status != exitHealthy || out != c.out || errs != "" {
			t.Errorf("%q: status %d, %q, %q; want %q", c.args, status, out, errs, c.out)
		}
		if d := cmp.Diff(c.want, f.asked, protocmp.Transform()); d != "" {
			t.Errorf("%q asks (-want +got):\n%s", c.args, d)
		}
		if f.watched != nil || f.closed != 1 {
			t.Errorf("%q: watched %v, closed %d times", c.args, f.watched, f.closed)
		}
	}
}

func TestServerIsRefused(t *testing.T) {
	for _, c := range []struct {
		args   []string
		err    error
		status int
		want   string
	}{
		{nil, nil, exitUsage, "server what? drain, disable, enable or weight"},
		{[]string{"stop", "S", "R"}, nil, exitUsage, `server cannot "stop"`},
		{[]string{"drain", "S"}, nil, exitUsage, "server drain: got 1 words, want: drain SERVICE SERVER"},
		{[]string{"weight", "S", "R"}, nil, exitUsage, "want: weight SERVICE SERVER N|reset"},
		{[]string{"weight", "S", "R", "heavy"}, nil, exitUsage, `weight "heavy": want a number of 0 to 2147483647, or reset`},
		{[]string{"weight", "S", "R", "2147483648"}, nil, exitUsage, "want a number"},
		{[]string{"drain", "S", "R", "--timeout", "-1s"}, nil, exitUsage, "--timeout -1s: want more than 0"},
		{[]string{"disable", "S", "R", "--wait"}, nil, exitUsage, "unknown flag: --wait"},
		{[]string{"disable", "S", "R"}, &adminapi.NotFoundError{Text: "there is no server R in S:\x1b 10.0.0.1:80"}, exitUsage, `keepalivedctl: there is no server R in S:\x1b 10.0.0.1:80` + "\n"},
		{[]string{"disable", "S", "R"}, fmt.Errorf("%w: why holds control characters", adminapi.ErrInvalid), exitUsage, "invalid request: why holds control characters\n"},
		{[]string{"disable", "S", "R"}, fmt.Errorf("%w: no virtual server is configured", adminapi.ErrUnavailable), exitNoAnswer, "not available: no virtual server is configured\n"},
	} {
		f := set(&pb.ServerOverride{})
		f.setErr = c.err
		status, out, errs := call(t, f, append([]string{"server"}, c.args...)...)
		if status != c.status || out != "" || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%q: status %d, %q, %q; want %d and %q", c.args, status, out, errs, c.status, c.want)
		}
		if c.err == nil && f.asked != nil {
			t.Errorf("%q was asked for", c.args)
		}
	}
}

func overrideEvent(o *pb.ServerOverride, mode pb.ServerMode, removed bool, cause string) *pb.Event {
	o = proto.Clone(o).(*pb.ServerOverride)
	o.Mode = mode
	return &pb.Event{Kind: &pb.Event_Override{Override: &pb.OverrideChange{Override: o, Removed: removed, Cause: cause}}}
}

func TestDrainWaits(t *testing.T) {
	const (
		drains   = pb.ServerMode_SERVER_MODE_DRAINING
		disabled = pb.ServerMode_SERVER_MODE_DISABLED
		normal   = pb.ServerMode_SERVER_MODE_NORMAL
	)
	mine := draining(5)
	first := set(mine).set // fills the names in
	other := proto.Clone(mine).(*pb.ServerOverride)
	other.Server = "10.0.0.2:80"
	old := proto.Clone(mine).(*pb.ServerOverride)
	old.Revision = 4
	missed := &pb.Event{Kind: &pb.Event_Missed{Missed: &pb.Missed{Count: 1}}}
	const drainedText = ": disabled: drained: the last connection has ended\n"
	for _, c := range []struct {
		rule      string
		events    []*pb.Event
		overrides []*pb.ServerOverride
		status    int
		out       string // the second line's end
	}{
		{"drained", []*pb.Event{overrideEvent(mine, drains, false, "drain by alice (pid 7)"), overrideEvent(mine, disabled, false, "drained: the last connection has ended")},
			nil, exitHealthy, drainedText},
		{"others and older ones do not count", []*pb.Event{overrideEvent(other, disabled, false, "x"), overrideEvent(old, normal, true, "x"), {},
			overrideEvent(mine, disabled, false, "drained: the last connection has ended")}, nil, exitHealthy, drainedText},
		{"enabled by another", []*pb.Event{overrideEvent(mine, normal, true, "enable by bob (pid 9)")}, nil, exitDegraded, ": does not drain any more: enable by bob (pid 9)\n"},
		{"its server is gone", []*pb.Event{overrideEvent(mine, drains, true, "the server left the configuration")}, nil, exitDegraded,
			": does not drain any more: the server left the configuration\n"},
		{"events were missed and it is drained", []*pb.Event{missed}, []*pb.ServerOverride{{Service: web, Server: "10.0.0.1:80", Mode: disabled}}, exitHealthy, ": disabled\n"},
		{"events were missed and it is gone", []*pb.Event{missed}, nil, exitDegraded, ": does not drain any more\n"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			f := &fake{status: &pb.GetStatusResponse{EventSequence: 41, Overrides: c.overrides}, set: first, events: c.events, hang: false}
			status, out, errs := call(t, f, "server", "drain", "S", "R", "--wait")
			if status != c.status || !strings.HasSuffix(out, c.out) || strings.Count(out, "\n") != 2 || errs != "" {
				t.Errorf("status %d, %q, %q; want %d and %q", status, out, errs, c.status, c.out)
			}
			if !f.watched.GetResume() || f.watched.GetAfter() != 41 {
				t.Errorf("watched %v", f.watched)
			}
		})
	}
	f := set(draining(5))
	if status, _, errs := call(t, f, "server", "drain", "S", "R", "--wait"); status != exitNoAnswer || errs != "keepalivedctl: the daemon has ended the stream\n" {
		t.Errorf("the daemon goes away: status %d, %q", status, errs)
	}
	f = set(&pb.ServerOverride{Mode: disabled})
	if status, out, _ := call(t, f, "server", "drain", "S", "R", "--wait"); status != exitHealthy || strings.Count(out, "\n") != 1 || f.watched != nil {
		t.Errorf("drained at once: status %d, %q", status, out)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if status, _, errs := callIn(t, ctx, set(draining(5)), "server", "drain", "S", "R", "--wait"); status != exitNoAnswer || errs != "keepalivedctl: interrupted\n" {
		t.Errorf("interrupted: status %d, %q", status, errs)
	}
}

func TestServerCompletion(t *testing.T) {
	_, out, _ := call(t, balancer(), "__complete", "server", "drain", "")
	if !strings.Contains(out, web+"\nFWM 7\n") {
		t.Errorf("services: %q", out)
	}
	_, out, _ = call(t, balancer(), "__complete", "server", "weight", web, "")
	if !strings.HasPrefix(out, name+"\n[10.0.0.2]:tcp:80\n:") {
		t.Errorf("servers: %q", out)
	}
}

func TestServiceEventLines(t *testing.T) {
	now := "2026-11-21 12:00:00.000 "
	up := balancer().services[0].Servers[0]
	down := &pb.RealServer{Name: name, ConfiguredWeight: 3}
	v := balancer().services[0]
	lost := &pb.VirtualServer{Name: web, Quorum: 2, Weight: 1, SorryActive: true, SorryServer: "[10.0.0.9]:tcp:80"}
	drain := draining(1)
	drain.ServiceName, drain.ServerName, drain.Until, drain.Why = web, name, at(time.Minute), "update"
	for _, c := range []struct {
		e    *pb.Event
		want string
	}{
		{&pb.Event{Kind: &pb.Event_Service{Service: &pb.ServiceChange{Service: lost, WasUp: true, Cause: "quorum lost"}}},
			now + "service " + web + " UP -> DOWN, sorry server [10.0.0.9]:tcp:80, weight 1 of 2: quorum lost"},
		{&pb.Event{Kind: &pb.Event_Service{Service: &pb.ServiceChange{Service: v, First: true}}}, now + "service " + web + " UP, weight 3 of 1"},
		{&pb.Event{Kind: &pb.Event_Service{Service: &pb.ServiceChange{Service: &pb.VirtualServer{Name: web, QuorumUp: true, Quorum: 1, Table: pb.TableState_TABLE_STATE_PENDING, TableError: "busy"}, WasUp: true}}},
			now + "service " + web + " UP, not yet in ip_vs (busy), weight 0 of 1"},
		{&pb.Event{Kind: &pb.Event_Service{Service: &pb.ServiceChange{Service: v, Removed: true, Cause: "reload"}}}, now + "service " + web + " removed: reload"},
		{&pb.Event{Kind: &pb.Event_Server{Server: &pb.ServerChange{Service: web, Server: down, WasAlive: true, Cause: "TCP_CHECK: connection refused"}}},
			now + "server " + name + " of " + web + " UP -> DOWN, weight - (configured 3): TCP_CHECK: connection refused"},
		{&pb.Event{Kind: &pb.Event_Server{Server: &pb.ServerChange{Service: web, Server: up, WasAlive: true, Cause: "weight"}}},
			now + "server " + name + " of " + web + " UP, weight 3: weight"},
		{&pb.Event{Kind: &pb.Event_Server{Server: &pb.ServerChange{Service: web, Server: up, Removed: true}}}, now + "server " + name + " of " + web + " removed"},
		{&pb.Event{Kind: &pb.Event_Override{Override: &pb.OverrideChange{Override: drain, Cause: "drain by alice (pid 7)"}}},
			now + "server " + name + " of " + web + " draining until 2026-11-21 12:01:00: drain by alice (pid 7) (update)"},
		{&pb.Event{Kind: &pb.Event_Override{Override: &pb.OverrideChange{Override: drain, Removed: true, Cause: "the server left the configuration"}}},
			now + "server " + name + " of " + web + " without override: the server left the configuration (update)"},
		{&pb.Event{Kind: &pb.Event_TableRepaired{TableRepaired: &pb.TableRepaired{Service: web, Server: name, Drift: "vanished", Times: 3}}},
			now + "server " + name + " of " + web + ": its entry in ip_vs was not as it had been made (vanished) and has been put right (repair 3 of this service)"},
		{&pb.Event{Kind: &pb.Event_TableRepaired{TableRepaired: &pb.TableRepaired{Service: web, Drift: "changed (weight)", Times: 1}}},
			now + "service " + web + ": its entry in ip_vs was not as it had been made (changed (weight)) and has been put right (repair 1 of this service)"},
		{&pb.Event{Kind: &pb.Event_SnapshotService{SnapshotService: v}},
			"service " + web + " is UP since 2026-11-21 11:00:00.000 with 1 of 2 servers: [10.0.0.2]:tcp:80 DRAINING"},
	} {
		if c.e.Time == nil {
			c.e.Time = at(0)
		}
		if got := eventLine(c.e, noon); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
	drain.Why = "\x1b]0;x\a\n"
	f := &fake{events: []*pb.Event{{Kind: &pb.Event_Override{Override: &pb.OverrideChange{Override: drain}}}}}
	if _, out, _ := call(t, f, "events"); strings.ContainsAny(out, "\x1b\a") || strings.Count(out, "\n") != 1 {
		t.Errorf("events: %q", out)
	}
}
