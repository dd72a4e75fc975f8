package rtnl_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"keepalived/core/rtnl"
	"keepalived/test/netlab"
)

// host is a network namespace with eth0 (198.18.9.1/24) and what we use to look at it.
type host struct {
	*netlab.Host
	h    *rtnl.Handle
	eth0 int32
}

func newHost(t *testing.T) host {
	t.Helper()
	netlab.Need(t, "root", "netns")
	lab := netlab.New(t)
	a, b := lab.Host("a"), lab.Host("b")
	lab.Pair(a, "eth0", b, "eth0")
	a.IP("addr", "add", "198.18.9.1/24", "dev", "eth0")
	s := host{Host: a}
	a.Do(func() {
		h, err := rtnl.Open()
		if err != nil {
			t.Errorf("Open: %v", err)
			return
		}
		s.h = h
	})
	if s.h == nil {
		t.FailNow()
	}
	t.Cleanup(func() { _ = s.h.Close() })
	s.eth0 = s.link(t, "eth0").Index
	return s
}

func (s host) link(t *testing.T, name string) rtnl.Link {
	t.Helper()
	links, err := s.h.Links()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(links, func(l rtnl.Link) bool { return l.Name == name })
	if i < 0 {
		t.Fatalf("no link %s in %+v", name, links)
	}
	return links[i]
}

func (s host) addrs(t *testing.T) map[rtnl.Key]rtnl.Addr {
	t.Helper()
	list, err := s.h.Addrs()
	if err != nil {
		t.Fatal(err)
	}
	all := map[rtnl.Key]rtnl.Addr{}
	for _, a := range list {
		all[a.Key()] = a
	}
	return all
}

var byValue = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

func TestLinks(t *testing.T) {
	s := newHost(t)
	s.IP("link", "add", "br0", "type", "bridge")
	s.IP("link", "add", "mv0", "link", "eth0", "address", "00:00:5e:00:01:33", "type", "macvlan", "mode", "private")
	s.IP("link", "set", "eth0", "mtu", "1400")
	eth0, br0, mv0 := s.link(t, "eth0"), s.link(t, "br0"), s.link(t, "mv0")
	if lo := s.link(t, "lo"); !lo.Loopback || !lo.Up || lo.Kind != "" {
		t.Errorf("lo is %+v", lo)
	}
	want := rtnl.Link{Index: mv0.Index, Name: "mv0", Kind: "macvlan", MAC: [6]byte{0, 0, 0x5e, 0, 1, 0x33},
		MTU: mv0.MTU, Parent: eth0.Index, Multicast: true}
	if d := cmp.Diff(want, mv0); d != "" {
		t.Errorf("mv0 (-want +got):\n%s", d)
	}
	if !eth0.Up || !eth0.Running || eth0.Kind != "veth" || eth0.MTU != 1400 || eth0.MAC == [6]byte{} {
		t.Errorf("eth0 is %+v", eth0)
	}
	s.IP("link", "del", "mv0") // a parent of a macvlan cannot be a port
	s.IP("link", "set", "eth0", "master", "br0")
	if eth0 = s.link(t, "eth0"); eth0.Master != br0.Index {
		t.Errorf("eth0 has master %d, want %d", eth0.Master, br0.Index)
	}
}

