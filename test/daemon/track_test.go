package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// lastAdvert is the newest advert of the daemon.
func (r *rig) lastAdvert() netlab.Advert {
	own := r.own(time.Time{})
	if len(own) == 0 {
		return netlab.Advert{}
	}
	return own[len(own)-1]
}

// priority waits until the daemon's adverts have that priority.
func (r *rig) priority(want uint8) {
	r.Helper()
	var got uint8
	if !netlab.Await(5*time.Second, func() bool { got = r.lastAdvert().Priority; return got == want }) {
		r.Fatalf("the adverts have priority %d, want %d", got, want)
	}
}

// switchable is a vrrp_script whose result is the word in the file /run/NAME.
func switchable(name, more string) block {
	return block(fmt.Sprintf("vrrp_script %s {\n  script \"/run/chk.sh %s\"\n  interval 1\n%s\n}", name, name, more))
}

const chkScript = "#!/bin/sh\nexit $(cat /run/$1)\n"

// TestScriptWeights: positive, negative and reversed weights, in the script and where it
// is tracked, as they show in the adverts.
func TestScriptWeights(t *testing.T) {
	for _, tc := range []struct {
		name, script, track string
		good, bad           uint8
	}{
		{"positive", "  weight 10", "chk", 110, 100},
		{"negative", "  weight -10", "chk", 100, 90},
		{"positive reversed", "  weight 10 reverse", "chk", 90, 100},
		{"negative reversed", "  weight -10 reverse", "chk", 100, 110},
		{"where it is tracked", "  weight 10", "chk weight 20", 120, 100},
		{"reversed where it is tracked", "  weight 10", "chk weight 20 reverse", 80, 100},
		{"bounded above", "  weight 200", "chk", 254, 100},
		{"bounded below", "  weight -200", "chk", 100, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t)
			r.opts.Files = map[string]string{"/run/chk.sh": chkScript, "/run/chk": "0"}
			r.master(conf("", switchable("chk", tc.script), inst{extra: "  track_script {\n    " + tc.track + "\n  }"}))
			r.priority(tc.good)
			since, states := time.Now(), r.said("(VI_1) Entering ")
			r.file("/run/chk", "3")
			r.priority(tc.bad)
			r.says("Script `chk` now returning 3")
			r.says("VRRP_Script(chk) failed (exited with status 3)")
			r.says(fmt.Sprintf("(VI_1) Changing effective priority from %d to %d", tc.good, tc.bad))
			r.file("/run/chk", "0")
			r.priority(tc.good)
			r.steady(51, since, 100*time.Millisecond)
			if r.said("(VI_1) Entering ") != states {
				t.Error("the state changed")
			}
		})
	}
}

// TestScriptFault: a script without weight is FAULT and back, with one resignation.
func TestScriptFault(t *testing.T) {
	for _, tc := range []struct{ name, weight, good, bad string }{
		{"plain", "  weight 0", "0", "1"}, {"reversed", "  weight 0 reverse", "1", "0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t)
			r.opts.Files = map[string]string{"/run/chk.sh": chkScript, "/run/chk": tc.good}
			r.master(conf("", switchable("chk", tc.weight), inst{extra: "  track_script {\n    chk\n  }"}))
			since := time.Now()
			r.file("/run/chk", tc.bad)
			r.says("(VI_1) Entering FAULT STATE")
			r.lacks(vip1)
			pause(300 * time.Millisecond)
			zeros := 0
			for i, a := range r.own(since) {
				zeros += btoi(a.Priority == 0)
				if zeros > 0 && a.Priority != 0 {
					t.Errorf("advert %d after the resignation", i)
				}
			}
			if zeros != 1 {
				t.Errorf("%d resignations, want 1", zeros)
			}
			if a := r.ctl("status"); a.status != 1 || !strings.Contains(a.out, "chk") || !strings.Contains(a.out, "FAULT") {
				t.Errorf("status: %v", a)
			}
			r.file("/run/chk", tc.good)
			r.eventually("MASTER again", func() bool { return r.said("(VI_1) Entering MASTER STATE") == 2 })
			if r.said("(VI_1) Entering BACKUP STATE") < 1 {
				t.Error("it did not go through BACKUP")
			}
			r.has(vip1)
		})
	}
}

