// Package vip says which addresses an instance wants in the kernel, and connects the
// reconciling worker to rtnetlink. It is an effect package only because it hands
// addresses to core/rtnl; it keeps no state and must not import the state machine.
//
// Who owns an address: as with keepalived 2.2.7 (observed), a configured virtual address
// belongs to its instance, whoever put it on the interface. It is removed at start unless
// the instance is or becomes MASTER, also when an administrator had added it; one that
// exists already when the instance becomes MASTER is taken as it is; and when MASTER ends
// it goes. Beyond that we leave alone what we would remove and add again: an owner
// (priority 255) and a resuming MASTER adopt their addresses untouched.
package vip

import (
	"net/netip"
	"slices"
	"strings"

	"keepalived/core/rtnl"
	"keepalived/vrrp/vrrpcfg"
)

// Object is an address that an instance wants, or that was seen.
type Object struct {
	rtnl.Addr
	// NoTrack: when it is lost it stays lost until the instance becomes MASTER anew.
	NoTrack bool
}

// Same reports whether have, observed or once wanted, is as good as o. It compares what
// can be asked for and what the kernel tells again; whose IFA_PROTO it bears is no
// reason to take an address away for a moment.
func (o Object) Same(have Object) bool {
	if o.Prefix != have.Prefix || o.Peer != have.Peer {
		return false
	}
	if !o.Prefix.Addr().Is4() {
		return o.Flags&rtnl.FlagsSettable == have.Flags&rtnl.FlagsSettable && lifetime(o.Addr) == lifetime(have.Addr)
	}
	// IPv4 has no lifetimes of ours, and of the flags it keeps only these.
	const flags = rtnl.FlagNoPrefixRoute | rtnl.FlagMcastAutojoin
	return o.Flags&flags == have.Flags&flags && o.Broadcast == have.Broadcast && o.Scope == have.Scope &&
		(o.Label == have.Label || plain(o.Label) && plain(have.Label))
}

// plain reports a label that nobody chose: it is the name of the link.
func plain(label string) bool { return !strings.Contains(label, ":") }

// lifetime reduces the preferred lifetime to what does not change by itself: 0 over,
// 1 running, 2 forever.
func lifetime(a rtnl.Addr) int {
	switch {
	case a.Valid == 0 || a.Preferred == rtnl.Forever:
		return 2
	case a.Preferred == 0 || a.Flags&rtnl.FlagDeprecated != 0:
		return 0
	}
	return 1
}

// Restore implements worker.Object.
func (o Object) Restore() bool { return !o.NoTrack }

// Drags implements worker.Object: with the primary IPv4 address of a subnet go its
// secondary ones, unless promote_secondaries is set.
func (o Object) Drags(other Object) bool {
	return o.Link == other.Link && o.Prefix.Addr().Is4() && o.Key() != other.Key() && subnet(o.Addr) == subnet(other.Addr)
}

func subnet(a rtnl.Addr) netip.Prefix {
	if a.Peer.IsValid() {
		return netip.PrefixFrom(a.Peer, a.Prefix.Bits()).Masked()
	}
	return a.Prefix.Masked()
}

// Desired returns the addresses of an instance in the order in which they are set:
// virtual_ipaddress, then virtual_ipaddress_excluded, each as in the file. links finds
// the ifindex of an interface by name; entries on interfaces that do not exist now are
// left out and named in missing, once each.
func Desired(inst *vrrpcfg.Instance, links func(name string) (index int32, ok bool)) (objects []Object, missing []string) {
	objects = make([]Object, 0, len(inst.Addresses)+len(inst.Excluded))
	for _, list := range [][]vrrpcfg.Address{inst.Addresses, inst.Excluded} {
		for _, a := range list {
			index, ok := links(a.Dev)
			if !ok {
				if !slices.Contains(missing, a.Dev) {
					missing = append(missing, a.Dev)
				}
				continue
			}
			objects = append(objects, object(a, index))
		}
	}
	return objects, missing
}

func object(a vrrpcfg.Address, link int32) Object {
	o := Object{NoTrack: a.NoTrack, Addr: rtnl.Addr{
		Link: link, Prefix: a.Prefix, Flags: a.Flags, Scope: a.Scope, Proto: rtnl.ProtoKeepalived,
	}}
	if a.Peer.IsValid() {
		o.Peer = a.Peer.Addr()
		o.Prefix = netip.PrefixFrom(a.Prefix.Addr(), a.Peer.Bits())
	}
	if a.Prefix.Addr().Is4() {
		o.Label, o.Broadcast = a.Label, a.Broadcast
		return o
	}
	o.Scope = 0 // the kernel's choice
	if !a.DAD {
		o.Flags |= rtnl.FlagNoDAD
	}
	if a.PreferredLft != vrrpcfg.Forever {
		o.Preferred, o.Valid = a.PreferredLft, rtnl.Forever
	}
	return o
}

// Leftovers sorts what was observed at start. Of each instance's configured addresses
// (desired, one list per owner) it returns those that are there, as they are: the
// owner's to adopt. orphans are the others that bear our protocol number: of an earlier
// run with another configuration, or of another keepalived in the same network namespace,
// which only the caller can tell apart.
func Leftovers(desired [][]Object, observed []rtnl.Addr) (adopt [][]Object, orphans []Object) {
	there := make(map[rtnl.Key]rtnl.Addr, len(observed))
	for _, a := range observed {
		there[a.Key()] = a
	}
	configured := map[rtnl.Key]struct{}{}
	adopt = make([][]Object, len(desired))
	for i, list := range desired {
		for _, o := range list {
			k := o.Key()
			configured[k] = struct{}{}
			if a, ok := there[k]; ok {
				adopt[i] = append(adopt[i], Object{Addr: a, NoTrack: o.NoTrack})
			}
		}
	}
	for _, a := range observed {
		if _, known := configured[a.Key()]; !known && a.Proto == rtnl.ProtoKeepalived {
			orphans = append(orphans, Object{Addr: a})
		}
	}
	return adopt, orphans
}
