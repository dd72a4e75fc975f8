package worker

import (
	"errors"
	"testing"
	"time"

	"keepalived/core/clock"
)

// rule is a named case: what the worker does is compared by do.
type rule struct {
	name  string
	chunk int
	held  string // wanted by owner 0 as generation 1 and in force before
	do    func(b *bench)
}

func check(t *testing.T, rules []rule) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, r.chunk)
			if r.held != "" {
				b.want(0, 1, r.held)
				b.run()
				b.k.log, b.said = nil, nil
			}
			r.do(b)
		})
	}
}

func TestWants(t *testing.T) { t.Parallel(); check(t, wantRules) }

func TestTurns(t *testing.T) { t.Parallel(); check(t, turnRules) }

func TestFailures(t *testing.T) { t.Parallel(); check(t, failureRules) }

func TestRestore(t *testing.T) { t.Parallel(); check(t, restoreRules) }

var (
	errBusy = errors.New("busy")
	errBad  = errors.New("bad")
)

var wantRules = []rule{
	{name: "additions in order, one report", chunk: 4, do: func(b *bench) {
		b.want(0, 1, "c a b")
		b.run()
		b.expect("+c +a +b", "applied 0 gen 1")
	}},
	{name: "wanting the same does nothing, and is reported", chunk: 4, do: func(b *bench) {
		b.want(0, 1, "a b")
		b.run()
		b.want(0, 2, "a b")
		b.run()
		b.expect("+a +b", "applied 0 gen 1", "applied 0 gen 2")
	}},
	{name: "wanting nothing is reported", chunk: 4, do: func(b *bench) {
		b.want(0, 1, "")
		b.run()
		b.expect("", "applied 0 gen 1")
	}},
	{name: "removals go backwards", chunk: 4, do: func(b *bench) {
		b.want(0, 1, "a b c")
		b.run()
		b.want(0, 2, "")
		b.run()
		b.expect("+a +b +c -c -b -a", "applied 0 gen 1", "applied 0 gen 2")
	}},
	{name: "only the difference is touched", chunk: 4, do: func(b *bench) {
		b.want(0, 1, "a b c")
		b.run()
		b.want(0, 2, "a c d")
		b.run()
		b.expect("+a +b +c -b +d", "applied 0 gen 1", "applied 0 gen 2")
	}},
	{name: "another attribute: away and back", chunk: 4, do: func(b *bench) {
		b.want(0, 1, "a b")
		b.run()
		b.want(0, 2, "a=1 b")
		b.run()
		b.expect("+a +b -a +a=1", "applied 0 gen 1", "applied 0 gen 2")
	}},
	{name: "the newest want counts, older ones leave no trace", chunk: 4, do: func(b *bench) {
		b.want(0, 1, "a b")
		b.want(0, 2, "")
		b.want(0, 3, "c")
		b.run()
		b.expect("+c", "applied 0 gen 3")
	}},
	{name: "a want in the middle of another: what is there goes, what was not begun never comes", chunk: 4, do: func(b *bench) {
		b.want(0, 1, "a b c d e f")
		b.open(<-b.mail)
		b.step(0)
		b.want(0, 2, "b g")
		b.run()
		b.expect("+a +b +c +d -d -c -a +g", "applied 0 gen 2")
	}},
	{name: "a removal that was not begun is not forgotten by the next want", chunk: 4, do: func(b *bench) {
		b.want(0, 1, "a b c d e f")
		b.run()
		b.want(0, 2, "")
		b.open(<-b.mail)
		b.step(0) // f e d c
		b.want(0, 3, "x")
		b.run()
		b.expect("+a +b +c +d +e +f -f -e -d -c -b -a +x", "applied 0 gen 1", "applied 0 gen 3")
	}},
	{name: "a removal that was not begun and is wanted again is not done", chunk: 4, do: func(b *bench) {
		b.want(0, 1, "a b c d e f")
		b.run()
		b.want(0, 2, "")
		b.open(<-b.mail)
		b.step(0)
		b.want(0, 3, "a b f")
		b.run()
		b.expect("+a +b +c +d +e +f -f -e -d -c +f", "applied 0 gen 1", "applied 0 gen 3")
	}},
	{name: "two owners of one thing: it goes with the last", chunk: 4, do: func(b *bench) {
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
	{name: "handed from one owner to another in one breath: untouched", chunk: 4, do: func(b *bench) {
		b.want(0, 1, "a")
		b.run()
		b.want(0, 2, "")
		b.want(1, 2, "a")
		b.run()
		b.expect("+a", "applied 0 gen 1", "applied 0 gen 2", "applied 1 gen 2")
	}},
	{name: "what exists already is taken as it is, and goes with the want", chunk: 4, do: func(b *bench) {
		b.k.there["a"] = thing{"a", 7}
		b.want(0, 1, "a")
		b.run()
		b.want(0, 2, "")
		b.run()
		b.expect("+a? -a", "applied 0 gen 1", "applied 0 gen 2")
	}},
	{name: "what is gone already is gone", chunk: 4, do: func(b *bench) {
		b.want(0, 1, "a")
		b.run()
		delete(b.k.there, "a")
		b.want(0, 2, "")
		b.run()
		b.expect("+a -a?", "applied 0 gen 1", "applied 0 gen 2")
	}},
	{name: "adopted and wanted: not a word to the kernel", chunk: 4, do: func(b *bench) {
		b.k.there["a"], b.k.there["b"] = thing{"a", 0}, thing{"b", 0}
		b.Adopt(0, things("a b"))
		b.want(0, 1, "a b")
		b.run()
		b.expect("", "applied 0 gen 1")
		b.want(0, 2, "")
		b.run()
		b.expect("-b -a", "applied 0 gen 2")
	}},
	{name: "adopted and not wanted: removed; missing: added", chunk: 4, do: func(b *bench) {
		b.k.there["a"], b.k.there["b"] = thing{"a", 0}, thing{"b", 0}
		b.Adopt(0, things("a b"))
		b.Adopt(1, nil)
		b.want(0, 1, "b c")
		b.run()
		b.expect("-a +c", "applied 0 gen 1")
	}},
	{name: "adopted with another attribute: changed", chunk: 4, do: func(b *bench) {
		b.k.there["a"] = thing{"a", 1}
		b.Adopt(0, things("a=1"))
		b.want(0, 1, "a")
		b.run()
		b.expect("-a=1 +a", "applied 0 gen 1")
	}},
	{name: "adopted by one, wanted by another: stays", chunk: 4, do: func(b *bench) {
		b.k.there["a"] = thing{"a", 0}
		b.Adopt(0, things("a"))
		b.want(0, 1, "")
		b.want(1, 1, "a")
		b.run()
		b.expect("", "applied 0 gen 1", "applied 1 gen 1")
	}},
	{name: "an adopted thing lost before it is wanted is added", chunk: 4, do: func(b *bench) {
		b.k.there["a"] = thing{"a", 0}
		b.Adopt(0, things("a"))
		b.run()
		b.outside("a")
		b.run()
		b.want(0, 1, "a")
		b.run()
		b.expect("+a", "applied 0 gen 1")
	}},
}

var turnRules = []rule{
	{name: "an owner with much does not keep one with little waiting", chunk: 2, do: func(b *bench) {
		b.want(0, 1, "a b c d e f")
		b.want(1, 1, "x")
		b.run()
		b.expect("+a +b +x +c +d +e +f", "applied 1 gen 1", "applied 0 gen 1")
	}},
	{name: "small wants share a chunk", chunk: 3, do: func(b *bench) {
		calls := 0
		b.want(0, 1, "a")
		b.want(1, 1, "b")
		b.want(2, 1, "c")
		b.open(<-b.mail)
		for b.step(0) {
			calls++
		}
		if calls != 1 {
			b.t.Errorf("%d chunks, want 1", calls)
		}
		b.expect("+a +b +c", "applied 0 gen 1", "applied 1 gen 1", "applied 2 gen 1")
	}},
	{name: "giving up comes before taking, and both go on", chunk: 2, do: func(b *bench) {
		b.want(1, 1, "a b c d")
		b.run()
		b.expect("+a +b +c +d", "applied 1 gen 1")
		b.want(0, 1, "w x y z")
		b.want(1, 2, "")
		b.run()
		b.expect("-d -c +w +x -b -a +y +z", "applied 1 gen 2", "applied 0 gen 1")
	}},
	{name: "an owner who gives up while waiting to take is served at once, and told once", chunk: 2, do: func(b *bench) {
		b.want(1, 1, "a")
		b.run()
		b.want(0, 1, "s t u v")
		b.want(1, 2, "a b")
		b.open(<-b.mail)
		b.want(1, 3, "")
		b.run()
		b.expect("+a -a +s +t +u +v", "applied 1 gen 1", "applied 1 gen 3", "applied 0 gen 1")
	}},
	{name: "restoring comes before everything", chunk: 2, do: func(b *bench) {
		b.want(0, 1, "a")
		b.run()
		b.want(1, 1, "b c d")
		b.open(<-b.mail)
		b.step(0)
		b.outside("a")
		b.run()
		b.expect("+a +b +c +a +d", "applied 0 gen 1", "repaired a of 0, loss 1", "applied 1 gen 1")
	}},
}

var failureRules = []rule{
	{name: "reported once, the rest is in place, tried again with growing pauses", chunk: 4, do: func(b *bench) {
		b.k.sick["+b"] = Outcome{Failed, errBad}
		b.want(0, 1, "a b c")
		b.run()
		b.expect("+a +b! +c", "applied 0 gen 1: 1 failed, bad")
		for i, pause := range []time.Duration{50, 100, 200, 400, 800, 1600, 3200, 5000, 5000} {
			if next := b.next().Sub(b.clock.Now()); next != pause*time.Millisecond {
				b.t.Errorf("pause %d is %s, want %d ms", i, next, pause)
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
			b.t.Error("still something to do")
		}
	}},
	{name: "a failure of a moment is not reported", chunk: 4, do: func(b *bench) {
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
	}},
	{name: "one that lasts is", chunk: 4, do: func(b *bench) {
		b.k.sick["+a"] = Outcome{Retry, errBusy}
		b.want(0, 1, "a")
		for range 4 {
			b.run()
			b.clock.Advance(10 * time.Millisecond)
		}
		b.expect("+a! +a! +a! +a!", "applied 0 gen 1: 1 failed, busy")
	}},
	{name: "a new want ends the attempts of the old", chunk: 4, do: func(b *bench) {
		b.k.sick["+a"] = Outcome{Failed, errBad}
		b.want(0, 1, "a")
		b.run()
		b.want(0, 2, "b")
		b.run()
		b.clock.Advance(time.Minute)
		b.run()
		b.expect("+a! +b", "applied 0 gen 1: 1 failed, bad", "applied 0 gen 2")
	}},
	{name: "a removal that failed is tried until it is done, whatever is wanted next", chunk: 4, do: func(b *bench) {
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
	}},
	{name: "a restoration that succeeds after a moment is no news", chunk: 4, do: func(b *bench) {
		b.want(0, 1, "a")
		b.run()
		b.k.sick["+a"] = Outcome{Retry, errBusy}
		b.outside("a")
		b.run()
		delete(b.k.sick, "+a")
		b.clock.Advance(10 * time.Millisecond)
		b.run()
		b.expect("+a +a! +a! +a", "applied 0 gen 1")
	}},
	{name: "waiting in both queues does not lengthen the pause", chunk: 4, do: func(b *bench) {
		b.want(1, 1, "a")
		b.run()
		b.k.sick["+b"] = Outcome{Failed, errBad}
		b.want(1, 2, "a b")
		b.open(<-b.mail)
		b.want(1, 3, "b")
		b.run()
		b.expect("+a -a +b!", "applied 1 gen 1", "applied 1 gen 3: 1 failed, bad")
		if pause := b.next().Sub(b.clock.Now()); pause != firstRetry {
			b.t.Errorf("pause %s, want %s", pause, firstRetry)
		}
	}},
	{name: "a change that cannot be made keeps the old", chunk: 4, do: func(b *bench) {
		b.want(0, 1, "a")
		b.run()
		b.k.sick["-a"] = Outcome{Failed, errBad}
		b.want(0, 2, "a=1")
		b.run()
		b.expect("+a -a!", "applied 0 gen 1", "applied 0 gen 2: 1 failed, bad")
	}},
}
