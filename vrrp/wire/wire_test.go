package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// The packets that keepalived 2.2.7 sent, captured, without their Ethernet headers.
const (
	goldenV2 = "45c0002c00010000ff700b7bc6120901e0000012" +
		"2133960201014678c6120964c61209653131313100000000"
	goldenV2Zero = "2133000201" + "01dc78c6120964c61209653131313100000000"
	goldenV3     = "45c0002000010000ff700b87c6120901e0000012" + "313596010032b97ac6120967"
	goldenV3IPv6 = "3138960200327e24fe80000000000000000000000009005620010db8000900000000000000000100"
	goldenGARP   = "ffffffffffffda159b071c810806" +
		"0001080006040001da159b071c81c6120967ffffffffffffc6120967"
	goldenNA = "333300000001da159b071c8186dd6000000000203aff" +
		"fe800000000000000000000000090056ff020000000000000000000000000001" +
		"8800c74120000000fe8000000000000000000000000900560201da159b071c81"
)

var (
	sender  = netip.MustParseAddr("198.18.9.1")
	peer    = netip.MustParseAddr("198.18.9.2")
	sender6 = netip.MustParseAddr("fe80::d815:9bff:fe07:1c81")
	mac     = MAC{0xda, 0x15, 0x9b, 0x07, 0x1c, 0x81}
)

func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func addrs(s ...string) (list []netip.Addr) {
	for _, a := range s {
		list = append(list, netip.MustParseAddr(a))
	}
	return list
}

func outV2() Outgoing {
	return Outgoing{Version: V2, VRID: 51, Priority: 150, Interval: time.Second,
		Addrs: addrs("198.18.9.100", "198.18.9.101"), AuthType: AuthPass, Auth: [8]byte{'1', '1', '1', '1'},
		Source: sender, Destination: GroupIPv4}
}

func outV3() Outgoing {
	return Outgoing{Version: V3, VRID: 53, Priority: 150, Interval: 500 * time.Millisecond,
		Addrs: addrs("198.18.9.103"), Source: sender, Destination: GroupIPv4}
}

func outV3IPv6() Outgoing {
	return Outgoing{Version: V3, VRID: 56, Priority: 150, Interval: 500 * time.Millisecond,
		Addrs: addrs("fe80::9:56", "2001:db8:9::100"), Source: sender6, Destination: GroupIPv6}
}

