package vrrp

import (
	"slices"

	"keepalived/core/clock"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
	"keepalived/core/loop"
	"keepalived/core/process"
	"keepalived/core/rtname"
	"keepalived/core/rtnl"
	"keepalived/core/script"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
	"keepalived/vrrp/fsm"
	"keepalived/vrrp/vrrpcfg"
)

// preparation is a decoded configuration that waits for its Commit.
type preparation struct {
	generation uint64 // from the Commit on
	cfg        *vrrpcfg.Config
	world      world
	globals    []byte
	paths      map[string]string
	notes      []string // for the log when it comes into force
	again      bool     // it is the running one, once more
	plan       vrrpcfg.Plan
}

// world is what decode has found on the machine.
type world struct {
	host  string
	links asked
	uses  []cursor.ScriptUse // all of the configuration, also those that cannot be run
	ready script.Resolved
}

// asked remembers which interfaces somebody wanted to exist, and whether they did.
type asked struct {
	ifs     vrrpcfg.Interfaces
	answers map[string]bool
}

// Has implements vrrpcfg.Exister.
func (a asked) Has(name string) bool {
	has := a.ifs.Has(name)
	a.answers[name] = has
	return has
}

// adopter takes the child from one configuration to the next.
func (d *daemon) adopter() *childapi.Adopter[preparation] {
	return &childapi.Adopter[preparation]{
		Answer: d.client, Post: func(f func(clock.Instant)) bool { return d.loop.Post(f) },
		Decode: d.decode, Again: d.again, Plan: d.plan,
		Commit: func(now clock.Instant, generation uint64, p *preparation) {
			p.generation = generation
			d.commit(now, p)
		},
	}
}

// decode turns the tree into the model, against the interfaces and scripts there are now.
func (d *daemon) decode(u childapi.Update) (*preparation, diag.List) {
	g, diags := global.Decode(u.Tree)
	p := &preparation{world: world{host: process.HostName(), links: asked{answers: map[string]bool{}}}}
	w := &p.world
	g.SetHost(w.host)
	var err error
	if w.links.ifs, err = d.exist(); err != nil {
		d.log.Warn(err.Error())
	}
	g.Names = rtname.Read(g.IPRouteEtcDir, g.IPRouteUsrDir)
	cfg, more := vrrpcfg.Load(u.Tree, g, w.links)
	w.links.ifs = nil
	w.uses = cfg.ScriptUses()
	w.ready, p.notes = script.NewResolver(g, process.Accounts{}).ResolveAll(w.uses)
	for _, s := range cfg.Scripts {
		switch {
		case s.Used && w.ready[s.Script] == nil: // the parent has said why
			cfg.DisableScript(s.Name)
		case !s.Used && s.Script != nil:
			p.notes = append(p.notes, "Warning - script "+s.Name+" is not used")
		}
	}
	p.cfg = cfg
	p.lookUp()
	return p, append(diags, more...)
}

// lookUp fills in what only the dumps have from the machine.
func (p *preparation) lookUp() {
	p.globals, p.paths = globalsText(p.cfg.Global, p.cfg), filePaths(p.cfg)
}

// again makes what decode would make now of the tree of which it has made then; false:
// the machine is not what it was.
func (d *daemon) again(then *preparation) (*preparation, bool) {
	w := &then.world
	ifs, err := d.exist()
	if err != nil || process.HostName() != w.host || !script.NewResolver(then.cfg.Global, process.Accounts{}).Still(w.uses, w.ready) {
		return nil, false
	}
	if g := then.cfg.Global; !g.Names.Equal(rtname.Read(g.IPRouteEtcDir, g.IPRouteUsrDir)) {
		return nil, false
	}
	for name, had := range w.links.answers {
		if ifs.Has(name) != had {
			return nil, false
		}
	}
	next := &preparation{cfg: then.cfg, world: then.world, notes: then.notes, again: true}
	next.lookUp()
	return next, true
}

// interfaces lists the names of the links that exist; nil when that cannot be found out.
func interfaces() (vrrpcfg.Interfaces, error) {
	h, err := rtnl.Open()
	if err != nil {
		return nil, err
	}
	defer h.Close()
	links, err := h.Links()
	if err != nil {
		return nil, err
	}
	set := vrrpcfg.Interfaces{}
	for _, l := range links {
		set[l.Name] = struct{}{}
	}
	return set, nil
}

// plan compares a new configuration with the running one.
func (d *daemon) plan(p *preparation) *pb.Plan {
	plan := &pb.Plan{Role: pb.Role_ROLE_VRRP}
	switch {
	case p.again:
		plan.Kept = uint32(len(p.cfg.Instances))
	case d.cfg == nil:
		for _, in := range p.cfg.Instances {
			plan.Added = append(plan.Added, in.Name)
		}
	default:
		p.plan = vrrpcfg.Diff(d.cfg, p.cfg)
		plan.Kept = uint32(len(p.plan.Kept))
		for name := range p.plan.Changed {
			plan.Changed = append(plan.Changed, name)
		}
		plan.Restarted, plan.Removed, plan.Added = p.plan.Restarted, p.plan.Removed, p.plan.Added
	}
	return plan
}

