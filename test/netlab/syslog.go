package netlab

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Syslog is a syslog daemon of a test: what is sent to its socket (ProcOpts.Syslog) is kept.
// Unlike the console it tells processes and severities apart.
type Syslog struct {
	Path string

	mu    sync.Mutex
	lines []LogLine
	mark  string
}

// LogLine is one line as syslog(3) sends it.
type LogLine struct {
	Process  string // the identity: Keepalived_vrrp
	Facility int
	Severity string // err, warning, notice, info …
	Text     string
	Mark     string // that of Syslog.Mark when it came
}

var (
	severities = [...]string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}
	// <30>Nov 20 10:45:35 Keepalived_vrrp[741]: text
	datagram = regexp.MustCompile(`(?s)^<(\d+)>\w{3} [ \d]\d \d\d:\d\d:\d\d (\w+)\[\d+\]: (.*)$`)
)

// NewSyslog makes the socket and reads it until the test ends.
func NewSyslog(t testing.TB) *Syslog {
	t.Helper()
	s := &Syslog{Path: filepath.Join(t.TempDir(), "log")}
	srv, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.Path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	go func() {
		for buf := make([]byte, 16384); ; {
			n, err := srv.Read(buf)
			if err != nil {
				return
			}
			line := readLine(string(buf[:n]))
			s.mu.Lock()
			line.Mark = s.mark
			s.lines = append(s.lines, line)
			s.mu.Unlock()
		}
	}()
	return s
}

// readLine reads a datagram; one of another form has no process.
func readLine(text string) LogLine {
	m := datagram.FindStringSubmatch(text)
	if m == nil {
		return LogLine{Text: text}
	}
	var priority int
	_, _ = fmt.Sscan(m[1], &priority)
	return LogLine{Process: m[2], Facility: priority >> 3, Severity: severities[priority&7], Text: strings.TrimRight(m[3], "\n\x00")}
}

// Lines are the lines so far.
func (s *Syslog) Lines() []LogLine {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// SetMark marks the lines from now on and returns how many there were before.
func (s *Syslog) SetMark(mark string) (before int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mark = mark
	return len(s.lines)
}
