package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// TestVersion: what exporters parse, on stderr alone.
func TestVersion(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"-v", "--version", "--vers", "-nlDv"} {
		a := call(t, exec.Command(ours, flag))
		lines := strings.Split(a.err, "\n")
		switch {
		case a.status != 0 || a.out != "":
			t.Errorf("%s: %v", flag, a)
		case !regexp.MustCompile(`^Keepalived v2\.4\.3 \(\d\d/\d\d,\d{4}\)$`).MatchString(lines[0]):
			t.Errorf("%s: line 1 is %q", flag, lines[0])
		case len(lines) < 3 || lines[1] != "":
			t.Errorf("%s: line 2 is not empty: %q", flag, lines[1])
		case !strings.Contains(a.err, "--enable-json"):
			t.Errorf("%s: --enable-json is missing", flag)
		case !regexp.MustCompile(`(?m)^.*version \d+\.\d+\.\d+`).MatchString(strings.Join(lines[2:], "\n")):
			t.Errorf("%s: this project's own version is missing:\n%s", flag, a.err)
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"-h", "--help", "--he"} {
		a := call(t, exec.Command(ours, flag))
		if a.status != 0 || a.out != "" {
			t.Errorf("%s: %v", flag, a)
		}
		for _, opt := range []string{"-f", "-n", "-l", "-D", "-S", "-d", "-P", "-C", "-p", "-r", "-c", "-i", "-s", "-t", "-v", "-h",
			"--signum", "--version", "--all", "-R", "-V", "-I", "-u", "-e"} {
			if !regexp.MustCompile(`(?m)^\s.*` + opt + `\b`).MatchString(a.err) {
				t.Errorf("%s does not tell of %s", flag, opt)
			}
		}
	}
}

func TestSignum(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"STOP": "15", "RELOAD": "1", "DATA": "10", "STATS": "12", "STATS_CLEAR": "63", "JSON": "36"} {
		for _, argv := range [][]string{{"--signum=" + name}, {"--signum", name}, {"--sig", name}} {
			if a := call(t, exec.Command(ours, argv...)); a != (answer{out: want + "\n"}) {
				t.Errorf("%q: %v", argv, a)
			}
		}
	}
	if a := call(t, exec.Command(ours, "--signum=NOTHING")); a != (answer{err: "Unknown sigfunc NOTHING\n", status: 1}) {
		t.Errorf("unknown name: %v", a)
	}
}

// TestUnknownOption: a line on stderr and 1, as 2.2.7.
func TestUnknownOption(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ argv, want string }{
		{"--frobnicate", "Unknown option --frobnicate"},
		{"-Z", "Unknown option -Z"},
		{"-nlZ", "Unknown option -Z"},
		{"-f", "Missing parameter for option -f"},
		{"--use-file", "Missing parameter for option --use-file"},
		{"--log", "Ambiguous option --log"},
		{"--dont-fork=yes", "takes no argument"},
		{"-S nowhere", "facility"},
		{"-u rubbish -n", "umask"},
	} {
		a := call(t, exec.Command(ours, strings.Fields(tc.argv)...))
		if a.status != 1 || a.out != "" || !strings.Contains(a.err, tc.want) || strings.Count(a.err, "\n") != 1 {
			t.Errorf("%q: want %q and status 1; %v", tc.argv, tc.want, a)
		}
	}
}

