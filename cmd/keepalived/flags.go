package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// options is what the command line asked for.
type options struct {
	configFile   string
	vrrpOnly     bool // -P: no healthchecker child
	checkOnly    bool // -C: no VRRP child
	all          bool // --all: every child, configured or not
	logConsole   bool
	logDetail    int
	logFacility  string
	noSyslog     bool
	allConfig    bool // -e
	umask        string
	keepVRRP     bool // -V
	keepIPVS     bool // -I
	releaseVIPs  bool // -X
	noRespawn    bool
	foreground   bool
	dumpConfig   bool
	pidFile      string
	vrrpPidFile  string
	checkPidFile string
	namespace    string
	configID     string
	monitorAddrs bool
	configTest   bool
	testLog      string // -tFILE
	diagnostics  string // "", "full" or "json"
	signum       string
	version      bool
	help         bool
	noEffect     []string // accepted options that do nothing yet, with what is missing
}

const defaultConfig = "/etc/keepalived/keepalived.conf"

func flag(p func(*options) *bool) func(*options, string, bool) error {
	return func(o *options, _ string, _ bool) error { *p(o) = true; return nil }
}

func text(p func(*options) *string) func(*options, string, bool) error {
	return func(o *options, arg string, _ bool) error { *p(o) = arg; return nil }
}

// inert accepts an option and remembers to say that it has no effect yet.
func inert(name, why string) func(*options, string, bool) error {
	return func(o *options, _ string, _ bool) error {
		o.noEffect = append(o.noEffect, fmt.Sprintf("option %s has no effect: %s", name, why))
		return nil
	}
}

// optionTable is every option of keepalived in the order of its --help.
var optionTable = []option[options]{
	{'f', "use-file", needArg, "FILE", "configuration file (default " + defaultConfig + ")", text(func(o *options) *string { return &o.configFile })},
	{'P', "vrrp", noArg, "", "run VRRP only, no healthchecker", flag(func(o *options) *bool { return &o.vrrpOnly })},
	{'C', "check", noArg, "", "run the healthchecker only, no VRRP", flag(func(o *options) *bool { return &o.checkOnly })},
	{'B', "no_bfd", noArg, "", "run without BFD (there is none yet)", func(*options, string, bool) error { return nil }},
	{0, "all", noArg, "", "run every child, also without configuration for it", flag(func(o *options) *bool { return &o.all })},
	{'l', "log-console", noArg, "", "log to stderr as well", flag(func(o *options) *bool { return &o.logConsole })},
	{'D', "log-detail", noArg, "", "log details (twice: more)", func(o *options, _ string, _ bool) error { o.logDetail++; return nil }},
	{'S', "log-facility", needArg, "FACILITY", "syslog facility: 0-7, local0-local7, user, daemon (default)", setFacility},
	{'g', "log-file", optArg, "FILE", "log to a file", inert("--log-file", "logging to a file is not built; -l logs to stderr")},
	{0, "flush-log-file", noArg, "", "flush the log file after each line", inert("--flush-log-file", "logging to a file is not built")},
	{'G', "no-syslog", noArg, "", "do not log to syslog", flag(func(o *options) *bool { return &o.noSyslog })},
	{'u', "umask", needArg, "MASK", "umask of the files that are made (default 0177)", text(func(o *options) *string { return &o.umask })},
	{'X', "release-vips", noArg, "", "remove configured addresses that something else added, too", flag(func(o *options) *bool { return &o.releaseVIPs })},
	{'V', "dont-release-vrrp", noArg, "", "leave virtual addresses in place at stop", flag(func(o *options) *bool { return &o.keepVRRP })},
	{'I', "dont-release-ipvs", noArg, "", "leave ip_vs as it is at stop", flag(func(o *options) *bool { return &o.keepIPVS })},
	{'R', "dont-respawn", noArg, "", "end when a child dies instead of starting it again", flag(func(o *options) *bool { return &o.noRespawn })},
	{'n', "dont-fork", noArg, "", "stay in the foreground", flag(func(o *options) *bool { return &o.foreground })},
	{'d', "dump-conf", noArg, "", "log the configuration at start", flag(func(o *options) *bool { return &o.dumpConfig })},
	{'p', "pid", needArg, "FILE", "pid file of the parent", text(func(o *options) *string { return &o.pidFile })},
	{'r', "vrrp_pid", needArg, "FILE", "pid file of the VRRP child", text(func(o *options) *string { return &o.vrrpPidFile })},
	{'c', "checkers_pid", needArg, "FILE", "pid file of the healthchecker child", text(func(o *options) *string { return &o.checkPidFile })},
	{'b', "bfd_pid", needArg, "FILE", "pid file of the BFD child", inert("--bfd_pid", "there is no BFD process")},
	{'T', "genhash", noArg, "", "act as genhash(1); the first option, what follows is for genhash", bundledGenhash},
	{'a', "address-monitoring", noArg, "", "log every address that is added or removed", flag(func(o *options) *bool { return &o.monitorAddrs })},
	{'x', "snmp", noArg, "", "serve SNMP", inert("--snmp", "SNMP is not built yet")},
	{'A', "snmp-agent-socket", needArg, "FILE", "socket of the SNMP master agent", inert("--snmp-agent-socket", "SNMP is not built yet")},
	{'s', "namespace", needArg, "NAME", "run in this network namespace (wins over net_namespace)", text(func(o *options) *string { return &o.namespace })},
	{'m', "core-dump", noArg, "", "write a core file on a crash", inert("--core-dump", "the goroutine trace goes to the log instead")},
	{'M', "core-dump-pattern", optArg, "PATTERN", "core file pattern", inert("--core-dump-pattern", "no core files are written")},
	{'e', "all-config", noArg, "", "a missing configuration or include file is an error", flag(func(o *options) *bool { return &o.allConfig })},
	{'i', "config-id", needArg, "ID", "identity for lines that begin with @ID (default: host name up to its first dot)", text(func(o *options) *string { return &o.configID })},
	{0, "signum", needArg, "NAME", "print the number of a signal: STOP RELOAD DATA STATS STATS_CLEAR JSON", text(func(o *options) *string { return &o.signum })},
	{'t', "config-test", optArg, "FILE", "check the configuration and end; findings go to FILE or stderr", setTest},
	{0, "diagnostics", needArg, "FORM", "form of the findings of -t: full (place, source line and hint), json or classic", setDiagnostics},
	{0, "config-fd", needArg, "N", "", inert("--config-fd", "reload checks run inside the daemon")},
	{0, "ignore-sigint", noArg, "", "", inert("--ignore-sigint", "it is for debugging keepalived")},
	{0, "perf", optArg, "WHEN", "", inert("--perf", "it is for debugging keepalived")},
	{0, "debug", optArg, "WHAT", "", inert("--debug", "it is for debugging keepalived")},
	{0, "no-mem-check", noArg, "", "", inert("--no-mem-check", "it is for debugging keepalived")},
	{'L', "mem-check-log", noArg, "", "", inert("--mem-check-log", "it is for debugging keepalived")},
	{'O', "openssl-mem-check", noArg, "", "", inert("--openssl-mem-check", "it is for debugging keepalived")},
	{'v', "version", noArg, "", "print the version", flag(func(o *options) *bool { return &o.version })},
	{'h', "help", noArg, "", "print this text", flag(func(o *options) *bool { return &o.help })},
}

