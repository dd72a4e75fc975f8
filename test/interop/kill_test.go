package interop

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

const (
	kills = 20
	// advertsBack is how long a MASTER may be silent after its VRRP child was killed.
	advertsBack = 100 * time.Millisecond
)

// killConf is the router whose child is killed: v2 beats every second, v3 ten times.
func killConf(version, priority int) conf {
	c := variant{version: version}.router(priority)
	if version == 3 {
		c.interval = 100 * time.Millisecond
	}
	return c
}

// killWorkers is how many kills run side by side. v2 waits most of its time; v3 is
// over in a second, and its daemons would start while others are being killed.
var killWorkers = map[int]int{2: 10, 3: 2}

// killed is what one kill -9 of the VRRP child of a MASTER led to.
type killed struct {
	back    time.Duration // until its next advert
	machine time.Duration // how late the test's own thread was meanwhile, at worst
	bad     []string      // what must not have happened
}

// killOnce starts a pair, kills the VRRP child of the master at a random phase and
// watches for longer than the backup waits. spoil, if not nil, gets the child's pid
// while the child stands still just before its end.
func killOnce(t *testing.T, version int, spoil func(t *testing.T, child int)) killed {
	p := newPair(t, orders[0], killConf(version, 150), killConf(version, 100))
	mon := p.a.host.Start(netlab.ProcOpts{}, "ip", "monitor", "address")
	p.a.start(t)
	p.b.start(t)
	p.settle(t, p.a)
	netlab.Eventually(t, time.Second, "the monitor's word of the address", func() bool { return strings.Contains(mon.Log(), vip) })
	quiet, before := len(mon.Log()), masterCount(p.b)
	child := vrrpChild(t, p.a.proc)

	phase := time.Duration(rand.Int64N(int64(p.a.conf.interval)))
	netlab.Await(phase, func() bool { return false })
	if spoil != nil {
		if err := syscall.Kill(child, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		spoil(t, child)
	}
	at := time.Now()
	if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	watch := p.b.conf.masterDown() + 2*p.a.conf.interval
	k := killed{back: watch, machine: ownLateness(2 * advertsBack)}
	netlab.Await(time.Until(at.Add(watch)), func() bool { return false })
	for _, a := range p.cap.Adverts() {
		if a.Src == p.a.addr && a.Priority > 0 && a.At.After(at) {
			k.back = a.At.Sub(at)
			break
		}
	}
	wrong := func(format string, args ...any) { k.bad = append(k.bad, fmt.Sprintf(format, args...)) }
	if k.back > advertsBack {
		wrong("adverts back after %v, limit %v", k.back, advertsBack)
	}
	for line := range strings.Lines(mon.Log()[quiet:]) {
		if strings.HasPrefix(line, "Deleted") {
			wrong("ip monitor: %s", strings.TrimSpace(line))
		}
	}
	if masterCount(p.b) != before {
		wrong("the backup became MASTER")
	}
	if !p.a.holdsVIP() || p.b.holdsVIP() {
		wrong("the address is not where it was")
	}
	if now := vrrpChild(t, p.a.proc); now == child {
		wrong("pid %d was not replaced", child)
	}
	return k
}

// vrrpChild is the pid of the daemon's only child.
func vrrpChild(t *testing.T, p *netlab.Proc) int {
	t.Helper()
	var kids []int
	netlab.Eventually(t, 5*time.Second, "one child of the parent", func() bool {
		kids = p.Children()
		return len(kids) == 1
	})
	return kids[0]
}

// TestKillChild kills the VRRP child of a MASTER 20 times at random phases, with a
// real keepalived as the backup: nobody may notice. Each kill has a daemon of its
// own, because a parent delays the respawn of a child that dies again and again.
//
// It does not run beside the other cases: a hundred milliseconds are asserted.
func TestKillChild(t *testing.T) {
	if selfCheck() {
		return // keepalived 2.2.7 starts afresh, see TestKillChildWithoutRecord
	}
	for _, version := range []int{2, 3} {
		t.Run(fmt.Sprintf("v%d", version), func(t *testing.T) {
			var mu sync.Mutex
			var worst time.Duration
			t.Cleanup(func() {
				table.add(t, row{version: fmt.Sprintf("v%d", version), cast: "multicast", order: orders[0].String(),
					event: fmt.Sprintf("kill -9 of the child ×%d", kills), takeover: worst, note: "longest silence after the kill"})
			})
			for w := range killWorkers[version] {
				t.Run(fmt.Sprint(w), func(t *testing.T) {
					t.Parallel()
					netlab.Await(time.Duration(w)*300*time.Millisecond, func() bool { return false })
					for range kills / killWorkers[version] {
						t.Run("kill", func(t *testing.T) {
							netlab.Need(t, "netns", "keepalived")
							k := killOnce(t, version, nil)
							t.Logf("adverts back after %v; this test's own thread was late by %v at worst", k.back, k.machine)
							for _, b := range k.bad {
								t.Error(b)
							}
							mu.Lock()
							defer mu.Unlock()
							worst = max(worst, k.back)
						})
					}
				})
			}
		})
	}
}

// TestKillChildWithoutRecord is the same with the hand-over record made unreadable:
// then it must be noticed, or the test above proves nothing.
func TestKillChildWithoutRecord(t *testing.T) {
	t.Parallel()
	for _, version := range []int{2, 3} {
		t.Run(fmt.Sprintf("v%d", version), func(t *testing.T) {
			t.Parallel()
			netlab.Need(t, "netns", "keepalived")
			spoil := spoilRecord
			if selfCheck() {
				spoil = nil // there is none
			}
			k := killOnce(t, version, spoil)
			t.Log("noticed: ", strings.Join(k.bad, "; "))
			if len(k.bad) == 0 {
				t.Errorf("nobody noticed (adverts back after %v)", k.back)
			}
		})
	}
}

// spoilRecord overwrites the hand-over memory of a child that stands still. It
// does so from outside, as the memory is a file in /proc/PID/fd: the daemon needs
// no hook for it.
func spoilRecord(t *testing.T, child int) {
	t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", child))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		target, err := os.Readlink(l)
		if err != nil || !strings.HasPrefix(target, "/memfd:") {
			continue
		}
		f, err := os.OpenFile(l, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		st, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		junk := make([]byte, st.Size())
		for i := range junk {
			junk[i] = 0xa5
		}
		if _, err := f.WriteAt(junk, 0); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("pid %d has no memfd: where is the hand-over record?", child)
}
