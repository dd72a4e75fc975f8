package vrrpcfg

import (
	"net/netip"
	"slices"

	"keepalived/core/diag"
)

// Attr is a number that may be given or not.
type Attr struct {
	Set    bool
	Locked bool // lock: the kernel does not adapt it
	N      uint32
}

// RouteAttr is an attribute of a route that is a number.
type RouteAttr uint8

// The attributes, in the words of ip-route(8).
const (
	RouteTOS RouteAttr = iota
	RouteTable
	RouteProtocol
	RouteScope
	RouteMetric
	RouteExpires // seconds; IPv6 only
	RouteRealms  // from << 16 | to; IPv4 only
	RouteRTT     // 1/8 ms, as the kernel has it
	RouteRTTVar  // 1/4 ms
	RouteRTOMin  // ms
	RouteMTU
	RouteWindow
	RouteSSThresh
	RouteCWnd
	RouteAdvMSS
	RouteReordering
	RouteHopLimit
	RouteInitCWnd
	RouteInitRWnd
	RouteQuickAck
	RoutePref // ICMPV6_ROUTER_PREF_* of linux/icmpv6.h; IPv6 only
	RouteFastOpenNoCookie
	RouteTTLPropagate // 1 is enabled
	numRouteAttrs
)

// ProtocolKeepalived is RTPROT_KEEPALIVED of linux/rtnetlink.h.
const ProtocolKeepalived = 18

// Numbers of linux/rtnetlink.h and linux/icmpv6.h that have names of their own.
const (
	TableMain  = 254
	PrefMedium = 0
	PrefHigh   = 1
	PrefLow    = 3
)

// RouteOrder is what becomes of a route to the same destination.
type RouteOrder uint8

const (
	// RoutePrepend sets the route before others with the same metric.
	RoutePrepend RouteOrder = iota
	// RouteAdd fails when there is one.
	RouteAdd
	// RouteAppend sets it behind them.
	RouteAppend
)

func (o RouteOrder) String() string { return [...]string{"prepend", "add", "append"}[o] }

// Route is one entry of virtual_routes or static_routes.
type Route struct {
	Order RouteOrder
	// Type is a route type of ip-route(8); "" is unicast.
	Type string
	// Dst is the destination; /0 for `default`.
	Dst  netip.Prefix
	From netip.Prefix // only for packets from there; IPv6; invalid: all
	Src  netip.Addr   // preferred source; invalid: none
	Via  netip.Addr   // invalid: none
	Dev  string       // "": none given
	// Encap is how packets are wrapped.
	Encap Encap
	Attrs [numRouteAttrs]Attr
	// CongestionControl is the name of a TCP algorithm; "": the system's.
	CongestionControl string
	CongestionLocked  bool
	ECN, OnLink       bool
	// Nexthops are the ways among which packets are spread.
	Nexthops []Nexthop

	NoTrack    bool
	TrackGroup string
	// Unresolved are the names whose numbers are not known here (Names of the global
	// Config is nil): two routes with different names are different.
	Unresolved string
	Range      diag.Range
}

// Attr returns the attribute.
func (r *Route) Attr(a RouteAttr) Attr { return r.Attrs[a] }

// Nexthop is one way of a multipath route. Comparable.
type Nexthop struct {
	Via    netip.Addr // invalid: none
	Dev    string     // "": none given
	Weight uint16     // 1..256; 0: none given
	OnLink bool
	Realms Attr // from << 16 | to
	Encap  Encap
}

// EncapKind is a kind of lightweight tunnel.
type EncapKind uint8

// The kinds of tunnels.
const (
	NoEncap EncapKind = iota
	EncapMPLS
	EncapIP
	EncapIP6
	EncapILA
)

func (k EncapKind) String() string { return [...]string{"", "mpls", "ip", "ip6", "ila"}[k] }

// Encap is how packets of a route are wrapped. Comparable.
type Encap struct {
	Kind EncapKind
	// Labels are those of MPLS, outermost first; NumLabels of them count.
	Labels    [maxLabels]uint32
	NumLabels uint8
	// Of ip and ip6: the tunnel's id, its ends, and what its header has.
	ID         uint64
	IDSet      bool
	Dst, Src   netip.Addr
	TOS        Attr // of ip6: tc
	TTL        Attr // of ip6: hoplimit
	Flags      Attr
	Locator    uint64 // of ila
	Unresolved string // as Route's
}

// maxLabels is how many MPLS labels 2.2.7 takes.
const maxLabels = 2

// Rule is one entry of virtual_rules or static_rules.
type Rule struct {
	Family   Family
	Not      bool
	From, To netip.Prefix // invalid: not said; /0 is `all`
	IIF, OIF string       // "": any
	Action   RuleAction
	// Target is the table of RuleTable, the priority of RuleGoto.
	Target   uint32
	Priority uint32

	TOS, Protocol, IPProto, SuppressPrefixLength, SuppressIfGroup, FWMark, FWMask Attr

	Realms   Attr // from << 16 | to; IPv4 only
	TunnelID uint64
	UIDs     Span
	// Source and destination port.
	SPort, DPort Span

	NoTrack    bool
	TrackGroup string
	Unresolved string // as Route's
	Range      diag.Range
}

// Span is a range of numbers that may be given or not.
type Span struct {
	Set       bool
	Low, High uint32
}

// RuleAction is what becomes of packets that a rule takes.
type RuleAction uint8

// The actions; a rule has exactly one.
const (
	NoAction RuleAction = iota
	RuleTable
	RuleL3MDev // the table of the VRF that the interface is in
	RuleGoto
	RuleNop
	RuleBlackhole
	RuleProhibit
	RuleUnreachable
)

func (a RuleAction) String() string {
	return [...]string{"", "table", "l3mdev", "goto", "nop", "blackhole", "prohibit", "unreachable"}[a]
}

func equalRoute(a, b Route) bool {
	if !slices.Equal(a.Nexthops, b.Nexthops) {
		return false
	}
	return a.Order == b.Order && a.Type == b.Type && a.Dst == b.Dst && a.From == b.From && a.Src == b.Src && a.Via == b.Via && a.Dev == b.Dev &&
		a.Encap == b.Encap && a.Attrs == b.Attrs && a.CongestionControl == b.CongestionControl && a.CongestionLocked == b.CongestionLocked &&
		a.ECN == b.ECN && a.OnLink == b.OnLink && a.NoTrack == b.NoTrack && a.TrackGroup == b.TrackGroup && a.Unresolved == b.Unresolved
}

func equalRule(a, b Rule) bool {
	a.Range, b.Range = diag.Range{}, diag.Range{}
	return a == b
}
