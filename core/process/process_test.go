package process

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

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

// again runs one test in a process of its own, because it changes the process.
func again(t *testing.T) (child bool) {
	t.Helper()
	if os.Getenv("PROCESS_TEST_CHILD") == t.Name() {
		return true
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.v", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "PROCESS_TEST_CHILD="+t.Name())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
	return false
}

// threads makes some more threads and returns the numbers of all.
func threads(t *testing.T) []int {
	t.Helper()
	var tids []int
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	for range 8 {
		up := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(up)
			<-hold
		}()
		<-up
	}
	if err := eachThread(func(tid int) error { tids = append(tids, tid); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(tids) < 8 {
		t.Fatalf("only %d threads", len(tids))
	}
	return tids
}

func TestNameOfEveryThread(t *testing.T) {
	if !again(t) {
		return
	}
	tids := threads(t)
	for given, want := range map[string]string{"keepalived": "keepalived", "keepalived_vrrp": "keepalived_vrrp", "a_name_that_is_too_long": "a_name_that_is_"} {
		if err := SetName(given); err != nil {
			t.Fatal(err)
		}
		for _, tid := range append(tids, os.Getpid()) {
			got, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/comm", tid))
			if err == nil && strings.TrimSpace(string(got)) != want {
				t.Errorf("thread %d is called %q, want %q", tid, got, want)
			}
		}
	}
}

func TestSchedulingOfEveryThread(t *testing.T) {
	needRoot(t)
	if !again(t) {
		return
	}
	tids := threads(t)
	s := Scheduling{RTPriority: 7, RTTime: 10 * time.Second, CPUs: []int{0}}
	if err := s.Apply(); err != nil {
		t.Fatal(err)
	}
	tids = append(tids, threads(t)...) // later ones inherit
	for _, tid := range tids {
		a, err := unix.SchedGetAttr(tid, 0)
		if err == unix.ESRCH {
			continue
		}
		if err != nil || a.Policy != unix.SCHED_RR || a.Priority != 7 {
			t.Errorf("thread %d: %+v, %v", tid, a, err)
		}
		var set unix.CPUSet
		if err := unix.SchedGetaffinity(tid, &set); err != nil || set.Count() != 1 || !set.IsSet(0) {
			t.Errorf("thread %d runs on %d processors, %v", tid, set.Count(), err)
		}
	}
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_RTTIME, &l); err != nil || l.Cur != 10e6 {
		t.Errorf("rlimit_rttime %d, %v", l.Cur, err)
	}
	if err := (Scheduling{Nice: 3}).Apply(); err != nil {
		t.Fatal(err)
	}
	for _, tid := range tids {
		if a, err := unix.SchedGetAttr(tid, 0); err == nil && (a.Policy != unix.SCHED_NORMAL || a.Nice != 3) {
			t.Errorf("thread %d: %+v", tid, a)
		}
	}
	if err := (Scheduling{CPUs: []int{1000}, RTPriority: 1}).Apply(); err == nil {
		t.Error("a processor that does not exist is accepted")
	}
	if a, err := unix.SchedGetAttr(0, 0); err != nil || a.Policy != unix.SCHED_RR {
		t.Errorf("one failure keeps the others from being set: %+v, %v", a, err)
	}
}

// TestLockedMemoryIsSmall: with plain mlockall 1.2 GB are locked and 47 MB resident.
func TestLockedMemoryIsSmall(t *testing.T) {
	needRoot(t)
	if !again(t) {
		return
	}
	if err := LockMemory(); err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	figures := map[string]int{}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) == 3 && f[2] == "kB" {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			figures[f[0]] = n
		}
	}
	t.Logf("locked %d kB, resident %d kB", figures["VmLck:"], figures["VmRSS:"])
	if figures["VmLck:"] == 0 {
		t.Error("nothing is locked")
	}
	if figures["VmRSS:"] > 25_000 {
		t.Errorf("%d kB resident", figures["VmRSS:"])
	}
}

func TestOOMScore(t *testing.T) {
	if !again(t) {
		return
	}
	if err := SetOOMScore(500); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile("/proc/self/oom_score_adj"); err != nil || string(got) != "500\n" {
		t.Errorf("%q, %v", got, err)
	}
	if err := SetOOMScore(5000); err == nil {
		t.Error("5000 is accepted")
	}
}

func TestDieWithParent(t *testing.T) {
	switch os.Getenv("PROCESS_TEST_PDEATH") {
	case "parent": // starts the child, tells its pid, and is killed
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestDieWithParent$")
		cmd.Env = append(os.Environ(), "PROCESS_TEST_PDEATH=child", fmt.Sprint("PROCESS_TEST_PARENT=", os.Getpid()))
		runtime.LockOSThread()
		if err := cmd.Run(); err != nil {
			os.Exit(1)
		}
		return
	case "child":
		parent, err := strconv.Atoi(os.Getenv("PROCESS_TEST_PARENT"))
		if err != nil {
			os.Exit(1)
		}
		if alive, err := DieWithParent(syscall.SIGTERM, parent); err != nil || !alive {
			os.Exit(1)
		}
		if err := os.WriteFile(os.Getenv("PROCESS_TEST_FILE"), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
			os.Exit(1)
		}
		select {}
	}
	if alive, err := DieWithParent(0, os.Getppid()+1); err != nil || alive {
		t.Errorf("another parent: %v, %v", alive, err)
	}
	file := filepath.Join(t.TempDir(), "pid")
	p, err := os.StartProcess("/proc/self/exe", []string{"t", "-test.run=^TestDieWithParent$"}, &os.ProcAttr{
		Env: append(os.Environ(), "PROCESS_TEST_PDEATH=parent", "PROCESS_TEST_FILE="+file)})
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	eventually(t, "child is up", func() bool {
		text, _ := os.ReadFile(file)
		pid, err = strconv.Atoi(string(text))
		return err == nil
	})
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the child died", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || strings.Contains(string(stat), ") Z ")
	})
}

