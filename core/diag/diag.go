// Package diag holds what is said about configuration text: positions, severities
// and lists of diagnostics. It is pure and imports the standard library only.
package diag

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"unique"
)

// Pos is a place in a source file. Line and Col count from 1; Col counts octets.
// The zero Pos stands for "no place": findings that concern an object as a whole.
type Pos struct {
	File string
	Line int
	Col  int
}

// IsValid reports whether p names a place.
func (p Pos) IsValid() bool { return p.Line > 0 }

// FileName names a source file in a Range. Equal names give equal FileNames.
type FileName struct{ name unique.Handle[string] }

// NewFileName makes one. It costs a look-up in a table of the whole
// process: once a file, not once a word.
func NewFileName(name string) FileName { return FileName{unique.Make(name)} }

// Range is the stretch of one line of text that a word or a diagnostic is about. The
// zero Range stands for "no place". Every word of a configuration has one, so it is
// kept small: 16 octets.
type Range struct {
	file      FileName
	line      uint32
	from, end uint16 // columns: of the first octet, of the first one behind it
}

// maxColumn is where columns stop to count: lines are shorter (config.MaxLine).
const maxColumn = math.MaxUint16

// At returns the Range of the columns [from, end) of a line; they count from 1.
// Columns beyond 65535 are taken for that, an end before from for from.
func At(file FileName, line, from, end int) Range {
	from = min(max(from, 0), maxColumn)
	end = min(max(end, from), maxColumn)
	return Range{file: file, line: uint32(line), from: uint16(from), end: uint16(end)}
}

// IsValid reports whether r names a place.
func (r Range) IsValid() bool { return r.line > 0 }

// Equal is ==, for go-cmp, which does not look into a Range.
func (r Range) Equal(other Range) bool { return r == other }

// String is file:line:column-end.
func (r Range) String() string {
	p := r.Start()
	return fmt.Sprintf("%s:%d:%d-%d", p.File, p.Line, p.Col, r.end)
}

// Start is the place of the first octet.
func (r Range) Start() Pos { return r.pos(r.from) }

// End is the place behind the last octet, on the same line.
func (r Range) End() Pos { return r.pos(r.end) }

// To returns the Range from the start of r to the end of last, on the same line.
func (r Range) To(last Range) Range {
	r.end = last.end
	return r
}

func (r Range) pos(column uint16) Pos {
	if r.file == (FileName{}) {
		return Pos{Line: int(r.line), Col: int(column)}
	}
	return Pos{File: r.file.name.Value(), Line: int(r.line), Col: int(column)}
}

// Severity orders diagnostics by what they do to the daemon.
type Severity uint8

const (
	// Notice is said and changes nothing, not even the -t status.
	Notice Severity = iota
	// Warning is said; the text was taken as it stands.
	Warning
	// Error is said and what it names was skipped or replaced by a default;
	// everything else of the configuration is used (keepalived's rule).
	Error
	// Fatal means a start with this configuration would end (exit status 2), so
	// a reload with it is refused as a whole.
	Fatal
)

// String is the severity as users see it. They need to tell three apart: what says
// something only, what has the configuration run otherwise than it reads, and what
// keeps it from running.
func (s Severity) String() string {
	switch s {
	case Notice:
		return "note"
	case Warning, Error:
		return "warning"
	default:
		return "error"
	}
}

// Diagnostic is one finding.
type Diagnostic struct {
	Severity Severity
	Code     Code
	// Rule is the name of the lint rule that found it, a code of its own; "" else.
	Rule    string
	Subject Range
	// Summary is keepalived's text where keepalived has one.
	Summary string
	// Expected says what may stand there: "a whole number from 1 to 255".
	Expected string
	// Suggest is the word that was probably meant.
	Suggest string
	// Hint tells what follows and what to do. Each of these three may be empty.
	Hint string
	// Related are other places that have to do with it: where a definition used here
	// was written, where the file was included, where the first of two is.
	Related []Related
}

