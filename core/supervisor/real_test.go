package supervisor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	accounts "keepalived/core/process"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
	"keepalived/rpc/childapi"
)

// daemon is a running parent with real children.
type daemon struct {
	t   *testing.T
	dir string
	cmd *exec.Cmd

	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced at every line
	ended chan struct{}
}

func startDaemon(t *testing.T, conf string, env ...string) *daemon {
	t.Helper()
	dir, err := os.MkdirTemp("", "sup") // short: the path of a unix socket is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return startIn(t, dir, conf, env...)
}

func startIn(t *testing.T, dir, conf string, env ...string) *daemon {
	t.Helper()
	d := &daemon{t: t, dir: dir, more: make(chan struct{}), ended: make(chan struct{})}
	d.configure(conf)
	d.cmd = exec.Command("/proc/self/exe", "-an", "argument")
	d.cmd.Args[0] = "keepalived"
	d.cmd.Env = append(append(os.Environ(), testParent+"="+dir), env...)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	d.cmd.Stdout, d.cmd.Stderr = w, w
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	go func() {
		in := bufio.NewScanner(r)
		for in.Scan() {
			d.mu.Lock()
			d.lines = append(d.lines, in.Text())
			close(d.more)
			d.more = make(chan struct{})
			d.mu.Unlock()
		}
		_ = r.Close()
	}()
	go func() {
		_ = d.cmd.Wait()
		close(d.ended)
	}()
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		<-d.ended
		if t.Failed() {
			d.mu.Lock()
			defer d.mu.Unlock()
			t.Logf("output:\n%s", strings.Join(d.lines, "\n"))
		}
	})
	return d
}

func (d *daemon) configure(conf string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, "conf"), []byte(conf), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *daemon) signal(sig os.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(sig); err != nil {
		d.t.Fatal(err)
	}
}

// wait returns the n-th line that matches, with its submatches.
func (d *daemon) wait(n int, pattern string) []string {
	d.t.Helper()
	re := regexp.MustCompile(pattern)
	limit := time.After(20 * time.Second)
	for {
		d.mu.Lock()
		more, found := d.more, 0
		for _, l := range d.lines {
			if m := re.FindStringSubmatch(l); m != nil {
				if found++; found == n {
					d.mu.Unlock()
					return m
				}
			}
		}
		d.mu.Unlock()
		select {
		case <-more:
		case <-limit:
			d.t.Fatalf("no %d. line like %q", n, pattern)
		}
	}
}

func (d *daemon) count(pattern string) (n int) {
	re := regexp.MustCompile(pattern)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.lines {
		if re.MatchString(l) {
			n++
		}
	}
	return n
}

// exit waits for the parent's end.
func (d *daemon) exit() int {
	d.t.Helper()
	select {
	case <-d.ended:
		return d.cmd.ProcessState.ExitCode()
	case <-time.After(20 * time.Second):
		d.t.Fatal("the daemon does not end")
		return -1
	}
}

func (d *daemon) dial() *adminapi.Client {
	d.t.Helper()
	c, err := adminapi.Dial(d.t.Context(), filepath.Join(d.dir, "keepalived.sock"))
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = c.Close() })
	return c
}

func childPID(t *testing.T, m []string) int {
	t.Helper()
	pid, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestRealLifeOfTwoChildren(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "vrrp ok\nchecker ok\n")
	d.wait(1, `^Startup complete$`)
	d.wait(1, `^notify "READY=1`)
	d.wait(1, `^vrrp\[\d+\]: born restarts=0 args=\["keepalived" "-an" "argument"\]`)
	if st, err := os.Stat(filepath.Join(d.dir, "supervisor.sock")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("supervisor.sock: %v, %v; want mode 0600", st, err)
	}
	c := d.dial()
	st, err := c.Status(t.Context())
	if err != nil || len(st.GetProcesses()) != 3 || st.GetGeneration() != 1 || len(st.GetInstances()) != 1 {
		t.Errorf("status %v, %v", st, err)
	}

	// One refuses: the other is told to forget it.
	d.configure("vrrp ok\nchecker refuse\n")
	var refused *adminapi.RefusedError
	if _, err := c.Reload(t.Context(), &pb.ReloadRequest{}); !errors.As(err, &refused) || len(refused.Diagnostics) != 1 ||
		refused.Diagnostics[0].GetSubject().GetStart().GetLine() != 1 || !strings.Contains(refused.Reason, "no such interface") {
		t.Errorf("reload: %v, want the checker's refusal with its place", err)
	}
	d.wait(1, `^vrrp\[\d+\]: aborted 2$`)
	d.configure("vrrp ok\nfatal\n")
	if _, err := c.Reload(t.Context(), &pb.ReloadRequest{}); !errors.As(err, &refused) {
		t.Errorf("reload: %v, want a refusal", err)
	}
	d.configure("vrrp ok\nchecker die\n")
	if _, err := c.Reload(t.Context(), &pb.ReloadRequest{}); !errors.As(err, &refused) || !strings.Contains(refused.Reason, "lost while") {
		t.Errorf("reload: %v, want a refusal because the checker dies", err)
	}
	d.wait(2, `^checker\[\d+\]: applied 1$`) // the next one runs the old generation
	if n := d.count(`applied [^1]`); n != 0 {
		t.Errorf("a refused generation was applied %d times", n)
	}

	d.configure("vrrp ok\nchecker ok\n")
	plan, err := c.Reload(t.Context(), &pb.ReloadRequest{DryRun: true})
	if err != nil || len(plan.GetPlans()) != 2 || plan.GetGeneration() != 1 {
		t.Errorf("dry run: %v, %v", plan, err)
	}
	d.signal(syscall.SIGHUP)
	d.wait(1, `^Reload complete$`)
	d.wait(1, `^vrrp\[\d+\]: applied [2-9]$`)
	d.wait(1, `^checker\[\d+\]: applied [2-9]$`)
	var got []string
	if err := c.Instances(t.Context(), nil, func(v *pb.Instance) error {
		got = append(got, fmt.Sprint(v.GetName(), v.GetGeneration() > 1))
		return nil
	}); err != nil || !slices.Equal(got, []string{"VI_1true"}) {
		t.Errorf("instances %q, %v", got, err)
	}

	d.signal(syscall.SIGTERM)
	if code := d.exit(); code != 0 {
		t.Errorf("exit status %d, want 0", code)
	}
	d.wait(1, `^Stopping$`)
	d.wait(1, `^vrrp\[\d+\]: stopping$`)
	d.wait(1, `^checker\[\d+\]: stopping$`)
	d.wait(1, `^Stopped test daemon$`)
	if left, err := os.ReadDir(d.dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v; want the configuration alone", left, err)
	}
}

