// Command keepalived is the daemon: parent, VRRP child or healthchecker child, by the
// environment it finds itself in. This package only wires.
//
// What SSL_GET and genhash accept is not to be trusted but watched: certificates with
// short keys, negative serial numbers and SHA-1 count. Nothing else here uses TLS.
//
//go:debug rsa1024min=0
//go:debug tlssha1=1
//go:debug x509negativeserial=1
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"keepalived/core/process"
	"keepalived/core/supervisor"
	"keepalived/rpc/childapi"
)

// The main goroutine stays on the main thread: it forks the children, whose
// parent-death signal is bound to the thread that forked.
func init() { runtime.LockOSThread() }

// keepalived's exit statuses.
const (
	exitOK         = 0
	exitFatal      = 1
	exitConfig     = 2
	exitPermission = 4
	exitNoConfig   = 6
)

func main() { os.Exit(run(os.Args)) }

func run(argv []string) int {
	boot, child, err := childapi.TakeBoot()
	if errors.Is(err, childapi.ErrOrphan) {
		return exitOK
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFatal
	}
	if at := genhashWord(argv); !child && at >= 0 {
		return genhash(argv, at, os.Stdout, os.Stderr)
	}
	var o options
	rest, err := parseArgs(optionTable, argv[1:], &o)
	program := filepath.Base(argv[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitFatal
	}
	if child {
		return runChild(boot, &o, argv[0])
	}
	// Caught before anything can be seen of us: a signal during the start must not
	// end the process.
	var signals *supervisor.Signals
	if !o.version && !o.help && o.signum == "" && !o.configTest {
		signals = supervisor.CatchSignals()
	}
	if len(rest) > 0 {
		fmt.Printf("Unexpected argument(s): %s\n", strings.Join(rest, " "))
	}
	switch {
	case o.version:
		writeVersion(os.Stderr)
		return exitOK
	case o.help:
		writeUsage(os.Stderr, program)
		return exitOK
	case o.signum != "":
		return printSignum(o.signum)
	case o.configTest:
		return configTest(&o)
	}
	for _, note := range o.noEffect {
		fmt.Fprintln(os.Stderr, note)
	}
	return runParent(&o, argv, signals)
}

// signums are the signals that --signum knows. JSON is always 36, whatever the C
// library makes of SIGRTMIN.
var signums = map[string]int{
	"STOP": int(unix.SIGTERM), "RELOAD": int(unix.SIGHUP), "DATA": int(unix.SIGUSR1), "STATS": int(unix.SIGUSR2),
	"STATS_CLEAR": 63, "JSON": 36,
}

func printSignum(name string) int {
	n, ok := signums[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "Unknown sigfunc %s\n", name)
		return exitFatal
	}
	fmt.Println(n)
	return exitOK
}

// writeVersion prints what -v prints. Line 1 is what exporters parse; --enable-json is
// what one of them looks for.
func writeVersion(w *os.File) {
	fmt.Fprintf(w, "Keepalived %s %s\n\n", process.Compat, process.CompatDate)
	fmt.Fprintf(w, "This is keepalived in Go, version %s, compatible with keepalived %s\n", process.Version(), process.Compat)
	fmt.Fprintf(w, "Built with %s\n", process.Go())
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		fmt.Fprintf(w, "Running on Linux %s %s\n", unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Version[:]))
	}
	fmt.Fprintf(w, "\nconfigure options: --enable-json\n")
	fmt.Fprintf(w, "\nConfig options:  VRRP VRRP_AUTH JSON\n")
	fmt.Fprintf(w, "\nSystem options:  VRRP IPV6_MULTICAST_ALL SYSTEMD_NOTIFY\n")
}
