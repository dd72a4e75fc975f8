package config

import (
	"strings"
	"testing"

	"keepalived/core/diag"
)

// TestUndefinedNames: a $NAME that nothing stands for is said, and changes no status.
func TestUndefinedNames(t *testing.T) {
	t.Parallel()
	s := NewSchema([]Keyword{
		{Name: "b", Kind: Block}, {Path: "b", Name: "key"}, {Path: "b", Name: "run", Script: true},
		{Path: "b", Name: "pass", Secret: 1}, {Path: "b", Name: "list", Kind: List},
	})
	const after = " stays as it is"
	for _, c := range []struct{ rule, text, want, suggest string }{
		{"a value", "b {\nkey $X\n}\n", "$X is not defined and" + after, ""},
		{"nearly a defined one", "$PASSWORD=a\nb {\nkey $PASWORD\n}\n", "$PASWORD is not defined and" + after, "$PASSWORD"},
		{"in the middle of a word", "b {\nkey a$X,b\n}\n", "$X is not defined and" + after, ""},
		{"in quotes", "b {\nkey \"a $X b\"\n}\n", "$X is not defined and" + after, ""},
		{"an entry of a list", "b {\nlist {\n$X\n}\n}\n", "$X is not defined and" + after, ""},
		{"a word of an entry", "b {\nlist {\na dev $X\n}\n}\n", "$X is not defined and" + after, ""},
		{"defined further down", "b {\nkey $X\n}\n$X=1\n", "$X is defined further down only and" + after, ""},
		{"several lines in the middle", "$X= \\\n1 \\\n2\nb {\nkey $X a\n}\n", "$X has several lines, which only the end of a line can have, and" + after, ""},
		{"defined", "$X=1\nb {\nkey $X\n}\n", "", ""},
		{"no name", "b {\nkey $1 $ a$x.y\n}\n", "", ""},
		{"a script's shell may know it", "b {\nrun \"/bin/echo $HOME\"\n}\n", "", ""},
		{"a script with a slip", "$PASSWORD=a\nb {\nrun \"/bin/echo $PASWORD\"\n}\n", "$PASWORD is not defined and" + after, "$PASSWORD"},
		{"before what is no end of a name", "$VIP=192.0.2.1\nb {\nlist {\n$VIP/24\n}\n}\n", "$VIP is not replaced before what follows it and" + after, "${VIP}"},
		{"before a quote", "$X=1\nb {\nrun \"/bin/echo $X\"\n}\n", "$X is not replaced before what follows it and" + after, "${X}"},
		{"a secret is not quoted", "b {\npass $SECRET\n}\n", "the definition named here is not defined and" + after, ""},
		{"a secret with a sign in it", "b {\npass my$SECRET\n}\n", "", ""},
	} {
		_, got := Parse(MapFiles{"f": c.text}, "f", Env{}, s)
		var said []string
		suggest := ""
		for _, d := range got {
			if d.Severity != diag.Notice || !d.Subject.IsValid() || d.Hint == "" {
				t.Errorf("%s: %+v", c.rule, d)
			}
			said, suggest = append(said, d.Summary), d.Suggest
		}
		if text := strings.Join(said, "; "); text != c.want || suggest != c.suggest || got.ExitStatus() != 0 {
			t.Errorf("%s:\nwant %q %q\ngot  %q %q, status %d", c.rule, c.want, c.suggest, text, suggest, got.ExitStatus())
		}
	}
}
