package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
)

const healthyText = `keepalived 0.1.0 (compatible with v2.4.3), up 2h3m
configuration /etc/keepalived/keepalived.conf, generation 3, last reload 2026-11-21 11:30:00.000 applied

PROCESS  PID  STATE    UP    RESTARTS  STALLS            LAST EXIT
parent   100  running  2h3m  0         -                 -
vrrp     103  running  1h0m  1         2 (longest 1.5s)  signal 9 (Killed), 2026-11-21 11:00:00.000

INSTANCE  STATE   SINCE  PRIORITY        MASTER         INTERFACE  VRID  ADDRESSES                                                                CAUSE
VI_1      MASTER  1h0m   110 (base 100)  this host      eth0       51    192.0.2.100/24 192.0.2.101                                               resumed after a restart of the VRRP process
VI_6      BACKUP  1d2h   90              fe80::1 (150)  eth1       56    2001:db8::1 2001:db8::32/64 2001:db8::3/64 2001:db8::4/64 and 2 more  advertisement from fe80::1 with higher priority 150

GROUP  STATE   MEMBERS
G1     MASTER  VI_1

TRACKED  KIND       STATUS  WEIGHT  LAST RUN    INSTANCES
chk      script     up      +10     ok in 12ms  VI_1
eth1     interface  up      fault   -           VI_1 VI_6

healthy: 1 MASTER, 1 BACKUP
`

func TestStatusTable(t *testing.T) {
	f := node()
	status, out, errs := call(t, f, "status")
	if status != exitHealthy || errs != "" {
		t.Errorf("status %d, errors %q", status, errs)
	}
	// Columns are as wide as what is in them; only the words are compared.
	if diff := cmp.Diff(words(healthyText), words(out)); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, out)
	}
	for _, line := range strings.Split(out, "\n") {
		if strings.TrimRight(line, " ") != line {
			t.Errorf("%q ends with blanks", line)
		}
	}
	if strings.Contains(out, "\x1b") {
		t.Error("there is colour in it")
	}
	if f.closed != 1 {
		t.Errorf("closed %d times", f.closed)
	}
}

// words splits text into lines of words.
func words(text string) [][]string {
	var out [][]string
	for _, line := range strings.Split(text, "\n") {
		out = append(out, strings.Fields(line))
	}
	return out
}

// TestStatusVerdict: what is degraded and what is not, and what the operator is told.
func TestStatusVerdict(t *testing.T) {
	const fault = pb.InstanceState_INSTANCE_STATE_FAULT
	for _, c := range []struct {
		rule   string
		change func(*fake)
		status int
		want   string // a line, or part of it
	}{
		{"no VRRP configured is healthy", func(f *fake) { f.status.Processes = f.status.Processes[:1]; f.instances = nil }, exitHealthy, "\nhealthy\n"},
		{"an instance that waits for its script is not degraded", func(f *fake) {
			f.instances[0].State = pb.InstanceState_INSTANCE_STATE_INIT
		}, exitHealthy, "healthy: 1 INIT, 1 BACKUP"},
		{"a fault is, with its causes", func(f *fake) {
			f.instances[0].State, f.instances[0].FaultCauses = fault, []*pb.FaultCause{{Kind: "interface", Name: "eth0"}, {Kind: "script", Name: "chk"}}
		}, exitDegraded, "degraded: VI_1 is in FAULT: interface eth0, script chk"},
		{"without causes the last one is told", func(f *fake) { f.instances[0].State, f.instances[0].LastCause = fault, "sync group" }, exitDegraded,
			"degraded: VI_1 is in FAULT: sync group"},
		{"a master without an address names it", func(f *fake) {
			f.instances[0].AddressesPending, f.instances[0].Addresses[1].Installed = true, false
		}, exitDegraded, "degraded: VI_1 is MASTER without all of its addresses: 192.0.2.101/32"},
		{"the missing address is marked", func(f *fake) {
			f.instances[0].AddressesPending, f.instances[0].Addresses[1].Installed = true, false
		}, exitDegraded, "192.0.2.100/24 192.0.2.101(missing)"},
		{"a backup has no addresses to miss", func(f *fake) { f.instances[1].AddressesPending = true }, exitHealthy, "healthy"},
		{"a refused reload: the file is not what runs", func(f *fake) {
			f.status.LastReload.Outcome, f.status.LastReload.Reason = pb.ReloadOutcome_RELOAD_OUTCOME_REFUSED, "no VRID in VI_2"
		}, exitDegraded, "degraded: the last reload was refused and generation 3 stays in force: no VRID in VI_2"},
		{"a dead process tells when it comes back", func(f *fake) {
			p := f.status.Processes[1]
			p.State, p.Pid, p.RespawnIn = pb.ProcessState_PROCESS_STATE_WAITING, 0, span(4*time.Second)
		}, exitDegraded, "degraded: process vrrp has ended (signal 9 (Killed)) and starts again in 4.0s"},
		{"a starting process", func(f *fake) { f.status.Processes[1].State = pb.ProcessState_PROCESS_STATE_STARTING }, exitDegraded, "degraded: process vrrp is starting"},
		{"stopping is said once", func(f *fake) {
			f.status.Stopping = true
			f.status.Processes[1].State = pb.ProcessState_PROCESS_STATE_STOPPING
		}, exitDegraded, "\ndegraded: keepalived is stopping\n"},
		{"stale answers are marked", func(f *fake) { f.instances[0].Stale = true }, exitDegraded, "MASTER (stale)"},
		{"and explained", func(f *fake) { f.instances[0].Stale = true }, exitDegraded, "degraded: the VRRP process does not answer; what is shown of it is what it last said"},
		{"a child that cannot be asked is no reason for silence", func(f *fake) { f.listErr = adminapi.ErrUnavailable; f.instances = nil }, exitDegraded,
			"degraded: the VRRP process does not answer"},
		{"a reload under way", func(f *fake) { f.status.Reloading = true }, exitHealthy, "applied, reloading now"},
		{"a master not heard yet", func(f *fake) { f.instances[1].MasterAddress = "" }, exitHealthy, "not heard"},
		{"notices", func(f *fake) { f.status.Notices = []*pb.Notice{{Time: at(-time.Minute), Text: "script s is not used"}} }, exitHealthy,
			"notice 2026-11-21 11:59:00.000: script s is not used"},
		{"a script that failed", func(f *fake) {
			k := f.trackers[0]
			k.Status, k.LastExit, k.Reverse = pb.TrackerStatus_TRACKER_STATUS_DOWN, 3, true
		}, exitHealthy, "down    +10 reverse  exit status 3 in 12ms"},
		{"a script that was killed", func(f *fake) { f.trackers[0].LastExit = -9 }, exitHealthy, "ended by signal 9"},
		{"a script that took too long", func(f *fake) { f.trackers[0].TimedOut, f.trackers[0].Timeout = true, span(3*time.Second) }, exitHealthy, "timed out after 3.0s"},
		{"a script that runs for the first time", func(f *fake) {
			f.trackers[0].Status, f.trackers[0].Running = pb.TrackerStatus_TRACKER_STATUS_INIT, true
		}, exitHealthy, "init    +10     running"},
		{"a script that is missing", func(f *fake) { f.trackers[0].Status = pb.TrackerStatus_TRACKER_STATUS_DISABLED }, exitHealthy, "disabled  +10"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			f := node()
			c.change(f)
			status, out, errs := call(t, f, "status")
			if status != c.status || !strings.Contains(out, c.want) || errs != "" {
				t.Errorf("status %d, want %d and %q in\n%s%s", status, c.status, c.want, out, errs)
			}
			jsonStatus, text, _ := call(t, f, "status", "--json")
			var parsed struct {
				Healthy  bool
				Degraded []string
			}
			if err := json.Unmarshal([]byte(text), &parsed); err != nil || jsonStatus != c.status {
				t.Fatalf("--json ends with %d: %v\n%s", jsonStatus, err, text)
			}
			if parsed.Healthy != (c.status == exitHealthy) || len(parsed.Degraded) != strings.Count(out, "degraded: ") {
				t.Errorf("--json says %+v, the table\n%s", parsed, out)
			}
		})
	}
}

