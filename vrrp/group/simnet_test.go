package group

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"keepalived/core/clock"
	"keepalived/core/timerq"
	"keepalived/vrrp/fsm"
	"keepalived/vrrp/garp"
)

// The simulator: hosts with a sync group of one instance on each of two LANs, and a
// pacer for each LAN. A host is driven as the daemon does it: events to Step,
// actions through one switch, the group stepped when an instance asks for it, one
// timer for each instance and each pacer. No rule is repeated here.

const lans = 2

type event struct {
	kind   kind
	host   int
	lan    int
	advert fsm.Advert
	gen    uint64
	do     func()
}

type kind uint8

const (
	packet    kind = iota // an advert reaches a host
	timer                 // the deadline of an instance
	pace                  // the deadline of a pacer
	installed             // the kernel has a generation's addresses
	removed               // … has removed them
	story
)

// world is the network and the clock.
type world struct {
	rnd      *rand.Rand
	now      clock.Instant
	queue    timerq.Queue // of indices in events
	events   []event
	free     []int32
	hosts    []*host
	loss     float64
	delay    time.Duration
	cut      [4][4][lans]bool // from, to
	owner    [lans]int        // whose announcement was sent last
	wrong    [lans]clock.Instant
	healedAt clock.Instant
	over     bool
	trace    *strings.Builder
	failure  string
}

// host is one daemon.
type host struct {
	w       *world
	id      int
	group   State
	members [lans]member
	changed int // member whose standing has changed last, or -1
	alive   bool
	paused  clock.Instant // Never: running
	told    fsm.Notice
}

// member is what the daemon keeps of an instance.
type member struct {
	c      *fsm.Config
	s      fsm.State
	slot   [fsm.SlotSize]byte
	pacer  *garp.Pacer
	socket []fsm.Advert
	armed  clock.Instant
	pacing clock.Instant
	wanted fsm.Want
	kernel bool
	causes fsm.Causes
}

func (w *world) push(after time.Duration, e event) {
	id := int32(len(w.events))
	if n := len(w.free); n > 0 {
		id, w.free = w.free[n-1], w.free[:n-1]
		w.events[id] = e
	} else {
		w.events = append(w.events, e)
	}
	w.queue.Set(id, w.now.Add(after))
}

// run plays everything up to an instant.
func (w *world) run(until clock.Instant) {
	for turns := 0; w.failure == ""; turns++ {
		if turns > 100000 {
			w.fail("no end of events")
			break
		}
		at := w.queue.Next()
		id, ok := w.queue.PopDue(until)
		if !ok {
			break
		}
		e := w.events[id]
		w.free = append(w.free, id)
		w.now = at
		w.hosts[e.host].handle(e)
		w.watch()
	}
	w.now = until
}

func (w *world) fail(format string, args ...any) {
	if w.failure == "" {
		w.failure = fmt.Sprintf("%v: ", time.Duration(w.now)) + fmt.Sprintf(format, args...)
	}
}

func (h *host) handle(e event) {
	m := &h.members[e.lan]
	running := h.alive && h.paused == clock.Never
	switch e.kind {
	case packet:
		if h.alive {
			m.socket = append(m.socket, e.advert)
			h.turn()
		}
	case timer:
		if m.armed == h.w.now {
			m.armed = clock.Never
			h.turn()
		}
	case pace:
		if m.pacing == h.w.now && running {
			m.pacing = clock.Never
			h.announce(e.lan)
		}
	case installed:
		switch {
		case !h.alive || m.wanted != fsm.WantVIPs || m.s.Gen != e.gen:
		case !running:
			h.w.push(5*time.Millisecond, e)
			m.kernel = true
		default:
			m.kernel = true
			h.event(e.lan, fsm.Event{Kind: fsm.EvInstalled, Gen: e.gen})
		}
	case removed:
		m.kernel = m.kernel && m.wanted == fsm.WantVIPs
	case story:
		if !h.w.over {
			e.do()
		}
	}
}

// turn is one turn of the loop: read what there is, then fire what is due.
func (h *host) turn() {
	if !h.alive || h.paused != clock.Never {
		return
	}
	for lan := range h.members {
		m := &h.members[lan]
		for _, a := range m.socket {
			h.event(lan, fsm.Event{Kind: fsm.EvAdvert, Advert: a})
		}
		m.socket = m.socket[:0]
	}
	for lan := range h.members {
		if h.w.now >= h.members[lan].s.Deadline() {
			h.event(lan, fsm.Event{Kind: fsm.EvTick})
		}
	}
}

