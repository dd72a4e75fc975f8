package vrrpcfg

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"keepalived/core/config"
	"keepalived/core/diag"
)

// optionKind is how the number of an option is written.
type optionKind uint8

const (
	plainNumber optionKind = iota
	lockable               // [lock] <number>
	timeNumber             // [lock] <number>[s|ms]; without a unit in that of the kernel
	tableName
	scopeName
	protocolName
	tosName
	realmNames // [<from>/]<to>
	prefName
	onOffName
)

// routeOption is an option of a route that is a number in the end.
type routeOption struct {
	attr     RouteAttr
	kind     optionKind
	min, max int64
	// unit is how many of the kernel's units a millisecond has.
	unit int64
}

var routeTypes = []string{"unicast", "local", "broadcast", "anycast", "multicast", "throw", "unreachable", "prohibit", "blackhole", "nat"}

// routeType reads a type by its name or by its number (RTN_*, linux/rtnetlink.h).
func routeType(text string) (name string, ok bool) {
	if slices.Contains(routeTypes, text) {
		return text, true
	}
	n, err := strconv.ParseUint(text, 0, 8)
	if err != nil {
		return "", false
	}
	numbered := []string{"0", "unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit", "throw", "nat", "xresolve"}
	if n < uint64(len(numbered)) {
		return numbered[n], true
	}
	return strconv.FormatUint(n, 10), true
}

// routeOptions are those options, by their words.
var routeOptions = map[string]routeOption{
	"table": {attr: RouteTable, kind: tableName}, "scope": {attr: RouteScope, kind: scopeName},
	"protocol": {attr: RouteProtocol, kind: protocolName},
	"tos":      {attr: RouteTOS, kind: tosName}, "dsfield": {attr: RouteTOS, kind: tosName},
	"metric":     {attr: RouteMetric, max: math.MaxUint32},
	"priority":   {attr: RouteMetric, max: math.MaxUint32},
	"preference": {attr: RouteMetric, max: math.MaxUint32},
	"expires":    {attr: RouteExpires, max: math.MaxUint32},
	"realms":     {attr: RouteRealms, kind: realmNames},
	"rtt":        {attr: RouteRTT, kind: timeNumber, max: 960_000, unit: 8},
	"rttvar":     {attr: RouteRTTVar, kind: timeNumber, max: 480_000, unit: 4},
	"rto_min":    {attr: RouteRTOMin, kind: timeNumber, max: 120_000, unit: 1},
	"mtu":        {attr: RouteMTU, kind: lockable, max: math.MaxUint32},
	"window":     {attr: RouteWindow, max: math.MaxUint32},
	"ssthresh":   {attr: RouteSSThresh, kind: lockable, max: math.MaxUint32},
	"cwnd":       {attr: RouteCWnd, kind: lockable, max: math.MaxUint32},
	"advmss":     {attr: RouteAdvMSS, kind: lockable, max: math.MaxUint32},
	"reordering": {attr: RouteReordering, kind: lockable, max: math.MaxUint32},
	"hoplimit":   {attr: RouteHopLimit, max: math.MaxUint8},
	"initcwnd":   {attr: RouteInitCWnd, max: math.MaxUint32},
	"initrwnd":   {attr: RouteInitRWnd, max: math.MaxUint32},
	"quickack":   {attr: RouteQuickAck, max: 1},
	"pref":       {attr: RoutePref, kind: prefName}, "ttl-propagate": {attr: RouteTTLPropagate, kind: onOffName},
	"fastopen_no_cookie": {attr: RouteFastOpenNoCookie, max: 1},
}

// number reads the value of an option; false drops the route.
func (r *routeReader) number(w config.Word, o routeOption) bool {
	a := Attr{Set: true}
	v, ok := r.c.Word()
	if ok && v.Text == "lock" && (o.kind == lockable || o.kind == timeNumber) {
		a.Locked = true
		v, ok = r.c.Word()
	}
	if !ok {
		return false
	}
	bad := func(format string, args ...any) bool {
		r.c.Errorf(v.Range, diag.BadValue, format, args...)
		return false
	}
	n := int64(0)
	switch o.kind {
	case plainNumber, lockable:
		if n, ok = r.c.ParseInt(v, v.Text, o.min, o.max); !ok {
			r.c.Hint("Invalid %s %s specified for route", w.Text, v.Text)
			return false
		}
	case timeNumber:
		if n, ok = r.time(w, v, o); !ok {
			return false
		}
	case realmNames:
		if a, ok = r.realmsOf(v); !ok {
			return false
		}
		n = int64(a.N)
	case prefName:
		if i := slices.Index([]string{"medium", "high", "", "low"}, v.Text); i >= 0 {
			n = int64(i)
		} else if n, ok = r.c.ParseInt(v, v.Text, 0, math.MaxUint8); !ok {
			r.c.Hint("Invalid pref value %s specified for route", v.Text)
			return false
		}
	case onOffName:
		if v.Text == "enabled" {
			n = 1
		} else if v.Text != "disabled" {
			bad("%s value %s not recognised", w.Text, v.Text) // 2.2.7 takes it for disabled
		}
	default:
		named, known := r.named(o.kind, v.Text)
		switch {
		case known:
			n = int64(named)
		case o.kind == tableName:
			return bad("Routing table %s not found for route", v.Text)
		case o.kind == tosName:
			return bad("TOS value %s is invalid", v.Text)
		default:
			what := map[optionKind]string{scopeName: "Scope", protocolName: "Protocol"}[o.kind]
			return bad("%s %s not found or invalid for route", what, v.Text)
		}
	}
	a.N = uint32(n)
	r.Attrs[o.attr] = a
	return true
}

