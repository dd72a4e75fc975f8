package vip

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keepalived/core/rtnl"
	"keepalived/vrrp/vrrpcfg"
)

var byValue = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func links(name string) (int32, bool) {
	index, ok := map[string]int32{"eth0": 2, "eth1": 3}[name]
	return index, ok
}

func TestDesired(t *testing.T) {
	t.Parallel()
	const forever = vrrpcfg.Forever
	for _, tt := range []struct {
		name string
		in   vrrpcfg.Address
		want rtnl.Addr
	}{
		{name: "plain", in: vrrpcfg.Address{Prefix: prefix("198.18.9.101/32"), PreferredLft: forever}, want: rtnl.Addr{Prefix: prefix("198.18.9.101/32")}},
		{name: "label, scope and broadcast", in: vrrpcfg.Address{Prefix: prefix("198.18.9.102/24"), Label: "eth0:1", Scope: 253, Broadcast: ip("198.18.9.250"), PreferredLft: forever},
			want: rtnl.Addr{Prefix: prefix("198.18.9.102/24"), Label: "eth0:1", Scope: 253, Broadcast: ip("198.18.9.250")}},
		{name: "peer", in: vrrpcfg.Address{Prefix: prefix("198.18.9.103/32"), Peer: prefix("198.18.7.1/30"), PreferredLft: forever},
			want: rtnl.Addr{Prefix: prefix("198.18.9.103/30"), Peer: ip("198.18.7.1")}},
		{name: "flags", in: vrrpcfg.Address{Prefix: prefix("198.18.9.104/24"), Flags: rtnl.FlagNoPrefixRoute | rtnl.FlagHome, PreferredLft: forever},
			want: rtnl.Addr{Prefix: prefix("198.18.9.104/24"), Flags: rtnl.FlagNoPrefixRoute | rtnl.FlagHome}},
		{name: "IPv4 has no lifetime", in: vrrpcfg.Address{Prefix: prefix("198.18.9.105/24"), PreferredLft: 100}, want: rtnl.Addr{Prefix: prefix("198.18.9.105/24")}},
		{name: "IPv6 without duplicate address detection", in: vrrpcfg.Address{Prefix: prefix("2001:db8::1/64"), PreferredLft: forever},
			want: rtnl.Addr{Prefix: prefix("2001:db8::1/64"), Flags: rtnl.FlagNoDAD}},
		{name: "IPv6 /128, deprecated", in: vrrpcfg.Address{Prefix: prefix("2001:db8::2/128")},
			want: rtnl.Addr{Prefix: prefix("2001:db8::2/128"), Flags: rtnl.FlagNoDAD, Preferred: 0, Valid: forever}},
		{name: "-nodad preferred_lft 300", in: vrrpcfg.Address{Prefix: prefix("2001:db8::3/64"), DAD: true, PreferredLft: 300},
			want: rtnl.Addr{Prefix: prefix("2001:db8::3/64"), Preferred: 300, Valid: forever}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.in.Dev, tt.in.NoTrack = "eth0", true
			tt.want.Link, tt.want.Proto = 2, rtnl.ProtoKeepalived
			got, missing := Desired(&vrrpcfg.Instance{Addresses: []vrrpcfg.Address{tt.in}}, links)
			if d := cmp.Diff([]Object{{Addr: tt.want, NoTrack: true}}, got, byValue); d != "" || missing != nil {
				t.Errorf("missing %v (-want +got):\n%s", missing, d)
			}
		})
	}
}

