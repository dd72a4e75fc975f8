package lvs

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

// envBin names the daemon under test.
const envBin = "KEEPALIVED_BIN"

// ours and ourCtl are the programs under test, absolute; set by TestMain.
var ours, ourCtl string

func TestMain(m *testing.M) {
	flag.Parse()
	parallel := false
	flag.Visit(func(f *flag.Flag) { parallel = parallel || f.Name == "test.parallel" })
	if !parallel { // the comparisons wait most of their time
		_ = flag.Set("test.parallel", "6")
	}
	if err := findPrograms(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	uml.Main(m, "ip_vs")
}

// findPrograms takes the daemon from the environment or builds it, and leaves its name there
// for the other kernel.
func findPrograms() error {
	bin := os.Getenv(envBin)
	build := bin == ""
	if build {
		bin = "../../bin/keepalived"
	}
	var err error
	if ours, err = filepath.Abs(bin); err != nil {
		return err
	}
	ourCtl = filepath.Join(filepath.Dir(ours), "keepalivedctl")
	if err := os.Setenv(envBin, ours); err != nil || !build {
		return err
	}
	for bin, pkg := range map[string]string{ours: "keepalived/cmd/keepalived", ourCtl: "keepalived/cmd/keepalivedctl"} {
		build := exec.Command("go", "build", "-trimpath", "-tags", "grpcnotrace", "-o", bin, pkg)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", pkg, err, out)
		}
	}
	return nil
}

// needs are what every test here needs.
func needs(t *testing.T, more ...string) {
	t.Helper()
	netlab.Need(t, append([]string{"root", "netns", "veth", "ipvs", "keepalived", "cmd:ipvsadm"}, more...)...)
}
