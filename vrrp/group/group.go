// Package group makes the virtual routers of a sync group move together
// (keepalived's vrrp_sync_group): MASTER only when every member would be Master,
// FAULT when one is impaired, BACKUP otherwise.
//
// It is pure and decides by level, not by edge: from how all members stand now, not
// from what happened to one of them. It imports nothing but the state machine it
// stands on.
package group

import (
	"slices"

	"keepalived/vrrp/fsm"
)

// State is what a sync group remembers. The zero State is a group that has not started.
type State struct {
	Phase    fsm.Phase // where the members are or are being pulled to
	Notified fsm.Phase // the phase that scripts were last told of
	Held     bool      // did not open at once: members waited for scripts
}

// Outcome is what one Step asks for. In this order:
//
//  1. Opening: Notice (the group is told of before its members);
//  2. Pull, unless it is fsm.Initialize: step GroupPull(Pull) to the member that
//     caused the Step;
//  3. Say: log "Syncing instances to STATE state" with the group's Phase;
//  4. Notice, when not Opening: run the group's scripts;
//  5. Pull: step GroupPull(Pull) to the other members in their order.
//
// After a Pull, and whenever a member's ActTellGroup asks for it, Step again. It
// comes to rest: a Step after which nothing has changed asks for nothing.
type Outcome struct {
	Pull    fsm.Phase
	Say     bool
	Opening bool
	Held    bool // step the Pull with CauseInit
	Notice  fsm.Notice
}

// Step decides from the standing of all members, those that have not started or
// have stopped included.
func Step(s State, members []fsm.Standing) (State, Outcome) {
	to, ok := target(s, members)
	if !ok {
		s.Held = s.Held || slices.ContainsFunc(members, func(m fsm.Standing) bool { return m.Started && m.Pending })
		return s, Outcome{}
	}
	var out Outcome
	if to != s.Phase {
		out.Opening = s.Phase == fsm.Initialize
		out.Say = to != fsm.Initialize && (!out.Opening || s.Held)
		out.Held = out.Opening && s.Held
		s.Held = false
		s.Phase = to
	}
	if to != fsm.Initialize && !together(to, members) {
		out.Pull = to
	}
	if s.Notified != to && (to != fsm.Master || announced(members)) {
		s.Notified = to
		out.Notice = notice(to)
	}
	return s, out
}

// Resume returns the state of a group whose members have all been resumed as Master.
func Resume(members []fsm.State) State {
	s := State{Phase: fsm.Master, Notified: fsm.Master}
	for i := range members {
		if members[i].Notified != fsm.Master {
			s.Notified = fsm.Backup
		}
	}
	return s
}

// target is where the group belongs; ok is false while it waits for members to start.
func target(s State, members []fsm.Standing) (to fsm.Phase, ok bool) {
	started, waiting, impaired, all := false, false, false, true
	for i := range members {
		m := &members[i]
		switch {
		case !m.Started, m.Phase == fsm.Initialize && m.Pending:
			waiting = true
			continue
		case !m.Able:
			impaired = true
		case !m.Wants && !joins(s, m):
			all = false
		}
		started = true
	}
	switch {
	case !started && s.Phase != fsm.Initialize && allStopped(members):
		return fsm.Initialize, true
	case !started, waiting && s.Phase == fsm.Initialize:
		return 0, false
	case impaired:
		return fsm.Fault, true
	case all && wanted(members):
		return fsm.Master, true
	}
	return fsm.Backup, true
}

// joins reports whether a member has come by a reload to a group that is MASTER and
// has not had the time to become Master: it does not hold the others back.
func joins(s State, m *fsm.Standing) bool {
	return s.Phase == fsm.Master && (m.Fresh || m.Phase == fsm.Initialize)
}

func allStopped(members []fsm.Standing) bool {
	for i := range members {
		if members[i].Started {
			return false
		}
	}
	return true
}

// wanted reports whether any member would be Master.
func wanted(members []fsm.Standing) bool {
	for i := range members {
		if members[i].Wants {
			return true
		}
	}
	return false
}

// together reports whether every started member is where the group is.
func together(to fsm.Phase, members []fsm.Standing) bool {
	for i := range members {
		m := &members[i]
		switch {
		case !m.Started, m.Phase == to, m.Phase == fsm.Initialize && m.Pending:
		case to == fsm.Master && m.Fresh && !m.Wants: // joining
		default:
			return false
		}
	}
	return true
}

// announced reports whether all members have their addresses and have been notified.
func announced(members []fsm.Standing) bool {
	for i := range members {
		m := &members[i]
		if m.Phase == fsm.Master && !m.Settled {
			return false
		}
	}
	return together(fsm.Master, members)
}

func notice(p fsm.Phase) fsm.Notice {
	switch p {
	case fsm.Master:
		return fsm.NoticeMaster
	case fsm.Backup:
		return fsm.NoticeBackup
	case fsm.Fault:
		return fsm.NoticeFault
	}
	return fsm.NoticeStop
}