func TestDesiredOrder(t *testing.T) {
	t.Parallel()
	a := func(p, dev string) vrrpcfg.Address {
		return vrrpcfg.Address{Prefix: prefix(p), Dev: dev, PreferredLft: vrrpcfg.Forever}
	}
	got, missing := Desired(&vrrpcfg.Instance{
		Addresses: []vrrpcfg.Address{a("10.0.0.9/24", "eth0"), a("10.0.0.1/24", "eth7"), a("10.0.1.1/24", "eth1")},
		Excluded:  []vrrpcfg.Address{a("10.0.0.3/24", "eth7"), a("10.0.0.2/24", "eth0")},
	}, links)
	var order []string
	for _, o := range got {
		order = append(order, o.Prefix.String())
	}
	if d := cmp.Diff([]string{"10.0.0.9/24", "10.0.1.1/24", "10.0.0.2/24"}, order); d != "" {
		t.Errorf("order (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"eth7"}, missing); d != "" {
		t.Errorf("missing (-want +got):\n%s", d)
	}
}

func TestSame(t *testing.T) {
	t.Parallel()
	v4 := rtnl.Addr{Link: 2, Prefix: prefix("198.18.9.100/24"), Proto: rtnl.ProtoKeepalived}
	v6 := rtnl.Addr{Link: 2, Prefix: prefix("2001:db8::1/64"), Flags: rtnl.FlagNoDAD, Proto: rtnl.ProtoKeepalived}
	with := func(a rtnl.Addr, change func(*rtnl.Addr)) rtnl.Addr { change(&a); return a }
	deprecated := with(v6, func(a *rtnl.Addr) { a.Preferred, a.Valid = 0, rtnl.Forever })
	for _, tt := range []struct {
		name       string
		want, have rtnl.Addr
		same       bool
	}{
		{"itself", v4, v4, true},
		{"as the kernel reports it", v4, with(v4, func(a *rtnl.Addr) {
			a.Label, a.Flags, a.Preferred, a.Valid = "eth0", rtnl.FlagPermanent|rtnl.FlagSecondary, rtnl.Forever, rtnl.Forever
		}), true},
		{"set by an administrator or another keepalived", v4, with(v4, func(a *rtnl.Addr) { a.Proto = 0 }), true},
		{"home, which IPv4 does not keep", with(v4, func(a *rtnl.Addr) { a.Flags = rtnl.FlagHome }), v4, true},
		{"another label", v4, with(v4, func(a *rtnl.Addr) { a.Label = "eth0:1" }), false},
		{"another scope", v4, with(v4, func(a *rtnl.Addr) { a.Scope = 253 }), false},
		{"another broadcast address", v4, with(v4, func(a *rtnl.Addr) { a.Broadcast = ip("198.18.9.255") }), false},
		{"noprefixroute", with(v4, func(a *rtnl.Addr) { a.Flags = rtnl.FlagNoPrefixRoute }), v4, false},
		{"IPv6 as the kernel reports it", v6, with(v6, func(a *rtnl.Addr) {
			a.Flags, a.Preferred, a.Valid = a.Flags|rtnl.FlagPermanent, rtnl.Forever, rtnl.Forever
		}), true},
		{"IPv6 link-local scope", v6, with(v6, func(a *rtnl.Addr) { a.Scope = 253 }), true},
		{"IPv6 another prefix length", v6, with(v6, func(a *rtnl.Addr) { a.Prefix = prefix("2001:db8::1/128") }), false},
		{"IPv6 deprecated as the kernel reports it", deprecated, with(deprecated, func(a *rtnl.Addr) { a.Flags |= rtnl.FlagDeprecated | rtnl.FlagPermanent }), true},
		{"IPv6 deprecated, wanted for ever", v6, deprecated, false},
		{"IPv6 a lifetime that runs", with(v6, func(a *rtnl.Addr) { a.Preferred, a.Valid = 300, rtnl.Forever }),
			with(v6, func(a *rtnl.Addr) { a.Preferred, a.Valid = 17, rtnl.Forever }), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := (Object{Addr: tt.want}).Same(Object{Addr: tt.have}); got != tt.same {
				t.Errorf("Same is %t", got)
			}
		})
	}
}

func TestDrags(t *testing.T) {
	t.Parallel()
	o := func(link int32, p, peer string) Object {
		a := rtnl.Addr{Link: link, Prefix: prefix(p)}
		a.Peer, _ = netip.ParseAddr(peer)
		return Object{Addr: a}
	}
	for _, tt := range []struct {
		name     string
		of, with Object
		drags    bool
	}{
		{"one subnet", o(2, "198.18.9.1/24", ""), o(2, "198.18.9.2/24", ""), true},
		{"itself", o(2, "198.18.9.1/24", ""), o(2, "198.18.9.1/24", ""), false},
		{"another link", o(2, "198.18.9.1/24", ""), o(3, "198.18.9.2/24", ""), false},
		{"another mask", o(2, "198.18.9.1/24", ""), o(2, "198.18.9.2/32", ""), false},
		{"another subnet", o(2, "198.18.9.1/24", ""), o(2, "198.18.8.2/24", ""), false},
		{"one subnet of peers", o(2, "198.18.9.1/30", "10.0.0.1"), o(2, "198.18.8.2/30", "10.0.0.2"), true},
		{"IPv6", o(2, "2001:db8::1/64", ""), o(2, "2001:db8::2/64", ""), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.of.Drags(tt.with); got != tt.drags {
				t.Errorf("Drags is %t", got)
			}
		})
	}
}

func TestLeftovers(t *testing.T) {
	t.Parallel()
	addr := func(p string, proto uint8) rtnl.Addr { return rtnl.Addr{Link: 2, Prefix: prefix(p), Proto: proto} }
	want := func(ps ...string) (list []Object) {
		for _, p := range ps {
			list = append(list, Object{Addr: addr(p, rtnl.ProtoKeepalived), NoTrack: true})
		}
		return list
	}
	observed := []rtnl.Addr{
		addr("198.18.9.1/24", 0), addr("198.18.9.100/24", 18), addr("198.18.9.101/24", 0), addr("198.18.9.99/24", 18),
		addr("198.18.9.102/32", 18), addr("198.18.9.7/24", 16),
	}
	adopt, orphans := Leftovers([][]Object{
		want("198.18.9.100/24", "198.18.9.101/24", "198.18.9.120/24"), nil, want("198.18.9.100/24", "198.18.9.102/24"),
	}, observed)
	held := func(i ...int) (list []Object) {
		for _, i := range i {
			list = append(list, Object{Addr: observed[i], NoTrack: true})
		}
		return list
	}
	if d := cmp.Diff([][]Object{held(1, 2), nil, held(1)}, adopt, byValue); d != "" {
		t.Errorf("to adopt (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]Object{{Addr: observed[3]}, {Addr: observed[4]}}, orphans, byValue); d != "" {
		t.Errorf("orphans (-want +got):\n%s", d)
	}
}
