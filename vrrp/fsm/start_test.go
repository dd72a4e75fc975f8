package fsm

import (
	"testing"
	"time"

	"keepalived/core/clock"
)

var waiting = setup(initial).steps(timed{-5 * sec, startup(CauseInit)}).in(Initialize)
var startRules = []cell{
	{name: "§6.4.1 (115): the owner is Master at once, without a word before",
		from: inInit, c: conf(owner), ev: startup(0), phase: Backup, want: "",
		check: func(t *testing.T, s State) {
			if s.Deadline() != t0 {
				t.Errorf("due at %v, want at once", s.Deadline().Sub(t0))
			}
		}},
	{name: "§6.4.1 (115): the owner's first Tick",
		from: setup(initial).steps(timed{0, startup(0)}).in(Backup), c: conf(owner), ev: ev(EvTick), phase: Master,
		want: "say timeout; advert 255; say MASTER; say setting; want VIPs; count become", due: sec},
	{name: "2.2.7: state MASTER below 255 waits the whole master down interval",
		from: inInit, c: conf(prio(150)), ev: startup(0), phase: Backup,
		want: "want none; say BACKUP(init); notify BACKUP", due: 3414062500},
	{name: "startup delay: the timer runs from its end",
		from: inInit, ev: Event{Kind: EvStartup, For: 10 * sec}, phase: Backup,
		want: "want none; say BACKUP(init); notify BACKUP", due: 10*sec + mdi100},
	{name: "startup delay: adverts are ignored meanwhile",
		from: setup(initial).steps(timed{0, Event{Kind: EvStartup, For: 10 * sec}}), at: 9 * sec,
		ev: advertFrom(above, 200, 9*sec), phase: Backup, due: 10*sec + mdi100},
	{name: "startup delay: a resignation does not end it",
		from: setup(initial).steps(timed{0, Event{Kind: EvStartup, For: 10 * sec}}), at: 9 * sec,
		ev: advertFrom(above, 0, 9*sec), phase: Backup, due: 10*sec + mdi100},
	{name: "scripts that have not returned: silent, not started",
		from: inInit, ev: startup(CauseInit), phase: Initialize, want: "want none", due: never},
	{name: "scripts that have not returned: adverts are dropped",
		from: waiting, ev: advertFrom(above, 200, 0), phase: Initialize, due: never},
	{name: "all scripts have returned: BACKUP without (init), as 2.2.7",
		from: waiting, ev: Event{Kind: EvRecovered, Causes: CauseInit}, phase: Backup,
		want: "say BACKUP; notify BACKUP", due: mdi100},
	{name: "a script failed at first: FAULT once all have returned",
		from: waiting.steps(timed{-sec, Event{Kind: EvImpaired, Causes: CauseScript}}),
		ev:   Event{Kind: EvRecovered, Causes: CauseInit}, phase: Fault,
		want: "notify FAULT", due: never},
	{name: "scripts pending is no cause for an instance that runs",
		from: inBackup, at: sec, ev: Event{Kind: EvImpaired, Causes: CauseInit}, phase: Backup, due: mdi100},
	{name: "scripts pending is no cause for a Master",
		from: inMaster, at: 500 * ms, ev: Event{Kind: EvImpaired, Causes: CauseInit}, phase: Master, due: sec},
	{name: "interface down at start: FAULT, scripts told",
		from: inInit, ev: startup(CauseInterface), phase: Fault,
		want: "want none; notify FAULT", due: never},
	{name: "interface down at start: an owner gives up what an earlier run has left, too",
		from: inInit, c: conf(owner), ev: startup(CauseInterface), phase: Fault,
		want: "want none; notify FAULT", due: never},
	{name: "priority comes with Startup",
		from: inInit, ev: Event{Kind: EvStartup, Priority: 150}, phase: Backup,
		want: "want none; say BACKUP(init); notify BACKUP", due: 3414062500},
	{name: "one of two causes gone: still FAULT",
		from: inFault.steps(timed{sec, Event{Kind: EvImpaired, Causes: CauseScript}}), at: 2 * sec,
		ev: Event{Kind: EvRecovered, Causes: CauseInterface}, phase: Fault, due: never},
	{name: "the owner after FAULT: BACKUP for an interval and its skew",
		from: inFault, c: conf(owner), at: sec, ev: Event{Kind: EvRecovered, Causes: CauseInterface}, phase: Backup,
		want: "say BACKUP; notify BACKUP", due: 2*sec + sec/256},
	{name: "FAULT told before, told once",
		from: inFault, at: sec, ev: Event{Kind: EvImpaired, Causes: CauseScript}, phase: Fault, due: never},
	{name: "group: a member waits for the group to start",
		from: inInit, c: conf(grouped), ev: startup(0), phase: Initialize, want: "want none; tell", due: never},
	{name: "group: started by the group",
		from: inInit.steps(timed{0, startup(0)}), c: conf(grouped), ev: pull(Backup), phase: Backup,
		want: "say BACKUP(init); notify BACKUP; tell", due: mdi100},
	{name: "group: started by the group when another member's scripts have returned: BACKUP without (init), as 2.2.7",
		from: inInit.steps(timed{0, startup(0)}), c: conf(grouped), ev: Event{Kind: EvGroupPull, Phase: Backup, Causes: CauseInit}, phase: Backup,
		want: "say BACKUP; notify BACKUP; tell", due: mdi100},
	{name: "group: started into FAULT because of another member",
		from: inInit.steps(timed{0, startup(0)}), c: conf(grouped), ev: pull(Fault), phase: Fault,
		want: "notify FAULT; tell", due: never},
	{name: "group: a member that joins a MASTER group starts as BACKUP",
		from: inInit.steps(timed{0, startup(0)}), c: conf(grouped), ev: pull(Master), phase: Backup,
		want: "say BACKUP(init); notify BACKUP; tell", due: mdi100},
	{name: "group: timeout is a wish, the timer runs anew",
		from: inInit.steps(timed{0, startup(0)}, timed{0, pull(Backup)}), c: conf(grouped), at: 4 * sec, ev: ev(EvTick), phase: Backup,
		want: "say timeout; tell", due: 4*sec + mdi100,
		check: func(t *testing.T, s State) {
			if !s.Standing().Wants {
				t.Error("does not want to be Master")
			}
		}},
	{name: "group: the wish ends when a master is heard",
		from: inInit.steps(timed{0, startup(0)}, timed{0, pull(Backup)}, timed{4 * sec, ev(EvTick)}), c: conf(grouped),
		at: 5 * sec, ev: advertFrom(above, 150, 5*sec), phase: Backup, want: "tell", due: 5*sec + mdi100},
	{name: "group: the wish outlives adverts of lower priority",
		from: inInit.steps(timed{0, startup(0)}, timed{0, pull(Backup)}, timed{4 * sec, ev(EvTick)}), c: conf(grouped),
		at: 5 * sec, ev: advertFrom(above, 50, 5*sec), phase: Backup, want: "say discarding", due: 4*sec + mdi100},
	{name: "group: own cause gone, leaves FAULT only with the group",
		from: inInit.steps(timed{0, startup(CauseInterface)}, timed{0, pull(Fault)}), c: conf(grouped), at: sec,
		ev: Event{Kind: EvRecovered, Causes: CauseInterface}, phase: Fault, want: "tell", due: never},
	{name: "group: pulled out of FAULT when able",
		from: inInit.steps(timed{0, startup(0)}, timed{0, pull(Fault)}), c: conf(grouped), at: sec,
		ev: pull(Backup), phase: Backup, want: "say BACKUP; notify BACKUP; tell", due: sec + mdi100},
	{name: "group: FAULT of another member makes a Master resign",
		from: inMaster, c: conf(grouped), at: 500 * ms, ev: pull(Fault), phase: Fault, want: toFault + "; tell", due: never},
	{name: "taken out of its group by a reload while in FAULT for it",
		from: func(t *testing.T, _ *Config) State {
			return inInit.steps(timed{0, startup(0)}, timed{0, pull(Fault)}).in(Fault)(t, conf(grouped))
		}, at: sec, ev: ev(EvReconfigured), phase: Backup, want: "say BACKUP; notify BACKUP", due: sec + mdi100},
}

