package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

const (
	confPath = "/etc/keepalived/keepalived.conf"
	addr0    = "198.18.9.1" // on eth0
	addr1    = "198.18.10.1"
	peerAddr = "198.18.9.2" // the other host on eth0's LAN
)

// rig is one host with two interfaces, the daemon on it, and another host on the LAN
// of eth0 from which packets can be sent.
type rig struct {
	*testing.T
	lab  *netlab.Lab
	lan  *netlab.LAN
	lan1 *netlab.LAN
	h    *netlab.Host
	peer *netlab.Host
	cap  *netlab.Capture // of everything on the LAN
	opts netlab.ProcOpts
	p    *netlab.Proc
}

func newRig(t *testing.T, needs ...string) *rig {
	t.Helper()
	netlab.Need(t, append([]string{"netns"}, needs...)...)
	t.Parallel()
	r := &rig{T: t, lab: netlab.New(t)}
	r.lan, r.lan1 = r.lab.LAN("lan"), r.lab.LAN("lan1")
	r.h, r.peer = r.lab.Host("a"), r.lab.Host("peer")
	r.lab.Attach(r.lan, r.h, "eth0", addr0+"/24")
	r.lab.Attach(r.lan1, r.h, "eth1", addr1+"/24")
	r.lab.Attach(r.lan, r.peer, "eth0", peerAddr+"/24")
	r.cap = r.lan.Capture()
	return r
}

// launch starts the daemon with -n -l -D and more, and does not wait.
func (r *rig) launch(conf string, more ...string) {
	r.Helper()
	r.opts.Config = conf
	r.p = r.h.Start(r.opts, append([]string{ours, "-n", "-l", "-D"}, more...)...)
}

// start starts the daemon and waits until it has started up.
func (r *rig) start(conf string, more ...string) {
	r.Helper()
	r.launch(conf, more...)
	r.says("Startup complete")
}

// master starts the daemon and waits until the instance is MASTER with its address.
func (r *rig) master(conf string, more ...string) {
	r.Helper()
	r.start(conf, more...)
	r.says("(VI_1) Entering MASTER STATE")
	r.has(vip1)
}

// write replaces the configuration.
func (r *rig) write(conf string) {
	r.Helper()
	r.file(confPath, conf)
}

// file writes a file in the daemon's mounts, at once as a whole.
func (r *rig) file(name, text string) {
	r.Helper()
	mode := os.FileMode(0o644)
	if strings.HasPrefix(text, "#!") {
		mode = 0o755
	}
	temp := r.p.Path(name + ".new")
	if err := os.WriteFile(temp, []byte(text), mode); err != nil {
		r.Fatal(err)
	}
	if err := os.Rename(temp, r.p.Path(name)); err != nil {
		r.Fatal(err)
	}
}

// read returns a file of the daemon's mounts; "" while there is none.
func (r *rig) read(name string) string {
	b, err := os.ReadFile(r.p.Path(name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		r.Errorf("reading %s: %v", name, err)
	}
	return string(b)
}

func (r *rig) exists(name string) bool {
	_, err := os.Lstat(r.p.Path(name))
	return err == nil
}

// eventually waits up to 5 s, on the slow kernel longer.
func (r *rig) eventually(what string, cond func() bool) {
	r.Helper()
	limit := 5 * time.Second
	if netlab.Kernel() == "uml" {
		limit *= 4
	}
	netlab.Eventually(r.T, limit, what, cond)
}

// says waits for a line on the console.
func (r *rig) says(text string) {
	r.Helper()
	r.eventually(fmt.Sprintf("%q on the console", text), func() bool { return strings.Contains(r.p.Log(), text) })
}

// said counts what is on the console.
func (r *rig) said(text string) int { return strings.Count(r.p.Log(), text) }

// has waits for an address on the host.
func (r *rig) has(addr string) {
	r.Helper()
	r.eventually(addr+" on the host", func() bool { return r.h.HasAddr(addr) })
}

// lacks waits until an address is not on the host.
func (r *rig) lacks(addr string) {
	r.Helper()
	r.eventually(addr+" gone from the host", func() bool { return !r.h.HasAddr(addr) })
}

// pause lets time go by.
func pause(d time.Duration) { netlab.Await(d, func() bool { return false }) }

// reload writes the configuration, sends HUP and waits until it has been applied.
func (r *rig) reload(conf string) {
	r.Helper()
	n := r.said("Reload complete")
	r.write(conf)
	r.p.Signal(syscall.SIGHUP)
	r.eventually("the reload", func() bool { return r.said("Reload complete") > n })
}

// refused writes the configuration, sends HUP and waits until it has been refused.
func (r *rig) refused(conf string) {
	r.Helper()
	n := r.said("Reload refused")
	r.write(conf)
	r.p.Signal(syscall.SIGHUP)
	r.eventually("the reload's refusal", func() bool { return r.said("Reload refused") > n })
}

// stop ends the daemon with TERM and returns its status.
func (r *rig) stop() int {
	r.Helper()
	r.p.Signal(syscall.SIGTERM)
	return r.p.Wait(8 * time.Second)
}

// answer is what a program said and how it ended.
type answer struct {
	out, err string
	status   int
}

func (a answer) String() string {
	return fmt.Sprintf("status %d\nstdout: %s\nstderr: %s", a.status, a.out, a.err)
}

// call runs a command to its end.
func call(t testing.TB, cmd *exec.Cmd) answer {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = time.Second // for those who leave their output open behind them
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer limit.Stop()
	err := cmd.Wait()
	a := answer{out: out.String(), err: errs.String()}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() < 0:
		a.status = 128 + int(exit.Sys().(syscall.WaitStatus).Signal())
	case errors.As(err, &exit):
		a.status = exit.ExitCode()
	case err != nil:
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	return a
}

// socket is the host's path of the daemon's socket.
func (r *rig) socket() string { return r.p.Path("/run/keepalived/keepalived.sock") }

// ctl asks the daemon by keepalivedctl.
func (r *rig) ctl(args ...string) answer {
	r.Helper()
	return call(r.T, exec.Command(ourCtl, append([]string{"--socket", r.socket()}, args...)...))
}

// inside runs a command in the daemon's network and mount namespaces.
func (r *rig) inside(argv ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"-t", strconv.Itoa(r.p.Pid()), "-n", "-m", "--"}, argv...)...)
}

