package cursor

import (
	"slices"

	"keepalived/core/config"
	"keepalived/core/diag"
)

// Order lets names be used before what they name is defined. keepalived reads a file
// once, from the top, and ignores a reference to what comes further down.
type Order struct {
	at      int // the root being decoded
	defined map[name]place
}

type name struct{ kind, name string }

// place is where something is defined: its root's number, and what names it there.
type place struct {
	root int
	word diag.Range
}

// DecodeOrdered is Decode for the roots of a tree. Those whose keyword is among the
// definitions come first, so that the others find them wherever they stand.
func (t Table[T]) DecodeOrdered(dst *T, roots []*config.Node, diags *diag.List, o *Order, definitions ...string) {
	o.defined = map[name]place{}
	for i, n := range roots {
		if len(n.Args) > 0 && slices.Contains(definitions, n.Keyword.Text) {
			key := name{n.Keyword.Text, n.Args[0].Text}
			if _, twice := o.defined[key]; !twice {
				o.defined[key] = place{i, n.Args[0].Range}
			}
		}
	}
	for _, first := range []bool{true, false} {
		for i, n := range roots {
			if slices.Contains(definitions, n.Keyword.Text) == first {
				o.at = i
				t.Decode(dst, roots[i:i+1], diags)
			}
		}
	}
}

// Late says of a reference at w that it names something of one of the kinds (the
// keywords that define it) which is defined only further down: it works here, and
// effect is what becomes of it in 2.2.7.
func (o *Order) Late(c *Cursor, w config.Word, what, effect string, kinds ...string) {
	for _, k := range kinds {
		p, ok := o.defined[name{k, w.Text}]
		if !ok || p.root < o.at {
			continue
		}
		c.Warnf(w.Range, diag.OutOfOrder, "%s %s is defined further down, in line %d", what, w.Text, p.word.Start().Line)
		c.Hint("it works here; keepalived 2.2.7 %s: move the definition up", effect)
		c.diags.Relate(p.word, "%s is defined here", w.Text)
		return
	}
}
