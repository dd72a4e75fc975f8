package dialect_test

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"keepalived/cmd/internal/dialect"
	"keepalived/core/config"
)

var update = flag.Bool("update", false, "write the keyword lines of the ledger anew")

const ledgerFile = "../../../test/compat/ledger.txt"

// entry is one line of the ledger.
type entry struct {
	area, item, state, reason string
}

func (e entry) String() string {
	s := e.area + " | " + e.item + " | " + e.state
	if e.reason != "" {
		s += " | " + e.reason
	}
	return s
}

type ledgerText struct {
	head []string // comment lines
	all  []entry
	test map[string]entry // area "-t"
	dump map[string]entry // area "dump"
}

func readLedger(t *testing.T) ledgerText {
	t.Helper()
	f, err := os.Open(ledgerFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l := ledgerText{test: map[string]entry{}, dump: map[string]entry{}}
	n := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		n++
		line := s.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			l.head = append(l.head, line)
			continue
		}
		parts := strings.SplitN(line, " | ", 4)
		if len(parts) < 3 {
			t.Fatalf("%s:%d: want area | item | state | reason", ledgerFile, n)
		}
		e := entry{area: parts[0], item: parts[1], state: parts[2]}
		if len(parts) == 4 {
			e.reason = parts[3]
		}
		switch e.state {
		case "same":
		case "differs-because", "missing":
			if e.reason == "" {
				t.Errorf("%s:%d: %s without a reason", ledgerFile, n, e.state)
			}
		default:
			t.Errorf("%s:%d: state %q is none of same, differs-because, missing", ledgerFile, n, e.state)
		}
		l.all = append(l.all, e)
		switch e.area {
		case "-t":
			l.test[e.item] = e
		case "dump":
			l.dump[e.item] = e
		}
	}
	return l
}

// keywordEntries are the lines that the keyword tables stand for.
func keywordEntries() []entry {
	var out []entry
	for _, k := range dialect.Keywords() {
		e := entry{area: "keyword", item: strings.TrimPrefix(k.Path+"/"+k.Name, "/"), state: "same"}
		switch {
		case k.Effect != "":
			e.state, e.reason = "missing", k.Effect
		case k.Since != "":
			e.state, e.reason = "differs-because", "keepalived "+k.Since+" brought it, 2.2.7 does not know it"
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b entry) int { return strings.Compare(a.item, b.item) })
	return out
}

// TestLedger: the ledger's keyword lines are what the tables say.
func TestLedger(t *testing.T) {
	l := readLedger(t)
	var have, rest []entry
	for _, e := range l.all {
		if e.area == "keyword" {
			have = append(have, e)
		} else {
			rest = append(rest, e)
		}
	}
	want := keywordEntries()
	if *update {
		var b strings.Builder
		for _, h := range l.head {
			fmt.Fprintln(&b, h)
		}
		for _, e := range append(rest, want...) {
			fmt.Fprintln(&b, e)
		}
		if err := os.WriteFile(ledgerFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !slices.Equal(have, want) {
		for _, e := range want {
			if !slices.Contains(have, e) {
				t.Errorf("not in the ledger: %s", e)
			}
		}
		for _, e := range have {
			if !slices.Contains(want, e) {
				t.Errorf("in the ledger, but not so in the tables: %s", e)
			}
		}
	}
	states := map[string]int{}
	for _, e := range l.all {
		states[e.area+" "+e.state]++
	}
	t.Logf("ledger: %v", states)
}

// newer are the keywords that 2.2.7 does not know.
var newer = func() map[string]config.Keyword {
	out := map[string]config.Keyword{}
	for _, k := range dialect.Keywords() {
		if k.Since != "" {
			out[k.Name] = k
		}
	}
	return out
}()

// isNewer reports whether the difference is only that 2.2.7 does not know a
// keyword that a later version brought.
func isNewer(p probe, their verdict) bool {
	for line := range strings.Lines(their.output) {
		_, name, ok := strings.Cut(line, "Unknown keyword '")
		if ok {
			name, _, _ = strings.Cut(name, "'")
			if _, known := newer[name]; known {
				return true
			}
		}
	}
	return false
}
