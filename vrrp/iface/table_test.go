package iface

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func link(index int32, name string) Link {
	return Link{Index: index, Name: name, Up: true, Running: true, MTU: 1500}
}

func is(l Link) Event                  { return Event{Kind: LinkChanged, Link: l} }
func gone(index int32) Event           { return Event{Kind: LinkGone, Link: Link{Index: index}} }
func addr(index int32, p string) Addr  { return Addr{Link: index, Prefix: netip.MustParsePrefix(p)} }
func got(a Addr) Event                 { return Event{Kind: AddrChanged, Addr: a} }
func lost(a Addr) Event                { return Event{Kind: AddrGone, Addr: a} }
func ours(a Addr) Addr                 { a.Ours = true; return a }
func tentative(a Addr) Addr            { a.Tentative = true; return a }
func duplicate(a Addr) Addr            { a.DADFailed = true; return a }
func down(l Link) Link                 { l.Running = false; return l }
func renamed(l Link, name string) Link { l.Name = name; return l }
func vips(s ...string) map[netip.Addr]struct{} {
	m := map[netip.Addr]struct{}{}
	for _, ip := range s {
		m[netip.MustParseAddr(ip)] = struct{}{}
	}
	return m
}

// The slots of these tests: eth0 is 0, eth1 is 1.
const (
	eth0 Slot = iota
	eth1
)

