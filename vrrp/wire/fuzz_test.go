package wire

import (
	"bytes"
	"testing"
)

// FuzzDecode: nothing makes the decoder panic, and what it accepts is, encoded again,
// what came in, but for the bits that the RFCs tell to ignore.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{goldenV2[40:], goldenV2Zero, goldenV3[40:], goldenV3IPv6, "", "31", "3135960000320000"} {
		f.Add(octets(f, s), s == goldenV3IPv6)
	}
	f.Fuzz(func(t *testing.T, b []byte, ipv6 bool) {
		m := Meta{Source: sender, Destination: GroupIPv4, HopLimit: HopLimit}
		if ipv6 {
			m = Meta{Source: sender6, Destination: GroupIPv6, HopLimit: HopLimit}
		}
		a, d := Decode(b, m)
		if d >= NumDrops {
			t.Fatalf("unknown reason %d", d)
		}
		if d != Accepted || a.Trailer() != nil {
			return
		}
		if a.Version == V3 && b[4]&0xf0 != 0 {
			return // reserved bits: ignored on receipt, zero when sent
		}
		o := outgoingOf(&a)
		again, err := AppendAdvert(nil, &o)
		if err != nil {
			t.Fatalf("accepted, but not to be sent: %v", err)
		}
		// Ones' complement has two zeros; the sender uses one of them.
		if b[6] == 0xff && b[7] == 0xff || b[6] == 0 && b[7] == 0 {
			again[6], again[7] = b[6], b[7]
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("encoded again\nwant %x\n got %x", b, again)
		}
	})
}

// FuzzParseIPv4: no panic, and the payload lies within the packet.
func FuzzParseIPv4(f *testing.F) {
	f.Add(octets(f, goldenV2))
	f.Add(octets(f, goldenV3))
	f.Fuzz(func(t *testing.T, b []byte) {
		payload, m, d := ParseIPv4(b)
		switch d {
		case Accepted, DropLength:
			if len(payload) > len(b)-minIPv4Header || !m.Source.Is4() || !m.Destination.Is4() {
				t.Fatalf("payload of %d octets from %d, %+v", len(payload), len(b), m)
			}
			Decode(payload, m)
		case DropIPHeader:
		default:
			t.Fatalf("dropped for %v", d)
		}
	})
}
