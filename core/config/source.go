package config

import (
	"errors"
	"strings"

	"keepalived/core/diag"
)

// MaxLine is the number of octets in which keepalived holds a line, its newline
// and a NUL included. It drops a longer line, and leaves a definition unreplaced
// that would make a line longer; here both work, with a warning.
const MaxLine = 1024

// Limits on what one configuration may unfold to. They are far above anything
// useful (ten thousand virtual servers are 300,000 nodes) and keep absurd input
// from hanging the daemon or exhausting memory: to exceed one is fatal.
const (
	maxIncludeDepth = 64
	maxExpandDepth  = 64
	maxExpanded     = 32 << 20 // octets of lines made by definitions and sequences
	maxLine         = 1 << 20
	maxRead         = 64 << 20 // octets of all files, each counted as often as included
	minReadCost     = 1024     // a file counts at least so much
	maxNodes        = 1000000
	maxFindings     = 10000
	maxSkipDepth    = 100
)

// Reasons of Files.Read for not reading something that exists.
var (
	ErrDirectory = errors.New("is a directory")
	ErrNotPlain  = errors.New("is not a regular non-executable file")
	ErrTooLarge  = errors.New("is too large")
)

// Files is how the parser reaches the file system. Names are given as they stand
// in the text, joined to the directory of the including file when relative.
type Files interface {
	// Read returns the content of a file. Errors that matter to the parser are
	// ErrDirectory, ErrNotPlain and, beyond 64 MiB, ErrTooLarge.
	Read(name string) ([]byte, error)
	// Glob returns the names that match a shell pattern with {a,b} alternatives,
	// in glob(3)'s order. No match is an empty list; the error is fs.ErrNotExist when
	// a file or folder that the pattern names is not there, whatever else matches.
	Glob(pattern string) ([]string, error)
}

// Env is what the text may ask about the machine it is read on.
type Env struct {
	// ConfigID is what @id is compared with and ${_INSTANCE} (option -i); when
	// empty it is NodeName up to its first dot.
	ConfigID string
	NodeName string
	// Dir is the absolute directory from which relative names start, for ${_PWD}.
	Dir string
	// Lookup answers ${_ENV NAME}; nil is an empty environment.
	Lookup func(name string) (string, bool)
	// Seed starts ${_RANDOM}; equal seeds read equal text alike.
	Seed uint64
	// Expired reports that the reading has taken too long (10 s) and is to be given
	// up; nil is never. It is asked now and then.
	Expired func() bool
	// Check is the strictness of include lines (option -e is CheckAll).
	Check IncludeCheck
}

func (e Env) configID() string {
	if e.ConfigID != "" {
		return e.ConfigID
	}
	id, _, _ := strings.Cut(e.NodeName, ".")
	return id
}

// IncludeCheck is the set of checks made on include lines (include_check).
type IncludeCheck uint8

// The checks; all but CheckRead imply CheckRead.
const (
	CheckRead     IncludeCheck = 1 << iota // a named file cannot be read
	CheckMatch                             // a name, or the folder of a pattern, is not there
	CheckWildcard                          // neither that nor a pattern matches anything
	CheckBrace                             // one of several {a,b} alternatives is not there

	CheckAll = CheckRead | CheckMatch | CheckWildcard | CheckBrace
)

// line is one line of text on its way through substitution to words. All of it
// stands on one line of a file: what a definition or sequence made of it points
// at the place of use.
type line struct {
	text  string
	col   int // column of text[0] when it is as in the file
	signs signs
	at    *place
}

// place is where a line comes from.
type place struct {
	file diag.FileName
	num  int
	made []span // where octets come from, ascending; nil while the text is as in the file
	full bool   // that it cannot take another replacement was said
	long bool   // that it is longer than keepalived can hold was said
}

// span says where the octets from offset at on (to the next span) come from:
// each from its own column, counted up from col, or all of them from [col, end).
type span struct {
	at  int
	col int
	end int // 0: octet for octet
}

// signs are those with a meaning that a line may hold; it saves looking for them.
type signs uint8

const (
	braces  signs = 1 << iota // { or }
	dollars                   // $
	quotes                    // " or \
	foreign                   // what is not ASCII

	anySigns = braces | dollars | quotes | foreign
)

