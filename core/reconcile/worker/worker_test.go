package worker

import (
	"context"
	"errors"
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

func TestWants(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(b *bench)
	}{
		{"additions in order, one report", func(b *bench) {
			b.want(0, 1, "c a b")
			b.run()
			b.expect("+c +a +b", "applied 0 gen 1")
		}},
		{"wanting the same does nothing, and is reported", func(b *bench) {
			b.want(0, 1, "a b")
			b.run()
			b.want(0, 2, "a b")
			b.run()
			b.expect("+a +b", "applied 0 gen 1", "applied 0 gen 2")
		}},
		{"wanting nothing is reported", func(b *bench) {
			b.want(0, 1, "")
			b.run()
			b.expect("", "applied 0 gen 1")
		}},
		{"removals go backwards", func(b *bench) {
			b.want(0, 1, "a b c")
			b.run()
			b.want(0, 2, "")
			b.run()
			b.expect("+a +b +c -c -b -a", "applied 0 gen 1", "applied 0 gen 2")
		}},
		{"only the difference is touched", func(b *bench) {
			b.want(0, 1, "a b c")
			b.run()
			b.want(0, 2, "a c d")
			b.run()
			b.expect("+a +b +c -b +d", "applied 0 gen 1", "applied 0 gen 2")
		}},
		{"another attribute: away and back", func(b *bench) {
			b.want(0, 1, "a b")
			b.run()
			b.want(0, 2, "a=1 b")
			b.run()
			b.expect("+a +b -a +a=1", "applied 0 gen 1", "applied 0 gen 2")
		}},
		{"the newest want counts, older ones leave no trace", func(b *bench) {
			b.want(0, 1, "a b")
			b.want(0, 2, "")
			b.want(0, 3, "c")
			b.run()
			b.expect("+c", "applied 0 gen 3")
		}},
		{"a want in the middle of another: what is there goes, what was not begun never comes", func(b *bench) {
			b.want(0, 1, "a b c d e f")
			b.open(<-b.mail)
			b.step(0)
			b.want(0, 2, "b g")
			b.run()
			b.expect("+a +b +c +d -d -c -a +g", "applied 0 gen 2")
		}},
		{"a removal that was not begun is not forgotten by the next want", func(b *bench) {
			b.want(0, 1, "a b c d e f")
			b.run()
			b.want(0, 2, "")
			b.open(<-b.mail)
			b.step(0) // f e d c
			b.want(0, 3, "x")
			b.run()
			b.expect("+a +b +c +d +e +f -f -e -d -c -b -a +x", "applied 0 gen 1", "applied 0 gen 3")
		}},
		{"a removal that was not begun and is wanted again is not done", func(b *bench) {
			b.want(0, 1, "a b c d e f")
			b.run()
			b.want(0, 2, "")
			b.open(<-b.mail)
			b.step(0)
			b.want(0, 3, "a b f")
			b.run()
			b.expect("+a +b +c +d +e +f -f -e -d -c +f", "applied 0 gen 1", "applied 0 gen 3")
		}},
		{"two owners of one thing: it goes with the last", func(b *bench) {
			b.want(0, 1, "a")
			b.want(1, 1, "a b")
			b.run()
			b.want(0, 2, "")
			b.run()
			b.expect("+a +b", "applied 0 gen 1", "applied 1 gen 1", "applied 0 gen 2")
			b.want(1, 2, "")
			b.run()
			b.expect("-b -a", "applied 1 gen 2")
		}},
		{"handed from one owner to another in one breath: untouched", func(b *bench) {
			b.want(0, 1, "a")
			b.run()
			b.want(0, 2, "")
			b.want(1, 2, "a")
			b.run()
			b.expect("+a", "applied 0 gen 1", "applied 0 gen 2", "applied 1 gen 2")
		}},
		{"what exists already is taken as it is, and goes with the want", func(b *bench) {
			b.k.there["a"] = thing{"a", 7}
			b.want(0, 1, "a")
			b.run()
			b.want(0, 2, "")
			b.run()
			b.expect("+a? -a", "applied 0 gen 1", "applied 0 gen 2")
		}},
		{"what is gone already is gone", func(b *bench) {
			b.want(0, 1, "a")
			b.run()
			delete(b.k.there, "a")
			b.want(0, 2, "")
			b.run()
			b.expect("+a -a?", "applied 0 gen 1", "applied 0 gen 2")
		}},
		{"adopted and wanted: not a word to the kernel", func(b *bench) {
			b.k.there["a"], b.k.there["b"] = thing{"a", 0}, thing{"b", 0}
			b.Adopt(0, things("a b"))
			b.want(0, 1, "a b")
			b.run()
			b.expect("", "applied 0 gen 1")
			b.want(0, 2, "")
			b.run()
			b.expect("-b -a", "applied 0 gen 2")
		}},
		{"adopted and not wanted: removed; missing: added", func(b *bench) {
			b.k.there["a"], b.k.there["b"] = thing{"a", 0}, thing{"b", 0}
			b.Adopt(0, things("a b"))
			b.Adopt(1, nil)
			b.want(0, 1, "b c")
			b.run()
			b.expect("-a +c", "applied 0 gen 1")
		}},
		{"adopted with another attribute: changed", func(b *bench) {
			b.k.there["a"] = thing{"a", 1}
			b.Adopt(0, things("a=1"))
			b.want(0, 1, "a")
			b.run()
			b.expect("-a=1 +a", "applied 0 gen 1")
		}},
		{"adopted by one, wanted by another: stays", func(b *bench) {
			b.k.there["a"] = thing{"a", 0}
			b.Adopt(0, things("a"))
			b.want(0, 1, "")
			b.want(1, 1, "a")
			b.run()
			b.expect("", "applied 0 gen 1", "applied 1 gen 1")
		}},
		{"an adopted thing lost before it is wanted is added", func(b *bench) {
			b.k.there["a"] = thing{"a", 0}
			b.Adopt(0, things("a"))
			b.run()
			b.outside("a")
			b.run()
			b.want(0, 1, "a")
			b.run()
			b.expect("+a", "applied 0 gen 1")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, 4)
			tt.do(b)
		})
	}
}

