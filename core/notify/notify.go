// Package notify decides what has to be told to the outside when an instance, a group
// or a service changes: which scripts run with which arguments in which order, which
// lines go to the FIFOs, which mail is sent. Pure: it runs nothing and imports nothing
// of the project.
package notify

// State is the word keepalived uses in arguments and FIFO lines.
type State uint8

// The states and events of instances and groups.
const (
	None State = iota
	Master
	Backup
	Fault
	Stop
	Deleted
	MasterRxLowerPri // instance only: a master heard a lower priority
	MasterPriority   // FIFO only: the effective priority changed while MASTER
	BackupPriority   // FIFO only: the effective priority changed in any other state
)

// Scope tells what an Event is about.
type Scope uint8

const (
	// Instance is a vrrp_instance.
	Instance Scope = iota
	// Group is a vrrp_sync_group; its priority is always reported as 0.
	Group
)

// Event is one change of an instance or a group.
type Event struct {
	Scope    Scope
	Name     string
	State    State
	Priority uint8 // effective priority of an instance
}

// Hook is a script keyword of an instance or a group.
type Hook uint8

// The hooks, named as their keywords.
const (
	NotifyMaster Hook = iota
	NotifyBackup
	NotifyFault
	NotifyStop
	NotifyDeleted
	NotifyMasterRxLowerPri
	Notify
	hooks
)

// Hooks is the set of hooks that have a script.
type Hooks uint8

// With returns the set with h in it.
func (s Hooks) With(h Hook) Hooks { return s | 1<<h }

// Has reports whether h has a script.
func (s Hooks) Has(h Hook) bool { return s&(1<<h) != 0 }

// Options is what the configuration says about an instance or group.
type Options struct {
	Hooks Hooks
	// DeletedAsFault: notify_deleted is off, so a removed instance reports FAULT
	// (observed).
	DeletedAsFault bool
	// PriorityChanges: notify_priority_changes is on.
	PriorityChanges bool
	// Mail: smtp_alert is on for this object.
	Mail bool
	// RouterID stands in the subject of a mail.
	RouterID string
}

// Run is one script to start.
type Run struct {
	Hook Hook
	// Args are appended to the configured words of the script.
	Args []string
}

// Mail is one mail, without its headers.
type Mail struct{ Subject, Body string }

// Plan is what one event causes, in this order: scripts, FIFO line, mail.
type Plan struct {
	// Runs are the scripts, the specific one before the generic one. keepalived
	// starts both at once.
	Runs []Run
	// FIFO is the line for the VRRP FIFOs, newline included, "" for none.
	FIFO string
	// Mail is the mail to send; its Subject is "" when there is none.
	Mail Mail
}
