package script

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// run makes a Runner that runs until the test ends.
func run(t *testing.T, c Config) (*Runner, chan Result) {
	t.Helper()
	results := make(chan Result, 4096)
	if c.Done == nil {
		c.Done = func(r Result) { results <- r }
	}
	r := NewRunner(c)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if n := r.running.Load(); n != 0 {
			t.Errorf("%d scripts left behind", n)
		}
	})
	return r, results
}

func sh(id int32, text string) Command {
	return Command{ID: id, Path: "/bin/sh", Argv: []string{"sh", "-c", text}}
}

func next(t *testing.T, results chan Result) Result {
	t.Helper()
	select {
	case r := <-results:
		return r
	case <-time.After(20 * time.Second):
		t.Fatal("no result")
		return Result{}
	}
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	limit := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("did not happen: %s", what)
		}
	}
}

// pidsIn waits until the file holds n process numbers.
func pidsIn(t *testing.T, path string, n int) []int {
	t.Helper()
	var pids []int
	eventually(t, fmt.Sprintf("%d processes in %s", n, path), func() bool {
		text, _ := os.ReadFile(path)
		pids = nil
		for _, f := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(f); err == nil {
				pids = append(pids, pid)
			}
		}
		return len(pids) == n
	})
	return pids
}

// alive is false for zombies too: an orphan's parent may be slow to wait.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func TestResults(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain.sh")
	if err := os.WriteFile(plain, []byte("#!/bin/sh\nexit 0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		c    Command
		want Result
		err  error
		ok   bool
	}{
		{"exit 0", sh(1, "exit 0"), Result{ID: 1}, nil, true},
		{"exit 3", sh(2, "exit 3"), Result{ID: 2, Exit: 3}, nil, false},
		{"death by signal", sh(3, "kill -9 $$"), Result{ID: 3, Exit: -1, Signal: syscall.SIGKILL}, nil, false},
		{"not there", Command{ID: 4, Path: dir + "/none", Argv: []string{"none"}}, Result{ID: 4, Exit: -1}, unix.ENOENT, false},
		{"not executable", Command{ID: 5, Path: plain, Argv: []string{plain}}, Result{ID: 5, Exit: -1}, unix.EACCES, false},
		{"arguments arrive", Command{ID: 6, Path: "/bin/sh", Argv: []string{"sh", "-c", `test "$1" = "a b" && exit 42`, "x", "a b"}},
			Result{ID: 6, Exit: 42}, nil, false},
		{"a background child does not hold it up", sh(7, "sleep 3 & exit 0"), Result{ID: 7}, nil, true},
	}
	r, results := run(t, Config{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r.Start(tt.c)
			got := next(t, results)
			if !errors.Is(got.Err, tt.err) {
				t.Errorf("Err = %v, want %v", got.Err, tt.err)
			}
			if got.OK() != tt.ok {
				t.Errorf("OK = %v", got.OK())
			}
			if got.Took <= 0 || got.Took > 3*time.Second {
				t.Errorf("Took = %v", got.Took)
			}
			got.Err, got.Took = nil, 0
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSurroundings: what a script of 2.2.7 was seen to get (strace, /proc of the script),
// from a daemon that runs with SCHED_RR, ignores and blocks signals and has open files.
func TestSurroundings(t *testing.T) {
	needRoot(t)
	inherited, err := unix.Dup(2) // without close-on-exec, like what a service manager passes
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(inherited)
	t.Setenv("IFS", "x")
	t.Setenv("LD_PRELOAD", "")
	t.Setenv("LD_LIBRARY_PATH", "/x")
	t.Setenv("KEEPALIVED_BOOT", "secret")
	t.Setenv("SCRIPT_TEST_KEPT", "yes")
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGUSR1)
	defer signal.Stop(c)
	old := unix.Umask(0o177)
	defer unix.Umask(old)

	r, results := run(t, Config{})
	everyThread(t, unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 5})
	defer everyThread(t, unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL})
	var rttime unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_RTTIME, &rttime); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_RTTIME, &unix.Rlimit{Cur: 5e6, Max: rttime.Max}); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_RTTIME, &rttime)

	out := filepath.Join(t.TempDir(), "out")
	r.Start(sh(1, `(ls -l /proc/$$/fd > `+out+`)
		{ grep -E '^(SigBlk|SigIgn|Umask):' /proc/self/status
		set -- $(cat /proc/self/stat); echo group $$ $5; echo nice ${19}; echo policy ${41}
		sleep 0.1; grep 'realtime timeout' /proc/$$/limits
		env | grep -E '^(IFS|LD_|KEEPALIVED_BOOT|SCRIPT_TEST_KEPT)'
		pwd; echo end; } >> `+out+` 2>&1`))
	if res := next(t, results); !res.OK() {
		t.Fatalf("script failed: %+v", res)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "total ") {
			continue
		}
		if f := strings.Fields(line); len(f) > 3 && f[len(f)-2] == "->" {
			line = strings.Join(f[len(f)-3:], " ")
		}
		got = append(got, line)
	}
	for i, line := range got {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "group" && f[1] == f[2] {
			got[i] = "group own"
		}
		if strings.HasPrefix(line, "Max realtime timeout") {
			got[i] = strings.Join(strings.Fields(line), " ")
		}
	}
	want := []string{
		"0 -> /dev/null", "1 -> /dev/null", "2 -> /dev/null",
		"Umask:\t0177", "SigBlk:\t0000000000000000", fmt.Sprintf("SigIgn:\t%016x", inheritedIgnored(t)),
		"group own", "nice 0", "policy 0", "Max realtime timeout unlimited unlimited us",
		"SCRIPT_TEST_KEPT=yes", wd, "end",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("surroundings of a script (-want +got):\n%s", diff)
	}
}