func TestRealCrashesAreRespawned(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ how, line string }{
		{"panic", `^pid \d+ exited due to signal 6 \(Aborted\)$`},
		{"exit2", `^pid \d+ exited with status 2$`},
		{"abort", `^pid \d+ exited due to signal 6 \(Aborted\)$`},
		{"hang", `has not shown life for 10s: aborting it$`},
	} {
		t.Run(tt.how, func(t *testing.T) {
			t.Parallel()
			d := startDaemon(t, "vrrp "+tt.how+"\n")
			d.wait(1, tt.line)
			d.wait(1, `^VRRP child process\(\d+\) died: Respawning$`)
			d.wait(2, `^vrrp\[\d+\]: applied 1$`)
			d.wait(1, `^vrrp\[\d+\]: life 2$`) // the memory handed over
			if tt.how == "panic" {
				d.wait(1, `^VRRP: panic: the test wants it`) // from its captured stderr
			}
			if tt.how == "hang" {
				d.wait(1, `^VRRP: goroutine \d+`)
			}
			d.signal(syscall.SIGTERM)
			if code := d.exit(); code != 0 {
				t.Errorf("exit status %d, want 0", code)
			}
		})
	}
}

// TestRealOverridesOutliveTheChild: kill -9, also while a command is under way.
func TestRealOverridesOutliveTheChild(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "checker ok\n")
	pid := childPID(t, d.wait(1, `^checker\[(\d+)\]: applied 1$`))
	d.wait(1, `inherits 0 records 0 overrides$`)
	d.wait(1, `^Startup complete$`)
	c := d.dial()
	request := func(server string) *pb.SetRealServerRequest {
		return &pb.SetRealServerRequest{Service: "V", Server: server, Why: "test", Action: &pb.SetRealServerRequest_Disable{}}
	}
	inForce := func() (text string) {
		st, err := c.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range st.GetOverrides() {
			text += short(v) + " by " + v.GetWho() + ": " + v.GetWhy()
		}
		return text
	}
	if _, err := c.SetRealServer(t.Context(), request("1")); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		st, err := c.Status(t.Context())
		if err != nil || time.Since(began) > 20*time.Second {
			t.Fatalf("the records have not come: %v", err)
		}
		if len(st.GetNotices()) > 0 {
			break
		}
	}
	me, _ := accounts.Accounts{}.Name(uint32(os.Getuid()))
	want := fmt.Sprintf("1 disabled by %s (pid %d): test", me, os.Getpid())
	if got := inForce(); got != want {
		t.Errorf("in force %q, want %q", got, want)
	}
	result := make(chan error, 1)
	go func() {
		_, err := c.SetRealServer(context.Background(), request("stuck"))
		result <- err
	}()
	d.wait(1, `: sets stuck$`)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := <-result; !errors.Is(err, adminapi.ErrUnavailable) || !strings.Contains(err.Error(), "was lost before it answered") {
		t.Errorf("the command under way: %v", err)
	}
	d.wait(1, `inherits 2 records 1 overrides$`)
	d.wait(2, `^checker\[\d+\]: applied 1$`)
	if got := inForce(); got != want {
		t.Errorf("afterwards in force %q, want %q", got, want)
	}
	d.signal(syscall.SIGTERM)
	if code := d.exit(); code != 0 {
		t.Errorf("exit status %d, want 0", code)
	}
}

