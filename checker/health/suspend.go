package health

import "keepalived/core/clock"

// Suspend says which services wait (ha_suspend), by key; all others do not. What is known
// of a waiting service stays as it is: no probe starts, one that is under way counts for
// nothing. It holds for the services of a later Configure, too. waiting is kept.
func (d *Director) Suspend(now clock.Instant, waiting map[string]bool, out *Actions) {
	was := d.waiting
	d.waiting = waiting
	for _, s := range d.services {
		key := s.Config.Key
		if was[key] == waiting[key] {
			continue
		}
		for _, list := range s.numbers {
			for _, id := range list {
				d.turn(id, waiting[key], now, out)
			}
		}
	}
}

// turn suspends a checker or lets it go on: within its interval, since nobody knows what
// has become of its server meanwhile.
func (d *Director) turn(id int32, waiting bool, now clock.Instant, out *Actions) {
	k := &d.checkers[id]
	msg := MsgSuspending
	if waiting {
		if k.busy {
			k.gen, k.busy = k.gen+1, false
		}
		k.state.Due = clock.Never
	} else {
		msg = MsgActivating
		k.state.Due = d.schedule.resumed(k.config(), now)
	}
	d.schedule.queue.Set(id, k.state.Due)
	d.sayOf(msg, k, out)
}

// activate begins with a checker that is new, unless its service waits.
func (d *Director) activate(id int32, out *Actions) {
	k := &d.checkers[id]
	msg := MsgActivating
	if d.waiting[k.service.Config.Key] {
		msg, k.state.Due = MsgDeactivating, clock.Never
	}
	d.schedule.queue.Set(id, k.state.Due)
	d.sayOf(msg, k, out)
}

func (d *Director) sayOf(msg Msg, k *checker, out *Actions) {
	out.add(Action{Kind: ActSay, Msg: msg, Service: k.service.Config, Server: &k.service.Config.Servers[k.server], Check: k.config()})
}

func (k *checker) config() *CheckerConfig { return &k.service.Config.Servers[k.server].Checks[k.check] }

// Suspended reports whether the checkers of a service wait.
func (d *Director) Suspended(s *Service) bool { return d.waiting[s.Config.Key] }
