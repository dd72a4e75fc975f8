package fsm

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"keepalived/core/clock"
)

const (
	sec = time.Second
	ms  = time.Millisecond
)

// t0 is when the states below were entered; the instance looks at them at 'at'.
const t0 = clock.Instant(1000 * sec)

var (
	self  = netip.MustParseAddr("192.0.2.10")
	above = netip.MustParseAddr("192.0.2.20") // higher address than ours
	below = netip.MustParseAddr("192.0.2.5")
)

// conf is a v2 instance of priority 100.
func conf(change ...func(*Config)) *Config {
	c := &Config{Version: V2, VRID: 51, Source: self, Priority: 100, AdverInt: sec}
	for _, f := range change {
		f(c)
	}
	return c
}

func prio(p uint8) func(*Config) { return func(c *Config) { c.Priority = p } }

func version3(d time.Duration) func(*Config) {
	return func(c *Config) { c.Version, c.AdverInt = V3, d }
}

var owner = prio(PriorityOwner)

func nopreempt(c *Config) { c.NoPreempt = true }
func grouped(c *Config)   { c.Grouped = true }

// A setup brings an instance into a state by stepping it: no test makes a State by hand.
type setup func(t *testing.T, c *Config) State

func initial(_ *testing.T, c *Config) State { return New(c) }

// steps continues a setup with events at instants after t0.
func (f setup) steps(evs ...timed) setup {
	return func(t *testing.T, c *Config) State {
		s := f(t, c)
		for _, e := range evs {
			s, _ = Step(c, s, t0.Add(e.at), e.ev)
		}
		return s
	}
}

// in asserts the phase that a setup has reached.
func (f setup) in(p Phase) setup {
	return func(t *testing.T, c *Config) State {
		t.Helper()
		s := f(t, c)
		if s.Phase != p {
			t.Fatalf("setup ends in %v, want %v", s.Phase, p)
		}
		return s
	}
}

type timed struct {
	at time.Duration
	ev Event
}

func ev(k EventKind) Event { return Event{Kind: k} }

func startup(causes Causes) Event { return Event{Kind: EvStartup, Causes: causes} }

func advertFrom(src netip.Addr, p uint8, at time.Duration) Event {
	return Event{Kind: EvAdvert, Advert: Advert{At: t0.Add(at), Source: src, Priority: p}}
}

func (e Event) interval(d time.Duration) Event { e.Advert.AdverInt = d; return e }

func pull(p Phase) Event { return Event{Kind: EvGroupPull, Phase: p} }

// The states from which cells start. All begin at t0: a Backup has its timer at
// t0+MDI, a Master has sent at t0 and is settled.
var (
	inInit   = setup(initial)
	inBackup = setup(initial).steps(timed{0, startup(0)}).in(Backup)
	inFault  = setup(initial).steps(timed{-sec, startup(0)}, timed{0, Event{Kind: EvImpaired, Causes: CauseInterface}}).in(Fault)
	// newMaster became Master at t0, its addresses are not in.
	newMaster = setup(func(_ *testing.T, c *Config) State {
		s := New(c)
		s, _ = Step(c, s, t0-clock.Instant(10*sec), startup(0))
		if c.Grouped {
			s, _ = Step(c, s, t0-clock.Instant(10*sec), pull(Backup))
			s, _ = Step(c, s, t0, ev(EvTick))
			s, _ = Step(c, s, t0, pull(Master))
			return s
		}
		s, _ = Step(c, s, t0, ev(EvTick))
		return s
	}).in(Master)
	inMaster = setup(func(t *testing.T, c *Config) State {
		s := newMaster(t, c)
		s, _ = Step(c, s, t0, Event{Kind: EvInstalled, Gen: s.Gen})
		return s
	}).in(Master)
)

// show renders actions one per line; ActRecord and ActTellGroup only matter where a
// test asks for them.
func show(as Actions, all bool) string {
	var lines []string
	for i := range as.Len() {
		a := as.At(i)
		var l string
		switch a.Kind {
		case ActSendAdvert:
			l = fmt.Sprintf("advert %d", a.Priority)
		case ActWant:
			l = [...]string{"want none", "want VIPs"}[a.Want]
		case ActQueueGARP:
			l = "garp " + [...]string{"stop", "master", "lower", "once", "added"}[a.Round]
		case ActNotify:
			l = "notify " + [...]string{"", "MASTER", "BACKUP", "FAULT", "STOP", "RX_LOWER", "PRIORITY"}[a.Notice]
		case ActSay:
			l = "say " + msgNames[a.Msg]
		case ActCount:
			l = "count " + [...]string{"become", "release", "zero"}[a.Counter]
		case ActTellGroup:
			l = "tell"
		case ActAnnounceGroup:
			l = "announce group"
		case ActRecord:
			l = "record"
		}
		if all || a.Kind != ActRecord {
			lines = append(lines, l)
		}
	}
	return strings.Join(lines, "; ")
}

