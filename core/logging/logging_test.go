package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// at is the moment of the samples observed on 2.2.7.
var at = time.Date(2026, time.November, 20, 10, 45, 35, 0, time.Local)

func now() time.Time { return at }

func start(t *testing.T, o Options) *Log {
	t.Helper()
	if o.Now == nil {
		o.Now = now
	}
	l := Open(o)
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(done)
		if err := l.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return l
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	limit := time.After(10 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("did not happen: %s", what)
		}
	}
}

// buffer is a bytes.Buffer for two goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestConsoleLinesAreKeepalived(t *testing.T) {
	tests := []struct {
		name   string
		detail int
		log    func(*slog.Logger)
		want   string
	}{
		{"observed form", 0, func(l *slog.Logger) { l.Info("(VI_1) Entering MASTER STATE", "instance", "VI_1") },
			"Fri Nov 20 10:45:35 2026: (VI_1) Entering MASTER STATE\n"},
		{"detail hidden without -D", 0, func(l *slog.Logger) { l.Log(t.Context(), Detail, "(VI_1) setting VIPs.") }, ""},
		{"detail shown with -D", 1, func(l *slog.Logger) { l.Log(t.Context(), Detail, "(VI_1) setting VIPs.") },
			"Fri Nov 20 10:45:35 2026: (VI_1) setting VIPs.\n"},
		{"extra hidden with one -D", 1, func(l *slog.Logger) { l.Log(t.Context(), Extra, "x") }, ""},
		{"extra shown with -D -D", 2, func(l *slog.Logger) { l.Log(t.Context(), Extra, "x") },
			"Fri Nov 20 10:45:35 2026: x\n"},
		{"debug is never detail", 2, func(l *slog.Logger) { l.Debug("x") }, ""},
		{"a line stays one line", 0, func(l *slog.Logger) { l.Info("a\nFri Nov 20 10:45:35 2026: forged\x1b[1m") },
			"Fri Nov 20 10:45:35 2026: a\\nFri Nov 20 10:45:35 2026: forged\\x1b[1m\n"},
		{"attributes and groups are not printed", 0,
			func(l *slog.Logger) { l.With("a", 1).WithGroup("g").Info("text", "b", 2) },
			"Fri Nov 20 10:45:35 2026: text\n"},
		{"an overlong text is cut", 0, func(l *slog.Logger) { l.Info(strings.Repeat("x", maxText+1)) },
			"Fri Nov 20 10:45:35 2026: " + strings.Repeat("x", maxText) + "\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out buffer
			l := start(t, Options{Console: &out, Detail: tt.detail})
			tt.log(l.Logger())
			if left := l.Flush(5 * time.Second); left != 0 {
				t.Fatalf("Flush left %d records", left)
			}
			if diff := cmp.Diff(tt.want, out.String()); diff != "" {
				t.Errorf("console (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDayIsPaddedWithBlank(t *testing.T) {
	var out buffer
	day := func() time.Time { return time.Date(2026, time.November, 2, 1, 2, 3, 0, time.Local) }
	l := start(t, Options{Console: &out, Now: day})
	l.Logger().Info("x")
	l.Flush(5 * time.Second)
	if want := "Mon Nov  2 01:02:03 2026: x\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

// TestFullPipe: nobody reads stderr. No log call waits, what fits the ring is kept in
// order, the rest is counted and told in one line behind the gap.
func TestFullPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if _, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	var other buffer
	l := start(t, Options{Console: w, JSON: &other, Size: 64})
	log := l.Logger()

	const lines = 20000
	begin := time.Now()
	var worst time.Duration
	for i := range lines {
		before := time.Now()
		log.Info(fmt.Sprintf("line %05d %s", i, strings.Repeat("x", 40)))
		worst = max(worst, time.Since(before))
	}
	t.Logf("%d calls against a full pipe: %v, worst %v", lines, time.Since(begin), worst)
	if worst > 500*time.Millisecond {
		t.Errorf("a log call took %v", worst)
	}
	c := counters(l, "console")
	if c.Dropped < lines/2 || c.Written+c.Dropped+uint64(c.Waiting) < lines {
		t.Fatalf("counters %+v do not add up to %d", c, lines)
	}
	if left := l.Flush(20 * time.Millisecond); left == 0 {
		t.Error("Flush says that all is written while the pipe is full")
	}

	// The other sink went on meanwhile.
	eventually(t, "json sink alive", func() bool { return counters(l, "json").Written > 0 })

	text := make(chan []string)
	go func() {
		var all string
		buf := make([]byte, 1<<16)
		for !strings.Contains(all, "behind the gap") {
			n, err := r.Read(buf)
			if err != nil {
				break
			}
			all += string(buf[:n])
		}
		var lines []string
		for line := range strings.Lines(all) {
			lines = append(lines, strings.TrimSpace(line))
		}
		text <- lines
	}()
	eventually(t, "ring drained", func() bool { return counters(l, "console").Waiting == 0 })
	log.Info("behind the gap")
	got := <-text
	n := len(got) - 1
	if n < 0 || got[n] != "Fri Nov 20 10:45:35 2026: behind the gap" {
		t.Fatalf("the last line is %q", got[max(0, n):])
	}
	checkGaps(t, got[:n], lines, c.Dropped, "console")
}

// checkGaps reads lines "… line 00017 …" and notices: every line is there in order or
// counted by the notice that stands in its place, and no gap is without notice.
func checkGaps(t *testing.T, got []string, lines int, dropped uint64, sink string) {
	t.Helper()
	next, lost := 0, 0
	for i, line := range got {
		var n int
		if _, text, ok := strings.Cut(line, ": line "); ok {
			if _, err := fmt.Sscanf(text, "%05d", &n); err != nil || n != next {
				t.Fatalf("got %q at %d, want line %05d", line, i, next)
			}
			next++
			continue
		}
		_, text, _ := strings.Cut(line, ": ")
		if _, err := fmt.Sscanf(text, "%d log messages lost, the "+sink+" did not keep up", &n); err != nil {
			t.Fatalf("got %q at %d, want line %05d or a notice", line, i, next)
		}
		next, lost = next+n, lost+n
	}
	if next != lines || uint64(lost) != dropped {
		t.Errorf("lines up to %d with %d told lost, want %d and %d", next, lost, lines, dropped)
	}
}

func counters(l *Log, name string) Counters {
	for _, c := range l.Counters() {
		if c.Sink == name {
			return c
		}
	}
	return Counters{}
}

// daemon is a syslog daemon of our own.
type daemon struct {
	*net.UnixConn
}

func listen(t *testing.T, path string) daemon {
	t.Helper()
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return daemon{c}
}

func (d daemon) read(t *testing.T) string {
	t.Helper()
	buf := make([]byte, 64<<10)
	if err := d.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, err := d.Read(buf)
	if err != nil {
		t.Fatalf("reading from the log socket: %v", err)
	}
	return string(buf[:n])
}

func TestSyslogDatagrams(t *testing.T) {
	pid := os.Getpid()
	tests := []struct {
		name     string
		facility Facility
		level    slog.Level
		want     string
	}{
		{"observed: daemon.info", Daemon, slog.LevelInfo, "<30>Nov 20 10:45:35 Keepalived_vrrp[%d]: Startup complete"},
		{"detail is info", Daemon, Detail, "<30>Nov 20 10:45:35 Keepalived_vrrp[%d]: Startup complete"},
		{"extra is info", Daemon, Extra, "<30>Nov 20 10:45:35 Keepalived_vrrp[%d]: Startup complete"},
		{"alert", Daemon, Alert, "<25>Nov 20 10:45:35 Keepalived_vrrp[%d]: Startup complete"},
		{"error", Daemon, slog.LevelError, "<27>Nov 20 10:45:35 Keepalived_vrrp[%d]: Startup complete"},
		{"warning", Daemon, slog.LevelWarn, "<28>Nov 20 10:45:35 Keepalived_vrrp[%d]: Startup complete"},
		{"notice", Daemon, Notice, "<29>Nov 20 10:45:35 Keepalived_vrrp[%d]: Startup complete"},
		{"debug", Daemon, slog.LevelDebug, "<31>Nov 20 10:45:35 Keepalived_vrrp[%d]: Startup complete"},
		{"-S 7", Local0 + 7, slog.LevelInfo, "<190>Nov 20 10:45:35 Keepalived_vrrp[%d]: Startup complete"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			d := listen(t, path)
			l := start(t, Options{Syslog: path, Ident: "Keepalived_vrrp", Facility: tt.facility, Debug: true})
			l.Logger().Log(t.Context(), tt.level, "Startup complete", "generation", 1)
			if got, want := d.read(t), fmt.Sprintf(tt.want, pid); got != want {
				t.Errorf("datagram %q, want %q", got, want)
			}
		})
	}
}

// TestSyslogReaderStops: the daemon's queue fills, nothing waits, and when it reads
// again the lines come in order with one notice of what is lost.
func TestSyslogReaderStops(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	d := listen(t, path)
	l := start(t, Options{Syslog: path, Ident: "K", Facility: Daemon, Size: 32})
	log := l.Logger()
	const lines = 5000
	for i := range lines {
		log.Info(fmt.Sprintf("line %05d", i))
	}
	eventually(t, "drops", func() bool { return counters(l, "syslog").Dropped > 0 })
	var got []string
	for seen := 0; seen < lines; {
		line := d.read(t)
		got = append(got, line)
		if _, text, ok := strings.Cut(line, ": line "); ok {
			if _, err := fmt.Sscanf(text, "%05d", &seen); err != nil {
				t.Fatal(err)
			}
			seen++
			continue
		}
		var n int
		if _, text, ok := strings.Cut(line, "]: "); ok {
			if _, err := fmt.Sscanf(text, "%d log", &n); err != nil {
				t.Fatalf("unexpected %q", line)
			}
		}
		seen += n
	}
	checkGaps(t, got, lines, counters(l, "syslog").Dropped, "syslog")
	head := fmt.Sprintf("<30>Nov 20 10:45:35 K[%d]: ", os.Getpid())
	if !strings.HasPrefix(got[0], head) {
		t.Errorf("head of %q is not %q", got[0], head)
	}
	log.Info("after")
	if got := d.read(t); got != head+"after" {
		t.Errorf("got %q after the gap", got)
	}
}

// TestSyslogDaemonRestarts: the socket is removed and made anew, nothing is lost.
func TestSyslogDaemonRestarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	d := listen(t, path)
	l := start(t, Options{Syslog: path, Ident: "K", Facility: Daemon})
	log := l.Logger()
	log.Info("one")
	if got := d.read(t); !strings.HasSuffix(got, ": one") {
		t.Fatalf("got %q", got)
	}
	d.Close()
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	log.Info("two")
	log.Info("three")
	eventually(t, "the client noticed", func() bool { return counters(l, "syslog").Waiting == 2 })
	begin := time.Now()
	if left := l.Flush(time.Minute); left != 2 || time.Since(begin) > 10*time.Second {
		t.Errorf("Flush waited %v for a daemon that is not there, left %d", time.Since(begin), left)
	}
	d = listen(t, path)
	for _, want := range []string{": two", ": three"} {
		if got := d.read(t); !strings.HasSuffix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestSyslogReplacedBehindUs: the old daemon hangs with a full queue and a new one
// listens on the same path.
func TestSyslogReplacedBehindUs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	listen(t, path)
	l := start(t, Options{Syslog: path, Ident: "K", Facility: Daemon})
	log := l.Logger()
	for i := range 600 {
		log.Info(fmt.Sprint(i))
	}
	stuck := counters(l, "syslog").Written
	eventually(t, "the old daemon's queue is full", func() bool {
		before := stuck
		stuck = counters(l, "syslog").Written
		return stuck > 0 && stuck == before
	})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	d := listen(t, path)
	log.Info("last")
	for !strings.HasSuffix(d.read(t), ": last") {
	}
}

func TestSyslogStreamSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	l := start(t, Options{Syslog: path, Ident: "K", Facility: Daemon})
	l.Logger().Info("one")
	l.Logger().Info("two")
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	head := fmt.Sprintf("<30>Nov 20 10:45:35 K[%d]: ", os.Getpid())
	want := head + "one\x00" + head + "two\x00"
	got := make([]byte, len(want))
	if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(got); {
		m, err := c.Read(got[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	if string(got) != want {
		t.Errorf("stream %q, want %q", got, want)
	}
}

func TestJSONHasTheFacts(t *testing.T) {
	var out buffer
	l := start(t, Options{JSON: &out, Ident: "Keepalived_vrrp", Detail: 1})
	l.Logger().With("instance", "VI_1").Log(t.Context(), Detail, "(VI_1) setting VIPs.", "count", 3)
	l.Flush(5 * time.Second)
	var got map[string]any
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatalf("%q: %v", out.String(), err)
	}
	want := map[string]any{
		"time": at.Format(time.RFC3339Nano), "level": "DETAIL", "msg": "(VI_1) setting VIPs.",
		"ident": "Keepalived_vrrp", "pid": float64(os.Getpid()), "instance": "VI_1", "count": 3.0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

// TestBrokenPipeDoesNotKill: the reader of the console is gone; writing to it ends with
// an error and a count, and the other sinks live. The subprocess does it on its own
// standard error, where the Go runtime would end the process.
func TestBrokenPipeDoesNotKill(t *testing.T) {
	if os.Getenv("LOGGING_TEST_BROKEN_PIPE") != "" {
		w, err := Stderr()
		if err != nil {
			os.Exit(3)
		}
		l := start(t, Options{Console: w})
		l.Logger().Info("x")
		l.Flush(5 * time.Second)
		if c := counters(l, "console"); c.Failed != 1 {
			os.Exit(4)
		}
		os.Exit(42)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	p, err := os.StartProcess("/proc/self/exe", []string{"test", "-test.run=^TestBrokenPipeDoesNotKill$"}, &os.ProcAttr{
		Env: append(os.Environ(), "LOGGING_TEST_BROKEN_PIPE=1"), Files: []*os.File{nil, nil, w},
	})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	state, err := p.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if ws := state.Sys().(syscall.WaitStatus); ws.ExitStatus() != 42 {
		t.Errorf("the process ended with %v", state)
	}
}

func TestCloseEndsRunAndDropsLaterRecords(t *testing.T) {
	var out buffer
	l := Open(Options{Console: &out, Now: now})
	done := make(chan error)
	go func() { done <- l.Run(context.Background()) }()
	l.Logger().Info("kept")
	if left := l.Close(5 * time.Second); left != 0 {
		t.Errorf("Close left %d", left)
	}
	<-done
	l.Logger().Info("late")
	l.Close(0)
	if want := "Fri Nov 20 10:45:35 2026: kept\n"; out.String() != want {
		t.Errorf("console %q, want %q", out.String(), want)
	}
	if c := counters(l, "console"); c.Written != 1 || c.Dropped != 1 {
		t.Errorf("counters %+v", c)
	}
}

func TestParseFacility(t *testing.T) {
	for s, want := range map[string]Facility{
		"0": 16, "7": 23, "local0": 16, "local7": 23, "LOCAL3": 19, "daemon": 3, "user": 1, "authpriv": 10,
		"8": 0, "": 0, "local": 0, "kern": 0, "-1": 0, "local8": 0,
	} {
		got, err := ParseFacility(s)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("ParseFacility(%q) = %d, %v, want %d", s, got, err, want)
		}
	}
}

func BenchmarkLogCall(b *testing.B) {
	l := Open(Options{Console: &bytes.Buffer{}})
	log := l.Logger()
	b.ReportAllocs()
	for b.Loop() {
		log.LogAttrs(b.Context(), slog.LevelInfo, "(VI_1) Entering MASTER STATE")
	}
}

// TestRingGrowsAndShrinks: a burst keeps its order through every size of the ring, up
// to the limit and not beyond, and the room is given back.
func TestRingGrowsAndShrinks(t *testing.T) {
	const most = 1000
	s := newSink("console", Options{Size: most, Now: time.Now}, nil)
	next := 0
	for i := range most + 50 {
		s.put(entry{text: strconv.Itoa(i)})
		if i%3 == 0 && i < 300 { // the oldest is not at the start of the ring
			if e, ok := s.take(); !ok || e.text != strconv.Itoa(next) {
				t.Fatalf("took %q, want %d", e.text, next)
			}
			next++
		}
	}
	if len(s.ring) != most || s.n != most-50 && s.n != most {
		t.Errorf("%d of %d entries", s.n, len(s.ring))
	}
	for {
		e, ok := s.take()
		if !ok {
			break
		}
		if e.text == strconv.Itoa(next) {
			next++
		} else if !strings.Contains(e.text, "lost") {
			t.Fatalf("took %q, want %d", e.text, next)
		}
	}
	if next != most+50 || len(s.ring) != smallRing {
		t.Errorf("%d entries came out, a ring of %d is left", next, len(s.ring))
	}
}