// commit puts a prepared configuration into force in one turn.
func (d *daemon) commit(now clock.Instant, p *preparation) {
	if d.stopping {
		return
	}
	if d.running == 0 {
		d.initial = p
		d.startPrepared(now)
		return
	}
	d.info("Reloading")
	if p.again {
		d.take(p)
		for _, s := range d.scripts {
			d.sayKept(s)
		}
	} else {
		d.reload(now, p)
		p.plan = vrrpcfg.Plan{} // p stays as long as it is in force
		process.ReleaseMemorySoon()
	}
	d.client.Ready(p.generation)
}

// startPrepared starts the first configuration when both it and the kernel's picture
// are there.
func (d *daemon) startPrepared(now clock.Instant) {
	if d.initial == nil || !d.seeded || d.running != 0 {
		return
	}
	p := d.initial
	d.initial = nil
	d.start(now, p)
	d.client.Ready(p.generation)
	process.ReleaseMemorySoon()
}

// reload goes from the running configuration to the next. What is not in the plan is
// not touched.
func (d *daemon) reload(now clock.Instant, p *preparation) {
	old := d.cfg
	d.take(p)
	d.reloadScripts(now)
	d.tellVIPs(now)
	for _, name := range p.plan.Removed {
		d.info("(" + name + ") removed from the configuration")
		d.remove(now, d.byName[name])
	}
	list := make([]*instance, 0, len(d.cfg.Instances))
	var fresh []*instance
	for _, cfg := range d.cfg.Instances {
		in := d.byName[cfg.Name]
		change, changed := p.plan.Changed[cfg.Name]
		switch {
		case in == nil || in.removing:
			in = d.newInstance(cfg)
			fresh = append(fresh, in)
		case vrrpcfg.Compare(in.cfg, cfg).Restart():
			d.remove(now, in)
			in = d.newInstance(cfg)
			fresh = append(fresh, in)
		case changed:
			d.change(now, in, cfg, change)
		default:
			in.cfg = cfg
			in.track = d.trackRefs(cfg, d.cfg.Groups)
			d.watchLinks(in) // its group may track others now
		}
		list = append(list, in)
	}
	d.instances = list
	d.reloadGroups(old)
	for _, in := range fresh {
		d.prepareInstance(in)
	}
	d.sayHandicaps(fresh)
	for _, in := range fresh {
		d.startup(now, in)
	}
	for _, in := range d.instances {
		d.evaluate(now, in)
	}
	for link, p := range d.announce.pacers {
		p.Configure(d.pace(link))
	}
	d.saySockets()
}

// take makes p the running configuration.
func (d *daemon) take(p *preparation) {
	d.cfg, d.running, d.globals, d.paths, d.ready = p.cfg, p.generation, p.globals, p.paths, p.world.ready
	d.files = dumpFilesOf(p.cfg.Global, d.opt.DumpDir)
	d.notify.configure(p.cfg)
	for _, note := range p.notes {
		d.info(note)
	}
}

// change applies a new configuration to a running instance, which keeps its state.
func (d *daemon) change(now clock.Instant, in *instance, cfg *vrrpcfg.Instance, change vrrpcfg.Change) {
	d.sayGone(in, slices.Concat(cfg.Addresses, cfg.Excluded))
	in.cfg = cfg
	in.track = d.trackRefs(cfg, d.cfg.Groups)
	d.watchLinks(in)
	d.notify.hooks(in)
	source := d.source(in)
	in.mc = machineConfig(cfg, source)
	const silent = vrrpcfg.ChangeNotify | vrrpcfg.ChangeTrack | vrrpcfg.ChangeGARP
	if change&(vrrpcfg.ChangeAddresses|vrrpcfg.ChangeGARP) != 0 {
		d.retarget(in)
	}
	if change.Has(vrrpcfg.ChangeGARP) {
		for _, p := range in.pacers {
			p.Reschedule(in.id, now)
			p.timer.Set(p.Deadline(now))
		}
	}
	if change&^silent == 0 {
		d.handover.store(in)
		return
	}
	d.listen(in)
	_, in.weights = d.standing(in)
	// What now keeps it in FAULT, or no longer does, is told by the evaluation that follows.
	d.step(now, in, fsm.Event{Kind: fsm.EvReconfigured, Priority: priority(in)})
}

// remove takes an instance out of the running configuration: it resigns, and goes when
// its addresses have gone.
func (d *daemon) remove(now clock.Instant, in *instance) {
	if in == nil || in.removing {
		return
	}
	in.removing = true // its scripts stay those of the configuration it was in
	d.step(now, in, fsm.Event{Kind: fsm.EvShutdown})
	d.unbind(in)
	d.listenAt(in, membership{})
	d.unwatchLinks(in)
	delete(d.byName, in.cfg.Name)
	d.reportRemoved(in)
	if in.applied == in.st.Gen {
		d.forget(in)
	}
}

// forget drops what is left of a removed instance.
func (d *daemon) forget(in *instance) {
	for _, p := range in.pacers {
		p.Remove(in.id)
	}
	if in.timer.Made() {
		in.timer.Release()
		in.timer = loop.Timer{}
	}
}
