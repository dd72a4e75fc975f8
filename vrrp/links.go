package vrrp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"keepalived/core/clock"
	"keepalived/core/rtnl"
	"keepalived/vrrp/fsm"
	"keepalived/vrrp/iface"
)

// kernelEvents is the monitor's delivery, on the monitor's goroutine.
func (d *daemon) kernelEvents(events []rtnl.Event) {
	d.loop.Post(func(now clock.Instant) { d.kernelChanged(now, events) })
}

// kernelChanged takes events into the interface table, lets the instances react, and
// then tells the worker which addresses have gone: those that nobody gave up are put back.
func (d *daemon) kernelChanged(now clock.Instant, events []rtnl.Event) {
	var lost []rtnl.Key
	resynced := false
	for i := range events {
		e := &events[i]
		d.logAddress(e)
		d.changes = d.applyEvent(e)
		for _, c := range d.changes {
			d.linkChanged(now, c)
		}
		switch e.Kind {
		case rtnl.LinkGone:
			d.linkForgotten(e.Link.Index)
		case rtnl.AddrChanged:
			d.remember(e.Addr)
		case rtnl.AddrGone:
			delete(d.observed, e.Addr.Key())
			lost = append(lost, e.Addr.Key())
		case rtnl.Resynced:
			resynced = true
		}
	}
	if len(lost) > 0 {
		d.worker.Lost(lost...)
	}
	if resynced {
		d.worker.Verify()
		if !d.seeded {
			d.seeded = true
			d.startPrepared(now)
		}
	}
}

// remember keeps what is on the interfaces until the first configuration has looked at it.
func (d *daemon) remember(a rtnl.Addr) {
	if d.running == 0 {
		d.observed[a.Key()] = a
	}
}

// tableEvent makes the interface table's event of the monitor's: pure code knows no netlink.
func tableEvent(e *rtnl.Event) iface.Event {
	switch e.Kind {
	case rtnl.LinkChanged, rtnl.LinkGone:
		l := &e.Link
		kind := iface.LinkChanged
		if e.Kind == rtnl.LinkGone {
			kind = iface.LinkGone
		}
		return iface.Event{Kind: kind, Link: iface.Link{
			Index: l.Index, Name: l.Name, Kind: l.Kind, MAC: l.MAC, MTU: l.MTU, Parent: l.Parent, Master: l.Master,
			Up: l.Up, Running: l.Running, Loopback: l.Loopback, Multicast: l.Multicast, NoARP: l.NoARP,
		}}
	case rtnl.AddrChanged, rtnl.AddrGone:
		a := &e.Addr
		kind := iface.AddrChanged
		if e.Kind == rtnl.AddrGone {
			kind = iface.AddrGone
		}
		return iface.Event{Kind: kind, Addr: iface.Addr{
			Link: a.Link, Prefix: a.Prefix, Peer: a.Peer, Ours: a.Proto == rtnl.ProtoKeepalived,
			Tentative: a.Flags&rtnl.FlagTentative != 0 && a.Flags&rtnl.FlagOptimistic == 0,
			DADFailed: a.Flags&rtnl.FlagDADFailed != 0,
		}}
	}
	return iface.Event{}
}

// linkChanged lets the instances on an interface know what happened to it.
func (d *daemon) linkChanged(now clock.Instant, c iface.Change) {
	name := d.links.Name(c.Slot)
	switch c.What {
	case iface.State:
		l, _ := d.links.Link(c.Slot)
		word := "down"
		if l.Ready() {
			word = "up"
		}
		d.info(fmt.Sprintf("Netlink reports %s %s", name, word))
	case iface.Vanished:
		d.info(fmt.Sprintf("Interface %s deleted", name))
	case iface.Appeared:
		if d.seeded {
			d.info(fmt.Sprintf("Interface %s added", name))
		}
	case iface.Duplicate:
		d.info(fmt.Sprintf("Duplicate address detection failed for %s on %s: another host has it", c.Addr, name))
	}
	if d.running == 0 {
		return
	}
	for _, in := range d.instances {
		if in.slot == c.Slot && (c.What == iface.Appeared || c.What == iface.Source || c.What == iface.Vanished) {
			d.relink(now, in)
		}
		if in.usesLink(name) {
			if c.What == iface.Appeared || c.What == iface.Vanished {
				d.retarget(in)
			}
			if c.What == iface.Appeared && in.slot != c.Slot && in.addressesOn(name) && in.st.Phase == fsm.Master {
				d.step(now, in, fsm.Event{Kind: fsm.EvReconfigured, Priority: in.st.Priority}) // its addresses there are wanted anew
			}
			d.refreshLinks(now, in)
			d.settleGroup(now, in.group) // its other members follow one after the other
		}
	}
}

