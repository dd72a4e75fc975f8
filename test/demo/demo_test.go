package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

func TestSummary(t *testing.T) {
	const limit = 700 * time.Millisecond
	cases := []struct {
		name string
		took time.Duration
		want int
	}{
		{"within the limit", limit, 0},
		{"one past the limit", limit + 1, 1},
	}
	for _, c := range cases {
		var out bytes.Buffer
		d := &demo{out: &out, results: []result{{"a", c.took, limit}, {"no limit", time.Hour, 0}}}
		if got := d.summary(); got != c.want {
			t.Errorf("%s: status %d, want %d\n%s", c.name, got, c.want, &out)
		}
	}
}

func TestEcho(t *testing.T) {
	p := &prober{target: netip.MustParseAddr(vip), id: 0x1234}
	want := []byte{8, 0, 0xde, 0xcb, 0x12, 0x34, 0x07, 0x00}
	if got := p.echo(0x700); !bytes.Equal(got, want) {
		t.Errorf("got % x, want % x", got, want)
	}
}

// demoProgram builds the demo and returns the command that shows the daemon, what it will
// write, and the directory for its temporary files.
func demoProgram(t *testing.T, daemon string) (cmd *exec.Cmd, out *output, tmp string) {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "demo")
	if out, err := exec.Command("go", "build", "-tags", "grpcnotrace", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	examples, err := filepath.Abs("../../deploy/examples")
	if err != nil {
		t.Fatal(err)
	}
	tmp = t.TempDir()
	out = &output{}
	cmd = exec.Command(bin, "-keepalived", daemon, "-examples", examples)
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	cmd.Stdout, cmd.Stderr = out, out
	return cmd, out, tmp
}

// output collects what a running program writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// TestInterrupt interrupts a demo of the real keepalived and looks for what stays: its
// namespaces here, or the kernel that it has booted.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	netlab.Need(t, "netns", "keepalived")
	cmd, out, tmp := demoProgram(t, netlab.RealKeepalived)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	netlab.Eventually(t, 30*time.Second, "the first second of the demo", func() bool { return strings.Contains(out.String(), " 1.0") })
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the status is looked at below
	if got := cmd.ProcessState.Sys().(syscall.WaitStatus).ExitStatus(); got != statusInterrupted || !strings.Contains(out.String(), "interrupted") {
		t.Errorf("ended with %d\n%s", got, out)
	}
	if left, _ := filepath.Glob(fmt.Sprintf("/run/netns/ka-%d-*", cmd.Process.Pid)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if left, _ := os.ReadDir(tmp); len(left) != 0 {
		t.Errorf("left in its directory for temporary files: %v", left)
	}
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		if b, _ := os.ReadFile(f); bytes.Contains(b, []byte(tmp+"/")) {
			t.Errorf("still running: %q", b)
		}
	}
}

// TestDemo plays all of it with our daemon. How long things take beside other tests is not
// judged here: make demo does.
func TestDemo(t *testing.T) {
	t.Parallel()
	netlab.Need(t, "netns")
	daemon := os.Getenv("KEEPALIVED_BIN")
	if daemon == "" {
		daemon = "../../bin/keepalived"
	}
	daemon, err := filepath.Abs(daemon)
	if err != nil {
		t.Fatal(err)
	}
	cmd, out, _ := demoProgram(t, daemon)
	if err := cmd.Run(); err != nil && !strings.Contains(out.String(), "MISSED") {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		`pages: web-1 [45]×, web-2 [56]×\n`, `pages: web-1 0×, web-2 10×\n`,
		`a dead web server is asked no more +[0-9.]+ s  limit`, `it is asked again after its return +[0-9.]+ s  limit`,
		`takeover after a crash +[0-9.]+ s  limit`, `takeover after a clean stop +[0-9.]+ s  limit`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("no line of the demo matches %q", want)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
}
