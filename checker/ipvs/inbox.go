package ipvs

import (
	"errors"
	"net/netip"

	"keepalived/core/clock"
)

// inbox is what the loop has said since Run last looked. There is at most one of them in
// the mail channel (capacity 1): the loop takes it out, adds to it and puts it back, so that
// it never waits and the newest want for a service replaces the older ones.
type inbox struct {
	wants   map[Key]want
	order   []Key // of wants, by first mention
	flush   bool
	verify  bool
	closing bool
}

type want struct {
	gen          uint64
	present      bool
	service      Service // canonical
	destinations []Destination
}

func (in *inbox) set(k Key, n want) {
	if _, again := in.wants[k]; !again {
		in.order = append(in.order, k)
	}
	in.wants[k] = n
}

func (w *Worker) say(add func(*inbox)) {
	var in *inbox
	select {
	case in = <-w.mail:
	default:
		in = &inbox{wants: map[Key]want{}}
	}
	add(in)
	w.mail <- in // there is room: nobody else puts anything in
}

// open takes the mail.
func (w *Worker) open(in *inbox) {
	for _, k := range in.order {
		e := w.entries[k]
		if e == nil {
			e = &entry{key: k}
			e.number = w.numbers.give(e)
			w.entries[k] = e
		}
		e.want = in.wants[k]
		for i := range e.want.destinations {
			e.want.destinations[i] = e.want.destinations[i].canonical()
		}
		e.told, e.attempts, e.drifted = toldNothing, 0, nil
		w.retries.Set(e.number, clock.Never)
		w.enqueue(e)
	}
	w.flush = w.flush || in.flush
	w.closing = w.closing || in.closing
	if in.verify && w.kernel != nil {
		w.sweep, w.sweepAt = nil, 0
	}
}

// entry is what Run knows of a service.
type entry struct {
	key    Key
	number int32
	want   want

	// known: what follows is what the kernel has, as far as we know.
	// listed: there and service are, and the destinations have yet to be read.
	known        bool
	listed       bool
	there        bool
	service      Service
	destinations []Destination
	version      uint64 // counts the times it was dealt with

	queued   bool
	seen     bool // by the sweep that begins
	attempts int
	told     told
	drifted  map[opID]Repaired // what a repair under way will have made good
	repairs  uint64
}

// told is what the loop last heard about the want.
type told uint8

const (
	toldNothing told = iota
	toldFailed
	toldDone
)

// numbers gives entries small numbers, and uses those of the gone again.
type numbers struct {
	entries []*entry
	free    []int32
}

func (n *numbers) give(e *entry) int32 {
	if len(n.free) > 0 {
		i := n.free[len(n.free)-1]
		n.free = n.free[:len(n.free)-1]
		n.entries[i] = e
		return i
	}
	n.entries = append(n.entries, e)
	return int32(len(n.entries) - 1)
}

func (n *numbers) take(i int32) { n.entries[i], n.free = nil, append(n.free, i) }

func (n *numbers) entry(i int32) *entry { return n.entries[i] }

// connect opens the kernel, and tells everybody who waits for it when there is none. What
// was known of the table is not known any more.
func (w *Worker) connect(now clock.Instant) bool {
	if now < w.reopenAt {
		w.refuse()
		return false
	}
	k, err := w.cfg.Open()
	if err != nil {
		w.noKernel, w.reopenAt = err, now.Add(lastRetry)
		if errors.Is(err, ErrNoIPVS) {
			w.reopenAt = now.Add(w.cfg.Reopen)
		}
		w.refuse()
		return false
	}
	w.kernel, w.noKernel, w.reopenAt = k, nil, 0
	w.sweepAt = now.Add(w.cfg.Period)
	for _, e := range w.entries {
		e.known, e.listed = false, false
		w.enqueue(e)
	}
	return true
}

// refuse tells those queued that there is no kernel, once each.
func (w *Worker) refuse() {
	w.flush = false
	for _, e := range w.queue {
		e.queued = false
		if !e.want.present && errors.Is(w.noKernel, ErrNoIPVS) { // it is not there indeed
			w.done(e)
			continue
		}
		if e.told != toldFailed {
			e.told = toldFailed
			w.cfg.Applied(Applied{Service: e.key, Gen: e.want.gen, Err: w.noKernel, Failed: 1})
		}
	}
	w.queue = nil
}

// hangUp closes the kernel; the next thing to do opens it again.
func (w *Worker) hangUp() {
	if w.kernel != nil {
		_ = w.kernel.Close() // nothing is lost with it
		w.kernel = nil
	}
	w.sweep, w.sweepAt = nil, clock.Never
}

// done reports that the want is in force, and forgets an entry that is no more.
func (w *Worker) done(e *entry) {
	e.attempts, e.drifted = 0, nil
	if e.told != toldDone {
		e.told = toldDone
		w.cfg.Applied(Applied{Service: e.key, Gen: e.want.gen})
	}
	if !e.want.present {
		delete(w.entries, e.key)
		w.retries.Set(e.number, clock.Never)
		w.numbers.take(e.number)
	}
}

// opID names an operation among those on one service.
type opID struct {
	kind opKind
	addr netip.AddrPort // not valid: the service itself
}
