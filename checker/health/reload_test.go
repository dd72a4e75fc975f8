package health

import (
	"testing"
	"time"

	"keepalived/core/clock"
)

// TestReloadKeeps: nothing happens to what has not changed, whatever its state.
func TestReloadKeeps(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	c := func() ServiceConfig { return vs("V", 1, rs("1", 1, tcp(3)), rs("2", 2, tcp(0)), rs("3", 1)) }
	r.down["2"] = true
	r.configure(c())
	r.run(5 * sec)
	r.down["1"] = true
	r.run(2500 * time.Millisecond) // two of its retries are made
	before := r.d.Checker(r.d.Service("V"), 0, 0)
	if before.Failures == 0 {
		t.Fatal("no retry is under way")
	}
	r.said()
	r.d.Configure(r.now, []ServiceConfig{c()}, &r.out)
	if r.out.Len() != 0 {
		t.Errorf("%d actions of an unchanged configuration, the first %+v", r.out.Len(), *r.out.At(0))
	}
	if after := r.d.Checker(r.d.Service("V"), 0, 0); after != before {
		t.Errorf("state before %+v, after %+v", before, after)
	}
	s := r.d.Service("V").State.Servers[1]
	if s.Alive() || !s.Reloaded || s.Before != 2 {
		t.Errorf("server 2 after the reload: %+v", s)
	}
	r.run(3 * sec)
	if got := r.wanted("V"); got != "3=1" {
		t.Errorf("after the last retry: %s", got)
	}
}

// TestReload: what a change of the configuration does to a server that is out and to one
// that is in.
func TestReload(t *testing.T) {
	t.Parallel()
	slower, other, web := tcp(0), tcp(0), tcp(0)
	slower.Interval = 2 * sec
	other.Digest = 7
	web.Kind, web.Digest = HTTP, 8
	cases := []struct {
		name  string
		check []CheckerConfig // of both servers, after the reload
		now   string          // at once
		later string          // two intervals later; nothing listens at server 2
	}{
		{"delay_loop: still out", []CheckerConfig{slower}, "1=1", "1=1"},
		{"another port: out until it has passed", []CheckerConfig{other}, "1=1", "1=1"},
		{"another type: out until it has passed", []CheckerConfig{web}, "1=1", "1=1"},
		{"a second checker: out", []CheckerConfig{tcp(0), web}, "1=1", "1=1"},
		{"alpha: nothing is known anew", []CheckerConfig{alpha(tcp(0))}, "1=1", "1=1"},
		{"alpha and another type: what is in stays in", []CheckerConfig{alpha(web)}, "1=1", "1=1"},
		{"no checker any more: in", nil, "1=1 2=1", "1=1 2=1"},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Options{})
			r.down["2"] = true
			r.configure(vs("V", 1, rs("1", 1, tcp(0)), rs("2", 1, tcp(0))))
			r.run(5 * sec)
			r.configure(vs("V", 1, rs("1", 1, tt.check...), rs("2", 1, tt.check...)))
			if got := r.wanted("V"); got != tt.now {
				t.Errorf("at once: %s, want %s", got, tt.now)
			}
			r.run(5 * sec)
			if got := r.wanted("V"); got != tt.later {
				t.Errorf("later: %s, want %s", got, tt.later)
			}
			r.down["2"] = false
			r.run(5 * sec)
			if got := r.wanted("V"); got != "1=1 2=1" {
				t.Errorf("once it answers: %s", got)
			}
		})
	}
}

// TestReloadFailingCheckGone: of two checkers the one that held the server out goes.
func TestReloadFailingCheckGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	bad := CheckerConfig{Kind: Misc, Interval: sec}
	r.exit["1"] = 1
	r.configure(vs("V", 1, rs("1", 1, tcp(0), bad), rs("2", 1)))
	r.run(4 * sec)
	if got := r.wanted("V"); got != "2=1" {
		t.Fatalf("before: %s", got)
	}
	r.said()
	r.configure(vs("V", 1, rs("1", 1, tcp(0)), rs("2", 1)))
	r.expect("said", r.said(), []string{"Adding service [10.0.0.1]:tcp:80 to VS V"})
	if got := r.wanted("V"); got != "1=1 2=1" {
		t.Errorf("after: %s", got)
	}
}

