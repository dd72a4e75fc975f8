package daemon

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"

	pb "keepalived/proto/keepalived/v1"
)

// A child that has the configuration in force already is not sent it again. These tests
// are of what a reload of the very same file has to notice all the same.

// advertises waits until the newest advert of the VRID has that priority.
func (r *rig) advertises(vrid, priority uint8) {
	r.Helper()
	r.eventually("adverts of priority "+strconv.Itoa(int(priority)), func() bool {
		var last netlab.Advert
		for _, a := range r.own(time.Now().Add(-time.Second)) {
			if a.VRID == vrid {
				last = a
			}
		}
		return last.Priority == priority
	})
}

// TestReloadSeesScript: a script that cannot be run any more is not tracked after a
// reload of the same file, and is after another when it can.
func TestReloadSeesScript(t *testing.T) {
	r := newRig(t)
	r.opts.Files = map[string]string{"/run/chk.sh": "#!/bin/sh\nexit 0\n"}
	// It runs once in the time of the test: only a reload can tell.
	text := conf("", block("vrrp_script chk {\n  script /run/chk.sh\n  interval 600\n  weight 20\n}"),
		inst{extra: "  track_script {\n    chk\n  }"}, service)
	r.master(text)
	r.advertises(51, 120)
	mode := func(m os.FileMode) {
		t.Helper()
		if err := os.Chmod(r.p.Path("/run/chk.sh"), m); err != nil {
			t.Fatal(err)
		}
	}
	since, pids, states := time.Now(), r.children(), r.said(" STATE")
	for range 2 {
		r.reload(text)
		r.advertises(51, 120)
		mode(0o644)
		r.reload(text)
		r.advertises(51, 100)
		r.reload(text)
		r.advertises(51, 100)
		mode(0o755)
		r.reload(text)
		r.advertises(51, 120)
	}
	if a := r.ctl("reload"); a.status != 0 || !strings.Contains(a.out, "vrrp: 1 kept") {
		t.Errorf("keepalivedctl reload: %v", a)
	}
	if r.children() != pids || r.said(" STATE") != states {
		t.Error("more than the priority has changed")
	}
	r.steady(51, since, 100*time.Millisecond)
}

// TestReloadSeesInterface: the same file is refused while an interface is missing, taken
// when it has come, and refused again when it has gone.
func TestReloadSeesInterface(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{}, service))
	since, pids := time.Now(), r.children()
	text := conf("", inst{}, inst{name: "VI_2", vrid: 52, dev: "late0", vips: []string{"198.18.30.100/24"}}, service)
	lan := r.lab.LAN("late")
	for range 2 {
		r.refused(text)
		r.refused(text)
		r.lab.Attach(lan, r.h, "late0", "198.18.30.1/24")
		r.reload(text)
		r.has("198.18.30.100")
		r.reload(text)
		if a := r.ctl("reload"); a.status != 0 || !strings.Contains(a.out, "vrrp: 2 kept") {
			t.Errorf("keepalivedctl reload: %v", a)
		}
		r.h.IP("link", "del", "late0")
		r.lacks("198.18.30.100")
		r.refused(text)
		if a := r.ctl("reload", "--dry-run"); a.status != 1 || !strings.Contains(a.err, "late0") {
			t.Errorf("keepalivedctl reload --dry-run: %v", a)
		}
		r.reload(conf("", inst{}, service))
	}
	if r.children() != pids {
		t.Error("a child was started again")
	}
	r.steady(51, since, 100*time.Millisecond)
}

// TestReloadAfterCrash: a child that was killed has the configuration from its start, and
// a reload of the same file leaves it alone; what changes next is applied.
func TestReloadAfterCrash(t *testing.T) {
	r := newLVS(t)
	r.up(rs1 + ":80")
	r.up(rs2 + ":80")
	text := func(prio int, more string) string { return conf("", inst{prio: prio}, vsConf{service: more}) }
	r.master(text(100, ""))
	r.says("TCP connection to [" + rs2 + "]:tcp:80 success.")
	if _, err := r.set(&pb.SetRealServerRequest{Service: vs, Server: rs1, Action: &pb.SetRealServerRequest_Weight{Weight: 7}}); err != nil {
		t.Fatal(err)
	}
	pause(1200 * time.Millisecond) // past the first second: the respawn is at once
	server := func() *pb.RealServer { r.Helper(); return r.services(vs)[0].GetServers()[0] }
	for _, file := range []string{"/run/vrrp.pid", "/run/checkers.pid"} {
		r.reload(text(100, "")) // once more before: the generation is not the one it was born with
		pid := r.pid(file)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		r.eventually("another process", func() bool { return r.pid(file) != pid })
		r.reload(text(100, "")) // waits until the new child has had its say
		since, pids := time.Now(), r.children()
		for range 3 {
			r.reload(text(100, ""))
		}
		if r.children() != pids {
			t.Errorf("%s: a child was started again", file)
		}
		r.steady(51, since, 100*time.Millisecond)
		if s := server(); s.GetOverride().GetWeight() != 7 || !s.GetAlive() {
			t.Errorf("%s: %v", file, s)
		}
	}
	since := time.Now()
	r.reload(text(120, ""))
	r.advertises(51, 120)
	r.reload(text(120, "  quorum 2"))
	if a := r.ctl("reload", "--dry-run"); a.status != 0 || !strings.Contains(a.out, "vrrp: 1 kept") || !strings.Contains(a.out, "1 kept") {
		t.Errorf("keepalivedctl reload --dry-run: %v", a)
	}
	if got := r.services(vs)[0].GetQuorum(); got != 2 {
		t.Errorf("quorum %d", got)
	}
	// Lines before it are no change.
	r.reload("! a line more\n\n" + text(120, "  quorum 2"))
	if s := server(); s.GetOverride().GetWeight() != 7 {
		t.Errorf("at the end: %v", s)
	}
	r.steady(51, since, 100*time.Millisecond)
}
