package meaning

import (
	"path"
	"slices"

	"keepalived/core/config"
)

// Canonical returns the roots of t in one form for all ways of writing the same:
// definitions, includes, sequences and conditions were resolved by the parser;
// deprecated keywords that have a synonym are replaced by it where the models stay
// the same. config.Print of it is valid input, of which it is the canonical form.
func Canonical(t *config.Tree, s *config.Schema) []*config.Node {
	roots := t.Roots
	var before [32]byte
	for i, k := range synonyms(roots, s) {
		if i == 0 {
			before = Fingerprint(roots)
		}
		if renamed := rename(roots, "", k); Fingerprint(renamed) == before {
			roots = renamed
		}
	}
	return roots
}

// synonyms lists the keywords in use for which the tables name another keyword of
// the same place.
func synonyms(roots []*config.Node, s *config.Schema) []config.Keyword {
	var found []config.Keyword
	seen := map[string]bool{}
	eachNode("", roots, func(at string, n *config.Node) {
		id := path.Join(at, n.Keyword.Text)
		if seen[id] {
			return
		}
		seen[id] = true
		k, ok := s.Lookup(at, n.Keyword.Text)
		if !ok || k.Deprecated == "" {
			return
		}
		if use, ok := s.Lookup(at, k.Deprecated); ok && use.Kind == k.Kind && use.Script == k.Script {
			found = append(found, k)
		}
	})
	return found
}

// eachNode calls f for every keyword below the block at, lines of lists included.
func eachNode(at string, nodes []*config.Node, f func(at string, n *config.Node)) {
	for _, n := range nodes {
		f(at, n)
		eachNode(path.Join(at, n.Keyword.Text), n.Block, f)
	}
}

// rename returns nodes, which stand at, with k's name replaced by what should be
// used. What is not on the way to k is shared with nodes.
func rename(nodes []*config.Node, at string, k config.Keyword) []*config.Node {
	if at == k.Path {
		out := slices.Clone(nodes)
		for i, n := range out {
			if n.Keyword.Text == k.Name {
				c := *n
				c.Keyword.Text = k.Deprecated
				out[i] = &c
			}
		}
		return out
	}
	out := nodes
	for i, n := range nodes {
		below := path.Join(at, n.Keyword.Text)
		if below != k.Path && !under(k.Path, below) {
			continue
		}
		if block := rename(n.Block, below, k); !slices.Equal(block, n.Block) {
			if &out[0] == &nodes[0] {
				out = slices.Clone(nodes)
			}
			c := *n
			c.Block = block
			out[i] = &c
		}
	}
	return out
}

// under reports whether the block at path p is below the block at path q.
func under(p, q string) bool {
	return len(p) > len(q) && p[:len(q)] == q && p[len(q)] == '/'
}
