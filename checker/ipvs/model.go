// Package ipvs keeps the kernel's virtual server table (ip_vs) as the healthchecker wants
// it: the model of services and destinations, the netlink connection, and the worker that
// adopts, applies, and repairs. It is an effect package and the only importer of
// cloudflare/ipvs; it decides nothing about health and must not import
// checker/checkercfg, checker/health or checker/probe.
//
// Constants and their values are those of linux/ip_vs.h.
package ipvs

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Protocol is an IP protocol number; 0 in the key of a firewall mark.
type Protocol uint8

// The protocols ip_vs balances.
const (
	TCP  Protocol = 6
	UDP  Protocol = 17
	SCTP Protocol = 132
)

func (p Protocol) String() string {
	switch p {
	case TCP:
		return "TCP"
	case UDP:
		return "UDP"
	case SCTP:
		return "SCTP"
	}
	return strconv.Itoa(int(p))
}

// Family is an address family, AF_INET or AF_INET6.
type Family uint16

// The families.
const (
	INET  Family = 2
	INET6 Family = 10
)

// Key is the identity of a virtual service. Make one with AddressKey or MarkKey: those
// fill in what belongs together, so that keys compare with ==.
type Key struct {
	Family   Family
	Protocol Protocol
	Addr     netip.AddrPort // not valid for a firewall mark
	Mark     uint32         // 0 for an address
}

// AddressKey is the key of a service at an address and port. Port 0 (any port) the kernel
// takes of persistent services only.
func AddressKey(p Protocol, at netip.AddrPort) Key {
	at = plain(at)
	return Key{Family: familyOf(at.Addr()), Protocol: p, Addr: at}
}

// MarkKey is the key of a service for packets with a firewall mark, which is not 0.
func MarkKey(mark uint32, f Family) Key { return Key{Family: f, Mark: mark} }

// String is the key as ipvsadm shows it, with the family where it would be open.
func (k Key) String() string {
	switch {
	case k.Mark == 0:
		return k.Protocol.String() + " " + k.Addr.String()
	case k.Family == INET6:
		return fmt.Sprintf("FWM %d IPv6", k.Mark)
	}
	return fmt.Sprintf("FWM %d", k.Mark)
}

// Flags are IP_VS_SVC_F_*, but for the persistent flag, which a timeout says, and the
// hashed one, which the kernel sets of every service.
type Flags uint32

// The flags. What the last three mean is the scheduler's affair.
const (
	OnePacket Flags = 0x0004 // one-packet scheduling (UDP)
	Sched1    Flags = 0x0008 // flag-1: sh-fallback, mh-fallback
	Sched2    Flags = 0x0010 // flag-2: sh-port, mh-port
	Sched3    Flags = 0x0020 // flag-3

	persistent Flags = 0x0001
	hashed     Flags = 0x0002
)

// Service is a virtual service.
type Service struct {
	Key
	Scheduler string // as in ip_vs_NAME.ko; at most 15 octets
	Flags     Flags
	// Timeout is how long a client stays with its server, in seconds; 0: the service is
	// not persistent.
	Timeout uint32
	// Netmask says which clients count as one, as the kernel keeps it: for IPv4 the mask
	// in host byte order, for IPv6 the length of the prefix. 0 is a single address.
	Netmask uint32
	// Engine is the persistence engine ("sip") or empty; at most 15 octets.
	Engine string
}