func TestTurns(t *testing.T) {
	t.Parallel()
	t.Run("an owner with much does not keep one with little waiting", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, 2)
		b.want(0, 1, "a b c d e f")
		b.want(1, 1, "x")
		b.run()
		b.expect("+a +b +x +c +d +e +f", "applied 1 gen 1", "applied 0 gen 1")
	})
	t.Run("small wants share a chunk", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, 3)
		calls := 0
		b.want(0, 1, "a")
		b.want(1, 1, "b")
		b.want(2, 1, "c")
		b.open(<-b.mail)
		for b.step(0) {
			calls++
		}
		if calls != 1 {
			t.Errorf("%d chunks, want 1", calls)
		}
		b.expect("+a +b +c", "applied 0 gen 1", "applied 1 gen 1", "applied 2 gen 1")
	})
	t.Run("giving up comes before taking, and both go on", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, 2)
		b.want(1, 1, "a b c d")
		b.run()
		b.expect("+a +b +c +d", "applied 1 gen 1")
		b.want(0, 1, "w x y z")
		b.want(1, 2, "")
		b.run()
		b.expect("-d -c +w +x -b -a +y +z", "applied 1 gen 2", "applied 0 gen 1")
	})
	t.Run("an owner who gives up while waiting to take is served at once, and told once", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, 2)
		b.want(1, 1, "a")
		b.run()
		b.want(0, 1, "s t u v")
		b.want(1, 2, "a b")
		b.open(<-b.mail)
		b.want(1, 3, "")
		b.run()
		b.expect("+a -a +s +t +u +v", "applied 1 gen 1", "applied 1 gen 3", "applied 0 gen 1")
	})
	t.Run("restoring comes before everything", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, 2)
		b.want(0, 1, "a")
		b.run()
		b.want(1, 1, "b c d")
		b.open(<-b.mail)
		b.step(0)
		b.outside("a")
		b.run()
		b.expect("+a +b +c +a +d", "applied 0 gen 1", "repaired a of 0, loss 1", "applied 1 gen 1")
	})
}

var (
	errBusy = errors.New("busy")
	errBad  = errors.New("bad")
)

