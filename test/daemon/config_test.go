package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"keepalived/test/netlab"
)

// The passwords of these tests, which no output may have.
const (
	secret1 = "Zq7vX2pL"
	secret2 = "Yw8kJ3nM"
)

func auth(password string) string {
	return "  authentication {\n    auth_type PASS\n    auth_pass " + password + "\n  }"
}

// TestDumpConfWhole: -d logs all of a configuration that is longer than the log's ring,
// of both children, and no password.
func TestDumpConfWhole(t *testing.T) {
	r := newRig(t)
	blocks := []fmt.Stringer{inst{version: 2, interval: "1", extra: auth(secret1)}, service, block("SSL {\n  password " + secret2 + "\n}")}
	const many = 60
	for i := range many {
		blocks = append(blocks, inst{name: fmt.Sprintf("MORE_%d", i), vrid: 60 + i, version: 2, interval: "1", prio: 1,
			vips: []string{fmt.Sprintf("198.18.9.%d", 110+i)}, extra: auth(secret1)})
	}
	r.start(conf("", blocks...), "-d")
	r.says(fmt.Sprintf(" VRRP Instance = MORE_%d", many-1))
	r.says("------< LVS Topology >------")
	r.says("   Password = ********")
	for i := range many {
		r.says(fmt.Sprintf(" VRRP Instance = MORE_%d", i))
	}
	if r.said("messages lost") > 0 {
		t.Error("lines were lost")
	}
	noSecrets(t, "the log", r.p.Log())
}

func noSecrets(t *testing.T, where, text string) {
	t.Helper()
	for _, s := range []string{secret1, secret2} {
		if strings.Contains(text, s) {
			t.Errorf("%s has a password:\n%s", where, text)
		}
	}
}

// TestSecretsAreShownNowhere: in whatever is said about a configuration, also one that
// is wrong at the very line of the password.
func TestSecretsAreShownNowhere(t *testing.T) {
	r := newRig(t)
	bad := "$PASS=" + secret1 + "\n" + conf("", inst{version: 2, interval: "1", extra: auth("$PASS too many words") + "\n  auth_pass " + secret2},
		block("SSL {\n  password "+secret2+" behind\n}"), block("auth_pas "+secret1))
	r.start(bad, "-d", "-D")
	r.says("(VI_1) Entering BACKUP STATE")
	r.says("Unknown keyword")
	for _, form := range []string{"classic", "full", "json"} {
		a := call(t, r.inside(ours, "-t", "-f", confPath, "--diagnostics="+form))
		if a.status == 0 || !strings.Contains(a.String(), "auth_pas") {
			t.Errorf("-t says nothing about the lines: %v", a)
		}
		noSecrets(t, "-t --diagnostics="+form, a.String())
	}
	r.file("/etc/keepalived/quote.conf", bad+"vrrp_instance X {\n  authentication {\n    auth_pass \""+secret2+"\n")
	a := call(t, r.inside(ours, "-t", "-f", "/etc/keepalived/quote.conf", "--diagnostics=full"))
	if !strings.Contains(a.err, "Unmatched quote") {
		t.Errorf("-t says nothing of the quote: %v", a)
	}
	noSecrets(t, "-t of a quote without end", a.String())
	r.write(strings.ReplaceAll(bad, secret1, "Xr5tB9cD"))
	for _, args := range [][]string{
		{"check"}, {"status", "--json"}, {"reload", "--dry-run"}, {"dump", "data"}, {"dump", "json"}, {"reload"}, {"status", "--json"},
	} {
		a := r.ctl(args...)
		if a.out == "" {
			t.Errorf("%s: %v", args, a)
		}
		noSecrets(t, strings.Join(args, " "), a.String())
		if strings.Contains(a.String(), "Xr5tB9cD") {
			t.Errorf("%s has the new password: %v", args, a)
		}
	}
	file := r.p.Path(confPath)
	for _, args := range [][]string{{"check"}, {"check", "--here"}, {"check", "--lint", "--json"}, {"show"}, {"diff", file}} {
		a := call(t, exec.Command(ourCtl, append(append([]string{"config"}, args...), file)...))
		noSecrets(t, "config "+args[0], a.String())
	}
	noSecrets(t, "the log", r.p.Log())
}

