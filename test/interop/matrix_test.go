package interop

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// variant is a version and a cast of the matrix.
type variant struct {
	version int
	unicast bool
}

func (v variant) cast() string {
	if v.unicast {
		return "unicast"
	}
	return "multicast"
}

func (v variant) String() string { return fmt.Sprintf("v%d %s", v.version, v.cast()) }

var variants = []variant{{2, false}, {2, true}, {3, false}, {3, true}}

// router is the configuration of a router with this priority: v2 beats once a
// second, with a password; v3 twice.
func (v variant) router(priority int) conf {
	c := conf{version: v.version, unicast: v.unicast, priority: priority, interval: 500 * time.Millisecond}
	if v.version == 2 {
		c.interval, c.password = time.Second, "secret12"
	}
	return c
}

func (v variant) row(o order, event string) row {
	return row{version: fmt.Sprintf("v%d", v.version), cast: v.cast(), order: o.String(), event: event}
}

// matrix runs the case for every variant and both orders, in parallel.
func matrix(t *testing.T, run func(t *testing.T, v variant, o order)) {
	t.Parallel()
	for _, v := range variants {
		for _, o := range orders {
			t.Run(v.String()+" "+o.first+" to "+o.second, func(t *testing.T) {
				t.Parallel()
				netlab.Need(t, "netns", "keepalived")
				run(t, v, o)
			})
		}
	}
}

// TestFailover is one life of a pair: the master crashes, comes back and preempts,
// and stops in good order.
func TestFailover(t *testing.T) {
	matrix(t, func(t *testing.T, v variant, o order) {
		p := newPair(t, o, v.router(150), v.router(100))
		p.a.start(t)
		p.b.start(t)
		p.settle(t, p.a)
		crash(t, p, v, o)
		preempt(t, p, v, o)
		stop(t, p, v, o)
		p.checkAdverts(t)
	})
}

func crash(t *testing.T, p *pair, v variant, o order) {
	at := time.Now()
	p.a.proc.Crash()
	tk := p.awaitTakeover(t, p.a, p.b, at, p.b.conf.masterDown()+2*time.Second)
	within(t, "takeover after the crash", tk.gap, p.b.conf.masterDown())
	if tk.resign.Version != 0 {
		t.Errorf("the crashed master sent priority 0")
	}
	p.soleMaster(t, p.b, 2*p.b.conf.interval)
	r := v.row(o, "crash")
	r.takeover, r.garp = tk.gap, tk.garp
	table.add(t, r)
}

// preempt brings back the higher priority. It listens for its own
// Master_Down_Interval and takes over between two adverts of the other.
func preempt(t *testing.T, p *pair, v variant, o order) {
	p.a.start(t)
	tk := p.awaitTakeover(t, p.b, p.a, p.a.since, p.a.conf.masterDown()+3*time.Second)
	listened := tk.firstNew.At.Sub(p.a.since)
	if want := p.a.conf.masterDown(); listened < want-early || listened > want+time.Second {
		t.Errorf("the returned router was master %v after its start, the protocol says %v", listened, want)
	}
	if tk.gap > p.b.conf.interval+late {
		t.Errorf("no master for %v during the preemption", tk.gap)
	}
	p.b.says(t, "Master received advert from "+p.a.addr.String()+" with higher priority 150, ours 100")
	p.settle(t, p.a)
	p.soleMaster(t, p.a, 2*p.a.conf.interval)
	r := v.row(o, "preempt")
	r.takeover, r.garp = tk.gap, tk.garp
	table.add(t, r)
}

func stop(t *testing.T, p *pair, v variant, o order) {
	at := time.Now()
	p.a.stop(t)
	tk := p.awaitTakeover(t, p.a, p.b, at, 3*time.Second)
	if tk.resign.Version == 0 {
		t.Fatal("the stopped master sent no priority 0")
	}
	got := tk.firstNew.At.Sub(tk.resign.At)
	within(t, "takeover after the stop", got, p.b.conf.skew())
	if p.a.holdsVIP() {
		t.Errorf("the stopped master left the virtual address behind")
	}
	p.soleMaster(t, p.b, 2*p.b.conf.interval)
	r := v.row(o, "stop")
	r.takeover, r.garp = got, got+tk.garp-tk.gap
	table.add(t, r)
}

