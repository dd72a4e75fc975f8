package meaning

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"keepalived/core/config"
)

// Kind tells what became of an object or keyword.
type Kind uint8

const (
	// Changed has another value.
	Changed Kind = iota
	// Added is there only in the second configuration.
	Added
	// Removed is there only in the first.
	Removed
	// Reordered has the same entries in an order that means something else.
	Reordered
)

func (k Kind) String() string { return [...]string{"changed", "added", "removed", "reordered"}[k] }

// Change is one difference between two configurations.
type Change struct {
	// Object is what it is about: "vrrp_instance VI_1", "global_defs".
	Object string
	// Keyword is what of it, with the blocks on the way: "authentication/auth_pass",
	// "real_server 10.0.0.2 80/weight"; "" is the whole object.
	Keyword string
	Kind    Kind
	// From and To are what stands behind the keyword in each, a line each; for a list
	// the entries that are only there. Secrets are hidden. nil: it does not stand there.
	From, To []string
	// Path and Name are Keyword's in the tables, of the object when that is "".
	Path, Name string
}

// Diff returns what b means otherwise than a: by object, in the order of b, what is
// removed last. The order of keywords and defaults that are written out are no
// difference, nor is another way to write a value.
func Diff(a, b *config.Tree, s *config.Schema) []Change {
	d := differ{schema: s, used: map[string]bool{}}
	d.roots[0], d.roots[1] = Canonical(a, s), Canonical(b, s)
	before := objects(d.roots[0])
	after := objects(d.roots[1])
	old := map[string]*object{}
	for _, o := range before {
		old[o.name] = o
	}
	now := map[string]bool{}
	for _, o := range after {
		now[o.name] = true
		if was := old[o.name]; was != nil {
			d.object(was, o)
		} else {
			d.whole(o, Added)
		}
	}
	for _, o := range before {
		if !now[o.name] {
			d.whole(o, Removed)
		}
	}
	return d.changes
}

type differ struct {
	schema  *config.Schema
	roots   [2][]*config.Node
	changes []Change
	used    map[string]bool // by keyword: whether a model holds its value
	spent   int             // nodes decoded to find out what changes mean
}

// whole is an object that only one side has. One that means nothing (an empty
// global_defs, a default said outside any block) is no difference.
func (d *differ) whole(o *object, k Kind) {
	if unnamed := !slices.Contains(named, o.kind); unnamed {
		none := &object{name: o.name, kind: o.kind, at: o.at, nodes: o.nodes[:1]}
		if k == Added {
			d.pair(none, o, nil, o.members())
		} else {
			d.pair(o, none, o.members(), nil)
		}
		return
	}
	d.changes = append(d.changes, Change{Object: o.name, Kind: k, Name: o.kind})
}

// object compares two generations of an object.
func (d *differ) object(a, b *object) { d.pair(a, b, a.members(), b.members()) }

func (d *differ) pair(a, b *object, was, is []*config.Node) {
	if config.DigestOf(was) == config.DigestOf(is) && label(a.nodes[0]) == label(b.nodes[0]) {
		return
	}
	p := &pair{differ: d, object: b.name, a: a, b: b}
	p.around[0], p.around[1] = surroundings(d.roots[0], a), surroundings(d.roots[1], b)
	p.size = count(was) + count(is)
	for _, a := range p.around {
		p.size += len(a.before) + len(a.behind)
	}
	path := b.kind
	if b.name == outside {
		path = ""
	}
	p.same = d.spent <= budget && p.means(0, a.with(was)) == p.means(0, b.with(is)) && p.means(1, a.with(was)) == p.means(1, b.with(is))
	p.rebuild[0] = func(m []*config.Node) []*config.Node { return a.with(m) }
	p.rebuild[1] = func(m []*config.Node) []*config.Node { return b.with(m) }
	if k, _ := d.schema.Lookup("", b.kind); k.Kind == config.List && path != "" {
		p.entries(group{kw: k}, was, is)
		return
	}
	p.block(path, "", was, is)
}

func count(nodes []*config.Node) (n int) {
	for _, m := range nodes {
		n += 1 + count(m.Block)
	}
	return n
}

