package vrrp

import (
	"fmt"
	"net/netip"
	"slices"

	"keepalived/core/logging"
	"keepalived/core/rtnl"
	"keepalived/vrrp/fsm"
	"keepalived/vrrp/iface"
	"keepalived/vrrp/sock"
)

// This file holds what the child logs about the machine and about starts and reloads as a
// whole, in the words of 2.2.7 and in its order.

// sayStart tells, before the instances start, where their adverts will come from and what
// has a bearing on them from the beginning.
func (d *daemon) sayStart() {
	d.sayInterfaces()
	d.sayHandicaps(d.instances)
	d.detail("Registering gratuitous ARP shared channel")
	if slices.ContainsFunc(d.instances, (*instance).usesIPv6) {
		d.detail("Registering gratuitous NDISC shared channel")
	}
}

// usesIPv6 reports whether the instance speaks IPv6 or has addresses to advertise there.
func (in *instance) usesIPv6() bool {
	is6 := func(a vrrpcfgAddress) bool { return a.Prefix.Addr().Is6() }
	return in.family() == sock.IPv6 || slices.ContainsFunc(in.cfg.Addresses, is6) || slices.ContainsFunc(in.cfg.Excluded, is6)
}

func (d *daemon) sayInterfaces() {
	said := map[string]bool{}
	for _, in := range d.instances {
		l, ok := d.links.Link(max(in.slot, 0))
		if in.slot < 0 || !ok || said[l.Name] {
			continue
		}
		said[l.Name] = true
		addrs := d.interfaceAddrs(l)
		for _, a := range []netip.Addr{addrs.v4, addrs.v6} {
			d.sayAssigned("Assigned", a, "for", l.Name)
		}
	}
}

func (d *daemon) sayAssigned(verb string, a netip.Addr, preposition, name string) {
	if a.IsValid() {
		d.detail(fmt.Sprintf("%s address %s %s interface %s", verb, a, preposition, name))
	}
}

// sayHandicaps tells what keeps instances in FAULT or changes their priority from their
// start on.
func (d *daemon) sayHandicaps(list []*instance) {
	faulty := map[*instance]bool{}
	for _, in := range list {
		set, total := d.standing(in)
		for _, c := range set.list {
			switch c.bit {
			case fsm.CauseInterface, fsm.CauseTrackedInterface:
				d.info(fmt.Sprintf("(%s): entering FAULT state (interface %s)", in.cfg.Name, c.name))
			case fsm.CauseSource:
				d.info(fmt.Sprintf("(%s) entering FAULT state (no %s address for interface)", in.cfg.Name, in.family()))
			default:
				continue
			}
			faulty[in] = true
		}
		in.weights = total
		if p := priority(in); p != in.cfg.Election.Priority && in.cfg.Election.Priority != fsm.PriorityOwner {
			d.info(fmt.Sprintf("(%s) Changing effective priority from %d to %d", in.cfg.Name, in.cfg.Election.Priority, p))
		}
	}
	for _, g := range d.groups {
		if i := slices.IndexFunc(g.members, func(in *instance) bool { return faulty[in] }); i >= 0 && g.st.Phase == fsm.Initialize {
			d.info(fmt.Sprintf("VRRP_Group(%s): Syncing %s to FAULT state", g.cfg.Name, g.members[i].cfg.Name))
			for _, in := range g.members {
				faulty[in] = true
			}
		}
	}
	for _, in := range list {
		if faulty[in] {
			d.info(fmt.Sprintf("(%s) entering FAULT state", in.cfg.Name))
		}
	}
}

// sayAddresses tells that the addresses of an instance are set or removed, and those that
// are not in its adverts beside them.
func (d *daemon) sayAddresses(in *instance, doing string) {
	d.detail("(" + in.cfg.Name + ") " + doing + " VIPs.")
	if len(in.cfg.Excluded) > 0 {
		d.detail("(" + in.cfg.Name + ") " + doing + " E-VIPs.")
	}
}

// sayGone tells which addresses a reload takes away from a MASTER.
func (d *daemon) sayGone(in *instance, next []vrrpcfgAddress) {
	if in.st.Phase != fsmMaster {
		return
	}
	for _, list := range [][]vrrpcfgAddress{in.cfg.Addresses, in.cfg.Excluded} {
		for _, a := range list {
			if !slices.ContainsFunc(next, func(n vrrpcfgAddress) bool { return n.Prefix == a.Prefix && n.Dev == a.Dev }) {
				d.detail(fmt.Sprintf("(%s) ip address %s dev %s, no longer exist", in.cfg.Name, a.Prefix, a.Dev))
			}
		}
	}
}

