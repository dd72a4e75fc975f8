package fsm

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"keepalived/core/clock"
)

// seeds is how many stories TestSimulation plays. Any of them is played again, with
// its trace, by -run 'TestSimulation/seed=N$' -v.
const seeds = 10000

// TestSimulation plays random stories and checks what must hold in all of them.
func TestSimulation(t *testing.T) {
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			failure := play(seed, nil)
			if failure == "" && !testing.Verbose() {
				return
			}
			var trace strings.Builder
			play(seed, &trace)
			if testing.Verbose() && failure == "" && t.Name() == soleTest() {
				t.Log("\n" + trace.String())
			}
			if failure != "" {
				t.Errorf("%s\n%s", failure, tail(trace.String(), 60))
			}
		})
	}
}

// play plays the story of a seed and returns what went wrong.
func play(seed uint64, trace *strings.Builder) string {
	rnd := rand.New(rand.NewPCG(seed, 2))
	switch seed % 4 {
	case 1:
		return playCalm(rnd, trace, pauseBackups)
	case 2:
		return playCalm(rnd, trace, crashMaster)
	}
	return playChaos(rnd, trace)
}

// playChaos: everything happens for a while, then all heals. In the end exactly one
// of the able routers is MASTER, and the right one.
func playChaos(rnd *rand.Rand, trace *strings.Builder) string {
	ownerAt := -1
	if rnd.IntN(4) == 0 {
		ownerAt = rnd.IntN(3)
	}
	i := 0
	l := newLAN(rnd, 2+rnd.IntN(3), func(c *Config) {
		if i == ownerAt {
			c.Priority = PriorityOwner
		}
		i++
		c.HigherPrioSendAdvert = rnd.IntN(2) == 0
		c.LowerPrioNoAdvert = rnd.IntN(8) == 0
		if c.Owner() {
			return
		}
		switch rnd.IntN(4) {
		case 0:
			c.NoPreempt = true
		case 1:
			c.PreemptDelay = time.Duration(rnd.IntN(3)) * c.AdverInt
		}
	})
	l.trace = trace
	interval := l.nodes[0].c.AdverInt
	heal := time.Duration(15+rnd.IntN(20)) * interval
	l.loss = float64(rnd.IntN(4)) / 10
	for _, n := range l.nodes {
		l.at(time.Duration(rnd.Int64N(int64(3*interval))), n.start)
	}
	for range 3 + rnd.IntN(12) {
		l.at(time.Duration(rnd.Int64N(int64(heal))), func() { l.fault(interval) })
	}
	l.at(heal, l.heal)
	l.run(clock.Instant(heal + 20*interval + 2*sec))
	if l.failure == "" {
		l.judge()
	}
	return l.failure
}

// fault makes something go wrong now.
func (l *lan) fault(interval time.Duration) {
	n := l.nodes[l.rnd.IntN(len(l.nodes))]
	d := time.Duration(l.rnd.Int64N(int64(6 * interval)))
	later := func(do func()) { l.push(simEvent{at: l.now.Add(d), kind: simDo, do: do}) }
	switch l.rnd.IntN(10) {
	case 0: // both directions
		for i := range l.nodes {
			l.cut[n.id][i], l.cut[i][n.id] = true, true
		}
		later(func() { l.cut = [8][8]bool{} })
	case 1: // one direction
		for i := range l.nodes {
			l.cut[n.id][i] = true
		}
		later(func() { l.cut = [8][8]bool{} })
	case 2:
		n.pause(l.rnd.IntN(2) == 0)
		later(n.resume)
	case 3:
		n.crash()
		later(n.start)
	case 4:
		n.stop()
		later(n.start)
	case 5:
		if n.alive {
			n.resume()
			n.step(Event{Kind: EvPriorityChanged, Priority: uint8(1 + l.rnd.IntN(254))})
		}
	case 6:
		n.impair(CauseScript)
		later(func() { n.recover(CauseScript) })
	case 7:
		n.impair(CauseInterface)
		later(func() { n.recover(CauseInterface) })
	case 8:
		if n.alive {
			n.resume()
			n.step(Event{Kind: EvStepDown, For: d})
		}
	case 9:
		if n.alive {
			n.resume()
			n.step(Event{Kind: EvReconfigured, Priority: n.s.Priority})
		}
	}
}

