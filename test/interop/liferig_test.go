package interop

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// life is one daemon that lives through a story, with the log that it sends to a syslog
// of its own: severities and processes can be told apart there.
type life struct {
	t     *testing.T
	label string // "ours" or "real"
	lan   *netlab.LAN
	host  *netlab.Host // eth0 192.0.2.1, eth1 198.51.100.1
	peer  *netlab.Host // 192.0.2.2, scripted
	proc  *netlab.Proc

	syslog *netlab.Syslog
	act    int // lines that were there when the act began
}

// story is a life in acts; both daemons live it at the same time, apart from each other.
type story struct {
	name  string
	conf  string
	files map[string]string
	args  []string // instead of -D
	acts  []act
	// before, when not nil, prepares the daemon's host.
	before func(l *life)
}

// act is what happens, and the lines that end it: each a text that must have been logged
// since the act began, as often as it is named.
type act struct {
	name  string
	do    func(l *life)
	until []string
}

// play has both live and returns their lives.
func (s story) play(t *testing.T) (our, real *life) {
	t.Helper()
	lives := []*life{newLife(t, "ours"), newLife(t, "real")}
	failed := make(chan string, len(lives))
	var wg sync.WaitGroup
	for _, l := range lives {
		if s.before != nil {
			s.before(l)
		}
		l.enter(s.acts[0])
		l.begin(s)
		wg.Go(func() {
			for i, a := range s.acts {
				if i > 0 {
					l.enter(a)
				}
				if a.do != nil {
					a.do(l)
				}
				if why := l.await(a.until, s.args == nil); why != "" {
					failed <- fmt.Sprintf("%s, %s: %s", l.label, a.name, why)
					return
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	for why := range failed {
		t.Error(why)
	}
	return lives[0], lives[1]
}

func newLife(t *testing.T, label string) *life {
	t.Helper()
	lab := netlab.New(t)
	l := &life{t: t, label: label, syslog: netlab.NewSyslog(t), lan: lab.LAN("lan"), host: lab.Host(label), peer: lab.Host("peer")}
	lab.Attach(l.lan, l.host, "eth0", "192.0.2.1/24")
	lab.Attach(l.lan, l.peer, "eth0", "192.0.2.2/24")
	lab.Pair(l.peer, "eth1", l.host, "eth1")
	l.host.IP("addr", "add", "198.51.100.1/24", "dev", "eth1")
	for _, name := range []string{"eth0", "eth1"} { // the kernel's own link-local addresses come when they want
		l.host.IP("link", "set", name, "addrgenmode", "none")
		l.host.IP("addr", "flush", "dev", name, "scope", "link")
	}
	l.host.IP("addr", "add", "fe80::1/64", "dev", "eth0", "nodad")
	return l
}

// begin starts the daemon with the configuration of the story.
func (l *life) begin(s story) {
	l.t.Helper()
	args := s.args
	if args == nil {
		args = []string{"-D"}
	}
	l.proc = l.host.Start(netlab.ProcOpts{Config: s.conf, Files: s.files, Syslog: l.syslog.Path}, append([]string{binary(l.label), "-n"}, args...)...)
	checkExecutable(l.t, l.proc, binary(l.label))
}

// enter begins an act.
func (l *life) enter(a act) { l.act = l.syslog.SetMark(a.name) }

// await waits until the lines have come that end an act.
func (l *life) await(until []string, detail bool) (missing string) {
	if detail && l.label == "real" && slices.Contains(until, "Reload complete") {
		until = append(slices.Clone(until), "VRRP sockpool: *") // its child may be behind its parent
	}
	netlab.Await(10*time.Second, func() bool {
		var seen []string
		for _, line := range l.syslog.Lines()[l.act:] {
			seen = append(seen, normal(line.Text))
		}
		missing = ""
		for _, want := range until {
			i := slices.IndexFunc(seen, func(text string) bool {
				return text == want || strings.HasSuffix(want, "*") && strings.HasPrefix(text, strings.TrimSuffix(want, "*"))
			})
			if i < 0 {
				missing = fmt.Sprintf("%q is not logged", want)
				return false
			}
			seen = slices.Delete(seen, i, i+1)
		}
		return true
	})
	return missing
}

// numbers are what no two lives have in common.
var numbers = []struct {
	in  *regexp.Regexp
	out string
}{
	{regexp.MustCompile(`^(Starting Keepalived|Running on Linux|Command line:|Stopped Keepalived|Starting VRRP child process|Stopped - used|CPU usage).*`), "$1 ..."},
	{regexp.MustCompile(`ifindex\( *\d+\)`), "ifindex(N)"},
	{regexp.MustCompile(`fd\(\d+,\d+\)`), "fd(N,N)"},
	{regexp.MustCompile(`(process|process group|pid)([ (=]+)\d+`), "$1${2}N"},
}

func normal(text string) string {
	for _, n := range numbers {
		text = n.in.ReplaceAllString(text, n.out)
	}
	return text
}

// shown is a line as it is compared.
func shown(l netlab.LogLine) string {
	return fmt.Sprintf("%d.%s %s", l.Facility, l.Severity, normal(l.Text))
}

// compareLives compares what each process has logged, in order, apart from what is meant
// to differ. Announcements leave when the addresses are there, so they are ordered by
// address. Complaints about the configuration are a set: who tells them and when
// differs.
func compareLives(t *testing.T, our, real *life) {
	t.Helper()
	ours, reals := sequencesOf(our.syslog.Lines(), deliberate.filter("ours")), sequencesOf(real.syslog.Lines(), deliberate.filter("real"))
	for _, name := range slices.Sorted(maps.Keys(reals)) {
		if d := diffLives(reals[name], ours[name]); d != "" {
			t.Errorf("%s (- real, + ours):\n%s", name, d)
		}
		delete(ours, name)
	}
	for name, lines := range ours {
		t.Errorf("%s: only ours has logged\n  %s", name, strings.Join(lines, "\n  "))
	}
}

var (
	place     = regexp.MustCompile(`\((/\S+: )?Line \d+\) `)
	complaint = regexp.MustCompile(`SECURITY VIOLATION|missing '}'s|incompatible with nopreempt|does not support auth|cannot be accessed|not found/accessible|should be link local`)
	instance  = regexp.MustCompile(`^\S+ \((\w+)\) (?:Sending/queueing .* for (\S+))?`)
	announced = regexp.MustCompile(`^\S+ Sending (?:gratuitous ARP|unsolicited Neighbour Advert) on .* for (\S+)`)
)

// sequencesOf are the lines of a life by what they are ordered in.
func sequencesOf(lines []netlab.LogLine, keep func(netlab.LogLine) bool) map[string][]string {
	all := map[string][]string{}
	add := func(name, line string) { all[name] = append(all[name], line) }
	for _, l := range lines {
		text := shown(l)
		switch {
		case !keep(l):
		case place.MatchString(text) || complaint.MatchString(text):
			if text = place.ReplaceAllString(text, ""); !slices.Contains(all["complaints"], text) {
				add("complaints", text)
			}
		default:
			if m := announced.FindStringSubmatch(text); m != nil {
				add("address "+m[1], text)
				continue
			}
			m := instance.FindStringSubmatch(text)
			if m != nil {
				add("instance "+m[1], text)
			}
			if m != nil && m[2] != "" {
				add("address "+m[2], text)
				continue
			}
			if strings.HasSuffix(text, " Receive advertisement timeout") {
				continue // of instances whose timers end at the same time
			}
			add("process "+l.Process, text)
		}
	}
	slices.Sort(all["complaints"])
	return all
}

// diffLives is the difference of two lists of lines with all that they share; "" when
// there is none.
func diffLives(a, b []string) string {
	if slices.Equal(a, b) {
		return ""
	}
	common := make([][]int, len(a)+1) // length of the longest common part of a[i:] and b[j:]
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			common[i][j] = max(common[i+1][j], common[i][j+1])
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	var out strings.Builder
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			fmt.Fprintf(&out, "    %s\n", a[i])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			fmt.Fprintf(&out, "  - %s\n", a[i])
			i++
		default:
			fmt.Fprintf(&out, "  + %s\n", b[j])
			j++
		}
	}
	return out.String()
}

// meant is a deliberate difference: lines of one side or of both that the other does not
// have. Each is an item of area "message" in the ledger.
type meant struct {
	item       string
	real, ours string // regular expressions of whole lines without severity; "" for none
	act        string // regular expression of the act; "" for any
	rare       bool   // not in every run
}

type meants struct {
	mu   sync.Mutex
	list []meant
	used map[string]bool
}

// filter tells of a line whether it is to be compared: not when it is meant to be on
// that side only.
func (m *meants) filter(side string) (keep func(netlab.LogLine) bool) {
	return func(line netlab.LogLine) bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, d := range m.list {
			pattern := d.real
			if side == "ours" {
				pattern = d.ours
			}
			if pattern != "" && whole(pattern, normal(line.Text)) && (d.act == "" || whole(d.act, line.Mark)) {
				m.used[d.item] = true
				return false
			}
		}
		return true
	}
}

func whole(pattern, text string) bool {
	return regexp.MustCompile("^(?:" + pattern + ")$").MatchString(text)
}

// ledgerItems are the items of area "message" of the ledger.
func ledgerItems(t *testing.T) map[string]bool {
	t.Helper()
	f, err := os.Open("../compat/ledger.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	items := map[string]bool{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if p := strings.SplitN(s.Text(), " | ", 4); len(p) == 4 && p[0] == "message" {
			items[p[1]] = true
		}
	}
	return items
}
