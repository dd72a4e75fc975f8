package compat

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"keepalived/test/netlab"
)

var (
	randomConfigs = flag.Int("configs", 300, "how many random configurations TestRandom tries")
	randomSeed    = flag.Uint64("seed", 1, "from which of them on")
	randomRuns    = flag.Int("runs", 20, "how many of those that start TestRandom runs")
	randomReduce  = flag.Bool("reduce", false, "make what differs as small as it can be")
)

// TestRandom gives random configurations, made of those of testdata by changes that people
// and programs make, to both programs: -t ends with the same status and complains about
// the same lines, or the difference is one of the ledger's rules. Equal seeds make equal
// configurations.
func TestRandom(t *testing.T) {
	netlab.Need(t, "root", "netns", "keepalived")
	m := newMaker(t)
	all := make([]input, *randomConfigs)
	for i := range all {
		all[i] = m.input(*randomSeed + uint64(i))
	}
	p := startPairs(t, 2)
	ledger := readLedger(t)
	compared := 0
	their, our := p.ask(t, all)
	for i, in := range all {
		problem := ledger.differs(in, their[i], our[i])
		if !their[i].crashed() {
			compared++
		}
		if problem == "" {
			continue
		}
		th, ou := their[i], our[i]
		if *randomReduce {
			in, th, ou = p.reduce(t, ledger, in, class(problem))
			problem = ledger.differs(in, th, ou)
		}
		t.Errorf("%s: %s\n%s--- 2.2.7: %d\n%s--- ours: %d\n%s", in.name, problem, in.show(), th.status, th.said, ou.status, ou.said)
	}
	t.Logf("%d configurations, %d compared", len(all), compared)
	runSome(t, ledger, all, their, our)
}

// runSome starts both programs with some of the configurations that they would start with:
// both run, and their dumps say that they have understood the same.
func runSome(t *testing.T, ledger ledger, all []input, their, our []answer) {
	var some []input
	var at []int
	for i, in := range all {
		if len(some) < *randomRuns && !in.checkers() && !notBuilt.MatchString(our[i].said) && !in.has(dumpedElse) && !their[i].crashed() && their[i].status != statusTimeout &&
			our[i].status != 2 && our[i].status != 6 && their[i].status != 2 && in.has(instance) {
			some, at = append(some, in), append(at, i)
		}
	}
	theirRun, ourRun := ask(t, some, func(input) (job, job) { return "r", "r" })
	for k, in := range some {
		th, ou := their[at[k]], our[at[k]]
		for _, m := range []struct{ to, from *answer }{{&th, &theirRun[k]}, {&ou, &ourRun[k]}} {
			m.to.ended, m.to.log, m.to.vrrp, m.to.check = m.from.ended, m.from.log, m.from.vrrp, m.from.check
		}
		if problem := ledger.differs(in, th, ou); problem != "" {
			t.Errorf("%s: %s\n%s--- 2.2.7: %d\n%s--- ours: %d\n%s", in.name, problem, in.show(), th.status, th.said, ou.status, ou.said)
		}
	}
	t.Logf("%d of them run", len(some))
}

// notBuilt are features whose part of a dump is missing.
var notBuilt = regexp.MustCompile(`no effect yet: .*(use_vmac|use_ipvlan|bfd|track_file|track_process|track_group|interface_up_down_delays)`)

// dumpedElse is what the ledger knows to be another thing in our dump: no peers as a cause
// of FAULT, peers named twice, an owner that is BACKUP, linkbeat_use_polling, scripts that
// are shell text, default_interface, the time limit of mail without a server, routes.
var dumpedElse = regexp.MustCompile(`unicast_fault_no_peer|priority\s+255|linkbeat_use_polling|\[\[|smtp_|virtual_routes|virtual_rules|default_interface|(?s)10\.1\.1\.1.*10\.1\.1\.1`)

var instance = regexp.MustCompile(`vrrp_instance`)

func (in input) has(what *regexp.Regexp) bool {
	for _, text := range in.files {
		if what.MatchString(text) {
			return true
		}
	}
	return false
}

