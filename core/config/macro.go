package config

import (
	"path"
	"strconv"
	"strings"

	"keepalived/core/diag"
)

// maxReplacements bounds the replacements in one line; only definitions that
// contain themselves get near it.
const (
	maxReplacements = 2000
	// maxInLong is that in a line which keepalived could not hold.
	maxInLong = 300
)

// definition is the value of $name: one line or several.
type definition struct {
	name   string
	set    diag.Range // where it was written
	lines  []string
	active int // being unfolded: a use inside itself would have no end
}

// cutDefinition takes "$NAME=value" apart.
func cutDefinition(text string) (name, value string, ok bool) {
	n := identifier(text[1:])
	if n == 0 || 1+n == len(text) || text[1+n] != '=' {
		return "", "", false
	}
	return text[1 : 1+n], trimBlank(text[2+n:]), true
}

// identifier returns the length of the name at the start of text.
func identifier(text string) int {
	for i := 0; i < len(text); i++ {
		c := text[i]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return i
		}
	}
	return len(text)
}

// definitionIn starts the definition of several lines that l begins, perhaps
// behind a condition. ok with a nil definition is one whose condition fails.
func (r *reader) definitionIn(l line) (d *definition, ok bool) {
	if l.text == "" {
		return nil, false
	}
	rest, keep := r.condition(l)
	if !keep {
		return nil, true
	}
	if rest.text == "" || rest.text[0] != '$' {
		return nil, false
	}
	name, value, ok := cutDefinition(rest.text)
	if !ok {
		return nil, false
	}
	d = &definition{name: name, set: rest.whole()}
	if value != "" {
		d.lines = append(d.lines, value)
	}
	r.defs[name] = d
	return d, true
}

// reference is one use of a definition: text[from:to].
type reference struct {
	from, to int
	name     string
	args     string // behind the name in ${_RANDOM …} and ${_ENV …}
}

// findReference returns the first use of a definition in text at or behind from:
// ${NAME}, or $NAME before white space, a comma, ")" or the end.
func findReference(text string, from int) (ref reference, ok bool) {
	for from < len(text) {
		i := strings.IndexByte(text[from:], '$')
		if i < 0 {
			return ref, false
		}
		i += from
		if ref, ok = referenceAt(text, i); ok {
			return ref, true
		}
		from = i + 1
	}
	return ref, false
}

func referenceAt(text string, i int) (ref reference, ok bool) {
	rest := text[i+1:]
	if !strings.HasPrefix(rest, "{") {
		n := identifier(rest)
		if n == 0 || n < len(rest) && !isBlank(rest[n]) && rest[n] != ',' && rest[n] != ')' {
			return ref, false
		}
		return reference{from: i, to: i + 1 + n, name: rest[:n]}, true
	}
	rest = rest[1:]
	n := identifier(rest)
	if n == 0 || n == len(rest) {
		return ref, false
	}
	if rest[n] == '}' {
		return reference{from: i, to: i + n + 3, name: rest[:n]}, true
	}
	end := strings.IndexByte(rest, '}')
	if end < 0 || !isBlank(rest[n]) {
		return ref, false
	}
	ref = reference{from: i, to: i + end + 3, name: rest[:n], args: trimBlank(rest[n:end])}
	switch ref.name {
	case "_RANDOM":
		ok = ref.args != "" && strings.Trim(ref.args, "0123456789 \t") == ""
	case "_ENV":
		ok = ref.args != "" && strings.IndexFunc(ref.args, notEnvName) < 0
	}
	return ref, ok
}

func notEnvName(c rune) bool {
	return c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
}

// tail is what a substitution did besides changing the line.
type tail struct {
	changed bool
	lines   []string // the further lines of definitions at the end of the line
	of      []*definition
	use     line       // in which they are used
	at      diag.Range // and where in it
}

