package daemon

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

const (
	sigJSON  = syscall.Signal(36)
	sigClear = syscall.Signal(63)
)

func TestStopSignals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			r := newRig(t)
			r.master(conf("", inst{}, service))
			since := time.Now()
			r.p.Signal(sig)
			if got := r.p.Wait(5 * time.Second); got != 0 {
				t.Errorf("status %d", got)
			}
			if took := time.Since(since); took > 1500*time.Millisecond {
				t.Errorf("the stop took %v", took)
			}
			zeros := 0
			for _, a := range r.own(since) {
				zeros += btoi(a.Priority == 0)
			}
			if zeros != 1 || r.h.HasAddr(vip1) {
				t.Errorf("%d adverts with priority 0, want 1; the address is there: %v", zeros, r.h.HasAddr(vip1))
			}
			for _, line := range []string{"Stopping", "(VI_1) sent 0 priority", "Stopped Keepalived v2.4.3"} {
				r.says(line)
			}
		})
	}
}

func TestDumpSignals(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{}))
	for _, tc := range []struct {
		sig   syscall.Signal
		files []string
	}{
		{syscall.SIGUSR1, []string{"keepalived.data", "keepalived_parent.data"}},
		{syscall.SIGUSR2, []string{"keepalived.stats"}},
		{sigJSON, []string{"keepalived.json"}},
	} {
		w := r.watch("/tmp")
		r.p.Signal(tc.sig)
		for _, f := range tc.files {
			r.eventually(f, func() bool { return w.count("CLOSE_WRITE "+f) == 1 })
		}
	}
	lines := r.said("\n")
	sent := func() string {
		_, rest, _ := strings.Cut(r.read("/tmp/keepalived.stats"), "Sent: ")
		n, _, _ := strings.Cut(rest, "\n")
		return n
	}
	if sent() == "0" {
		t.Errorf("no advert is counted:\n%s", r.read("/tmp/keepalived.stats"))
	}
	r.p.Signal(sigClear) // the dump has the counters as they were before
	w := r.watch("/tmp")
	r.eventually("the counters' clearing", func() bool {
		r.p.Signal(syscall.SIGUSR2)
		return w.count("CLOSE_WRITE keepalived.stats") > 0 && len(sent()) == 1
	})
	r.says("(VI_1) Entering MASTER STATE")
	if more := r.said("\n") - lines; more > 0 {
		t.Errorf("the dumps put %d lines into the log", more)
	}
}

// TestBursts: 500 of each signal as fast as they can be sent. The dumps are few, the
// adverts on time, the processes the same.
func TestBursts(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{}, service))
	pids := r.children()
	w := r.watch("/tmp")
	since := time.Now()
	for range 500 {
		for _, sig := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, sigJSON, sigClear} {
			r.p.Signal(sig)
		}
	}
	r.eventually("the dumps", func() bool {
		return w.count("MOVED_TO keepalived.data") > 0 && w.count("MOVED_TO keepalived.stats") > 0 && w.count("MOVED_TO keepalived.json") > 0
	})
	pause(500 * time.Millisecond)
	for _, f := range []string{"keepalived.data", "keepalived.stats", "keepalived.json"} {
		if n := w.count("MOVED_TO " + f); n > 100 {
			t.Errorf("%s was written %d times for 500 signals", f, n)
		}
	}
	r.steady(51, since, 100*time.Millisecond)
	if now := r.children(); now != pids {
		t.Errorf("the processes were %s and are %s", pids, now)
	}
	if a := r.ctl("status"); !onlyService(a) {
		t.Errorf("status: %v", a)
	}
	if got := r.stop(); got != 0 {
		t.Errorf("status %d", got)
	}
}

// TestEarlySignals: exporters and init scripts send signals to whatever bears our name.
// The kernel gives a new program the default actions, so the first half millisecond
// belongs to nobody (2.2.7 dies of them for 8 ms and more). From the moment that the
// program has any handler at all, a dump signal ends it no more; HUP from its first
// line on, long before there is a pid file.
func TestEarlySignals(t *testing.T) {
	r := newRig(t)
	rnd := rand.New(rand.NewPCG(1, 2)) // the same moments in every run
	sigs := []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, sigJSON, syscall.SIGHUP}
	for i := range 50 {
		sig, after := sigs[i%len(sigs)], time.Duration(rnd.IntN(50_000))*time.Microsecond
		if i < 12 {
			after = 0
		}
		r.launch(conf("", inst{}))
		for !(sig == syscall.SIGHUP && strings.Contains(r.p.Log(), "Starting") || sig != syscall.SIGHUP && catches(r.p.Pid(), sig)) && r.p.Running() {
		}
		began := time.Now()
		for time.Since(began) < after { // a timer is too coarse
		}
		r.p.Signal(sig)
		up := func() bool { return strings.Contains(r.p.Log(), "Startup complete") || !r.p.Running() }
		if !netlab.Await(5*time.Second, up) || !r.p.Running() {
			t.Errorf("start %d: %v after %v ended the daemon", i, sig, after)
		}
		if i%2 == 0 {
			r.p.Signal(syscall.SIGTERM)
			r.p.Wait(5 * time.Second)
		}
		r.p.Crash()
	}
}

// catches tells whether the process has a handler for the signal.
func catches(pid int, sig syscall.Signal) bool {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(b), "SigCgt:\t")
	mask, err := strconv.ParseUint(strings.SplitN(rest, "\n", 2)[0], 16, 64)
	return err == nil && mask&(1<<(sig-1)) != 0
}

// TestSignalsToChildren: the lowest pid that bears our name may be a child's, so that
// is where tools send them. A child writes its own dumps; only TERM ends it.
func TestSignalsToChildren(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{}, service))
	since := time.Now()
	vrrp, checker := r.vrrpPid(), r.pid("/run/checkers.pid")
	for range 20 {
		for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, sigJSON, sigClear, syscall.SIGPIPE} {
			for _, pid := range []int{vrrp, checker} {
				if err := syscall.Kill(pid, sig); err != nil {
					t.Errorf("%v to %d: %v", sig, pid, err)
				}
			}
		}
	}
	for _, dump := range []struct {
		pid  int
		sig  syscall.Signal
		file string
	}{
		{vrrp, syscall.SIGUSR1, "keepalived.data"}, {vrrp, syscall.SIGUSR2, "keepalived.stats"}, {vrrp, sigJSON, "keepalived.json"},
		{checker, syscall.SIGUSR1, "keepalived_check.data"},
	} {
		w := r.watch("/tmp")
		r.eventually(dump.file, func() bool {
			if err := syscall.Kill(dump.pid, dump.sig); err != nil {
				t.Fatal(err)
			}
			return w.count("CLOSE_WRITE "+dump.file) > 0
		})
	}
	if !alive(vrrp) || !alive(checker) || r.vrrpPid() != vrrp || r.pid("/run/checkers.pid") != checker {
		t.Error("a child has ended")
	}
	r.steady(51, since, 100*time.Millisecond)

	since = time.Now()
	if err := syscall.Kill(vrrp, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	r.eventually("another VRRP child", func() bool { n := r.vrrpPid(); return n != vrrp && alive(n) && !alive(vrrp) })
	r.eventually("the resignation", func() bool {
		for _, a := range r.own(since) {
			if a.Priority == 0 {
				return true
			}
		}
		return false
	})
}
