package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// TestAddressForms: every option of an address as `ip` shows it.
func TestAddressForms(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{
		vips: []string{
			vip1 + "/24", "198.18.9.101", "198.18.9.102/32 dev eth1", "198.18.9.103/24 label eth0:v", "203.0.113.4/24 scope link",
			"198.18.9.105/24 brd 198.18.9.255", "198.18.9.106/28 brd +", "203.0.114.7/24 scope 123",
		},
		extra: "  virtual_ipaddress_excluded {\n    198.18.9.120/24\n    2001:db8:9::1/64\n    2001:db8:9::2\n  }",
	}))
	for _, want := range []string{
		`eth0 +inet 198\.18\.9\.100/24 .*scope global .*eth0\\`,
		`eth0 +inet 198\.18\.9\.101/32 .*scope global eth0\\`,
		`eth1 +inet 198\.18\.9\.102/32 .*scope global eth1\\`,
		`eth0 +inet 198\.18\.9\.103/24 .*scope global .*eth0:v\\`,
		`eth0 +inet 203\.0\.113\.4/24 .*scope link .*eth0\\`,
		`eth0 +inet 198\.18\.9\.105/24 brd 198\.18\.9\.255 .*eth0\\`,
		`eth0 +inet 198\.18\.9\.106/28 brd 198\.18\.9\.111 .*eth0\\`,
		`eth0 +inet 203\.0\.114\.7/24 .*scope 123 .*eth0\\`,
		`eth0 +inet 198\.18\.9\.120/24 .*eth0\\`,
		`eth0 +inet6 2001:db8:9::1/64 .*scope global.*`,
		`eth0 +inet6 2001:db8:9::2/128 .*scope global.*deprecated.*`,
	} {
		pattern := regexp.MustCompile(want)
		var out string
		if !netlab.Await(2*time.Second, func() bool { out = r.h.IP("-o", "addr", "show"); return pattern.MatchString(out) }) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
	if out := r.h.IP("-o", "-6", "addr", "show"); strings.Contains(out, "tentative") {
		t.Errorf("duplicate address detection runs:\n%s", out)
	}
	adv := r.own(time.Time{})
	if n := len(adv[len(adv)-1].Addrs); n != 8 {
		t.Errorf("the advert has %d addresses, want the 8 that are not excluded", n)
	}
	for _, a := range []string{vip1, "198.18.9.120"} {
		r.eventually("its announcement", func() bool { return r.garps(a, time.Time{}) > 0 })
	}
	r.stop()
	if out := r.h.IP("-o", "addr", "show"); strings.Contains(out, "198.18.9.10") || strings.Contains(out, "198.18.9.120") || strings.Contains(out, "2001:db8:9") {
		t.Errorf("left after the stop:\n%s", out)
	}
}

// TestAddressRemoved: an address that somebody removes is back at once, 50 times, and the
// instance stays what it is.
func TestAddressRemoved(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{vips: []string{vip1 + "/24", vip2 + "/32"}}))
	r.has(vip2)
	ev := r.events()
	mon := r.monitor()
	since, states := time.Now(), r.said("(VI_1) Entering ")
	for i := range 50 {
		addr := []string{vip1 + "/24", vip2 + "/32"}[i%2]
		r.h.IP("addr", "del", addr, "dev", "eth0")
		r.eventually(addr+" to be back", func() bool {
			return len(mon.about(addr))-len(mon.about("Deleted", addr)) > i/2 && len(mon.about("Deleted", addr)) > i/2
		})
	}
	late := 0 // ip monitor stamps a message when it comes to read it
	for _, addr := range []string{vip1 + "/24", vip2 + "/32"} {
		var gone time.Time
		for _, e := range mon.about(addr) {
			if strings.Contains(e.text, "Deleted") {
				gone = e.at
			} else if !gone.IsZero() {
				d := e.at.Sub(gone)
				late += btoi(d > 50*time.Millisecond)
				if d > 200*time.Millisecond || late > 5 {
					t.Errorf("%s was away for %v; %d of 50 times longer than 50 ms", addr, d, late)
				}
				gone = time.Time{}
			}
		}
	}
	r.eventually("its announcement", func() bool { return r.garps(vip1, since) > 0 && r.garps(vip2, since) > 0 })
	if r.said("(VI_1) Entering ") != states {
		t.Error("the state changed")
	}
	r.steady(51, since, 100*time.Millisecond)
	n := strings.Count(ev.text(), "was removed from eth0 by")
	if n < 2 || n > 50 {
		t.Errorf("%d events for 50 removals of two addresses:\n%s", n, ev.text())
	}
	if a := r.ctl("status"); !onlyService(a) {
		t.Errorf("status: %v", a)
	}
}

