package main

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"keepalived/test/netlab"
)

// hundredth is the unit of VRRPv3's intervals.
const hundredth = 10 * time.Millisecond

// vip is the virtual address of the scenarios with one instance.
var vip = netip.MustParseAddr("192.0.2.100")

// router is one vrrp_instance as the scenarios write it.
type router struct {
	name     string // "": VI_1
	iface    string // "": eth0
	vrid     int    // 0: 51
	version  int
	priority int
	interval time.Duration
	vips     []string // nil: vip
	excluded []string
}

func (r router) text() string {
	var b strings.Builder
	r.write(&b)
	return b.String()
}

func (r router) write(b *strings.Builder) {
	if r.name == "" {
		r.name = "VI_1"
	}
	if r.iface == "" {
		r.iface = "eth0"
	}
	if r.vrid == 0 {
		r.vrid = 51
	}
	if r.vips == nil {
		r.vips = []string{vip.String() + "/24"}
	}
	state := "BACKUP"
	if r.priority == 255 {
		state = "MASTER" // 2.2.7 lets an owner with state BACKUP wait
	}
	fmt.Fprintf(b, "vrrp_instance %s {\n  state %s\n  interface %s\n  version %d\n  virtual_router_id %d\n  priority %d\n  advert_int %v\n",
		r.name, state, r.iface, r.version, r.vrid, r.priority, r.interval.Seconds())
	fmt.Fprintf(b, "  virtual_ipaddress {\n    %s\n  }\n", strings.Join(r.vips, "\n    "))
	if len(r.excluded) > 0 {
		fmt.Fprintf(b, "  virtual_ipaddress_excluded {\n    %s\n  }\n", strings.Join(r.excluded, "\n    "))
	}
	b.WriteString("}\n")
}

// skew is Skew_Time: RFC 3768 §6.1 in fractions of a second, RFC 5798 §6.1 in
// fractions of the interval.
func (r router) skew() time.Duration {
	unit := time.Second
	if r.version == 3 {
		unit = r.interval
	}
	return time.Duration(256-r.priority) * unit / 256
}

// masterDown is Master_Down_Interval.
func (r router) masterDown() time.Duration { return 3*r.interval + r.skew() }

// node is a host with a daemon.
type node struct {
	host *netlab.Host
	addr netip.Addr
	mac  string
	bin  string
	conf router
	proc *netlab.Proc
}

// pair is a LAN with two hosts, a at 192.0.2.1 and b at 192.0.2.2.
type pair struct {
	*session
	lan  *netlab.LAN
	tape *tape
	a, b *node
}

func (s *session) newPair(a, b router) *pair {
	lab := netlab.New(s)
	p := &pair{session: s, lan: lab.LAN("lan")}
	p.tape = &tape{capture: p.lan.Capture()}
	p.a, p.b = &node{conf: a, bin: s.bin}, &node{conf: b, bin: s.bin}
	for i, n := range []*node{p.a, p.b} {
		n.addr = netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})
		n.host = lab.Host(string("ab"[i]))
		lab.Attach(p.lan, n.host, "eth0", n.addr.String()+"/24")
		n.mac = n.host.MAC("eth0")
	}
	return p
}

// start starts a program on a host with a configuration and makes sure it is the
// program that it should be.
func (s *session) start(h *netlab.Host, bin, config string) *netlab.Proc {
	argv := []string{bin, "-n", "-l"}
	if s.opt.detail {
		argv = append(argv, "-D")
	}
	p := h.Start(netlab.ProcOpts{Config: "global_defs {\n  vrrp_garp_master_delay 1\n}\n" + config}, argv...)
	if got := p.Executable(); got != bin {
		s.Fatalf("pid %d runs %s, want %s", p.Pid(), got, bin)
	}
	return p
}

func (p *pair) start(n *node) { n.proc = p.session.start(n.host, n.bin, n.conf.text()) }

// await waits, at most the time given, for cond; more often than netlab does.
func (s *session) await(within time.Duration, what string, cond func() bool) {
	for end := time.Now().Add(within); !cond(); {
		if time.Now().After(end) {
			s.Fatalf("timed out after %v waiting for %s", within, what)
		}
		pause(2 * time.Millisecond)
	}
}

// inARow is how many adverts in a row make a master; slow ones must do with less.
func inARow(interval time.Duration) int {
	if interval < time.Second {
		return 3
	}
	return 2
}

// awaitMaster waits until n alone has sent the last few adverts on the LAN, all of
// them from now on.
func (p *pair) awaitMaster(n *node) {
	from, row := time.Now(), inARow(n.conf.interval)
	p.await(5*time.Second+4*n.conf.interval, "adverts of "+n.host.Name+" alone", func() bool {
		p.tape.read()
		k := len(p.tape.adverts)
		if k < row || p.tape.adverts[k-row].At.Before(from) {
			return false
		}
		for _, a := range p.tape.adverts[k-row:] {
			if a.Src != n.addr || a.Priority == 0 {
				return false
			}
		}
		return true
	})
}

// awaitBackup waits until the daemon says that it is BACKUP.
func (p *pair) awaitBackup(n *node) {
	p.await(5*time.Second, n.host.Name+" as BACKUP", func() bool { return strings.Contains(n.proc.Log(), "Entering BACKUP STATE") })
}

// settle starts both, a first, and waits until a is the master that b knows.
func (p *pair) settle() {
	p.start(p.a)
	p.await(10*time.Second, "the first advert of a", func() bool {
		_, ok := p.advertOf(p.a, time.Time{})
		return ok
	})
	p.start(p.b)
	p.awaitBackup(p.b)
	p.awaitMaster(p.a)
}

// advertOf finds a node's first advert with a priority after from.
func (p *pair) advertOf(n *node, from time.Time) (netlab.Advert, bool) {
	p.tape.read()
	for _, a := range p.tape.adverts {
		if a.Src == n.addr && a.Priority > 0 && a.At.After(from) {
			return a, true
		}
	}
	return netlab.Advert{}, false
}

// resignation finds a node's first priority 0 advert after from.
func (p *pair) resignation(n *node, from time.Time) (netlab.Advert, bool) {
	p.tape.read()
	for _, a := range p.tape.adverts {
		if a.Src == n.addr && a.Priority == 0 && a.At.After(from) {
			return a, true
		}
	}
	return netlab.Advert{}, false
}

// garpOf finds a node's first gratuitous ARP for the virtual address after from.
func (p *pair) garpOf(n *node, from time.Time) (time.Time, bool) {
	p.tape.read()
	for _, g := range p.tape.garps {
		if g.SHA == n.mac && g.SPA == vip && g.At.After(from) {
			return g.At, true
		}
	}
	return time.Time{}, false
}

// moves counts the state changes in a console.
func moves(log string) int {
	return strings.Count(log, "Entering MASTER STATE") + strings.Count(log, "Entering BACKUP STATE") + strings.Count(log, "Entering FAULT STATE")
}

// anyPhase waits a random part of the interval, so that what follows meets the
// timers at any point.
func anyPhase(interval time.Duration) { pause(rand.N(interval)) }
