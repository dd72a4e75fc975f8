package wire

import (
	"encoding/binary"
	"net/netip"
)

const (
	minIPv4Header = 20
	maxIPv4Header = 60
	ipv6Header    = 40
)

// MaxIPHeader is the longest header that AppendIP makes.
const MaxIPHeader = ipv6Header

// classInternetControl is the IP precedence of routing traffic (RFC 791 §3.1), as
// keepalived sends it in the type of service and in the traffic class.
const classInternetControl = 0xc0

// IPHeader is the header in front of an advertisement, as far as it varies. The
// family is that of the addresses.
type IPHeader struct {
	ID                  uint16 // IPv4 identification; keepalived counts from 1 per instance
	HopLimit            uint8  // TTL; 255 unless a unicast instance says otherwise
	Source, Destination netip.Addr
}

// AppendIP appends the header of a packet with payload octets of VRRP behind it.
// IPv4: type of service 0xc0, may be fragmented, no options. IPv6: traffic class 0xc0.
func AppendIP(b []byte, h *IPHeader, payload int) []byte {
	if h.Source.Is4() {
		return appendIPv4(b, h, payload)
	}
	return appendIPv6(b, h, payload)
}

func appendIPv4(b []byte, h *IPHeader, payload int) []byte {
	start := len(b)
	b = append(b, 4<<4|minIPv4Header/4, classInternetControl)
	b = binary.BigEndian.AppendUint16(b, uint16(minIPv4Header+payload))
	b = binary.BigEndian.AppendUint16(b, h.ID)
	b = append(b, 0, 0, h.HopLimit, Protocol, 0, 0)
	src, dst := h.Source.As4(), h.Destination.As4()
	b = append(b, src[:]...)
	b = append(b, dst[:]...)
	binary.BigEndian.PutUint16(b[start+10:], ^fold(sum(0, b[start:])))
	return b
}

func appendIPv6(b []byte, h *IPHeader, payload int) []byte {
	b = append(b, 6<<4|classInternetControl>>4, classInternetControl&0xf<<4, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(payload))
	b = append(b, Protocol, h.HopLimit)
	src, dst := h.Source.As16(), h.Destination.As16()
	b = append(b, src[:]...)
	return append(b, dst[:]...)
}

// ParseIPv4 takes the header off a packet as a raw IPv4 socket delivers it (whole,
// reassembled, its checksum already verified by the kernel). The payload is a part
// of b; with DropLength it is the part that b holds.
func ParseIPv4(b []byte) (payload []byte, m Meta, d Drop) {
	if len(b) < minIPv4Header || b[0]>>4 != 4 {
		return nil, m, DropIPHeader
	}
	header := int(b[0]&0xf) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	if header < minIPv4Header || total < header || len(b) < header || b[9] != Protocol {
		return nil, m, DropIPHeader
	}
	m = Meta{
		Source:      netip.AddrFrom4([4]byte(b[12:])),
		Destination: netip.AddrFrom4([4]byte(b[16:])),
		HopLimit:    b[8],
	}
	if len(b) < total { // longer than the buffer, so longer than any advertisement
		return b[header:], m, DropLength
	}
	return b[header:total], m, Accepted
}
