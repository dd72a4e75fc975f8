package cursor

import "net/netip"

// Addr reads an address of either family without a prefix length.
func (c *Cursor) Addr() (a netip.Addr, ok bool) { return a, false }

// Prefix reads an address with an optional prefix length (default: all bits).
func (c *Cursor) Prefix() (p netip.Prefix, ok bool) { return p, false }
