package vrrpcfg

import (
	"math"
	"strconv"
	"strings"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// readEncap reads the words behind encap; false, with a complaint, when they are wrong.
func (d *decoder) readEncap(c *cursor.Cursor) (e Encap, ok bool) {
	v, ok := c.Word()
	if !ok {
		return e, false
	}
	switch v.Text {
	case "mpls":
		e.Kind = EncapMPLS
		w, ok := c.Word()
		return e, ok && e.readLabels(w, c)
	case "ila":
		e.Kind = EncapILA
		w, ok := c.Word()
		return e, ok && e.readLocator(w, c)
	case "ip":
		e.Kind = EncapIP
	case "ip6":
		e.Kind = EncapIP6
	default:
		c.Errorf(v.Range, diag.BadValue, "Unknown encap type - %s", v.Text)
		c.Expect("one of mpls, ip, ip6, ila")
		return e, false
	}
	for w, more := c.Peek(); more && e.has(w.Text); w, more = c.Peek() {
		c.Next()
		if !d.readEncapWord(&e, w, c) {
			return e, false
		}
	}
	if !e.IDSet && !e.Dst.IsValid() && !e.Src.IsValid() {
		c.Errorf(v.Range, diag.BadValue, "address or id missing for %s encapsulation", v.Text)
		return e, false
	}
	return e, true
}

// has reports whether a tunnel of this kind has the option.
func (e *Encap) has(word string) bool {
	switch word {
	case "id", "dst", "src", "flags":
		return true
	case "tos", "ttl":
		return e.Kind == EncapIP
	case "tc", "hoplimit":
		return e.Kind == EncapIP6
	}
	return false
}

func (d *decoder) readEncapWord(e *Encap, w config.Word, c *cursor.Cursor) bool {
	v, ok := c.Word()
	if !ok {
		return false
	}
	switch w.Text {
	case "dst", "src":
		a, ok := d.routeAddr(v, "Invalid encap %s %s %s", e.Kind, w.Text, v.Text)
		if !ok {
			return false
		}
		if a.Is6() != (e.Kind == EncapIP6) {
			c.Errorf(v.Range, diag.BadAddress, "%s address %s not valid for %s encapsulation", FamilyOf(a), v.Text, e.Kind)
			return false
		}
		if w.Text == "dst" {
			e.Dst = a
		} else {
			e.Src = a
		}
	case "id":
		n, ok := c.ParseInt(v, v.Text, 0, math.MaxInt64)
		if !ok {
			c.Hint("encap id %s value is invalid", v.Text)
			return false
		}
		e.ID, e.IDSet = uint64(n), true
	case "tos", "tc":
		n, known, unresolved := d.number(dsFields, v.Text)
		if !known {
			c.Errorf(v.Range, diag.BadValue, "%s value %s is invalid for %s encapsulation", w.Text, v.Text, e.Kind)
			return false
		}
		e.TOS, e.Unresolved = Attr{Set: true, N: n}, unresolved
	case "ttl", "hoplimit":
		return readEncapNumber(&e.TTL, v, math.MaxUint8, c)
	case "flags":
		return readEncapNumber(&e.Flags, v, math.MaxUint16, c)
	}
	return true
}

func readEncapNumber(at *Attr, v config.Word, max int64, c *cursor.Cursor) bool {
	n, ok := c.ParseInt(v, v.Text, 0, max)
	*at = Attr{Set: true, N: uint32(n)}
	return ok
}

// readLabels takes `<label>[/<label>]`.
func (e *Encap) readLabels(v config.Word, c *cursor.Cursor) bool {
	const highest = 1<<20 - 1
	list := strings.Split(v.Text, "/")
	for i, text := range list {
		n, ok := cNumber(text, highest)
		if !ok || len(list) > maxLabels {
			c.Errorf(v.Range, diag.BadValue, "invalid mpls address %s for encapsulation", v.Text)
			c.Expect("one label or two with a / between them, each up to %d", highest)
			return false
		}
		e.Labels[i] = n
		e.NumLabels++
	}
	return true
}

// readLocator takes four groups of 16 bits.
func (e *Encap) readLocator(v config.Word, c *cursor.Cursor) bool {
	groups := strings.Split(v.Text, ":")
	for _, g := range groups {
		n, err := strconv.ParseUint(g, 16, 16)
		if err != nil || len(groups) != 4 {
			c.Errorf(v.Range, diag.BadValue, "invalid locator %s for ila encapsulation", v.Text)
			c.Expect("four hexadecimal numbers of 16 bits: 1:2:3:4")
			return false
		}
		e.Locator = e.Locator<<16 | n
	}
	return true
}
