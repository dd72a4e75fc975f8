package sock

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keepalived/core/clock"
	"keepalived/test/netlab"
	"keepalived/vrrp/wire"
)

func TestMulticastAndUnicast(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	_, _, a, b := pair(t)
	hold(t, a, "eth0")
	hold(t, b, "eth0")
	linkA, linkB := linkOf(t, a, "eth0"), linkOf(t, b, "eth0")
	local := map[Family][2]netip.Addr{
		IPv4: {addrA, addrB},
		IPv6: {linkLocal(t, a, "eth0"), linkLocal(t, b, "eth0")},
	}
	for _, f := range []Family{IPv4, IPv6} {
		s, own, other := openSender(t, a, f), listen(t, a, Config{Family: f}), listen(t, b, Config{Family: f})
		src, unicast := local[f][0], local[f][1]
		group, want := wire.GroupIPv4, vips
		if f == IPv6 {
			group, want = wire.GroupIPv6, vips6
		}
		for _, tt := range []struct {
			name string
			dst  netip.Addr
			ttl  uint8
		}{
			{"multicast", group, 255},
			{"unicast", unicast, 255},
			{"multicast with another hop limit", group, 254},
			{"unicast with another hop limit", unicast, 64},
		} {
			t.Run(f.String()+" "+tt.name, func(t *testing.T) {
				before := clock.Real{}.Now()
				if err := s.Send(linkA, src, tt.dst, tt.ttl, 1, advert(t, 7, 123, src, tt.dst)); err != nil {
					t.Fatal(err)
				}
				p := other.take(1)[0]
				after := clock.Real{}.Now()
				if p.drop != wire.Accepted || p.VRID != 7 || p.Priority != 123 || p.Interval != 100*time.Millisecond ||
					p.Source != src || p.Destination != tt.dst || p.HopLimit != tt.ttl || p.Checksum != wire.ChecksumPseudo {
					t.Errorf("%v: %+v", p.drop, p.Advert)
				}
				if p.link != linkB {
					t.Errorf("came in by link %d, want %d", p.link, linkB)
				}
				if !slices.Equal(p.addrs, want) {
					t.Errorf("addresses %v, want %v", p.addrs, want)
				}
				if p.at < before || p.at > after {
					t.Errorf("stamped %v after it was sent, taken after %v", p.at.Sub(before), after.Sub(before))
				}
				if got := own.drain(); len(got) != 0 {
					t.Errorf("the sender hears itself: %+v", got)
				}
			})
		}
	}
}

// Without anybody's membership the group is not heard; the receiver itself joins nothing.
func TestMembershipNeeded(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	_, _, a, b := pair(t)
	s, l := openSender(t, a, IPv4), listen(t, b, Config{Family: IPv4})
	link, linkB := linkOf(t, a, "eth0"), linkOf(t, b, "eth0")
	wireB := b.Capture("eth0")
	send := func(vrid uint8) {
		t.Helper()
		if err := s.Send(link, addrA, wire.GroupIPv4, 255, 1, advert(t, vrid, 100, addrA, wire.GroupIPv4)); err != nil {
			t.Fatal(err)
		}
		netlab.Eventually(t, 5*time.Second, "the advert on the wire", func() bool {
			return slices.ContainsFunc(wireB.Adverts(), func(a netlab.Advert) bool { return a.VRID == vrid })
		})
	}
	send(1)
	if got := l.drain(); len(got) != 0 {
		t.Fatalf("heard without a membership: %+v", got)
	}
	m := hold(t, b, "eth0")
	send(2)
	if got := l.take(1); got[0].VRID != 2 {
		t.Fatalf("heard %+v", got)
	}
	if err := m.Leave(linkB, wire.GroupIPv4); err != nil {
		t.Fatal(err)
	}
	send(3)
	if got := l.drain(); len(got) != 0 {
		t.Errorf("heard after the last one has left: %+v", got)
	}
}

