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

// ruleOptions are the words of a rule besides from, to and its action.
var ruleOptions = map[string]option{
	"not": {}, "inet": {}, "inet6": {}, "type": {},
	"tos": {kind: argTOS}, "dsfield": {kind: argTOS}, "fwmark": {kind: argMark}, "realms": {kind: argRealm},
	"suppress_prefixlength": {kind: argNumber, max: 128}, "sup_pl": {kind: argNumber, max: 128},
	"suppress_ifgroup": {kind: argNumber, max: math.MaxUint32}, "sup_group": {kind: argNumber, max: math.MaxUint32},
	"dev": {kind: argInterface}, "iif": {kind: argInterface}, "oif": {kind: argInterface},
	"tunnel-id": {kind: argNumber, max: math.MaxInt64}, "uidrange": {kind: argRange},
	"protocol": {kind: argProtocol, what: "Rule"}, "sport": {kind: argRange}, "dport": {kind: argRange},
}

// ipProtocols are names of /etc/protocols that rules are written with.
var ipProtocols = []string{"icmp", "igmp", "ipip", "tcp", "udp", "dccp", "ipv6", "gre", "esp", "ah", "ipv6-icmp", "ospf", "sctp", "udplite", "vrrp"}

// readRule reads a rule; false, with a complaint, when the entry is dropped.
func (d *decoder) readRule(n *config.Node, static bool) (r Rule, ok bool) {
	c := cursor.NewEntry(n, d.diags)
	first, _ := c.Peek()
	r.Range = first.Range
	priority := false
	var options []string
	for w, ok := c.Next(); ok; w, ok = c.Next() {
		from := len(c.Node().Args) - c.Left()
		good := true
		switch w.Text {
		case "from", "to":
			good = d.readRuleAddr(&r, w, c)
		case "table", "lookup", "goto", "nop", "blackhole", "prohibit", "unreachable", "l3mdev":
			good = d.readAction(&r, w, c)
		case "preference", "order", "priority":
			p, ok := c.Int(0, math.MaxUint32)
			if !ok {
				c.Hint("Invalid rule preference %s specified", w.Text)
			}
			r.Priority, priority, good = uint32(p), true, ok
		case "ipproto":
			good = d.readIPProtocol(c)
		case "no_track":
			r.NoTrack = true
		case "track_group":
			g, ok := c.Word()
			switch {
			case !ok:
				return r, false
			case !static:
				c.Errorf(w.Range, diag.BadValue, "Unknown rule option %s", w.Text)
				return r, false
			case d.wantTrackGroup(c, g):
				r.TrackGroup = g.Text
			}
		default:
			o, known := ruleOptions[w.Text]
			if !known {
				c.Errorf(w.Range, diag.BadValue, "Unknown rule option %s", w.Text)
				d.diags.Suggest(nearOption(w.Text))
				return r, false
			}
			good = d.readOption(w, o, c)
			options = append(options, w.Text)
			for _, v := range c.Node().Args[from : len(c.Node().Args)-c.Left()] {
				options = append(options, v.Text)
			}
		}
		if !good {
			return r, false
		}
	}
	r.Options = strings.Join(options, " ")
	return r, d.checkRule(&r, c, priority)
}

// checkRule looks at the rule as a whole.
func (d *decoder) checkRule(r *Rule, c *cursor.Cursor, priority bool) bool {
	if r.From.IsValid() && r.To.IsValid() && FamilyOf(r.From.Addr()) != FamilyOf(r.To.Addr()) {
		c.Errorf(c.Line(), diag.BadAddress, "rule specification has mixed IPv4 and IPv6")
		return false
	}
	if r.Action == "" {
		c.Errorf(c.Line(), diag.BadValue, "No action specified for rule - ignoring")
		return false
	}
	if !priority {
		d.rulePriority--
		r.Priority = d.rulePriority
		c.Warnf(c.Line(), diag.BadValue, "Rule has no preference specified - setting to %d. This is probably not what you want.", r.Priority)
	}
	return true
}

// lastRulePriority is one above the first priority given to a rule without one.
const lastRulePriority = 16385

func (d *decoder) readRuleAddr(r *Rule, w config.Word, c *cursor.Cursor) bool {
	v, ok := c.Word()
	if !ok {
		return false
	}
	at := &r.From
	if w.Text == "to" {
		at = &r.To
	}
	if v.Text == "all" || v.Text == "any" {
		*at = netip.Prefix{}
		return true
	}
	p, ok := c.Prefix(v)
	if !ok {
		c.Hint("Invalid rule %s address %s", w.Text, v.Text)
		return false
	}
	*at = p
	return true
}

// readAction takes the one action of a rule.
func (d *decoder) readAction(r *Rule, w config.Word, c *cursor.Cursor) bool {
	if r.Action != "" {
		c.Errorf(w.Range, diag.Conflict, "Cannot specify more than one of table/nop/goto/blackhole/prohibit/unreachable/l3mdev for rule")
		return false
	}
	r.Action = w.Text
	switch w.Text {
	case "lookup", "table":
		r.Action = "table"
		v, _ := c.Peek()
		r.Target = v.Text
		return d.readOption(w, option{kind: argTable, what: "rule"}, c)
	case "goto":
		v, _ := c.Peek()
		r.Target = v.Text
		_, ok := c.Int(0, math.MaxUint32)
		return ok
	}
	return true
}

func (d *decoder) readIPProtocol(c *cursor.Cursor) bool {
	v, ok := c.Word()
	if !ok {
		return false
	}
	if _, err := strconv.ParseUint(v.Text, 10, 8); err != nil && !slices.Contains(ipProtocols, strings.ToLower(v.Text)) {
		c.Errorf(v.Range, diag.BadValue, "Invalid ipproto %s", v.Text)
		return false
	}
	return true
}

// nearOption is the option of a rule that word may be a slip of. keepalived's manual has
// ip_proto, the program ipproto.
func nearOption(word string) string {
	known := slices.Concat([]string{"from", "to", "preference", "ipproto", "no_track", "track_group"}, slices.Collect(maps.Keys(ruleOptions)))
	return diag.Near(word, slices.Values(known))
}
