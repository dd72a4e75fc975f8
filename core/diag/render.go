package diag

import (
	"bytes"
	"fmt"
	"strings"
)

// Short renders one finding per line in keepalived's form: "(Line N) text", or
// "(file: Line N) text" withFile, as keepalived has it once several files are
// read, or just the text when it has no place.
func (l List) Short(withFile bool) string {
	var out strings.Builder
	for _, d := range l {
		out.WriteString(d.Short(withFile))
		out.WriteByte('\n')
	}
	return out.String()
}

// Short renders one finding in keepalived's form, without an end of line.
func (d Diagnostic) Short(withFile bool) string {
	p := d.Subject.Start()
	text := line(d.Summary)
	switch {
	case !p.IsValid():
		return text
	case withFile:
		return fmt.Sprintf("(%s: Line %d) %s", p.File, p.Line, text)
	default:
		return fmt.Sprintf("(Line %d) %s", p.Line, text)
	}
}

// maxText is how long a text may be, in octets: one word of a configuration can have a MiB.
const maxText = 2000

// short cuts a text that is too long for a reader.
func short(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "") + "..."
}

// line is a text fit for one line of a terminal or log.
func line(text string) string { return printable([]byte(short(text))) }

// Full renders every finding for a reader at a terminal:
//
//	file:line:column: warning: text [code]
//	   14 |     virtual_router_id 300
//	      |                       ^~~
//	      expected: a whole number from 1 to 255
//	      hint: …
//
// with the related places behind it in the same form. Sources is the text of each file
// by name; a finding of a file that is not there goes without its line.
func (l List) Full(sources map[string][]byte) string {
	f := full{sources: sources, lines: map[string][][]byte{}}
	for _, d := range l {
		f.head(d.Subject.Start(), d.Severity.String(), line(d.Summary)+" ["+d.Name()+"]")
		f.source(d.Subject)
		if d.Expected != "" {
			fmt.Fprintf(&f.out, "      expected: %s\n", line(d.Expected))
		}
		if d.Suggest != "" {
			fmt.Fprintf(&f.out, "      did you mean '%s'?\n", line(d.Suggest))
		}
		if d.Hint != "" {
			fmt.Fprintf(&f.out, "      hint: %s\n", line(d.Hint))
		}
		for _, r := range d.Related {
			f.head(r.Range.Start(), "note", line(r.Text))
			f.source(r.Range)
		}
	}
	return f.out.String()
}

// full is the text that Full makes.
type full struct {
	out     strings.Builder
	sources map[string][]byte
	lines   map[string][][]byte
}

func (f *full) head(p Pos, kind, text string) {
	if p.IsValid() {
		fmt.Fprintf(&f.out, "%s:%d:%d: ", p.File, p.Line, p.Col)
	}
	fmt.Fprintf(&f.out, "%s: %s\n", kind, text)
}

// source shows the line of a place.
func (f *full) source(r Range) {
	p := r.Start()
	if !p.IsValid() || f.sources[p.File] == nil {
		return
	}
	if f.lines[p.File] == nil {
		f.lines[p.File] = bytes.Split(f.sources[p.File], []byte{'\n'})
	}
	if text := f.lines[p.File]; p.Line <= len(text) {
		mark(&f.out, text[p.Line-1], r)
	}
}

// width is how much of a line is shown at most, in octets.
const width = 160

// mark writes a source line and below it what r covers.
func mark(out *strings.Builder, text []byte, r Range) {
	text = bytes.TrimRight(text, "\r")
	from := min(max(int(r.from)-1, 0), len(text))
	to := min(max(int(r.end)-1, from), len(text))
	// A long line is shown from somewhat before the place on.
	if from > width/2 {
		cut := from - width/4
		for cut > 0 && text[cut]&0xc0 == 0x80 { // not inside a UTF-8 sequence
			cut--
		}
		text, from, to = text[cut:], from-cut, to-cut
	}
	to = min(to, max(from, width))
	shown := text[:min(len(text), width)]
	number := fmt.Sprintf("%5d", r.line)
	fmt.Fprintf(out, "%s | %s\n", number, printable(shown))
	fmt.Fprintf(out, "%s | %s^%s\n", strings.Repeat(" ", len(number)), indent(text[:from]),
		strings.Repeat("~", max(0, columns(text[from:to])-1)))
}

// printable replaces control characters, which would act on the reader's
// terminal, and octets that are no UTF-8.
func printable(text []byte) string {
	return strings.Map(func(c rune) rune {
		if c == '\t' {
			return c
		}
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return '\uFFFD'
		}
		return c
	}, strings.ToValidUTF8(string(text), "\uFFFD"))
}

// indent is white space as wide as text, which keeps its tabs.
func indent(text []byte) string {
	return strings.Map(func(c rune) rune {
		if c == '\t' {
			return c
		}
		return ' '
	}, printable(text))
}

// columns is the number of characters in text. (East Asian wide ones count as
// one: how wide they are is the terminal's affair.)
func columns(text []byte) int { return len([]rune(printable(text))) }
