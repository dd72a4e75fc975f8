package fsm

import (
	"net/netip"
	"time"
)

// ActionKind is what is to be done.
type ActionKind uint8

// The actions. Which fields of Action count stands behind each.
const (
	// ActSendAdvert: send an advert with Priority now, to every destination.
	ActSendAdvert ActionKind = iota + 1
	// ActWant: from now on Want is wanted on the interfaces, as generation Gen.
	ActWant
	// ActQueueGARP: announce the addresses, Round.
	ActQueueGARP
	// ActNotify: run scripts, write FIFOs, send mail: Notice, Priority.
	ActNotify
	// ActTellGroup: the standing in the sync group has changed.
	ActTellGroup
	// ActAnnounceGroup: step GroupAnnounce to the other members of the sync group.
	ActAnnounceGroup
	// ActSay: log Msg with its operands.
	ActSay
	// ActCount: count Counter.
	ActCount
	// ActRecord: store the hand-over record (NewRecord of the state Step returned).
	ActRecord
)

// Action is one thing to do: a kind and the operands that it names. A message's
// operands are in Peer, Priority (theirs, or the new one), Ours, For and Was.
type Action struct {
	Kind     ActionKind
	Msg      Msg
	Counter  Counter
	Notice   Notice
	Round    Round
	Want     Want
	Priority uint8
	Ours     uint8
	Gen      uint64
	For      time.Duration
	Was      time.Duration
	Peer     netip.Addr
}

// maxActions is the most that one Step can ask for.
const maxActions = 12

// Actions is what one Step asks for, to be done in order. It is a value without
// anything on the heap.
type Actions struct {
	n uint8
	a [maxActions]Action
}

// Len returns the number of actions.
func (as *Actions) Len() int { return int(as.n) }

// At returns the i-th action.
func (as *Actions) At(i int) *Action { return &as.a[i] }

func (as *Actions) add(a Action) {
	as.a[as.n] = a
	as.n++
}

// Want is which of an instance's addresses, routes and rules are to be installed.
type Want uint8

// What can be wanted.
const (
	WantNone Want = iota
	WantVIPs
)

// Round is a kind of announcement (gratuitous ARP, unsolicited neighbour
// advertisement) of an instance's addresses.
type Round uint8

// Rounds.
const (
	RoundStop   Round = iota // drop what is queued: no longer Master
	RoundMaster              // garp_master_repeat rounds, again after garp_master_delay, then refreshes
	RoundLower               // garp_lower_prio_repeat rounds, again after garp_lower_prio_delay
	RoundOnce                // one round
	RoundAdded               // as RoundMaster, but only addresses that were not there before
)

// Counter is a count that Step keeps nothing of.
type Counter uint8

// Counters.
const (
	CountBecomeMaster  Counter = iota // transitions to Master
	CountReleaseMaster                // transitions from Master
	CountPriZeroReceived
)

// Notice is something that scripts, FIFOs and mail are told.
type Notice uint8

// Notices.
const (
	_                   Notice = iota
	NoticeMaster               // notify_master
	NoticeBackup               // notify_backup
	NoticeFault                // notify_fault
	NoticeStop                 // notify_stop; at the removal by a reload: notify_fault or notify_deleted
	NoticeLowerPriority        // notify_master_rx_lower_pri
	NoticePriority             // effective priority changed (notify_priority_changes)
)

// Msg is a message for the log: a code, its text is made outside. Operands are in
// the action that carries it.
type Msg uint8

// Messages. Each with keepalived 2.2.7's text behind "(VI) " where it has one; own
// ones say so.
const (
	_                     Msg = iota
	MsgReceiveTimeout         // Receive advertisement timeout
	MsgEnteringMaster         // Entering MASTER STATE
	MsgEnteringBackup         // Entering BACKUP STATE
	MsgEnteringBackupInit     // Entering BACKUP STATE (init)
	MsgEnteringFault          // Entering FAULT STATE
	MsgSettingVIPs            // setting VIPs.
	MsgRemovingVIPs           // removing VIPs.
	MsgSentZero               // sent 0 priority
	MsgHigherPriority         // Master received advert from Peer with higher priority Priority, ours Ours
	MsgHigherAddress          // Master received advert from Peer with same priority Priority but higher IP address than ours
	MsgLowerDiscarded         // received lower priority (Priority) advert from Peer - discarding
	MsgLowerForcing           // Received advert from Peer with lower priority Priority, ours Ours, forcing new election
	MsgLower                  // Received advert from Peer with lower priority Priority, ours Ours
	MsgBackupZero             // Backup received priority 0 advertisement
	MsgMasterZero             // Master received priority 0 message
	MsgPriority               // Changing effective priority from Ours to Priority
	MsgStartPreemptDelay      // start preempt delay (For)
	MsgStopPreemptDelay       // stop preempt delay
	MsgIntervalOfMaster       // advertisement interval updated from Was to For by master
	MsgIntervalOwn            // changing advert interval from Was to locally configured For
	MsgSameAddress            // own: Peer sends with our priority Priority and our address
	MsgDuplicateOwner         // own: Peer claims to own our addresses too (priority 255)
	MsgRivalQuiet             // own: Peer has stopped sending adverts; addresses announced again
	MsgInstallFailed          // own: Master without all of its addresses
	MsgResumed                // own: resuming MASTER after restart, last advert For ago
	MsgStalled                // own: did not run for For
	MsgStepDown               // own: stepping down for For on request
	MsgTimerExpired           // own: advert late by For, others have taken over

	messages
)

// Detail reports whether the message is one of those logged with -D only.
func (m Msg) Detail() bool {
	switch m {
	case MsgReceiveTimeout, MsgSettingVIPs, MsgRemovingVIPs, MsgSentZero, MsgBackupZero,
		MsgMasterZero, MsgStartPreemptDelay, MsgStopPreemptDelay, MsgIntervalOfMaster, MsgIntervalOwn:
		return true
	}
	return false
}
