package daemon

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"keepalived/test/netlab"
	"keepalived/test/uml"
)

// ours and ourCtl are the programs under test, absolute; set by TestMain.
var ours, ourCtl string

func TestMain(m *testing.M) {
	flag.Parse()
	parallel := false
	flag.Visit(func(f *flag.Flag) { parallel = parallel || f.Name == "test.parallel" })
	if !parallel { // the tests wait most of their time
		_ = flag.Set("test.parallel", "12")
	}
	if netlab.Kernel() == "uml" { // one slow processor
		_ = flag.Set("test.parallel", "2")
	}
	os.Exit(withPrograms(func() int { return uml.Status(m, "ip_vs") }))
}

// withPrograms finds or builds the programs and removes what it has built.
func withPrograms(run func() int) int {
	if bin := os.Getenv("KEEPALIVED_BIN"); bin != "" {
		abs, err := filepath.Abs(bin)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		ours, ourCtl = abs, filepath.Join(filepath.Dir(abs), "keepalivedctl")
		return run()
	}
	// Not below /tmp, which is private to each daemon.
	dir, err := os.MkdirTemp("/var/tmp", "keepalived-daemon-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	ours, ourCtl = filepath.Join(dir, "keepalived"), filepath.Join(dir, "keepalivedctl")
	for bin, pkg := range map[string]string{ours: "keepalived/cmd/keepalived", ourCtl: "keepalived/cmd/keepalivedctl"} {
		build := exec.Command("go", "build", "-trimpath", "-tags", "grpcnotrace", "-o", bin, pkg)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building %s: %v\n%s", pkg, err, out)
			return 1
		}
	}
	_ = os.Setenv("KEEPALIVED_BIN", ours) // for the tests that run on the other kernel
	return run()
}