// watchLinks has the table tell of every interface the instance depends on.
func (d *daemon) watchLinks(in *instance) {
	for i := range in.track {
		if t := &in.track[i]; t.kind == trackInterface {
			d.links.Watch(t.name, in.id)
		}
	}
	for _, list := range [][]vrrpcfgAddress{in.cfg.Addresses, in.cfg.Excluded} {
		for _, a := range list {
			d.links.Watch(a.Dev, in.id)
		}
	}
}

func (d *daemon) unwatchLinks(in *instance) {
	for s := range d.links.Slots() {
		d.links.Unwatch(iface.Slot(s), in.id)
	}
}

// usesLink reports whether the instance is on the interface, tracks it, or has an
// address there.
func (in *instance) usesLink(name string) bool {
	if in.cfg.Identity.Interface == name {
		return true
	}
	for i := range in.track {
		if t := &in.track[i]; t.kind == trackInterface && t.name == name {
			return true
		}
	}
	return in.addressesOn(name)
}

func (in *instance) addressesOn(name string) bool {
	on := func(a vrrpcfgAddress) bool { return a.Dev == name }
	return slices.ContainsFunc(in.cfg.Addresses, on) || slices.ContainsFunc(in.cfg.Excluded, on)
}

// relink follows an interface that came, went or changed its address: listen there, and
// send from there.
func (d *daemon) relink(now clock.Instant, in *instance) {
	d.listen(in)
	source := d.source(in)
	if source == in.mc.Source {
		return
	}
	in.mc.Source = source
	if source.IsValid() && in.st.Started {
		d.step(now, in, fsm.Event{Kind: fsm.EvReconfigured, Priority: in.st.Priority})
	}
}

// refreshLinks evaluates everything about interfaces anew: levels, not edges.
func (d *daemon) refreshLinks(now clock.Instant, in *instance) {
	d.evaluate(now, in)
}

// linkCauses finds what is wrong with the interfaces of an instance, and what those
// it tracks by weight are worth.
func (d *daemon) linkCauses(in *instance, set *causeSet) {
	cfg := in.cfg
	if in.slot >= 0 && !cfg.Track.NoPrimary {
		if l, ok := d.links.Link(in.slot); !ok {
			set.add(fsm.CauseInterface, "interface", d.links.Name(in.slot)+" does not exist")
		} else if !l.Ready() {
			set.add(fsm.CauseInterface, "interface", l.Name+" down")
		}
	} else if in.slot >= 0 {
		if _, ok := d.links.Link(in.slot); !ok {
			set.add(fsm.CauseInterface, "interface", d.links.Name(in.slot)+" does not exist")
		}
	}
	source := d.source(in)
	switch {
	case !source.IsValid():
		set.add(fsm.CauseSource, "address", "no source address")
	case cfg.Source.Track && cfg.Source.Addr.IsValid() && in.slot >= 0 && !d.links.Has(d.link(in), source):
		set.add(fsm.CauseSource, "address", source.String()+" is not on the interface")
	}
	if cfg.Unicast.FaultNoPeer && len(cfg.Unicast.Peers) == 0 {
		set.add(fsm.CauseNoPeer, "config", "no unicast peer")
	}
}

// linkUp reports whether an interface can be used.
func (d *daemon) linkUp(name string) bool {
	l, ok := d.links.ByName(name)
	return ok && l.Ready()
}

// contested: somebody keeps removing an address. It is put back all the same, at a
// bounded pace; the operator is told who loses what.
func (d *daemon) contested(now clock.Instant, in *instance, o netip.Prefix) {
	if now.Sub(in.contestedAt) < time.Minute && in.contestedAt != 0 {
		return
	}
	in.contestedAt = now
	d.info(fmt.Sprintf("(%s) something keeps removing %s; it is put back each time", in.cfg.Name, o))
}

// causeSet is why an instance is in FAULT.
type causeSet struct {
	kinds fsm.Causes
	list  []cause
}

type cause struct {
	bit   fsm.Causes
	kind  string // as the API has it: interface, address, script, …
	name  string
	since time.Time
}

func (s *causeSet) add(bit fsm.Causes, kind, name string) {
	s.kinds |= bit
	s.list = append(s.list, cause{bit: bit, kind: kind, name: name})
}

// text lists the causes for people.
func (s *causeSet) text() string {
	var out []string
	for _, c := range s.list {
		out = append(out, strings.TrimSpace(c.kind+" "+c.name))
	}
	return strings.Join(out, ", ")
}

// keepSince carries over since when each cause holds.
func (s *causeSet) keepSince(old *causeSet, now time.Time) {
	for i := range s.list {
		c := &s.list[i]
		c.since = now
		for _, o := range old.list {
			if o.bit == c.bit && o.name == c.name {
				c.since = o.since
			}
		}
	}
}

// slotFor watches the interface of an instance.
func (d *daemon) slotFor(in *instance) iface.Slot {
	if in.cfg.Identity.Interface == "" {
		return -1
	}
	return d.links.Watch(in.cfg.Identity.Interface, in.id)
}