// event steps an instance, then its group until it is at rest.
func (h *host) event(lan int, e fsm.Event) {
	h.step(lan, e)
	h.regroup()
	h.check()
}

// all steps every instance with the same event.
func (h *host) all(e fsm.Event) {
	for lan := range h.members {
		h.step(lan, e)
	}
	h.regroup()
	h.check()
}

func (h *host) regroup() {
	for rounds := 0; h.changed >= 0; rounds++ {
		if rounds > 10 {
			h.w.fail("h%d: the group does not come to rest", h.id)
			return
		}
		cause := h.changed
		h.changed = -1
		var standing [lans]fsm.Standing
		for lan := range h.members {
			standing[lan] = h.members[lan].s.Standing()
		}
		var out Outcome
		h.group, out = Step(h.group, standing[:])
		if out.Opening {
			h.notified(out.Notice)
		}
		if out.Pull != fsm.Initialize {
			h.step(cause, fsm.Event{Kind: fsm.EvGroupPull, Phase: out.Pull})
		}
		if !out.Opening {
			h.notified(out.Notice)
		}
		if out.Pull == fsm.Initialize {
			continue
		}
		for lan := range h.members {
			if lan != cause {
				h.step(lan, fsm.Event{Kind: fsm.EvGroupPull, Phase: out.Pull})
			}
		}
	}
}

// notified: the group's scripts never hear the same state twice in a row.
func (h *host) notified(n fsm.Notice) {
	if n != 0 && n == h.told {
		h.w.fail("h%d: the group notifies %v twice", h.id, n)
	}
	if n != 0 {
		h.told = n
	}
}

func (h *host) step(lan int, e fsm.Event) {
	m := &h.members[lan]
	was := m.s.Phase
	var as fsm.Actions
	m.s, as = fsm.Step(m.c, m.s, h.w.now, e)
	h.dispatch(lan, was, &as, e.Kind)
}

// dispatch does what a Step asked for.
func (h *host) dispatch(lan int, was fsm.Phase, as *fsm.Actions, cause fsm.EventKind) {
	w, m := h.w, &h.members[lan]
	if w.trace != nil && (as.Len() > 0 || was != m.s.Phase) {
		fmt.Fprintf(w.trace, "%14v h%d.%d %v: %v → %v, group %v\n", time.Duration(w.now), h.id, lan, cause, was, m.s.Phase, h.group.Phase)
	}
	for i := range as.Len() {
		a := as.At(i)
		switch a.Kind {
		case fsm.ActSendAdvert:
			h.send(lan, a.Priority)
		case fsm.ActWant:
			m.wanted = a.Want
			k := removed
			if a.Want == fsm.WantVIPs {
				k = installed
			}
			w.push(time.Millisecond+time.Duration(w.rnd.Int64N(int64(5*time.Millisecond))), event{kind: k, host: h.id, lan: lan, gen: a.Gen})
		case fsm.ActQueueGARP:
			m.pacer.Start(0, w.now, rounds[a.Round])
			h.announce(lan)
		case fsm.ActTellGroup:
			h.changed = lan
		case fsm.ActAnnounceGroup:
			for other := range h.members {
				if other != lan {
					h.step(other, fsm.Event{Kind: fsm.EvGroupAnnounce})
				}
			}
		case fsm.ActRecord:
			fsm.EncodeRecord(&m.slot, fsm.NewRecord(m.c, &m.s))
		}
	}
	if at := m.s.Deadline(); at != m.armed && h.alive {
		m.armed = at
		if at != clock.Never {
			m.armed = max(at, w.now)
			w.push(m.armed.Sub(w.now), event{kind: timer, host: h.id, lan: lan})
		}
	}
}

var rounds = [...]garp.Round{fsm.RoundStop: garp.Stop, fsm.RoundMaster: garp.Master, fsm.RoundLower: garp.Lower,
	fsm.RoundOnce: garp.Once, fsm.RoundAdded: garp.Added}

func (h *host) send(lan int, priority uint8) {
	w, m := h.w, &h.members[lan]
	for _, to := range w.hosts {
		if to == h || w.cut[h.id][to.id][lan] || w.loss > 0 && w.rnd.Float64() < w.loss {
			continue
		}
		d := 1 + time.Duration(w.rnd.Int64N(int64(w.delay)))
		w.push(d, event{kind: packet, host: to.id, lan: lan, advert: fsm.Advert{
			At: w.now.Add(d), Source: m.c.Source, Priority: priority, AdverInt: m.c.AdverInt}})
	}
}

