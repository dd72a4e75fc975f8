package supervisor

import (
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"keepalived/core/config"
	"keepalived/core/diag"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
	"keepalived/rpc/childapi"
)

// reload posts a reload and returns where the outcome will come.
func (r *rig) reload(req *reload) chan outcome {
	answer := make(chan outcome, 1)
	req.waiters = []chan<- outcome{answer}
	r.s.post(func() { r.s.enqueueReload(req) })
	synctest.Wait()
	return answer
}

// both starts a supervisor with two running children.
func both(t *testing.T) (r *rig, v, c *fakeSession) {
	t.Helper()
	r = newRig(t, nil)
	r.up(childapi.VRRP, childapi.Checker)
	r.log.take()
	return r, r.proc(childapi.VRRP).session, r.proc(childapi.Checker).session
}

func wantSaid(t *testing.T, who string, x *fakeSession, want string) {
	t.Helper()
	if got := x.said(); got != want {
		t.Errorf("%s was sent %q, want %q", who, got, want)
	}
}

func (r *rig) generation() (n uint64) {
	r.t.Helper()
	if err := r.s.ask(r.t.Context(), func() { n = r.s.current.number }); err != nil {
		r.t.Fatal(err)
	}
	return n
}

func refusal(t *testing.T, answer chan outcome) *adminapi.RefusedError {
	t.Helper()
	synctest.Wait()
	select {
	case o := <-answer:
		var refused *adminapi.RefusedError
		if !errors.As(o.err, &refused) {
			t.Fatalf("outcome %v, %v; want a refusal", o.response, o.err)
		}
		return refused
	default:
		t.Fatal("no outcome")
		return nil
	}
}

func TestReloadIsCommittedWhenBothHavePrepared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, v, c := both(t)
		r.set(func() { r.next = configOf("two", childapi.VRRP, childapi.Checker) })
		answer := r.reload(&reload{})
		wantSaid(t, "VRRP", v, "PREPARE 2")
		wantSaid(t, "checker", c, "PREPARE 2")
		v.prepared(2, 7)
		wantSaid(t, "VRRP before the checker has answered", v, "")
		c.prepared(2, 0)
		wantSaid(t, "VRRP", v, "COMMIT 2")
		wantSaid(t, "checker", c, "COMMIT 2")
		if len(answer) != 0 {
			t.Error("answered before the children were ready")
		}
		v.readyAt(2)
		c.readyAt(2)
		o := <-answer
		if o.err != nil || o.response.GetGeneration() != 2 || len(o.response.GetPlans()) != 2 || o.response.GetPlans()[0].GetKept() != 7 {
			t.Errorf("outcome %v, %v", o.response, o.err)
		}
		wantLines(t, r.log.take(), []string{"Reloading ...", "Reload complete"})
		if n := len(r.told()); !strings.HasPrefix(r.told()[n-2], "RELOADING=1\nMONOTONIC_USEC=") || !strings.HasPrefix(r.told()[n-1], "READY=1\n") {
			t.Errorf("told systemd %q", r.told()[n-2:])
		}
		r.stop()
	})
}