// What is asked for arrives, as our own reading and as `ip` see it.
func TestAddAddrs(t *testing.T) {
	s := newHost(t)
	prefix, ip := netip.MustParsePrefix, netip.MustParseAddr
	asked := []rtnl.Addr{
		{Prefix: prefix("198.18.9.100/24")},
		{Prefix: prefix("198.18.9.101/32"), Label: "eth0:1"},
		{Prefix: prefix("198.18.8.1/24"), Broadcast: ip("198.18.8.255"), Scope: unix.RT_SCOPE_LINK, Flags: rtnl.FlagNoPrefixRoute},
		{Prefix: prefix("198.18.9.103/32"), Peer: ip("198.18.7.1")},
		{Prefix: prefix("2001:db8::1/64"), Flags: rtnl.FlagNoDAD},
		{Prefix: prefix("2001:db8::2/128"), Flags: rtnl.FlagNoDAD, Preferred: 0, Valid: rtnl.Forever},
		{Prefix: prefix("fe80::9:56/64"), Flags: rtnl.FlagNoDAD},
	}
	for i := range asked {
		asked[i].Link, asked[i].Proto = s.eth0, rtnl.ProtoKeepalived
	}
	errs := make([]error, len(asked))
	s.h.AddAddrs(asked, errs)
	for i, err := range errs {
		if err != nil {
			t.Errorf("adding %s: %v", asked[i].Prefix, err)
		}
	}
	have := s.addrs(t)
	for _, a := range asked {
		got := have[a.Key()]
		if got.Proto != rtnl.ProtoKeepalived {
			t.Errorf("%s has protocol %d, want 18", a.Prefix, got.Proto)
		}
		if got.Flags&rtnl.FlagsSettable != a.Flags {
			t.Errorf("%s has flags %#x, want %#x", a.Prefix, got.Flags, a.Flags)
		}
		if deprecated := got.Flags&rtnl.FlagDeprecated != 0; deprecated != (a.Valid != 0) {
			t.Errorf("%s: deprecated is %t", a.Prefix, deprecated)
		}
		if a.Prefix.Addr().Is6() {
			continue // scope is the kernel's
		}
		if a.Label == "" {
			a.Label = "eth0"
		}
		got.Flags, a.Flags, got.Preferred, got.Valid = 0, 0, 0, 0
		if d := cmp.Diff(a, got, byValue); d != "" {
			t.Errorf("%s (-want +got):\n%s", a.Prefix, d)
		}
	}
	shown := s.IP("-o", "addr", "show", "dev", "eth0")
	for _, want := range []string{
		"198.18.9.100/24 scope global secondary", "198.18.9.101/32 scope global eth0:1", "198.18.8.1/24 brd 198.18.8.255 scope link noprefixroute",
		"198.18.9.103 peer 198.18.7.1/32", "2001:db8::1/64 scope global nodad", "2001:db8::2/128 scope global nodad deprecated", "fe80::9:56/64 scope link nodad",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("ip shows no %q in\n%s", want, shown)
		}
	}

	s.h.RemoveAddrs(asked, errs)
	for i, err := range errs {
		if err != nil {
			t.Errorf("removing %s: %v", asked[i].Prefix, err)
		}
	}
	have = s.addrs(t)
	for _, a := range asked {
		if _, still := have[a.Key()]; still {
			t.Errorf("%s is still there", a.Prefix)
		}
	}
}

// Each request of a batch has its own answer, whatever became of the others.
func TestBatchErrors(t *testing.T) {
	s := newHost(t)
	addr := func(p string, link int32) rtnl.Addr {
		return rtnl.Addr{Link: link, Prefix: netip.MustParsePrefix(p)}
	}
	var batch []rtnl.Addr
	for i := range 100 {
		batch = append(batch, addr(fmt.Sprintf("198.18.10.%d/32", i+1), s.eth0))
	}
	batch[3] = addr("198.18.9.1/24", s.eth0)
	batch[40] = addr("198.18.9.2/24", 4711)
	batch[50] = addr("2001:db8::1/64", s.eth0)
	s.IP("addr", "add", "2001:db8::1/64", "dev", "eth0", "nodad")
	batch[77] = addr("198.18.9.3/24", s.eth0)
	batch[77].Scope = unix.RT_SCOPE_LINK // another scope than the primary address of the subnet
	errs := make([]error, len(batch))
	s.h.AddAddrs(batch, errs)
	for i, err := range errs {
		var ok bool
		switch i {
		case 3, 50:
			ok = rtnl.IsExist(err)
		case 40:
			ok = rtnl.IsGone(err)
		case 77:
			ok = err != nil && !rtnl.IsExist(err) && !rtnl.IsGone(err) && !rtnl.IsRetry(err) && strings.Contains(err.Error(), "scope")
		default:
			ok = err == nil
		}
		if !ok {
			t.Errorf("address %d: %v", i, err)
		}
	}
	s.h.RemoveAddrs(batch, errs)
	for i, err := range errs {
		if gone := i == 40 || i == 77; gone != rtnl.IsGone(err) || !gone && err != nil {
			t.Errorf("removing address %d: %v", i, err)
		}
	}
}

