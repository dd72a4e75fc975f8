package compat

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"keepalived/test/uml"
)

// envBin names the program to be tested; without it the tests build one.
const envBin = "KEEPALIVED_BIN"

func TestMain(m *testing.M) { os.Exit(withProgram(func() int { return uml.Status(m, "ip_vs") })) }

// withProgram finds or builds the program, for this kernel and the other one, and
// removes what it has built.
func withProgram(run func() int) int {
	if os.Getenv(envBin) != "" {
		return run()
	}
	dir, err := os.MkdirTemp("", "keepalived-compat-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "keepalived")
	build := exec.Command("go", "build", "-trimpath", "-tags", "grpcnotrace", "-o", bin, "keepalived/cmd/keepalived")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building: %v\n%s", err, out)
		return 1
	}
	os.Setenv(envBin, bin)
	return run()
}