func TestReloadRefusals(t *testing.T) {
	fatal := configOf("two", childapi.VRRP, childapi.Checker)
	fatal.Diags.Fatalf(diag.At(diag.NewFileName("k.conf"), 3, 1, 1), diag.MissingArgument, "no argument")
	fine := configOf("two", childapi.VRRP, childapi.Checker)
	tests := []struct {
		name   string
		next   Config
		err    error
		act    func(v, c *fakeSession)
		reason string
		vrrp   string // sent to it in all
		check  string
	}{
		{"a file that cannot be read", Config{}, errors.New("no such file"), nil, "no such file", "", ""},
		{"a fatal finding", fatal, nil, nil, "(k.conf: Line 3) no argument", "", ""},
		{"one child refuses: ABORT to both", fine, nil,
			func(v, c *fakeSession) { v.prepared(2, 0); c.refused(2, "unknown scheduler") },
			"the Healthcheck process refused it: unknown scheduler", "PREPARE 2, ABORT 2", "PREPARE 2, ABORT 2"},
		{"the first to answer refuses: the other is not waited for", fine, nil,
			func(v, c *fakeSession) { v.refused(2, "no interface"); c.prepared(2, 0) },
			"the VRRP process refused it: no interface", "PREPARE 2, ABORT 2", "PREPARE 2, ABORT 2"},
		{"a child that dies of it", fine, nil,
			func(v, c *fakeSession) { c.prepared(2, 0); v.p.crash(ending{status: 2}) },
			"the VRRP process was lost while it looked at the new configuration", "PREPARE 2", "PREPARE 2, ABORT 2"},
		{"a child whose connection breaks", fine, nil,
			func(v, c *fakeSession) { v.prepared(2, 0); c.hangUp() },
			"the Healthcheck process was lost while it looked at the new configuration", "PREPARE 2, ABORT 2", "PREPARE 2"},
		{"a child that never answers", fine, nil,
			func(v, c *fakeSession) {
				v.prepared(2, 0)
				for range 31 {
					v.beat()
					c.beat()
					time.Sleep(time.Second)
				}
			},
			"no answer from the children within 30s", "PREPARE 2, ABORT 2", "PREPARE 2, ABORT 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, v, c := both(t)
				r.set(func() { r.next, r.err = tt.next, tt.err })
				answer := r.reload(&reload{})
				if tt.act != nil {
					tt.act(v, c)
				}
				if got := refusal(t, answer); got.Reason != tt.reason {
					t.Errorf("reason %q, want %q", got.Reason, tt.reason)
				}
				wantSaid(t, "VRRP", v, tt.vrrp)
				wantSaid(t, "checker", c, tt.check)
				if n := r.generation(); n != 1 {
					t.Errorf("generation %d is in force, want 1", n)
				}
				if !r.log.has("Reload refused, the old configuration stays: " + tt.reason) {
					t.Errorf("log %q", r.log.take())
				}
				last := r.told()[len(r.told())-1]
				if !strings.HasPrefix(last, "READY=1\n") || !strings.Contains(last, tt.reason) {
					t.Errorf("told systemd %q", last)
				}
				// The next reload works, whatever is left of the refused one.
				r.set(func() { r.next, r.err = fine, nil })
				var late *fakeSession
				if p := r.proc(childapi.VRRP); p != v.p {
					late = p.connect(0)
					if got, want := late.said(), "FIRST 1, COMMIT 1"; got != want {
						t.Errorf("the respawned child is sent %q, want %q", got, want)
					}
				}
				r.stop()
			})
		})
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, v, c := both(t)
		before := len(r.told())
		r.set(func() { r.next = configOf("two", childapi.VRRP, childapi.Checker) })
		answer := r.reload(&reload{trial: true})
		wantSaid(t, "VRRP", v, "TRIAL 2")
		v.prepared(2, 3)
		c.prepared(2, 4)
		o := <-answer
		if o.err != nil || o.response.GetGeneration() != 1 || len(o.response.GetPlans()) != 2 {
			t.Errorf("outcome %v, %v", o.response, o.err)
		}
		wantSaid(t, "VRRP", v, "ABORT 2")
		wantSaid(t, "checker", c, "TRIAL 2, ABORT 2")
		wantLines(t, r.log.take(), nil)
		if len(r.told()) != before {
			t.Errorf("told systemd %q", r.told()[before:])
		}
		r.stop()
	})
}

// TestDryRunTellsChanges: between what is in force and the file; a reload tells none.
func TestDryRunTellsChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var compared []string
		r := newRig(t, func(o *Options) {
			o.Changes = func(inForce map[childapi.Role]*config.Tree, next *config.Tree) []*pb.ConfigChange {
				compared = append(compared, inForce[childapi.Checker].Roots[0].Keyword.Text+" "+next.Roots[0].Keyword.Text)
				return []*pb.ConfigChange{{Object: "vrrp_instance VI_1"}}
			}
		})
		fine := configOf("two")
		r.set(func() { r.next = fine })
		if o := <-r.reload(&reload{trial: true}); o.err != nil || len(o.response.GetChanges()) != 1 {
			t.Errorf("%v, %v", o.response, o.err)
		}
		if o := <-r.reload(&reload{}); o.err != nil || len(o.response.GetChanges()) != 0 {
			t.Errorf("a reload: %v, %v", o.response, o.err)
		}
		if len(compared) != 1 || compared[0] != "one two" {
			t.Errorf("compared %q", compared)
		}
		r.stop()
	})
}

func TestReloadsAreQueuedAndCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, v, c := both(t)
		first := r.reload(&reload{})
		var more []chan outcome
		for range 50 {
			r.s.post(func() { r.s.signalled(syscall.SIGHUP) })
			more = append(more, r.reload(&reload{}))
		}
		v.prepared(2, 0)
		c.prepared(2, 0)
		v.readyAt(2)
		c.readyAt(2)
		if o := <-first; o.err != nil || o.response.GetGeneration() != 2 {
			t.Errorf("first: %v %v", o.response, o.err)
		}
		if r.read() != 2 {
			t.Errorf("the file was read %d times, want 2", r.read())
		}
		v.prepared(3, 0)
		c.prepared(3, 0)
		v.readyAt(3)
		c.readyAt(3)
		for _, a := range more {
			if o := <-a; o.err != nil || o.response.GetGeneration() != 3 {
				t.Errorf("queued: %v %v", o.response, o.err)
			}
		}
		synctest.Wait()
		if r.read() != 2 {
			t.Errorf("the file was read %d times in the end, want 2", r.read())
		}
		r.stop()
	})
}

