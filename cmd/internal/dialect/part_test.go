package dialect_test

import (
	"testing"

	"keepalived/cmd/internal/dialect"
	"keepalived/core/config"
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
