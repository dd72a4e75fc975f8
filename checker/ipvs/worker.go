package ipvs

import (
	"context"
	"net/netip"
	"time"

	"keepalived/core/clock"
	"keepalived/core/timerq"
)

// Kernel is what the worker needs of a Conn. All its methods may block; only Run's
// goroutine calls them.
type Kernel interface {
	// Services reads all services, Service one.
	Services() ([]ServiceStatus, error)
	Service(Key) (s ServiceStatus, there bool, err error)
	// Destinations reads those of a service; none when there is no such service.
	Destinations(Key) ([]DestinationStatus, error)

	AddService(Service) error
	EditService(Service) error
	RemoveService(Key) error
	AddDestination(Key, Destination) error
	EditDestination(Key, Destination) error
	RemoveDestination(Key, netip.AddrPort) error
	Flush() error
	Close() error
}

// Applied reports that the want of generation Gen for the service is in force (Err nil),
// or that Failed of its operations did not work. Those are tried again with growing
// pauses, and when all is well at last there is another Applied for the same Gen, with Err
// nil. A generation that was superseded before it was done gets none. Without ip_vs in the
// kernel Err is ErrNoIPVS.
type Applied struct {
	Service Key
	Gen     uint64
	Err     error // of the first failure
	Failed  int
}

// Drift is how an entry had come to differ.
type Drift uint8

// The kinds of drift.
const (
	Vanished Drift = iota // it was gone, and was put back
	Changed               // Fields differed, and were set again
	Intruder              // a destination that nobody wanted of our service, and was removed
)

func (d Drift) String() string { return [...]string{"vanished", "changed", "intruder"}[d] }

// Repaired reports that somebody else had changed an entry of ours, and that it is again
// as wanted.
type Repaired struct {
	Service Key
	// Server is the destination concerned; not valid: the service itself.
	Server netip.AddrPort
	Drift  Drift
	Fields Fields // of Changed
	// Times counts the repairs of this service since the worker started.
	Times uint64
}

// Config is what a Worker needs. Zero numbers stand for the defaults.
type Config struct {
	Clock clock.Clock
	// Open connects to the kernel, usually Open of this package. It is called by Run's
	// goroutine, and again when the connection has become useless or ip_vs is missing.
	Open func() (Kernel, error)
	// Applied and Repaired are called by Run's goroutine; they may wait, but not for the
	// goroutine that calls SetWant to do more than take a message.
	Applied  func(Applied)
	Repaired func(Repaired)

	// Period is how often the kernel is compared with what is wanted; 5 s.
	Period time.Duration
	// Chunk is how many services are dealt with before new wants are looked at; 32.
	Chunk int
	// Reopen is the pause between attempts to find ip_vs where it is missing; 30 s.
	Reopen time.Duration
}

func (c *Config) fillIn() {
	if c.Period == 0 {
		c.Period = 5 * time.Second
	}
	if c.Chunk == 0 {
		c.Chunk = 32
	}
	if c.Reopen == 0 {
		c.Reopen = 30 * time.Second
	}
}

// Worker makes the kernel's table match what is wanted, service by service. SetWant,
// Remove, Flush, Verify and Close are for one goroutine (the loop); they never block. Run
// is for another.
//
// A service becomes ours by being wanted, whoever has made it: it is taken as it is,
// edited where it differs, and its destinations that are not wanted go. Nothing is ever
// deleted and added again, so connections survive. Services nobody has spoken of are left
// alone. When Run ends because its context does, the table stays as it is.
//
// It does not build on core/reconcile/worker: there a change is a removal and an addition,
// the kernel tells of losses, and objects stand alone; here changes are edits, the kernel
// tells nothing, and destinations live and die with their service.
type Worker struct {
	cfg  Config
	mail chan *inbox

	// What follows belongs to Run's goroutine.
	kernel   Kernel
	noKernel error // of the last attempt to open one
	reopenAt clock.Instant
	entries  map[Key]*entry
	numbers  numbers // of entries, for retries
	retries  timerq.Queue
	queue    []*entry // with something to do
	sweep    []sighting
	sweepAt  clock.Instant
	flush    bool
	closing  bool
}

// New makes a Worker. It does nothing before Run.
func New(cfg Config) *Worker {
	cfg.fillIn()
	return &Worker{cfg: cfg, mail: make(chan *inbox, 1), entries: map[Key]*entry{}, sweepAt: clock.Never}
}

// SetWant says what the service is to be from now on, with all its destinations, which
// belong to the worker then. Of destinations with one address the first counts.
func (w *Worker) SetWant(gen uint64, s Service, destinations []Destination) {
	w.say(func(in *inbox) {
		in.set(s.Key, want{gen: gen, present: true, service: s.canonical(), destinations: destinations})
	})
}

// Remove says that the service is not to be, whether it was ever wanted or not.
func (w *Worker) Remove(gen uint64, k Key) {
	w.say(func(in *inbox) { in.set(k, want{gen: gen}) })
}

// Flush removes everything from the table, also what is not ours, before the wants that
// are said after it (lvs_flush).
func (w *Worker) Flush() { w.say(func(in *inbox) { in.flush = true }) }

// Verify compares with the kernel now instead of at the end of the period.
func (w *Worker) Verify() { w.say(func(in *inbox) { in.verify = true }) }

// Close has Run return as soon as all that was said before is in force. Failures are tried
// again until the context of Run ends: that is the caller's time limit.
func (w *Worker) Close() { w.say(func(in *inbox) { in.closing = true }) }

// Run works until ctx ends, or until all is done after Close; it returns nil.
func (w *Worker) Run(ctx context.Context) error {
	waker := w.cfg.Clock.NewWaker()
	defer waker.Close()
	defer w.hangUp()
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

// next is when Run has something to do again by itself; Never also when it waits for an
// ip_vs that is not there and is about to end.
func (w *Worker) next() clock.Instant {
	switch {
	case w.kernel != nil && w.closing:
		return w.retries.Next()
	case w.kernel != nil:
		return min(w.retries.Next(), w.sweepAt)
	case w.closing || len(w.entries) == 0:
		return clock.Never
	}
	return w.reopenAt
}

// wakeUp queues what is due.
func (w *Worker) wakeUp(now clock.Instant) {
	for {
		n, ok := w.retries.PopDue(now)
		if !ok {
			break
		}
		w.enqueue(w.numbers.entry(n))
	}
	if w.kernel == nil && len(w.entries) > 0 && w.reopenAt <= now {
		for _, e := range w.entries {
			w.enqueue(e)
		}
	}
}

func (w *Worker) enqueue(e *entry) {
	if !e.queued {
		e.queued = true
		w.queue = append(w.queue, e)
	}
}

// step does a part of the work; false when there is none.
func (w *Worker) step(now clock.Instant) bool {
	sweeping := len(w.sweep) > 0 || w.sweepAt <= now
	if len(w.queue) == 0 && !w.flush && (!sweeping || w.closing) {
		return false
	}
	if w.kernel == nil && !w.connect(now) {
		return false
	}
	switch {
	case w.flush:
		w.flushAll()
	case len(w.queue) > 0:
		w.list()
		n := min(len(w.queue), w.cfg.Chunk)
		chunk := w.queue[:n]
		w.queue = w.queue[n:]
		w.chunk(now, chunk)
	case len(w.sweep) > 0:
		n := min(len(w.sweep), w.cfg.Chunk)
		chunk := w.sweep[:n]
		w.sweep = w.sweep[n:]
		w.compare(now, chunk)
	default:
		w.look(now)
	}
	return true
}
