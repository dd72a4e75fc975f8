package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keepalived/core/diag"
)

// TestRanges: every word points at the octets it comes from, and what came from
// a definition or a sequence at its use.
func TestRanges(t *testing.T) {
	text := strings.Join([]string{
		"$N=12",
		"$M=state BACKUP \\",
		" priority $N",
		"  vrrp_instance\tV { priority x${N}y }  # c",
		"$M",
		"~SEQ(i, 2) vrrp_instance W$i { priority 1$i",
		`global_defs { notification_email { "a b" c\#d } }`,
	}, "\n")
	var got []string
	show := func(w Word) {
		if w.Text == "" {
			return
		}
		r := w.Range
		line := strings.Split(text, "\n")[r.Start().Line-1]
		got = append(got, fmt.Sprintf("%s=%d:%s", w.Text, r.Start().Line, line[r.Start().Col-1:r.End().Col-1]))
	}
	var walk func([]*Node)
	walk = func(nodes []*Node) {
		for _, n := range nodes {
			show(n.Keyword)
			for _, a := range n.Args {
				show(a)
			}
			walk(n.Block)
			if n.Close.IsValid() {
				got = append(got, fmt.Sprintf("}=%d:%d", n.Close.Start().Line, n.Close.Start().Col))
			}
		}
	}
	// The W blocks are left open: each ends where the next begins.
	tree, list := Parse(MapFiles{"main": text}, "main", Env{}, testSchema())
	walk(tree.Roots)
	want := []string{
		"vrrp_instance=4:vrrp_instance", "V=4:V", "priority=4:priority", "x12y=4:x${N}y", "}=4:37",
		"vrrp_instance=6:vrrp_instance", "W1=6:W$i", "priority=6:priority", "11=6:1$i",
		"vrrp_instance=6:vrrp_instance", "W2=6:W$i", "priority=6:priority", "12=6:1$i",
		"global_defs=7:global_defs", "notification_email=7:notification_email", "a b=7:\"a b\"", "c#d=7:c\\#d", "}=7:47", "}=7:49",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var unknown []string
	for _, d := range list {
		if d.Code == diag.UnknownKeyword {
			r := d.Subject
			unknown = append(unknown, fmt.Sprintf("%s %d:%d-%d", d.Summary, r.Start().Line, r.Start().Col, r.End().Col))
		}
	}
	wantUnknown := []string{
		"Unknown keyword 'state' 5:1-3", "Unknown keyword 'priority' 5:1-3",
	}
	if diff := cmp.Diff(wantUnknown, unknown); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
}

// TestSplice: columns stay right through replacements on both sides of each other.
func TestSplice(t *testing.T) {
	l := line{text: "ab ${X} cd ${Y} ef", col: 1, at: &place{file: diag.NewFileName("f"), num: 1}}
	l = l.splice(11, 15, "")
	l = l.splice(3, 7, "long text")
	for _, c := range []struct {
		octets   string
		from, to int
	}{
		{"ab", 1, 3}, {"long text", 4, 8}, {"text", 4, 8}, {"cd", 9, 11}, {"ef", 17, 19}, {"cd  ef", 9, 19},
	} {
		i := strings.Index(l.text, c.octets)
		if i < 0 {
			t.Fatalf("%q is not in %q", c.octets, l.text)
		}
		r := l.rng(i, i+len(c.octets))
		if r.Start().Col != c.from || r.End().Col != c.to {
			t.Errorf("%q is %d-%d, want %d-%d", c.octets, r.Start().Col, r.End().Col, c.from, c.to)
		}
		if cut := l.cut(i, len(l.text)).rng(0, len(c.octets)); cut != r {
			t.Errorf("%q is %v after a cut, was %v", c.octets, cut, r)
		}
	}
}

// TestLimits: absurd input ends soon, in one clear finding.
func TestLimits(t *testing.T) {
	laughs := func(n int, one string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "$A0=%s\n", one)
		for i := 1; i <= n; i++ {
			fmt.Fprintf(&b, "$A%d=\\\n$A%d \\\n$A%d\n", i, i-1, i-1)
		}
		fmt.Fprintf(&b, "$A%d\n", n)
		return b.String()
	}
	includes := MapFiles{}
	for i := range 40 {
		includes[fmt.Sprintf("i%d", i)] = fmt.Sprintf("include i%d\ninclude i%d\n", i+1, i+1)
	}
	includes["i40"] = "\n"
	chain := MapFiles{}
	for i := range 100 {
		chain[fmt.Sprintf("c%d", i)] = fmt.Sprintf("include c%d\n", i+1)
	}
	deep := MapFiles{"main": "bfd_instance x {\n" + strings.Repeat("{", 1000) + "\n"}
	for i := range 200 {
		deep["main"] += fmt.Sprintf("$D%d=x \\\n$D%d\n", i, i+1)
	}
	for _, c := range []struct {
		name  string
		files MapFiles
		main  string
		want  string
	}{
		{"a definition of itself", MapFiles{"main": "$X=${X}\n${X}\n"}, "main", "definition $X contains itself"},
		{"two definitions of each other", MapFiles{"main": "$X=${Y}\n$Y=${X}\nfrob ${X}\n"}, "main", "definition $"},
		{"several lines of themselves", MapFiles{"main": "$X=a \\\n$X \\\n$X\n$X\n"}, "main", "definition $X contains itself"},
		{"several lines of each other", MapFiles{"main": "$X=a \\\n$Y\n$Y=b \\\n$X\n$X\n"}, "main", "contains itself"},
		{"a billion laughs", MapFiles{"main": laughs(40, "vrrp_strict")}, "main", "definitions and sequences make more than 32 MB of text"},
		{"a billion empty laughs", MapFiles{"main": laughs(40, "")}, "main", "definitions and sequences make more than 32 MB of text"},
		{"a chain of definitions", MapFiles{"main": deep["main"][len("bfd_instance x {\n")+1001:] + "$D0\n"}, "main", "definitions are nested more than 64 deep"},
		{"a long sequence", MapFiles{"main": "~SEQ(i, 4000000000) frob $i\n"}, "main", "definitions and sequences make more than 32 MB of text"},
		{"a long sequence of nothing", MapFiles{"main": "~SEQ(i, 4000000000)\n"}, "main", "definitions and sequences make more than 32 MB of text"},
		{"nested sequences", MapFiles{"main": strings.Repeat("~SEQ(i, 2) ", 80) + "x\n"}, "main", "sequences are nested more than 64 deep"},
		{"a file that includes itself", MapFiles{"main": "include ./main\ninclude main\n"}, "main", "include loop: 'main' is being read already"},
		{"includes doubling", includes, "i0", "the files make more than 64 MiB of text"},
		{"a chain of includes", chain, "c0", "includes are nested more than 64 deep"},
		{"blocks in blocks that nobody reads", deep, "main", "blocks are nested more than 100 deep"},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			_, list := Parse(c.files, c.main, Env{}, testSchema())
			if len(list) == 0 || !list.HasFatal() {
				t.Fatalf("nothing fatal:\n%.500s", list.Short(true))
			}
			last := list[len(list)-1]
			if !strings.Contains(last.Summary, c.want) || (last.Code != diag.TooDeep && last.Code != diag.Limit) {
				t.Errorf("ended with %v %q, want %q", last.Code, last.Summary, c.want)
			}
			if d := time.Since(start); d > 20*time.Second {
				t.Errorf("took %v", d)
			}
			if len(list) > maxFindings+2 {
				t.Errorf("%d findings", len(list))
			}
		})
	}
}