// inheritedIgnored is which of the two signals that the Go runtime leaves to the C
// library (32 and 33) whoever started this test has ignored: scripts inherit that.
func inheritedIgnored(t *testing.T) uint64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "SigIgn:\t")
	var mask uint64
	if _, err := fmt.Sscanf(rest, "%x", &mask); err != nil {
		t.Fatal(err)
	}
	return mask & (1<<31 | 1<<32)
}

// TestNoSignalIsBlocked: a daemon that was started with blocked signals does not hand
// them on; a script could not be ended then.
func TestNoSignalIsBlocked(t *testing.T) {
	if os.Getenv("SCRIPT_TEST_BLOCKED") == "" {
		cmd := exec.Command("env", "--block-signal=TERM,USR2", "SCRIPT_TEST_BLOCKED=1",
			"/proc/self/exe", "-test.run=^TestNoSignalIsBlocked$")
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Args[3] = self
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	own, err := os.ReadFile("/proc/self/status")
	if err != nil || strings.Contains(string(own), "SigBlk:\t0000000000000000") {
		t.Fatal("nothing is blocked here: the test shows nothing")
	}
	r, results := run(t, Config{})
	r.Start(sh(1, "grep -q '^SigBlk:.0000000000000000$' /proc/self/status"))
	if res := next(t, results); !res.OK() {
		t.Errorf("the script has blocked signals: %+v", res)
	}
}

func everyThread(t *testing.T, a unix.SchedAttr) {
	t.Helper()
	tids, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range tids {
		tid, err := strconv.Atoi(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.SchedSetAttr(tid, &a, 0); err != nil && err != unix.ESRCH {
			t.Fatalf("scheduling of thread %d: %v", tid, err)
		}
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("KEEPALIVED_TESTS") == "all" {
		t.Fatal("needs root")
	}
	t.Skip("needs root")
}

func TestRunsAsSomebodyElse(t *testing.T) {
	needRoot(t)
	dir, err := os.MkdirTemp("", "script")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	r, results := run(t, Config{})
	c := sh(1, "grep -E '^(Uid|Gid|Groups):' /proc/self/status > "+dir+"/out")
	c.As = &Credential{UID: 65534, GID: 65533, Groups: []uint32{65533}}
	r.Start(c)
	if res := next(t, results); !res.OK() {
		t.Fatalf("%+v", res)
	}
	text, err := os.ReadFile(dir + "/out")
	if err != nil {
		t.Fatal(err)
	}
	want := "Uid:\t65534\t65534\t65534\t65534\nGid:\t65533\t65533\t65533\t65533\nGroups:\t65533 \n"
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("credentials (-want +got):\n%s", diff)
	}
}

// TestTimeLimit: a script over its limit has failed whatever it exits with, and
// nothing of its process group is left.
func TestTimeLimit(t *testing.T) {
	tests := []struct {
		name     string
		text     string // writes the pids of its processes to $F
		pids     int
		from, to time.Duration
		want     Result
	}{
		{"ends on SIGTERM", `echo $$ > $F; sleep 60 & echo $! >> $F; wait`, 2, 200 * time.Millisecond, 1500 * time.Millisecond,
			Result{ID: 1, Exit: -1, Signal: syscall.SIGTERM, TimedOut: true}},
		{"exits 0 on SIGTERM: failed all the same", `trap 'exit 0' TERM; echo $$ > $F; sleep 60 & echo $! >> $F; wait`, 2, 200 * time.Millisecond, 1500 * time.Millisecond,
			Result{ID: 1, TimedOut: true}},
		{"ignores SIGTERM: killed two seconds later", `trap '' TERM; echo $$ > $F; sleep 60 & echo $! >> $F; while :; do sleep 60; done`, 2, 2200 * time.Millisecond, 4 * time.Second,
			Result{ID: 1, Exit: -1, Signal: syscall.SIGKILL, TimedOut: true}},
		{"leaves a child that ignores SIGTERM", `echo $$ > $F; (trap '' TERM; sleep 60 & echo $! >> $F; while :; do sleep 60; done) & wait`, 2, 200 * time.Millisecond, 1500 * time.Millisecond,
			Result{ID: 1, Exit: -1, Signal: syscall.SIGTERM, TimedOut: true}},
		{"is stopped", `echo $$ > $F; kill -STOP $$`, 1, 200 * time.Millisecond, 1500 * time.Millisecond,
			Result{ID: 1, Exit: -1, Signal: syscall.SIGTERM, TimedOut: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, results := run(t, Config{})
			file := filepath.Join(t.TempDir(), "pids")
			c := sh(1, "F="+file+"; "+tt.text)
			c.Limit = 200 * time.Millisecond
			r.Start(c)
			pids := pidsIn(t, file, tt.pids)
			got := next(t, results)
			if got.Took < tt.from || got.Took > tt.to {
				t.Errorf("took %v, want %v to %v", got.Took, tt.from, tt.to)
			}
			if got.OK() {
				t.Error("OK")
			}
			got.Took = 0
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			for _, pid := range pids {
				eventually(t, fmt.Sprintf("process %d gone", pid), func() bool { return !alive(pid) })
			}
		})
	}
}

func TestCancel(t *testing.T) {
	r, results := run(t, Config{})
	file := filepath.Join(t.TempDir(), "pids")
	r.Start(sh(1, "echo $$ > "+file+"; exec sleep 60"))
	pidsIn(t, file, 1)
	r.Cancel(2) // nobody
	r.Cancel(1)
	got := next(t, results)
	got.Took = 0
	if diff := cmp.Diff(Result{ID: 1, Exit: -1, Signal: syscall.SIGTERM, Cancelled: true}, got); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	r.Start(sh(1, "exit 0"))
	if got := next(t, results); !got.OK() {
		t.Errorf("the id is not free again: %+v", got)
	}
}

func TestOneRunPerIDAndALimitForAll(t *testing.T) {
	r, results := run(t, Config{Most: 2})
	file := filepath.Join(t.TempDir(), "pids")
	r.Start(sh(1, "echo $$ > "+file+"; exec sleep 60"))
	pidsIn(t, file, 1)
	r.Start(sh(1, "exit 0"))
	if got := next(t, results); got.ID != 1 || got.Err != ErrRunning {
		t.Errorf("second run of the same id: %+v", got)
	}
	eventually(t, "the refused one left", func() bool { return r.running.Load() == 1 })
	r.Start(sh(2, "exec sleep 60"))
	r.Start(sh(3, "exit 0"))
	if got := next(t, results); got.ID != 3 || got.Err != ErrBusy {
		t.Errorf("one more than Most: %+v", got)
	}
	r.Cancel(1)
	r.Cancel(2)
	next(t, results)
	next(t, results)
}

// TestStopLeavesNone: those that end in time are left alone, the others are ended, the
// ones that ignore SIGTERM too.
func TestStopLeavesNone(t *testing.T) {
	r, results := run(t, Config{})
	dir := t.TempDir()
	r.Start(sh(1, "echo $$ > "+dir+"/1; sleep 0.3; exit 0"))
	r.Start(sh(2, "echo $$ > "+dir+"/2; exec sleep 60"))
	r.Start(sh(3, "trap '' TERM; sleep 60 & echo $$ $! > "+dir+"/3; while :; do sleep 60; done"))
	var pids []int
	for i, n := range []int{1, 1, 2} {
		pids = append(pids, pidsIn(t, fmt.Sprintf("%s/%d", dir, i+1), n)...)
	}
	begun := time.Now()
	if left := r.Stop(time.Second); left != 0 {
		t.Errorf("Stop left %d", left)
	}
	if took := time.Since(begun); took < time.Second || took > 3*time.Second {
		t.Errorf("Stop took %v", took)
	}
	got := map[int32]Result{}
	for range 3 {
		res := next(t, results)
		got[res.ID] = res
	}
	if !got[1].OK() {
		t.Errorf("the one that ended in time: %+v", got[1])
	}
	if !got[2].Cancelled || got[2].Signal != syscall.SIGTERM || !got[3].Cancelled || got[3].Signal != syscall.SIGKILL {
		t.Errorf("the ended ones: %+v, %+v", got[2], got[3])
	}
	for _, pid := range pids {
		eventually(t, fmt.Sprintf("process %d gone", pid), func() bool { return !alive(pid) })
	}
	r.Start(sh(4, "exit 0"))
	if res := next(t, results); res.Err != ErrStopped {
		t.Errorf("after Stop: %+v", res)
	}
	if begun := time.Now(); r.Stop(time.Minute) != 0 || time.Since(begun) > time.Second {
		t.Error("a second Stop waits for nothing")
	}
}

// TestThousandScriptsWhileThreadsEnd: the parent-death signal comes from the end of the
// forking thread, so scripts forked from any thread that happens by die with it.
func TestThousandScriptsWhileThreadsEnd(t *testing.T) {
	r, results := run(t, Config{})
	stop := make(chan struct{})
	churned := make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				churned <- n
				return
			default:
			}
			done := make(chan struct{})
			go func() {
				runtime.LockOSThread() // ends with the goroutine, and its thread with it
				close(done)
			}()
			<-done
			n++
		}
	}()
	const scripts, most = 1000, 100
	var worst time.Duration
	started, lost := 0, []Result{}
	begun := time.Now()
	for ended := 0; ended < scripts; {
		for started < scripts && started-ended < most {
			r.Start(sh(int32(started), "sleep 0.02; exit 7"))
			started++
		}
		res := next(t, results)
		ended++
		worst = max(worst, res.Took)
		if res.Exit != 7 || res.Err != nil || res.Signal != 0 {
			lost = append(lost, res)
		}
	}
	close(stop)
	t.Logf("%d scripts in %v (longest %v) while %d threads ended", scripts, time.Since(begun), worst, <-churned)
	if len(lost) > 0 {
		t.Fatalf("%d of %d lost, the first: %+v", len(lost), scripts, lost[0])
	}
}