// sayKept tells that the result of a script outlives a reload.
func (d *daemon) sayKept(s *trackScript) {
	switch {
	case !s.counter.Seen():
	case s.good():
		d.info(fmt.Sprintf("VRRP_Script(%s) considered successful on reload", s.cfg.Name))
	default:
		d.info(fmt.Sprintf("VRRP_Script(%s) considered unsuccessful on reload", s.cfg.Name))
	}
}

// saySockets tells of the sockets that have not been told of yet.
func (d *daemon) saySockets() {
	var lines []string
	for _, p := range d.pools() {
		f, address := sock.IPv4, p.Address
		if p.IPv6 {
			f = sock.IPv6
		}
		cast := ", unicast,"
		if !p.Unicast {
			cast, address = "multicast,", d.byName[p.Members[0].Name].cfg.Identity.Destination
		}
		l, _ := d.links.ByName(p.Interface)
		line := fmt.Sprintf("VRRP sockpool: [ifindex(%3d), family(%s), proto(112), fd(%d,%d) %s address(%s)]",
			l.Index, f, p.FdIn, p.FdOut, cast, address)
		if lines = append(lines, line); !slices.Contains(d.saidSockets, line) {
			d.detail(line)
		}
	}
	d.saidSockets = lines
}

// logAddress is -a; with -D only, that somebody has removed a virtual address.
func (d *daemon) logAddress(e *rtnl.Event) {
	if !d.seeded || e.Kind != rtnl.AddrChanged && e.Kind != rtnl.AddrGone {
		return
	}
	what := "added to"
	if e.Kind == rtnl.AddrGone {
		what = "removed from"
	}
	l, _ := d.links.ByIndex(e.Addr.Link)
	text := fmt.Sprintf("Netlink reflector reports IP %s %s %s", e.Addr.Prefix.Addr(), what, l.Name)
	switch {
	case d.opt.MonitorAddresses:
		d.info(text)
	case e.Kind == rtnl.AddrGone && d.log.Enabled(d.ctx, logging.Detail) && d.holds(e.Addr.Prefix.Addr(), l.Name):
		d.detail(text)
	}
}

// holds reports whether a MASTER has the address.
func (d *daemon) holds(a netip.Addr, dev string) bool {
	is := func(v vrrpcfgAddress) bool { return v.Prefix.Addr() == a && v.Dev == dev }
	return slices.ContainsFunc(d.instances, func(in *instance) bool {
		return in.st.Phase == fsmMaster && (slices.ContainsFunc(in.cfg.Addresses, is) || slices.ContainsFunc(in.cfg.Excluded, is))
	})
}

// sources are the addresses that adverts on an interface come from.
type sources struct{ v4, v6 netip.Addr }

// applyEvent takes an event into the interface table and tells when that changes the
// addresses that adverts come from.
func (d *daemon) applyEvent(e *rtnl.Event) []iface.Change {
	tell := d.seeded && (e.Kind == rtnl.AddrChanged || e.Kind == rtnl.AddrGone) &&
		e.Addr.Proto != rtnl.ProtoKeepalived && d.log.Enabled(d.ctx, logging.Detail)
	if !tell {
		return d.links.Apply(tableEvent(e), d.changes[:0])
	}
	l, _ := d.links.ByIndex(e.Addr.Link)
	was := d.sourcesOf(l)
	changes := d.links.Apply(tableEvent(e), d.changes[:0])
	is := d.sourcesOf(l)
	if was == is || !slices.ContainsFunc(d.instances, func(in *instance) bool { return in.usesLink(l.Name) }) {
		return changes
	}
	for _, pair := range [][2]netip.Addr{{was.v4, is.v4}, {was.v6, is.v6}} {
		if pair[0] != pair[1] {
			d.sayAssigned("Deassigned", pair[0], "from", l.Name)
			d.sayAssigned("Assigned", pair[1], "for", l.Name)
		}
	}
	return changes
}

func (d *daemon) sourcesOf(l iface.Link) sources {
	addrs := d.interfaceAddrs(l)
	return sources{v4: addrs.v4, v6: addrs.v6}
}