// announce lets the pacer of a LAN send what it may. The third party on the LAN, the
// client, is where neither side is cut off from.
func (h *host) announce(lan int) {
	w, m := h.w, &h.members[lan]
	for calls := 0; ; calls++ {
		if calls > 1000 {
			w.fail("h%d.%d: the pacer does not come to an end", h.id, lan)
			return
		}
		burst, again := m.pacer.Next(w.now)
		if len(burst) > 0 {
			if m.s.Phase != fsm.Master || !m.kernel {
				w.fail("h%d.%d announces as %v, addresses there: %v", h.id, lan, m.s.Phase, m.kernel)
			}
			w.owner[lan] = h.id
		}
		if again > w.now {
			if again != clock.Never && again != m.pacing {
				w.push(again.Sub(w.now), event{kind: pace, host: h.id, lan: lan})
			}
			m.pacing = again
			return
		}
	}
}

// check: members move together, in one turn; addresses are wanted by a MASTER only.
func (h *host) check() {
	for lan := range h.members {
		m := &h.members[lan]
		if m.s.Phase != h.members[0].s.Phase {
			h.w.fail("h%d: %v beside %v", h.id, m.s.Phase, h.members[0].s.Phase)
		}
		if (m.wanted == fsm.WantVIPs) != (m.s.Phase == fsm.Master) {
			h.w.fail("h%d.%d wants %v as %v", h.id, lan, m.wanted, m.s.Phase)
		}
	}
}

// start brings the daemon up. Instances of a group resume together or not at all.
func (h *host) start() {
	if h.alive {
		return
	}
	h.alive, h.paused, h.changed = true, clock.Never, -1
	for lan := range h.members {
		m := &h.members[lan]
		m.socket, m.armed, m.pacing = nil, clock.Never, clock.Never
		m.pacer = garp.New(garp.Config{})
		m.pacer.SetTargets(0, garp.Schedule{Repeat: 5, Delay: 5 * sec, LowerRepeat: 5, LowerDelay: 5 * sec, RefreshRepeat: 1},
			[]garp.Target{{Addr: netip.AddrFrom4([4]byte{10, 0, byte(lan), 100}), Link: int32(lan)}})
	}
	if h.resume() {
		return
	}
	h.group, h.told = State{}, 0
	for lan := range h.members {
		m := &h.members[lan]
		m.s, m.wanted = fsm.New(m.c), fsm.WantNone
	}
	for lan := range h.members {
		h.event(lan, fsm.Event{Kind: fsm.EvStartup, Causes: h.members[lan].causes})
	}
}

func (h *host) resume() bool {
	var states [lans]fsm.State
	var actions [lans]fsm.Actions
	for lan := range h.members {
		m := &h.members[lan]
		rec, ok := fsm.DecodeRecord(&m.slot)
		if !ok {
			return false
		}
		rec.Present = m.kernel
		var v fsm.Verdict
		if states[lan], actions[lan], v = fsm.Resume(m.c, rec, h.w.now); v != fsm.Resumed {
			return false
		}
	}
	h.group = Resume(states[:])
	for lan := range h.members {
		h.members[lan].s = states[lan]
		h.dispatch(lan, fsm.Master, &actions[lan], fsm.EvStartup)
	}
	h.regroup()
	for lan := range h.members {
		if c := h.members[lan].causes; c != 0 {
			h.event(lan, fsm.Event{Kind: fsm.EvImpaired, Causes: c})
		}
	}
	return true
}

func (h *host) crash() {
	h.alive = false
	for lan := range h.members {
		h.members[lan].armed = clock.Never
	}
}

func (h *host) stop() {
	if !h.alive {
		return
	}
	h.goOn()
	h.all(fsm.Event{Kind: fsm.EvShutdown})
	if h.told != fsm.NoticeStop {
		h.w.fail("h%d: the group was told %v at its stop", h.id, h.told)
	}
	h.crash()
}

func (h *host) pause() {
	if h.alive && h.paused == clock.Never {
		h.paused = h.w.now
	}
}

// goOn lets a paused process go on: the stall first, then what waits, then timers.
func (h *host) goOn() {
	if !h.alive || h.paused == clock.Never {
		return
	}
	d := h.w.now.Sub(h.paused)
	h.paused = clock.Never
	if d > 50*time.Millisecond {
		h.all(fsm.Event{Kind: fsm.EvStalled, For: d})
	}
	h.turn()
	for lan := range h.members {
		h.announce(lan)
	}
}

func (h *host) master() bool { return h.alive && h.members[0].s.Phase == fsm.Master }

// masters returns the hosts whose group is MASTER.
func (w *world) masters() []*host {
	return slices.DeleteFunc(slices.Clone(w.hosts), func(h *host) bool { return !h.master() })
}
