package health

import (
	"keepalived/core/clock"
)

// Options are what a Director is told once.
type Options struct {
	// Seed is any number that differs between hosts and starts. It says where in the
	// warmup the first checker is.
	Seed uint32
	// InitNotifies is rs_init_notifies: notify_up of every server that is up at start.
	InitNotifies bool
	// NoCheckerMail is no_checker_emails: mail about a real server only when it comes
	// or goes, not for each of its checkers.
	NoCheckerMail bool
}

// Director holds the virtual servers of this host with their real servers and
// checkers: which probe is due, and what its result does. It belongs to one goroutine.
type Director struct {
	opt      Options
	services []*Service
	byKey    map[string]*Service
	checkers []checker // by number
	free     []int32   // numbers that can be used again
	schedule schedule
	running  bool            // configured once
	waiting  map[string]bool // services that are suspended, by key

	resume  map[string][]Record // by service, for the next Configure
	presets map[string]map[string]Override
}

// Service is one virtual server of a Director. Its contents are to be read only, and
// only until the Director is called again.
type Service struct {
	Config  *ServiceConfig
	State   *ServiceState
	numbers [][]int32 // of the checkers, by server
}

// checker is one checker with its place in the configuration.
type checker struct {
	service *Service
	server  int
	check   int
	gen     uint32 // of the number; results for an earlier one are of something gone
	busy    bool   // a probe is under way
	state   CheckerState
}

// New makes a Director without services.
func New(o Options) *Director {
	return &Director{opt: o, byKey: map[string]*Service{}, schedule: schedule{seed: o.Seed}}
}

// Ticket stands for one probe.
type Ticket struct {
	ID  int32 // small, and that of one checker as long as it exists
	Gen uint32
}

// Probe is one probe to be made now.
type Probe struct {
	Ticket  Ticket
	Service *ServiceConfig
	Server  *ServerConfig
	Check   *CheckerConfig
	Step    uint16        // the url
	Due     clock.Instant // when it should have started
}

// Next is when the next probe is due, Never when none will be.
func (d *Director) Next() clock.Instant { return d.schedule.queue.Next() }

// Due takes the next probe that is due. However late it then starts, it is late and not
// failed; its checker has no other until Result.
func (d *Director) Due(now clock.Instant) (p Probe, ok bool) {
	id, ok := d.schedule.queue.PopDue(now)
	if !ok {
		return p, false
	}
	k := &d.checkers[id]
	k.state.Planned, k.state.Due = k.state.Due, clock.Never
	k.busy = true
	server := &k.service.Config.Servers[k.server]
	return Probe{
		Ticket:  Ticket{ID: id, Gen: k.gen},
		Service: k.service.Config, Server: server, Check: &server.Checks[k.check],
		Step: k.state.Step, Due: k.state.Planned,
	}, true
}

// Result takes what a probe found. False: its checker is gone, nothing came of it.
func (d *Director) Result(now clock.Instant, t Ticket, r Result, out *Actions) bool {
	if t.ID < 0 || int(t.ID) >= len(d.checkers) {
		return false
	}
	k := &d.checkers[t.ID]
	if k.gen != t.Gen || !k.busy || k.service == nil || k.service.State.Stopped {
		return false
	}
	k.busy = false
	server := &k.service.Config.Servers[k.server]
	check := &server.Checks[k.check]
	before := k.state
	var v Verdict
	k.state, v = StepChecker(check, k.state, now, server.Weight, r)
	d.schedule.queue.Set(t.ID, k.state.Due)
	d.tell(k, v, r, out)
	if v.Changed || v.First || k.state.Delta != before.Delta {
		out.add(Action{
			Kind: ActRecord, Service: k.service.Config, Server: server, Check: check,
			Record: d.record(k),
		})
	}
	return true
}