// TestScriptStart: an instance waits for its unweighted scripts; init_fail starts in FAULT;
// a weighted script holds up nothing.
func TestScriptStart(t *testing.T) {
	slow := "#!/bin/sh\nsleep 0.7\nexit 0\n"
	for _, tc := range []struct {
		name, script string
		waits, fault bool
	}{
		{"unweighted", "", true, false},
		{"init_fail", "  init_fail", true, true},
		{"weighted", "  weight 5", false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t)
			r.opts.Files = map[string]string{"/run/chk.sh": slow, "/run/n.sh": noteScript}
			began := time.Now()
			r.start(conf("", switchable("chk", tc.script), inst{extra: "  notify /run/n.sh\n  track_script {\n    chk\n  }"}))
			r.has(vip1)
			if took := time.Since(began); tc.waits && took < 950*time.Millisecond || !tc.waits && took > 900*time.Millisecond {
				t.Errorf("MASTER after %v, the script takes 0.7 s", took)
			}
			r.eventually("the notifications", func() bool { return strings.Contains(strings.Join(r.notes(), "\n"), "MASTER") })
			if got := strings.Contains(strings.Join(r.notes(), "\n"), "FAULT"); got != tc.fault {
				t.Errorf("FAULT was told: %v\n%q", got, r.notes())
			}
		})
	}
}

// TestRiseFall: that many results in a row.
func TestRiseFall(t *testing.T) {
	r := newRig(t)
	r.opts.Files = map[string]string{"/run/chk.sh": "#!/bin/sh\necho >>/run/runs\nexit $(cat /run/$1)\n", "/run/chk": "0"}
	r.master(conf("", switchable("chk", "  weight 10\n  rise 2\n  fall 3"), inst{extra: "  track_script {\n    chk\n  }"}))
	r.priority(110) // the first result counts at once
	runs := func() int { return strings.Count(r.read("/run/runs"), "\n") }
	n := runs()
	r.file("/run/chk", "1")
	r.priority(100)
	if got := runs() - n; got < 3 || got > 4 {
		t.Errorf("down after %d failures, want 3", got)
	}
	n = runs()
	r.file("/run/chk", "0")
	r.priority(110)
	if got := runs() - n; got < 2 || got > 3 {
		t.Errorf("up after %d successes, want 2", got)
	}
}

// TestScriptTimeout: TERM to the group, KILL two seconds later, nobody left.
func TestScriptTimeout(t *testing.T) {
	r := newRig(t)
	r.opts.Files = map[string]string{
		"/run/obeys.sh": "#!/bin/sh\nsleep 1000 &\nsleep 1000\n",
		"/run/traps.sh": "#!/bin/sh\ntrap 'echo >>/run/term' TERM\necho $$ >>/run/pids\nwhile :; do sleep 0.2; done\n",
	}
	r.master(conf("", block("vrrp_script obeys {\n  script /run/obeys.sh\n  interval 10\n  timeout 1\n  weight 10\n}"),
		block("vrrp_script traps {\n  script /run/traps.sh\n  interval 10\n  timeout 1\n  weight 10\n}"),
		inst{extra: "  track_script {\n    obeys\n    traps\n  }"}))
	r.says("VRRP_Script(obeys) timed_out")
	if n := r.left("sleep 1000"); n > 0 {
		t.Errorf("%d processes of the script are left", n)
	}
	r.eventually("TERM", func() bool { return r.exists("/run/term") })
	term := time.Now()
	pid, _ := strconv.Atoi(strings.TrimSpace(r.read("/run/pids")))
	r.eventually("KILL", func() bool { return !alive(pid) })
	if took := time.Since(term); took < 1700*time.Millisecond || took > 2600*time.Millisecond {
		t.Errorf("KILL came %v after TERM, want 2 s", took)
	}
	r.says("VRRP_Script(traps) timed_out")
	r.steady(51, time.Now().Add(-time.Second), 100*time.Millisecond)
}

