package vrrpcfg

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// maxInterface is the longest name of an interface (IFNAMSIZ-1).
const maxInterface = 15

func interfaceRows() []row {
	return []row{
		effect(noVMAC, on("use_vmac", "[[name] <if>] [<MAC address>] [netlink_notify_msg] [group <id>]", 0, (*building).readVMAC)),
		effect(noVMAC, flag("use_vmac_addr", func(b *building) { b.Identity.VMAC.Addresses = true })),
		effect(noVMAC, flag("vmac_xmit_base", func(b *building) { b.Identity.VMAC.XmitBase = true })),
		effect(noVMAC, on("use_ipvlan", "[[name] <if>] [<ip>] [bridge|private|vepa] [group <id>]", 0, (*building).readIPVLAN)),
	}
}

func (b *building) readVMAC(c *cursor.Cursor) {
	v := &b.Identity.VMAC
	v.Enabled = true
	for w, ok := c.Next(); ok; w, ok = c.Next() {
		mac, isMAC := parseMAC(w.Text)
		switch {
		case w.Text == "netlink_notify_msg":
			v.Notify = true
		case w.Text == "group" && c.More():
			g, _ := c.Next()
			v.Group = g.Text
		case w.Text == "name" && c.More():
			n, _ := c.Next()
			b.nameVMAC(n)
		case isMAC && mac[0]&1 != 0:
			c.Errorf(w.Range, diag.BadAddress, "VMAC MAC address is multicast %s - ignoring", w.Text)
		case isMAC:
			v.MAC = mac
		default:
			b.nameVMAC(w)
		}
	}
}

func (b *building) nameVMAC(w config.Word) {
	v := &b.Identity.VMAC
	switch {
	case v.Name != "":
		b.d.diags.Errorf(w.Range, diag.Duplicate, "VMAC interface name already specified")
	case !validInterface(w.Text):
		b.d.diags.Errorf(w.Range, diag.BadValue, "VMAC interface name '%s' too long or invalid characters - ignoring", w.Text)
	default:
		v.Name = w.Text
	}
}

// validInterface reports whether the kernel takes the name for an interface.
func validInterface(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= maxInterface && !strings.ContainsAny(name, "/: \t\n\v\f\r")
}

// parseMAC reads six octets, or five before the VRID (whose sixth is filled in
// later), in hexadecimal with colons.
func parseMAC(text string) (mac [6]byte, ok bool) {
	parts := strings.Split(text, ":")
	if len(parts) != 6 && len(parts) != 5 {
		return mac, false
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 16, 8)
		if err != nil || len(p) > 2 {
			return mac, false
		}
		mac[i] = byte(n)
	}
	return mac, true
}

func (b *building) readIPVLAN(c *cursor.Cursor) {
	v := &b.Identity.IPVLAN
	v.Enabled, v.Mode = true, "bridge"
	for w, ok := c.Next(); ok; w, ok = c.Next() {
		addr, err := parsePrefix(w.Text)
		switch {
		case w.Text == "bridge" || w.Text == "private" || w.Text == "vepa":
			v.Mode = w.Text
		case w.Text == "group" && c.More():
			g, _ := c.Next()
			v.Group = g.Text
		case w.Text == "name" && c.More():
			n, _ := c.Next()
			v.Name = n.Text
		case err == nil && !b.takeFamily(addr.Addr()):
			c.Errorf(w.Range, diag.BadAddress, "(%s) ipvlan address[%s] MUST match vrrp instance family !!! Skipping...", b.Name, w.Text)
		case err == nil:
			v.Addr = addr
		case v.Name != "":
			c.Errorf(w.Range, diag.Duplicate, "(%s) IPVLAN interface already specified - ignoring '%s'", b.Name, w.Text)
		case !validInterface(w.Text):
			c.Errorf(w.Range, diag.BadValue, "IPVLAN interface name '%s' too long or invalid characters - ignoring", w.Text)
		default:
			v.Name = w.Text
		}
	}
}

// parsePrefix reads an address with an optional length.
func parsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		return netip.ParsePrefix(text)
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("reading %q as an address: %w", text, err)
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}
