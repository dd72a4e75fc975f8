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
		if k := &all[i]; k.Path == "" && p.leavesOut(k.Name) {
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
		t.Roots = slices.DeleteFunc(t.Roots, func(n *config.Node) bool { return p.leavesOut(n.Keyword.Text) })
	}
}

// leavesOut reports whether a root keyword is read by children that are not in p only.
func (p Part) leavesOut(name string) bool {
	if p == Whole || atRoot(globalKeywords, name) {
		return false
	}
	var readers Part
	if atRoot(vrrpKeywords, name) {
		readers |= VRRP
	}
	if atRoot(checkerKeywords, name) {
		readers |= Checkers
	}
	return readers != 0 && readers&p == 0
}

func atRoot(keywords []config.Keyword, name string) bool {
	return slices.ContainsFunc(keywords, func(k config.Keyword) bool { return k.Path == "" && k.Name == name })
}

var checkerKeywords, vrrpKeywords, globalKeywords = checkercfg.Keywords(), vrrpcfg.Keywords(), global.Keywords()
