package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keepalived/core/clock"
)

// thing is an object: "a" is put back, "-a" is not; things that share the letter before
// a dot go together when the first of them goes.
type thing struct {
	name  string
	shade int
}

func (t thing) Key() string          { return t.name }
func (t thing) Same(have thing) bool { return t.shade == have.shade }
func (t thing) Restore() bool        { return !strings.HasPrefix(t.name, "-") }
func (t thing) Drags(o thing) bool   { return t.name[0] == o.name[0] && t.name != o.name }

func things(words string) []thing {
	var list []thing
	for _, w := range strings.Fields(words) {
		t := thing{name: w}
		if name, shade, ok := strings.Cut(w, "="); ok {
			t.name, t.shade = name, int(shade[0]-'0')
		}
		list = append(list, t)
	}
	return list
}

// kernel is the fake: it keeps things and writes down what it was asked.
type kernel struct {
	there map[string]thing
	log   []string
	sick  map[string]Outcome // answers instead of doing
	blind error              // Observe's
	looks int
	limit int // objects per call that are expected at most
	t     *testing.T
}

func (k *kernel) Add(objects []thing, outcomes []Outcome) {
	k.each("+", objects, outcomes, func(o thing) Verdict {
		if _, is := k.there[o.name]; is {
			return Already
		}
		k.there[o.name] = o
		return Done
	})
}

func (k *kernel) Remove(objects []thing, outcomes []Outcome) {
	k.each("-", objects, outcomes, func(o thing) Verdict {
		if _, is := k.there[o.name]; !is {
			return Already
		}
		delete(k.there, o.name)
		return Done
	})
}

func (k *kernel) each(sign string, objects []thing, outcomes []Outcome, do func(thing) Verdict) {
	if len(objects) > k.limit || len(objects) != len(outcomes) {
		k.t.Errorf("%d objects, %d outcomes in one call, at most %d", len(objects), len(outcomes), k.limit)
	}
	for i, o := range objects {
		word := sign + o.name
		if o.shade != 0 {
			word += fmt.Sprintf("=%d", o.shade)
		}
		if sick, is := k.sick[word]; is {
			outcomes[i] = sick
			k.log = append(k.log, word+"!")
			continue
		}
		v := do(o)
		if v == Already {
			word += "?"
		}
		k.log = append(k.log, word)
		outcomes[i] = Outcome{Verdict: v}
	}
}

func (k *kernel) Observe() ([]thing, error) {
	k.looks++
	var list []thing
	for _, o := range k.there {
		list = append(list, o)
	}
	return list, k.blind
}

// bench drives a worker by hand, without goroutines.
type bench struct {
	*Worker[string, thing]
	k     *kernel
	clock *clock.Fake
	said  []string
	t     *testing.T
}

func newBench(t *testing.T, chunk int) *bench {
	b := &bench{k: &kernel{there: map[string]thing{}, sick: map[string]Outcome{}, limit: chunk, t: t}, clock: clock.NewFake(1e9), t: t}
	b.Worker = New[string](Config[thing]{
		Clock: b.clock, Applier: b.k, Chunk: chunk,
		Applied: func(a Applied) {
			s := fmt.Sprintf("applied %d gen %d", a.Owner, a.Gen)
			if a.Err != nil {
				s += fmt.Sprintf(": %d failed, %v", a.Failed, a.Err)
			}
			b.said = append(b.said, s)
		},
		Repaired: func(r Repaired[thing]) {
			s := fmt.Sprintf("repaired %s of %d, loss %d", r.Object.name, r.Owner, r.Losses)
			if r.Contested {
				s += ", contested"
			}
			if r.Dragged {
				s += ", dragged"
			}
			b.said = append(b.said, s)
		},
	})
	return b
}

// run does what Run does until there is nothing to do now.
func (b *bench) run() {
	for {
		select {
		case in := <-b.mail:
			b.open(in)
		default:
		}
		now := b.clock.Now()
		b.wakeUp(now)
		if !b.step(now) {
			return
		}
	}
}

// limitTo makes smaller chunks.
func (b *bench) limitTo(n int) { b.cfg.Chunk, b.k.limit = n, n }

// expect compares with what happened since the last expect.
func (b *bench) expect(ops string, said ...string) {
	b.t.Helper()
	if d := cmp.Diff(strings.Fields(ops), b.k.log); d != "" && len(strings.Fields(ops))+len(b.k.log) > 0 {
		b.t.Errorf("operations (-want +got):\n%s", d)
	}
	if d := cmp.Diff(said, b.said); d != "" && len(said)+len(b.said) > 0 {
		b.t.Errorf("reports (-want +got):\n%s", d)
	}
	b.k.log, b.said = nil, nil
}