// One socket tells the interfaces apart.
func TestTwoLinks(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	l, _, a, b := pair(t)
	lan := l.LAN("two")
	l.Attach(lan, a, "eth1", "198.51.100.1/24")
	l.Attach(lan, b, "eth1", "198.51.100.2/24")
	s, rx := openSender(t, a, IPv4), listen(t, b, Config{Family: IPv4})
	for i, ifname := range []string{"eth0", "eth1"} {
		hold(t, b, ifname)
		vrid := uint8(10 + i)
		if err := s.Send(linkOf(t, a, ifname), addrA, wire.GroupIPv4, 255, 1, advert(t, vrid, 100, addrA, wire.GroupIPv4)); err != nil {
			t.Fatal(err)
		}
		if p := rx.take(1)[0]; p.VRID != vrid || p.link != linkOf(t, b, ifname) {
			t.Errorf("%s: VRID %d by link %d, want VRID %d by link %d", ifname, p.VRID, p.link, vrid, linkOf(t, b, ifname))
		}
	}
}

// A packet that is no advertisement comes with its reason and with what could be read.
func TestReceivedDrops(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	_, _, a, b := pair(t)
	s, l := openSender(t, a, IPv4), listen(t, b, Config{Family: IPv4})
	link := linkOf(t, a, "eth0")
	good := advert(t, 9, 100, addrA, addrB)
	edit := func(i int, v byte) []byte { c := slices.Clone(good); c[i] = v; return c }
	for _, tt := range []struct {
		name string
		b    []byte
		want wire.Drop
	}{
		{"checksum", edit(2, 101), wire.DropChecksum},
		{"version", edit(0, 0x51), wire.DropVersion},
		{"one octet", good[:1], wire.DropShort},
		{"cut", good[:len(good)-1], wire.DropLength},
		{"longer than any advertisement can be", append(slices.Clone(good), make([]byte, 1300)...), wire.DropLength},
		{"good", good, wire.Accepted},
	} {
		if err := s.Send(link, addrA, addrB, 255, 1, tt.b); err != nil {
			t.Fatal(err)
		}
		p := l.take(1)[0]
		if p.drop != tt.want || len(tt.b) > 1 && p.VRID != 9 || p.Source != addrA {
			t.Errorf("%s: %v, want %v: %+v", tt.name, p.drop, tt.want, p.Advert)
		}
	}
}

// queue sends n unicast adverts with ascending number (VRID and priority) and waits
// until all are in b's socket.
func queue(t *testing.T, s *Sender, link int32, capture *netlab.Capture, n int) {
	t.Helper()
	had := len(capture.Adverts())
	for i := range n {
		pdu := advert(t, uint8(1+i/256), uint8(i), addrA, addrB)
		netlab.Eventually(t, 5*time.Second, "room in the sender's queue", func() bool {
			err := s.Send(link, addrA, addrB, 255, uint16(i), pdu)
			if err != nil && !IsRetry(err) {
				t.Fatal(err)
			}
			return err == nil
		})
	}
	netlab.Eventually(t, 10*time.Second, "the adverts on the wire", func() bool { return len(capture.Adverts()) >= had+n })
}

// stamping waits until the kernel stamps packets when they arrive: it begins some
// milliseconds after the first socket of the machine has asked for it.
func stamping(t *testing.T, h *netlab.Host) {
	t.Helper()
	lo := netip.MustParseAddr("127.0.0.1")
	r, s := openReceiver(t, h, Config{Family: IPv4}), openSender(t, h, IPv4)
	r.ready, r.drained = func() {}, func(uint64) {}
	pdu, link := advert(t, 1, 1, lo, lo), linkOf(t, h, "lo")
	netlab.Eventually(t, 5*time.Second, "time stamps of arrival", func() bool {
		if err := s.Send(link, lo, lo, 255, 1, pdu); err != nil {
			t.Fatal(err)
		}
		sent := clock.Real{}.Now()
		netlab.Await(10*time.Millisecond, func() bool { return false })
		if err := r.turn(); err != nil {
			t.Fatal(err)
		}
		rx := r.Next()
		defer rx.Release()
		return rx.At.Sub(sent) < 5*time.Millisecond
	})
}

func number(p heard) int { return int(p.VRID-1)<<8 | int(p.Priority) }

