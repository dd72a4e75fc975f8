package sock

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"keepalived/core/clock"
	"keepalived/test/netlab"
	"keepalived/vrrp/wire"
)

// Addresses of the two hosts of every test, a and b, and what they advertise.
var (
	addrA = netip.MustParseAddr("192.0.2.1")
	addrB = netip.MustParseAddr("192.0.2.2")
	vips  = []netip.Addr{netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("192.0.2.101")}
	vips6 = []netip.Addr{netip.MustParseAddr("fe80::1:100"), netip.MustParseAddr("2001:db8::100")}
)

// pair makes hosts a and b with eth0 in one LAN.
func pair(t testing.TB) (l *netlab.Lab, lan *netlab.LAN, a, b *netlab.Host) {
	t.Helper()
	l = netlab.New(t)
	lan = l.LAN("one")
	a, b = l.Host("a"), l.Host("b")
	l.Attach(lan, a, "eth0", addrA.String()+"/24")
	l.Attach(lan, b, "eth0", addrB.String()+"/24")
	return l, lan, a, b
}

// linkOf returns the index of an interface.
func linkOf(t testing.TB, h *netlab.Host, ifname string) int32 {
	t.Helper()
	var ifi *net.Interface
	var err error
	h.Do(func() { ifi, err = net.InterfaceByName(ifname) })
	if err != nil {
		t.Fatal(err)
	}
	return int32(ifi.Index)
}

func macOf(t testing.TB, h *netlab.Host, ifname string) wire.MAC {
	t.Helper()
	m, err := net.ParseMAC(h.MAC(ifname))
	if err != nil {
		t.Fatal(err)
	}
	return wire.MAC(m)
}

// linkLocal returns the link-local address of an interface.
func linkLocal(t testing.TB, h *netlab.Host, ifname string) netip.Addr {
	t.Helper()
	var found netip.Addr
	netlab.Eventually(t, 5*time.Second, "a link-local address on "+ifname, func() bool {
		var list []net.Addr
		h.Do(func() {
			if ifi, err := net.InterfaceByName(ifname); err == nil {
				list, _ = ifi.Addrs()
			}
		})
		for _, a := range list {
			p, err := netip.ParsePrefix(a.String())
			if err == nil && p.Addr().IsLinkLocalUnicast() && p.Addr().Is6() {
				found = p.Addr()
				return true
			}
		}
		return false
	})
	return found
}

func openSender(t testing.TB, h *netlab.Host, f Family) *Sender {
	t.Helper()
	var s *Sender
	var err error
	h.Do(func() { s, err = OpenSender(f) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func openReceiver(t testing.TB, h *netlab.Host, cfg Config) *Receiver {
	t.Helper()
	var r *Receiver
	var err error
	h.Do(func() { r, err = Open(cfg) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// listener is a running receiver and the loop's side of it.
type listener struct {
	t       testing.TB
	r       *Receiver
	ready   chan struct{}
	drained chan uint64
}

// start runs r until the test ends.
func start(t testing.TB, r *Receiver) *listener {
	t.Helper()
	l := &listener{t: t, r: r, ready: make(chan struct{}, 1), drained: make(chan uint64, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- r.Run(ctx, func() { l.ready <- struct{}{} }, func(ticket uint64) { l.drained <- ticket })
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case <-l.ready: // nobody took it
		default:
		}
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(5 * time.Second):
			t.Error("Run does not end")
		}
	})
	return l
}

func listen(t testing.TB, h *netlab.Host, cfg Config) *listener {
	t.Helper()
	return start(t, openReceiver(t, h, cfg))
}

// heard is a received packet that outlives its Release.
type heard struct {
	wire.Advert
	drop  wire.Drop
	link  int32
	at    clock.Instant
	addrs []netip.Addr
}

func copyOf(rx *Received) heard {
	p := heard{Advert: rx.Advert, drop: rx.Drop, link: rx.Link, at: rx.At}
	if rx.Drop == wire.Accepted {
		for i := range int(rx.Advert.Count) {
			p.addrs = append(p.addrs, rx.Advert.Addr(i))
		}
	}
	return p
}

// takeAll takes what waits.
func (l *listener) takeAll() (list []heard) {
	for rx := l.r.Next(); rx != nil; rx = l.r.Next() {
		list = append(list, copyOf(rx))
		rx.Release()
	}
	return list
}

// take waits for n packets, as a loop does: only when told to.
func (l *listener) take(n int) (list []heard) {
	l.t.Helper()
	deadline := time.After(5 * time.Second)
	for len(list) < n {
		select {
		case <-l.ready:
			list = append(list, l.takeAll()...)
		case <-deadline:
			l.t.Fatalf("%d of %d packets arrived", len(list), n)
		}
	}
	return list
}

// drain asks for everything that has arrived and returns it.
func (l *listener) drain() []heard {
	l.t.Helper()
	ticket := l.r.Drain()
	deadline := time.After(5 * time.Second)
	var list []heard
	for {
		select {
		case <-l.ready:
			list = append(list, l.takeAll()...)
		case got := <-l.drained:
			if got >= ticket {
				return append(list, l.takeAll()...)
			}
		case <-deadline:
			l.t.Fatalf("ticket %d is not served", ticket)
		}
	}
}

// hold joins the VRRP groups on the interface for the time of the test.
func hold(t testing.TB, h *netlab.Host, ifname string) *Memberships {
	t.Helper()
	m := NewMemberships()
	link := linkOf(t, h, ifname)
	h.Do(func() {
		for _, g := range []netip.Addr{wire.GroupIPv4, wire.GroupIPv6} {
			if err := m.Join(link, g); err != nil {
				t.Error(err)
			}
		}
	})
	t.Cleanup(func() { m.Close() })
	return m
}

// advert encodes a version 3 advertisement of virtual router vrid.
func advert(t testing.TB, vrid, priority uint8, src, dst netip.Addr) []byte {
	t.Helper()
	o := wire.Outgoing{Version: wire.V3, VRID: vrid, Priority: priority, Interval: 100 * time.Millisecond,
		Addrs: vips, Source: src, Destination: dst}
	if src.Is6() {
		o.Addrs = vips6
	}
	b, err := wire.AppendAdvert(nil, &o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
