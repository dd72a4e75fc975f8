package supervisor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
	"keepalived/rpc/childapi"
)

func instanceEvent(name string, state pb.InstanceState) *pb.Event {
	return &pb.Event{Kind: &pb.Event_Instance{Instance: &pb.InstanceChange{
		Instance: &pb.Instance{Name: name, State: state}}}}
}

func TestEventLogResume(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		events  int
		resume  bool
		after   uint64
		backlog int
		missed  uint64
		whole   bool
	}{
		{"from now on", 10, false, 0, 0, 0, true},
		{"nothing happened since", 10, true, 10, 0, 0, true},
		{"three since", 10, true, 7, 3, 0, true},
		{"from the beginning", 10, true, 0, 10, 0, true},
		{"the ring just holds them", ringSize + 5, true, 5, ringSize, 0, true},
		{"the ring lacks one", ringSize + 5, true, 4, 0, 1, false},
		{"the ring lacks many", ringSize + 500, true, 0, 0, 500, false},
		{"of another life of the daemon", 10, true, 11, 0, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var l eventLog
			l.init()
			for range tt.events {
				l.add(&pb.Event{})
			}
			_, backlog, missed, whole := l.watch(tt.resume, tt.after)
			if len(backlog) != tt.backlog || missed != tt.missed || whole != tt.whole {
				t.Errorf("got %d events, %d missed, whole %v; want %d, %d, %v", len(backlog), missed, whole, tt.backlog, tt.missed, tt.whole)
			}
			if len(backlog) > 0 && backlog[0].GetSequence() != tt.after+1 {
				t.Errorf("first is %d, want %d", backlog[0].GetSequence(), tt.after+1)
			}
		})
	}
}

func TestSlowWatcherIsToldWhatItMissed(t *testing.T) {
	t.Parallel()
	var l eventLog
	l.init()
	w, _, _, _ := l.watch(false, 0)
	for range watcherQueue + 7 {
		l.add(&pb.Event{})
	}
	l.flush() // still no room
	for range watcherQueue {
		if e := <-w.events; e.GetMissed() != nil {
			t.Fatal("told too early")
		}
	}
	l.flush()
	e := <-w.events
	if e.GetMissed().GetCount() != 7 || e.GetSequence() != watcherQueue+7 {
		t.Errorf("got %v, want 7 missed up to %d", e, watcherQueue+7)
	}
	l.add(&pb.Event{})
	if e := <-w.events; e.GetSequence() != watcherQueue+8 {
		t.Errorf("then got %v", e)
	}
	// The next event tells it as well, before itself.
	for range watcherQueue + 1 {
		l.add(&pb.Event{})
	}
	for range watcherQueue {
		<-w.events
	}
	l.add(&pb.Event{})
	if e := <-w.events; e.GetMissed().GetCount() != 1 {
		t.Errorf("got %v, want 1 missed", e)
	}
	if e := <-w.events; e.GetSequence() != 2*watcherQueue+10 {
		t.Errorf("then got %v", e)
	}
}

// tell is a short word for an event.
func tell(e *pb.Event) string {
	switch k := e.GetKind().(type) {
	case *pb.Event_SnapshotInstance:
		word := "has " + k.SnapshotInstance.GetName()
		if k.SnapshotInstance.GetStale() {
			word += " stale"
		}
		return word
	case *pb.Event_SnapshotEnd:
		return "end"
	case *pb.Event_Missed:
		return "missed"
	case *pb.Event_Instance:
		return k.Instance.GetInstance().GetName() + " " + strings.TrimPrefix(k.Instance.GetInstance().GetState().String(), "INSTANCE_STATE_")
	default:
		return "other"
	}
}

func TestWatchSendsASnapshotThenChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Initial = configOf("one", childapi.VRRP) })
		r.up(childapi.VRRP)
		v := r.proc(childapi.VRRP).session
		v.answers(func(_ context.Context, c *pb.ServeResponse, each func(*pb.ServeRequest) error) error {
			if c.GetListInstances() == nil {
				return nil
			}
			return each(&pb.ServeRequest{Answer: &pb.ServeRequest_Instance{Instance: &pb.Instance{Name: "VI_1"}}})
		})
		var got []string
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- answers{r.s}.Watch(ctx, &pb.WatchEventsRequest{}, func(e *pb.Event) error {
				got = append(got, tell(e))
				return nil
			})
		}()
		synctest.Wait()
		v.event(instanceEvent("VI_1", pb.InstanceState_INSTANCE_STATE_MASTER))
		v.event(instanceEvent("VI_1", pb.InstanceState_INSTANCE_STATE_FAULT))
		if want := []string{"has VI_1", "end", "VI_1 MASTER", "VI_1 FAULT"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		synctest.Wait()
		if err := r.s.ask(t.Context(), func() {
			if n := len(r.s.events.watchers); n != 0 {
				t.Errorf("%d watchers are left", n)
			}
		}); err != nil {
			t.Error(err)
		}
		go func() {
			ended <- answers{r.s}.Watch(context.Background(), &pb.WatchEventsRequest{NoSnapshot: true}, func(*pb.Event) error { return nil })
		}()
		synctest.Wait()
		r.stop()
		if err := <-ended; !errors.Is(err, adminapi.ErrUnavailable) {
			t.Errorf("at the daemon's end: %v", err)
		}
	})
}

