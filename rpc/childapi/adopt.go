package childapi

import (
	"os"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"keepalived/core/clock"
	"keepalived/core/diag"
	pb "keepalived/proto/keepalived/v1"
)

// ExitConfig is keepalived's exit code for a configuration that cannot run.
const ExitConfig = 2

// Answerer is what an Adopter needs of a Client.
type Answerer interface {
	Prepared(generation uint64, plan *pb.Plan)
	Refused(generation uint64, why diag.List)
	TreeWanted(generation uint64)
	Fatal(code int, text string, within time.Duration) (status int)
}

// Adopter takes a child from one configuration to the next: what takes its time happens
// on the client's goroutine, what has to do with what runs on the child's loop. T is what
// the child makes of a configuration; it is not changed once it is made.
type Adopter[T any] struct {
	Answer Answerer
	// Post has f run on the loop; false: it has ended.
	Post func(f func(now clock.Instant)) bool

	// Decode makes a T of the tree of u. Off the loop.
	Decode func(u Update) (*T, diag.List)
	// Again makes of what Decode made of a tree, then, what it would make of the same
	// tree now: scripts, interfaces and the like may not be what they were. false: only
	// Decode can do that. Off the loop, and it must not change then.
	Again func(then *T) (now *T, ok bool)
	// Plan compares next with what runs. On the loop.
	Plan func(next *T) *pb.Plan
	// Commit puts next in force. On the loop.
	Commit func(now clock.Instant, generation uint64, next *T)

	// The loop's.
	prepared, inForce adopted[T]
}

type adopted[T any] struct {
	generation uint64
	it         *T
}

// Take carries out a step of a configuration change: it is the Config of Options.
func (a *Adopter[T]) Take(u Update) {
	switch u.Phase {
	case Prepare:
		a.prepare(u)
	case Commit:
		a.Post(func(now clock.Instant) {
			if p := a.prepared; p.it != nil && p.generation == u.Generation {
				a.prepared, a.inForce = adopted[T]{}, p
				a.Commit(now, p.generation, p.it)
			}
		})
	case Abort:
		a.Post(func(clock.Instant) {
			if a.prepared.generation == u.Generation {
				a.prepared = adopted[T]{}
			}
		})
	}
}

func (a *Adopter[T]) prepare(u Update) {
	started := time.Now()
	var next *T
	if u.SameAs != 0 {
		var ok bool
		if next, ok = a.again(u.SameAs); !ok {
			a.Answer.TreeWanted(u.Generation)
			return
		}
	} else {
		var diags diag.List
		if next, diags = a.Decode(u); diags.HasFatal() {
			if u.Initial {
				os.Exit(a.Answer.Fatal(ExitConfig, firstFatal(diags), time.Second))
			}
			a.Answer.Refused(u.Generation, diags)
			return
		}
	}
	a.wait(func() {
		a.prepared = adopted[T]{u.Generation, next}
		plan := a.Plan(next)
		plan.Took = durationpb.New(time.Since(started))
		a.Answer.Prepared(u.Generation, plan)
	})
}

// again is what runs, if that is of the generation and good as it is.
func (a *Adopter[T]) again(generation uint64) (next *T, ok bool) {
	var then adopted[T]
	a.wait(func() { then = a.inForce })
	if then.it == nil || then.generation != generation {
		return nil, false
	}
	return a.Again(then.it)
}

// wait has f run on the loop and waits until it has, or the loop has ended.
func (a *Adopter[T]) wait(f func()) {
	done := make(chan struct{})
	if a.Post(func(clock.Instant) { f(); close(done) }) {
		<-done
	}
}

func firstFatal(l diag.List) string {
	for _, x := range l {
		if x.Severity == diag.Fatal {
			return x.Summary
		}
	}
	return ""
}
