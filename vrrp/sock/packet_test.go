package sock

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keepalived/test/netlab"
	"keepalived/vrrp/wire"
)

// inHost runs f in the host and fails on its error.
func inHost(t *testing.T, h *netlab.Host, f func() error) {
	t.Helper()
	var err error
	h.Do(func() { err = f() })
	if err != nil {
		t.Fatal(err)
	}
}

// seen waits for a frame on the capture.
func seen(t *testing.T, c *netlab.Capture, frame []byte) {
	t.Helper()
	netlab.Eventually(t, 5*time.Second, "the frame on the wire", func() bool {
		return slices.ContainsFunc(c.Packets(), func(p netlab.Packet) bool { return bytes.Equal(p.Data, frame) })
	})
}

func TestAnnounce(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	_, _, a, b := pair(t)
	ann := NewAnnouncer()
	defer ann.Close()
	link, mac, c := linkOf(t, a, "eth0"), macOf(t, a, "eth0"), b.Capture("eth0")
	b.IP("neigh", "replace", vips[0].String(), "lladdr", "02:00:00:00:00:01", "nud", "stale", "dev", "eth0")

	inHost(t, a, func() error { return ann.GARP(link, mac, vips[0]) })
	seen(t, c, wire.AppendGARP(nil, mac, vips[0]))
	netlab.Eventually(t, 5*time.Second, "b's ARP entry", func() bool {
		return bytes.Contains([]byte(b.IP("neigh", "show", vips[0].String())), []byte(a.MAC("eth0")))
	})

	b.IP("-6", "neigh", "replace", vips6[0].String(), "lladdr", "02:00:00:00:00:01", "nud", "stale", "dev", "eth0")
	inHost(t, a, func() error { return ann.NA(link, mac, vips6[0], wire.NAOverride|wire.NARouter) })
	seen(t, c, wire.AppendNA(nil, mac, vips6[0], wire.NAOverride|wire.NARouter))
	netlab.Eventually(t, 5*time.Second, "b's neighbour entry", func() bool {
		out := b.IP("-6", "neigh", "show", vips6[0].String())
		return bytes.Contains([]byte(out), []byte(a.MAC("eth0"))) && bytes.Contains([]byte(out), []byte("router"))
	})
	if len(ann.conns) != 1 {
		t.Errorf("%d sockets for one interface", len(ann.conns))
	}
}

// The socket hears nothing, so that no queue fills behind our back.
func TestAnnouncerHearsNothing(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	_, _, a, b := pair(t)
	mine, other := NewAnnouncer(), NewAnnouncer()
	defer mine.Close()
	defer other.Close()
	linkA, linkB := linkOf(t, a, "eth0"), linkOf(t, b, "eth0")
	inHost(t, a, func() error { return mine.Open(linkA) })
	c := a.Capture("eth0")
	mac := macOf(t, b, "eth0")
	inHost(t, b, func() error { return other.GARP(linkB, mac, addrB) })
	seen(t, c, wire.AppendGARP(nil, mac, addrB))
	var n int
	var err error
	_ = mine.conns[linkA].raw.Control(func(fd uintptr) {
		n, _, err = unix.Recvfrom(int(fd), make([]byte, 100), unix.MSG_DONTWAIT)
	})
	if err != unix.EAGAIN {
		t.Errorf("received %d octets, %v", n, err)
	}
}

func TestAnnouncerErrorsAndRecreation(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	h := netlab.New(t).Host("a")
	a := NewAnnouncer()
	defer a.Close()
	mac := wire.MAC{2, 0, 0, 0, 0, 1}
	h.Do(func() {
		if err := a.GARP(77, mac, addrA); !IsGone(err) {
			t.Errorf("link that does not exist: %v", err)
		}
	})
	if a.Forget(77) != nil {
		t.Error("a socket of a link that never was")
	}
	for range 3 {
		h.IP("link", "add", "v0", "index", "500", "type", "veth", "peer", "name", "v1")
		h.IP("link", "set", "v1", "up")
		inHost(t, h, func() error { return a.Open(500) })
		if err := a.GARP(500, mac, addrA); !IsGone(err) {
			t.Errorf("link that is down: %v", err)
		}
		h.IP("link", "set", "v0", "up")
		c := h.Capture("v1")
		if err := a.GARP(500, mac, addrA); err != nil {
			t.Fatal(err)
		}
		seen(t, c, wire.AppendGARP(nil, mac, addrA))
		if err := a.GARP(500, mac, vips6[0]); err == nil {
			t.Error("GARP of an IPv6 address")
		}
		if err := a.NA(500, mac, addrA, wire.NAOverride); err == nil {
			t.Error("NA of an IPv4 address")
		}
		h.IP("link", "del", "v0")
		if err := a.GARP(500, mac, addrA); !IsGone(err) {
			t.Errorf("link that was deleted: %v", err)
		}
		if err := a.Forget(500).Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestAnnounceDoesNotAllocate(t *testing.T) {
	netlab.Need(t, "root", "netns")
	h := netlab.New(t).Host("a")
	a := NewAnnouncer()
	defer a.Close()
	link := linkOf(t, h, "lo")
	inHost(t, h, func() error { return a.Open(link) })
	v6 := netip.MustParseAddr("2001:db8::1")
	n := testing.AllocsPerRun(200, func() {
		if err := a.GARP(link, wire.Broadcast, addrA); err != nil {
			t.Fatal(err)
		}
		if err := a.NA(link, wire.Broadcast, v6, wire.NAOverride); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkGARP(b *testing.B) {
	netlab.Need(b, "root", "netns", "veth")
	_, _, h, _ := pair(b)
	a := NewAnnouncer()
	defer a.Close()
	link, mac := linkOf(b, h, "eth0"), macOf(b, h, "eth0")
	h.Do(func() {
		if err := a.Open(link); err != nil {
			b.Fatal(err)
		}
	})
	b.ReportAllocs()
	for b.Loop() {
		if err := a.GARP(link, mac, vips[0]); err != nil && !IsRetry(err) {
			b.Fatal(err)
		}
	}
}