// TestScriptsDieWithTheDaemon: nobody is left to end them when it is killed.
func TestScriptsDieWithTheDaemon(t *testing.T) {
	if file := os.Getenv("SCRIPT_TEST_DAEMON"); file != "" {
		r, results := run(t, Config{})
		r.Start(sh(1, "echo $$ > "+file+"; exec sleep 60"))
		next(t, results)
		return
	}
	file := filepath.Join(t.TempDir(), "pid")
	p, err := os.StartProcess("/proc/self/exe", []string{"test", "-test.run=^TestScriptsDieWithTheDaemon$"},
		&os.ProcAttr{Env: append(os.Environ(), "SCRIPT_TEST_DAEMON="+file)})
	if err != nil {
		t.Fatal(err)
	}
	pid := pidsIn(t, file, 1)[0]
	if !alive(pid) {
		t.Fatal("the script is not there")
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the script died", func() bool { return !alive(pid) })
}

// TestWithoutPidfd: kernels before 5.3.
func TestWithoutPidfd(t *testing.T) {
	for _, pidfd := range []int{-1, 1 << 20} {
		pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", "sleep 0.1; exit 9"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c := watch(pid, pidfd)
		if !c.within(10 * time.Second) {
			t.Fatal("its end was not seen")
		}
		var res Result
		if err := c.reap(&res); err != nil || res.Exit != 9 {
			t.Errorf("reap: %+v, %v", res, err)
		}
	}
}

func TestEndedByAnotherWaiter(t *testing.T) {
	pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", "exit 9"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
		t.Fatal(err)
	}
	c := watch(pid, -1)
	if !c.within(10 * time.Second) {
		t.Fatal("hangs")
	}
	var res Result
	if err := c.reap(&res); !errors.Is(err, unix.ECHILD) {
		t.Errorf("reap: %v", err)
	}
}

func TestScriptEnv(t *testing.T) {
	got := scriptEnv([]string{"A=1", "IFS= ", "LD_PRELOAD=x", "LD_LIBRARY_PATH=y", "KEEPALIVED_BOOT=z", "IFSX=2", "LD_DEBUG=3"})
	if want := []string{"A=1", "IFSX=2", "LD_DEBUG=3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
