package cursor

import (
	"fmt"
	"math"
	"strings"
	"time"

	"keepalived/core/config"
	"keepalived/core/diag"
)

// Int reads a whole number of base 10: an optional sign, digits ("010" is 10),
// nothing behind them. Anything else or a number outside [min, max] is a
// complaint and ok is false, so that the caller keeps its default. Without a
// word the argument is missing.
func (c *Cursor) Int(min, max int64) (n int64, ok bool) {
	w, ok := c.Word()
	if !ok {
		return 0, false
	}
	return c.ParseInt(w, w.Text, min, max)
}

// ParseInt reads text, which is (a part of) the word w, as Int does.
func (c *Cursor) ParseInt(w config.Word, text string, min, max int64) (n int64, ok bool) {
	n, state := parseDecimal(text, 0)
	return n, c.checkNumber(w, text, n, state, 0, min, max)
}

// Seconds reads decimal seconds with at most places decimals (6: microseconds,
// 3: milliseconds, 0: whole seconds); more decimals are a complaint and the
// value is rounded half up. The range is checked as Int's.
func (c *Cursor) Seconds(places int, min, max time.Duration) (d time.Duration, ok bool) {
	unit := time.Second / time.Duration(pow10(places))
	n, ok := c.Decimal(places, int64(min/unit), int64(max/unit))
	return time.Duration(n) * unit, ok
}

// Millis reads decimal milliseconds with at most three decimals (BFD's intervals).
func (c *Cursor) Millis(min, max time.Duration) (d time.Duration, ok bool) {
	n, ok := c.Decimal(3, int64(min/time.Microsecond), int64(max/time.Microsecond))
	return time.Duration(n) * time.Microsecond, ok
}

// Decimal reads a decimal number with at most places decimals and returns it in
// units of its last place; min and max are in the same unit.
func (c *Cursor) Decimal(places int, min, max int64) (n int64, ok bool) {
	w, ok := c.Word()
	if !ok {
		return 0, false
	}
	return c.ParseDecimal(w, w.Text, places, min, max)
}

// ParseDecimal reads text, which is (a part of) the word w, as Decimal does.
func (c *Cursor) ParseDecimal(w config.Word, text string, places int, min, max int64) (n int64, ok bool) {
	n, state := parseDecimal(text, places)
	if state == tooFine {
		c.Errorf(w.Range, diag.BadNumber, "number '%s' has too many decimal places", text)
		state = good
	}
	return n, c.checkNumber(w, text, n, state, places, min, max)
}

// checkNumber says what is wrong with a parsed number, if anything.
func (c *Cursor) checkNumber(w config.Word, text string, n int64, state numberState, places int, min, max int64) bool {
	switch {
	case state == bad:
		c.Errorf(w.Range, diag.BadNumber, "invalid number '%s'", text)
	case n <= 0 && min >= 0 && strings.HasPrefix(trimBlank(text), "-"): // -0 as well
		c.Errorf(w.Range, diag.BadNumber, "negative number '%s'", text)
	case n < min || n > max:
		c.Errorf(w.Range, diag.BadNumber, "number '%s' outside range [%s, %s]", text, fixed(min, places), fixed(max, places))
	default:
		return true
	}
	kind := "a whole number"
	if places > 0 {
		kind = fmt.Sprintf("a number with at most %d decimals", places)
	}
	c.Expect("%s from %s to %s", kind, short(min, places), short(max, places))
	return false
}

// short is fixed without zeros behind the decimal point.
func short(n int64, places int) string {
	s := fixed(n, places)
	if places > 0 {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

type numberState uint8

const (
	good numberState = iota
	bad
	tooFine // more decimals than asked for; the value is rounded
)

// parseDecimal reads an optional sign (behind blanks, which a quoted word may have),
// digits and, when places allows it, a fraction; the result is in units of 10^-places. A
// number beyond 64 bits comes back as the largest of its sign.
func parseDecimal(text string, places int) (int64, numberState) {
	s := trimBlank(text)
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	whole, frac, dotted := s, "", false
	if places > 0 {
		whole, frac, dotted = strings.Cut(s, ".")
	}
	if whole+frac == "" || !digits(whole) || !digits(frac) {
		return 0, bad
	}
	state := good
	round := int64(0)
	if dotted && len(frac) > places {
		state = tooFine
		if frac[places] >= '5' {
			round = 1
		}
		frac = frac[:places]
	}
	for len(frac) < places {
		frac += "0"
	}
	var n int64
	for _, d := range whole + frac {
		v := int64(d - '0')
		if n > (math.MaxInt64-v-1)/10 {
			n, round = math.MaxInt64, 0
			break
		}
		n = n*10 + v
	}
	n += round
	if negative {
		n = -n
	}
	return n, state
}

func trimBlank(s string) string { return strings.TrimLeft(s, " \t\n\v\f\r") }

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func pow10(n int) int64 {
	p := int64(1)
	for range n {
		p *= 10
	}
	return p
}

// fixed writes n, which is in units of 10^-places, as a decimal number.
func fixed(n int64, places int) string {
	if places == 0 {
		return fmt.Sprint(n)
	}
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	p := pow10(places)
	return fmt.Sprintf("%s%d.%0*d", sign, n/p, places, n%p)
}
