package ipvs

import "keepalived/core/clock"

// sighting is a service of ours as it was seen at the beginning of a sweep.
type sighting struct {
	e       *entry
	version uint64 // of e then: when it was dealt with since, the sighting is out of date
	there   bool
	service Service
}

// look begins a sweep: it reads all services and lists ours for the comparison. A kernel
// that does not answer is opened anew; ip_vs may have been unloaded.
func (w *Worker) look(now clock.Instant) {
	w.sweepAt = now.Add(w.cfg.Period)
	services, err := w.kernel.Services()
	if err != nil {
		w.hangUp()
		w.reopenAt = now
		return
	}
	for _, s := range services {
		if e := w.entries[s.Key]; e != nil && e.known {
			w.sweep = append(w.sweep, sighting{e, e.version, true, s.Service})
			e.seen = true
		}
	}
	for _, e := range w.entries {
		if e.known && !e.seen {
			w.sweep = append(w.sweep, sighting{e: e, version: e.version})
		}
		e.seen = false
	}
}

// compare looks for drift, and repairs it.
func (w *Worker) compare(now clock.Instant, chunk []sighting) {
	for _, s := range chunk {
		e := s.e
		if s.version != e.version || !e.known {
			continue
		}
		var list []DestinationStatus
		if s.there {
			var err error
			if list, err = w.kernel.Destinations(e.key); err != nil {
				continue // the next sweep will tell more
			}
		}
		pending := map[opID]struct{}{}
		for _, o := range e.plan() {
			pending[o.opID] = struct{}{}
		}
		e.saw(s.there, s.service, list)
		drifted := map[opID]Repaired{}
		for _, o := range e.plan() {
			if _, ours := pending[o.opID]; ours {
				continue
			}
			drifted[o.opID] = o.drift(e.key)
			if o.kind == addService {
				break // its destinations went with it
			}
		}
		if len(drifted) > 0 { // the rest is our own affair, and has its time
			e.drifted = drifted
			w.deal(now, e)
		}
	}
}

// drift is what an operation makes good.
func (o op) drift(k Key) Repaired {
	r := Repaired{Service: k, Server: o.addr, Fields: o.fields}
	switch o.kind {
	case addService, addDestination:
		r.Drift = Vanished
	case editService, editDestination:
		r.Drift = Changed
	default:
		r.Drift = Intruder
	}
	return r
}

// repaired reports an operation that has made good a drift.
func (w *Worker) repaired(e *entry, o op) {
	r, ok := e.drifted[o.opID]
	if !ok {
		return
	}
	delete(e.drifted, o.opID)
	e.repairs++
	r.Times = e.repairs
	w.cfg.Repaired(r)
}
