// Package uml runs a program on another kernel: User-Mode Linux, which has ip_vs, vlan,
// vrf and dummy where the machine's own kernel may not. It boots Debian's linux.uml with
// the machine's file system as its root, runs one program as root with that kernel, and
// returns its exit status. No privilege is needed outside.
//
// A test package says so in its TestMain (see Main); other programs use Run. It needs the
// Debian packages user-mode-linux, kmod, iproute2 and busybox-static, and imports nothing
// of the project but test/netlab.
package uml

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The programs needed, as Debian installs them.
const (
	kernelPath  = "/usr/bin/linux.uml"
	modulesDir  = "/usr/lib/uml/modules"
	busyboxPath = "/bin/busybox"
)

// Modules are loaded when Job.Modules is nil: ip_vs with all its schedulers, and what
// netlab and the tests of links build with.
var Modules = strings.Fields(`ip_vs ip_vs_rr ip_vs_wrr ip_vs_lc ip_vs_wlc ip_vs_sh ip_vs_dh ip_vs_mh ip_vs_sed ip_vs_nq
	ip_vs_fo ip_vs_ovf ip_vs_lblc ip_vs_lblcr ip_vs_pe_sip veth bridge macvlan ipvlan vrf dummy 8021q sch_netem ipv6`)

// Job is a program to be run in a boot of its own. It sees the machine's files, with a
// private /run; /tmp is the machine's, and TMPDIR is below /run.
type Job struct {
	Path    string   // absolute
	Args    []string // without the program's name
	Env     []string // all of it; nil is the caller's environment
	Dir     string   // absolute; "" is the current directory
	Modules []string // to load before; nil is Modules
	Memory  int      // MiB; 0 is 512
	// Limit is the time from boot to power-off; 0 is 5 minutes.
	Limit time.Duration
	// Output receives what the program writes, as it comes; nil discards it.
	Output io.Writer
}

// Missing says why no User-Mode Linux can be booted here, or "".
func Missing() string {
	for _, name := range []string{kernelPath, busyboxPath, modulesDir} {
		if _, err := os.Stat(name); err != nil {
			return err.Error() + " (apt-get install user-mode-linux kmod iproute2 busybox-static)"
		}
	}
	return ""
}

// Run boots, runs the program and returns its exit status, 128+N when signal N ended it.
// An error means that the program did not come to its end: the kernel did not boot, or the
// time was over. The console of the kernel is part of it.
func Run(ctx context.Context, j Job) (status int, err error) {
	if why := Missing(); why != "" {
		return 0, errors.New(why)
	}
	if err := j.fillIn(); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "ka-uml-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := j.writeInit(dir); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, j.Limit, fmt.Errorf("still running after %v", j.Limit))
	defer cancel()
	console, bootErr := j.boot(ctx, dir)
	text, readErr := os.ReadFile(filepath.Join(dir, "status"))
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case readErr != nil:
		err = fmt.Errorf("it left no exit status (the kernel: %v)", bootErr)
	default:
		if status, err = strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			return status, nil
		}
	}
	return 0, fmt.Errorf("%s in User-Mode Linux: %w\nconsole:\n%s", j.Path, err, console)
}