// cut returns the octets [i, j) of l.
func (l line) cut(i, j int) line {
	l.text = l.text[i:j]
	if l.at.made == nil {
		l.col += i
		return l
	}
	if i == 0 {
		return l
	}
	made := l.at.made
	k := l.at.span(i)
	first := made[k]
	if first.end == 0 {
		first.col += i - first.at
	}
	first.at = 0
	rest := append(make([]span, 0, len(made)-k), first)
	for _, s := range made[k+1:] {
		s.at -= i
		rest = append(rest, s)
	}
	l.at = &place{file: l.at.file, num: l.at.num, made: rest, full: l.at.full, long: l.at.long}
	return l
}

// span returns the index of the span that holds octet i.
func (p *place) span(i int) int {
	k := 0
	for k+1 < len(p.made) && p.made[k+1].at <= i {
		k++
	}
	return k
}

// columns returns the columns of octet i: the first, and the one behind it.
func (l line) columns(i int) (from, behind int) {
	if l.at.made == nil {
		return l.col + i, l.col + i + 1
	}
	s := l.at.made[l.at.span(i)]
	if s.end != 0 {
		return s.col, s.end
	}
	return s.col + i - s.at, s.col + i - s.at + 1
}

// rng returns the place of the octets [i, j).
func (l line) rng(i, j int) diag.Range {
	from, _ := l.columns(i)
	behind := from
	if j > i {
		_, behind = l.columns(j - 1)
	}
	return diag.At(l.at.file, l.at.num, from, behind)
}

func (l line) whole() diag.Range { return l.rng(0, len(l.text)) }

// splice returns l with the octets [i, j) replaced by text, which stands for them.
func (l line) splice(i, j int, text string) line {
	r := l.rng(i, j)
	old := l.at.made
	if old == nil {
		old = []span{{at: 0, col: l.col}}
	}
	made := make([]span, 0, len(old)+2)
	for _, p := range old {
		if p.at < i {
			made = append(made, p)
		}
	}
	if text != "" {
		made = append(made, span{at: i, col: r.Start().Col, end: max(r.End().Col, r.Start().Col+1)})
	}
	if j < len(l.text) {
		rest := l.cut(j, len(l.text))
		pieces := rest.at.made
		if pieces == nil {
			pieces = []span{{at: 0, col: rest.col}}
		}
		for _, p := range pieces {
			p.at += i + len(text)
			made = append(made, p)
		}
	}
	if len(made) == 0 {
		made = append(made, span{at: 0, col: r.Start().Col, end: r.Start().Col + 1})
	}
	return line{text: l.text[:i] + text + l.text[j:], signs: anySigns,
		at: &place{file: l.at.file, num: l.at.num, made: made, full: l.at.full, long: l.at.long}}
}

// standing returns a line of other text that stands where r is.
func (l line) standing(text string, r diag.Range) line {
	return line{text: text, signs: anySigns, at: &place{file: l.at.file, num: l.at.num,
		made: []span{{at: 0, col: r.Start().Col, end: max(r.End().Col, r.Start().Col+1)}}}}
}

func isBlank(c byte) bool {
	return c == ' ' || c >= '\t' && c <= '\r' // tab, LF, VT, FF, CR
}

// trim removes white space at both ends.
func (l line) trim() line {
	i, j := 0, len(l.text)
	for i < j && isBlank(l.text[i]) {
		i++
	}
	for j > i && isBlank(l.text[j-1]) {
		j--
	}
	if i == 0 && j == len(l.text) {
		return l
	}
	return l.cut(i, j)
}

// trimEnd removes the end of the line of other systems.
func (l line) trimEnd() line {
	return l.cut(0, len(strings.TrimRight(l.text, "\r")))
}

func trimBlank(s string) string { return strings.Trim(s, " \t\n\v\f\r") }

// nextLine splits text at its first newline; what follows a NUL in the line is
// not part of it, as in keepalived, which reads C strings.
func nextLine(text string) (first, rest string) {
	first, rest, _ = strings.Cut(text, "\n")
	if i := strings.IndexByte(first, 0); i >= 0 {
		first = first[:i]
	}
	return first, rest
}