// pid reads a pid file of the daemon.
func (r *rig) pid(name string) int {
	r.Helper()
	n := 0
	r.eventually("the pid file "+name, func() bool {
		n, _ = strconv.Atoi(strings.TrimSuffix(r.read(name), "\n"))
		return n > 0
	})
	return n
}

// children lists the daemon's processes, to see that they stay the same.
func (r *rig) children() string {
	pids := r.p.Children()
	slices.Sort(pids)
	return fmt.Sprint(r.p.Pid(), pids)
}

func (r *rig) vrrpPid() int { r.Helper(); return r.pid("/run/vrrp.pid") }

// own are the daemon's adverts since a moment.
func (r *rig) own(since time.Time) []netlab.Advert {
	return slices.DeleteFunc(r.cap.Adverts(), func(a netlab.Advert) bool {
		return a.Src.String() != addr0 || a.At.Before(since)
	})
}

// garps counts the gratuitous ARPs of an address since a moment.
func (r *rig) garps(addr string, since time.Time) int {
	n := 0
	for _, g := range r.cap.ARPs() {
		if g.Gratuitous() && g.SPA.String() == addr && !g.At.Before(since) {
			n++
		}
	}
	return n
}

// slack is how late an advert may be: the machine is busy with a dozen other daemons.
// How late they are on a quiet one is measured by test/interop and test/bench.
const slack = 100 * time.Millisecond

// steady checks that adverts of the VRID came evenly since a moment, none with priority 0.
func (r *rig) steady(vrid uint8, since time.Time, interval time.Duration) {
	r.Helper()
	last := since
	for _, a := range r.own(since) {
		if a.VRID != vrid {
			continue
		}
		if a.Priority == 0 {
			r.Errorf("the instance resigned %v after the moment", a.At.Sub(since))
		}
		if gap := a.At.Sub(last); gap > interval+slack {
			r.Errorf("%v without an advert, interval %v", gap, interval)
		}
		last = a.At
	}
	if gap := time.Since(last); gap > interval+slack {
		r.Errorf("no advert for %v at the end, interval %v", gap, interval)
	}
}

// monitor follows the kernel's messages about links and addresses.
type monitor struct {
	mu    sync.Mutex
	lines []event
}

type event struct {
	at   time.Time
	text string
}

// monitor starts `ip monitor` in the host.
func (r *rig) monitor() *monitor {
	r.Helper()
	m := &monitor{}
	cmd := exec.Command("ip", "-n", r.h.NS, "-o", "-ts", "monitor", "address", "link")
	cmd.Stdout = m
	if err := cmd.Start(); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	// It listens when it has told of something that we do.
	r.eventually("ip monitor", func() bool {
		r.h.IP("addr", "add", "127.9.9.9/32", "dev", "lo")
		r.h.IP("addr", "del", "127.9.9.9/32", "dev", "lo")
		return len(m.about("Deleted", "127.9.9.9")) > 0
	})
	return m
}

// Write takes whole lines from ip monitor: it writes one message at a time.
func (m *monitor) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for line := range strings.SplitSeq(strings.TrimRight(string(b), "\n"), "\n") {
		e := event{at: time.Now(), text: line}
		if rest, ok := strings.CutPrefix(line, "["); ok {
			stamp, text, _ := strings.Cut(rest, "] ")
			if at, err := time.ParseInLocation("2006-01-02T15:04:05.000000", stamp, time.Local); err == nil {
				e = event{at, text}
			}
		}
		m.lines = append(m.lines, e)
	}
	return len(b), nil
}

// about returns the events whose text holds all the words.
func (m *monitor) about(words ...string) []event {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []event
	for _, e := range m.lines {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(e.text, w) }) {
			out = append(out, e)
		}
	}
	return out
}

// since returns the events since a moment, without our own probes on lo.
func (m *monitor) since(at time.Time) []event {
	return slices.DeleteFunc(m.about(), func(e event) bool { return e.at.Before(at) || strings.Contains(e.text, "127.9.9.9") })
}

// procName returns comm and argv[0] of a process.
func procName(pid int) (comm, argv0 string) {
	c, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	a, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	argv0, _, _ = strings.Cut(string(a), "\x00")
	return strings.TrimSpace(string(c)), argv0
}

func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	i := bytes.LastIndexByte(b, ')')
	return i > 0 && len(b) > i+2 && b[i+2] != 'Z'
}

// tempConf writes a configuration to a file of the test.
func tempConf(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "keepalived.conf")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// stream collects what a program writes until the test ends.
type stream struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *stream) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// events follows `keepalivedctl events` and returns when the snapshot is through.
func (r *rig) events(flags ...string) *stream {
	r.Helper()
	s := &stream{}
	cmd := exec.Command(ourCtl, append([]string{"--socket", r.socket(), "events"}, flags...)...)
	cmd.Stdout, cmd.Stderr = s, s
	if err := cmd.Start(); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if len(flags) == 0 {
		r.eventually("the end of the snapshot", func() bool { return strings.Contains(s.text(), "changes from here on") })
	}
	return s
}
