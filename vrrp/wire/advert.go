// Package wire holds the formats of what a VRRP router says and hears on the
// network: VRRPv2 (RFC 3768) and VRRPv3 (RFC 5798, RFC 9568) advertisements, the
// IPv4 header around them, gratuitous ARP and unsolicited neighbour
// advertisements.
//
// It is pure: octets in, values out and the reverse, without allocation. Wire units
// (seconds, centiseconds) exist only here. It must not import the state machine,
// the configuration or anything that acts.
package wire

import (
	"net/netip"
	"time"
)

// Protocol is VRRP's number in the IP header (RFC 5798 §5.1.1.4).
const Protocol = 112

// HopLimit is the TTL or hop limit of every multicast advertisement
// (RFC 5798 §5.1.1.3, §5.1.2.3).
const HopLimit = 255

// Versions of the protocol.
const (
	V2 = 2
	V3 = 3
)

// typeAdvertisement is the only packet type there is (RFC 5798 §5.2.2).
const typeAdvertisement = 1

// MaxAddrs is how many addresses an advertisement can carry (a one-octet count).
const MaxAddrs = 255

// MaxLenIPv4 and MaxLenIPv6 are the longest packets Decode can make sense of, an
// IPv4 header with all its options included, an IPv6 header not (raw IPv6 sockets
// do not deliver it).
const (
	MaxLenIPv4 = maxIPv4Header + headerLen + 4*MaxAddrs + authLen + TrailerLen
	MaxLenIPv6 = headerLen + 16*MaxAddrs + TrailerLen
)

const (
	headerLen = 8 // fixed part of a VRRP message, both versions
	authLen   = 8 // version 2: authentication data behind the addresses
)

// TrailerLen is the length of keepalived's authentication trailer
// (draft-cassen-vrrp-auth-hmac), which stands behind the VRRP message. Over IPv4 the
// checksum leaves it out; over IPv6, where the kernel computes it, it covers both
// (captured from keepalived 2.4.3).
const TrailerLen = 28

// GroupIPv4 and GroupIPv6 are the groups that IANA gave to VRRP (RFC 5798
// §5.1.1.2, §5.1.2.2).
var (
	GroupIPv4 = netip.AddrFrom4([4]byte{224, 0, 0, 18})
	GroupIPv6 = netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 15: 0x12})
)

// AuthType is the authentication type of a version 2 message.
type AuthType uint8

const (
	AuthNone AuthType = iota // RFC 3768 §5.3.6.1
	AuthPass                 // simple text password, RFC 2338 §5.3.6.2
	AuthAH                   // IP authentication header, RFC 2338 §5.3.6.3
)

// Checksum is the form of a checksum: what it covers besides the VRRP message.
type Checksum uint8

const (
	// ChecksumPseudo covers the IP pseudo-header as well: version 3 (RFC 5798 §5.2.8).
	ChecksumPseudo Checksum = iota
	// ChecksumPlain covers the message alone: version 2, and version 3 over IPv4
	// from routers that read the RFC that way (keepalived's v3_checksum_as_v2).
	ChecksumPlain
	// ChecksumGroup covers a pseudo-header with 224.0.0.18 as its destination
	// although the packet is unicast: keepalived before 2.0.
	ChecksumGroup
)

// Meta is what the IP layer knows of a packet.
type Meta struct {
	Source, Destination netip.Addr
	HopLimit            uint8 // TTL or hop limit as it arrived
}

// Advert is a received advertisement. It refers to the octets it was decoded from:
// Addr, Missing and Trailer must not be used after those have been overwritten.
// All other fields are copies.
//
// When Decode drops a packet, every field in front of the faulty one is filled, so
// that the right instance can be told: VRID needs 2 octets, the rest 8.
type Advert struct {
	Meta
	Version  uint8
	Type     uint8
	VRID     uint8
	Priority uint8
	Count    uint8         // addresses it says it carries
	Interval time.Duration // advertisement interval: v2 whole seconds, v3 10 ms steps
	AuthType AuthType      // v2 only
	Auth     [8]byte       // v2 only: password padded with zero octets
	Checksum Checksum      // the form that matched
	Length   int           // octets of the VRRP message as it arrived

	list    []byte
	trailer []byte
}

