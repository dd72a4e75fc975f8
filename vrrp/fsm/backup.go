package fsm

import "keepalived/core/clock"

// backup is the Backup state (RFC 5798 §6.4.2).
func (m *machine) backup(ev *Event) {
	switch ev.Kind {
	case EvTick:
		if m.now >= m.s.MasterDownAt {
			m.masterDown()
		}
	case EvAdvert:
		m.backupAdvert(&ev.Advert)
	case EvPriorityChanged:
		m.changePriority(ev.Priority)
	case EvImpaired:
		if causes := ev.Causes &^ (CauseGroup | CauseInit); causes != 0 {
			m.s.Causes |= causes
			m.enterFault()
		}
	case EvGroupPull:
		switch ev.Phase {
		case Master:
			m.becomeMaster()
		case Fault:
			m.s.Causes |= CauseGroup
			m.enterFault()
		case Initialize, Backup:
		}
	case EvStepDown:
		m.s.HoldUntil = m.now.Add(ev.For)
		m.stopWanting()
	case EvShutdown:
		m.stop()
	case EvStalled:
		m.backupStalled(ev)
	case EvReconfigured:
		m.backupReconfigured(ev)
	case EvStartup, EvInstalled, EvInstallFailed, EvRecovered, EvGroupAnnounce:
	}
}

// beginBackup leaves Initialize. The owner does so silently and is Master at the
// next Tick, which is due at once (RFC 5798 §6.4.1 (115)).
func (m *machine) beginBackup() {
	held := m.s.Held
	m.enter(Backup)
	m.s.Fresh = true
	m.s.MasterAdverInt = m.c.AdverInt
	if m.c.Owner() {
		m.wait(windowNone)
		return
	}
	if held {
		m.say(MsgEnteringBackup)
	} else {
		m.say(MsgEnteringBackupInit)
	}
	m.notify(Backup, NoticeBackup)
	m.wait(windowFull)
}

// masterDown is the Master_Down_Timer firing (RFC 5798 §6.4.2 (365)). A member of a
// sync group waits for the others and keeps listening.
func (m *machine) masterDown() {
	if !m.s.Wants {
		m.say(MsgReceiveTimeout)
	}
	if !m.c.Grouped {
		m.becomeMaster()
		return
	}
	m.s.Wants = true
	m.wait(windowFull)
}

// backupAdvert handles an advert (RFC 5798 §6.4.2 (420)). Everything runs from the
// time the kernel received it, not from when we came round to it, but never from
// before what the timer already runs from: an advert that waited while the process
// was stalled must not take the fresh window away.
func (m *machine) backupAdvert(a *Advert) {
	at := min(a.At, m.now)
	if at < m.s.ListenAt || m.c.Owner() {
		return
	}
	if a.Priority == 0 {
		m.backupZero(a, at)
		return
	}
	lower := a.Priority < m.s.Priority
	if lower && !m.c.NoPreempt && m.now >= m.s.HoldUntil && !m.preemptDelayed(at) {
		m.sayOften(MsgLowerDiscarded, a.Source, a.Priority)
		m.s.Master, m.s.MasterPriority = a.Source, a.Priority
		return
	}
	if !lower && m.s.PreemptAt != clock.Never {
		m.s.PreemptAt = clock.Never
		m.say(MsgStopPreemptDelay)
	}
	m.follow(a)
	m.s.HeardAt, m.s.window = max(m.s.HeardAt, at), windowFull
	m.rearm()
	m.stopWanting()
}

// backupZero: the master resigns, wait for our skew only (RFC 5798 §6.4.2 (430)). It
// never lengthens a wait: resignations one after the other must not keep everybody
// waiting.
func (m *machine) backupZero(a *Advert, at clock.Instant) {
	m.count(CountPriZeroReceived)
	m.sayOften(MsgBackupZero, a.Source, 0)
	if m.s.Master == a.Source {
		m.s.MasterPriority = 0
	}
	at = max(m.s.HeardAt, at)
	if at.Add(m.s.SkewTime(m.c)) >= m.s.MasterDownAt {
		return
	}
	m.s.HeardAt, m.s.window = at, windowSkew
	m.rearm()
}

// preemptDelayed reports whether preempt_delay, which runs from the first advert of
// lower priority, keeps a router of higher priority waiting.
func (m *machine) preemptDelayed(at clock.Instant) bool {
	if m.c.PreemptDelay <= 0 {
		return false
	}
	if m.s.PreemptAt == clock.Never {
		m.s.PreemptAt = at.Add(m.c.PreemptDelay)
		m.sayFor(MsgStartPreemptDelay, m.c.PreemptDelay)
	}
	return at < m.s.PreemptAt
}

// follow remembers the master and, in version 3, its interval (RFC 5798 §6.4.2 (445)).
func (m *machine) follow(a *Advert) {
	interval := m.c.AdverInt
	if m.c.Version != V2 && a.AdverInt > 0 {
		interval = a.AdverInt
	}
	s := &m.s
	if s.MasterAdverInt != interval && m.maySay() {
		m.sayInterval(MsgIntervalOfMaster, interval)
	}
	if s.Master != a.Source || s.MasterPriority != a.Priority || s.MasterAdverInt != interval {
		s.Master, s.MasterPriority, s.MasterAdverInt = a.Source, a.Priority, interval
	}
}

// stopWanting: a member of a sync group would not be Master any more.
func (m *machine) stopWanting() {
	if m.s.Wants {
		m.s.Wants = false
	}
}

// backupStalled starts a fresh listen window: what the master sent while we did not
// run may never have reached us.
func (m *machine) backupStalled(ev *Event) {
	m.sayFor(MsgStalled, ev.For)
	if m.s.window != windowNone {
		m.wait(windowFull)
	}
	m.stopWanting()
}

func (m *machine) backupReconfigured(ev *Event) {
	m.setPriority(ev.Priority)
	if m.c.Version == V2 || !m.s.Master.IsValid() {
		m.s.MasterAdverInt = m.c.AdverInt
	}
	if m.c.PreemptDelay <= 0 {
		m.s.PreemptAt = clock.Never
	}
	switch {
	case m.c.Owner(), m.s.Wants && !m.c.Grouped:
		m.s.Wants = false
		m.wait(windowNone)
	case m.s.window == windowNone: // was the owner
		m.wait(windowFull)
	default:
		m.rearm()
	}
}
