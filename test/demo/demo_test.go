package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// TestInterrupt interrupts a demo of the real keepalived and looks for what stays.
func TestInterrupt(t *testing.T) {
	netlab.Need(t, "netns", "keepalived")
	bin := filepath.Join(t.TempDir(), "demo")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var out bytes.Buffer
	cmd := exec.Command(bin, "-keepalived", netlab.RealKeepalived, "-examples", "../../deploy/examples")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	mine := fmt.Sprintf("/run/netns/ka-%d-*", cmd.Process.Pid)
	left := func() []string {
		found, _ := filepath.Glob(mine)
		return found
	}
	netlab.Eventually(t, 10*time.Second, "the demo's four namespaces", func() bool { return len(left()) == 4 })
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the status is looked at below
	if got := cmd.ProcessState.Sys().(syscall.WaitStatus).ExitStatus(); got != 130 || !strings.Contains(out.String(), "interrupted") {
		t.Errorf("ended with %d\n%s", got, &out)
	}
	if l := left(); len(l) != 0 {
		t.Errorf("left behind: %v", l)
	}
}
