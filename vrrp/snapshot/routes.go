package snapshot

import (
	"fmt"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"keepalived/core/dump"
	"keepalived/vrrp/vrrpcfg"
)

// routesText writes virtual_routes or static_routes, a line each.
func routesText(w *dump.Writer, list []vrrpcfg.Route) {
	for i := range list {
		w.Line(5, "%s", routeText(&list[i]))
	}
}

// words collects the words of a line.
type words struct{ strings.Builder }

func (b *words) add(format string, args ...any) { fmt.Fprintf(b, format, args...) }

// number is an attribute that is there when it was given.
func (b *words) number(word string, a vrrpcfg.Attr) {
	if a.Set {
		b.add(" %s %s%d", word, dump.OnOff(a.Locked, "lock ", ""), a.N)
	}
}

// routeText is the line of a route in the order and the words of 2.2.7, two of which are
// unlike what the configuration has: MPLS labels are shown as they are in a packet, lock
// of congctl behind the name.
func routeText(r *vrrpcfg.Route) string {
	var b words
	b.add("%s ", r.Order)
	if r.Type != "" {
		b.add("%s ", r.Type)
	}
	b.add("%s", bare(r.Dst))
	if r.From.IsValid() {
		b.add(" from %s", bare(r.From))
	}
	if r.Src.IsValid() {
		b.add(" src %s", r.Src)
	}
	b.number("tos", r.Attr(vrrpcfg.RouteTOS))
	b.encap(&r.Encap)
	b.via(r.Via)
	if r.Dev != "" {
		b.add(" dev %s", r.Dev)
	}
	if t := r.Attr(vrrpcfg.RouteTable); t.N != vrrpcfg.TableMain {
		b.number("table", t)
	}
	b.number("proto", r.Attr(vrrpcfg.RouteProtocol))
	b.number("scope", r.Attr(vrrpcfg.RouteScope))
	b.number("metric", r.Attr(vrrpcfg.RouteMetric))
	if e := r.Attr(vrrpcfg.RouteExpires); e.Set {
		b.add(" expires %dsec", e.N)
	}
	if r.OnLink && r.Dst.Addr().Is4() {
		b.add(" onlink")
	}
	b.realms(r.Attr(vrrpcfg.RouteRealms))
	b.metrics(r)
	b.family(r)
	for i := range r.Nexthops {
		b.nexthop(&r.Nexthops[i])
	}
	if r.NoTrack {
		b.add(" no_track")
	}
	if r.TrackGroup != "" {
		b.add(" track_group %s", r.TrackGroup)
	}
	return b.String()
}

// metrics are those of RTAX_* in linux/rtnetlink.h.
func (b *words) metrics(r *vrrpcfg.Route) {
	if r.CongestionControl != "" {
		b.add(" congctl %s%s", r.CongestionControl, dump.OnOff(r.CongestionLocked, "lock ", ""))
	}
	b.time("rtt", r.Attr(vrrpcfg.RouteRTT), 8)
	b.time("rttvar", r.Attr(vrrpcfg.RouteRTTVar), 4)
	b.time("rto_min", r.Attr(vrrpcfg.RouteRTOMin), 1)
	if r.ECN {
		b.add(" features ecn")
	}
	b.number("mtu", r.Attr(vrrpcfg.RouteMTU))
	b.number("window", r.Attr(vrrpcfg.RouteWindow))
	b.number("ssthresh", r.Attr(vrrpcfg.RouteSSThresh))
	b.number("cwnd", r.Attr(vrrpcfg.RouteCWnd))
	b.number("advmss", r.Attr(vrrpcfg.RouteAdvMSS))
	b.number("reordering", r.Attr(vrrpcfg.RouteReordering))
	b.number("hoplimit", r.Attr(vrrpcfg.RouteHopLimit))
	b.number("initcwnd", r.Attr(vrrpcfg.RouteInitCWnd))
	b.number("initrwnd", r.Attr(vrrpcfg.RouteInitRWnd))
	b.number("quickack", r.Attr(vrrpcfg.RouteQuickAck))
}

// family are the attributes behind the metrics.
func (b *words) family(r *vrrpcfg.Route) {
	if p := r.Attr(vrrpcfg.RoutePref); p.Set {
		name := "unknown"
		switch p.N {
		case vrrpcfg.PrefMedium:
			name = "medium"
		case vrrpcfg.PrefHigh:
			name = "high"
		case vrrpcfg.PrefLow:
			name = "low"
		}
		b.add(" pref %s", name)
	}
	b.number("fastopen_no_cookie", r.Attr(vrrpcfg.RouteFastOpenNoCookie))
	if t := r.Attr(vrrpcfg.RouteTTLPropagate); t.Set {
		b.add(" ttl-propagate %s", enabled(t.N != 0))
	}
}

func (b *words) nexthop(n *vrrpcfg.Nexthop) {
	b.add(" nexthop")
	b.via(n.Via)
	if n.Dev != "" {
		b.add(" dev %s", n.Dev)
	}
	if n.Weight != 0 {
		b.add(" weight %d", n.Weight)
	}
	if n.OnLink {
		b.add(" onlink")
	}
	if to := n.Realms.N & 0xffff; to != 0 {
		b.add(" realm %d", to) // the other one is not shown
	}
	b.encap(&n.Encap)
}

func (b *words) via(a netip.Addr) {
	switch {
	case a.Is4():
		b.add(" via inet %s", a)
	case a.Is6():
		b.add(" via inet6 %s", a)
	}
}

func (b *words) realms(a vrrpcfg.Attr) {
	switch from, to := a.N>>16, a.N&0xffff; {
	case from != 0:
		b.add(" realms %d/%d", from, to)
	case to != 0:
		b.add(" realm %d", to)
	}
}

// time is one in the kernel's unit, of which a millisecond has perMilli.
func (b *words) time(word string, a vrrpcfg.Attr, perMilli float64) {
	if !a.Set {
		return
	}
	value, unit := float64(a.N)/perMilli, "ms"
	if value >= 1000 {
		value, unit = value/1000, "s"
	}
	b.add(" %s %s%s%s", word, dump.OnOff(a.Locked, "lock ", ""), strconv.FormatFloat(value, 'g', 6, 64), unit)
}

func (b *words) encap(e *vrrpcfg.Encap) {
	switch e.Kind {
	case vrrpcfg.NoEncap:
	case vrrpcfg.EncapMPLS:
		b.add(" encap mpls ")
		for i, label := range e.Labels[:e.NumLabels] {
			entry := label << 12 // an entry of a label stack, RFC 3032
			if i == int(e.NumLabels)-1 {
				entry |= 1 << 8
			}
			b.add("%s%x", dump.OnOff(i > 0, "/", ""), entry)
		}
	case vrrpcfg.EncapILA:
		b.add(" encap ila %d", bits.ReverseBytes64(e.Locator)) // the octets of a packet as one number
	default:
		b.add(" encap %s", e.Kind)
		if e.IDSet {
			b.add(" id %d", e.ID)
		}
		if e.Dst.IsValid() {
			b.add(" dst %s", e.Dst)
		}
		if e.Src.IsValid() {
			b.add(" src %s", e.Src)
		}
		tos, ttl := "tos", "ttl"
		if e.Kind == vrrpcfg.EncapIP6 {
			tos, ttl = "tc", "hoplimit"
		}
		b.number(tos, e.TOS)
		b.number(ttl, e.TTL)
		if e.Flags.Set {
			b.add(" flags 0x%x", e.Flags.N)
		}
	}
}

// bare is a prefix, of a single address without its length.
func bare(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
