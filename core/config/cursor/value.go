package cursor

import (
	"time"

	"keepalived/core/config"
)

// Value is what the row says of its value.
func (c *Cursor) Value() *config.Value { return c.value }

// Number reads the value of the row as a number within its range, in units of its
// last decimal place. A complaint and ok false as Int and Decimal.
func (c *Cursor) Number() (n int64, ok bool) { return c.NumberFrom(c.value.Min) }

// NumberFrom reads as Number does, with another lower end: of numbers below the range
// that are put right instead of refused.
func (c *Cursor) NumberFrom(min int64) (n int64, ok bool) {
	v := c.value
	if v.Places > 0 {
		return c.Decimal(v.Places, min, v.Max)
	}
	return c.Int(min, v.Max)
}

// Duration reads the value of the row as a time within its range.
func (c *Cursor) Duration() (d time.Duration, ok bool) {
	n, ok := c.Number()
	return c.value.Duration(n), ok
}

// Choice reads one of the words of the row's value, as Enum does.
func (c *Cursor) Choice(complaint string) (i int, ok bool) {
	return c.Enum(complaint, c.value.Words...)
}