// left counts the processes of the rig with that command line.
func (r *rig) left(command string) int {
	n := 0
	for _, pid := range r.p.Descendants() {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		n += btoi(strings.TrimSpace(strings.ReplaceAll(string(b), "\x00", " ")) == command)
	}
	return n
}

// TestScriptOverlap: a script is not started while it runs, nor a second time after a reload.
func TestScriptOverlap(t *testing.T) {
	r := newRig(t)
	r.opts.Files = map[string]string{"/run/slow.sh": "#!/bin/sh\necho >>/run/runs\nsleep 1.6\n"}
	text := conf("", block("vrrp_script slow {\n  script /run/slow.sh\n  interval 1\n  timeout 5\n  weight 1\n}"), inst{extra: "  track_script {\n    slow\n  }"})
	r.master(text)
	r.says("Track script slow is already running, expect idle - skipping run")
	r.reload(text)
	if n := r.left("/bin/sh /run/slow.sh"); n > 1 {
		t.Errorf("%d at the same time", n)
	}
}

// TestShellScript: the script of a seed, with shell syntax, works as it did in 1.2.
func TestShellScript(t *testing.T) {
	r := newRig(t)
	r.opts.Files = map[string]string{"/run/x": ""}
	r.master(conf("", block("vrrp_script down {\n  script \"[[ -f /run/down ]] && exit 1 || exit 0\"\n  interval 1\n  weight -40\n}"),
		inst{extra: "  track_script {\n    down\n  }"}))
	r.says("VRRP_Script(down) succeeded")
	r.priority(100)
	r.file("/run/down", "")
	r.priority(60)
	if err := os.Remove(r.p.Path("/run/down")); err != nil {
		t.Fatal(err)
	}
	r.priority(100)
	if r.said("shell") == 0 {
		t.Error("there is no notice that a shell runs it")
	}
}

// TestScriptSecurity: who may be run, and as whom.
func TestScriptSecurity(t *testing.T) {
	whoami := "#!/bin/sh\necho \"$(id -u):$(id -g)\" >/run/out/who\n"
	for _, tc := range []struct {
		name, global, notify, path string
		who                        string // "" for not run
		says                       string
	}{
		{name: "root's own", notify: "/run/s/n.sh", path: "/run/s/n.sh", who: "0:0"},
		{name: "insecure and secured", notify: "/run/open/n.sh", path: "/run/open/n.sh", says: "/run/open"},
		{name: "insecure, not secured", global: "off", notify: "/run/open/n.sh", path: "/run/open/n.sh", who: "0:0",
			says: "SECURITY VIOLATION - scripts are being executed but script_security not enabled."},
		{name: "insecure as another user", notify: "/run/open/n.sh nobody", path: "/run/open/n.sh", who: "65534:65534"},
		{name: "user", notify: "/run/s/n.sh nobody", path: "/run/s/n.sh", who: "65534:65534"},
		{name: "user and group", notify: "/run/s/n.sh nobody daemon", path: "/run/s/n.sh", who: "65534:1"},
		{name: "script_user", global: "script_user nobody", notify: "/run/s/n.sh", path: "/run/s/n.sh", who: "65534:65534"},
		{name: "unknown user", notify: "/run/s/n.sh nosuchuser", path: "/run/s/n.sh", says: "does not exist"},
		{name: "missing", notify: "/run/s/nothere.sh", path: "/run/s/n.sh", says: "nothere.sh"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t)
			r.opts.Files = map[string]string{tc.path: whoami, "/run/out/x": "", "/run/s/fence.sh": "#!/bin/sh\necho >/run/fence\n"}
			text := conf("", inst{extra: "  notify_master \"" + strings.Replace(tc.notify, ".sh", ".sh\"", 1) + "\n  notify_backup /run/s/fence.sh"})
			switch {
			case tc.global == "off":
				text = strings.Replace(text, "  enable_script_security\n", "", 1)
			case tc.global != "":
				text = strings.Replace(text, "script_user root", tc.global, 1)
				text = strings.Replace(text, "fence.sh", "fence.sh root", 1)
			}
			// The directories must have their modes before the scripts are looked at, so
			// the daemon starts without them and is told by a reload.
			r.master(conf("", inst{}))
			for dir, mode := range map[string]os.FileMode{"/run/out": 0o777, filepath.Dir(tc.path): map[bool]os.FileMode{true: 0o777, false: 0o755}[strings.Contains(tc.path, "open")]} {
				if err := os.Chmod(r.p.Path(dir), mode); err != nil {
					t.Fatal(err)
				}
			}
			r.reload(text)
			r.lan.Cut(r.h, "eth0")
			r.says("(VI_1) Entering FAULT STATE")
			r.lan.Mend(r.h, "eth0")
			r.eventually("MASTER again", func() bool { return r.said("(VI_1) Entering MASTER STATE") == 2 })
			r.has(vip1)
			r.eventually("the other script", func() bool { return r.exists("/run/fence") })
			if tc.says != "" {
				r.says(tc.says)
			}
			if tc.who == "" {
				pause(300 * time.Millisecond)
			} else {
				r.eventually("the script", func() bool { return r.read("/run/out/who") != "" })
			}
			if got := strings.TrimSpace(r.read("/run/out/who")); got != tc.who {
				t.Errorf("it ran as %q, want %q", got, tc.who)
			}
		})
	}
}

