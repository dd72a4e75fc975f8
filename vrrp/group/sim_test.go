package group

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"keepalived/core/clock"
	"keepalived/vrrp/fsm"
)

// seeds is how many stories TestSimulation plays. Any of them is played again by
// -run 'TestSimulation/seed=N$'.
const seeds = 4000

// TestSimulation plays random stories and checks what must hold in all of them.
func TestSimulation(t *testing.T) {
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			failure := play(seed, nil)
			if failure == "" {
				return
			}
			var trace strings.Builder
			play(seed, &trace)
			lines := strings.Split(trace.String(), "\n")
			t.Errorf("%s\n%s", failure, strings.Join(lines[max(0, len(lines)-60):], "\n"))
		})
	}
}

func play(seed uint64, trace *strings.Builder) string {
	rnd := rand.New(rand.NewPCG(seed, 3))
	if seed%4 == 0 {
		return playCut(rnd, trace)
	}
	return playChaos(rnd, trace)
}

// newWorld makes hosts with random priorities, the same order on both LANs.
func newWorld(rnd *rand.Rand, hosts int, change func(*fsm.Config)) *world {
	w := &world{rnd: rnd, owner: [lans]int{-1, -1}, delay: 100*time.Microsecond + time.Duration(rnd.Int64N(int64(4*time.Millisecond)))}
	version, interval := uint8(fsm.V2), sec
	if rnd.IntN(2) == 0 {
		version, interval = fsm.V3, time.Duration(10+rnd.IntN(20))*10*time.Millisecond
	}
	for id := range hosts {
		h := &host{w: w, id: id, changed: -1, paused: clock.Never}
		base := fsm.Config{Version: version, VRID: 1, AdverInt: interval, Digest: 1, Grouped: true, Priority: uint8(50 + 50*rnd.IntN(4))}
		change(&base)
		for lan := range h.members {
			c := base
			c.Spread = rnd.Uint32()
			c.Source = netip.AddrFrom4([4]byte{10, 0, byte(lan), byte(10 + id)})
			h.members[lan].c = &c
		}
		w.hosts = append(w.hosts, h)
	}
	return w
}

// playChaos: everything happens for a while, then all heals. In the end exactly one
// host is MASTER with all its instances, and the right one.
func playChaos(rnd *rand.Rand, trace *strings.Builder) string {
	w := newWorld(rnd, 2+rnd.IntN(2), func(c *fsm.Config) {
		c.NoPreempt = rnd.IntN(4) == 0
		c.HigherPrioSendAdvert = rnd.IntN(2) == 0
		if !c.NoPreempt && rnd.IntN(4) == 0 {
			c.PreemptDelay = time.Duration(rnd.IntN(3)) * c.AdverInt
		}
	})
	w.trace = trace
	interval := w.hosts[0].members[0].c.AdverInt
	heal := time.Duration(15+rnd.IntN(15)) * interval
	w.loss = float64(rnd.IntN(3)) / 10
	for _, h := range w.hosts {
		w.push(time.Duration(rnd.Int64N(int64(3*interval))), event{kind: story, do: h.start})
	}
	for range 3 + rnd.IntN(10) {
		w.push(time.Duration(rnd.Int64N(int64(heal))), event{kind: story, do: func() { w.fault(interval) }})
	}
	w.push(heal, event{kind: story, do: w.heal})
	w.run(clock.Instant(heal + 20*interval + 2*sec))
	if w.failure == "" {
		w.judge()
	}
	return w.failure
}

// fault makes something go wrong now.
func (w *world) fault(interval time.Duration) {
	h := w.hosts[w.rnd.IntN(len(w.hosts))]
	lan := w.rnd.IntN(lans)
	d := time.Duration(w.rnd.Int64N(int64(6 * interval)))
	later := func(do func()) { w.push(d, event{kind: story, do: do}) }
	switch w.rnd.IntN(8) {
	case 0:
		for i := range w.hosts {
			w.cut[h.id][i][lan], w.cut[i][h.id][lan] = true, true
		}
		later(func() { w.cut = [4][4][lans]bool{} })
	case 1:
		for i := range w.hosts {
			w.cut[h.id][i][lan] = true
		}
		later(func() { w.cut = [4][4][lans]bool{} })
	case 2:
		h.pause()
		later(h.goOn)
	case 3:
		h.crash()
		later(h.start)
	case 4:
		h.stop()
		later(h.start)
	case 5:
		h.impair(lan)
		later(func() { h.recovered(lan) })
	case 6:
		if h.alive {
			h.goOn()
			h.all(fsm.Event{Kind: fsm.EvStepDown, For: d})
		}
	case 7:
		if h.alive {
			h.goOn()
			h.all(fsm.Event{Kind: fsm.EvPriorityChanged, Priority: uint8(1 + w.rnd.IntN(254))})
		}
	}
}