// TestNopreempt brings back a higher priority that must wait: nopreempt keeps it a
// backup until the other one fails.
func TestNopreempt(t *testing.T) {
	matrix(t, func(t *testing.T, v variant, o order) {
		high := v.router(150)
		high.nopreempt = true
		p := newPair(t, o, high, v.router(100))
		p.b.start(t)
		p.settle(t, p.b)
		p.a.start(t)
		p.soleMaster(t, p.b, p.a.conf.masterDown()+2*p.a.conf.interval)
		at := time.Now()
		p.b.proc.Crash()
		tk := p.awaitTakeover(t, p.b, p.a, at, p.a.conf.masterDown()+2*time.Second)
		within(t, "takeover after the crash", tk.gap, p.a.conf.masterDown())
		p.checkAdverts(t)
		r := v.row(o, "nopreempt")
		r.takeover, r.garp = tk.gap, tk.garp
		r.note = "held back until the crash"
		table.add(t, r)
	})
}

// TestEqualPriority lets two masters of the same priority meet: the greater
// address stays (RFC 3768 §6.4.3, RFC 5798 §6.4.3).
func TestEqualPriority(t *testing.T) {
	matrix(t, func(t *testing.T, v variant, o order) {
		p := newPair(t, o, v.router(100), v.router(100))
		p.lan.Isolate(p.a.host, "eth0")
		p.a.knows(p.b) // an ARP request asked in isolation would delay the first unicast
		p.b.knows(p.a)
		p.a.start(t)
		p.b.start(t)
		netlab.Eventually(t, 8*time.Second, "two masters", func() bool {
			return p.a.holdsVIP() && p.b.holdsVIP()
		})
		met := time.Now()
		p.lan.Rejoin(p.a.host, "eth0")
		p.a.says(t, "Master received advert from 192.0.2.2 with same priority 100 but higher IP address than ours")
		p.settle(t, p.b)
		var yielded time.Duration
		for _, a := range p.cap.Adverts() {
			if a.Src == p.a.addr && a.At.After(met) {
				yielded = a.At.Sub(met)
			}
		}
		if limit := v.router(100).interval + late; yielded > limit {
			t.Errorf("the smaller address advertised for %v after they met, limit %v", yielded, limit)
		}
		p.soleMaster(t, p.b, 2*p.b.conf.interval)
		p.checkAdverts(t)
		r := v.row(o, "equal priority")
		r.takeover, r.note = max(yielded, 1), "the greater address stays"
		table.add(t, r)
	})
}

// TestWrongPassword: each refuses the other's adverts, so both are masters, and
// both say why. (VRRPv3 has no authentication.)
func TestWrongPassword(t *testing.T) {
	t.Parallel()
	for _, v := range variants[:2] {
		for _, o := range orders {
			t.Run(v.String()+" "+o.first+" to "+o.second, func(t *testing.T) {
				t.Parallel()
				netlab.Need(t, "netns", "keepalived")
				wrong := v.router(100)
				wrong.password = "other"
				p := newPair(t, o, v.router(150), wrong)
				p.a.start(t)
				p.settle(t, p.a)
				p.b.start(t)
				netlab.Eventually(t, 8*time.Second, "the second master", func() bool { return p.b.holdsVIP() })
				p.a.says(t, "(VI_1) received an invalid passwd!")
				p.b.says(t, "(VI_1) received an invalid passwd!")
				from := time.Now()
				netlab.Await(2500*time.Millisecond, func() bool { return false })
				var beats [2]int
				for _, a := range p.cap.Adverts() {
					if a.At.After(from) {
						beats[a.Src.As4()[3]-1]++
					}
				}
				for i, n := range []*node{p.a, p.b} {
					// 2.2.7 starts its advert timer anew at every refused packet, so it may be silent.
					if beats[i] < 2 && n.bin != netlab.RealKeepalived {
						t.Errorf("%d adverts of %s in 2.5 s", beats[i], n.label)
					}
					if !n.holdsVIP() || strings.Count(n.proc.Log(), "Entering MASTER STATE") != 1 {
						t.Errorf("%s did not stay master", n.label)
					}
				}
				p.checkAdverts(t)
				r := v.row(o, "wrong password")
				r.note = "refused on both sides"
				table.add(t, r)
			})
		}
	}
}
