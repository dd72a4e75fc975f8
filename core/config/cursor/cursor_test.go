package cursor

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"keepalived/core/config"
	"keepalived/core/diag"
)

// lineOf parses one line; keyword `s` is a script.
func lineOf(t *testing.T, text string) *config.Node {
	t.Helper()
	schema := config.NewSchema([]config.Keyword{{Name: "k"}, {Name: "s", Script: true}})
	tree, diags := config.Parse(config.MapFiles{"f": text + "\n"}, "f", config.Env{}, schema)
	if len(tree.Roots) != 1 {
		t.Fatalf("%q: %d nodes, %v", text, len(tree.Roots), diags)
	}
	return tree.Roots[0]
}

func summaries(l diag.List) string {
	var out []string
	for _, d := range l {
		out = append(out, d.Summary)
	}
	return strings.Join(out, " / ")
}

// The complaints are those observed on 2.2.7.
func TestInt(t *testing.T) {
	t.Parallel()
	cases := []struct {
		text     string
		min, max int64
		want     int64
		complain string
	}{
		{"k 90", 1, 255, 90, ""},
		{"k +5", 1, 255, 5, ""},
		{"k 010", 1, 255, 10, ""},
		{`k "90"`, 1, 255, 90, ""},
		{"k 90 and more", 1, 255, 90, ""},
		{"k -20", -20, 19, -20, ""},
		{"k 0", 1, 255, 0, "number '0' outside range [1, 255]"},
		{"k 256", 1, 255, 0, "number '256' outside range [1, 255]"},
		{"k -21", -20, 19, 0, "number '-21' outside range [-20, 19]"},
		{"k -3", 1, 255, 0, "negative number '-3'"},
		{"k abc", 1, 255, 0, "invalid number 'abc'"},
		{"k 90;", 1, 255, 0, "invalid number '90;'"},
		{"k 0x10", 1, 255, 0, "invalid number '0x10'"},
		{"k 1.5", 1, 255, 0, "invalid number '1.5'"},
		{"k +", 1, 255, 0, "invalid number '+'"},
		{`k ""`, 1, 255, 0, "invalid number ''"},
		{"k 99999999999999999999", 1, 255, 0, "number '99999999999999999999' outside range [1, 255]"},
		{"k -99999999999999999999", -5, 5, 0, "number '-99999999999999999999' outside range [-5, 5]"},
		{"k", 1, 255, 0, "*** Configuration line starting `k` is missing a parameter after keyword `k` at word position 2"},
	}
	for _, c := range cases {
		var diags diag.List
		got, ok := New(lineOf(t, c.text), &diags).Int(c.min, c.max)
		if ok != (c.complain == "") || ok && got != c.want || summaries(diags) != c.complain {
			t.Errorf("%s: want %d %q, got %d %q", c.text, c.want, c.complain, got, summaries(diags))
		}
	}
}

func TestMissingIsFatal(t *testing.T) {
	t.Parallel()
	var diags diag.List
	c := New(lineOf(t, "k a b"), &diags)
	c.Next()
	c.Next()
	if _, ok := c.Word(); ok || !diags.HasFatal() || diags.ExitStatus() != 2 {
		t.Errorf("a missing word must end everything: %v", diags)
	}
	if want := "*** Configuration line starting `k` is missing a parameter after keyword `b` at word position 4"; summaries(diags) != want {
		t.Errorf("want %q, got %q", want, summaries(diags))
	}
}

