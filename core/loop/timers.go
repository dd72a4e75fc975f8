package loop

import "keepalived/core/clock"

// Timers gives the deadlines of a loop to whoever needs one, each with what is to be
// done when it comes. It belongs to the loop goroutine. The owner of the loop passes
// its Handler.Due on to Due.
type Timers struct {
	// Arm is the Loop's.
	Arm  func(id int32, at clock.Instant)
	due  []func(now, at clock.Instant)
	free []int32
}

// Timer is one deadline. The zero Timer is none: only Made may be asked of it.
type Timer struct {
	t  *Timers
	id int32
}

// Make makes a timer that is not set. due gets the time and the deadline that came.
func (t *Timers) Make(due func(now, at clock.Instant)) Timer {
	if n := len(t.free); n > 0 {
		id := t.free[n-1]
		t.free = t.free[:n-1]
		t.due[id] = due
		return Timer{t, id}
	}
	t.due = append(t.due, due)
	return Timer{t, int32(len(t.due) - 1)}
}

// Due calls what belongs to the deadline of id.
func (t *Timers) Due(now clock.Instant, id int32, at clock.Instant) { t.due[id](now, at) }

// Made reports whether it is a timer at all.
func (t Timer) Made() bool { return t.t != nil }

// Set sets the deadline; clock.Never stops it.
func (t Timer) Set(at clock.Instant) { t.t.Arm(t.id, at) }

// Release stops the timer for good and lets its number be used again.
func (t Timer) Release() {
	t.t.Arm(t.id, clock.Never)
	t.t.due[t.id] = nil
	t.t.free = append(t.t.free, t.id)
}