// Read before you expire: what waits in the socket when the receiver gets going is
// all delivered, in order and with its own time, before the ticket is served.
func TestDrainAfterPause(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	lab, _, a, b := pair(t)
	r, s := openReceiver(t, b, Config{Family: IPv4}), openSender(t, a, IPv4)
	const n = 3000
	stamping(t, lab.Host("probe"))
	before := clock.Real{}.Now()
	queue(t, s, linkOf(t, a, "eth0"), b.Capture("eth0"), n)
	queued := clock.Real{}.Now()
	netlab.Await(50*time.Millisecond, func() bool { return false }) // the pause
	r.Drain()
	got := start(t, r).drain()
	if len(got) != n {
		t.Fatalf("%d of %d adverts were there when the ticket was served", len(got), n)
	}
	var last clock.Instant
	for i, p := range got {
		if number(p) != i {
			t.Fatalf("place %d holds number %d", i, number(p))
		}
		if p.at < before || p.at > queued || p.at < last {
			t.Fatalf("number %d is stamped %v after the first was sent, the last was there after %v", i, p.at.Sub(before), queued.Sub(before))
		}
		last = p.at
	}
	if st := r.Stats(); st != (Stats{Received: n}) {
		t.Errorf("%+v", st)
	}
}

// A ticket is served although packets keep coming: when as many were read as the
// socket can have held. Then the socket was not seen empty.
func TestDrainIsBounded(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	_, _, a, b := pair(t)
	r := openReceiver(t, b, Config{Family: IPv4})
	r.drain = 2 * batch
	var served []uint64
	r.ready, r.drained = func() {}, func(ticket uint64) { served = append(served, ticket) }
	queue(t, openSender(t, a, IPv4), linkOf(t, a, "eth0"), b.Capture("eth0"), 3*batch)
	opened := r.empty.at
	r.wanted.Add(1)
	for i, want := range []int{0, 1, 1} { // served after each turn
		if err := r.turn(); err != nil {
			t.Fatal(err)
		}
		if len(served) != want || r.got != batch || r.empty.at != opened {
			t.Errorf("turn %d: %d tickets served, %d packets read, want %d and %d", i, len(served), r.got, want, batch)
		}
	}
	// The next one is served by an empty socket, and that bounds the times to come.
	r.wanted.Add(1)
	if err := r.turn(); err != nil {
		t.Fatal(err)
	}
	if len(served) != 2 || r.got != 0 || r.empty.at <= opened {
		t.Errorf("tickets %v, %d packets, empty %v after it was opened", served, r.got, r.empty.at.Sub(opened))
	}
}

// Tickets that are drawn faster than they are served are served together.
func TestDrainTickets(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	_, _, _, b := pair(t)
	r := openReceiver(t, b, Config{Family: IPv4})
	var last uint64
	for range 10 {
		last = r.Drain()
	}
	l := start(t, r)
	if got := <-l.drained; got != last {
		t.Errorf("first served %d, want %d", got, last)
	}
	for range 100 {
		if got := l.drain(); len(got) != 0 {
			t.Errorf("%d packets out of nothing", len(got))
		}
	}
}

// When the loop is behind the oldest go first, and it is counted.
func TestBacklog(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	_, _, a, b := pair(t)
	const n, room = 500, 100
	l := listen(t, b, Config{Family: IPv4, Backlog: room})
	s := openSender(t, a, IPv4)
	capture := b.Capture("eth0")
	queue(t, s, linkOf(t, a, "eth0"), capture, n)
	ticket := l.r.Drain()
	for got := range l.drained {
		if got == ticket {
			break
		}
	}
	<-l.ready
	got := l.takeAll()
	if len(got) < room || len(got) > room+batch {
		t.Errorf("%d wait, want %d and at most one batch more", len(got), room)
	}
	for i, p := range got {
		if want := n - len(got) + i; number(p) != want {
			t.Fatalf("place %d holds number %d, want %d", i, number(p), want)
		}
	}
	if st := l.r.Stats(); st.Received != n || st.Overrun != uint64(n-len(got)) || st.KernelDrops != 0 {
		t.Errorf("%+v with %d taken", st, len(got))
	}
	// And then it goes on.
	queue(t, s, linkOf(t, a, "eth0"), capture, 10)
	if got := l.take(10); number(got[9]) != 9 {
		t.Errorf("number %d, want 9", number(got[9]))
	}
	// What is free is not more than there may be.
	if got := l.r.slots.Load(); got > l.r.limit {
		t.Errorf("%d slots of %d", got, l.r.limit)
	}
}

