package checker

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
	"keepalived/checker/ipvs"
	"keepalived/core/clock"
	"keepalived/core/diag"
	"keepalived/core/global"
	"keepalived/core/logging"
	"keepalived/core/process"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

// preparation is a decoded configuration that waits for its Commit.
type preparation struct {
	model     *model
	again     bool                 // it is the running one, once more
	removed   int                  // virtual servers that it does not have any more
	records   []*pb.CheckRecord    // of the process before this one
	overrides []*pb.ServerOverride // in force before this process
}

// adopter takes the child from one configuration to the next.
func (d *daemon) adopter() *childapi.Adopter[preparation] {
	return &childapi.Adopter[preparation]{
		Answer: d.report, Post: func(f func(clock.Instant)) bool { return d.post(f) },
		Decode: func(u childapi.Update) (*preparation, diag.List) {
			m, diags := decode(u.Tree, process.HostName(), d.opt.DumpDir)
			d.follow(m)
			return &preparation{model: m, records: u.Records, overrides: u.Overrides}, diags
		},
		Again: func(then *preparation) (*preparation, bool) {
			m, ok := then.model.now(process.HostName(), d.opt.DumpDir)
			return &preparation{model: m, again: true}, ok
		},
		Plan: d.plan, Commit: d.commit,
	}
}

// plan compares a new configuration with the running one.
func (d *daemon) plan(p *preparation) *pb.Plan {
	plan := &pb.Plan{Role: pb.Role_ROLE_CHECKER}
	switch {
	case p.again:
		plan.Kept = uint32(len(p.model.services))
	case d.running == 0:
		for _, s := range p.model.services {
			plan.Added = append(plan.Added, s.key)
		}
	default:
		diff := checkercfg.Diff(d.model.cfg, p.model.cfg)
		p.removed = len(diff.Removed)
		plan.Kept, plan.Changed, plan.Removed, plan.Added = uint32(len(diff.Kept)), diff.Changed, diff.Removed, diff.Added
	}
	return plan
}

// commit puts a prepared configuration into force in one turn.
func (d *daemon) commit(now clock.Instant, generation uint64, p *preparation) {
	if d.stopping {
		return
	}
	first := d.running == 0
	d.running = generation
	if first {
		d.start(now, p)
	} else {
		d.reload(now, p)
	}
	for _, note := range d.model.notes {
		d.info(note)
	}
	d.report.Ready(generation)
	if !p.again {
		process.ReleaseMemorySoon()
	}
}

// start begins the first configuration of this process, where the one before it has
// left off if there was one.
func (d *daemon) start(now clock.Instant, p *preparation) {
	g := p.model.cfg.Global
	for _, text := range p.model.missing {
		d.info(text)
	}
	d.info("Initializing ipvs")
	d.director = health.New(health.Options{Seed: seed(), InitNotifies: g.RSInitNotifies, NoCheckerMail: g.NoCheckerEmails})
	if g.NamespaceIPVSSet {
		d.table.netns.Store(&g.NamespaceIPVS)
		d.counter.list = "" // that of another namespace
	}
	d.take(p)
	if len(p.records) > 0 {
		list := make([]health.Record, len(p.records))
		for i, r := range p.records {
			if list[i] = recordOf(r); r.GetServer() == "" {
				d.life(r.GetService()).since = list[i].Since
			}
		}
		d.director.Resume(list)
	} else if g.LVSFlush {
		d.table.worker.Flush()
	}
	d.overrides.preset(p.overrides)
	p.records, p.overrides = nil, nil // p stays as long as it is in force
	d.suspend(now)
	d.director.Configure(now, d.model.configs, &d.out)
	d.act(now)
	d.settle(now)
	d.setTimeouts(&global.Config{})
	d.sayConfig(now)
}