// TestStart holds the rules of starting, of FAULT and of sync group members.
func TestStart(t *testing.T) {
	for _, tc := range startRules {
		t.Run(tc.name, tc.run)
	}
}

func TestReconfigure(t *testing.T) {
	backup := func(change ...func(*Config)) setup {
		return func(t *testing.T, _ *Config) State { return inBackup(t, conf(change...)) }
	}
	tests := []cell{
		{name: "Backup: a longer interval moves the timer from where it runs",
			from: backup(), c: conf(func(c *Config) { c.AdverInt = 2 * sec }), at: sec, ev: ev(EvReconfigured), phase: Backup, due: mdi100 + 3*sec},
		{name: "Backup: another priority moves the timer",
			from: backup(), c: conf(prio(150)), at: sec, ev: ev(EvReconfigured), phase: Backup, due: 3414062500},
		{name: "Backup becomes the owner: Master at once",
			from: backup(), c: conf(owner), at: sec, ev: ev(EvReconfigured), phase: Backup, due: sec},
		{name: "v3 Backup keeps the master's interval",
			from: func(t *testing.T, _ *Config) State {
				return inBackup.steps(timed{sec, advertFrom(above, 150, sec).interval(5 * sec)})(t, conf(version3(sec)))
			}, c: conf(version3(2 * sec)), at: 2 * sec, ev: ev(EvReconfigured), phase: Backup, due: 16*sec + 156*5*sec/256},
		{name: "Master: the addresses of an unsettled one are announced whole",
			from: newMaster.steps(timed{ms, ev(EvReconfigured)}), at: 5 * ms, ev: ev(EvInstalled), phase: Master,
			want: "garp master; notify MASTER"},
		{name: "Master: only new addresses are announced, scripts are not told",
			from: inMaster.steps(timed{ms, ev(EvReconfigured)}), at: 5 * ms, ev: ev(EvInstalled), phase: Master, want: "garp added"},
		{name: "Master: an old generation's Installed means nothing",
			from: newMaster, at: 5 * ms, ev: Event{Kind: EvInstalled, Gen: ^uint64(0)}, phase: Master, due: sec},
		{name: "Master: put back by the reconciler, announced",
			from: inMaster, at: 10 * sec, ev: ev(EvInstalled), phase: Master, want: "garp lower"},
		{name: "Master: installed at a second try, announced when the pace allows",
			from: newMaster.steps(timed{ms, Event{Kind: EvInstallFailed, Gen: 2}}, timed{100 * ms, Event{Kind: EvInstalled, Gen: 2}}, timed{sec, ev(EvTick)}), at: sec + ms, ev: ev(EvTick), phase: Master, want: "garp once", due: 2 * sec},
		{name: "Master: priority of tracking is kept",
			from: inMaster, at: 500 * ms, ev: Event{Kind: EvReconfigured, Priority: 70}, phase: Master,
			want: "advert 70; say setting; want VIPs", due: 1500 * ms},
	}
	for _, tc := range tests {
		t.Run(tc.name, tc.run)
	}
}

