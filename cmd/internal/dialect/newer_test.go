package dialect_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"keepalived/cmd/internal/dialect"
	"keepalived/core/config"
	"keepalived/core/diag"
)

// TestNewer holds the rows of keywords that 2.2.7 does not know against what the
// documentation of later versions says of them, and their values against the rows.
func TestNewer(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../test/compat/testdata/newer.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][2]string{}
	for line := range strings.Lines(string(text)) {
		if parts := strings.Split(strings.TrimSpace(line), " | "); len(parts) == 3 && line[0] != '#' {
			want[parts[0]] = [2]string{parts[1], parts[2]}
		}
	}
	for _, k := range dialect.Keywords() {
		if k.Since == "" {
			continue
		}
		name := k.Path + "/" + k.Name
		w, ok := want[name]
		delete(want, name)
		def, _, _ := strings.Cut(k.Default, ";")
		switch got := documented(k.Value); {
		case !ok:
			t.Errorf("%s is newer than 2.2.7, and nothing is known of it", name)
		case got != w[0]:
			t.Errorf("%s takes %q, the documentation says %q", name, got, w[0])
		case w[1] != "-" && def != w[1]:
			t.Errorf("%s: without it %q, the documentation says %q", name, def, w[1])
		}
		for _, c := range cellsOf(k) {
			bad := slices.Contains([]string{"one below", "one above", "another kind", "too fine", "not whole", "too long"}, c.what)
			if got := refuses(c); got != bad {
				t.Errorf("%s: refused %v, want %v", c, got, bad)
			}
		}
	}
	for name := range want {
		t.Errorf("%s: there is no such keyword", name)
	}
}

// documented is a value as the list of newer keywords has it.
func documented(v config.Value) string {
	s := v.Range()
	switch v.Shape {
	case config.Flag:
		return "flag"
	case config.Bool:
		return "bool"
	case config.Text:
		return "text"
	case config.Number:
		if v.Unit != "" {
			s += " " + string(v.Unit)
		}
		if v.Optional {
			s = "[" + s + "]"
		}
	case config.Free:
		return "free"
	}
	return s
}

// refuses reports whether there is a complaint about the value of a cell, within the frame
// that its help has for examples.
func refuses(c cell) bool {
	h, _ := dialect.Manual().Lookup(c.Path, c.Name)
	at := strings.Count(h.Frame[:strings.Index(h.Frame, "%s")], "\n") + 1
	got := ours(probe{text: strings.Replace(h.Frame, "%s", c.line(), 1)})
	return slices.ContainsFunc(got.diags, func(d diag.Diagnostic) bool {
		return d.Severity > diag.Notice && d.Subject.Start().Line == at && d.Code != diag.Deprecated && d.Code != diag.Unsupported
	})
}