func message(t testing.TB, o Outgoing) []byte {
	t.Helper()
	b, err := AppendAdvert(nil, &o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func metaOf(o *Outgoing) Meta {
	return Meta{Source: o.Source, Destination: o.Destination, HopLimit: HopLimit}
}

// outgoingOf turns a decoded advertisement into what makes the same octets again.
func outgoingOf(a *Advert) Outgoing {
	o := Outgoing{Version: a.Version, VRID: a.VRID, Priority: a.Priority, Interval: a.Interval,
		AuthType: a.AuthType, Auth: a.Auth, Checksum: a.Checksum, Source: a.Source, Destination: a.Destination}
	for i := range int(a.Count) {
		o.Addrs = append(o.Addrs, a.Addr(i))
	}
	return o
}

func TestGoldenAdverts(t *testing.T) {
	resign := outV2()
	resign.Priority = 0
	for _, tt := range []struct {
		name   string
		out    Outgoing
		header bool // the golden octets begin with the IPv4 header
		want   string
	}{
		{"v2, PASS, two addresses", outV2(), true, goldenV2},
		{"v2, priority 0", resign, false, goldenV2Zero},
		{"v3 over IPv4, pseudo-header in the checksum", outV3(), true, goldenV3},
		{"v3 over IPv6", outV3IPv6(), false, goldenV3IPv6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := octets(t, tt.want)
			msg := message(t, tt.out)
			got := msg
			if tt.header {
				h := IPHeader{ID: 1, HopLimit: HopLimit, Source: tt.out.Source, Destination: tt.out.Destination}
				got = append(AppendIP(nil, &h, len(msg)), msg...)
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("encoded\nwant %x\n got %x", want, got)
			}
			payload, meta := want, metaOf(&tt.out)
			if tt.header {
				var d Drop
				if payload, meta, d = ParseIPv4(want); d != Accepted {
					t.Fatalf("ParseIPv4: %v", d)
				}
				if meta != metaOf(&tt.out) {
					t.Fatalf("meta = %+v, want %+v", meta, metaOf(&tt.out))
				}
			}
			a, d := Decode(payload, meta)
			if d != Accepted {
				t.Fatalf("Decode: %v", d)
			}
			checkSame(t, &a, &tt.out)
		})
	}
}

// checkSame compares every field of a decoded advertisement with what was sent.
func checkSame(t *testing.T, a *Advert, o *Outgoing) {
	t.Helper()
	if a.Version != o.Version || a.Type != 1 || a.VRID != o.VRID || a.Priority != o.Priority ||
		a.Interval != o.Interval || a.AuthType != o.AuthType || a.Auth != o.Auth ||
		a.Source != o.Source || a.Destination != o.Destination || int(a.Count) != len(o.Addrs) ||
		a.Length != a.ExpectedLength() || a.Trailer() != nil {
		t.Errorf("decoded %+v\nfrom %+v", a, o)
	}
	wantForm := o.Checksum
	if o.Version == V2 {
		wantForm = ChecksumPlain
	}
	if a.Checksum != wantForm {
		t.Errorf("checksum form %d, want %d", a.Checksum, wantForm)
	}
	for i, w := range o.Addrs {
		if a.Addr(i) != w {
			t.Errorf("address %d is %s, want %s", i, a.Addr(i), w)
		}
	}
	if missing, ok := a.Missing(o.Addrs); ok {
		t.Errorf("%s is missing", missing)
	}
}

func TestGoldenAnnouncements(t *testing.T) {
	garp := AppendGARP(nil, mac, netip.MustParseAddr("198.18.9.103"))
	if want := octets(t, goldenGARP); !bytes.Equal(garp, want) || len(garp) != GARPLen {
		t.Errorf("GARP\nwant %x\n got %x", want, garp)
	}
	na := AppendNA(nil, mac, netip.MustParseAddr("fe80::9:56"), NAOverride)
	if want := octets(t, goldenNA); !bytes.Equal(na, want) || len(na) != NALen {
		t.Errorf("NA\nwant %x\n got %x", want, na)
	}
}

// The router flag changes the flags octet and with it the checksum, nothing else.
func TestNARouterFlag(t *testing.T) {
	na := AppendNA(nil, mac, netip.MustParseAddr("fe80::9:56"), NAOverride|NARouter)
	if na[58] != 0xa0 {
		t.Errorf("flags %#x, want 0xa0", na[58])
	}
	acc := pseudoSum(netip.MustParseAddr("fe80::9:56"), allNodes, 58, 32)
	if got := fold(sum(acc, na[54:])); got != 0xffff {
		t.Errorf("the checksum does not verify: sum %#x", got)
	}
}

func TestIPv6Header(t *testing.T) {
	h := IPHeader{HopLimit: HopLimit, Source: sender6, Destination: GroupIPv6}
	got := AppendIP(nil, &h, 40)
	want := octets(t, "6c000000002870ff"+"fe80000000000000d8159bfffe071c81"+"ff020000000000000000000000000012")
	if !bytes.Equal(got, want) {
		t.Errorf("header\nwant %x\n got %x", want, got)
	}
}

// keepalived 2.4.3's adverts with an authentication trailer (captured): the trailer is
// found and the message in front of it is read. The checksum covers the trailer over
// IPv6 only; over IPv4 its HMAC alone guards it.
func TestTrailer(t *testing.T) {
	source := netip.MustParseAddr("198.18.7.1")
	for _, tt := range []struct {
		name string
		msg  string
		src  netip.Addr
		dst  netip.Addr
	}{
		{"v2", "2133c80100014953c61207640000000000000000010100006b00212507cd0000d7df654aeab849426258410d1cd00f21", source, GroupIPv4},
		{"v3 over IPv4", "313496020032efffc6120765c6120766010700006b00212384cf00009fc16171e0d5ee2b2509bd871e776e5d", source, GroupIPv4},
		{"v3 over IPv6", "31359602006421c5fe80000000000000000000000000005320010db8000000000000000000000053010100006b00212539d20000569a4cfe83fbcfc137cada573670bc00",
			netip.MustParseAddr("fe80::3876:9fff:feeb:5131"), GroupIPv6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := octets(t, tt.msg)
			a, d := Decode(b, Meta{Source: tt.src, Destination: tt.dst, HopLimit: HopLimit})
			if d != Accepted {
				t.Fatalf("Decode: %v", d)
			}
			if !bytes.Equal(a.Trailer(), b[len(b)-TrailerLen:]) {
				t.Errorf("trailer %x", a.Trailer())
			}
			want := Accepted
			if tt.src.Is6() {
				want = DropChecksum
			}
			b[len(b)-1] ^= 1
			if _, d := Decode(b, a.Meta); d != want {
				t.Errorf("a wrong bit in the trailer: %v, want %v", d, want)
			}
			b[2] ^= 1
			if _, d := Decode(b, a.Meta); d != DropChecksum {
				t.Errorf("a wrong bit in the message: %v, want %v", d, DropChecksum)
			}
		})
	}
}