// TestDryRunTellsWhat: each keyword from what to what, and what becomes of the instance.
func TestDryRunTellsWhat(t *testing.T) {
	r := newRig(t)
	two := inst{name: "VI_2", vrid: 52, dev: "eth1", vips: []string{"198.18.10.100/24"}}
	r.master(conf("", inst{}, two, service))
	before := r.children()
	changed := two
	changed.vrid = 53
	r.write("# a comment\n" + conf("vrrp_garp_interval 0.01", inst{prio: 150, vips: []string{vip1 + "/24", vip2 + "/24"}}, changed,
		block(strings.Replace(string(service), "lvs_sched rr", "lvs_sched wlc", 1))))
	a := r.ctl("reload", "--dry-run")
	for _, want := range []string{
		"~ global_defs\n    vrrp_garp_interval: added 0.01\n",
		"~ vrrp_instance VI_1: changed in place, it keeps its state\n    priority: 100 -> 150\n",
		"    virtual_ipaddress: + " + vip2 + "/24\n",
		"~ vrrp_instance VI_2: stopped and started anew\n    virtual_router_id: 52 -> 53\n",
		"~ virtual_server 10.0.0.1 80: changed in place, it keeps its state\n    lvs_sched: rr -> wlc\n",
	} {
		if a.status != 0 || !strings.Contains(a.out, want) {
			t.Errorf("no %q in %v", want, a)
		}
	}
	r.write("# only a comment\n" + conf("", inst{}, two, service))
	if a = r.ctl("reload", "--dry-run"); a.status != 0 || strings.Contains(a.out, "~") || strings.Contains(a.out, "changed (") {
		t.Errorf("of no change: %v", a)
	}
	if now := r.children(); now != before || !r.h.HasAddr(vip1) {
		t.Errorf("children %s, now %s", before, now)
	}
}

// TestConfigAsAnybody: config needs no daemon and no right but to read the file.
func TestConfigAsAnybody(t *testing.T) {
	netlab.Need(t, "root") // to become somebody else
	t.Parallel()
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, "keepalivedctl")
	// By a process of its own: a program that this one has open for writing cannot be
	// started, and a test beside this one may be forking just then.
	if out, err := exec.Command("install", "-m", "755", ourCtl, program).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	write := func(name string, text []byte, mode os.FileMode) {
		if err := os.WriteFile(name, text, mode); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(dir, "open.conf"), []byte("include parts/*.conf\n"), 0o644)
	if err := os.Mkdir(filepath.Join(dir, "parts"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(dir, "parts", "a.conf"), []byte(conf("", inst{}, service)), 0o644)
	write(filepath.Join(dir, "closed.conf"), []byte(conf("", inst{})), 0o600)
	write(filepath.Join(dir, "half.conf"), []byte("include closed.conf\n"), 0o644)
	anybody := func(args ...string) answer {
		cmd := exec.Command(program, append([]string{"config"}, args...)...)
		cmd.Dir = "/" // includes are looked for from the file on
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		return call(t, cmd)
	}
	open := filepath.Join(dir, "open.conf")
	if a := anybody("check", open); a.status != 0 || !strings.Contains(a.out, open+": good") {
		t.Errorf("a readable file: %v", a)
	}
	if a := anybody("show", open); a.status != 0 || !strings.Contains(a.out, "vrrp_instance VI_1 {\n") {
		t.Errorf("show: %v", a)
	}
	if a := anybody("diff", open, filepath.Join(dir, "parts", "a.conf")); a.status != 0 || a.out != "" {
		t.Errorf("diff: %v", a)
	}
	if a := anybody("explain", "priority"); a.status != 0 || !strings.Contains(a.out, "1..255") {
		t.Errorf("explain: %v", a)
	}
	for _, name := range []string{"closed.conf", "half.conf"} {
		for _, what := range []string{"check", "show"} {
			a := anybody(what, filepath.Join(dir, name))
			if a.status != 2 || a.out != "" || !strings.Contains(a.err, "closed.conf: permission denied") || !strings.Contains(a.err, "sudo") {
				t.Errorf("%s %s: %v", what, name, a)
			}
		}
	}
}