func TestApply(t *testing.T) {
	t.Parallel()
	a := link(2, "eth0")
	altered := a
	altered.MTU = 1400
	for _, tt := range []struct {
		name   string
		before []Event
		events []Event
		want   []Change
		index  int32 // of eth0's link at the end
	}{
		{name: "created", events: []Event{is(a)}, want: []Change{{Slot: eth0, What: Appeared}}, index: 2},
		{name: "told again", before: []Event{is(a)}, events: []Event{is(a)}, index: 2},
		{name: "carrier lost and back", before: []Event{is(a)}, events: []Event{is(down(a)), is(a)},
			want: []Change{{Slot: eth0, What: State}, {Slot: eth0, What: State}}, index: 2},
		{name: "down by hand", before: []Event{is(a)}, events: []Event{is(Link{Index: 2, Name: "eth0", Running: true, MTU: 1500})},
			want: []Change{{Slot: eth0, What: State}}, index: 2},
		{name: "another MTU", before: []Event{is(a)}, events: []Event{is(altered)}, want: []Change{{Slot: eth0, What: Altered}}, index: 2},
		{name: "both at once", before: []Event{is(a)}, events: []Event{is(down(altered))},
			want: []Change{{Slot: eth0, What: State}, {Slot: eth0, What: Altered}}, index: 2},
		{name: "deleted", before: []Event{is(a)}, events: []Event{gone(2)}, want: []Change{{Slot: eth0, What: Vanished}}},
		{name: "deleted and made again", before: []Event{is(a)}, events: []Event{gone(2), is(link(7, "eth0"))},
			want: []Change{{Slot: eth0, What: Vanished}, {Slot: eth0, What: Appeared}}, index: 7},
		{name: "renamed away", before: []Event{is(a)}, events: []Event{is(renamed(a, "wan"))}, want: []Change{{Slot: eth0, What: Vanished}}},
		{name: "another renamed to it", events: []Event{is(link(9, "tmp")), is(link(9, "eth0"))}, want: []Change{{Slot: eth0, What: Appeared}}, index: 9},
		{name: "two watched names exchanged", before: []Event{is(a), is(link(3, "eth1"))},
			events: []Event{is(renamed(a, "x")), is(link(3, "eth0")), is(renamed(a, "eth1"))},
			want:   []Change{{Slot: eth0, What: Vanished}, {Slot: eth1, What: Vanished}, {Slot: eth0, What: Appeared}, {Slot: eth1, What: Appeared}},
			index:  3},
		{name: "the name is taken before the loser is told of", before: []Event{is(a)}, events: []Event{is(link(5, "eth0")), gone(2)},
			want: []Change{{Slot: eth0, What: Vanished}, {Slot: eth0, What: Appeared}}, index: 5},
		{name: "the loser's new name is told late", before: []Event{is(a)}, events: []Event{is(link(5, "eth0")), is(renamed(a, "wan"))},
			want: []Change{{Slot: eth0, What: Vanished}, {Slot: eth0, What: Appeared}}, index: 5},
		{name: "a link nobody watches", events: []Event{is(link(4, "docker0")), got(addr(4, "10.0.0.1/24")), gone(4)}},
		{name: "the end of an unknown link", events: []Event{gone(4)}},
		{name: "first address, second address", before: []Event{is(a)},
			events: []Event{got(addr(2, "198.18.9.1/24")), got(addr(2, "198.18.9.2/24"))}, want: []Change{{Slot: eth0, What: Source}}, index: 2},
		{name: "the primary address goes", before: []Event{is(a), got(addr(2, "198.18.9.1/24")), got(addr(2, "198.18.9.2/24"))},
			events: []Event{lost(addr(2, "198.18.9.1/24"))}, want: []Change{{Slot: eth0, What: Source}}, index: 2},
		{name: "another address goes", before: []Event{is(a), got(addr(2, "198.18.9.1/24")), got(addr(2, "198.18.9.2/24"))},
			events: []Event{lost(addr(2, "198.18.9.2/24"))}, index: 2},
		{name: "addresses of ours come and go", before: []Event{is(a), got(addr(2, "198.18.9.1/24"))},
			events: []Event{got(ours(addr(2, "198.18.9.100/24"))), lost(ours(addr(2, "198.18.9.100/24")))}, index: 2},
		{name: "duplicate address detection finds another", before: []Event{is(a), got(tentative(addr(2, "2001:db8::1/64")))},
			events: []Event{got(duplicate(addr(2, "2001:db8::1/64"))), got(duplicate(addr(2, "2001:db8::1/64")))},
			want:   []Change{{Slot: eth0, What: Duplicate, Addr: netip.MustParseAddr("2001:db8::1")}}, index: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tab := New()
			tab.Watch("eth0", 0)
			tab.Watch("eth1", 1)
			for _, e := range tt.before {
				tab.Apply(e, nil)
			}
			var out []Change
			for _, e := range tt.events {
				out = tab.Apply(e, out)
			}
			if d := cmp.Diff(tt.want, out, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
				t.Errorf("changes (-want +got):\n%s", d)
			}
			l, ok := tab.Link(eth0)
			if l.Index != tt.index || ok != (tt.index != 0) {
				t.Errorf("eth0 is %+v, %t; want index %d", l, ok, tt.index)
			}
			if s, ok := tab.SlotOf(tt.index); tt.index != 0 && (s != eth0 || !ok) {
				t.Errorf("the slot of %d is %d, %t", tt.index, s, ok)
			}
			if n, _ := tab.ByName("eth0"); n.Index != tt.index {
				t.Errorf("by name: %+v", n)
			}
		})
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		vips       map[netip.Addr]struct{}
		addrs      []Addr
		v4, linkLo string
	}{
		{name: "none"},
		{name: "the first, as keepalived", addrs: []Addr{addr(2, "198.18.9.5/24"), addr(2, "198.18.9.1/24")}, v4: "198.18.9.5"},
		{name: "the first, whatever its scope or subnet (observed)", addrs: []Addr{addr(2, "198.18.8.7/32"), addr(2, "198.18.8.5/24")}, v4: "198.18.8.7"},
		{name: "not a virtual address left over", vips: vips("198.18.9.100"), v4: "198.18.9.5",
			addrs: []Addr{addr(2, "198.18.9.100/24"), addr(2, "198.18.9.5/24")}},
		{name: "not one that is ours of an older configuration", addrs: []Addr{ours(addr(2, "198.18.9.99/24")), addr(2, "198.18.9.5/24")}, v4: "198.18.9.5"},
		{name: "the owner's virtual address where it is the only one", vips: vips("198.18.9.1"), addrs: []Addr{addr(2, "198.18.9.1/24")}, v4: "198.18.9.1"},
		{name: "but not one that we set ourselves", vips: vips("198.18.9.1"), addrs: []Addr{ours(addr(2, "198.18.9.1/24"))}},
		{name: "IPv6: link-local only", addrs: []Addr{addr(2, "2001:db8::1/64"), addr(2, "fe80::1/64"), addr(2, "fe80::2/64")}, linkLo: "fe80::1"},
		{name: "IPv6: usable only", addrs: []Addr{tentative(addr(2, "fe80::1/64")), duplicate(addr(2, "fe80::2/64")), addr(2, "fe80::3/64")}, linkLo: "fe80::3"},
		{name: "IPv6: not the virtual one", vips: vips("fe80::9:56"), addrs: []Addr{addr(2, "fe80::9:56/64"), addr(2, "fe80::3/64")}, linkLo: "fe80::3"},
		{name: "both families", addrs: []Addr{addr(2, "fe80::3/64"), addr(2, "198.18.9.5/24")}, v4: "198.18.9.5", linkLo: "fe80::3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check := func(how string, tab *Table) {
				t.Helper()
				for _, want := range []struct {
					what, addr string
					got        netip.Addr
				}{{"primary", tt.v4, tab.PrimaryIPv4(eth0)}, {"link-local", tt.linkLo, tab.LinkLocal(eth0)}} {
					if w, _ := netip.ParseAddr(want.addr); w != want.got {
						t.Errorf("%s: %s is %s, want %s", how, want.what, want.got, want.addr)
					}
				}
			}
			tab := New()
			tab.Watch("eth0", 0)
			tab.SetVIPs(tt.vips, nil)
			tab.Apply(is(link(2, "eth0")), nil)
			for _, a := range tt.addrs {
				tab.Apply(got(a), nil)
			}
			check("as they came", tab)

			late := New()
			for _, a := range tt.addrs {
				late.Apply(got(a), nil)
			}
			late.Apply(is(link(2, "eth0")), nil)
			late.Watch("eth0", 0)
			late.SetVIPs(tt.vips, nil)
			check("watched and configured afterwards", late)

			for _, a := range tt.addrs {
				tab.Apply(lost(a), nil)
			}
			if tab.PrimaryIPv4(eth0).IsValid() || tab.LinkLocal(eth0).IsValid() || len(tab.addrs) != 0 {
				t.Errorf("sources without addresses: %s, %s", tab.PrimaryIPv4(eth0), tab.LinkLocal(eth0))
			}
		})
	}
}

