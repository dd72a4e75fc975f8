package wire

import (
	"encoding/binary"
	"net/netip"
)

// MAC is an Ethernet address.
type MAC [6]byte

// Broadcast is the Ethernet address of all stations.
var Broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// Ethernet types (IEEE 802 numbers, linux/if_ether.h).
const (
	EtherTypeARP  = 0x0806
	EtherTypeIPv6 = 0x86dd
)

// GARPLen is the length of the frame that AppendGARP makes.
const GARPLen = 14 + 28

// AppendGARP appends the Ethernet frame of a gratuitous ARP request (RFC 5227 §3,
// RFC 826): mac has addr. The target hardware address is all ones and the frame is
// not padded, as observed of keepalived 2.2.7. addr is IPv4.
func AppendGARP(b []byte, mac MAC, addr netip.Addr) []byte {
	const (
		hardwareEthernet = 1
		protocolIPv4     = 0x0800
		request          = 1
	)
	ip := addr.As4()
	b = appendEthernet(b, Broadcast, mac, EtherTypeARP)
	b = binary.BigEndian.AppendUint16(b, hardwareEthernet)
	b = binary.BigEndian.AppendUint16(b, protocolIPv4)
	b = append(b, byte(len(mac)), byte(len(ip)))
	b = binary.BigEndian.AppendUint16(b, request)
	b = append(b, mac[:]...)
	b = append(b, ip[:]...)
	b = append(b, Broadcast[:]...)
	return append(b, ip[:]...)
}

func appendEthernet(b []byte, dst, src MAC, etherType uint16) []byte {
	b = append(b, dst[:]...)
	b = append(b, src[:]...)
	return binary.BigEndian.AppendUint16(b, etherType)
}