func TestRequestIDMakesReloadIdempotent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, v, c := both(t)
		first := r.reload(&reload{id: "a"})
		again := r.reload(&reload{id: "a"})
		v.prepared(2, 0)
		c.prepared(2, 0)
		v.readyAt(2)
		c.readyAt(2)
		late := r.reload(&reload{id: "a"})
		for i, a := range []chan outcome{first, again, late} {
			if o := <-a; o.err != nil || o.response.GetGeneration() != 2 {
				t.Errorf("%d: %v %v", i, o.response, o.err)
			}
		}
		if r.read() != 1 {
			t.Errorf("the file was read %d times, want once", r.read())
		}
		r.stop()
	})
}

func TestReloadThatBringsAndTakesRoles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Initial = configOf("one", childapi.VRRP) })
		r.up(childapi.VRRP)
		v := r.proc(childapi.VRRP).session
		r.set(func() { r.next = configOf("two", childapi.VRRP, childapi.Checker) })
		answer := r.reload(&reload{})
		v.prepared(2, 0)
		v.readyAt(2)
		c := r.proc(childapi.Checker).connect(0)
		wantSaid(t, "the new checker", c, "FIRST 2, COMMIT 2")
		if len(answer) != 0 {
			t.Error("answered before the new child was ready")
		}
		c.readyAt(2)
		if o := <-answer; o.err != nil {
			t.Error(o.err)
		}
		r.set(func() { r.next = configOf("three", childapi.Checker) })
		answer = r.reload(&reload{})
		wantSaid(t, "a child that has to go", v, "PREPARE 2, COMMIT 2")
		c.prepared(3, 0)
		c.readyAt(3)
		if o := <-answer; o.err != nil {
			t.Error(o.err)
		}
		if got := v.p.got(); !slices.Equal(got, []os.Signal{syscall.SIGTERM}) {
			t.Errorf("the VRRP child got %v, want SIGTERM", got)
		}
		v.p.crash(ending{})
		time.Sleep(time.Minute)
		if n := r.starts(childapi.VRRP); n != 1 {
			t.Errorf("%d VRRP processes, want 1: it has nothing to do", n)
		}
		r.stop()
	})
}

func TestReloadWaitsForAStartingChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.up(childapi.VRRP)
		r.s.post(func() { r.s.signalled(syscall.SIGHUP) })
		synctest.Wait()
		if r.read() != 0 {
			t.Error("read while a child starts")
		}
		r.up(childapi.Checker)
		if r.read() != 1 {
			t.Errorf("read %d times once it runs, want 1", r.read())
		}
		r.stop()
	})
}

func TestAChildThatMissedTheCommitIsBroughtUpToDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, v, c := both(t)
		answer := r.reload(&reload{})
		v.prepared(2, 0)
		c.prepared(2, 0)
		v.hangUp() // before it read the COMMIT
		c.readyAt(2)
		again := v.p.connect(1)
		wantSaid(t, "VRRP", again, "PREPARE 2, COMMIT 2")
		again.readyAt(2)
		if o := <-answer; o.err != nil {
			t.Error(o.err)
		}
		upToDate := v.p.connect(2)
		wantSaid(t, "one that has it", upToDate, "")
		r.stop()
	})
}

func TestStopAnswersWaitingReloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, _ := both(t)
		a, b := r.reload(&reload{}), r.reload(&reload{})
		r.stop()
		for _, answer := range []chan outcome{a, b} {
			if o := <-answer; !errors.Is(o.err, adminapi.ErrUnavailable) {
				t.Errorf("outcome %v, want unavailable", o.err)
			}
		}
	})
}

func TestReloadEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, _ := both(t)
		r.set(func() { r.err = errors.New("gone") })
		refusal(t, r.reload(&reload{}))
		var got []pb.ReloadOutcome
		for _, e := range r.s.events.ring {
			if k := e.GetReload(); k != nil {
				got = append(got, k.GetOutcome())
			}
		}
		want := []pb.ReloadOutcome{pb.ReloadOutcome_RELOAD_OUTCOME_STARTED, pb.ReloadOutcome_RELOAD_OUTCOME_REFUSED}
		if !slices.Equal(got, want) {
			t.Errorf("events %v, want %v", got, want)
		}
		r.stop()
	})
}

func TestAChildThatStartsDuringAReloadGetsBothGenerations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, v, _ := both(t)
		r.proc(childapi.Checker).crash(ending{signal: 9})
		r.proc(childapi.Checker).crash(ending{signal: 9}) // now its start is delayed by a second
		r.set(func() { r.next = configOf("two", childapi.VRRP, childapi.Checker) })
		answer := r.reload(&reload{})
		wantSaid(t, "VRRP", v, "PREPARE 2")
		time.Sleep(time.Second)
		c := r.proc(childapi.Checker).connect(0)
		wantSaid(t, "the checker while VRRP thinks", c, "FIRST 1, COMMIT 1")
		v.prepared(2, 0)
		wantSaid(t, "the checker then", c, "PREPARE 2, COMMIT 2")
		v.readyAt(2)
		c.readyAt(1)
		if len(answer) != 0 {
			t.Error("answered while the checker runs the old generation")
		}
		c.readyAt(2)
		if o := <-answer; o.err != nil {
			t.Error(o.err)
		}
		r.stop()
	})
}
