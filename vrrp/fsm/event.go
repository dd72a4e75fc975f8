package fsm

import (
	"net/netip"
	"time"

	"keepalived/core/clock"
)

// EventKind is what happened.
type EventKind uint8

// The events. Which fields of Event count stands behind each.
const (
	// EvStartup begins the protocol (RFC 5798 §6.4.1). Priority: effective priority,
	// 0 for the configured one. Causes: what impairs the instance already, CauseInit
	// while scripts without weight have not returned yet. For: vrrp_startup_delay.
	EvStartup EventKind = iota + 1
	// EvTick: Deadline has passed. Harmless at any other time.
	EvTick
	// EvAdvert: an advert that Accept let pass. Advert.
	EvAdvert
	// EvInstalled: the addresses of generation Gen are on their interfaces. Once more
	// for the same generation: some that had gone have been put back.
	EvInstalled
	// EvInstallFailed: they are not, or not all. Gen.
	EvInstallFailed
	// EvPriorityChanged: Priority, the new effective one.
	EvPriorityChanged
	// EvImpaired: Causes now hold, besides those that did.
	EvImpaired
	// EvRecovered: Causes hold no longer. A cause is a kind, not an object: report it
	// when the last object of that kind has recovered.
	EvRecovered
	// EvGroupPull: the sync group moves to Phase. Causes: CauseInit when it has waited
	// for the scripts of a member.
	EvGroupPull
	// EvGroupAnnounce: another member of the sync group met a rival.
	EvGroupAnnounce
	// EvStepDown: the operator wants another router to be Master; preemption is held
	// for For (0 ends a hold). Of a sync group every member gets it.
	EvStepDown
	// EvShutdown: leave the protocol. Want and Notify say what remains to be done.
	EvShutdown
	// EvStalled: the process did not run for For. To be stepped before the adverts
	// that waited meanwhile, and these before the next Tick.
	EvStalled
	// EvReconfigured: the Config of this Step is new and replaces the former in place.
	// Priority: effective priority, 0 for the configured one.
	EvReconfigured

	eventKinds // number of kinds plus one
)

var eventNames = [eventKinds]string{
	EvStartup: "Startup", EvTick: "Tick", EvAdvert: "Advert", EvInstalled: "Installed",
	EvInstallFailed: "InstallFailed", EvPriorityChanged: "PriorityChanged",
	EvImpaired: "Impaired", EvRecovered: "Recovered", EvGroupPull: "GroupPull",
	EvGroupAnnounce: "GroupAnnounce", EvStepDown: "StepDown", EvShutdown: "Shutdown",
	EvStalled: "Stalled", EvReconfigured: "Reconfigured",
}

// String returns the kind's name.
func (k EventKind) String() string {
	if k == 0 || k >= eventKinds {
		return "EventKind(?)"
	}
	return eventNames[k]
}

// Event is one input of Step: a kind and the operands that it names.
type Event struct {
	Kind     EventKind
	Priority uint8
	Phase    Phase
	Causes   Causes
	Gen      uint64
	For      time.Duration
	Advert   Advert
}

// Advert is what Step needs to know of a received advertisement.
type Advert struct {
	At       clock.Instant // when the kernel received it
	Source   netip.Addr
	Priority uint8
	AdverInt time.Duration // v3: the master's interval; v2: not used
}

// Causes is a set of reasons why an instance cannot take part. A kind is in it as
// long as one object of that kind is impaired.
type Causes uint16

// Causes of FAULT.
const (
	CauseInterface        Causes = 1 << iota // its own interface is not running, or not there
	CauseTrackedInterface                    // a tracked interface without weight
	CauseSource                              // no source address
	CauseScript                              // a track_script without weight
	CauseFile                                // a track_file
	CauseProcess                             // a track_process
	CauseBFD                                 // a track_bfd
	CauseNoPeer                              // unicast_fault_no_peer
	CauseDuplicate                           // the VRID is in use twice on the interface
	CauseStatic                              // a tracked static address, route or rule (track_group)
	CauseContended                           // its addresses are removed again and again
	CauseConfig                              // something in the configuration; stays
	CauseGroup                               // set by GroupPull only: another member
	// CauseInit: scripts without weight that have not returned since the start. The
	// instance waits in Initialize. It has no effect on an instance that has started.
	CauseInit
)

// Own returns the causes that are the instance's own.
func (c Causes) Own() Causes { return c &^ CauseGroup }
