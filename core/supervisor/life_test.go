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

	"github.com/google/go-cmp/cmp"

	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

func wantLines(t *testing.T, got, want []string) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("log (-want +got):\n%s", d)
	}
}

func TestStartIsCompleteWhenEveryChildIsReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		x := r.proc(childapi.VRRP).connect(0)
		if got, want := x.said(), "FIRST 1, COMMIT 1"; got != want {
			t.Errorf("a new child is sent %q, want %q", got, want)
		}
		x.readyAt(1)
		if slices.ContainsFunc(r.told(), func(s string) bool { return strings.Contains(s, "READY=1") }) {
			t.Error("READY=1 before the second child was ready")
		}
		if got, want := r.told()[len(r.told())-1], "STATUS=Waiting for the Healthcheck process"; got != want {
			t.Errorf("status %q, want %q", got, want)
		}
		r.up(childapi.Checker)
		if got := r.told()[len(r.told())-1]; !strings.HasPrefix(got, "READY=1\n") {
			t.Errorf("last state told: %q, want READY=1", got)
		}
		wantLines(t, r.log.take(), []string{
			"Starting VRRP child process, pid=1000",
			"Starting Healthcheck child process, pid=1001",
			"Startup complete",
		})
		r.stop()
	})
}

func TestRolesWithoutConfigurationAreNotStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Initial = configOf("one", childapi.VRRP) })
		r.up(childapi.VRRP)
		if n := r.starts(childapi.Checker); n != 0 {
			t.Errorf("%d checkers, want none", n)
		}
		if !r.log.has("Startup complete") {
			t.Error("the start is not complete")
		}
		r.stop()
	})
}

func TestCrashedChildIsRespawnedWithKeepalivedsDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Initial = configOf("one", childapi.VRRP) })
		r.up(childapi.VRRP)
		r.log.take()
		r.proc(childapi.VRRP).crash(ending{signal: 9})
		wantLines(t, r.log.take(), []string{
			"pid 1000 exited due to signal 9 (Killed) - has rlimit_rttime been exceeded?",
			"ALERT VRRP child process(1000) died: Respawning",
			"Restart of VRRP process delayed 0 seconds to limit respawn rate",
			"Starting VRRP child process, pid=1001",
		})
		r.set(func() {
			if !slices.Equal(r.forgotten, []string{"token 1"}) {
				t.Errorf("tokens that are over: %q, want that of the dead process", r.forgotten)
			}
		})
		// A panic ends with 2 and is no permanent error.
		r.proc(childapi.VRRP).crash(ending{status: 2})
		time.Sleep(999 * time.Millisecond)
		if n := r.starts(childapi.VRRP); n != 2 {
			t.Fatalf("%d starts within a second, want 2", n)
		}
		time.Sleep(time.Millisecond)
		if n := r.starts(childapi.VRRP); n != 3 {
			t.Fatalf("%d starts after a second, want 3", n)
		}
		wantLines(t, r.log.take(), []string{
			"pid 1001 exited with status 2",
			"ALERT VRRP child process(1001) died: Respawning",
			"Restart of VRRP process delayed 1 seconds to limit respawn rate",
			"Starting VRRP child process, pid=1002",
		})
		if b := r.proc(childapi.VRRP).boot; b.Restarts != 2 || b.Generation != 1 {
			t.Errorf("boot %+v, want 2 restarts of generation 1", b)
		}
		time.Sleep(25 * time.Second) // it lives a minute in all, with beats
		x := r.proc(childapi.VRRP).connect(0)
		for range 40 {
			x.beat()
			time.Sleep(time.Second)
		}
		r.log.take()
		r.proc(childapi.VRRP).crash(ending{signal: 6})
		if !r.log.has("Restart of VRRP process delayed 0 seconds to limit respawn rate") {
			t.Errorf("after a minute of life: %q", r.log.take())
		}
		r.stop()
	})
}

func TestPermanentEndStopsTheParentWithItsCode(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(*fakeProcess)
		code int
		line string
	}{
		{"exit status 102", func(p *fakeProcess) { p.crash(ending{status: 102}) }, 2,
			"pid 1000 exited with permanent error CONFIG. Terminating"},
		{"Report{Fatal}, then any status", func(p *fakeProcess) {
			p.connect(0).report(&pb.ReportRequest{Report: &pb.ReportRequest_Fatal{Fatal: &pb.Fatal{Code: 204}}})
			p.crash(ending{status: 48})
		}, 204, "pid 1000 exited with permanent error NO_MEMORY. Terminating"},
		{"refusing the first configuration", func(p *fakeProcess) {
			p.reacts(func(os.Signal) { p.die(ending{}) })
			p.connect(0).refused(1, "no such interface")
		}, 2, "pid 1000 exited with permanent error CONFIG. Terminating"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, nil)
				other := r.proc(childapi.Checker)
				other.reacts(func(os.Signal) { other.die(ending{}) })
				tt.end(r.proc(childapi.VRRP))
				<-r.s.done
				if r.s.status != tt.code {
					t.Errorf("status %d, want %d", r.s.status, tt.code)
				}
				if !r.log.has(tt.line) {
					t.Errorf("log %q lacks %q", r.log.take(), tt.line)
				}
				if got, want := other.got(), []os.Signal{syscall.SIGTERM}; !slices.Equal(got, want) {
					t.Errorf("the other child got %v, want %v", got, want)
				}
			})
		})
	}
}

