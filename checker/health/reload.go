package health

import (
	"slices"

	"keepalived/core/clock"
)

// Resume gives the Director what a former process knew. The next Configure starts the
// services and checkers that it finds in it as they were, and tells nobody.
func (d *Director) Resume(records []Record) {
	d.resume = map[string][]Record{}
	for _, r := range records {
		d.resume[r.Service] = append(d.resume[r.Service], r)
	}
}

// Preset is Override for a server that the next Configure brings, so that it does not
// take connections in between. What no server claims then is forgotten.
func (d *Director) Preset(service, server string, o Override) {
	if d.presets == nil {
		d.presets = map[string]map[string]Override{}
	}
	if d.presets[service] == nil {
		d.presets[service] = map[string]Override{}
	}
	d.presets[service][server] = o
}

// Configure starts with these services or turns to them from those that are. What is
// the same by key keeps its state: standing, weight, retries, override, and the place of
// its probes in time. A service that has not changed causes no action.
func (d *Director) Configure(now clock.Instant, configs []ServiceConfig, out *Actions) {
	after := make(map[string]*Service, len(configs))
	list := make([]*Service, 0, len(configs))
	for i := range configs {
		c := &configs[i]
		s := d.byKey[c.Key]
		if s == nil {
			s = &Service{}
		}
		after[c.Key] = s
		list = append(list, s)
	}
	for _, s := range d.services {
		if after[s.Config.Key] != s {
			d.retire(s, out)
		}
	}
	d.services, d.byKey = list, after
	var fresh []int32 // checkers to be activated
	for i, s := range list {
		if s.Config == nil {
			fresh = d.start(s, &configs[i], now, fresh, out)
		} else {
			fresh = d.reload(s, &configs[i], now, fresh, out)
		}
	}
	for _, id := range fresh {
		d.activate(id, out)
	}
	d.running, d.resume, d.presets = true, nil, nil
}

// retire takes a service out that is no more.
func (d *Director) retire(s *Service, out *Actions) {
	p := step{c: s.Config, s: s.State, out: out}
	if s.State.Stopped {
		return
	}
	p.say(MsgServiceGone)
	for i := range s.State.Servers {
		p.remove(i)
	}
	if s.State.Up {
		p.notifyService(false)
	}
	s.State.Stopped, s.State.Up = true, false
	p.want()
	d.forget(s)
}

// remove says that a server is taken out for good.
func (p *step) remove(i int) {
	r := &p.s.Servers[i]
	switch {
	case r.Alive():
		p.sayOf(MsgRemoving, i)
		p.notifyServer(i, false)
	case p.c.Servers[i].Inhibit:
		p.sayOf(MsgRemovingInhibited, i)
	}
	if r.Override != (Override{}) {
		p.sayOf(MsgOverrideGone, i)
	}
}

// start begins a service.
func (d *Director) start(s *Service, c *ServiceConfig, now clock.Instant, fresh []int32, out *Actions) []int32 {
	s.Config, s.State = c, NewServiceState(c)
	s.numbers = make([][]int32, len(c.Servers))
	known := d.resume[c.Key]
	for i := range c.Servers {
		fresh = d.startServer(s, i, known, now, fresh)
	}
	ch := Change{Kind: ChangeStart, Notify: d.opt.InitNotifies && !d.running}
	if at := slices.IndexFunc(known, func(r Record) bool { return r.Server == "" }); at >= 0 {
		ch.Resumed, ch.Up = true, known[at].Up
	}
	StepService(c, s.State, ch, out)
	return fresh
}

// startServer begins the i-th server of a service that was not there before. Its
// checkers start good without alpha; those of a former process as it has left them.
func (d *Director) startServer(s *Service, i int, known []Record, now clock.Instant, fresh []int32) []int32 {
	c := &s.Config.Servers[i]
	var records []Record
	var old []CheckKey
	for _, r := range known {
		if r.Server == c.Key {
			records, old = append(records, r), append(old, r.Check)
		}
	}
	state := ServerState{Override: d.presets[s.Config.Key][c.Key]}
	s.numbers[i] = make([]int32, len(c.Checks))
	for k, from := range match(old, c.keys()) {
		check := &c.Checks[k]
		st := CheckerState{Up: !check.Alpha, Tried: d.running || d.resume != nil, LastRan: clock.Never, Since: now}
		if from >= 0 {
			r := &records[from]
			st.Up, st.HasRun, st.Tried, st.Since = r.Up, true, true, r.Since
			if check.Dynamic {
				st.Delta = r.Delta
			}
			st.Due = d.schedule.resumed(check, now)
		} else {
			st.Due = d.schedule.first(check, now)
		}
		if !st.Up {
			state.Failed++
		}
		state.Delta += st.Delta
		s.numbers[i][k] = d.add(s, i, k, st)
		fresh = append(fresh, s.numbers[i][k])
	}
	state.Weight = state.effective(c)
	s.State.Servers[i] = state
	return fresh
}

// add gives a checker a number.
func (d *Director) add(s *Service, server, check int, st CheckerState) int32 {
	if n := len(d.free); n > 0 {
		id := d.free[n-1]
		d.free = d.free[:n-1]
		d.checkers[id] = checker{service: s, server: server, check: check, gen: d.checkers[id].gen, state: st}
		return id
	}
	d.checkers = append(d.checkers, checker{service: s, server: server, check: check, state: st})
	return int32(len(d.checkers) - 1)
}