// TestOwnInterface: carrier, administrative state, deletion and return of the instance's
// interface.
func TestOwnInterface(t *testing.T) {
	r := newRig(t)
	r.opts.Files = map[string]string{"/run/n.sh": noteScript}
	r.master(conf("", inst{extra: "  notify /run/n.sh"}))
	again := func(n int) {
		r.Helper()
		r.eventually("MASTER again", func() bool { return r.said("(VI_1) Entering MASTER STATE") == n })
		r.has(vip1)
		r.eventually("MASTER to be told", func() bool { return strings.Count(strings.Join(r.notes(), "\n"), "MASTER") == n })
	}
	r.lan.Cut(r.h, "eth0")
	r.says("Netlink reports eth0 down")
	r.eventually("FAULT", func() bool { return r.said("(VI_1) Entering FAULT STATE") == 1 })
	r.lacks(vip1)
	r.lan.Mend(r.h, "eth0")
	r.says("Netlink reports eth0 up")
	again(2)
	r.h.IP("link", "set", "eth0", "down")
	r.eventually("FAULT", func() bool { return r.said("(VI_1) Entering FAULT STATE") == 2 })
	r.h.IP("link", "set", "eth0", "up")
	again(3)
	r.h.IP("link", "del", "eth0")
	r.eventually("FAULT", func() bool { return r.said("(VI_1) Entering FAULT STATE") == 3 })
	if a := r.ctl("status"); a.status != 1 || !strings.Contains(a.out, "eth0") {
		t.Errorf("status: %v", a)
	}
	r.lab.Attach(r.lan, r.h, "eth0", addr0+"/24")
	since := time.Now()
	again(4)
	r.eventually("adverts on the new interface", func() bool { return len(r.own(since)) > 3 })
	r.eventually("announcements on the new interface", func() bool { return r.garps(vip1, since) > 0 })
	// It hears there as well.
	stop := r.rival(51, 200, vip1)
	r.says("(VI_1) Master received advert from " + peerAddr + " with higher priority 200, ours 100")
	r.lacks(vip1)
	stop()
	again(5)
}

// TestInterfaceRenamed: the interface is what bears the name.
func TestInterfaceRenamed(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{}))
	rename := func(from, to string) {
		r.h.IP("link", "set", from, "down")
		r.h.IP("link", "set", from, "name", to)
		r.h.IP("link", "set", to, "up")
	}
	rename("eth0", "other")
	r.says("(VI_1) Entering FAULT STATE")
	r.eventually("the address to be nowhere", func() bool { return !r.h.HasAddr(vip1) })
	rename("other", "eth0")
	r.eventually("MASTER again", func() bool { return r.said("(VI_1) Entering MASTER STATE") == 2 })
	r.has(vip1)
}

