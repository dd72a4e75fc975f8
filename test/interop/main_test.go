package interop

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"keepalived/test/netlab"
)

// Environment: the daemon under test, and a file that gets the table too.
const (
	envBin   = "KEEPALIVED_BIN"
	envTable = "KEEPALIVED_INTEROP_TABLE"
)

// ours and ourCtl are the binaries under test, absolute; set by TestMain.
var ours, ourCtl string

func TestMain(m *testing.M) {
	flag.Parse()
	// The cases wait most of their time; the number of CPUs says nothing about how
	// many may wait together. A -parallel given by hand wins.
	if !given("test.parallel") {
		_ = flag.Set("test.parallel", "40")
	}
	if err := findBinaries(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	table.print(os.Stdout)
	if name := os.Getenv(envTable); name != "" {
		if f, err := os.Create(name); err == nil {
			table.print(f)
			_ = f.Close()
		}
	}
	os.Exit(status)
}

func given(name string) (is bool) {
	flag.Visit(func(f *flag.Flag) { is = is || f.Name == name })
	return is
}

// findBinaries takes the daemon from the environment or builds it.
func findBinaries() (err error) {
	if bin := os.Getenv(envBin); bin != "" {
		ours, err = filepath.Abs(bin)
		ourCtl = filepath.Join(filepath.Dir(ours), "keepalivedctl")
		return err
	}
	dir, err := filepath.Abs("../../bin")
	if err != nil {
		return err
	}
	ours, ourCtl = filepath.Join(dir, "keepalived"), filepath.Join(dir, "keepalivedctl")
	for bin, pkg := range map[string]string{ours: "keepalived/cmd/keepalived", ourCtl: "keepalived/cmd/keepalivedctl"} {
		build := exec.Command("go", "build", "-trimpath", "-tags", "grpcnotrace", "-o", bin, pkg)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", pkg, err, out)
		}
	}
	return nil
}

// selfCheck tells that the real keepalived runs on both sides.
func selfCheck() bool { return ours == netlab.RealKeepalived }

// row is one line of the interop table.
type row struct {
	version, cast, order, event string
	takeover, garp              time.Duration // 0: does not apply
	note                        string
	failed                      bool
}

type resultTable struct {
	mu   sync.Mutex
	rows []row
}

var table resultTable

// add enters a case; its result is known when the test ends.
func (rt *resultTable) add(t *testing.T, r row) {
	rt.mu.Lock()
	i := len(rt.rows)
	rt.rows = append(rt.rows, r)
	rt.mu.Unlock()
	t.Cleanup(func() {
		rt.mu.Lock()
		rt.rows[i].failed = t.Failed()
		rt.mu.Unlock()
	})
}

func (rt *resultTable) print(f *os.File) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if len(rt.rows) == 0 {
		return
	}
	rows := slices.Clone(rt.rows)
	slices.SortStableFunc(rows, func(a, b row) int {
		return strings.Compare(a.version+a.cast+a.event+a.order, b.version+b.cast+b.event+b.order)
	})
	ms := func(d time.Duration) string {
		if d == 0 {
			return "-"
		}
		return fmt.Sprintf("%.0f", float64(d)/float64(time.Millisecond))
	}
	w := tabwriter.NewWriter(f, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "\nversion\tcast\tmaster → backup\tevent\ttakeover ms\tGARP ms\tresult\t")
	for _, r := range rows {
		result := "ok"
		if r.failed {
			result = "FAILED"
		}
		if r.note != "" {
			result += ", " + r.note
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", r.version, r.cast, r.order, r.event, ms(r.takeover), ms(r.garp), result)
	}
	_ = w.Flush()
}
