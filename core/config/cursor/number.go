package cursor

import (
	"time"
)

// Int reads a whole number of base 10: an optional sign, digits ("010" is 10),
// nothing behind them. Anything else or a number outside [min, max] is a
// complaint and ok is false, so that the caller keeps its default.
func (c *Cursor) Int(min, max int64) (n int64, ok bool) { return 0, false }

// Seconds reads decimal seconds with at most places decimals (6: microseconds,
// 3: milliseconds, 0: whole seconds); more decimals are a complaint and the
// value is rounded half up. The range is checked as Int's.
func (c *Cursor) Seconds(places int, min, max time.Duration) (d time.Duration, ok bool) {
	return 0, false
}

// Bool reads on|true|yes|off|false|no; no word at all is true. Any other word
// is a complaint and ok is false.
func (c *Cursor) Bool() (v, ok bool) { return false, false }
