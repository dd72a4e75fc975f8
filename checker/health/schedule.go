package health

import (
	"math/bits"
	"time"

	"keepalived/core/clock"
	"keepalived/core/timerq"
)

// firstDelay is what passes before the first probe of a checker at all; its place in
// the warmup comes on top (observed).
const firstDelay = time.Second

// schedule has the due instants of all checkers, by small numbers.
type schedule struct {
	queue timerq.Queue
	seed  uint32
	n     uint32 // starts so far
}

// place is somewhere in [0, d): those of any number of starts one after the other lie
// evenly (the golden ratio's multiples), from where seed says. Because a checker keeps
// its place (CheckerState.next), checkers of the same interval stay apart.
func (q *schedule) place(d time.Duration) time.Duration {
	const golden = 0x9E3779B9 // 2³² divided by the golden ratio
	x := q.seed + q.n*golden
	q.n++
	if d <= 0 {
		return 0
	}
	hi, _ := bits.Mul64(uint64(x)<<32, uint64(d))
	return time.Duration(hi)
}

// first is when a checker that nothing is known of is due.
func (q *schedule) first(c *CheckerConfig, now clock.Instant) clock.Instant {
	return now.Add(firstDelay + q.place(c.Warmup))
}

// resumed is when one is due that goes on after a restart: its server may have died
// meanwhile, so no longer than an interval from now.
func (q *schedule) resumed(c *CheckerConfig, now clock.Instant) clock.Instant {
	return now.Add(q.place(min(c.Warmup, c.Interval)))
}
