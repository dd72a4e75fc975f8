// Package fsm is the state machine of one virtual router: RFC 3768 §6.4 and
// RFC 5798 §6.4 (RFC 9568 §6.4) with keepalived's FAULT state, preemption delay and
// rules for adverts that a Master hears.
//
// It is pure. Step takes the configuration, the state, the time and one event and
// returns the next state and what is to be done; it starts nothing, sends nothing
// and allocates nothing. Deadlines are in the state: arm one timer for
// State.Deadline after each Step and step EvTick when it has come. It must not
// import the codecs, the sync groups or anything that acts.
//
// The code says Master and Backup (RFC 5798); RFC 9568 calls them Active and Backup.
package fsm

import (
	"net/netip"
	"time"

	"keepalived/core/clock"
)

// machine is one Step in progress.
type machine struct {
	c   *Config
	s   State
	now clock.Instant
	out Actions
}

// Step makes one step. now must not go backwards from Step to Step.
func Step(c *Config, s State, now clock.Instant, ev Event) (State, Actions) {
	m := machine{c: c, s: s, now: now}
	switch s.Phase {
	case Initialize:
		m.initialize(&ev)
	case Backup:
		m.backup(&ev)
	case Master:
		m.master(&ev)
	case Fault:
		m.fault(&ev)
	}
	m.finish(&s)
	return m.s, m.out
}

// initialize is the Initialize state (RFC 5798 §6.4.1). An instance stays in it
// while its scripts have not returned or its sync group has not started.
func (m *machine) initialize(ev *Event) {
	switch ev.Kind {
	case EvStartup:
		if m.s.Started {
			return
		}
		m.s.Started = true
		m.s.Causes |= ev.Causes
		m.s.ListenAt = m.now.Add(ev.For)
		m.setPriority(ev.Priority)
		if !m.c.Owner() {
			m.clean()
		}
		m.begin()
		m.s.Held = m.s.Phase == Initialize && m.s.Causes&CauseInit != 0
	case EvImpaired:
		m.s.Causes |= ev.Causes &^ CauseGroup
	case EvRecovered:
		m.s.Causes &^= ev.Causes
		m.begin()
	case EvPriorityChanged:
		m.changePriority(ev.Priority)
	case EvGroupPull:
		m.s.Held = m.s.Held || ev.Causes&CauseInit != 0
		m.pullFromInitialize(ev.Phase)
	case EvReconfigured:
		m.setPriority(ev.Priority)
		m.s.MasterAdverInt = m.c.AdverInt
		m.begin()
	case EvStepDown:
		m.s.HoldUntil = m.now.Add(ev.For)
	case EvShutdown:
		m.stop()
	case EvTick, EvAdvert, EvInstalled, EvInstallFailed, EvGroupAnnounce, EvStalled:
	}
}

// begin leaves Initialize if nothing holds the instance in it.
func (m *machine) begin() {
	switch {
	case !m.s.Started:
	case m.c.Grouped: // the group pulls when all its members can start
	case m.s.Causes&CauseInit != 0:
	case m.s.Causes != 0:
		m.beginFault()
	default:
		m.beginBackup()
	}
}

func (m *machine) pullFromInitialize(to Phase) {
	if !m.s.Started || m.s.Causes&CauseInit != 0 {
		return
	}
	switch to {
	case Backup, Master: // a member that joins a Master group starts as everyone does
		if m.s.Causes.Own() == 0 {
			m.beginBackup()
		}
	case Fault:
		if m.s.Causes.Own() == 0 {
			m.s.Causes |= CauseGroup
		}
		m.beginFault()
	case Initialize:
	}
}

// stop is the Shutdown event of every phase but Master (RFC 5798 §6.4.2, §6.4.3).
func (m *machine) stop() {
	if !m.s.Started {
		return
	}
	m.s.Started, m.s.Held = false, false
	m.s.Causes = m.s.Causes.Own()
	m.enter(Initialize)
	m.act(Action{Kind: ActNotify, Notice: NoticeStop, Priority: m.s.Priority})
	m.s.Notified = Initialize
}

// enter changes the phase and forgets what belonged to the former one.
func (m *machine) enter(p Phase) {
	s := &m.s
	if p != s.Phase {
		s.Since = m.now
	}
	s.Phase = p
	s.Wants, s.Fresh, s.Settled = false, false, false
	s.MasterDownAt, s.AdverAt, s.PreemptAt, s.QuietAt = clock.Never, clock.Never, clock.Never, clock.Never
	s.sayAt = m.now
}

// notify tells scripts of the phase, unless that is what they were told last: a
// Master that lost its place before its addresses were in was never announced.
func (m *machine) notify(p Phase, n Notice) {
	if m.s.Notified == p {
		return
	}
	m.s.Notified = p
	m.act(Action{Kind: ActNotify, Notice: n, Priority: m.s.Priority})
}

// clean removes the addresses that an earlier run may have left behind, without a word.
// An owner does so only when it does not become MASTER.
func (m *machine) clean() {
	m.s.Gen++
	m.act(Action{Kind: ActWant, Want: WantNone, Gen: m.s.Gen})
}

// want asks for the addresses (or none) under a new generation.
func (m *machine) want(w Want) {
	m.s.Gen++
	if w == WantVIPs {
		m.say(MsgSettingVIPs)
	} else {
		m.say(MsgRemovingVIPs)
	}
	m.act(Action{Kind: ActWant, Want: w, Gen: m.s.Gen})
}

// send sends an advert.
func (m *machine) send(priority uint8) {
	m.act(Action{Kind: ActSendAdvert, Priority: priority})
	m.s.LastAdvertSent, m.s.stalled = m.now, false
}

func (m *machine) act(a Action) { m.out.add(a) }

func (m *machine) say(msg Msg) { m.act(Action{Kind: ActSay, Msg: msg}) }

func (m *machine) sayFor(msg Msg, d time.Duration) {
	m.act(Action{Kind: ActSay, Msg: msg, For: d})
}

// sayInterval says that adverts are expected, or sent, at another interval than before.
func (m *machine) sayInterval(msg Msg, d time.Duration) {
	m.act(Action{Kind: ActSay, Msg: msg, Was: m.s.MasterAdverInt, For: d})
}

// sayPeer says something about an advert.
func (m *machine) sayPeer(msg Msg, peer netip.Addr, theirs uint8) {
	m.act(Action{Kind: ActSay, Msg: msg, Peer: peer, Priority: theirs, Ours: m.s.Priority})
}

// sayLimit is how many messages about adverts an instance has a second.
const sayLimit = 4

// sayOften is sayPeer for messages that come with every advert: a stream of adverts
// must not become a stream of log lines.
func (m *machine) sayOften(msg Msg, peer netip.Addr, theirs uint8) {
	if m.maySay() {
		m.sayPeer(msg, peer, theirs)
	}
}

// maySay counts one message about adverts and reports whether it is within the limit.
func (m *machine) maySay() bool {
	s := &m.s
	if m.now >= s.sayAt {
		s.sayAt, s.sayLeft = m.now.Add(time.Second), sayLimit
	}
	if s.sayLeft == 0 {
		return false
	}
	s.sayLeft--
	return true
}

func (m *machine) count(c Counter) { m.act(Action{Kind: ActCount, Counter: c}) }

// finish appends what a change against the former state brings, whatever made it.
func (m *machine) finish(was *State) {
	if m.c.Grouped && m.s.Standing() != was.Standing() {
		m.act(Action{Kind: ActTellGroup})
	}
	if NewRecord(m.c, &m.s) != NewRecord(m.c, was) {
		m.act(Action{Kind: ActRecord})
	}
}
