package sock

import (
	"testing"
	"time"

	"keepalived/core/clock"
)

func TestArrival(t *testing.T) {
	const (
		ms  = clock.Instant(time.Millisecond)
		sec = 1000 * ms
		off = int64(1_700_000_000_000_000_000) // wall clock minus monotonic clock
	)
	at := func(i clock.Instant, offset int64) reading { return reading{at: i, offset: offset} }
	for _, tt := range []struct {
		name       string
		stamp      int64
		empty, now reading
		want       clock.Instant
	}{
		{"clocks run alike", off + int64(15*sec), at(10*sec, off), at(20*sec, off), 15 * sec},
		{"stamped a little before the socket was seen empty", off + int64(10*sec-ms), at(10*sec, off), at(20*sec, off), 10 * sec},
		{"a reading is never exact: not later than now", off + int64(20*sec+ms), at(10*sec, off), at(20*sec, off), 20 * sec},
		{"step forward by an hour, stamped before it", off + int64(12*sec),
			at(10*sec, off), at(20*sec, off+int64(3600*sec)), 12 * sec},
		{"step forward by an hour, stamped after it", off + int64(3600*sec) + int64(12*sec),
			at(10*sec, off), at(20*sec, off+int64(3600*sec)), 12 * sec},
		{"step back by an hour, stamped before it", off + int64(12*sec),
			at(10*sec, off), at(20*sec, off-int64(3600*sec)), 12 * sec},
		{"step back by an hour, stamped after it", off - int64(3600*sec) + int64(12*sec),
			at(10*sec, off), at(20*sec, off-int64(3600*sec)), 12 * sec},
		{"small step forward, stamped before it: the later of the two", off + int64(15*sec),
			at(10*sec, off), at(20*sec, off+int64(2*sec)), 15 * sec},
		{"small step forward, stamped after it: too late by the step, not too early", off + int64(2*sec) + int64(15*sec),
			at(10*sec, off), at(20*sec, off+int64(2*sec)), 17 * sec},
		{"small step back, stamped before it: too late by the step", off + int64(15*sec),
			at(10*sec, off), at(20*sec, off-int64(2*sec)), 17 * sec},
		{"two steps: neither offset fits, just arrived", off + int64(7200*sec),
			at(10*sec, off), at(20*sec, off+int64(3600*sec)), 20 * sec},
		{"slewed by 500 ppm for 10 s", off + int64(10*sec) + 1000, at(10*sec, off), at(20*sec, off+5_000_000), 10*sec + 1000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := arrival(tt.stamp, tt.empty, tt.now); got != tt.want {
				t.Errorf("at %v, want %v", time.Duration(got), time.Duration(tt.want))
			}
		})
	}
}

// Whatever the stamp and the clocks say, the result lies between the two looks.
func TestArrivalStaysInItsWindow(t *testing.T) {
	empty := reading{at: 1_000_000_000, offset: 5_000_000_000}
	now := reading{at: 3_000_000_000, offset: 5_500_000_000}
	for stamp := int64(-10_000_000_000); stamp < 20_000_000_000; stamp += 7_000_001 {
		if got := arrival(stamp, empty, now); got < empty.at || got > now.at {
			t.Fatalf("stamp %d: %d is outside of %d..%d", stamp, got, empty.at, now.at)
		}
	}
}

func TestReadIsTight(t *testing.T) {
	before := clock.Real{}.Now()
	r := read()
	wall := time.Now().UnixNano()
	after := clock.Real{}.Now()
	if r.at < before || r.at > after {
		t.Errorf("read at %d, outside of %d..%d", r.at, before, after)
	}
	if d := wall - int64(after) - r.offset; d < -int64(time.Millisecond) || d > int64(time.Millisecond) {
		t.Errorf("offset is wrong by %v", time.Duration(d))
	}
}