// TestDynamicInterface: with dynamic_interfaces a missing interface may come later, in
// another shape, and go again.
func TestDynamicInterface(t *testing.T) {
	r := newRig(t)
	r.start(conf("  dynamic_interfaces", inst{}, inst{name: "VI_2", vrid: 52, dev: "late0", vips: []string{"198.18.30.100/24"}}))
	r.says("(VI_1) Entering MASTER STATE")
	if a := r.ctl("status"); a.status != 1 || !strings.Contains(a.out, "late0") {
		t.Errorf("status: %v", a)
	}
	lan := r.lab.LAN("late")
	for i := 1; i <= 2; i++ {
		r.lab.Attach(lan, r.h, "late0", "198.18.30.1/24")
		r.eventually("VI_2 as MASTER", func() bool { return r.said("(VI_2) Entering MASTER STATE") == i })
		r.has("198.18.30.100")
		r.h.IP("link", "del", "late0")
		// The first FAULT is that of the start, said in other words.
		r.eventually("VI_2 in FAULT", func() bool { return r.said("(VI_2) Entering FAULT STATE") >= i })
	}
	if r.said("(VI_1) Entering MASTER STATE") != 1 {
		t.Error("VI_1 was disturbed")
	}
}

// TestTrackInterface: other interfaces, with and without weight.
func TestTrackInterface(t *testing.T) {
	t.Run("unweighted", func(t *testing.T) {
		r := newRig(t)
		r.master(conf("", inst{extra: "  track_interface {\n    eth1\n  }"}))
		r.lan1.Cut(r.h, "eth1")
		r.says("(VI_1) Entering FAULT STATE")
		r.lacks(vip1)
		r.lan1.Mend(r.h, "eth1")
		r.eventually("MASTER again", func() bool { return r.said("(VI_1) Entering MASTER STATE") == 2 })
	})
	t.Run("weighted", func(t *testing.T) {
		r := newRig(t)
		r.master(conf("", inst{extra: "  track_interface {\n    eth1 weight -30\n  }"}))
		since := time.Now()
		r.priority(100)
		r.lan1.Cut(r.h, "eth1")
		r.priority(70)
		r.lan1.Mend(r.h, "eth1")
		r.priority(100)
		r.h.IP("link", "del", "eth1")
		r.priority(70)
		r.steady(51, since, 100*time.Millisecond)
		if r.said("(VI_1) Entering MASTER STATE") != 1 {
			t.Error("the state changed")
		}
	})
	t.Run("dont_track_primary", func(t *testing.T) {
		r := newRig(t)
		r.master(conf("", inst{extra: "  dont_track_primary"}))
		r.lan.Cut(r.h, "eth0")
		r.says("Netlink reports eth0 down")
		pause(300 * time.Millisecond)
		if r.said("FAULT") > 0 || !r.h.HasAddr(vip1) {
			t.Error("it is in FAULT")
		}
	})
}

// TestAddressElsewhere: an interface that has addresses of the instance is tracked, too,
// whatever weight track_interface gives it (as with 2.2.7).
func TestAddressElsewhere(t *testing.T) {
	for _, tc := range []struct{ name, track string }{{"tracked", ""}, {"by weight", "  track_interface {\n    eth1 weight -10\n  }"}} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t)
			const other = "198.18.10.100"
			r.master(conf("", inst{vips: []string{vip1 + "/24", other + " dev eth1"}, extra: tc.track}))
			r.has(other)
			for range 2 {
				r.h.IP("link", "del", "eth1")
				r.lacks(other)
				capture := r.lan1.Capture()
				r.lab.Attach(r.lan1, r.h, "eth1", addr1+"/24")
				r.has(other)
				mac := r.h.MAC("eth1")
				r.eventually("its announcement", func() bool {
					return slices.ContainsFunc(capture.ARPs(), func(g netlab.ARP) bool { return g.Gratuitous() && g.SPA.String() == other && g.SHA == mac })
				})
			}
			r.has(vip1)
			if n := r.said("(VI_1) Entering MASTER STATE"); n != 3 {
				t.Errorf("MASTER %d times, want 3", n)
			}
		})
	}
}

