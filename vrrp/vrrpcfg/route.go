package vrrpcfg

import (
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// argKind is what stands behind a word of a route or rule.
type argKind uint8

const (
	argNone     argKind = iota
	argNumber           // a number within the option's limits
	argLockable         // [lock] <number>
	argTime             // [lock] <number>[s|ms]
	argWord             // any word
	argTable            // a routing table by name or number
	argScope
	argProtocol
	argTOS
	argMark  // <mark>[/<mask>]
	argRealm // [<from>/]<to>
	argRange // <low>-<high>
	argInterface
	argAddr
	argEncap
)

// option is one word of a route or rule.
type option struct {
	kind     argKind
	min, max int64
	what     string // as complaints name it
}

// routeOptions are the words of a route besides via, dev, src and the destination.
var routeOptions = map[string]option{
	"table": {kind: argTable, what: "route"}, "scope": {kind: argScope, what: "route"}, "protocol": {kind: argProtocol, what: "Route"},
	"tos": {kind: argTOS}, "dsfield": {kind: argTOS},
	"metric": {kind: argNumber, max: math.MaxUint32}, "priority": {kind: argNumber, max: math.MaxUint32}, "preference": {kind: argNumber, max: math.MaxUint32},
	"onlink": {}, "expires": {kind: argNumber, max: math.MaxUint32}, "mtu": {kind: argLockable, max: math.MaxUint32},
	"hoplimit": {kind: argNumber, max: 255}, "advmss": {kind: argLockable, max: math.MaxUint32},
	"rtt": {kind: argTime}, "rttvar": {kind: argTime}, "rto_min": {kind: argTime},
	"reordering": {kind: argLockable, max: math.MaxUint32}, "window": {kind: argNumber, max: math.MaxUint32},
	"cwnd": {kind: argLockable, max: math.MaxUint32}, "ssthresh": {kind: argLockable, max: math.MaxUint32},
	"realms": {kind: argRealm}, "initcwnd": {kind: argNumber, max: math.MaxUint32}, "initrwnd": {kind: argNumber, max: math.MaxUint32},
	"quickack": {kind: argNumber, max: 1}, "fastopen_no_cookie": {kind: argNumber, max: 1},
	"congctl": {kind: argWord}, "ttl-propagate": {kind: argWord}, "vrf": {kind: argInterface},
	"add": {}, "prepend": {}, "append": {}, "inet": {}, "inet6": {},
}

var routeTypes = []string{"unicast", "local", "broadcast", "anycast", "multicast", "throw", "unreachable", "prohibit", "blackhole", "nat"}

// protocolKeepalived is RTPROT_KEEPALIVED of linux/rtnetlink.h.
const protocolKeepalived = 18

// readRoute reads `[<type>] [to] <dst>|default [options]`; false, with a
// complaint, when the entry is dropped.
func (d *decoder) readRoute(n *config.Node, static bool) (r Route, ok bool) {
	c := cursor.NewEntry(n, d.diags)
	first, _ := c.Peek()
	r.Range = first.Range
	nexthops, good := d.readRouteWords(&r, static, c)
	if !good {
		return r, false
	}
	if !r.Dst.IsValid() {
		c.Errorf(r.Range, diag.BadValue, "Route must have a destination")
		return r, false
	}
	if r.Via.IsValid() && FamilyOf(r.Via) != FamilyOf(r.Dst.Addr()) {
		c.Errorf(c.Line(), diag.BadAddress, "Cannot mix IPv4 and IPv6 addresses for route")
		return r, false
	}
	if r.Dev == "" && !r.NoTrack || nexthops && !r.NoTrack {
		c.Warnf(r.Range, diag.Conflict, "Warning - cannot track route %s with no interface specified, not tracking", dstText(r.Dst))
		r.NoTrack = true
	}
	return r, true
}

// readRouteWords reads all words of a route; good is false when it is dropped.
func (d *decoder) readRouteWords(r *Route, static bool, c *cursor.Cursor) (nexthops, good bool) {
	var options []string
	for w, ok := c.Next(); ok; w, ok = c.Next() {
		from := len(c.Node().Args) - c.Left()
		switch {
		case w.Text == "no_track":
			r.NoTrack = true
			continue
		case w.Text == "track_group" && static:
			g, ok := c.Word()
			if !ok {
				return nexthops, false
			}
			if d.wantTrackGroup(c, g) {
				r.TrackGroup = g.Text
			}
			continue
		case slices.Contains(routeTypes, w.Text):
			if r.Type = w.Text; !c.More() {
				c.Missing()
				return nexthops, false
			}
			continue
		case w.Text == "nexthop":
			nexthops = true
			if !d.readNexthop(c) {
				return nexthops, false
			}
		case w.Text == "dev" || w.Text == "oif":
			v, ok := c.Word()
			if !ok || !d.wantInterface(v, "WARNING - interface %s for VROUTE nexthop doesn't exist", v.Text) {
				return nexthops, false
			}
			r.Dev = v.Text
			continue
		case w.Text == "via" || w.Text == "gw" || w.Text == "or" || w.Text == "src":
			if !d.readRouteAddr(r, w, c) {
				return nexthops, false
			}
			continue
		default:
			o, known := routeOptions[w.Text]
			switch {
			case known:
				if !d.readOption(w, o, c) {
					return nexthops, false
				}
			case w.Text == "encap" || w.Text == "features" || w.Text == "pref" || w.Text == "as" || w.Text == "from":
				if !d.readRouteWord(w, c) {
					return nexthops, false
				}
			default:
				if !d.readDestination(r, w, c) {
					return nexthops, false
				}
				continue
			}
		}
		options = append(options, w.Text)
		to := len(c.Node().Args) - c.Left()
		for _, v := range c.Node().Args[from:to] {
			options = append(options, v.Text)
		}
	}
	r.Options = strings.Join(options, " ")
	return nexthops, true
}

// dstText is the destination as `ip route` writes it.
func dstText(p netip.Prefix) string {
	if p.Bits() == 0 {
		return "default"
	}
	return p.String()
}

// readDestination takes `[to] <dst>`.
func (d *decoder) readDestination(r *Route, w config.Word, c *cursor.Cursor) bool {
	if w.Text == "to" {
		v, ok := c.Word()
		if !ok {
			return false
		}
		w = v
	}
	if w.Text == "default" {
		r.Dst = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		return true
	}
	p, ok := c.Prefix(w)
	if !ok {
		c.Hint("unknown route keyword %s", w.Text)
		return false
	}
	r.Dst = p
	return true
}

// readRouteAddr takes the address behind via, gw, or, src.
func (d *decoder) readRouteAddr(r *Route, w config.Word, c *cursor.Cursor) bool {
	switch w.Text {
	case "gw":
		c.Warnf(w.Range, diag.Deprecated, "\"gw\" for routes is deprecated. Please use \"via\"")
	case "or":
		c.Warnf(w.Range, diag.Deprecated, "\"or\" for routes is deprecated. Please use \"nexthop\"")
	}
	v, ok := c.Word()
	if ok && w.Text == "via" && (v.Text == "inet" || v.Text == "inet6") {
		v, ok = c.Word()
	}
	if !ok {
		return false
	}
	a, ok := cursor.ParseAddr(v.Text)
	if !ok {
		c.Errorf(v.Range, diag.BadAddress, "VRRP parsed invalid IP %s. skipping IP...", v.Text)
		c.Hint("invalid route %s address %s", w.Text, v.Text)
		return false
	}
	switch w.Text {
	case "via", "gw":
		r.Via = a
	case "src":
		r.Src = a
	}
	return true
}

// readRouteWord takes the options that are neither numbers nor names of tables.
func (d *decoder) readRouteWord(w config.Word, c *cursor.Cursor) bool {
	v, ok := c.Word()
	if !ok {
		return false
	}
	switch w.Text {
	case "features":
		if v.Text != "ecn" {
			c.Errorf(v.Range, diag.BadValue, "feature %s not supported", v.Text)
		}
	case "pref":
		if !slices.Contains([]string{"low", "medium", "high"}, v.Text) {
			c.Errorf(v.Range, diag.BadValue, "Invalid pref value %s specified for route", v.Text)
			break
		}
		if first, _, _ := strings.Cut(c.Node().Keyword.Text, "/"); !strings.Contains(first, ":") {
			c.Errorf(w.Range, diag.Conflict, "pref is only valid for IPv6")
			return false
		}
	case "from":
		if !strings.Contains(v.Text, ":") {
			c.Errorf(v.Range, diag.BadAddress, "route from address only supported with IPv6 (%s)", v.Text)
			return false
		}
	case "as":
		c.Warnf(w.Range, diag.Ignored, "\"as to\" for MPLS only - ignoring")
	case "encap":
		return d.readEncap(v, c)
	}
	return true
}

// encapWords are the words with a value of each encapsulation.
var encapWords = map[string][]string{
	"mpls": nil, "ila": nil,
	"ip":  {"id", "dst", "src", "tos", "ttl"},
	"ip6": {"id", "dst", "src", "tc", "hoplimit"},
}

func (d *decoder) readEncap(v config.Word, c *cursor.Cursor) bool {
	words, known := encapWords[v.Text]
	if !known {
		c.Errorf(v.Range, diag.BadValue, "Unknown encap type - %s", v.Text)
		return false
	}
	if words == nil {
		_, ok := c.Word()
		return ok
	}
	for w, ok := c.Peek(); ok && slices.Contains(words, w.Text); w, ok = c.Peek() {
		c.Next()
		if _, ok := c.Word(); !ok {
			return false
		}
	}
	return true
}

// readNexthop reads the words of one nexthop.
func (d *decoder) readNexthop(c *cursor.Cursor) bool {
	for w, ok := c.Peek(); ok && w.Text != "nexthop" && w.Text != "no_track" && w.Text != "track_group"; w, ok = c.Peek() {
		c.Next()
		good := true
		switch w.Text {
		case "via":
			good = d.readRouteAddr(&Route{}, w, c)
		case "dev", "oif":
			v, ok := c.Word()
			good = ok && d.wantInterface(v, "WARNING - interface %s for VROUTE nexthop doesn't exist", v.Text)
		case "weight":
			if _, ok := c.Int(0, 256); !ok {
				c.Hint("Invalid weight specified for route")
			}
		case "onlink":
		case "realms":
			good = d.readOption(w, option{kind: argRealm}, c)
		case "encap":
			v, ok := c.Word()
			good = ok && d.readEncap(v, c)
		default:
			c.Errorf(w.Range, diag.BadValue, "unknown route keyword %s", w.Text)
			good = false
		}
		if !good {
			return false
		}
	}
	return true
}

// tables of /etc/iproute2/rt_tables that exist everywhere.
var tableNames = []string{"local", "main", "default", "unspec"}

// protocols of /etc/iproute2/rt_protos.
var protocolNames = []string{"unspec", "redirect", "kernel", "boot", "static", "gated", "ra", "mrt", "zebra", "bird", "babel",
	"dnrouted", "xorp", "ntk", "dhcp", "keepalived", "bgp", "isis", "ospf", "rip", "eigrp"}

// readOption reads the value of one option; false drops the entry.
func (d *decoder) readOption(w config.Word, o option, c *cursor.Cursor) bool {
	if o.kind == argNone {
		return true
	}
	v, ok := c.Word()
	if ok && (o.kind == argLockable || o.kind == argTime || w.Text == "congctl") && v.Text == "lock" {
		v, ok = c.Word()
	}
	if !ok {
		return false
	}
	bad := func(format string, args ...any) bool {
		c.Errorf(v.Range, diag.BadValue, format, args...)
		return false
	}
	switch o.kind {
	case argNumber, argLockable:
		if _, ok := c.ParseInt(v, v.Text, o.min, o.max); !ok {
			c.Hint("Invalid %s %s specified for route", w.Text, v.Text)
			return false
		}
	case argTime:
		digits := strings.TrimSuffix(strings.TrimSuffix(v.Text, "s"), "m")
		if _, err := strconv.ParseFloat(digits, 64); err != nil {
			return bad("Invalid %s %s specified for route", w.Text, v.Text)
		}
	case argTable:
		if n, err := strconv.ParseUint(v.Text, 0, 32); (err != nil || n == 0) && !slices.Contains(tableNames, v.Text) {
			return bad("Routing table %s not found for %s", v.Text, o.what)
		}
	case argScope:
		if _, ok := parseScope(v.Text); !ok {
			return bad("Scope %s not found or invalid for %s", v.Text, o.what)
		}
	case argProtocol:
		n, err := strconv.ParseUint(v.Text, 0, 8)
		if err != nil && !slices.Contains(protocolNames, v.Text) {
			return bad("Protocol %s not found or invalid for %s", v.Text, strings.ToLower(o.what))
		}
		if v.Text != "keepalived" && n != protocolKeepalived && !slices.ContainsFunc(c.Node().Args, func(w config.Word) bool { return w.Text == "no_track" }) {
			c.Warnf(v.Range, diag.Conflict, "%s cannot be tracked if protocol is not RTPROT_KEEPALIVED(18), resetting protocol", o.what)
		}
	case argTOS:
		if _, err := strconv.ParseUint(v.Text, 0, 8); err != nil {
			return bad("TOS value %s is invalid", v.Text)
		}
	case argMark:
		mark, mask, _ := strings.Cut(v.Text, "/")
		_, err := strconv.ParseUint(mark, 0, 32)
		if mask != "" && err == nil {
			_, err = strconv.ParseUint(mask, 0, 32)
		}
		if err != nil {
			return bad("Invalid rule fwmark %s specified", v.Text)
		}
	case argRange:
		low, high, dash := strings.Cut(v.Text, "-")
		l, err1 := strconv.ParseUint(low, 10, 32)
		h, err2 := strconv.ParseUint(high, 10, 32)
		if !dash || err1 != nil || err2 != nil || l > h {
			return bad("invalid %s range %s", w.Text, v.Text)
		}
	case argInterface:
		return d.wantInterface(v, "WARNING - interface %s for rule doesn't exist", v.Text)
	}
	return true
}
