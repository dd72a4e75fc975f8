package sock

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"keepalived/test/netlab"
	"keepalived/vrrp/wire"
)

// Tests against the real keepalived: host a runs it, host b is ours.

// instance is what a test varies of the real one's configuration.
type instance struct {
	version  uint8
	priority uint8
	interval string
	vips     []netip.Addr
	extra    string // further lines
}

func (i instance) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n version %d\n priority %d\n advert_int %s\n%s virtual_ipaddress {\n",
		i.version, i.priority, i.interval, i.extra)
	for _, v := range i.vips {
		fmt.Fprintf(&b, "  %s\n", v)
	}
	b.WriteString(" }\n}\n")
	return b.String()
}

func startReal(t *testing.T, h *netlab.Host, i instance) *netlab.Proc {
	t.Helper()
	p := h.Start(netlab.ProcOpts{Config: i.text()}, netlab.RealKeepalived, "-n", "-l", "-D")
	if exe := p.Executable(); exe != netlab.RealKeepalived {
		t.Fatalf("the peer runs %s", exe)
	}
	return p
}

const unicastLines = " unicast_peer {\n  192.0.2.2\n }\n"

const passLines = " authentication {\n  auth_type PASS\n  auth_pass 1111\n }\n"

// What the real one sends is decoded to what its configuration says, and what we
// would send in its place is the same, octet for octet.
func TestRealAdverts(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth", "keepalived")
	pass := [8]byte{'1', '1', '1', '1'}
	for _, tt := range []struct {
		name     string
		real     instance
		dst      netip.Addr
		interval time.Duration
		auth     wire.AuthType
		password [8]byte
	}{
		{"v2 PASS", instance{2, 150, "1", vips, passLines}, wire.GroupIPv4, time.Second, wire.AuthPass, pass},
		{"v2 owner", instance{2, 255, "3", vips[:1], " state MASTER\n"}, wire.GroupIPv4, 3 * time.Second, wire.AuthNone, [8]byte{}},
		{"v2 unicast", instance{2, 150, "1", vips, passLines + unicastLines}, addrB, time.Second, wire.AuthPass, pass},
		{"v3", instance{3, 150, "0.1", vips, ""}, wire.GroupIPv4, 100 * time.Millisecond, 0, [8]byte{}},
		{"v3 unicast", instance{3, 1, "0.25", vips, unicastLines}, addrB, 250 * time.Millisecond, 0, [8]byte{}},
		{"v3 IPv6", instance{3, 150, "0.1", vips6, ""}, wire.GroupIPv6, 100 * time.Millisecond, 0, [8]byte{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, a, b := pair(t)
			hold(t, b, "eth0")
			src := addrA
			if tt.dst.Is6() {
				src = linkLocal(t, a, "eth0")
			}
			l, capture := listen(t, b, Config{Family: FamilyOf(tt.dst)}), b.Capture("eth0")
			startReal(t, a, tt.real)
			link := linkOf(t, b, "eth0")
			for _, p := range l.wait(2, 10*time.Second) {
				if p.drop != wire.Accepted || p.Version != tt.real.version || p.VRID != 51 || p.Priority != tt.real.priority ||
					p.Interval != tt.interval || p.AuthType != tt.auth || p.Auth != tt.password || !slices.Equal(p.addrs, tt.real.vips) ||
					p.Source != src || p.Destination != tt.dst || p.HopLimit != 255 || p.link != link {
					t.Errorf("%v, link %d: %+v, addresses %v", p.drop, p.link, p.Advert, p.addrs)
				}
			}
			out := wire.Outgoing{Version: tt.real.version, VRID: 51, Priority: tt.real.priority, Interval: tt.interval, Addrs: tt.real.vips,
				AuthType: tt.auth, Auth: tt.password, Source: src, Destination: tt.dst}
			checkOctets(t, capture, &out)
		})
	}
}

// wait is take with another limit.
func (l *listener) wait(n int, within time.Duration) (list []heard) {
	l.t.Helper()
	netlab.Eventually(l.t, within, fmt.Sprintf("%d adverts", n), func() bool {
		select {
		case <-l.ready:
			list = append(list, l.takeAll()...)
		default:
		}
		return len(list) >= n
	})
	return list
}

