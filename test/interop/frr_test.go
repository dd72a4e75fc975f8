package interop

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

const frrLink = "vrrp4-2-1" // the macvlan with the virtual MAC that vrrpd wants to find

// frrRouter is what FRR's vrrpd needs beside it: zebra and a directory that both
// see and that the user frr owns.
type frrRouter struct {
	dir string
}

// newFRR makes the macvlan with the virtual MAC and address and starts zebra. From
// then on the node's frames carry the virtual MAC.
func newFRR(t *testing.T, n *node) *frrRouter {
	t.Helper()
	dir, err := os.MkdirTemp("", "frr") // short: it holds unix sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	u, err := user.Lookup("frr")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	n.mac = fmt.Sprintf("00:00:5e:00:01:%02x", vrid)
	n.host.IP("link", "add", frrLink, "link", "eth0", "address", n.mac, "type", "macvlan", "mode", "bridge")
	n.host.IP("addr", "add", vip+"/24", "dev", frrLink)
	n.host.IP("link", "set", frrLink, "up")
	f := &frrRouter{dir: dir}
	f.write(t, "zebra.conf", "hostname lab\n")
	f.write(t, "vrrpd.conf", fmt.Sprintf("log stdout\ninterface eth0\n vrrp %d version 3\n vrrp %d priority %d\n"+
		" vrrp %d advertisement-interval %d\n vrrp %d ip %s\n",
		vrid, vrid, n.conf.priority, vrid, n.conf.interval.Milliseconds(), vrid, vip))
	f.run(n, "zebra")
	netlab.Eventually(t, 5*time.Second, "zebra's socket", func() bool {
		_, err := os.Stat(filepath.Join(dir, "zserv.api"))
		return err == nil
	})
	return f
}

func (f *frrRouter) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run starts one of FRR's daemons in the foreground.
func (f *frrRouter) run(n *node, daemon string) *netlab.Proc {
	in := func(name string) string { return filepath.Join(f.dir, name) }
	return n.host.Start(netlab.ProcOpts{Keep: []string{f.dir}}, filepath.Join(netlab.FRRDir, daemon),
		"-f", in(daemon+".conf"), "-i", in(daemon+".pid"), "-z", in("zserv.api"),
		"--vty_socket", f.dir, "-A", "127.0.0.1", "-u", "frr", "-g", "frr")
}

func (f *frrRouter) start(t *testing.T, n *node) {
	t.Helper()
	n.since = time.Now()
	n.proc = f.run(n, "vrrpd")
	checkExecutable(t, n.proc, n.bin)
}

// active tells whether the macvlan is up; vrrpd holds it down (protodown) while
// the router is a backup.
func (f *frrRouter) active(n *node) (up bool) {
	n.host.Do(func() {
		link, err := net.InterfaceByName(frrLink)
		up = err == nil && link.Flags&net.FlagRunning != 0
	})
	return up
}

// TestFRR runs us against FRR's vrrpd, VRRPv3 multicast, in both orders: crash of
// the master, its return, its stop.
func TestFRR(t *testing.T) {
	t.Parallel()
	for _, o := range []order{{"ours", "frr"}, {"frr", "ours"}} {
		t.Run(o.first+" to "+o.second, func(t *testing.T) {
			t.Parallel()
			netlab.Need(t, "netns", "keepalived", "frr")
			v := variant{version: 3}
			p := newPair(t, o, v.router(150), v.router(100))
			p.a.start(t)
			p.b.start(t)
			p.settle(t, p.a)
			crash(t, p, v, o)
			returnsTo(t, p, v, o)
			stopFRR(t, p, v, o)
			p.checkAdverts(t)
		})
	}
}

// returnsTo is the preemption by a returning first router, without the log texts
// and start-up times that are keepalived's.
func returnsTo(t *testing.T, p *pair, v variant, o order) {
	p.a.start(t)
	tk := p.awaitTakeover(t, p.b, p.a, p.a.since, p.a.conf.masterDown()+3*time.Second)
	if tk.gap > p.b.conf.interval+late {
		t.Errorf("no master for %v during the preemption", tk.gap)
	}
	p.settle(t, p.a)
	p.soleMaster(t, p.a, 2*p.a.conf.interval)
	r := v.row(o, "preempt")
	r.takeover, r.garp = tk.gap, tk.garp
	table.add(t, r)
}

// stopFRR is stop for a pair with FRR, which ends with its own status.
func stopFRR(t *testing.T, p *pair, v variant, o order) {
	if p.a.frr == nil {
		stop(t, p, v, o)
		return
	}
	at := time.Now()
	p.a.proc.Signal(syscall.SIGTERM)
	p.a.proc.Wait(5 * time.Second)
	tk := p.awaitTakeover(t, p.a, p.b, at, 4*time.Second)
	r := v.row(o, "stop")
	r.takeover, r.garp = tk.gap, tk.garp
	if tk.resign.Version != 0 {
		got := tk.firstNew.At.Sub(tk.resign.At)
		within(t, "takeover after the stop", got, p.b.conf.skew())
		r.takeover, r.garp = got, got+tk.garp-tk.gap
	} else {
		within(t, "takeover after the stop without a resignation", tk.gap, p.b.conf.masterDown())
		r.note = "FRR sent no priority 0"
	}
	p.soleMaster(t, p.b, 2*p.b.conf.interval)
	table.add(t, r)
}
