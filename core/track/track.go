// Package track is the arithmetic of tracking: when a script or file counts as
// failed, and what that does to a priority. Pure: numbers in, numbers out.
// The rules are those of keepalived.conf(5) as observed on 2.2.7.
package track

import (
	"math"
	"strings"
)

// Counter is the rise/fall state of a tracked script: 0..rise+fall-1, where
// rise and more means good. The zero Counter has seen no result yet.
type Counter struct {
	n    int
	seen bool
}

// Result tells what one more result did.
type Result struct {
	// Good is the standing after the result.
	Good bool
	// Changed: the standing is another than before, or this was the first result.
	Changed bool
}

// Next counts one result of a script that needs rise successes in a row to be
// good and fall failures in a row to be bad (both at least 1). The first result
// counts at once both ways.
func (c Counter) Next(rise, fall int, success bool) (Counter, Result) {
	was, first := c.Good(rise), !c.seen
	top := rise + fall - 1
	switch {
	case first && success:
		c.n = top
	case first:
		c.n = 0
	case success && c.n+1 >= rise:
		c.n = top
	case success:
		c.n++
	case c.n > rise: // still good, one failure nearer to bad
		c.n--
	default: // bad now, or bad before: rise successes in a row are due again
		c.n = 0
	}
	c.seen = true
	good := c.Good(rise)
	return c, Result{Good: good, Changed: first || good != was}
}

// Failed is the counter of a script that counts as failed from the start
// (init_fail): its first success is one of rise.
func Failed() Counter { return Counter{seen: true} }

// Good reports the standing; false before the first result.
func (c Counter) Good(rise int) bool { return c.seen && c.n >= rise }

// Seen reports whether any result was counted.
func (c Counter) Seen() bool { return c.seen }

// Value is the counter as the dump shows it.
func (c Counter) Value() int { return c.n }

// Weight is what a tracked object is worth to one tracker.
type Weight struct {
	// Value is -254..254; 0 means failure is a fault, not a number.
	Value int
	// Reverse turns the sign of what is contributed; with Value 0 success is the
	// fault.
	Reverse bool
}

// Effect is what one tracked object contributes.
type Effect struct {
	Fault bool
	Delta int
}

// Of returns the contribution of an object that is up or down: weight 0 faults
// when down; a positive weight counts when up, a negative one when down.
func (w Weight) Of(up bool) Effect {
	if w.Value == 0 {
		return Effect{Fault: up == w.Reverse}
	}
	if up != (w.Value > 0) {
		return Effect{}
	}
	return Effect{Delta: w.sign() * w.Value}
}

// OfFile returns the contribution of a file's number: weight 0 faults unless the
// number is 0; else number×weight counts, at most 253, and below -253 is a fault.
func (w Weight) OfFile(value int64) Effect {
	if w.Value == 0 {
		return Effect{Fault: (value == 0) == w.Reverse}
	}
	delta := value * int64(w.sign()*w.Value) // 32 bits times 8: no overflow
	if delta < -maxDelta {
		return Effect{Fault: true}
	}
	return Effect{Delta: int(min(delta, maxDelta))}
}

// maxDelta is the most that one object can change a priority by.
const maxDelta = 253

func (w Weight) sign() int {
	if w.Reverse {
		return -1
	}
	return 1
}

// Sum adds up effects: a fault of any is a fault of all.
func Sum(effects ...Effect) Effect {
	var total Effect
	for _, e := range effects {
		total.Fault = total.Fault || e.Fault
		total.Delta += e.Delta
	}
	return total
}

// Owner is the priority of the address owner, which tracking never changes.
const Owner = 255

// Priority is the effective priority: base plus total, within 1..254; an owner
// stays 255.
func Priority(base uint8, total int) uint8 {
	if base == Owner {
		return Owner
	}
	return uint8(min(max(int(base)+total, 1), Owner-1))
}

// FileValue reads a track file's content as keepalived does: an optional sign
// and a number with C's prefixes (0x hexadecimal, 0 octal) at the start; no
// number is 0. ok is false, and the old value stays, when it does not fit 32 bits.
func FileValue(content []byte) (value int64, ok bool) {
	s := strings.TrimLeft(string(content), " \t\n\v\f\r")
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	base := int64(10)
	switch {
	case len(s) > 2 && (s[:2] == "0x" || s[:2] == "0X") && digit(s[2]) < 16:
		base, s = 16, s[2:]
	case strings.HasPrefix(s, "0"):
		base = 8
	}
	for i := 0; i < len(s) && digit(s[i]) < base; i++ {
		if value = value*base + digit(s[i]); value > math.MaxUint32 {
			return 0, false
		}
	}
	if negative {
		value = -value
	}
	return value, value >= math.MinInt32 && value <= math.MaxInt32
}

// digit is the value of a hexadecimal digit, 16 of anything else.
func digit(b byte) int64 {
	switch {
	case b >= '0' && b <= '9':
		return int64(b - '0')
	case b >= 'a' && b <= 'f':
		return int64(b-'a') + 10
	case b >= 'A' && b <= 'F':
		return int64(b-'A') + 10
	}
	return 16
}
