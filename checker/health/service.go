package health

// ServiceState is what is known of one virtual server.
type ServiceState struct {
	Up       bool // has its quorum
	Started  bool // the quorum was looked at once
	Stopped  bool // nothing is wanted any more
	Reloaded bool
	Servers  []ServerState // as ServiceConfig.Servers
}

// NewServiceState is the state of a service that is not started: servers with Alpha
// checkers are down, the others up.
func NewServiceState(c *ServiceConfig) *ServiceState {
	s := &ServiceState{Servers: make([]ServerState, len(c.Servers))}
	for i := range c.Servers {
		r := &c.Servers[i]
		for k := range r.Checks {
			if r.Checks[k].Alpha {
				s.Servers[i].Failed++
			}
		}
		s.Servers[i].Weight = s.Servers[i].effective(r)
	}
	return s
}

// ChangeKind is what happened to a service.
type ChangeKind uint8

// The changes. Which fields of Change count stands behind each.
const (
	// ChangeStart: the first look at the quorum. Resumed: Up says how it was before.
	// Notify: rs_init_notifies.
	ChangeStart ChangeKind = iota + 1
	// ChangeBad: the standing of a checker of Server has become bad, or was bad at its
	// first verdict (First). Delta as ChangeDelta.
	ChangeBad
	// ChangeGood: it has become good.
	ChangeGood
	// ChangeDelta: Server's checkers add Delta to its weight.
	ChangeDelta
	// ChangeOverride: Override of Server.
	ChangeOverride
	// ChangeConfigured: the configuration of this Step is new; the states of the servers
	// are in their places, with their weights of before. Sorry: that of before.
	ChangeConfigured
	// ChangeStop: nothing is wanted any more.
	ChangeStop
)

// Change is one input of StepService.
type Change struct {
	Kind     ChangeKind
	Server   int
	First    bool
	Resumed  bool
	Notify   bool
	Up       bool
	Delta    int32
	Override Override
	Sorry    Sorry
}

// Total is the sum of the weights of the servers that count.
func (s *ServiceState) Total() int64 {
	total := int64(0)
	for i := range s.Servers {
		if s.Servers[i].Counts() {
			total += int64(s.Servers[i].Weight)
		}
	}
	return total
}

// SorryIn reports whether the sorry server is in the place of the real ones.
func (s *ServiceState) SorryIn(c *ServiceConfig) bool {
	return s.Started && !s.Up && c.Sorry.Name != ""
}

// AppendWanted adds the destinations that ip_vs is to have for the service: the sorry
// server last. None once the service is stopped.
func (s *ServiceState) AppendWanted(c *ServiceConfig, to []Destination) []Destination {
	if s.Stopped {
		return to
	}
	sorry := s.SorryIn(c)
	for i := range s.Servers {
		if weight, ok := s.Servers[i].want(&c.Servers[i], sorry); ok {
			to = append(to, Destination{Server: i, Weight: weight})
		}
	}
	switch {
	case sorry:
		to = append(to, Destination{Server: SorryServer, Weight: 1})
	case c.Sorry.Name != "" && c.Sorry.Inhibit:
		to = append(to, Destination{Server: SorryServer, Weight: 0})
	}
	return to
}

// StepService takes one change and adds to out what is to be done.
func StepService(c *ServiceConfig, s *ServiceState, ch Change, out *Actions) {
	p := step{c: c, s: s, out: out}
	if s.Stopped {
		return
	}
	switch ch.Kind {
	case ChangeStart:
		p.start(ch)
	case ChangeBad:
		p.bad(ch)
	case ChangeGood:
		p.good(ch)
	case ChangeDelta:
		p.weigh(ch.Server, ch.Delta)
		p.quorum()
	case ChangeOverride:
		p.override(ch)
	case ChangeConfigured:
		p.configured(ch)
	case ChangeStop:
		p.stop()
	}
}

// step is one StepService in progress.
type step struct {
	c   *ServiceConfig
	s   *ServiceState
	out *Actions
	// wanted: ActWant is among the actions. One is enough, the destinations are asked
	// for when it is carried out.
	wanted bool
}

