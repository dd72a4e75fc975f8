package config

import "keepalived/core/diag"

// Use is a place where a definition was replaced by its value.
type Use struct {
	At   diag.Range
	Name string
	Set  diag.Range // where the value was written
}

// maxUses bounds how many uses are remembered: they only make findings clearer.
const maxUses = 100000

// used remembers that d stands at a place, once for all turns of a sequence.
func (r *reader) used(d *definition, at diag.Range) {
	if !d.set.IsValid() || len(r.build.tree.Uses) == maxUses {
		return
	}
	u := Use{At: at, Name: d.name, Set: d.set}
	if r.seen == nil {
		r.seen = map[Use]struct{}{}
	}
	if _, again := r.seen[u]; !again {
		r.seen[u] = struct{}{}
		r.build.tree.Uses = append(r.build.tree.Uses, u)
	}
}

// Annotate adds to findings in what a definition made where its value was written, and
// to those in included files where they were included.
func (t *Tree) Annotate(l diag.List) {
	if len(l) == 0 {
		return
	}
	type spot struct {
		file string
		line int
	}
	uses := map[spot][]Use{}
	for _, u := range t.Uses {
		s := spot{u.At.Start().File, u.At.Start().Line}
		uses[s] = append(uses[s], u)
	}
	from := map[string]diag.Range{}
	for _, s := range t.Sources {
		from[s.Name] = s.From
	}
	for i := range l {
		d := &l[i]
		at := d.Subject.Start()
		for _, u := range uses[spot{at.File, at.Line}] {
			if u.At.Start().Col <= at.Col && at.Col < u.At.End().Col {
				d.Related = append(d.Related, diag.Related{Range: u.Set, Text: "$" + u.Name + " is set here"})
			}
		}
		const most = 8
		for r, n := from[at.File], 0; r.IsValid() && n < most; r, n = from[r.Start().File], n+1 {
			d.Related = append(d.Related, diag.Related{Range: r, Text: "included here"})
		}
	}
}