// What the kernel threw away because nobody read is known with the next packet.
func TestKernelDrops(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	_, _, a, b := pair(t)
	r, s, capture := openReceiver(t, b, Config{Family: IPv4, Buffer: 4 << 10}), openSender(t, a, IPv4), b.Capture("eth0")
	queue(t, s, linkOf(t, a, "eth0"), capture, 200)
	l := start(t, r)
	first := len(l.drain())
	queue(t, s, linkOf(t, a, "eth0"), capture, 1)
	l.take(1)
	if st := r.Stats(); first == 0 || st.KernelDrops != uint64(200-first) {
		t.Errorf("%d came through, %+v", first, st)
	}
}

// A backlog's slots are given back to the collector.
func TestSlotsShrink(t *testing.T) {
	r := &Receiver{family: IPv4, free: make(chan *Received, 2), filled: make(chan *Received, 5), limit: 5}
	var held []*Received
	for range 5 {
		held = append(held, r.slot())
	}
	for _, rx := range held {
		rx.Release()
	}
	if got := r.slots.Load(); got != 2 || len(r.free) != 2 {
		t.Errorf("%d slots, %d free, want 2", got, len(r.free))
	}
}

// The whole way of an advertisement, from the socket to the loop and back, and its
// sending allocate nothing.
func TestNoAllocation(t *testing.T) {
	netlab.Need(t, "root", "netns")
	h := netlab.New(t).Host("a")
	for _, f := range []Family{IPv4, IPv6} {
		lo, want := netip.MustParseAddr("127.0.0.1"), vips
		if f == IPv6 {
			lo, want = netip.MustParseAddr("::1"), vips6
		}
		r, s, pdu := openReceiver(t, h, Config{Family: f}), openSender(t, h, f), advert(t, 1, 100, lo, lo)
		link := linkOf(t, h, "lo")
		told := 0
		r.ready, r.drained = func() { told++ }, func(uint64) {}
		good := 0
		n := testing.AllocsPerRun(500, func() {
			if err := s.Send(link, lo, lo, 255, 1, pdu); err != nil {
				t.Fatal(err)
			}
			if err := r.turn(); err != nil {
				t.Fatal(err)
			}
			for rx := r.Next(); rx != nil; rx = r.Next() {
				if _, missing := rx.Advert.Missing(want); rx.Drop == wire.Accepted && !missing {
					good++
				}
				rx.Release()
			}
		})
		if n != 0 || good != 501 || told != 501 {
			t.Errorf("%s: %v allocations per packet, %d good, told %d times", f, n, good, told)
		}
	}
}

// A wrong device and a lost socket are errors, not silence.
func TestReceiverErrors(t *testing.T) {
	netlab.Need(t, "root", "netns")
	h := netlab.New(t).Host("a")
	h.Do(func() {
		if _, err := Open(Config{Family: IPv4, Device: "nothere"}); !IsGone(err) {
			t.Errorf("bound to a missing device: %v", err)
		}
	})
	r := openReceiver(t, h, Config{Family: IPv4})
	done := make(chan error)
	go func() { done <- r.Run(t.Context(), func() {}, func(uint64) {}) }()
	r.Drain()
	r.Close()
	select {
	case err := <-done:
		if err == nil {
			t.Error("Run ended without an error")
		}
	case <-time.After(5 * time.Second):
		t.Error("Run does not end when the socket is closed")
	}
}

// The socket serves only what is bound to the device when told so (VRFs).
func TestDevice(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	l, _, a, b := pair(t)
	l.Attach(l.LAN("two"), b, "eth1", "198.51.100.2/24")
	hold(t, b, "eth0")
	l0, l1 := listen(t, b, Config{Family: IPv4, Device: "eth0"}), listen(t, b, Config{Family: IPv4, Device: "eth1"})
	s := openSender(t, a, IPv4)
	if err := s.Send(linkOf(t, a, "eth0"), addrA, wire.GroupIPv4, 255, 1, advert(t, 1, 1, addrA, wire.GroupIPv4)); err != nil {
		t.Fatal(err)
	}
	l0.take(1)
	if got := l1.drain(); len(got) != 0 {
		t.Errorf("the other device's socket heard it: %+v", got)
	}
}

