package fsm

import (
	"strings"
	"testing"
	"time"

	"keepalived/core/clock"
)

func TestBackup(t *testing.T) {
	// following hears a better master at t0+1 s.
	following := inBackup.steps(timed{sec, advertFrom(above, 150, sec)})
	v3 := conf(version3(500 * ms))
	delay := func(c *Config) { c.PreemptDelay = 3 * sec }
	tests := []cell{
		{name: "§6.4.2 (420): equal priority is accepted",
			from: inBackup, at: sec, ev: advertFrom(below, 100, sec), phase: Backup, due: sec + mdi100},
		{name: "§6.4.2 (450): lower priority is discarded while preempting, the timer runs on",
			from: following, at: 2 * sec, ev: advertFrom(above, 99, 2*sec), phase: Backup, want: "say discarding", due: sec + mdi100},
		{name: "nopreempt: lower priority is accepted",
			c: conf(nopreempt), from: following, at: 2 * sec, ev: advertFrom(above, 99, 2*sec), phase: Backup, due: 2*sec + mdi100},
		{name: "§6.4.2 (430): priority 0 leaves the skew only",
			from: following, at: 2 * sec, ev: advertFrom(above, 0, 2*sec), phase: Backup, want: "count zero; say backup0", due: 2*sec + 156*sec/256},
		{name: "priority 0 again does not lengthen the wait",
			from: following.steps(timed{2 * sec, advertFrom(above, 0, 2*sec)}), at: 2*sec + 300*ms, ev: advertFrom(above, 0, 2*sec+300*ms), phase: Backup,
			want: "count zero; say backup0", due: 2*sec + 156*sec/256},
		{name: "a master heard in the skew restores the whole interval",
			from: following.steps(timed{2 * sec, advertFrom(above, 0, 2*sec)}), at: 2*sec + 300*ms, ev: advertFrom(below, 120, 2*sec+300*ms), phase: Backup,
			due: 2*sec + 300*ms + mdi100},
		{name: "v3 priority 0: the skew follows the master's interval",
			c: v3, from: inBackup.steps(timed{sec, advertFrom(above, 150, sec).interval(2 * sec)}), at: 2 * sec, ev: advertFrom(above, 0, 2*sec), phase: Backup,
			want: "count zero; say backup0", due: 2*sec + 156*2*sec/256},
		{name: "§6.4.2 (445): v3 learns the master's interval",
			c: v3, from: inBackup, at: sec, ev: advertFrom(above, 150, sec).interval(2 * sec), phase: Backup, want: "say interval", due: 7*sec + 156*2*sec/256},
		{name: "v3 goes on with its own interval as Master",
			c: v3, from: inBackup.steps(timed{sec, advertFrom(above, 150, sec).interval(2 * sec)}), at: 9 * sec, ev: ev(EvTick), phase: Master,
			want: "say timeout; " + strings.Replace(become, "say MASTER", "say MASTER; say own interval", 1), due: 9*sec + 500*ms},
		{name: "v2 never learns an interval",
			from: inBackup, at: sec, ev: advertFrom(above, 150, sec).interval(5 * sec), phase: Backup, due: sec + mdi100},
		{name: "the timer runs from the kernel's time stamp",
			from: inBackup, at: sec, ev: advertFrom(above, 150, 700*ms), phase: Backup, due: 700*ms + mdi100},
		{name: "a time stamp in the future counts as now",
			from: inBackup, at: sec, ev: advertFrom(above, 150, 700*sec), phase: Backup, due: sec + mdi100},
		{name: "an older time stamp does not take time away",
			from: following, at: 2 * sec, ev: advertFrom(above, 150, 500*ms), phase: Backup, due: sec + mdi100},
		{name: "a Tick before its time does nothing",
			from: following, at: sec + mdi100 - 1, ev: ev(EvTick), phase: Backup, due: sec + mdi100},
		{name: "raising the priority brings the timer forward by the skews' difference",
			from: following, at: 2 * sec, ev: Event{Kind: EvPriorityChanged, Priority: 200}, phase: Backup, want: "say priority; notify PRIORITY", due: 4*sec + 56*sec/256},
		{name: "the skew after priority 0 shifts as well",
			from: following.steps(timed{2 * sec, advertFrom(above, 0, 2*sec)}), at: 2*sec + ms, ev: Event{Kind: EvPriorityChanged, Priority: 200}, phase: Backup,
			want: "say priority; notify PRIORITY", due: 2*sec + 56*sec/256},
		{name: "preempt_delay starts with the first advert of lower priority",
			c: conf(delay), from: following, at: 2 * sec, ev: advertFrom(above, 50, 2*sec), phase: Backup, want: "say start delay", due: 2*sec + mdi100},
		{name: "preempt_delay: lower priority is accepted while it runs",
			c: conf(delay), from: following.steps(timed{2 * sec, advertFrom(above, 50, 2*sec)}), at: 4900 * ms, ev: advertFrom(above, 50, 4900*ms), phase: Backup,
			due: 4900*ms + mdi100},
		{name: "preempt_delay over: discarded, the timer that runs decides (observed)",
			c: conf(delay), from: following.steps(timed{2 * sec, advertFrom(above, 50, 2*sec)}, timed{4 * sec, advertFrom(above, 50, 4*sec)}), at: 5 * sec,
			ev: advertFrom(above, 50, 5*sec), phase: Backup, want: "say discarding", due: 4*sec + mdi100},
		{name: "preempt_delay is stopped by a better master",
			c: conf(delay), from: following.steps(timed{2 * sec, advertFrom(above, 50, 2*sec)}), at: 3 * sec, ev: advertFrom(above, 100, 3*sec), phase: Backup,
			want: "say stop delay", due: 3*sec + mdi100},
		{name: "preempt_delay does not hold up the death of the master",
			c: conf(delay), from: following.steps(timed{2 * sec, advertFrom(above, 50, 2*sec)}), at: 2*sec + mdi100, ev: ev(EvTick), phase: Master,
			want: "say timeout; " + become},
		{name: "step-down holds preemption",
			from: following.steps(timed{sec, Event{Kind: EvStepDown, For: 10 * sec}}), at: 10 * sec, ev: advertFrom(above, 50, 10*sec), phase: Backup, due: 10*sec + mdi100},
		{name: "step-down ends",
			from: following.steps(timed{sec, Event{Kind: EvStepDown, For: 10 * sec}}), at: 11 * sec, ev: advertFrom(above, 50, 11*sec), phase: Backup, want: "say discarding"},
		{name: "step-down is ended by hand",
			from: following.steps(timed{sec, Event{Kind: EvStepDown, For: 10 * sec}}, timed{2 * sec, Event{Kind: EvStepDown}}), at: 3 * sec, ev: advertFrom(above, 50, 3*sec), phase: Backup, want: "say discarding", due: sec + mdi100},
		{name: "after a stall: a fresh window",
			from: following, at: 20 * sec, ev: Event{Kind: EvStalled, For: 15 * sec}, phase: Backup, want: "say stalled", due: 20*sec + mdi100},
		{name: "after a stall: what waited in the socket does not end the window early",
			from: following.steps(timed{20 * sec, Event{Kind: EvStalled, For: 15 * sec}}), at: 20 * sec, ev: advertFrom(above, 150, 6*sec), phase: Backup, due: 20*sec + mdi100},
		{name: "after a stall: a resignation that waited still shortens it, from now",
			from: following.steps(timed{20 * sec, Event{Kind: EvStalled, For: 15 * sec}}), at: 20 * sec, ev: advertFrom(above, 0, 6*sec), phase: Backup,
			want: "count zero; say backup0", due: 20*sec + 156*sec/256},
	}
	for _, tc := range tests {
		t.Run(tc.name, tc.run)
	}
}

