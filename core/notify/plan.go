package notify

import (
	"strconv"
	"strings"
)

// states holds what belongs to each State.
var states = [...]struct {
	word string // in arguments and FIFO lines
	hook Hook   // the specific script
	mail string // in the subject; "" for no mail
	own  bool   // notify, the generic script, is told
}{
	Master:           {"MASTER", NotifyMaster, "Entering MASTER state", true},
	Backup:           {"BACKUP", NotifyBackup, "Entering BACKUP state", true},
	Fault:            {"FAULT", NotifyFault, "Entering FAULT state", true},
	Stop:             {"STOP", NotifyStop, "Stopping", true},
	Deleted:          {"DELETED", NotifyDeleted, "Deleted", true},
	MasterRxLowerPri: {"MASTER_RX_LOWER_PRI", NotifyMasterRxLowerPri, "", false},
	MasterPriority:   {"MASTER_PRIORITY", hooks, "", false},
	BackupPriority:   {"BACKUP_PRIORITY", hooks, "", false},
}

// String returns keepalived's word for the state, "" for None.
func (s State) String() string {
	if int(s) >= len(states) {
		return ""
	}
	return states[s].word
}

// Decide returns what an event causes. Arguments and lines are those observed on 2.2.7:
//
//	gen INSTANCE VI_1 MASTER 150        notify "gen", its own arguments first
//	m                                   notify_master "m": nothing is appended
//	INSTANCE "VI_1" MASTER 150          FIFO
func Decide(ev Event, o Options) Plan {
	if ev.State == Deleted && o.DeletedAsFault {
		ev.State = Fault
	}
	priority := strconv.Itoa(int(ev.Priority))
	scope, object := "INSTANCE", "Instance"
	if ev.Scope == Group {
		priority, scope, object = "0", "GROUP", "Group"
	}
	if ev.State == None || int(ev.State) >= len(states) {
		return Plan{}
	}
	st := states[ev.State]
	if st.hook == hooks && !o.PriorityChanges {
		return Plan{}
	}
	var p Plan
	if o.Hooks.Has(st.hook) {
		p.Runs = append(p.Runs, Run{Hook: st.hook})
	}
	if st.own && o.Hooks.Has(Notify) {
		p.Runs = append(p.Runs, Run{Hook: Notify, Args: []string{scope, ev.Name, st.word, priority}})
	}
	p.FIFO = scope + ` "` + ev.Name + `" ` + st.word + " " + priority + "\n"
	if o.Mail && st.mail != "" {
		p.Mail = Mail{
			Subject: subject(o.RouterID, "VRRP "+object+" "+ev.Name+" - "+st.mail),
			Body:    body(ev, st.word),
		}
	}
	return p
}

func body(ev Event, word string) string {
	switch {
	case ev.Scope == Group:
		return "=> All VRRP group instances are now in " + word + " state <="
	case ev.State == Master:
		return "=> VRRP Instance is now owning VRRP VIPs <="
	}
	return "=> VRRP Instance is no longer owning VRRP VIPs <="
}

// maxSubject is where keepalived cuts a subject.
const maxSubject = 256

func subject(routerID, text string) string {
	s := "[" + routerID + "] " + text
	if len(s) > maxSubject {
		s = strings.ToValidUTF8(s[:maxSubject], "")
	}
	return s
}
