package sock

import (
	"time"

	"keepalived/core/clock"
)

// reading is one look at both clocks: CLOCK_MONOTONIC and how far the wall clock is
// ahead of it.
type reading struct {
	at     clock.Instant
	offset int64 // wall clock minus at, ns
}

// read looks at the clocks. Between the two looks the thread may lose the processor;
// then it looks again.
func read() reading {
	const (
		tries = 4
		tight = 20 * time.Microsecond
	)
	var best reading
	width := time.Duration(1<<63 - 1)
	for range tries {
		before := clock.Real{}.Now()
		wall := time.Now().UnixNano()
		after := clock.Real{}.Now()
		if w := after.Sub(before); w < width {
			width = w
			best = reading{at: after, offset: wall - int64(before) - int64(w/2)}
		}
		if width <= tight {
			break
		}
	}
	return best
}

// slack is how far a converted time stamp may lie outside of its window: the kernel
// takes the stamp a little before it queues the packet.
const slack = 20 * time.Millisecond

// arrival converts stamp, the kernel's wall-clock time of a packet (ns), into the
// monotonic time. The packet was queued after empty, when the socket held nothing,
// and before now.
//
// A step of the wall clock in between is visible as a difference of the two offsets:
// stamps from before the step need the older, those from behind it the newer. The one
// that puts the packet into its window is right; of two the later counts, and without
// one the packet counts as just arrived, because an advert that is taken for younger
// than it is delays an election, and one taken for older could cause one.
func arrival(stamp int64, empty, now reading) clock.Instant {
	best := clock.Instant(-1)
	for _, offset := range [...]int64{now.offset, empty.offset} {
		at := clock.Instant(stamp - offset)
		if at < empty.at.Add(-slack) || at > now.at.Add(slack) {
			continue
		}
		best = max(best, min(max(at, empty.at), now.at))
	}
	if best < 0 {
		return now.at
	}
	return best
}