func instancesOf(r *rig) (got []string, took time.Duration) {
	r.t.Helper()
	began := time.Now()
	err := answers{r.s}.Instances(r.t.Context(), nil, func(v *pb.Instance) error {
		word := v.GetName()
		if v.GetStale() {
			word += " stale"
		}
		got = append(got, word)
		return nil
	})
	if err != nil {
		r.t.Error(err)
	}
	return got, time.Since(began)
}

func TestSilentChildGivesAPartialStaleAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Initial = configOf("one", childapi.VRRP) })
		r.up(childapi.VRRP)
		v := r.proc(childapi.VRRP).session
		for _, name := range []string{"VI_1", "VI_2", "VI_3"} {
			v.event(instanceEvent(name, pb.InstanceState_INSTANCE_STATE_MASTER))
		}
		v.event(&pb.Event{Kind: &pb.Event_Instance{Instance: &pb.InstanceChange{Instance: &pb.Instance{Name: "VI_3"}, Removed: true}}})
		v.answers(func(ctx context.Context, _ *pb.ServeResponse, each func(*pb.ServeRequest) error) error {
			if err := each(&pb.ServeRequest{Answer: &pb.ServeRequest_Instance{Instance: &pb.Instance{Name: "VI_2"}}}); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		})
		got, took := instancesOf(r)
		if want := []string{"VI_2", "VI_1 stale"}; !slices.Equal(got, want) || took != childPatience {
			t.Errorf("got %q after %v, want %q after %v", got, took, want, childPatience)
		}
		// One that is dead, and its successor that has no configuration yet.
		v.p.crash(ending{signal: 9})
		want := []string{"VI_1 stale", "VI_2 stale"}
		if got, took := instancesOf(r); !slices.Equal(got, want) || took != 0 {
			t.Errorf("of a dead child: %q after %v, want %q", got, took, want)
		}
		r.proc(childapi.VRRP).connect(0)
		if got, _ := instancesOf(r); !slices.Equal(got, want) {
			t.Errorf("of a child just born: %q, want %q", got, want)
		}
		st, err := answers{r.s}.Status(t.Context())
		if err != nil || len(st.GetInstances()) != 1 || st.GetInstances()[0].GetCount() != 2 {
			t.Errorf("status counts %v (%v), want 2 MASTER", st.GetInstances(), err)
		}
		r.stop()
	})
}

func TestRespawnedChildCorrectsTheRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Initial = configOf("one", childapi.VRRP) })
		r.up(childapi.VRRP)
		v := r.proc(childapi.VRRP).session
		v.event(instanceEvent("VI_1", pb.InstanceState_INSTANCE_STATE_MASTER))
		v.event(instanceEvent("VI_2", pb.InstanceState_INSTANCE_STATE_MASTER))
		v.p.crash(ending{signal: 9})
		x := r.proc(childapi.VRRP).connect(0)
		x.answers(func(_ context.Context, _ *pb.ServeResponse, each func(*pb.ServeRequest) error) error {
			return each(&pb.ServeRequest{Answer: &pb.ServeRequest_Instance{Instance: &pb.Instance{
				Name: "VI_1", State: pb.InstanceState_INSTANCE_STATE_BACKUP}}})
		})
		x.readyAt(1)
		var states []string
		if err := r.s.ask(t.Context(), func() {
			for _, v := range r.s.records.staleInstances(nil, nil) {
				states = append(states, v.GetName()+" "+v.GetState().String())
			}
		}); err != nil {
			t.Fatal(err)
		}
		if want := []string{"VI_1 INSTANCE_STATE_BACKUP"}; !slices.Equal(states, want) {
			t.Errorf("records %q, want %q", states, want)
		}
		r.stop()
	})
}

func TestStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.up(childapi.VRRP)
		r.proc(childapi.VRRP).session.beat()
		r.proc(childapi.Checker).crash(ending{signal: 9})
		r.proc(childapi.Checker).crash(ending{signal: 9})
		r.proc(childapi.VRRP).session.report(&pb.ReportRequest{Report: &pb.ReportRequest_LogNotice{
			LogNotice: &pb.LogNotice{Severity: pb.Severity_SEVERITY_WARNING, Text: "two masters"}}})
		st, err := answers{r.s}.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n := len(st.GetProcesses()); n != 3 {
			t.Fatalf("%d processes, want 3", n)
		}
		p, v, c := st.GetProcesses()[0], st.GetProcesses()[1], st.GetProcesses()[2]
		if p.GetState() != starting {
			t.Errorf("parent %v, want starting: a child is missing", p.GetState())
		}
		if v.GetState() != running || !v.GetConnected() || v.GetHeartbeatAge() == nil || v.GetGeneration() != 1 {
			t.Errorf("VRRP %v", v)
		}
		if c.GetState() != waiting || c.GetRestarts() != 1 || c.GetRespawnIn().AsDuration() != time.Second || c.GetLastExit() != "signal 9 (Killed)" {
			t.Errorf("checker %v", c)
		}
		if n := st.GetNotices(); len(n) != 1 || n[0].GetText() != "two masters" || n[0].GetSource() != childapi.VRRP {
			t.Errorf("notices %v", n)
		}
		r.stop()
	})
}
