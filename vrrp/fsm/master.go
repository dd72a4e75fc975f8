package fsm

import (
	"net/netip"
	"time"

	"keepalived/core/clock"
)

// master is the Master state (RFC 5798 §6.4.3).
func (m *machine) master(ev *Event) {
	switch ev.Kind {
	case EvTick:
		m.masterTick()
	case EvAdvert:
		m.masterAdvert(&ev.Advert)
	case EvInstalled, EvInstallFailed:
		m.installed(ev)
	case EvPriorityChanged:
		m.changePriority(ev.Priority)
	case EvImpaired:
		if causes := ev.Causes &^ (CauseGroup | CauseInit); causes != 0 {
			m.s.Causes |= causes
			m.resignTo(Fault)
		}
	case EvGroupPull:
		switch ev.Phase {
		case Backup:
			m.leaveMaster()
		case Fault:
			m.s.Causes |= CauseGroup
			m.resignTo(Fault)
		case Initialize, Master:
		}
	case EvGroupAnnounce:
		m.announce()
	case EvStepDown:
		m.s.HoldUntil = m.now.Add(ev.For)
		if ev.For <= 0 {
			return
		}
		m.sayFor(MsgStepDown, ev.For)
		m.resignTo(Backup)
	case EvShutdown:
		m.resignTo(Initialize)
	case EvStalled:
		m.masterStalled(ev)
	case EvReconfigured:
		m.masterReconfigured(ev)
	case EvStartup, EvRecovered:
	}
}

// becomeMaster is the transition of RFC 5798 §6.4.2 (370): the advert goes first,
// then the addresses; announcements and scripts follow when they are installed.
// Spreading brings the second advert forward, never delays the first.
func (m *machine) becomeMaster() {
	m.send(m.s.Priority)
	m.enter(Master)
	m.say(MsgEnteringMaster)
	s := &m.s
	if s.MasterAdverInt != m.c.AdverInt {
		m.sayInterval(MsgIntervalOwn, m.c.AdverInt)
	}
	s.Master, s.MasterPriority, s.MasterAdverInt = m.c.Source, s.Priority, m.c.AdverInt
	s.replyAt, s.announceAt, s.burstAt, s.duelUntil = m.now, m.now, m.now, m.now
	m.spreadAdvert()
	s.pending = RoundMaster
	m.want(WantVIPs)
	m.count(CountBecomeMaster)
}

// beats reports whether a router with that priority and address has a better claim
// than ours (RFC 5798 §6.4.3 (725)): nobody has over the owner.
func (m *machine) beats(priority uint8, source netip.Addr) bool {
	if m.c.Owner() || !source.IsValid() {
		return false
	}
	return priority > m.s.Priority ||
		priority == m.s.Priority && source.Compare(m.c.Source) > 0
}

// masterTick is the Adver_Timer firing (RFC 5798 §6.4.3 (645)), or a rival having
// been quiet for long enough.
func (m *machine) masterTick() {
	if m.now >= m.s.AdverAt {
		if late := m.now.Sub(m.s.LastAdvertSent); m.expired(late) {
			m.sayFor(MsgTimerExpired, late)
			m.leaveMaster()
			return
		}
		if m.s.AdverAt == m.s.replyAt { // an answer that had to wait
			m.s.replyAt = m.now.Add(m.c.AdverInt / replyPart)
		}
		m.send(m.s.Priority)
		m.nextAdvert()
	}
	if m.now >= m.s.QuietAt {
		m.rivalGone()
	}
}

// expired reports whether timer_expired_backup applies: so long since our last
// advert that the best of the others has taken over.
func (m *machine) expired(late time.Duration) bool {
	p := m.c.TimerExpiredBackup
	return p != 0 && late > MasterDownInterval(m.c.Version, p, m.c.DownTimerAdverts, m.c.AdverInt)
}

// masterAdvert handles an advert from somebody else who is Master, or was
// (RFC 5798 §6.4.3 (700), RFC 9568 §6.4.3).
func (m *machine) masterAdvert(a *Advert) {
	switch {
	case a.Priority == 0:
		m.count(CountPriZeroReceived)
		m.sayOften(MsgMasterZero, a.Source, 0)
		m.reply()
		m.rivalGone()
	case m.beats(a.Priority, a.Source):
		m.yield(a)
	case a.Priority == m.s.Priority && a.Source == m.c.Source:
		m.sayOften(MsgSameAddress, a.Source, a.Priority)
	default:
		m.rival(a)
	}
}

// yield makes room for a better router (RFC 5798 §6.4.3 (725)).
func (m *machine) yield(a *Advert) {
	if m.c.HigherPrioSendAdvert && !m.s.stalled {
		m.send(m.s.Priority)
	}
	if a.Priority > m.s.Priority {
		m.sayPeer(MsgHigherPriority, a.Source, a.Priority)
	} else {
		m.sayPeer(MsgHigherAddress, a.Source, a.Priority)
	}
	m.follow(a)
	heard := m.s
	m.leaveMaster()
	m.s.Master, m.s.MasterPriority, m.s.MasterAdverInt = heard.Master, heard.MasterPriority, heard.MasterAdverInt
	m.rearm()
}

// rival answers a Master with a lesser claim: an advert of ours at once, so that it
// yields, and announcements, because hosts may have believed it.
func (m *machine) rival(a *Advert) {
	msg := MsgLowerForcing
	switch {
	case a.Priority == PriorityOwner:
		msg = MsgDuplicateOwner
	case m.c.LowerPrioNoAdvert:
		msg = MsgLower
	}
	m.sayOften(msg, a.Source, a.Priority)
	if !m.c.LowerPrioNoAdvert {
		m.reply()
	}
	interval := m.c.AdverInt
	if m.c.Version != V2 && a.AdverInt > 0 {
		interval = a.AdverInt
	}
	m.s.QuietAt = max(m.now, min(a.At, m.now).Add(quietWindow(interval)))
	m.s.Master, m.s.MasterPriority = a.Source, a.Priority
	m.contest()
}

