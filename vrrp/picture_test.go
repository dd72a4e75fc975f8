package vrrp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"keepalived/vrrp/fsm"
	"keepalived/vrrp/iface"
	"keepalived/vrrp/vrrpcfg"
)

// manyInstances makes a daemon of that many masters, each with an address and, but for
// every fourth, an interface of its own.
func manyInstances(t testing.TB, n int) *daemon {
	t.Helper()
	d, first := testDaemon(t, 1)
	links := map[string]int32{}
	d.instances = nil
	for i := range n {
		cfg := *first.cfg
		cfg.Name = fmt.Sprintf("VI_%d", i)
		name := fmt.Sprintf("veth%d", i-i%4/3)
		if links[name] == 0 {
			links[name] = int32(len(links) + 2)
			d.links.Apply(iface.Event{Kind: iface.LinkChanged, Link: iface.Link{Index: links[name], Name: name, Up: true, Running: true, Multicast: true}}, nil)
		}
		addr := netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 19, byte(i >> 8), byte(i)}), 24)
		d.links.Apply(iface.Event{Kind: iface.AddrChanged, Addr: iface.Addr{Link: links[name], Prefix: addr}}, nil)
		cfg.Identity.Interface = name
		cfg.Identity.VRID = uint8(i%255 + 1)
		cfg.Addresses = []vrrpcfg.Address{{Prefix: addr, Dev: name}}
		in := d.newInstance(&cfg)
		in.st.Phase = fsm.Master
		d.instances = append(d.instances, in)
	}
	return d
}

// The loop makes the picture: while it does no advert leaves. Less than a millisecond for
// 1,000 instances is wanted.
func BenchmarkPicture(b *testing.B) {
	d := manyInstances(b, 1000)
	now := d.loop.Now()
	b.ReportAllocs()
	for b.Loop() {
		d.picture(now)
	}
}

// What stands in the picture of a link: who is on it, who tracks it, and times that are
// written out only off the loop.
func TestPictureOfManyInstances(t *testing.T) {
	t.Parallel()
	d := manyInstances(t, 8)
	d.instances[5].track = append(d.instances[5].track, trackRef{kind: trackInterface, name: "veth0"})
	s := d.picture(d.loop.Now())
	if len(s.Instances) != 8 || len(s.Instances[3].VIPs) != 1 || !s.Instances[3].VIPs[0].Set {
		t.Fatalf("the picture has %d instances, the fourth is %+v", len(s.Instances), s.Instances)
	}
	users := map[string][]string{}
	for _, i := range s.Interfaces {
		for _, u := range i.Users {
			users[i.Name] = append(users[i.Name], u.Instance)
		}
	}
	for link, want := range map[string]string{"veth0": "[VI_0 VI_5]", "veth2": "[VI_2 VI_3]", "veth5": "[VI_5]", "eth0": "[]"} {
		if got := fmt.Sprint(users[link]); got != want {
			t.Errorf("users of %s: %s, want %s", link, got, want)
		}
	}
	if since := s.Instances[0].Since; since.Day != "" {
		t.Errorf("the loop wrote %q out", since.Day)
	}
	sayTimes(s)
	if since := s.Instances[0].Since; since.Day == "" || since.Year == 0 {
		t.Errorf("the time of the last change is %+v", since)
	}
}

// BenchmarkPictureOfOneLink has all instances on one interface.
func BenchmarkPictureOfOneLink(b *testing.B) {
	d := manyInstances(b, 1)
	first := d.instances[0]
	for i := range 999 {
		cfg := *first.cfg
		cfg.Name = fmt.Sprintf("VI_%d", i+1)
		addr := netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 19, byte((i + 1) >> 8), byte(i + 1)}), 24)
		d.links.Apply(iface.Event{Kind: iface.AddrChanged, Addr: iface.Addr{Link: 2, Prefix: addr}}, nil)
		cfg.Addresses = []vrrpcfg.Address{{Prefix: addr, Dev: cfg.Identity.Interface}}
		in := d.newInstance(&cfg)
		in.st.Phase = fsm.Master
		d.instances = append(d.instances, in)
	}
	now := d.loop.Now()
	for b.Loop() {
		d.picture(now)
	}
}

// Of an interface's addresses the dump has the IPv4 ones and the link-local ones, the first
// of each apart, and none of ours.
func TestAddressesOfALink(t *testing.T) {
	t.Parallel()
	d := manyInstances(t, 1)
	for _, a := range []string{"198.18.9.1/24", "198.18.9.2/24", "10.1.1.1/32", "fe80::1/64", "2001:db8::1/64", "fe80::2/64"} {
		d.links.Apply(iface.Event{Kind: iface.AddrChanged, Addr: iface.Addr{Link: 2, Prefix: netip.MustParsePrefix(a)}}, nil)
	}
	d.links.Apply(iface.Event{Kind: iface.AddrChanged, Addr: iface.Addr{Link: 2, Prefix: netip.MustParsePrefix("10.2.2.2/32"), Ours: true}}, nil)
	for _, i := range d.picture(d.loop.Now()).Interfaces {
		if i.Index != 2 {
			continue
		}
		all := append(append([]netip.Addr{i.IPv4, i.IPv6}, i.MoreIPv4...), i.MoreIPv6...)
		slices.SortFunc(all, netip.Addr.Compare)
		if want := "[10.1.1.1 198.18.9.1 198.18.9.2 198.19.0.0 fe80::1 fe80::2]"; fmt.Sprint(all) != want || len(i.MoreIPv4) != 3 || len(i.MoreIPv6) != 1 {
			t.Errorf("addresses %v, more are %v %v; want %s", all, i.MoreIPv4, i.MoreIPv6, want)
		}
	}
}

// What the configuration names and is not there is shown as 2.2.7 shows it.
func TestAbsentLinks(t *testing.T) {
	t.Parallel()
	d := manyInstances(t, 1)
	d.cfg.Links = []string{"veth0", "z9"}
	if all := d.picture(d.loop.Now()).Interfaces; all[len(all)-1].Absent {
		t.Errorf("without dynamic_interfaces: %+v", all)
	}
	g := *d.cfg.Global
	g.DynamicInterfaces, d.cfg.Global = true, &g
	s := d.picture(d.loop.Now())
	const want = " Name = z9\n   index = 0 (deleted)\n   IPv4 address = (none)\n   IPv6 address = (none)\n" +
		"   State = not UP, not RUNNING, no broadcast, no multicast\n   Seen up = 0\n"
	if text := string(s.Text()); strings.Count(text, "(deleted)") != 1 || !strings.Contains(text, want) || !strings.Contains(text, "   MTU = 0\n   HW Type = UNKNOWN (0)\n") {
		t.Errorf("want %q in\n%s", want, text)
	}
}
