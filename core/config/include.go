package config

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"keepalived/core/diag"
)

// include deals with "include pattern" and its stricter forms. The pattern is all
// the rest of the line, quotes and braces and all.
func (r *reader) include(l line) (done bool) {
	i := 0
	for i < len(l.text) && !isBlank(l.text[i]) {
		i++
	}
	how, ok := strings.CutPrefix(l.text[:i], "include")
	pattern := l.cut(i, len(l.text)).trim()
	if !ok || pattern.text == "" {
		return false
	}
	check := r.check
	switch how {
	case "":
	case "r":
		check = CheckRead
	case "m":
		check = CheckRead | CheckMatch
	case "w":
		check = CheckRead | CheckWildcard
	case "b":
		check = CheckRead | CheckBrace
	case "a":
		check = CheckAll
	default:
		return false
	}
	for replaced, again := 0, true; again; {
		var t tail
		pattern, t = r.substitute(pattern, &replaced)
		again = t.changed && !r.stop
	}
	name := pattern.text
	if !strings.HasPrefix(name, "/") {
		name = r.dir + name
	}
	if len(r.reading) > maxIncludeDepth {
		r.fatal(pattern.whole(), diag.TooDeep, "includes are nested more than %d deep", maxIncludeDepth)
		r.list.WithHint("include further files from the main file, or by one pattern")
		return true
	}
	g := glob{name: name, shown: pattern.text, at: pattern.whole(), check: check,
		missing: diag.File, failed: diag.IncludeFailed}
	r.glob(g)
	return true
}

// glob is one pattern of files to read and how much its absence matters.
type glob struct {
	name    string // joined to the including file's directory
	shown   string // as written
	at      diag.Range
	check   IncludeCheck
	missing diag.Code // the class of what is only said
	failed  diag.Code // the class of a failed check
}

// complain says that a file of the pattern is not read; it is fatal when one of
// the checks is asked for. Reading goes on: 2.2.7 reports the rest, too.
func (r *reader) complain(g glob, checks IncludeCheck, format string, args ...any) {
	switch {
	case g.check&checks != 0:
		r.list.Fatalf(g.at, g.failed, format, args...)
	case g.missing == diag.FileMissing:
		r.list.Fatalf(g.at, g.missing, format, args...)
	case len(r.list) < maxFindings:
		r.list.Noticef(g.at, g.missing, format, args...)
	}
}

// glob reads all files that match a pattern.
func (r *reader) glob(g glob) {
	names, err := r.fsys.Glob(g.name)
	absent := errors.Is(err, fs.ErrNotExist)
	if err != nil && !absent {
		r.complain(g, CheckRead, "Config files '%s': %v", g.shown, err)
		return
	}
	switch {
	case len(names) == 0 && absent && strings.Contains(g.shown, "{"):
		r.complain(g, CheckBrace, "Config files missing '%s'.", g.shown)
	case len(names) == 0 && absent: // whatever the manual says, CheckWildcard is about all names
		r.complain(g, CheckMatch|CheckWildcard, "Config files missing '%s'.", g.shown)
	case len(names) == 0 && (g.check&CheckWildcard != 0 || g.missing == diag.FileMissing):
		r.complain(g, CheckWildcard, "No config files matched '%s'.", g.shown)
	case absent:
		r.complain(g, CheckBrace, "Some config files missing: \"%s\".", g.shown)
		if g.check&CheckBrace != 0 {
			return // 2.2.7 does not read the others either
		}
	}
	for _, name := range names {
		if r.stop {
			return
		}
		r.file(g, name)
	}
}

// file reads one file and what it includes.
func (r *reader) file(g glob, name string) {
	if slices.Contains(r.reading, name) {
		r.fatal(g.at, diag.TooDeep, "include loop: '%s' is being read already", name)
		r.list.WithHint("it was reached by %s", strings.Join(append(slices.Clone(r.reading), name), " → "))
		return
	}
	text, known := r.files[name]
	if !known {
		b, err := r.fsys.Read(name)
		switch {
		case errors.Is(err, ErrDirectory):
			r.complain(g, CheckRead, "Configuration file '%s/' is a directory - skipping", strings.TrimRight(name, "/"))
			return
		case errors.Is(err, ErrNotPlain):
			r.complain(g, CheckRead, "Configuration file '%s' is not a regular non-executable file - skipping", name)
			return
		case errors.Is(err, ErrTooLarge):
			r.fatal(g.at, diag.Limit, "configuration file '%s' is larger than %d MiB", name, maxRead>>20)
			r.list.WithHint("ten thousand virtual servers are 10 MiB: is this a configuration?")
			return
		case err != nil:
			r.complain(g, CheckRead, "Configuration file '%s' open problem (%v) - skipping", name, err)
			return
		}
		text = string(b)
		r.files[name] = text
		r.build.tree.Sources = append(r.build.tree.Sources, Source{Name: name, Text: b, From: g.at})
	}
	if r.read += max(len(text), minReadCost); r.read > maxRead {
		r.fatal(g.at, diag.Limit, "the files make more than %d MiB of text", maxRead>>20)
		r.list.WithHint("each file counts as often as it is included, and as 1 KiB at least: look for files that include each other many times")
		return
	}
	dir, check := r.dir, r.check
	r.dir = name[:strings.LastIndexByte(name, '/')+1]
	r.reading = append(r.reading, name)
	r.text(name, text)
	r.reading = r.reading[:len(r.reading)-1]
	r.dir, r.check = dir, check
}

// includeCheck deals with include_check of global_defs, which holds to the end
// of the file it stands in: all checks without a word, else those named; + and -
// add to and remove from the checks made before.
func (r *reader) includeCheck(args []Word) {
	if len(args) == 0 {
		r.check = CheckAll
		return
	}
	var check IncludeCheck
	if strings.ContainsAny(args[0].Text[:min(1, len(args[0].Text))], "+-") {
		check = r.check
	}
	for _, w := range args {
		name := strings.TrimLeft(w.Text, "+-")
		var bit IncludeCheck
		switch name {
		case "read", "readable": // the manual has the one, the program the other
			bit = CheckRead
		case "match":
			bit = CheckMatch
		case "wildcard_match":
			bit = CheckWildcard
		case "brace_match":
			bit = CheckBrace
		default:
			r.errorf(w.Range, diag.BadValue, "Unknown include_check type '%s' - ignoring", name)
			continue
		}
		if strings.HasPrefix(w.Text, "-") {
			check &^= bit
		} else {
			check |= bit | CheckRead
		}
	}
	r.check = check
}
