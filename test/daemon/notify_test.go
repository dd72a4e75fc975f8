package daemon

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// TestNotifyArguments: each hook, its own arguments first, then keepalived's; the whole
// life of an instance in order.
func TestNotifyArguments(t *testing.T) {
	r := newRig(t)
	r.opts.Files = map[string]string{"/run/n.sh": noteScript}
	r.master(conf("", inst{extra: `  notify_master "/run/n.sh m 'two words'"
  notify_backup /run/n.sh
  notify_fault "/run/n.sh f"
  notify_stop "/run/n.sh s"
  notify "/run/n.sh gen"`}))
	told := func(want ...string) {
		r.Helper()
		var got []string
		if !netlab.Await(3*time.Second, func() bool {
			got = r.notes()
			slices.Sort(got)
			w := slices.Sorted(slices.Values(want))
			return slices.Equal(got, w)
		}) {
			r.Fatalf("told %q, want %q", r.notes(), want)
		}
	}
	list := []string{"", "gen INSTANCE VI_1 BACKUP 100", "m two words", "gen INSTANCE VI_1 MASTER 100"}
	list = list[1:] // a script without arguments leaves no note of them
	told(list...)
	stop := r.rival(51, 200, vip1)
	list = append(list, "gen INSTANCE VI_1 BACKUP 100")
	told(list...)
	stop()
	list = append(list, "m two words", "gen INSTANCE VI_1 MASTER 100")
	told(list...)
	r.lan.Cut(r.h, "eth0")
	list = append(list, "f", "gen INSTANCE VI_1 FAULT 100")
	told(list...)
	r.lan.Mend(r.h, "eth0")
	list = append(list, "gen INSTANCE VI_1 BACKUP 100", "m two words", "gen INSTANCE VI_1 MASTER 100")
	told(list...)
}

// keep starts a process that holds the daemon's mounts, and the daemon inside them, so
// that its files can be read after its end. It returns the daemon's wait.
func (r *rig) keep(text string) (wait func()) {
	r.Helper()
	opts := r.opts
	opts.Config = text
	r.p = r.h.Start(opts, "sleep", "100")
	log, err := os.Create(r.p.Path("/run/log"))
	if err != nil {
		r.Fatal(err)
	}
	defer log.Close()
	cmd := r.inside(ours, "-n", "-l", "-D")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return func() { _ = cmd.Wait() }
}