// TestPrimaryRemoved: with the interface's own address the kernel takes the virtual ones
// of its subnet away. They come back with it.
func TestPrimaryRemoved(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{}))
	r.h.IP("addr", "del", addr0+"/24", "dev", "eth0")
	r.says("(VI_1) Entering FAULT STATE")
	r.lacks(vip1)
	r.h.IP("addr", "add", addr0+"/24", "dev", "eth0")
	r.eventually("MASTER again", func() bool { return r.said("(VI_1) Entering MASTER STATE") == 2 })
	r.has(vip1)
}

// TestAddressStorm: the monitor's socket overflows and nothing is missed for it.
func TestAddressStorm(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{}))
	since, pids, states := time.Now(), r.children(), r.said("(VI_1) Entering ")
	var b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&b, "addr add 10.%d.%d.1/32 dev eth1\naddr del 10.%d.%d.1/32 dev eth1\n", i/200, i%200, i/200, i%200)
		if i == 1000 {
			fmt.Fprintf(&b, "addr del %s/24 dev eth0\n", vip1)
		}
	}
	// The child sleeps through the first part, so that its socket overflows for sure.
	vrrp := r.vrrpPid()
	cmd := exec.Command("ip", "-n", r.h.NS, "-batch", "-")
	cmd.Stdin = strings.NewReader(b.String())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	r.eventually("the address that was removed amid the storm", func() bool { return r.h.HasAddr(vip1) })
	pause(200 * time.Millisecond)
	r.steady(51, since, 100*time.Millisecond)
	if r.children() != pids || r.vrrpPid() != vrrp || r.said("(VI_1) Entering ") != states {
		t.Error("the child was lost or changed its state")
	}
	// A change after the storm is seen.
	r.h.IP("addr", "del", vip1+"/24", "dev", "eth0")
	r.has(vip1)
	r.lan.Cut(r.h, "eth0")
	r.says("(VI_1) Entering FAULT STATE")
}