// heal ends all faults; what is still to come of the story does not come.
func (l *lan) heal() {
	l.loss, l.cut = 0, [8][8]bool{}
	for _, n := range l.nodes {
		n.start()
		n.resume()
		n.recover(CauseScript | CauseInterface)
		n.step(Event{Kind: EvStepDown})
	}
	l.healedAt, l.over = l.now, true
}

// judge checks the end: one MASTER, none better that would preempt it, addresses
// where they belong, scripts told.
func (l *lan) judge() {
	var master *node
	for _, n := range l.nodes {
		switch {
		case n.s.Phase == Master && master != nil:
			l.fail("r%d and r%d are MASTER", master.id, n.id)
		case n.s.Phase == Master:
			master = n
		case n.s.Phase != Backup:
			l.fail("r%d is %v", n.id, n.s.Phase)
		}
		if n.kernel != (n.s.Phase == Master) {
			l.fail("r%d is %v, addresses there: %v", n.id, n.s.Phase, n.kernel)
		}
		if want := notices[n.s.Phase]; n.told != want {
			l.fail("r%d is %v, scripts were told %v", n.id, n.s.Phase, n.told)
		}
	}
	if master == nil {
		l.fail("nobody is MASTER")
		return
	}
	for _, n := range l.nodes {
		if !n.c.NoPreempt && n.s.Priority > master.s.Priority {
			l.fail("r%d is MASTER with priority %d, r%d has %d", master.id, master.s.Priority, n.id, n.s.Priority)
		}
	}
}

var notices = [phases]Notice{Backup: NoticeBackup, Master: NoticeMaster, Fault: NoticeFault}

// playCalm: no loss, no cut; only things happen from which no other MASTER and no
// gap in the addresses may come.
func playCalm(rnd *rand.Rand, trace *strings.Builder, disturb func(*lan, time.Duration)) string {
	l := newLAN(rnd, 2+rnd.IntN(3), func(*Config) {})
	l.trace = trace
	interval := l.nodes[0].c.AdverInt
	for _, n := range l.nodes {
		l.at(time.Duration(rnd.Int64N(int64(interval))), n.start)
	}
	settled := 12 * interval
	before := 0
	l.at(settled, func() {
		l.healedAt = l.now
		for _, n := range l.nodes {
			before += n.masterships
		}
	})
	for i := range 4 {
		l.at(settled+time.Duration(1+8*i)*interval+time.Duration(rnd.Int64N(int64(interval))), func() { disturb(l, interval) })
	}
	l.run(clock.Instant(settled + 40*interval))
	after := 0
	for _, n := range l.nodes {
		after += n.masterships
	}
	if l.failure == "" && after != before {
		l.fail("%d transitions to MASTER, %d before the disturbance", after, before)
	}
	if l.failure == "" {
		l.judge()
	}
	return l.failure
}

// pauseBackups stops every Backup's process for up to seven intervals, or its host
// with the loss of what is sent meanwhile.
func pauseBackups(l *lan, interval time.Duration) {
	for _, n := range l.nodes {
		if n.s.Phase == Backup {
			n.pause(l.rnd.IntN(2) == 0)
			l.push(simEvent{at: l.now.Add(time.Duration(l.rnd.Int64N(int64(7 * interval)))), kind: simDo, do: n.resume})
		}
	}
}

// crashMaster kills the Master's process; it is back within two intervals.
func crashMaster(l *lan, interval time.Duration) {
	for _, n := range l.nodes {
		if n.s.Phase == Master && n.kernel {
			n.crash()
			l.push(simEvent{at: l.now.Add(time.Duration(l.rnd.Int64N(int64(2 * interval)))), kind: simDo, do: n.start})
			return
		}
	}
	l.fail("nobody to crash")
}

// tail returns the last lines of a trace.
func tail(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// soleTest is the -run pattern's test when it names one seed.
func soleTest() string {
	f := flag.Lookup("test.run")
	if f == nil {
		return ""
	}
	return strings.TrimSuffix(strings.TrimPrefix(f.Value.String(), "^"), "$")
}
