package checker

import (
	"time"

	"keepalived/checker/health"
	"keepalived/core/clock"
)

// startProbes starts what is due. A probe that starts late is late and not failed.
func (d *daemon) startProbes(now clock.Instant) {
	for {
		p, ok := d.director.Due(now)
		if !ok {
			break
		}
		s := &d.model.services[p.Service.Ref].servers[p.Server.Ref]
		d.probes.Start(p.Ticket, s.targets[p.Check.Ref], p.Step)
	}
	d.probing.Set(d.director.Next())
}

// probed is what a probe has found, on a goroutine of the pool.
func (d *daemon) probed(t health.Ticket, r health.Result, took time.Duration) {
	d.post(func(now clock.Instant) { d.result(now, t, r, took) })
}

func (d *daemon) result(now clock.Instant, t health.Ticket, r health.Result, took time.Duration) {
	if d.stopping || !d.director.Result(now, t, r, &d.out) {
		return
	}
	for int(t.ID) >= len(d.took) {
		d.took = append(d.took, make([]time.Duration, len(d.took)+64)...)
	}
	d.took[t.ID] = took
	d.act(now)
}
