package meaning

import (
	"fmt"
	"slices"
	"strings"

	"keepalived/core/config"
)

// object is what an operator thinks of as one thing: a vrrp_instance, a
// virtual_server, all of global_defs. Nodes of one kind without a name are one
// object together.
type object struct {
	name  string // "vrrp_instance VI_1"
	kind  string // "vrrp_instance"
	at    int    // of the first node among the roots
	nodes []*config.Node
}

// named are the blocks of which each is an object of its own. (garp_group has no name,
// and several of them are several.)
var named = []string{
	"vrrp_instance", "vrrp_sync_group", "vrrp_script", "track_file", "vrrp_track_file", "vrrp_track_process", "track_group",
	"bfd_instance", "virtual_server", "virtual_server_group", "garp_group",
}

// objects takes roots apart, in the order of the file. Of named objects that stand
// there several times each is one: keepalived keeps the first and complains, or, of
// virtual servers, uses all.
func objects(roots []*config.Node) []*object {
	var out []*object
	byName := map[string]*object{}
	for i, n := range roots {
		name := label(n)
		separate := slices.Contains(named, n.Keyword.Text)
		if !separate {
			name = n.Keyword.Text
			if n.Block == nil && !n.Close.IsValid() {
				name = outside
			}
		}
		first := name
		for nth := 2; separate && byName[name] != nil; nth++ {
			name = fmt.Sprintf("%s (no. %d)", first, nth)
		}
		o := byName[name]
		if o == nil {
			o = &object{name: name, kind: n.Keyword.Text, at: i}
			byName[name] = o
			out = append(out, o)
		}
		o.nodes = append(o.nodes, n)
	}
	return out
}

// outside is the object of the keywords that stand outside any block.
const outside = "outside any block"

// label is a keyword with its words.
func label(n *config.Node) string {
	if n.Form == config.FormVerbatim {
		return strings.TrimSpace(n.Raw.Text)
	}
	return strings.Join(append([]string{n.Keyword.Text}, words(n)...), " ")
}

// words are those behind the keyword.
func words(n *config.Node) []string {
	if n.Form == config.FormScript {
		if n.Raw.Text == "" {
			return nil
		}
		return []string{n.Raw.Text}
	}
	out := make([]string, len(n.Args))
	for i, a := range n.Args {
		out[i] = a.Text
		if a.Text == "" || strings.ContainsAny(a.Text, " \t") {
			out[i] = `"` + a.Text + `"`
		}
	}
	return out
}

// members are the nodes in the braces of an object's nodes, or for keywords outside
// any block these themselves.
func (o *object) members() []*config.Node {
	if o.name == outside {
		return o.nodes
	}
	var all []*config.Node
	for _, n := range o.nodes {
		all = append(all, n.Block...)
	}
	return all
}

// with returns o as roots with other members.
func (o *object) with(members []*config.Node) []*config.Node {
	if o.name == outside {
		return members
	}
	n := *o.nodes[0]
	n.Block = members
	return []*config.Node{&n}
}

// group is what of a block belongs together: the lines of one keyword, the entries of
// a list, or one block.
type group struct {
	key   string
	kw    config.Keyword
	nodes []*config.Node
}

// grouped are the groups of a block, in the order of the file and by key.
type grouped struct {
	list  []*group
	byKey map[string]*group
}

// groups takes the members of the block at path apart.
func groups(s *config.Schema, path string, members []*config.Node) grouped {
	out := grouped{byKey: map[string]*group{}}
	for _, n := range members {
		k, _ := s.Lookup(path, n.Keyword.Text)
		key := n.Keyword.Text
		if k.Kind == config.Block {
			key = label(n)
			first := key
			for nth := 2; out.byKey[key] != nil; nth++ {
				key = fmt.Sprintf("%s (no. %d)", first, nth)
			}
		}
		g := out.byKey[key]
		if g == nil {
			g = &group{key: key, kw: k}
			out.byKey[key] = g
			out.list = append(out.list, g)
		}
		g.nodes = append(g.nodes, n)
	}
	return out
}

// like returns the group of g's key; an empty one when there is none.
func (l grouped) like(g *group) *group {
	if found := l.byKey[g.key]; found != nil {
		return found
	}
	return &group{key: g.key, kw: g.kw}
}

// values are the words of a group's lines, a line each, or the entries of a list.
func (g *group) values() []string {
	out := []string{}
	for _, n := range g.nodes {
		if g.kw.Kind != config.List {
			out = append(out, strings.Join(words(n), " "))
			continue
		}
		for _, e := range n.Block {
			out = append(out, label(e))
		}
	}
	return out
}

// shown are the values without secrets.
func (g *group) shown(s *config.Schema) []string {
	out := []string{}
	if g.kw.Kind == config.List || g.kw.Script {
		for _, v := range g.values() {
			if g.kw.Script {
				v = config.HideArguments(v)
			}
			out = append(out, v)
		}
		return out
	}
	for _, n := range g.nodes {
		w := slices.Clone(words(n))
		s.HideWords(&g.kw, w)
		out = append(out, strings.Join(w, " "))
	}
	return out
}
