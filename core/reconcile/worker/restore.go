package worker

import (
	"slices"
	"time"

	"keepalived/core/clock"
)

const (
	// dragWindow is how long after a removal of ours a loss may be its consequence.
	dragWindow = time.Second
	// dragMemory is how many removals are remembered for that, at least.
	dragMemory = 256
	// contestedReports lies between two reports of an object that stays contested.
	contestedReports = time.Second
	// verifyRetry is the pause after a failed look at the kernel.
	verifyRetry = 100 * time.Millisecond
)

// losses is the history of an object that others remove.
type losses struct {
	at        []clock.Instant // within Config.Within
	contested bool
	restored  clock.Instant
	told      clock.Instant
}

type pacedLoss[K comparable] struct {
	at  clock.Instant
	key K
}

type removal[V any] struct {
	at clock.Instant
	v  V
}

// restore puts back one chunk of what is said to be lost. To add is also to look: the
// kernel refuses what exists, and then nothing was lost (the news was of a removal of
// our own, overtaken by a new want).
func (w *Worker[K, V]) restore(now clock.Instant) {
	n := min(len(w.lost), w.cfg.Chunk)
	keys := w.lost[:n]
	w.lost = w.lost[n:]
	w.clearBatch()
	for _, k := range keys {
		if obj := w.objects[k]; obj != nil && !obj.chosen && w.missed(now, k, obj) {
			w.choose(obj, obj.claims[0].want)
		}
	}
	if len(w.batch) == 0 {
		return
	}
	w.outcomes = slices.Grow(w.outcomes[:0], len(w.batch))[:len(w.batch)]
	clear(w.outcomes)
	w.cfg.Applier.Add(w.batch, w.outcomes)
	for i, obj := range w.targets {
		obj.chosen = false
		switch w.outcomes[i].Verdict {
		case Done:
			w.restored(now, obj, w.batch[i])
		case Already:
		default:
			w.revisit(w.batch[i].Key(), obj)
		}
	}
}

// missed decides whether the news of a loss matters now.
func (w *Worker[K, V]) missed(now clock.Instant, k K, obj *object[K, V]) bool {
	switch {
	case len(obj.claims) == 0:
		// The news may be of an earlier removal of our own, and the object there
		// again: what is to be removed is removed all the same, and what is wanted
		// anew before that is added to make sure. Of an adopted one there can have
		// been no earlier removal.
		obj.present, obj.doubtful = obj.present && !obj.adopted, true
		return false
	case !obj.present, !obj.claims[0].want.Restore():
		return false // to be added anyway; or to be left alone until it is wanted anew
	}
	if due := obj.losses.restored.Add(w.cfg.Pace); obj.losses.contested && now < due {
		if !slices.ContainsFunc(w.paced, func(p pacedLoss[K]) bool { return p.key == k }) {
			w.paced = append(w.paced, pacedLoss[K]{due, k})
		}
		return false
	}
	return true
}

// restored counts and reports a loss that is made good.
func (w *Worker[K, V]) restored(now clock.Instant, obj *object[K, V], v V) {
	obj.have = v
	l := &obj.losses
	l.restored = now
	dragged := w.dragged(now, v)
	if !dragged {
		l.at = slices.DeleteFunc(l.at, func(t clock.Instant) bool { return now.Sub(t) > w.cfg.Within })
		l.at = append(l.at, now)
		was := l.contested
		l.contested = len(l.at) >= w.cfg.Contested
		if l.contested && was && now < l.told.Add(contestedReports) {
			return
		}
	}
	l.told = now
	for _, c := range obj.claims {
		w.cfg.Repaired(Repaired[V]{Owner: c.owner, Object: v, Losses: len(l.at), Contested: l.contested, Dragged: dragged})
	}
}

// revisit hands an object that could not be put back to its owners' regular retries.
func (w *Worker[K, V]) revisit(k K, obj *object[K, V]) {
	obj.present = false
	for _, c := range obj.claims {
		o := w.owners[c.owner]
		o.todo = append(o.todo, k)
		w.enqueue(c.owner, o)
	}
}

func (w *Worker[K, V]) noteRemoval(now clock.Instant, v V) {
	if len(w.removed) == 2*dragMemory {
		w.removed = slices.Delete(w.removed, 0, dragMemory)
	}
	w.removed = append(w.removed, removal[V]{now, v})
}

// dragged reports whether a removal of ours may have taken v with it.
func (w *Worker[K, V]) dragged(now clock.Instant, v V) bool {
	w.removed = slices.DeleteFunc(w.removed, func(r removal[V]) bool { return now.Sub(r.at) > dragWindow })
	return slices.ContainsFunc(w.removed, func(r removal[V]) bool { return r.v.Drags(v) })
}

// compare looks at the kernel for what should be there.
func (w *Worker[K, V]) compare(now clock.Instant) {
	seen, err := w.cfg.Applier.Observe()
	if err != nil {
		w.verify = now.Add(verifyRetry)
		return
	}
	there := make(map[K]struct{}, len(seen))
	for _, v := range seen {
		there[v.Key()] = struct{}{}
	}
	ids := make([]Owner, 0, len(w.owners))
	for id := range w.owners {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		for _, k := range w.owners[id].held {
			if _, ok := there[k]; !ok {
				w.lost = append(w.lost, k)
			}
		}
	}
}
