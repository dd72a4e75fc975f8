package checkercfg

import (
	"slices"
	"time"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// bfdInstance is a bfd_instance under construction.
type bfdInstance struct {
	*BFD
	d   *decoder
	bad bool
}

// taken reports whether another instance has that neighbour.
func (b *bfdInstance) taken(text string) bool {
	a, ok := cursor.ParseAddr(text)
	return ok && slices.ContainsFunc(b.d.cfg.BFDs, func(o *BFD) bool { return o.Neighbour == a })
}

func (d *decoder) readBFD(c *cursor.Cursor) {
	name, ok := c.Word()
	if !ok {
		return
	}
	if d.bfds[name.Text] != nil {
		d.diags.Errorf(name.Range, diag.Duplicate, "Configuration error: BFD instance %s already configured - ignoring", name.Text)
		return
	}
	b := bfdInstance{d: d, BFD: &BFD{
		Name: name.Text, Range: name.Range,
		MinRx: 10 * time.Millisecond, MinTx: 10 * time.Millisecond, IdleTx: time.Second, Multiplier: 5,
	}}
	bfdTable.Decode(&b, c.Block(), d.diags)
	switch {
	case b.bad:
	case !b.Neighbour.IsValid():
		d.diags.Errorf(name.Range, diag.BadValue, "Configuration error: BFD instance %s has no neighbor address set, disabling instance", b.Name)
	case b.Source.IsValid() && b.Source.Is4() != b.Neighbour.Is4():
		d.diags.Errorf(name.Range, diag.BadAddress, "Configuration error: BFD instance %s source address %s and neighbor address %s are not of the same family, disabling instance", b.Name, b.Source, b.Neighbour)
	default:
		b.complete()
		d.bfds[b.Name] = b.BFD
		d.cfg.BFDs = append(d.cfg.BFDs, b.BFD)
	}
}

// complete fills in what depends on more than one keyword.
func (b *BFD) complete() {
	if b.TTL == 0 {
		b.TTL = 64
		if b.Neighbour.Is4() {
			b.TTL = 255
		}
	}
	if !b.VRRP && !b.Checker {
		b.VRRP, b.Checker = true, true
	}
}

func bfdRows() []cursor.Row[bfdInstance] {
	const path = "bfd_instance"
	neighbour := func(name string) cursor.Row[bfdInstance] {
		return valued(path, name, config.Of(config.Address), func(b *bfdInstance, c *cursor.Cursor) {
			w, ok := c.Word()
			if !ok {
				return
			}
			if b.taken(w.Text) {
				c.Errorf(w.Range, diag.Duplicate, "Configuration error: BFD instance %s has duplicate neighbor address %s, ignoring instance", b.Name, w.Text)
				b.bad = true
			} else if b.Neighbour, ok = cursor.ParseAddr(w.Text); !ok {
				c.Errorf(w.Range, diag.BadAddress, "Configuration error: BFD instance %s has malformed neighbor address %s, ignoring instance", b.Name, w.Text)
				b.bad = true
			}
		})
	}
	weight := valued(path, "weight", config.Whole(-253, 253), func(b *bfdInstance, c *cursor.Cursor) {
		if n, ok := c.Number(); ok {
			b.Weight, b.Reverse = int(n), readReverse(c, "reverse")
		}
	})
	weight.Grammar = "<n> [reverse]"
	return slices.Concat([]cursor.Row[bfdInstance]{
		neighbour("neighbor_ip"),
		neighbour("neighbour_ip"),
		doc("", "any", valued(path, "source_ip", config.Of(config.Address), func(b *bfdInstance, c *cursor.Cursor) {
			w, ok := c.Word()
			if !ok {
				return
			}
			a, ok := cursor.ParseAddr(w.Text)
			if !ok {
				c.Errorf(w.Range, diag.BadAddress, "Configuration error: BFD instance %s has malformed source address %s, ignoring", b.Name, w.Text)
				return
			}
			b.Source = a
		})),
	}, bfdTimeRows(path), []cursor.Row[bfdInstance]{
		number(path, "multiplier", "5", 1, 255, func(b *bfdInstance, n int64) { b.Multiplier = uint8(n) }),
		flag(path, "passive", func(b *bfdInstance) { b.Passive = true }),
		number(path, "ttl", "255; IPv6: 64", 1, 255, func(b *bfdInstance, n int64) { b.TTL = uint8(n) }),
		number(path, "hoplimit", "255; IPv6: 64", 1, 255, func(b *bfdInstance, n int64) { b.TTL = uint8(n) }),
		number(path, "max_hops", "0", -1, 255, func(b *bfdInstance, n int64) { b.MaxHops = int(n) }),
		since("2.2.8", boolean(path, "multihop", "off", "", func(b *bfdInstance, v bool) { b.Multihop = v })),
		doc("", "0", weight),
		doc("", "with checker", flag(path, "vrrp", func(b *bfdInstance) { b.VRRP = true })),
		doc("", "with vrrp", flag(path, "checker", func(b *bfdInstance) { b.Checker = true })),
	})
}

// bfdTimeRows are the intervals, in milliseconds.
func bfdTimeRows(path string) []cursor.Row[bfdInstance] {
	const longest = 4294967 * time.Millisecond
	millis := func(name, def string, min time.Duration, at func(*bfdInstance) *time.Duration) cursor.Row[bfdInstance] {
		return doc("", def, valued(path, name, config.Millis(min, longest), func(b *bfdInstance, c *cursor.Cursor) {
			d, ok := c.Duration()
			if !ok {
				c.Hint("Configuration error: BFD instance %s %s value is not valid (must be in range [%d-4294967]), ignoring", b.Name, name, min.Milliseconds())
				return
			}
			*at(b) = d
		}))
	}
	return []cursor.Row[bfdInstance]{
		millis("min_rx", "10", time.Millisecond, func(b *bfdInstance) *time.Duration { return &b.MinRx }),
		millis("min_tx", "10", time.Millisecond, func(b *bfdInstance) *time.Duration { return &b.MinTx }),
		millis("idle_tx", "1000", time.Second, func(b *bfdInstance) *time.Duration { return &b.IdleTx }),
	}
}