func (p *step) say(msg Msg) { p.out.add(Action{Kind: ActSay, Msg: msg, Service: p.c}) }

func (p *step) sayOf(msg Msg, i int) {
	p.out.add(Action{Kind: ActSay, Msg: msg, Service: p.c, Server: &p.c.Servers[i]})
}

func (p *step) want() {
	if !p.wanted {
		p.out.add(Action{Kind: ActWant, Service: p.c})
	}
	p.wanted = true
}

func (p *step) notifyServer(i int, up bool) {
	p.out.add(Action{Kind: ActNotify, Service: p.c, Server: &p.c.Servers[i], Up: up})
}

func (p *step) notifyService(up bool) { p.out.add(Action{Kind: ActNotify, Service: p.c, Up: up}) }

// bad is a checker that has become bad. Only the first of a server takes it out. One
// that has been bad since the start (alpha) changes nothing and is told all the same.
func (p *step) bad(ch Change) {
	r := &p.s.Servers[ch.Server]
	if r.Delta != ch.Delta { // not said: the server is out anyway
		r.Delta = ch.Delta
		r.Weight = r.effective(&p.c.Servers[ch.Server])
	}
	if ch.First { // Alpha: counted as bad already
		if !r.Told {
			p.notifyServer(ch.Server, false)
		}
		r.Told = true
		return
	}
	r.Failed++
	if r.Failed > 1 {
		return
	}
	r.Told = true
	if p.c.Servers[ch.Server].Inhibit {
		p.sayOf(MsgDisabling, ch.Server)
	} else {
		p.sayOf(MsgRemoving, ch.Server)
	}
	p.want()
	p.notifyServer(ch.Server, false)
	p.quorum()
}

func (p *step) good(ch Change) {
	r := &p.s.Servers[ch.Server]
	r.Failed--
	if r.Failed > 0 {
		return
	}
	r.Told = false
	if p.c.Servers[ch.Server].Inhibit {
		p.sayOf(MsgEnabling, ch.Server)
	} else {
		p.sayOf(MsgAdding, ch.Server)
	}
	p.want()
	p.notifyServer(ch.Server, true)
	p.quorum()
}

// weigh applies a new sum of the checkers' contributions.
func (p *step) weigh(i int, delta int32) {
	p.s.Servers[i].Delta = delta
	p.reweigh(i, MsgWeight)
}

// reweigh takes over what the weight has become and says msg of it.
func (p *step) reweigh(i int, msg Msg) {
	r := &p.s.Servers[i]
	from := r.Weight
	r.Weight = r.effective(&p.c.Servers[i])
	if r.Weight == from {
		return
	}
	p.out.add(Action{
		Kind: ActSay, Msg: msg, Service: p.c, Server: &p.c.Servers[i],
		From: int64(from), To: int64(r.Weight), Up: r.Alive(),
	})
	if r.Alive() {
		p.want()
	}
}

// override is an operator's word. It is no finding about the server: notify_up and
// notify_down are not run, the quorum is looked at.
func (p *step) override(ch Change) {
	r := &p.s.Servers[ch.Server]
	old := r.Override
	if old == ch.Override {
		return
	}
	r.Override = ch.Override
	if old.Mode != ch.Override.Mode {
		p.sayOf([...]Msg{Normal: MsgEnable, Draining: MsgDrain, Disabled: MsgDisable}[ch.Override.Mode], ch.Server)
		p.want()
	}
	msg := MsgWeight
	if ch.Override.HasWeight {
		msg = MsgSetWeight
	}
	p.reweigh(ch.Server, msg)
	p.quorum()
}

// stop takes everything out. With omega it is told as if all had failed.
func (p *step) stop() {
	for i := range p.s.Servers {
		r := &p.s.Servers[i]
		if p.c.Servers[i].Inhibit && !r.Alive() {
			p.sayOf(MsgShutdownInhibited, i)
		} else {
			p.sayOf(MsgShutdown, i)
		}
		if p.c.Omega && r.Alive() {
			p.notifyServer(i, false)
		}
	}
	if p.c.Omega {
		p.notifyService(false)
	}
	p.s.Stopped, p.s.Up = true, false
	p.want()
}
