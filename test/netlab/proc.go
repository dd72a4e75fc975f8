package netlab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ProcOpts is what a daemon gets besides its arguments. The zero value is good.
type ProcOpts struct {
	// Config, when not empty, becomes /etc/keepalived/keepalived.conf in a private
	// tmpfs on /etc/keepalived.
	Config string
	// Files are further files, absolute path → text. Below /run, /tmp and (with
	// Config) /etc/keepalived they are private; elsewhere they are refused.
	Files map[string]string
	// Env is added to the environment.
	Env []string
	// Keep are host paths below /tmp or /run that stay visible in spite of the
	// private tmpfs. The program itself always does.
	Keep []string
	// TmpSize limits the tmpfs on /tmp, in mount(8)'s notation ("64k"); "" is 64m.
	TmpSize string
	// Syslog is the host path of a datagram socket that becomes /dev/log.
	Syslog string
	// Stdout and Stderr replace the collected console; the caller closes them.
	Stdout, Stderr *os.File
	// Dir is the working directory; "" is "/".
	Dir string
}

// Proc is a daemon running in a host.
type Proc struct {
	h    *Host
	cmd  *exec.Cmd
	log  string // file that collects the console
	done chan struct{}
}

// Start runs argv as a daemon in the host's network namespace and in a mount
// namespace of its own with private tmpfs on /run and /tmp. The console is
// collected. At the end of the test the process and all its descendants are
// killed, by pid; when the test failed, the end of the console is in its log.
func (h *Host) Start(opts ProcOpts, argv ...string) *Proc {
	t := h.lab.t
	t.Helper()
	path, err := exec.LookPath(argv[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		t.Fatalf("host %s: %v", h.Name, err)
	}
	p := &Proc{h: h, done: make(chan struct{}), log: filepath.Join(t.TempDir(), "console")}
	console, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer console.Close()
	p.cmd = exec.Command(path, argv[1:]...)
	p.cmd.Args[0] = argv[0]
	p.cmd.Env = append(os.Environ(), opts.Env...)
	p.cmd.Dir = "/"
	if opts.Dir != "" {
		p.cmd.Dir = opts.Dir
	}
	p.cmd.Stdout, p.cmd.Stderr = console, console
	if opts.Stdout != nil {
		p.cmd.Stdout = opts.Stdout
	}
	if opts.Stderr != nil {
		p.cmd.Stderr = opts.Stderr
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	err = inPrivateMounts(h.NS, func() error {
		if err := opts.mount(path); err != nil {
			return err
		}
		return p.cmd.Start()
	})
	if err != nil {
		t.Fatalf("host %s: starting %s: %v", h.Name, argv[0], err)
	}
	go func() {
		_ = p.cmd.Wait() // the status is read from cmd.ProcessState
		close(p.done)
	}()
	t.Cleanup(p.end)
	return p
}

// mount prepares the private file system of a daemon; it runs on the starter
// thread in the new mount namespace.
func (o *ProcOpts) mount(program string) error {
	var kept []*os.File // opened before their directories are covered
	for _, name := range append([]string{program, o.Syslog}, o.Keep...) {
		if name == "" || !below(name, "/tmp") && !below(name, "/run") && name != o.Syslog {
			continue
		}
		fd, err := unix.Open(name, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("opening %s: %w", name, err)
		}
		f := os.NewFile(uintptr(fd), name)
		defer f.Close()
		kept = append(kept, f)
	}
	size := o.TmpSize
	if size == "" {
		size = "64m"
	}
	if err := tmpfs("/run", "mode=755"); err != nil {
		return err
	}
	if err := tmpfs("/tmp", "mode=1777,size="+size); err != nil {
		return err
	}
	if o.Config != "" {
		if err := os.MkdirAll("/etc/keepalived", 0o755); err != nil {
			return err
		}
		if err := tmpfs("/etc/keepalived", "mode=755"); err != nil {
			return err
		}
		if err := os.WriteFile("/etc/keepalived/keepalived.conf", []byte(o.Config), 0o644); err != nil {
			return err
		}
	}
	if o.Syslog != "" {
		if err := privateDev(); err != nil {
			return err
		}
	}
	for _, f := range kept {
		target := f.Name()
		if target == o.Syslog {
			target = "/dev/log"
		}
		if err := bind(f, target); err != nil {
			return err
		}
	}
	for name, text := range o.Files {
		if !below(name, "/run") && !below(name, "/tmp") && (o.Config == "" || !below(name, "/etc/keepalived")) {
			return fmt.Errorf("%s is not in a private directory", name)
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			return err
		}
	}
	return nil
}

func below(name, dir string) bool { return strings.HasPrefix(name, dir+"/") }

func tmpfs(dir, options string) error {
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		return fmt.Errorf("mounting a tmpfs on %s: %w", dir, err)
	}
	return nil
}

// bind makes the opened file or directory visible at target.
func bind(f *os.File, target string) error {
	st, err := os.Stat(fmt.Sprintf("/proc/thread-self/fd/%d", f.Fd()))
	if err != nil {
		return err
	}
	if st.IsDir() {
		err = os.MkdirAll(target, 0o755)
	} else if err = os.MkdirAll(filepath.Dir(target), 0o755); err == nil {
		err = os.WriteFile(target, nil, 0o600)
	}
	if err != nil {
		return err
	}
	from := fmt.Sprintf("/proc/thread-self/fd/%d", f.Fd())
	if err := unix.Mount(from, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("binding %s: %w", target, err)
	}
	return nil
}

// privateDev covers /dev with a tmpfs that has the usual devices and no log.
func privateDev() error {
	var devices []*os.File
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		fd, err := unix.Open("/dev/"+name, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		f := os.NewFile(uintptr(fd), "/dev/"+name)
		defer f.Close()
		devices = append(devices, f)
	}
	if err := unix.Mount("tmpfs", "/dev", "tmpfs", unix.MS_NOSUID, "mode=755"); err != nil {
		return fmt.Errorf("mounting a tmpfs on /dev: %w", err)
	}
	for _, f := range devices {
		if err := bind(f, f.Name()); err != nil {
			return err
		}
	}
	return nil
}

// Pid is the pid of the program itself: nothing stands between it and us.
func (p *Proc) Pid() int { return p.cmd.Process.Pid }

// Log returns the console collected so far.
func (p *Proc) Log() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Path returns the host's path of a file in the daemon's private mounts. It is
// valid while the daemon lives.
func (p *Proc) Path(inside string) string {
	return fmt.Sprintf("/proc/%d/root%s", p.Pid(), inside)
}

// Executable returns what /proc/PID/exe points to.
func (p *Proc) Executable() string {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", p.Pid()))
	if err != nil {
		return err.Error()
	}
	return exe
}

// Running tells whether the program has not ended yet.
func (p *Proc) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Signal sends a signal to the program itself. A program that has ended is left
// alone, whoever has its pid now.
func (p *Proc) Signal(sig os.Signal) {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.h.lab.t.Errorf("signal %v to %d: %v", sig, p.Pid(), err)
	}
}

