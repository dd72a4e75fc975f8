package config

import (
	"maps"
	"strings"

	"keepalived/core/diag"
)

// reader takes lines from files through conditions, definitions, sequences and
// includes to the builder, which makes the tree of them.
type reader struct {
	fsys     Files
	env      Env
	configID string
	random   uint64
	defs     map[string]*definition
	left     bool // a $ was left as it stands
	seen     map[Use]struct{}
	collect  *definition // a definition whose further lines are being read

	check   IncludeCheck
	dir     string   // of the file being read, as a prefix for relative names; "" or ends in /
	reading []string // files being read, outermost first
	files   map[string]string
	read    int // octets read, as maxRead counts
	made    int // octets made by definitions and sequences

	depth int // braces open at this place of the text, whatever they belong to
	build builder

	list diag.List
	stop bool // a fatal finding was made: nothing more is read
}

// longLine says of a line that keepalived would pass over it.
func (r *reader) longLine(at diag.Range) {
	r.warnf(at, diag.LongLine, "line longer than %d octets", MaxLine-2)
	r.list.WithHint("keepalived 2.2.7 drops it")
}

// fatal makes a finding that ends the reading.
func (r *reader) fatal(at diag.Range, c diag.Code, format string, args ...any) {
	r.list.Fatalf(at, c, format, args...)
	r.stop = true
}

// errorf makes a finding, unless there are more than anyone will look at.
func (r *reader) errorf(at diag.Range, c diag.Code, format string, args ...any) bool {
	if !r.room() {
		return false
	}
	r.list.Errorf(at, c, format, args...)
	return true
}

// warnf is errorf for what is taken as it stands.
func (r *reader) warnf(at diag.Range, c diag.Code, format string, args ...any) {
	if r.room() {
		r.list.Warnf(at, c, format, args...)
	}
}

func (r *reader) room() bool {
	if len(r.list) == maxFindings {
		r.list.Errorf(diag.Range{}, diag.Limit, "more than %d findings, further ones are not listed", maxFindings)
	}
	return len(r.list) < maxFindings
}

// text reads the lines of one file.
func (r *reader) text(name, text string) {
	at := &place{file: diag.NewFileName(name)} // no line is kept longer than it is worked on
	first := 1
	if rest := r.byteOrder(at, text); len(rest) != len(text) {
		first += len(text) - len(rest)
		text = rest
	}
	for text != "" && !r.stop {
		var raw string
		at.num++
		at.full, at.long = false, false
		if at.num&1023 == 0 {
			r.expire(diag.At(at.file, at.num, 1, 1))
		}
		raw, text = nextLine(text)
		r.raw(line{text: raw, col: first, at: at})
		first = 1
	}
	r.collect = nil
}

