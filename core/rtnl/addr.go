package rtnl

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// ProtoKeepalived marks an address as ours (RTPROT_KEEPALIVED of linux/rtnetlink.h,
// carried in IFA_PROTO). Kernels before 5.18 neither take nor report it; 0 comes back.
const ProtoKeepalived = unix.RTPROT_KEEPALIVED

const (
	ifaProto     = 11     // IFA_PROTO of linux/if_addr.h, since 5.18
	attrTypeMask = 0x3fff // NLA_TYPE_MASK of linux/netlink.h
)

// Forever is the lifetime that does not end (INFINITY_LIFE_TIME of linux/if_addr.h).
const Forever = 1<<32 - 1

// Flags of an address that may be asked for (IFA_F_* of linux/if_addr.h).
const (
	FlagNoDAD         = unix.IFA_F_NODAD
	FlagHome          = unix.IFA_F_HOMEADDRESS
	FlagManageTemp    = unix.IFA_F_MANAGETEMPADDR
	FlagNoPrefixRoute = unix.IFA_F_NOPREFIXROUTE
	FlagMcastAutojoin = unix.IFA_F_MCAUTOJOIN
)

// Flags of an address that only the kernel sets.
const (
	FlagSecondary  = unix.IFA_F_SECONDARY  // IPv4; for IPv6 the same bit means temporary
	FlagOptimistic = unix.IFA_F_OPTIMISTIC // usable although tentative
	FlagTentative  = unix.IFA_F_TENTATIVE  // duplicate address detection still runs
	FlagDADFailed  = unix.IFA_F_DADFAILED  // somebody else has the address
	FlagDeprecated = unix.IFA_F_DEPRECATED // preferred lifetime over
	FlagPermanent  = unix.IFA_F_PERMANENT
)

// FlagsSettable are those that mean something in a request.
const FlagsSettable = FlagNoDAD | FlagHome | FlagManageTemp | FlagNoPrefixRoute | FlagMcastAutojoin

// Addr is an address on a link, as we ask for it or as the kernel reports it.
// It is comparable.
type Addr struct {
	Link      int32        // ifindex
	Prefix    netip.Prefix // the address itself (host bits kept) and the prefix length
	Peer      netip.Addr   // other end of a point-to-point address; the prefix length is then the peer's
	Broadcast netip.Addr   // IPv4 only; the zero Addr: none
	Label     string       // IPv4 only, at most 15 octets; "" in a request: the link's name
	Flags     uint32       // IFA_F_*
	Preferred uint32       // seconds left, Forever; see Valid
	Valid     uint32       // seconds left, Forever; 0 in a request: both lifetimes are the kernel's choice (forever)
	Scope     uint8        // RT_SCOPE_*; IPv6: the kernel's choice
	Proto     uint8        // IFA_PROTO
}

// Key is what makes two addresses the same one for the kernel: of its attributes all
// but these can differ without two of them being possible at once.
type Key struct {
	Link int32
	Addr netip.Addr
	Bits int8       // prefix length; -1 for IPv6, where an address exists once per link
	Peer netip.Addr // IPv4 only
}

// Key returns the kernel's identity of a.
func (a Addr) Key() Key {
	if !a.Prefix.Addr().Is4() {
		return Key{Link: a.Link, Addr: a.Prefix.Addr(), Bits: -1}
	}
	return Key{Link: a.Link, Addr: a.Prefix.Addr(), Bits: int8(a.Prefix.Bits()), Peer: a.Peer}
}

// ScopeName is iproute2's word for a scope (RT_SCOPE_* of linux/rtnetlink.h), its number
// where there is none.
func ScopeName(scope uint8) string {
	switch scope {
	case unix.RT_SCOPE_UNIVERSE:
		return "global"
	case unix.RT_SCOPE_SITE:
		return "site"
	case unix.RT_SCOPE_LINK:
		return "link"
	case unix.RT_SCOPE_HOST:
		return "host"
	case unix.RT_SCOPE_NOWHERE:
		return "nowhere"
	}
	return strconv.Itoa(int(scope))
}

// appendAddrRequest appends one RTM_NEWADDR or RTM_DELADDR, octet for octet what
// iproute2 sends (but for IFA_PROTO, which 6.1 does not know yet).
func appendAddrRequest(b []byte, typ, flags uint16, seq uint32, a Addr) []byte {
	start := len(b)
	b = appendHeader(b, typ, flags, seq)
	local := a.Prefix.Addr()
	family := uint8(unix.AF_INET6)
	if local.Is4() {
		family = unix.AF_INET
	}
	adding := typ == unix.RTM_NEWADDR
	var ask uint32
	if adding {
		ask = a.Flags & FlagsSettable
	}
	// Flags that do not fit the octet of the header travel in IFA_FLAGS, all of them.
	var octet uint8
	if ask <= 0xff {
		octet = uint8(ask)
	}
	msg := nl.IfAddrmsg{IfAddrmsg: unix.IfAddrmsg{
		Family: family, Prefixlen: uint8(a.Prefix.Bits()), Flags: octet, Scope: a.Scope, Index: uint32(a.Link),
	}}
	b = append(b, msg.Serialize()...)

	b = appendIP(b, unix.IFA_LOCAL, local)
	if adding && a.Broadcast.IsValid() {
		b = appendIP(b, unix.IFA_BROADCAST, a.Broadcast)
	}
	if adding && a.Label != "" {
		b = appendAttr(b, unix.IFA_LABEL, len(a.Label)+1)
		b = pad(append(append(b, a.Label...), 0))
	}
	if ask > 0xff {
		b = appendAttr(b, unix.IFA_FLAGS, 4)
		b = native.AppendUint32(b, ask)
	}
	other := local
	if a.Peer.IsValid() {
		other = a.Peer
	}
	b = appendIP(b, unix.IFA_ADDRESS, other)
	if adding {
		b = appendLifeAndProto(b, a)
	}
	finish(b, start)
	return b
}