// Name is the stable name of what was found: that of the rule, else of the code.
func (d Diagnostic) Name() string {
	if d.Rule != "" {
		return d.Rule
	}
	return d.Code.String()
}

// Related is a further place of a finding and what is there.
type Related struct {
	Range Range
	Text  string
}

// List collects findings in the order they were made.
type List []Diagnostic

func (l *List) add(s Severity, r Range, c Code, format string, args []any) {
	*l = append(*l, Diagnostic{Severity: s, Code: c, Subject: r, Summary: fmt.Sprintf(format, args...)})
}

// Noticef adds a notice.
func (l *List) Noticef(r Range, c Code, format string, args ...any) {
	l.add(Notice, r, c, format, args)
}

// Warnf adds a warning.
func (l *List) Warnf(r Range, c Code, format string, args ...any) { l.add(Warning, r, c, format, args) }

// Errorf adds an error.
func (l *List) Errorf(r Range, c Code, format string, args ...any) { l.add(Error, r, c, format, args) }

// Fatalf adds a finding with which the daemon cannot run.
func (l *List) Fatalf(r Range, c Code, format string, args ...any) { l.add(Fatal, r, c, format, args) }

// WithHint sets the hint of the newest finding.
func (l *List) WithHint(format string, args ...any) {
	if n := len(*l); n > 0 {
		(*l)[n-1].Hint = fmt.Sprintf(format, args...)
	}
}

// Expect sets what may stand at the place of the newest finding.
func (l *List) Expect(format string, args ...any) {
	if n := len(*l); n > 0 {
		(*l)[n-1].Expected = fmt.Sprintf(format, args...)
	}
}

// Suggest sets the word that the newest finding's was probably meant to be; "" is none.
func (l *List) Suggest(word string) {
	if n := len(*l); n > 0 {
		(*l)[n-1].Suggest = word
	}
}

// Relate adds a further place to the newest finding.
func (l *List) Relate(r Range, format string, args ...any) {
	if n := len(*l); n > 0 {
		d := &(*l)[n-1]
		d.Related = append(d.Related, Related{Range: r, Text: fmt.Sprintf(format, args...)})
	}
}

// Worst returns the highest severity of the list, Notice for an empty one.
func (l List) Worst() Severity {
	worst := Notice
	for _, d := range l {
		worst = max(worst, d.Severity)
	}
	return worst
}

// HasFatal reports whether a start with this configuration would end.
func (l List) HasFatal() bool { return l.Worst() == Fatal }

// ExitStatus is the status of `keepalived -t`: 0 or the status of the
// highest-ranked class of finding (observed on 2.2.7: a missing argument 2 ends
// the reading at once; script security 6 wins over any other complaint 5; where an
// include fails that has to be there nothing else counts).
func (l List) ExitStatus() int {
	status := 0
	for _, d := range l {
		if d.Code == IncludeFailed && d.Severity == Fatal {
			return d.Code.testStatus()
		}
		if d.Severity == Notice {
			continue
		}
		s := d.Code.testStatus()
		if d.Severity == Fatal && s == 5 {
			// 2.2.7's -t cannot tell "will not run" from "runs with a complaint".
			s = 2
		}
		if rank(s) > rank(status) {
			status = s
		}
	}
	return status
}

// rank orders the -t statuses by precedence.
func rank(status int) int {
	switch status {
	case 0:
		return 0
	case 5:
		return 1
	case 6:
		return 2
	case 4:
		return 3
	default: // 2
		return 4
	}
}

// Sort orders the list by file, line and column; findings without a place keep
// their order behind the others.
func (l List) Sort() {
	slices.SortStableFunc(l, func(a, b Diagnostic) int {
		p, q := a.Subject.Start(), b.Subject.Start()
		if p.IsValid() != q.IsValid() {
			if p.IsValid() {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Col, q.Col))
	})
}