// TestReloadService: quorum, sorry server, inhibit_on_failure, services and servers that
// come and go.
func TestReloadService(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	two := rs("2", 1, tcp(0))
	r.down["2"] = true
	r.configure(vs("V", 1, rs("1", 4), two))
	r.run(3 * sec)
	r.said()
	r.fifo = nil
	step := func(what string, c ServiceConfig, want string, lines ...string) {
		t.Helper()
		r.configure(c)
		r.expect(what, r.said(), lines)
		if got := r.wanted("V"); got != want {
			t.Errorf("%s: wanted %q, want %q", what, got, want)
		}
	}
	step("inhibit", vs("V", 3, rs("1", 4), inhibited(two)).sorry("S5", false), "1=4 2=0")
	step("quorum lost", vs("V", 3, rs("1", 1), inhibited(two)).sorry("S5", false), "2=0 sorry=1",
		"Changing weight from 4 to 1 for active service [10.0.0.1]:tcp:80 of VS V",
		"Starting with quorum down 3-0=3 > 1 for VS V", "Adding sorry server S5 to VS V", "Removing alive servers from the pool for VS V")
	step("another sorry server", vs("V", 3, rs("1", 1), inhibited(two)).sorry("S6", false), "2=0 sorry=1",
		"Removing sorry server S5 from VS V", "Adding sorry server S6 to VS V", "Removing alive servers from the pool for VS V")
	step("no sorry server", vs("V", 3, rs("1", 1), inhibited(two)), "1=1 2=0", "Removing sorry server S6 from VS V")
	step("one that is always there", vs("V", 3, rs("1", 1), inhibited(two)).sorry("S5", true), "2=0 sorry=1",
		"Enabling sorry server S5 to VS V", "Removing alive servers from the pool for VS V")
	step("quorum 1", vs("V", 1, rs("1", 1), inhibited(two)).sorry("S5", true), "1=1 2=0 sorry=0",
		"Gained quorum 1+0=1 <= 1 for VS V", "Disabling sorry server S5 from VS V", "Adding alive servers to the pool for VS V")
	step("servers gone, a new one", vs("V", 1, rs("3", 2)).sorry("S5", true), "3=2 sorry=0",
		"service [10.0.0.1]:tcp:80 no longer exist", "Removing service [10.0.0.1]:tcp:80 from VS V",
		"service [10.0.0.2]:tcp:80 no longer exist", "Removing (inhibited) service [10.0.0.2]:tcp:80 from VS V")
	r.expect("each edge of the quorum once", r.fifo, []string{"VS V DOWN", "VS V UP", "RS [10.0.0.1]:tcp:80 V DOWN"})

	r.fifo = nil
	v := r.d.Service("V")
	r.configure(vs("W", 1, rs("1", 1)))
	r.expect("the service is gone", r.said(), []string{
		"Removing Virtual Server V", "Removing service [10.0.0.3]:tcp:80 from VS V", "Gained quorum 1+0=1 <= 1 for VS W"})
	r.expect("the service is gone", r.fifo, []string{"RS [10.0.0.3]:tcp:80 V DOWN", "VS V DOWN", "VS W UP"})
	if got := v.State.AppendWanted(v.Config, nil); got != nil {
		t.Errorf("of a service that is gone: %v", got)
	}
}

// TestReloadWhileProbing: the result of a probe for something else is not taken.
func TestReloadWhileProbing(t *testing.T) {
	t.Parallel()
	other := tcp(0)
	other.Digest = 1
	for _, tt := range []struct {
		name  string
		check []CheckerConfig
		taken bool
	}{
		{"the same question", []CheckerConfig{tcp(0)}, true},
		{"another interval", []CheckerConfig{func() CheckerConfig { c := tcp(1); c.Interval = 3 * sec; return c }()}, true},
		{"another question", []CheckerConfig{other}, false},
		{"no checker", nil, false},
	} {
		r := newRig(t, Options{})
		r.configure(vs("V", 1, rs("1", 1, tcp(0)), rs("2", 1)))
		r.now = r.d.Next()
		p, ok := r.d.Due(r.now)
		if !ok {
			t.Fatal("nothing is due")
		}
		r.configure(vs("V", 1, rs("1", 1, tt.check...), rs("2", 1)))
		if tt.taken && r.d.Next() != clock.Never {
			t.Errorf("%s: a second probe beside the first", tt.name)
		}
		if got := r.d.Result(r.now, p.Ticket, refused, &r.out); got != tt.taken {
			t.Errorf("%s: taken %t", tt.name, got)
		}
		r.flush()
		if r.d.Result(r.now, p.Ticket, refused, &r.out) {
			t.Errorf("%s: taken twice", tt.name)
		}
		if len(tt.check) > 0 && r.d.Next() > r.now.Add(4*sec) {
			t.Errorf("%s: no further probe", tt.name)
		}
	}
	r := newRig(t, Options{})
	for _, bad := range []Ticket{{ID: -1}, {ID: 0}, {ID: 99}} {
		if r.d.Result(0, bad, good, &r.out) {
			t.Errorf("the result of %v was taken", bad)
		}
	}
}

