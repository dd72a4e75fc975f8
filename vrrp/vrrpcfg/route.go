package vrrpcfg

import (
	"net/netip"
	"slices"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// routeReader reads one route.
type routeReader struct {
	*Route
	d      *decoder
	c      *cursor.Cursor
	family Family // of the addresses so far; 0: none
	static bool
	// byDefault: the destination is `default`, whose family follows from the rest.
	byDefault bool
	or        netip.Addr // the second gateway of the deprecated "or"
}

// readRoute reads `[<type>] [to] <dst>|default [options]`; false, with a
// complaint, when the entry is dropped.
func (d *decoder) readRoute(n *config.Node, static bool) (r Route, ok bool) {
	c := cursor.NewEntry(n, d.diags)
	first, _ := c.Peek()
	r.Range = first.Range
	read := routeReader{Route: &r, d: d, c: c, static: static}
	for w, more := c.Next(); more; w, more = c.Next() {
		if w.Text == "nexthop" {
			if read.or.IsValid() {
				c.Errorf(w.Range, diag.Conflict, "Cannot specify nexthops with \"or\" route")
				return r, false
			}
			read.nexthops()
			break
		}
		if !read.word(w) {
			return r, false
		}
	}
	return r, read.finish()
}

// finish looks at the route as a whole.
func (r *routeReader) finish() bool {
	six := r.family == IPv6 || r.family == 0 && (r.Attrs[RouteExpires].Set || r.Attrs[RoutePref].Set)
	switch {
	case r.byDefault && six:
		r.Dst = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	case r.byDefault:
		r.Dst = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	case !r.Dst.IsValid():
		r.c.Errorf(r.Range, diag.BadValue, "Route must have a destination")
		return false
	}
	if r.or.IsValid() {
		r.Nexthops = []Nexthop{{Via: r.Via}, {Via: r.or}}
		r.Via = netip.Addr{}
	}
	if !r.onlyIn() {
		return false
	}
	p := &r.Attrs[RouteProtocol]
	if !r.NoTrack && (!p.Set || p.N != ProtocolKeepalived) {
		if p.Set {
			r.c.Warnf(r.c.Line(), diag.Conflict, "Route cannot be tracked if protocol is not RTPROT_KEEPALIVED(18), resetting protocol")
		}
		*p = Attr{Set: true, N: ProtocolKeepalived}
	}
	if r.Dev != "" {
		if r.TrackGroup != "" && r.NoTrack {
			r.d.diags.Noticef(r.Range, diag.Conflict, "Static route has both track_group and no_track set - not tracking")
		}
		return true
	}
	if !r.NoTrack {
		r.c.Warnf(r.Range, diag.Conflict, "Warning - cannot track route %s with no interface specified, not tracking", dstText(r.Dst))
		r.NoTrack = true
	}
	if r.TrackGroup != "" {
		r.c.Errorf(r.Range, diag.Conflict, "Static route cannot have track group if no oif specified")
		r.TrackGroup = ""
	}
	return true
}

// onlyIn refuses attributes of the other family.
func (r *routeReader) onlyIn() bool {
	six := FamilyOf(r.Dst.Addr()) == IPv6
	switch {
	case six && r.Attrs[RouteRealms].Set:
		r.c.Errorf(r.Range, diag.Conflict, "realms are only valid for IPv4")
	case !six && r.Attrs[RouteExpires].Set:
		r.c.Errorf(r.Range, diag.Conflict, "expires is only valid for IPv6")
	case !six && r.Attrs[RoutePref].Set:
		r.c.Errorf(r.Range, diag.Conflict, "pref is only valid for IPv6")
	default:
		return true
	}
	return false
}

// word reads one word of the route and what belongs to it; false drops the route.
func (r *routeReader) word(w config.Word) bool {
	switch w.Text {
	case "no_track":
		r.NoTrack = true
	case "track_group":
		if !r.static {
			return r.destination(w)
		}
		g, ok := r.c.Word()
		if !ok {
			return false
		}
		if r.d.wantTrackGroup(r.c, g) {
			r.TrackGroup = g.Text
		}
	case "dev", "oif":
		return r.device(&r.Dev)
	case "via", "gw", "or", "src":
		return r.gateway(w)
	case "from":
		return r.from()
	case "to":
		v, ok := r.c.Word()
		return ok && r.destination(v)
	case "inet":
		return r.isOf(IPv4, w)
	case "inet6":
		return r.isOf(IPv6, w)
	case "add", "prepend", "append":
		r.Order = map[string]RouteOrder{"add": RouteAdd, "prepend": RoutePrepend, "append": RouteAppend}[w.Text]
	case "onlink":
		r.OnLink = true
	case "features", "congctl", "as", "encap", "vrf":
		return r.text(w)
	default:
		if o, known := routeOptions[w.Text]; known {
			return r.number(w, o)
		}
		if t, is := routeType(w.Text); is {
			r.Type, r.Order = t, RouteAdd
			if r.Type == "unicast" {
				r.Type = ""
			}
			v, ok := r.c.Word()
			return ok && r.destination(v)
		}
		return r.destination(w)
	}
	return true
}

// mixed notes the family of an address, w; false, with a complaint, when it is
// another one than that of those before.
func (r *routeReader) mixed(f Family, w config.Word) bool {
	if r.family != 0 && r.family != f {
		r.c.Errorf(w.Range, diag.BadAddress, "Cannot mix IPv4 and IPv6 addresses for route")
		return true
	}
	r.family = f
	return false
}

func (r *routeReader) isOf(f Family, w config.Word) bool {
	if r.family != 0 && r.family != f {
		r.c.Errorf(w.Range, diag.BadAddress, "%s specified for %s route", w.Text, r.family)
		return false
	}
	r.family = f
	return true
}

// destination takes `<dst>` or `default`.
func (r *routeReader) destination(w config.Word) bool {
	if slices.Contains([]string{"default", "any", "all"}, w.Text) {
		if r.Dst.IsValid() {
			r.c.Errorf(w.Range, diag.BadAddress, "Cannot mix IPv4 and IPv6 addresses for route (%s)", w.Text)
			return false
		}
		r.byDefault = true
		return true
	}
	p, ok := r.c.Prefix(w)
	if !ok {
		r.c.Hint("unknown route keyword %s", w.Text)
		return false
	}
	if r.mixed(FamilyOf(p.Addr()), w) {
		return false
	}
	r.Dst, r.byDefault = p, false
	return true
}

// gateway takes the address behind via, gw, or, src.
func (r *routeReader) gateway(w config.Word) bool {
	switch w.Text {
	case "gw":
		r.c.Warnf(w.Range, diag.Deprecated, "\"gw\" for routes is deprecated. Please use \"via\"")
	case "or":
		r.c.Warnf(w.Range, diag.Deprecated, "\"or\" for routes is deprecated. Please use \"nexthop\"")
	}
	v, ok := r.c.Word()
	if ok && (w.Text == "via" || w.Text == "gw") && (v.Text == "inet" || v.Text == "inet6") {
		if r.mixed(familyNamed(v.Text), v) {
			return false
		}
		v, ok = r.c.Word()
	}
	if !ok {
		return false
	}
	a, ok := r.d.routeAddr(v, "invalid route %s address %s", w.Text, v.Text)
	if !ok || r.mixed(FamilyOf(a), v) {
		return false
	}
	switch w.Text {
	case "or":
		r.or = a
	case "src":
		r.Src = a
	default:
		r.Via = a
	}
	return true
}

func familyNamed(word string) Family {
	if word == "inet6" {
		return IPv6
	}
	return IPv4
}

// routeAddr reads an address without prefix length; hint tells whose it is.
func (d *decoder) routeAddr(v config.Word, hint string, args ...any) (netip.Addr, bool) {
	a, ok := cursor.ParseAddr(v.Text)
	if !ok {
		d.diags.Errorf(v.Range, diag.BadAddress, "VRRP parsed invalid IP %s. skipping IP...", v.Text)
		d.diags.WithHint(hint, args...)
	}
	return a, ok
}

// from takes the source of the packets that an IPv6 route is for.
func (r *routeReader) from() bool {
	v, ok := r.c.Word()
	if !ok {
		return false
	}
	p, ok := r.c.Prefix(v)
	switch {
	case !ok:
		return false
	case p.Addr().Is4():
		r.c.Errorf(v.Range, diag.BadAddress, "route from address only supported with IPv6 (%s)", v.Text)
		return false
	case r.mixed(IPv6, v):
		return false
	}
	r.From = p
	return true
}

// device takes the interface behind dev.
func (r *routeReader) device(at *string) bool {
	v, ok := r.c.Word()
	if !ok || !r.d.wantInterface(v, "WARNING - interface %s for VROUTE nexthop doesn't exist", v.Text) {
		return false
	}
	*at = v.Text
	return true
}

// dstText is the destination as `ip route` writes it.
func dstText(p netip.Prefix) string {
	if p.Bits() == 0 {
		return "default"
	}
	return p.String()
}

// nexthops reads the nexthops, which are the last words of a route. One that is wrong
// ends the reading: those before it count.
func (r *routeReader) nexthops() {
	for {
		n, ok := r.nexthop()
		if !ok {
			return
		}
		r.Nexthops = append(r.Nexthops, n)
		w, more := r.c.Next()
		if !more {
			return
		}
		if w.Text != "nexthop" {
			r.c.Errorf(w.Range, diag.BadValue, "Route has trailing nonsense after nexthops - %s", w.Text)
			r.c.Hint("what concerns the whole route stands before the first nexthop")
			return
		}
	}
}

// nexthop reads the words of one nexthop; false, with a complaint, when it is dropped.
func (r *routeReader) nexthop() (n Nexthop, ok bool) {
	for w, more := r.c.Peek(); more; w, more = r.c.Peek() {
		switch w.Text {
		case "via", "dev", "weight", "onlink", "realms", "encap":
			r.c.Next()
		default:
			return n, true
		}
		good := true
		switch w.Text {
		case "via":
			good = r.nexthopVia(&n)
		case "dev":
			good = r.device(&n.Dev)
		case "onlink":
			n.OnLink = true
		case "weight":
			v, given := r.c.Word()
			if !given {
				return n, false
			}
			var weight int64
			if weight, good = r.c.ParseInt(v, v.Text, 1, 256); !good {
				r.c.Hint("Invalid weight %s specified for route", v.Text)
			}
			n.Weight = uint16(weight)
		case "realms":
			if r.family == IPv6 {
				r.c.Errorf(w.Range, diag.Conflict, "realms are only supported for IPv4")
				return n, false
			}
			n.Realms, good = r.realms()
		case "encap":
			n.Encap, good = r.d.readEncap(r.c)
		}
		if !good {
			return n, false
		}
	}
	return n, true
}

func (r *routeReader) nexthopVia(n *Nexthop) bool {
	v, ok := r.c.Word()
	if ok && (v.Text == "inet" || v.Text == "inet6") {
		if f := familyNamed(v.Text); r.family != 0 && f != r.family {
			r.c.Errorf(v.Range, diag.BadAddress, "IPv4/6 mismatch for nexthop")
			return false
		}
		v, ok = r.c.Word()
	}
	if !ok {
		return false
	}
	a, ok := r.d.routeAddr(v, "invalid nexthop address %s", v.Text)
	if !ok {
		return false
	}
	if r.family != 0 && r.family != FamilyOf(a) {
		r.c.Errorf(v.Range, diag.BadAddress, "Address family mismatch for next hop")
		return false
	}
	r.family, n.Via = FamilyOf(a), a
	return true
}