// TestMonitorOverflow: messages that the kernel had to drop while the child stood still.
func TestMonitorOverflow(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{}))
	vrrp := r.vrrpPid()
	if err := syscall.Kill(vrrp, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for range 12 {
		for i := range 2000 {
			fmt.Fprintf(&b, "addr add 10.%d.%d.1/32 dev eth1\naddr del 10.%d.%d.1/32 dev eth1\n", i/200, i%200, i/200, i%200)
		}
	}
	fmt.Fprintf(&b, "addr del %s/24 dev eth0\n", vip1) // nobody will be told of this
	cmd := exec.Command("ip", "-n", r.h.NS, "-batch", "-")
	cmd.Stdin = strings.NewReader(b.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := syscall.Kill(vrrp, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	r.has(vip1)
	if !alive(vrrp) || r.vrrpPid() != vrrp {
		t.Error("the child was lost")
	}
}

// TestCrashLeftovers: kill -9 of everything leaves the address; the next start cleans up
// or takes it over.
func TestCrashLeftovers(t *testing.T) {
	r := newRig(t)
	// The mounts, with the pid files of the dead, must outlive the daemon.
	keeper := r.h.Start(netlab.ProcOpts{Config: conf("", inst{vips: []string{vip1 + "/24", vip2}})}, "sleep", "60")
	r.p = keeper
	run := func(argv ...string) *exec.Cmd {
		cmd := r.inside(append([]string{ours, "-n", "-l", "-D"}, argv...)...)
		out, err := os.Create(r.p.Path("/run/log"))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		return cmd
	}
	first := run()
	r.has(vip1)
	r.has(vip2)
	kill := func(cmd *exec.Cmd) {
		parent, vrrp := r.pid("/run/keepalived.pid"), r.vrrpPid()
		for _, pid := range []int{parent, vrrp} {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
		}
		for _, pid := range []int{vrrp, parent} {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		_ = cmd.Wait()
		r.eventually("their end", func() bool { return !alive(parent) && !alive(vrrp) })
	}
	kill(first)
	if !r.h.HasAddr(vip1) || !r.h.HasAddr(vip2) {
		t.Fatal("the crash took the addresses")
	}
	// A router with a higher priority is there: the next start must not keep the address.
	stop := r.rival(51, 250, vip1, vip2)
	second := run()
	r.eventually("the start", func() bool { return strings.Contains(r.read("/run/log"), "Startup complete") })
	r.lacks(vip1)
	r.lacks(vip2)
	if !strings.Contains(r.read("/run/log"), "zombie pid file") {
		t.Error("the stale pid file is not mentioned")
	}
	stop()
	r.has(vip1)
	kill(second)
	// Nobody else is there: the address may stay or go, in the end it is there.
	run()
	r.eventually("MASTER", func() bool { return strings.Contains(r.read("/run/log"), "Entering MASTER STATE") })
	r.has(vip1)
	r.has(vip2)
}

// TestParentKilled: without the parent the children resign and remove the addresses.
func TestParentKilled(t *testing.T) {
	r := newRig(t)
	r.opts.Files = map[string]string{"/run/n.sh": noteScript}
	r.p = r.h.Start(netlab.ProcOpts{Config: conf("", inst{extra: "  notify \"/run/n.sh\""}, service), Files: r.opts.Files}, "sleep", "60")
	cmd := r.inside(ours, "-n")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	r.has(vip1)
	parent, vrrp, checker := r.pid("/run/keepalived.pid"), r.vrrpPid(), r.pid("/run/checkers.pid")
	since := time.Now()
	if err := syscall.Kill(parent, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.lacks(vip1)
	r.eventually("the children's end", func() bool { return !alive(vrrp) && !alive(checker) })
	r.eventually("the resignation as the last advert", func() bool {
		own := r.own(since)
		return len(own) > 0 && own[len(own)-1].Priority == 0
	})
	if r.exists("/run/vrrp.pid") || r.exists("/run/checkers.pid") || !r.exists("/run/keepalived.pid") {
		t.Error("vrrp.pid and checkers.pid go, keepalived.pid stays")
	}
	if n := r.notes(); !slices.Contains(n, "INSTANCE VI_1 STOP 100") {
		t.Errorf("STOP was not told: %q", n)
	}
}

// TestForeignAddress: an address that was there before and is not ours to remove.
func TestForeignAddress(t *testing.T) {
	r := newRig(t)
	r.h.IP("addr", "add", "198.18.9.200/24", "dev", "eth0")
	r.master(conf("", inst{}))
	r.stop()
	if !r.h.HasAddr("198.18.9.200") || !r.h.HasAddr(addr0) {
		t.Error("an address that is not ours was removed")
	}
}

// TestAddressFails: an address that the kernel refuses holds up nothing, and is told of.
func TestAddressFails(t *testing.T) {
	r := newRig(t)
	r.opts.Files = map[string]string{"/run/n.sh": noteScript}
	// The kernel wants one scope a subnet: EINVAL.
	r.master(conf("", inst{vips: []string{vip1 + "/24", "198.18.9.104/24 scope link", vip2 + "/24"}, extra: "  notify_master \"/run/n.sh m\""}))
	r.has(vip2)
	r.eventually("the notification", func() bool { return slices.Equal(r.notes(), []string{"m"}) })
	r.eventually("the announcements", func() bool { return r.garps(vip1, time.Time{}) > 0 && r.garps(vip2, time.Time{}) > 0 })
	r.says("198.18.9.104/24")
	if a := r.ctl("status"); a.status != 1 || !strings.Contains(a.out, "198.18.9.104/24") {
		t.Errorf("status: %v", a)
	}
	pause(500 * time.Millisecond)
	if n := r.said("invalid argument"); n > 10 {
		t.Errorf("%d lines about it in a second", n)
	}
	// When it becomes possible, it is done.
	r.reload(conf("", inst{vips: []string{vip1 + "/24", "198.18.9.104/24", vip2 + "/24"}}))
	r.has("198.18.9.104")
	r.eventually("a healthy status", func() bool { return r.ctl("status").status == 0 })
}
