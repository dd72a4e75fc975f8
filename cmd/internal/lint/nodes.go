package lint

import (
	"cmp"
	"fmt"
	"slices"

	"keepalived/core/diag"
	"keepalived/vrrp/vrrpcfg"
)

// peer is a virtual router on one node.
type peer struct {
	instance
	index int // of the node
	node  *Node
}

// router is one virtual router: an instance of each node that has it, in the order of
// the nodes.
type router []peer

// comparing is the work on the configurations of several nodes.
type comparing struct {
	nodes   []*Node
	routers []router
	rule    string
	found   []Finding
}

// say adds a finding about something in a file of the node with that index.
func (c *comparing) say(node int, at diag.Range, hint, format string, args ...any) {
	c.found = append(c.found, Finding{Node: node, Diagnostic: diag.Diagnostic{
		Rule: c.rule, Severity: diag.Warning, Code: diag.Conflict, Subject: at, Summary: fmt.Sprintf(format, args...), Hint: hint,
	}})
}

// Compare applies all rules about nodes that back each other up: it tells what must
// agree and does not. It finds by virtual_router_id and family, then by name, address
// and interface, which instances belong together.
func Compare(nodes []*Node) []Finding {
	c := &comparing{nodes: nodes, routers: routers(nodes)}
	for _, r := range Comparisons() {
		c.rule = r.Code
		r.check(c)
	}
	return c.found
}

// routers finds out which instances of the nodes are one virtual router.
func routers(nodes []*Node) []router {
	var out []router
	for index, n := range nodes {
		for _, i := range n.instances() {
			p := peer{i, index, n}
			best, likeness := -1, 0
			for k, r := range out {
				if l := like(r, p); l > likeness {
					best, likeness = k, l
				}
			}
			if best < 0 {
				out = append(out, router{p})
			} else {
				out[best] = append(out[best], p)
			}
		}
	}
	return out
}

// like tells how surely p belongs to r: 0 not at all.
func like(r router, p peer) int {
	first := r[0]
	if first.Identity.VRID != p.Identity.VRID || first.Identity.Family != p.Identity.Family || r.on(p.index) {
		return 0
	}
	switch {
	case first.Name == p.Name:
		return 4
	case shareAddress(first.Instance, p.Instance):
		return 3
	case first.Identity.Interface == p.Identity.Interface:
		return 2
	case first.node.only(first) && p.node.only(p):
		return 1
	}
	return 0
}

// on reports whether a node has its part of the router already.
func (r router) on(node int) bool {
	return slices.ContainsFunc(r, func(p peer) bool { return p.index == node })
}

// only reports whether no other instance of the node has p's virtual_router_id.
func (n *Node) only(p peer) bool {
	return !slices.ContainsFunc(n.VRRP.Instances, func(i *vrrpcfg.Instance) bool {
		return i.Name != p.Name && i.Identity.VRID == p.Identity.VRID && i.Identity.Family == p.Identity.Family
	})
}

func shareAddress(a, b *vrrpcfg.Instance) bool {
	for _, x := range a.Addresses {
		for _, y := range b.Addresses {
			if x.Prefix.Addr() == y.Prefix.Addr() {
				return true
			}
		}
	}
	return false
}

// eachPair makes a check of several nodes of one of two parts of a router: the first
// node that has it, and one more.
func eachPair(check func(c *comparing, a, b peer)) func(*comparing) {
	return func(c *comparing) {
		for _, r := range c.routers {
			for _, b := range r[1:] {
				check(c, r[0], b)
			}
		}
	}
}

// agree says that a setting of two parts of a router must be the same and is not.
func agree[T comparable](keyword, hint string, of func(peer) T) func(*comparing) {
	return eachPair(func(c *comparing, a, b peer) {
		if x, y := of(a), of(b); x != y {
			c.say(b.index, at(b.block, keyword), hint, "(%s) %s is %v here and %v on %s", b.Name, keyword, y, x, a.node.Name)
		}
	})
}

// places names the nodes of some parts of a router.
func places(parts []peer) string {
	text := ""
	for i, p := range parts {
		switch {
		case i > 0 && i == len(parts)-1:
			text += " and "
		case i > 0:
			text += ", "
		}
		text += p.node.Name
	}
	return text
}

// byPriority are the parts of a router, the highest priority first.
func (r router) byPriority() router {
	out := slices.Clone(r)
	slices.SortStableFunc(out, func(a, b peer) int { return cmp.Compare(b.Election.Priority, a.Election.Priority) })
	return out
}
