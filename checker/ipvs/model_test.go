package ipvs

import (
	"net/netip"
	"testing"

	"github.com/mdlayher/netlink"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		key  Key
		want string
	}{
		{AddressKey(TCP, netip.MustParseAddrPort("192.0.2.1:80")), "TCP 192.0.2.1:80"},
		{AddressKey(UDP, netip.MustParseAddrPort("[2001:db8::1]:53")), "UDP [2001:db8::1]:53"},
		{AddressKey(SCTP, netip.MustParseAddrPort("[::ffff:192.0.2.1]:80")), "SCTP 192.0.2.1:80"},
		{AddressKey(TCP, netip.MustParseAddrPort("[fe80::1%eth0]:80")), "TCP [fe80::1]:80"},
		{MarkKey(7, INET), "FWM 7"},
		{MarkKey(7, INET6), "FWM 7 IPv6"},
	} {
		if got := tt.key.String(); got != tt.want {
			t.Errorf("key is %q, want %q", got, tt.want)
		}
	}
	if MarkKey(7, INET) == MarkKey(7, INET6) {
		t.Error("marks of two families are one service")
	}
	if a, b := AddressKey(TCP, netip.MustParseAddrPort("[::ffff:192.0.2.1]:80")), AddressKey(TCP, netip.MustParseAddrPort("192.0.2.1:80")); a != b {
		t.Error("one address in two forms is two services")
	}
}

func TestCanonical(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name       string
		give, want Service
	}{
		{"flags that are the kernel's affair", Service{Key: web, Flags: persistent | hashed | Sched1}, Service{Key: web, Flags: Sched1, Netmask: 0xffffffff}},
		{"a single IPv6 address", Service{Key: MarkKey(1, INET6)}, Service{Key: MarkKey(1, INET6), Netmask: 128}},
		{"a netmask of one's own", Service{Key: web, Netmask: 0xffff0000}, Service{Key: web, Netmask: 0xffff0000}},
	} {
		if got := tt.give.canonical(); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	d := Destination{Addr: netip.MustParseAddrPort("[::ffff:10.0.0.1]:80"), TunnelType: GUE, TunnelPort: 1}.canonical()
	if d != (Destination{Addr: netip.MustParseAddrPort("10.0.0.1:80")}) {
		t.Errorf("a server by NAT keeps %+v", d)
	}
}

func TestFieldNames(t *testing.T) {
	t.Parallel()
	if got := (FieldScheduler | FieldEngine | FieldThresholds).String(); got != "scheduler, engine, thresholds" {
		t.Errorf("fields are %q", got)
	}
}

// What is encoded is decoded again; cut off anywhere it is an error or less, never a panic.
func TestServiceCodec(t *testing.T) {
	t.Parallel()
	for _, c := range cases {
		want := c.service.canonical()
		data, err := message(func(ae *netlink.AttributeEncoder) { encodeService(ae, want) })
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got, err := decodeService(data)
		if err != nil || got.Service != want {
			t.Errorf("%s: decoded %+v, %v; want %+v", c.name, got.Service, err, want)
		}
		for n := range data {
			short := append([]byte(nil), data[:n]...)
			if n >= 2 { // the outer attribute says how long it is
				short[0], short[1] = byte(n), 0
			}
			if _, err := decodeService(short); err == nil && n > 4 && n < len(data)-24 {
				t.Errorf("%s: %d of %d octets pass for a service", c.name, n, len(data))
			}
		}
	}
}
