package checker

import (
	"fmt"
	"time"

	"keepalived/checker/health"
	"keepalived/checker/probe"
	"keepalived/core/clock"
)

// lateness is what is said of probes that had to wait for their start.
type lateness struct {
	stats func() (late uint64, worst time.Duration) // of the pool; nil: nobody knows
	late  uint64                                    // that was said
	again clock.Instant                             // not before
}

// lateEvery is how often it is said that probes are late.
const lateEvery = time.Minute

// sayLate warns of probes that started late: their results come late, nothing else.
func (d *daemon) sayLate(now clock.Instant) {
	l := &d.late
	if l.stats == nil || now < l.again {
		return
	}
	late, worst := l.stats()
	if late > l.late {
		d.log.Warn(fmt.Sprintf("Probes had to wait for their start: %d, the longest so far %s. The host is too slow for so many checks, or many came at once",
			late-l.late, worst.Round(time.Millisecond)))
		l.late, l.again = late, now.Add(lateEvery)
	}
}

// lateProbes sums up what the pool says.
func lateProbes(p *probe.Pool) (late uint64, worst time.Duration) {
	for _, k := range []probe.Kind{probe.TCP, probe.HTTP, probe.TLSKind, probe.Script} {
		s := p.Stats(k)
		late, worst = late+s.Late, max(worst, s.Worst)
	}
	return late, worst
}

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
