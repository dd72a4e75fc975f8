package wire

import (
	"encoding/binary"
	"net/netip"
)

// sum adds b, as big-endian 16-bit words and padded with a zero octet when its
// length is odd, to acc (RFC 1071). The carries are kept in the upper half: acc may
// grow over 65,536 words before it overflows, more than an IP packet holds.
func sum(acc uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		acc += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		acc += uint32(b[0]) << 8
	}
	return acc
}

// fold brings the carries of a sum back in.
func fold(acc uint32) uint16 {
	for acc > 0xffff {
		acc = acc>>16 + acc&0xffff
	}
	return uint16(acc)
}

// pseudoSum is the sum of the pseudo-header of a message of n octets: RFC 8200 §8.1
// for IPv6, and for IPv4 the same fields (RFC 9568 §5.2.8).
func pseudoSum(src, dst netip.Addr, protocol, n int) uint32 {
	acc := uint32(protocol) + uint32(n)
	return addrSum(addrSum(acc, src), dst)
}

func addrSum(acc uint32, a netip.Addr) uint32 {
	if a.Is4() {
		o := a.As4()
		return sum(acc, o[:])
	}
	o := a.As16()
	return sum(acc, o[:])
}
