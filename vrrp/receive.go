package vrrp

import (
	"context"
	"fmt"
	"slices"
	"time"

	"keepalived/core/clock"
	"keepalived/core/loop"
	"keepalived/vrrp/fsm"
	"keepalived/vrrp/sock"
	"keepalived/vrrp/wire"
)

// perReady bounds the adverts handled before the loop looks at its deadlines again.
const perReady = 256

// lateAdvert is from when a Master's advert is so late that what waits in the socket
// is read first: somebody may have taken over meanwhile.
const lateAdvert = 20 * time.Millisecond

// drop kinds: wire's reasons, then fsm's, then unknown peers of known VRIDs.
const dropKinds = int(wire.NumDrops) + fsm.Refusals

// receiver connects a socket with the loop.
type receiver struct {
	*sock.Receiver
	d       *daemon
	timer   loop.Timer
	waiting []expired // in the order of their tickets
}

// expired is an instance whose deadline has come and that waits until the socket has
// been read.
type expired struct {
	in     *instance
	ticket uint64
}

func (d *daemon) newReceiver(r *sock.Receiver) *receiver {
	rx := &receiver{Receiver: r, d: d}
	rx.timer = d.timers.Make(func(now, _ clock.Instant) { rx.take(now, perReady) })
	return rx
}

// run reads until ctx ends. The two callbacks come from the receiver's goroutine.
func (r *receiver) run(ctx context.Context) error {
	ready := task(func(now clock.Instant) { r.take(now, perReady) })
	return r.Run(ctx,
		func() { r.d.loop.PostFirst(ready) },
		func(ticket uint64) { r.d.loop.PostFirst(func(now clock.Instant) { r.drained(now, ticket) }) })
}

// take handles up to n waiting adverts; when there are more, it comes back at once,
// after the deadlines that are due.
func (r *receiver) take(now clock.Instant, n int) {
	for range n {
		rx := r.Next()
		if rx == nil {
			return
		}
		r.d.received(now, rx)
		rx.Release()
	}
	r.timer.Set(now)
}

// drained: everything that had arrived when it was asked for has been read. Only now
// may the deadlines fire that have waited for it.
func (r *receiver) drained(now clock.Instant, ticket uint64) {
	for {
		rx := r.Next()
		if rx == nil {
			break
		}
		r.d.received(now, rx)
		rx.Release()
	}
	n := 0
	for n < len(r.waiting) && r.waiting[n].ticket <= ticket {
		n++
	}
	served := slices.Clone(r.waiting[:n])
	r.waiting = slices.Delete(r.waiting, 0, n)
	for _, w := range served {
		w.in.waiting = false
		if w.in.st.Deadline() > now {
			w.in.timer.Set(w.in.st.Deadline())
			continue
		}
		r.d.tick(now, w.in)
	}
}

// due is the deadline of an instance. A Backup never elects itself, and a late Master
// never sends, before the socket has been read (ARCHITECTURE.md, "read before you
// expire").
func (d *daemon) due(now, at clock.Instant, in *instance) {
	late := now.Sub(at)
	if in.st.Phase == fsm.Master && late < lateAdvert {
		d.tick(now, in)
		return
	}
	r := d.net.receivers[family(in.family())]
	if r == nil {
		d.tick(now, in)
		return
	}
	if in.waiting {
		return
	}
	in.waiting = true
	r.waiting = append(r.waiting, expired{in, r.Drain()})
}

// tick lets the instance's deadline fire.
func (d *daemon) tick(now clock.Instant, in *instance) {
	if in.st.Phase == fsm.Master && in.st.AdverAt <= now {
		in.late.add(now.Sub(in.st.AdverAt))
	}
	d.step(now, in, fsm.Event{Kind: fsm.EvTick})
}

