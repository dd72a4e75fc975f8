package deploy_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keepalived/checker/checkercfg"
	"keepalived/core/config"
	"keepalived/core/config/files"
	"keepalived/core/global"
	"keepalived/test/netlab"
	"keepalived/vrrp/vrrpcfg"
)

const root = "../.."

// program returns the daemon under test, or a stand-in where none has been built: what
// is tested here does not run it.
func program(t *testing.T) string {
	t.Helper()
	if bin := os.Getenv("KEEPALIVED_BIN"); bin != "" {
		return bin
	}
	return stub(t, filepath.Join(t.TempDir(), "keepalived"))
}

func stub(t *testing.T, path string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexit 0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// run runs a program in the root of the tree and returns what it says.
func run(t *testing.T, argv ...string) (out string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Dir = root
	// Not the variables of the make that may be running this test.
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "MAKE") && !strings.HasPrefix(v, "MFLAGS") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	b, err := cmd.CombinedOutput()
	return string(b), err
}

// install runs make install into a directory of its own.
func install(t *testing.T, args ...string) (dir string) {
	t.Helper()
	dir, bin := t.TempDir(), t.TempDir()
	stub(t, filepath.Join(bin, "keepalived"))
	stub(t, filepath.Join(bin, "keepalivedctl"))
	out, err := run(t, append([]string{"make", "-s", "install", "DESTDIR=" + dir, "BIN=" + bin}, args...)...)
	if err != nil {
		t.Fatalf("make install: %v\n%s", err, out)
	}
	return dir
}