// TestConfigTest: the statuses of -t, where the findings go, and that a finding names
// its line. The comparison with 2.2.7 over all seeds is test/compat's.
func TestConfigTest(t *testing.T) {
	netlab.Need(t, "netns")
	t.Parallel()
	lab := netlab.New(t)
	h := lab.Host("t")
	lab.Pair(h, "eth0", h, "eth1")
	good := conf("", inst{})
	write := func(text string) string { return tempConf(t, text) }
	for _, tc := range []struct {
		name, file string
		flags      []string
		status     int
		says       string
	}{
		{name: "fine", file: write(good)},
		{name: "empty", file: write("")},
		{name: "missing file", file: "/nowhere/k.conf", says: "Config files missing '/nowhere/k.conf'."},
		{name: "missing file with -e", file: "/nowhere/k.conf", flags: []string{"-e"}, status: 4, says: "Config files missing"},
		{name: "missing argument", file: write("vrrp_instance A {\n virtual_router_id\n}\n"), status: 2, says: "(Line 2) "},
		{name: "unknown keyword", file: write(good + "frobnicate\n"), status: 5, says: "Unknown keyword 'frobnicate'"},
		{name: "missing brace", file: write(strings.TrimSuffix(good, "}\n")), status: 5, says: "missing '}'"},
		{name: "script not secured", file: write(strings.ReplaceAll(conf("", inst{extra: "  notify /bin/true"}), "enable_script_security", "")), status: 6, says: "SECURITY VIOLATION"},
		{name: "no VRID", file: write(strings.ReplaceAll(good, "virtual_router_id 51", "")), status: 2, says: "virtual router id"},
		{name: "missing interface", file: write(conf("", inst{dev: "eth9"})), status: 2, says: "eth9"},
		{name: "missing interface with dynamic_interfaces", file: write(conf("dynamic_interfaces", inst{dev: "eth9"})), says: ""},
		{name: "missing include with -e", file: write("include /nowhere/*.conf\n"), flags: []string{"-e"}, status: 6, says: "/nowhere"},
	} {
		a := call(t, h.Command(append([]string{ours, "-t", "-f", tc.file}, tc.flags...)...))
		if a.status != tc.status || a.out != "" || !strings.Contains(a.err, tc.says) || tc.status == 0 && tc.says == "" && a.err != "" {
			t.Errorf("%s: want status %d and %q; %v", tc.name, tc.status, tc.says, a)
		}
	}
	bad := write(good + "frobnicate\n")
	for _, form := range []string{"-t%s", "--config-test=%s"} {
		log := filepath.Join(t.TempDir(), "log")
		for n := 1; n <= 2; n++ {
			a := call(t, h.Command(ours, "-f", bad, fmt.Sprintf(form, log)))
			text, _ := os.ReadFile(log)
			if a != (answer{status: 5}) || strings.Count(string(text), "frobnicate") != n {
				t.Errorf("%s, time %d: %v; the file: %q", form, n, a, text)
			}
		}
	}
	if a := call(t, h.Command(ours, "-f", bad, "-t/nowhere/log")); a.status != 1 || a.err == "" {
		t.Errorf("a log file that cannot be opened: %v", a)
	}
	a := call(t, h.Command(ours, "-t", "--diagnostics=full", "-f", bad))
	if want := regexp.MustCompile(regexp.QuoteMeta(bad) + `:\d+:1: \w+: .*frobnicate`); !want.MatchString(a.err) || !strings.Contains(a.err, "^~~~") {
		t.Errorf("file, line and column: %v", a)
	}
}

// TestCannotRun: how a start ends that has nothing to run.
func TestCannotRun(t *testing.T) {
	for _, tc := range []struct {
		name, conf string
		flags      []string
		status     int
		says       string
	}{
		{"missing file", "", []string{"-f", "/run/nowhere.conf"}, 6, "Config files missing '/run/nowhere.conf'."},
		{"missing argument", conf("", inst{}) + "vrrp_instance B {\n virtual_router_id\n}\n", nil, 2, "missing a parameter"},
		{"no VRID", strings.ReplaceAll(conf("", inst{}), "virtual_router_id 51", ""), nil, 2, "virtual router id"},
		{"missing interface", conf("", inst{dev: "eth9"}), nil, 2, "eth9"},
		{"doubled VRID", conf("", inst{}, inst{name: "VI_2", vips: []string{vip2}}), nil, 2, "both use VRID 51"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t)
			r.launch(tc.conf, tc.flags...)
			if got := r.p.Wait(5 * time.Second); got != tc.status || r.said(tc.says) == 0 {
				t.Errorf("status %d, want %d, and %q on the console", got, tc.status, tc.says)
			}
			if r.h.HasAddr(vip1) {
				t.Error("the address is there")
			}
		})
	}
}

