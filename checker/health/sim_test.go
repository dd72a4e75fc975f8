package health

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"keepalived/core/clock"
)

// world is a Director under servers that fail and recover at random, reloads, requests
// of operators, restarts and slow probes; with what must hold at every moment.
type world struct {
	t    *testing.T
	seed uint64
	rnd  *rand.Rand
	now  clock.Instant
	d    *Director
	out  Actions

	configs   []ServiceConfig
	dead      map[string]bool // of "service server digest"
	overrides map[[2]string]Override
	flying    []flight

	applied map[string][]Destination // what ip_vs was last told of a service
	told    map[string]bool          // what the FIFO said last: "VS key", "RS server key"
	records map[string]Record
}

// flight is a probe under way.
type flight struct {
	lands clock.Instant
	probe Probe
	ok    bool
}

func (w *world) failf(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("seed %d at %v: %s", w.seed, time.Duration(w.now), fmt.Sprintf(format, args...))
}

func (w *world) randomConfig() []ServiceConfig {
	var out []ServiceConfig
	for v := range 3 {
		if w.rnd.IntN(8) == 0 {
			continue
		}
		c := ServiceConfig{Key: fmt.Sprint("V", v), Name: fmt.Sprint("V", v), Quorum: uint32(1 + w.rnd.IntN(3)), Omega: w.rnd.IntN(2) == 0, Mail: true}
		c.Hysteresis = uint32(w.rnd.IntN(int(c.Quorum)))
		if w.rnd.IntN(2) == 0 {
			c.Sorry = Sorry{Name: "S", Inhibit: w.rnd.IntN(2) == 0}
		}
		for i := range 4 {
			if w.rnd.IntN(6) == 0 {
				continue
			}
			r := ServerConfig{Key: fmt.Sprint(i), Name: fmt.Sprint(i), Weight: int32(w.rnd.IntN(3)), Inhibit: w.rnd.IntN(3) == 0, Mail: true}
			for range w.rnd.IntN(3) {
				r.Checks = append(r.Checks, CheckerConfig{
					Kind: Kind(1 + w.rnd.IntN(4)), Digest: uint64(w.rnd.IntN(2)), Steps: uint16(w.rnd.IntN(3)),
					Interval: sec, RetryDelay: sec / 4, Warmup: sec, Retries: uint32(w.rnd.IntN(3)),
					Alpha: w.rnd.IntN(4) == 0, LogAll: w.rnd.IntN(2) == 0, FastRecovery: w.rnd.IntN(4) == 0, Dynamic: w.rnd.IntN(2) == 0,
				})
			}
			c.Servers = append(c.Servers, r)
		}
		if len(c.Servers) > 0 {
			out = append(out, c)
		}
	}
	return out
}

// configure starts or reloads.
func (w *world) configure() {
	w.d.Configure(w.now, w.configs, &w.out)
	w.flush()
	w.records = map[string]Record{}
	for _, r := range w.d.Records() {
		w.records[recordKey(r)] = r
	}
	for key := range w.told {
		if !w.exists(key) {
			delete(w.told, key)
		}
	}
	for key := range w.overrides { // those of servers that are gone
		if s := w.d.Service(key[0]); s == nil || !slices.ContainsFunc(s.Config.Servers, func(c ServerConfig) bool { return c.Key == key[1] }) {
			delete(w.overrides, key)
		}
	}
}

// exists tells whether what was told about is still configured.
func (w *world) exists(key string) bool {
	for _, s := range w.d.Services() {
		if key == "VS "+s.Config.Key {
			return true
		}
		for i := range s.Config.Servers {
			if key == "RS "+s.Config.Servers[i].Key+" "+s.Config.Key {
				return true
			}
		}
	}
	return false
}

func recordKey(r Record) string { return fmt.Sprint(r.Service, "|", r.Server, "|", r.Check) }

// restart is a crash: the next process has the records and the overrides only.
func (w *world) restart() {
	var records []Record
	for _, r := range w.records {
		records = append(records, r)
	}
	w.d = New(Options{Seed: w.rnd.Uint32()})
	w.flying = nil
	w.d.Resume(records)
	for key, o := range w.overrides {
		w.d.Preset(key[0], key[1], o)
	}
	w.configure()
}