// TestAbsurd: input without sense or bounds is read in time that grows with its length,
// and every limit says so.
func TestAbsurd(t *testing.T) {
	const mega = 1 << 20
	long := func(one string) string { return strings.Repeat(one, mega/len(one)) }
	var blocks strings.Builder
	for range 20000 {
		blocks.WriteString("frob {\n}\nnopreempt\n")
	}
	expired := 0
	for _, c := range []struct {
		name, text string
		want       string // of the last finding
		code       diag.Code
		env        Env
	}{
		{name: "more than a million nodes", text: strings.Repeat("net_namespace a\n", maxNodes+1), want: "more than 1000000 lines", code: diag.Limit},
		{name: "too long", text: "~SEQ(i, 1000) $A\n$A=${B}\n" + strings.Repeat("frob\n", 200000), want: "takes too long", code: diag.Limit,
			env: Env{Expired: func() bool { expired++; return expired > 20 }}},
		{name: "a line of braces", text: long("{"), want: "further ones", code: diag.Limit},
		{name: "a line of ends", text: long("}"), want: "further ones are not listed", code: diag.Limit},
		{name: "a line of both", text: "frob\n" + long("{}"), want: "further ones", code: diag.Limit},
		{name: "a line of quotes", text: long("\""), want: "Unknown keyword ''", code: diag.UnknownKeyword},
		{name: "a line of dollars", text: "$A=$A\n" + long("$A "), want: "definitions and sequences make more", code: diag.Limit},
		{name: "a line of references", text: "$A=x\n" + long("${A}"), want: "definitions and sequences make more", code: diag.Limit},
		{name: "a line of backslashes", text: long("\\"), want: "Unknown keyword", code: diag.UnknownKeyword},
		{name: "a line of NULs", text: "x" + long("\x00"), want: "Unknown keyword 'x'", code: diag.UnknownKeyword},
		{name: "a line of words", text: long("frob "), want: "Unknown keyword 'frob'", code: diag.UnknownKeyword},
		{name: "deep in an unknown block", text: "frob {\n" + strings.Repeat("{\n", mega), want: "missing '}'", code: diag.Unbalanced},
		{name: "thousands of unknown blocks before thousands of lines", text: "vrrp_instance V {\n" + blocks.String() + "}\n", want: "further ones", code: diag.Limit},
		{name: "a sequence of huge numbers", text: "~SEQ(i, 4000000000000000000, 4000000000000000001) frob $i\n", want: "Unknown keyword 'frob'", code: diag.UnknownKeyword},
		{name: "a number beyond all numbers", text: "~SEQ(i, " + strings.Repeat("9", 400) + ") frob\n", want: "Invalid ~SEQ", code: diag.BadValue},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			_, list := Parse(MapFiles{"main": c.text}, "main", c.env, testSchema())
			took := time.Since(start)
			if len(list) == 0 {
				t.Fatal("nothing is said")
			}
			if last := list[len(list)-1]; !strings.Contains(last.Summary, c.want) || last.Code != c.code {
				t.Errorf("ended with %v %.200q, want %v %q", last.Code, last.Summary, c.code, c.want)
			}
			if took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
	_, list := Parse(hugeFiles{}, "main", Env{}, testSchema())
	if len(list) != 1 || list[0].Code != diag.Limit || list[0].Summary != "configuration file 'main' is larger than 64 MiB" || list.ExitStatus() != 2 {
		t.Errorf("a file without end: %v", list)
	}
}

type hugeFiles struct{}

func (hugeFiles) Read(string) ([]byte, error)           { return nil, ErrTooLarge }
func (hugeFiles) Glob(pattern string) ([]string, error) { return []string{pattern}, nil }

// TestLongLine: what does not fit keepalived's buffer works and is said; what is
// longer than any line of sense is dropped.
func TestLongLine(t *testing.T) {
	at := func(n int) string { return "net_namespace " + strings.Repeat("x", n-len("net_namespace ")) }
	tree, list := Parse(MapFiles{"main": at(1022) + "\n" + at(1023) + "\nnet_namespace b #" + strings.Repeat("c", 5000) +
		"\n" + strings.Repeat(" ", 3000) + "net_namespace c\n"}, "main", Env{}, testSchema())
	if len(tree.Roots) != 4 || list.Short(false) != "(Line 2) line longer than 1022 octets\n" || list.Worst() != diag.Warning {
		t.Errorf("%d keywords; %.300s", len(tree.Roots), list.Short(false))
	}
	tree, list = Parse(MapFiles{"main": at(1<<20) + "\n" + at(1<<20+1) + "\nnet_namespace b\n"}, "main", Env{}, testSchema())
	if len(tree.Roots) != 2 || list.Short(false) != "(Line 1) line longer than 1022 octets\n(Line 2) line too long - ignoring\n" {
		t.Errorf("%d keywords; %.300s", len(tree.Roots), list.Short(false))
	}
}

// TestPredefined: ${_…} and the environment.
func TestPredefined(t *testing.T) {
	env := Env{ConfigID: "id", Dir: "/etc/x", Seed: 7, Lookup: func(name string) (string, bool) {
		v, ok := map[string]string{"A": "1", "NL": "a\nb"}[name]
		return v, ok
	}}
	read := func(text string, env Env) string {
		tree, _ := Parse(MapFiles{"d/main": "include sub/x\nglobal_defs {\nrouter_id " + text + "\n}\n", "d/sub/x": "$P=${_PWD}\n"}, "d/main", env, testSchema())
		return strings.TrimSpace(strings.Split(Print(tree.Roots), "\n")[1])
	}
	for _, c := range []struct{ text, want string }{
		{"${_INSTANCE}", "router_id id"},
		{"$_INSTANCE", "router_id id"},
		{"${_PWD}", "router_id /etc/x/d"},
		{"${P}", "router_id /etc/x/d"}, // late: where it is used, not where it is defined
		{"a${_ENV A}b", "router_id a1b"},
		{"a${_ENV NOSUCH}b", "router_id ab"},
		{"a${_ENV NL}b", "router_id aab"},
		{"${_HASH}c", "router_id"},
		{`"${_HASH}c${_BANG}"`, `router_id \#c\!`},
		{"${_RANDOM 5 5}", "router_id 5"},
		{"${_RANDOM 9 5}", "router_id 9"},
		{"${_RANDOM 0 4294967295}", "router_id 1496452567"},
	} {
		if got := read(c.text, env); got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
	if a, b := read("${_RANDOM}", env), read("${_RANDOM}", env); a != b {
		t.Errorf("equal seeds gave %s and %s", a, b)
	}
	if a, b := read("${_RANDOM}", env), read("${_RANDOM}", Env{Seed: 8}); a == b {
		t.Errorf("other seeds both gave %s", a)
	}
}

// TestHints: what to do about a finding.
func TestHints(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"vrrp_instance V {\npriorty 5\n}\n", "did you mean 'priority'?"},
		{"vrrp_instance V {\nadvert_itn 5\n}\n", "did you mean 'advert_int'?"},
		{"vrrp_script V {\nflal 5\n}\n", "did you mean 'fall'?"},
		{"vrrp_instance V {\nxyzzy 5\n}\n", ""},
		{"vrrp_instance V {\nauth_pass x\n}\n", "it belongs in vrrp_instance { authentication"},
		{"vrrp_instance V {\nnet_namespace x\n}\n", "it belongs outside any block"},
		{"vrrp_instance V {\nweight x\n}\n", "it belongs in vrrp_script, or virtual_server { real_server"},
		{"vrrp_instance V {\nvrrp_instance W {\n", "2.2.7 would take the members of this block for those of the one before"},
		{"\uFEFFglobal_defs {\n}\n", "save it without: 2.2.7 takes the mark for part of the first word and loses the block that begins there"},
		{"vrrp_instance V {\nfrob {\n", ""},
	} {
		_, list := Parse(MapFiles{"main": c.text}, "main", Env{}, testSchema())
		hint := ""
		if len(list) > 0 {
			if hint = list[0].Hint; list[0].Suggest != "" {
				hint = "did you mean '" + list[0].Suggest + "'?"
			}
		}
		if len(list) == 0 || hint != c.want {
			t.Errorf("%q: %v, want hint %q", c.text, list, c.want)
		}
	}
}

