package group

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"keepalived/core/clock"
	"keepalived/vrrp/fsm"
)

const sec = time.Second

// rig is a sync group whose members are real instances, driven as the daemon does it.
type rig struct {
	c    fsm.Config
	s    []fsm.State
	g    State
	log  []string
	now  clock.Instant
	told int // the member whose standing has changed last, or -1
}

func newRig(members int) *rig {
	r := &rig{told: -1, c: fsm.Config{Version: fsm.V2, VRID: 1, Priority: 100, AdverInt: sec, Grouped: true,
		Source: netip.MustParseAddr("192.0.2.1")}}
	for range members {
		r.s = append(r.s, fsm.New(&r.c))
	}
	return r
}

func (r *rig) say(s string) { r.log = append(r.log, s) }

// event steps a member, then the group until it is at rest.
func (r *rig) event(i int, e fsm.Event) {
	r.step(i, e)
	for rounds := 0; r.told >= 0; rounds++ {
		if rounds > 10 {
			r.say("no rest")
			return
		}
		r.regroup()
	}
}

func (r *rig) regroup() {
	cause := r.told
	r.told = -1
	members := make([]fsm.Standing, len(r.s))
	for i := range r.s {
		members[i] = r.s[i].Standing()
	}
	var out Outcome
	r.g, out = Step(r.g, members)
	pull := fsm.Event{Kind: fsm.EvGroupPull, Phase: out.Pull}
	if out.Opening && out.Notice != 0 {
		r.say("G " + words[out.Notice])
	}
	if out.Pull != fsm.Initialize {
		r.step(cause, pull)
	}
	if out.Say {
		r.say("sync " + r.g.Phase.String())
	}
	if !out.Opening && out.Notice != 0 {
		r.say("G " + words[out.Notice])
	}
	if out.Pull == fsm.Initialize {
		return
	}
	for i := range r.s {
		if i != cause {
			r.step(i, pull)
		}
	}
}

var words = [...]string{fsm.NoticeMaster: "MASTER", fsm.NoticeBackup: "BACKUP", fsm.NoticeFault: "FAULT", fsm.NoticeStop: "STOP"}

func (r *rig) step(i int, e fsm.Event) {
	var as fsm.Actions
	r.s[i], as = fsm.Step(&r.c, r.s[i], r.now, e)
	id := string(rune('A' + i))
	for k := range as.Len() {
		switch a := as.At(k); {
		case a.Kind == fsm.ActTellGroup:
			r.told = i
		case a.Kind == fsm.ActSendAdvert && a.Priority == 0:
			r.say(id + " resigns")
		case a.Kind == fsm.ActNotify && a.Notice <= fsm.NoticeStop:
			r.say(id + " " + words[a.Notice])
		case a.Kind == fsm.ActWant && a.Want == fsm.WantVIPs:
			r.say(id + " wants")
		}
	}
}

func (r *rig) start(causes ...fsm.Causes) {
	for i := range r.s {
		e := fsm.Event{Kind: fsm.EvStartup}
		if i < len(causes) {
			e.Causes = causes[i]
		}
		r.event(i, e)
	}
}

func (r *rig) timeout(i int) {
	r.now = max(r.now, r.s[i].MasterDownAt)
	r.event(i, fsm.Event{Kind: fsm.EvTick})
}

func (r *rig) installed(i int) {
	r.event(i, fsm.Event{Kind: fsm.EvInstalled, Gen: r.s[i].Gen})
}

func (r *rig) impaired(i int) {
	r.event(i, fsm.Event{Kind: fsm.EvImpaired, Causes: fsm.CauseInterface})
}
func (r *rig) recovered(i int) {
	r.event(i, fsm.Event{Kind: fsm.EvRecovered, Causes: fsm.CauseInterface})
}

// hears lets a member hear a better master.
func (r *rig) hears(i int) {
	r.event(i, fsm.Event{Kind: fsm.EvAdvert, Advert: fsm.Advert{At: r.now, Source: netip.MustParseAddr("192.0.2.9"), Priority: 200, AdverInt: sec}})
}

// master brings the whole group to MASTER.
func (r *rig) master() {
	r.start()
	for i := range r.s {
		r.timeout(i)
	}
	for i := range r.s {
		r.installed(i)
	}
	r.log = nil
}

