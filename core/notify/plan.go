package notify

import (
	"fmt"
	"strconv"
)

// words are the states in arguments and FIFO lines.
var words = map[State]string{
	Master: "MASTER", Backup: "BACKUP", Fault: "FAULT", Stop: "STOP", Deleted: "DELETED",
	MasterRxLowerPri: "MASTER_RX_LOWER_PRI", MasterPriority: "MASTER_PRIORITY", BackupPriority: "BACKUP_PRIORITY",
}

// specific is the hook of a state that has one of its own.
var specific = map[State]Hook{
	Master: NotifyMaster, Backup: NotifyBackup, Fault: NotifyFault, Stop: NotifyStop, Deleted: NotifyDeleted,
	MasterRxLowerPri: NotifyMasterRxLowerPri,
}

// Decide says what an event causes: the specific script without arguments, then the
// generic one with `INSTANCE|GROUP <name> <state> <priority>`, the FIFO line, the mail.
// The group's priority is always reported as 0 (observed on 2.2.7).
func Decide(e Event, o Options) Plan {
	state := e.State
	if state == Deleted && o.DeletedAsFault {
		state = Fault
	}
	word, scope := words[state], "INSTANCE"
	priority := strconv.Itoa(int(e.Priority))
	if e.Scope == Group {
		scope, priority = "GROUP", "0"
	}
	var p Plan
	if h, ok := specific[state]; ok && o.Hooks.Has(h) {
		p.Runs = append(p.Runs, Run{Hook: h})
	}
	switch state {
	case None:
		return Plan{}
	case MasterPriority, BackupPriority:
		if !o.PriorityChanges {
			return Plan{}
		}
	case MasterRxLowerPri:
	default:
		if o.Hooks.Has(Notify) {
			p.Runs = append(p.Runs, Run{Hook: Notify, Args: []string{scope, e.Name, word, priority}})
		}
	}
	p.FIFO = fmt.Sprintf("%s %q %s %s\n", scope, e.Name, word, priority)
	return p
}