// surroundings are the roots without o that its meaning may depend on.
func surroundings(roots []*config.Node, o *object) around {
	var skip []string
	switch o.kind {
	case "vrrp_instance":
		skip = []string{"vrrp_instance", "virtual_server", "virtual_server_group", "track_group"}
	case "virtual_server":
		skip = []string{"virtual_server", "vrrp_instance", "vrrp_sync_group", "vrrp_script"}
	case "vrrp_sync_group", "track_group":
		skip = []string{"virtual_server", "virtual_server_group"}
	default:
		skip = []string{"vrrp_instance", "virtual_server", "vrrp_sync_group"}
	}
	var out around
	for i, n := range roots {
		switch {
		case slices.Contains(skip, n.Keyword.Text) || slices.Contains(o.nodes, n):
		case i < o.at:
			out.before = append(out.before, n)
		default:
			out.behind = append(out.behind, n)
		}
	}
	return out
}

// around is what stands before and behind an object.
type around struct{ before, behind []*config.Node }

// pair is one object in both configurations.
type pair struct {
	*differ
	object string
	a, b   *object
	around [2]around
	size   int  // of what is decoded to find out what a change means
	same   bool // as a whole both mean the same
	// rebuild makes roots of other members of the block that is being compared.
	rebuild [2]func([]*config.Node) []*config.Node
}

// budget bounds the nodes that are decoded to find out what single changes mean.
// Beyond it, in files of thousands of changed objects, every change of the text
// counts as one.
const budget = 1 << 20

// means is what an object stands for in the surroundings of one side.
func (p *pair) means(side int, object []*config.Node) [32]byte {
	p.spent += p.size
	return Fingerprint(slices.Concat(p.around[side].before, object, p.around[side].behind))
}

// block compares the members of a block at path; where is the way to it.
func (p *pair) block(path, where string, was, is []*config.Node) {
	before, after := groups(p.schema, path, was), groups(p.schema, path, is)
	for _, g := range after.list {
		p.group(path, where, was, is, before.like(g), g)
	}
	for _, g := range before.list {
		if after.byKey[g.key] == nil {
			p.group(path, where, was, is, g, after.like(g))
		}
	}
}

// group compares one group of members of the block at path.
func (p *pair) group(path, where string, was, is []*config.Node, a, b *group) {
	both := len(a.nodes) > 0 && len(b.nodes) > 0
	if both && config.DigestOf(a.nodes) == config.DigestOf(b.nodes) {
		return
	}
	if both && b.kw.Kind == config.Block {
		p.inner(path, where, was, is, a, b)
		return
	}
	if !p.matters(path, was, is, a, b) {
		return
	}
	c := Change{Object: p.object, Keyword: where + b.key, Path: path, Name: b.kw.Name}
	switch {
	case both && b.kw.Kind == config.List:
		p.list(c, a.shown(p.schema), b.shown(p.schema))
		return
	case both:
		c.From, c.To = a.shown(p.schema), b.shown(p.schema)
	case len(a.nodes) > 0:
		c.Kind, c.From = Removed, a.shown(p.schema)
	default:
		c.Kind, c.To = Added, b.shown(p.schema)
	}
	if b.kw.Kind == config.Block {
		c.From, c.To = nil, nil
	}
	p.changes = append(p.changes, c)
}

// inner goes into a block that both have.
func (p *pair) inner(at, where string, was, is []*config.Node, a, b *group) {
	inside := *p
	for side, g := range []*group{a, b} {
		members, up := [][]*config.Node{was, is}[side], p.rebuild[side]
		inside.rebuild[side] = func(m []*config.Node) []*config.Node {
			n := *g.nodes[0]
			n.Block = m
			return up(replace(members, g.nodes, []*config.Node{&n}))
		}
	}
	inside.block(path.Join(at, b.kw.Name), where+b.key+"/", a.nodes[0].Block, b.nodes[0].Block)
}

// entries compares an object that is a list.
func (p *pair) entries(g group, was, is []*config.Node) {
	c := Change{Object: p.object, Name: g.kw.Name}
	if p.same {
		return
	}
	text := func(nodes []*config.Node) []string {
		out := []string{}
		for _, n := range nodes {
			out = append(out, label(n))
		}
		return out
	}
	p.list(c, text(was), text(is))
}

// list tells which entries are gone or new, or that their order is another.
func (p *pair) list(c Change, was, is []string) {
	gone, fresh := without(was, is), without(is, was)
	switch {
	case len(gone) == 0 && len(fresh) == 0:
		c.Kind, c.From, c.To = Reordered, was, is
	case len(gone) == 0:
		c.To = fresh
	case len(fresh) == 0:
		c.From = gone
	default:
		c.From, c.To = gone, fresh
	}
	p.changes = append(p.changes, c)
}

// without returns what list has more often than other.
func without(list, other []string) []string {
	left := map[string]int{}
	for _, s := range other {
		left[s]++
	}
	var out []string
	for _, s := range list {
		if left[s]--; left[s] < 0 {
			out = append(out, s)
		}
	}
	return out
}