// tell turns a verdict into log lines and changes of the service, in 2.2.7's order.
func (d *Director) tell(k *checker, v Verdict, r Result, out *Actions) {
	c, s := k.service.Config, k.service.State
	server := &c.Servers[k.server]
	say := func(bit Say, msg Msg, retries uint32) {
		if v.Say&bit != 0 {
			out.add(Action{
				Kind: ActSay, Msg: msg, Service: c, Server: server, Check: &server.Checks[k.check],
				Cause: r.Cause, Code: r.Code, Step: v.Step, Retries: retries, Up: k.state.Up,
			})
		}
	}
	if k.state.Unsigned {
		say(SayCertificate, MsgUnsigned, 0)
	} else {
		say(SayCertificate, MsgSigned, 0)
	}
	say(SayCause, MsgCause, 0)
	say(SayRetry, MsgScriptRetry, server.Checks[k.check].Retries-k.state.Failures+1)
	say(SayStep, MsgStep, 0)
	if v.Weighed && r.OK {
		StepService(c, s, Change{Kind: ChangeDelta, Server: k.server, Delta: d.delta(k)}, out)
	}
	say(SayBetter, MsgGood, 0)
	say(SayWorse, MsgBad, v.Retried)
	d.mail(k, v, out)
	switch {
	case v.Changed && k.state.Up:
		StepService(c, s, Change{Kind: ChangeGood, Server: k.server}, out)
	case v.Changed:
		StepService(c, s, Change{Kind: ChangeBad, Server: k.server, Delta: d.delta(k)}, out)
	case v.First && !k.state.Up:
		StepService(c, s, Change{Kind: ChangeBad, Server: k.server, First: true, Delta: d.delta(k)}, out)
	}
}

// mail is about a checker's new standing, before its server has taken notice.
func (d *Director) mail(k *checker, v Verdict, out *Actions) {
	server := &k.service.Config.Servers[k.server]
	if !v.Changed || !server.Mail {
		return
	}
	if d.opt.NoCheckerMail {
		last := 0 // failed checkers before, when the server changes now
		if k.state.Up {
			last = 1
		}
		if k.service.State.Servers[k.server].Failed != last {
			return
		}
	}
	out.add(Action{Kind: ActMail, Service: k.service.Config, Server: server, Check: &server.Checks[k.check], Up: k.state.Up})
}

// delta is the sum of what the checkers of k's server add to its weight.
func (d *Director) delta(k *checker) int32 {
	sum := int32(0)
	for _, id := range k.service.numbers[k.server] {
		sum += d.checkers[id].state.Delta
	}
	return sum
}

// Override sets what an operator wants of a server. False: there is none of these keys.
func (d *Director) Override(service, server string, o Override, out *Actions) bool {
	s := d.byKey[service]
	if s == nil {
		return false
	}
	for i := range s.Config.Servers {
		if s.Config.Servers[i].Key == server {
			StepService(s.Config, s.State, Change{Kind: ChangeOverride, Server: i, Override: o}, out)
			return true
		}
	}
	return false
}

// Stop takes everything out of ip_vs and ends probing.
func (d *Director) Stop(out *Actions) {
	for _, s := range d.services {
		StepService(s.Config, s.State, Change{Kind: ChangeStop}, out)
		d.forget(s)
	}
}

// forget ends the probes of a service.
func (d *Director) forget(s *Service) {
	for _, list := range s.numbers {
		for _, id := range list {
			d.drop(id)
		}
	}
	s.numbers = make([][]int32, len(s.numbers))
}

// drop gives a checker's number free.
func (d *Director) drop(id int32) {
	k := &d.checkers[id]
	*k = checker{gen: k.gen + 1}
	d.schedule.queue.Set(id, clock.Never)
	d.free = append(d.free, id)
}

// Services lists the services in the order of the configuration.
func (d *Director) Services() []*Service { return d.services }

// Service returns the service of that key, nil when there is none.
func (d *Director) Service(key string) *Service { return d.byKey[key] }

// Checker returns the state of a checker by its place in the configuration. It is
// the zero one after Stop.
func (d *Director) Checker(s *Service, server, check int) CheckerState {
	if server >= len(s.numbers) || check >= len(s.numbers[server]) {
		return CheckerState{}
	}
	return d.checkers[s.numbers[server][check]].state
}

// Number is the number of a checker, the ID of its tickets; -1 after Stop.
func (d *Director) Number(s *Service, server, check int) int32 {
	if server >= len(s.numbers) || check >= len(s.numbers[server]) {
		return -1
	}
	return s.numbers[server][check]
}

// Records lists everything that is to be remembered. After Configure it replaces what
// was remembered before; ActRecord tells what changes from then on.
func (d *Director) Records() []Record {
	var out []Record
	for _, s := range d.services {
		out = append(out, Record{Service: s.Config.Key, Up: s.State.Up})
		for _, list := range s.numbers {
			for _, id := range list {
				out = append(out, d.record(&d.checkers[id]))
			}
		}
	}
	return out
}

func (d *Director) record(k *checker) Record {
	server := &k.service.Config.Servers[k.server]
	return Record{
		Service: k.service.Config.Key, Server: server.Key, Check: server.keys()[k.check],
		Up: k.state.Up, Delta: k.state.Delta, Since: k.state.Since,
	}
}
