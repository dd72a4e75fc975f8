package vrrpcfg

import (
	"math"
	"net/netip"
	"slices"
	"strings"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// Address flags of linux/if_addr.h.
const (
	flagHome          = 0x10  // IFA_F_HOMEADDRESS
	flagManageTemp    = 0x100 // IFA_F_MANAGETEMPADDR
	flagNoPrefixRoute = 0x200 // IFA_F_NOPREFIXROUTE
	flagAutoJoin      = 0x400 // IFA_F_MCAUTOJOIN
)

// Flags of an address by what asks for them.
func (a *Address) Home() bool          { return a.Flags&flagHome != 0 }
func (a *Address) ManageTemp() bool    { return a.Flags&flagManageTemp != 0 }
func (a *Address) NoPrefixRoute() bool { return a.Flags&flagNoPrefixRoute != 0 }
func (a *Address) AutoJoin() bool      { return a.Flags&flagAutoJoin != 0 }

// Scopes of linux/rtnetlink.h.
const (
	ScopeGlobal  Scope = 0
	ScopeSite    Scope = 200
	ScopeLink    Scope = 253
	ScopeHost    Scope = 254
	ScopeNowhere Scope = 255
)

// maxLabel is the longest label of an address (IFNAMSIZ-1).
const maxLabel = 15

// addressKind tells which options an entry may have.
type addressKind uint8

const (
	virtualAddress addressKind = iota
	staticAddress
)

// readAddress reads one line `<ip>[/<len>] [options]`. ok is false, with a
// complaint, when the entry is dropped.
func (d *decoder) readAddress(n *config.Node, kind addressKind) (a Address, ok bool) {
	c := cursor.NewEntry(n, d.diags)
	w, _ := c.Next()
	prefix, ok := c.Prefix(w)
	if !ok {
		return a, false
	}
	a = Address{Prefix: prefix, PreferredLft: Forever, Range: w.Range}
	for o, ok := c.Next(); ok; o, ok = c.Next() {
		if !d.readAddressOption(&a, kind, w.Text, o, c) {
			return a, false
		}
	}
	said := slices.ContainsFunc(n.Args, func(w config.Word) bool { return w.Text == "preferred_lft" })
	if a.Prefix.Addr().Is6() && a.Prefix.Bits() == 128 && !said { // also where a peer has taken its length
		a.PreferredLft = 0 // deprecated, so that it is not chosen as a source
	}
	if a.Peer.IsValid() && a.Broadcast.IsValid() {
		c.Errorf(c.Line(), diag.Conflict, "Cannot specify broadcast and peer addresses - ignoring broadcast address")
		a.Broadcast = netip.Addr{}
	}
	return a, true
}

// readAddressOption reads one option and its value; false drops the entry.
func (d *decoder) readAddressOption(a *Address, kind addressKind, entry string, o config.Word, c *cursor.Cursor) bool {
	switch o.Text {
	case "home":
		a.Flags |= flagHome
	case "mngtmpaddr":
		a.Flags |= flagManageTemp
	case "noprefixroute":
		a.Flags |= flagNoPrefixRoute
	case "autojoin":
		a.Flags |= flagAutoJoin
	case "-nodad":
		a.DAD = true
	case "no_track":
		a.NoTrack = true
	case "use_vmac":
		if kind == staticAddress {
			return d.unknownAddressOption(o)
		}
		a.UseVMAC = true
		d.diags.Noticef(o.Range, diag.Unsupported, "no effect yet: use_vmac of an address (%s)", noVMAC)
	case "dev", "scope", "label", "brd", "broadcast", "peer", "preferred_lft", "track_group":
		if o.Text == "track_group" && kind == virtualAddress {
			return d.unknownAddressOption(o)
		}
		v, ok := c.Next()
		if !ok {
			c.Errorf(o.Range, diag.BadValue, "No %s parameter specified for %s", o.Text, entry)
			return false
		}
		return d.readAddressValue(a, entry, o, v, c)
	default:
		return d.unknownAddressOption(o)
	}
	return true
}

func (d *decoder) unknownAddressOption(o config.Word) bool {
	d.diags.Errorf(o.Range, diag.BadValue, "Unknown configuration entry '%s' for ip address - ignoring", o.Text)
	if text, _, _ := strings.Cut(o.Text, "/"); text != "" {
		if _, ok := cursor.ParseAddr(text); ok {
			d.diags.WithHint("one address a line: this one is not set")
		}
	}
	return true
}

// readAddressValue takes the value v of option o; false drops the entry.
func (d *decoder) readAddressValue(a *Address, entry string, o, v config.Word, c *cursor.Cursor) bool {
	switch o.Text {
	case "dev":
		if a.DevSet {
			c.Errorf(o.Range, diag.Duplicate, "Cannot specify ipaddress device more than once for %s", entry)
			return false
		}
		a.Dev, a.DevSet = v.Text, true
		d.wantInterface(v, "WARNING - interface %s for ip address %s doesn't exist", v.Text, entry)
	case "label":
		switch {
		case a.Prefix.Addr().Is6():
			c.Errorf(v.Range, diag.Ignored, "Cannot specify label for IPv6 addresses (%s) - ignoring label", entry)
		case len(v.Text) > maxLabel:
			c.Errorf(v.Range, diag.BadValue, "Address label %s is longer than maximum length %d - removing address", v.Text, maxLabel)
			return false
		default:
			a.Label = v.Text
		}
	case "scope":
		scope, ok, _ := d.number(scopes, v.Text)
		switch {
		case a.Prefix.Addr().Is6():
			c.Errorf(v.Range, diag.Ignored, "Cannot specify scope for IPv6 addresses (%s) - ignoring scope", entry)
		case !ok:
			c.Errorf(v.Range, diag.BadValue, "Invalid scope '%s' specified for %s - ignoring", v.Text, entry)
		default:
			a.Scope, a.ScopeSet = Scope(scope), true
			if _, isNumber := cNumber(v.Text, math.MaxUint8); !isNumber {
				a.ScopeName = v.Text
			}
		}
	case "brd", "broadcast":
		return d.readBroadcast(a, entry, o, v)
	case "peer":
		d.readPeerAddress(a, v)
	case "preferred_lft":
		if v.Text == "forever" {
			a.PreferredLft = Forever
		} else if n, ok := c.ParseInt(v, v.Text, 0, math.MaxUint32); ok {
			a.PreferredLft = uint32(n)
		} else {
			c.Hint("preferred_lft %s is invalid", v.Text)
		}
	case "track_group":
		if d.wantTrackGroup(c, v) {
			a.TrackGroup = v.Text
		}
	}
	return true
}

func (d *decoder) readBroadcast(a *Address, entry string, o, v config.Word) bool {
	if a.Prefix.Addr().Is6() {
		d.diags.Errorf(o.Range, diag.BadAddress, "VRRP is trying to assign a broadcast %s to the IPv6 address %s. skipping VIP...", o.Text, entry)
		return false
	}
	if v.Text == "+" || v.Text == "-" {
		if a.Prefix.Bits() > 30 {
			d.diags.Errorf(v.Range, diag.BadAddress, "Address prefix length %d too long for broadcast", a.Prefix.Bits())
			return true
		}
		a.Broadcast = hostBits(a.Prefix, v.Text == "+")
		return true
	}
	b, ok := cursor.ParseAddr(v.Text)
	if !ok || !b.Is4() {
		d.diags.Errorf(v.Range, diag.BadAddress, "VRRP is trying to assign invalid broadcast %s. skipping VIP...", v.Text)
		return false
	}
	a.Broadcast = b
	return true
}

// hostBits returns the address of p with all host bits set or cleared.
func hostBits(p netip.Prefix, set bool) netip.Addr {
	b := p.Masked().Addr().As4()
	if set {
		for i := p.Bits(); i < 32; i++ {
			b[i/8] |= 0x80 >> (i % 8)
		}
	}
	return netip.AddrFrom4(b)
}

// readPeerAddress takes `peer <ip>`; the address itself then has no prefix.
func (d *decoder) readPeerAddress(a *Address, v config.Word) {
	peer, ok := cursor.ParseAddr(v.Text)
	switch {
	case !ok:
		d.diags.Errorf(v.Range, diag.BadAddress, "VRRP parsed invalid IP %s. skipping IP...", v.Text)
		d.diags.WithHint("Invalid peer address %s", v.Text)
	case FamilyOf(peer) != FamilyOf(a.Prefix.Addr()):
		d.diags.Errorf(v.Range, diag.BadAddress, "Peer address %s does not match address family", v.Text)
	default:
		if a.Prefix.Bits() != a.Prefix.Addr().BitLen() {
			d.diags.Errorf(v.Range, diag.Conflict, "Cannot specify address prefix when specifying peer address - ignoring")
			a.Prefix = netip.PrefixFrom(a.Prefix.Addr(), a.Prefix.Addr().BitLen())
		}
		a.Peer = netip.PrefixFrom(peer, peer.BitLen())
	}
}
