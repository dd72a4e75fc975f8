package vrrp

import (
	"fmt"
	"net/netip"
	"slices"

	"keepalived/core/logging"
	"keepalived/vrrp/garp"
	"keepalived/vrrp/vrrpcfg"
	"keepalived/vrrp/wire"
)

type vrrpcfgAddress = vrrpcfg.Address

// sendAnnouncement sends one gratuitous ARP or unsolicited neighbour advertisement.
func (d *daemon) sendAnnouncement(a *garp.Announce) {
	l, ok := d.links.ByIndex(a.Link)
	if !ok || l.NoARP || l.Loopback {
		return
	}
	in := d.owners[a.Owner]
	detail := d.log.Enabled(d.ctx, logging.Detail)
	var err error
	if a.Addr.Is4() {
		if detail {
			d.detail(fmt.Sprintf("Sending gratuitous ARP on %s for %s", l.Name, a.Addr))
		}
		err = d.net.announcer.GARP(a.Link, wire.MAC(l.MAC), a.Addr)
	} else {
		if detail {
			d.detail(fmt.Sprintf("Sending unsolicited Neighbour Advert on %s for %s", l.Name, a.Addr))
		}
		err = d.net.announcer.NA(a.Link, wire.MAC(l.MAC), a.Addr, wire.NARouter|wire.NAOverride)
	}
	if err != nil {
		in.counters.sendErrors++
		d.detail(fmt.Sprintf("(%s) %v", in.cfg.Name, err))
		return
	}
	in.counters.garps++
}

// sayAnnouncing logs what is announced where (-D): the addresses of only, or all when it
// is nil.
func (d *daemon) sayAnnouncing(in *instance, only []netip.Addr) {
	if !d.log.Enabled(d.ctx, logging.Detail) {
		return
	}
	for _, list := range [][]vrrpcfgAddress{in.cfg.Addresses, in.cfg.Excluded} {
		for _, a := range list {
			if only != nil && !slices.Contains(only, a.Prefix.Addr()) {
				continue
			}
			what := "gratuitous ARPs"
			if a.Prefix.Addr().Is6() {
				what = "Unsolicited Neighbour Adverts"
			}
			d.detail(fmt.Sprintf("(%s) Sending/queueing %s on %s for %s", in.cfg.Name, what, a.Dev, a.Prefix.Addr()))
		}
	}
}
