package dialect_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestSeeds: keepalived's own status for every configuration of the field, with
// eth0, eth1 and eth2 there and the scripts they name missing. 2.2.7 says 5 for
// seed-34, too, which cannot run: see the ledger.
func TestSeeds(t *testing.T) {
	want := map[string]int{"seed-34": 2}
	for _, n := range []int{16, 17, 18, 19, 20, 21, 22, 23, 24, 28, 29, 30} {
		want[fmt.Sprintf("seed-%02d", n)] = 0
	}
	for _, s := range seeds(t) {
		status, ok := want[s.name]
		if !ok {
			status = 5
		}
		if got := ours(s); got.status != status {
			t.Errorf("%s: status %d, want %d\n%s", s.name, got.status, status, got.output)
		}
	}
}

// TestAgainst227 asks both about every seed and probe.
func TestAgainst227(t *testing.T) {
	all := append(seeds(t), probes(t)...)
	ledger := readLedger(t)
	compared := 0
	rules := betterRules(t, ledger)
	for i, their := range theirs(t, all) {
		p := all[i]
		entry, known := ledger.test[p.name]
		if crashed(their.status) {
			// No verdict of 2.2.7. Ours must not be "fine" where it crashed on the text.
			if got := ours(p); their.status != statusKilled && got.status == 0 {
				t.Errorf("%s: 2.2.7 crashes, we say nothing", p.name)
			}
			continue
		}
		compared++
		our := ours(p)
		problem := differs(their, our)
		if problem != "" && !known && rules.explain(their, our) {
			continue
		}
		switch {
		case problem != "" && !known && !isNewer(p, their):
			t.Errorf("%s: %s\n--- 2.2.7 says %d\n%s--- we say\n%s", p.name, problem, their.status, their.output, ours(p).output)
		case problem == "" && known && entry.state != "same":
			t.Errorf("%s: the ledger calls it %q, but there is no difference", p.name, entry.state)
		}
	}
	t.Logf("%d configurations compared with keepalived 2.2.7; differences by rule: %v", compared, rules.used)
}

// statusKilled is 2.2.7's own SIGTERM when a script has a user that is not root.
const statusKilled = 143

func crashed(status int) bool { return status == 139 || status == 134 || status == statusKilled }

// cannotRun are 2.2.7's lines for what ends a start with 2 though its -t says 5.
// TestCannotRun sees that they do.
var cannotRun = []string{
	"the virtual router id must be set",
	"Unknown interface!",
	"No VIP specified; at least one is required",
	"both use VRID",
	"duplicate VRID conflict with",
	"Non-existent interface specified in configuration",
}

// differs says in what ours is another verdict than theirs: status, or the lines
// that are complained about.
func differs(their verdict, our checked) string {
	want := their.status
	if slices.ContainsFunc(cannotRun, func(s string) bool { return strings.Contains(their.output, s) }) {
		want = 2
	}
	if our.status != want {
		return fmt.Sprintf("status %d, want %d", our.status, want)
	}
	if want == 2 && their.status == 2 {
		return "" // 2.2.7 stops at the first missing argument, so do we
	}
	head := heads(our.tree)
	for n := range their.lines {
		if !our.lines[n] && !our.lines[head[n]] && !our.lines[n-1] {
			return fmt.Sprintf("line %d: 2.2.7 complains, we do not", n)
		}
	}
	if their.whole == 0 {
		for n := range our.lines {
			if !their.lines[n] && !their.lines[n+1] && !closes(head, n, their.lines) {
				return fmt.Sprintf("line %d: we complain, 2.2.7 does not", n)
			}
		}
	}
	return ""
}

// closes reports whether theirs is at the closing brace of the block that starts on line n.
func closes(head map[int]int, n int, their map[int]bool) bool {
	for end, start := range head {
		if start == n && their[end] {
			return true
		}
	}
	return false
}
