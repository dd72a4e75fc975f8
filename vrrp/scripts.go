package vrrp

import (
	"keepalived/core/clock"
	"keepalived/core/config/cursor"
	"keepalived/core/script"
	"keepalived/vrrp/vrrpcfg"
)

// newRun numbers a run and remembers what to do at its end.
func (d *daemon) newRun(done func(now clock.Instant, r script.Result)) int32 {
	d.lastRun++
	if d.lastRun < 1 {
		d.lastRun = 1
	}
	d.runs[d.lastRun] = done
	return d.lastRun
}

// scriptDone is the end of any script.
func (d *daemon) scriptDone(now clock.Instant, r script.Result) {
	done := d.runs[r.ID]
	delete(d.runs, r.ID)
	if done != nil {
		done(now, r)
	}
}

// newScript starts to track with a script; nil when it cannot be run: whoever tracks it
// no longer does.
func (d *daemon) newScript(now clock.Instant, cfg *vrrpcfg.Script) *trackScript {
	cmd, ok := d.resolveScript(cursor.TrackScript, cfg.Name, cfg.Script)
	if !ok {
		d.cfg.DisableScript(cfg.Name)
		return nil
	}
	s := &trackScript{cfg: cfg, command: cmd}
	s.command.Limit = s.limit()
	s.timer = d.timers.make(func(now, _ clock.Instant) { d.startScript(now, s) })
	s.nextAt = now
	s.timer.set(now)
	return s
}
