package diag

import (
	"slices"
	"strings"
	"testing"
)

func at(line, from, to int) Range {
	return At(NewFileName("k.conf"), line, from, to)
}

func TestShort(t *testing.T) {
	var l List
	l.Errorf(at(14, 23, 26), BadNumber, "number '%s' outside range [1, 255]", "300")
	l.Errorf(Range{}, CannotRun, "(VI_1) the virtual router id must be set")
	if want := "(Line 14) number '300' outside range [1, 255]\n(VI_1) the virtual router id must be set\n"; l.Short(false) != want {
		t.Errorf("got %q, want %q", l.Short(false), want)
	}
	if want := "(k.conf: Line 14) number '300' outside range [1, 255]\n(VI_1) the virtual router id must be set\n"; l.Short(true) != want {
		t.Errorf("got %q, want %q", l.Short(true), want)
	}
}

func TestFull(t *testing.T) {
	long := strings.Repeat("x", 500) + " here " + strings.Repeat("y", 500)
	source := "\n    virtual_router_id 300\r\n\tstate\tmäster x\n\x1b[31mred\xff x\n" + long + "\nend"
	for _, c := range []struct {
		name, want string
		r          Range
		hint       string
	}{
		{name: "a word", r: at(2, 23, 26), hint: "use 1 to 255", want: `
k.conf:2:23: warning: text [other]
    2 |     virtual_router_id 300
      |                       ^~~
      hint: use 1 to 255
`},
		{name: "tabs are kept, letters counted", r: at(3, 8, 15), want: "\nk.conf:3:8: warning: text [other]\n" +
			"    3 | \tstate\tmäster x\n      | \t     \t^~~~~~\n"},
		{name: "behind letters of two octets", r: at(3, 16, 17), want: "\nk.conf:3:16: warning: text [other]\n" +
			"    3 | \tstate\tmäster x\n      | \t     \t       ^\n"},
		{name: "no control characters", r: at(4, 11, 12), want: "\nk.conf:4:11: warning: text [other]\n" +
			"    4 | \uFFFD[31mred\uFFFD x\n      |           ^\n"},
		{name: "a long line is cut", r: at(5, 502, 506), want: "\nk.conf:5:502: warning: text [other]\n" +
			"    5 | " + strings.Repeat("x", 39) + " here " + strings.Repeat("y", 115) + "\n      | " + strings.Repeat(" ", 40) + "^~~~\n"},
		{name: "nothing to mark", r: at(1, 1, 1), want: "\nk.conf:1:1: warning: text [other]\n    1 | \n      | ^\n"},
		{name: "behind the end", r: at(6, 40, 90), want: "\nk.conf:6:40: warning: text [other]\n    6 | end\n      |    ^\n"},
		{name: "no such line", r: at(60, 1, 2), want: "\nk.conf:60:1: warning: text [other]\n"},
		{name: "no place", hint: "none", want: "\nwarning: text [other]\n      hint: none\n"},
		{name: "another file", r: At(NewFileName("gone"), 1, 1, 1), want: "\ngone:1:1: warning: text [other]\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l List
			l.Errorf(c.r, Other, "text")
			l.WithHint("%s", c.hint)
			if got := "\n" + l.Full(map[string][]byte{"k.conf": []byte(source)}); got != c.want {
				t.Errorf("got:%s\nwant:%s", got, c.want)
			}
		})
	}
}

// TestFullParts: everything a finding can say, in its order.
func TestFullParts(t *testing.T) {
	source := "auth_type pas\n\tauth_pass x # c\n$THE_PASS=x\nauth_pas oops\n"
	var l List
	l.Noticef(at(2, 2, 11), Conflict, "one")
	l.Expect("a %s", "word")
	l.Suggest("other")
	l.WithHint("do it")
	l.Relate(at(1, 1, 10), "the first")
	l.Relate(at(3, 1, 10), "the second")
	l.Fatalf(at(4, 1, 9), UnknownKeyword, "two")
	want := `
k.conf:2:2: note: one [conflict]
    2 | 	auth_pass x # c
      | 	^~~~~~~~~
      expected: a word
      did you mean 'other'?
      hint: do it
k.conf:1:1: note: the first
    1 | auth_type pas
      | ^~~~~~~~~
k.conf:3:1: note: the second
    3 | $THE_PASS=x
      | ^~~~~~~~~
k.conf:4:1: error: two [unknown-keyword]
    4 | auth_pas oops
      | ^~~~~~~~
`
	if got := "\n" + l.Full(map[string][]byte{"k.conf": []byte(source)}); got != want {
		t.Errorf("got:%s\nwant:%s", got, want)
	}
}

func (l List) text(t *testing.T) []byte {
	t.Helper()
	text, err := l.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestJSON(t *testing.T) {
	var l List
	l.Errorf(at(14, 23, 26), BadNumber, "number '300' outside range [1, 255]")
	l.Expect("a whole number from 1 to 255")
	l.Suggest("30")
	l.WithHint("100 is taken")
	l[0].Rule = "lucky-number"
	l.Relate(at(1, 2, 3), "$X is set here")
	l.Noticef(Range{}, Other, "no place")
	want := `{
  "diagnostics": [
    {
      "severity": "warning",
      "code": "lucky-number",
      "file": "k.conf",
      "line": 14,
      "column": 23,
      "end_line": 14,
      "end_column": 26,
      "summary": "number '300' outside range [1, 255]",
      "expected": "a whole number from 1 to 255",
      "did_you_mean": "30",
      "hint": "100 is taken",
      "related": [
        {
          "file": "k.conf",
          "line": 1,
          "column": 2,
          "end_line": 1,
          "end_column": 3,
          "text": "$X is set here"
        }
      ]
    },
    {
      "severity": "note",
      "code": "other",
      "summary": "no place"
    }
  ],
  "status": 5
}
`
	if got := string(l.text(t)); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := string(List(nil).text(t)); got != "{\n  \"diagnostics\": [],\n  \"status\": 0\n}\n" {
		t.Errorf("of nothing: %q", got)
	}
}

// TestCodes: every code has a name of its own.
func TestCodes(t *testing.T) {
	seen := map[string]Code{}
	for c := range numCodes {
		if other, twice := seen[c.String()]; twice || c.String() == "" {
			t.Errorf("codes %d and %d are both %q", other, c, c)
		}
		seen[c.String()] = c
	}
	if Code(200).String() != "other" {
		t.Error("a code of another version is other")
	}
}

func TestNear(t *testing.T) {
	words := []string{"priority", "preempt", "preempt_delay", "state", "PASS", "DR", "NAT", "interface"}
	for word, want := range map[string]string{
		"priorty": "priority", "pirority": "priority", "preemt": "preempt", "pass": "PASS", "dr": "DR", "nat": "NAT",
		"iface": "", "xyzzy": "", "": "", "tun": "", "interfaces": "interface", strings.Repeat("priority", 20): "",
	} {
		if got := Near(word, slices.Values(words)); got != want {
			t.Errorf("%q is near %q, want %q", word, got, want)
		}
	}
}
