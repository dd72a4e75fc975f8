package compat

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
)

func (p place) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// ledger is what of ledger.txt concerns the inputs.
type ledger struct {
	input map[string]string // by name: the reason of its difference
	// missing are those that wait for something to be built: they may come to be alike.
	missing map[string]bool
	rules   map[string]bool
	newer   map[string]bool // keywords that 2.2.7 does not know
}

func readLedger(t *testing.T) ledger {
	t.Helper()
	f, err := os.Open("ledger.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l := ledger{input: map[string]string{}, missing: map[string]bool{}, rules: map[string]bool{}, newer: map[string]bool{}}
	for s := bufio.NewScanner(f); s.Scan(); {
		parts := strings.SplitN(s.Text(), " | ", 4)
		switch {
		case len(parts) < 4 || strings.HasPrefix(s.Text(), "#"):
		case parts[0] == "input":
			l.input[parts[1]], l.missing[parts[1]] = parts[3], parts[2] == "missing"
		case parts[0] == "rule" && parts[2] == "differs-because":
			l.rules[parts[1]] = true
		}
	}
	text, err := os.ReadFile("testdata/newer.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		path, _, _ := strings.Cut(line, " ")
		l.newer[path[strings.LastIndexByte(path, '/')+1:]] = true
	}
	for _, r := range theirOwn {
		if !l.rules[r.item] {
			t.Errorf("the ledger has no rule %q", r.item)
		}
	}
	for _, r := range byRule {
		if !l.rules[r.item] {
			t.Errorf("the ledger has no rule %q", r.item)
		}
	}
	return l
}

// byRule are the classes of findings by which we mean to differ from 2.2.7 whatever
// the configuration: each has a rule in the ledger.
var byRule = []struct {
	code, item string
	said       string // in our findings of that code; without a code in anything that either says
	verdict    bool   // the status of -t differs
	understood bool   // so does what is understood
}{
	{code: "surplus-words", item: "words behind a complete keyword", verdict: true},
	{code: "lookalike-character", item: "characters that look like others", verdict: true, understood: true},
	{code: "unknown-block", item: "an unknown block", verdict: true, understood: true},
	{code: "long-line", item: "a line longer than 1022 octets", verdict: true, understood: true},
	{code: "undefined", item: "${NAME} that is not defined", verdict: true, understood: true},
	{code: "missing-end", item: "a } missing before a block", verdict: true, understood: true},
	{said: "Missing '{' at beginning of configuration block", item: "a block that is not opened"},
	{said: "must have a name", item: "a block that is skipped for what stands behind its keyword", verdict: true},
	{said: "Invalid virtual server IP address", item: "a block that is skipped for what stands behind its keyword", verdict: true},
	{said: "Invalid real server ip address", item: "a block that is skipped for what stands behind its keyword", verdict: true},
	{code: "include-failed", item: "an include that has to be there and is not", verdict: true},
	{code: "conflict", said: "cannot use IPv6 with VRRP version 2", item: "version 2 with IPv6 addresses", verdict: true},
	{code: "conflict", said: "is duplicated - removing second rs", item: "real servers that are the same for ip_vs", verdict: true, understood: true},
	{said: "virtual server fwmark '", item: "a block that is skipped for what stands behind its keyword", verdict: true},
	{code: "too-deep", said: "include loop", item: "an include loop", verdict: true, understood: true},
	{code: "not-found", said: "BFD_CHECK - BFD ", item: "a BFD session that is disabled"},
	{said: "Unable to set uid/gid for script ", item: "place of a user that does not exist"},
	{said: "Invalid smtp server", item: "host name of smtp_server", verdict: true},
	{said: "already defined", item: "a block that is skipped for what stands behind its keyword", verdict: true},
	{code: "out-of-order", item: "a reference to what is defined further down", understood: true},
}

// without takes from a difference what the rules explain and returns the rest.
func (l ledger) without(d difference, their, our answer) string {
	for _, r := range byRule {
		switch {
		case r.code == "" && !strings.Contains(their.said, r.said) && !strings.Contains(our.said, r.said):
			continue
		case r.code != "" && (!our.codes[r.code] || !strings.Contains(our.said, r.said)):
			continue
		}
		d.lines = ""
		if r.verdict {
			d.verdict = ""
		}
		if r.understood {
			d.understood = ""
		}
	}
	return strings.Trim(strings.Join([]string{d.verdict, d.lines, d.understood}, "\n"), "\n")
}