// An address that becomes usable is a source; the order stays that of arrival.
func TestSourceChanges(t *testing.T) {
	t.Parallel()
	tab := New()
	tab.Watch("eth0", 0)
	tab.Apply(is(link(2, "eth0")), nil)
	tab.Apply(got(tentative(addr(2, "fe80::1/64"))), nil)
	out := tab.Apply(got(addr(2, "fe80::1/64")), nil)
	if len(out) != 1 || out[0].What != Source || tab.LinkLocal(eth0) != netip.MustParseAddr("fe80::1") {
		t.Errorf("after duplicate address detection: %v, %s", out, tab.LinkLocal(eth0))
	}
	tab.Apply(got(addr(2, "198.18.9.1/24")), nil)
	tab.Apply(got(addr(2, "198.18.9.2/24")), nil)
	out = tab.SetVIPs(vips("198.18.9.1"), nil)
	if len(out) != 1 || tab.PrimaryIPv4(eth0) != netip.MustParseAddr("198.18.9.2") {
		t.Errorf("the first becomes virtual: %v, %s", out, tab.PrimaryIPv4(eth0))
	}
	out = tab.SetVIPs(nil, nil)
	if len(out) != 1 || tab.PrimaryIPv4(eth0) != netip.MustParseAddr("198.18.9.1") {
		t.Errorf("and no longer: %v, %s", out, tab.PrimaryIPv4(eth0))
	}
	tab.Apply(gone(2), nil)
	if tab.PrimaryIPv4(eth0).IsValid() || tab.LinkLocal(eth0).IsValid() {
		t.Error("a source without a link")
	}
}