// TestOptionForms: bundles, glued and separate arguments, abbreviations, any order.
func TestOptionForms(t *testing.T) {
	for name, argv := range map[string][]string{
		"bundle":          {"-nlDf/run/k.conf"},
		"bundle, apart":   {"-nlDf", "/run/k.conf"},
		"long":            {"--dont-fork", "--log-console", "--log-detail", "--use-file=/run/k.conf"},
		"abbreviated":     {"--dont-f", "--log-c", "--log-d", "--use", "/run/k.conf"},
		"words among":     {"-n", "word", "-lD", "-f", "/run/k.conf"},
		"detail twice":    {"-nlDD", "-f/run/k.conf"},
		"one with no use": {"-nlD", "-x", "--no-mem-check", "-f/run/k.conf"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.opts.Files = map[string]string{"/run/k.conf": conf("", inst{})}
			r.p = r.h.Start(r.opts, append([]string{ours}, argv...)...)
			r.says("Opening file '/run/k.conf'.") // with -D only
			r.has(vip1)
			if name == "one with no use" {
				r.says("option --snmp has no effect")
			}
			if got := r.stop(); got != 0 {
				t.Errorf("status %d", got)
			}
		})
	}
}

// TestSecondDaemon ends with 0 and a line, and disturbs nothing.
func TestSecondDaemon(t *testing.T) {
	r := newRig(t, "cmd:nsenter")
	r.master(conf("", inst{}))
	since, pids := time.Now(), r.read("/run/keepalived.pid")
	for range 3 {
		a := call(t, r.inside(ours, "-n", "-l"))
		if a.status != 0 || !strings.Contains(a.err, "daemon is already running") {
			t.Errorf("the second daemon: %v", a)
		}
	}
	// Another pid file does not make two of one.
	if a := call(t, r.inside(ours, "-n", "-l", "-p", "/run/other.pid")); a.status != 0 || !strings.Contains(a.err, "daemon is already running") {
		t.Errorf("the second daemon with another pid file: %v", a)
	}
	pause(300 * time.Millisecond)
	r.steady(51, since, 100*time.Millisecond)
	if a := r.ctl("status"); !onlyService(a) {
		t.Errorf("the first daemon no longer answers: %v", a)
	}
	if now := r.read("/run/keepalived.pid"); now != pids || r.pid("/run/vrrp.pid") == 0 {
		t.Errorf("the pid file was %q and is %q", pids, now)
	}
	if !r.h.HasAddr(vip1) {
		t.Error("the address has gone")
	}
}

// TestNotRoot: one line and a status that is not 0 (unlike 2.2.7's).
func TestNotRoot(t *testing.T) {
	netlab.Need(t, "root", "cmd:setpriv")
	t.Parallel()
	bin := publicCopy(t, ours)
	for _, flags := range []string{"-nl", "-n", "-l", ""} {
		argv := append([]string{"--reuid=65534", "--regid=65534", "--clear-groups", bin}, strings.Fields(flags)...)
		a := call(t, exec.Command("setpriv", argv...))
		if a.status == 0 || strings.Count(a.err, "\n") != 1 || !strings.Contains(a.err, "root") || a.out != "" {
			t.Errorf("%q: %v", flags, a)
		}
	}
	if a := call(t, exec.Command("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", bin, "--signum=DATA")); a != (answer{out: "10\n"}) {
		t.Errorf("--signum needs no root: %v", a)
	}
}

