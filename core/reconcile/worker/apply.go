package worker

import (
	"slices"
	"time"

	"keepalived/core/clock"
	"keepalived/core/reconcile"
)

const (
	// shortRetry and quietRetries: a failure that may be over in a moment is tried so
	// often before anybody is told.
	shortRetry   = 10 * time.Millisecond
	quietRetries = 3
	// firstRetry doubles up to lastRetry.
	firstRetry = 50 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// visit is an object to be looked at on behalf of an owner.
type visit[K comparable, V any] struct {
	owner Owner
	key   K
	obj   *object[K, V]
}

// setWant puts a new generation in place of the old one.
func (w *Worker[K, V]) setWant(id Owner, want want[V]) {
	o := w.owner(id)
	var have []V
	for _, k := range o.held {
		if obj := w.objects[k]; obj != nil && obj.present && !obj.doubtful {
			have = append(have, obj.have)
		}
	}
	plan := reconcile.Diff(want.objects, have)

	// What the old generation gave up and is still there stays to be removed.
	unfinished := append(o.todo, o.failed...)
	before := o.held
	for _, k := range before {
		if obj := w.objects[k]; obj != nil {
			obj.unclaim(id)
			obj.adopted = false
		}
	}
	o.held = nil
	for _, v := range want.objects {
		k := v.Key()
		if !slices.ContainsFunc(w.object(k).claims, func(c claim[V]) bool { return c.owner == id }) {
			o.held = append(o.held, k)
			w.objects[k].claim(id, v)
		}
	}
	for _, k := range before {
		if obj := w.objects[k]; obj != nil && !obj.present && len(obj.claims) == 0 {
			delete(w.objects, k)
		}
	}
	todo := make([]K, 0, len(unfinished)+len(plan.Remove)+len(plan.Change)+len(plan.Add))
	for _, k := range unfinished {
		if obj := w.objects[k]; obj != nil && obj.present && len(obj.claims) == 0 {
			todo = append(todo, k)
		}
	}
	for _, v := range plan.Remove {
		todo = append(todo, v.Key())
	}
	shrinks := len(todo) > 0
	for _, c := range plan.Change {
		todo = append(todo, c.To.Key())
	}
	for _, v := range plan.Add {
		todo = append(todo, v.Key())
	}
	*o = owner[K]{gen: want.gen, held: o.held, todo: todo, queued: o.queued, shrinks: shrinks}
	w.retries.Set(int32(id), clock.Never)
	w.enqueue(id, o)
}

// enqueue gives the owner a turn. An owner that waits in the slow queue and now has
// something to give up moves to the other one by being in both: the turn that finds
// nothing left to do does nothing.
func (w *Worker[K, V]) enqueue(id Owner, o *owner[K]) {
	if o.queued && !o.shrinks {
		return
	}
	o.queued = true
	if o.shrinks {
		w.shrinking = append(w.shrinking, id)
		return
	}
	w.growing = append(w.growing, id)
}

// chunk takes owners from the head of queue until they make a chunk, applies it, and
// returns the rest of the queue. An owner that is not done goes to its end.
func (w *Worker[K, V]) chunk(now clock.Instant, queue []Owner) []Owner {
	w.visits = w.visits[:0]
	n := 0
	for ; n < len(queue) && len(w.visits) < w.cfg.Chunk; n++ {
		id := queue[n]
		o := w.owners[id]
		take := min(len(o.todo), w.cfg.Chunk-len(w.visits))
		for _, k := range o.todo[:take] {
			if obj := w.objects[k]; obj != nil {
				w.visits = append(w.visits, visit[K, V]{id, k, obj})
			}
		}
		o.todo = o.todo[take:]
	}
	taken := queue[:n]
	w.apply(now)
	rest := queue[n:]
	for _, id := range taken {
		o := w.owners[id]
		if !o.queued {
			continue // served from the other queue
		}
		if len(o.todo) > 0 {
			rest = append(rest, id)
			continue
		}
		o.queued, o.shrinks = false, false
		w.tell(now, id, o)
	}
	return rest
}

// apply brings the objects of w.visits to what is wanted of them: removals first, and
// of what has to change too, then additions.
func (w *Worker[K, V]) apply(now clock.Instant) {
	for _, v := range w.visits {
		v.obj.last = Outcome{}
	}
	w.collect(func(obj *object[K, V]) (V, bool) {
		stale := obj.present && (len(obj.claims) == 0 || !obj.claims[0].want.Same(obj.have))
		return obj.have, stale
	})
	w.removeAll(now)
	w.collect(func(obj *object[K, V]) (v V, missing bool) {
		if len(obj.claims) == 0 || obj.present && !obj.doubtful {
			return v, false
		}
		return obj.claims[0].want, true
	})
	w.addAll()
	w.settle()
}

// settle notes for each owner what was visited in vain.
func (w *Worker[K, V]) settle() {
	for _, v := range w.visits {
		o := w.owners[v.owner]
		claimed := len(v.obj.claims) > 0
		switch {
		case v.obj.present != claimed || v.obj.last.Err != nil:
			o.failed = append(o.failed, v.key)
			o.final = o.final || v.obj.last.Verdict == Failed
			if o.err == nil {
				o.err = v.obj.last.Err
			}
		case !claimed:
			delete(w.objects, v.key)
		}
	}
}

// collect makes a batch of those visited objects that which returns.
func (w *Worker[K, V]) collect(which func(*object[K, V]) (V, bool)) {
	w.clearBatch()
	for _, v := range w.visits {
		if v.obj.chosen {
			continue
		}
		if o, ok := which(v.obj); ok {
			w.choose(v.obj, o)
		}
	}
	w.outcomes = slices.Grow(w.outcomes[:0], len(w.batch))[:len(w.batch)]
	clear(w.outcomes)
}

func (w *Worker[K, V]) clearBatch() { w.batch, w.targets = w.batch[:0], w.targets[:0] }

func (w *Worker[K, V]) choose(obj *object[K, V], v V) {
	obj.chosen = true
	w.batch, w.targets = append(w.batch, v), append(w.targets, obj)
}

// removeAll removes the batch.
func (w *Worker[K, V]) removeAll(now clock.Instant) {
	if len(w.batch) == 0 {
		return
	}
	w.cfg.Applier.Remove(w.batch, w.outcomes)
	for i, obj := range w.targets {
		obj.chosen = false
		obj.last = w.outcomes[i]
		if obj.last.Err != nil {
			continue
		}
		obj.present, obj.doubtful = false, false
		w.noteRemoval(now, w.batch[i])
	}
}

// addAll adds the batch.
func (w *Worker[K, V]) addAll() {
	if len(w.batch) == 0 {
		return
	}
	w.cfg.Applier.Add(w.batch, w.outcomes)
	for i, obj := range w.targets {
		obj.chosen = false
		obj.last = w.outcomes[i]
		if obj.last.Err == nil {
			obj.have, obj.present, obj.doubtful = w.batch[i], true, false
		}
	}
}

// tell reports an owner that has nothing left to be looked at, and arms the next
// attempt at what failed.
func (w *Worker[K, V]) tell(now clock.Instant, id Owner, o *owner[K]) {
	if len(o.failed) == 0 {
		o.attempts = 0
		if o.told != toldDone {
			o.told = toldDone
			w.cfg.Applied(Applied{Owner: id, Gen: o.gen})
		}
		return
	}
	o.attempts++
	pause := shortRetry
	if o.final || o.attempts > quietRetries {
		if o.told != toldFailed {
			o.told = toldFailed
			w.cfg.Applied(Applied{Owner: id, Gen: o.gen, Err: o.err, Failed: len(o.failed)})
		}
		pause = min(lastRetry, firstRetry<<min(o.attempts-1, 10))
	}
	o.err, o.final = nil, false
	w.retries.Set(int32(id), now.Add(pause))
}
