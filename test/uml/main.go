package uml

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// kernelTests are the tests that Main sends to the other kernel when this one lacks what
// they need.
const kernelTests = `^(Test|Benchmark)Kernel`

// Main is the body of a TestMain: the tests whose names begin with TestKernel (or
// BenchmarkKernel) need a kernel with these modules. Where this kernel has them, all tests
// run here. Otherwise the others run here, and then those in User-Mode Linux, the same
// test binary with the same flags; the package passes when both do. They are not skipped
// on the way; where there is no User-Mode Linux either that is said, and is a failure
// under KEEPALIVED_TESTS=all. Under the race detector, which User-Mode Linux cannot run,
// they are left out.
//
// Kernel tests start with netlab.Need, which counts them by kernel.
func Main(m *testing.M, modules ...string) { os.Exit(Status(m, modules...)) }

// Status is Main for a TestMain that has to tidy up: it returns the exit status.
func Status(m *testing.M, modules ...string) int {
	flag.Parse()
	if setFlag("test.list") || netlab.Kernel() == "uml" || Has(modules...) {
		return m.Run()
	}
	names, err := kernelTestNames()
	if err != nil {
		fmt.Fprintln(os.Stderr, "listing the tests:", err)
		return 1
	}
	skip := kernelTests
	if s := flagValue("test.skip"); s != "" {
		skip = s + "|" + skip
	}
	userSkip := flagValue("test.skip")
	_ = flag.Set("test.skip", skip)
	status := m.Run()
	if len(names) > 0 {
		status = max(status, elsewhere(names, userSkip))
	}
	return status
}

// elsewhere runs the named tests in User-Mode Linux and returns the exit status.
func elsewhere(names []string, skip string) int {
	all := os.Getenv(netlab.EnvTests) == "all"
	if raceDetector {
		fmt.Printf("%d kernel tests are not run under the race detector\n", len(names))
		return 0
	}
	if why := Missing(); why != "" {
		fmt.Printf("%d kernel tests need another kernel, and there is no User-Mode Linux: %s\n", len(names), why)
		for _, n := range names {
			appendCounts([]byte("uml\tskip\t" + n + "\n"))
		}
		if all {
			return 1
		}
		return 0
	}
	fmt.Printf("=== %d kernel tests, in User-Mode Linux\n", len(names))
	status, err := runTests(names, skip)
	if err != nil {
		fmt.Println("FAIL:", err)
		return 1
	}
	return status
}

// runTests runs this test binary in User-Mode Linux.
func runTests(names []string, skip string) (int, error) {
	exe, err := os.Executable()
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "ka-uml-counts-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	// Two kernels must not append to one file: each caches what it thinks is there.
	counts := filepath.Join(dir, "counts")
	status, err := Run(context.Background(), Job{
		Path: exe, Args: testArgs(names, skip), Output: os.Stdout, Limit: limit(),
		Env: append(os.Environ(), netlab.EnvCount+"="+counts),
	})
	if b, readErr := os.ReadFile(counts); readErr == nil {
		appendCounts(b)
	}
	return status, err
}

// testArgs are the flags given, for the tests named.
func testArgs(names []string, skip string) []string {
	run := "^(" + strings.Join(names, "|") + ")$"
	if _, sub, ok := strings.Cut(flagValue("test.run"), "/"); ok {
		run += "/" + sub
	}
	args := []string{"-test.run=" + run}
	if skip != "" {
		args = append(args, "-test.skip="+skip)
	}
	flag.Visit(func(f *flag.Flag) {
		switch name := f.Name; {
		case name == "test.run", name == "test.skip", name == "test.testlogfile", name == "test.gocoverdir",
			strings.HasSuffix(name, "profile"), name == "test.trace":
		default:
			args = append(args, "-"+name+"="+f.Value.String())
		}
	})
	return append(args, flag.Args()...)
}

// limit is what the kernel gets: the tests' own limit, which says more when it is passed,
// comes first.
func limit() time.Duration {
	if d, err := time.ParseDuration(flagValue("test.timeout")); err == nil && d > 0 {
		return d + 30*time.Second
	}
	return 15 * time.Minute
}

// kernelTestNames lists the kernel tests that -run and -bench ask for.
func kernelTestNames() ([]string, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	list, err := exec.Command(exe, "-test.list="+kernelTests).Output()
	if err != nil {
		return nil, err
	}
	top, _, _ := strings.Cut(flagValue("test.run"), "/")
	wanted, err := regexp.Compile(top)
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range bytes.Lines(list) {
		name := strings.TrimSpace(string(line))
		isTest := strings.HasPrefix(name, "TestKernel") && wanted.MatchString(name)
		isBench := strings.HasPrefix(name, "BenchmarkKernel") && setFlag("test.bench")
		if isTest || isBench {
			names = append(names, name)
		}
	}
	return names, nil
}

// Has reports whether this kernel can be used: we are root, and it has the modules.
func Has(modules ...string) bool {
	if os.Geteuid() != 0 {
		return false
	}
	for _, m := range modules {
		if _, err := os.Stat("/sys/module/" + m); err != nil && exec.Command("modprobe", "-q", m).Run() != nil {
			return false
		}
	}
	return true
}

func flagValue(name string) string {
	if f := flag.Lookup(name); f != nil {
		return f.Value.String()
	}
	return ""
}

func setFlag(name string) bool { return flagValue(name) != "" }

// appendCounts adds lines to the file in which netlab.Need counts.
func appendCounts(lines []byte) {
	name := os.Getenv(netlab.EnvCount)
	if name == "" {
		return
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.Write(lines)
}
