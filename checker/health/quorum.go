package health

// gained and lost are the thresholds of the quorum, apart by twice the hysteresis. A
// service without any weight has no quorum, whatever it is.
func (c *ServiceConfig) gained(total int64) bool {
	return total > 0 && total >= int64(c.Quorum)+int64(c.Hysteresis)
}

func (c *ServiceConfig) lost(total int64) bool {
	return total <= 0 || total < int64(c.Quorum)-int64(c.Hysteresis)
}

// quorum looks whether the service has gained or lost its quorum.
func (p *step) quorum() {
	total := p.s.Total()
	switch {
	case !p.s.Started:
	case !p.s.Up && p.c.gained(total):
		p.turn(true, total, MsgGained, MsgGained)
	case p.s.Up && p.c.lost(total):
		p.turn(false, total, MsgLost, MsgLost)
	}
}

// turn gives the service another standing: log, scripts and FIFO, mail, sorry server.
func (p *step) turn(up bool, total int64, msg, mail Msg) {
	p.s.Up = up
	p.out.add(p.about(ActSay, msg, total))
	p.notifyService(up)
	if p.c.Mail {
		a := p.about(ActMail, mail, total)
		a.Up = up
		p.out.add(a)
	}
	if mail != MsgStartUp { // at the start no sorry server is there to go
		p.exchange(up)
	}
	p.record()
}

func (p *step) about(kind ActionKind, msg Msg, total int64) Action {
	return Action{Kind: kind, Msg: msg, Service: p.c, Quorum: p.c.Quorum, Hysteresis: p.c.Hysteresis, Total: total}
}

// exchange puts the sorry server in the place of the real ones or back.
func (p *step) exchange(up bool) {
	if p.c.Sorry.Name == "" {
		return
	}
	switch {
	case up && p.c.Sorry.Inhibit:
		p.say(MsgSorryDisabled)
	case up:
		p.say(MsgSorryOut)
	case p.c.Sorry.Inhibit:
		p.say(MsgSorryEnabled)
	default:
		p.say(MsgSorryIn)
	}
	if up {
		p.say(MsgAliveAdded)
	} else {
		p.say(MsgAliveRemoved)
	}
	p.want()
}

// start is the first look at the quorum. As 2.2.7, a service that has it is told about
// (quorum_up), one that has not only if a sorry server takes over. One that goes on
// after a crash as it was is not told about.
func (p *step) start(ch Change) {
	if p.s.Started {
		return
	}
	p.s.Started = true
	total := p.s.Total()
	if ch.Resumed {
		p.s.Up = ch.Up
		p.say(MsgServiceResumed)
		p.want()
		p.quorum()
		return
	}
	p.want()
	for i := range p.s.Servers {
		if ch.Notify && p.s.Servers[i].Alive() {
			p.notifyServer(i, true)
		}
	}
	switch {
	case p.c.gained(total):
		p.turn(true, total, MsgGained, MsgStartUp)
	case p.c.Sorry.Name != "":
		p.turn(false, total, MsgStartDown, MsgStartDown)
	default:
		p.record()
	}
}

// configured is what a reload changes: weights, quorum, sorry server. Servers that came
// and went were said by the Director.
func (p *step) configured(ch Change) {
	p.s.Reloaded = true
	for i := range p.s.Servers {
		r := &p.s.Servers[i]
		if r.Reloaded {
			p.reweigh(i, MsgWeight)
		} else {
			r.Weight = r.effective(&p.c.Servers[i])
		}
	}
	p.want()
	p.swapSorry(ch.Sorry)
	total := p.s.Total()
	switch {
	case !p.s.Up && p.c.gained(total):
		p.turn(true, total, MsgGained, MsgGained)
	case p.s.Up && p.c.lost(total) && p.c.Sorry.Name != "":
		p.turn(false, total, MsgStartDown, MsgLost)
	case p.s.Up && p.c.lost(total):
		p.turn(false, total, MsgLost, MsgLost)
	}
}

// swapSorry says what becomes of the sorry server of a service that has no quorum. No
// edge of the quorum is in it, so nothing is told (2.2.7 tells quorum_down once more).
func (p *step) swapSorry(old Sorry) {
	if p.s.Up || old == p.c.Sorry {
		return
	}
	if old.Name != "" && old.Name != p.c.Sorry.Name {
		was := *p.c
		was.Sorry = old
		p.out.add(Action{Kind: ActSay, Msg: MsgSorryOut, Service: &was})
	}
	if p.c.Sorry.Name != "" && old.Name != p.c.Sorry.Name {
		p.exchange(false)
	}
}

func (p *step) record() {
	p.out.add(Action{Kind: ActRecord, Service: p.c, Record: Record{Service: p.c.Key, Up: p.s.Up}})
}