// Mask4 is the Netmask of an IPv4 mask written as an address, 255.255.255.0.
func Mask4(m netip.Addr) uint32 {
	b := m.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// Method is how packets reach a destination, IP_VS_CONN_F_FWD_MASK.
type Method uint8

// The methods. Local and Bypass are only ever read.
const (
	NAT Method = iota
	Local
	Tunnel
	DirectRoute
	Bypass
)

func (m Method) String() string {
	if int(m) < len(methodNames) {
		return methodNames[m]
	}
	return strconv.Itoa(int(m))
}

var methodNames = [...]string{"NAT", "LOCAL", "TUN", "DR", "BYPASS"}

// TunnelType is IP_VS_CONN_F_TUNNEL_TYPE_*.
type TunnelType uint8

// The kinds of tunnel.
const (
	IPIP TunnelType = iota
	GUE
	GRE
)

// TunnelFlags are IP_VS_TUNNEL_ENCAP_FLAG_*; 0 is nocsum.
type TunnelFlags uint16

// The tunnel flags.
const (
	Checksum       TunnelFlags = 1
	RemoteChecksum TunnelFlags = 2
)

// Destination is a real server of a service; its Addr identifies it there.
type Destination struct {
	Addr   netip.AddrPort
	Method Method
	// Weight is 0 (no new connections) to 2147483647.
	Weight uint32
	// Above Upper connections the destination gets no new ones until there are fewer
	// than Lower; 0: no limit, and three quarters of Upper.
	Upper, Lower uint32

	// For Tunnel, otherwise zero.
	TunnelType  TunnelType
	TunnelPort  uint16 // of GUE
	TunnelFlags TunnelFlags
}

// Stats are the counters of a service or a destination, and rates per second.
type Stats struct {
	Connections, InPackets, OutPackets, InBytes, OutBytes uint64

	ConnectionRate, InPacketRate, OutPacketRate, InByteRate, OutByteRate uint64
}

// ServiceStatus is a service as the kernel has it.
type ServiceStatus struct {
	Service
	Stats Stats
}

// DestinationStatus is a destination as the kernel has it.
type DestinationStatus struct {
	Destination
	Active, Inactive, Persistent uint32 // connections
	Stats                        Stats
}

// plain drops what ip_vs knows nothing of: the zone, and IPv4 in IPv6's clothes.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

func familyOf(a netip.Addr) Family {
	if a.Is4() {
		return INET
	}
	return INET6
}

// canonical fills in what the kernel fills in.
func (s Service) canonical() Service {
	switch {
	case s.Netmask != 0:
	case s.Family == INET6:
		s.Netmask = 128
	default:
		s.Netmask = 0xffffffff
	}
	s.Flags &^= persistent | hashed
	return s
}

func (d Destination) canonical() Destination {
	d.Addr = plain(d.Addr)
	if d.Method != Tunnel {
		d.TunnelType, d.TunnelPort, d.TunnelFlags = 0, 0, 0
	}
	return d
}

// Fields is a set of attributes, as a repair names them.
type Fields uint16

// The attributes of a service, then those of a destination.
const (
	FieldScheduler Fields = 1 << iota
	FieldFlags
	FieldPersistence
	FieldNetmask
	FieldEngine
	FieldWeight
	FieldMethod
	FieldTunnel
	FieldThresholds
)

var fieldNames = [...]string{"scheduler", "flags", "persistence", "netmask", "engine", "weight", "method", "tunnel", "thresholds"}

// String lists the names, "weight, method".
func (f Fields) String() string {
	var names []string
	for i, n := range fieldNames {
		if f&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, ", ")
}

// differs says in what two canonical services with one key differ.
func (s Service) differs(o Service) (f Fields) {
	f.note(s.Scheduler != o.Scheduler, FieldScheduler)
	f.note(s.Flags != o.Flags, FieldFlags)
	f.note(s.Timeout != o.Timeout, FieldPersistence)
	f.note(s.Netmask != o.Netmask, FieldNetmask)
	f.note(s.Engine != o.Engine, FieldEngine)
	return f
}

// differs says in what two canonical destinations with one address differ.
func (d Destination) differs(o Destination) (f Fields) {
	f.note(d.Weight != o.Weight, FieldWeight)
	f.note(d.Method != o.Method, FieldMethod)
	f.note(d.TunnelType != o.TunnelType || d.TunnelPort != o.TunnelPort || d.TunnelFlags != o.TunnelFlags, FieldTunnel)
	f.note(d.Upper != o.Upper || d.Lower != o.Lower, FieldThresholds)
	return f
}

func (f *Fields) note(differs bool, field Fields) {
	if differs {
		*f |= field
	}
}

// Key and Same make Destination an object of core/reconcile.
func (d Destination) Key() netip.AddrPort { return d.Addr }

// Same reports whether have leaves nothing to do.
func (d Destination) Same(have Destination) bool { return d.differs(have) == 0 }
