package ipvs

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"keepalived/core/clock"
	"keepalived/core/reconcile"
)

const (
	// shortRetry and quietRetries: a failure that may be over in a moment is tried so
	// often before anybody is told.
	shortRetry   = 10 * time.Millisecond
	quietRetries = 3
	// firstRetry doubles up to lastRetry, or to lastHopeless for what the kernel has
	// refused: an unknown scheduler has it start modprobe each time.
	firstRetry   = 50 * time.Millisecond
	lastRetry    = 5 * time.Second
	lastHopeless = time.Minute
	// rereads is how often an operation may find that the table is not as thought.
	rereads = 3
	// readAll: from so many services on, reading all is cheaper than one by one.
	readAll = 8
)

type opKind uint8

const (
	addService opKind = iota
	editService
	removeService
	addDestination
	editDestination
	removeDestination
)

// op is one operation on a service or one of its destinations.
type op struct {
	opID
	destination Destination // of the last three
	fields      Fields      // that an edit changes
}

// plan lists what brings the service as known to what is wanted, in order: the new servers
// before the old ones go, so that there is always one that can take a connection.
func (e *entry) plan() []op {
	if !e.want.present {
		if e.there {
			return []op{{opID: opID{kind: removeService}}}
		}
		return nil
	}
	var ops []op
	have := e.destinations
	switch fields := e.want.service.differs(e.service); {
	case !e.there:
		ops = append(ops, op{opID: opID{kind: addService}})
		have = nil
	case fields != 0:
		ops = append(ops, op{opID: opID{kind: editService}, fields: fields})
	}
	p := reconcile.Diff(e.want.destinations, have)
	for _, d := range p.Add {
		ops = append(ops, op{opID{addDestination, d.Addr}, d, 0})
	}
	for _, c := range p.Change {
		ops = append(ops, op{opID{editDestination, c.To.Addr}, c.To, c.To.differs(c.From)})
	}
	for _, d := range p.Remove {
		ops = append(ops, op{opID{removeDestination, d.Addr}, d, 0})
	}
	return ops
}

// chunk deals with some services.
func (w *Worker) chunk(now clock.Instant, chunk []*entry) {
	for _, e := range chunk {
		e.queued = false
		w.deal(now, e)
	}
}

// list reads all services when many of those queued are not known. A failure is left to
// those who read one by one.
func (w *Worker) list() {
	unknown := map[Key]*entry{}
	for _, e := range w.queue {
		if !e.known && !e.listed {
			unknown[e.key] = e
		}
	}
	if len(unknown) < readAll {
		return
	}
	services, err := w.kernel.Services()
	if err != nil {
		return
	}
	for _, e := range unknown {
		e.listed, e.there = true, false
	}
	for _, s := range services {
		if e := unknown[s.Key]; e != nil {
			e.there, e.service = true, s.Service
		}
	}
}

// read finds out what the kernel has of a service.
func (w *Worker) read(e *entry) error {
	s, there := ServiceStatus{Service: e.service}, e.there
	var err error
	if !e.listed {
		if s, there, err = w.kernel.Service(e.key); err != nil {
			return err
		}
	}
	e.listed = false
	var list []DestinationStatus
	if there {
		if list, err = w.kernel.Destinations(e.key); err != nil {
			return err
		}
	}
	e.saw(there, s.Service, list)
	return nil
}

func (e *entry) saw(there bool, s Service, list []DestinationStatus) {
	e.known, e.there, e.service = true, there, s
	e.destinations = make([]Destination, 0, len(list))
	for _, d := range list {
		e.destinations = append(e.destinations, d.canonical())
	}
}

// deal brings a service to what is wanted.
func (w *Worker) deal(now clock.Instant, e *entry) {
	e.version++
	var r result
	for range rereads {
		if !e.known {
			if err := w.read(e); err != nil {
				r = result{failed: 1, err: err, hopeless: !isRetry(err)}
				break
			}
		}
		if r = w.carryOut(e); !r.stale {
			break
		}
		e.known = false
	}
	if r.failed == 0 {
		w.done(e)
		return
	}
	e.attempts++
	pause := shortRetry
	if r.hopeless || e.attempts > quietRetries {
		if e.told != toldFailed {
			e.told = toldFailed
			w.cfg.Applied(Applied{Service: e.key, Gen: e.want.gen, Err: r.err, Failed: r.failed})
		}
		last := lastRetry
		if r.hopeless {
			last = lastHopeless
		}
		pause = min(last, firstRetry<<min(e.attempts-1, 12))
	}
	w.retries.Set(e.number, now.Add(pause))
}

// result is what came of a plan.
type result struct {
	failed   int
	err      error // the first
	hopeless bool  // one failure is not worth a quick retry
	stale    bool  // the table is not as thought: look, and plan again
}

// carryOut executes the plan. What it brings about is known then.
func (w *Worker) carryOut(e *entry) (r result) {
	for _, o := range e.plan() {
		err := w.execute(e, o)
		switch {
		case err == nil:
			e.note(o)
			w.repaired(e, o)
		case o.stale(err):
			r.stale = true
			if r.failed++; r.err == nil {
				r.err = err
			}
			return r
		default:
			if r.failed++; r.err == nil {
				r.err = err
			}
			r.hopeless = r.hopeless || !isRetry(err)
			if o.kind == addService {
				return r // no use in trying its destinations
			}
		}
	}
	return r
}

func (w *Worker) execute(e *entry, o op) error {
	switch o.kind {
	case addService:
		return w.kernel.AddService(e.want.service)
	case editService:
		return w.kernel.EditService(e.want.service)
	case removeService:
		return w.kernel.RemoveService(e.key)
	case addDestination:
		return w.kernel.AddDestination(e.key, o.destination)
	case editDestination:
		return w.kernel.EditDestination(e.key, o.destination)
	default:
		return w.kernel.RemoveDestination(e.key, o.addr)
	}
}

// stale reports an answer that says that the table is not as thought. ENOENT of a service
// is about its scheduler or engine.
func (o op) stale(err error) bool {
	if o.addr.IsValid() {
		return isGone(err) || isExist(err)
	}
	return errors.Is(err, unix.ESRCH) || isExist(err)
}

// note enters what an operation has done into what is known.
func (e *entry) note(o op) {
	switch o.kind {
	case addService, editService:
		if !e.there {
			e.destinations = nil
		}
		e.there, e.service = true, e.want.service
	case removeService:
		e.there, e.destinations = false, nil
	case addDestination:
		e.destinations = append(e.destinations, o.destination)
	case editDestination, removeDestination:
		for i := range e.destinations {
			if e.destinations[i].Addr != o.addr {
				continue
			}
			if o.kind == editDestination {
				e.destinations[i] = o.destination
				return
			}
			e.destinations = append(e.destinations[:i], e.destinations[i+1:]...)
			return
		}
	}
}

// flushAll empties the table; what is wanted comes again.
func (w *Worker) flushAll() {
	w.flush = false
	if err := w.kernel.Flush(); err != nil {
		// What is ours is read and brought in order all the same.
		for _, e := range w.entries {
			e.known = false
		}
		return
	}
	for _, e := range w.entries {
		e.saw(false, Service{}, nil)
		w.enqueue(e)
	}
	w.sweep = nil
}