// substitute replaces the definitions in l, again and again, as keepalived does:
// a value may use others, and may even make part of a name. A definition of
// several lines is replaced only at the end of the line. What is not defined, or
// would make the line too long, stays.
//
// A replacement at the start of the line may have made a condition, a sequence
// and so on of it, which comes before the rest of the line is looked at; so it
// ends the work, and the caller comes again. count is the number of replacements
// made in the line.
func (r *reader) substitute(l line, count *int) (line, tail) {
	var t tail
	if l.signs&dollars == 0 {
		return l, t
	}
	for from := 0; ; {
		ref, ok := findReference(l.text, from)
		if !ok {
			r.left = r.left || strings.IndexByte(l.text, '$') >= 0
			return l, t
		}
		d := r.value(ref, l)
		if d == nil || len(d.lines) > 1 && ref.to != len(l.text) {
			from = ref.from + 1
			continue
		}
		at := l.rng(ref.from, ref.to)
		if *count++; d.active > 0 || *count > maxReplacements && len(l.text) <= MaxLine {
			r.fatal(at, diag.TooDeep, "definition $%s contains itself", ref.name)
			return l, t
		}
		value := ""
		if len(d.lines) > 0 {
			value = d.lines[0]
		}
		if length := len(l.text) + len(value) - (ref.to - ref.from); length > MaxLine-2 {
			if length > maxLine || *count > maxInLong {
				if !l.at.full {
					r.errorf(at, diag.Limit, "replacing $%s would make the line too long - not replacing", ref.name)
				}
				l.at.full = true
				from = ref.from + 1
				continue
			}
			if !l.at.long && len(l.text) <= MaxLine-2 {
				r.longLine(at)
			}
			l.at.long = true
		}
		if len(d.lines) > 1 {
			if t.of == nil {
				t.use, t.at = l, at
			}
			t.lines = append(append([]string(nil), d.lines[1:]...), t.lines...)
			t.of = append(t.of, d)
		}
		if r.spend(at, len(l.text)); r.stop {
			return l, t
		}
		r.used(d, at)
		l = l.splice(ref.from, ref.to, value)
		t.changed = true
		if ref.from == 0 {
			return l, t
		}
		from = 0
	}
}

// value looks a reference up; nil is undefined.
func (r *reader) value(ref reference, l line) *definition {
	if d := r.defs[ref.name]; d != nil {
		return d // also where the predefined one would have arguments
	}
	one := func(v string) *definition { return &definition{name: ref.name, lines: []string{v}} }
	switch ref.name {
	case "_PWD":
		dir := path.Clean("./" + r.dir)
		if strings.HasPrefix(r.dir, "/") {
			dir = path.Clean(r.dir)
		} else if r.env.Dir != "" {
			dir = path.Join(r.env.Dir, dir)
		}
		return one(dir)
	case "_INSTANCE":
		return one(r.configID)
	case "_RANDOM":
		return one(r.randomNumber(ref, l))
	case "_ENV":
		if ref.args == "" {
			return nil
		}
		v := ""
		if r.env.Lookup != nil {
			v, _ = r.env.Lookup(ref.args)
		}
		// A value is part of a line: it cannot bring further ones.
		v, _ = nextLine(v)
		return one(v)
	case "_HASH":
		return one("#")
	case "_BANG":
		return one("!")
	}
	return nil
}

// randomNumber answers ${_RANDOM [MIN [MAX]]}, 0..32767 without arguments.
func (r *reader) randomNumber(ref reference, l line) string {
	lo, hi := uint64(0), uint64(32767)
	args := strings.Fields(ref.args)
	if len(args) > 0 {
		lo, _ = strconv.ParseUint(args[0], 10, 32)
	}
	if len(args) > 1 {
		hi, _ = strconv.ParseUint(args[1], 10, 32)
	}
	if lo > hi {
		if len(args) > 1 {
			r.errorf(l.rng(ref.from, ref.to), diag.BadValue, "_RANDOM minimum %d is more than its maximum %d - using the minimum", lo, hi)
		}
		hi = lo
	}
	// splitmix64: small, seedable, and the same everywhere.
	r.random += 0x9e3779b97f4a7c15
	z := r.random
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return strconv.FormatUint(lo+(z^z>>31)%(hi-lo+1), 10)
}
