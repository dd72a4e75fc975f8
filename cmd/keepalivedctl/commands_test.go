package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
)

// TestNoAnswer: 2 and one line on stderr, nothing on stdout.
func TestNoAnswer(t *testing.T) {
	for _, c := range []struct {
		rule string
		f    *fake
		want string
	}{
		{"nobody there", &fake{dialErr: fmt.Errorf("%w (nobody answers on /run/k.sock)", adminapi.ErrNotRunning)}, "keepalivedctl: keepalived is not running (nobody answers on /run/k.sock)\n"},
		{"not allowed", &fake{dialErr: fmt.Errorf("/run/k.sock: %w", adminapi.ErrForbidden)}, "keepalivedctl: /run/k.sock: permission denied: root or a member of group keepalived may ask\n"},
		{"starting or stopping", &fake{statusErr: adminapi.ErrUnavailable}, "keepalivedctl: not available\n"},
		{"too slow", &fake{hang: true}, "keepalivedctl: no answer within 20ms; the daemon may still be at it (--timeout waits longer)\n"},
		{"it hung up", &fake{statusErr: context.Canceled}, "keepalivedctl: the daemon has hung up\n"},
		{"an error nobody thought of", &fake{statusErr: errors.New("broken")}, "keepalivedctl: broken\n"},
		{"a list that breaks off", &fake{status: node().status, listErr: errors.New("broken")}, "keepalivedctl: broken\n"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			status, out, errs := call(t, c.f, "status", "--timeout", "20ms")
			if status != exitNoAnswer || out != "" || errs != c.want {
				t.Errorf("status %d, %q, %q; want 2 and %q", status, out, errs, c.want)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "which command?"},
		{[]string{"stauts"}, `there is no command "stauts"`},
		{[]string{"status", "--jsn"}, "unknown flag: --jsn"},
		{[]string{"status", "--timeout", "x"}, "invalid argument"},
		{[]string{"status", "--timeout", "0s"}, "want more than 0"},
		{[]string{"events", "VI_1"}, "events takes no argument"},
		{[]string{"reload", "now"}, "reload takes no argument"},
		{[]string{"check", "/etc/other.conf"}, "check takes no argument"},
		{[]string{"version", "x"}, "version takes no argument"},
		{[]string{"dump", "all"}, "want data, stats or json"},
		{[]string{"dump", "data", "stats"}, "want data, stats or json"},
	} {
		status, out, errs := call(t, node(), c.args...)
		if status != exitUsage || out != "" || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%q: status %d, %q, %q; want 64 and %q", c.args, status, out, errs, c.want)
		}
	}
	for _, args := range [][]string{{"--help"}, {"help"}, {"help", "status"}, {"dump", "--help"}, {"completion", "bash"}} {
		if status, out, errs := call(t, &fake{dialErr: adminapi.ErrNotRunning}, args...); status != exitHealthy || out == "" || errs != "" {
			t.Errorf("%q: status %d, %q, %q", args, status, out, errs)
		}
	}
}