func (h *host) impair(lan int) {
	h.members[lan].causes = fsm.CauseInterface
	if h.alive {
		h.goOn()
		h.event(lan, fsm.Event{Kind: fsm.EvImpaired, Causes: fsm.CauseInterface})
	}
}

func (h *host) recovered(lan int) {
	h.members[lan].causes = 0
	if h.alive {
		h.goOn()
		h.event(lan, fsm.Event{Kind: fsm.EvRecovered, Causes: fsm.CauseInterface})
	}
}

// heal ends all faults; what is still to come of the story does not come.
func (w *world) heal() {
	w.loss, w.cut = 0, [4][4][lans]bool{}
	for _, h := range w.hosts {
		h.start()
		h.goOn()
		for lan := range h.members {
			h.recovered(lan)
		}
		h.all(fsm.Event{Kind: fsm.EvStepDown})
	}
	w.healedAt, w.over = w.now, true
}

// watch: from one interval after the healing on, two groups are MASTER together no
// longer than an advert needs from one to the other.
func (w *world) watch() {
	if w.healedAt == 0 {
		return
	}
	interval := w.hosts[0].members[0].c.AdverInt
	since := &w.wrong[0]
	switch {
	case len(w.masters()) < 2:
		*since = clock.Never
	case *since == 0 || *since == clock.Never:
		*since = w.now
	case w.now.Sub(max(*since, w.healedAt.Add(interval+w.delay))) > time.Duration(len(w.hosts)-1)*(w.delay+1):
		w.fail("%d hosts are MASTER for %v", len(w.masters()), w.now.Sub(*since))
	}
}

// judge checks the end.
func (w *world) judge() {
	masters := w.masters()
	if len(masters) != 1 {
		w.fail("%d hosts are MASTER", len(masters))
		return
	}
	best := masters[0]
	for _, h := range w.hosts {
		want := [...]fsm.Notice{fsm.Backup: fsm.NoticeBackup, fsm.Master: fsm.NoticeMaster, fsm.Fault: fsm.NoticeFault}[h.group.Phase]
		if h.told != want {
			w.fail("h%d: the group is %v, told %v", h.id, h.group.Phase, h.told)
		}
		for lan := range h.members {
			m := &h.members[lan]
			if m.kernel != (h == best) || m.s.Phase != h.group.Phase {
				w.fail("h%d.%d is %v in a group that is %v, addresses there: %v", h.id, lan, m.s.Phase, h.group.Phase, m.kernel)
			}
			if b := &best.members[lan]; !m.c.NoPreempt && m.s.Priority > b.s.Priority {
				w.fail("h%d is MASTER with priority %d, h%d has %d", best.id, b.s.Priority, h.id, m.s.Priority)
			}
		}
	}
}

// playCut is the story after which keepalived's clients stay wrong: adverts between
// two hosts are cut, in both directions or in one, both announce the addresses to
// the rest of the LAN, then it heals. Within an interval and a second the last who
// has announced them is the MASTER.
func playCut(rnd *rand.Rand, trace *strings.Builder) string {
	w := newWorld(rnd, 2, func(c *fsm.Config) { c.HigherPrioSendAdvert = true })
	w.trace = trace
	interval := w.hosts[0].members[0].c.AdverInt
	for _, h := range w.hosts {
		w.push(time.Duration(rnd.Int64N(int64(interval))), event{kind: story, do: h.start})
	}
	settled := 15 * interval
	healed := settled + time.Duration(rnd.Int64N(int64(20*interval)))
	oneWay := rnd.IntN(3)
	w.push(settled, event{kind: story, do: func() {
		for lan := range lans {
			w.cut[0][1][lan], w.cut[1][0][lan] = oneWay != 1, oneWay != 2
		}
	}})
	w.push(healed, event{kind: story, do: w.heal})
	w.run(clock.Instant(healed + interval + sec + 4*w.delay))
	if w.failure != "" {
		return w.failure
	}
	w.judge()
	for lan, owner := range w.owner {
		if owner < 0 || !w.hosts[owner].master() {
			w.fail("LAN %d: the last to announce was h%d, which is %v", lan, owner, w.hosts[max(owner, 0)].members[lan].s.Phase)
		}
	}
	return w.failure
}