// raw takes a line as it stands in the file.
func (r *reader) raw(l line) {
	l, continued := goesOn(l.trimEnd()) // even behind a comment
	l, open := uncomment(l)
	l = l.trim()
	if !continued {
		l, continued = goesOn(l)
	}
	if open {
		r.unterminated(l)
	}
	if len(l.text) > MaxLine-2 {
		if len(l.text) > maxLine {
			r.errorf(l.rng(0, len(l.text)), diag.Limit, "line too long - ignoring")
			r.list.Expect("at most %d MiB a line", maxLine>>20)
			r.collect = nil
			return
		}
		r.longLine(l.rng(0, len(l.text)))
	}
	if r.collect != nil {
		r.collect.lines = append(r.collect.lines, l.text)
		if !continued {
			r.collect = nil
		}
		return
	}
	if continued {
		def, ok := r.definitionIn(l)
		switch {
		case ok && def != nil:
			r.collect = def
			return
		case ok: // a condition that does not hold
			return
		}
		// Elsewhere the sign has no meaning; keepalived takes it as part of the last word.
		l.text += `\`
	}
	if l.signs&^foreign == 0 && !continued && l.text != "" && strings.IndexByte("@~i", l.text[0]) < 0 {
		r.words(l) // nothing to do on the way, as with most lines
		return
	}
	r.feed(l, 0)
}

// goesOn takes the \ from the end of a line.
func goesOn(l line) (_ line, continued bool) {
	text, continued := strings.CutSuffix(l.text, `\`)
	if continued {
		l = l.cut(0, len(text))
	}
	return l.trim(), continued
}

func (r *reader) unterminated(l line) {
	i := strings.LastIndexByte(l.text, '"')
	r.errorf(l.rng(max(i, 0), len(l.text)), diag.Unbalanced, "Unterminated quote '%s'", l.text)
}

// feed takes a line without comments all the way. Behind each brace the rest of
// the line is treated as a line of its own. depth counts the definitions and
// sequences that the line comes from.
func (r *reader) feed(l line, depth int) {
	var tails []tail
	replaced := 0
	for !r.stop {
		l = l.trim()
		if l.text == "" || r.directive(&l, depth) {
			break
		}
		var t tail
		if l, t = r.substitute(l, &replaced); t.changed {
			if t.of != nil {
				tails = append(tails, t)
			}
			var open bool
			if l, open = uncomment(l); open {
				r.unterminated(l)
			}
			continue
		}
		if !r.stop {
			l = r.segment(l)
		}
	}
	for _, t := range tails {
		r.tail(t, depth)
	}
}

// directive deals with what a line may begin with before it is a keyword. done
// reports that nothing is left to do; else l may have lost a condition.
func (r *reader) directive(l *line, depth int) (done bool) {
	rest, keep := r.condition(*l)
	if !keep {
		return true
	}
	*l = rest
	switch l.text[0] {
	case '$':
		if name, value, ok := cutDefinition(l.text); ok {
			r.defs[name] = &definition{name: name, set: l.whole(), lines: []string{strings.TrimSuffix(value, `\`)}}
			return true
		}
	case '~':
		return r.sequence(*l, depth)
	case 'i':
		return r.include(*l)
	}
	return false
}

// segment takes the first segment of l, up to a brace or the brace itself, to the
// builder and returns the rest.
func (r *reader) segment(l line) (rest line) {
	i := len(l.text)
	if l.signs&braces != 0 {
		if first := r.firstBrace(l); first >= 0 {
			i = first
		}
	}
	if head := l.cut(0, i).trim(); head.text != "" {
		if r.words(head); r.stop {
			return line{}
		}
	}
	if i == len(l.text) {
		return line{}
	}
	at := l.rng(i, i+1)
	if l.text[i] == '{' {
		r.depth++
		r.open(at)
	} else {
		if r.depth == 0 {
			r.errorf(at, diag.Unbalanced, "Extra '}' found")
		} else {
			r.depth--
		}
		r.close(at)
	}
	return l.cut(i+1, len(l.text)).trim()
}

// firstBrace finds the first brace of l that is one: not that of ${NAME}, which stands
// there because it could not be replaced. keepalived takes it for one, and the } of an
// undefined ${NAME} ends the block around it.
func (r *reader) firstBrace(l line) int {
	for from := 0; ; {
		i := brace(l.text[from:])
		if i < 0 {
			return -1
		}
		i += from
		n := 0
		if i > 0 && l.text[i-1] == '$' && l.text[i] == '{' {
			n = identifier(l.text[i+1:])
		}
		if n == 0 || i+1+n == len(l.text) || l.text[i+1+n] != '}' {
			return i
		}
		from = i + n + 2
		if !l.at.full { // else it was said why
			r.undefined(l.rng(i-1, from), l.text[i+1:i+1+n])
		}
	}
}

// undefined says of ${name} that it stays as it is.
func (r *reader) undefined(at diag.Range, name string) {
	what := "is not defined"
	if r.defs[name] != nil {
		what = "cannot be replaced here"
	}
	r.errorf(at, diag.Undefined, "${%s} %s and stays as it is", name, what)
	r.list.WithHint("2.2.7 takes its braces for those of a block")
	if r.defs[name] == nil {
		if near := diag.Near(name, maps.Keys(r.defs)); near != "" {
			r.list.Suggest("${" + near + "}")
		}
	}
}

// tail feeds the further lines of definitions of several lines.
func (r *reader) tail(t tail, depth int) {
	if depth >= maxExpandDepth && !r.stop {
		r.fatal(t.at, diag.TooDeep, "definitions are nested more than %d deep", maxExpandDepth)
	}
	for _, d := range t.of {
		d.active++
	}
	for _, text := range t.lines {
		r.spend(t.at, len(text)+minLineCost)
		if r.stop {
			break
		}
		r.feed(t.use.standing(text, t.at), depth+1)
	}
	for _, d := range t.of {
		d.active--
	}
}

// expire ends a reading that takes too long.
func (r *reader) expire(at diag.Range) {
	if r.env.Expired != nil && !r.stop && r.env.Expired() {
		r.fatal(at, diag.Limit, "reading the configuration takes too long")
		r.list.WithHint("look for definitions and sequences inside each other, and files that include each other many times")
	}
}

// minLineCost is what a line of a definition or sequence costs besides its octets.
const minLineCost = 64

// spend counts octets made from definitions and sequences.
func (r *reader) spend(at diag.Range, octets int) {
	if r.made>>16 != (r.made+octets)>>16 {
		r.expire(at)
	}
	r.made += octets
	if r.made > maxExpanded && !r.stop {
		r.fatal(at, diag.Limit, "definitions and sequences make more than %d MB of text", maxExpanded>>20)
		r.list.WithHint("look for definitions and sequences inside each other, and for the end of a sequence")
	}
}
