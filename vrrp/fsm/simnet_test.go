package fsm

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"keepalived/core/clock"
	"keepalived/core/timerq"
)

// The simulator: routers on a virtual LAN in virtual time. A router is driven as the
// daemon drives an instance: events in, actions out through one switch, one timer
// from State.Deadline. No rule of the protocol is repeated here.

// simEvent is something that comes at an instant.
type simEvent struct {
	at     clock.Instant
	kind   simKind
	node   int
	advert Advert
	gen    uint64
	do     func()
}

type simKind uint8

const (
	simPacket    simKind = iota // an advert reaches a router's socket
	simTimer                    // a router's deadline
	simInstalled                // the kernel has a generation's addresses
	simRemoved                  // … has removed them
	simDo                       // a part of the story
)

// lan is the network and the clock.
type lan struct {
	rnd      *rand.Rand
	now      clock.Instant
	queue    timerq.Queue // of indices in events
	events   []simEvent
	free     []int32
	nodes    []*node
	loss     float64
	delay    time.Duration       // longest one-way delay
	cut      [8][8]bool          // from, to
	healedAt clock.Instant       // no fault after this
	over     bool                // what is still to come of the story does not come
	dual     [8][8]clock.Instant // two routers MASTER together since; 0: are not
	trace    *strings.Builder
	failure  string
}

// node is a router: the daemon's loop around one instance.
type node struct {
	l    *lan
	id   int
	c    *Config
	s    State
	slot [SlotSize]byte

	alive    bool
	pausedAt clock.Instant // Never: running
	lossy    bool          // paused with its host: what comes meanwhile is lost
	socket   []Advert
	armed    clock.Instant // the deadline for which a timer event is queued
	wanted   Want
	kernel   bool // the addresses are on the interface
	causes   Causes
	told     Notice

	masterships int
}

func (l *lan) push(e simEvent) {
	id := int32(len(l.events))
	if n := len(l.free); n > 0 {
		id, l.free = l.free[n-1], l.free[:n-1]
		l.events[id] = e
	} else {
		l.events = append(l.events, e)
	}
	l.queue.Set(id, e.at)
}

// run plays everything up to an instant.
func (l *lan) run(until clock.Instant) {
	for turns := 0; l.failure == ""; turns++ {
		if turns > 100000 {
			l.fail("no end of events")
			break
		}
		id, ok := l.queue.PopDue(until)
		if !ok {
			break
		}
		e := l.events[id]
		l.free = append(l.free, id)
		l.now = e.at
		n := l.nodes[e.node]
		switch e.kind {
		case simPacket:
			n.receive(e.advert)
		case simTimer:
			if n.armed == e.at {
				n.armed = clock.Never
				n.turn()
			}
		case simInstalled:
			if n.alive && n.wanted == WantVIPs && n.s.Gen == e.gen {
				n.kernel = true
				if n.pausedAt == clock.Never {
					n.step(Event{Kind: EvInstalled, Gen: e.gen})
				} else {
					l.push(simEvent{at: l.now.Add(l.delay + ms), kind: simInstalled, node: e.node, gen: e.gen})
				}
			}
		case simRemoved:
			n.kernel = n.kernel && n.wanted == WantVIPs
		case simDo:
			if !l.over {
				e.do()
			}
		}
		l.watchDual()
	}
	l.now = until
}

func (l *lan) at(d time.Duration, do func()) {
	l.push(simEvent{at: clock.Instant(d), kind: simDo, do: do})
}

// send delivers an advert to every router but its sender.
func (l *lan) send(from *node, priority uint8) {
	for _, to := range l.nodes {
		if to == from || l.cut[from.id][to.id] || l.loss > 0 && l.rnd.Float64() < l.loss {
			continue
		}
		at := l.now.Add(1 + time.Duration(l.rnd.Int64N(int64(l.delay))))
		l.push(simEvent{at: at, kind: simPacket, node: to.id, advert: Advert{
			At: at, Source: from.c.Source, Priority: priority, AdverInt: from.c.AdverInt}})
	}
}

