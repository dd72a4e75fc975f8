package rtnl

import (
	"fmt"

	"github.com/vishvananda/netlink"
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
// mean that the link is gone) and wireless events, which carry no attributes of it.
func decodeLink(b []byte) (l Link, ok bool, err error) {
	if len(b) < unix.SizeofIfInfomsg {
		return Link{}, false, errMalformed
	}
	if b[0] != unix.AF_UNSPEC {
		return Link{}, false, nil
	}
	wireless := false
	err = eachAttr(b[unix.SizeofIfInfomsg:], func(typ uint16, _ []byte) error {
		wireless = wireless || typ == unix.IFLA_WIRELESS
		return nil
	})
	if err != nil || wireless {
		return Link{}, false, err
	}
	decoded, err := netlink.LinkDeserialize(nil, b)
	if err != nil {
		return Link{}, false, fmt.Errorf("%w: %w", errMalformed, err)
	}
	at := decoded.Attrs()
	l = Link{
		Index: int32(at.Index), Name: at.Name, Kind: decoded.Type(), MTU: int32(at.MTU),
		Parent: int32(at.ParentIndex), Master: int32(at.MasterIndex),
		Up:        at.RawFlags&unix.IFF_UP != 0,
		Running:   at.RawFlags&unix.IFF_RUNNING != 0,
		Loopback:  at.RawFlags&unix.IFF_LOOPBACK != 0,
		Multicast: at.RawFlags&unix.IFF_MULTICAST != 0,
		NoARP:     at.RawFlags&unix.IFF_NOARP != 0,
	}
	if l.Kind == "device" { // the library's word for none
		l.Kind = ""
	}
	if len(at.HardwareAddr) == len(l.MAC) {
		copy(l.MAC[:], at.HardwareAddr)
	}
	return l, true, nil
}