func TestFailures(t *testing.T) {
	t.Parallel()
	t.Run("reported once, the rest is in place, tried again with growing pauses", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, 4)
		b.k.sick["+b"] = Outcome{Failed, errBad}
		b.want(0, 1, "a b c")
		b.run()
		b.expect("+a +b! +c", "applied 0 gen 1: 1 failed, bad")
		for i, pause := range []time.Duration{50, 100, 200, 400, 800, 1600, 3200, 5000, 5000} {
			if next := b.next().Sub(b.clock.Now()); next != pause*time.Millisecond {
				t.Errorf("pause %d is %s, want %d ms", i, next, pause)
			}
			b.clock.Advance(pause * time.Millisecond)
			b.run()
			b.expect("+b!")
		}
		delete(b.k.sick, "+b")
		b.clock.Advance(5 * time.Second)
		b.run()
		b.expect("+b", "applied 0 gen 1")
		if b.next() != clock.Never {
			t.Error("still something to do")
		}
	})
	t.Run("a failure of a moment is not reported", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, 4)
		b.k.sick["+a"] = Outcome{Retry, errBusy}
		b.want(0, 1, "a")
		b.run()
		b.clock.Advance(10 * time.Millisecond)
		b.run()
		b.expect("+a! +a!")
		delete(b.k.sick, "+a")
		b.clock.Advance(10 * time.Millisecond)
		b.run()
		b.expect("+a", "applied 0 gen 1")
	})
	t.Run("one that lasts is", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, 4)
		b.k.sick["+a"] = Outcome{Retry, errBusy}
		b.want(0, 1, "a")
		for range 4 {
			b.run()
			b.clock.Advance(10 * time.Millisecond)
		}
		b.expect("+a! +a! +a! +a!", "applied 0 gen 1: 1 failed, busy")
	})
	t.Run("a new want ends the attempts of the old", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, 4)
		b.k.sick["+a"] = Outcome{Failed, errBad}
		b.want(0, 1, "a")
		b.run()
		b.want(0, 2, "b")
		b.run()
		b.clock.Advance(time.Minute)
		b.run()
		b.expect("+a! +b", "applied 0 gen 1: 1 failed, bad", "applied 0 gen 2")
	})
	t.Run("a removal that failed is tried until it is done, whatever is wanted next", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, 4)
		b.want(0, 1, "a")
		b.run()
		b.k.sick["-a"] = Outcome{Failed, errBad}
		b.want(0, 2, "")
		b.run()
		b.want(0, 3, "b")
		b.run()
		b.expect("+a -a! -a! +b", "applied 0 gen 1", "applied 0 gen 2: 1 failed, bad", "applied 0 gen 3: 1 failed, bad")
		delete(b.k.sick, "-a")
		b.clock.Advance(time.Second)
		b.run()
		b.expect("-a", "applied 0 gen 3")
	})
	t.Run("a restoration that succeeds after a moment is no news", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, 4)
		b.want(0, 1, "a")
		b.run()
		b.k.sick["+a"] = Outcome{Retry, errBusy}
		b.outside("a")
		b.run()
		delete(b.k.sick, "+a")
		b.clock.Advance(10 * time.Millisecond)
		b.run()
		b.expect("+a +a! +a! +a", "applied 0 gen 1")
	})
	t.Run("waiting in both queues does not lengthen the pause", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, 4)
		b.want(1, 1, "a")
		b.run()
		b.k.sick["+b"] = Outcome{Failed, errBad}
		b.want(1, 2, "a b")
		b.open(<-b.mail)
		b.want(1, 3, "b")
		b.run()
		b.expect("+a -a +b!", "applied 1 gen 1", "applied 1 gen 3: 1 failed, bad")
		if pause := b.next().Sub(b.clock.Now()); pause != firstRetry {
			t.Errorf("pause %s, want %s", pause, firstRetry)
		}
	})
	t.Run("a change that cannot be made keeps the old", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, 4)
		b.want(0, 1, "a")
		b.run()
		b.k.sick["-a"] = Outcome{Failed, errBad}
		b.want(0, 2, "a=1")
		b.run()
		b.expect("+a -a!", "applied 0 gen 1", "applied 0 gen 2: 1 failed, bad")
	})
}