// installed lists the files below dir with their modes.
func installed(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			out[strings.TrimPrefix(p, dir)] = info.Mode().String()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const (
	executable = "-rwxr-xr-x"
	readable   = "-rw-r--r--"
	link       = "Lrwxrwxrwx"
)

func TestInstall(t *testing.T) {
	netlab.Need(t, "cmd:make")
	dir := install(t)
	want := map[string]string{
		"/usr/sbin/keepalived":                                   executable,
		"/usr/bin/keepalivedctl":                                 executable,
		"/usr/bin/genhash":                                       link,
		"/lib/systemd/system/keepalived.service":                 readable,
		"/usr/lib/sysusers.d/keepalived.conf":                    readable,
		"/usr/lib/tmpfiles.d/keepalived.conf":                    readable,
		"/usr/share/man/man1/genhash.1":                          readable,
		"/usr/share/man/man1/keepalivedctl.1":                    readable,
		"/usr/share/man/man5/keepalived.conf.5":                  readable,
		"/usr/share/man/man8/keepalived.8":                       readable,
		"/usr/share/doc/keepalived/examples/keepalived-a.conf":   readable,
		"/usr/share/doc/keepalived/examples/keepalived-b.conf":   readable,
		"/usr/share/doc/keepalived/examples/loadbalancer-a.conf": readable,
		"/usr/share/doc/keepalived/examples/loadbalancer-b.conf": readable,
	}
	if diff := cmp.Diff(want, installed(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if target, err := filepath.EvalSymlinks(dir + "/usr/bin/genhash"); err != nil || target != dir+"/usr/sbin/keepalived" {
		t.Errorf("genhash is %s, %v", target, err)
	}
	if info, err := os.Stat(dir + "/etc/keepalived"); err != nil || !info.IsDir() {
		t.Errorf("/etc/keepalived: %v", err)
	}
}

// TestInstallElsewhere: the unit starts the program that was installed with it.
func TestInstallElsewhere(t *testing.T) {
	netlab.Need(t, "cmd:make")
	dir := install(t, "PREFIX=/opt/k")
	for _, name := range []string{"sbin/keepalived", "bin/genhash"} {
		if _, err := os.Stat(dir + "/opt/k/" + name); err != nil {
			t.Error(err)
		}
	}
	unit, err := os.ReadFile(dir + "/lib/systemd/system/keepalived.service")
	if err != nil || !strings.Contains(string(unit), "\nExecStart=/opt/k/sbin/keepalived --dont-fork ") {
		t.Errorf("%v\n%s", err, unit)
	}
}

// TestInstallWithoutBuild says what to do first.
func TestInstallWithoutBuild(t *testing.T) {
	netlab.Need(t, "cmd:make")
	dir := t.TempDir()
	out, err := run(t, "make", "-s", "install", "DESTDIR="+dir, "BIN="+t.TempDir())
	if err == nil || !strings.Contains(out, "make build first") || len(installed(t, dir)) != 0 {
		t.Errorf("%v, %q, installed %v", err, out, installed(t, dir))
	}
}

// TestUnit: systemd finds nothing wrong with the unit.
func TestUnit(t *testing.T) {
	netlab.Need(t, "cmd:systemd-analyze")
	text, err := os.ReadFile(root + "/deploy/keepalived.service")
	if err != nil {
		t.Fatal(err)
	}
	verify := func(text string) (string, error) {
		unit := filepath.Join(t.TempDir(), "keepalived.service")
		if err := os.WriteFile(unit, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return run(t, "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit)
	}
	usable := strings.Replace(string(text), "ExecStart=/usr/sbin/keepalived ", "ExecStart="+program(t)+" ", 1)
	if usable == string(text) {
		t.Fatal("the unit does not start /usr/sbin/keepalived")
	}
	if out, err := verify(usable); err != nil || out != "" {
		t.Errorf("%v\n%s", err, out)
	}
	// What is wrong is found.
	if out, err := verify(strings.Replace(usable, "KillMode=mixed", "KillMood=mixed", 1)); err == nil && out == "" {
		t.Error("a misspelt setting passes: this test tests nothing")
	}
	for _, line := range []string{
		"Type=notify", "ExecReload=/bin/kill -HUP $MAINPID", "EnvironmentFile=-/etc/sysconfig/keepalived", "EnvironmentFile=-/etc/default/keepalived", "KillMode=mixed",
	} {
		if !strings.Contains(string(text), "\n"+line+"\n") {
			t.Errorf("the unit has no line %s", line)
		}
	}
}

func TestGroup(t *testing.T) {
	netlab.Need(t, "root", "cmd:systemd-sysusers")
	dir := t.TempDir()
	conf, err := filepath.Abs(root + "/deploy/keepalived.sysusers")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir+"/etc", 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, "systemd-sysusers", "--root="+dir, conf); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if group, err := os.ReadFile(dir + "/etc/group"); err != nil || !strings.Contains(string(group), "keepalived:") {
		t.Errorf("%v: %s", err, group)
	}
}

func TestDirectory(t *testing.T) {
	netlab.Need(t, "root", "cmd:systemd-tmpfiles")
	dir := t.TempDir()
	conf, err := filepath.Abs(root + "/deploy/keepalived.tmpfiles")
	if err != nil {
		t.Fatal(err)
	}
	// Names of users are looked up below --root.
	if err := os.Mkdir(dir+"/etc", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"passwd": "root:x:0:0::/root:/bin/sh\n", "group": "root:x:0:\n"} {
		if err := os.WriteFile(dir+"/etc/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := run(t, "systemd-tmpfiles", "--create", "--root="+dir, conf); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if info, err := os.Stat(dir + "/run/keepalived"); err != nil || info.Mode().String() != "drwxr-xr-x" {
		t.Errorf("%v %v", info, err)
	}
}

// TestExamples: nothing is to be said about them, and they fit together.
func TestExamples(t *testing.T) {
	names, err := filepath.Glob(root + "/deploy/examples/*.conf")
	if err != nil || len(names) < 2 {
		t.Fatalf("%v: %v", names, err)
	}
	var routers []*vrrpcfg.Instance
	for _, name := range names {
		schema := config.NewSchema(global.Keywords(), vrrpcfg.Keywords(), checkercfg.Keywords())
		tree, diags := config.Parse(files.OS{}, name, config.Env{Dir: "/"}, schema)
		g, more := global.Decode(tree)
		diags = append(diags, more...)
		cfg, more := vrrpcfg.Load(tree, g, vrrpcfg.Interfaces{"eth0": {}, "eth1": {}})
		diags = append(diags, more...)
		_, more = checkercfg.Load(tree, g)
		diags = append(diags, more...)
		if len(diags) > 0 || len(cfg.Instances) != 1 {
			t.Errorf("%s has %d instances; %s", name, len(cfg.Instances), diags.Full(tree.Texts()))
			continue
		}
		if !g.ScriptSecurity {
			t.Errorf("%s does not enable script security", name)
		}
		routers = append(routers, cfg.Instances[0])
	}
	if t.Failed() {
		return
	}
	for i := 0; i+1 < len(routers); i += 2 {
		a, b := routers[i], routers[i+1]
		if a.Identity.VRID != b.Identity.VRID || a.Addresses[0].Prefix != b.Addresses[0].Prefix || a.Election.Priority <= b.Election.Priority ||
			a.Election.AdvertInt != b.Election.AdvertInt {
			t.Errorf("%s and %s are not two members of one virtual router:\n%+v\n%+v", names[i], names[i+1], a, b)
		}
	}
}

// TestExamplesRun: the real keepalived and ours find nothing wrong with them either.
func TestExamplesRun(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth", "keepalived")
	lab := netlab.New(t)
	h := lab.Host("example")
	lab.Attach(lab.LAN("lan"), h, "eth0", "192.0.2.1/24")
	lab.Attach(lab.LAN("servers"), h, "eth1", "198.51.100.1/24")
	programs := []string{netlab.RealKeepalived}
	if bin := os.Getenv("KEEPALIVED_BIN"); bin != "" {
		programs = append(programs, bin)
	}
	for _, name := range []string{"keepalived-a.conf", "keepalived-b.conf", "loadbalancer-a.conf", "loadbalancer-b.conf"} {
		path, err := filepath.Abs(root + "/deploy/examples/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range programs {
			if out, err := h.Command(p, "-t", "-f", path).CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%s -t -f %s: %v\n%s", p, name, err, out)
			}
		}
	}
}
