package vrrp

import (
	"net/netip"
	"slices"
	"time"

	"keepalived/core/clock"
	"keepalived/core/logging"
	"keepalived/core/reconcile/worker"
	"keepalived/core/rtnl"
	"keepalived/core/track"
	"keepalived/vrrp/fsm"
	"keepalived/vrrp/group"
	"keepalived/vrrp/vip"
	"keepalived/vrrp/vrrpcfg"
)

// start begins the first configuration of this process: adopt what the kernel has,
// resume what a process before us left as MASTER, start the rest.
func (d *daemon) start(now clock.Instant, p *preparation) {
	d.take(p)
	d.reloadScripts(now)
	for _, cfg := range d.cfg.Instances {
		d.instances = append(d.instances, d.newInstance(cfg))
	}
	d.tellVIPs(now)
	for _, in := range d.instances {
		d.prepareInstance(in)
	}
	d.reloadGroups(nil)
	d.sayStart()
	d.sayConfig(now)
	present := d.adoptLeftovers()
	records := d.handover.records
	d.handover.begin()
	resumed := d.resume(now, records, present)
	for _, in := range d.instances {
		if !resumed[in] && !in.mc.Owner() {
			d.sayAddresses(in, "removing")
		}
	}
	for _, in := range d.instances {
		if !resumed[in] {
			d.startup(now, in)
		}
	}
	d.syncGroups(now)
	d.saySockets()
}

// sayConfig is -d: the dump of what was read goes to the log, off the loop.
func (d *daemon) sayConfig(now clock.Instant) {
	if !d.opt.LogConfig {
		return
	}
	s := d.picture(now)
	d.group.Go(func() error {
		sayTimes(s)
		logging.Lines(d.ctx, d.log, s.Text(), d.opt.LogSettled)
		return nil
	})
}

// newInstance makes an instance that does nothing yet.
func (d *daemon) newInstance(cfg *vrrpcfg.Instance) *instance {
	in := &instance{id: int32(len(d.owners)), cfg: cfg, slotNo: d.handover.assign(), changed: time.Now()}
	d.owners = append(d.owners, in)
	d.byName[cfg.Name] = in
	in.timer = d.timers.Make(func(now, at clock.Instant) { d.due(now, at, in) })
	in.slot = d.slotFor(in)
	return in
}

// prepareInstance connects an instance with its links and trackers.
func (d *daemon) prepareInstance(in *instance) {
	in.mc = machineConfig(in.cfg, d.source(in))
	in.st = fsm.New(&in.mc)
	in.track = d.trackRefs(in.cfg, d.cfg.Groups)
	d.watchLinks(in)
	d.notify.hooks(in)
	d.bind(in)
	d.listen(in)
	d.retarget(in)
}

// startup is the Startup event with all that is known about the instance.
func (d *daemon) startup(now clock.Instant, in *instance) {
	set, total := d.standing(in)
	var none causeSet
	set.keepSince(&none, time.Now())
	in.causes, in.weights = set, total
	in.since, in.cause = now, "start"
	if set.kinds&fsm.CauseInit != 0 {
		in.cause = "waiting for the first result of its scripts"
	}
	d.step(now, in, fsm.Event{Kind: fsm.EvStartup, Priority: priority(in), Causes: set.kinds, For: d.cfg.Global.StartupDelay})
}

// priority is the effective priority under what tracking contributes now.
func priority(in *instance) uint8 { return track.Priority(in.cfg.Election.Priority, in.weights) }

// adoptLeftovers gives each instance the addresses of its configuration that are on the
// interfaces already, and tells which instances have all of theirs.
func (d *daemon) adoptLeftovers() (present map[*instance]bool) {
	present = map[*instance]bool{}
	desired := make([][]vip.Object, len(d.instances))
	for i, in := range d.instances {
		desired[i], _ = vip.Desired(in.cfg, d.linkByName)
	}
	observed := make([]rtnl.Addr, 0, len(d.observed))
	for _, a := range d.observed {
		observed = append(observed, a)
	}
	adopt, orphans := vip.Leftovers(desired, observed)
	for i, in := range d.instances {
		present[in] = len(adopt[i]) == len(desired[i])
		if len(adopt[i]) > 0 {
			d.worker.Adopt(worker.Owner(in.id), adopt[i])
		}
	}
	for _, o := range orphans {
		l, _ := d.links.ByIndex(o.Link)
		d.info("address " + o.Prefix.String() + " on " + l.Name + " bears keepalived's mark and is not configured here, it is left alone")
	}
	d.observed = nil
	return present
}