func appendLifeAndProto(b []byte, a Addr) []byte {
	if a.Valid != 0 {
		b = appendAttr(b, unix.IFA_CACHEINFO, unix.SizeofIfaCacheinfo)
		b = native.AppendUint32(b, a.Preferred)
		b = native.AppendUint32(b, a.Valid)
		b = append(b, 0, 0, 0, 0, 0, 0, 0, 0) // cstamp, tstamp: the kernel's
	}
	if a.Proto != 0 {
		b = appendAttr(b, ifaProto, 1)
		b = pad(append(b, a.Proto))
	}
	return b
}

func appendIP(b []byte, typ uint16, ip netip.Addr) []byte {
	b = appendAttr(b, typ, ip.BitLen()/8)
	if ip.Is4() {
		octets := ip.As4()
		return append(b, octets[:]...)
	}
	octets := ip.As16()
	return append(b, octets[:]...)
}

// appendAttr starts an attribute with n octets of content.
func appendAttr(b []byte, typ uint16, n int) []byte {
	b = native.AppendUint16(b, uint16(unix.SizeofRtAttr+n))
	return native.AppendUint16(b, typ)
}

func pad(b []byte) []byte {
	for len(b)%unix.RTA_ALIGNTO != 0 {
		b = append(b, 0)
	}
	return b
}

// decodeAddr reads the body of an RTM_NEWADDR or RTM_DELADDR; false for a family that
// is not ours.
func decodeAddr(b []byte) (a Addr, ok bool, err error) {
	if len(b) < unix.SizeofIfAddrmsg {
		return Addr{}, false, errMalformed
	}
	msg := nl.DeserializeIfAddrmsg(b)
	if msg.Family != unix.AF_INET && msg.Family != unix.AF_INET6 {
		return Addr{}, false, nil
	}
	a = Addr{Link: int32(msg.Index), Scope: msg.Scope, Flags: uint32(msg.Flags)}
	var local, address netip.Addr
	err = eachAttr(b[unix.SizeofIfAddrmsg:], func(typ uint16, v []byte) error {
		switch typ {
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(v)
		case unix.IFA_ADDRESS:
			address, _ = netip.AddrFromSlice(v)
		case unix.IFA_BROADCAST:
			a.Broadcast, _ = netip.AddrFromSlice(v)
		case unix.IFA_LABEL:
			a.Label = cString(v)
		case unix.IFA_FLAGS:
			if len(v) >= 4 {
				a.Flags = native.Uint32(v)
			}
		case unix.IFA_CACHEINFO:
			if len(v) >= 8 {
				a.Preferred, a.Valid = native.Uint32(v), native.Uint32(v[4:])
			}
		case ifaProto:
			if len(v) >= 1 {
				a.Proto = v[0]
			}
		}
		return nil
	})
	if err != nil {
		return Addr{}, false, err
	}
	// Without IFA_LOCAL (IPv6, no peer) IFA_ADDRESS is the address; with both alike
	// (IPv4) there is no peer either.
	switch {
	case !local.IsValid():
		local = address
	case address.IsValid() && address != local:
		a.Peer = address
	}
	a.Prefix = netip.PrefixFrom(local, int(msg.Prefixlen))
	if !a.Prefix.IsValid() {
		return Addr{}, false, fmt.Errorf("%w: address %s with prefix length %d", errMalformed, local, msg.Prefixlen)
	}
	return a, true, nil
}

// eachAttr walks over a run of struct rtattr.
func eachAttr(b []byte, take func(typ uint16, v []byte) error) error {
	for len(b) >= unix.SizeofRtAttr {
		size := int(native.Uint16(b))
		if size < unix.SizeofRtAttr || size > len(b) {
			return errMalformed
		}
		if err := take(native.Uint16(b[2:])&attrTypeMask, b[unix.SizeofRtAttr:size]); err != nil {
			return err
		}
		b = b[min(len(b), align(size)):]
	}
	return nil
}

func cString(v []byte) string {
	for i, c := range v {
		if c == 0 {
			return string(v[:i])
		}
	}
	return string(v)
}
