package interop

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// stallRounds repeats the short v3 cases; v2 runs once.
var stallRounds = []struct {
	version int
	rounds  int
}{{2, 1}, {3, 5}}

// stalled runs the case in a pair of its own for every version.
func stalled(t *testing.T, a, b int, run func(t *testing.T, p *pair, rounds int)) {
	t.Parallel()
	for _, s := range stallRounds {
		t.Run(fmt.Sprintf("v%d", s.version), func(t *testing.T) {
			t.Parallel()
			netlab.Need(t, "netns", "keepalived")
			run(t, newPair(t, orders[1], killConf(s.version, a), killConf(s.version, b)), s.rounds)
		})
	}
}

// TestStalledBackup: a BACKUP that stood still for five intervals reads the adverts
// that wait in its socket before it lets its timer expire.
func TestStalledBackup(t *testing.T) {
	stalled(t, 150, 100, func(t *testing.T, p *pair, rounds int) {
		p.a.start(t)
		p.b.start(t)
		p.settle(t, p.a)
		settled, before := time.Now(), masterCount(p.b)
		for range rounds {
			p.b.proc.SignalAll(syscall.SIGSTOP)
			netlab.Await(5*p.a.conf.interval, func() bool { return false })
			p.b.proc.SignalAll(syscall.SIGCONT)
			p.soleMaster(t, p.a, 3*p.a.conf.interval)
		}
		for _, a := range p.cap.Adverts() {
			if a.Src == p.b.addr && a.At.After(settled) {
				t.Fatalf("the backup advertised priority %d, %v after the start", a.Priority, a.At.Sub(settled))
			}
		}
		if n := masterCount(p.b) - before; n != 0 {
			t.Errorf("the backup became MASTER %d times", n)
		}
		p.checkAdverts(t)
	})
}

// TestStalledMaster: a MASTER that stood still while a better router took over
// sends nothing any more; it reads its socket first, and yields.
func TestStalledMaster(t *testing.T) {
	stalled(t, 150, 100, func(t *testing.T, p *pair, rounds int) {
		p.b.start(t) // ours, alone: MASTER
		for range rounds {
			p.settle(t, p.b)
			p.b.proc.SignalAll(syscall.SIGSTOP)
			p.a.start(t)
			netlab.Eventually(t, 8*time.Second, "three adverts of the better router", func() bool {
				n := 0
				for _, a := range p.cap.Adverts() {
					if a.Src == p.a.addr && a.At.After(p.a.since) {
						n++
					}
				}
				return n >= 3
			})
			woken := time.Now()
			p.b.proc.SignalAll(syscall.SIGCONT)
			p.soleMaster(t, p.a, 5*p.a.conf.interval)
			for _, a := range p.cap.Adverts() {
				if a.Src == p.b.addr && a.At.After(woken) {
					t.Fatalf("the woken router sent priority %d %v after it was continued", a.Priority, a.At.Sub(woken))
				}
			}
			p.b.says(t, "Master received advert from "+p.a.addr.String()+" with higher priority 150, ours 100")
			p.a.proc.Crash() // the next round begins with ours as MASTER again
		}
	})
}

func masterCount(n *node) int { return strings.Count(n.proc.Log(), "Entering MASTER STATE") }