// TestRouteElsewhere: so is the interface of its routes and rules, and that of static
// entries by their track_group. no_track leaves it out.
func TestRouteElsewhere(t *testing.T) {
	group := func(more string) block { return block("track_group TG {\n  group {\n    VI_1\n  }\n}\n" + more) }
	none := block("")
	for _, tc := range []struct {
		name, extra string
		static      block
		tracked     bool
	}{
		{"route", "  virtual_routes {\n    10.5.0.0/16 dev eth1\n  }", none, true},
		{"route by weight", "  virtual_routes {\n    10.5.0.0/16 dev eth1\n  }\n  track_interface {\n    eth1 weight -10\n  }", none, true},
		{"route without tracking", "  virtual_routes {\n    10.5.0.0/16 dev eth1 no_track\n  }", none, false},
		{"nexthop", "  virtual_routes {\n    10.5.0.0/16 nexthop via 198.18.10.9 dev eth1\n  }", none, false},
		{"rule's input", "  virtual_rules {\n    from 10.5.0.1 iif eth1 table 5 priority 5\n  }", none, true},
		{"rule's output", "  virtual_rules {\n    from 10.5.0.1 oif eth1 table 5 priority 5\n  }", none, true},
		{"rule without tracking", "  virtual_rules {\n    from 10.5.0.1 iif eth1 table 5 priority 5 no_track\n  }", none, false},
		{"static address", "", group("static_ipaddress {\n  10.6.0.1/24 dev eth1 track_group TG\n}"), true},
		{"static route", "", group("static_routes {\n  10.6.0.0/24 dev eth1 track_group TG\n}"), true},
		{"static rule", "", group("static_rules {\n  from 10.6.0.1 iif eth1 table 5 priority 5 track_group TG\n}"), true},
		{"static route of no group", "", group("static_routes {\n  10.6.0.0/24 dev eth1\n}"), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t)
			r.master(conf("", tc.static, inst{extra: tc.extra}))
			r.lan1.Cut(r.h, "eth1")
			if !tc.tracked {
				pause(500 * time.Millisecond) // nobody tells of a link that matters to no one
				if r.said("FAULT") > 0 || !r.h.HasAddr(vip1) {
					t.Error("it is in FAULT")
				}
				return
			}
			r.says("(VI_1) Entering FAULT STATE")
			r.lacks(vip1)
			r.lan1.Mend(r.h, "eth1")
			r.eventually("MASTER again", func() bool { return r.said("(VI_1) Entering MASTER STATE") == 2 })
			r.lan1.Cut(r.h, "eth1")
			r.lacks(vip1)
			r.reload(conf("", inst{}))
			r.eventually("MASTER without it", func() bool { return r.said("(VI_1) Entering MASTER STATE") == 3 })
		})
	}
}

// TestScriptsEndWithDaemon: no script survives the daemon, however it ends.
func TestScriptsEndWithDaemon(t *testing.T) {
	for name, end := range map[string]func(r *rig){
		"stopped": func(r *rig) { r.stop() },
		"killed":  func(r *rig) { _ = syscall.Kill(r.vrrpPid(), syscall.SIGKILL); r.p.Signal(syscall.SIGKILL) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.opts.Files = map[string]string{"/run/slow.sh": "#!/bin/sh\necho $$ >/run/pid\nexec sleep 1000\n"}
			r.master(conf("", block("vrrp_script slow {\n  script /run/slow.sh\n  interval 60\n  timeout 50\n  weight 1\n}"), inst{extra: "  track_script {\n    slow\n  }"}))
			pid := 0
			r.eventually("the script", func() bool { pid, _ = strconv.Atoi(strings.TrimSpace(r.read("/run/pid"))); return pid > 0 })
			end(r)
			r.eventually("its end", func() bool { return !alive(pid) })
		})
	}
}