func TestSeconds(t *testing.T) {
	t.Parallel()
	cases := []struct {
		text     string
		places   int
		min, max time.Duration
		want     time.Duration
		complain string
	}{
		{"k 1", 6, 0, time.Minute, time.Second, ""},
		{"k 1.", 6, 0, time.Minute, time.Second, ""},
		{"k .5", 6, 0, time.Minute, 500 * time.Millisecond, ""},
		{"k 0.000001", 6, time.Microsecond, time.Minute, time.Microsecond, ""},
		{"k 0.3", 3, 0, time.Minute, 300 * time.Millisecond, ""},
		{"k 0.0123456789", 6, 0, time.Minute, 12346 * time.Microsecond, "number '0.0123456789' has too many decimal places"},
		{"k 0.0000005", 6, 0, time.Minute, time.Microsecond, "number '0.0000005' has too many decimal places"},
		{"k 0.0000004", 6, 0, time.Minute, 0, "number '0.0000004' has too many decimal places"},
		{"k 0", 6, 10 * time.Millisecond, 255 * time.Second, 0, "number '0' outside range [0.010000, 255.000000]"},
		{"k 300", 6, 10 * time.Millisecond, 255 * time.Second, 0, "number '300' outside range [0.010000, 255.000000]"},
		{"k 1e1", 6, 0, time.Minute, 0, "invalid number '1e1'"},
		{"k 1.2.3", 6, 0, time.Minute, 0, "invalid number '1.2.3'"},
		{"k .", 6, 0, time.Minute, 0, "invalid number '.'"},
		{"k -1", 6, 0, time.Minute, 0, "negative number '-1'"},
		{"k 1.5", 0, 0, time.Minute, 0, "invalid number '1.5'"},
		{"k 9223372036854775807", 6, 0, time.Minute, 0, "number '9223372036854775807' outside range [0.000000, 60.000000]"},
	}
	for _, c := range cases {
		var diags diag.List
		got, ok := New(lineOf(t, c.text), &diags).Seconds(c.places, c.min, c.max)
		wantOK := c.complain == "" || strings.Contains(c.complain, "too many")
		if ok != wantOK || ok && got != c.want || summaries(diags) != c.complain {
			t.Errorf("%s: want %v %q, got %v %q", c.text, c.want, c.complain, got, summaries(diags))
		}
	}
}

func TestMillis(t *testing.T) {
	t.Parallel()
	var diags diag.List
	if d, ok := New(lineOf(t, "k 1.5"), &diags).Millis(time.Millisecond, time.Second); !ok || d != 1500*time.Microsecond {
		t.Errorf("1.5 ms: got %v %v", d, diags)
	}
	if _, ok := New(lineOf(t, "k 0"), &diags).Millis(time.Millisecond, 4294967*time.Millisecond); ok || summaries(diags) != "number '0' outside range [1.000, 4294967.000]" {
		t.Errorf("0 ms: %v", summaries(diags))
	}
}

func TestBool(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"k": true, "k on": true, "k true": true, "k yes": true, "k off": false, "k false": false, "k no": false} {
		var diags diag.List
		if v, ok := New(lineOf(t, text), &diags).Bool(""); !ok || v != want {
			t.Errorf("%s: got %v %v", text, v, diags)
		}
	}
	for _, text := range []string{"k 1", "k ON", "k bla"} {
		var diags diag.List
		if _, ok := New(lineOf(t, text), &diags).Bool("(V) invalid k %s specified"); ok || summaries(diags) != "(V) invalid k "+text[2:]+" specified" {
			t.Errorf("%s: got %v %q", text, ok, summaries(diags))
		}
	}
}

func TestPrefix(t *testing.T) {
	t.Parallel()
	cases := []struct{ text, want, complain string }{
		{"k 10.0.0.1", "10.0.0.1/32", ""},
		{"k 10.0.0.1/24", "10.0.0.1/24", ""},
		{"k 10.0.0.1/024", "10.0.0.1/24", ""},
		{"k 10.0.0.1/+24", "10.0.0.1/24", ""},
		{"k 10.0.0.1/", "10.0.0.1/0", ""},
		{"k fe80::1", "fe80::1/128", ""},
		{"k ::ffff:10.0.0.1", "::ffff:10.0.0.1/128", ""},
		{"k 10.0.0.1/33", "10.0.0.1/32", "number '33' outside range [0, 32]"},
		{"k 10.0.0.1/255.255.255.0", "10.0.0.1/32", "invalid number '255.255.255.0'"},
		{"k fe80::1/129", "fe80::1/128", "number '129' outside range [0, 128]"},
		{"k 10.0.0.256", "", "VRRP parsed invalid IP 10.0.0.256. skipping IP..."},
		{"k 010.0.0.1", "", "VRRP parsed invalid IP 010.0.0.1. skipping IP..."},
		{"k fe80::1%eth0", "", "VRRP parsed invalid IP fe80::1%eth0. skipping IP..."},
	}
	for _, c := range cases {
		var diags diag.List
		cur := New(lineOf(t, c.text), &diags)
		w, _ := cur.Next()
		p, ok := cur.Prefix(w)
		want := netip.Prefix{}
		if c.want != "" {
			want = netip.PrefixFrom(netip.MustParseAddr(c.want[:strings.Index(c.want, "/")]), netip.MustParsePrefix(c.want).Bits())
		}
		if ok != (c.want != "") || ok && p != want || summaries(diags) != c.complain {
			t.Errorf("%s: want %v %q, got %v %q", c.text, want, c.complain, p, summaries(diags))
		}
	}
}