// The kernel keys IPv4 addresses by address, prefix length and peer, IPv6 ones by address.
func TestIdentity(t *testing.T) {
	t.Parallel()
	tab := New()
	peer := addr(2, "198.18.9.1/32")
	peer.Peer = netip.MustParseAddr("198.18.7.1")
	for _, a := range []Addr{addr(2, "198.18.9.1/24"), addr(2, "198.18.9.1/32"), peer, addr(2, "2001:db8::1/64"), addr(2, "2001:db8::1/128")} {
		tab.Apply(got(a), nil)
	}
	var have []string
	for _, a := range tab.Addrs(2) {
		have = append(have, fmt.Sprint(a.Prefix, a.Peer))
	}
	want := []string{"198.18.9.1/24 invalid IP", "198.18.9.1/32 invalid IP", "198.18.9.1/32 198.18.7.1", "2001:db8::1/128 invalid IP"}
	if d := cmp.Diff(want, have); d != "" {
		t.Errorf("addresses (-want +got):\n%s", d)
	}
	if !tab.Has(2, netip.MustParseAddr("198.18.9.1")) || tab.Has(3, netip.MustParseAddr("198.18.9.1")) || tab.Has(2, netip.MustParseAddr("198.18.9.3")) {
		t.Error("Has is wrong")
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	tab := New()
	if a, b, c := tab.Watch("eth0", 4), tab.Watch("eth1", 5), tab.Watch("eth0", 6); a != 0 || b != 1 || c != 0 {
		t.Errorf("slots %d %d %d, want 0 1 0", a, b, c)
	}
	tab.Watch("eth0", 4)
	if d := cmp.Diff([]int32{4, 6}, tab.Users(0)); d != "" {
		t.Error(d)
	}
	tab.Unwatch(0, 4)
	if d := cmp.Diff([]int32{6}, tab.Users(0)); d != "" {
		t.Error(d)
	}
	if tab.Slots() != 2 || tab.Name(1) != "eth1" {
		t.Errorf("%d slots, slot 1 is %s", tab.Slots(), tab.Name(1))
	}
}

// What an instance with many addresses makes happen must not hold up the loop: the cost
// of an event does not grow with the number of addresses.
func TestManyAddresses(t *testing.T) {
	t.Parallel()
	tab := New()
	tab.Watch("eth0", 0)
	tab.Apply(is(link(2, "eth0")), nil)
	tab.Apply(got(addr(2, "198.18.9.1/24")), nil)
	many := func(n int) []Addr {
		list := make([]Addr, n)
		for i := range list {
			list[i] = ours(Addr{Link: 2, Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 19, byte(i / 250), byte(i % 250)}), 32)})
		}
		return list
	}
	for _, a := range many(20000) {
		tab.Apply(got(a), nil)
	}
	if c := tab.addrs[2].candidates; len(c[primary4]) != 1 || len(c[spare4]) != 0 {
		t.Errorf("our own addresses are candidates: %d, %d", len(c[primary4]), len(c[spare4]))
	}
	for _, a := range many(20000) {
		tab.Apply(lost(a), nil)
	}
	if got := len(tab.Addrs(2)); got != 1 {
		t.Errorf("%d addresses left, want 1", got)
	}
}

func TestReceivePathAllocates(t *testing.T) {
	tab := New()
	tab.Watch("eth0", 0)
	tab.Apply(is(link(2, "eth0")), nil)
	var s Slot
	if n := testing.AllocsPerRun(100, func() { s, _ = tab.SlotOf(2); s += Slot(len(tab.Users(s))) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestHoldsIsExact(t *testing.T) {
	t.Parallel()
	table := New()
	v4, v6 := netip.MustParsePrefix("192.0.2.7/24"), netip.MustParsePrefix("2001:db8::7/64")
	table.Apply(Event{Kind: AddrChanged, Addr: Addr{Link: 3, Prefix: v4}}, nil)
	table.Apply(Event{Kind: AddrChanged, Addr: Addr{Link: 3, Prefix: v6, Tentative: true}}, nil)
	for _, c := range []struct {
		name string
		addr Addr
		want bool
	}{
		{"the address", Addr{Link: 3, Prefix: v4}, true},
		{"another prefix", Addr{Link: 3, Prefix: netip.MustParsePrefix("192.0.2.7/32")}, false},
		{"with a peer", Addr{Link: 3, Prefix: v4, Peer: netip.MustParseAddr("192.0.2.8")}, false},
		{"another link", Addr{Link: 4, Prefix: v4}, false},
		{"tentative", Addr{Link: 3, Prefix: v6}, false},
	} {
		if got := table.Holds(c.addr); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