func TestSendErrors(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	_, _, a, _ := pair(t)
	s, link := openSender(t, a, IPv4), linkOf(t, a, "eth0")
	pdu := advert(t, 1, 1, addrA, wire.GroupIPv4)
	if err := s.Send(99, addrA, wire.GroupIPv4, 255, 1, pdu); !IsGone(err) || IsRetry(err) {
		t.Errorf("link that does not exist: %v", err)
	}
	a.IP("link", "set", "eth0", "down")
	if err := s.Send(link, addrA, wire.GroupIPv4, 255, 1, pdu); !IsGone(err) {
		t.Errorf("link that is down: %v", err)
	}
	a.IP("link", "set", "eth0", "up")
	if err := s.Send(link, addrA, wire.GroupIPv6, 255, 1, pdu); err == nil || IsGone(err) || IsRetry(err) {
		t.Errorf("destination of the wrong family: %v", err)
	}
	if err := s.Send(link, addrA, addrB, 255, 1, make([]byte, 3000)); err == nil || IsGone(err) || IsRetry(err) {
		t.Errorf("longer than the MTU: %v", err)
	}
	if err := s.Send(link, addrA, addrB, 255, 1, nil); err == nil {
		t.Error("nothing to send is no error")
	}
}

// With link 0 the routing table finds the way of a unicast advert.
func TestSendRouted(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	_, _, a, b := pair(t)
	s, l := openSender(t, a, IPv4), listen(t, b, Config{Family: IPv4})
	if err := s.Send(0, addrA, addrB, 255, 1, advert(t, 1, 1, addrA, addrB)); err != nil {
		t.Fatal(err)
	}
	if p := l.take(1)[0]; p.Source != addrA {
		t.Errorf("source %s", p.Source)
	}
}

func TestErrorClasses(t *testing.T) {
	for e, want := range map[unix.Errno][2]bool{
		unix.EAGAIN: {true, false}, unix.ENOBUFS: {true, false}, unix.ENOMEM: {true, false},
		unix.ENODEV: {false, true}, unix.ENETDOWN: {false, true}, unix.ENETUNREACH: {false, true}, unix.EADDRNOTAVAIL: {false, true},
		unix.EMSGSIZE: {false, false}, unix.EPERM: {false, false}, unix.EINVAL: {false, false},
	} {
		if got := [2]bool{IsRetry(e), IsGone(e)}; got != want {
			t.Errorf("%v: retry, gone = %v, want %v", e, got, want)
		}
	}
}

func BenchmarkReceive(b *testing.B) {
	netlab.Need(b, "root", "netns")
	h := netlab.New(b).Host("a")
	lo := netip.MustParseAddr("127.0.0.1")
	r, s, pdu := openReceiver(b, h, Config{Family: IPv4}), openSender(b, h, IPv4), advert(b, 1, 100, lo, lo)
	r.ready, r.drained = func() {}, func(uint64) {}
	link := linkOf(b, h, "lo")
	for n := 0; n < b.N; {
		b.StopTimer()
		for range 10 * batch {
			if err := s.Send(link, lo, lo, 255, 1, pdu); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		for range 10 {
			if err := r.turn(); err != nil {
				b.Fatal(err)
			}
			for rx := r.Next(); rx != nil; rx = r.Next() {
				n++
				rx.Release()
			}
		}
	}
}

func BenchmarkSend(b *testing.B) {
	netlab.Need(b, "root", "netns", "veth")
	_, _, a, _ := pair(b)
	s, pdu, link := openSender(b, a, IPv4), advert(b, 1, 100, addrA, wire.GroupIPv4), linkOf(b, a, "eth0")
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Send(link, addrA, wire.GroupIPv4, 255, 1, pdu); err != nil && !IsRetry(err) {
			b.Fatal(err)
		}
	}
}
