package vrrpcfg

import (
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// ruleReader reads one rule.
type ruleReader struct {
	*Rule
	d        *decoder
	c        *cursor.Cursor
	static   bool
	priority bool // one was given
}

// ruleActions are the actions by their words; of these the last four may follow `type`.
var ruleActions = map[string]RuleAction{
	"table": RuleTable, "lookup": RuleTable, "l3mdev": RuleL3MDev, "goto": RuleGoto, "nop": RuleNop,
	"blackhole": RuleBlackhole, "prohibit": RuleProhibit, "unreachable": RuleUnreachable,
}

// readRule reads a rule; false, with a complaint, when the entry is dropped.
func (d *decoder) readRule(n *config.Node, static bool) (r Rule, ok bool) {
	c := cursor.NewEntry(n, d.diags)
	first, _ := c.Peek()
	r.Range = first.Range
	read := ruleReader{Rule: &r, d: d, c: c, static: static}
	for w, more := c.Next(); more; w, more = c.Next() {
		if !read.word(w) {
			return r, false
		}
	}
	return r, read.finish()
}

// word reads one word of the rule and what belongs to it; false drops the rule.
func (r *ruleReader) word(w config.Word) bool {
	switch w.Text {
	case "not":
		r.Not = true
	case "inet", "inet6":
		r.Family = familyNamed(w.Text)
	case "no_track":
		r.NoTrack = true
	case "track_group":
		if !r.static {
			return r.unknown(w)
		}
		g, ok := r.c.Word()
		if !ok {
			return false
		}
		if r.d.wantTrackGroup(r.c, g) {
			r.TrackGroup = g.Text
		}
	case "from":
		return r.addr(w, &r.From)
	case "to":
		return r.addr(w, &r.To)
	case "type":
		v, ok := r.c.Word()
		if !ok {
			return false
		}
		if a := ruleActions[v.Text]; a == NoAction || a == RuleTable || a == RuleL3MDev {
			return r.unknown(v)
		}
		return r.action(v)
	case "dev", "iif":
		return r.device(&r.IIF)
	case "oif":
		return r.device(&r.OIF)
	default:
		if ruleActions[w.Text] != NoAction {
			return r.action(w)
		}
		return r.option(w)
	}
	return true
}

func (r *ruleReader) unknown(w config.Word) bool {
	r.c.Errorf(w.Range, diag.BadValue, "Unknown rule option %s", w.Text)
	r.d.diags.Suggest(diag.Near(w.Text, slices.Values(ruleWords)))
	return false
}

// ruleWords are the words that another one may be a slip of. keepalived's manual has
// ip_proto, the program ipproto.
var ruleWords = append(slices.Collect(maps.Keys(ruleActions)), "not", "inet", "inet6", "from", "to", "type", "dev", "iif", "oif", "preference", "order",
	"priority", "tos", "dsfield", "realms", "suppress_ifgroup", "sup_group", "fwmark", "suppress_prefixlength", "sup_pl", "tunnel-id", "uidrange",
	"sport", "dport", "protocol", "ipproto", "no_track", "track_group")

// option takes the words with one value.
func (r *ruleReader) option(w config.Word) bool {
	var set func(w, v config.Word) bool
	switch w.Text {
	case "preference", "order", "priority":
		set = r.preference
	case "tos", "dsfield", "realms", "suppress_ifgroup", "sup_group":
		set = r.named
	case "fwmark":
		set = r.mark
	case "suppress_prefixlength", "sup_pl":
		set = func(w, v config.Word) bool { return r.plain(w, v, &r.SuppressPrefixLength, math.MaxInt32) }
	case "tunnel-id":
		set = func(w, v config.Word) bool {
			n, ok := r.c.ParseInt(v, v.Text, 0, math.MaxInt64)
			r.TunnelID = uint64(n)
			return ok
		}
	case "uidrange":
		set = func(w, v config.Word) bool { return r.span(w, v, &r.UIDs, math.MaxUint32) }
	case "sport", "dport":
		set = r.ports
	case "protocol":
		set = func(w, v config.Word) bool {
			r.plain(w, v, &r.Protocol, math.MaxUint8) // one that is wrong counts for none
			return true
		}
	case "ipproto":
		set = r.ipProtocol
	default:
		return r.unknown(w)
	}
	v, ok := r.c.Word()
	return ok && set(w, v)
}

func (r *ruleReader) addr(w config.Word, at *netip.Prefix) bool {
	v, ok := r.c.Word()
	if !ok {
		return false
	}
	if v.Text == "all" || v.Text == "any" || v.Text == "default" {
		*at = netip.PrefixFrom(netip.IPv4Unspecified(), 0) // of which family tells finish
		return true
	}
	p, ok := r.c.Prefix(v)
	if !ok {
		r.c.Hint("Invalid rule %s address %s", w.Text, v.Text)
		return false
	}
	if f := FamilyOf(p.Addr()); r.Family != 0 && r.Family != f {
		r.c.Errorf(v.Range, diag.BadAddress, "rule specification has mixed IPv4 and IPv6")
		return false
	} else {
		r.Family = f
	}
	*at = p
	return true
}

func (r *ruleReader) device(at *string) bool {
	v, ok := r.c.Word()
	if !ok || !r.d.wantInterface(v, "WARNING - interface %s for rule doesn't exist", v.Text) {
		return false
	}
	*at = v.Text
	return true
}

// action takes the one action of a rule.
func (r *ruleReader) action(w config.Word) bool {
	if r.Action != NoAction {
		r.c.Errorf(w.Range, diag.Conflict, "Cannot specify more than one of table/nop/goto/blackhole/prohibit/unreachable/l3mdev for rule")
		return false
	}
	r.Action = ruleActions[w.Text]
	if r.Action != RuleTable && r.Action != RuleGoto {
		return true
	}
	v, ok := r.c.Word()
	if !ok {
		return false
	}
	if r.Action == RuleGoto {
		n, ok := r.c.ParseInt(v, v.Text, 0, math.MaxUint32)
		r.Target = uint32(n)
		return ok
	}
	n, known, unresolved := r.d.number(tables, v.Text)
	r.Unresolved += unresolved
	switch {
	case !known:
		r.c.Errorf(v.Range, diag.BadValue, "Routing table %s not found for rule", v.Text)
	case n == 0 && unresolved == "":
		r.c.Errorf(v.Range, diag.BadValue, "Table 0 is not valid")
	default:
		r.Target = n
		return true
	}
	return false
}

func (r *ruleReader) preference(w, v config.Word) bool {
	n, ok := cNumber(v.Text, math.MaxUint32)
	if !ok {
		r.c.Errorf(v.Range, diag.BadNumber, "Invalid rule preference %s specified", v.Text)
		r.c.Expect("a whole number from 0 to %d", uint32(math.MaxUint32))
	}
	r.Priority, r.priority = n, true
	return ok
}

// named takes a number that may be a name.
func (r *ruleReader) named(w, v config.Word) bool {
	var n uint32
	var known bool
	var unresolved string
	switch w.Text {
	case "tos", "dsfield":
		if n, known, unresolved = r.d.number(dsFields, v.Text); !known {
			r.c.Errorf(v.Range, diag.BadValue, "TOS value %s is invalid", v.Text)
		}
		r.TOS = Attr{Set: true, N: n}
	case "realms":
		if n, known, unresolved = r.d.realms(v.Text); !known {
			r.c.Errorf(v.Range, diag.BadValue, "invalid realms %s for rule", v.Text)
		}
		r.Realms = Attr{Set: true, N: n}
	default:
		if n, known, unresolved = r.d.number(groups, v.Text); !known {
			r.c.Errorf(v.Range, diag.BadValue, "suppress_group %s is invalid", v.Text)
		}
		r.SuppressIfGroup = Attr{Set: true, N: n}
	}
	r.Unresolved += unresolved
	return known
}

// mark takes `<mark>[/<mask>]`.
func (r *ruleReader) mark(_, v config.Word) bool {
	mark, mask, masked := strings.Cut(v.Text, "/")
	n, ok := cNumber(mark, math.MaxUint32)
	m, good := uint32(0), true
	if mask != "" {
		m, good = cNumber(mask, math.MaxUint32)
	}
	if !ok || !good {
		r.c.Errorf(v.Range, diag.BadValue, "Invalid rule fwmark %s specified", v.Text)
		return false
	}
	r.FWMark = Attr{Set: true, N: n}
	r.FWMask = Attr{Set: masked, N: m}
	return true
}

func (r *ruleReader) plain(w, v config.Word, at *Attr, max int64) bool {
	n, ok := r.c.ParseInt(v, v.Text, 0, max)
	if !ok {
		r.c.Hint("Invalid %s %s", w.Text, v.Text)
		return false
	}
	*at = Attr{Set: true, N: uint32(n)}
	return true
}

// span takes `<low>-<high>`.
func (r *ruleReader) span(w, v config.Word, at *Span, max uint64) bool {
	low, high, dash := strings.Cut(v.Text, "-")
	l, err1 := strconv.ParseUint(low, 10, 32)
	h, err2 := strconv.ParseUint(high, 10, 32)
	if !dash || err1 != nil || err2 != nil || l > max || h > max {
		r.c.Errorf(v.Range, diag.BadValue, "invalid %s range %s", w.Text, v.Text)
		r.c.Expect("two numbers with a - between them, each up to %d", max)
		return false
	}
	*at = Span{Set: true, Low: uint32(l), High: uint32(h)}
	return true
}

// ports takes a range of ports. A rule whose range is wrong stands without it, as with 2.2.7.
func (r *ruleReader) ports(w, v config.Word) bool {
	at := &r.SPort
	if w.Text == "dport" {
		at = &r.DPort
	}
	r.span(w, v, at, math.MaxUint16)
	return true
}

// ipProtocol takes a protocol by name or number. A rule stands without one that is wrong.
func (r *ruleReader) ipProtocol(_, v config.Word) bool {
	n, err := strconv.ParseUint(v.Text, 10, 8)
	number, known := ipProtocols[strings.ToLower(v.Text)]
	switch {
	case err == nil:
		r.IPProto = Attr{Set: true, N: uint32(n)}
	case known:
		r.IPProto = Attr{Set: true, N: number}
	default:
		r.c.Errorf(v.Range, diag.BadValue, "Invalid ipproto %s", v.Text)
	}
	return true
}

// lastRulePriority is one above the first priority given to a rule without one.
const lastRulePriority = 16385

// finish looks at the rule as a whole.
func (r *ruleReader) finish() bool {
	if r.Family == IPv6 {
		for _, p := range []*netip.Prefix{&r.From, &r.To} {
			if p.IsValid() && p.Addr().Is4() {
				*p = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
			}
		}
	}
	if r.Family == 0 {
		r.Family = IPv4
	}
	line := r.c.Line()
	switch {
	case r.Family == IPv6 && r.Realms.Set:
		r.c.Errorf(line, diag.Conflict, "realms is only valid for IPv4")
	case r.Action == NoAction:
		r.c.Errorf(line, diag.BadValue, "No action specified for rule - ignoring")
	case r.Action != RuleTable && r.Action != RuleL3MDev && (r.SuppressPrefixLength.Set || r.SuppressIfGroup.Set || r.Realms.Set):
		r.c.Errorf(line, diag.Conflict, "suppressor/realm specified for non table action - skipping")
	case r.Action == RuleGoto && !r.priority:
		r.c.Errorf(line, diag.Conflict, "Invalid rule - goto target %d specified without preference", r.Target)
	case r.Action == RuleGoto && r.Priority >= r.Target:
		r.c.Errorf(line, diag.Conflict, "Invalid rule - preference %d >= goto target %d", r.Priority, r.Target)
		r.c.Hint("goto goes on to a rule of a higher number only")
	default:
		r.complete(line)
		return true
	}
	return false
}

// complete fills in what was not said.
func (r *ruleReader) complete(line diag.Range) {
	if !r.priority {
		r.d.rulePriority--
		r.Priority = r.d.rulePriority
		r.c.Warnf(line, diag.BadValue, "Rule has no preference specified - setting to %d. This is probably not what you want.", r.Priority)
	}
	if !r.NoTrack && (!r.Protocol.Set || r.Protocol.N != ProtocolKeepalived) {
		if r.Protocol.Set {
			r.c.Warnf(line, diag.Conflict, "Rule cannot be tracked if protocol is not RTPROT_KEEPALIVED(18), resetting protocol")
		}
		r.Protocol = Attr{Set: true, N: ProtocolKeepalived}
	}
	switch {
	case r.TrackGroup == "":
	case r.IIF == "":
		r.c.Errorf(line, diag.Conflict, "Static rule cannot have track_group if dev/iif not specified")
		r.TrackGroup = ""
	case r.NoTrack:
		r.d.diags.Noticef(r.Range, diag.Conflict, "Static rule has both track_group and no_track set - not tracking")
	}
}
