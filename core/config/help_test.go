package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseHelp(t *testing.T) {
	t.Parallel()
	const text = `path: a/b
path: a/c
frame: a {
frame:   {} {
frame:     %s
frame: } }
path: ""
frame: %s
reload: At once.

# The block a

What it is.

== one two
The first
of {}.

More of it.

Even more.
eg: {} {
eg:     5
eg: }

== three
Another.
reload: Never.
`
	m, err := ParseHelp("x", text)
	if err != nil {
		t.Fatal(err)
	}
	manual := Manual{m}
	for _, c := range []struct {
		path, name string
		want       Help
		ok         bool
	}{
		{"a/b", "two", Help{Short: "The first of two", Long: "More of it.\n\nEven more.", Example: "two {\n    5\n}", Frame: "a {\n  b {\n    %s\n} }\n", Reload: "At once."}, true},
		{"", "three", Help{Short: "Another", Frame: "%s\n", Reload: "Never."}, true},
		{"a/c", "three", Help{Short: "Another", Frame: "a {\n  c {\n    %s\n} }\n", Reload: "Never."}, true},
		{"a", "three", Help{}, false},
		{"a/b/c", "three", Help{}, false},
		{"a/b", "four", Help{}, false},
	} {
		got, ok := manual.Lookup(c.path, c.name)
		if d := cmp.Diff(c.want, got); ok != c.ok || d != "" {
			t.Errorf("%s/%s: %v %s", c.path, c.name, ok, d)
		}
	}
	if m.Sections[0].Title != "The block a" || m.Sections[0].Intro != "What it is." {
		t.Errorf("section %q %q", m.Sections[0].Title, m.Sections[0].Intro)
	}
	for _, bad := range []string{"", "path: a\nnonsense\n", "path: a\n== x\n"} {
		if _, err := ParseHelp("x", bad); err == nil {
			t.Errorf("%q is read without an error", bad)
		}
	}
}
