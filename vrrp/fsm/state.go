package fsm

import (
	"net/netip"
	"time"

	"keepalived/core/clock"
)

// Phase is the state of a virtual router (RFC 5798 §6.3) with keepalived's addition,
// Fault. The numbers are keepalived's in its JSON.
type Phase uint8

// Phases.
const (
	Initialize Phase = iota
	Backup
	Master
	Fault

	phases
)

// String returns keepalived's word for the phase.
func (p Phase) String() string {
	switch p {
	case Initialize:
		return "INIT"
	case Backup:
		return "BACKUP"
	case Master:
		return "MASTER"
	case Fault:
		return "FAULT"
	}
	return "Phase(?)"
}

// State is everything an instance remembers. It is a value: Step returns the next.
type State struct {
	Phase    Phase
	Notified Phase // the phase that scripts were last told of; Initialize: none
	Priority uint8 // effective priority; PriorityOwner for the owner

	Started bool // Startup was stepped, Shutdown was not
	Held    bool // waited in Initialize for scripts
	Fresh   bool // Backup since its start
	Wants   bool // Backup of a sync group that would be Master alone
	Settled bool // Master whose addresses are in and announced, scripts told

	window  window
	pending Round // what Installed brings
	sayLeft uint8 // messages about adverts left
	stalled bool  // Master that has sent nothing since a stall

	MasterPriority uint8         // of the last advert heard; 0 after a resignation
	Causes         Causes        // why in Fault
	Gen            uint64        // generation of the latest Want
	MasterAdverInt time.Duration // Master_Adver_Interval (RFC 5798 §6.1)
	Master         netip.Addr    // who sent the last advert heard; Master: our own source

	Since          clock.Instant // entered the phase
	LastAdvertSent clock.Instant
	HeardAt        clock.Instant // from when Master_Down runs
	MasterDownAt   clock.Instant // Backup: Master_Down_Timer
	AdverAt        clock.Instant // Master: Adver_Timer
	PreemptAt      clock.Instant // Backup: lower priorities are accepted until then; Never: none heard
	HoldUntil      clock.Instant // operator's step-down: lower priorities are accepted until then
	ListenAt       clock.Instant // end of the startup delay
	QuietAt        clock.Instant // Master: the rival has gone when this comes
	replyAt        clock.Instant // Master: no answer to an advert before
	announceAt     clock.Instant // Master: no announcement before
	burstAt        clock.Instant // Master: no burst of announcements before
	duelUntil      clock.Instant // Master: single rounds of announcements until then
	sayAt          clock.Instant // end of the second that sayLeft counts for
}

// New returns the state before Startup.
func New(c *Config) State {
	return State{
		Priority: c.Priority, MasterAdverInt: c.AdverInt,
		MasterDownAt: clock.Never, AdverAt: clock.Never, PreemptAt: clock.Never, QuietAt: clock.Never,
	}
}

// Deadline is when the next Tick is due; clock.Never when none is.
func (s *State) Deadline() clock.Instant {
	switch s.Phase {
	case Backup:
		return s.MasterDownAt
	case Master:
		return min(s.AdverAt, s.QuietAt)
	}
	return clock.Never
}

// Standing is what a sync group needs to know of a member.
type Standing struct {
	Phase   Phase
	Started bool
	Pending bool // waits for its scripts' first results
	Able    bool // nothing of its own impairs it
	Wants   bool // is Master or would be
	Fresh   bool // Backup since its start
	Settled bool // Master, announced and notified
}

// Standing returns the instance's standing in its sync group.
func (s *State) Standing() Standing {
	return Standing{
		Phase: s.Phase, Started: s.Started, Pending: s.Causes&CauseInit != 0,
		Able:  s.Causes.Own()&^CauseInit == 0,
		Wants: s.Wants || s.Phase == Master, Fresh: s.Fresh, Settled: s.Settled,
	}
}
