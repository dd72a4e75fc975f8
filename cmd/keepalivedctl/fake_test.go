package main

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
)

// fake is a daemon with prepared answers.
type fake struct {
	status    *pb.GetStatusResponse
	instances []*pb.Instance
	groups    []*pb.SyncGroup
	trackers  []*pb.Tracker
	services  []*pb.VirtualServer
	set       *pb.SetRealServerResponse
	events    []*pb.Event
	check     *pb.CheckConfigResponse
	reload    *pb.ReloadResponse
	chunks    []*pb.DumpChunk

	dialErr, statusErr, listErr, servicesErr, setErr, watchErr, reloadErr, dumpErr error
	hang                                                                           bool // Status waits for the caller's patience

	asked    *pb.SetRealServerRequest
	dumped   *pb.DumpRequest
	reloaded *pb.ReloadRequest
	watched  *pb.WatchEventsRequest
	closed   int
}

func (f *fake) Status(ctx context.Context) (*pb.GetStatusResponse, error) {
	if f.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return f.status, f.statusErr
}

func each[M any](list []*M, err error, send func(*M) error) error {
	for _, m := range list {
		if err := send(m); err != nil {
			return err
		}
	}
	return err
}

func (f *fake) Instances(_ context.Context, names []string, send func(*pb.Instance) error) error {
	if len(names) == 0 {
		return each(f.instances, f.listErr, send)
	}
	for _, n := range names {
		for _, v := range f.instances {
			if v.GetName() == n {
				if err := send(v); err != nil {
					return err
				}
			}
		}
	}
	return f.listErr
}

func (f *fake) SyncGroups(_ context.Context, send func(*pb.SyncGroup) error) error {
	return each(f.groups, f.listErr, send)
}

func (f *fake) Trackers(_ context.Context, send func(*pb.Tracker) error) error {
	return each(f.trackers, f.listErr, send)
}

func (f *fake) Services(_ context.Context, names []string, send func(*pb.VirtualServer) error) error {
	var list []*pb.VirtualServer
	for _, v := range f.services {
		if len(names) == 0 || slices.Contains(names, v.GetName()) {
			list = append(list, v)
		}
	}
	return each(list, f.servicesErr, send)
}

func (f *fake) SetRealServer(_ context.Context, r *pb.SetRealServerRequest) (*pb.SetRealServerResponse, error) {
	f.asked = r
	return f.set, f.setErr
}

func (f *fake) Watch(ctx context.Context, r *pb.WatchEventsRequest, send func(*pb.Event) error) error {
	f.watched = r
	if err := each(f.events, f.watchErr, send); err != nil || f.watchErr != nil {
		return err
	}
	if f.hang {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (f *fake) CheckConfig(context.Context) (*pb.CheckConfigResponse, error) { return f.check, nil }

func (f *fake) Reload(_ context.Context, r *pb.ReloadRequest) (*pb.ReloadResponse, error) {
	f.reloaded = r
	return f.reload, f.reloadErr
}

func (f *fake) Dump(_ context.Context, r *pb.DumpRequest, send func(*pb.DumpChunk) error) error {
	f.dumped = r
	return each(f.chunks, f.dumpErr, send)
}

func (f *fake) Close() error { f.closed++; return nil }

var _ admin = (*adminapi.Client)(nil)

// began is when the daemon of these tests started, noon the present.
var (
	began = time.Date(2026, 11, 21, 9, 57, 0, 0, time.Local)
	noon  = time.Date(2026, 11, 21, 12, 0, 0, 0, time.Local)
)

func at(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(noon.Add(d)) }

func span(d time.Duration) *durationpb.Duration { return durationpb.New(d) }

// call runs the program against f and returns its exit status and both outputs.
func call(t *testing.T, f *fake, args ...string) (status int, out, err string) {
	t.Helper()
	return callIn(t, t.Context(), f, args...)
}

func callIn(t *testing.T, ctx context.Context, f *fake, args ...string) (status int, out, err string) {
	t.Helper()
	var o, e bytes.Buffer
	s := &session{out: &o, err: &e, now: func() time.Time { return noon }, dial: func(context.Context, string) (admin, error) {
		if f.dialErr != nil {
			return nil, f.dialErr
		}
		return f, nil
	}}
	status = s.main(ctx, args)
	return status, o.String(), e.String()
}

// node is a healthy daemon with a MASTER, a BACKUP, a group and two trackers.
func node() *fake {
	return &fake{
		status: &pb.GetStatusResponse{
			Version: "0.1.0", Compat: "v2.4.3", Started: timestamppb.New(began), Uptime: span(noon.Sub(began)), Generation: 3,
			ConfigFile: "/etc/keepalived/keepalived.conf",
			Processes: []*pb.Process{
				{Role: pb.Role_ROLE_PARENT, Pid: 100, State: pb.ProcessState_PROCESS_STATE_RUNNING, Started: timestamppb.New(began)},
				{Role: pb.Role_ROLE_VRRP, Pid: 103, State: pb.ProcessState_PROCESS_STATE_RUNNING, Started: at(-time.Hour), Restarts: 1,
					LastExit: "signal 9 (Killed)", LastExitAt: at(-time.Hour), Stalls: &pb.StallInfo{Count: 2, Longest: span(1500 * time.Millisecond)}},
			},
			LastReload: &pb.LastReload{Time: at(-30 * time.Minute), Outcome: pb.ReloadOutcome_RELOAD_OUTCOME_APPLIED},
		},
		instances: []*pb.Instance{
			{Name: "VI_1", Vrid: 51, Interface: "eth0", State: pb.InstanceState_INSTANCE_STATE_MASTER, BasePriority: 100, EffectivePriority: 110,
				InState: span(time.Hour), Since: at(-time.Hour), LastCause: "resumed after a restart of the VRRP process", Addresses: []*pb.VirtualAddress{
					{Prefix: "192.0.2.100/24", Interface: "eth0", Installed: true}, {Prefix: "192.0.2.101/32", Interface: "eth0", Installed: true}}},
			{Name: "VI_6", Vrid: 56, Interface: "eth1", State: pb.InstanceState_INSTANCE_STATE_BACKUP, BasePriority: 90, EffectivePriority: 90,
				MasterAddress: "fe80::1", MasterPriority: 150, InState: span(26 * time.Hour), Since: at(-26 * time.Hour),
				LastCause: "advertisement from fe80::1 with higher priority 150",
				Addresses: []*pb.VirtualAddress{{Prefix: "2001:db8::1/128", Interface: "eth1"}, {Prefix: "2001:db8::32/64"}, {Prefix: "2001:db8::3/64"},
					{Prefix: "2001:db8::4/64"}, {Prefix: "2001:db8::5/64"}, {Prefix: "2001:db8::6/64"}}},
		},
		groups: []*pb.SyncGroup{{Name: "G1", State: pb.InstanceState_INSTANCE_STATE_MASTER, Members: []string{"VI_1"}}},
		trackers: []*pb.Tracker{
			{Name: "chk", Kind: pb.TrackerKind_TRACKER_KIND_SCRIPT, Status: pb.TrackerStatus_TRACKER_STATUS_UP, Weight: 10, Instances: []string{"VI_1"},
				LastStart: at(-time.Second), LastTook: span(12 * time.Millisecond)},
			{Name: "eth1", Kind: pb.TrackerKind_TRACKER_KIND_INTERFACE, Status: pb.TrackerStatus_TRACKER_STATUS_UP, Instances: []string{"VI_1", "VI_6"}},
		},
	}
}
