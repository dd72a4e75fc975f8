package checkercfg

import (
	"net/netip"
	"time"

	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// bfdInstance is a bfd_instance under construction.
type bfdInstance struct {
	name              string
	neighbour, source netip.Addr
	bad               bool
}

func (d *decoder) readBFD(c *cursor.Cursor) {
	name, ok := c.Word()
	if !ok {
		return
	}
	b := bfdInstance{name: name.Text}
	bfdTable.Decode(&b, c.Block(), d.diags)
	switch {
	case b.bad:
	case !b.neighbour.IsValid():
		d.diags.Errorf(name.Range, diag.BadValue, "Configuration error: BFD instance %s has no neighbor address set, disabling instance", b.name)
	case b.source.IsValid() && b.source.Is4() != b.neighbour.Is4():
		d.diags.Errorf(name.Range, diag.BadAddress, "Configuration error: BFD instance %s source address %s and neighbor address %s are not of the same family, disabling instance", b.name, b.source, b.neighbour)
	default:
		d.bfds[b.name] = true
	}
}

func bfdRows() []cursor.Row[bfdInstance] {
	const path = "bfd_instance"
	neighbour := func(name string) cursor.Row[bfdInstance] {
		return line(path, name, "<ip>", 1, func(b *bfdInstance, c *cursor.Cursor) {
			w, ok := c.Word()
			if !ok {
				return
			}
			if b.neighbour, ok = cursor.ParseAddr(w.Text); !ok {
				c.Errorf(w.Range, diag.BadAddress, "Configuration error: BFD instance %s has malformed neighbor address %s, ignoring instance", b.name, w.Text)
				b.bad = true
			}
		})
	}
	millis := func(name, def string, min time.Duration) cursor.Row[bfdInstance] {
		const max = 4294967000 * time.Microsecond
		return doc(sprintf("%d..4294967 ms", min.Milliseconds()), def, line(path, name, "<milliseconds>", 1, func(b *bfdInstance, c *cursor.Cursor) {
			if _, ok := c.Millis(min, max); !ok {
				c.Hint("Configuration error: BFD instance %s %s value is not valid (must be in range [%d-4294967]), ignoring", b.name, name, min.Milliseconds())
			}
		}))
	}
	return []cursor.Row[bfdInstance]{
		neighbour("neighbor_ip"),
		neighbour("neighbour_ip"),
		line(path, "source_ip", "<ip>", 1, func(b *bfdInstance, c *cursor.Cursor) {
			w, ok := c.Word()
			if !ok {
				return
			}
			a, ok := cursor.ParseAddr(w.Text)
			if !ok {
				c.Errorf(w.Range, diag.BadAddress, "Configuration error: BFD instance %s has malformed source address %s, ignoring", b.name, w.Text)
				return
			}
			b.source = a
		}),
		millis("min_rx", "10", time.Millisecond),
		millis("min_tx", "10", time.Millisecond),
		millis("idle_tx", "1000", time.Second),
		number[bfdInstance](path, "multiplier", "5", 1, 255, nil),
		flag[bfdInstance](path, "passive", nil),
		number[bfdInstance](path, "ttl", "255; IPv6: 64", 1, 255, nil),
		number[bfdInstance](path, "hoplimit", "255; IPv6: 64", 1, 255, nil),
		number[bfdInstance](path, "max_hops", "0", -1, 255, nil),
		since("2.2.8", boolean[bfdInstance](path, "multihop", "off", "", nil)),
		doc("-253..253", "0", line(path, "weight", "<n> [reverse]", 1, func(_ *bfdInstance, c *cursor.Cursor) {
			if _, ok := c.Int(-253, 253); ok {
				readReverse(c, "reverse")
			}
		})),
		flag[bfdInstance](path, "vrrp", nil),
		flag[bfdInstance](path, "checker", nil),
	}
}
