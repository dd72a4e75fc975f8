package wire

import (
	"encoding/binary"
	"time"
)

// centisecond is the unit of version 3's interval; maxAdverInt the largest value of
// its 12 bits (RFC 5798 §5.2.7).
const (
	centisecond = 10 * time.Millisecond
	maxAdverInt = 0xfff
)

// decodeV3 reads what version 3 has of its own (RFC 5798 §5.1): a 12-bit interval
// behind four reserved bits, which are ignored (§5.2.6).
func decodeV3(a *Advert, b []byte) Drop {
	a.Interval = time.Duration(binary.BigEndian.Uint16(b[4:])&maxAdverInt) * centisecond
	if d := decodeFrame(a, b); d != Accepted {
		return d
	}
	var ok bool
	if a.Checksum, ok = checksumV3(a, a.covered(b)); !ok {
		return DropChecksum
	}
	if a.Interval == 0 {
		return DropInterval
	}
	return Accepted
}

// checksumV3 finds the form in which the checksum of b is right. Over IPv6 there is
// only one. Over IPv4 RFC 5798 left room for two readings and both are in use; a
// third, over the multicast group in unicast packets, comes from old keepaliveds.
//
// A single wrong bit can turn one form into another only when the sums of their
// pseudo-headers differ by a power of two (modulo 65,535): the caller closes even
// that by holding a sender to the form of its earlier advertisements.
func checksumV3(a *Advert, b []byte) (form Checksum, ok bool) {
	body := sum(0, b)
	if fold(body+pseudoSum(a.Source, a.Destination, Protocol, len(b))) == 0xffff {
		return ChecksumPseudo, true
	}
	if !a.Source.Is4() {
		return ChecksumPseudo, false
	}
	if fold(body) == 0xffff {
		return ChecksumPlain, true
	}
	if !a.Destination.IsMulticast() &&
		fold(body+pseudoSum(a.Source, GroupIPv4, Protocol, len(b))) == 0xffff {
		return ChecksumGroup, true
	}
	return ChecksumPseudo, false
}

// appendV3 appends the message of o; o is valid.
func appendV3(b []byte, o *Outgoing) []byte {
	start := len(b)
	b = append(b, V3<<4|typeAdvertisement, o.VRID, o.Priority, byte(len(o.Addrs)))
	b = binary.BigEndian.AppendUint16(b, uint16(o.Interval/centisecond))
	b = append(b, 0, 0)
	b = appendAddrs(b, o)
	msg := b[start:]
	acc := sum(0, msg)
	switch o.Checksum {
	case ChecksumPseudo:
		acc += pseudoSum(o.Source, o.Destination, Protocol, len(msg))
	case ChecksumGroup:
		acc += pseudoSum(o.Source, GroupIPv4, Protocol, len(msg))
	case ChecksumPlain:
	}
	binary.BigEndian.PutUint16(msg[6:], ^fold(acc))
	return b
}
