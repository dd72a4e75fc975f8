package dialect_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// verdict is what a program says about a configuration.
type verdict struct {
	status int
	lines  map[int]bool // that have a complaint
	whole  int          // complaints without a line
	output string
}

// lab runs a shell script in network and mount namespaces of its own with eth0,
// eth1 and eth2, private /tmp, /run and /etc/keepalived, and dir as /mnt.
func lab(t *testing.T, dir, script string) {
	t.Helper()
	netlab.Need(t, "root", "netns", "keepalived")
	const setup = `set -e
mount --bind "$0" /mnt
for d in /run /tmp /etc/keepalived; do mkdir -p $d; mount -t tmpfs none $d; done
ip link set lo up
for i in 0 1 2; do
  ip link add eth$i type veth peer name peer$i
  ip link set eth$i up; ip link set peer$i up
done
ip addr add 198.18.9.1/24 dev eth0
cd /mnt
set +e
`
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--net", "--mount", "--propagation", "private", "bash", "-c", setup+script, dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("lab: %v\n%s", err, out)
	}
}

// theirs asks the real keepalived about all probes, in their order.
func theirs(t *testing.T, all []probe) []verdict {
	t.Helper()
	dir := t.TempDir()
	for i, p := range all {
		if err := os.WriteFile(fmt.Sprintf("%s/%04d.conf", dir, i), []byte(p.text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// A crash of 2.2.7 prints a line of the shell's, hence the inner sh.
	lab(t, dir, `half() {
  for f in *$1.conf; do
    sh -c "timeout 10 keepalived -t -n -f /mnt/$f -p /run/a$2 -r /run/b$2 -c /run/c$2 -b /run/d$2 >${f%.conf}.out 2>&1" 2>/dev/null
    echo $? >${f%.conf}.status
  done
}
half "[02468]" 0 & half "[13579]" 1 & wait
true`)
	out := make([]verdict, len(all))
	for i := range all {
		out[i] = readVerdict(t, filepath.Join(dir, fmt.Sprintf("%04d", i)))
	}
	return out
}

var (
	lineNumber = regexp.MustCompile(`^\((?:\S+: )?Line (\d+)\) `)
	fileName   = regexp.MustCompile(`/mnt/\d+\.conf: `)
)

func readVerdict(t *testing.T, base string) verdict {
	t.Helper()
	status, err := os.ReadFile(base + ".status")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(base + ".out")
	if err != nil {
		t.Fatal(err)
	}
	v := verdict{lines: map[int]bool{}, output: fileName.ReplaceAllString(string(text), "")}
	if v.status, err = strconv.Atoi(strings.TrimSpace(string(status))); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(v.output) {
		if strings.Contains(line, "Config files missing") {
			continue // said, and no complaint for the status
		}
		if m := lineNumber.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[1])
			v.lines[n] = true
		} else {
			v.whole++
		}
	}
	return v
}
