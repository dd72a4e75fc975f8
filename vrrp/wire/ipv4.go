package wire

import (
	"encoding/binary"
	"net/netip"
)

const (
	minIPv4Header = 20
	maxIPv4Header = 60
)

// IPv4HeaderLen is the length of the header that AppendIPv4 makes: no options.
const IPv4HeaderLen = minIPv4Header

// tosInternetControl is the IP precedence of routing traffic (RFC 791 §3.1), as
// keepalived sends it.
const tosInternetControl = 0xc0

// IPv4 is the header in front of an advertisement, as far as it varies.
type IPv4 struct {
	ID                  uint16 // identification; keepalived counts from 1 per instance
	TTL                 uint8  // 255 unless a unicast instance says otherwise
	Source, Destination netip.Addr
}

// AppendIPv4 appends the header of a packet with payload octets of VRRP behind it:
// type of service 0xc0, may be fragmented, no options. The addresses are IPv4.
func AppendIPv4(b []byte, h *IPv4, payload int) []byte {
	start := len(b)
	b = append(b, 4<<4|minIPv4Header/4, tosInternetControl)
	b = binary.BigEndian.AppendUint16(b, uint16(minIPv4Header+payload))
	b = binary.BigEndian.AppendUint16(b, h.ID)
	b = append(b, 0, 0, h.TTL, Protocol, 0, 0)
	src, dst := h.Source.As4(), h.Destination.As4()
	b = append(b, src[:]...)
	b = append(b, dst[:]...)
	binary.BigEndian.PutUint16(b[start+10:], ^fold(sum(0, b[start:])))
	return b
}

// ParseIPv4 takes the header off a packet as a raw IPv4 socket delivers it (whole,
// reassembled, its checksum already verified by the kernel). The payload is a part
// of b.
func ParseIPv4(b []byte) (payload []byte, m Meta, d Drop) {
	if len(b) < minIPv4Header || b[0]>>4 != 4 {
		return nil, m, DropIPHeader
	}
	header := int(b[0]&0xf) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	if header < minIPv4Header || total < header || len(b) < total || b[9] != Protocol {
		return nil, m, DropIPHeader
	}
	m = Meta{
		Source:      netip.AddrFrom4([4]byte(b[12:])),
		Destination: netip.AddrFrom4([4]byte(b[16:])),
		HopLimit:    b[8],
	}
	return b[header:total], m, Accepted
}