func TestStatusOfSome(t *testing.T) {
	f := node()
	f.instances[1].State = pb.InstanceState_INSTANCE_STATE_FAULT
	if status, out, _ := call(t, f, "status", "VI_1"); status != exitHealthy || strings.Contains(out, "VI_6") || strings.Contains(out, "TRACKED") {
		t.Errorf("status %d\n%s", status, out)
	}
	if status, _, _ := call(t, f, "status", "VI_6"); status != exitDegraded {
		t.Errorf("the one in FAULT: status %d", status)
	}
	if status, out, errs := call(t, f, "status", "VI_7"); status != exitUsage || out != "" || !strings.Contains(errs, `there is no instance or service "VI_7"`) {
		t.Errorf("an unknown one: status %d, %q, %q", status, out, errs)
	}
}

func TestStatusJSON(t *testing.T) {
	status, out, _ := call(t, node(), "status", "--json")
	var r struct {
		Status struct {
			Version   string
			Processes []struct {
				Role, State string
				Pid         int
				Restarts    *int
			}
		}
		Instances []struct {
			Name, State       string
			EffectivePriority int
			Addresses         []struct {
				Prefix    string
				Installed *bool
			}
		}
		SyncGroups []struct{ Members []string }
		Trackers   []struct{ Weight int }
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if status != exitHealthy || strings.Count(out, "\n") != 1 {
		t.Errorf("status %d, not one line:\n%s", status, out)
	}
	if r.Status.Version != "0.1.0" || len(r.Status.Processes) != 2 || r.Status.Processes[1].Role != "ROLE_VRRP" ||
		len(r.Instances) != 2 || r.Instances[0].State != "INSTANCE_STATE_MASTER" || r.Instances[0].EffectivePriority != 110 ||
		len(r.SyncGroups) != 1 || len(r.Trackers) != 2 || r.Trackers[0].Weight != 10 {
		t.Errorf("got %+v", r)
	}
	if r.Status.Processes[0].Restarts == nil || r.Instances[1].Addresses[0].Installed == nil {
		t.Error("numbers that are 0 and booleans that are false are left out")
	}
	if _, out, _ := call(t, &fake{status: &pb.GetStatusResponse{}}, "status", "--json"); !strings.Contains(out, `"instances":[],"syncGroups":[],"trackers":[]`) ||
		!strings.Contains(out, `"degraded":[]`) {
		t.Errorf("empty lists: %s", out)
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0ms", 0: "0ms", 999 * time.Millisecond: "999ms", time.Second: "1.0s", 59990 * time.Millisecond: "59.9s", time.Minute: "1m0s",
		3599 * time.Second: "59m59s", time.Hour: "1h0m", 24*time.Hour - 1: "23h59m", 100 * 24 * time.Hour: "100d0h",
	} {
		if got := age(span(d)); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
