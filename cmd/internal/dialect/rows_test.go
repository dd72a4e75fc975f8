package dialect_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestRowComplaints holds every row against 2.2.7: of each of its values both complain,
// or neither.
func TestRowComplaints(t *testing.T) {
	var apart []cell // what ends a reading at once, or stands outside all blocks
	all := sheets(func(c cell) bool {
		if ours(alone(c)).diags.HasFatal() {
			apart = append(apart, c)
			return false
		}
		return true
	})
	var asked []probe
	for _, s := range all {
		asked = append(asked, probe{name: s.name, text: s.text.String()})
	}
	for _, c := range apart {
		asked = append(asked, alone(c))
	}
	their := theirs(t, asked)
	ledger := readLedger(t)
	for i, s := range all {
		our := ours(asked[i])
		if their[i].status == 2 || crashed(their[i].status) {
			t.Errorf("sheet %s: 2.2.7 ends with %d\n%s", s.name, their[i].status, their[i].output)
			continue
		}
		for _, c := range s.cells {
			a, b := complains(c, their[i]), complains(c, our.verdict)
			known := ledger.test["row "+c.String()].state != ""
			if a != b && !known {
				t.Errorf("%s: 2.2.7 complains: %v, we: %v\n%s%s", c, a, b, about(c, their[i].output), about(c, our.output))
			} else if a == b && known {
				t.Errorf("%s: the ledger has it, but there is no difference", c)
			}
		}
	}
	for i, c := range apart {
		if their := their[len(all)+i]; !crashed(their.status) {
			if p := differs(their, ours(alone(c))); p != "" {
				t.Errorf("%s: %s\n%s", c, p, their.output)
			}
		}
	}
	t.Logf("%d values of %d keywords compared with keepalived 2.2.7 in %d configurations", len(knownCells()), keywordsOf(knownCells()), len(asked))
}

func keywordsOf(cells []cell) int {
	names := map[string]bool{}
	for _, c := range cells {
		names[c.Path+"/"+c.Name] = true
	}
	return len(names)
}

// complains reports whether something is said of the cell: of one of its lines, or of its
// object by name.
func complains(c placed, v verdict) bool { return about(c, v.output) != "" }

var lineOf = regexp.MustCompile(`^(?:\((?:\S+: )?Line (\d+)\)|(\d+):\d+ )`)

// about are the lines of an output that speak of the cell.
func about(c placed, output string) string {
	var b strings.Builder
	name := regexp.MustCompile(`\b` + regexp.QuoteMeta(c.object) + `[abi]?\b`)
	for line := range strings.Lines(output) {
		if strings.Contains(line, " note: ") || strings.Contains(line, "SECURITY VIOLATION") {
			continue // one line for all scripts
		}
		if m := lineOf.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[1] + m[2])
			if n >= c.first && n <= c.last {
				b.WriteString("    " + line)
			}
		} else if name.MatchString(line) {
			b.WriteString("    " + line)
		}
	}
	return b.String()
}