// TestSkip: a block nobody reads only has to be balanced.
func TestSkip(t *testing.T) {
	text := "bfd_instance x {\n\tfoo \"a  b\" 'c {\n\t\tbar\n\t}\n\t{\n\t\tbaz\n\t}\n\tempty {\n\t}\n}\nvrrp_instance V {\n}\n"
	tree, list := Parse(MapFiles{"main": text}, "main", Env{}, testSchema())
	if len(list) != 0 {
		t.Errorf("said: %s", list.Short(false))
	}
	if diff := cmp.Diff(text, Print(tree.Roots)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDigest: equal meaning, equal digest.
func TestDigest(t *testing.T) {
	digest := func(text string) [32]byte {
		tree, _ := Parse(MapFiles{"main": text}, "main", Env{}, testSchema())
		return tree.Digest
	}
	base := "vrrp_instance V {\npriority 5\ntrack_interface {\neth0 weight 2\n}\n}\n"
	same := []string{
		"# c\nvrrp_instance \"V\" { priority 5 } # c\n",
		"$P=5\nvrrp_instance V\n{\n  priority  $P }",
	}
	one := digest("vrrp_instance V {\npriority 5\n}\n")
	for _, s := range same {
		if digest(s) != one {
			t.Errorf("%q has another digest", s)
		}
	}
	seen := map[[32]byte]string{one: "without track_interface"}
	for _, s := range []string{
		base,
		strings.Replace(base, "V", "W", 1),
		strings.Replace(base, "priority 5", "priority 55", 1),
		strings.Replace(base, "eth0 weight 2", "eth0\nweight 2", 1),
		strings.Replace(base, "eth0 weight 2", "eth0weight 2", 1),
		strings.Replace(base, "eth0 weight 2\n}\n}", "eth0 weight 2\n}\n}\nvrrp_instance W {\n}", 1),
		"vrrp_instance V {\nnotify \"/bin/x a\"\n}\n",
		"vrrp_instance V {\nnotify '/bin/x a'\n}\n",
	} {
		d := digest(s)
		if other, ok := seen[d]; ok {
			t.Errorf("%q and %q have the same digest", s, other)
		}
		seen[d] = s
	}
}

// TestPrint: the words that need care to be read as they were.
func TestPrint(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`router_id "a b"`, `router_id "a b"`},
		{`router_id "ab"`, `router_id ab`},
		{`router_id a"b"c`, `router_id a b c`},
		{`router_id ""`, `router_id ""`},
		{`router_id a\#b`, `router_id a\#b`},
		{`router_id "a#b"`, `router_id a\#b`},
		{`router_id "a\#b"`, `router_id "a\#b"`},
		{`router_id "{" "}"`, `router_id "{" "}"`},
		{`router_id "a"\`, `router_id "a"\`},
		{`"router_id" x`, `router_id x`},
		{`lvs_sync_daemon "@x" "$Y=" "~SEQ"`, `lvs_sync_daemon @x $Y= ~SEQ`},
	} {
		tree, list := Parse(MapFiles{"main": "global_defs {\n" + c.text + "\n}\n"}, "main", Env{}, testSchema())
		if got := lineText(tree.Roots[0].Block[0]); got != c.want || len(list) > 0 {
			t.Errorf("%s is printed %s, want %s; %s", c.text, got, c.want, list.Short(false))
		}
		checkPrint(t, tree)
	}
	for _, entry := range []string{`"include" x`, `"@x" y`, `"$X=1"`, `"~SEQ(i, 2)" x`, `"#"`, "{", `"{"`} {
		tree, _ := Parse(MapFiles{"main": "static_routes {\n" + entry + "\n}\n"}, "main", Env{}, testSchema())
		if len(tree.Roots[0].Block) != 1 {
			t.Errorf("%s: %d entries", entry, len(tree.Roots[0].Block))
		}
		checkPrint(t, tree)
	}
}

// TestSeeds: what people really have is read without a panic, comes out of Print
// as it went in, and has no finding that its author could not see.
func TestSeeds(t *testing.T) {
	names, _ := filepath.Glob("testdata/seeds/*.conf")
	if len(names) != 34 {
		t.Fatalf("%d seeds", len(names))
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tree, list := Parse(MapFiles{"main": string(text)}, "main", Env{}, testSchema())
		for _, d := range list {
			if d.Code != diag.UnknownKeyword && d.Code != diag.UnknownBlock && d.Code != diag.Unbalanced && d.Code != diag.File {
				t.Errorf("%s: %s", name, d.Short(false))
			}
		}
		if len(tree.Roots) == 0 {
			t.Errorf("%s: no keyword understood", name)
		}
		checkPrint(t, tree)
	}
}

// checkPrint checks that a tree is what its text is read as.
func checkPrint(t *testing.T, tree *Tree) {
	t.Helper()
	text := Print(tree.Roots)
	again, list := Parse(MapFiles{"main": text}, "main", Env{}, testSchema())
	if second := Print(again.Roots); second != text {
		t.Errorf("(-printed +read and printed again):\n%s\n%s", cmp.Diff(text, second), list.Short(false))
	}
	if again.Digest != tree.Digest {
		t.Errorf("another digest from\n%s", text)
	}
}

// TestFilesErrors: what cannot be read is said with its reason.
func TestFilesErrors(t *testing.T) {
	_, list := Parse(brokenFiles{}, "main", Env{}, testSchema())
	if want := "Configuration file 'main' open problem (permission denied) - skipping\n"; list.Short(false) != want {
		t.Errorf("%q, want %q", list.Short(false), want)
	}
}

type brokenFiles struct{}

func (brokenFiles) Read(string) ([]byte, error)           { return nil, errors.New("permission denied") }
func (brokenFiles) Glob(pattern string) ([]string, error) { return []string{pattern}, nil }