// What 2.2.7 shows in its dumps for these lines.
func TestScript(t *testing.T) {
	t.Parallel()
	cases := []struct {
		text  string
		argv  []string
		user  string
		group string
		all   bool
	}{
		{`s /bin/true`, []string{"/bin/true"}, "", "", false},
		{`s "/bin/true a b"`, []string{"/bin/true", "a", "b"}, "", "", false},
		{`s "/bin/true 'a b' c"`, []string{"/bin/true", "a b", "c"}, "", "", false},
		{`s '/bin/true a'`, []string{"/bin/true", "a"}, "", "", false},
		{`s "/bin/true" root`, []string{"/bin/true"}, "root", "", false},
		{`s /bin/true master`, []string{"/bin/true"}, "master", "", false},
		{`s "/bin/true" root adm more`, []string{"/bin/true"}, "root", "adm", false},
		{`s "/bin/true" root :adm`, []string{"/bin/true"}, "root", "adm", true},
		{`s "[[ -f /x ]] && exit 1 || exit 0"`, []string{"[[", "-f", "/x", "]]", "&&", "exit", "1", "||", "exit", "0"}, "", "", false},
	}
	for _, c := range cases {
		var diags diag.List
		s, ok := New(lineOf(t, c.text), &diags).Script()
		if !ok {
			t.Errorf("%s: no script, %v", c.text, diags)
			continue
		}
		if !slices.Equal(s.Argv, c.argv) || s.User != c.user || s.Group != c.group || s.AllGroups != c.all {
			t.Errorf("%s: got %q user %q group %q all %v", c.text, s.Argv, s.User, s.Group, s.AllGroups)
		}
		if !s.Range.Start().IsValid() {
			t.Errorf("%s: no place", c.text)
		}
	}
	for _, text := range []string{"s", `s ""`, `s "  "`} {
		var diags diag.List
		if s, ok := New(lineOf(t, text), &diags).Script(); ok {
			t.Errorf("%s: got %q", text, s.Argv)
		}
	}
	a, b := &Script{Text: "/x a", Argv: []string{"/x", "a"}}, &Script{Text: "/x a", Argv: []string{"/x", "a"}, User: "u"}
	if a.Equal(b) || !a.Equal(a) || a.Equal(nil) || !(*Script)(nil).Equal(nil) {
		t.Error("Equal looks at command and user, nil is no script")
	}
	if a.String() != "'/x' 'a'" {
		t.Errorf("String: %s", a)
	}
}

func TestEntryAndRest(t *testing.T) {
	t.Parallel()
	var diags diag.List
	n := lineOf(t, "k a b")
	c := NewEntry(n, &diags)
	if w, ok := c.Next(); !ok || w.Text != "k" || c.Left() != 2 {
		t.Errorf("an entry starts with its keyword: %v, left %d", w, c.Left())
	}
	if rest := c.Rest(); len(rest) != 2 || c.More() || c.Left() != 0 {
		t.Errorf("rest: %v", rest)
	}
	if rest := NewEntry(n, &diags).Rest(); len(rest) != 3 {
		t.Errorf("rest of all: %v", rest)
	}
}
