package cursor

import (
	"slices"
	"testing"

	"keepalived/core/config"
	"keepalived/core/diag"
)

// world is what the rows of this test fill in.
type world struct {
	order   Order
	defined []string
	used    []string
}

// TestOrder: what others refer to is decoded first, and only a reference to what stands
// further down is spoken of.
func TestOrder(t *testing.T) {
	rows := []Row[world]{
		{Keyword: config.Keyword{Name: "def"}, Into: func(w *world, c *Cursor) {
			n, _ := c.Word()
			w.defined = append(w.defined, n.Text)
		}},
		{Keyword: config.Keyword{Name: "use"}, Into: func(w *world, c *Cursor) {
			n, _ := c.Word()
			if slices.Contains(w.defined, n.Text) {
				w.used = append(w.used, n.Text)
				w.order.Late(c, n, "thing", "ignores it", "def")
			}
		}},
	}
	schema := config.NewSchema(Keywords(rows))
	tree, _ := config.Parse(config.MapFiles{"f": "use a\ndef b\nuse b\ndef a\nuse a\nuse none\ndef b\n"}, "f", config.Env{}, schema)
	var w world
	var diags diag.List
	Index(rows).DecodeOrdered(&w, tree.Roots, &diags, &w.order, "def")
	if !slices.Equal(w.defined, []string{"b", "a", "b"}) || !slices.Equal(w.used, []string{"a", "b", "a"}) {
		t.Errorf("defined %q, used %q", w.defined, w.used)
	}
	if want := "thing a is defined further down, in line 4"; summaries(diags) != want {
		t.Fatalf("%q, want %q", summaries(diags), want)
	}
	d := diags[0]
	if d.Code != diag.OutOfOrder || d.Severity != diag.Warning || d.Subject.Start().Line != 1 || len(d.Related) != 1 || d.Related[0].Range.Start().Line != 4 {
		t.Errorf("%+v", d)
	}
}

// TestSurplus: words that nobody looked at are said, once the line has no other fault.
func TestSurplus(t *testing.T) {
	one := func(_ *world, c *Cursor) { c.Int(1, 9) }
	rows := []Row[world]{
		{Keyword: config.Keyword{Name: "one"}, Into: one},
		{Keyword: config.Keyword{Name: "flag"}, Into: func(*world, *Cursor) {}},
		{Keyword: config.Keyword{Name: "all"}, Into: func(_ *world, c *Cursor) { c.Rest() }},
		{Keyword: config.Keyword{Name: "list", Kind: config.List}, Into: func(*world, *Cursor) {}},
		{Keyword: config.Keyword{Name: "script", Script: true}, Into: func(_ *world, c *Cursor) { c.Script() }},
	}
	for text, want := range map[string]string{
		"one 5": "", "one 5 6": "words behind 'one' are not looked at", "one x y": "invalid number 'x'",
		"flag": "", "flag on": "words behind 'flag' are not looked at", "all a b": "", "list a {\n}": "", "script /a b c d": "",
	} {
		tree, _ := config.Parse(config.MapFiles{"f": text + "\n"}, "f", config.Env{}, config.NewSchema(Keywords(rows)))
		var w world
		var diags diag.List
		Index(rows).Decode(&w, tree.Roots, &diags)
		if summaries(diags) != want {
			t.Errorf("%q: %q, want %q", text, summaries(diags), want)
		}
		if want == "words behind 'one' are not looked at" && (diags[0].Subject.Start().Col != 7 || diags[0].Severity != diag.Warning) {
			t.Errorf("%q: %+v", text, diags[0])
		}
	}
}