// flush checks every edge: a quorum and a server are told alternately up and down,
// except that what starts down may be told so (alpha, sorry server).
func (w *world) flush() {
	for i := range w.out.Len() {
		a := w.out.At(i)
		switch a.Kind {
		case ActNotify:
			key := "VS " + a.Service.Key
			if a.Server != nil {
				key = "RS " + a.Server.Key + " " + a.Service.Key
			}
			if last, said := w.told[key]; said && last == a.Up {
				w.failf("%s told up=%t twice", key, a.Up)
			}
			w.told[key] = a.Up
		case ActWant:
			// Of a service that is gone everything is taken out.
			if s := w.d.Service(a.Service.Key); s != nil {
				w.applied[a.Service.Key] = s.State.AppendWanted(s.Config, nil)
			}
		case ActRecord:
			w.records[recordKey(a.Record)] = a.Record
		case ActSay:
			if a.Msg == 0 || a.Msg >= messages {
				w.failf("no message %d", a.Msg)
			}
		}
	}
	w.out.Reset()
	w.invariants()
}

// invariants holds what is wanted against what is known, counted anew.
func (w *world) invariants() {
	for _, s := range w.d.Services() {
		c, total := s.Config, int64(0)
		want := []Destination{}
		sorry := !s.State.Up && c.Sorry.Name != ""
		for i := range c.Servers {
			bad, delta := 0, int32(0)
			for k := range c.Servers[i].Checks {
				st := w.d.Checker(s, i, k)
				if !st.Up {
					bad++
				}
				delta += st.Delta
			}
			r, o := &s.State.Servers[i], w.overrides[[2]string{c.Key, c.Servers[i].Key}]
			if r.Failed != bad || r.Override != o {
				w.failf("%s/%d: %d failed, counted %d; override %v, is %v", c.Key, i, bad, r.Failed, o, r.Override)
			}
			base := c.Servers[i].Weight
			if o.HasWeight {
				base = o.Weight
			}
			weight := max(base+delta, 0)
			if r.Weight != weight {
				w.failf("%s/%d: weight %d, want %d", c.Key, i, r.Weight, weight)
			}
			switch in := bad == 0 && o.Mode == Normal; {
			case in && !sorry:
				want = append(want, Destination{i, weight})
			case in && c.Servers[i].Inhibit, bad == 0 && o.Mode == Draining, !in && o.Mode != Draining && c.Servers[i].Inhibit, bad > 0 && c.Servers[i].Inhibit:
				want = append(want, Destination{i, 0})
			}
			if bad == 0 && o.Mode == Normal {
				total += int64(weight)
			}
		}
		if sorry {
			want = append(want, Destination{SorryServer, 1})
		} else if c.Sorry.Inhibit {
			want = append(want, Destination{SorryServer, 0})
		}
		if got := s.State.AppendWanted(c, []Destination{}); !slices.Equal(got, want) {
			w.failf("%s: wanted %v, must be %v", c.Key, got, want)
		}
		if !slices.Equal(w.applied[c.Key], want) {
			w.failf("%s: ip_vs was told %v, must be %v", c.Key, w.applied[c.Key], want)
		}
		if s.State.Up && (total == 0 || total < int64(c.Quorum)-int64(c.Hysteresis)) || !s.State.Up && total > 0 && total >= int64(c.Quorum)+int64(c.Hysteresis) {
			w.failf("%s: up %t with %d of quorum %d, hysteresis %d", c.Key, s.State.Up, total, c.Quorum, c.Hysteresis)
		}
		if told, said := w.told["VS "+c.Key]; said && told != s.State.Up {
			w.failf("%s: up %t, told %t", c.Key, s.State.Up, told)
		}
	}
}

// step is one thing that happens.
func (w *world) step() {
	switch w.rnd.IntN(40) {
	case 0:
		w.configs = w.randomConfig()
		w.configure()
	case 1:
		w.configs = slices.Clone(w.configs) // nothing has changed
		w.d.Configure(w.now, w.configs, &w.out)
		if w.out.Len() != 0 {
			w.failf("an unchanged configuration does something: %+v", *w.out.At(0))
		}
	case 2:
		w.restart()
	case 3, 4:
		w.operator()
	case 5, 6, 7, 8, 9, 10:
		key := fmt.Sprintf("V%d %d %d", w.rnd.IntN(3), w.rnd.IntN(4), w.rnd.IntN(2))
		w.dead[key] = !w.dead[key]
	default:
		w.pass(time.Duration(w.rnd.Int64N(int64(sec))))
	}
}