// reload turns a service to its new configuration.
func (d *Director) reload(s *Service, c *ServiceConfig, now clock.Instant, fresh []int32, out *Actions) []int32 {
	was, state, numbers := s.Config, s.State.Servers, s.numbers
	if was == c || equalService(was, c) {
		s.Config, s.State.Reloaded = c, true
		for i := range state {
			state[i].Before, state[i].Reloaded = state[i].Weight, true
		}
		return fresh
	}
	p := step{c: was, s: s.State, out: out}
	before := make(map[string]int, len(was.Servers))
	for i := range was.Servers {
		before[was.Servers[i].Key] = i
	}
	for i := range c.Servers {
		delete(before, c.Servers[i].Key)
	}
	for i := range was.Servers { // in their order
		if _, gone := before[was.Servers[i].Key]; gone {
			p.sayOf(MsgGone, i)
			p.remove(i)
			for _, id := range numbers[i] {
				d.drop(id)
			}
		}
	}
	clear(before)
	for i := range was.Servers {
		before[was.Servers[i].Key] = i
	}
	s.Config, s.numbers = c, make([][]int32, len(c.Servers))
	s.State.Servers = make([]ServerState, len(c.Servers))
	for i := range c.Servers {
		old, kept := before[c.Servers[i].Key]
		if !kept {
			fresh = d.startServer(s, i, nil, now, fresh)
			continue
		}
		s.State.Servers[i] = state[old]
		fresh = d.reloadServer(s, i, &was.Servers[old], numbers[old], now, fresh, out)
	}
	StepService(c, s.State, Change{Kind: ChangeConfigured, Sorry: was.Sorry}, out)
	return fresh
}

// reloadServer turns the i-th server to its new checkers. One that asks something else
// now keeps the standing of the one whose place it takes; one that is new is good if
// the server is. So a server that is out comes back by a good probe only, or because
// the checkers that held it out are gone.
func (d *Director) reloadServer(s *Service, i int, was *ServerConfig, numbers []int32, now clock.Instant, fresh []int32, out *Actions) []int32 {
	c, state := &s.Config.Servers[i], &s.State.Servers[i]
	state.Before, state.Reloaded = state.Weight, true
	alive := state.Alive()
	state.Failed, state.Delta = 0, 0
	s.numbers[i] = make([]int32, len(c.Checks))
	kept := make([]bool, len(numbers))
	for k, from := range match(was.keys(), c.keys()) {
		var id int32
		if from >= 0 {
			id, kept[from] = numbers[from], true
			d.keep(id, s, i, k, &was.Checks[from], now)
		} else {
			st := CheckerState{Up: alive, HasRun: !alive, Tried: true, LastRan: clock.Never, Since: now}
			st.Due = d.schedule.first(&c.Checks[k], now)
			id = d.add(s, i, k, st)
			fresh = append(fresh, id)
		}
		s.numbers[i][k] = id
		if !d.checkers[id].state.Up {
			state.Failed++
		}
		state.Delta += d.checkers[id].state.Delta
	}
	for from, id := range numbers {
		if !kept[from] {
			d.drop(id)
		}
	}
	if !alive && state.Alive() {
		state.Told = false
		p := step{c: s.Config, s: s.State, out: out}
		if c.Inhibit {
			p.sayOf(MsgEnabling, i)
		} else {
			p.sayOf(MsgAdding, i)
		}
		p.notifyServer(i, true)
	}
	return fresh
}

// keep takes a checker over under its new configuration.
func (d *Director) keep(id int32, s *Service, server, check int, was *CheckerConfig, now clock.Instant) {
	k := &d.checkers[id]
	c := &s.Config.Servers[server].Checks[check]
	k.service, k.server, k.check = s, server, check
	st := &k.state
	if c.Digest != was.Digest || c.steps() != was.steps() {
		// What was asked before says nothing of this: a probe under way is of the old
		// one, and a round begins anew.
		st.Step, st.Failed, st.Recheck = 0, 0, false
		if k.busy {
			k.gen, k.busy = k.gen+1, false
			st.Due = now
			d.schedule.queue.Set(id, now)
		}
	}
	if !c.Dynamic {
		st.Delta = 0
	}
	if latest := now.Add(c.Interval); !k.busy && st.Due > latest && !d.waiting[s.Config.Key] {
		st.Due = latest
		d.schedule.queue.Set(id, latest)
	}
}

// equalService reports whether a reload has nothing to do. Ref is not looked at.
func equalService(a, b *ServiceConfig) bool {
	return a.Key == b.Key && a.Name == b.Name && a.Quorum == b.Quorum && a.Hysteresis == b.Hysteresis &&
		a.Omega == b.Omega && a.Mail == b.Mail && a.Sorry == b.Sorry &&
		slices.EqualFunc(a.Servers, b.Servers, func(x, y ServerConfig) bool {
			return x.Key == y.Key && x.Name == y.Name && x.Weight == y.Weight && x.Inhibit == y.Inhibit && x.Mail == y.Mail &&
				slices.EqualFunc(x.Checks, y.Checks, func(m, n CheckerConfig) bool {
					m.Ref, n.Ref = 0, 0
					return m == n
				})
		})
}
