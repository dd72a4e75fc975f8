package uml

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keepalived/test/netlab"
)

func TestMain(m *testing.M) { Main(m, "ip_vs") }

// boots reports what a shell script in User-Mode Linux does; a test of this machine only.
func boots(t *testing.T, j Job) (status int, output string, err error) {
	t.Helper()
	netlab.Need(t, "cmd:linux.uml")
	var out bytes.Buffer
	j.Output = &out
	if j.Modules == nil {
		j.Modules = []string{"ip_vs"}
	}
	status, err = Run(context.Background(), j)
	return status, out.String(), err
}

func TestRunGivesStatusAndOutput(t *testing.T) {
	t.Parallel()
	argument := "it's\n$HOME \\ \"x\""
	status, out, err := boots(t, Job{
		Path: "/bin/sh", Dir: "/usr/share", Env: []string{"GREETING=a 'b'\nc", "2BAD=x"},
		Args: []string{"-c", `printf '%s|%s|%s|' "$1" "$GREETING" "$PWD"; id -u; seq 300000; exit 7`, "sh", argument},
	})
	if err != nil || status != 7 {
		t.Fatalf("status %d, error %v; want 7 and none", status, err)
	}
	head := argument + "|a 'b'\nc|/usr/share|0\n"
	if !strings.HasPrefix(out, head) {
		t.Errorf("output begins with %.80q, want %q", out, head)
	}
	var want strings.Builder
	for i := range 300000 {
		fmt.Fprintln(&want, i+1)
	}
	if tail := strings.TrimPrefix(out, head); tail != want.String() {
		t.Errorf("of %d octets of output arrived %d", want.Len(), len(tail))
	}
}

func TestRunTellsASignal(t *testing.T) {
	t.Parallel()
	if status, _, err := boots(t, Job{Path: "/bin/sh", Args: []string{"-c", "kill -9 $$"}}); err != nil || status != 137 {
		t.Errorf("status %d, error %v; want 137 and none", status, err)
	}
}

func TestRunWithoutStatusIsAnError(t *testing.T) {
	t.Parallel()
	_, _, err := boots(t, Job{Path: "/bin/busybox", Args: []string{"poweroff", "-f"}})
	if err == nil || !strings.Contains(err.Error(), "no exit status") {
		t.Errorf("error %v; want one about the missing status", err)
	}
}

func TestRunEndsAtItsLimit(t *testing.T) {
	t.Parallel()
	start := time.Now()
	_, out, err := boots(t, Job{Path: "/bin/sh", Args: []string{"-c", showInit + "exec sleep 1000"}, Limit: 6 * time.Second})
	if err == nil || !strings.Contains(err.Error(), "still running after 6s") {
		t.Errorf("error %v; want the limit", err)
	}
	if took := time.Since(start); took > 12*time.Second {
		t.Errorf("took %v", took)
	}
	if left := processes(strings.TrimSpace(out)); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// showInit prints the path of the init program, which is among the arguments of all
// processes of this kernel and of no other.
const showInit = `sed 's/.*init=\([^ ]*\).*/\1/' /proc/cmdline; `

// processes lists the machine's processes with the path among their arguments.
func processes(path string) (found []string) {
	if !strings.HasSuffix(path, "/init") {
		return []string{"no path of an init program: " + path}
	}
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		if b, _ := os.ReadFile(f); bytes.Contains(b, []byte(path)) {
			found = append(found, string(b))
		}
	}
	return found
}

// envVictim makes this binary a process that boots a kernel and waits to be killed.
const envVictim = "KEEPALIVED_UML_VICTIM"

// A kernel does not outlive the process that booted it, however that one ends.
func TestKilledMasterTakesItsKernelAlong(t *testing.T) {
	t.Parallel()
	if os.Getenv(envVictim) != "" {
		_, _ = Run(context.Background(), Job{Path: "/bin/sh", Args: []string{"-c", showInit + "exec sleep 1000"}, Modules: []string{}, Output: os.Stdout})
		return
	}
	netlab.Need(t, "cmd:linux.uml")
	victim := exec.Command(os.Args[0], "-test.run=^TestKilledMasterTakesItsKernelAlong$")
	victim.Env = append(os.Environ(), envVictim+"=1")
	out, err := victim.StdoutPipe()
	if err == nil {
		err = victim.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	init, err := bufio.NewReader(out).ReadString('\n')
	init = strings.TrimSpace(init)
	if n := len(processes(init)); err != nil || n < 2 {
		t.Errorf("%q, %v: a kernel of %d processes", init, err, n)
	}
	_ = victim.Process.Kill()
	_ = victim.Wait()
	netlab.Eventually(t, 5*time.Second, "the end of the kernel's processes", func() bool { return len(processes(init)) == 0 })
	netlab.Eventually(t, 5*time.Second, "the removal of its directory", func() bool {
		_, err := os.Stat(filepath.Dir(init))
		return os.IsNotExist(err)
	})
}

// The kernel tests of netlab in short: what it builds with works on this kernel.
func TestKernelNetlab(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth", "ipvs")
	l := netlab.New(t)
	lan := l.LAN("lan")
	a, b := l.Host("a"), l.Host("b")
	l.Attach(lan, a, "eth0", "192.0.2.1/24", "2001:db8::1/64")
	l.Attach(lan, b, "eth0", "192.0.2.2/24", "2001:db8::2/64")
	for _, addr := range []string{"192.0.2.1:80", "[2001:db8::1]:80"} {
		var listener net.Listener
		var err error
		a.Do(func() { listener, err = net.Listen("tcp", addr) })
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		b.Do(func() {
			conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
			if err != nil {
				t.Errorf("b cannot reach a: %v", err)
				return
			}
			conn.Close()
		})
	}
	proc := a.Start(netlab.ProcOpts{Files: map[string]string{"/tmp/x": "private"}}, "/bin/sh", "-c", "cat /tmp/x; exit 3")
	if status := proc.Wait(10 * time.Second); status != 3 || proc.Log() != "private" {
		t.Errorf("a daemon ended with %d and said %q", status, proc.Log())
	}
}

func TestKernelModulesAreThere(t *testing.T) {
	netlab.Need(t, "root", "ipvs")
	if netlab.Kernel() != "uml" {
		return // on a machine with ip_vs the others are its administrator's affair
	}
	loaded, err := os.ReadFile("/proc/modules")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range Modules {
		_, notBuiltIn := os.Stat("/sys/module/" + m)
		if notBuiltIn != nil && !strings.Contains(string(loaded), m+" ") {
			t.Errorf("%s is neither loaded nor built in", m)
		}
	}
}
