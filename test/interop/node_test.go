package interop

import (
	"fmt"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

const (
	vip  = "192.0.2.100"
	vrid = 51
	// Tolerances on top of the protocol's own bounds: timers may not run early, and
	// the machine may be busy with the other cases.
	early = 15 * time.Millisecond
	late  = 250 * time.Millisecond
)

// conf is a router's configuration as the tests write it.
type conf struct {
	version    int
	unicast    bool
	priority   int
	interval   time.Duration
	nopreempt  bool
	password   string
	src, peer  string // unicast addresses
	extra      string // more lines of the instance
	moreGlobal string
}

func (c conf) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n  router_id LAB\n%s}\n", c.moreGlobal)
	fmt.Fprintf(&b, "vrrp_instance VI_1 {\n  state BACKUP\n  interface eth0\n  version %d\n  virtual_router_id %d\n", c.version, vrid)
	fmt.Fprintf(&b, "  priority %d\n  advert_int %v\n", c.priority, c.interval.Seconds())
	if c.nopreempt {
		b.WriteString("  nopreempt\n")
	}
	if c.unicast {
		fmt.Fprintf(&b, "  unicast_src_ip %s\n  unicast_peer {\n    %s\n  }\n", c.src, c.peer)
	}
	if c.password != "" {
		fmt.Fprintf(&b, "  authentication {\n    auth_type PASS\n    auth_pass %s\n  }\n", c.password)
	}
	fmt.Fprintf(&b, "%s  virtual_ipaddress {\n    %s/24\n  }\n}\n", c.extra, vip)
	return b.String()
}

// skew is Skew_Time: RFC 3768 §6.1 in seconds whatever the interval, RFC 5798
// §6.1 in proportion to the interval.
func (c conf) skew() time.Duration {
	unit := time.Second
	if c.version == 3 {
		unit = c.interval
	}
	return time.Duration(256-c.priority) * unit / 256
}

// masterDown is Master_Down_Interval.
func (c conf) masterDown() time.Duration { return 3*c.interval + c.skew() }

// node is one router of a case.
type node struct {
	label string // "ours" or "real"
	bin   string
	conf  conf
	addr  netip.Addr
	host  *netlab.Host
	mac   string
	proc  *netlab.Proc
	since time.Time // when proc was started
	opts  netlab.ProcOpts
	frr   *frrRouter // with FRR's vrrpd: what it needs beside it
}

// start runs the daemon and checks that it is the program it should be.
func (n *node) start(t *testing.T) {
	t.Helper()
	if n.frr != nil {
		n.frr.start(t, n)
		return
	}
	opts := n.opts
	opts.Config = n.conf.text()
	n.since = time.Now()
	n.proc = n.host.Start(opts, n.bin, "-n", "-l", "-D")
	checkExecutable(t, n.proc, n.bin)
}

// holdsVIP tells whether the virtual address is usable on the router.
func (n *node) holdsVIP() bool {
	if n.frr != nil {
		return n.frr.active(n)
	}
	return n.host.HasAddr(vip)
}

// knows gives the router a permanent neighbour entry for the other.
func (n *node) knows(other *node) {
	n.host.IP("neigh", "replace", other.addr.String(), "lladdr", other.mac, "dev", "eth0", "nud", "permanent")
}

// checkExecutable fails the test unless the process runs that very file.
func checkExecutable(t *testing.T, p *netlab.Proc, want string) {
	t.Helper()
	if got := p.Executable(); got != want {
		t.Fatalf("pid %d runs %s, want %s", p.Pid(), got, want)
	}
}

// pair is a LAN with two routers and a capture of everything.
type pair struct {
	lab  *netlab.Lab
	lan  *netlab.LAN
	cap  *netlab.Capture
	a, b *node // a has 192.0.2.1, b has 192.0.2.2
}

// order says which program is the first router and which the second.
type order struct{ first, second string }

func (o order) String() string { return o.first + " → " + o.second }

// orders are both orders of ours and the real keepalived.
var orders = []order{{"ours", "real"}, {"real", "ours"}}

func binary(label string) string {
	switch label {
	case "real":
		return netlab.RealKeepalived
	case "frr":
		return netlab.FRRDir + "/vrrpd"
	}
	return ours
}

// newPair makes the LAN and both routers' hosts; the routers are not started.
func newPair(t *testing.T, o order, a, b conf) *pair {
	t.Helper()
	p := &pair{lab: netlab.New(t)}
	p.lan = p.lab.LAN("lan")
	p.cap = p.lan.Capture()
	p.a, p.b = &node{label: o.first, conf: a}, &node{label: o.second, conf: b}
	for i, n := range []*node{p.a, p.b} {
		n.bin = binary(n.label)
		n.addr = netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})
		n.host = p.lab.Host(string("ab"[i]))
		p.lab.Attach(p.lan, n.host, "eth0", n.addr.String()+"/24")
		n.mac = n.host.MAC("eth0")
		if n.label == "frr" {
			n.frr = newFRR(t, n)
		}
		n.conf.src, n.conf.peer = n.addr.String(), fmt.Sprintf("192.0.2.%d", 2-i)
	}
	return p
}

// settle waits until who alone has advertised three times in a row and has the
// address, and the other router, if it runs, is a backup without it.
func (p *pair) settle(t *testing.T, who *node) {
	t.Helper()
	other := p.other(who)
	from := time.Now()
	netlab.Eventually(t, 8*time.Second, who.label+" as the only master", func() bool {
		adv := p.cap.Adverts()
		if len(adv) < 3 || adv[len(adv)-3].At.Before(from) {
			return false
		}
		for _, a := range adv[len(adv)-3:] {
			if a.Src != who.addr {
				return false
			}
		}
		return who.holdsVIP() && (other.proc == nil || !other.proc.Running() || !other.holdsVIP())
	})
}

