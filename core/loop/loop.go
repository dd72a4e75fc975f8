// Package loop is the event loop of a child: one goroutine that owns all protocol
// state, an inbox for everybody else, deadlines by small id and one alarm clock.
package loop

import (
	"context"
	"time"

	"keepalived/core/clock"
	"keepalived/core/timerq"
)

// slowTurn is the length from which a turn is counted as slow: half of what an
// advert may be late (anchor: p99 below 5 ms under hostile readers).
const slowTurn = 5 * time.Millisecond

// lateLimit is from when a late wake-up is a stall: an order of magnitude above what
// timers and a busy machine do (p99.9 below 10 ms beside two CPU hogs).
const lateLimit = 50 * time.Millisecond

// perTurn bounds how many messages one turn handles before the deadlines are looked
// at again, so that a flood of messages cannot hold up an advert.
const perTurn = 256

// Handler is the owner of the state. All methods are called on the loop goroutine
// and must not block.
type Handler[M any] interface {
	// Late begins a turn that found the earliest deadline passed by more than the
	// loop's limit: the process did not run. Nothing of the turn was handled yet.
	Late(now clock.Instant, by time.Duration)
	// Handle takes one message.
	Handle(now clock.Instant, m M)
	// Due is told that the deadline of id, at, has come; it is no longer armed.
	Due(now clock.Instant, id int32, at clock.Instant)
	// Turned ends a turn: what was collected during it is handed on here.
	Turned(now clock.Instant)
}

// Loop is the inbox and the deadlines. Post may be called by any goroutine, the
// rest only on the loop goroutine.
type Loop[M any] struct {
	clock clock.Clock
	waker clock.Waker
	queue timerq.Queue
	at    []clock.Instant // deadline by id, as armed
	first chan M
	inbox chan M
	done  chan struct{}
	armed clock.Instant
	slow  uint64
	// firing is the time of the deadlines that are being fired; 0: none are. What is
	// armed meanwhile for now or earlier waits for the next turn: whoever has much to
	// do in small portions must not keep what others have to do from its turn.
	firing clock.Instant
}

// New makes a loop with room for size ordinary messages and as many urgent ones.
func New[M any](c clock.Clock, w clock.Waker, size int) *Loop[M] {
	return &Loop[M]{
		clock: c, waker: w, armed: clock.Never,
		first: make(chan M, size), inbox: make(chan M, size), done: make(chan struct{}),
	}
}

// Post puts m into the inbox and waits while it is full; false when the loop has
// ended. The loop goroutine itself must not call it.
func (l *Loop[M]) Post(m M) bool { return l.put(l.inbox, m) }

// put prefers the end of the loop to room in a queue that nobody reads any more.
func (l *Loop[M]) put(q chan<- M, m M) bool {
	select {
	case <-l.done:
		return false
	default:
	}
	select {
	case q <- m:
		return true
	case <-l.done:
		return false
	}
}

// PostFirst puts m before all ordinary messages (received adverts, and barriers
// behind them). It waits while the urgent inbox is full; false when the loop has ended.
func (l *Loop[M]) PostFirst(m M) bool { return l.put(l.first, m) }

// TryPostFirst is PostFirst without waiting: false when there is no room.
func (l *Loop[M]) TryPostFirst(m M) bool {
	select {
	case l.first <- m:
		return true
	default:
		return false
	}
}

// Arm sets, moves or (with clock.Never) removes the deadline of id.
func (l *Loop[M]) Arm(id int32, at clock.Instant) {
	if int(id) >= len(l.at) {
		l.at = append(l.at, make([]clock.Instant, int(id)+1-len(l.at))...)
	}
	if at <= l.firing {
		at = l.firing + 1
	}
	l.at[id] = at
	l.queue.Set(id, at)
}

// Now reads the clock.
func (l *Loop[M]) Now() clock.Instant { return l.clock.Now() }

// SlowTurns returns the number of turns that took longer than 5 ms.
func (l *Loop[M]) SlowTurns() uint64 { return l.slow }

// Run turns until ctx ends. It returns ctx's error.
func (l *Loop[M]) Run(ctx context.Context, h Handler[M]) error {
	defer close(l.done)
	defer l.waker.Close()
	for {
		var m M
		var got, urgent bool
		if now := l.clock.Now(); l.queue.Next() <= now {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			l.timedTurn(now, h, m, false, false)
			continue
		}
		l.arm()
		// Urgent messages win over ordinary ones that wait as well.
		select {
		case m = <-l.first:
			got, urgent = true, true
		default:
			select {
			case <-ctx.Done():
				return ctx.Err()
			case m = <-l.first:
				got, urgent = true, true
			case m = <-l.inbox:
				got = true
			case <-l.waker.C():
				l.armed = clock.Never
			}
		}
		l.timedTurn(l.clock.Now(), h, m, got, urgent)
	}
}

func (l *Loop[M]) timedTurn(now clock.Instant, h Handler[M], m M, got, urgent bool) {
	l.turn(now, h, m, got, urgent)
	if l.clock.Now().Sub(now) > slowTurn {
		l.slow++
	}
}

func (l *Loop[M]) turn(now clock.Instant, h Handler[M], m M, got, urgent bool) {
	if by := now.Sub(l.queue.Next()); l.queue.Len() > 0 && by > lateLimit {
		h.Late(now, by)
	}
	n := 0
	if got && urgent {
		h.Handle(now, m)
		n++
	}
	n = l.drain(now, h, l.first, n)
	if got && !urgent {
		h.Handle(now, m)
		n++
	}
	l.drain(now, h, l.inbox, n)
	l.firing = now
	for {
		id, ok := l.queue.PopDue(now)
		if !ok {
			break
		}
		h.Due(now, id, l.at[id])
	}
	l.firing = 0
	h.Turned(now)
}

// drain handles what waits in c, up to the turn's bound.
func (l *Loop[M]) drain(now clock.Instant, h Handler[M], c <-chan M, n int) int {
	for ; n < perTurn; n++ {
		select {
		case m := <-c:
			h.Handle(now, m)
		default:
			return n
		}
	}
	return n
}

// arm sets the alarm clock when the earliest deadline is not the one it is set to.
func (l *Loop[M]) arm() {
	if next := l.queue.Next(); next != l.armed {
		l.waker.Arm(next)
		l.armed = next
	}
}