// differs is the difference between both answers that no rule explains.
func (l ledger) differs(in input, their, our answer) string {
	if their.crashed() || their.status == statusTimeout {
		if our.crashed() || our.status == statusTimeout {
			return "both crash"
		}
		return ""
	}
	for _, r := range theirOwn {
		if strings.Contains(their.said, r.said) {
			return ""
		}
	}
	if slices.ContainsFunc(unknownTo227.FindAllStringSubmatch(their.said, -1), func(m []string) bool { return l.newer[m[1]] }) {
		return "" // a keyword that a later version has brought
	}
	if their.status == 4 { // 2.2.7 has it for two complaints alone: see the ledger
		their.status = 5
	}
	if their.status == 6 && our.status == 2 && noComplaint.MatchString(their.said) {
		return "" // an include that has to be there and is not: 2.2.7 looks at nothing else
	}
	if slices.ContainsFunc(cannotRun, func(s string) bool { return strings.Contains(their.said, s) }) {
		their.ended, our.ended = "2", "2" // which its -t does not tell; TestCannotRun sees that it is so
	}
	their.forgetFirstLook()
	their.lastLine(in, our)
	d := compare(in, their, our)
	if our.codes["bad-number"] || strings.Contains(our.said, "missing '}'s or extra '{'s") {
		// The ledger's rules "a value that is refused" and "a list that is not closed":
		// where it matters which of the two holds there are inputs.
		d.understood = ""
	}
	return l.without(d, their, our)
}

// theirOwn are complaints of 2.2.7 with which it differs from us whatever the
// configuration; each has a rule in the ledger.
var theirOwn = []struct{ said, item string }{
	{"vrrp script interval '", "interval and timeout of vrrp_script"},
	{"vrrp script timeout '", "interval and timeout of vrrp_script"},
	{" is currently duplicated on ", "dynamic_interfaces allow_if_changes and one VRID twice on an interface"},
	{"VMAC interface name 'netlink_notify_msg'", "use_vmac with group, name or netlink_notify_msg"},
	{"starting `***MISSING ***`", "words between the name of a virtual_server_group and its brace"},
	{"Unexpected '{' - ignoring", "a file with one brace too many (seed-01)"},
	{"IP address { ", "a file with one brace too many (seed-01)"},
	{"invalid IP {.", "a file with one brace too many (seed-01)"},
	{"VMAC interface name already specified", "use_vmac with group, name or netlink_notify_msg"},
}

var unknownTo227 = regexp.MustCompile(`Unknown keyword '([^']*)'`)

// cannotRun are 2.2.7's lines for what ends a start with 2 though its -t says 5.
var cannotRun = []string{
	"the virtual router id must be set",
	"Unknown interface!",
	"No VIP specified; at least one is required",
	"both use VRID",
	"duplicate VRID conflict with",
	"Non-existent interface specified in configuration",
}

// forgetFirstLook leaves out complaints of 2.2.7's parent that its children make of the
// next line as well: it counts otherwise in blocks that are not its own.
func (a *answer) forgetFirstLook() {
	said := map[string]bool{}
	for line := range strings.Lines(a.said) {
		said[strings.TrimSpace(line)] = true
	}
	for line := range said {
		m := lineNumber.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		n, _ := strconv.Atoi(m[2])
		for _, file := range []string{m[1], configDir + mainFile} {
			by := func(n int) bool { return said[fmt.Sprintf("(%s: Line %d) %s", file, n, line[len(m[0]):])] }
			if file != "" && by(n+1) && (n == 0 || m[1] == "" && !by(n)) {
				delete(a.lines, placeOf(m[1], n))
			}
		}
	}
}

// statusTimeout is that of timeout(1).
const statusTimeout = 124

var digits = regexp.MustCompile(`\d+`)

// class is a problem without what is another one of the same kind.
func class(problem string) string {
	first, _, _ := strings.Cut(problem, "\n")
	first, _, _ = strings.Cut(first, " line ")
	return digits.ReplaceAllString(first, "N")
}

// show prints a configuration for people, with what is no text visible.
func (in input) show() string {
	var b strings.Builder
	for _, name := range in.names() {
		fmt.Fprintf(&b, "-- %s --\n", name)
		for i, line := range strings.Split(in.files[name], "\n") {
			fmt.Fprintf(&b, "%3d  %s\n", i+1, strings.Trim(strconv.Quote(line), `"`))
		}
	}
	return b.String()
}

// pairs are processes that ask both programs, each in namespaces of its own.
type pairs struct {
	dir  string
	next int
	all  []*pair
}

