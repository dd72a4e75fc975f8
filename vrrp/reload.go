package vrrp

import (
	"fmt"
	"os"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"keepalived/core/clock"
	"keepalived/core/diag"
	"keepalived/core/global"
	"keepalived/core/loop"
	"keepalived/core/process"
	"keepalived/core/rtnl"
	"keepalived/core/script"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
	"keepalived/vrrp/fsm"
	"keepalived/vrrp/vrrpcfg"
)

// preparation is a decoded configuration that waits for its Commit.
type preparation struct {
	generation uint64
	cfg        *vrrpcfg.Config
	globals    []byte
	paths      map[string]string
	ready      script.Resolved
	plan       vrrpcfg.Plan
}

// configure takes a step of a configuration change, on a goroutine of the client:
// decoding happens here, the loop gets the result.
func (d *daemon) configure(u childapi.Update) {
	switch u.Phase {
	case childapi.Prepare:
		started := time.Now()
		p, diags := d.decode(u)
		if diags.HasFatal() {
			if u.Initial {
				d.exit(exitConfig, firstFatal(diags))
			}
			d.client.Refused(u.Generation, diags)
			return
		}
		done := make(chan struct{})
		if !d.loop.Post(func(clock.Instant) { d.prepare(u, p, started); close(done) }) {
			return
		}
		<-done
	case childapi.Commit:
		d.loop.Post(func(now clock.Instant) { d.commit(now, u.Generation) })
	case childapi.Abort:
		d.loop.Post(func(clock.Instant) {
			if d.prepared != nil && d.prepared.generation == u.Generation {
				d.prepared = nil
			}
		})
	}
}

// exitConfig is keepalived's exit code for a configuration that cannot run.
const exitConfig = 2

func firstFatal(l diag.List) string {
	for _, x := range l {
		if x.Severity == diag.Fatal {
			return x.Summary
		}
	}
	return ""
}

// decode turns the tree into the model, against the interfaces that exist now.
func (d *daemon) decode(u childapi.Update) (*preparation, diag.List) {
	g, diags := global.Decode(u.Tree)
	if host, err := os.Hostname(); err == nil {
		g.SetHost(host)
	}
	ifs, err := interfaces()
	if err != nil {
		d.log.Warn(err.Error())
	}
	cfg, more := vrrpcfg.Load(u.Tree, g, ifs)
	diags = append(diags, more...)
	return &preparation{generation: u.Generation, cfg: cfg, globals: globalsText(g, cfg), paths: filePaths(cfg), ready: resolveAll(cfg)}, diags
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

// prepare compares the new configuration with the running one and answers the parent.
func (d *daemon) prepare(u childapi.Update, p *preparation, started time.Time) {
	d.prepared = p
	plan := &pb.Plan{Role: pb.Role_ROLE_VRRP, Took: durationpb.New(time.Since(started))}
	if d.cfg == nil {
		for _, in := range p.cfg.Instances {
			plan.Added = append(plan.Added, in.Name)
		}
	} else {
		p.plan = vrrpcfg.Diff(d.cfg, p.cfg)
		plan.Kept = uint32(len(p.plan.Kept))
		for name := range p.plan.Changed {
			plan.Changed = append(plan.Changed, name)
		}
		plan.Restarted, plan.Removed, plan.Added = p.plan.Restarted, p.plan.Removed, p.plan.Added
	}
	d.client.Prepared(u.Generation, plan)
}

// commit puts the prepared configuration into force in one turn.
func (d *daemon) commit(now clock.Instant, generation uint64) {
	p := d.prepared
	if p == nil || p.generation != generation || d.stopping {
		return
	}
	d.prepared = nil
	if d.running == 0 {
		d.initial = p
		d.startPrepared(now)
		return
	}
	d.info("Reloading")
	d.reload(now, p)
	d.client.Ready(p.generation)
	process.ReleaseMemorySoon()
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
		d.startup(now, in)
	}
	for _, in := range d.instances {
		d.evaluate(now, in)
	}
	for link, p := range d.announce.pacers {
		p.Configure(d.pace(link))
	}
}

// take makes p the running configuration.
func (d *daemon) take(p *preparation) {
	d.cfg, d.running, d.ready = p.cfg, p.generation, p.ready
	d.globals, d.paths = p.globals, p.paths
	d.files = dumpFilesOf(p.cfg.Global, d.opt.DumpDir)
	d.notify.configure(p.cfg)
}

// change applies a new configuration to a running instance, which keeps its state.
func (d *daemon) change(now clock.Instant, in *instance, cfg *vrrpcfg.Instance, change vrrpcfg.Change) {
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
	set, total := d.standing(in)
	in.causes, in.weights = set, total
	d.step(now, in, fsm.Event{Kind: fsm.EvReconfigured, Priority: priority(in)})
}

// remove takes an instance out of the running configuration: it resigns, and goes when
// its addresses have gone.
func (d *daemon) remove(now clock.Instant, in *instance) {
	if in == nil || in.removing {
		return
	}
	d.info(fmt.Sprintf("(%s) removed from the configuration", in.cfg.Name))
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
