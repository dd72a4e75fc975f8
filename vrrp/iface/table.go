// Package iface is our picture of the links and their addresses, fed by events. It is
// pure: it knows neither netlink nor sockets, and belongs to the loop.
//
// An instance is bound to a link by name, for good: the name gets a slot, a small dense
// number, and the slot outlives the link. A link that is deleted and made again, or that
// is renamed to the name, comes back under the same slot with another ifindex.
package iface

import (
	"net/netip"
	"slices"
)

// Slot is the number of a watched interface name, dense from 0.
type Slot int32

// Link is a network interface.
type Link struct {
	Index     int32 // ifindex
	Name      string
	Kind      string
	MAC       [6]byte
	MTU       int32
	Parent    int32
	Master    int32
	Up        bool // IFF_UP
	Running   bool // IFF_RUNNING: it can carry packets
	Loopback  bool
	Multicast bool
	NoARP     bool
}

// Ready reports a link that is up and can carry packets: keepalived's notion of up.
func (l Link) Ready() bool { return l.Up && l.Running }

// Addr is an address on a link.
type Addr struct {
	Link      int32 // ifindex
	Prefix    netip.Prefix
	Peer      netip.Addr
	Ours      bool // set by a keepalived (protocol 18)
	Tentative bool // duplicate address detection still runs
	DADFailed bool // another host has it
}

// EventKind says what happened in the kernel.
type EventKind uint8

// The kinds of Event.
const (
	_           EventKind = iota
	LinkChanged           // Link is new, or this is how it is now
	LinkGone              // only Link.Index counts
	AddrChanged           // Addr is new, or this is how it is now
	AddrGone              // Addr is no more
)

// Event is one change in the kernel.
type Event struct {
	Kind EventKind
	Link Link
	Addr Addr
}

// What says what a Change is about.
type What uint8

// The kinds of Change.
const (
	_         What = iota
	Appeared       // a link has the name now
	Vanished       // no link has the name any more: deleted, moved away or renamed
	State          // Ready differs
	Altered        // MAC, MTU, parent, master or kind differ
	Source         // PrimaryIPv4 or LinkLocal differs
	Duplicate      // duplicate address detection found another host with Addr
)

// Change is what an event means for a watched name.
type Change struct {
	Slot Slot
	What What
	Addr netip.Addr // of Duplicate
}

// Table is the picture. Use New.
type Table struct {
	watched []watch
	byName  map[string]Slot
	slots   map[int32]Slot // by ifindex, of watched names only
	links   map[int32]Link
	names   map[string]int32
	addrs   map[int32]*addrSet
	vips    map[netip.Addr]struct{}
}

type watch struct {
	name      string
	index     int32 // 0: waiting for the interface
	users     []int32
	primary   netip.Addr
	linkLocal netip.Addr
}

// New returns an empty picture.
func New() *Table {
	return &Table{
		byName: map[string]Slot{}, slots: map[int32]Slot{}, links: map[int32]Link{},
		names: map[string]int32{}, addrs: map[int32]*addrSet{},
	}
}

// Watch binds user, an instance, to an interface name, whether a link has it or not.
func (t *Table) Watch(name string, user int32) Slot {
	s, known := t.byName[name]
	if !known {
		s = Slot(len(t.watched))
		t.byName[name] = s
		t.watched = append(t.watched, watch{name: name})
		if index, there := t.names[name]; there {
			t.bind(s, index)
		}
	}
	w := &t.watched[s]
	if !slices.Contains(w.users, user) {
		w.users = append(w.users, user)
	}
	return s
}

// Unwatch ends what Watch began. The slot stays with the name.
func (t *Table) Unwatch(s Slot, user int32) {
	w := &t.watched[s]
	w.users = slices.DeleteFunc(w.users, func(u int32) bool { return u == user })
}

// Users returns the instances on a slot; the list is the table's.
func (t *Table) Users(s Slot) []int32 { return t.watched[s].users }

// Slots returns how many slots there are.
func (t *Table) Slots() int { return len(t.watched) }

// Name returns the interface name of a slot.
func (t *Table) Name(s Slot) string { return t.watched[s].name }

// SlotOf finds the slot of a link by ifindex; false for links nobody watches. It is the
// lookup of the receive path and allocates nothing.
func (t *Table) SlotOf(index int32) (Slot, bool) {
	s, ok := t.slots[index]
	return s, ok
}

// Link returns the link of a slot; false while the slot waits for its interface.
func (t *Table) Link(s Slot) (Link, bool) {
	if i := t.watched[s].index; i != 0 {
		return t.links[i], true
	}
	return Link{}, false
}

// ByName finds any link, watched or not.
func (t *Table) ByName(name string) (Link, bool) {
	i, ok := t.names[name]
	return t.links[i], ok
}

// All returns every link by ascending ifindex, watched or not.
func (t *Table) All() []Link {
	all := make([]Link, 0, len(t.links))
	for _, l := range t.links {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b Link) int { return int(a.Index - b.Index) })
	return all
}

// ByIndex finds any link, watched or not.
func (t *Table) ByIndex(index int32) (Link, bool) {
	l, ok := t.links[index]
	return l, ok
}

// Addrs returns the addresses of a link in the order of their arrival.
func (t *Table) Addrs(index int32) []Addr {
	set := t.addrs[index]
	if set == nil {
		return nil
	}
	var list []Addr
	for _, h := range set.inOrder() {
		list = append(list, h.Addr)
	}
	return list
}

// Holds reports whether a is on its link, in use, exactly so: with this prefix and peer.
func (t *Table) Holds(a Addr) bool {
	set := t.addrs[a.Link]
	if set == nil {
		return false
	}
	h, ok := set.all[a.key()]
	return ok && !h.Tentative && !h.DADFailed
}