// picture is what somebody knows who has seen only the events.
type picture struct {
	mu      sync.Mutex
	links   map[int32]rtnl.Link
	addrs   map[rtnl.Key]rtnl.Addr
	log     []rtnl.Event
	resyncs int
	wrong   []string
	gate    chan struct{} // deliveries wait here when not nil
}

func (p *picture) deliver(events []rtnl.Event) {
	if p.gate != nil {
		<-p.gate
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, events...)
	for _, e := range events {
		switch e.Kind {
		case rtnl.LinkChanged:
			p.links[e.Link.Index] = e.Link
		case rtnl.LinkGone:
			if _, known := p.links[e.Link.Index]; !known {
				p.wrong = append(p.wrong, fmt.Sprintf("unknown link gone: %+v", e.Link))
			}
			delete(p.links, e.Link.Index)
		case rtnl.AddrChanged:
			p.addrs[e.Addr.Key()] = e.Addr
		case rtnl.AddrGone:
			if _, known := p.addrs[e.Addr.Key()]; !known && e.Addr.Prefix.Addr().Is4() {
				p.wrong = append(p.wrong, fmt.Sprintf("unknown address gone: %+v", e.Addr))
			}
			delete(p.addrs, e.Addr.Key())
		case rtnl.Resynced:
			p.resyncs++
		}
	}
}

// watch runs a monitor in the namespace until the test ends.
func (s host) watch(t *testing.T, cfg rtnl.MonitorConfig) *picture {
	t.Helper()
	return s.watchGated(t, cfg, nil)
}

func (s host) watchGated(t *testing.T, cfg rtnl.MonitorConfig, gate chan struct{}) *picture {
	t.Helper()
	p := &picture{links: map[int32]rtnl.Link{}, addrs: map[rtnl.Key]rtnl.Addr{}, gate: gate}
	var m *rtnl.Monitor
	var err error
	s.Do(func() { m, err = rtnl.NewMonitor(cfg) })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx, p.deliver) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(5 * time.Second):
			t.Error("Run does not end")
		}
	})
	return p
}

