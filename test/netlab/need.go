package netlab

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Paths of the real peers, as Debian installs them.
const (
	RealKeepalived = "/usr/sbin/keepalived"
	FRRDir         = "/usr/lib/frr"
)

// Environment variables that steer what happens when a need is not met and where
// the tests are counted.
const (
	// EnvTests set to "all" turns every skip into a failure.
	EnvTests = "KEEPALIVED_TESTS"
	// EnvCount names a file to which Need appends one line per test:
	// kernel ("host" or "uml"), a tab, "run" or "skip", a tab, the test's name.
	EnvCount = "KEEPALIVED_TEST_COUNTS"
)

// Need declares what a test needs. When something is missing the test is skipped
// with the reason, or fails when KEEPALIVED_TESTS=all. Known needs: "root",
// "netns", "veth", "keepalived", "frr", "ipvs", and "cmd:NAME" for a program in
// the path. Every call is counted (see EnvCount), so call it once per test.
func Need(t testing.TB, needs ...string) {
	t.Helper()
	for _, n := range needs {
		if why := missing(n); why != "" {
			count("skip", t.Name())
			if os.Getenv(EnvTests) == "all" {
				t.Fatalf("needs %s: %s", n, why)
			}
			t.Skipf("needs %s: %s", n, why)
		}
	}
	count("run", t.Name())
}

// missing returns why the need is not met here, or "".
func missing(need string) string {
	file := func(path string) string {
		if _, err := os.Stat(path); err != nil {
			return err.Error()
		}
		return ""
	}
	switch need {
	case "root":
		if os.Geteuid() != 0 {
			return "not running as root"
		}
		return ""
	case "netns", "veth":
		if why := missing("root"); why != "" {
			return why
		}
		if why := missing("cmd:ip"); why != "" {
			return why
		}
		return file("/proc/self/ns/net")
	case "keepalived":
		return file(RealKeepalived)
	case "frr":
		return file(FRRDir + "/vrrpd")
	case "ipvs":
		return file("/proc/net/ip_vs")
	}
	if name, ok := strings.CutPrefix(need, "cmd:"); ok {
		if _, err := exec.LookPath(name); err != nil {
			return err.Error()
		}
		return ""
	}
	return "netlab does not know this need"
}

// count appends one line to the file named by EnvCount. A line is one write with
// O_APPEND, so that packages tested at the same time do not mix theirs.
func count(what, test string) {
	name := os.Getenv(EnvCount)
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return
	}
	defer f.Close()
	fmt.Fprintf(f, "%s\t%s\t%s\n", Kernel(), what, test)
}

// Kernel says which of the two test kernels this is: "host" or "uml".
func Kernel() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	if strings.Contains(string(b), "User Mode Linux") {
		return "uml"
	}
	return "host"
}

// Eventually waits until cond holds and fails the test when it does not within
// the time given. what completes the sentence "timed out waiting for …".
func Eventually(t testing.TB, within time.Duration, what string, cond func() bool) {
	t.Helper()
	if !Await(within, cond) {
		t.Fatalf("timed out after %v waiting for %s", within, what)
	}
}

// Await waits until cond holds, at most the time given, and tells whether it did.
func Await(within time.Duration, cond func() bool) bool {
	deadline := time.Now().Add(within)
	for pause := 2 * time.Millisecond; ; pause = min(pause*2, 20*time.Millisecond) {
		if cond() {
			return true
		}
		left := time.Until(deadline)
		if left <= 0 {
			return false
		}
		<-time.After(min(pause, left))
	}
}

// alive tells whether a process with this pid exists and is not a zombie.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	st, ok := readStat(pid)
	return ok && st.state != 'Z' && st.state != 'X'
}