// checkOctets compares all captured IP packets with VRRP in them with out.
func checkOctets(t *testing.T, c *netlab.Capture, out *wire.Outgoing) {
	t.Helper()
	pdu, err := wire.AppendAdvert(nil, out)
	if err != nil {
		t.Fatal(err)
	}
	var id uint16
	for _, p := range c.Packets() {
		if _, ok := p.Advert(); !ok {
			continue
		}
		id++
		ip := bytes.Clone(p.Data[14:])
		if out.Source.Is6() { // the kernel's flow label
			binary.BigEndian.PutUint16(ip[2:], 0)
			ip[1] &= 0xf0
		}
		h := wire.IPHeader{ID: id, HopLimit: 255, Source: out.Source, Destination: out.Destination}
		if want := append(wire.AppendIP(nil, &h, len(pdu)), pdu...); !bytes.Equal(ip, want) {
			t.Errorf("advert %d\nreal %x\nours %x", id, ip, want)
		}
	}
	if id == 0 {
		t.Error("nothing captured")
	}
}

// The gratuitous ARPs and neighbour advertisements are the same octets as the real one's.
func TestRealAnnouncements(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth", "keepalived")
	_, _, a, b := pair(t)
	linkLocal(t, a, "eth0")
	v6 := instance{3, 150, "0.1", vips6, ""}.text()
	v6 = strings.NewReplacer("VI_1", "VI_6", "_id 51", "_id 56").Replace(v6)
	c := b.Capture("eth0")
	a.Start(netlab.ProcOpts{Config: instance{3, 150, "0.1", vips, ""}.text() + v6}, netlab.RealKeepalived, "-n", "-l", "-D")
	mac := macOf(t, a, "eth0")
	want := map[string][]byte{}
	for _, v := range vips {
		want["GARP of "+v.String()] = wire.AppendGARP(nil, mac, v)
	}
	for _, v := range vips6 {
		want["NA of "+v.String()] = wire.AppendNA(nil, mac, v, wire.NAOverride)
	}
	for what, frame := range want {
		netlab.Eventually(t, 10*time.Second, what, func() bool {
			return slices.ContainsFunc(c.Packets(), func(p netlab.Packet) bool { return bytes.Equal(p.Data, frame) })
		})
	}
}

