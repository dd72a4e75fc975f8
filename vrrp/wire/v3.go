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

// intervalV3 is a 12-bit number behind four reserved bits, which are ignored
// (RFC 5798 §5.2.6).
func intervalV3(b []byte) time.Duration {
	return time.Duration(binary.BigEndian.Uint16(b[4:])&maxAdverInt) * centisecond
}

// checkV3 checks b, which has the right length.
func (a *Advert) checkV3(b []byte) Drop {
	if a.Type != typeAdvertisement {
		return DropType
	}
	var ok bool
	if a.Checksum, ok = checksumV3(a, b); !ok {
		return DropChecksum
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
