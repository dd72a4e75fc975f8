// Package dump writes the indented text of keepalived's state dumps. Pure.
package dump

import (
	"fmt"

	"keepalived/core/clock"
)

// Writer collects lines. Readers take the indentation for structure
// (exporters.md: three spaces a field, five a list item), so it is given as a number.
type Writer struct {
	b []byte
}

// Section begins a part: `------< Title >------`.
func (w *Writer) Section(title string) { w.Line(0, "------< %s >------", title) }

// Line writes one line behind indent spaces.
func (w *Writer) Line(indent int, format string, args ...any) {
	for range indent {
		w.b = append(w.b, ' ')
	}
	w.b = fmt.Appendf(w.b, format, args...)
	w.b = append(w.b, '\n')
}

// Bytes returns what was written.
func (w *Writer) Bytes() []byte { return w.b }

// Wall is a time of day: microseconds since the Unix epoch, with its text in local
// time as ctime(3) prints it, without the year and with the year apart. Both are made
// outside pure code.
type Wall struct {
	Micros int64
	// Day is `Fri Nov 20 09:34:22`, Year is 2026.
	Day  string
	Year int
}

// Stamp is `1795167262.034072 (Fri Nov 20 09:34:22.034072 2026)`.
func (t Wall) Stamp() string {
	return fmt.Sprintf("%d.%06d (%s.%06d %d)", t.Micros/1e6, t.Micros%1e6, t.Day, t.Micros%1e6, t.Year)
}

// StampOfYear is `1795167262.034072 (Fri Nov 20 09:34:22.034072)`: what comes next is of
// this year.
func (t Wall) StampOfYear() string {
	return fmt.Sprintf("%s (%s.%06d)", t.Seconds(), t.Day, t.Micros%1e6)
}

// LateStamp is `1795167262.034072 (Fri Nov 20 09:34:22 2026.034072)`: keepalived puts
// the fraction behind the year where it tells when something was looked at.
func (t Wall) LateStamp() string {
	return fmt.Sprintf("%s (%s %d.%06d)", t.Seconds(), t.Day, t.Year, t.Micros%1e6)
}

// Seconds is `1795167262.034072`.
func (t Wall) Seconds() string { return fmt.Sprintf("%d.%06d", t.Micros/1e6, t.Micros%1e6) }

// WallClock turns instants of the monotonic clock into times of day.
type WallClock func(clock.Instant) Wall

// OnOff returns yes or no.
func OnOff(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}
