package dialect_test

import (
	"strings"
	"testing"

	"keepalived/cmd/internal/dialect"
	"keepalived/core/config"
	"keepalived/core/diag"
)

// TestHelp: every keyword has its help, in one sentence and with an example, and there is
// none for what is no keyword.
func TestHelp(t *testing.T) {
	t.Parallel()
	manual := dialect.Manual()
	known := map[string]bool{}
	for _, k := range dialect.Keywords() {
		name := k.Path + "/" + k.Name
		known[name] = true
		h, ok := manual.Lookup(k.Path, k.Name)
		switch {
		case !ok:
			t.Errorf("%s has no help", name)
		case h.Short == "" || strings.Contains(h.Short, ". ") || len(h.Short) > 160:
			t.Errorf("%s: %q is no short sentence", name, h.Short)
		case h.Example == "":
			t.Errorf("%s has no example", name)
		case h.Reload == "":
			t.Errorf("%s does not tell what a reload does", name)
		}
	}
	for _, text := range manual {
		for _, s := range text.Sections {
			for _, e := range s.Entries {
				for _, name := range e.Names {
					for _, b := range text.Blocks {
						if !known[b.Path+"/"+name] {
							t.Errorf("help for %s/%s, which is no keyword", b.Path, name)
						}
					}
				}
			}
		}
	}
}

// TestExamples: an example is configuration that gives no complaint, and shows the
// keyword that it is of, unless that is an old one.
func TestExamples(t *testing.T) {
	t.Parallel()
	manual := dialect.Manual()
	for _, k := range dialect.Keywords() {
		h, ok := manual.Lookup(k.Path, k.Name)
		if !ok {
			continue
		}
		text := strings.Replace(h.Frame, "%s", h.Example, 1)
		tree, diags := config.Parse(config.MapFiles{"f": text}, "f", config.Env{}, schema)
		diags = append(diags, dialect.Check(tree, nil, nil).Diags...)
		for _, d := range diags {
			if d.Code == diag.CannotRun && k.Name == "vrf" && k.Effect != "" {
				continue // of an instance without an interface it is said twice that it does not run
			}
			if d.Severity > diag.Notice && d.Code != diag.Deprecated && d.Code != diag.Unsupported {
				t.Errorf("%s/%s: the example gives a complaint: %s\n%s", k.Path, k.Name, d.Summary, text)
			}
		}
		if shown := strings.Contains("\n"+strings.ReplaceAll(h.Example, "    ", ""), "\n"+k.Name); !shown && k.Deprecated == "" {
			t.Errorf("%s/%s: the example shows another keyword: %q", k.Path, k.Name, h.Example)
		}
	}
}