// TestNotifiedOncePerChange: a Master that loses its place before its addresses are
// in was never announced, so BACKUP is not announced again.
func TestNotifiedOncePerChange(t *testing.T) {
	tests := []cell{
		{name: "lost before installed", from: newMaster, at: 5 * ms, ev: advertFrom(above, 150, 5*ms), phase: Backup,
			want: "say higher; say BACKUP; say removing; " + leave},
		{name: "late Installed after that", from: newMaster.steps(timed{5 * ms, advertFrom(above, 150, 5*ms)}), at: 10 * ms,
			ev: ev(EvInstalled), phase: Backup, due: 5*ms + mdi100},
		{name: "a priority that does not change", from: inBackup, at: sec, ev: Event{Kind: EvPriorityChanged, Priority: 100}, phase: Backup, due: mdi100},
		{name: "nobody reaches 255 by tracking", from: inBackup, at: sec, ev: Event{Kind: EvPriorityChanged, Priority: 255}, phase: Backup,
			want: "say priority; notify PRIORITY", check: func(t *testing.T, s State) { wantPriority(t, s, 254) }},
		{name: "the owner's priority is fixed", c: conf(owner), from: inMaster, at: 500 * ms, ev: Event{Kind: EvPriorityChanged, Priority: 10}, phase: Master,
			check: func(t *testing.T, s State) { wantPriority(t, s, 255) }},
	}
	for _, tc := range tests {
		t.Run(tc.name, tc.run)
	}
}

