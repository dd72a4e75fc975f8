package garp

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"keepalived/core/clock"
)

const second = time.Second

var (
	v1 = Target{netip.MustParseAddr("192.0.2.1"), 2}
	v2 = Target{netip.MustParseAddr("192.0.2.2"), 2}
	v3 = Target{netip.MustParseAddr("192.0.2.3"), 2}
	n1 = Target{netip.MustParseAddr("2001:db8::1"), 2}
	n2 = Target{netip.MustParseAddr("2001:db8::2"), 2}
)

// defaults are keepalived's.
var defaults = Schedule{Repeat: 5, Delay: 5 * second, RefreshRepeat: 1, LowerRepeat: 5, LowerDelay: 5 * second}

// drive runs a pacer until the end and returns what it sends: "seconds:last octets".
func drive(p *Pacer, from, until clock.Instant) string {
	var out []string
	for now := from; now <= until; {
		burst, again := p.Next(now)
		line := ""
		for _, a := range burst {
			b := a.Addr.As16()
			line += fmt.Sprintf(" %d", b[15])
		}
		if line != "" {
			out = append(out, fmt.Sprintf("%v:%s", time.Duration(now-from), line))
		}
		if again == clock.Never {
			break
		}
		now = again
	}
	return strings.Join(out, "\n")
}

func check(t *testing.T, got string, want ...string) {
	t.Helper()
	if w := strings.Join(want, "\n"); got != w {
		t.Errorf("sent\n%s\nwant\n%s", got, w)
	}
}

var schedules = []struct {
	name    string
	c       Config
	sched   Schedule
	targets []Target
	run     func(p *Pacer) string
	want    []string
}{
	{name: "becoming Master: repeat rounds over all addresses back to back, again after the delay",
		sched: Schedule{Repeat: 3, Delay: 5 * second}, targets: []Target{v1, v2},
		run:  func(p *Pacer) string { p.Start(7, 0, Master); return drive(p, 0, clock.Never-1) },
		want: []string{"0s: 1 2 1 2 1 2", "5s: 1 2 1 2 1 2"}},
	{name: "garp_master_delay 0: no second burst",
		sched: Schedule{Repeat: 2}, targets: []Target{v1},
		run:  func(p *Pacer) string { p.Start(7, 0, Master); return drive(p, 0, clock.Never-1) },
		want: []string{"0s: 1 1"}},
	{name: "garp_master_refresh: first after delay and refresh, then every refresh",
		sched: Schedule{Repeat: 1, Delay: 5 * second, Refresh: 2 * second, RefreshRepeat: 2}, targets: []Target{v1},
		run:  func(p *Pacer) string { p.Start(7, 0, Master); return drive(p, 0, clock.Instant(10*second)) },
		want: []string{"0s: 1", "5s: 1", "7s: 1 1", "9s: 1 1"}},
	{name: "lower priority: its own repeat and delay, refreshes go on",
		sched: Schedule{Repeat: 1, Delay: 5 * second, LowerRepeat: 2, LowerDelay: 3 * second}, targets: []Target{v1},
		run: func(p *Pacer) string {
			p.Start(7, 0, Master)
			drive(p, 0, clock.Instant(6*second))
			p.Start(7, clock.Instant(10*second), Lower)
			return drive(p, clock.Instant(10*second), clock.Never-1)
		},
		want: []string{"0s: 1 1", "3s: 1 1"}},
	{name: "lower priority with delay 0 and repeat 0 (strict): nothing",
		sched: Schedule{Repeat: 1}, targets: []Target{v1},
		run: func(p *Pacer) string {
			p.Start(7, 0, Master)
			drive(p, 0, 0)
			p.Start(7, 0, Lower)
			return drive(p, 0, clock.Never-1)
		}},
	{name: "garp_interval spaces packets",
		c: Config{ARPInterval: 100 * time.Millisecond}, sched: Schedule{Repeat: 2}, targets: []Target{v1, v2},
		run:  func(p *Pacer) string { p.Start(7, 0, Master); return drive(p, 0, clock.Never-1) },
		want: []string{"0s: 1", "100ms: 2", "200ms: 1", "300ms: 2"}},
	{name: "gna_interval does not hold up ARP",
		c: Config{NAInterval: 100 * time.Millisecond}, sched: Schedule{Repeat: 2}, targets: []Target{n1, v3, n2, v2},
		run:  func(p *Pacer) string { p.Start(7, 0, Master); return drive(p, 0, clock.Never-1) },
		want: []string{"0s: 3 1 2 3 2", "100ms: 2", "200ms: 1", "300ms: 2"}},
	{name: "limit per second",
		c: Config{PerSecond: 4}, sched: Schedule{Repeat: 3}, targets: []Target{v1, v2},
		run:  func(p *Pacer) string { p.Start(7, 0, Master); return drive(p, 0, clock.Never-1) },
		want: []string{"0s: 1 2 1 2", "250ms: 1", "500ms: 2"}},
	{name: "leaving Master drops the queue, the second burst and refreshes",
		c:     Config{ARPInterval: second},
		sched: Schedule{Repeat: 5, Delay: 5 * second, Refresh: second, RefreshRepeat: 1}, targets: []Target{v1, v2},
		run: func(p *Pacer) string {
			p.Start(7, 0, Master)
			drive(p, 0, clock.Instant(2*second))
			p.Start(7, clock.Instant(2*second), Stop)
			return drive(p, clock.Instant(2*second), clock.Never-1)
		}},
	{name: "a new address at reload is announced alone, twice",
		sched: Schedule{Repeat: 2, Delay: 5 * second}, targets: []Target{v1, v2},
		run: func(p *Pacer) string {
			p.Start(7, 0, Master)
			drive(p, 0, clock.Instant(8*second))
			p.SetTargets(7, Schedule{Repeat: 2, Delay: 5 * second}, []Target{v1, v3, v2})
			p.Start(7, clock.Instant(20*second), Added)
			return drive(p, clock.Instant(20*second), clock.Never-1)
		},
		want: []string{"0s: 3 3", "5s: 3 3"}},
	{name: "a reload without new addresses announces nothing",
		sched: Schedule{Repeat: 2, Delay: 5 * second}, targets: []Target{v1, v2},
		run: func(p *Pacer) string {
			p.Start(7, 0, Master)
			drive(p, 0, clock.Instant(8*second))
			p.SetTargets(7, Schedule{Repeat: 2, Delay: 5 * second}, []Target{v2, v1})
			p.Start(7, clock.Instant(20*second), Added)
			return drive(p, clock.Instant(20*second), clock.Never-1)
		}},
	{name: "a removed address is not announced again",
		sched: Schedule{Repeat: 2, Delay: 5 * second}, targets: []Target{v1, v2},
		run: func(p *Pacer) string {
			p.Start(7, 0, Master)
			drive(p, 0, clock.Instant(second))
			p.SetTargets(7, Schedule{Repeat: 2, Delay: 5 * second}, []Target{v2})
			return drive(p, clock.Instant(second), clock.Never-1)
		},
		want: []string{"4s: 2 2"}},
	{name: "resumed: one round, refreshes go on",
		sched: Schedule{Repeat: 5, Delay: 5 * second, Refresh: 10 * second, RefreshRepeat: 1}, targets: []Target{v1},
		run:  func(p *Pacer) string { p.Start(7, 0, Once); return drive(p, 0, clock.Instant(20*second)) },
		want: []string{"0s: 1", "15s: 1"}},
	{name: "a burst on top of a burst does not add up",
		c: Config{ARPInterval: second}, sched: Schedule{Repeat: 3, LowerRepeat: 3}, targets: []Target{v1},
		run: func(p *Pacer) string {
			p.Start(7, 0, Master)
			p.Start(7, 0, Lower)
			p.Start(7, 0, Master)
			return drive(p, 0, clock.Never-1)
		},
		want: []string{"0s: 1", "1s: 1", "2s: 1"}},
}

