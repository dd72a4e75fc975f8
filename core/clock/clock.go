// Package clock is the only source of time for the daemon's decisions. Pure code
// takes an Instant as an argument; processes get it from a Clock.
package clock

import (
	"math"
	"time"

	"golang.org/x/sys/unix"
)

// Instant is a reading of CLOCK_MONOTONIC in nanoseconds. Instants of different
// processes on one boot of one host compare with each other.
type Instant int64

// Never is later than every instant: a deadline that is not set.
const Never Instant = math.MaxInt64

// Add returns t+d. Never stays Never; a sum out of range is Never.
func (t Instant) Add(d time.Duration) Instant {
	if t == Never {
		return Never
	}
	s := t + Instant(d)
	if d > 0 && s < t {
		return Never
	}
	return s
}

// Sub returns t-u.
func (t Instant) Sub(u Instant) time.Duration { return time.Duration(t - u) }

// Before reports whether t is earlier than u.
func (t Instant) Before(u Instant) bool { return t < u }

// Clock tells the time and wakes its caller.
type Clock interface {
	// Now reads the clock.
	Now() Instant
	// Wake sends on c (without blocking) once at has come. The returned stop
	// releases the wake-up; a send that raced with stop may still be in c.
	Wake(at Instant, c chan<- struct{}) (stop func())
}

// Real is CLOCK_MONOTONIC.
type Real struct{}

// Now reads CLOCK_MONOTONIC.
func (Real) Now() Instant {
	var ts unix.Timespec
	// clock_gettime cannot fail for CLOCK_MONOTONIC and a valid pointer.
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return Instant(ts.Nano())
}

// Wake implements Clock on one time.Timer (0.5 ms late in the median).
func (r Real) Wake(at Instant, c chan<- struct{}) (stop func()) {
	t := time.AfterFunc(at.Sub(r.Now()), func() {
		select {
		case c <- struct{}{}:
		default:
		}
	})
	return func() { t.Stop() }
}