// repair makes the checksum of msg right again in the form of o.
func repair(msg []byte, o *Outgoing) []byte {
	msg[6], msg[7] = 0, 0
	acc := sum(0, msg)
	if o.Version == V3 && o.Checksum == ChecksumPseudo {
		acc += pseudoSum(o.Source, o.Destination, Protocol, len(msg))
	}
	binary.BigEndian.PutUint16(msg[6:], ^fold(acc))
	return msg
}

func TestDrops(t *testing.T) {
	v2, v3, v6 := outV2(), outV3(), outV3IPv6()
	edit := func(o Outgoing, f func(b []byte) []byte) []byte { return repair(f(message(t, o)), &o) }
	set := func(i int, v byte) func([]byte) []byte {
		return func(b []byte) []byte { b[i] = v; return b }
	}
	for _, tt := range []struct {
		name string
		b    []byte
		out  *Outgoing
		want Drop
	}{
		{"version 1", edit(v3, set(0, 0x11)), &v3, DropVersion},
		{"version 4", edit(v3, set(0, 0x41)), &v3, DropVersion},
		{"RFC 3768: version 2 is IPv4 only", edit(v6, func(b []byte) []byte {
			b[0] = 0x21
			return append(b, make([]byte, authLen)...)
		}), &v6, DropVersion},
		{"§5.2.2: type 2, v2", edit(v2, set(0, 0x22)), &v2, DropType},
		{"§5.2.2: type 0, v3", edit(v3, set(0, 0x30)), &v3, DropType},
		{"§5.2.3: VRID 0", edit(v3, set(1, 0)), &v3, DropVRID},
		{"§5.2.5: count larger than the list, v2", edit(v2, set(3, 3)), &v2, DropLength},
		{"§5.2.5: count smaller than the list, v2", edit(v2, set(3, 1)), &v2, DropLength},
		{"§5.2.5: count 255, v3", edit(v3, set(3, 255)), &v3, DropLength},
		{"§5.2.5: count 0 with a list, v3", edit(v3, set(3, 0)), &v3, DropLength},
		{"octets behind the message", edit(v3, func(b []byte) []byte { return append(b, 0, 0, 0, 0) }), &v3, DropLength},
		{"§5.2.8: checksum 0", func() []byte { b := message(t, v3); b[6], b[7] = 0, 0; return b }(), &v3, DropChecksum},
		{"v2 with a pseudo-header in the checksum", func() []byte {
			b := message(t, v2)
			b[6], b[7] = 0, 0
			acc := sum(0, b) + pseudoSum(v2.Source, v2.Destination, Protocol, len(b))
			binary.BigEndian.PutUint16(b[6:], ^fold(acc))
			return b
		}(), &v2, DropChecksum},
		{"v3 over IPv6 without a pseudo-header", func() []byte {
			b := message(t, v6)
			b[6], b[7] = 0, 0
			binary.BigEndian.PutUint16(b[6:], ^fold(sum(0, b)))
			return b
		}(), &v6, DropChecksum},
		{"§5.3.6: authentication type 3", edit(v2, set(4, 3)), &v2, DropAuthType},
		{"§5.3.7: interval 0, v2", edit(v2, set(5, 0)), &v2, DropInterval},
		{"§5.2.7: interval 0, v3", edit(v3, set(5, 0)), &v3, DropInterval},
		{"order: VRID before length", edit(v3, func(b []byte) []byte { b[1] = 0; return b[:9] }), &v3, DropVRID},
		{"order: length before version", edit(v2, set(0, 0x41)), &v2, DropLength},
		{"order: version before type", edit(v3, set(0, 0x42)), &v3, DropVersion},
		{"order: authentication type before type, v2", edit(v2, func(b []byte) []byte { b[0], b[4] = 0x22, 3; return b }), &v2, DropAuthType},
		{"order: authentication type before checksum, v2", func() []byte { b := message(t, v2); b[4] = 3; return b }(), &v2, DropAuthType},
		{"order: type before checksum", func() []byte { b := message(t, v3); b[0] = 0x32; return b }(), &v3, DropType},
		{"order: checksum before interval 0", func() []byte { b := message(t, v3); b[5] = 0; return b }(), &v3, DropChecksum},
		{"§5.2.6: reserved bits are ignored", edit(v3, set(4, 0xf0)), &v3, Accepted},
		{"a list of none", edit(v3, func(b []byte) []byte { b[3] = 0; return b[:8] }), &v3, Accepted},
		{"AH is a known type", edit(v2, set(4, 2)), &v2, Accepted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, d := Decode(tt.b, metaOf(tt.out))
			if d != tt.want {
				t.Fatalf("dropped for %v, want %v", d, tt.want)
			}
			if a.VRID != tt.b[1] || a.Version != tt.b[0]>>4 || a.Type != tt.b[0]&0xf || a.Priority != tt.b[2] || a.Length != len(tt.b) {
				t.Errorf("what could be read is not there: %+v", a)
			}
			if a.Has(netip.Addr{}) { // must not panic either
				t.Error("an address that is none")
			}
		})
	}
}