func TestRestore(t *testing.T) {
	t.Parallel()
	fresh := func(t *testing.T, words string) *bench {
		b := newBench(t, 100)
		b.want(0, 1, words)
		b.run()
		b.k.log, b.said = nil, nil
		return b
	}
	t.Run("put back at once, with a report", func(t *testing.T) {
		t.Parallel()
		b := fresh(t, "a b")
		b.outside("a")
		b.run()
		b.expect("+a", "repaired a of 0, loss 1")
	})
	t.Run("all owners are told", func(t *testing.T) {
		t.Parallel()
		b := fresh(t, "a")
		b.want(1, 1, "a")
		b.run()
		b.outside("a")
		b.run()
		b.expect("+a", "applied 1 gen 1", "repaired a of 0, loss 1", "repaired a of 1, loss 1")
	})
	t.Run("the news of our own removal is no loss", func(t *testing.T) {
		t.Parallel()
		b := fresh(t, "a")
		b.want(0, 2, "")
		b.run()
		b.want(0, 3, "a")
		b.run()
		b.Lost("a")
		b.run()
		b.expect("-a +a +a?", "applied 0 gen 2", "applied 0 gen 3")
	})
	t.Run("news of strangers is ignored", func(t *testing.T) {
		t.Parallel()
		b := fresh(t, "a")
		b.outside("z")
		b.run()
		b.expect("")
	})
	t.Run("what is given up in the same breath is not put back", func(t *testing.T) {
		t.Parallel()
		b := fresh(t, "a")
		b.outside("a")
		b.want(0, 2, "")
		b.run()
		b.expect("-a?", "applied 0 gen 2")
	})
	t.Run("stale news of a removal does not spare what is to be removed again", func(t *testing.T) {
		t.Parallel()
		b := fresh(t, "a")
		b.want(0, 2, "")
		b.run()
		b.want(0, 3, "a")
		b.run()
		b.Lost("a")
		b.want(0, 4, "")
		b.run()
		b.expect("-a +a -a", "applied 0 gen 2", "applied 0 gen 3", "applied 0 gen 4")
	})
	t.Run("lost while it waited to be removed, and wanted anew: added", func(t *testing.T) {
		t.Parallel()
		b := fresh(t, "a b c d")
		b.limitTo(1)
		b.want(0, 2, "")
		b.open(<-b.mail)
		b.step(0) // d
		b.outside("a")
		b.open(<-b.mail)
		b.step(0)
		b.want(1, 1, "a")
		b.run()
		b.expect("-d +a -c -b", "applied 1 gen 1", "applied 0 gen 2")
	})
	t.Run("no_track: not put back, but set with the next want", func(t *testing.T) {
		t.Parallel()
		b := fresh(t, "-a")
		b.outside("-a")
		b.run()
		b.expect("")
		b.want(0, 2, "")
		b.run()
		b.want(0, 3, "-a")
		b.run()
		b.expect("--a? +-a", "applied 0 gen 2", "applied 0 gen 3")
	})
	t.Run("what cannot be put back becomes a failure", func(t *testing.T) {
		t.Parallel()
		b := fresh(t, "a")
		b.k.sick["+a"] = Outcome{Failed, errBad}
		b.outside("a")
		b.run()
		b.expect("+a! +a!", "applied 0 gen 1: 1 failed, bad")
		delete(b.k.sick, "+a")
		b.clock.Advance(time.Second)
		b.run()
		b.expect("+a", "applied 0 gen 1")
	})
	t.Run("what goes with something we removed is put back without blame", func(t *testing.T) {
		t.Parallel()
		b := fresh(t, "a.1 b")
		b.want(1, 1, "a.2")
		b.run()
		b.want(0, 2, "b")
		b.run()
		b.outside("a.2", "b")
		b.run()
		b.expect("+a.2 -a.1 +a.2 +b", "applied 1 gen 1", "applied 0 gen 2",
			"repaired a.2 of 1, loss 0, dragged", "repaired b of 0, loss 1")
		b.clock.Advance(2 * time.Second)
		b.outside("a.2")
		b.run()
		b.expect("+a.2", "repaired a.2 of 1, loss 1")
	})
	t.Run("verify finds what nobody told of", func(t *testing.T) {
		t.Parallel()
		b := fresh(t, "a b c")
		delete(b.k.there, "a")
		delete(b.k.there, "c")
		b.k.blind = errBusy
		b.Verify()
		b.run()
		b.expect("")
		b.k.blind = nil
		b.clock.Advance(verifyRetry)
		b.run()
		b.expect("+a +c", "repaired a of 0, loss 1", "repaired c of 0, loss 1")
		b.clock.Advance(time.Minute)
		b.run()
		if b.k.looks != 2 {
			t.Errorf("looked %d times, want 2", b.k.looks)
		}
	})
	t.Run("contested after ten losses in five seconds", func(t *testing.T) {
		t.Parallel()
		b := fresh(t, "a")
		for i := range 10 {
			b.clock.Advance(50 * time.Millisecond)
			b.outside("a")
			b.run()
			want := fmt.Sprintf("repaired a of 0, loss %d", i+1)
			if i == 9 {
				want += ", contested"
			}
			b.expect("+a", want)
		}
		for range 19 { // put back still, but not reported each time
			b.clock.Advance(50 * time.Millisecond)
			b.outside("a")
			b.run()
			b.expect("+a")
		}
		b.clock.Advance(50 * time.Millisecond)
		b.outside("a")
		b.run()
		b.expect("+a", "repaired a of 0, loss 30, contested")
		b.clock.Advance(10 * time.Second)
		b.outside("a")
		b.run()
		b.expect("+a", "repaired a of 0, loss 1")
	})
	t.Run("nine in five seconds are not", func(t *testing.T) {
		t.Parallel()
		b := fresh(t, "a")
		for range 30 {
			b.clock.Advance(600 * time.Millisecond)
			b.outside("a")
			b.run()
		}
		if last := b.said[len(b.said)-1]; strings.Contains(last, "contested") {
			t.Error(last)
		}
	})
	t.Run("a contested thing is put back once in 20 ms at most", func(t *testing.T) {
		t.Parallel()
		b := fresh(t, "a b")
		for range 10 {
			b.outside("a")
			b.run()
		}
		b.k.log = nil
		b.clock.Advance(5 * time.Millisecond)
		b.outside("a", "b")
		b.run()
		b.Lost("a")
		b.run()
		b.expect("+b", b.said...) // b is not held up by a
		if next := b.next().Sub(b.clock.Now()); next != 15*time.Millisecond {
			t.Errorf("next in %s, want 15 ms", next)
		}
		b.clock.Advance(15 * time.Millisecond)
		b.run()
		b.expect("+a")
	})
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