// replace returns members with other nodes in the place of those that are gone.
func replace(members, gone, fresh []*config.Node) []*config.Node {
	out := make([]*config.Node, 0, len(members)+len(fresh))
	done := false
	for _, n := range members {
		if !slices.Contains(gone, n) {
			out = append(out, n)
			continue
		}
		if !done {
			out = append(out, fresh...)
			done = true
		}
	}
	if !done {
		out = append(out, fresh...)
	}
	return out
}

// matters reports whether the difference between two groups changes what the object
// means: put into the other's place in either configuration it makes another model.
// Where no model holds the keyword's value, the text decides.
func (p *pair) matters(path string, was, is []*config.Node, a, b *group) bool {
	if p.spent > budget {
		return true
	}
	if !p.same {
		exchanged := [2][]*config.Node{replace(was, a.nodes, b.nodes), replace(is, b.nodes, a.nodes)}
		for side, members := range [][]*config.Node{was, is} {
			if p.means(side, p.rebuild[side](members)) != p.means(side, p.rebuild[side](exchanged[side])) {
				return true
			}
		}
	}
	if b.kw.Kind == config.Block { // only one side has it
		return slices.ContainsFunc(slices.Concat(a.nodes, b.nodes), func(n *config.Node) bool { return len(n.Block) > 0 })
	}
	return !p.held(path, was, is, a, b) && !equalText(a, b)
}

// held reports whether a model has the value of the groups' keyword: two values that
// are sure to differ make two models, or, where none are known, its absence makes
// another.
func (p *pair) held(path string, was, is []*config.Node, a, b *group) bool {
	id := path + "/" + b.kw.Name
	if known, ok := p.used[id]; ok {
		return known
	}
	side, members, g := 1, is, b
	if len(b.nodes) == 0 {
		side, members, g = 0, was, a
	}
	model := func(nodes []*config.Node) [32]byte {
		return p.means(side, p.rebuild[side](replace(members, g.nodes, nodes)))
	}
	values := trials(b.kw.Value)
	if values == nil {
		return p.shows(model, g)
	}
	p.used[id] = model(values[0].nodes(b.kw.Name)) != model(values[1].nodes(b.kw.Name))
	return p.used[id]
}

// shows reports whether a model sees what stands behind a keyword of no known shape:
// when it is not there, or when its number is another.
func (p *pair) shows(model func([]*config.Node) [32]byte, g *group) bool {
	is := model(g.nodes)
	if is != model(nil) {
		return true
	}
	for i, n := range g.nodes {
		if n.Form != config.FormWords || len(n.Args) == 0 {
			continue
		}
		number, err := strconv.ParseFloat(n.Args[0].Text, 64)
		if err != nil {
			continue
		}
		for _, other := range []float64{number + 1, number - 1} {
			c, nodes := *n, slices.Clone(g.nodes)
			c.Args = slices.Clone(n.Args)
			c.Args[0].Text = strconv.FormatFloat(other, 'f', -1, 64)
			if nodes[i] = &c; model(nodes) != is {
				return true
			}
		}
	}
	return false
}

// trial is a value to try; absent without words of a keyword that must not be there.
type trial struct {
	absent bool
	word   string
}

func (t trial) nodes(keyword string) []*config.Node {
	if t.absent {
		return nil
	}
	n := &config.Node{Keyword: config.Word{Text: keyword}}
	if t.word != "" {
		n.Args = []config.Word{{Text: t.word}}
	}
	return []*config.Node{n}
}

// trials are two values of a shape; nil where none are known.
func trials(v config.Value) []trial {
	words := func(a, b string) []trial { return []trial{{word: a}, {word: b}} }
	switch v.Shape {
	case config.Flag:
		return []trial{{absent: true}, {}}
	case config.Bool:
		return words("off", "on")
	case config.Number:
		most := v.Max
		if most == config.NoEnd {
			most = v.Min + 1
		}
		return words(v.Text(v.Min), v.Text(most))
	case config.Choice:
		return words(v.Words[0], v.Words[len(v.Words)-1])
	case config.Address:
		return words("192.0.2.1", "192.0.2.2")
	case config.Text, config.Interface:
		return words("a", "b")
	}
	return nil
}

// equalText reports whether two groups say the same, or one says what is the default.
func equalText(a, b *group) bool {
	was, is := a.values(), b.values()
	def, _, _ := strings.Cut(b.kw.Default, ";")
	if len(was) == 0 {
		was = []string{def}
	}
	if len(is) == 0 {
		is = []string{def}
	}
	return slices.Equal(was, is)
}