func (w *world) operator() {
	service, server := fmt.Sprint("V", w.rnd.IntN(3)), fmt.Sprint(w.rnd.IntN(4))
	o := Override{Mode: Mode(w.rnd.IntN(3))}
	if w.rnd.IntN(2) == 0 {
		o.HasWeight, o.Weight = true, int32(w.rnd.IntN(4))
	}
	if w.d.Override(service, server, o, &w.out) {
		w.overrides[[2]string{service, server}] = o
		if o == (Override{}) {
			delete(w.overrides, [2]string{service, server})
		}
	}
	w.flush()
}

// pass lets time pass: probes start, fly for a while and land.
func (w *world) pass(d time.Duration) {
	end := w.now.Add(d)
	for {
		next := w.d.Next()
		at := -1
		for i := range w.flying {
			if w.flying[i].lands <= next && (at < 0 || w.flying[i].lands < w.flying[at].lands) {
				at = i
			}
		}
		if at >= 0 {
			next = w.flying[at].lands
		}
		if next > end {
			break
		}
		w.now = max(w.now, next)
		if at >= 0 {
			f := w.flying[at]
			w.flying = slices.Delete(w.flying, at, at+1)
			w.land(f)
			continue
		}
		p, _ := w.d.Due(w.now)
		if slices.ContainsFunc(w.flying, func(f flight) bool { return f.probe.Ticket == p.Ticket }) {
			w.failf("a second probe beside the first of %v", p.Ticket)
		}
		late := time.Duration(w.rnd.Int64N(int64(sec / 5)))
		ok := !w.dead[fmt.Sprintf("%s %s %d", p.Service.Key, p.Server.Key, p.Check.Digest)]
		w.flying = append(w.flying, flight{lands: w.now.Add(late), probe: p, ok: ok})
	}
	w.now = end
}

// land gives a result in: the standing follows results only.
func (w *world) land(f flight) {
	before := map[string]CheckerState{}
	w.each(func(key string, st CheckerState) { before[key] = st })
	r := Result{OK: f.ok, Started: f.probe.Due, Cause: CauseRefused}
	if f.ok {
		r.Cause = CauseNone
		r.HasWeight, r.Weight = w.rnd.IntN(2) == 0, int32(w.rnd.IntN(5))
	}
	taken := w.d.Result(w.now, f.probe.Ticket, r, &w.out)
	changed := 0
	w.each(func(key string, st CheckerState) {
		if st.Up != before[key].Up {
			changed++
			if st.Up != f.ok {
				w.failf("%s turned up=%t by a result %t", key, st.Up, f.ok)
			}
		}
	})
	if changed > 1 || changed == 1 && !taken {
		w.failf("%d checkers turned, result taken %t", changed, taken)
	}
	w.flush()
}

func (w *world) each(f func(key string, st CheckerState)) {
	for _, s := range w.d.Services() {
		for i := range s.Config.Servers {
			for k := range s.Config.Servers[i].Checks {
				f(fmt.Sprint(s.Config.Key, " ", i, " ", k), w.d.Checker(s, i, k))
			}
		}
	}
}

// TestSimulation runs many worlds. A failing seed is printed.
func TestSimulation(t *testing.T) {
	t.Parallel()
	n := uint64(500)
	if testing.Short() {
		n = 50
	}
	for seed := range n {
		w := &world{
			t: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 1)), d: New(Options{Seed: uint32(seed)}),
			dead: map[string]bool{}, overrides: map[[2]string]Override{}, told: map[string]bool{}, applied: map[string][]Destination{}, records: map[string]Record{},
		}
		w.configs = w.randomConfig()
		w.configure()
		for range 120 {
			w.step()
		}
		// After the last change everything settles to what is so.
		w.pass(30 * sec)
		w.settled()
	}
}

// settled: who is dead is out, who is not is in.
func (w *world) settled() {
	for _, s := range w.d.Services() {
		for i := range s.Config.Servers {
			r := &s.Config.Servers[i]
			for k := range r.Checks {
				dead := w.dead[fmt.Sprintf("%s %s %d", s.Config.Key, r.Key, r.Checks[k].Digest)]
				if st := w.d.Checker(s, i, k); st.Up == dead || !st.HasRun {
					w.failf("%s/%s/%d: up %t, dead %t: %+v", s.Config.Key, r.Key, k, st.Up, dead, st)
				}
			}
		}
	}
}
