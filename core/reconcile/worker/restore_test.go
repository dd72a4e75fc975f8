package worker

import (
	"fmt"
	"strings"
	"time"
)

var restoreRules = []rule{
	{name: "put back at once, with a report", chunk: 100, held: "a b", do: func(b *bench) {
		b.outside("a")
		b.run()
		b.expect("+a", "repaired a of 0, loss 1")
	}},
	{name: "all owners are told", chunk: 100, held: "a", do: func(b *bench) {
		b.want(1, 1, "a")
		b.run()
		b.outside("a")
		b.run()
		b.expect("+a", "applied 1 gen 1", "repaired a of 0, loss 1", "repaired a of 1, loss 1")
	}},
	{name: "the news of our own removal is no loss", chunk: 100, held: "a", do: func(b *bench) {
		b.want(0, 2, "")
		b.run()
		b.want(0, 3, "a")
		b.run()
		b.Lost("a")
		b.run()
		b.expect("-a +a +a?", "applied 0 gen 2", "applied 0 gen 3")
	}},
	{name: "news of strangers is ignored", chunk: 100, held: "a", do: func(b *bench) {
		b.outside("z")
		b.run()
		b.expect("")
	}},
	{name: "what is given up in the same breath is not put back", chunk: 100, held: "a", do: func(b *bench) {
		b.outside("a")
		b.want(0, 2, "")
		b.run()
		b.expect("-a?", "applied 0 gen 2")
	}},
	{name: "stale news of a removal does not spare what is to be removed again", chunk: 100, held: "a", do: func(b *bench) {
		b.want(0, 2, "")
		b.run()
		b.want(0, 3, "a")
		b.run()
		b.Lost("a")
		b.want(0, 4, "")
		b.run()
		b.expect("-a +a -a", "applied 0 gen 2", "applied 0 gen 3", "applied 0 gen 4")
	}},
	{name: "lost while it waited to be removed, and wanted anew: added", chunk: 100, held: "a b c d", do: func(b *bench) {
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
	}},
	{name: "no_track: not put back, but set with the next want", chunk: 100, held: "-a", do: func(b *bench) {
		b.outside("-a")
		b.run()
		b.expect("")
		b.want(0, 2, "")
		b.run()
		b.want(0, 3, "-a")
		b.run()
		b.expect("--a? +-a", "applied 0 gen 2", "applied 0 gen 3")
	}},
	{name: "what cannot be put back becomes a failure", chunk: 100, held: "a", do: func(b *bench) {
		b.k.sick["+a"] = Outcome{Failed, errBad}
		b.outside("a")
		b.run()
		b.expect("+a! +a!", "applied 0 gen 1: 1 failed, bad")
		delete(b.k.sick, "+a")
		b.clock.Advance(time.Second)
		b.run()
		b.expect("+a", "applied 0 gen 1")
	}},
	{name: "what goes with something we removed is put back without blame", chunk: 100, held: "a.1 b", do: func(b *bench) {
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
	}},
	{name: "verify finds what nobody told of", chunk: 100, held: "a b c", do: func(b *bench) {
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
			b.t.Errorf("looked %d times, want 2", b.k.looks)
		}
	}},
	{name: "contested after ten losses in five seconds", chunk: 100, held: "a", do: func(b *bench) {
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
	}},
	{name: "nine in five seconds are not", chunk: 100, held: "a", do: func(b *bench) {
		for range 30 {
			b.clock.Advance(600 * time.Millisecond)
			b.outside("a")
			b.run()
		}
		if last := b.said[len(b.said)-1]; strings.Contains(last, "contested") {
			b.t.Error(last)
		}
	}},
	{name: "a contested thing is put back once in 20 ms at most", chunk: 100, held: "a b", do: func(b *bench) {
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
			b.t.Errorf("next in %s, want 15 ms", next)
		}
		b.clock.Advance(15 * time.Millisecond)
		b.run()
		b.expect("+a")
	}},
}