// received finds whom a packet is for and lets it pass the checks.
func (d *daemon) received(now clock.Instant, rx *sock.Received) {
	if rx.Drop == wire.DropIPHeader {
		return
	}
	slot, ok := d.links.SlotOf(rx.Link)
	if !ok {
		slot = -1
	}
	a := &rx.Advert
	in := d.routes[routeKey{slot, rx.Family(), a.VRID}]
	if in == nil && slot >= 0 {
		in = d.routes[routeKey{-1, rx.Family(), a.VRID}]
	}
	if in == nil {
		if d.cfg != nil && d.cfg.Global.LogUnknownVRIDs && slot >= 0 {
			d.log.Info(fmt.Sprintf("Unknown VRID(%d) received on interface(%s). ignoring...", a.VRID, d.links.Name(slot)))
		}
		return
	}
	if in.next != nil {
		in = in.addressee(a)
	}
	d.judge(now, in, rx)
}

// addressee picks among the unicast instances that share a VRID on a link the one that
// knows the sender.
func (in *instance) addressee(a *wire.Advert) *instance {
	for p := in; p != nil; p = p.next {
		if !p.mc.Unicast && a.Destination.IsMulticast() {
			return p
		}
		for i := range p.mc.Peers {
			if p.mc.Peers[i].Addr == a.Source {
				return p
			}
		}
	}
	return in
}

// judge makes the checks in keepalived's order: the outer form, what depends on the
// configuration, the inner form, and at last the address list (observed on 2.2.7).
func (d *daemon) judge(now clock.Instant, in *instance, rx *sock.Received) {
	a := &rx.Advert
	drop := rx.Drop
	if drop == wire.Accepted && a.Trailer() != nil {
		drop = wire.DropLength // an authentication trailer, and none is configured
	}
	if drop != wire.Accepted && drop <= wire.DropLength {
		d.dropped(now, in, int(drop), func() string { return dropText(drop, a, &in.mc) })
		return
	}
	p := fsm.Packet{
		Source: a.Source, Multicast: a.Destination.IsMulticast(), TTL: a.HopLimit, Version: a.Version,
		VRID: a.VRID, Priority: a.Priority, AuthType: uint8(a.AuthType), Auth: a.Auth, AdverInt: a.Interval,
		Count: int(a.Count),
	}
	if drop == wire.Accepted && int(a.Count) == len(in.mc.VIPs) && fsm.ListMatters(&in.mc, &in.st, a.Source) {
		p.Missing, _ = a.Missing(in.mc.VIPs)
	}
	j := fsm.Accept(&in.mc, &in.st, &p)
	switch {
	case j.Refusal != fsm.Accepted && drop != wire.DropAuthType:
		d.dropped(now, in, int(wire.NumDrops)+int(j.Refusal), func() string { return refusalText(&j, a) })
		return
	case drop != wire.Accepted:
		d.dropped(now, in, int(drop), func() string { return dropText(drop, a, &in.mc) })
		return
	}
	in.counters.received++
	if j.Mismatch != fsm.Matches && j.Mismatch != fsm.MismatchInterval {
		in.counters.mismatches++
		d.sayOnce(now, in, -int(j.Mismatch), func() string { return mismatchText(&j, &p) })
	} else if in.counters.lastDrop != 0 {
		in.counters.lastDrop = 0
	}
	d.step(now, in, fsm.Event{Kind: fsm.EvAdvert, Advert: fsm.Advert{
		At: rx.At, Source: a.Source, Priority: a.Priority, AdverInt: a.Interval,
	}})
}

// repeatAfter is how often the same complaint about an instance's adverts is logged
// while it lasts.
const repeatAfter = time.Minute

// dropped counts a refused advert and logs the reason when it is another than before.
func (d *daemon) dropped(now clock.Instant, in *instance, kind int, text func() string) {
	in.counters.drops[kind]++
	d.sayOnce(now, in, kind+1, text)
}

func (d *daemon) sayOnce(now clock.Instant, in *instance, reason int, text func() string) {
	c := &in.counters
	if c.lastDrop == reason && now.Sub(c.saidAt) < repeatAfter {
		c.repeats++
		return
	}
	line := "(" + in.cfg.Name + ") " + text()
	if c.lastDrop == reason && c.repeats > 0 {
		line += fmt.Sprintf(" (%d times since)", c.repeats)
	}
	c.lastDrop, c.saidAt, c.repeats = reason, now, 0
	d.log.Info(line)
}
