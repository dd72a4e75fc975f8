package interop

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
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

	mu    sync.Mutex
	lines []logLine
	act   int // lines that were there when the act began
}

// logLine is one line of the log: who logged it and "severity text", normalised.
type logLine struct{ process, text string }

// story is a life in acts; both daemons live it at the same time, apart from each other.
type story struct {
	name  string
	conf  string
	files map[string]string
	args  []string // instead of -D
	acts  []act
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
		l.begin(s)
		wg.Go(func() {
			for _, a := range s.acts {
				if a.do != nil {
					a.do(l)
				}
				if why := l.await(a.until); why != "" {
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
	l := &life{t: t, label: label, lan: lab.LAN("lan"), host: lab.Host(label), peer: lab.Host("peer")}
	lab.Attach(l.lan, l.host, "eth0", "192.0.2.1/24")
	lab.Attach(l.lan, l.peer, "eth0", "192.0.2.2/24")
	lab.Pair(l.peer, "eth1", l.host, "eth1")
	l.host.IP("addr", "add", "198.51.100.1/24", "dev", "eth1")
	for _, name := range []string{"eth0", "eth1"} { // link-local addresses come when they want
		l.host.IP("addr", "flush", "dev", name, "scope", "link")
	}
	return l
}

// begin starts the daemon with the configuration of the story.
func (l *life) begin(s story) {
	l.t.Helper()
	args := s.args
	if args == nil {
		args = []string{"-D"}
	}
	socket := l.syslog()
	l.act = 0
	l.proc = l.host.Start(netlab.ProcOpts{Config: s.conf, Files: s.files, Syslog: socket}, append([]string{binary(l.label), "-n"}, args...)...)
	checkExecutable(l.t, l.proc, binary(l.label))
}

// syslog makes the socket that the daemon logs to, and reads it.
func (l *life) syslog() (path string) {
	l.t.Helper()
	path = filepath.Join(l.t.TempDir(), l.label)
	srv, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = srv.Close() })
	go func() {
		for buf := make([]byte, 16384); ; {
			n, err := srv.Read(buf)
			if err != nil {
				return
			}
			line := normalLine(string(buf[:n]))
			l.mu.Lock()
			l.lines = append(l.lines, line)
			l.mu.Unlock()
		}
	}()
	return path
}

// logged are the lines so far.
func (l *life) logged() []logLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

// await waits until the lines have come that end an act, and begins the next.
func (l *life) await(until []string) (missing string) {
	netlab.Await(10*time.Second, func() bool {
		var seen []string
		for _, line := range l.logged()[l.act:] {
			_, text, _ := strings.Cut(line.text, " ")
			seen = append(seen, text)
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
	l.mu.Lock()
	defer l.mu.Unlock()
	l.act = len(l.lines)
	return missing
}

var (
	severities = []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}
	syslogLine = regexp.MustCompile(`(?s)^<(\d+)>\w{3} [ \d]\d \d\d:\d\d:\d\d (\w+)\[\d+\]: (.*?)\n?$`)
	// numbers are what no two lives have in common.
	numbers = []struct {
		in  *regexp.Regexp
		out string
	}{
		{regexp.MustCompile(`\bv[0-9][-.0-9a-z+]*( \([^)]*\))?$`), "VERSION"},
		{regexp.MustCompile(`^(Starting Keepalived|Running on Linux|Command line:|Stopped Keepalived|Starting VRRP child process|Stopped - used|CPU usage).*`), "$1 ..."},
		{regexp.MustCompile(`ifindex\( *\d+\)`), "ifindex(N)"},
		{regexp.MustCompile(`fd\(\d+,\d+\)`), "fd(N,N)"},
		{regexp.MustCompile(`(process|pid)([ (=]+)\d+`), "$1${2}N"},
		{regexp.MustCompile(`fe80::[0-9a-f:]+`), "fe80::X"},
	}
)

// normalLine reads what came from syslog(3).
func normalLine(datagram string) logLine {
	m := syslogLine.FindStringSubmatch(datagram)
	if m == nil {
		return logLine{"?", datagram}
	}
	var pri int
	_, _ = fmt.Sscan(m[1], &pri)
	text := m[3]
	for _, n := range numbers {
		text = n.in.ReplaceAllString(text, n.out)
	}
	facility := ""
	if pri>>3 != 3 {
		facility = fmt.Sprintf("facility %d ", pri>>3)
	}
	return logLine{m[2], facility + severities[pri&7] + " " + text}
}

// compareLives compares what each process has logged, in order, apart from what is
// meant to differ.
func compareLives(t *testing.T, our, real *life) {
	t.Helper()
	for _, process := range []string{"Keepalived", "Keepalived_vrrp", "Keepalived_healthcheckers", "?"} {
		have, want := deliberate.filter("ours", of(process, our.logged())), deliberate.filter("real", of(process, real.logged()))
		if d := diffLives(want, have); d != "" {
			t.Errorf("%s (- real, + ours):\n%s", process, d)
		}
	}
}

func of(process string, lines []logLine) (texts []string) {
	for _, l := range lines {
		if l.process == process {
			texts = append(texts, l.text)
		}
	}
	return texts
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
	real, ours string // regular expressions of whole lines; "" for none
}

type meants struct {
	mu   sync.Mutex
	list []meant
	used map[string]bool
}

// filter takes out the lines that are meant to be on one side only.
func (m *meants) filter(side string, lines []string) (rest []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, line := range lines {
		if !slices.ContainsFunc(m.list, func(d meant) bool {
			pattern := d.real
			if side == "ours" {
				pattern = d.ours
			}
			is := pattern != "" && regexp.MustCompile("^(?:"+pattern+")$").MatchString(line)
			m.used[d.item] = m.used[d.item] || is
			return is
		}) {
			rest = append(rest, line)
		}
	}
	return rest
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