// TestDaemonizes: without -n the caller gets its prompt back and the parent's pid is in
// the pid file; it has a session of its own.
func TestDaemonizes(t *testing.T) {
	r := newRig(t, "cmd:nsenter")
	// Something that holds the mounts, since the first process ends.
	r.p = r.h.Start(netlab.ProcOpts{Config: conf("", inst{})}, "sleep", "60")
	a := call(t, r.inside(ours, "-D", "-p", "/run/p.pid", "-r", "/run/r.pid"))
	if a != (answer{}) {
		t.Errorf("the first process: %v", a)
	}
	parent, vrrp := r.pid("/run/p.pid"), r.pid("/run/r.pid")
	r.has(vip1)
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", parent))
	f := strings.Fields(string(b))
	if len(f) < 6 || f[5] != fmt.Sprint(parent) {
		t.Errorf("the parent is no session leader: %s", b)
	}
	if comm, argv0 := procName(parent); comm != "keepalived" || filepath.Base(argv0) != "keepalived" {
		t.Errorf("the parent is called %s, %s", comm, argv0)
	}
	if cwd, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", parent)); cwd != "/" {
		t.Errorf("the parent works in %s", cwd)
	}
	if err := syscall.Kill(parent, syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	r.eventually("the daemon's end", func() bool { return !alive(parent) && !alive(vrrp) })
	r.lacks(vip1)
	if r.exists("/run/p.pid") || r.exists("/run/r.pid") {
		t.Error("a pid file is left")
	}
}

func TestPIDFiles(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{}, service), "-p", "/run/a.pid", "-r", "/run/b.pid", "-c", "/run/c.pid")
	for name, role := range map[string]string{"/run/a.pid": "parent", "/run/b.pid": "vrrp", "/run/c.pid": "checker"} {
		pid := r.pid(name)
		if st, err := os.Stat(r.p.Path(name)); err != nil || st.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v %v", name, st.Mode(), err)
		}
		if got := r.read(name); got != fmt.Sprintf("%d\n", pid) {
			t.Errorf("%s holds %q", name, got)
		}
		if a := r.ctl("status"); !regexp.MustCompile(fmt.Sprintf(`(?m)^%s\s+%d\s`, role, pid)).MatchString(a.out) {
			t.Errorf("%s: %d is not the %s of\n%s", name, pid, role, a.out)
		}
		if comm, argv0 := procName(pid); comm != "keepalived" || filepath.Base(argv0) != "keepalived" {
			t.Errorf("the %s process is called %s, %s", role, comm, argv0)
		}
	}
	for _, name := range []string{"/run/keepalived.pid", "/run/vrrp.pid", "/run/checkers.pid"} {
		if r.exists(name) {
			t.Errorf("%s is there as well", name)
		}
	}
}

// TestConfigID: @id lines.
func TestConfigID(t *testing.T) {
	text := strings.ReplaceAll(conf("", inst{}), "    "+vip1, "    @one "+vip1) // one address a host
	text = strings.ReplaceAll(text, "  }\n}\n", "    @two "+vip2+"/24\n    @^two 198.18.9.103/24\n  }\n}\n")
	for id, want := range map[string]string{"one": vip1, "two": vip2} {
		t.Run(id, func(t *testing.T) {
			r := newRig(t)
			r.start(text, "-i", id)
			r.has(want)
			if other := map[string]string{"one": vip2, "two": vip1}[id]; r.h.HasAddr(other) {
				t.Errorf("%s is there, too", other)
			}
			if got := r.h.HasAddr("198.18.9.103"); got != (id == "one") {
				t.Errorf("the @^two address: %v", got)
			}
		})
	}
}