type pair struct {
	in  io.WriteCloser
	out *bufio.Scanner
}

func startPairs(t *testing.T, n int) *pairs {
	t.Helper()
	program, err := filepath.Abs(os.Getenv(envBin))
	if err != nil {
		t.Fatal(err)
	}
	p := &pairs{dir: t.TempDir()}
	ctx, cancel := context.WithCancel(context.Background())
	const prepare = `cp "$1" "$0/program" && cp many.sh "$0" && mkdir "$0/in" "$0/out" && chmod 0755 "$0"`
	if out, err := exec.CommandContext(ctx, "bash", "-c", prepare, p.dir, program).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var started []*exec.Cmd
	for range n {
		cmd := exec.CommandContext(ctx, "unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private",
			"bash", "-c", `mount --bind "$0" /mnt && exec bash /mnt/many.sh /mnt/program --diagnostics=json`, p.dir)
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		started = append(started, cmd)
		p.all = append(p.all, &pair{in, bufio.NewScanner(out)})
	}
	t.Cleanup(func() {
		for _, one := range p.all {
			one.in.Close()
		}
		for _, cmd := range started {
			cmd.Wait() // ends with its input
		}
		cancel()
	})
	return p
}

// ask gives every input to both programs.
func (p *pairs) ask(t *testing.T, all []input) (their, our []answer) {
	t.Helper()
	first := p.next
	p.next += len(all)
	for i, in := range all {
		for name, text := range in.files {
			path := filepath.Join(p.dir, "in", strconv.Itoa(first+i), name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	done := make(chan error, len(p.all))
	for k, one := range p.all {
		go func() {
			for i := first + k; i < first+len(all); i += len(p.all) {
				fmt.Fprintln(one.in, i)
				if !one.out.Scan() {
					done <- fmt.Errorf("no answer to %d: %v", i, one.out.Err())
					return
				}
			}
			done <- nil
		}()
	}
	for range p.all {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	for i := range all {
		a, b := filepath.Join(p.dir, "out", fmt.Sprintf("%d.their", first+i)), filepath.Join(p.dir, "out", fmt.Sprintf("%d.our", first+i))
		their, our = append(their, readAnswer(t, a)), append(our, readAnswer(t, b))
		os.RemoveAll(a)
		os.RemoveAll(b)
	}
	return their, our
}

// reduce takes lines, then words out of an input while it still has that class of difference.
func (p *pairs) reduce(t *testing.T, l ledger, in input, want string) (input, answer, answer) {
	has := func(in input) bool {
		their, our := p.ask(t, []input{in})
		return class(l.differs(in, their[0], our[0])) == want
	}
	for again := true; again; {
		again = false
		for _, name := range in.names() {
			for _, by := range []string{"\n", " "} {
				smaller, ok := in.without(name, by, has)
				if ok {
					in, again = smaller, true
				}
			}
		}
	}
	their, our := p.ask(t, []input{in})
	return in, their[0], our[0]
}

// without takes pieces out of one file, first many at once.
func (in input) without(name, by string, has func(input) bool) (input, bool) {
	pieces := strings.Split(in.files[name], by)
	changed := false
	for n := len(pieces) / 2; n > 0; n /= 2 {
		for from := 0; from+n <= len(pieces); {
			fewer := append(append([]string(nil), pieces[:from]...), pieces[from+n:]...)
			smaller := in.with(name, strings.Join(fewer, by))
			if has(smaller) {
				pieces, in, changed = fewer, smaller, true
			} else {
				from += n
			}
		}
	}
	return in, changed
}

func (in input) with(name, text string) input {
	files := map[string]string{}
	for n, s := range in.files {
		files[n] = s
	}
	files[name] = text
	return input{in.name, files}
}

// lastLine puts right that 2.2.7's parent counts a last line without its newline for the
// one before.
func (a *answer) lastLine(in input, our answer) {
	text := in.files[mainFile]
	last := place{line: strings.Count(text, "\n") + 1}
	before := place{line: last.line - 1}
	if a.lines[before] {
		a.extra[last] = true
		if our.lines[last] && !our.lines[before] {
			if !strings.Contains(a.said, fmt.Sprintf("(%s: Line %d)", configDir+mainFile, before.line)) {
				delete(a.lines, before)
			}
			a.lines[last] = true
		}
	}
}
