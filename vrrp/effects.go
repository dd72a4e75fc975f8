package vrrp

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"keepalived/core/clock"
	"keepalived/core/loop"
	"keepalived/core/reconcile/worker"
	"keepalived/vrrp/fsm"
	"keepalived/vrrp/garp"
	"keepalived/vrrp/vip"
)

const (
	fsmMaster = fsm.Master
	// resendAfter is when an advert is tried again that met a full transmit queue.
	resendAfter = 2 * time.Millisecond
)

// step gives an event to the instance's state machine and does what it asks for.
func (d *daemon) step(now clock.Instant, in *instance, ev fsm.Event) {
	from := in.st.Phase
	st, acts := fsm.Step(&in.mc, in.st, now, ev)
	d.adopt(now, in, st, &acts, &ev, from)
}

// adopt takes over a state and carries out its actions.
func (d *daemon) adopt(now clock.Instant, in *instance, st fsm.State, acts *fsm.Actions, ev *fsm.Event, from fsm.Phase) {
	in.st = st
	if !in.waiting {
		in.timer.Set(st.Deadline())
	}
	for i := range acts.Len() {
		d.effect(now, in, acts.At(i), ev)
	}
	if st.Phase == fsm.Fault && from == fsm.Initialize { // told before the start
		in.cause = in.causes.text()
		if ev.Kind == fsm.EvGroupPull && in.cause == "" {
			in.cause = "sync group"
		}
	}
	if st.Phase != from {
		d.phaseChanged(now, in, from)
	}
}

// effect carries out one action: one line each.
func (d *daemon) effect(now clock.Instant, in *instance, a *fsm.Action, ev *fsm.Event) {
	switch a.Kind {
	case fsm.ActSendAdvert:
		d.sendAdvert(in, a.Priority)
	case fsm.ActWant:
		d.want(in, a.Want, a.Gen)
	case fsm.ActQueueGARP:
		d.startAnnouncing(now, in, a.Round)
	case fsm.ActNotify:
		d.notify.instance(now, in, a.Notice, a.Priority)
	case fsm.ActTellGroup:
		d.groupChanged(in)
	case fsm.ActAnnounceGroup:
		d.announceGroup(now, in)
	case fsm.ActSay:
		d.explain(in, a, ev)
	case fsm.ActCount:
		in.counters.count(a.Counter)
	case fsm.ActRecord:
		d.handover.store(in)
	}
}

// explain logs a message and keeps it as the reason of the state when it is one.
func (d *daemon) explain(in *instance, a *fsm.Action, ev *fsm.Event) {
	d.say(in, a)
	if c := causeOf(a, ev, in); c != "" {
		in.cause = c
	}
}

func (c *counters) count(what fsm.Counter) {
	switch what {
	case fsm.CountBecomeMaster:
		c.becameMaster++
	case fsm.CountReleaseMaster:
		c.released++
	case fsm.CountPriZeroReceived:
		c.zeroReceived++
	}
}

// want hands the worker the addresses that are wanted from now on.
func (d *daemon) want(in *instance, w fsm.Want, gen uint64) {
	if w == fsm.WantNone && d.stopping && d.opt.KeepAddresses {
		return
	}
	var objects []vip.Object
	if w == fsm.WantVIPs {
		var missing []string
		objects, missing = vip.Desired(in.cfg, d.linkByName)
		for _, dev := range missing {
			d.info("(" + in.cfg.Name + ") interface " + dev + " of a virtual address does not exist, the address is not set")
		}
	}
	d.worker.SetWant(worker.Owner(in.id), gen, objects)
}

func (d *daemon) linkByName(name string) (int32, bool) {
	l, ok := d.links.ByName(name)
	return l.Index, ok
}

// applied is the worker's report: addresses are in or out, or not.
func (d *daemon) applied(now clock.Instant, a worker.Applied) {
	in := d.owners[a.Owner]
	in.applied, in.failed = a.Gen, a.Err != nil
	if a.Err != nil {
		d.log.Warn("(" + in.cfg.Name + ") " + a.Err.Error())
	}
	if in.removing && a.Gen == in.st.Gen {
		d.forget(in)
		return
	}
	kind := fsm.EvInstalled
	if a.Err != nil {
		kind = fsm.EvInstallFailed
	}
	d.step(now, in, fsm.Event{Kind: kind, Gen: a.Gen})
}

// repaired: an address that somebody removed has been put back.
func (d *daemon) repaired(now clock.Instant, r worker.Repaired[vip.Object]) {
	in := d.owners[r.Owner]
	if r.Dragged {
		return
	}
	in.counters.restored++
	d.reportRestored(in, r.Object, r.Losses)
	if r.Contested {
		d.contested(now, in, r.Object.Prefix)
	}
	if in.st.Phase == fsm.Master && in.st.Settled {
		d.step(now, in, fsm.Event{Kind: fsm.EvInstalled, Gen: in.st.Gen})
	}
}

