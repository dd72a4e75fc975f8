package checker

import (
	"fmt"
	"net/netip"
	"slices"

	"keepalived/checker/checkercfg"
	"keepalived/core/clock"
	"keepalived/core/rtnl"
)

// ha_suspend: the checkers of a virtual server wait while its address is not on this
// machine, on whatever interface. What was found before stays.

// presence follows the addresses of this machine. It belongs to the loop, but for start,
// which belongs to the goroutine that prepares configurations.
type presence struct {
	open    func() (*rtnl.Monitor, error)    // nil: nobody tells
	started bool                             // the monitor was
	known   bool                             // it has delivered what there is
	on      map[netip.Addr]map[rtnl.Key]bool // by address; one may be on several interfaces
}

// suspends reports whether the checkers of s may have to wait: one by mark or group has
// no address to wait for.
func (s *service) suspends() bool { return s.cfg.HASuspend && s.cfg.Kind == checkercfg.ByAddress }

// follow begins to follow addresses for the first configuration that needs it, and comes
// back when those that are there are known. Without the kernel's word nothing is
// suspended: servers that are checked in vain harm nobody.
func (d *daemon) follow(m *model) {
	if d.here.open == nil || d.here.started || !slices.ContainsFunc(m.services, (*service).suspends) {
		return
	}
	d.here.started = true
	monitor, err := d.here.open()
	if err != nil {
		d.log.Warn(fmt.Sprintf("ha_suspend has no effect until a restart: %v", err))
		return
	}
	first, ctx := make(chan struct{}), d.ctx
	d.group.Go(func() error {
		return monitor.Run(ctx, func(events []rtnl.Event) {
			d.post(func(now clock.Instant) {
				if known := d.here.known; d.addressesChanged(now, events) && !known {
					close(first)
				}
			})
		})
	})
	select {
	case <-first:
	case <-ctx.Done():
	}
}

// addressesChanged takes over what the kernel tells, and reports whether all is known.
func (d *daemon) addressesChanged(now clock.Instant, events []rtnl.Event) (known bool) {
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case rtnl.AddrChanged:
			d.addressIs(&e.Addr, true)
		case rtnl.AddrGone:
			d.addressIs(&e.Addr, false)
		case rtnl.Resynced:
			d.here.known = true
		}
	}
	if d.director != nil && !d.stopping {
		d.suspend(now)
		d.act(now)
	}
	return d.here.known
}

func (d *daemon) addressIs(a *rtnl.Addr, there bool) {
	addr, key := a.Prefix.Addr(), a.Key()
	on := d.here.on[addr]
	if on[key] == there {
		return
	}
	word := "added"
	switch {
	case !there:
		word = "removed"
		if delete(on, key); len(on) == 0 {
			delete(d.here.on, addr)
		}
	case on == nil:
		d.here.on[addr] = map[rtnl.Key]bool{key: true}
	default:
		on[key] = true
	}
	for _, s := range d.model.services {
		if s.suspends() && s.cfg.Addr == addr {
			d.info(fmt.Sprintf("Netlink reflector reports IP %s %s", addr, word))
			return
		}
	}
}

// suspend tells the Director which services wait. One that a reload is about to take out
// is not woken for its end.
func (d *daemon) suspend(now clock.Instant) {
	waiting := map[string]bool{}
	add := func(s *service) {
		if d.here.known && s.suspends() && len(d.here.on[s.cfg.Addr]) == 0 {
			waiting[s.key] = true
		}
	}
	if d.before != nil {
		for _, s := range d.before.services {
			if d.model.byKey[s.key] == nil {
				add(s)
			}
		}
	}
	for _, s := range d.model.services {
		add(s)
	}
	d.director.Suspend(now, waiting, &d.out)
}