// check compares what was logged since the last check, and the group's phase.
func (r *rig) check(t *testing.T, phase fsm.Phase, want ...string) {
	t.Helper()
	if !slices.Equal(r.log, want) {
		t.Errorf("got  %q\nwant %q", r.log, want)
	}
	if r.g.Phase != phase {
		t.Errorf("group is %v, want %v", r.g.Phase, phase)
	}
	r.log = nil
}

var groupRules = []struct {
	name string
	run  func(t *testing.T, r *rig)
}{
	{"starts when all members can: group told first, no Syncing line", func(t *testing.T, r *rig) {
		r.event(0, fsm.Event{Kind: fsm.EvStartup})
		r.check(t, fsm.Initialize)
		r.event(1, fsm.Event{Kind: fsm.EvStartup})
		r.check(t, fsm.Backup, "G BACKUP", "B BACKUP", "A BACKUP")
	}},
	{"waits for a member's scripts", func(t *testing.T, r *rig) {
		r.start(0, fsm.CauseInit)
		r.check(t, fsm.Initialize)
		r.event(1, fsm.Event{Kind: fsm.EvRecovered, Causes: fsm.CauseInit})
		r.check(t, fsm.Backup, "G BACKUP", "B BACKUP", "sync BACKUP", "A BACKUP")
	}},
	{"an impaired member at the start: all FAULT", func(t *testing.T, r *rig) {
		r.start(0, fsm.CauseInterface)
		r.check(t, fsm.Fault, "G FAULT", "B FAULT", "A FAULT")
	}},
	{"MASTER only when every member would be; scripts of the group last", func(t *testing.T, r *rig) {
		r.start()
		r.log = nil
		r.timeout(0)
		r.check(t, fsm.Backup)
		r.timeout(1)
		r.check(t, fsm.Master, "B wants", "sync MASTER", "A wants")
		r.installed(0)
		r.check(t, fsm.Master, "A MASTER")
		r.installed(1)
		r.check(t, fsm.Master, "B MASTER", "G MASTER")
	}},
	{"a member that hears a master holds all back", func(t *testing.T, r *rig) {
		r.start()
		r.log = nil
		r.timeout(0)
		r.hears(0)
		r.timeout(1)
		r.check(t, fsm.Backup)
	}},
	{"one member's fault pulls all, every Master resigns", func(t *testing.T, r *rig) {
		r.master()
		r.impaired(1)
		r.check(t, fsm.Fault, "B resigns", "B FAULT", "sync FAULT", "G FAULT", "A resigns", "A FAULT")
	}},
	{"one member's fault pulls Backups", func(t *testing.T, r *rig) {
		r.start()
		r.log = nil
		r.impaired(0)
		r.check(t, fsm.Fault, "A FAULT", "sync FAULT", "G FAULT", "B FAULT")
	}},
	{"leaves FAULT when the last one has recovered", func(t *testing.T, r *rig) {
		r.start(fsm.CauseInterface, fsm.CauseInterface)
		r.log = nil
		r.recovered(0)
		r.check(t, fsm.Fault)
		r.recovered(1)
		r.check(t, fsm.Backup, "B BACKUP", "sync BACKUP", "G BACKUP", "A BACKUP")
	}},
	{"a member yields: all leave, without resigning", func(t *testing.T, r *rig) {
		r.master()
		r.hears(0)
		r.check(t, fsm.Backup, "A BACKUP", "sync BACKUP", "G BACKUP", "B BACKUP")
	}},
	{"step-down of all members: all resign", func(t *testing.T, r *rig) {
		r.master()
		for i := range r.s {
			r.step(i, fsm.Event{Kind: fsm.EvStepDown, For: sec})
		}
		r.regroup()
		r.check(t, fsm.Backup, "A resigns", "A BACKUP", "B resigns", "B BACKUP", "sync BACKUP", "G BACKUP")
	}},
	{"stop: the group last", func(t *testing.T, r *rig) {
		r.master()
		r.event(0, fsm.Event{Kind: fsm.EvShutdown})
		r.check(t, fsm.Master, "A resigns", "A STOP")
		r.event(1, fsm.Event{Kind: fsm.EvShutdown})
		r.check(t, fsm.Initialize, "B resigns", "B STOP", "G STOP")
	}},
	{"lost before announced: the group is told of BACKUP only", func(t *testing.T, r *rig) {
		r.start()
		r.timeout(0)
		r.timeout(1)
		r.log = nil
		r.installed(0)
		r.hears(1)
		r.check(t, fsm.Backup, "A MASTER", "sync BACKUP", "A BACKUP")
	}},
	{"a member that a reload adds starts as BACKUP and does not pull the others down", func(t *testing.T, r *rig) {
		r.master()
		r.s = append(r.s, fsm.New(&r.c))
		r.event(2, fsm.Event{Kind: fsm.EvStartup})
		r.check(t, fsm.Master, "C BACKUP")
		r.timeout(2)
		r.check(t, fsm.Master, "C wants")
		r.installed(2)
		r.check(t, fsm.Master, "C MASTER")
	}},
	{"an added member whose scripts have not returned is not waited for", func(t *testing.T, r *rig) {
		r.master()
		r.s = append(r.s, fsm.New(&r.c))
		r.event(2, fsm.Event{Kind: fsm.EvStartup, Causes: fsm.CauseInit})
		r.check(t, fsm.Master)
		r.hears(0)
		r.check(t, fsm.Backup, "A BACKUP", "sync BACKUP", "G BACKUP", "B BACKUP")
		r.event(2, fsm.Event{Kind: fsm.EvRecovered, Causes: fsm.CauseInit})
		r.check(t, fsm.Backup, "C BACKUP")
	}},
	{"an added member that is impaired is everyone's fault", func(t *testing.T, r *rig) {
		r.master()
		r.s = append(r.s, fsm.New(&r.c))
		r.event(2, fsm.Event{Kind: fsm.EvStartup, Causes: fsm.CauseInterface})
		r.check(t, fsm.Fault, "C FAULT", "sync FAULT", "G FAULT", "A resigns", "A FAULT", "B resigns", "B FAULT")
	}},
}

