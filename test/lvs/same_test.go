package lvs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// samples is where the Debian package has its examples. They are read from there because
// their licence is not ours.
const samples = "/usr/share/doc/keepalived/samples"

// mailHosts matches what the SMTP sample has beside a check of the server itself. With it 2.2.7
// makes several checks of one server at once and waits for answers that have long been there:
// what it ends in differs from run to run.
var mailHosts = regexp.MustCompile(`(?s)\bhost \{.*?\}`)

// longLoop matches the intervals of the samples that would have the test wait for a minute.
// How often a server is looked at says nothing to the kernel.
var longLoop = regexp.MustCompile(`delay_loop (20|60)\b`)

// The same configuration, run by the real keepalived and by ours, ends in the same table:
// before the first check, when all servers count as good, and after every check has had its
// verdict, when some have been found dead. Each runs in a world of its own, equal to the
// other's; see newWorld.
func TestKernelSameTable(t *testing.T) {
	needs(t)
	cases := map[string]string{}
	add := func(prefix, pattern string) {
		files, _ := filepath.Glob(pattern)
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "virtual_server ") {
				name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "keepalived.conf."), ".conf")
				cases[prefix+name] = longLoop.ReplaceAllString(mailHosts.ReplaceAllString(string(text), ""), "delay_loop 3")
			}
		}
	}
	add("", "testdata/seeds/*.conf")
	add("sample-", samples+"/keepalived.conf.*")
	add("table-", "testdata/tables/*.conf")
	for name, conf := range cases { // one configuration of all of them: a start costs
		if strings.HasPrefix(name, "table-") {
			cases["tables"] += conf
			delete(cases, name)
		}
	}
	if len(cases) < 5+16+1 {
		t.Fatalf("only %d configurations found", len(cases))
	}
	var starts sync.Mutex
	for name, conf := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sameTable(t, conf, &starts)
		})
	}
}

// oddBrace is what seed 01 has too much. Where it stands, 2.2.7 loses the rest of the file
// in silence and balances nothing; ours ignores it with a complaint.
const oddBrace = "notification_email_from Alexandre.Cassen@firewall.loc {"

func sameTable(t *testing.T, conf string, starts *sync.Mutex) {
	real, our, first := startBoth(t, conf, starts)
	same(t, "before the first check", first[real], first[our])
	if len(first[real]) == 0 {
		t.Fatal("the real keepalived made no service")
	}
	for _, d := range []*director{real, our} {
		d.awaitVerdicts()
	}
	var got, want []string
	if !netlab.Await(3*time.Second, func() bool {
		got, want = ipvsadm(t, our.host, "-S", "-n"), ipvsadm(t, real.host, "-S", "-n")
		return slices.Equal(got, want)
	}) {
		same(t, "after every check has had its verdict", want, got)
	}
	t.Logf("%d lines before the first check, %d after all", len(first[real]), len(want))
}

// startBoth starts the real keepalived and ours, one at a time so that the second from the
// start to the first check is time enough, and returns their tables before that.
func startBoth(t *testing.T, conf string, starts *sync.Mutex) (real, our *director, first map[*director][]string) {
	starts.Lock()
	defer starts.Unlock()
	real = newWorld(t, "real", strings.Replace(conf, oddBrace, strings.TrimSuffix(oddBrace, "{"), 1))
	our = newWorld(t, "ours", conf)
	first = map[*director][]string{}
	first[real] = beforeFirstCheck(real, nil)
	first[our] = beforeFirstCheck(our, first[real])
	return real, our, first
}

// same compares two tables and tells the lines that only one has.
func same(t *testing.T, when string, real, ours []string) {
	t.Helper()
	if slices.Equal(real, ours) {
		return
	}
	only := func(these, those []string) string {
		return strings.Join(slices.DeleteFunc(slices.Clone(these), func(l string) bool { return slices.Contains(those, l) }), "\n")
	}
	t.Errorf("%s only the real keepalived has\n%s\nand only ours\n%s", when, only(real, ours), only(ours, real))
}

// beforeFirstCheck starts the daemon and returns the table as it is then; with want it waits,
// while no check has had a result, for that one. On a busy machine the second until the
// first check may be over too soon; then it is done again.
func beforeFirstCheck(d *director, want []string) (text []string) {
	d.t.Helper()
	early := ""
	for range 5 {
		d.start()
		netlab.Eventually(d.t, 10*time.Second, "the table of "+d.label, func() bool {
			return len(d.table.now()) > 0 && d.table.quietFor() > 3*loosely
		})
		netlab.Await(time.Second, func() bool {
			text = ipvsadm(d.t, d.host, "-S", "-n")
			early = verdict.FindString(d.proc.Log())
			return early != "" || want == nil || slices.Equal(text, want)
		})
		if early == "" {
			return text
		}
		d.proc.Crash()
		ipvsadm(d.t, d.host, "-C")
	}
	d.t.Errorf("%s was quicker than the test five times: %s", d.label, early)
	return text
}

// verdict matches what both daemons log when a check has changed the table.
var verdict = regexp.MustCompile(`(?m)^.*(Adding|Removing|Enabling|Disabling service|Changing weight).*$`)

// awaitVerdicts waits until every check has had a result, by the daemon's own dump.
func (d *director) awaitVerdicts() {
	d.t.Helper()
	const dump = "/tmp/keepalived_check.data"
	pid := d.proc.Pid()
	if d.bin == netlab.RealKeepalived {
		pid = d.checker() // spares two dumps
	}
	text := ""
	for deadline := time.Now().Add(40 * time.Second); ; {
		_ = os.Remove(d.proc.Path(dump))
		_ = syscall.Kill(pid, syscall.SIGUSR1)
		netlab.Await(time.Second, func() bool { return false }) // a dump costs: not often
		b, err := os.ReadFile(d.proc.Path(dump))
		text = string(b)
		if err == nil && strings.Contains(text, "LVS Topology") && d.missing(text) == 0 {
			return
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("%d checks of %s have had no result:\n%s", d.missing(text), d.label, text)
		}
	}
}

var checkerHead = regexp.MustCompile(`(?m)^ \[.*$`)

// missing counts the checkers of a dump that have no result.
func (d *director) missing(dump string) (n int) {
	_, all, _ := strings.Cut(dump, "Health checkers")
	for _, text := range checkerHead.Split(all, -1) {
		if strings.Contains(text, "Has run = no") && !strings.Contains(text, "Enabled = no") {
			n++
		}
	}
	return n
}
