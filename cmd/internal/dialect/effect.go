package dialect

import (
	"slices"
	"strings"

	"keepalived/core/config"
	"keepalived/core/diag"
)

// withoutEffect tells the user once per family which keywords of the tree are
// understood but do nothing yet.
func withoutEffect(t *config.Tree) diag.List {
	effects := map[string]map[string]string{} // by path and keyword
	for _, k := range Keywords() {
		if k.Effect != "" {
			if effects[k.Path] == nil {
				effects[k.Path] = map[string]string{}
			}
			effects[k.Path][k.Name] = k.Effect
		}
	}
	type family struct {
		effect string
		first  diag.Range
		names  []string
	}
	var found []*family
	byEffect := map[string]*family{}
	var walk func(path string, nodes []*config.Node)
	walk = func(path string, nodes []*config.Node) {
		here := effects[path]
		for _, n := range nodes {
			name := n.Keyword.Text
			if e, ok := here[name]; ok {
				f := byEffect[e]
				if f == nil {
					f = &family{effect: e, first: n.Keyword.Range}
					byEffect[e], found = f, append(found, f)
				}
				if !slices.Contains(f.names, name) {
					f.names = append(f.names, name)
				}
			}
			if len(n.Block) == 0 {
				continue
			}
			if path != "" {
				name = path + "/" + name
			}
			walk(name, n.Block)
		}
	}
	walk("", t.Roots)
	var diags diag.List
	for _, f := range found {
		diags.Noticef(f.first, diag.Unsupported, "no effect yet: %s (%s)", strings.Join(f.names, ", "), f.effect)
	}
	return diags
}