// phaseChanged tells everybody outside who follows the state.
func (d *daemon) phaseChanged(now clock.Instant, in *instance, from fsm.Phase) {
	in.since, in.changed = now, time.Now()
	d.reportInstance(now, in, from)
}

// announcements paces gratuitous ARP, one pacer per link so that a spacing holds there.
type announcements struct {
	pacers map[int32]*linkPacer
}

type linkPacer struct {
	garp.Pacer
	link  int32
	timer loop.Timer
}

// retarget tells the pacers what an instance announces where. Called when its addresses,
// schedule or links change.
func (d *daemon) retarget(in *instance) {
	byLink := map[int32][]garp.Target{}
	for _, list := range [][]vrrpcfgAddress{in.cfg.Addresses, in.cfg.Excluded} {
		for _, a := range list {
			if index, ok := d.linkByName(a.Dev); ok {
				byLink[index] = append(byLink[index], garp.Target{Addr: a.Prefix.Addr(), Link: index})
			}
		}
	}
	s := garp.Schedule{
		Repeat: int(in.cfg.GARP.Repeat), Delay: in.cfg.GARP.Delay, Refresh: in.cfg.GARP.Refresh,
		RefreshRepeat: int(in.cfg.GARP.RefreshRepeat), LowerRepeat: int(in.cfg.GARP.LowerPrioRepeat), LowerDelay: in.cfg.GARP.LowerPrioDelay,
	}
	for _, p := range in.pacers {
		if _, still := byLink[p.link]; !still {
			p.Remove(in.id)
		}
	}
	in.pacers = in.pacers[:0]
	for _, index := range slices.Sorted(maps.Keys(byLink)) {
		p := d.pacer(index)
		p.SetTargets(in.id, s, byLink[index])
		in.pacers = append(in.pacers, p)
	}
}

// pacer returns the pacer of a link, made at first use with the pace of its
// garp_group or the global one.
func (d *daemon) pacer(link int32) *linkPacer {
	if d.announce.pacers == nil {
		d.announce.pacers = map[int32]*linkPacer{}
	}
	p := d.announce.pacers[link]
	if p == nil {
		p = &linkPacer{link: link}
		p.timer = d.timers.Make(func(now, _ clock.Instant) { d.sendAnnouncements(now, p) })
		d.announce.pacers[link] = p
		if l, ok := d.links.ByIndex(link); ok && !l.Loopback {
			if err := d.net.announcer.Open(link); err != nil {
				d.log.Warn(err.Error())
			}
		}
	}
	p.Configure(d.pace(link))
	return p
}

// pace is garp_interval and gna_interval of a link.
func (d *daemon) pace(link int32) garp.Config {
	c := garp.Config{ARPInterval: d.cfg.Global.GARP.Interval, NAInterval: d.cfg.Global.GARP.NAInterval}
	l, _ := d.links.ByIndex(link)
	for _, g := range d.cfg.GARPGroups {
		if slices.Contains(g.Interfaces, l.Name) {
			c = garp.Config{ARPInterval: g.Interval, NAInterval: g.NAInterval}
		}
	}
	return c
}

var rounds = [...]garp.Round{
	fsm.RoundStop: garp.Stop, fsm.RoundMaster: garp.Master, fsm.RoundLower: garp.Lower,
	fsm.RoundOnce: garp.Once, fsm.RoundAdded: garp.Added,
}

// startAnnouncing begins a round of announcements on every link of the instance. The
// packets leave from the pacer's deadline, behind the adverts of this turn.
func (d *daemon) startAnnouncing(now clock.Instant, in *instance, r fsm.Round) {
	switch r {
	case fsm.RoundMaster, fsm.RoundLower:
		d.sayAnnouncing(in, nil)
	case fsm.RoundAdded:
		fresh := []netip.Addr{}
		for _, p := range in.pacers {
			fresh = p.AppendFresh(fresh, in.id)
		}
		d.sayAnnouncing(in, fresh)
	case fsm.RoundStop, fsm.RoundOnce:
	}
	for _, p := range in.pacers {
		p.Start(in.id, now, rounds[r])
		p.timer.Set(p.Deadline(now))
	}
}

// sendAnnouncements sends a small batch and comes back for the rest.
func (d *daemon) sendAnnouncements(now clock.Instant, p *linkPacer) {
	burst, again := p.Next(now)
	for _, id := range p.Again() {
		d.sayAnnouncing(d.owners[id], nil)
	}
	for i := range burst {
		d.sendAnnouncement(&burst[i])
	}
	p.timer.Set(again)
}
