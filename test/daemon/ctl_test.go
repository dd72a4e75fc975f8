package daemon

import (
	"encoding/json"
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

// TestStatus: the table, the JSON and the exit statuses.
func TestStatus(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{vips: []string{vip1 + "/24", vip2}}, inst{name: "VI_2", vrid: 52, dev: "eth1", vips: []string{"198.18.10.100/24"}}, service))
	r.has("198.18.10.100")
	a := r.ctl("status")
	for _, want := range []string{`(?m)^parent +\d+ +running`, `(?m)^vrrp +\d+ +running`, `(?m)^checker +\d+ +running`,
		`(?m)^VI_1 +MASTER .*100 .*eth0 .*51 .*198\.18\.9\.100/24`, `(?m)^VI_2 +MASTER .*eth1 .*52 .*198\.18\.10\.100/24`} {
		if !regexp.MustCompile(want).MatchString(a.out) {
			t.Errorf("no %s in the table", want)
		}
	}
	if !onlyService(a) || a.err != "" || t.Failed() {
		t.Errorf("%v", a)
	}
	a = r.ctl("status", "--json")
	var v struct {
		Status    map[string]any
		Instances []map[string]any
	}
	if err := json.Unmarshal([]byte(a.out), &v); err != nil || len(v.Instances) != 2 || v.Status["generation"] != "1" ||
		v.Instances[0]["name"] != "VI_1" || v.Instances[0]["state"] != "INSTANCE_STATE_MASTER" {
		t.Errorf("JSON (%v): %v", err, a)
	}
	r.lan1.Cut(r.h, "eth1")
	r.says("(VI_2) Entering FAULT STATE")
	if a = r.ctl("status"); a.status != 1 || !strings.Contains(a.out, "FAULT") || !strings.Contains(a.out, "eth1") {
		t.Errorf("degraded: %v", a)
	}
	// A child that does not answer: in part, and soon.
	vrrp := r.vrrpPid()
	if err := syscall.Kill(vrrp, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	a = r.ctl("status")
	if took := time.Since(began); a.status != 1 || took > 4*time.Second || !strings.Contains(a.out, "VI_1") || !strings.Contains(a.out, "stale") {
		t.Errorf("with a stopped child, after %v: %v", took, a)
	}
	if err := syscall.Kill(vrrp, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	r.p.Crash()
	if a = call(t, exec.Command(ourCtl, "--socket", filepath.Join(t.TempDir(), "none"), "status")); a.status != 2 || strings.Count(a.err, "\n") != 1 || a.out != "" {
		t.Errorf("no daemon: %v", a)
	}
}

// TestEvents: snapshot, then changes with cause and age, as text and as JSON.
func TestEvents(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{}))
	text, lines := r.events(), r.events("--json")
	r.eventually("the snapshot in JSON", func() bool { return strings.Contains(lines.text(), "snapshotEnd") })
	for _, want := range []string{`VI_1 is MASTER since`, `no advertisement received`} {
		if !strings.Contains(text.text(), want) {
			t.Errorf("no %q in the snapshot:\n%s", want, text.text())
		}
	}
	r.lan.Cut(r.h, "eth0")
	r.lacks(vip1)
	r.lan.Mend(r.h, "eth0")
	r.eventually("MASTER again", func() bool { return r.said("(VI_1) Entering MASTER STATE") == 2 })
	stop := r.rival(51, 200, vip1)
	r.lacks(vip1)
	stop()
	r.has(vip1)
	r.reload(conf("", inst{prio: 120}))
	r.refused(conf("", inst{dev: "eth9"}))
	if err := syscall.Kill(r.vrrpPid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`VI_1 MASTER -> FAULT.*eth0`, `VI_1 FAULT -> BACKUP.*recovered`, `VI_1 BACKUP -> MASTER.*no advertisement received`,
		`VI_1 MASTER -> BACKUP.*198\.18\.9\.2.*200`, `reload applied.*generation 2`, `reload refused.*eth9`, `process vrrp .*`,
	} {
		pattern := regexp.MustCompile(want)
		r.eventually("the event "+want, func() bool { return pattern.MatchString(text.text()) })
	}
	r.eventually("the same in JSON", func() bool { return strings.Contains(lines.text(), `"process"`) })
	var last uint64
	for line := range strings.Lines(lines.text()) {
		var e struct {
			Sequence   string
			Time       string
			Generation string
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Errorf("%v in %q", err, line)
			continue
		}
		var n uint64
		fmt.Sscan(e.Sequence, &n)
		if n != 0 && n < last {
			t.Errorf("sequence %d after %d", n, last)
		}
		last = max(last, n)
	}
}

func TestCtlVersion(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{}))
	a := r.ctl("version")
	if a.status != 0 || !strings.Contains(a.out, "v2.4.3") || strings.Count(a.out, "keepalived") < 2 {
		t.Errorf("%v", a)
	}
	a = call(t, exec.Command(ourCtl, "--socket", "/nowhere/socket", "version"))
	if a.status != 2 || !strings.Contains(a.out, "keepalivedctl ") {
		t.Errorf("without a daemon: %v", a)
	}
	for _, argv := range [][]string{{"frobnicate"}, {"status", "--frob"}, {"status", "word"}, {"dump", "nothing"}} {
		if a := r.ctl(argv...); a.status == 0 || a.status == 2 || a.err == "" || a.out != "" {
			t.Errorf("%q: %v", argv, a)
		}
	}
}