func TestGroup(t *testing.T) {
	for _, tt := range groupRules {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newRig(2)) })
	}
}

func TestResume(t *testing.T) {
	r := newRig(2)
	r.master()
	if got := Resume(r.s); got != (State{Phase: fsm.Master, Notified: fsm.Master}) {
		t.Errorf("got %+v", got)
	}
	r.s[1].Notified = fsm.Backup
	r.g = Resume(r.s)
	r.s[1].Settled = false
	r.regroup()
	r.check(t, fsm.Master)
	r.s[1].Settled = true
	r.regroup()
	r.check(t, fsm.Master, "G MASTER")
}

// TestAtRest: a Step after which nothing has changed asks for nothing, for every
// combination of two members.
func TestAtRest(t *testing.T) {
	var all []fsm.Standing
	for p := fsm.Initialize; p <= fsm.Fault; p++ {
		for bits := range 32 {
			m := fsm.Standing{Phase: p, Started: bits&1 != 0, Able: bits&2 != 0, Wants: bits&4 != 0 || p == fsm.Master,
				Fresh: bits&8 != 0 && p == fsm.Backup, Settled: bits&16 != 0 && p == fsm.Master, Pending: bits&16 != 0 && p == fsm.Initialize}
			if m.Started || p == fsm.Initialize {
				all = append(all, m)
			}
		}
	}
	for _, a := range all {
		for _, b := range all {
			members := []fsm.Standing{a, b}
			for p := fsm.Initialize; p <= fsm.Fault; p++ {
				s, first := Step(State{Phase: p, Notified: p}, members)
				again, second := Step(s, members)
				if again != s || second.Say || second.Notice != 0 || second.Pull != first.Pull {
					t.Fatalf("%+v from %v: %+v then %+v", members, p, first, second)
				}
			}
		}
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	members := []fsm.Standing{{Phase: fsm.Backup, Started: true, Able: true, Wants: true}, {Phase: fsm.Backup, Started: true, Able: true}}
	s := State{}
	if n := testing.AllocsPerRun(100, func() { s, _ = Step(s, members) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
