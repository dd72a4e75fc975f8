package snapshot

import (
	"keepalived/core/dump"
	"keepalived/vrrp/vrrpcfg"
)

// rulesText writes virtual_rules or static_rules, a line each.
func rulesText(w *dump.Writer, list []vrrpcfg.Rule) {
	for i := range list {
		w.Line(5, "%s", ruleText(&list[i]))
	}
}

// ruleText is the line of a rule in the order and the words of 2.2.7.
func ruleText(r *vrrpcfg.Rule) string {
	var b words
	if r.Not {
		b.add("not ")
	}
	if r.From.IsValid() {
		b.add("from %s", bare(r.From))
	} else {
		b.add("from all")
	}
	if r.To.IsValid() {
		b.add(" to %s", bare(r.To))
	}
	b.add(" priority %d tos 0x%x", r.Priority, r.TOS.N)
	if r.FWMark.Set {
		b.add(" fwmark 0x%x", r.FWMark.N)
		if r.FWMask.Set && r.FWMask.N != 0xffffffff {
			b.add("/0x%x", r.FWMask.N)
		}
	}
	if r.IIF != "" {
		b.add(" iif %s", r.IIF)
	}
	if r.OIF != "" {
		b.add(" oif %s", r.OIF)
	}
	b.number("suppress_prefixlen", r.SuppressPrefixLength)
	b.number("suppress_ifgroup", r.SuppressIfGroup)
	if r.TunnelID != 0 {
		b.add(" tunnel-id %d", r.TunnelID)
	}
	b.span("uidrange", r.UIDs)
	if r.Action == vrrpcfg.RuleL3MDev {
		b.add(" l3mdev")
	}
	b.number("protocol", r.Protocol)
	b.number("ipproto", r.IPProto)
	b.span("sport", r.SPort)
	b.span("dport", r.DPort)
	if r.Realms.N != 0 {
		b.add(" realms %d/%d", r.Realms.N>>16, r.Realms.N&0xffff)
	}
	switch r.Action {
	case vrrpcfg.RuleTable, vrrpcfg.RuleL3MDev:
		b.add(" lookup %d", r.Target)
	case vrrpcfg.RuleGoto:
		b.add(" goto %d", r.Target)
	case vrrpcfg.RuleNop:
		b.add(" nop")
	default:
		b.add(" type %s", r.Action)
	}
	if r.NoTrack {
		b.add(" no_track")
	}
	if r.TrackGroup != "" {
		b.add(" track_group %s", r.TrackGroup)
	}
	return b.String()
}

func (b *words) span(word string, s vrrpcfg.Span) {
	if s.Set {
		b.add(" %s %d-%d", word, s.Low, s.High)
	}
}