// TestCheck: the daemon reads its file and says what it thinks, with -t's status.
func TestCheck(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{}))
	if a := r.ctl("check"); a.status != 0 || a.err != "" {
		t.Errorf("fine: %v", a)
	}
	gen := r.generation()
	for text, want := range map[string]struct {
		status int
		says   string
	}{
		conf("", inst{}) + "frobnicate\n": {5, `keepalived\.conf:\d+:1: \w+: .*frobnicate`},
		conf("", inst{dev: "eth9"}):       {2, `keepalived\.conf:\d+:\d+: .*eth9`},
	} {
		r.write(text)
		if a := r.ctl("check"); a.status != want.status || !regexp.MustCompile(want.says).MatchString(a.out+a.err) {
			t.Errorf("want %d and %s: %v", want.status, want.says, a)
		}
	}
	if r.generation() != gen {
		t.Error("the check has reloaded")
	}
}

func TestCtlDump(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{}))
	for kind, want := range map[string]string{"data": "VRRP Instance = VI_1", "stats": "VRRP Instance: VI_1", "json": `"iname":"VI_1"`} {
		if a := r.ctl("dump", kind); a.status != 0 || !strings.Contains(a.out, want) {
			t.Errorf("dump %s: %v", kind, a)
		}
		if r.exists("/tmp/keepalived." + kind) {
			t.Errorf("dump %s wrote a file", kind)
		}
		if a := r.ctl("dump", kind, "--files"); a.status != 0 || !strings.Contains(a.out, "/tmp/keepalived."+kind+"\n") || !r.exists("/tmp/keepalived."+kind) {
			t.Errorf("dump %s --files: %v", kind, a)
		}
	}
}

// TestSocketModes: 0660 root:keepalived where the group is, else 0600; others are told so.
func TestSocketModes(t *testing.T) {
	for name, tc := range map[string]struct {
		group string
		mode  os.FileMode
		gid   uint32
		as    string
		may   bool
	}{
		"no group":       {"root:x:0:\n", 0o600, 0, "--regid=65534", false},
		"group, member":  {"root:x:0:\nkeepalived:x:777:\n", 0o660, 777, "--regid=777", true},
		"group, another": {"root:x:0:\nkeepalived:x:777:\n", 0o660, 777, "--regid=778", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "cmd:setpriv", "cmd:nsenter", "cmd:unshare")
			bin := publicCopy(t, ourCtl)
			r.opts.Files = map[string]string{"/run/group": tc.group}
			r.opts.Config = conf("", inst{})
			r.opts.Keep = []string{bin, ours}
			r.p = r.h.Start(r.opts, "sh", "-c", "mount --bind /run/group /etc/group && exec "+ours+" -n -l -D")
			r.has(vip1)
			for path, want := range map[string]struct {
				mode os.FileMode
				gid  uint32
			}{
				"/run/keepalived/keepalived.sock": {tc.mode, tc.gid}, "/run/keepalived/supervisor.sock": {0o600, 0}, "/run/keepalived": {0o755, 0},
			} {
				st, err := os.Stat(r.p.Path(path))
				if err != nil {
					t.Error(err)
					continue
				}
				sys := st.Sys().(*syscall.Stat_t)
				if st.Mode().Perm() != want.mode || sys.Uid != 0 || sys.Gid != want.gid {
					t.Errorf("%s: %v %d:%d, want %v 0:%d", path, st.Mode().Perm(), sys.Uid, sys.Gid, want.mode, want.gid)
				}
			}
			a := call(t, r.inside("setpriv", "--reuid=65534", tc.as, "--clear-groups", bin, "status"))
			if tc.may && (a.status != 0 || !strings.Contains(a.out, "VI_1")) {
				t.Errorf("a member of the group: %v", a)
			}
			if !tc.may && (a.status != 2 || strings.Count(a.err, "\n") != 1 || !regexp.MustCompile("(?i)permission|allowed|forbidden").MatchString(a.err)) {
				t.Errorf("another user: %v", a)
			}
		})
	}
}

// publicCopy copies a program to where every user can execute it.
func publicCopy(t *testing.T, program string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "keepalived-public-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	bin := filepath.Join(dir, filepath.Base(program))
	text, err := os.ReadFile(program)
	if err == nil {
		err = os.WriteFile(bin, text, 0o755)
	}
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// TestReloadLogged: who asked for a change is in the log.
func TestReloadLogged(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{}))
	if a := r.ctl("reload"); a.status != 0 {
		t.Errorf("%v", a)
	}
	r.says("uid 0")
	if !netlab.Await(time.Second, func() bool { return r.generation() == 2 }) {
		t.Error("no new generation")
	}
}