func (l *lan) fail(format string, args ...any) {
	if l.failure == "" {
		l.failure = fmt.Sprintf("%v: ", time.Duration(l.now)) + fmt.Sprintf(format, args...)
	}
}

// watchDual: after the healing no two routers are MASTER together for longer than it
// takes for an advert to get from one to the other; those that the fault left so, one
// interval more.
func (l *lan) watchDual() {
	for i, a := range l.nodes {
		for j, b := range l.nodes[:i] {
			since := &l.dual[i][j]
			switch {
			case !a.master() || !b.master():
				*since = 0
				continue
			case *since == 0:
				*since = l.now
			}
			if l.healedAt == 0 {
				continue
			}
			limit := l.delay + 1
			if known := l.healedAt.Add(l.nodes[0].c.AdverInt + l.delay); *since <= known {
				limit += known.Sub(*since)
			}
			if l.now.Sub(*since) > limit {
				l.fail("r%d and r%d MASTER for %v", j, i, l.now.Sub(*since))
			}
		}
	}
}

func (n *node) master() bool { return n.alive && n.s.Phase == Master }

// receive is the receiver goroutine: the packet waits in the socket while the process
// does not run.
func (n *node) receive(a Advert) {
	if !n.alive || n.lossy && n.pausedAt != clock.Never {
		return
	}
	n.socket = append(n.socket, a)
	if n.pausedAt == clock.Never {
		n.turn()
	}
}

// turn is one turn of the loop: read what there is, then fire what is due.
func (n *node) turn() {
	if !n.alive || n.pausedAt != clock.Never {
		return
	}
	for _, a := range n.socket {
		n.step(Event{Kind: EvAdvert, Advert: a})
	}
	n.socket = n.socket[:0]
	if n.l.now >= n.s.Deadline() {
		n.step(Event{Kind: EvTick})
	}
	n.arm()
}

// step hands an event to the machine and does what it asks for.
func (n *node) step(e Event) {
	was := n.s.Phase
	var as Actions
	n.s, as = Step(n.c, n.s, n.l.now, e)
	n.dispatch(was, &as, e.Kind)
	n.arm()
}

func (n *node) dispatch(was Phase, as *Actions, kind EventKind) {
	if n.l.trace != nil && (as.Len() > 0 || n.s.Phase != was) {
		fmt.Fprintf(n.l.trace, "%12v r%d %v: %v → %v: %s\n", time.Duration(n.l.now), n.id, kind, was, n.s.Phase, show(*as, false))
	}
	resigned := 0
	for i := range as.Len() {
		a := as.At(i)
		switch a.Kind {
		case ActSendAdvert:
			if a.Priority == 0 {
				resigned++
			} else if n.s.Phase != Master && was != Master {
				n.l.fail("r%d sends as %v", n.id, n.s.Phase)
			}
			n.l.send(n, a.Priority)
		case ActWant:
			n.wanted = a.Want
			k := simRemoved
			if a.Want == WantVIPs {
				k = simInstalled
			}
			n.l.push(simEvent{at: n.l.now.Add(ms + time.Duration(n.l.rnd.Int64N(int64(10*ms)))), kind: k, node: n.id, gen: a.Gen})
		case ActQueueGARP:
			if a.Round != RoundStop && !(n.s.Phase == Master && n.kernel) {
				n.l.fail("r%d announces addresses it does not have", n.id)
			}
		case ActNotify:
			n.notified(a.Notice)
		case ActCount:
			if a.Counter == CountBecomeMaster {
				n.masterships++
			}
		case ActRecord:
			EncodeRecord(&n.slot, NewRecord(n.c, &n.s))
		}
	}
	if (n.wanted == WantVIPs) != (n.s.Phase == Master) {
		n.l.fail("r%d wants addresses: %v as %v", n.id, n.wanted, n.s.Phase)
	}
	if resigned > 1 || resigned == 1 && (was != Master || n.s.Phase == Master) {
		n.l.fail("r%d resigns %d times from %v to %v", n.id, resigned, was, n.s.Phase)
	}
}