func (p *pair) other(n *node) *node {
	if n == p.a {
		return p.b
	}
	return p.a
}

// takeover is what a change of master looked like on the wire.
type takeover struct {
	lastOld  netlab.Advert // the last one with a priority
	resign   netlab.Advert // the priority 0 one, if any
	firstNew netlab.Advert
	gap      time.Duration // from lastOld to firstNew
	garp     time.Duration // from lastOld to the new master's first gratuitous ARP
}

// awaitTakeover waits for the first advert of the new master after since, for its
// gratuitous ARP and for its address.
func (p *pair) awaitTakeover(t *testing.T, from, to *node, since time.Time, within time.Duration) takeover {
	t.Helper()
	var tk takeover
	var garpAt time.Time
	netlab.Eventually(t, within, fmt.Sprintf("the takeover by %s (%s)", to.label, to.addr), func() bool {
		tk = takeover{}
		for _, a := range p.cap.Adverts() {
			switch {
			case a.Src == to.addr && a.Priority > 0 && !a.At.Before(since):
				tk.firstNew = a
			case a.Src == from.addr && a.Priority > 0:
				tk.lastOld = a
			case a.Src == from.addr && !a.At.Before(since):
				tk.resign = a
			}
			if tk.firstNew.Version != 0 {
				break
			}
		}
		if tk.firstNew.Version == 0 {
			return false
		}
		garpAt, _ = p.firstGARP(to, since)
		return !garpAt.IsZero() && to.holdsVIP()
	})
	tk.gap, tk.garp = tk.firstNew.At.Sub(tk.lastOld.At), garpAt.Sub(tk.lastOld.At)
	if d := garpAt.Sub(tk.firstNew.At); d < 0 || d > late {
		t.Errorf("the first gratuitous ARP of %s came %v after its first advert", to.label, d)
	}
	return tk
}

// firstGARP finds the first gratuitous ARP for the virtual address since then.
func (p *pair) firstGARP(n *node, since time.Time) (time.Time, bool) {
	for _, g := range p.cap.ARPs() {
		if g.Gratuitous() && g.SPA.String() == vip && g.SHA == n.mac && !g.At.Before(since) {
			return g.At, true
		}
	}
	return time.Time{}, false
}

// within asserts a measured time against the protocol's: not early, not too late.
func within(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got < want-early || got > want+late {
		t.Errorf("%s after %v, the protocol says %v (−%v, +%v)", what, got, want, early, late)
	}
}

// soleMaster watches for the time given and fails if anyone else advertises a
// priority, if who stops, or if the address is not where it belongs.
func (p *pair) soleMaster(t *testing.T, who *node, watch time.Duration) {
	t.Helper()
	from := time.Now()
	netlab.Await(watch, func() bool { return false })
	seen := 0
	for _, a := range p.cap.Adverts() {
		switch {
		case a.At.Before(from):
		case a.Src != who.addr && a.Priority > 0:
			t.Errorf("%s advertises priority %d beside the master %s, %v after it should be alone",
				a.Src, a.Priority, who.addr, a.At.Sub(from))
			return
		case a.Src == who.addr:
			seen++
		}
	}
	// Half of them: that the master is alive is asserted here, not how punctual it is
	// beside forty other cases (TestHostileReaders asserts that, alone).
	if want := int(watch/who.conf.interval) / 2; seen < want {
		t.Errorf("%d adverts of the master %s in %v, want at least %d", seen, who.label, watch, want)
	}
	if !who.holdsVIP() {
		t.Errorf("the master %s lacks the virtual address", who.label)
	}
	if other := p.other(who); other.proc != nil && other.proc.Running() && other.holdsVIP() {
		t.Errorf("the backup %s has the virtual address", other.label)
	}
}

// checkAdverts judges every advert captured so far against the configurations.
func (p *pair) checkAdverts(t *testing.T) {
	t.Helper()
	for _, a := range p.cap.Adverts() {
		n := p.a
		if a.Src == p.b.addr {
			n = p.b
		}
		dst := "224.0.0.18"
		if n.conf.unicast {
			dst = n.conf.peer
		}
		switch {
		case a.Src != n.addr, a.SrcMAC != n.mac, a.Dst.String() != dst, a.TTL != 255,
			int(a.Version) != n.conf.version, a.VRID != vrid, a.Interval != n.conf.interval,
			a.Priority != 0 && int(a.Priority) != n.conf.priority,
			len(a.Addrs) != 1, a.Addrs[0].String() != vip,
			n.conf.version == 2 && a.Auth != n.conf.password:
			t.Errorf("a wrong advert of %s: %+v", n.label, a)
			return
		}
	}
}

// stop ends a router in good order.
func (n *node) stop(t *testing.T) {
	t.Helper()
	n.proc.Signal(syscall.SIGTERM)
	if got := n.proc.Wait(5 * time.Second); got != 0 {
		t.Errorf("%s ended with %d", n.label, got)
	}
}

// says waits for a line in the router's log.
func (n *node) says(t *testing.T, text string) {
	t.Helper()
	netlab.Eventually(t, 3*time.Second, fmt.Sprintf("%q in the log of %s", text, n.label), func() bool {
		return strings.Contains(n.proc.Log(), text)
	})
}