// reload goes from the running configuration to the next. A service that has not
// changed is not touched.
func (d *daemon) reload(now clock.Instant, p *preparation) {
	d.info("Reloading")
	for _, text := range p.model.missing {
		d.info(text)
	}
	d.info("Reinitializing ipvs")
	old := d.model
	if n := len(old.services); n > 1 && p.removed > n/2 {
		d.log.Warn(fmt.Sprintf("This reload removes %d of %d virtual servers", p.removed, n))
	}
	d.before = old
	d.take(p)
	d.sayGroups(old)
	d.suspend(now)
	d.director.Configure(now, d.model.configs, &d.out)
	d.act(now)
	if !p.again {
		d.settle(now)
	}
	d.before = nil
	d.setTimeouts(old.cfg.Global)
	if g := d.model.cfg.Global; g.NamespaceIPVS != old.cfg.Global.NamespaceIPVS || g.NamespaceIPVSSet != old.cfg.Global.NamespaceIPVSSet {
		d.info("net_namespace_ipvs cannot be changed by a reload: restart keepalived for that")
	}
}

// sayGroups tells which entries of groups a reload has taken away and added.
func (d *daemon) sayGroups(old *model) {
	said := map[string]bool{}
	for _, s := range d.model.services {
		was := old.byKey[s.key]
		if was == nil || s.cfg.Group == nil || was.cfg.Group == nil || said[s.cfg.Group.Name] {
			continue
		}
		said[s.cfg.Group.Name] = true
		before, now := was.cfg.Group.Entries, s.cfg.Group.Entries
		for i := range before {
			if !slices.Contains(now, before[i]) {
				d.info(fmt.Sprintf("VS [%s] in group %s no longer exists", before[i].Title(s.cfg.Protocol), s.cfg.Group.Name))
			}
		}
		for i := range now {
			if !slices.Contains(before, now[i]) {
				d.info(fmt.Sprintf("VS [%s] added into group %s", now[i].Title(s.cfg.Protocol), s.cfg.Group.Name))
			}
		}
	}
}

// take makes p the running configuration.
func (d *daemon) take(p *preparation) {
	d.model = p.model
	d.notify.configure(p.model.cfg.Global)
}

// settle brings what depends on the services there are up to the new configuration.
func (d *daemon) settle(now clock.Instant) {
	d.overrides.prune(now)
	maps.DeleteFunc(d.lives, func(key string, _ *life) bool { return d.model.byKey[key] == nil })
	for _, s := range d.model.services {
		d.firstReport(now, s)
	}
	d.table.touchAll()
	d.rememberAll()
}

// firstReport tells of a service that nothing was said of: one without its quorum, of
// which 2.2.7 does not speak.
func (d *daemon) firstReport(now clock.Instant, s *service) {
	if d.life(s.key).at.IsZero() {
		d.turned(now, &health.Action{Service: d.director.Service(s.key).Config})
	}
}

// setTimeouts sets lvs_timeouts where they differ from those of before.
func (d *daemon) setTimeouts(old *global.Config) {
	g := d.model.cfg.Global
	if g.TCPTimeout == old.TCPTimeout && g.TCPFinTimeout == old.TCPFinTimeout && g.UDPTimeout == old.UDPTimeout {
		return
	}
	t := ipvs.Timeouts{TCP: seconds(g.TCPTimeout), TCPFin: seconds(g.TCPFinTimeout), UDP: seconds(g.UDPTimeout)}
	if t == (ipvs.Timeouts{}) {
		return
	}
	d.counter.ask(countRequest{timeouts: t, done: func(_ counts, err error) {
		if err != nil {
			d.log.Info(fmt.Sprintf("IPVS: lvs_timeouts: %v", err))
		}
	}})
}

func seconds(d time.Duration) uint32 { return uint32(d / time.Second) }

// sayConfig is -d: the dump of what was read goes to the log, off the loop.
func (d *daemon) sayConfig(now clock.Instant) {
	if !d.opt.LogConfig {
		return
	}
	s := d.picture(now)
	d.group.Go(func() error {
		logging.Lines(d.ctx, d.log, s.Text(), d.opt.LogSettled)
		return nil
	})
}
