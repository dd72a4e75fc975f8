package interop

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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
var killWorkers = map[int]int{2: 10, 3: 1}

// killed is what one kill -9 of the VRRP child of a MASTER led to.
type killed struct {
	back    time.Duration // until its next advert
	machine time.Duration // how late the test's own thread was meanwhile, at worst
	bad     []string      // what must not have happened
	// onlyLate: the adverts were late, nothing else was wrong.
	onlyLate bool
}

// killPair is the pair of routers for killOnce.
func killPair(t *testing.T, version int) *pair {
	return newPair(t, orders[0], killConf(version, 150), killConf(version, 100))
}

// killOnce starts both routers, kills the VRRP child of the master at a random
// phase, watches for longer than the backup waits, and stops both. spoil, if not
// nil, gets the child's pid while the child stands still just before its end.
func killOnce(t *testing.T, p *pair, spoil func(t *testing.T, child int)) killed {
	mon := p.a.host.Start(netlab.ProcOpts{}, "ip", "-ts", "monitor", "address")
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
	gone := exitOf(t, child)
	at, boot := time.Now(), sinceBoot(t)
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
		if strings.Contains(line, "Deleted") {
			wrong("ip monitor: %s", strings.TrimSpace(line))
		}
	}
	if masterCount(p.b) != before {
		wrong("the backup became MASTER")
	}
	if !p.a.holdsVIP() || p.b.holdsVIP() {
		wrong("the address is not where it was")
	}
	now := vrrpChild(t, p.a.proc)
	if now == child {
		wrong("pid %d was not replaced", child)
	}
	k.onlyLate = len(k.bad) == 1 && k.back > advertsBack && k.back < watch
	if len(k.bad) != 0 {
		var last time.Duration
		for _, a := range p.cap.Adverts() {
			if a.Src == p.a.addr && a.At.Before(at) {
				last = at.Sub(a.At)
			}
		}
		wrong("the kill was at %s, %v after the last advert; the kernel had ended the child %v after the kill, and the next one was forked after %v (to 10 ms)",
			at.Format("05.000000"), last, (<-gone).Sub(at), startedAt(t, now)-boot)
	}
	p.b.proc.Crash() // first: it is not to take over once more
	p.a.stop(t)
	mon.Crash()
	return k
}

// exitOf tells when the kernel has ended the process: the time at which a waiting
// parent can know of it. Before that its sockets are closed, which may take long.
func exitOf(t *testing.T, pid int) <-chan time.Time {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan time.Time, 1)
	go func() {
		defer unix.Close(fd)
		for {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10_000)
			if err != unix.EINTR || n > 0 {
				gone <- time.Now()
				return
			}
		}
	}()
	return gone
}

// sinceBoot is CLOCK_BOOTTIME; startedAt is the same clock when a process was
// forked, in the kernel's ticks of 10 ms (proc_pid_stat(5), starttime).
func sinceBoot(t *testing.T) time.Duration {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		t.Fatal(err)
	}
	return time.Duration(ts.Nano())
}

func startedAt(t *testing.T, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	ticks, err := strconv.ParseInt(fields[19], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(ticks) * 10 * time.Millisecond
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
			var working sync.WaitGroup
			working.Add(killWorkers[version])
			for w := range killWorkers[version] {
				t.Run(fmt.Sprint(w), func(t *testing.T) {
					t.Parallel()
					netlab.Need(t, "netns", "keepalived")
					p := killPair(t, version)
					// A kernel that takes network namespaces down is slow to close the sockets of a
					// killed process: all go down after the last kill.
					defer working.Wait()
					defer working.Done()
					netlab.Await(time.Duration(w)*300*time.Millisecond, func() bool { return false })
					for i := range kills / killWorkers[version] {
						k := killOnce(t, p, nil)
						// A kernel that is busy with namespaces is slow to close the sockets of the
						// killed process, and the next one starts only then. A kill that nobody has
						// noticed, late by that alone, is repeated once.
						if k.onlyLate {
							t.Logf("kill %d, to be repeated: %q", i+1, k.bad)
							k = killOnce(t, p, nil)
						}
						t.Logf("kill %d: adverts back after %v; this test's own thread was late by %v at worst", i+1, k.back, k.machine)
						for _, b := range k.bad {
							t.Error(b)
						}
						mu.Lock()
						worst = max(worst, k.back)
						mu.Unlock()
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
			k := killOnce(t, killPair(t, version), spoil)
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
