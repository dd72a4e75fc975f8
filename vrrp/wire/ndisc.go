package wire

import (
	"encoding/binary"
	"net/netip"
)

// NALen is the length of the frame that AppendNA makes.
const NALen = 14 + 40 + 32

// NAFlags are the flags of a neighbour advertisement (RFC 4861 §4.4).
type NAFlags uint8

const (
	NARouter   NAFlags = 0x80 // the sender forwards; RFC 9568 §6.4.2 sets it always
	NAOverride NAFlags = 0x20 // replace what neighbours have cached
)

// allNodes is ff02::1, allNodesMAC its Ethernet form (RFC 2464 §7).
var (
	allNodes    = netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 15: 1})
	allNodesMAC = MAC{0x33, 0x33, 0, 0, 0, 1}
)

// AppendNA appends the Ethernet frame of an unsolicited neighbour advertisement
// (RFC 4861 §7.2.6): addr, which is IPv6 and also the source of the packet, is at mac.
func AppendNA(b []byte, mac MAC, addr netip.Addr, flags NAFlags) []byte {
	const (
		icmpv6                = 58
		neighborAdvertisement = 136
		targetLinkLayer       = 2
		icmpLen               = 32
	)
	src, dst := addr.As16(), allNodes.As16()
	b = appendEthernet(b, allNodesMAC, mac, EtherTypeIPv6)
	b = append(b, 6<<4, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, icmpLen)
	b = append(b, icmpv6, HopLimit)
	b = append(b, src[:]...)
	b = append(b, dst[:]...)
	start := len(b)
	b = append(b, neighborAdvertisement, 0, 0, 0, byte(flags), 0, 0, 0)
	b = append(b, src[:]...)
	b = append(b, targetLinkLayer, 1)
	b = append(b, mac[:]...)
	acc := pseudoSum(addr, allNodes, icmpv6, icmpLen)
	binary.BigEndian.PutUint16(b[start+2:], ^fold(sum(acc, b[start:])))
	return b
}