func (b *bench) want(owner Owner, gen uint64, words string) { b.SetWant(owner, gen, things(words)) }

// outside removes a thing behind the worker's back, and the monitor tells.
func (b *bench) outside(names ...string) {
	for _, n := range names {
		delete(b.k.there, n)
	}
	b.Lost(names...)
}

// Run itself: it works on what it is told, sleeps, wakes for a retry, and ends by Close
// only when all is done, or by its context at once.
func TestRun(t *testing.T) {
	t.Parallel()
	for _, sick := range []bool{false, true} {
		t.Run(fmt.Sprintf("sick=%t", sick), func(t *testing.T) {
			t.Parallel()
			k := &kernel{there: map[string]thing{}, sick: map[string]Outcome{}, limit: 100, t: t}
			applied := make(chan Applied, 100)
			w := New[string](Config[thing]{Clock: clock.Real{}, Applier: k,
				Applied: func(a Applied) { applied <- a }, Repaired: func(Repaired[thing]) {}})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- w.Run(ctx) }()
			for gen := range uint64(1000) {
				w.SetWant(Owner(gen%3), gen, things("a b c")[:gen%4])
			}
			w.SetWant(0, 1000, things("x"))
			w.SetWant(1, 1000, nil)
			w.SetWant(2, 1000, nil)
			final := map[Owner]bool{}
			for len(final) < 3 {
				if a := <-applied; a.Gen == 1000 {
					final[a.Owner] = true
				}
			}
			if sick {
				// Nobody else touches the fake between two reports.
				k.sick["-x"] = Outcome{Failed, errBad}
			}
			w.SetWant(0, 1001, nil)
			w.Close()
			if sick {
				if a := <-applied; a.Err == nil {
					t.Errorf("removal: %+v", a)
				}
				select {
				case <-done:
					t.Fatal("ended with something left")
				default:
				}
				cancel()
			}
			select {
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(5 * time.Second):
				t.Fatal("does not end")
			}
			cancel()
			if left := len(k.there); left != 0 && !sick {
				t.Errorf("%d things left: %v", left, k.there)
			}
		})
	}
}

// A storm of wants of many owners over few things ends as wanted, whatever fails for a
// while and whoever removes things meanwhile.
func TestStorm(t *testing.T) {
	t.Parallel()
	names := strings.Fields("a b c d e f g h")
	for seed := range uint64(2000) {
		b := newBench(t, 3)
		r := seed*2654435761 + 1
		pick := func(n int) int {
			r = r*6364136223846793005 + 1442695040888963407
			return int(r >> 33 % uint64(n))
		}
		last := map[Owner][]thing{}
		for range pick(6) {
			o := thing{names[pick(len(names))], pick(2)}
			if seen, twice := b.k.there[o.name]; twice {
				o = seen
			}
			b.k.there[o.name] = o
			b.Adopt(Owner(pick(3)), []thing{o})
		}
		for gen := uint64(1); gen < 60; gen++ {
			switch pick(4) {
			case 0:
				b.outside(names[pick(len(names))])
			case 1:
				n := names[pick(len(names))]
				if len(b.k.sick) > 0 {
					clear(b.k.sick)
				} else {
					b.k.sick["+"+n], b.k.sick["-"+n] = Outcome{Failed, errBad}, Outcome{Retry, errBusy}
				}
			default:
				id := Owner(pick(3))
				var want []thing
				for range pick(6) {
					want = append(want, thing{names[pick(len(names))], 0})
				}
				last[id] = want
				b.SetWant(id, gen, slices.Clone(want))
			}
			if pick(3) > 0 {
				select {
				case in := <-b.mail:
					b.open(in)
				default:
				}
				b.wakeUp(b.clock.Now())
				b.step(b.clock.Now())
			}
			b.clock.Advance(time.Duration(pick(30)) * time.Millisecond)
		}
		clear(b.k.sick)
		for id := range Owner(3) {
			b.SetWant(id, 60, last[id])
		}
		for range 20 {
			b.run()
			b.clock.Advance(6 * time.Second)
		}
		want := map[string]thing{}
		for _, list := range last {
			for _, o := range list {
				want[o.name] = o
			}
		}
		if d := cmp.Diff(want, b.k.there, cmp.AllowUnexported(thing{})); d != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, d)
		}
		if b.next() != clock.Never || len(b.objects) != len(want) {
			t.Fatalf("seed %d: %d objects kept, %d wanted; next %d", seed, len(b.objects), len(want), b.next())
		}
	}
}
