package config

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestScriptLine: the command of a script as 2.2.7 was seen to run it (a script
// that wrote down its arguments), from the text behind the keyword.
func TestScriptLine(t *testing.T) {
	for _, c := range []struct {
		raw  string
		argv []string
		user string
	}{
		{raw: `"/p a b"`, argv: []string{"/p", "a", "b"}},
		{raw: `"/p 'a b' c"`, argv: []string{"/p", "a b", "c"}},
		{raw: `"/p a\ b c"`, argv: []string{"/p", "a", "b", "c"}},
		{raw: `"/p a\"b c\"d"`, argv: []string{"/p", "ab cd"}},
		{raw: `'/p "a b" c'`, argv: []string{"/p", "a b", "c"}},
		{raw: `"/p 'a'b'c d'e"`, argv: []string{"/p", "abc de"}},
		{raw: `"/p \x41\101\n|\t\e\E\a"`, argv: []string{"/p", "AA", "|", "e\x1b\a"}},
		{raw: `"/p '\x41\101\n'"`, argv: []string{"/p", "AA\n"}},
		{raw: `"/p a#b !c {d}"`, argv: []string{"/p", "a#b", "!c", "{d}"}},
		{raw: `"/p $HOME ${X}"`, argv: []string{"/p", "$HOME", "${X}"}},
		{raw: `"/p 'it''s'"`, argv: []string{"/p", "its"}},
		{raw: `"/p" root`, argv: []string{"/p"}, user: "root"},
		{raw: `"/p a"" b"`, argv: []string{"/p", "a", "b"}},
		{raw: `"/p "'x y'" z"`, argv: []string{"/p", "x", "y", "z"}},
		{raw: `"/p \q\\ \\\\"`, argv: []string{"/p", `q \`}},
		{raw: `/p\ a\ b root`, argv: []string{"/p", "a", "b"}, user: "root"},
		{raw: "\"/p a  \tb   \"", argv: []string{"/p", "a", "b"}},
		{raw: `"/p \cA\c[ x"`, argv: []string{"/p", "\x01\x1b", "x"}},
		{raw: `"/p '' x"`, argv: []string{"/p", "", "x"}},
		{raw: `"/p \8 \18 \0 \777 x"`, argv: []string{"/p", "8", "\x018"}},
		{raw: `"/p a'b c'"`, argv: []string{"/p", "ab c"}},
		{raw: `"/p "x" y"`, argv: []string{"/p", "x", "y"}},
		{raw: `'/p' 'root' 'root'`, argv: []string{"/p"}, user: "root"},
		{raw: `"/p \'a b\' c"`, argv: []string{"/p", "a b", "c"}},
		{raw: `/p a`, argv: []string{"/p"}, user: "a"},
	} {
		words, err := SplitShell(c.raw)
		if err != nil {
			t.Errorf("%s: %v", c.raw, err)
			continue
		}
		argv, err := SplitShell(words[0])
		if err != nil {
			t.Errorf("%s: %v", c.raw, err)
		}
		if diff := cmp.Diff(c.argv, argv); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.raw, diff)
		}
		user := ""
		if len(words) > 1 {
			user = words[1]
		}
		if user != c.user {
			t.Errorf("%s: user %q, want %q", c.raw, user, c.user)
		}
	}
}

func TestSplitShell(t *testing.T) {
	for _, c := range []struct {
		text  string
		words []string
		quote byte
	}{
		{text: ""},
		{text: " \t "},
		{text: "a  b\tc", words: []string{"a", "b", "c"}},
		{text: `abcd" efg h "mn`, words: []string{"abcd efg h mn"}},
		{text: `"" ''`, words: []string{"", ""}},
		{text: `a "b`, words: []string{"a"}, quote: '"'},
		{text: `a 'b"`, words: []string{"a"}, quote: '\''},
		{text: `'a\'b c' "d\"e"`, words: []string{"a'b c", `d"e`}},
		{text: `a\`, words: []string{`a\`}},
		{text: `\x \xg \x4g \xABC`, words: []string{"x", "xg", "\x04g", "\xabC"}},
		{text: `\1 \12 \1234 \9`, words: []string{"\x01", "\n", "S4", "9"}},
		{text: `\c`, words: []string{"c"}},
		{text: "\u00a0 b", words: []string{"\u00a0", "b"}}, // a no-break space is a letter
	} {
		words, err := SplitShell(c.text)
		if diff := cmp.Diff(c.words, words); diff != "" {
			t.Errorf("%q (-want +got):\n%s", c.text, diff)
		}
		var q *QuoteError
		if errors.As(err, &q) != (c.quote != 0) || q != nil && q.Quote != c.quote {
			t.Errorf("%q: error %v, want quote %q", c.text, err, c.quote)
		}
	}
}

func TestExpandBraces(t *testing.T) {
	for _, c := range []struct {
		pattern string
		want    []string
	}{
		{"a", []string{"a"}},
		{"a{b,c{d,e}}f", []string{"abf", "acdf", "acef"}},
		{"{a,b}{c,d}", []string{"ac", "ad", "bc", "bd"}},
		{"{a", []string{"{a"}},
		{"a}b", []string{"a}b"}},
		{"a{,b}", []string{"a", "ab"}},
		{"{}", []string{"{}"}},
		{"{a}", []string{"a"}},
	} {
		if diff := cmp.Diff(c.want, ExpandBraces(c.pattern)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.pattern, diff)
		}
	}
	many := "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"
	if n := len(ExpandBraces(many)); n != maxAlternatives {
		t.Errorf("%d alternatives", n)
	}
}