// Every length that is not the right one is refused, with the checksum made right.
func TestEveryLength(t *testing.T) {
	for _, o := range []Outgoing{outV2(), outV3(), outV3IPv6()} {
		whole := message(t, o)
		for n := range len(whole) + 100 {
			b := make([]byte, n)
			copy(b, whole)
			if n >= headerLen {
				b = repair(b, &o)
			}
			want := DropLength
			switch {
			case n < headerLen:
				want = DropShort
			case n == len(whole)+TrailerLen && o.Source.Is4(): // not in the checksum
				b = append(repair(b[:len(whole)], &o), make([]byte, TrailerLen)...)
				want = Accepted
			case n == len(whole), n == len(whole)+TrailerLen:
				want = Accepted
			}
			if _, d := Decode(b, metaOf(&o)); d != want {
				t.Errorf("v%d, %d octets of %d: %v, want %v", o.Version, n, len(whole), d, want)
			}
		}
	}
}

// The length that keepalived's message tells is the one that version and count ask for.
func TestExpectedLength(t *testing.T) {
	o := outV2()
	b := message(t, o)[:18]
	a, d := Decode(b, metaOf(&o))
	if d != DropLength || a.Length != 18 || a.ExpectedLength() != 24 {
		t.Errorf("%v: length %d, expected %d", d, a.Length, a.ExpectedLength())
	}
}

// One wrong bit anywhere is found by the checksum, or by an earlier check.
func TestBitFlips(t *testing.T) {
	plain := outV3()
	plain.Checksum = ChecksumPlain
	unicast := outV3()
	unicast.Destination = peer
	for _, o := range []Outgoing{outV2(), outV3(), plain, unicast, outV3IPv6()} {
		msg := message(t, o)
		for bit := range len(msg) * 8 {
			b := bytes.Clone(msg)
			b[bit/8] ^= 1 << (bit % 8)
			if _, d := Decode(b, metaOf(&o)); d == Accepted {
				t.Errorf("v%d form %d: bit %d flipped and accepted", o.Version, o.Checksum, bit)
			}
		}
	}
}

// A wrong address in the IP header is found when the pseudo-header counts.
func TestPseudoHeaderGuardsAddresses(t *testing.T) {
	o := outV3()
	m := metaOf(&o)
	m.Source = peer
	if _, d := Decode(message(t, o), m); d != DropChecksum {
		t.Errorf("another source: %v", d)
	}
}

func TestChecksumForms(t *testing.T) {
	for _, dst := range []netip.Addr{GroupIPv4, peer} {
		for _, form := range []Checksum{ChecksumPseudo, ChecksumPlain, ChecksumGroup} {
			o := outV3()
			o.Destination, o.Checksum = dst, form
			want := form
			if form == ChecksumGroup && dst == GroupIPv4 {
				want = ChecksumPseudo // the same thing
			}
			a, d := Decode(message(t, o), metaOf(&o))
			if d != Accepted || a.Checksum != want {
				t.Errorf("to %s, form %d: %v, form %d", dst, form, d, a.Checksum)
			}
		}
	}
}

func TestAppendAdvertRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*Outgoing)
		want error
	}{
		{"version 1", func(o *Outgoing) { o.Version = 1 }, ErrVersion},
		{"version 2 over IPv6", func(o *Outgoing) { *o = outV3IPv6(); o.Version = V2 }, ErrVersion},
		{"plain checksum over IPv6", func(o *Outgoing) { *o = outV3IPv6(); o.Checksum = ChecksumPlain }, ErrVersion},
		{"VRID 0", func(o *Outgoing) { o.VRID = 0 }, ErrVRID},
		{"v3, 9 ms", func(o *Outgoing) { o.Interval = 9 * time.Millisecond }, ErrInterval},
		{"v3, 40.96 s", func(o *Outgoing) { o.Interval = 40960 * time.Millisecond }, ErrInterval},
		{"v2, half a second", func(o *Outgoing) { *o = outV2(); o.Interval = time.Second / 2 }, ErrInterval},
		{"v2, 256 s", func(o *Outgoing) { *o = outV2(); o.Interval = 256 * time.Second }, ErrInterval},
		{"negative interval", func(o *Outgoing) { o.Interval = -time.Second }, ErrInterval},
		{"256 addresses", func(o *Outgoing) { o.Addrs = make([]netip.Addr, 256) }, ErrAddrCount},
		{"an IPv6 address in an IPv4 message", func(o *Outgoing) { o.Addrs = addrs("2001:db8::1") }, ErrFamily},
		{"no address in the list", func(o *Outgoing) { o.Addrs = make([]netip.Addr, 1) }, ErrFamily},
		{"no destination", func(o *Outgoing) { o.Destination = netip.Addr{} }, ErrFamily},
		{"destination of another family", func(o *Outgoing) { o.Destination = GroupIPv6 }, ErrFamily},
		{"nothing at all", func(o *Outgoing) { *o = Outgoing{Version: V3, VRID: 1, Interval: time.Second} }, ErrFamily},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := outV3()
			tt.edit(&o)
			before := []byte{1, 2, 3}
			b, err := AppendAdvert(before, &o)
			if err != tt.want || !bytes.Equal(b, before) {
				t.Errorf("%x, %v; want %v", b, err, tt.want)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	o := outV2()
	o.Addrs = addrs("198.18.9.100", "198.18.9.101", "198.18.9.102")
	a, _ := Decode(message(t, o), metaOf(&o))
	for _, tt := range []struct {
		name string
		want []netip.Addr
		miss string
	}{
		{"the same", o.Addrs, ""},
		{"another order", addrs("198.18.9.102", "198.18.9.100", "198.18.9.101"), ""},
		{"fewer", addrs("198.18.9.101"), ""},
		{"none", nil, ""},
		{"the first that is not there", addrs("198.18.9.100", "198.18.9.1", "198.18.9.2"), "198.18.9.1"},
		{"more than there are", addrs("198.18.9.100", "198.18.9.101", "198.18.9.102", "198.18.9.103"), "198.18.9.103"},
		{"another family", addrs("2001:db8::1"), "2001:db8::1"},
	} {
		got, ok := a.Missing(tt.want)
		if ok != (tt.miss != "") || ok && got.String() != tt.miss {
			t.Errorf("%s: %v %v, want %q", tt.name, got, ok, tt.miss)
		}
	}
}

func TestParseIPv4Refuses(t *testing.T) {
	good := octets(t, goldenV3)
	edit := func(i int, v byte) []byte { b := bytes.Clone(good); b[i] = v; return b }
	for _, tt := range []struct {
		name string
		b    []byte
		want Drop
	}{
		{"empty", nil, DropIPHeader},
		{"19 octets", good[:19], DropIPHeader},
		{"IPv6", edit(0, 0x65), DropIPHeader},
		{"header of 16 octets", edit(0, 0x44), DropIPHeader},
		{"header longer than the packet", edit(0, 0x4f), DropIPHeader},
		{"total length below the header's", edit(3, 19), DropIPHeader},
		{"total length beyond the buffer", edit(2, 1), DropLength},
		{"protocol 51", edit(9, 51), DropIPHeader},
		{"octets behind the packet are cut off", append(bytes.Clone(good), 1, 2, 3), Accepted},
	} {
		payload, _, d := ParseIPv4(tt.b)
		if d != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, d, tt.want)
		}
		if d == Accepted && len(payload) != 12 {
			t.Errorf("%s: payload of %d octets", tt.name, len(payload))
		}
	}
	options := append(bytes.Clone(good[:20]), 1, 1, 1, 1)
	options = append(options, good[20:]...)
	options[0], options[3] = 0x46, options[3]+4
	if payload, _, d := ParseIPv4(options); d != Accepted || !bytes.Equal(payload, good[20:]) {
		t.Errorf("options are skipped: %v, %x", d, payload)
	}
}