func TestMaster(t *testing.T) {
	higherSend := conf(func(c *Config) { c.HigherPrioSendAdvert = true })
	noAdvert := conf(func(c *Config) { c.LowerPrioNoAdvert = true })
	expire := conf(nopreempt, func(c *Config) { c.TimerExpiredBackup = 254 })
	tests := []cell{
		{name: "§6.4.3 (725): same priority and higher address wins",
			from: inMaster, at: 500 * ms, ev: advertFrom(above, 100, 500*ms), phase: Backup, want: "say higher address; " + toBackup, due: 500*ms + mdi100},
		{name: "same priority and lower address is a rival",
			from: inMaster, at: 10*sec - ms, ev: advertFrom(below, 100, 10*sec), phase: Master, want: "say forcing; advert 100; garp lower; notify RX_LOWER", due: 11*sec - ms},
		{name: "same priority and our own address: a warning only",
			from: inMaster, at: 500 * ms, ev: advertFrom(self, 100, 500*ms), phase: Master, want: "say same address", due: sec},
		{name: "higher_prio_send_advert: one more advert before yielding",
			c: higherSend, from: inMaster, at: 500 * ms, ev: advertFrom(above, 150, 500*ms), phase: Backup, want: "advert 100; say higher; " + toBackup},
		{name: "higher_prio_send_advert: not after a stall",
			c: higherSend, from: inMaster.steps(timed{5500 * ms, Event{Kind: EvStalled, For: 5 * sec}}), at: 5500 * ms, ev: advertFrom(above, 150, 5*sec), phase: Backup, want: "say higher; " + toBackup},
		{name: "higher_prio_send_advert: again when it has sent since",
			c: higherSend, from: inMaster.steps(timed{5500 * ms, Event{Kind: EvStalled, For: 5 * sec}}, timed{5500 * ms, ev(EvTick)}), at: 5600 * ms, ev: advertFrom(above, 150, 5600*ms), phase: Backup, want: "advert 100; say higher; " + toBackup},
		{name: "v3: a yielding Master learns the interval",
			c: conf(version3(500 * ms)), from: inMaster, at: 100 * ms, ev: advertFrom(above, 150, 100*ms).interval(2 * sec), phase: Backup, want: "say higher; say interval; " + toBackup, due: 100*ms + 6*sec + 156*2*sec/256},
		{name: "the owner never yields to another owner (anchor)",
			c: conf(owner), from: inMaster, at: 10 * sec, ev: advertFrom(above, 255, 10*sec), phase: Master, want: "say duplicate owner; advert 255; garp lower; notify RX_LOWER"},
		{name: "§6.4.3 (705): priority 0 is answered at once and the addresses announced",
			from: inMaster, at: 10 * sec, ev: advertFrom(above, 0, 10*sec), phase: Master, want: "count zero; say master0; advert 100; garp lower", due: 11 * sec},
		{name: "a rival resigns: scripts are told again",
			from: inMaster.steps(timed{10*sec - ms, advertFrom(below, 50, 10*sec-ms)}), at: 11*sec + ms, ev: advertFrom(below, 0, 11*sec+ms), phase: Master,
			want: "count zero; say master0; advert 100; say quiet; garp once; notify RX_LOWER", due: 12*sec + ms},
		{name: "priority 0 right after an answer: the next advert comes before anybody's skew is over",
			from: inMaster.steps(timed{10 * sec, advertFrom(above, 50, 10*sec)}), at: 10*sec + ms, ev: advertFrom(above, 0, 10*sec+ms), phase: Master,
			want: "count zero; say master0", due: 10*sec + 125*ms},
		{name: "lower_prio_no_advert",
			c: noAdvert, from: inMaster, at: 10 * sec, ev: advertFrom(above, 50, 10*sec), phase: Master, want: "say lower; garp lower; notify RX_LOWER"},
		{name: "a rival right after the first burst: answered, not announced again",
			from: inMaster, at: 500 * ms, ev: advertFrom(above, 50, 500*ms), phase: Master, want: "say forcing; advert 100", due: 1500 * ms},
		{name: "a rival before the addresses are in",
			from: newMaster, at: 100 * ms, ev: advertFrom(above, 50, 100*ms), phase: Master, want: "say forcing; advert 100", due: 1100 * ms},
		{name: "adverts advance by the interval, lateness does not add up",
			from: inMaster, at: sec + 40*ms, ev: ev(EvTick), phase: Master, want: "advert 100", due: 2 * sec},
		{name: "after a stall: one advert, then from now",
			from: inMaster.steps(timed{5500 * ms, Event{Kind: EvStalled, For: 5 * sec}}), at: 5500 * ms, ev: ev(EvTick), phase: Master, want: "advert 100", due: 6 * sec,
			check: func(t *testing.T, s State) {
				if s.AdverAt != t0.Add(6500*ms) {
					t.Errorf("next advert at %v", s.AdverAt.Sub(t0))
				}
			}},
		{name: "after a stall: announced again when still Master",
			from: inMaster.steps(timed{5500 * ms, Event{Kind: EvStalled, For: 5 * sec}}, timed{5500 * ms, ev(EvTick)}), at: 6 * sec, ev: ev(EvTick), phase: Master, want: "garp lower", due: 6500 * ms},
		{name: "after a stall: yields to the better router whose advert waited",
			from: inMaster.steps(timed{5500 * ms, Event{Kind: EvStalled, For: 5 * sec}}), at: 5500 * ms, ev: advertFrom(above, 150, 5*sec), phase: Backup, want: "say higher; " + toBackup, due: 5500*ms + mdi100},
		{name: "a short stall is not announced",
			from: inMaster, at: 1500 * ms, ev: Event{Kind: EvStalled, For: 500 * ms}, phase: Master, want: "say stalled", due: sec},
		{name: "timer_expired_backup: the others have taken over",
			c: expire, from: inMaster, at: 3*sec + 8*ms, ev: ev(EvTick), phase: Backup, want: "say expired; " + toBackup},
		{name: "timer_expired_backup: in time",
			c: expire, from: inMaster, at: 3 * sec, ev: ev(EvTick), phase: Master, want: "advert 100"},
		{name: "a step-down of no length is none",
			from: inMaster, at: 500 * ms, ev: Event{Kind: EvStepDown}, phase: Master, due: sec},
		{name: "v2: the rival is quiet one and a half intervals after its last advert",
			from: inMaster.steps(timed{10*sec - ms, advertFrom(below, 50, 10*sec-ms)}, timed{11*sec - ms, ev(EvTick)}), at: 11*sec + 499*ms, ev: ev(EvTick), phase: Master,
			want: "say quiet; garp once; notify RX_LOWER", due: 12*sec - 40*ms}, // back on the grid
	}
	for _, tc := range tests {
		t.Run(tc.name, tc.run)
	}
}