// TestNamespaceOption: -s moves the whole daemon, children too.
func TestNamespaceOption(t *testing.T) {
	r := newRig(t)
	outer := r.lab.Host("outer")
	path := "/run/netns/" + r.h.NS
	r.p = outer.Start(netlab.ProcOpts{Config: conf("", inst{}), Keep: []string{path}}, ours, "-nlD", "-s", r.h.NS)
	r.has(vip1)
	if outer.HasAddr(vip1) {
		t.Error("the address is outside as well")
	}
	want, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range append([]int{r.p.Pid()}, r.p.Descendants()...) {
		if got, err := os.Stat(fmt.Sprintf("/proc/%d/ns/net", pid)); err != nil || !os.SameFile(got, want) {
			t.Errorf("process %d is in another namespace (%v)", pid, err)
		}
	}
	if got := r.stop(); got != 0 {
		t.Errorf("status %d", got)
	}
	wrong := outer.Start(netlab.ProcOpts{Config: conf("", inst{})}, ours, "-nlD", "-s", "no-such-namespace")
	if got := wrong.Wait(5 * time.Second); got == 0 || !strings.Contains(wrong.Log(), "no-such-namespace") {
		t.Errorf("a namespace that is not there: status %d", got)
	}
}

// TestUmask: dumps, FIFOs and scripts have it.
func TestUmask(t *testing.T) {
	for flag, want := range map[string]struct {
		perm  os.FileMode
		shell string
	}{"": {0o600, "0177\n"}, "-u022": {0o644, "0022\n"}, "-u=IWGRP|IWOTH": {0o644, "0022\n"}} {
		name := flag
		if name == "" {
			name = "default"
		}
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.opts.Files = map[string]string{"/run/n.sh": "#!/bin/sh\numask >/run/umask.new\nmv /run/umask.new /run/umask\n"}
			var flags []string
			if flag == "-u=IWGRP|IWOTH" {
				flags = []string{"--umask=IWGRP|IWOTH"}
			} else if flag != "" {
				flags = []string{flag}
			}
			r.master(conf("  notify_fifo /run/fifo", inst{extra: "  notify_master /run/n.sh"}), flags...)
			r.p.Signal(syscall.SIGUSR1)
			for _, file := range []string{"/tmp/keepalived.data", "/run/fifo", "/tmp/keepalived_parent.data"} {
				r.eventually(file, func() bool { return r.exists(file) })
				if st, err := os.Stat(r.p.Path(file)); err != nil || st.Mode().Perm() != want.perm {
					t.Errorf("%s: %v, want %v", file, st.Mode().Perm(), want.perm)
				}
			}
			r.eventually("the script's umask", func() bool { return r.exists("/run/umask") })
			if got := r.read("/run/umask"); got != want.shell {
				t.Errorf("the script's umask is %q, want %q", got, want.shell)
			}
		})
	}
}

// TestProcessNames: keepalived's keywords, 15 characters at most.
func TestProcessNames(t *testing.T) {
	for name, tc := range map[string]struct {
		global string
		want   [3]string // parent, VRRP, checker
	}{
		"none":          {"", [3]string{"keepalived", "keepalived", "keepalived"}},
		"each":          {"  process_name ka_p\n  vrrp_process_name ka_v\n  checker_process_name ka_c", [3]string{"ka_p", "ka_v", "ka_c"}},
		"process_names": {"  process_names", [3]string{"keepalived", "keepalived_vrrp", "keepalived_lvs"}},
		"parent only":   {"  process_name ka_p", [3]string{"ka_p", "keepalived", "keepalived"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.master(conf(tc.global, inst{}, service))
			for i, file := range []string{"/run/keepalived.pid", "/run/vrrp.pid", "/run/checkers.pid"} {
				if comm, _ := procName(r.pid(file)); comm != tc.want[i] {
					t.Errorf("%s: comm is %q, want %q", file, comm, tc.want[i])
				}
			}
			if _, argv0 := procName(r.vrrpPid()); argv0 != tc.want[1] {
				t.Errorf("argv[0] of the VRRP child is %q, want %q", argv0, tc.want[1])
			}
		})
	}
}

