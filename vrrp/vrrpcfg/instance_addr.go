package vrrpcfg

import (
	"slices"
	"strings"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

func addressRows() []row {
	const entry = "{ <ip>[/<len>] [dev <if>] [label <text>] [scope <scope>] [brd <ip>|+|-] [...] }"
	return []row{
		block("virtual_ipaddress", entry, func(b *building, c *cursor.Cursor) {
			for _, n := range c.Block() {
				a, ok := b.d.readAddress(n, virtualAddress)
				if !ok {
					continue
				}
				if !b.takeFamily(a.Prefix.Addr()) {
					c.Errorf(a.Range, diag.BadAddress, "(%s): address family must match VRRP instance [%s] - ignoring", b.Name, n.Keyword.Text)
					continue
				}
				b.Addresses = append(b.Addresses, a)
			}
		}),
		block("virtual_ipaddress_excluded", entry, func(b *building, c *cursor.Cursor) {
			for _, n := range c.Block() {
				if a, ok := b.d.readAddress(n, virtualAddress); ok {
					b.Excluded = append(b.Excluded, a)
				}
			}
		}),
		since("2.2.8", flag("no_virtual_ipaddress", func(b *building) { b.Election.NoAddresses = true })),
		effect(noRoutes, block("virtual_routes", "{ <route>... }", func(b *building, c *cursor.Cursor) {
			for _, n := range c.Block() {
				if r, ok := b.d.readRoute(n, false); ok {
					b.Routes = append(b.Routes, r)
				}
			}
		})),
		effect(noRoutes, block("virtual_rules", "{ <rule>... }", func(b *building, c *cursor.Cursor) {
			for _, n := range c.Block() {
				if r, ok := b.d.readRule(n, false); ok {
					b.Rules = append(b.Rules, r)
				}
			}
		})),
	}
}

func unicastRows() []row {
	source := func(name string, unicast bool) row {
		return doc("", "first address of the interface; IPv6: its link-local", value(name, config.Of(config.Address), func(b *building, c *cursor.Cursor) {
			b.unicast = b.unicast || unicast
			w, ok := c.Word()
			if !ok {
				return
			}
			a, ok := cursor.ParseAddr(w.Text)
			switch {
			case !ok:
				c.Errorf(w.Range, diag.BadAddress, "Configuration error: VRRP instance[%s] malformed src address[%s]. Skipping...", b.Name, w.Text)
			case !b.takeFamily(a):
				c.Errorf(w.Range, diag.BadAddress, "Configuration error: VRRP instance[%s] and src address[%s] MUST be of the same family !!! Skipping...", b.Name, w.Text)
			default:
				b.Source.Addr = a
			}
		}))
	}
	return []row{
		source("mcast_src_ip", false),
		source("unicast_src_ip", true),
		doc("multicast", "vrrp_mcast_group4, vrrp_mcast_group6", value("mcast_dst_ip", config.Of(config.Address), func(b *building, c *cursor.Cursor) {
			w, ok := c.Word()
			if !ok {
				return
			}
			a, ok := cursor.ParseAddr(w.Text)
			switch {
			case !ok:
				c.Errorf(w.Range, diag.BadAddress, "(%s) malformed mcast dest address %s. Skipping...", b.Name, w.Text)
			case !b.takeFamily(a):
				c.Errorf(w.Range, diag.BadAddress, "(%s) mcast dest address %s MUST match VRRP instance family. Skipping...", b.Name, w.Text)
			case !a.IsMulticast():
				c.Errorf(w.Range, diag.BadAddress, "(%s) mcast_dst_ip %s not multicast. Skipping...", b.Name, w.Text)
			default:
				b.Identity.Destination = a
			}
		})),
		block("unicast_peer", "{ <ip> [min_ttl <0..255>] [max_ttl <0..255>]... }", func(b *building, c *cursor.Cursor) {
			b.unicast = true
			for _, n := range c.Block() {
				b.readPeer(cursor.NewEntry(n, c.Diags()))
			}
		}),
		number("unicast_ttl", "255", 0, 255, "TTL not valid - must be between 0 & 255", func(b *building, n int64) { b.Unicast.TTL = int(n) }),
		flag("unicast_fault_no_peer", func(b *building) { b.Unicast.FaultNoPeer = true }),
		doc("", "vrrp_check_unicast_src", flag("check_unicast_src", func(b *building) { b.checkSource, b.unicast = true, true })),
		doc("", "found out by the first advert", value("old_unicast_checksum", config.OneOf("never").OrNone(), func(b *building, c *cursor.Cursor) {
			b.unicast = true
			w, ok := c.Next()
			switch {
			case !ok:
				b.Unicast.ChecksumCompat = ChecksumOld
			case w.Text == "never":
				b.Unicast.ChecksumCompat = ChecksumNever
			default:
				c.Errorf(w.Range, diag.BadValue, "(%s) Unknown old_unicast_chksum mode %s - ignoring", b.Name, w.Text)
			}
		})),
	}
}

// readPeer reads `<ip> [min_ttl <n>] [max_ttl <n>]`. A prefix length is passed
// over, as in 2.2.7; a TTL option turns on the check of the source.
func (b *building) readPeer(c *cursor.Cursor) {
	w, _ := c.Next()
	text, _, _ := strings.Cut(w.Text, "/")
	a, ok := cursor.ParseAddr(text)
	switch {
	case !ok:
		c.Errorf(w.Range, diag.BadAddress, "Configuration error: VRRP instance[%s] malformed unicast peer address[%s]. Skipping...", b.Name, w.Text)
		return
	case !b.takeFamily(a):
		c.Errorf(w.Range, diag.BadAddress, "Configuration error: VRRP instance[%s] and unicast peer address[%s] MUST be of the same family !!! Skipping...", b.Name, w.Text)
		return
	}
	p := Peer{Addr: a, MaxTTL: 255}
	for o, ok := c.Next(); ok; o, ok = c.Next() {
		if !c.More() {
			c.Errorf(o.Range, diag.BadValue, "(%s) %s is missing a value", b.Name, o.Text)
			break
		}
		at := map[string]*uint8{"min_ttl": &p.MinTTL, "max_ttl": &p.MaxTTL}[o.Text]
		if at == nil {
			c.Errorf(o.Range, diag.BadValue, "(%s) unknown unicast_peer option %s", b.Name, o.Text)
			break
		}
		if n, ok := c.Int(0, 255); ok {
			*at = uint8(n)
			b.checkSource = true
		}
	}
	if p.MinTTL > p.MaxTTL {
		c.Errorf(c.Line(), diag.Conflict, "(%s) min_ttl %d > max_ttl %d - all packets will be discarded", b.Name, p.MinTTL, p.MaxTTL)
	}
	if slices.ContainsFunc(b.Unicast.Peers, func(o Peer) bool { return o.Addr == a }) {
		return // said twice (2.2.7 sends two adverts)
	}
	b.Unicast.Peers = append(b.Unicast.Peers, p)
}