// SignalAll sends a signal to the program and all its descendants, the program
// first.
func (p *Proc) SignalAll(sig syscall.Signal) {
	if !p.Running() {
		return
	}
	p.Signal(sig)
	for _, pid := range p.Descendants() {
		_ = syscall.Kill(pid, sig)
	}
}

// Crash ends the program and all its descendants by SIGKILL as one event: all are
// stopped first, so that no child sees its parent die and no parent respawns a
// child.
func (p *Proc) Crash() {
	if !p.Running() {
		return
	}
	p.Signal(syscall.SIGSTOP)
	pids := p.Descendants()
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
	}
	for _, pid := range pids {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	p.Signal(syscall.SIGKILL)
	<-p.done
}

// Wait waits for the program's end and returns its exit status, 128+N when
// signal N ended it. A program that still runs after the time given fails the test.
func (p *Proc) Wait(within time.Duration) int {
	p.h.lab.t.Helper()
	select {
	case <-p.done:
	case <-time.After(within):
		p.h.lab.t.Fatalf("host %s: pid %d still runs after %v\n%s", p.h.Name, p.Pid(), within, tail(p.Log(), 40))
	}
	ws := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// CPU is the processor time, user and system, of a process that has ended and of those
// it has waited for. Call it after Wait.
func (p *Proc) CPU() time.Duration {
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// Children lists the program's direct children, oldest first.
func (p *Proc) Children() []int { return childrenOf(p.Pid(), statTable()) }

// Descendants lists the program's children, theirs and so on.
func (p *Proc) Descendants() []int {
	table := statTable()
	var all []int
	for queue := []int{p.Pid()}; len(queue) > 0; queue = queue[1:] {
		kids := childrenOf(queue[0], table)
		all, queue = append(all, kids...), append(queue, kids...)
	}
	return all
}

// end is the clean-up: kill everything, and tell the console of a failed test.
func (p *Proc) end() {
	if t := p.h.lab.t; t.Failed() {
		t.Logf("console of %s (pid %d, %s):\n%s", p.h.Name, p.Pid(), p.cmd.Path, tail(p.Log(), 60))
	}
	p.Crash()
}

// tail returns the last n lines.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// stat is what we use of /proc/PID/stat.
type stat struct {
	pid, ppid int
	state     byte
	start     uint64 // clock ticks since boot
}

func readStat(pid int) (stat, bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, false
	}
	// The second field is the name in parentheses and may hold anything.
	i := strings.LastIndexByte(string(b), ')')
	if i < 0 {
		return stat{}, false
	}
	f := strings.Fields(string(b[i+1:]))
	if len(f) < 20 {
		return stat{}, false
	}
	ppid, _ := strconv.Atoi(f[1])
	start, _ := strconv.ParseUint(f[19], 10, 64)
	return stat{pid: pid, ppid: ppid, state: f[0][0], start: start}, true
}

func allPids() []int {
	names, _ := os.ReadDir("/proc")
	var pids []int
	for _, n := range names {
		if pid, err := strconv.Atoi(n.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func statTable() []stat {
	var table []stat
	for _, pid := range allPids() {
		if st, ok := readStat(pid); ok && st.state != 'Z' {
			table = append(table, st)
		}
	}
	slices.SortFunc(table, func(a, b stat) int { return int(int64(a.start - b.start)) })
	return table
}

func childrenOf(pid int, table []stat) []int {
	var kids []int
	for _, st := range table {
		if st.ppid == pid {
			kids = append(kids, st.pid)
		}
	}
	return kids
}
