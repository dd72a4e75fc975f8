package dialect_test

import (
	"reflect"
	"strings"
	"testing"

	"keepalived/checker/checkercfg"
	"keepalived/cmd/internal/dialect"
	"keepalived/core/config"
	"keepalived/core/diag"
	"keepalived/core/global"
	"keepalived/rpc/childapi"
	"keepalived/vrrp/vrrpcfg"
)

// TestPart: what 2.2.7 was seen to do under -P and -C with blocks of the other child
// that could not run.
func TestPart(t *testing.T) {
	const text = `global_defs {
  frobnicate
}
track_file F {
  nonsense
}
vrrp_instance V {
  virtual_router_id
}
virtual_server 10.0.0.100 80 {
  delay_loop
  frob { x }
}
static_ipaddress {
  10.1.1.1/24 dev nope0
}
`
	for _, c := range []struct {
		name  string
		part  dialect.Part
		fatal bool
		lines []int // with a finding
	}{
		{"-C does not look at VRRP", dialect.Checkers, true, []int{2, 5, 11}},
		{"-P does not look at virtual servers", dialect.VRRP, true, []int{2, 5, 8}},
		{"-P -C looks at neither", 0, false, []int{2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree, diags := config.Parse(config.MapFiles{"f": text}, "f", config.Env{}, c.part.Schema())
			c.part.Cut(tree)
			if !dialect.StopsReading(diags) {
				diags = append(diags, dialect.Check(tree, vrrpcfg.Interfaces{}, nil).Diags...)
			}
			if diags.HasFatal() != c.fatal {
				t.Errorf("fatal: %v, want %v\n%s", diags.HasFatal(), c.fatal, diags.Short(false))
			}
			found := map[int]bool{}
			for _, d := range diags {
				found[d.Subject.Start().Line] = true
			}
			for _, n := range c.lines {
				if !found[n] {
					t.Errorf("nothing is said of line %d\n%s", n, diags.Short(false))
				}
				delete(found, n)
			}
			if len(found) > 0 {
				t.Errorf("findings on lines %v too\n%s", found, diags.Short(false))
			}
		})
	}
}

// TestOf: what a child is sent of a configuration is all that it reads of it: the models
// it decodes from its part, when that has crossed the wire, are those of the whole, down
// to the places and the findings.
func TestOf(t *testing.T) {
	t.Parallel()
	whole := strings.Builder{} // all seeds, one after the other: what one defines another names
	tests := probes(t)
	for _, s := range seeds(t) {
		tests = append(tests, s)
		whole.WriteString(s.text)
	}
	tests = append(tests, probe{"all seeds", whole.String()})
	schema := dialect.Schema()
	for _, p := range tests {
		tree, diags := config.Parse(config.MapFiles{"f": p.text}, "f", config.Env{}, schema)
		if dialect.StopsReading(diags) {
			continue
		}
		part := func(of dialect.Part) *config.Tree {
			encoded, err := childapi.Encode(of.Of(tree))
			if err != nil {
				t.Fatalf("%s: %v", p.name, err)
			}
			out, err := encoded.Tree()
			if err != nil {
				t.Fatalf("%s: %v", p.name, err)
			}
			return out
		}
		for _, child := range []struct {
			name string
			part dialect.Part
			load func(*config.Tree) (any, diag.List)
		}{
			{"VRRP", dialect.VRRP, func(t *config.Tree) (any, diag.List) {
				g, l := global.Decode(t)
				v, more := vrrpcfg.Load(t, g, interfaces)
				return v, append(l, more...)
			}},
			{"checkers", dialect.Checkers, func(t *config.Tree) (any, diag.List) {
				g, l := global.Decode(t)
				c, more := checkercfg.Load(t, g)
				return c, append(l, more...)
			}},
		} {
			want, wantDiags := child.load(tree)
			got, gotDiags := child.load(part(child.part))
			if !reflect.DeepEqual(want, got) {
				t.Errorf("%s: %s: the part means something else than the whole", p.name, child.name)
			}
			if w, g := wantDiags.Short(false), gotDiags.Short(false); w != g {
				t.Errorf("%s: %s: findings\n%s\nin the whole\n%s", p.name, child.name, g, w)
			}
		}
	}
}

// TestParts: no child is sent the other's blocks, each what both read.
func TestParts(t *testing.T) {
	tree := &config.Tree{}
	for _, k := range []string{"global_defs", "virtual_server", "vrrp_instance", "track_file", "SSL", "net_namespace", "virtual_server_group",
		"static_ipaddress", "bfd_instance", "vrrp_script", "nobody_knows"} {
		tree.Roots = append(tree.Roots, &config.Node{Keyword: config.Word{Text: k}})
	}
	words := func(t *config.Tree) string {
		var out []string
		for _, n := range t.Roots {
			out = append(out, n.Keyword.Text)
		}
		return strings.Join(out, " ")
	}
	v, c := dialect.VRRP.Of(tree), dialect.Checkers.Of(tree)
	if got, want := words(v), "global_defs vrrp_instance track_file net_namespace static_ipaddress bfd_instance vrrp_script nobody_knows"; got != want {
		t.Errorf("VRRP reads %s, want %s", got, want)
	}
	if got, want := words(c), "global_defs virtual_server track_file SSL net_namespace virtual_server_group bfd_instance nobody_knows"; got != want {
		t.Errorf("checkers read %s, want %s", got, want)
	}
	if got, want := words(dialect.Join(v, c)), words(v)+" virtual_server SSL virtual_server_group"; got != want {
		t.Errorf("joined %s, want %s", got, want)
	}
}