// Addr returns the i-th address of the list, 0 ≤ i < Count, of an accepted advertisement.
func (a *Advert) Addr(i int) netip.Addr {
	if a.Source.Is4() {
		return netip.AddrFrom4([4]byte(a.list[4*i:]))
	}
	return netip.AddrFrom16([16]byte(a.list[16*i:]))
}

// listed is Count, or 0 when the packet was dropped before its list was found.
func (a *Advert) listed() int { return len(a.list) / addrLen(a.Source) }

// Has reports whether addr is in the list.
func (a *Advert) Has(addr netip.Addr) bool {
	for i := range a.listed() {
		if a.Addr(i) == addr {
			return true
		}
	}
	return false
}

// Missing returns the first address of want that the list does not hold; ok is
// false when it holds them all. The order of the list does not matter. An equal
// list is len(want) == int(Count) and nothing missing.
func (a *Advert) Missing(want []netip.Addr) (addr netip.Addr, ok bool) {
	for i, w := range want {
		// Both sides list them in the order of their files, mostly the same one.
		if i < a.listed() && a.Addr(i) == w {
			continue
		}
		if !a.Has(w) {
			return w, true
		}
	}
	return netip.Addr{}, false
}

// Trailer returns the authentication trailer, TrailerLen octets, or nil.
func (a *Advert) Trailer() []byte { return a.trailer }

// ExpectedLength is the number of octets that version and address count ask for,
// without a trailer: the "expect" of keepalived's length message less the IP header.
func (a *Advert) ExpectedLength() int {
	n := headerLen + int(a.Count)*addrLen(a.Source)
	if a.Version == V2 {
		n += authLen
	}
	return n
}

// addrLen is the number of octets of one address of the list.
func addrLen(source netip.Addr) int {
	if source.Is4() {
		return 4
	}
	return 16
}

// Decode reads a VRRP message, b, without its IP header. It makes the checks that
// need no configuration and returns the first that fails, or Accepted.
//
// Left to the caller, because they depend on the instance, are, in keepalived's order:
//   - behind DropLength: the hop limit (255 for multicast, per peer for unicast), the
//     version against the configured one;
//   - behind DropAuthType, v2 only: AuthType, Auth, Interval;
//   - behind everything: the address list, the source, whether it is a unicast packet,
//     a Trailer where none is expected (2.2.7 refuses it by its length).
//
// An address count of 0 is accepted here although RFC 9568 §5.2.5 forbids it:
// keepalived sends it for an instance without addresses, and comparing the list
// refuses it everywhere else.
func Decode(b []byte, m Meta) (Advert, Drop) {
	a := Advert{Meta: m, Length: len(b)}
	if len(b) >= 2 {
		a.Version, a.Type, a.VRID = b[0]>>4, b[0]&0xf, b[1]
	}
	if len(b) < headerLen {
		return a, DropShort
	}
	a.Priority, a.Count = b[2], b[3]
	if a.Version == V2 {
		a.AuthType, a.Interval = AuthType(b[4]), intervalV2(b)
	} else {
		a.Interval = intervalV3(b)
	}
	drop := a.checkFrame(b)
	if drop == Accepted && a.Interval == 0 {
		// A backup would take over at once (2.2.7 does).
		drop = DropInterval
	}
	return a, drop
}

// checkFrame makes all checks but that of the interval.
func (a *Advert) checkFrame(b []byte) Drop {
	if a.VRID == 0 {
		return DropVRID
	}
	want := a.ExpectedLength()
	if len(b) != want && len(b) != want+TrailerLen {
		return DropLength
	}
	if a.Version != V3 && (a.Version != V2 || !a.Source.Is4()) {
		return DropVersion
	}
	a.list = b[headerLen : headerLen+int(a.Count)*addrLen(a.Source)]
	if len(b) > want {
		a.trailer = b[want:]
	}
	covered := b
	if a.Source.Is4() { // see TrailerLen
		covered = b[:want]
	}
	if a.Version == V2 {
		return a.checkV2(covered)
	}
	return a.checkV3(covered)
}
