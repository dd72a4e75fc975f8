package supervisor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"keepalived/core/config"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

func TestFreshness(t *testing.T) {
	t.Parallel()
	const (
		data  = pb.DumpKind_DUMP_KIND_DATA
		stats = pb.DumpKind_DUMP_KIND_STATS
		clear = pb.DumpKind_DUMP_KIND_STATS_CLEAR
		json  = pb.DumpKind_DUMP_KIND_JSON
	)
	type ask struct {
		at   time.Duration
		kind pb.DumpKind
		want []pb.DumpKind
	}
	tests := []struct {
		name  string
		asks  []ask
		fresh []pb.DumpKind // a second later
	}{
		{"data alone", []ask{{0, data, []pb.DumpKind{data}}}, []pb.DumpKind{data}},
		{"both texts are written together once both are read",
			[]ask{{0, data, []pb.DumpKind{data}}, {1, stats, []pb.DumpKind{data, stats}}, {2, data, []pb.DumpKind{data, stats}}},
			[]pb.DumpKind{data, stats}},
		{"json is by itself",
			[]ask{{0, data, []pb.DumpKind{data}}, {1, json, []pb.DumpKind{json}}, {2, data, []pb.DumpKind{data}}},
			[]pb.DumpKind{data, json}},
		{"clearing keeps the counters' file fresh, without clearing again",
			[]ask{{0, clear, []pb.DumpKind{clear}}}, []pb.DumpKind{stats}},
		{"a clearing dump stands for the plain one",
			[]ask{{0, stats, []pb.DumpKind{stats}}, {1, clear, []pb.DumpKind{clear}}}, []pb.DumpKind{stats}},
		{"nobody for ten minutes",
			[]ask{{0, data, []pb.DumpKind{data}}, {freshFor + 1, stats, []pb.DumpKind{stats}}}, []pb.DumpKind{stats}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var f freshness
			var now time.Duration
			for i, a := range tt.asks {
				now = a.at
				if got := f.ask(a.kind, a.at).list(); !slices.Equal(got, a.want) {
					t.Errorf("ask %d writes %v, want %v", i, got, a.want)
				}
			}
			if got := f.fresh(now + time.Second).list(); !slices.Equal(got, tt.fresh) {
				t.Errorf("fresh %v, want %v", got, tt.fresh)
			}
		})
	}
}

// dumpsOf tells the dump commands a session got: "signal DATA STATS".
func dumpsOf(x *fakeSession) []string {
	x.p.rig.mu.Lock()
	defer x.p.rig.mu.Unlock()
	var out []string
	for _, c := range x.calls {
		d := c.GetDump()
		if d == nil {
			continue
		}
		text := strings.ToLower(strings.TrimPrefix(d.GetCause().String(), "DUMP_CAUSE_"))
		for _, k := range d.GetKinds() {
			text += " " + strings.TrimPrefix(k.String(), "DUMP_KIND_")
		}
		if !d.GetToFiles() {
			text += " (sent)"
		}
		out = append(out, text)
	}
	x.calls = nil
	return out
}

func wantDumps(t *testing.T, who string, x *fakeSession, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := dumpsOf(x); !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", who, got, want)
	}
}

func TestDumpSignalsReachThoseConcerned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent := 0
		r := newRig(t, func(o *Options) {
			o.ParentDump = func(*config.Tree) error { parent++; return nil }
		})
		r.up(childapi.VRRP, childapi.Checker)
		v, c := r.proc(childapi.VRRP).session, r.proc(childapi.Checker).session
		for _, sig := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, sigJSON, sigClear} {
			r.s.post(func() { r.s.signalled(sig) })
			synctest.Wait()
		}
		wantDumps(t, "VRRP", v, "signal DATA", "signal DATA STATS", "signal JSON", "signal DATA STATS_CLEAR")
		wantDumps(t, "checker", c, "signal DATA", "signal DATA", "signal JSON", "signal DATA")
		if parent != 3 {
			t.Errorf("the parent wrote %d dumps, want 3", parent)
		}
		r.stop()
	})
}

func TestDumpBurstsAreCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Initial = configOf("one", childapi.VRRP) })
		r.up(childapi.VRRP)
		v := r.proc(childapi.VRRP).session
		release := make(chan struct{})
		v.answers(func(context.Context, *pb.ServeResponse, func(*pb.ServeRequest) error) error {
			<-release
			return nil
		})
		for range 1000 {
			r.s.post(func() { r.s.signalled(syscall.SIGUSR1) })
			r.s.post(func() { r.s.signalled(sigJSON) })
		}
		wantDumps(t, "VRRP while the first is written", v, "signal DATA")
		release <- struct{}{}
		wantDumps(t, "VRRP", v, "signal DATA JSON")
		release <- struct{}{}
		wantDumps(t, "VRRP in the end", v)
		r.stop()
	})
}

func TestDumpAskedBeforeTheChildIsReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Initial = configOf("one", childapi.VRRP) })
		r.s.post(func() { r.s.signalled(syscall.SIGUSR1) })
		x := r.proc(childapi.VRRP).connect(0)
		wantDumps(t, "a child that starts", x)
		x.readyAt(1)
		wantDumps(t, "the same when it runs", x, "signal DATA")
		r.stop()
	})
}

func TestDumpsAreKeptFreshWhileSomebodyReadsThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Initial = configOf("one", childapi.VRRP) })
		r.up(childapi.VRRP)
		v := r.proc(childapi.VRRP).session
		change := func() { v.event(instanceEvent("VI_1", pb.InstanceState_INSTANCE_STATE_MASTER)) }
		change()
		wantDumps(t, "nobody reads", v)
		r.s.post(func() { r.s.signalled(syscall.SIGUSR1) })
		wantDumps(t, "asked", v, "signal DATA")
		change()
		wantDumps(t, "the first change at once", v, "fresh DATA")
		for range 100 {
			change()
		}
		wantDumps(t, "a flood at first", v)
		time.Sleep(freshEvery + time.Millisecond)
		wantDumps(t, "a flood is one dump", v, "fresh DATA")
		keepBeating(v, freshFor)
		change()
		wantDumps(t, "after ten minutes", v)
		r.stop()
	})
}

func keepBeating(x *fakeSession, d time.Duration) {
	for range int(d / time.Second) {
		x.beat()
		time.Sleep(time.Second)
	}
}

func TestDumpOverTheSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.up(childapi.VRRP, childapi.Checker)
		for _, role := range []childapi.Role{childapi.VRRP, childapi.Checker} {
			r.proc(role).session.answers(func(_ context.Context, _ *pb.ServeResponse, each func(*pb.ServeRequest) error) error {
				for i := range 2 {
					part := &pb.DumpPart{Data: fmt.Appendf(nil, "%v %d\n", role, i)}
					if err := each(&pb.ServeRequest{Answer: &pb.ServeRequest_Dump{Dump: part}}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		var text string
		err := answers{r.s}.Dump(t.Context(), &pb.DumpRequest{Kind: pb.DumpKind_DUMP_KIND_DATA}, func(c *pb.DumpChunk) error {
			text += string(c.GetData())
			return nil
		})
		if want := "ROLE_VRRP 0\nROLE_VRRP 1\nROLE_CHECKER 0\nROLE_CHECKER 1\n"; err != nil || text != want {
			t.Errorf("dump %q (%v), want %q", text, err, want)
		}
		wantDumps(t, "VRRP", r.proc(childapi.VRRP).session, "request DATA (sent)")
		if err := (answers{r.s}).Dump(t.Context(), &pb.DumpRequest{Kind: 77}, nil); err == nil {
			t.Error("a dump of kind 77 was made")
		}
		r.stop()
	})
}
