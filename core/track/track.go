// Package track is the arithmetic of tracking: when a script or file counts as
// failed, and what that does to a priority. Pure: numbers in, numbers out.
// The rules are those of keepalived.conf(5) as observed on 2.2.7.
package track

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
func (c Counter) Next(rise, fall int, success bool) (Counter, Result) { return c, Result{} }

// Good reports the standing; false before the first result.
func (c Counter) Good(rise int) bool { return c.seen && c.n >= rise }

// Seen reports whether any result was counted.
func (c Counter) Seen() bool { return c.seen }

// Value is the counter as the dump shows it.
func (c Counter) Value() int { return c.n }

// Weight is what a tracked object is worth to one tracker.
type Weight struct {
	// Value: 0 means failure is a fault, not a number.
	Value int
	// Reverse: success and failure change places.
	Reverse bool
}

// Effect is what one tracked object contributes.
type Effect struct {
	Fault bool
	Delta int
}

// Of returns the contribution of an object that is up or down: weight 0 faults
// when down; a positive weight counts when up, a negative one when down.
func (w Weight) Of(up bool) Effect { return Effect{} }

// OfFile returns the contribution of a file's number: weight 0 faults unless the
// number is 0; else number×weight, and a product below -253 is a fault.
func (w Weight) OfFile(value int64) Effect { return Effect{} }

// Owner is the priority of the address owner, which tracking never changes.
const Owner = 255

// Priority is the effective priority: base plus total, within 1..254; an owner
// stays 255.
func Priority(base uint8, total int) uint8 { return base }

// FileValue reads a track file's content as keepalived does: an optional sign
// and a number with C's prefixes (0x hexadecimal, 0 octal) at the start; no
// number is 0. ok is false, and the old value stays, when it does not fit 32 bits.
func FileValue(content []byte) (value int64, ok bool) { return 0, false }
