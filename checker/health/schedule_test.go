package health

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"keepalived/core/clock"
)

// starts runs n checkers of the same interval and returns when they started in the
// last whole interval, from its beginning.
func starts(t *testing.T, n int, interval, warmup, took time.Duration) []time.Duration {
	t.Helper()
	check := CheckerConfig{Kind: TCP, Interval: interval, Warmup: warmup, RetryDelay: sec}
	c := ServiceConfig{Key: "V", Name: "V", Quorum: 1}
	for i := range n {
		c.Servers = append(c.Servers, ServerConfig{Key: fmt.Sprint(i), Name: fmt.Sprint(i), Weight: 1, Checks: []CheckerConfig{check}})
	}
	r := newRig(t, Options{Seed: 0xBADCAFE})
	r.took = took
	r.configure(c)
	r.run(10*interval + firstDelay)
	var out []time.Duration
	from := r.now.Add(-interval)
	for _, ran := range r.ran {
		last := ran[len(ran)-1]
		if last <= from {
			t.Fatalf("a checker last ran at %v, now is %v", time.Duration(last), time.Duration(r.now))
		}
		out = append(out, last.Sub(from))
	}
	slices.Sort(out)
	return out
}

// TestSpread: checkers of equal intervals do not beat together, not even after many
// rounds and however long a probe takes.
func TestSpread(t *testing.T) {
	t.Parallel()
	const n = 1000
	for _, took := range []time.Duration{0, 3 * time.Millisecond, 700 * time.Millisecond} {
		s := starts(t, n, 10*sec, 10*sec, took)
		if len(s) != n {
			t.Fatalf("%d of %d ran", len(s), n)
		}
		widest := 10*sec - s[n-1] + s[0]
		for i := 1; i < n; i++ {
			widest = max(widest, s[i]-s[i-1])
		}
		// The ideal gap is 10 ms; multiples of the golden ratio leave at most twice that.
		if widest > 30*time.Millisecond {
			t.Errorf("probes of %v: a gap of %v", took, widest)
		}
	}
}

// TestWarmup: the first probe is between one second and one second and the warmup.
func TestWarmup(t *testing.T) {
	t.Parallel()
	for _, warmup := range []time.Duration{0, time.Millisecond, sec, time.Hour} {
		var q schedule
		c := CheckerConfig{Interval: 5 * sec, Warmup: warmup}
		for range 1000 {
			if d := q.first(&c, at(7*sec)).Sub(at(7 * sec)); d < sec || d > sec+warmup {
				t.Fatalf("warmup %v: after %v", warmup, d)
			}
			if d := q.resumed(&c, 0).Sub(0); d > min(warmup, 5*sec) {
				t.Fatalf("warmup %v: resumed after %v", warmup, d)
			}
		}
	}
	if a, b := (&schedule{seed: 1 << 30}).place(sec), (&schedule{seed: 1 << 31}).place(sec); a == b {
		t.Error("the seed makes no difference")
	}
}

// TestLateIsNotFailed: a probe that starts late is late and nothing else.
func TestLateIsNotFailed(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	r.configure(vs("V", 1, rs("1", 1, tcp(0))))
	r.run(3 * sec)
	due := r.d.Next()
	p, _ := r.d.Due(due)
	if p.Due != due {
		t.Errorf("due %v, told %v", due, p.Due)
	}
	if r.d.Next() != clock.Never {
		t.Error("a second probe beside the first")
	}
	late := due.Add(time.Hour)
	if !r.d.Result(late, p.Ticket, Result{OK: true, Started: late}, &r.out) || r.wanted("V") != "1=1" {
		t.Error("a late probe has changed something")
	}
	if next := r.d.Next(); next <= late || next.Sub(due)%sec != 0 {
		t.Errorf("next %v after %v: not in its place", time.Duration(next), time.Duration(late))
	}
}

