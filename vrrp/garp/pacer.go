// Package garp paces gratuitous ARP and unsolicited neighbour advertisements on one
// interface, or on the interfaces of one garp_group: how often each address is
// announced, when again, and how far apart.
//
// It is pure: it says what to send and when to ask again, and sends nothing. Adverts
// come first, so Next returns small batches and the caller sends due adverts between
// them. It must not import the state machine; Round is the daemon's to translate.
package garp

import (
	"net/netip"
	"time"

	"keepalived/core/clock"
	"keepalived/core/timerq"
)

// Batch is the most that one Next returns.
const Batch = 32

// Config is the pace of the interface. The zero Config sends back to back.
type Config struct {
	ARPInterval time.Duration // garp_interval: between two gratuitous ARPs
	NAInterval  time.Duration // gna_interval: between two unsolicited NAs
	PerSecond   int           // limit of both together over a second; 0: none
}

// Schedule is how an instance's addresses are announced. Delays of 0 and counts of
// 0 mean "not at all".
type Schedule struct {
	Repeat        int           // garp_master_repeat: rounds on becoming Master
	Delay         time.Duration // garp_master_delay: until as many again
	Refresh       time.Duration // garp_master_refresh: between refreshes
	RefreshRepeat int           // garp_master_refresh_repeat: rounds of each
	LowerRepeat   int           // garp_lower_prio_repeat: rounds against a rival
	LowerDelay    time.Duration // garp_lower_prio_delay: until as many again
}

// Target is an address to be announced on a link.
type Target struct {
	Addr netip.Addr
	Link int32 // ifindex
}

// Announce is one packet to send.
type Announce struct {
	Owner int32
	Target
}

// Round is a kind of announcement.
type Round uint8

// Rounds.
const (
	Stop   Round = iota // drop what is queued, no more refreshes
	Master              // Repeat rounds now, again after Delay, refreshes from Delay+Refresh on
	Lower               // LowerRepeat rounds now, again after LowerDelay
	Once                // one round now
	Added               // as Master, only for targets that were not announced since Stop
)

// Pacer holds what is to be announced. The zero Pacer sends back to back and knows
// no owner.
type Pacer struct {
	c      Config
	slots  map[int32]int32 // owner's id → index in owners
	free   []int32
	owners []owner
	timers timerq.Queue // by slot: second bursts and refreshes
	lanes  [2]lane      // ARP, NA: one must not hold up the other
	credit clock.Instant
	batch  [Batch]Announce
	again  []int32 // see Again
}

// owner is an instance. A target of its takes part in a round as long as it has
// rounds left.
type owner struct {
	id      int32
	active  bool // since a first round, until Stop
	sched   Schedule
	targets []target
	second  clock.Instant // second burst of Master
	lower   clock.Instant // second burst of Lower
	refresh clock.Instant
}

type target struct {
	Target
	left  int  // rounds to go
	again bool // takes part in the second burst
	known bool // announced since Stop
}

// lane is the queue of owners with rounds to go in one protocol: first come, first
// served, one round at a time, so that every address is announced once before any
// is repeated.
type lane struct {
	queue  []int32 // ring of slots
	head   int
	n      int
	cursor int    // next target of the owner at the head
	queued []bool // by slot
	next   clock.Instant
}

// New returns a Pacer of that pace.
func New(c Config) *Pacer { return &Pacer{c: c} }

// Configure changes the pace.
func (p *Pacer) Configure(c Config) { p.c = c }

// SetTargets sets what an owner announces and how. What is under way for a target
// that stays goes on; nothing is queued for a new one before Start.
func (p *Pacer) SetTargets(id int32, sched Schedule, targets []Target) {
	slot := p.slot(id)
	o := &p.owners[slot]
	o.sched = sched
	next := make([]target, len(targets))
	from := 0 // most targets follow the one that matched before
	for i, t := range targets {
		next[i].Target = t
		for j := range o.targets {
			if j = (from + j) % len(o.targets); o.targets[j].Target == t {
				next[i], from = o.targets[j], j+1
				break
			}
		}
	}
	o.targets = next
	for i := range p.lanes {
		if l := &p.lanes[i]; l.n > 0 && l.queue[l.head] == slot {
			l.cursor = 0
		}
	}
}

// Reschedule has the refreshes of an announcing owner follow its present schedule, one
// interval from now: after SetTargets with another one.
func (p *Pacer) Reschedule(id int32, now clock.Instant) {
	slot, ok := p.slots[id]
	if !ok || !p.owners[slot].active {
		return
	}
	o := &p.owners[slot]
	o.refresh = clock.Never
	if o.sched.Refresh > 0 {
		o.refresh = now.Add(o.sched.Refresh)
	}
	p.timers.Set(slot, o.deadline())
}