// agrees waits until the picture is what the kernel has.
func (s host) agrees(t *testing.T, p *picture) {
	t.Helper()
	var diff string
	if !netlab.Await(5*time.Second, func() bool {
		links, err := s.h.Links()
		if err != nil {
			t.Fatal(err)
		}
		byIndex := map[int32]rtnl.Link{}
		for _, l := range links {
			byIndex[l.Index] = l
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		untimed := func(m map[rtnl.Key]rtnl.Addr) map[rtnl.Key]rtnl.Addr {
			m = maps.Clone(m)
			for k, a := range m {
				a.Preferred, a.Valid = 0, 0
				m[k] = a
			}
			return m
		}
		diff = cmp.Diff(byIndex, p.links) + cmp.Diff(untimed(s.addrs(t)), untimed(p.addrs), byValue)
		return diff == ""
	}) {
		t.Fatalf("picture (-kernel +events):\n%s", diff)
	}
	if len(p.wrong) > 0 {
		t.Fatalf("events that fit nothing: %v", p.wrong)
	}
}

func TestMonitor(t *testing.T) {
	s := newHost(t)
	p := s.watch(t, rtnl.MonitorConfig{})
	s.agrees(t, p)
	if p.resyncs != 1 {
		t.Errorf("%d resyncs at start, want 1", p.resyncs)
	}
	for _, step := range []string{
		"addr add 198.18.9.100/24 dev eth0", "addr add 2001:db8::1/64 dev eth0", "addr change 2001:db8::1/64 dev eth0 valid_lft 100 preferred_lft 50",
		"addr add 198.18.9.5 peer 198.18.9.6/32 dev eth0", "link set eth0 down", "link set eth0 up",
		"addr del 198.18.9.1/24 dev eth0", // takes 198.18.9.100 along
		"link set eth0 down", "link set eth0 name wan0", "link set wan0 up", "link set wan0 mtu 1400", "link set wan0 address 02:00:00:00:00:07",
		"link add br0 type bridge", "link set wan0 master br0", "link set wan0 nomaster",
		"link add mv0 link wan0 type macvlan mode private", "link set mv0 up", "addr add 198.18.7.1/24 dev mv0", "link del mv0", "link del br0",
		"link del wan0",
	} {
		s.IP(strings.Fields(step)...)
		s.agrees(t, p)
	}
	if p.resyncs != 1 {
		t.Errorf("%d resyncs, want 1", p.resyncs)
	}
}

// A port that leaves its bridge is not a link that is gone.
func TestBridgePortStays(t *testing.T) {
	s := newHost(t)
	p := s.watch(t, rtnl.MonitorConfig{})
	s.IP("link", "add", "br0", "type", "bridge")
	s.IP("link", "set", "eth0", "master", "br0")
	s.IP("link", "set", "eth0", "nomaster")
	s.IP("link", "set", "eth0", "alias", "end") // told after all before
	s.agrees(t, p)
	p.mu.Lock()
	defer p.mu.Unlock()
	if slices.ContainsFunc(p.log, func(e rtnl.Event) bool { return e.Kind == rtnl.LinkGone }) {
		t.Errorf("a link is said to be gone: %+v", p.log)
	}
}

// The kernel repeats addresses whose lifetimes run; that is no change.
func TestLifetimesAreNoChange(t *testing.T) {
	s := newHost(t)
	p := s.watch(t, rtnl.MonitorConfig{})
	for _, life := range []string{"100", "90", "80"} {
		s.IP("addr", "replace", "2001:db8::1/64", "dev", "eth0", "nodad", "valid_lft", life, "preferred_lft", life)
	}
	s.IP("addr", "add", "2001:db8::2/64", "dev", "eth0", "nodad") // told after all before
	s.agrees(t, p)
	n := 0
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.log {
		if e.Addr.Prefix.Addr() == netip.MustParseAddr("2001:db8::1") {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}

// An IPv6 address that is removed right after it was added has an end at least.
func TestShortLivedAddress(t *testing.T) {
	s := newHost(t)
	p := s.watch(t, rtnl.MonitorConfig{})
	a := []rtnl.Addr{{Link: s.eth0, Prefix: netip.MustParsePrefix("2001:db8::1/64"), Flags: rtnl.FlagNoDAD}}
	var errs [1]error
	for range 50 {
		s.h.AddAddrs(a, errs[:])
		if errs[0] == nil {
			s.h.RemoveAddrs(a, errs[:])
		}
		if errs[0] != nil {
			t.Fatal(errs[0])
		}
	}
	ends := 0
	netlab.Eventually(t, 5*time.Second, "50 ends", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		ends = 0
		for _, e := range p.log {
			if e.Kind == rtnl.AddrGone && e.Addr.Key() == a[0].Key() {
				ends++
			}
		}
		return ends == 50
	})
	s.agrees(t, p)
}

// 4,000 changes against a buffer for a handful, and nobody reading: the monitor survives,
// reads everything anew and ends up right.
func TestMonitorOverflow(t *testing.T) {
	s := newHost(t)
	gate := make(chan struct{})
	p := s.watchGated(t, rtnl.MonitorConfig{Buffer: 4096, Polite: true}, gate)
	gate <- struct{}{} // the first picture
	s.IP("addr", "add", "198.18.9.100/24", "dev", "eth0")
	many := make([]rtnl.Addr, 2000)
	for i := range many {
		many[i] = rtnl.Addr{Link: s.eth0, Prefix: netip.PrefixFrom(ipv4(198, 19, byte(i/250), byte(i%250+1)), 32)}
	}
	errs := make([]error, len(many))
	s.h.AddAddrs(many, errs)
	s.IP("addr", "del", "198.18.9.100/24", "dev", "eth0")
	s.IP("link", "add", "br0", "type", "bridge")
	s.h.RemoveAddrs(many[:1990], errs)
	close(gate)
	s.agrees(t, p)
	p.mu.Lock()
	resyncs := p.resyncs
	p.mu.Unlock()
	if resyncs < 2 {
		t.Errorf("%d resyncs: nothing overflowed", resyncs)
	}
	s.IP("addr", "add", "198.18.9.101/24", "dev", "eth0") // and it goes on
	s.agrees(t, p)
}

func ipv4(a, b, c, d byte) netip.Addr { return netip.AddrFrom4([4]byte{a, b, c, d}) }

// Links that come and go: each incarnation has its own index, all ends right, nothing
// is left over.
func TestMonitorRecreation(t *testing.T) {
	s := newHost(t)
	fds := openFiles(t)
	p := s.watch(t, rtnl.MonitorConfig{})
	for i := range 30 {
		s.IP("link", "add", "dyn0", "type", "veth", "peer", "name", "dyn1")
		s.IP("addr", "add", "198.18.7.1/24", "dev", "dyn0")
		s.IP("link", "set", "dyn0", "up")
		if i%2 == 0 {
			s.IP("link", "set", "dyn1", "name", "other")
		}
		s.IP("link", "del", "dyn0")
	}
	s.agrees(t, p)
	p.mu.Lock()
	defer p.mu.Unlock()
	indexes := map[int32]struct{}{}
	gone := 0
	for _, e := range p.log {
		if e.Link.Name == "dyn0" {
			indexes[e.Link.Index] = struct{}{}
			if e.Kind == rtnl.LinkGone {
				gone++
			}
		}
	}
	if len(indexes) != 30 || gone != 30 {
		t.Errorf("%d incarnations, %d ends; want 30 of each", len(indexes), gone)
	}
	if now := openFiles(t); now > fds+3 {
		t.Errorf("%d open files, %d before", now, fds)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// A monitor whose context ends while its receiver is slow ends too.
func TestMonitorStops(t *testing.T) {
	s := newHost(t)
	fds := openFiles(t)
	for range 20 {
		var m *rtnl.Monitor
		var err error
		s.Do(func() { m, err = rtnl.NewMonitor(rtnl.MonitorConfig{}) })
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		first := make(chan struct{}, 16)
		done := make(chan error, 1)
		go func() { done <- m.Run(ctx, func([]rtnl.Event) { first <- struct{}{} }) }()
		<-first
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if now := openFiles(t); now > fds+2 {
		t.Errorf("%d open files, %d before", now, fds)
	}
}

func BenchmarkAddrs(b *testing.B) {
	netlab.Need(b, "root", "netns")
	lab := netlab.New(b)
	a, c := lab.Host("a"), lab.Host("b")
	lab.Pair(a, "eth0", c, "eth0")
	var h *rtnl.Handle
	var err error
	a.Do(func() { h, err = rtnl.Open() })
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	links, err := h.Links()
	if err != nil {
		b.Fatal(err)
	}
	i := slices.IndexFunc(links, func(l rtnl.Link) bool { return l.Name == "eth0" })
	many := make([]rtnl.Addr, 2000)
	var ip [4]byte
	for n := range many {
		binary.BigEndian.PutUint32(ip[:], 198<<24|19<<16|uint32(n+1))
		many[n] = rtnl.Addr{Link: links[i].Index, Prefix: netip.PrefixFrom(netip.AddrFrom4(ip), 32), Proto: rtnl.ProtoKeepalived}
	}
	errs := make([]error, len(many))
	var add, dump, del time.Duration
	b.ReportAllocs()
	for b.Loop() {
		t0 := time.Now()
		h.AddAddrs(many, errs)
		t1 := time.Now()
		if list, err := h.Addrs(); err != nil || len(list) < 2000 {
			b.Fatal(len(list), err)
		}
		t2 := time.Now()
		h.RemoveAddrs(many, errs)
		add, dump, del = add+t1.Sub(t0), dump+t2.Sub(t1), del+time.Since(t2)
		if errs[0] != nil {
			b.Fatal(errs[0])
		}
	}
	per := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 / float64(b.N) }
	b.ReportMetric(per(add), "ms-add-2000")
	b.ReportMetric(per(dump), "ms-dump")
	b.ReportMetric(per(del), "ms-remove-2000")
}