// bundledGenhash: where it stands for itself main has seen it before.
func bundledGenhash(*options, string, bool) error {
	return usageError("Option --genhash stands for itself, in front of all others")
}

func setTest(o *options, arg string, given bool) error {
	o.configTest = true
	if given {
		o.testLog = arg
	}
	return nil
}

func setDiagnostics(o *options, arg string, _ bool) error {
	switch arg {
	case "full", "json":
		o.diagnostics = arg
	case "classic":
		o.diagnostics = ""
	default:
		return usageError(fmt.Sprintf("--diagnostics %s: want full, json or classic", arg))
	}
	return nil
}

func setFacility(o *options, arg string, _ bool) error {
	if n, err := strconv.Atoi(arg); err == nil && n >= 0 && n <= 7 {
		arg = "local" + arg
	}
	switch arg {
	case "user", "daemon", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7":
		o.logFacility = arg
		return nil
	}
	return usageError(fmt.Sprintf("Invalid log facility '%s': want 0-7, local0-local7, user or daemon", arg))
}

// writeUsage prints the options that do something for users.
func writeUsage(w io.Writer, program string) {
	fmt.Fprintf(w, "Usage: %s [OPTION...]\n", program)
	writeOptions(w, optionTable)
}

func writeOptions[T any](w io.Writer, table []option[T]) {
	for _, opt := range table {
		if opt.help == "" {
			continue
		}
		short := "    "
		if opt.short != 0 {
			short = "-" + string(opt.short) + ", "
		}
		long := "--" + opt.long
		switch opt.arg {
		case needArg:
			long += "=" + opt.meta
		case optArg:
			long += "[=" + opt.meta + "]"
		}
		pad := strings.Repeat(" ", max(1, 27-len(long)))
		fmt.Fprintf(w, "  %s%s%s%s\n", short, long, pad, opt.help)
	}
}
