package interop

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keepalived/test/netlab"
)

const (
	hostileIntervals = 110 // at 100 ms; the 99th percentile then is not the maximum
	advertLateness   = 5 * time.Millisecond
	// disturbed is from when a late thread of the test itself tells of a busy machine.
	disturbed = 20 * time.Millisecond
)

// hostile is a reader of something the daemon writes that does not read.
type hostile struct {
	name string
	// before prepares what the daemon starts with; block, called when it is MASTER,
	// makes the reader hostile. Either may be nil.
	before func(t *testing.T, o *netlab.ProcOpts)
	block  func(t *testing.T, n *node)
	// fatal: known to stop keepalived 2.2.7
	fatal bool
	// ours: needs keepalivedctl
	ours bool
}

func hostiles() []hostile {
	var stderr *os.File
	var deafen func()
	return []hostile{
		{name: "stderr a full pipe", fatal: true,
			before: func(t *testing.T, o *netlab.ProcOpts) {
				_, stderr = pipe(t)
				o.Stdout, o.Stderr = stderr, stderr
			},
			block: func(t *testing.T, _ *node) { fill(t, stderr) }},
		{name: "syslog reader stopped", fatal: true,
			before: func(t *testing.T, o *netlab.ProcOpts) { o.Syslog, deafen = syslogReader(t) },
			block:  func(t *testing.T, n *node) { deafen(); fillSyslog(t, n.opts.Syslog) }},
		{name: "keepalivedctl dump into a pipe nobody reads", ours: true,
			before: func(_ *testing.T, o *netlab.ProcOpts) { o.Keep = []string{ourCtl} },
			block:  func(t *testing.T, n *node) { unreadDumps(t, n) }},
		{name: "/tmp a full tmpfs",
			before: func(_ *testing.T, o *netlab.ProcOpts) { o.TmpSize = "64k" },
			block:  func(t *testing.T, n *node) { fillFile(t, n.proc.Path("/tmp/fill")) }},
	}
}

// TestHostileReaders: nothing can delay an advert. Each reader is hostile for 110
// intervals while ten dump signals a second come in; the capture judges how late
// the adverts are. The readers do not run beside anything else.
func TestHostileReaders(t *testing.T) {
	for _, h := range hostiles() {
		if selfCheck() && h.ours {
			continue
		}
		t.Run(h.name, func(t *testing.T) {
			netlab.Need(t, "netns", "keepalived", "cmd:nsenter")
			p := newPair(t, orders[0], killConf(3, 150), killConf(3, 100))
			if h.before != nil {
				h.before(t, &p.a.opts)
			}
			p.a.start(t)
			p.b.start(t)
			p.settle(t, p.a)
			kids := p.a.proc.Children()
			if h.block != nil {
				h.block(t, p.a)
			}
			bad, p99, note := measure(t, p)
			if selfCheck() && h.fatal {
				if len(bad) == 0 {
					t.Errorf("keepalived 2.2.7 stops here; this test did not notice")
				}
				return
			}
			if !slices.Equal(kids, p.a.proc.Children()) {
				bad = append(bad, fmt.Sprintf("children %v became %v", kids, p.a.proc.Children()))
			}
			for _, b := range bad {
				t.Error(b)
			}
			table.add(t, row{version: "v3", cast: "multicast", order: orders[0].String(), event: "hostile: " + h.name,
				note: fmt.Sprintf("p99 of advert lateness %.2f ms%s", float64(p99)/float64(time.Millisecond), note)})
		})
	}
}

// measure watches the master's adverts under dump signals. A measurement that fails
// while this test's own thread did not get to run either says nothing about the
// daemon: it is logged and repeated, twice at most; the last one counts whatever
// the machine does.
func measure(t *testing.T, p *pair) (bad []string, p99 time.Duration, note string) {
	t.Helper()
	const attempts = 3
	for i := 1; ; i++ {
		from := time.Now()
		machine := dumpSignals(p.a, hostileIntervals*p.a.conf.interval)
		bad, p99 = lateness(p, from)
		t.Logf("measurement %d: %q, p99 %v, longest gap between two adverts %v; this test's own thread was late by %v at worst",
			i, bad, p99, longestGap(p, from), machine)
		if len(bad) == 0 || i == attempts || machine < disturbed || selfCheck() || !p.a.proc.Running() {
			return bad, p99, note
		}
		note = fmt.Sprintf(" (%d disturbed by the machine before)", i)
		p.settle(t, p.a)
	}
}