// TestForgedStream: 2,000 forged adverts a second of lower priority, or of priority
// 0, must not make a storm of ours, nor delay our own adverts.
func TestForgedStream(t *testing.T) {
	for _, priority := range []uint8{50, 0} {
		c := conf()
		s := inMaster(t, c)
		counts := map[ActionKind]int{}
		bursts, lastSent, longest := 0, s.LastAdvertSent, time.Duration(0)
		count := func(as *Actions) {
			for i := range as.Len() {
				a := as.At(i)
				counts[a.Kind]++
				if a.Kind == ActQueueGARP && a.Round != RoundOnce {
					bursts++
				}
			}
			longest, lastSent = max(longest, s.LastAdvertSent.Sub(lastSent)), s.LastAdvertSent
		}
		var as Actions
		for at := 10 * sec; at < 20*sec; at += 500 * time.Microsecond {
			now := t0.Add(at)
			if now >= s.Deadline() {
				s, as = Step(c, s, now, ev(EvTick))
				count(&as)
			}
			s, as = Step(c, s, now, advertFrom(below, priority, at))
			count(&as)
		}
		if n := counts[ActSendAdvert]; n > 90 {
			t.Errorf("priority %d: %d adverts in 10 s", priority, n)
		}
		if n := counts[ActQueueGARP]; n < 9 || n > 11 || bursts > 3 {
			t.Errorf("priority %d: %d announcements, %d of them bursts, in 10 s", priority, n, bursts)
		}
		if n := counts[ActNotify]; n > 11 {
			t.Errorf("priority %d: %d notifications in 10 s", priority, n)
		}
		if n := counts[ActSay]; n > 60 {
			t.Errorf("priority %d: %d messages in 10 s", priority, n)
		}
		if longest > 11*sec {
			t.Errorf("priority %d: %v without an advert", priority, longest)
		}
	}
}

// TestInvalidEventsMoveNothing: events that mean nothing in a phase leave the
// deadline alone, whenever they come.
func TestInvalidEventsMoveNothing(t *testing.T) {
	c := conf()
	for _, s := range []State{inBackup(t, c), inMaster(t, c), inFault(t, c)} {
		for _, e := range []Event{startup(0), ev(EvRecovered), ev(EvTick), {Kind: EvInstalled, Gen: 99}, {Kind: 0}, {Kind: eventKinds}} {
			got, as := Step(c, s, t0.Add(ms), e)
			if got != s || as.Len() != 0 {
				t.Errorf("%v/%v: %s", s.Phase, e.Kind, show(as, true))
			}
		}
	}
	if s := New(c); s.Deadline() != clock.Never {
		t.Errorf("deadline before the start")
	}
}
