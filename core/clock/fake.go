package clock

import (
	"sync"
	"time"
)

// Fake is a clock for tests: it moves only when told to.
type Fake struct {
	mu      sync.Mutex
	now     Instant
	waiters map[int]waiter
	next    int
}

type waiter struct {
	at Instant
	c  chan<- struct{}
}

// NewFake returns a clock that stands at now.
func NewFake(now Instant) *Fake { return &Fake{now: now, waiters: map[int]waiter{}} }

// Now implements Clock.
func (f *Fake) Now() Instant {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// Wake implements Clock.
func (f *Fake) Wake(at Instant, c chan<- struct{}) (stop func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := f.next
	f.next++
	f.waiters[id] = waiter{at: at, c: c}
	f.fire()
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.waiters, id)
	}
}

// Advance moves the clock forward by d and wakes whoever is due.
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
	f.fire()
}

func (f *Fake) fire() {
	for id, w := range f.waiters {
		if w.at > f.now {
			continue
		}
		select {
		case w.c <- struct{}{}:
		default:
		}
		delete(f.waiters, id)
	}
}