// TestFIFO: the lines of a start and a stop of instances in a group, in one FIFO for all
// and one for VRRP.
func TestFIFO(t *testing.T) {
	r := newRig(t)
	wait := r.keep(conf("  notify_fifo /run/fifo\n  vrrp_notify_fifo /run/vfifo\n  vrrp_notify_priority_changes true",
		block("vrrp_script w {\n  script \"/bin/sh -c 'test ! -e /run/down'\"\n  interval 1\n  weight 10\n}"),
		block("vrrp_sync_group G1 {\n  group {\n    VI_1\n    VI_2\n  }\n}"), inst{}, inst{name: "VI_2", vrid: 52, vips: []string{vip2}},
		inst{name: "VI_3", vrid: 53, vips: []string{"198.18.9.103"}, extra: "  track_script {\n    w\n  }"}))
	var fifo *os.File
	r.eventually("the FIFO", func() (ok bool) {
		var err error
		fifo, err = os.OpenFile(r.p.Path("/run/fifo"), os.O_RDWR|syscall.O_NONBLOCK, 0)
		return err == nil
	})
	defer fifo.Close()
	lines := make(chan string, 1)
	go func() {
		var b strings.Builder
		buf := make([]byte, 4096)
		for {
			n, err := fifo.Read(buf)
			b.Write(buf[:n])
			if err != nil || strings.Contains(b.String(), "GROUP \"G1\" STOP 0\n") && strings.Contains(b.String(), "\"VI_3\" STOP") {
				lines <- b.String()
				return
			}
		}
	}()
	for _, a := range []string{vip1, vip2, "198.18.9.103"} {
		r.has(a)
	}
	r.priority53(110)
	if err := os.WriteFile(r.p.Path("/run/down"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r.priority53(100)
	if err := syscall.Kill(r.pid("/run/keepalived.pid"), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	wait()
	var text string
	select {
	case text = <-lines:
	case <-time.After(3 * time.Second):
		fifo.Close()
		text = <-lines
		t.Error("the lines of the stop are missing")
	}
	got := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	order := func(list ...string) {
		t.Helper()
		at := 0
		for _, want := range list {
			i := slices.Index(got[at:], want)
			if i < 0 {
				t.Errorf("%q is missing or too early (order %q) in\n%s", want, list, text)
				return
			}
			at += i + 1
		}
	}
	order(`GROUP "G1" BACKUP 0`, `INSTANCE "VI_1" MASTER 100`, `GROUP "G1" MASTER 0`, `INSTANCE "VI_1" STOP 100`, `GROUP "G1" STOP 0`)
	order(`INSTANCE "VI_1" BACKUP 100`, `INSTANCE "VI_1" MASTER 100`)
	order(`INSTANCE "VI_2" BACKUP 100`, `INSTANCE "VI_2" MASTER 100`, `INSTANCE "VI_2" STOP 100`)
	order(`INSTANCE "VI_3" BACKUP_PRIORITY 110`, `INSTANCE "VI_3" MASTER 110`, `INSTANCE "VI_3" MASTER_PRIORITY 100`, `INSTANCE "VI_3" STOP 100`)
	if n := len(got); n != 14 {
		t.Errorf("%d lines, want 14:\n%s", n, text)
	}
	if r.exists("/run/fifo") || r.exists("/run/vfifo") {
		t.Error("a FIFO that the daemon made is left")
	}
}

// priority53 waits for the adverts of VRID 53 to have that priority.
func (r *rig) priority53(want uint8) {
	r.Helper()
	r.eventually("the priority of VRID 53", func() bool {
		own := slices.DeleteFunc(r.own(time.Time{}), func(a netlab.Advert) bool { return a.VRID != 53 })
		return len(own) > 0 && own[len(own)-1].Priority == want
	})
}

// TestNotifyStop: notify_stop and notify run to their end at a stop, an endless one is cut.
func TestNotifyStop(t *testing.T) {
	r := newRig(t)
	r.opts.Files = map[string]string{
		"/run/n.sh":     "#!/bin/sh\nsleep 0.3\n" + strings.TrimPrefix(noteScript, "#!/bin/sh\n"),
		"/run/never.sh": "#!/bin/sh\necho $$ >/run/pid\ntrap '' TERM\nsleep 1000\n",
	}
	wait := r.keep(conf("", inst{extra: "  notify_stop \"/run/n.sh s\"\n  notify \"/run/n.sh gen\""}, inst{name: "VI_2", vrid: 52, vips: []string{vip2}, extra: "  notify_stop /run/never.sh"}))
	r.has(vip1)
	r.has(vip2)
	r.eventually("MASTER to be told", func() bool { return slices.Contains(r.notes(), "gen INSTANCE VI_1 MASTER 100") })
	began := time.Now()
	if err := syscall.Kill(r.pid("/run/keepalived.pid"), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	r.lacks(vip1)
	r.lacks(vip2)
	if took := time.Since(began); took > 700*time.Millisecond {
		t.Errorf("the addresses went after %v", took)
	}
	wait()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the stop took %v", took)
	}
	notes := r.notes()
	if !slices.Contains(notes, "s") || !slices.Contains(notes, "gen INSTANCE VI_1 STOP 100") {
		t.Errorf("told %q", notes)
	}
	for line := range strings.Lines(r.read("/run/notes")) {
		if strings.HasSuffix(strings.TrimSpace(line), " s") && strings.Fields(line)[1] != "no" {
			t.Errorf("notify_stop ran before the address had gone: %q", line)
		}
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(r.read("/run/pid")))
	if pid == 0 {
		t.Error("the endless script did not run")
	} else {
		r.eventually("the endless script's end", func() bool { return !alive(pid) })
	}
}

// TestMasterOrder: advert, addresses, announcement, scripts, ten times over.
func TestMasterOrder(t *testing.T) {
	r := newRig(t)
	r.opts.Files = map[string]string{"/run/n.sh": noteScript}
	// Many addresses take a while: what does not wait for the last of them shows.
	var more []string
	for i := range 800 {
		more = append(more, fmt.Sprintf("10.1.%d.%d", i/200, i%200+1))
	}
	last := more[len(more)-1] + "/32"
	mon := r.monitor()
	r.master(conf("", inst{extra: "  notify_master \"/run/n.sh m\"\n  virtual_ipaddress_excluded {\n    " + strings.Join(more, "\n    ") + "\n  }"}))
	for n := 1; ; n++ {
		r.eventually("the notification", func() bool { return len(r.notes()) == n })
		if n == 5 {
			break
		}
		r.lan.Cut(r.h, "eth0")
		r.eventually("FAULT", func() bool { return r.said("(VI_1) Entering FAULT STATE") == n })
		r.lacks(vip1)
		r.lan.Mend(r.h, "eth0")
		r.eventually("MASTER", func() bool { return r.said("(VI_1) Entering MASTER STATE") == n+1 })
	}
	pause(200 * time.Millisecond)
	added := slices.DeleteFunc(mon.about(last), func(e event) bool { return strings.Contains(e.text, "Deleted") })
	var scripts []time.Time
	for line := range strings.Lines(r.read("/run/notes")) {
		f := strings.Fields(line)
		secs, err := strconv.ParseFloat(f[0], 64)
		if err != nil || f[1] != "yes" {
			t.Errorf("a script without the address: %q", line)
			continue
		}
		scripts = append(scripts, time.UnixMicro(int64(secs*1e6)))
	}
	if len(added) != 5 || len(scripts) != 5 {
		t.Fatalf("the last address was added %d times, %d scripts", len(added), len(scripts))
	}
	var bursts, starts []time.Time // first announcements and adverts after a pause
	before := time.Time{}
	for _, g := range r.cap.ARPs() {
		if g.Gratuitous() && g.SPA.String() == vip1 {
			bursts = append(bursts, g.At)
		}
	}
	for _, a := range r.own(time.Time{}) {
		if a.At.Sub(before) > 250*time.Millisecond {
			starts = append(starts, a.At)
		}
		before = a.At
	}
	if len(bursts) != 5 || len(starts) != 5 {
		t.Fatalf("%d announcements, %d first adverts", len(bursts), len(starts))
	}
	for i := range 5 {
		// The clocks of capture, ip monitor and date are one, but ip monitor takes its
		// time when it reads the message; the addresses take 60 ms and more.
		if !(starts[i].Before(added[i].at) && added[i].at.Before(bursts[i].Add(20*time.Millisecond)) && bursts[i].Before(scripts[i])) {
			t.Errorf("time %d: advert %v, address %v, announcement %v, script %v", i, starts[i], added[i].at, bursts[i], scripts[i])
		}
	}
}

// TestHangingNotify: a script that never ends delays no advert, no other instance, and
// its own instance's next script by seconds only.
func TestHangingNotify(t *testing.T) {
	r := newRig(t)
	r.opts.Files = map[string]string{"/run/hang.sh": "#!/bin/sh\nsleep 1000\n", "/run/n.sh": noteScript}
	r.master(conf("", inst{extra: "  notify_backup /run/hang.sh\n  notify_master \"/run/n.sh one\""},
		inst{name: "VI_2", vrid: 52, vips: []string{vip2}, extra: "  notify \"/run/n.sh two\""}))
	since := time.Now()
	r.has(vip2)
	r.eventually("the other's script", func() bool { return slices.Contains(r.notes(), "two INSTANCE VI_2 MASTER 100") })
	if took := time.Since(since); took > time.Second {
		t.Errorf("the other's script ran after %v", took)
	}
	netlab.Eventually(t, 7*time.Second, "its own next script", func() bool { return slices.Contains(r.notes(), "one") })
	r.steady(51, since, 100*time.Millisecond)
}

// TestLowerPriority: what a MASTER does about a rival with a lower priority.
func TestLowerPriority(t *testing.T) {
	r := newRig(t)
	r.opts.Files = map[string]string{"/run/n.sh": noteScript}
	r.master(conf("", inst{extra: "  notify_master_rx_lower_pri \"/run/n.sh low\""}))
	pause(200 * time.Millisecond)
	since := time.Now()
	r.advert(51, 50, 100*time.Millisecond, vip1)
	r.says("(VI_1) Received advert from " + peerAddr + " with lower priority 50, ours 100, forcing new election")
	r.eventually("the notification", func() bool { return slices.Contains(r.notes(), "low") })
	r.eventually("the announcement", func() bool { return r.garps(vip1, since) > 0 })
	if !r.h.HasAddr(vip1) {
		t.Error("the address has gone")
	}
}

// TestGroupNotify: a group moves as one, and its scripts have its arguments.
func TestGroupNotify(t *testing.T) {
	r := newRig(t)
	r.opts.Files = map[string]string{"/run/n.sh": noteScript}
	r.master(conf("", block(`vrrp_sync_group G1 {
  group {
    VI_1
    VI_2
  }
  notify_master "/run/n.sh gm"
  notify_fault "/run/n.sh gf"
  notify "/run/n.sh g"
}`), inst{}, inst{name: "VI_2", vrid: 52, dev: "eth1", vips: []string{"198.18.10.100/24"}}))
	r.has("198.18.10.100")
	r.eventually("MASTER to be told", func() bool {
		n := r.notes()
		return slices.Contains(n, "gm") && slices.Contains(n, "g GROUP G1 MASTER 0")
	})
	r.lan1.Cut(r.h, "eth1") // VI_2's
	r.says("(VI_2) Entering FAULT STATE")
	r.lacks(vip1)
	r.eventually("FAULT to be told", func() bool {
		n := r.notes()
		return slices.Contains(n, "gf") && slices.Contains(n, "g GROUP G1 FAULT 0")
	})
	r.lan1.Mend(r.h, "eth1")
	r.has(vip1)
	r.has("198.18.10.100")
	if want := "VRRP_Group(G1) Syncing instances to MASTER state"; r.said(want) != 2 {
		t.Errorf("%d lines %q", r.said(want), want)
	}
}
