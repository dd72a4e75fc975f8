// Package lint finds what is valid in a configuration and bites in production: one
// rule a function, in a table with a code that stays the same in all versions. Rules
// of one node look at one configuration, rules of several compare those of the nodes
// that back each other up. It does not touch the machine: no file, no interface, no
// script is looked at.
package lint

import (
	"fmt"
	"slices"
	"strings"

	"keepalived/checker/checkercfg"
	"keepalived/core/config"
	"keepalived/core/diag"
	"keepalived/core/global"
	"keepalived/vrrp/vrrpcfg"
)

// Node is one node's configuration with what both children make of it.
type Node struct {
	Name     string // for texts about several
	Tree     *config.Tree
	Global   *global.Config
	VRRP     *vrrpcfg.Config
	Checkers *checkercfg.Config
}

// NewNode decodes a tree that nothing fatal is wrong with.
func NewNode(name string, t *config.Tree) *Node {
	n := &Node{Name: name, Tree: t}
	n.Global, _ = global.Decode(t)
	n.VRRP, _ = vrrpcfg.Load(t, n.Global, nil)
	n.Checkers, _ = checkercfg.Load(t, n.Global)
	return n
}

// Finding is what a rule found; its Rule is the rule's code.
type Finding struct {
	// Node is the index of the node in which Subject is.
	Node int
	diag.Diagnostic
	repeats []string
}

// Repeats reports whether the daemon's own complaint d says the same of the same line,
// so that one of the two is enough.
func (f Finding) Repeats(d diag.Diagnostic) bool {
	a, b := f.Subject.Start(), d.Subject.Start()
	return a.IsValid() && a.File == b.File && a.Line == b.Line &&
		slices.ContainsFunc(f.repeats, func(part string) bool { return strings.Contains(d.Summary, part) })
}

// Advice is what follows and the way out, for a complaint that says the rest.
func (f Finding) Advice() string {
	if i := strings.LastIndex(f.Summary, ": "); i >= 0 {
		return f.Summary[i+2:] + "; " + f.Hint
	}
	return f.Hint
}

// Rule is one trap.
type Rule struct {
	Code string
	// About says in a sentence what the trap is.
	About string
	check func(*Node, say)
	// repeats are parts of the complaints of keepalived that say the same.
	repeats []string
}

// Comparison is a rule about nodes that back each other up.
type Comparison struct {
	Code  string
	About string
	check func(*comparing)
}

// say adds a finding: a place, the way out, and what is wrong.
type say func(at diag.Range, hint, format string, args ...any)

// Rules are those of one node.
func Rules() []Rule {
	return slices.Concat(instanceRules(), trackRules(), serviceRules())
}

// Check applies all rules of one node.
func Check(n *Node) []Finding {
	var found []Finding
	for _, r := range Rules() {
		r.check(n, func(at diag.Range, hint, format string, args ...any) {
			found = append(found, Finding{repeats: r.repeats, Diagnostic: diag.Diagnostic{
				Rule: r.Code, Severity: diag.Warning, Code: diag.Conflict, Subject: at, Summary: fmt.Sprintf(format, args...), Hint: hint,
			}})
		})
	}
	return found
}

// blocks are the nodes of a keyword outside any block.
func (n *Node) blocks(keyword string) []*config.Node {
	var out []*config.Node
	for _, r := range n.Tree.Roots {
		if r.Keyword.Text == keyword {
			out = append(out, r)
		}
	}
	return out
}

// lines are the lines of keyword in a block.
func lines(block *config.Node, keyword string) []*config.Node {
	var out []*config.Node
	for _, m := range block.Block {
		if m.Keyword.Text == keyword {
			out = append(out, m)
		}
	}
	return out
}

// last is the line of keyword in a block that counts: the last. nil: there is none.
func last(block *config.Node, keyword string) *config.Node {
	if all := lines(block, keyword); len(all) > 0 {
		return all[len(all)-1]
	}
	return nil
}

// arg is the first word behind a keyword, "" when there is none or no line.
func arg(line *config.Node) string {
	if line == nil || len(line.Args) == 0 {
		return ""
	}
	return line.Args[0].Text
}

// whole is the place of a line.
func whole(line *config.Node) diag.Range {
	r := line.Keyword.Range
	if k := len(line.Args); k > 0 {
		r = r.To(line.Args[k-1].Range)
	}
	return r
}

// at is the place of the line of keyword in a block, of the block's name or keyword
// when it does not stand there.
func at(block *config.Node, keyword string) diag.Range {
	if l := last(block, keyword); l != nil {
		return whole(l)
	}
	return whole(block)
}

// instance is a vrrp_instance as written and as understood.
type instance struct {
	*vrrpcfg.Instance
	block *config.Node
}

// instances are those that are used.
func (n *Node) instances() []instance {
	var out []instance
	seen := map[string]bool{}
	for _, b := range n.blocks("vrrp_instance") {
		name := arg(b)
		if i := n.VRRP.Instance(name); i != nil && !seen[name] {
			seen[name] = true
			out = append(out, instance{i, b})
		}
	}
	return out
}

// eachInstance makes a check of a node of one of an instance.
func eachInstance(check func(*Node, instance, say)) func(*Node, say) {
	return func(n *Node, s say) {
		for _, i := range n.instances() {
			check(n, i, s)
		}
	}
}