func TestReload(t *testing.T) {
	plans := []*pb.Plan{
		{Role: pb.Role_ROLE_VRRP, Kept: 3, Changed: []string{"VI_1"}, Removed: []string{"VI_2", "VI_3"}, Added: []string{"VI_9"}},
		{Role: pb.Role_ROLE_CHECKER, Restarted: []string{"[10.0.0.1]:tcp:80"}},
	}
	warning := &pb.Diagnostic{Severity: pb.Severity_SEVERITY_WARNING, Summary: "Unknown keyword 'frob'", Expected: "a keyword of vrrp_instance", Suggest: "priority", Hint: "is it priority?",
		Subject: &pb.SourceRange{Start: &pb.Position{File: "/etc/keepalived/keepalived.conf", Line: 14, Column: 5}}}
	fatal := &pb.Diagnostic{Severity: pb.Severity_SEVERITY_FATAL, Summary: "the virtual router id must be set"}
	for _, c := range []struct {
		rule        string
		f           *fake
		args        []string
		status      int
		out, errors string
	}{
		{"applied", &fake{reload: &pb.ReloadResponse{Generation: 4, Took: span(35 * time.Millisecond), Plans: plans, Diagnostics: []*pb.Diagnostic{warning}}},
			[]string{"reload"}, exitHealthy,
			"reloaded, generation 4, in 35ms\n  vrrp: 3 kept, 1 changed (VI_1), 2 removed (VI_2 VI_3), 1 added (VI_9)\n  checker: 0 kept, 1 restarted ([10.0.0.1]:tcp:80)\n",
			"/etc/keepalived/keepalived.conf:14:5: warning: Unknown keyword 'frob' (expected a keyword of vrrp_instance; did you mean 'priority'?; is it priority?)\n"},
		{"nothing new", &fake{reload: &pb.ReloadResponse{Generation: 4, Plans: []*pb.Plan{{Role: pb.Role_ROLE_VRRP, Kept: 3}}}},
			[]string{"reload"}, exitHealthy, "reloaded, generation 4\n  vrrp: 3 kept\n", ""},
		{"dry run", &fake{reload: &pb.ReloadResponse{Generation: 3, Plans: plans[:1]}},
			[]string{"reload", "--dry-run"}, exitHealthy,
			"nothing was changed; a reload would do this:\n  vrrp: 3 kept, 1 changed (VI_1), 2 removed (VI_2 VI_3), 1 added (VI_9)\n", ""},
		{"dry run with what changes", &fake{reload: &pb.ReloadResponse{Generation: 3, Plans: []*pb.Plan{
			{Role: pb.Role_ROLE_VRRP, Changed: []string{"VI_1"}, Restarted: []string{"VI_2"}, Added: []string{"VI_9"}},
			{Role: pb.Role_ROLE_CHECKER, Changed: []string{"[10.0.0.1]:tcp:80", "FWM 7"}, Removed: []string{"[10.0.0.2]:tcp:80"}, Added: []string{"[10.0.0.2]:udp:80"}},
		}, Changes: []*pb.ConfigChange{
			{Object: "vrrp_instance VI_1", Keyword: "priority", Kind: pb.ConfigChangeKind_CONFIG_CHANGE_KIND_CHANGED, From: []string{"100"}, To: []string{"150"}, Effect: "Taken over at once."},
			{Object: "vrrp_instance VI_1", Keyword: "nopreempt", Kind: pb.ConfigChangeKind_CONFIG_CHANGE_KIND_ADDED, To: []string{""}},
			{Object: "vrrp_instance VI_2", Keyword: "virtual_router_id", Kind: pb.ConfigChangeKind_CONFIG_CHANGE_KIND_CHANGED, From: []string{"5"}, To: []string{"6"}},
			{Object: "vrrp_instance VI_9", Kind: pb.ConfigChangeKind_CONFIG_CHANGE_KIND_ADDED},
			{Object: "virtual_server 10.0.0.1 80", Keyword: "lvs_sched", Kind: pb.ConfigChangeKind_CONFIG_CHANGE_KIND_CHANGED, From: []string{"rr"}, To: []string{"wlc"}},
			{Object: "virtual_server 10.0.0.2 80", Keyword: "protocol", Kind: pb.ConfigChangeKind_CONFIG_CHANGE_KIND_CHANGED, From: []string{"TCP"}, To: []string{"UDP"}},
			{Object: "virtual_server fwmark 7", Keyword: "alpha", Kind: pb.ConfigChangeKind_CONFIG_CHANGE_KIND_REMOVED, From: []string{""}},
		}}}, []string{"reload", "--dry-run"}, exitHealthy,
			"nothing was changed; a reload would do this:\n  vrrp: 0 kept, 1 changed (VI_1), 1 restarted (VI_2), 1 added (VI_9)\n" +
				"  checker: 0 kept, 2 changed ([10.0.0.1]:tcp:80 FWM 7), 1 removed ([10.0.0.2]:tcp:80), 1 added ([10.0.0.2]:udp:80)\n" +
				"~ vrrp_instance VI_1: changed in place, it keeps its state\n    priority: 100 -> 150\n        Taken over at once.\n    nopreempt: added\n" +
				"~ vrrp_instance VI_2: stopped and started anew\n    virtual_router_id: 5 -> 6\n+ vrrp_instance VI_9\n" +
				"~ virtual_server 10.0.0.1 80: changed in place, it keeps its state\n    lvs_sched: rr -> wlc\n" +
				"~ virtual_server 10.0.0.2 80: removed and added anew\n    protocol: TCP -> UDP\n" +
				"~ virtual_server fwmark 7: changed in place, it keeps its state\n    alpha: removed\n", ""},
		{"refused", &fake{reloadErr: &adminapi.RefusedError{Reason: "the configuration cannot run", Diagnostics: []*pb.Diagnostic{warning, fatal}}},
			[]string{"reload"}, exitDegraded, "",
			"/etc/keepalived/keepalived.conf:14:5: warning: Unknown keyword 'frob' (expected a keyword of vrrp_instance; did you mean 'priority'?; is it priority?)\nerror: the virtual router id must be set\n" +
				"keepalivedctl: refused: the configuration cannot run\nThe configuration in force is unchanged.\n"},
		{"a dry run is refused like a real one", &fake{reloadErr: &adminapi.RefusedError{Reason: "no"}}, []string{"reload", "--dry-run"}, exitDegraded, "",
			"keepalivedctl: refused: no\nThe configuration in force is unchanged.\n"},
		{"the daemon stops meanwhile", &fake{reloadErr: adminapi.ErrUnavailable}, []string{"reload"}, exitNoAnswer, "", "keepalivedctl: not available\n"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			status, out, errs := call(t, c.f, c.args...)
			if status != c.status || out != c.out || errs != c.errors {
				t.Errorf("status %d, want %d\n%s%s\nwant\n%s%s", status, c.status, out, errs, c.out, c.errors)
			}
			if c.f.reloaded.GetDryRun() != (len(c.args) > 1) {
				t.Errorf("asked for dry run: %t", c.f.reloaded.GetDryRun())
			}
		})
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		r      *pb.CheckConfigResponse
		status int
		want   string
	}{
		{&pb.CheckConfigResponse{Startable: true, SameAsRunning: true}, 0, "it is the configuration in force\n"},
		{&pb.CheckConfigResponse{Startable: true, ExitStatus: 5, Diagnostics: []*pb.Diagnostic{{Severity: pb.Severity_SEVERITY_ERROR, Summary: "x"}}}, 5,
			"warning: x\na reload would put it in force (reload --dry-run tells what that changes)\n"},
		{&pb.CheckConfigResponse{ExitStatus: 2}, 2, "it cannot run: a reload would be refused\n"},
	} {
		if status, out, _ := call(t, &fake{check: c.r}, "check"); status != c.status || out != c.want {
			t.Errorf("status %d, %q; want %d, %q", status, out, c.status, c.want)
		}
	}
}

