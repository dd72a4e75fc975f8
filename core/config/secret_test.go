package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keepalived/core/diag"
)

// secretSchema has the shapes of keepalived's secrets: a word, a word behind an id,
// and a keyword of the same name that is none.
func secretSchema() *Schema {
	return NewSchema([]Keyword{
		{Name: "i", Kind: Block}, {Path: "i", Name: "auth", Kind: Block}, {Path: "i", Name: "priority", Need: 1},
		{Path: "i/auth", Name: "auth_type"},
		{Path: "i/auth", Name: "auth_pass", Need: 1, Secret: 1},
		{Path: "i", Name: "hmac", Kind: Block}, {Path: "i/hmac", Name: "key", Secret: 2},
		{Name: "SSL", Kind: Block}, {Path: "SSL", Name: "key"}, {Path: "SSL", Name: "password", Secret: 1},
	})
}

func TestMaskTexts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, text, want string }{
		{"a word", "i {\n auth {\n  auth_pass s3cret # mine\n }\n}", "i {\n auth {\n  auth_pass ******** # mine\n }\n}"},
		{"all that follows, quotes and all", `i { auth { auth_pass "s3 cret" more } }`, `i { auth { auth_pass ******** } }`},
		{"behind the id", "i { hmac { key 7 s3cret\n} }", "i { hmac { key 7 ********\n} }"},
		{"a keyword of the same name", "SSL { key /etc/s3cret.pem\n}", "SSL { key /etc/s3cret.pem\n}"},
		{"a definition", "$P=s3cret\n$Q=other\ni { auth { auth_pass $P\n} }", "$P=********\n$Q=other\ni { auth { auth_pass ********\n} }"},
		{"a definition of a part", "$P=s3c\ni { auth { auth_pass ${P}ret\n} }", "$P=********\ni { auth { auth_pass ********\n} }"},
		{"a definition in a definition", "$P=s3cret\n@a $Q=${P}x\ni { auth { auth_pass $Q\n} }", "$P=********\n@a $Q=********\ni { auth { auth_pass ********\n} }"},
		{"a block in a definition", "$A=auth { \\\n  auth_pass s3cret \\\n  }\ni { ${A}\n priority 5\n}",
			"$A=******** \\\n  ******** \\\n  ********\ni { ********\n priority 5\n}"},
		{"a list", "i { auth {\n ~LST(P, s3cret, s4cret) auth_pass $P\n} }", "i { auth {\n ~LST(********\n} }"},
		{"unknown where it stands", "auth_pass s3cret\n", "auth_pass ********\n"},
		{"in a block that is unknown", "x { auth_pass s3cret }\n", "x { auth_pass ******** }\n"},
		{"a slip", "i { auth { auht_pass s3cret\n} }", "i { auth { auht_pass ********\n} }"},
		{"behind another keyword", "i { auth { auth_type PASS auth_pass s3cret } }", "i { auth { auth_type PASS auth_pass ******** } }"},
		{"glued to its name", "i { auth { auth_pass=s3cret\n} }", "i { auth { auth_pass********\n} }"},
		{"glued without a sign", "i { auth { auth_passs3cret\n} }", "i { auth { auth_pass********\n} }"},
		{"behind a brace", "i { auth { auth_pass {s3cret\n} }", "i { auth { auth_pass ********\n} }"},
		{"a brace in it", "i { auth { auth_pass s3{cret\n} }", "i { auth { auth_pass ********\n} }"},
		{"in a comment", "# auth_pass s3cret\ni { }", "# auth_pass ********\ni { }"},
		{"nothing secret", "i {\r\n priority 5\r\n}\r\n", "i {\r\n priority 5\r\n}\r\n"},
		{"the end of a line stays", "i { auth {\r\n auth_pass s3cret\r\n} }", "i { auth {\r\n auth_pass ********\r\n} }"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			tree, _ := Parse(MapFiles{"f": c.text}, "f", Env{ConfigID: "a"}, secretSchema())
			m := NewMask(tree, secretSchema())
			if diff := cmp.Diff(c.want, string(m.Texts()["f"])); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMaskFindings(t *testing.T) {
	t.Parallel()
	tree, _ := Parse(MapFiles{"f": "i { auth { auth_pass s3cret\n} }"}, "f", Env{}, secretSchema())
	var l diag.List
	l.Errorf(diag.Range{}, diag.Other, "Unmatched quote: 'auth_pass \"s3cret'")
	l.WithHint("say s3cret, not s3crets")
	l.Errorf(diag.Range{}, diag.Other, "s3cret")
	got := NewMask(tree, secretSchema()).Findings(l)
	if got[0].Summary != "Unmatched quote: 'auth_pass \"********'" || got[0].Hint != "say ********, not ********s" || got[1].Summary != "********" {
		t.Errorf("got %+v", got)
	}
	l = nil
	l.Errorf(tree.Roots[0].Keyword.Range, diag.Other, "s3cret here")
	if got := NewMask(tree, secretSchema()).Findings(l); got[0].Summary != "******** here" {
		t.Errorf("on the line of the secret: %+v", got)
	}
	l[0].Subject = diag.At(diag.NewFileName("f"), 2, 1, 2)
	if got := NewMask(tree, secretSchema()).Findings(l); got[0].Summary != "s3cret here" {
		t.Errorf("elsewhere: %+v", got)
	}
	l = append(l, diag.Diagnostic{Summary: "s3cret"})
	NewMask(tree, secretSchema()).Findings(l)
	if l[1].Summary != "s3cret" {
		t.Error("the list that was given is changed")
	}
}

// TestMaskMistakes: whatever is wrong with the line of a password, what is said of it
// does not show it.
func TestMaskMistakes(t *testing.T) {
	t.Parallel()
	const secret = "s3cret"
	for _, text := range []string{
		`i { auth { auth_pass "s3cret` + "\n} }",
		"i { auth_pass s3cret }", "auth_pass s3cret {", "i { auth { auth_pass\ns3cret\n} }", "i { auth { auth_pass s3cret } } }",
		"$P=s3cret\ni { auth_pass $P }", "i { auth { auth_pass " + strings.Repeat("s3cret ", 300) + "} }",
		"i { auth { auth_pas s3cret } }", "i { auth { Auth_Pass s3cret } }", "~SEQ(x, s3cret) auth_pass $x",
	} {
		tree, list := Parse(MapFiles{"f": text}, "f", Env{}, secretSchema())
		m := NewMask(tree, secretSchema())
		if out := m.Findings(list).Full(m.Texts()) + m.Findings(list).Short(true); strings.Contains(out, secret) && !strings.HasPrefix(text, "i { auth { auth_pass\n") {
			t.Errorf("%q\n%s", text, out)
		}
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	s := secretSchema()
	tree, _ := Parse(MapFiles{"f": "i {\n auth {\n auth_pass s3cret\n }\n hmac {\n key 7 s3cret\n }\n}\nSSL {\n key /k\n password x\n}"}, "f", Env{}, s)
	const want = "i {\n\tauth {\n\t\tauth_pass ********\n\t}\n\thmac {\n\t\tkey 7 ********\n\t}\n}\nSSL {\n\tkey /k\n\tpassword ********\n}\n"
	if diff := cmp.Diff(want, Print(Redact(s, "", tree.Roots))); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(Print(tree.Roots), "s3cret") {
		t.Error("the tree itself is changed")
	}
}

// TestMaskDamage: whatever is damaged around a password, no finding and no source line
// shows it.
func TestMaskDamage(t *testing.T) {
	t.Parallel()
	const text = "$PASS=Zq7vX2pL # mine\n" +
		"i {\n  priority 5\n  auth {\n    auth_type PASS\n    auth_pass $PASS\n  }\n}\n" +
		"i { auth { auth_pass Zq7vX2pL\n } hmac { key 7 \"Zq7vX2pL\"\n } }\nSSL {\n password Zq7vX2pL more\n key /k\n}\n" +
		"include other\n~SEQ(N, 1, 2) i { priority $N }\n"
	other := "i {\n auth {\n  auth_pass Zq7vX2pL\n }\n}\n"
	s := secretSchema()
	check := func(what, text string) {
		tree, list := Parse(MapFiles{"f": text, "other": other}, "f", Env{}, s)
		m := NewMask(tree, s)
		json, err := m.Findings(list).JSON()
		if err != nil {
			t.Fatal(err)
		}
		if out := m.Findings(list).Full(m.Texts()) + m.Findings(list).Short(true) + string(json); strings.Contains(out, "Zq7vX2pL") {
			t.Errorf("%s:\n%s\n%s", what, text, out)
		}
	}
	for i := range len(text) {
		check("cut", text[:i])
		// What is damaged is not the name of the keyword, nor what stands between it
		// and the password: then nothing tells that it is one.
		behind := strings.TrimRight(text[:i], "$PASZq7vX2pL\"")
		line := behind[strings.LastIndexByte(behind, '\n')+1:]
		if strings.Contains(line, "auth_pass") || strings.HasPrefix(text[i:], "auth_pass") || strings.Contains(text[max(0, i-9):min(len(text), i+12)], "pass") ||
			strings.Contains(text[max(0, i-9):min(len(text), i+9)], "key") || strings.Contains(text[max(0, i-6):min(len(text), i+7)], "$PASS") {
			continue
		}
		for _, c := range "\"{}#!\\\n$@~\x00" {
			check(string(c), text[:i]+string(c)+text[i+1:])
			check("one more "+string(c), text[:i]+string(c)+text[i:])
		}
	}
}

// TestRedactSurplus: a secret among the surplus words of another keyword is hidden, too.
func TestRedactSurplus(t *testing.T) {
	t.Parallel()
	tree, _ := Parse(MapFiles{"f": "i { auth { auth_type PASS auth_pass s3cret more\n auth_pass s4cret\n} priority 5\n}"}, "f", Env{}, secretSchema())
	shown := Print(Redact(secretSchema(), "", tree.Roots))
	if strings.Contains(shown, "cret") || strings.Contains(shown, "more") || !strings.Contains(shown, "priority 5") {
		t.Error(shown)
	}
}