// TestReloadReusesNumbers: a result for what had the number before is not taken.
func TestReloadReusesNumbers(t *testing.T) {
	t.Parallel()
	other := tcp(0)
	other.Digest = 1
	for _, tt := range []struct {
		name string
		to   ServerConfig
	}{{"another server", rs("2", 1, tcp(0))}, {"another question", rs("1", 1, other)}} {
		r := newRig(t, Options{})
		r.configure(vs("V", 1, rs("1", 1, tcp(0))))
		r.now = r.d.Next()
		stale, _ := r.d.Due(r.now)
		r.configure(vs("V", 1, tt.to))
		r.now = r.d.Next()
		p, ok := r.d.Due(r.now)
		if !ok || p.Ticket.ID != stale.Ticket.ID {
			t.Fatalf("%s: the number %d is not used again, %v is", tt.name, stale.Ticket.ID, p.Ticket)
		}
		if r.d.Result(r.now, stale.Ticket, refused, &r.out) {
			t.Errorf("%s: has the former one's result", tt.name)
		}
		if !r.d.Result(r.now, p.Ticket, good, &r.out) {
			t.Errorf("%s: its own result was refused", tt.name)
		}
	}
}

// TestNewServersHaveRetries: the rule of the first check ever is of the program's start.
func TestNewServersHaveRetries(t *testing.T) {
	t.Parallel()
	fails := func(r *rig) {
		r.down["2"] = true
		r.configure(vs("V", 1, rs("1", 1), rs("2", 1, tcp(1))))
		r.said()
		r.run(5 * sec)
		r.expect("said", r.said()[:1], []string{"TCP_CHECK on service [10.0.0.2]:tcp:80 failed after 1 retries."})
	}
	reloaded := newRig(t, Options{})
	reloaded.configure(vs("V", 1, rs("1", 1)))
	fails(reloaded)
	resumed := newRig(t, Options{})
	resumed.d.Resume([]Record{{Service: "V", Up: true}})
	fails(resumed)
}

// TestReloadSmall: a server that is out goes without a word of it; a script that is no
// longer asked for a weight has none.
func TestReloadSmall(t *testing.T) {
	t.Parallel()
	r := newRig(t, Options{})
	misc := CheckerConfig{Kind: Misc, Interval: sec, Dynamic: true}
	r.down["2"], r.exit["1"] = true, 12
	r.configure(vs("V", 1, rs("1", 1, misc), rs("2", 1, tcp(0))))
	r.run(3 * sec)
	r.said()
	misc.Dynamic = false
	r.configure(vs("V", 1, rs("1", 1, misc)))
	r.expect("said", r.said(), []string{
		"service [10.0.0.2]:tcp:80 no longer exist",
		"Changing weight from 10 to 1 for active service [10.0.0.1]:tcp:80 of VS V"})
}

// TestMatch: which former checker a new one inherits from.
func TestMatch(t *testing.T) {
	t.Parallel()
	a, b, c, web := CheckKey{Kind: TCP, Digest: 1}, CheckKey{Kind: TCP, Digest: 2}, CheckKey{Kind: TCP, Digest: 3}, CheckKey{Kind: HTTP, Digest: 1}
	for _, tt := range []struct {
		name     string
		from, to []CheckKey
		want     [2]int
	}{
		{"the same", []CheckKey{a, b}, []CheckKey{a, b}, [2]int{0, 1}},
		{"in another order", []CheckKey{a, b}, []CheckKey{b, a}, [2]int{1, 0}},
		{"the first is gone: the second is not taken for it", []CheckKey{a, b}, []CheckKey{b, web}, [2]int{1, -1}},
		{"a changed one takes the place that is left", []CheckKey{a, b}, []CheckKey{c, b}, [2]int{0, 1}},
		{"other kinds are others", []CheckKey{a, b}, []CheckKey{web, web}, [2]int{-1, -1}},
	} {
		if got := match(tt.from, tt.to); [2]int(got) != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	twice := rs("1", 1, tcp(0), tcp(1))
	if k := twice.keys(); k[0] == k[1] || k[1].Nth != 1 {
		t.Errorf("keys of the same question asked twice: %v", k)
	}
}