func TestRealPermanentEnds(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"exit102", "fatal", "refuse"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			d := startDaemon(t, "vrrp "+how+"\nchecker ok\n")
			if code := d.exit(); code != 2 {
				t.Errorf("exit status %d, want 2", code)
			}
			d.wait(1, `^pid \d+ exited with permanent error CONFIG\. Terminating$`)
		})
	}
}

func TestRealDontRespawn(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "vrrp abort\n", "TEST_NO_RESPAWN=1")
	if code := d.exit(); code != 0 {
		t.Errorf("exit status %d, want 0", code)
	}
	d.wait(1, `^VRRP child process\(\d+\) died: Exiting$`)
}

// TestRealStrangersAreRefused: neither a guess nor a token read off a child's
// environment lets another process in.
func TestRealStrangersAreRefused(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "vrrp leak\n")
	token := d.wait(1, `token (\S+)`)[1]
	for _, stranger := range []struct{ token, refused string }{
		{"guess", "unknown token"},
		{token, "not the process the token was given to"},
	} {
		updates := make(chan childapi.Update, 1)
		client := childapi.NewClient(childapi.Options{
			Boot:   childapi.Boot{Role: childapi.VRRP, Token: stranger.token, Socket: filepath.Join(d.dir, "supervisor.sock")},
			Config: func(u childapi.Update) { updates <- u },
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- client.Run(ctx) }()
		d.wait(1, "^Refused a child's registration: "+stranger.refused+"$")
		cancel()
		<-done
		if len(updates) != 0 {
			t.Errorf("with the token %s it got the configuration", stranger.token)
		}
	}
	st, err := d.dial().Status(t.Context())
	if err != nil || !st.GetProcesses()[1].GetConnected() {
		t.Errorf("the real child lost its session: %v, %v", st, err)
	}
}

// TestRealParentDeath: children live while locked threads of the parent end, and
// get SIGTERM when the parent itself is killed.
func TestRealParentDeath(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "vrrp ok\nchecker ok\nchurn\n")
	d.wait(1, `^Startup complete$`)
	c := d.dial()
	for began := time.Now(); time.Since(began) < time.Second; {
		st, err := c.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range st.GetProcesses() {
			if p.GetRestarts() != 0 {
				t.Fatalf("%v was restarted: PDEATHSIG of a thread that ended?", p.GetRole())
			}
		}
	}
	d.signal(syscall.SIGKILL)
	d.wait(1, `^vrrp\[\d+\]: orphaned$`)
	d.wait(1, `^checker\[\d+\]: orphaned$`)
	// The next daemon takes the sockets of the dead one.
	next := startIn(t, d.dir, "vrrp ok\n")
	next.wait(1, `^Startup complete$`)
	// And a further one does not.
	third := startIn(t, d.dir, "vrrp ok\n")
	if code := third.exit(); code != 1 {
		t.Errorf("a second daemon ends with %d, want 1", code)
	}
	third.wait(1, `^run: .*another process answers on it`)
}

func TestRealSignalBurst(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "vrrp ok\nchecker ok\n")
	// From the first moment of the pid file on.
	for began := time.Now(); ; {
		if _, err := os.Stat(filepath.Join(d.dir, "pid")); err == nil {
			break
		}
		if time.Since(began) > 10*time.Second {
			t.Fatal("no pid file")
		}
	}
	burst := []os.Signal{syscall.SIGUSR1, syscall.SIGUSR2, sigJSON, sigClear, syscall.SIGHUP, syscall.SIGPIPE}
	for i := range 1000 {
		d.signal(burst[i%len(burst)])
	}
	d.wait(1, `^vrrp\[\d+\]: dump .*DATA`)
	d.wait(1, `^vrrp\[\d+\]: dump .*JSON`)
	d.wait(1, `^checker\[\d+\]: dump `)
	d.wait(1, `^Reload complete$`)
	c := d.dial()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := c.Reload(ctx, &pb.ReloadRequest{}); err != nil {
		t.Errorf("reload after the burst: %v", err)
	}
	st, err := c.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range st.GetProcesses() {
		if p.GetRestarts() != 0 {
			t.Errorf("%v was restarted", p.GetRole())
		}
	}
	d.signal(syscall.SIGTERM)
	if code := d.exit(); code != 0 {
		t.Errorf("exit status %d, want 0", code)
	}
}

func TestRealKilledChildren(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "vrrp ok\nchecker ok\n")
	d.wait(1, `^Startup complete$`)
	pid := childPID(t, d.wait(1, `^Starting Healthcheck child process, pid=(\d+)$`))
	began := time.Now()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	d.wait(2, `^checker\[\d+\]: applied 1$`)
	t.Logf("replaced %v after its kill", time.Since(began))
	d.wait(1, `^pid `+strconv.Itoa(pid)+` exited due to signal 9 \(Killed\) - has rlimit_rttime been exceeded\?$`)
	d.wait(1, `^Healthcheck child process\(`+strconv.Itoa(pid)+`\) died: Respawning$`)
	d.wait(1, `^Restart of Healthcheck process delayed 0 seconds to limit respawn rate$`)
	if n := d.count(`^VRRP child process`); n != 0 {
		t.Error("the other child was touched")
	}
}