// Remove forgets an owner and what is queued for it.
func (p *Pacer) Remove(id int32) {
	slot, ok := p.slots[id]
	if !ok {
		return
	}
	p.Start(id, 0, Stop)
	p.owners[slot] = owner{id: -1, second: clock.Never, lower: clock.Never, refresh: clock.Never}
	delete(p.slots, id)
	p.free = append(p.free, slot)
}

// Start begins a round. Rounds that are under way are not repeated on top of it: an
// address has the larger of the two numbers of rounds to go.
func (p *Pacer) Start(id int32, now clock.Instant, r Round) {
	slot, ok := p.slots[id]
	if !ok {
		return
	}
	o := &p.owners[slot]
	if r == Stop {
		o.stop()
		p.timers.Set(slot, clock.Never)
		return
	}
	if !o.active || r == Master {
		o.activate(now)
	}
	switch r {
	case Master:
		o.burst(now, func(*target) bool { return true })
	case Added:
		o.burst(now, func(t *target) bool { return !t.known })
	case Lower:
		o.raise(o.sched.LowerRepeat)
		if o.sched.LowerDelay > 0 && o.sched.LowerRepeat > 0 {
			o.lower = now.Add(o.sched.LowerDelay)
		}
	case Once:
		o.raise(1)
	}
	p.enqueue(slot)
	p.timers.Set(slot, o.deadline())
}

// Next returns what to send now, at most Batch announcements, and when to ask again:
// now itself when more is waiting, clock.Never when nothing is. The batch is the
// caller's until the following Next.
func (p *Pacer) Next(now clock.Instant) (burst []Announce, again clock.Instant) {
	p.again = p.again[:0]
	for {
		slot, ok := p.timers.PopDue(now)
		if !ok {
			break
		}
		o := &p.owners[slot]
		o.due(now)
		p.again = append(p.again, o.id)
		p.enqueue(slot)
		p.timers.Set(slot, o.deadline())
	}
	n := 0
	for n < Batch {
		before := n
		for i := range p.lanes {
			if n < Batch && p.permits(i, now) && p.take(i, now, &p.batch[n]) {
				n++
			}
		}
		if n == before {
			break
		}
	}
	return p.batch[:n], p.Deadline(now)
}

// Again returns the owners whose second burst or refresh has begun in the last Next. It is
// the caller's until the following one.
func (p *Pacer) Again() []int32 { return p.again }

// AppendFresh appends the addresses of an owner that were not announced since Stop: what a
// round Added is of.
func (p *Pacer) AppendFresh(list []netip.Addr, id int32) []netip.Addr {
	slot, ok := p.slots[id]
	if !ok {
		return list
	}
	for i := range p.owners[slot].targets {
		if t := &p.owners[slot].targets[i]; !t.known {
			list = append(list, t.Addr)
		}
	}
	return list
}

// Deadline is when Next will have something to send, not before now.
func (p *Pacer) Deadline(now clock.Instant) clock.Instant {
	at := p.timers.Next()
	for i := range p.lanes {
		if p.lanes[i].n > 0 {
			at = min(at, p.allowed(i, now))
		}
	}
	return max(at, now)
}

// Free is when the next gratuitous ARP and the next NA may go by their intervals; 0 before
// the first of a kind.
func (p *Pacer) Free() (arp, na clock.Instant) { return p.lanes[0].next, p.lanes[1].next }

// Idle reports whether nothing is queued now; second bursts and refreshes may follow.
func (p *Pacer) Idle() bool { return p.lanes[0].n == 0 && p.lanes[1].n == 0 }

func (p *Pacer) slot(id int32) int32 {
	if slot, ok := p.slots[id]; ok {
		return slot
	}
	if p.slots == nil {
		p.slots = make(map[int32]int32)
	}
	slot := int32(len(p.owners))
	if n := len(p.free); n > 0 {
		slot, p.free = p.free[n-1], p.free[:n-1]
	} else {
		p.owners = append(p.owners, owner{})
		for i := range p.lanes {
			p.lanes[i].grow()
		}
	}
	p.owners[slot] = owner{id: id, second: clock.Never, lower: clock.Never, refresh: clock.Never}
	p.slots[id] = slot
	return slot
}

// enqueue puts an owner into the lanes where it has rounds to go.
func (p *Pacer) enqueue(slot int32) {
	for i := range p.lanes {
		if l := &p.lanes[i]; !l.queued[slot] && p.owners[slot].find(i, 0) >= 0 {
			l.push(slot)
		}
	}
}

// take removes the next announcement of a lane from its queue.
func (p *Pacer) take(i int, now clock.Instant, a *Announce) bool {
	l := &p.lanes[i]
	for l.n > 0 {
		slot := l.queue[l.head]
		o := &p.owners[slot]
		at := o.find(i, l.cursor)
		if at < 0 {
			p.endRound(i)
			continue
		}
		t := &o.targets[at]
		t.left--
		l.cursor = at + 1
		*a = Announce{Owner: o.id, Target: t.Target}
		l.next = now.Add(p.interval(i))
		if p.c.PerSecond > 0 {
			p.credit = max(p.credit, now).Add(p.cost())
		}
		if o.find(i, l.cursor) < 0 {
			p.endRound(i)
		}
		return true
	}
	return false
}

