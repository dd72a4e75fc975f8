package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Shape is what a keyword's value looks like.
type Shape uint8

const (
	// Free is anything that the other shapes do not describe: see Keyword.Grammar.
	Free Shape = iota
	// Flag is a keyword without a value that switches something on.
	Flag
	// Number is one number, whole or decimal.
	Number
	// Bool is one of on, true, yes, off, false, no; without a word it is on.
	Bool
	// Choice is one of a few words.
	Choice
	// Address is an IPv4 or IPv6 address without a prefix length.
	Address
	// Interface is the name of a network interface.
	Interface
	// Text is one word that means nothing to the parser: a name, a path.
	Text
	// Command is a program with its arguments, and the user it runs as.
	Command
)

// Unit is what a number counts.
type Unit string

// The units; the plain number has none.
const (
	Seconds      Unit = "seconds"
	Milliseconds Unit = "milliseconds"
	Microseconds Unit = "microseconds"
	Bytes        Unit = "bytes"
)

// Duration is the length of one unit of time, 0 for what is none.
func (u Unit) Duration() time.Duration {
	switch u {
	case Seconds:
		return time.Second
	case Milliseconds:
		return time.Millisecond
	case Microseconds:
		return time.Microsecond
	}
	return 0
}

// Value is what may stand behind a keyword, as data. The decoder reads by it
// (cursor.Number and its kin), and the manual, the completion and the tests of every
// keyword are made of it, so that none of them can say something else.
type Value struct {
	Shape Shape
	// Min and Max are the ends of a Number's range, in units of its last decimal
	// place: with two places, 150 is 1.50. NoEnd as Max: no end that matters.
	Min, Max int64
	// Places is the number of decimals that are kept; 0: a whole number.
	Places int
	Unit   Unit
	// Words are those of a Choice.
	Words []string
	// Optional: the value may be left out.
	Optional bool
}

// NoEnd is the Max of a number whose range has no end that anybody will reach.
const NoEnd = math.MaxInt64

// Whole is a whole number of min to max.
func Whole(min, max int64) Value { return Value{Shape: Number, Min: min, Max: max} }

// Time is a number of seconds with that many decimals (6: microseconds). A max of
// NoEnd is no end.
func Time(places int, min, max time.Duration) Value {
	v := Value{Shape: Number, Places: places, Unit: Seconds}
	v.Min, v.Max = v.count(min), v.count(max)
	return v
}

// Millis is a number of milliseconds with three decimals.
func Millis(min, max time.Duration) Value {
	v := Value{Shape: Number, Places: 3, Unit: Milliseconds}
	v.Min, v.Max = v.count(min), v.count(max)
	return v
}

// OneOf is one of the words.
func OneOf(words ...string) Value { return Value{Shape: Choice, Words: words} }

// Of is a value of a shape that needs no more to be said.
func Of(s Shape) Value { return Value{Shape: s, Optional: s == Bool || s == Flag} }

// In returns v counting another unit.
func (v Value) In(u Unit) Value { v.Unit = u; return v }

// OrNone returns v as one that may be left out.
func (v Value) OrNone() Value { v.Optional = true; return v }

// count is d in units of the last place.
func (v Value) count(d time.Duration) int64 {
	if d == NoEnd {
		return NoEnd
	}
	return int64(d / v.step())
}

// step is the time that one unit of the last place stands for.
func (v Value) step() time.Duration {
	u := v.Unit.Duration()
	for range v.Places {
		u /= 10
	}
	return u
}

// Duration is the time that a number of v stands for. What does not fit is the
// longest time there is.
func (v Value) Duration(n int64) time.Duration {
	step := v.step()
	if step > 0 && n > math.MaxInt64/int64(step) {
		return math.MaxInt64
	}
	return time.Duration(n) * step
}

// Text writes a number of v as it stands in a file.
func (v Value) Text(n int64) string {
	sign := ""
	digits := strconv.FormatInt(n, 10)
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	if v.Places == 0 {
		return sign + digits
	}
	for len(digits) <= v.Places {
		digits = "0" + digits
	}
	whole, frac := digits[:len(digits)-v.Places], strings.TrimRight(digits[len(digits)-v.Places:], "0")
	if frac == "" {
		return sign + whole
	}
	return sign + whole + "." + frac
}

// Range is the range of a number or the words of a choice for a reader, "" where
// there is nothing to say.
func (v Value) Range() string {
	switch {
	case v.Shape == Choice:
		return strings.Join(v.Words, ", ")
	case v.Shape != Number:
		return ""
	case v.Max == NoEnd && v.Min == 0:
		return "0 and more"
	case v.Max == NoEnd:
		return v.Text(v.Min) + " and more"
	default:
		return v.Text(v.Min) + ".." + v.Text(v.Max)
	}
}

// Grammar is the value as a synopsis has it: <seconds>, [<bool>], rr|wrr.
func (v Value) Grammar() string {
	g := ""
	switch v.Shape {
	case Number:
		g = "<n>"
		if v.Unit != "" {
			g = fmt.Sprintf("<%s>", v.Unit)
		}
	case Bool:
		g = "<bool>"
	case Choice:
		g = strings.Join(v.Words, "|")
	case Address:
		g = "<ip>"
	case Interface:
		g = "<if>"
	case Text:
		g = "<name>"
	case Command:
		g = "<command> [<user> [[:]<group>]]"
	}
	if v.Optional && g != "" {
		g = "[" + g + "]"
	}
	return g
}
