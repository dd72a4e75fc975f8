package dialect

import (
	"slices"

	"keepalived/checker/checkercfg"
	"keepalived/core/config"
	"keepalived/core/global"
	"keepalived/vrrp/vrrpcfg"
)

// Part is a set of children whose configuration is read. As 2.2.7 under -P and -C, the
// blocks of a child that is not started are not looked at: nothing in them is a
// complaint, and none of them keeps the other from starting.
type Part uint8

// The children.
const (
	VRRP Part = 1 << iota
	Checkers

	Whole = VRRP | Checkers
)

// Schema returns every keyword for the parser; the blocks that nobody of this part
// reads are skipped whole.
func (p Part) Schema() *config.Schema {
	all := Keywords()
	for i := range all {
		if k := &all[i]; k.Path == "" && !p.reads(k.Name) {
			k.Skip, k.Need = true, 0
		}
	}
	s := config.NewSchema(all)
	s.Remember(oldWords)
	s.Misnamed(manualWords)
	return s
}

// Cut takes the blocks that nobody of this part reads out of a tree.
func (p Part) Cut(t *config.Tree) {
	if t != nil && p != Whole {
		t.Roots = slices.DeleteFunc(t.Roots, func(n *config.Node) bool { return !p.reads(n.Keyword.Text) })
	}
}

// Of is a tree of the blocks that this part reads.
func (p Part) Of(t *config.Tree) *config.Tree {
	out := &config.Tree{Roots: make([]*config.Node, 0, len(t.Roots))}
	for _, n := range t.Roots {
		if p.reads(n.Keyword.Text) {
			out.Roots = append(out.Roots, n)
		}
	}
	return out
}

// Join makes one tree again of what each child reads of it: the same but for the order
// of blocks that no child reads both of.
func Join(vrrp, checkers *config.Tree) *config.Tree {
	out := &config.Tree{Roots: slices.Clone(vrrp.Roots)}
	for _, n := range checkers.Roots {
		if !VRRP.reads(n.Keyword.Text) {
			out.Roots = append(out.Roots, n)
		}
	}
	return out
}

// reads reports whether a child of p reads a root keyword. What nobody knows is not kept
// from anybody.
func (p Part) reads(name string) bool {
	r, known := readers[name]
	return !known || r&p != 0 || r&shared != 0
}

// shared marks what every process reads, whichever children there are.
const shared Part = 1 << 7

// readers are the children that read each root keyword.
var readers = func() map[string]Part {
	out := map[string]Part{}
	for part, keywords := range map[Part][]config.Keyword{VRRP: vrrpKeywords, Checkers: checkerKeywords, shared: globalKeywords} {
		for _, k := range keywords {
			if k.Path == "" {
				out[k.Name] |= part
			}
		}
	}
	return out
}()

var checkerKeywords, vrrpKeywords, globalKeywords = checkercfg.Keywords(), vrrpcfg.Keywords(), global.Keywords()