// The real one stays BACKUP as long as it hears our adverts, without a complaint, and
// takes over when they end: what we send is an advertisement to it.
func TestRealAcceptsOurs(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth", "keepalived")
	const master = "Entering MASTER STATE"
	for _, tt := range []struct {
		name  string
		real  instance
		dst   netip.Addr
		every time.Duration
		how   string // how we end
		limit time.Duration
	}{
		{"v2 PASS, silence", instance{2, 100, "1", vips, passLines}, wire.GroupIPv4, time.Second, "", 3700 * time.Millisecond},
		{"v2 PASS, priority 0", instance{2, 100, "1", vips, passLines}, wire.GroupIPv4, time.Second, "resign", 700 * time.Millisecond},
		{"v2 unicast", instance{2, 100, "1", vips, unicastLines}, addrA, time.Second, "", 3700 * time.Millisecond},
		{"v3, silence", instance{3, 100, "0.2", vips, ""}, wire.GroupIPv4, 200 * time.Millisecond, "", 800 * time.Millisecond},
		{"v3, priority 0", instance{3, 100, "0.2", vips, ""}, wire.GroupIPv4, 200 * time.Millisecond, "resign", 200 * time.Millisecond},
		{"v3 unicast", instance{3, 100, "0.2", vips, unicastLines}, addrA, 200 * time.Millisecond, "", 800 * time.Millisecond},
		{"v3 IPv6", instance{3, 100, "0.2", vips6, ""}, wire.GroupIPv6, 200 * time.Millisecond, "", 800 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, a, b := pair(t)
			src, link := addrB, linkOf(t, b, "eth0")
			if tt.dst.Is6() {
				src = linkLocal(t, b, "eth0")
				linkLocal(t, a, "eth0")
			}
			out := wire.Outgoing{Version: tt.real.version, VRID: 51, Priority: 200, Interval: tt.every, Addrs: tt.real.vips,
				Source: src, Destination: tt.dst}
			if strings.Contains(tt.real.extra, "PASS") {
				out.AuthType, out.Auth = wire.AuthPass, [8]byte{'1', '1', '1', '1'}
			}
			s := openSender(t, b, FamilyOf(src))
			var id uint16
			send := func() {
				t.Helper()
				id++
				pdu, err := wire.AppendAdvert(nil, &out)
				if err == nil {
					err = s.Send(link, src, tt.dst, 255, id, pdu)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			p := startReal(t, a, tt.real)
			netlab.Eventually(t, 5*time.Second, "the real one's BACKUP", func() bool { return strings.Contains(p.Log(), "Entering BACKUP STATE") })
			said := len(p.Log())
			tick := time.NewTicker(tt.every)
			defer tick.Stop()
			for range 6 { // more than a Master_Down_Interval
				send()
				<-tick.C
			}
			for line := range strings.Lines(p.Log()[said:]) {
				if strings.Contains(line, "(VI_1)") && !strings.Contains(line, "dvertisement interval") {
					t.Errorf("it says: %s", line)
				}
			}
			if tt.how == "resign" {
				out.Priority = 0
			}
			send()
			last := time.Now()
			netlab.Eventually(t, 6*time.Second, "its takeover", func() bool { return strings.Contains(p.Log(), master) })
			if took := time.Since(last); took > tt.limit+time.Second || tt.how == "" && took < tt.limit-500*time.Millisecond {
				t.Errorf("it took over %v after our last advert, want about %v", took, tt.limit)
			}
		})
	}
}

// Of two faults in one packet the real one names the same as Decode does.
func TestDropOrderIsTheRealOnes(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth", "keepalived")
	says := [wire.NumDrops]string{
		wire.DropShort:    "VRRP packet too short",
		wire.DropLength:   "vrrp packet too ",
		wire.DropVersion:  "wrong version",
		wire.DropAuthType: "Invalid auth type",
		wire.DropType:     "Invalid packet type",
		wire.DropChecksum: "Invalid VRRPv",
	}
	for _, version := range []uint8{2, 3} {
		t.Run(fmt.Sprint("v", version), func(t *testing.T) {
			_, _, a, b := pair(t)
			faults := []struct {
				name string
				do   func(p []byte) []byte
			}{
				{"6 octets", func(p []byte) []byte { return p[:6] }},
				{"cut", func(p []byte) []byte { return p[:max(len(p)-4, 6)] }},
				{"longer", func(p []byte) []byte { return append(p, 0, 0) }},
				{"count", func(p []byte) []byte { p[3]++; return p }},
				{"version 4", func(p []byte) []byte { p[0] = p[0]&0xf | 0x40; return p }},
				{"type 2", func(p []byte) []byte { p[0] = p[0]&0xf0 | 2; return p }},
				{"priority", func(p []byte) []byte { p[2]++; return p }}, // the checksum's
			}
			out := wire.Outgoing{Version: version, VRID: 51, Priority: 150, Interval: 40 * time.Second, Addrs: vips, Source: addrB, Destination: wire.GroupIPv4}
			extra := ""
			if version == 2 {
				extra, out.AuthType, out.Auth = passLines, wire.AuthPass, [8]byte{'1', '1', '1', '1'}
				faults = append(faults, struct {
					name string
					do   func(p []byte) []byte
				}{"authentication type 7", func(p []byte) []byte { p[4] = 7; return p }})
			}
			// It must not become MASTER meanwhile, however slow the machine: a long interval.
			p := startReal(t, a, instance{version, 100, "40", vips, extra})
			netlab.Eventually(t, 5*time.Second, "the real one's BACKUP", func() bool { return strings.Contains(p.Log(), "Entering BACKUP STATE") })
			s, link := openSender(t, b, IPv4), linkOf(t, b, "eth0")
			meta := wire.Meta{Source: addrB, Destination: wire.GroupIPv4, HopLimit: 255}
			tried := map[wire.Drop]bool{}
			for i, f := range faults {
				for _, g := range faults[i:] {
					pdu, err := wire.AppendAdvert(nil, &out)
					if err != nil {
						t.Fatal(err)
					}
					pdu = f.do(pdu)
					if g.name != f.name {
						pdu = g.do(pdu)
					}
					_, drop := wire.Decode(pdu, meta)
					if version == 2 && f.name == "version 4" {
						continue // without authentication data its length is wrong, which the next line would blame
					}
					said := len(p.Log())
					if err := s.Send(link, addrB, wire.GroupIPv4, 255, 1, pdu); err != nil {
						t.Fatal(err)
					}
					var line string
					netlab.Eventually(t, 5*time.Second, f.name+", "+g.name+": the real one's word", func() bool {
						line = p.Log()[said:]
						return strings.HasSuffix(line, "\n")
					})
					if drop == wire.Accepted || !strings.Contains(line, says[drop]) {
						t.Errorf("%s, %s: we say %v, the real one: %s", f.name, g.name, drop, line)
					}
					tried[drop] = true
				}
			}
			for d, text := range says {
				if text != "" && !tried[wire.Drop(d)] && (version == 2) == (wire.Drop(d) == wire.DropAuthType) {
					t.Errorf("%v was never the reason", wire.Drop(d))
				}
			}
		})
	}
}
