package vrrp

import (
	"keepalived/core/clock"
	"keepalived/core/global"
	"keepalived/core/process"
	"keepalived/core/script"
	"keepalived/vrrp/vrrpcfg"
)

// newRun numbers a run and remembers what to do at its end.
func (d *daemon) newRun(done func(now clock.Instant, r script.Result)) int32 {
	d.lastRun++
	if d.lastRun < 1 {
		d.lastRun = 1
	}
	if done != nil {
		d.runs[d.lastRun] = done
	}
	return d.lastRun
}

// scriptDone is the end of any script.
func (d *daemon) scriptDone(now clock.Instant, r script.Result) {
	if s := d.tracking[r.ID]; s != nil {
		d.trackDone(now, s, r)
		return
	}
	done := d.runs[r.ID]
	delete(d.runs, r.ID)
	if done != nil {
		done(now, r)
	}
}

// newScript starts to track with a script that can be run.
func (d *daemon) newScript(now clock.Instant, cfg *vrrpcfg.Script) *trackScript {
	s := &trackScript{cfg: cfg, ready: d.ready[cfg.Script]}
	s.run = d.newRun(nil)
	d.tracking[s.run] = s
	s.timer = d.timers.Make(func(now, _ clock.Instant) { d.startScript(now, s) })
	s.nextAt = now
	s.timer.Set(now)
	return s
}

// fifoConfigs lists the FIFOs that VRRP events go to.
func fifoConfigs(g *global.Config) []script.FIFOConfig {
	var out []script.FIFOConfig
	if c, ok := script.FIFOOf("notify", &g.FIFO, process.Accounts{}); ok {
		out = append(out, c)
	}
	if c, ok := script.FIFOOf("vrrp_notify", &g.VRRPFIFO, process.Accounts{}); ok {
		out = append(out, c)
	}
	return out
}
