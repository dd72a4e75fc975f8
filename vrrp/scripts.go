package vrrp

import (
	"keepalived/core/clock"
	"keepalived/core/config/cursor"
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

// resolved is a script of the configuration made ready to run. It is made when the
// configuration is decoded, off the loop: it looks at files.
type resolved map[*cursor.Script]*script.Script

// resolveAll looks at every script of a configuration. What cannot be run is left out:
// the parent has said why.
func resolveAll(cfg *vrrpcfg.Config) resolved {
	r := script.NewResolver(cfg.Global, process.Accounts{})
	all := resolved{}
	for _, use := range cfg.ScriptUses() {
		if s, err := r.Resolve(use.Script); err == nil {
			all[use.Script] = &s
		}
	}
	return all
}

// newScript starts to track with a script; nil when it cannot be run: whoever tracks it
// no longer does.
func (d *daemon) newScript(now clock.Instant, cfg *vrrpcfg.Script) *trackScript {
	ready := d.ready[cfg.Script]
	if ready == nil {
		d.cfg.DisableScript(cfg.Name)
		return nil
	}
	s := &trackScript{cfg: cfg, ready: ready}
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
	for _, f := range []struct {
		name string
		f    *global.FIFO
	}{{"notify", &g.FIFO}, {"vrrp_notify", &g.VRRPFIFO}} {
		if f.f.Path == "" {
			continue
		}
		c := script.FIFOConfig{Path: f.f.Path, Name: f.name, UID: -1, GID: -1}
		if uid, gid, ok := (process.Accounts{}).User(f.f.User); ok {
			c.UID, c.GID = int(uid), int(gid)
		}
		if gid, ok := (process.Accounts{}).Group(f.f.Group); ok {
			c.GID = int(gid)
		}
		out = append(out, c)
	}
	return out
}