// dumpSignals sends ten dump signals a second, of the three kinds in turn, and
// returns how late this test's own thread was at worst.
func dumpSignals(n *node, during time.Duration) (late time.Duration) {
	for i, end := 0, time.Now().Add(during); time.Now().Before(end); i++ {
		n.proc.Signal([]syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, 36}[i%3])
		late = max(late, ownLateness(100*time.Millisecond))
	}
	return late
}

// ownLateness wakes up every 5 ms for the time given and returns by how much it
// came late at worst: what the machine, and not the daemon, is to blame for.
func ownLateness(during time.Duration) (late time.Duration) {
	const beat = 5 * time.Millisecond
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for prev, end := time.Now(), time.Now().Add(during); prev.Before(end); {
		<-tick.C
		now := time.Now()
		late, prev = max(late, now.Sub(prev)-beat), now
	}
	return late
}

// longestGap is the longest time between two adverts of the master since then.
func longestGap(p *pair, from time.Time) (longest time.Duration) {
	var prev time.Time
	for _, a := range p.cap.Adverts() {
		if a.Src != p.a.addr || a.At.Before(from) {
			continue
		}
		if !prev.IsZero() {
			longest = max(longest, a.At.Sub(prev))
		}
		prev = a.At
	}
	return longest
}

// lateness tells what was wrong with the master's adverts since then, and the 99th
// percentile of how much later than an interval after its predecessor one came.
func lateness(p *pair, from time.Time) (bad []string, p99 time.Duration) {
	var late []time.Duration
	var prev time.Time
	for _, a := range p.cap.Adverts() {
		if a.At.Before(from) {
			continue
		}
		if a.Src != p.a.addr {
			return append(bad, fmt.Sprintf("%s advertises priority %d: it took over", a.Src, a.Priority)), 0
		}
		if !prev.IsZero() {
			late = append(late, max(0, a.At.Sub(prev)-p.a.conf.interval))
		}
		prev = a.At
	}
	if len(late) < hostileIntervals-3 {
		return append(bad, fmt.Sprintf("%d adverts in %d intervals", len(late), hostileIntervals)), 0
	}
	slices.Sort(late)
	p99 = late[len(late)*99/100]
	if p99 >= advertLateness {
		bad = append(bad, fmt.Sprintf("p99 of advert lateness %v, limit %v (worst %v)", p99, advertLateness, late[len(late)-1]))
	}
	return bad, p99
}

// pipe makes a pipe of one page whose read end nobody reads.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(); _ = w.Close() })
	if _, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	return r, w
}

// fill writes into a pipe until it is full. It opens the pipe once more, so that
// not blocking is our affair alone and the daemon's end stays as it is.
func fill(t *testing.T, w *os.File) {
	t.Helper()
	again, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", w.Fd()), unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(again)
	for {
		if _, err := unix.Write(again, []byte{'.'}); errors.Is(err, unix.EAGAIN) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// syslogReader is a datagram socket with a reader that reads until it is stopped.
// The socket itself stays open, with its short queue.
func syslogReader(t *testing.T) (path string, stop func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "log")
	srv, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for buf := make([]byte, 8192); ; {
			if _, _, err := srv.ReadFrom(buf); err != nil {
				return
			}
		}
	}()
	return path, func() {
		_ = srv.SetReadDeadline(time.Now())
		<-ended
	}
}

// fillSyslog sends to the socket until its queue is full.
func fillSyslog(t *testing.T, path string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for {
		if err := unix.Sendto(fd, []byte("<14>filler"), 0, &unix.SockaddrUnix{Name: path}); errors.Is(err, unix.EAGAIN) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// unreadDumps keeps three `keepalivedctl dump` running into full pipes.
func unreadDumps(t *testing.T, n *node) {
	t.Helper()
	for range 3 {
		_, w := pipe(t)
		fill(t, w)
		cmd := n.host.Command("nsenter", "-m", "-t", strconv.Itoa(n.proc.Pid()), ourCtl, "--timeout", "60s", "dump")
		cmd.Stdout = w
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		t.Cleanup(func() {
			select {
			case err := <-ended:
				t.Errorf("a dump into a full pipe ended: %v", err)
			default:
				_ = cmd.Process.Kill()
				<-ended
			}
		})
	}
}

// fillFile writes a file until the file system is full.
func fillFile(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for {
		if _, err := f.Write(make([]byte, 4096)); errors.Is(err, unix.ENOSPC) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