// named finds a number that may be a name.
func (r *routeReader) named(kind optionKind, text string) (uint32, bool) {
	k := map[optionKind]nameKind{tableName: tables, scopeName: scopes, protocolName: protocols, tosName: dsFields}[kind]
	n, known, unresolved := r.d.number(k, text)
	r.Unresolved += unresolved
	return n, known
}

// The kernel's times of a route below or above which 2.2.7 resets a value.
const (
	shortestRTT = 200     // ms
	longestRTT  = 120_000 // ms
)

// time reads a time with its unit and returns it in the kernel's.
func (r *routeReader) time(w, v config.Word, o routeOption) (int64, bool) {
	text, places := strings.ToLower(v.Text), 0
	unit := int64(1)
	switch {
	case strings.HasSuffix(text, "ms"):
		text, unit = text[:len(text)-2], o.unit
	case strings.HasSuffix(text, "s"):
		text, unit, places = text[:len(text)-1], o.unit, 3
	}
	if i := strings.IndexByte(text, '.'); i >= 0 && places == 0 {
		// Rounded half up, with a complaint, where a fraction has no place.
		r.c.Errorf(v.Range, diag.BadNumber, "number '%s' has too many decimal places", text)
		places = 3
		n, ok := r.c.ParseDecimal(v, text, places, 0, o.max*1000)
		return r.bounded(w, v, (n+500)/1000*unit, o), ok
	}
	n, ok := int64(0), false
	if places > 0 {
		n, ok = r.c.ParseDecimal(v, text, places, 0, o.max)
	} else {
		n, ok = r.c.ParseInt(v, text, 0, o.max)
	}
	if !ok {
		r.c.Hint("Invalid %s %s for route", w.Text, v.Text)
		return 0, false
	}
	return r.bounded(w, v, n*unit, o), true
}

// bounded resets a time that is out of the kernel's bounds, as 2.2.7 does when it runs.
func (r *routeReader) bounded(w, v config.Word, n int64, o routeOption) int64 {
	switch low, high := shortestRTT*o.unit, longestRTT*o.unit; {
	case n < low:
		r.d.diags.Noticef(v.Range, diag.BadNumber, "%s value %s below minimum 200ms, resetting", w.Text, v.Text)
		return low
	case n > high:
		r.d.diags.Noticef(v.Range, diag.BadNumber, "%s value %s exceeds maximum 120s, resetting", w.Text, v.Text)
		return high
	}
	return n
}

// realms reads `[<from>/]<to>`.
func (r *routeReader) realms() (Attr, bool) {
	v, ok := r.c.Word()
	if !ok {
		return Attr{}, false
	}
	return r.realmsOf(v)
}

func (r *routeReader) realmsOf(v config.Word) (Attr, bool) {
	n, ok, unresolved := r.d.realms(v.Text)
	r.Unresolved += unresolved
	if !ok {
		r.c.Errorf(v.Range, diag.BadValue, "Invalid realms %s for route", v.Text)
	}
	return Attr{Set: true, N: n}, ok
}

// text takes the options that are words.
func (r *routeReader) text(w config.Word) bool {
	if w.Text == "encap" {
		e, ok := r.d.readEncap(r.c)
		r.Encap = e
		return ok
	}
	v, ok := r.c.Word()
	if ok && w.Text == "congctl" && v.Text == "lock" {
		r.CongestionLocked = true
		v, ok = r.c.Word()
	}
	if !ok {
		return false
	}
	switch w.Text {
	case "features":
		if v.Text != "ecn" {
			r.c.Errorf(v.Range, diag.BadValue, "feature %s not supported", v.Text)
			break
		}
		r.ECN = true
	case "congctl":
		r.CongestionControl = v.Text
	case "vrf":
		return r.d.wantInterface(v, "WARNING - interface %s for rule doesn't exist", v.Text)
	case "as":
		if v.Text == "to" {
			r.c.Word()
		}
		r.c.Warnf(w.Range, diag.Ignored, "\"as to\" for MPLS only - ignoring")
	}
	return true
}
