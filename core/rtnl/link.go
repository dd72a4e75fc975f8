package rtnl

import (
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Link is a network interface as the kernel reports it. It is comparable.
type Link struct {
	Index     int32 // ifindex; never used again for another link before the next boot
	Name      string
	Kind      string  // "veth", "macvlan", "vrf", …; "" for plain hardware
	MAC       [6]byte // zero: the link has none of six octets
	MTU       int32
	Parent    int32 // ifindex of the link below (macvlan, vlan); for veth the peer's, in its own namespace
	Master    int32 // ifindex of the bridge, bond or VRF it is a port of; 0: none
	Up        bool  // IFF_UP: the administrator wants it
	Running   bool  // IFF_RUNNING: it can carry packets
	Loopback  bool
	Multicast bool
	NoARP     bool
}

// decodeLink reads the body of an RTM_NEWLINK or RTM_DELLINK; false for what tells
// nothing about a link itself: a bridge's view of its port (whose RTM_DELLINK does not
// mean that the link is gone) and wireless events, which carry no attributes of it. The
// decoder of vishvananda/netlink is not used: it panics on a malformed message, and
// fills a hundred fields.
func decodeLink(b []byte) (l Link, ok bool, err error) {
	if len(b) < unix.SizeofIfInfomsg {
		return Link{}, false, errMalformed
	}
	msg := nl.DeserializeIfInfomsg(b)
	if msg.Family != unix.AF_UNSPEC {
		return Link{}, false, nil
	}
	l = Link{
		Index:     msg.Index,
		Up:        msg.Flags&unix.IFF_UP != 0,
		Running:   msg.Flags&unix.IFF_RUNNING != 0,
		Loopback:  msg.Flags&unix.IFF_LOOPBACK != 0,
		Multicast: msg.Flags&unix.IFF_MULTICAST != 0,
		NoARP:     msg.Flags&unix.IFF_NOARP != 0,
	}
	wireless := false
	err = eachAttr(b[unix.SizeofIfInfomsg:], func(typ uint16, v []byte) error {
		wireless = wireless || typ == unix.IFLA_WIRELESS
		return l.attr(typ, v)
	})
	if err != nil || wireless {
		return Link{}, false, err
	}
	return l, true, nil
}

func (l *Link) attr(typ uint16, v []byte) error {
	switch typ {
	case unix.IFLA_IFNAME:
		l.Name = cString(v)
	case unix.IFLA_ADDRESS:
		if len(v) == len(l.MAC) {
			copy(l.MAC[:], v)
		}
	case unix.IFLA_MTU:
		return number(v, &l.MTU)
	case unix.IFLA_LINK:
		return number(v, &l.Parent)
	case unix.IFLA_MASTER:
		return number(v, &l.Master)
	case unix.IFLA_LINKINFO:
		return eachAttr(v, func(typ uint16, v []byte) error {
			if typ == unix.IFLA_INFO_KIND {
				l.Kind = cString(v)
			}
			return nil
		})
	}
	return nil
}

func number(v []byte, into *int32) error {
	if len(v) < 4 {
		return errMalformed
	}
	*into = int32(native.Uint32(v))
	return nil
}