// TestChildrenChosen: -P, -C and --all.
func TestChildrenChosen(t *testing.T) {
	both, vrrpConf := conf("", inst{}, service), conf("", inst{})
	for name, tc := range map[string]struct {
		conf          string
		flags         []string
		vrrp, checker bool
	}{
		"both":  {both, nil, true, true},
		"-P":    {both, []string{"-P"}, true, false},
		"-C":    {both, []string{"-C"}, false, true},
		"--all": {vrrpConf, []string{"--all"}, true, true},
		"VRRP":  {vrrpConf, nil, true, false},
		"none":  {conf(""), nil, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.start(tc.conf, tc.flags...)
			out := r.ctl("status").out
			if got := regexp.MustCompile(`(?m)^vrrp\s+\d+\s+running`).MatchString(out); got != tc.vrrp {
				t.Errorf("VRRP child: %v, want %v\n%s", got, tc.vrrp, out)
			}
			if got := regexp.MustCompile(`(?m)^checker\s+\d+\s+running`).MatchString(out); got != tc.checker {
				t.Errorf("checker child: %v, want %v\n%s", got, tc.checker, out)
			}
			if got := len(r.p.Children()); got != btoi(tc.vrrp)+btoi(tc.checker) {
				t.Errorf("%d children", got)
			}
			if got := r.stop(); got != 0 {
				t.Errorf("status %d", got)
			}
		})
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestDontRespawn: with -R the daemon ends with its child.
func TestDontRespawn(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{}), "-R")
	if err := syscall.Kill(r.vrrpPid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.p.Wait(5 * time.Second) // with 0, as 2.2.7
	r.says("died: Exiting")
	if r.said("Starting VRRP child") != 1 {
		t.Error("the child was started again")
	}
}

// TestDontRelease: -V leaves the addresses at stop.
func TestDontRelease(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{}), "-V")
	if got := r.stop(); got != 0 {
		t.Errorf("status %d", got)
	}
	if !r.h.HasAddr(vip1) {
		t.Error("the address was removed")
	}
}

// TestDumpConf: -d logs the configuration at start.
func TestDumpConf(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{}), "-d")
	for _, line := range []string{"------< Global definitions >------", "------< VRRP Topology >------", " VRRP Instance = VI_1", "   Virtual Router ID = 51"} {
		r.says(line)
	}
}

// TestSyslog: facility, identities and that -l is what puts lines on stderr.
func TestSyslog(t *testing.T) {
	for flag, facility := range map[string]int{"": 3, "-S3": 16 + 3, "-Slocal5": 16 + 5, "--log-facility=user": 1, "-G": -1} {
		name := flag
		if name == "" {
			name = "default"
		}
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			log := listenDatagrams(t)
			r.opts.Config, r.opts.Syslog = conf("", inst{}), log.path
			argv := []string{ours, "-n"}
			if flag != "" {
				argv = append(argv, flag)
			}
			r.p = r.h.Start(r.opts, argv...)
			r.has(vip1)
			if got := r.stop(); got != 0 {
				t.Errorf("status %d", got)
			}
			if out := r.p.Log(); out != "" {
				t.Errorf("without -l the console has %q", out)
			}
			if facility < 0 {
				if text := log.text(); text != "" {
					t.Errorf("with -G syslog has %q", text)
				}
				return
			}
			for _, want := range []string{
				`Keepalived\[\d+\]: Starting Keepalived v2\.4\.3`, `Keepalived_vrrp\[\d+\]: \(VI_1\) Entering MASTER STATE`,
				`Keepalived_vrrp\[\d+\]: Stopped`, `Keepalived\[\d+\]: Stopped Keepalived v2\.4\.3`,
			} {
				pattern := regexp.MustCompile(fmt.Sprintf(`(?m)^<%d>.*`, facility*8+6) + want)
				r.eventually(pattern.String(), func() bool { return pattern.MatchString(log.text()) })
			}
			if strings.Contains(log.text(), "setting VIPs") {
				t.Error("a line of -D is there without -D")
			}
		})
	}
}
