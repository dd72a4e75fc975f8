package notify

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var all = Hooks(0).With(NotifyMaster).With(NotifyBackup).With(NotifyFault).With(NotifyStop).With(NotifyDeleted).
	With(NotifyMasterRxLowerPri).With(Notify)

func generic(args ...string) Run { return Run{Hook: Notify, Args: args} }

func TestDecide(t *testing.T) {
	tests := []struct {
		name string
		ev   Event
		o    Options
		want Plan
	}{
		{"observed: MASTER of an instance", Event{Instance, "VI_1", Master, 150}, Options{Hooks: all, Mail: true, RouterID: "RA"}, Plan{
			Runs: []Run{{Hook: NotifyMaster}, generic("INSTANCE", "VI_1", "MASTER", "150")},
			FIFO: "INSTANCE \"VI_1\" MASTER 150\n",
			Mail: Mail{"[RA] VRRP Instance VI_1 - Entering MASTER state", "=> VRRP Instance is now owning VRRP VIPs <="}}},
		{"observed: BACKUP of an instance", Event{Instance, "VI_1", Backup, 150}, Options{Hooks: all, Mail: true, RouterID: "RA"}, Plan{
			Runs: []Run{{Hook: NotifyBackup}, generic("INSTANCE", "VI_1", "BACKUP", "150")},
			FIFO: "INSTANCE \"VI_1\" BACKUP 150\n",
			Mail: Mail{"[RA] VRRP Instance VI_1 - Entering BACKUP state", "=> VRRP Instance is no longer owning VRRP VIPs <="}}},
		{"observed: FAULT of an instance", Event{Instance, "VI_1", Fault, 100}, Options{Hooks: all, Mail: true, RouterID: "RA"}, Plan{
			Runs: []Run{{Hook: NotifyFault}, generic("INSTANCE", "VI_1", "FAULT", "100")},
			FIFO: "INSTANCE \"VI_1\" FAULT 100\n",
			Mail: Mail{"[RA] VRRP Instance VI_1 - Entering FAULT state", "=> VRRP Instance is no longer owning VRRP VIPs <="}}},
		{"observed: STOP", Event{Instance, "VI_1", Stop, 150}, Options{Hooks: all}, Plan{
			Runs: []Run{{Hook: NotifyStop}, generic("INSTANCE", "VI_1", "STOP", "150")},
			FIFO: "INSTANCE \"VI_1\" STOP 150\n"}},
		{"observed: a group's priority is 0", Event{Group, "G1", Backup, 77}, Options{Hooks: all, Mail: true, RouterID: "RA"}, Plan{
			Runs: []Run{{Hook: NotifyBackup}, generic("GROUP", "G1", "BACKUP", "0")},
			FIFO: "GROUP \"G1\" BACKUP 0\n",
			Mail: Mail{"[RA] VRRP Group G1 - Entering BACKUP state", "=> All VRRP group instances are now in BACKUP state <="}}},
		{"observed: a removed instance reports FAULT", Event{Instance, "VI_1", Deleted, 100}, Options{Hooks: all, DeletedAsFault: true}, Plan{
			Runs: []Run{{Hook: NotifyFault}, generic("INSTANCE", "VI_1", "FAULT", "100")},
			FIFO: "INSTANCE \"VI_1\" FAULT 100\n"}},
		{"notify_deleted: it reports DELETED", Event{Instance, "VI_1", Deleted, 100}, Options{Hooks: all, Mail: true, RouterID: "RA"}, Plan{
			Runs: []Run{{Hook: NotifyDeleted}, generic("INSTANCE", "VI_1", "DELETED", "100")},
			FIFO: "INSTANCE \"VI_1\" DELETED 100\n",
			Mail: Mail{"[RA] VRRP Instance VI_1 - Deleted", "=> VRRP Instance is no longer owning VRRP VIPs <="}}},
		{"lower priority heard: its own script only, no mail", Event{Instance, "VI_1", MasterRxLowerPri, 100}, Options{Hooks: all, Mail: true}, Plan{
			Runs: []Run{{Hook: NotifyMasterRxLowerPri}}, FIFO: "INSTANCE \"VI_1\" MASTER_RX_LOWER_PRI 100\n"}},
		{"priority of a master", Event{Instance, "VI_1", MasterPriority, 100}, Options{Hooks: all, PriorityChanges: true, Mail: true}, Plan{
			FIFO: "INSTANCE \"VI_1\" MASTER_PRIORITY 100\n"}},
		{"priority of a backup", Event{Instance, "VI_1", BackupPriority, 160}, Options{Hooks: all, PriorityChanges: true}, Plan{
			FIFO: "INSTANCE \"VI_1\" BACKUP_PRIORITY 160\n"}},
		{"priority changes are off", Event{Instance, "VI_1", MasterPriority, 100}, Options{Hooks: all}, Plan{}},
		{"no script at all: the FIFO is told", Event{Instance, "VI_1", Master, 100}, Options{}, Plan{FIFO: "INSTANCE \"VI_1\" MASTER 100\n"}},
		{"generic script alone", Event{Instance, "VI_1", Fault, 1}, Options{Hooks: Hooks(0).With(Notify)}, Plan{
			Runs: []Run{generic("INSTANCE", "VI_1", "FAULT", "1")}, FIFO: "INSTANCE \"VI_1\" FAULT 1\n"}},
		{"a script of another state does not run", Event{Instance, "VI_1", Fault, 1}, Options{Hooks: Hooks(0).With(NotifyMaster)}, Plan{
			FIFO: "INSTANCE \"VI_1\" FAULT 1\n"}},
		{"nothing", Event{Instance, "VI_1", None, 1}, Options{Hooks: all, Mail: true}, Plan{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, Decide(tt.ev, tt.o)); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSubjectIsCut(t *testing.T) {
	p := Decide(Event{Instance, strings.Repeat("ü", 300), Master, 1}, Options{Mail: true, RouterID: "RA"})
	if n := len(p.Mail.Subject); n > 256 || n < 254 || !strings.HasPrefix(p.Mail.Subject, "[RA] VRRP Instance ü") {
		t.Errorf("%d octets: %q", n, p.Mail.Subject)
	}
}

func TestServices(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{ServiceFIFO("[10.0.0.100]:tcp:80", true), "VS [10.0.0.100]:tcp:80 UP\n"},
		{ServiceFIFO("FWM 7", false), "VS FWM 7 DOWN\n"},
		{ServerFIFO("[10.0.0.1]:tcp:80", "[10.0.0.101]:tcp:80", true), "RS [10.0.0.1]:tcp:80 [10.0.0.101]:tcp:80 UP\n"},
		{ServerFIFO("[10.0.0.1]:none:0", "FWM 7", false), "RS [10.0.0.1]:none:0 FWM 7 DOWN\n"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
	got := []Mail{
		ServerMail("RA", "[10.0.0.1]:tcp:80", "[10.0.0.100]:tcp:80", false, "TCP CHECK failed on service"),
		ServiceMail("RA", "[10.0.0.100]:tcp:80", true, "Gained quorum 1+0=1 <= 3"),
	}
	want := []Mail{
		{"[RA] Realserver [10.0.0.1]:tcp:80 of virtual server [10.0.0.100]:tcp:80 - DOWN", "=> TCP CHECK failed on service <="},
		{"[RA] Virtualserver [10.0.0.100]:tcp:80 - UP", "=> Gained quorum 1+0=1 <= 3 <="},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mails (-want +got):\n%s", diff)
	}
}

func TestQueue(t *testing.T) {
	tests := []struct {
		name    string
		push    []State
		pop     []State
		skipped uint64
	}{
		{"one", []State{Master}, []State{Master}, 0},
		{"the newest state wins", []State{Master, Backup, Master, Backup}, []State{Backup}, 3},
		{"back where the running script is: it is told again", []State{Backup, Master}, []State{Master}, 1},
		{"a lower priority comes behind the state it was heard in", []State{Master, MasterRxLowerPri}, []State{Master, MasterRxLowerPri}, 0},
		{"and is void after the next state", []State{Master, MasterRxLowerPri, Backup}, []State{Backup}, 2},
		{"one of them is enough", []State{MasterRxLowerPri, MasterRxLowerPri}, []State{MasterRxLowerPri}, 1},
		{"stop is the last word", []State{Fault, Stop}, []State{Stop}, 1},
		{"priority changes run nothing", []State{MasterPriority, BackupPriority, None}, nil, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var q Queue[State]
			for _, s := range tt.push {
				q.Push(s, s)
			}
			if q.Len() != len(tt.pop) {
				t.Errorf("Len = %d", q.Len())
			}
			var got []State
			for {
				s, ok := q.Pop()
				if !ok {
					break
				}
				got = append(got, s)
			}
			if diff := cmp.Diff(tt.pop, got); diff != "" || q.Skipped() != tt.skipped || q.Len() != 0 {
				t.Errorf("skipped %d, want %d; (-want +got):\n%s", q.Skipped(), tt.skipped, diff)
			}
		})
	}
}

// TestFlappingEndsWithTheLastState: 50 changes a second and a script of 300 ms, in
// virtual time: never two at once, the last run has the last state.
func TestFlappingEndsWithTheLastState(t *testing.T) {
	var q Queue[State]
	var ran []State
	busy := 0 // ms that the running script still needs
	for ms := 0; ms < 10_000; ms++ {
		last := Backup
		if ms/20%2 == 1 {
			last = Master
		}
		if ms < 5000 && ms%20 == 0 {
			q.Push(last, last)
		}
		busy = max(0, busy-1)
		if busy == 0 {
			if s, ok := q.Pop(); ok {
				ran, busy = append(ran, s), 300
			}
		}
	}
	if n := len(ran); n < 16 || n > 18 || ran[n-1] != Master {
		t.Errorf("%d runs, the last %v", n, ran[max(0, n-1):])
	}
}