// TestResume: a new process goes on where the former was.
func TestResume(t *testing.T) {
	t.Parallel()
	const name = "V"
	misc := CheckerConfig{Kind: Misc, Interval: sec, Dynamic: true}
	config := func() ServiceConfig {
		return vs(name, 2, rs("1", 1, alpha(tcp(2))), rs("2", 1, tcp(2)), rs("3", 3, misc), rs("4", 1)).sorry("S", false)
	}
	r := newRig(t, Options{})
	r.down["2"] = true
	r.exit["3"] = 12
	r.configure(config())
	r.run(4 * sec)
	const want = "1=1 3=10 4=1"
	if got := r.wanted(name); got != want {
		t.Fatalf("before: %s", got)
	}
	records := r.d.Records()
	if len(records) != 4 {
		t.Errorf("%d records", len(records))
	}
	for _, rec := range records {
		if stored := r.recs[fmt.Sprint(rec.Service, "|", rec.Server, "|", rec.Check)]; stored != rec {
			t.Errorf("recorded %+v, is %+v", stored, rec)
		}
	}
	next := func(records []Record) *rig {
		n := newRig(t, Options{InitNotifies: true})
		n.down, n.exit, n.now = r.down, r.exit, r.now
		n.d.Resume(records)
		n.configure(config())
		return n
	}
	n := next(records)
	if got := n.wanted(name); got != want {
		t.Errorf("resumed: %s", got)
	}
	n.expect("nobody is told", n.fifo, nil)
	n.expect("log", n.said()[:1], []string{"own " + num(MsgServiceResumed) + "  V"})
	if n.d.Next() > n.now.Add(sec) {
		t.Error("the first probe is not within an interval")
	}
	if since := n.d.Checker(n.d.Service(name), 1, 0).Since; since != r.d.Checker(r.d.Service(name), 1, 0).Since {
		t.Error("since when it is down is forgotten")
	}
	n.run(3 * sec)
	if got := n.wanted(name); got != want || len(n.fifo) != 0 {
		t.Errorf("some checks later: %s, %q", got, n.fifo)
	}

	one := next(records)
	one.down["1"] = true
	one.run(1500 * time.Millisecond)
	if got := one.wanted(name); got != want {
		t.Errorf("one lost packet after the restart: %s", got)
	}
	one.run(4 * sec)
	if got := one.wanted(name); got != "3=10 4=1" {
		t.Errorf("a server that died meanwhile: %s", got)
	}

	// The quorum was lost while nobody looked: an edge, told once.
	lost := newRig(t, Options{})
	lost.d.Resume([]Record{{Service: name, Up: true}})
	lost.configure(vs(name, 2, rs("1", 1)).sorry("S", false))
	lost.expect("the quorum was lost meanwhile", lost.fifo, []string{"VS V DOWN"})
	if got := lost.wanted(name); got != "sorry=1" {
		t.Errorf("the quorum was lost meanwhile: %s", got)
	}

	// Another question in the same place keeps what was bad.
	changed := newRig(t, Options{})
	changed.d.Resume(records)
	other := tcp(2)
	other.Digest = 9
	changed.configure(vs(name, 1, rs("1", 1, other), rs("2", 1, other)))
	if got := changed.wanted(name); got != "1=1" {
		t.Errorf("another port after the restart: %s", got)
	}
}

// big is a configuration of n real servers, 100 a service.
func big(n int) []ServiceConfig {
	var out []ServiceConfig
	for v := range n / 100 {
		c := ServiceConfig{Key: fmt.Sprint("V", v), Name: fmt.Sprint("V", v), Quorum: 1}
		for i := range 100 {
			c.Servers = append(c.Servers, ServerConfig{
				Key: fmt.Sprint(i), Name: fmt.Sprint(i), Weight: 1,
				Checks: []CheckerConfig{{Kind: TCP, Interval: sec, RetryDelay: sec, Warmup: sec, Retries: 1}},
			})
		}
		out = append(out, c)
	}
	return out
}

// TestAllocations: the common probe, good as the one before, costs no memory.
func TestAllocations(t *testing.T) {
	d := New(Options{})
	var out Actions
	d.Configure(0, big(10000), &out)
	now := clock.Instant(0)
	round := func() {
		now = d.Next()
		p, _ := d.Due(now)
		d.Result(now, p.Ticket, Result{OK: true, Started: now}, &out)
		out.Reset()
	}
	for range 20000 {
		round()
	}
	if n := testing.AllocsPerRun(1000, round); n != 0 {
		t.Errorf("%v allocations a probe", n)
	}
}

func BenchmarkProbe(b *testing.B) {
	d := New(Options{})
	var out Actions
	d.Configure(0, big(10000), &out)
	for b.Loop() {
		now := d.Next()
		p, _ := d.Due(now)
		d.Result(now, p.Ticket, Result{OK: true, Started: now}, &out)
		out.Reset()
	}
}

func BenchmarkReload(b *testing.B) {
	d := New(Options{})
	var out Actions
	c := big(10000)
	d.Configure(0, c, &out)
	b.ReportAllocs()
	for b.Loop() {
		out.Reset()
		d.Configure(0, c, &out)
	}
}