// TestSpread: the second advert comes forward, to a moment of the grid; no other does.
func TestSpread(t *testing.T) {
	const became = 1000*sec + mdi100 // 1003.609375 s
	for _, tt := range []struct {
		spread           uint32
		interval, second time.Duration // second: by the clock
	}{
		{0, sec, 1004600 * ms}, {1 << 31, sec, 1004080 * ms}, {3 << 30, sec, 1003840 * ms},
		{^uint32(0), sec, 1003640 * ms}, // never at once
		{0, 100 * ms, 1003708 * ms}, {1 << 31, 100 * ms, 1003656 * ms},
		{0, 10 * ms, 1003619200 * time.Microsecond},
		{0, 255 * sec, 1254600 * ms}, {^uint32(0), 255 * sec, 1009800 * ms},
	} {
		c := conf(func(c *Config) { c.Spread, c.AdverInt, c.Version = tt.spread, tt.interval, V2 })
		s := inBackup(t, c)
		s.MasterDownAt = clock.Instant(became)
		s, as := Step(c, s, clock.Instant(became), ev(EvTick))
		if got := show(as, false); got != "say timeout; "+become {
			t.Errorf("spread %d, %v: the first advert: %s", tt.spread, tt.interval, got)
		}
		if s.Deadline() != clock.Instant(tt.second) {
			t.Errorf("spread %d, %v: second advert at %v, want %v", tt.spread, tt.interval, time.Duration(s.Deadline()), tt.second)
		}
		for n := range 3 { // lateness does not matter
			last := s.Deadline()
			if s, _ = Step(c, s, last.Add(tt.interval/100), ev(EvTick)); s.Deadline() != last.Add(tt.interval) {
				t.Errorf("spread %d, %v: advert %d after %v", tt.spread, tt.interval, n+3, s.Deadline().Sub(last))
			}
		}
	}
}

// TestManySendTogether: instances that became Master at any moments send at 25 moments
// of an interval, as many at each.
func TestManySendTogether(t *testing.T) {
	moments := map[clock.Instant]int{}
	for i := range 1000 {
		c := conf(func(c *Config) { c.Spread = uint32(i) * 0x9e3779b1 })
		at := t0.Add(mdi100 + time.Duration(i)*1234567)
		s, _ := Step(c, inBackup(t, c), at, ev(EvTick))
		if gap := s.Deadline().Sub(at); gap <= 0 || gap > sec {
			t.Errorf("second advert after %v", gap)
		}
		moments[s.Deadline()%clock.Instant(sec)]++
	}
	if len(moments) != 25 {
		t.Errorf("%d moments, want 25", len(moments))
	}
	for at, n := range moments {
		if n > 80 {
			t.Errorf("%d of 1,000 at %v", n, time.Duration(at))
		}
	}
}

// TestStepAllocatesNothing covers receive, timer and transition.
func TestStepAllocatesNothing(t *testing.T) {
	c := conf()
	s := inBackup(t, c)
	p := Packet{Source: above, Multicast: true, TTL: 255, Version: V2, VRID: 51, Priority: 150, AdverInt: sec}
	var slot [SlotSize]byte
	now := t0
	n := testing.AllocsPerRun(1000, func() {
		now = now.Add(100 * ms)
		if Accept(c, &s, &p).Refusal != Accepted {
			t.Fatal("refused")
		}
		s, _ = Step(c, s, now, Event{Kind: EvAdvert, Advert: Advert{At: now, Source: above, Priority: 150}})
		now = now.Add(4 * sec)
		s, _ = Step(c, s, now, ev(EvTick))
		EncodeRecord(&slot, NewRecord(c, &s))
		if _, ok := DecodeRecord(&slot); !ok || s.Phase != Master {
			t.Fatal("not Master")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkStep(b *testing.B) {
	c := conf()
	s := New(c)
	s, _ = Step(c, s, t0, startup(0))
	now := t0
	for b.Loop() {
		now += clock.Instant(sec)
		s, _ = Step(c, s, now, Event{Kind: EvAdvert, Advert: Advert{At: now, Source: above, Priority: 150}})
	}
}