var msgNames = [messages]string{
	MsgReceiveTimeout: "timeout", MsgEnteringMaster: "MASTER", MsgEnteringBackup: "BACKUP",
	MsgEnteringBackupInit: "BACKUP(init)", MsgEnteringFault: "FAULT", MsgIntervalOfMaster: "interval", MsgIntervalOwn: "own interval",
	MsgSettingVIPs: "setting", MsgRemovingVIPs: "removing", MsgSentZero: "sent0",
	MsgHigherPriority: "higher", MsgHigherAddress: "higher address", MsgLowerDiscarded: "discarding",
	MsgLowerForcing: "forcing", MsgLower: "lower", MsgBackupZero: "backup0", MsgMasterZero: "master0",
	MsgPriority: "priority", MsgStartPreemptDelay: "start delay", MsgStopPreemptDelay: "stop delay",
	MsgSameAddress: "same address", MsgDuplicateOwner: "duplicate owner", MsgRivalQuiet: "quiet",
	MsgInstallFailed: "install failed", MsgResumed: "resumed", MsgStalled: "stalled",
	MsgStepDown: "stepdown", MsgTimerExpired: "expired",
}

// cell is one row of a table: what a Step from a state does.
type cell struct {
	name  string
	c     *Config
	from  setup
	at    time.Duration
	ev    Event
	phase Phase
	want  string        // actions in order, without ActRecord
	due   time.Duration // State.Deadline after t0; -1: Never; 0: not checked
	check func(t *testing.T, s State)
}

const never = time.Duration(-1)

func (tc *cell) run(t *testing.T) {
	t.Helper()
	c := tc.c
	if c == nil {
		c = conf()
	}
	s := tc.from(t, c)
	e := tc.ev
	if e.Kind == EvInstalled || e.Kind == EvInstallFailed {
		e.Gen += s.Gen // rows give the difference to the present generation
	}
	got, as := Step(c, s, t0.Add(tc.at), e)
	if got.Phase != tc.phase {
		t.Errorf("phase %v, want %v", got.Phase, tc.phase)
	}
	if g := show(as, false); g != tc.want {
		t.Errorf("actions\n  %s\nwant\n  %s", g, tc.want)
	}
	if due := got.Deadline(); tc.due == never && due != clock.Never || tc.due > 0 && due != t0.Add(tc.due) {
		t.Errorf("deadline at %v, want %v", due.Sub(t0), tc.due)
	}
	if (got.Phase != s.Phase) != strings.Contains(show(as, true), "record") && got.Phase != s.Phase {
		t.Errorf("a transition that is not recorded")
	}
	if tc.check != nil {
		tc.check(t, got)
	}
}

// mdi100 is Master_Down_Interval of v2, 1 s, priority 100.
const mdi100 = 3609375 * time.Microsecond

const (
	leave    = "want none; garp stop; count release"
	become   = "advert 100; say MASTER; say setting; want VIPs; count become"
	toFault  = "advert 0; say FAULT; say sent0; say removing; " + leave + "; notify FAULT"
	toBackup = "say BACKUP; say removing; " + leave + "; notify BACKUP"
)

