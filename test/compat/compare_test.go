package compat

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keepalived/test/netlab"
)

// TestInputs: every input runs exactly when it runs with 2.2.7, -t has its status and
// complains about its lines, and both dumps say that it was understood alike. What needs
// ip_vs there is held against the answers that TestKernelInputs has recorded.
func TestInputs(t *testing.T) {
	netlab.Need(t, "root", "netns", "keepalived")
	all := slices.Concat(inputs(t), seeds(t), samples(t))
	if len(all) < 300 {
		t.Fatalf("%d inputs", len(all))
	}
	their, our := ask(t, all, func(in input) (job, job) {
		if in.checkers() {
			return "t", "tr"
		}
		return "tr", "tr"
	})
	record := readRecord(t)
	for i, in := range all {
		if in.checkers() && !their[i].crashed() {
			record.recall(t, in, &their[i])
		}
	}
	compareAll(t, all, their, our)
}

// TestKernelInputs: what has work for the healthchecker is answered by 2.2.7 as recorded,
// and by us alike when there is an ip_vs. That kernel is slow: it is asked about one
// input in twenty, and with -update about all of which nothing is recorded yet.
func TestKernelInputs(t *testing.T) {
	netlab.Need(t, "root", "netns", "ipvs", "keepalived")
	var all []input
	record := readRecord(t)
	for i, in := range slices.DeleteFunc(slices.Concat(inputs(t), seeds(t), samples(t)), func(in input) bool { return !in.checkers() }) {
		if _, known := record[in.name+"/ended"]; !*update && i%20 == 5 || *update && !known {
			all = append(all, in)
		}
	}
	if *update {
		their, _ := ask(t, all, func(input) (job, job) { return "r", "" })
		record.write(t, all, their)
		return
	}
	their, our := ask(t, all, func(input) (job, job) { return "r", "r" })
	for i, in := range all {
		recorded := their[i]
		record.recall(t, in, &recorded)
		if d := compare(in, recorded, their[i]); d.verdict+d.understood != "" {
			t.Errorf("%s: 2.2.7 answers otherwise than recorded: %s\n%s", in.name, d.verdict, d.understood)
		}
	}
	compareAll(t, all, their, our)
}

func compareAll(t *testing.T, all []input, their, our []answer) {
	ledger := readLedger(t)
	compared := 0
	for i, in := range all {
		reason, known := ledger.input[in.name]
		if their[i].crashed() {
			if our[i].crashed() {
				t.Errorf("%s: both crash", in.name)
			}
			if known && !ledger.missing[in.name] {
				t.Errorf("%s: 2.2.7 crashes; no line is needed in the ledger", in.name)
			}
			continue
		}
		compared++
		problem := ledger.without(compare(in, their[i], our[i]), their[i], our[i])
		switch {
		case problem != "" && !known:
			t.Errorf("%s: %s\n--- 2.2.7: %d\n%s--- ours: %d\n%s", in.name, problem, their[i].status, their[i].said, our[i].status, our[i].said)
		case problem == "" && known && !ledger.missing[in.name]:
			t.Errorf("%s: the ledger has %q, but there is no difference", in.name, reason)
		}
	}
	t.Logf("%d inputs, %d compared", len(all), compared)
}

// difference is in what two answers differ: nothing, the verdict, or what was understood.
type difference struct {
	verdict, lines, understood string
}

func compare(in input, their, our answer) (d difference) {
	switch {
	case our.crashed():
		d.verdict = "we crash"
	case our.status != their.status && !(our.status == 2 && their.ended == "2"):
		// 2.2.7's -t cannot tell what does not run from what it complains about.
		d.verdict = "status of -t"
	case their.ended != our.ended && !(their.ended != "" && our.ended != ""):
		d.verdict = "2.2.7 " + life(their) + ", ours " + life(our) + "\n" + our.log
	}
	if our.status != 2 {
		d.lines = compareLines(in, their, our)
	}
	if their.ended == "" && our.ended == "" {
		d.understood = dumpDiff(vrrpDump, their.vrrp, our.vrrp) + dumpDiff(checkDump, their.check, our.check)
	}
	return d
}

func life(a answer) string {
	if a.ended == "" {
		return "runs"
	}
	return "ends with " + a.ended
}

func dumpDiff(name, their, our string) string {
	diff := cmp.Diff(strings.Split(normal(name, their), "\n"), strings.Split(normal(name, our), "\n"))
	if diff == "" {
		return ""
	}
	return name + " (-2.2.7 +ours):\n" + diff
}

// compareLines finds complaints that only one of the two has. Where 2.2.7 notices at the
// end of a block what is wrong with it, we name its head, and the other way round.
func compareLines(in input, their, our answer) string {
	heads := headsOf(in)
	said := func(lines map[place]bool, p place) bool {
		if lines[p] {
			return true
		}
		for q := range lines { // 2.2.7 leaves the file out in its first look, and folders of nested files
			if q.line == p.line && (q.file == "" || p.file == "" || strings.HasSuffix(p.file, "/"+q.file) || strings.HasSuffix(q.file, "/"+p.file)) {
				return true
			}
		}
		return false
	}
	for p := range their.lines {
		if !said(our.lines, p) && !said(our.lines, place{p.file, p.line - 1}) && !within(our.lines, heads[p], p) {
			return "2.2.7 alone complains about line " + p.String()
		}
	}
	if their.whole > 0 {
		return ""
	}
	for p := range our.lines {
		if said(their.lines, p) || said(their.extra, p) || said(their.lines, place{p.file, p.line + 1}) {
			continue
		}
		closing := false
		for end, head := range heads {
			closing = closing || said(their.lines, end) && within(map[place]bool{p: true}, head, end)
		}
		if !closing {
			return "we alone complain about line " + p.String()
		}
	}
	return ""
}

// within reports whether one of the lines is in the block from head to end.
func within(lines map[place]bool, head, end place) bool {
	for p := range lines {
		if head.line > 0 && (p.file == end.file || p.file == "" || end.file == "") && p.line >= head.line && p.line <= end.line {
			return true
		}
	}
	return false
}

// headsOf maps the place of every closing brace to that of the opening one.
func headsOf(in input) map[place]place {
	out := map[place]place{}
	for name, text := range in.files {
		if name == mainFile {
			name = ""
		}
		var open []place
		for i, line := range strings.Split(text, "\n") {
			line, _, _ = strings.Cut(line, "#")
			for _, c := range line {
				switch {
				case c == '{':
					open = append(open, place{name, i + 1})
				case c == '}' && len(open) > 0:
					out[place{name, i + 1}] = open[len(open)-1]
					open = open[:len(open)-1]
				}
			}
		}
	}
	return out
}
