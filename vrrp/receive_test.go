package vrrp

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"keepalived/core/clock"
	"keepalived/core/loop"
	"keepalived/core/reconcile/worker"
	"keepalived/test/netlab"
	"keepalived/vrrp/fsm"
	"keepalived/vrrp/iface"
	"keepalived/vrrp/sock"
	"keepalived/vrrp/vip"
	"keepalived/vrrp/vrrpcfg"
	"keepalived/vrrp/wire"
)

var (
	ours  = netip.MustParseAddr("198.18.9.1")
	peer  = netip.MustParseAddr("198.18.9.2")
	vaddr = netip.MustParsePrefix("198.18.9.100/24")
)

// testDaemon is a daemon whose loop does not run: the test is the loop. link is the
// index of the interface the instance is on.
func testDaemon(t testing.TB, link int32) (*daemon, *instance) {
	t.Helper()
	fake := clock.NewFake(clock.Instant(time.Hour))
	d := &daemon{
		log: slog.New(slog.DiscardHandler), ctx: t.Context(), links: iface.New(), running: 1,
		loop:   loop.New[task](fake, fake.NewWaker(), 16),
		routes: map[routeKey]*instance{}, byName: map[string]*instance{},
		worker: vip.NewWorker(worker.Config[vip.Object]{Clock: fake}),
	}
	d.timers.Arm = d.loop.Arm
	d.notify = notifier{d: d, queues: map[string]*scriptQueue{}}
	d.net.d = d
	d.net.announcer = sock.NewAnnouncer()
	d.net.join = joiner{mail: make(chan []joinRequest, 1)}
	d.cfg = &vrrpcfg.Config{Global: globalDefaults()}
	d.links.Apply(iface.Event{Kind: iface.LinkChanged, Link: iface.Link{Index: link, Name: "eth0", Up: true, Running: true, Multicast: true}}, nil)
	d.links.Apply(iface.Event{Kind: iface.AddrChanged, Addr: iface.Addr{Link: link, Prefix: netip.PrefixFrom(ours, 24)}}, nil)
	cfg := &vrrpcfg.Instance{Name: "VI_1", Addresses: []vrrpcfg.Address{{Prefix: vaddr, Dev: "eth0"}}}
	cfg.Identity = vrrpcfg.Identity{Interface: "eth0", VRID: 51, Family: vrrpcfg.IPv4, Version: 3, Destination: wire.GroupIPv4}
	cfg.Election = vrrpcfg.Election{Priority: 100, AdvertInt: time.Second, Preempt: true, DownTimerAdverts: 3}
	cfg.Unicast.TTL = -1
	in := d.newInstance(cfg)
	d.instances = []*instance{in}
	d.prepareInstance(in)
	d.client = quietClient()
	d.startup(d.loop.Now(), in)
	return d, in
}

// advertFrom is what the receiver hands over for an advert of the peer.
func advertFrom(t *testing.T, link int32, at clock.Instant, change func(*wire.Outgoing)) *sock.Received {
	t.Helper()
	out := wire.Outgoing{Version: wire.V3, VRID: 51, Priority: 150, Interval: time.Second, Addrs: []netip.Addr{vaddr.Addr()}, Source: peer, Destination: wire.GroupIPv4}
	if change != nil {
		change(&out)
	}
	pdu, err := wire.AppendAdvert(nil, &out)
	if err != nil {
		t.Fatal(err)
	}
	rx := &sock.Received{Link: link, At: at}
	rx.Advert, rx.Drop = wire.Decode(pdu, wire.Meta{Source: peer, Destination: wire.GroupIPv4, HopLimit: 255})
	return rx
}

func TestReceivedAdvertMovesTheTimer(t *testing.T) {
	d, in := testDaemon(t, 7)
	now := d.loop.Now()
	before := in.st.MasterDownAt
	later := now.Add(time.Second)
	d.judge(later, in, advertFrom(t, 7, later, nil))
	if in.st.Master != peer || in.st.MasterDownAt == before || in.counters.received != 1 {
		t.Fatalf("after an advert: master %s, deadline %d (was %d), received %d", in.st.Master, in.st.MasterDownAt, before, in.counters.received)
	}
}

// TestRefusedAdvertsTouchNothing: whoever can send a packet must not be able to move a
// timer with one that is not in order; each is counted under its reason.
func TestRefusedAdvertsTouchNothing(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*sock.Received)
		kind   int
	}{
		{"checksum", func(rx *sock.Received) { rx.Drop = wire.DropChecksum }, int(wire.DropChecksum)},
		{"too short", func(rx *sock.Received) { rx.Drop = wire.DropShort }, int(wire.DropShort)},
		{"TTL 254", func(rx *sock.Received) { rx.Advert.HopLimit = 254 }, int(wire.NumDrops) + int(fsm.RefusedTTL)},
		{"TTL goes before checksum", func(rx *sock.Received) { rx.Advert.HopLimit = 254; rx.Drop = wire.DropChecksum }, int(wire.NumDrops) + int(fsm.RefusedTTL)},
		{"other version", func(rx *sock.Received) { rx.Advert.Version = 2 }, int(wire.NumDrops) + int(fsm.RefusedVersion)},
		{"unicast to a multicast instance", func(rx *sock.Received) { rx.Advert.Destination = ours }, int(wire.NumDrops) + int(fsm.RefusedUnicast)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, in := testDaemon(t, 7)
			now := d.loop.Now()
			rx := advertFrom(t, 7, now, nil)
			tc.change(rx)
			before := in.st
			d.judge(now, in, rx)
			if in.st != before {
				t.Errorf("the state changed: %+v", in.st)
			}
			if in.counters.drops[tc.kind] != 1 {
				t.Errorf("counted %v, want one of %s", in.counters.drops, dropName(tc.kind))
			}
		})
	}
}

// TestAdvertPathAllocatesNothing: thousands of adverts a second must not be garbage.
func TestAdvertPathAllocatesNothing(t *testing.T) {
	host := netlab.New(t).Host("a")
	host.Do(func() {
		const lo = 1
		d, in := testDaemon(t, lo)
		sender, err := sock.OpenSender(sock.IPv4)
		if err != nil {
			t.Fatal(err)
		}
		d.net.senders[0] = sender
		now := d.loop.Now()
		rx := advertFrom(t, lo, now, nil)
		if n := testing.AllocsPerRun(1000, func() { now++; rx.At = now; d.judge(now, in, rx) }); n != 0 {
			t.Errorf("a received advert allocates %v times", n)
		}
		d.step(in.st.MasterDownAt, in, fsm.Event{Kind: fsm.EvTick})
		if in.st.Phase != fsm.Master {
			t.Fatalf("phase %s after the deadline", in.st.Phase)
		}
		sent := in.counters.sent
		if n := testing.AllocsPerRun(1000, func() { d.tick(in.st.AdverAt, in) }); n != 0 {
			t.Errorf("a sent advert allocates %v times", n)
		}
		if in.counters.sent == sent || in.counters.sendErrors != 0 {
			t.Errorf("%d adverts sent, %d errors", in.counters.sent-sent, in.counters.sendErrors)
		}
	})
}