// contest announces against a rival, within bounds, and has the group and the
// scripts do the same.
func (m *machine) contest() {
	if !m.announce() {
		return
	}
	m.act(Action{Kind: ActNotify, Notice: NoticeLowerPriority, Priority: m.s.Priority})
	if m.c.Grouped {
		m.act(Action{Kind: ActAnnounceGroup})
	}
}

// announce queues announcements: a burst first, single rounds while the rival goes
// on. It reports whether anything was due.
func (m *machine) announce() bool {
	s := &m.s
	if !s.Settled || m.now < s.announceAt {
		return false
	}
	round := RoundOnce
	if m.now >= max(s.duelUntil, s.burstAt) {
		round = RoundLower
		s.burstAt = m.now.Add(burstGap)
	}
	s.duelUntil = m.now.Add(burstGap)
	s.announceAt = m.now.Add(announceGap)
	m.act(Action{Kind: ActQueueGARP, Round: round})
	return true
}

// rivalGone: the rival has resigned or has not been heard any more. Whatever it
// announced last must not stand. Also what comes of a stall and of addresses put
// back: then there is no rival that scripts could be told of.
func (m *machine) rivalGone() {
	s := &m.s
	if s.Settled && m.now < s.announceAt {
		s.QuietAt = s.announceAt // not yet, but it shall not be forgotten
		return
	}
	s.duelUntil = m.now
	if s.Master != m.c.Source {
		m.sayPeer(MsgRivalQuiet, s.Master, s.MasterPriority)
		m.contest()
	} else {
		m.announce()
	}
	s.duelUntil, s.QuietAt = m.now, clock.Never
	s.Master, s.MasterPriority = m.c.Source, s.Priority
}

// reply sends our advert out of turn, or as soon as the pace of replies allows.
func (m *machine) reply() {
	s := &m.s
	if m.now < s.replyAt {
		s.AdverAt = min(s.AdverAt, s.replyAt)
		return
	}
	m.send(s.Priority)
	s.AdverAt = m.now.Add(m.c.AdverInt)
	s.replyAt = m.now.Add(m.c.AdverInt / replyPart)
}

// installed: the addresses of the present generation are in, or not all of them
// could be; announcements and scripts have waited for that.
func (m *machine) installed(ev *Event) {
	s := &m.s
	if ev.Gen != s.Gen {
		return
	}
	if ev.Kind == EvInstallFailed {
		m.say(MsgInstallFailed)
	}
	if s.Settled {
		// Put back after somebody removed them, or installed at a later try.
		if !m.announce() && s.QuietAt == clock.Never {
			s.QuietAt = s.announceAt
		}
		return
	}
	s.Settled = true
	m.act(Action{Kind: ActQueueGARP, Round: s.pending})
	if s.pending != RoundAdded {
		s.announceAt, s.burstAt = m.now.Add(announceGap), m.now.Add(burstGap)
	}
	m.notify(Master, NoticeMaster)
}

// resignTo leaves Master with exactly one advert of priority 0, then everything else
// (RFC 5798 §6.4.3 (655)).
func (m *machine) resignTo(p Phase) {
	m.send(0)
	if p == Initialize {
		m.say(MsgSentZero)
		m.dropMaster()
		m.stop()
		return
	}
	if p == Fault {
		m.enter(Fault)
		m.say(MsgEnteringFault)
	} else {
		m.enterBackupSilently()
	}
	m.say(MsgSentZero)
	m.dropMaster()
	m.notifyPhase()
}

// leaveMaster leaves for Backup without a word: somebody better is Master, or the
// sync group has lost its place.
func (m *machine) leaveMaster() {
	m.enterBackupSilently()
	m.dropMaster()
	m.notifyPhase()
}

// dropMaster gives up what a Master holds.
func (m *machine) dropMaster() {
	m.want(WantNone)
	m.act(Action{Kind: ActQueueGARP, Round: RoundStop})
	m.count(CountReleaseMaster)
}

func (m *machine) enterBackupSilently() {
	m.enter(Backup)
	m.say(MsgEnteringBackup)
	m.s.MasterAdverInt = m.c.AdverInt
	m.wait(windowFull)
}

func (m *machine) notifyPhase() {
	if m.s.Phase == Fault {
		m.notify(Fault, NoticeFault)
	} else {
		m.notify(Backup, NoticeBackup)
	}
}

// masterStalled: nothing is sent before what waited in the socket has been read, so
// nothing is sent here. When others have had the time to take over, hosts may have
// been told so: announce once more when it is clear that we are still Master.
func (m *machine) masterStalled(ev *Event) {
	m.sayFor(MsgStalled, ev.For)
	m.s.stalled = true
	if ev.For > time.Duration(2)*m.c.AdverInt {
		m.s.QuietAt = min(m.s.QuietAt, m.now.Add(m.c.AdverInt/2))
	}
}

// masterReconfigured keeps the place: the others hear of the change at once, and
// only addresses that are new are announced.
func (m *machine) masterReconfigured(ev *Event) {
	m.setPriority(ev.Priority)
	s := &m.s
	s.MasterAdverInt = m.c.AdverInt
	if s.QuietAt == clock.Never {
		s.Master, s.MasterPriority = m.c.Source, s.Priority
	}
	m.send(s.Priority)
	s.AdverAt = m.now.Add(m.c.AdverInt)
	if s.Settled {
		s.Settled, s.pending = false, RoundAdded
	}
	m.want(WantVIPs)
}
