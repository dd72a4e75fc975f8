package dialect_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keepalived/test/netlab"
	"keepalived/test/uml"
)

// dumpFiles are what a daemon writes at SIGUSR1: the parent, the VRRP child and the
// healthchecker.
var dumpFiles = []string{"keepalived_parent.data", "keepalived.data", "keepalived_check.data"}

// runScript starts a daemon on each configuration of /mnt, asks for its dump when it has
// started and ends it with everything that it has started: there is a PID namespace for
// that. $0 is the program.
const runScript = `set -e
unset TMPDIR
mount --bind "$1" /mnt
program=$0
case $0 in /tmp/*) cp "$0" /mnt/program; program=/mnt/program;; esac # /tmp is another below
for d in /run /tmp /etc/keepalived; do mkdir -p $d; mount -t tmpfs none $d; done
ip link set lo up
for i in 0 1 2; do
  ip link add eth$i type veth peer name peer$i
  ip link set eth$i up; ip link set peer$i up
  ip addr add 198.18.$((9+i)).1/24 dev eth$i
done
set +e
cd /mnt
await() { # seconds / 50, condition
  n=$1; shift
  while [ $((n-=1)) -gt 0 ]; do eval "$@" && return 0; sleep 0.02; done
  return 1
}
complete() { # the file is there and nobody writes to it any more
  [ -s $1 ] && s=$(stat -c %s $1) && sleep 0.02 && [ "$s" = "$(stat -c %s $1)" ]
}
for f in *.conf; do
  b=${f%.conf}
  rm -rf /tmp/* /run/*
  "$program" -n -l -D -f /mnt/$f >$b.log 2>&1 &
  p=$!
  await 250 'grep -q "Startup complete" $b.log || ! kill -0 $p 2>/dev/null'
  # Asked again: 2.2.7 loses a signal that comes before its child listens.
  for n in 1 2 3 4 5 6 7 8; do
    kill -USR1 $p
    missing=
    for d in ` + "`cat $b.want`" + `; do await 50 "complete /tmp/$d" || missing=yes; done
    [ "$missing" ] || break
  done
  for d in /tmp/*.data; do cp $d $b.${d##*/} 2>/dev/null; done
  kill -9 -1
  wait $p 2>/dev/null
done
true`

// asRun starts a program on every text and returns what it has dumped, by file name.
// wants are the files that are waited for; run is here or inUML.
func asRun(t *testing.T, run func(*testing.T, ...string), program string, texts []string, wants []string) []map[string]string {
	t.Helper()
	dir := t.TempDir()
	for i, text := range texts {
		for name, content := range map[string]string{"conf": text, "want": strings.Join(wants, " ")} {
			if err := os.WriteFile(fmt.Sprintf("%s/%03d.%s", dir, i, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	run(t, "--net", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc", "--kill-child",
		"bash", "-c", runScript, program, dir)
	out := make([]map[string]string, len(texts))
	for i := range texts {
		out[i] = map[string]string{}
		for _, name := range append([]string{"log"}, dumpFiles...) {
			if b, err := os.ReadFile(fmt.Sprintf("%s/%03d.%s", dir, i, name)); err == nil {
				out[i][name] = string(b)
			}
		}
	}
	return out
}

// here runs unshare(1) on the machine's kernel.
func here(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "unshare", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// inUML runs it on User-Mode Linux, which has ip_vs.
func inUML(t *testing.T, args ...string) {
	t.Helper()
	var out bytes.Buffer
	status, err := uml.Run(t.Context(), uml.Job{Path: "/usr/bin/unshare", Args: args, Output: &out})
	if err != nil || status != 0 {
		t.Fatalf("status %d: %v\n%s", status, err, out.String())
	}
}

// ourDaemon is the program under test: that of KEEPALIVED_BIN, else a fresh one.
func ourDaemon(t *testing.T) string {
	t.Helper()
	netlab.Need(t, "root", "netns", "keepalived")
	if bin := os.Getenv("KEEPALIVED_BIN"); bin != "" {
		return bin
	}
	dir, err := os.MkdirTemp("/var/tmp", "keepalived-rows-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	bin := filepath.Join(dir, "keepalived")
	build := exec.Command("go", "build", "-trimpath", "-tags", "grpcnotrace", "-o", bin, "keepalived/cmd/keepalived")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building keepalived: %v\n%s", err, out)
	}
	return bin
}
