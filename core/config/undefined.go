package config

import (
	"maps"
	"strings"

	"keepalived/core/diag"
)

// undefinedNames says of $NAME in a value that it was not replaced: keepalived takes the
// text as it is, without a word, so that an auth_pass is "$PASWORD" on all nodes that
// have the same slip. A script may have it from its shell: there it is said only when
// the name is a defined one, or nearly. Of a secret nothing is quoted, and one that only
// has a $ in it may well be meant.
func (r *reader) undefinedNames(path string, nodes []*Node) {
	s := r.build.schema
	for _, n := range nodes {
		k := s.members(path)[n.Keyword.Text]
		switch {
		case k == nil || k.Skip:
			continue
		case n.Form == FormScript && n.Raw != nil:
			r.undefinedName(k, *n.Raw)
		default:
			for _, w := range n.Args {
				r.undefinedName(k, w)
			}
		}
		if k.Kind != List {
			r.undefinedNames(join(path, k.Name), n.Block)
			continue
		}
		for _, entry := range n.Block {
			r.undefinedName(k, entry.Keyword)
			for _, w := range entry.Args {
				r.undefinedName(k, w)
			}
		}
	}
}

// undefinedName looks at one value of keyword k and speaks about the first name in it
// that there is something to say about.
func (r *reader) undefinedName(k *Keyword, w Word) {
	for from := 0; ; {
		i := strings.IndexByte(w.Text[from:], '$')
		if i < 0 || !r.room() {
			return
		}
		from += i + 1
		n := identifier(w.Text[from:])
		whole := from == 1 && from+n == len(w.Text)
		if n == 0 || k.Secret > 0 && !whole {
			continue
		}
		name := w.Text[from : from+n]
		what, suggest := r.whyLeft(k, name, w.Range.Start(), w.Text[from-1:])
		if what == "" {
			continue
		}
		said := "$" + name
		if k.Secret > 0 {
			said = "the definition named here"
		}
		r.list.Noticef(w.Range, diag.Undefined, "%s %s and stays as it is", said, what)
		r.list.WithHint("a definition is $NAME=value on a line of its own, before its use; ${NAME} is replaced wherever it stands, $NAME before a blank, a comma, ) and the end of the line")
		r.list.Suggest(suggest)
		return
	}
}

// whyLeft tells why $name, with which text begins, was left at a place, and what was
// probably meant; "" when it may be meant as it is.
func (r *reader) whyLeft(k *Keyword, name string, at diag.Pos, text string) (what, suggest string) {
	d := r.defs[name]
	switch {
	case d == nil:
		_, reference := referenceAt(text, 0)
		near := diag.Near(name, maps.Keys(r.defs))
		switch {
		case near != "":
			return "is not defined", "$" + near
		case reference && !k.Script:
			return "is not defined", ""
		}
	case len(d.lines) > 1:
		return "has several lines, which only the end of a line can have,", ""
	case d.set.Start().File != at.File:
	case d.set.Start().Line > at.Line:
		return "is defined further down only", ""
	default:
		return "is not replaced before what follows it", "${" + name + "}"
	}
	return "", ""
}