func TestDontRespawnEndsTheParent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) {
			o.NoRespawn = true
			o.Initial = configOf("one", childapi.VRRP)
		})
		r.up(childapi.VRRP)
		time.Sleep(time.Minute) // no watchdog under -R
		if got := r.proc(childapi.VRRP).got(); len(got) != 0 {
			t.Errorf("signals %v under -R, want none", got)
		}
		r.log.take()
		r.proc(childapi.VRRP).crash(ending{signal: 9})
		<-r.s.done
		wantLines(t, r.log.take(), []string{
			"pid 1000 exited due to signal 9 (Killed) - has rlimit_rttime been exceeded?",
			"ALERT VRRP child process(1000) died: Exiting",
			"Stopping",
		})
		if r.s.status != 0 {
			t.Errorf("status %d, want 0 as 2.2.7", r.s.status)
		}
	})
}

func TestStopOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, nil)
		r.up(childapi.VRRP, childapi.Checker)
		v, c := r.proc(childapi.VRRP), r.proc(childapi.Checker)
		r.s.post(func() { r.s.signalled(syscall.SIGTERM) })
		synctest.Wait()
		for _, p := range []*fakeProcess{v, c} {
			if !slices.Equal(p.got(), []os.Signal{syscall.SIGTERM}) {
				t.Errorf("%v got %v at once, want SIGTERM", p.role, p.got())
			}
		}
		v.crash(ending{})
		time.Sleep(4999 * time.Millisecond)
		if len(c.got()) != 1 {
			t.Errorf("before child_wait_time the checker got %v", c.got())
		}
		c.reacts(func(sig os.Signal) {
			if sig == syscall.SIGKILL {
				c.die(ending{signal: 9})
			}
		})
		time.Sleep(2 * time.Millisecond)
		<-r.s.done
		if !slices.Equal(c.got(), []os.Signal{syscall.SIGTERM, syscall.SIGKILL}) {
			t.Errorf("the checker got %v, want SIGTERM, SIGKILL", c.got())
		}
		if r.s.status != 0 {
			t.Errorf("status %d, want 0", r.s.status)
		}
	})
}

func TestStopWhileARespawnIsDelayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Initial = configOf("one", childapi.VRRP) })
		r.proc(childapi.VRRP).crash(ending{signal: 9})
		r.proc(childapi.VRRP).crash(ending{signal: 9})
		r.s.post(func() { r.s.signalled(syscall.SIGTERM) })
		<-r.s.done
		time.Sleep(time.Minute)
		if n := r.starts(childapi.VRRP); n != 2 {
			t.Errorf("%d starts, want 2", n)
		}
	})
}

func TestWatchdogEndsASilentChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Initial = configOf("one", childapi.VRRP) })
		r.up(childapi.VRRP)
		p := r.proc(childapi.VRRP)
		p.reacts(func(sig os.Signal) {
			if sig == syscall.SIGKILL {
				p.die(ending{signal: 9})
			}
		})
		p.session.beat()
		began := time.Now()
		for r.starts(childapi.VRRP) == 1 && time.Since(began) < time.Minute {
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(began); took < 12*time.Second || took > 14*time.Second {
			t.Errorf("replaced after %v, want about 12 s", took)
		}
		if want := []os.Signal{syscall.SIGABRT, syscall.SIGKILL}; !slices.Equal(p.got(), want) {
			t.Errorf("signals %v, want %v", p.got(), want)
		}
		st := r.s.status
		if err := r.s.ask(t.Context(), func() { st = int(r.s.children[0].kills) }); err != nil || st != 1 {
			t.Errorf("%d watchdog kills counted (%v), want 1", st, err)
		}
		r.stop()
	})
}

func TestAStartThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Initial = configOf("one", childapi.VRRP) })
		r.set(func() { r.startErr = errors.New("fork: out of memory") })
		r.proc(childapi.VRRP).crash(ending{signal: 9})
		time.Sleep(10 * time.Second)
		if n := r.starts(childapi.VRRP); n != 1 {
			t.Fatalf("%d starts, want 1", n)
		}
		r.set(func() { r.startErr = nil })
		time.Sleep(time.Minute)
		if n := r.starts(childapi.VRRP); n != 2 {
			t.Errorf("%d starts, want 2", n)
		}
		r.stop()
	})
}

func TestReportsOfStrangersAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *Options) { o.Initial = configOf("one", childapi.VRRP) })
		old := r.proc(childapi.VRRP)
		x := old.connect(0)
		old.crash(ending{signal: 9})
		x.readyAt(1) // comes late, of a process that is dead
		x.report(&pb.ReportRequest{Report: &pb.ReportRequest_Fatal{Fatal: &pb.Fatal{Code: 2}}})
		if r.log.has("Startup complete") {
			t.Error("a dead process was ready")
		}
		r.proc(childapi.VRRP).crash(ending{signal: 9})
		if r.s.stopping {
			t.Error("a dead process's Fatal ended its successor")
		}
		r.stop()
	})
}
