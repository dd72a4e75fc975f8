package daemon

import (
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// TestRespawnDelays: a child that dies again and again comes back after 0, 1, 2, 4 s.
func TestRespawnDelays(t *testing.T) {
	for role, file := range map[string]string{"VRRP": "/run/vrrp.pid", "Healthcheck": "/run/checkers.pid"} {
		t.Run(role, func(t *testing.T) {
			r := newRig(t)
			r.master(conf("", inst{}, service))
			process := map[string]string{"VRRP": "VRRP", "Healthcheck": "Healthcheck"}[role]
			for i, want := range []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second} {
				pid := r.pid(file)
				died := time.Now()
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				again := func() bool {
					n, _ := strconv.Atoi(strings.TrimSpace(r.read(file)))
					return n != pid && n > 0 && alive(n)
				}
				if !netlab.Await(want+3*time.Second, again) {
					t.Fatalf("death %d: no new child", i+1)
				}
				if took := time.Since(died); took < want-50*time.Millisecond || took > want+700*time.Millisecond {
					t.Errorf("death %d: a new child after %v, want %v", i+1, took, want)
				}
				if want > 0 {
					r.says("delayed " + strconv.Itoa(int(want/time.Second)) + " second")
				}
			}
			if n := r.said(process + " child process("); n != 4 {
				t.Errorf("%d lines of a death, want 4", n)
			}
			r.says(") died: Respawning")
			if r.p.Executable() != ours || !r.p.Running() {
				t.Error("the parent has gone")
			}
		})
	}
}

// TestCrashKinds: a panic (Go's status 2, which is keepalived's permanent CONFIG error)
// and SIGABRT are crashes: the child is started again and the daemon lives.
func TestCrashKinds(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGSEGV} {
		t.Run(sig.String(), func(t *testing.T) {
			r := newRig(t)
			r.master(conf("", inst{}, service))
			mon := r.monitor()
			pause(1200 * time.Millisecond) // past the first second
			since := time.Now()
			for _, file := range []string{"/run/vrrp.pid", "/run/checkers.pid"} {
				pid := r.pid(file)
				if err := syscall.Kill(pid, sig); err != nil {
					t.Fatal(err)
				}
				r.eventually("a new child", func() bool { n := r.pid(file); return n != pid && alive(n) })
			}
			pause(500 * time.Millisecond)
			if !r.p.Running() {
				t.Fatal("the daemon ended")
			}
			r.says("goroutine ") // the trace is in the log
			if ev := mon.since(since); len(ev) > 0 {
				t.Errorf("the kernel was touched: %v", ev)
			}
			r.steady(51, since, 100*time.Millisecond)
			if n := r.said("resuming MASTER after restart"); n != 1 {
				t.Errorf("%d resumptions", n)
			}
			if a := r.ctl("status"); !onlyService(a) {
				t.Errorf("status: %v", a)
			}
		})
	}
}

// TestTraceInSyslog: without -l a child's trace still ends in the log.
func TestTraceInSyslog(t *testing.T) {
	r := newRig(t)
	log := listenDatagrams(t)
	r.opts.Config, r.opts.Syslog = conf("", inst{}), log.path
	r.p = r.h.Start(r.opts, ours, "-n")
	r.has(vip1)
	if err := syscall.Kill(r.vrrpPid(), syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	r.eventually("the trace in syslog", func() bool { return strings.Contains(log.text(), "goroutine 1") })
	if out := r.p.Log(); out != "" {
		t.Errorf("the console has it:\n%s", out)
	}
}

// TestWatchdog: a child that stands still for over ten seconds is ended and started again.
// A shorter pause is none of its business.
func TestWatchdog(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{}, service))
	vrrp, checker := r.vrrpPid(), r.pid("/run/checkers.pid")
	if err := syscall.Kill(checker, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	pause(6 * time.Second)
	if err := syscall.Kill(checker, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	if err := syscall.Kill(vrrp, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	netlab.Eventually(t, 18*time.Second, "a new VRRP child", func() bool { n := r.vrrpPid(); return n != vrrp && alive(n) })
	if took := time.Since(stopped); took < 9*time.Second {
		t.Errorf("the child was ended after %v", took)
	}
	if alive(vrrp) {
		t.Error("the old child lives")
	}
	r.eventually("MASTER again", func() bool { return r.said("(VI_1) Entering MASTER STATE") == 2 })
	r.has(vip1)
	if n := r.pid("/run/checkers.pid"); n != checker || !alive(checker) {
		t.Error("the checker was ended for a pause of 6 s")
	}
	if a := r.ctl("status"); !onlyService(a) || !regexp.MustCompile(`(?m)^vrrp .*`).MatchString(a.out) {
		t.Errorf("status: %v", a)
	}
}

// TestStopOrder: a stop in the middle of a respawn delay does not wait for it, and a
// child that ignores TERM is ended.
func TestStopOrder(t *testing.T) {
	t.Run("while a child waits", func(t *testing.T) {
		r := newRig(t)
		r.master(conf("", inst{}))
		for range 3 {
			pid := r.vrrpPid()
			_ = syscall.Kill(pid, syscall.SIGKILL)
			if r.said("delayed 2 second") > 0 || !netlab.Await(1500*time.Millisecond, func() bool {
				n, _ := strconv.Atoi(strings.TrimSpace(r.read("/run/vrrp.pid")))
				return n != pid && n > 0 && alive(n)
			}) {
				break
			}
		}
		began := time.Now()
		if got := r.stop(); got != 0 {
			t.Errorf("status %d", got)
		}
		if took := time.Since(began); took > 1500*time.Millisecond {
			t.Errorf("the stop took %v", took)
		}
	})
	t.Run("a child that stands still", func(t *testing.T) {
		r := newRig(t)
		r.master("child_wait_time 2\n" + conf("", inst{}, service))
		checker := r.pid("/run/checkers.pid")
		if err := syscall.Kill(checker, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		r.p.Signal(syscall.SIGTERM)
		r.lacks(vip1)
		if took := time.Since(began); took > time.Second {
			t.Errorf("the address went after %v", took)
		}
		r.p.Wait(6 * time.Second)
		if took := time.Since(began); took < 1500*time.Millisecond || took > 4*time.Second {
			t.Errorf("the stop took %v, child_wait_time is 2 s", took)
		}
		if alive(checker) {
			t.Error("the child lives")
		}
	})
}