// cells is the router machine: at least one row per phase and kind of event.
var cells = map[Phase]map[EventKind]cell{
	Initialize: {
		EvStartup: {from: inInit, ev: startup(0), phase: Backup,
			want: "want none; say BACKUP(init); notify BACKUP", due: mdi100},
		EvTick:          {from: inInit, ev: ev(EvTick), phase: Initialize, due: never},
		EvAdvert:        {from: inInit, ev: advertFrom(above, 200, 0), phase: Initialize, due: never},
		EvInstalled:     {from: inInit, ev: ev(EvInstalled), phase: Initialize},
		EvInstallFailed: {from: inInit, ev: ev(EvInstallFailed), phase: Initialize},
		EvPriorityChanged: {from: inInit, ev: Event{Kind: EvPriorityChanged, Priority: 90}, phase: Initialize,
			check: func(t *testing.T, s State) { wantPriority(t, s, 90) }},
		EvImpaired:      {from: inInit, ev: Event{Kind: EvImpaired, Causes: CauseScript}, phase: Initialize},
		EvRecovered:     {from: inInit, ev: Event{Kind: EvRecovered, Causes: CauseScript}, phase: Initialize},
		EvGroupPull:     {from: inInit, c: conf(grouped), ev: pull(Backup), phase: Initialize},
		EvGroupAnnounce: {from: inInit, ev: ev(EvGroupAnnounce), phase: Initialize},
		EvStepDown:      {from: inInit, ev: Event{Kind: EvStepDown, For: sec}, phase: Initialize},
		EvShutdown:      {from: inInit, ev: ev(EvShutdown), phase: Initialize},
		EvStalled:       {from: inInit, ev: Event{Kind: EvStalled, For: sec}, phase: Initialize, due: never},
		EvReconfigured:  {from: inInit, ev: ev(EvReconfigured), phase: Initialize},
	},
	Backup: {
		EvStartup:       {from: inBackup, at: sec, ev: startup(0), phase: Backup, due: mdi100},
		EvTick:          {from: inBackup, at: mdi100, ev: ev(EvTick), phase: Master, want: "say timeout; " + become, due: 4600 * ms},
		EvAdvert:        {from: inBackup, at: sec + 5*ms, ev: advertFrom(above, 150, sec), phase: Backup, due: sec + mdi100},
		EvInstalled:     {from: inBackup, at: sec, ev: ev(EvInstalled), phase: Backup, due: mdi100},
		EvInstallFailed: {from: inBackup, at: sec, ev: ev(EvInstallFailed), phase: Backup, due: mdi100},
		EvPriorityChanged: {from: inBackup, at: sec, ev: Event{Kind: EvPriorityChanged, Priority: 150}, phase: Backup,
			want: "say priority; notify PRIORITY", due: 3*sec + 106*sec/256},
		EvImpaired:      {from: inBackup, at: sec, ev: Event{Kind: EvImpaired, Causes: CauseScript}, phase: Fault, want: "say FAULT; notify FAULT", due: never},
		EvRecovered:     {from: inBackup, at: sec, ev: Event{Kind: EvRecovered, Causes: CauseScript}, phase: Backup, due: mdi100},
		EvGroupPull:     {from: inBackup, at: sec, ev: pull(Master), phase: Master, want: become, due: 2 * sec},
		EvGroupAnnounce: {from: inBackup, at: sec, ev: ev(EvGroupAnnounce), phase: Backup, due: mdi100},
		EvStepDown: {from: inBackup, at: sec, ev: Event{Kind: EvStepDown, For: sec}, phase: Backup, due: mdi100,
			check: func(t *testing.T, s State) {
				if s.HoldUntil != t0.Add(2*sec) {
					t.Errorf("held until %v", s.HoldUntil)
				}
			}},
		EvShutdown:     {from: inBackup, at: sec, ev: ev(EvShutdown), phase: Initialize, want: "notify STOP", due: never},
		EvStalled:      {from: inBackup, at: 3 * sec, ev: Event{Kind: EvStalled, For: sec}, phase: Backup, want: "say stalled", due: 3*sec + mdi100},
		EvReconfigured: {from: inBackup, at: sec, ev: ev(EvReconfigured), phase: Backup, due: mdi100},
	},
	Master: {
		EvStartup:   {from: inMaster, at: 500 * ms, ev: startup(0), phase: Master, due: sec},
		EvTick:      {from: inMaster, at: sec, ev: ev(EvTick), phase: Master, want: "advert 100", due: 2 * sec},
		EvAdvert:    {from: inMaster, at: 500 * ms, ev: advertFrom(below, 150, 500*ms), phase: Backup, want: "say higher; " + toBackup, due: 500*ms + mdi100},
		EvInstalled: {from: newMaster, at: 5 * ms, ev: ev(EvInstalled), phase: Master, want: "garp master; notify MASTER", due: sec},
		EvInstallFailed: {from: newMaster, at: 5 * ms, ev: ev(EvInstallFailed), phase: Master,
			want: "say install failed; garp master; notify MASTER", due: sec},
		EvPriorityChanged: {from: inMaster, at: 500 * ms, ev: Event{Kind: EvPriorityChanged, Priority: 80}, phase: Master,
			want: "say priority; notify PRIORITY", due: sec, check: func(t *testing.T, s State) { wantPriority(t, s, 80) }},
		EvImpaired:      {from: inMaster, at: 500 * ms, ev: Event{Kind: EvImpaired, Causes: CauseScript}, phase: Fault, want: toFault, due: never},
		EvRecovered:     {from: inMaster, at: 500 * ms, ev: Event{Kind: EvRecovered, Causes: CauseScript}, phase: Master, due: sec},
		EvGroupPull:     {from: inMaster, c: conf(grouped), at: 500 * ms, ev: pull(Backup), phase: Backup, want: toBackup + "; tell", due: 500*ms + mdi100},
		EvGroupAnnounce: {from: inMaster, at: 10 * sec, ev: ev(EvGroupAnnounce), phase: Master, want: "garp lower"},
		EvStepDown: {from: inMaster, at: 500 * ms, ev: Event{Kind: EvStepDown, For: 60 * sec}, phase: Backup,
			want: "say stepdown; advert 0; say BACKUP; say sent0; say removing; " + leave + "; notify BACKUP", due: 500*ms + mdi100},
		EvShutdown:     {from: inMaster, at: 500 * ms, ev: ev(EvShutdown), phase: Initialize, want: "advert 0; say sent0; say removing; " + leave + "; notify STOP", due: never},
		EvStalled:      {from: inMaster, at: 5 * sec, ev: Event{Kind: EvStalled, For: 5 * sec}, phase: Master, want: "say stalled", due: sec},
		EvReconfigured: {from: inMaster, at: 500 * ms, ev: ev(EvReconfigured), phase: Master, want: "advert 100; say setting; want VIPs", due: 1500 * ms},
	},
	Fault: {
		EvStartup: {from: inFault, at: sec, ev: startup(0), phase: Fault, due: never},
		EvTick:    {from: inFault, at: 10 * sec, ev: ev(EvTick), phase: Fault, due: never},
		EvAdvert: {from: inFault, at: sec, ev: advertFrom(above, 150, sec), phase: Fault, due: never,
			check: func(t *testing.T, s State) {
				if s.Master != above || s.MasterPriority != 150 {
					t.Errorf("master %v %d is not remembered", s.Master, s.MasterPriority)
				}
			}},
		EvInstalled:     {from: inFault, at: sec, ev: ev(EvInstalled), phase: Fault},
		EvInstallFailed: {from: inFault, at: sec, ev: ev(EvInstallFailed), phase: Fault},
		EvPriorityChanged: {from: inFault, at: sec, ev: Event{Kind: EvPriorityChanged, Priority: 90}, phase: Fault,
			want: "say priority", due: never, check: func(t *testing.T, s State) { wantPriority(t, s, 90) }},
		EvImpaired:      {from: inFault, at: sec, ev: Event{Kind: EvImpaired, Causes: CauseScript}, phase: Fault, due: never},
		EvRecovered:     {from: inFault, at: sec, ev: Event{Kind: EvRecovered, Causes: CauseInterface}, phase: Backup, want: "say BACKUP; notify BACKUP", due: sec + mdi100},
		EvGroupPull:     {from: inFault, c: conf(grouped), at: sec, ev: pull(Backup), phase: Fault, due: never},
		EvGroupAnnounce: {from: inFault, at: sec, ev: ev(EvGroupAnnounce), phase: Fault},
		EvStepDown:      {from: inFault, at: sec, ev: Event{Kind: EvStepDown, For: sec}, phase: Fault, due: never},
		EvShutdown:      {from: inFault, at: sec, ev: ev(EvShutdown), phase: Initialize, want: "notify STOP", due: never},
		EvStalled:       {from: inFault, at: sec, ev: Event{Kind: EvStalled, For: sec}, phase: Fault, due: never},
		EvReconfigured:  {from: inFault, at: sec, ev: ev(EvReconfigured), phase: Fault, due: never},
	},
}

func wantPriority(t *testing.T, s State, p uint8) {
	t.Helper()
	if s.Priority != p {
		t.Errorf("priority %d, want %d", s.Priority, p)
	}
}

// TestEveryCell iterates phases and kinds: a cell without a row is a failure.
func TestEveryCell(t *testing.T) {
	for p := Initialize; p < phases; p++ {
		for k := EvStartup; k < eventKinds; k++ {
			t.Run(fmt.Sprintf("%v/%v", p, k), func(t *testing.T) {
				tc, ok := cells[p][k]
				if !ok {
					t.Fatal("no row")
				}
				if tc.c != nil && tc.c.Grouped && p != Initialize {
					// Members start through the group.
					from := tc.from
					tc.from = func(t *testing.T, c *Config) State {
						if p == Fault {
							return setup(initial).steps(timed{-sec, startup(CauseInterface)}, timed{0, pull(Fault)}).in(Fault)(t, c)
						}
						return from(t, c)
					}
				}
				tc.run(t)
			})
		}
	}
}