func TestServiceManager(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	read := func() string {
		t.Helper()
		buf := make([]byte, 4096)
		if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
	NotifyService("READY=1\nSTATUS=Up")
	if got := read(); got != "READY=1\nSTATUS=Up" {
		t.Errorf("got %q", got)
	}
	NotifyService("RELOADING=1")
	head, at, _ := strings.Cut(read(), "\nMONOTONIC_USEC=")
	if us, err := strconv.ParseUint(at, 10, 64); head != "RELOADING=1" || err != nil || us == 0 {
		t.Errorf("got %q at %q", head, at)
	}
	NotifyService("RELOADING=1\nMONOTONIC_USEC=5")
	if got := read(); got != "RELOADING=1\nMONOTONIC_USEC=5" {
		t.Errorf("got %q", got)
	}

	begun := time.Now()
	for range 5000 {
		NotifyService("WATCHDOG=1") // nobody reads
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("a manager that does not read held us for %v", took)
	}

	t.Setenv("NOTIFY_SOCKET", "@keepalived-process-test-"+strconv.Itoa(os.Getpid()))
	abstract, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: os.Getenv("NOTIFY_SOCKET"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	c = abstract
	NotifyService("STOPPING=1")
	if got := read(); got != "STOPPING=1" {
		t.Errorf("abstract: got %q", got)
	}
	t.Setenv("NOTIFY_SOCKET", "")
	NotifyService("READY=1")
	t.Setenv("NOTIFY_SOCKET", "/nonex")
	NotifyService("READY=1")
}

func TestWatchdogInterval(t *testing.T) {
	if WatchdogWanted() {
		t.Error("wanted without environment")
	}
	t.Setenv("WATCHDOG_USEC", "30000000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	if got := WatchdogInterval(); got != 30*time.Second {
		t.Errorf("interval %v", got)
	}
	t.Setenv("WATCHDOG_PID", "1")
	if WatchdogWanted() {
		t.Error("wanted of somebody else")
	}
}

func TestAccounts(t *testing.T) {
	dir := t.TempDir()
	a := Accounts{Passwd: dir + "/passwd", GroupFile: dir + "/group"}
	if _, _, ok := a.User("root"); ok {
		t.Error("a user without a file")
	}
	files := map[string]string{
		"passwd": "root:x:0:0:root:/root:/bin/bash\n# comment\n+nis\nbad:x:y:z\nshort:x\n\nkeepalived_script:x:990:991::/:/bin/false\nbig:x:4294967294:5:::\nover:x:4294967296:5:::\n",
		"group":  "root:x:0:\nadm:x:4:syslog,keepalived_script\nks:x:991:keepalived_script\nbad:x:y:keepalived_script\nlog:x:993:keepalived_script2,keepalived_script\n",
	}
	for name, text := range files {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"root": "0:0 true", "keepalived_script": "990:991 true", "big": "4294967294:5 true", "over": "0:0 false",
		"bad": "0:0 false", "short": "0:0 false", "nis": "0:0 false", "0": "0:0 false", "": "0:0 false",
	} {
		u, g, ok := a.User(name)
		if got := fmt.Sprintf("%d:%d %v", u, g, ok); got != want {
			t.Errorf("User(%q) = %s, want %s", name, got, want)
		}
	}
	if g, ok := a.Group("adm"); g != 4 || !ok {
		t.Errorf("Group(adm) = %d, %v", g, ok)
	}
	if _, ok := a.Group("bad"); ok {
		t.Error("Group(bad)")
	}
	if got, want := a.Groups("keepalived_script", 991), []uint32{991, 4, 993}; !slices.Equal(got, want) {
		t.Errorf("Groups = %v, want %v", got, want)
	}
	if name, ok := (Accounts{}).Name(0); name != "root" || !ok {
		t.Errorf("user 0 is %q, %v", name, ok)
	}
	if name, ok := a.Name(4294967295); ok {
		t.Errorf("a number nobody has is %q", name)
	}
	if u, g, ok := (Accounts{}).User("root"); u != 0 || g != 0 || !ok {
		t.Error("no root on this machine")
	}
}

func TestParseUmask(t *testing.T) {
	for s, want := range map[string]int{
		"0177": 0o177, "022": 0o22, "0x3f": 0x3f, "18": 18, "0": 0, "IXUSR|IRWXG|IRWXO": 0o177, "IRUSR | IWUSR": 0o600,
		"01000": -1, "8888": -1, "": -1, "IRUSR|": -1, "irusr": -1, "-1": -1, "089": -1,
	} {
		got, err := ParseUmask(s)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("ParseUmask(%q) = %o, %v, want %o", s, got, err, want)
		}
	}
}

func TestVersion(t *testing.T) {
	old := commit
	defer func() { commit = old }()
	commit = "0123456789ab"
	if got, want := Version(), version+" (0123456789ab)"; got != want {
		t.Errorf("Version() = %q, want %q", got, want)
	}
	// The exporters split line 1 of -v at blanks and drop the v.
	if f := strings.Split(Compat, "."); len(f) != 3 || f[0][0] != 'v' {
		t.Errorf("Compat is %q", Compat)
	}
	if _, err := time.Parse("(01/02,2006)", CompatDate); err != nil {
		t.Error(err)
	}
}
