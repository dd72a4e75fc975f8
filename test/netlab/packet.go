package netlab

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"
)

// This file is a small second reading of the packets, written from the RFCs for
// the tests' assertions. It is independent of the project's own codecs.

// Advert is a VRRP advertisement as captured.
type Advert struct {
	At       time.Time
	SrcMAC   string
	Src, Dst netip.Addr
	TTL      uint8 // TTL or Hop Limit
	Version  uint8
	VRID     uint8
	Priority uint8
	Interval time.Duration // v2: seconds, v3: centiseconds on the wire
	AuthType uint8         // v2 only
	Auth     string        // v2 with AuthType 1: the eight octets without trailing zeros
	AH       bool          // under an IPsec authentication header
	Addrs    []netip.Addr
}

// ARP is an Ethernet/IPv4 ARP packet as captured.
type ARP struct {
	At             time.Time
	SrcMAC, DstMAC string // of the frame
	Op             uint16 // 1 request, 2 reply
	SHA            string // sender hardware address
	SPA, TPA       netip.Addr
}

// Gratuitous tells whether the packet announces its own sender address.
func (a ARP) Gratuitous() bool { return a.SPA == a.TPA }

// NA is a neighbour advertisement as captured (RFC 4861 §4.4).
type NA struct {
	At     time.Time
	SrcMAC string
	Src    netip.Addr
	Target netip.Addr
}

const (
	protoVRRP   = 112
	protoAH     = 51
	protoICMPv6 = 58
)

// Advert reads the frame as a VRRP advertisement.
func (p Packet) Advert() (Advert, bool) {
	ipPkt, ok := p.network()
	if !ok {
		return Advert{}, false
	}
	a := Advert{At: p.At, SrcMAC: ipPkt.mac, Src: ipPkt.src, Dst: ipPkt.dst, TTL: ipPkt.ttl}
	b := ipPkt.payload
	if ipPkt.proto == protoAH && len(b) >= 24 { // RFC 2402 §2: next header, length in words minus 2
		a.AH = true
		n := (int(b[1]) + 2) * 4
		if b[0] != protoVRRP || len(b) < n {
			return Advert{}, false
		}
		b = b[n:]
	} else if ipPkt.proto != protoVRRP {
		return Advert{}, false
	}
	if len(b) < 8 || b[0]&0x0f != 1 {
		return Advert{}, false
	}
	a.Version, a.VRID, a.Priority = b[0]>>4, b[1], b[2]
	count := int(b[3])
	if a.Version == 2 {
		a.AuthType, a.Interval = b[4], time.Duration(b[5])*time.Second
	} else {
		a.Interval = time.Duration(binary.BigEndian.Uint16(b[4:])&0x0fff) * 10 * time.Millisecond
	}
	b = b[8:]
	size := 4
	if a.Src.Is6() {
		size = 16
	}
	for ; count > 0 && len(b) >= size; count-- {
		addr, _ := netip.AddrFromSlice(b[:size])
		a.Addrs = append(a.Addrs, addr)
		b = b[size:]
	}
	if a.Version == 2 && a.AuthType == 1 && len(b) >= 8 {
		n := 8
		for n > 0 && b[n-1] == 0 {
			n--
		}
		a.Auth = string(b[:n])
	}
	return a, count == 0
}

// ARP reads the frame as an ARP packet.
func (p Packet) ARP() (ARP, bool) {
	b := p.Data
	if len(b) < 42 || binary.BigEndian.Uint16(b[12:]) != 0x0806 {
		return ARP{}, false
	}
	mac := func(b []byte) string { return net.HardwareAddr(b).String() }
	return ARP{
		At: p.At, SrcMAC: mac(b[6:12]), DstMAC: mac(b[0:6]),
		Op:  binary.BigEndian.Uint16(b[20:]),
		SHA: mac(b[22:28]),
		SPA: netip.AddrFrom4([4]byte(b[28:32])), TPA: netip.AddrFrom4([4]byte(b[38:42])),
	}, true
}

// NA reads the frame as a neighbour advertisement.
func (p Packet) NA() (NA, bool) {
	ipPkt, ok := p.network()
	if !ok || ipPkt.proto != protoICMPv6 || len(ipPkt.payload) < 24 || ipPkt.payload[0] != 136 {
		return NA{}, false
	}
	target := netip.AddrFrom16([16]byte(ipPkt.payload[8:24]))
	return NA{At: p.At, SrcMAC: ipPkt.mac, Src: ipPkt.src, Target: target}, true
}

// network is the frame's IP packet.
type network struct {
	mac        string
	src, dst   netip.Addr
	ttl, proto uint8
	payload    []byte
}

func (p Packet) network() (network, bool) {
	b := p.Data
	if len(b) < 14+20 {
		return network{}, false
	}
	n := network{mac: net.HardwareAddr(b[6:12]).String()}
	ethertype := binary.BigEndian.Uint16(b[12:])
	b = b[14:]
	switch {
	case ethertype == 0x0800 && b[0]>>4 == 4:
		hl, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
		if hl < 20 || total < hl || len(b) < total {
			return network{}, false
		}
		n.ttl, n.proto = b[8], b[9]
		n.src, n.dst = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
		n.payload = b[hl:total]
	case ethertype == 0x86dd && b[0]>>4 == 6 && len(b) >= 40:
		total := 40 + int(binary.BigEndian.Uint16(b[4:]))
		if len(b) < total {
			return network{}, false
		}
		n.proto, n.ttl = b[6], b[7]
		n.src, n.dst = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
		n.payload = b[40:total]
	default:
		return network{}, false
	}
	return n, true
}

// Adverts returns the VRRP advertisements captured so far.
func (c *Capture) Adverts() []Advert {
	var out []Advert
	for _, p := range c.Packets() {
		if a, ok := p.Advert(); ok {
			out = append(out, a)
		}
	}
	return out
}

// ARPs returns the ARP packets captured so far.
func (c *Capture) ARPs() []ARP {
	var out []ARP
	for _, p := range c.Packets() {
		if a, ok := p.ARP(); ok {
			out = append(out, a)
		}
	}
	return out
}