// Has reports whether ip is on the link with any prefix, in use (not tentative, not a
// duplicate). It looks at all addresses of the link.
func (t *Table) Has(index int32, ip netip.Addr) bool {
	set := t.addrs[index]
	if set == nil {
		return false
	}
	for k, h := range set.all {
		if k.ip == ip && !h.Tentative && !h.DADFailed {
			return true
		}
	}
	return false
}

// PrimaryIPv4 is the address of the interface that adverts come from and ties are broken
// with, the zero Addr when there is none. keepalived 2.2.7 takes the first address the
// kernel lists, of whatever scope, even one of its own virtual addresses left over from
// a crash, which the next moment it removes (observed). We take the first that is neither
// a virtual address nor ours, and a virtual address that somebody else has set only when
// there is no other: the owner of its addresses may have no second one.
func (t *Table) PrimaryIPv4(s Slot) netip.Addr { return t.watched[s].primary }

// LinkLocal is the IPv6 address that adverts come from, chosen likewise among the
// link-local addresses that passed duplicate address detection.
func (t *Table) LinkLocal(s Slot) netip.Addr { return t.watched[s].linkLocal }

// SetVIPs says which addresses are configured as virtual ones, on whatever interface,
// and appends what that changes.
func (t *Table) SetVIPs(vips map[netip.Addr]struct{}, out []Change) []Change {
	t.vips = vips
	for _, set := range t.addrs {
		set.rerank(vips)
	}
	for s := range t.watched {
		out = t.sources(Slot(s), out)
	}
	return out
}

// Apply takes an event into the picture and appends what it means to out.
func (t *Table) Apply(e Event, out []Change) []Change {
	switch e.Kind {
	case LinkChanged:
		return t.linkIs(e.Link, out)
	case LinkGone:
		return t.linkGone(e.Link.Index, out)
	case AddrChanged:
		return t.addrIs(e.Addr, out)
	case AddrGone:
		return t.addrGone(e.Addr, out)
	}
	return out
}

func (t *Table) linkIs(l Link, out []Change) []Change {
	old, known := t.links[l.Index]
	t.links[l.Index] = l
	if known && old.Name == l.Name {
		return t.compare(old, l, out)
	}
	if known {
		out = t.unname(old, out)
	}
	// A name still taken by another link: that one has gone or changed its name, and
	// the news is on its way.
	if other, taken := t.names[l.Name]; taken && other != l.Index {
		out = t.unname(t.links[other], out)
	}
	t.names[l.Name] = l.Index
	if s, watched := t.byName[l.Name]; watched {
		t.bind(s, l.Index)
		out = append(out, Change{Slot: s, What: Appeared})
	}
	return out
}

func (t *Table) compare(old, l Link, out []Change) []Change {
	s, watched := t.slots[l.Index]
	if !watched {
		return out
	}
	if old.Ready() != l.Ready() {
		out = append(out, Change{Slot: s, What: State})
	}
	old.Up, old.Running = l.Up, l.Running
	if old != l {
		out = append(out, Change{Slot: s, What: Altered})
	}
	return out
}

// bind connects a slot with a link; whoever watches is told Appeared, which stands for
// the sources, too.
func (t *Table) bind(s Slot, index int32) {
	w := &t.watched[s]
	w.index = index
	t.slots[index] = s
	w.primary, w.linkLocal = t.choose(index)
}

// unname takes the name away from a link.
func (t *Table) unname(l Link, out []Change) []Change {
	if t.names[l.Name] != l.Index {
		return out
	}
	delete(t.names, l.Name)
	s, watched := t.slots[l.Index]
	if !watched {
		return out
	}
	delete(t.slots, l.Index)
	w := &t.watched[s]
	w.index, w.primary, w.linkLocal = 0, netip.Addr{}, netip.Addr{}
	return append(out, Change{Slot: s, What: Vanished})
}

func (t *Table) linkGone(index int32, out []Change) []Change {
	if l, known := t.links[index]; known {
		out = t.unname(l, out)
	}
	delete(t.links, index)
	delete(t.addrs, index)
	return out
}

func (t *Table) addrIs(a Addr, out []Change) []Change {
	set := t.addrs[a.Link]
	if set == nil {
		set = &addrSet{}
		t.addrs[a.Link] = set
	}
	was := set.put(a, t.vips)
	s, watched := t.slots[a.Link]
	if !watched {
		return out
	}
	if a.DADFailed && !was.DADFailed {
		out = append(out, Change{Slot: s, What: Duplicate, Addr: a.Prefix.Addr()})
	}
	return t.sources(s, out)
}

func (t *Table) addrGone(a Addr, out []Change) []Change {
	set := t.addrs[a.Link]
	if set == nil {
		return out
	}
	set.drop(a)
	if s, watched := t.slots[a.Link]; watched {
		out = t.sources(s, out)
	}
	if len(set.all) == 0 {
		delete(t.addrs, a.Link)
	}
	return out
}

// sources chooses the source addresses of a slot anew.
func (t *Table) sources(s Slot, out []Change) []Change {
	w := &t.watched[s]
	if w.index == 0 {
		return out
	}
	primary, linkLocal := t.choose(w.index)
	if primary == w.primary && linkLocal == w.linkLocal {
		return out
	}
	w.primary, w.linkLocal = primary, linkLocal
	return append(out, Change{Slot: s, What: Source})
}

func (t *Table) choose(index int32) (primary, linkLocal netip.Addr) {
	if set := t.addrs[index]; set != nil {
		return set.choose()
	}
	return primary, linkLocal
}
