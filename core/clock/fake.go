package clock

import (
	"sync"
	"time"
)

// Fake is a clock for tests: it moves only when told to.
type Fake struct {
	mu     sync.Mutex
	now    Instant
	wakers []*fakeWaker
}

type fakeWaker struct {
	f  *Fake
	at Instant
	c  chan struct{}
}

// NewFake returns a clock that stands at now.
func NewFake(now Instant) *Fake { return &Fake{now: now} }

// Now implements Clock.
func (f *Fake) Now() Instant {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// NewWaker implements Clock.
func (f *Fake) NewWaker() Waker {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := &fakeWaker{f: f, at: Never, c: make(chan struct{}, 1)}
	f.wakers = append(f.wakers, w)
	return w
}

// Advance moves the clock forward by d and rings the wakers that are due.
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
	for _, w := range f.wakers {
		w.fire()
	}
}

// fire rings w when it is due; the clock's lock is held.
func (w *fakeWaker) fire() {
	if w.at <= w.f.now {
		w.at = Never
		ring(w.c)
	}
}

func (w *fakeWaker) Arm(at Instant) {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	w.at = at
	w.fire()
}

func (w *fakeWaker) C() <-chan struct{} { return w.c }

func (w *fakeWaker) Close() { w.Arm(Never) }