func TestDump(t *testing.T) {
	chunks := []*pb.DumpChunk{{Role: pb.Role_ROLE_PARENT, Data: []byte("------< Global ")}, {Role: pb.Role_ROLE_VRRP, Data: []byte("definitions >------\n")}}
	for _, c := range []struct {
		args   []string
		kind   pb.DumpKind
		target pb.DumpTarget
	}{
		{[]string{"dump"}, pb.DumpKind_DUMP_KIND_DATA, pb.DumpTarget_DUMP_TARGET_STREAM},
		{[]string{"dump", "data"}, pb.DumpKind_DUMP_KIND_DATA, pb.DumpTarget_DUMP_TARGET_STREAM},
		{[]string{"dump", "stats"}, pb.DumpKind_DUMP_KIND_STATS, pb.DumpTarget_DUMP_TARGET_STREAM},
		{[]string{"dump", "--files", "json"}, pb.DumpKind_DUMP_KIND_JSON, pb.DumpTarget_DUMP_TARGET_FILES},
	} {
		f := &fake{chunks: chunks}
		status, out, _ := call(t, f, c.args...)
		if status != exitHealthy || out != "------< Global definitions >------\n" || f.dumped.GetKind() != c.kind || f.dumped.GetTarget() != c.target {
			t.Errorf("%q: status %d, %q, request %v", c.args, status, out, f.dumped)
		}
	}
	f := &fake{chunks: []*pb.DumpChunk{{Path: "/tmp/keepalived_parent.data"}, {Path: "/tmp/keepalived.data"}}}
	if _, out, _ := call(t, f, "dump", "--files"); out != "/tmp/keepalived_parent.data\n/tmp/keepalived.data\n" {
		t.Errorf("files: %q", out)
	}
	f = &fake{chunks: []*pb.DumpChunk{{Role: pb.Role_ROLE_VRRP, Data: []byte("[]\n")}, {Role: pb.Role_ROLE_CHECKER, Data: []byte("{}\n")}}}
	for _, c := range []struct{ flag, want string }{{"--files=false", "[]\n"}, {"--checks", "{}\n"}} {
		if _, out, _ := call(t, f, "dump", "json", c.flag); out != c.want {
			t.Errorf("json %s: %q", c.flag, out)
		}
	}
	f.chunks = f.chunks[1:]
	if _, out, _ := call(t, f, "dump", "json"); out != "{}\n" {
		t.Errorf("json without VRRP: %q", out)
	}
	f = &fake{chunks: chunks, dumpErr: errors.New("broken")}
	if status, out, _ := call(t, f, "dump"); status != exitNoAnswer || out != "" {
		t.Errorf("half a dump is none: status %d, %q", status, out)
	}
}

