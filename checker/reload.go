package checker

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
	"keepalived/checker/ipvs"
	"keepalived/core/clock"
	"keepalived/core/diag"
	"keepalived/core/global"
	"keepalived/core/process"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

// preparation is a decoded configuration that waits for its Commit.
type preparation struct {
	generation uint64
	model      *model
	removed    int                  // virtual servers that it does not have any more
	records    []*pb.CheckRecord    // of the process before this one
	overrides  []*pb.ServerOverride // in force before this process
}

// configure takes a step of a configuration change, on a goroutine of the client:
// decoding happens here, the loop gets the result.
func (d *daemon) configure(u childapi.Update) {
	switch u.Phase {
	case childapi.Prepare:
		started := time.Now()
		host, _ := os.Hostname()
		m, diags := decode(u.Tree, host, d.opt.DumpDir)
		if diags.HasFatal() {
			if u.Initial {
				os.Exit(d.report.Fatal(exitConfig, firstFatal(diags), time.Second))
			}
			d.report.Refused(u.Generation, diags)
			return
		}
		p := &preparation{generation: u.Generation, model: m, records: u.Records, overrides: u.Overrides}
		done := make(chan struct{})
		if d.post(func(clock.Instant) { d.prepare(p, started); close(done) }) {
			<-done
		}
	case childapi.Commit:
		d.post(func(now clock.Instant) { d.commit(now, u.Generation) })
	case childapi.Abort:
		d.post(func(clock.Instant) {
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

// prepare compares the new configuration with the running one and answers the parent.
func (d *daemon) prepare(p *preparation, started time.Time) {
	d.prepared = p
	plan := &pb.Plan{Role: pb.Role_ROLE_CHECKER}
	if d.running == 0 {
		for _, s := range p.model.services {
			plan.Added = append(plan.Added, s.key)
		}
	} else {
		diff := checkercfg.Diff(d.model.cfg, p.model.cfg)
		p.removed = len(diff.Removed)
		plan.Kept, plan.Changed, plan.Removed, plan.Added = uint32(len(diff.Kept)), diff.Changed, diff.Removed, diff.Added
	}
	plan.Took = durationpb.New(time.Since(started))
	d.report.Prepared(p.generation, plan)
}

// commit puts the prepared configuration into force in one turn.
func (d *daemon) commit(now clock.Instant, generation uint64) {
	p := d.prepared
	if p == nil || p.generation != generation || d.stopping {
		return
	}
	d.prepared = nil
	if d.running == 0 {
		d.start(now, p)
	} else {
		d.reload(now, p)
	}
	for _, note := range d.model.notes {
		d.info(note)
	}
	d.report.Ready(generation)
	process.ReleaseMemorySoon()
}

// start begins the first configuration of this process, where the one before it has
// left off if there was one.
func (d *daemon) start(now clock.Instant, p *preparation) {
	g := p.model.cfg.Global
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
	d.director.Configure(now, d.model.configs, &d.out)
	d.settle(now)
	d.setTimeouts(&global.Config{})
	d.sayConfig(now)
}

// reload goes from the running configuration to the next. A service that has not
// changed is not touched.
func (d *daemon) reload(now clock.Instant, p *preparation) {
	d.info("Reinitializing ipvs")
	old := d.model
	if n := len(old.services); n > 1 && p.removed > n/2 {
		d.log.Warn(fmt.Sprintf("This reload removes %d of %d virtual servers", p.removed, n))
	}
	d.before = old
	d.take(p)
	d.director.Configure(now, d.model.configs, &d.out)
	d.settle(now)
	d.before = nil
	d.setTimeouts(old.cfg.Global)
	if g := d.model.cfg.Global; g.NamespaceIPVS != old.cfg.Global.NamespaceIPVS || g.NamespaceIPVSSet != old.cfg.Global.NamespaceIPVSSet {
		d.info("net_namespace_ipvs cannot be changed by a reload: restart keepalived for that")
	}
}

// take makes p the running configuration.
func (d *daemon) take(p *preparation) {
	d.model, d.running = p.model, p.generation
	d.notify.configure(p.model.cfg.Global)
}

// settle carries out what a configuration has brought about.
func (d *daemon) settle(now clock.Instant) {
	d.act(now)
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

// configPart is how many lines of the configuration are logged at once: a part of
// what the log's ring holds.
const configPart = 100

// sayConfig is -d: the dump of what was read goes to the log, off the loop.
func (d *daemon) sayConfig(now clock.Instant) {
	if !d.opt.LogConfig {
		return
	}
	s := d.picture(now)
	d.group.Go(func() error {
		n := 0
		for line := range strings.Lines(string(s.Text())) {
			d.info(strings.TrimSuffix(line, "\n"))
			if n++; n%configPart != 0 {
				continue
			}
			if d.ctx.Err() != nil {
				break
			}
			if d.opt.LogSettled != nil {
				d.opt.LogSettled()
			}
		}
		return nil
	})
}
