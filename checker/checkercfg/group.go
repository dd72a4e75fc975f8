package checkercfg

import (
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// readGroup reads the lines of a virtual_server_group.
func (d *decoder) readGroup(c *cursor.Cursor) {
	name, ok := c.Word()
	if !ok {
		return
	}
	g := &Group{Name: name.Text, Range: name.Range}
	for _, n := range c.Block() {
		if e, ok := readEntry(cursor.NewEntry(n, d.diags)); ok {
			g.Entries = append(g.Entries, e)
		}
	}
	if len(g.Entries) == 0 {
		d.diags.Errorf(name.Range, diag.BadValue, "virtual server group %s has no entries - removing", name.Text)
		return
	}
	d.groups[g.Name] = g
	d.cfg.Groups = append(d.cfg.Groups, g)
}

// onlyMarks reports a group of firewall marks, in which a protocol means nothing.
func (g *Group) onlyMarks() bool {
	return !slices.ContainsFunc(g.Entries, func(e Entry) bool { return e.Mark == 0 })
}

// readEntry reads `fwmark <n> [inet|inet6]` or `<range> [<port>]`.
func readEntry(c *cursor.Cursor) (e Entry, ok bool) {
	w, _ := c.Next()
	if w.Text == "fwmark" {
		if !c.More() {
			c.Errorf(w.Range, diag.BadValue, "no virtual server group fwmark value specified")
			return e, false
		}
		n, ok := c.Int(1, math.MaxUint32)
		e.Mark = uint32(n)
		if f, more := c.Next(); more {
			e.Family = map[string]Family{"inet": IPv4, "inet6": IPv6}[f.Text]
		}
		c.Surplus()
		return e, ok
	}
	if p, err := netip.ParsePrefix(w.Text); err == nil && p != p.Masked() {
		c.Errorf(w.Range, diag.BadAddress, "Address mask bits not empty - %s - skipping", w.Text)
		return e, false
	}
	e.First, e.Last, ok = readRange(w.Text)
	switch {
	case !ok && e.First.IsValid() && strings.Contains(w.Text, "-"):
		c.Errorf(w.Range, diag.BadAddress, "Virtual server group range '%s' end is invalid", w.Text)
		return e, false
	case !ok:
		c.Errorf(w.Range, diag.BadAddress, "Invalid virtual server group IP address %s  - skipping", w.Text)
		return e, false
	case e.Last.Less(e.First):
		c.Errorf(w.Range, diag.BadAddress, "Address range end is not greater than address range start - %s - skipping", w.Text)
		return e, false
	}
	if c.More() {
		n, ok := c.Int(1, 65535)
		e.Port = uint16(n)
		c.Surplus()
		return e, ok
	}
	return e, true
}

// readRange reads <ip>, <ip>-<n>, <ip>-<ip> or <ip>/<len>. n is the last octet of an
// IPv4 address, the last group of hexadecimal digits of an IPv6 address.
func readRange(text string) (first, last netip.Addr, ok bool) {
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return first, last, false
		}
		return p.Addr(), lastOf(p), true
	}
	from, to, ranged := strings.Cut(text, "-")
	first, ok = cursor.ParseAddr(from)
	if !ok || !ranged {
		return first, first, ok
	}
	if last, ok = cursor.ParseAddr(to); ok {
		return first, last, first.Is4() == last.Is4()
	}
	b := first.AsSlice()
	base, bits := 16, 16
	if first.Is4() {
		base, bits = 10, 8
	}
	n, err := strconv.ParseUint(to, base, bits)
	if err != nil {
		return first, last, false
	}
	b[len(b)-1] = byte(n)
	if bits == 16 {
		b[len(b)-2] = byte(n >> 8)
	}
	last, _ = netip.AddrFromSlice(b)
	return first, last, true
}

// lastOf is the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