func TestVersion(t *testing.T) {
	status, out, _ := call(t, node(), "version")
	if status != exitHealthy || !strings.HasPrefix(out, "keepalivedctl 0.") || !strings.HasSuffix(out, "\nkeepalived 0.1.0 (compatible with v2.4.3)\n") {
		t.Errorf("status %d, %q", status, out)
	}
	status, out, errs := call(t, &fake{dialErr: adminapi.ErrNotRunning}, "version")
	if status != exitNoAnswer || !strings.HasPrefix(out, "keepalivedctl 0.") || errs != "keepalivedctl: keepalived is not running\n" {
		t.Errorf("without a daemon: status %d, %q, %q", status, out, errs)
	}
}

func TestEventLines(t *testing.T) {
	const (
		backup = pb.InstanceState_INSTANCE_STATE_BACKUP
		master = pb.InstanceState_INSTANCE_STATE_MASTER
	)
	now := "2026-11-21 12:00:00.000 "
	for _, c := range []struct {
		e    *pb.Event
		want string
	}{
		{&pb.Event{Kind: &pb.Event_Instance{Instance: &pb.InstanceChange{Instance: &pb.Instance{Name: "VI_1", State: master}, From: backup, Cause: "no advertisement received"}}},
			now + "VI_1 BACKUP -> MASTER: no advertisement received"},
		{&pb.Event{Time: at(-90 * time.Second), Kind: &pb.Event_Instance{Instance: &pb.InstanceChange{Instance: &pb.Instance{Name: "VI_1", State: backup}, Cause: "start"}}},
			"2026-11-21 11:58:30.000 (1m30s ago) VI_1 BACKUP: start"},
		{&pb.Event{Kind: &pb.Event_Instance{Instance: &pb.InstanceChange{Instance: &pb.Instance{Name: "VI_1"}, From: master, Removed: true, Cause: "reload"}}},
			now + "VI_1 removed: reload"},
		{&pb.Event{Kind: &pb.Event_SyncGroup{SyncGroup: &pb.SyncGroupChange{Group: &pb.SyncGroup{Name: "G1", State: master}, From: backup}}},
			now + "group G1 BACKUP -> MASTER"},
		{&pb.Event{Kind: &pb.Event_Tracker{Tracker: &pb.TrackerChange{From: pb.TrackerStatus_TRACKER_STATUS_UP, Tracker: &pb.Tracker{Name: "chk",
			Kind: pb.TrackerKind_TRACKER_KIND_SCRIPT, Status: pb.TrackerStatus_TRACKER_STATUS_DOWN, LastExit: 1, LastTook: span(5 * time.Millisecond)}}}},
			now + "script chk up -> down: exit status 1 in 5ms"},
		{&pb.Event{Kind: &pb.Event_Tracker{Tracker: &pb.TrackerChange{Tracker: &pb.Tracker{Name: "eth1", Kind: pb.TrackerKind_TRACKER_KIND_INTERFACE,
			Status: pb.TrackerStatus_TRACKER_STATUS_UP}}}}, now + "interface eth1 up"},
		{&pb.Event{Kind: &pb.Event_Process{Process: &pb.ProcessChange{Role: pb.Role_ROLE_VRRP, Pid: 7, State: pb.ProcessState_PROCESS_STATE_WAITING,
			Cause: "signal 9 (Killed)", RespawnIn: span(0)}}}, now + "process vrrp (pid 7) waiting: signal 9 (Killed), starts again in 0ms"},
		{&pb.Event{Kind: &pb.Event_Reload{Reload: &pb.ReloadChange{Outcome: pb.ReloadOutcome_RELOAD_OUTCOME_REFUSED, Generation: 3, Reason: "no VRID"}}},
			now + "reload refused, generation 3: no VRID"},
		{&pb.Event{Kind: &pb.Event_AddressRestored{AddressRestored: &pb.AddressRestored{Instance: "VI_1", Prefix: "192.0.2.1/24", Interface: "eth0"}}},
			now + "VI_1: 192.0.2.1/24 was removed from eth0 by something else and has been put back"},
		{&pb.Event{Source: pb.Role_ROLE_VRRP, Kind: &pb.Event_Stalled{Stalled: &pb.Stalled{Length: span(2500 * time.Millisecond)}}},
			now + "process vrrp did not get to run for 2.5s"},
		{&pb.Event{Kind: &pb.Event_SnapshotInstance{SnapshotInstance: &pb.Instance{Name: "VI_1", State: master, Since: at(-time.Hour), LastCause: "start"}}},
			"VI_1 is MASTER since 2026-11-21 11:00:00.000: start"},
		{&pb.Event{Kind: &pb.Event_SnapshotSyncGroup{SnapshotSyncGroup: &pb.SyncGroup{Name: "G1", State: master}}}, "group G1 is MASTER"},
		{&pb.Event{Kind: &pb.Event_SnapshotEnd{SnapshotEnd: &pb.SnapshotEnd{}}}, "-- changes from here on --"},
		{&pb.Event{Kind: &pb.Event_Missed{Missed: &pb.Missed{Count: 12}}}, "-- 12 events missed --"},
		{&pb.Event{}, now + "an event that this keepalivedctl does not know; is it older than the daemon?"},
	} {
		if c.e.Time == nil {
			c.e.Time = at(0)
		}
		if got := eventLine(c.e, noon); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
	if got := eventLine(&pb.Event{Kind: &pb.Event_Reload{Reload: &pb.ReloadChange{}}}, noon); strings.HasPrefix(got, " ") {
		t.Errorf("without a time: %q", got)
	}
}

func TestEvents(t *testing.T) {
	event := &pb.Event{Sequence: 7, Time: at(0), Kind: &pb.Event_Reload{Reload: &pb.ReloadChange{Outcome: pb.ReloadOutcome_RELOAD_OUTCOME_APPLIED, Generation: 4}}}
	// Interrupted, as it always ends: 0.
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	f := &fake{events: []*pb.Event{event}, hang: true}
	status, out, errs := callIn(t, ctx, f, "events", "--no-snapshot", "--timeout", "1ms")
	if status != exitHealthy || out != "2026-11-21 12:00:00.000 reload applied, generation 4\n" || errs != "" || !f.watched.GetNoSnapshot() {
		t.Errorf("status %d, %q, %q, %v", status, out, errs, f.watched)
	}
	status, out, errs = call(t, &fake{events: []*pb.Event{event}}, "events", "--json")
	if status != exitNoAnswer || !strings.HasPrefix(out, `{"sequence":"7","time":"`) || strings.Count(out, "\n") != 1 || errs != "keepalivedctl: the daemon has ended the stream\n" {
		t.Errorf("status %d, %q, %q", status, out, errs)
	}
	if status, _, _ := call(t, &fake{watchErr: adminapi.ErrUnavailable}, "events"); status != exitNoAnswer {
		t.Errorf("a daemon that goes away: status %d", status)
	}
}

// TestInterrupted: a status that was not given is not "healthy".
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if status, out, errs := callIn(t, ctx, &fake{hang: true}, "status"); status != exitNoAnswer || out != "" || errs != "keepalivedctl: interrupted\n" {
		t.Errorf("status %d, %q, %q", status, out, errs)
	}
}