// endRound takes the owner at the head of a lane to its end, or out of it.
func (p *Pacer) endRound(i int) {
	l := &p.lanes[i]
	slot := l.queue[l.head]
	l.pop()
	if p.owners[slot].find(i, 0) >= 0 {
		l.push(slot)
	}
}

func (p *Pacer) interval(lane int) time.Duration {
	if lane == 0 {
		return p.c.ARPInterval
	}
	return p.c.NAInterval
}

// cost is what one packet takes of a second's credit.
func (p *Pacer) cost() time.Duration { return time.Second / time.Duration(p.c.PerSecond) }

func (p *Pacer) permits(lane int, now clock.Instant) bool { return p.allowed(lane, now) <= now }

// allowed is when the lane's next packet may go.
func (p *Pacer) allowed(lane int, now clock.Instant) clock.Instant {
	at := now
	if p.interval(lane) > 0 {
		at = max(at, p.lanes[lane].next)
	}
	if p.c.PerSecond > 0 {
		at = max(at, p.credit.Add(p.cost()-time.Second))
	}
	return at
}

// activate begins an owner's time as Master. The first refresh comes when the second
// burst and one refresh interval are over (keepalived 2.4.3; 2.2.7 counts from the
// start).
func (o *owner) activate(now clock.Instant) {
	o.active = true
	o.second, o.lower, o.refresh = clock.Never, clock.Never, clock.Never
	if o.sched.Refresh > 0 {
		o.refresh = now.Add(o.sched.Delay + o.sched.Refresh)
	}
}

// burst is the first burst for the targets chosen, and the date of the second.
func (o *owner) burst(now clock.Instant, choose func(*target) bool) {
	chosen := false
	for i := range o.targets {
		t := &o.targets[i]
		if !choose(t) {
			continue
		}
		t.known, t.again, chosen = true, true, true
		t.left = max(t.left, o.sched.Repeat)
	}
	if chosen && o.sched.Delay > 0 && o.sched.Repeat > 0 {
		o.second = min(o.second, now.Add(o.sched.Delay))
	}
}

// raise gives every target at least that many rounds to go.
func (o *owner) raise(rounds int) {
	for i := range o.targets {
		t := &o.targets[i]
		t.left = max(t.left, rounds)
		t.known = true
	}
}

// due turns the dates that have come into rounds.
func (o *owner) due(now clock.Instant) {
	if now >= o.second {
		o.second = clock.Never
		for i := range o.targets {
			if t := &o.targets[i]; t.again {
				t.again = false
				t.left = max(t.left, o.sched.Repeat)
			}
		}
	}
	if now >= o.lower {
		o.lower = clock.Never
		o.raise(o.sched.LowerRepeat)
	}
	if now >= o.refresh {
		o.raise(o.sched.RefreshRepeat)
		o.refresh = o.refresh.Add(o.sched.Refresh)
		if o.sched.Refresh <= 0 {
			o.refresh = clock.Never
		} else if o.refresh <= now {
			o.refresh = now.Add(o.sched.Refresh)
		}
	}
}

func (o *owner) stop() {
	o.active = false
	o.second, o.lower, o.refresh = clock.Never, clock.Never, clock.Never
	for i := range o.targets {
		t := &o.targets[i]
		t.left, t.again, t.known = 0, false, false
	}
}

func (o *owner) deadline() clock.Instant { return min(o.second, o.lower, o.refresh) }

// find returns the first target of the lane's protocol from index i on with rounds
// to go, or -1.
func (o *owner) find(lane, i int) int {
	for ; i < len(o.targets); i++ {
		if t := &o.targets[i]; t.left > 0 && laneOf(t.Addr) == lane {
			return i
		}
	}
	return -1
}

// laneOf is 0 for ARP, 1 for neighbour discovery.
func laneOf(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// grow makes room for one more owner.
func (l *lane) grow() {
	bigger := make([]int32, len(l.queued)+1)
	for i := range l.n {
		bigger[i] = l.queue[(l.head+i)%len(l.queue)]
	}
	l.queue, l.head = bigger, 0
	l.queued = append(l.queued, false)
}

func (l *lane) push(slot int32) {
	l.queue[(l.head+l.n)%len(l.queue)] = slot
	l.n++
	l.queued[slot] = true
}

func (l *lane) pop() {
	l.queued[l.queue[l.head]] = false
	l.head = (l.head + 1) % len(l.queue)
	l.n--
	l.cursor = 0
}