// notified: scripts never hear the same state twice in a row.
func (n *node) notified(what Notice) {
	switch what {
	case NoticePriority:
		return
	case NoticeLowerPriority:
		if n.s.Phase != Master {
			n.l.fail("r%d notifies of a rival as %v", n.id, n.s.Phase)
		}
		return
	}
	if what == n.told {
		n.l.fail("r%d notifies %v twice", n.id, what)
	}
	n.told = what
}

// arm keeps one timer for the deadline.
func (n *node) arm() {
	if at := n.s.Deadline(); n.alive && at != n.armed {
		n.armed = at
		if at != clock.Never {
			n.armed = max(at, n.l.now)
			n.l.push(simEvent{at: n.armed, kind: simTimer, node: n.id})
		}
	}
}

// start brings the process up cold, or resumes what a dead one left.
func (n *node) start() {
	if n.alive {
		return
	}
	n.alive, n.pausedAt, n.socket, n.armed = true, clock.Never, nil, clock.Never
	if rec, ok := DecodeRecord(&n.slot); ok {
		rec.Present = n.kernel
		var as Actions
		var v Verdict
		if n.s, as, v = Resume(n.c, rec, n.l.now); v == Resumed {
			n.dispatch(Master, &as, EvStartup)
			if n.causes != 0 {
				n.step(Event{Kind: EvImpaired, Causes: n.causes})
			}
			n.arm()
			return
		}
	}
	n.s, n.told, n.wanted = New(n.c), 0, WantNone
	n.step(Event{Kind: EvStartup, Causes: n.causes})
}

// crash ends the process; the kernel keeps what it has.
func (n *node) crash() { n.alive, n.socket, n.armed = false, nil, clock.Never }

// stop ends it in order.
func (n *node) stop() {
	if !n.alive {
		return
	}
	n.resume()
	n.step(Event{Kind: EvShutdown})
	n.crash()
	n.kernel = false
}

// pause stops the process; lossy: the whole host.
func (n *node) pause(lossy bool) {
	if n.alive && n.pausedAt == clock.Never {
		n.pausedAt, n.lossy = n.l.now, lossy
	}
}

// resume lets it go on, as the loop does that finds itself late: the stall first,
// then what waits, then timers.
func (n *node) resume() {
	if !n.alive || n.pausedAt == clock.Never {
		return
	}
	d := n.l.now.Sub(n.pausedAt)
	n.pausedAt = clock.Never
	if d > 50*ms || d > n.c.AdverInt/2 {
		n.step(Event{Kind: EvStalled, For: d})
	}
	n.turn()
}

func (n *node) impair(c Causes) {
	n.causes |= c
	if n.alive {
		n.resume()
		n.step(Event{Kind: EvImpaired, Causes: c})
	}
}

func (n *node) recover(c Causes) {
	n.causes &^= c
	if n.alive {
		n.resume()
		n.step(Event{Kind: EvRecovered, Causes: c})
	}
}

// newLAN makes a LAN of n routers with random configurations. change adapts them.
func newLAN(rnd *rand.Rand, routers int, change func(c *Config)) *lan {
	l := &lan{rnd: rnd, delay: 100*time.Microsecond + time.Duration(rnd.Int64N(int64(4*ms)))}
	version, interval := uint8(V2), sec
	if rnd.IntN(2) == 0 {
		version, interval = V3, time.Duration(5+rnd.IntN(20))*centisecond
	}
	for i := range routers {
		c := &Config{Version: version, VRID: 1, AdverInt: interval, Digest: 1,
			Source:   netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + i)}),
			Priority: uint8(50 + 50*rnd.IntN(4)), Spread: rnd.Uint32()}
		change(c)
		n := &node{l: l, id: i, c: c, pausedAt: clock.Never, armed: clock.Never}
		l.nodes = append(l.nodes, n)
	}
	return l
}
