package cursor

import (
	"net/netip"
	"strings"

	"keepalived/core/config"
	"keepalived/core/diag"
)

// ParseAddr reads an address of either family without prefix length or zone, as
// inet_pton(3) does. ok is false, without a complaint, for anything else.
func ParseAddr(text string) (a netip.Addr, ok bool) {
	a, err := netip.ParseAddr(text)
	return a, err == nil && a.Zone() == ""
}

// Prefix reads w as an address with an optional prefix length. A length that is
// no number or too long is a complaint and all bits are taken; an empty one is 0,
// as 2.2.7 has it. ok is false, with keepalived's complaint, when the address is none.
func (c *Cursor) Prefix(w config.Word) (p netip.Prefix, ok bool) {
	text, length, slash := strings.Cut(w.Text, "/")
	a, ok := ParseAddr(text)
	if !ok {
		c.Errorf(w.Range, diag.BadAddress, "VRRP parsed invalid IP %s. skipping IP...", w.Text)
		c.Expect("an IPv4 or IPv6 address, /<prefix length> may follow")
		return p, false
	}
	bits := a.BitLen()
	if slash {
		n := int64(0)
		if length != "" {
			if n, ok = c.ParseInt(w, length, 0, int64(bits)); !ok {
				c.Hint("Invalid address prefix len %s for address %s - using %d", length, w.Text, bits)
				n = int64(bits)
			}
		}
		bits = int(n)
	}
	return netip.PrefixFrom(a, bits), true
}