// resume continues what the process before us left as MASTER, when that is safe. The
// members of a sync group resume together or not at all.
func (d *daemon) resume(now clock.Instant, records map[uint64]fsm.Record, present map[*instance]bool) map[*instance]bool {
	type outcome struct {
		st   fsm.State
		acts fsm.Actions
	}
	warm := map[*instance]outcome{}
	for _, in := range d.instances {
		r, ok := records[in.mc.Digest]
		if !ok {
			continue
		}
		r.Present = present[in]
		if set, _ := d.standing(in); set.kinds&^fsm.CauseInit != 0 {
			continue
		}
		if st, acts, verdict := fsm.Resume(&in.mc, r, now); verdict == fsm.Resumed {
			warm[in] = outcome{st, acts}
		}
	}
	for _, g := range d.groups {
		if !slices.ContainsFunc(g.members, func(in *instance) bool { _, ok := warm[in]; return !ok }) {
			continue
		}
		for _, in := range g.members {
			delete(warm, in)
		}
	}
	resumed := map[*instance]bool{}
	ev := fsm.Event{Kind: fsm.EvStartup}
	for _, in := range d.instances {
		o, ok := warm[in]
		if !ok {
			continue
		}
		resumed[in] = true
		set, total := d.standing(in)
		in.causes, in.weights = set, total
		d.adopt(now, in, o.st, &o.acts, &ev, fsm.Initialize)
	}
	for _, g := range d.groups {
		d.resumeGroup(g, resumed)
	}
	return resumed
}

func (d *daemon) resumeGroup(g *syncGroup, resumed map[*instance]bool) {
	states := make([]fsm.State, 0, len(g.members))
	for _, in := range g.members {
		if !resumed[in] {
			return
		}
		states = append(states, in.st)
	}
	if len(states) > 0 {
		g.st, g.changed = group.Resume(states), time.Now()
	}
}

// reloadGroups makes the groups of the running configuration; one that was there before
// keeps its state.
func (d *daemon) reloadGroups(*vrrpcfg.Config) {
	old := d.groups
	d.groups = nil
	for _, in := range d.instances {
		in.group = nil
	}
	for _, cfg := range d.cfg.Groups {
		g := &syncGroup{cfg: cfg, changed: time.Now(), notify: d.notify.resolve(&cfg.Notify)}
		for _, o := range old {
			if o.cfg.Name == cfg.Name {
				g.st, g.changed = o.st, o.changed
			}
		}
		for _, name := range cfg.Members {
			if in := d.byName[name]; in != nil {
				in.group = g
				g.members = append(g.members, in)
			}
		}
		if len(g.members) > 0 {
			g.pending, g.by = true, g.members[0]
		}
		d.groups = append(d.groups, g)
	}
}

// reloadScripts starts the scripts that are new, stops those that are gone and keeps
// the results of those that stay as they were.
func (d *daemon) reloadScripts(now clock.Instant) {
	old := d.byScript
	d.scripts, d.byScript = nil, map[string]*trackScript{}
	for _, cfg := range d.cfg.Scripts {
		if !cfg.Used {
			continue
		}
		s := old[cfg.Name]
		if s != nil && sameScript(s.cfg, cfg) {
			delete(old, cfg.Name)
			s.cfg, s.ready = cfg, d.ready[cfg.Script]
			d.sayKept(s)
		} else {
			s = d.newScript(now, cfg)
		}
		d.scripts = append(d.scripts, s)
		d.byScript[cfg.Name] = s
	}
	for _, s := range old {
		s.cancelled = true
		s.timer.Release()
		if s.running {
			d.runner.Cancel(s.run)
		}
	}
}

// sameScript reports whether the results of a script's old runs still mean something.
func sameScript(a, b *vrrpcfg.Script) bool {
	return a.Script.Equal(b.Script) && a.Interval == b.Interval && a.Timeout == b.Timeout && a.Rise == b.Rise && a.Fall == b.Fall
}

// tellVIPs tells the interface table which addresses are virtual: none of them is to be
// the source of adverts.
func (d *daemon) tellVIPs(now clock.Instant) {
	vips := map[netip.Addr]struct{}{}
	for _, cfg := range d.cfg.Instances {
		for _, a := range cfg.Addresses {
			vips[a.Prefix.Addr()] = struct{}{}
		}
		for _, a := range cfg.Excluded {
			vips[a.Prefix.Addr()] = struct{}{}
		}
	}
	for _, c := range d.links.SetVIPs(vips, nil) {
		d.linkChanged(now, c)
	}
}
