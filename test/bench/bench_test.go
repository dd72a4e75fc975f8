package main

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestEveryRowHasItsScenario(t *testing.T) {
	names, ids := map[string]bool{}, map[string]bool{}
	for _, sc := range scenarios {
		names[sc.name] = true
	}
	for _, r := range rows {
		if ids[r.id] {
			t.Errorf("two rows are called %s", r.id)
		}
		ids[r.id] = true
		if r.note == "" && !names[r.in()] {
			t.Errorf("no scenario %s for row %s", r.in(), r.id)
		}
	}
}

func TestMedianAndPercentile(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"median of one", median([]float64{3}), 3},
		{"median of an odd number", median([]float64{1, 2, 9}), 2},
		{"median of an even number", median([]float64{1, 2, 4, 9}), 3},
		{"p50 of two is the lower", percentile([]float64{1, 2}, 0.5), 1},
		{"p99 of a hundred is the last but one", percentile(upTo(100), 0.99), 99},
		{"p99 of few is the largest", percentile(upTo(10), 0.99), 10},
		{"p0 is the smallest", percentile(upTo(10), 0), 1},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, c.got, c.want)
		}
	}
}

func upTo(n int) []float64 {
	var v []float64
	for i := range n {
		v = append(v, float64(i+1))
	}
	return v
}

func TestOwnership(t *testing.T) {
	base := time.Unix(1000, 0)
	at := func(ms int) time.Time { return base.Add(time.Duration(ms) * time.Millisecond) }
	other := netip.MustParseAddr("192.0.2.7")
	watch := func(events ...addrEvent) *addrWatch { return &addrWatch{events: events} }
	set := func(ms int) addrEvent { return addrEvent{at(ms), vip, true} }
	gone := func(ms int) addrEvent { return addrEvent{at(ms), vip, false} }
	for _, c := range []struct {
		name           string
		a, b           *addrWatch
		nowhere, twice int
	}{
		{"stays on one host", watch(set(-50)), watch(), 0, 0},
		{"never there", watch(), watch(), 100, 0},
		{"moves with a gap", watch(set(-50), gone(10)), watch(set(30)), 20, 0},
		{"moves with an overlap", watch(set(-50), gone(40)), watch(set(30)), 0, 10},
		{"away until the end", watch(set(-50), gone(60)), watch(), 40, 0},
		{"what happens before and after does not count", watch(set(-50), gone(-40), set(-30)), watch(set(-20), gone(-10), set(150)), 0, 0},
		{"said twice", watch(set(-50), set(20), gone(60)), watch(), 40, 0},
		{"another address", watch(set(-50), addrEvent{at(10), other, true}, addrEvent{at(20), other, false}), watch(), 0, 0},
	} {
		nowhere, twice := ownership(vip, at(0), at(100), c.a, c.b)
		if nowhere != time.Duration(c.nowhere)*time.Millisecond || twice != time.Duration(c.twice)*time.Millisecond {
			t.Errorf("%s: nowhere for %v, twice for %v, want %d and %d ms", c.name, nowhere, twice, c.nowhere, c.twice)
		}
	}
}

func TestTimersOfTheProtocol(t *testing.T) {
	// The values of 2.2.7's dump, in µs.
	for _, c := range []struct {
		r    router
		want int64
	}{
		{router{version: 2, priority: 150, interval: time.Second}, 3414062},
		{router{version: 2, priority: 90, interval: time.Second}, 3648437},
		{router{version: 3, priority: 150, interval: 500 * time.Millisecond}, 1707031},
		{router{version: 3, priority: 100, interval: 300 * time.Millisecond}, 1082812},
	} {
		if got := c.r.masterDown().Microseconds(); got != c.want {
			t.Errorf("Master_Down_Interval of %+v: %d µs, want %d", c.r, got, c.want)
		}
	}
}

func TestTableMarksWhatMisses(t *testing.T) {
	b := &bench{opt: options{sides: sides, only: regexp.MustCompile("^stop$")}, samples: map[string]*[2][]float64{}}
	for _, id := range []string{"stop-zero", "stop-garp", "stop-gone"} {
		b.add(id, theirs, 2)
		b.add(id, ours, 2)
		b.add(id, ours, 60)
		b.add(id, ours, 61)
	}
	var out strings.Builder
	if err := b.writeTable(&out, "head"); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "clean stop") && !strings.Contains(line, "MISSED") {
			t.Errorf("not marked: %s", line)
		}
	}
	if !strings.Contains(out.String(), "60 ms (2–61)") || !strings.Contains(out.String(), " 30 ") {
		t.Errorf("median, range or ratio is not there:\n%s", out.String())
	}
	if got := b.missing(); len(got) != 0 {
		t.Errorf("missing: %v", got)
	}
	delete(b.samples, "stop-gone")
	if got := b.missing(); len(got) != 2 {
		t.Errorf("missing: %v, want stop-gone of both", got)
	}
}

func TestServerEntries(t *testing.T) {
	const raw = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A000000:0050 rr
  -> AC100001:0050      Masq    1      3          7         
  -> AC100002:0050      Masq    0      0          0         
`
	got := serverEntries(raw)
	if len(got) != 2 {
		t.Fatalf("got %q, want two servers", got)
	}
	busy := serverEntries(strings.ReplaceAll(raw, "3          7", "4          8"))
	if a := netip.MustParseAddr("172.16.0.1"); got[a] == "" || got[a] != busy[a] {
		t.Errorf("%q and with more connections %q", got[a], busy[a])
	}
	lighter := serverEntries(strings.ReplaceAll(raw, "Masq    1", "Masq    0"))
	if a := netip.MustParseAddr("172.16.0.1"); got[a] == lighter[a] {
		t.Errorf("with weight 0 the entry is still %q", got[a])
	}
}