func TestSchedules(t *testing.T) {
	for _, tt := range schedules {
		t.Run(tt.name, func(t *testing.T) {
			p := New(tt.c)
			p.SetTargets(7, tt.sched, tt.targets)
			check(t, tt.run(p), tt.want...)
			if _, again := p.Next(clock.Never - 1); again != clock.Never && tt.sched.Refresh == 0 {
				t.Errorf("something is still to come at %v", again)
			}
		})
	}
}

// TestOwnersTakeTurns: every address is announced once before any is repeated, so
// that the last of many instances is not late by the bursts of the others.
func TestOwnersTakeTurns(t *testing.T) {
	p := New(Config{})
	for id, target := range []Target{v1, v2, v3} {
		p.SetTargets(int32(id), Schedule{Repeat: 2}, []Target{target})
		p.Start(int32(id), 0, Master)
	}
	check(t, drive(p, 0, clock.Never-1), "0s: 1 2 3 1 2 3")
}

// TestBatches: adverts come first, so no call returns more than a batch.
func TestBatches(t *testing.T) {
	p := New(Config{})
	var targets []Target
	for i := range 100 {
		targets = append(targets, Target{netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 2})
	}
	p.SetTargets(1, Schedule{Repeat: 1}, targets)
	p.Start(1, 5, Master)
	sent := 0
	for {
		burst, again := p.Next(5)
		if len(burst) > Batch {
			t.Fatalf("%d in a batch", len(burst))
		}
		sent += len(burst)
		if again == clock.Never {
			break
		}
		if again != 5 {
			t.Fatalf("asked to come back at %d with %d sent", again, sent)
		}
	}
	if sent != 100 {
		t.Errorf("sent %d, want 100", sent)
	}
}

func TestRemoveReusesTheSlot(t *testing.T) {
	p := New(Config{})
	for id := range int32(3) {
		p.SetTargets(id, Schedule{Repeat: 5, Delay: second}, []Target{v1})
		p.Start(id, 0, Master)
	}
	p.Next(0)
	p.Remove(1)
	p.SetTargets(9, Schedule{Repeat: 1}, []Target{v2})
	if len(p.owners) != 3 {
		t.Errorf("%d slots, want 3", len(p.owners))
	}
	p.Start(9, 10, Master)
	for now := clock.Instant(10); now != clock.Never; {
		var burst []Announce
		burst, now = p.Next(now)
		for _, a := range burst {
			if a.Owner == 1 || a.Owner == 9 && a.Target != v2 {
				t.Errorf("announced %v", a)
			}
		}
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	p := New(Config{})
	for id := range int32(50) {
		p.SetTargets(id, defaults, []Target{v1, v2, n1})
	}
	now := clock.Instant(0)
	run := func() {
		for id := range int32(50) {
			p.Start(id, now, Master)
		}
		for at := now; at != clock.Never; {
			now = at
			_, at = p.Next(now)
		}
		for id := range int32(50) {
			p.Start(id, now, Stop)
		}
		now++
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
