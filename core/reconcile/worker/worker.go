// Package worker makes the kernel match what many owners want: it applies plans of
// core/reconcile in chunks, retries what failed, puts back what others removed, and
// reports. It is an effect package without knowledge of what its objects are; it must
// not import rtnl, vrrp or checker. One goroutine, Run, owns all its state.
package worker

import (
	"context"
	"time"

	"keepalived/core/clock"
	"keepalived/core/reconcile"
	"keepalived/core/timerq"
)

// Owner is somebody who wants objects: a small number from 0 on, chosen by the caller.
type Owner int32

// Object is what is wanted.
type Object[K comparable, V any] interface {
	reconcile.Object[K, V]
	// Restore reports whether the object is put back when somebody removes it.
	Restore() bool
	// Drags reports whether the kernel may remove other together with the receiver, as
	// it does with the secondary addresses of a primary one.
	Drags(other V) bool
}

// Verdict is what became of one operation.
type Verdict uint8

// The verdicts.
const (
	Done    Verdict = iota // the kernel did it
	Already                // there was nothing to do: it was there, or was gone
	Retry                  // it may work in a moment
	Failed                 // it will not work before something changes
)

// Outcome is the verdict with the error of Retry and Failed.
type Outcome struct {
	Verdict Verdict
	Err     error
}

// Applier is the kernel. Its methods are called by Run's goroutine only, with at most
// Config.Chunk objects, and fill outcomes, which has the length of objects.
type Applier[V any] interface {
	// Add adds objects in their order and leaves alone what exists (Already).
	Add(objects []V, outcomes []Outcome)
	// Remove removes objects in their order.
	Remove(objects []V, outcomes []Outcome)
	// Observe reads all objects of the kernel.
	Observe() ([]V, error)
}

// Applied reports that the wants of Owner with generation Gen are in force (Err nil:
// everything wanted is there, everything no longer wanted is gone), or that Failed of
// its objects could not be brought about. Those are tried again with growing pauses, and
// when all is well at last there is another Applied for the same Gen, with Err nil. A
// generation that was superseded before it was done gets none.
type Applied struct {
	Owner  Owner
	Gen    uint64
	Err    error // of the first failure
	Failed int
}

// Repaired reports that an object of Owner had vanished and was put back.
type Repaired[V any] struct {
	Owner  Owner
	Object V
	// Losses counts how often it was lost within Config.Within.
	Losses int
	// Contested: Losses has reached Config.Contested; somebody keeps removing it.
	Contested bool
	// Dragged: it went with an object that the worker itself had removed just before.
	// Such a loss is not counted.
	Dragged bool
}

// Config is what a Worker needs. The zero numbers stand for the defaults.
type Config[V any] struct {
	Clock   clock.Clock
	Applier Applier[V]
	// Applied and Repaired are called by Run's goroutine; they may wait, but not for
	// the goroutine that calls SetWant to do more than take a message.
	Applied  func(Applied)
	Repaired func(Repaired[V])

	Chunk     int           // objects applied before others get their turn; 100
	Contested int           // losses within Within that make an object contested; 10
	Within    time.Duration // 5 s
	Pace      time.Duration // shortest time between two restorations of a contested object; 20 ms
}

func (c *Config[V]) fillIn() {
	if c.Chunk == 0 {
		c.Chunk = 100
	}
	if c.Contested == 0 {
		c.Contested = 10
	}
	if c.Within == 0 {
		c.Within = 5 * time.Second
	}
	if c.Pace == 0 {
		c.Pace = 20 * time.Millisecond
	}
}

// Worker applies wants. Adopt, SetWant, Lost, Verify and Close are for one goroutine (the
// loop); they never block. Run is for another.
type Worker[K comparable, V Object[K, V]] struct {
	cfg  Config[V]
	mail chan *inbox[K, V]

	// What follows belongs to Run's goroutine.
	owners  map[Owner]*owner[K]
	objects map[K]*object[K, V]
	// shrinking and growing are the owners with something to do, in the order they
	// came. Those who give something up have their own queue: an address too many is
	// worse than one that is late.
	shrinking, growing []Owner
	fromGrowing        bool // the queue the next chunk is taken from
	lost               []K
	paced              []pacedLoss[K]
	retries            timerq.Queue
	removed            []removal[V]
	closing            bool
	verify             clock.Instant // when to compare with the kernel; Never: not asked for

	// Buffers of one chunk.
	visits   []visit[K, V]
	batch    []V
	targets  []*object[K, V]
	outcomes []Outcome
}

// New makes a Worker. It does nothing before Run.
func New[K comparable, V Object[K, V]](cfg Config[V]) *Worker[K, V] {
	cfg.fillIn()
	return &Worker[K, V]{
		cfg: cfg, mail: make(chan *inbox[K, V], 1),
		owners: map[Owner]*owner[K]{}, objects: map[K]*object[K, V]{}, verify: clock.Never,
	}
}

// Run applies until ctx ends, or until all is done after Close; it returns nil.
func (w *Worker[K, V]) Run(ctx context.Context) error {
	waker := w.cfg.Clock.NewWaker()
	defer waker.Close()
	for ctx.Err() == nil {
		select {
		case in := <-w.mail:
			w.open(in)
		default:
		}
		now := w.cfg.Clock.Now()
		w.wakeUp(now)
		if w.step(now) {
			continue
		}
		next := w.next()
		if w.closing && next == clock.Never {
			return nil
		}
		waker.Arm(next)
		select {
		case <-ctx.Done():
		case in := <-w.mail:
			w.open(in)
		case <-waker.C():
		}
	}
	return nil
}

// next is when Run has something to do again by itself.
func (w *Worker[K, V]) next() clock.Instant {
	at := min(w.retries.Next(), w.verify)
	for _, p := range w.paced {
		at = min(at, p.at)
	}
	return at
}

// wakeUp queues what is due.
func (w *Worker[K, V]) wakeUp(now clock.Instant) {
	for {
		id, ok := w.retries.PopDue(now)
		if !ok {
			break
		}
		o := w.owners[Owner(id)]
		o.todo = append(o.todo, o.failed...)
		o.failed = nil
		w.enqueue(Owner(id), o)
	}
	left := w.paced[:0]
	for _, p := range w.paced {
		if p.at > now {
			left = append(left, p)
			continue
		}
		w.lost = append(w.lost, p.key)
	}
	w.paced = left
	if w.verify <= now {
		w.verify = clock.Never
		w.compare(now)
	}
}

// step applies one chunk; false when there is nothing to do. Restoring comes first,
// then the two queues take turns.
func (w *Worker[K, V]) step(now clock.Instant) bool {
	switch {
	case len(w.lost) > 0:
		w.restore(now)
	case len(w.shrinking) == 0 && len(w.growing) == 0:
		return false
	case len(w.shrinking) == 0 || w.fromGrowing && len(w.growing) > 0:
		w.fromGrowing = false
		w.growing = w.chunk(now, w.growing)
	default:
		w.fromGrowing = true
		w.shrinking = w.chunk(now, w.shrinking)
	}
	return true
}