// decode∘encode is the identity for whatever can be sent.
func TestRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		o := randomOutgoing(rnd)
		msg, err := AppendAdvert(nil, &o)
		if err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
		a, d := Decode(msg, metaOf(&o))
		if d != Accepted {
			t.Fatalf("%+v: %v", o, d)
		}
		checkSame(t, &a, &o)
		if t.Failed() {
			return
		}
	}
}

func randomOutgoing(rnd *rand.Rand) Outgoing {
	o := Outgoing{VRID: uint8(1 + rnd.IntN(255)), Priority: uint8(rnd.IntN(256))}
	o.Version = uint8(V2 + rnd.IntN(2))
	v4 := o.Version == V2 || rnd.IntN(2) == 0
	addr := func() netip.Addr {
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], rnd.Uint64())
		binary.BigEndian.PutUint64(b[8:], rnd.Uint64())
		if v4 {
			return netip.AddrFrom4([4]byte(b[:]))
		}
		b[0] = 0x20 // no IPv4-mapped address
		return netip.AddrFrom16(b)
	}
	o.Source, o.Destination = addr(), addr()
	for range rnd.IntN(MaxAddrs + 1) {
		o.Addrs = append(o.Addrs, addr())
	}
	if o.Version == V2 {
		o.Interval = time.Duration(1+rnd.IntN(255)) * time.Second
		o.AuthType = AuthType(rnd.IntN(3))
		binary.BigEndian.PutUint64(o.Auth[:], rnd.Uint64())
		return o
	}
	o.Interval = time.Duration(1+rnd.IntN(maxAdverInt)) * centisecond
	if v4 && rnd.IntN(2) == 0 {
		o.Checksum = ChecksumPlain
	}
	return o
}

func TestNoAllocation(t *testing.T) {
	buf := make([]byte, 0, 256)
	for _, o := range []Outgoing{outV2(), outV3(), outV3IPv6()} {
		m := metaOf(&o)
		h := IPHeader{ID: 1, HopLimit: HopLimit, Source: o.Source, Destination: o.Destination}
		var d Drop
		var missing bool
		n := testing.AllocsPerRun(100, func() {
			var a Advert
			b := AppendIP(buf, &h, 0)
			b, _ = AppendAdvert(b, &o)
			a, d = Decode(b[len(b)-len(message0(b, &o)):], m)
			_, missing = a.Missing(o.Addrs)
			AppendGARP(buf, mac, sender)
			AppendNA(buf, mac, sender6, NAOverride)
		})
		if n != 0 || d != Accepted || missing {
			t.Errorf("v%d: %v allocations, %v, missing %v", o.Version, n, d, missing)
		}
	}
}

// message0 is the VRRP part of a packet that AppendIP began.
func message0(b []byte, o *Outgoing) []byte {
	if o.Source.Is4() {
		return b[minIPv4Header:]
	}
	return b[ipv6Header:]
}

func TestDropNames(t *testing.T) {
	for d := range NumDrops {
		if d.String() == "" || d != Accepted && d.Section() == "" {
			t.Errorf("drop %d: %q, %q", d, d.String(), d.Section())
		}
	}
	if NumDrops.String() != "unknown reason" || NumDrops.Section() != "" {
		t.Error("an unknown reason has a name")
	}
}

func BenchmarkDecode(b *testing.B) {
	p := octets(b, goldenV2)
	for b.Loop() {
		payload, m, _ := ParseIPv4(p)
		if _, d := Decode(payload, m); d != Accepted {
			b.Fatal(d)
		}
	}
}

func BenchmarkAppendAdvert(b *testing.B) {
	o := outV3()
	buf := make([]byte, 0, 256)
	for b.Loop() {
		if _, err := AppendAdvert(buf, &o); err != nil {
			b.Fatal(err)
		}
	}
}
