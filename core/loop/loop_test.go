package loop

import (
	"context"
	"errors"
	"testing"
	"time"

	"keepalived/core/clock"
)

type recorder struct {
	l     *Loop[string]
	seen  []string
	due   chan int32
	turns int
	late  []time.Duration
	on    func(m string)
}

func (r *recorder) Handle(_ clock.Instant, m string) {
	r.seen = append(r.seen, m)
	if r.on != nil {
		r.on(m)
	}
}

func (r *recorder) Late(_ clock.Instant, by time.Duration) { r.late = append(r.late, by) }

func (r *recorder) Due(now clock.Instant, id int32, at clock.Instant) {
	if at > now {
		panic("fired early")
	}
	r.due <- id
}

func (r *recorder) Turned(clock.Instant) { r.turns++ }

// start runs a loop on c; the returned stop ends it and waits.
func start(t *testing.T, c clock.Clock, prepare func(*recorder)) (r *recorder, stop func()) {
	t.Helper()
	l := New[string](c, c.NewWaker(), 16)
	r = &recorder{l: l, due: make(chan int32, 16)}
	if prepare != nil {
		prepare(r)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx, r) }()
	return r, func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run ended with %v", err)
		}
	}
}

func TestUrgentMessagesComeFirst(t *testing.T) {
	all := make(chan struct{})
	r, stop := start(t, clock.NewFake(0), func(r *recorder) {
		for _, m := range []string{"a", "b"} {
			r.l.Post(m)
		}
		r.l.PostFirst("advert")
		r.on = func(string) {
			if len(r.seen) == 3 {
				close(all)
			}
		}
	})
	<-all
	stop()
	if r.seen[0] != "advert" || r.seen[1] != "a" || r.seen[2] != "b" {
		t.Fatalf("handled in the order %q", r.seen)
	}
	if r.l.Post("late") {
		t.Fatal("Post into an ended loop said true")
	}
}

// TestWakers holds both real wakers to the same rules: never early, and a moved
// alarm rings at its new time.
func TestWakers(t *testing.T) {
	for _, tc := range []struct {
		name string
		c    clock.Clock
	}{{"runtime timer", clock.Real{}}, {"timerfd", Precise{}}} {
		t.Run(tc.name, func(t *testing.T) {
			w := tc.c.NewWaker()
			defer w.Close()
			w.Arm(tc.c.Now().Add(time.Hour))
			at := tc.c.Now().Add(5 * time.Millisecond)
			w.Arm(at)
			select {
			case <-w.C():
			case <-time.After(5 * time.Second):
				t.Fatal("the alarm did not ring")
			}
			if now := tc.c.Now(); now < at {
				t.Fatalf("rang %v early", at.Sub(now))
			}
		})
	}
}

func TestDueOrder(t *testing.T) {
	r, stop := start(t, clock.Real{}, func(r *recorder) {
		now := r.l.Now()
		r.l.Arm(1, now.Add(4*time.Millisecond))
		r.l.Arm(2, now.Add(2*time.Millisecond))
		r.l.Arm(3, now.Add(3*time.Millisecond))
		r.l.Arm(3, clock.Never)
	})
	if a, b := <-r.due, <-r.due; a != 2 || b != 1 {
		t.Errorf("due in the order %d, %d", a, b)
	}
	stop()
	if len(r.due) != 0 {
		t.Error("a deadline fired twice or was not removed")
	}
}

// TestLateBeforeAnythingElse: a loop that was kept from running says so before it
// handles a message or a deadline.
func TestLateBeforeAnythingElse(t *testing.T) {
	fake := clock.NewFake(0)
	handled := make(chan int, 1)
	r, stop := start(t, fake, func(r *recorder) {
		r.l.Arm(1, 100)
		r.on = func(string) { handled <- len(r.late) }
	})
	fake.Advance(time.Second)
	r.l.Post("m")
	if n := <-handled; n != 1 {
		t.Errorf("the message was handled after %d reports of lateness, want 1", n)
	}
	<-r.due
	stop()
	if r.late[0] != time.Second-100 {
		t.Errorf("late by %v, want %v", r.late[0], time.Second-100)
	}
}

// TestPortionsDoNotHoldUpMessages: a deadline that re-arms itself for now, as a long
// burst of announcements does, leaves every turn to the messages and deadlines of others.
func TestPortionsDoNotHoldUpMessages(t *testing.T) {
	l := New[string](clock.Real{}, clock.Real{}.NewWaker(), 16)
	p := &portions{l: l, handled: make(chan int, 1)}
	l.Arm(1, l.Now())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx, p) }()
	l.Post("m")
	if n := <-p.handled; n >= portionsMost {
		t.Errorf("the message was handled after %d portions", n)
	}
	cancel()
	<-ended
}

const portionsMost = 1 << 22

// portions has work in many small portions.
type portions struct {
	l       *Loop[string]
	n       int
	handled chan int
}

func (p *portions) Handle(clock.Instant, string) { p.handled <- p.n }

func (p *portions) Due(now clock.Instant, id int32, _ clock.Instant) {
	if p.n++; p.n < portionsMost {
		p.l.Arm(id, now)
	}
}

func (p *portions) Turned(clock.Instant) {}

func (p *portions) Late(clock.Instant, time.Duration) {}
