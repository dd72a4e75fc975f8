package cursor

import "time"

// Number reads the value of the row as a number within its range, in units of its
// last decimal place. A complaint and ok false as Int and Decimal.
func (c *Cursor) Number() (n int64, ok bool) {
	v := c.value
	if v.Places > 0 {
		return c.Decimal(v.Places, v.Min, v.Max)
	}
	return c.Int(v.Min, v.Max)
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
