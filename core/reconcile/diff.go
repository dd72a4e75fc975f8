// Package reconcile compares what an owner wants with what there is and says what to
// do, in which order. It is pure; applying is the business of reconcile/worker.
package reconcile

// Object is something that can be wanted of the kernel: it has an identity, and
// attributes that may differ between what is wanted and what is there.
type Object[K comparable, V any] interface {
	// Key is the identity: two objects with one key cannot exist at once.
	Key() K
	// Same reports whether have, which has the same key, is as good as the receiver.
	Same(have V) bool
}

// Plan is the way from what there is to what is wanted. Its parts are carried out in
// the order of its fields.
type Plan[V any] struct {
	Remove []V         // as they are, the last of have first
	Change []Change[V] // in the order of want
	Add    []V         // in the order of want
}

// Change is an object whose attributes differ.
type Change[V any] struct{ From, To V }

// Empty reports that there is nothing to do.
func (p Plan[V]) Empty() bool { return len(p.Remove)+len(p.Change)+len(p.Add) == 0 }

// Diff returns the plan from have to want. Both are lists because their order has a
// meaning: the first address of a subnet becomes its primary one, so additions keep the
// order of want; and removals go backwards, because the kernel removes the secondary
// addresses with their primary. Of several objects with one key the first counts.
func Diff[K comparable, V Object[K, V]](want, have []V) Plan[V] {
	var p Plan[V]
	there := make(map[K]V, len(have))
	for _, h := range have {
		if _, twice := there[h.Key()]; !twice {
			there[h.Key()] = h
		}
	}
	wanted := make(map[K]struct{}, len(want))
	for _, w := range want {
		k := w.Key()
		if _, twice := wanted[k]; twice {
			continue
		}
		wanted[k] = struct{}{}
		switch h, ok := there[k]; {
		case !ok:
			p.Add = append(p.Add, w)
		case !w.Same(h):
			p.Change = append(p.Change, Change[V]{From: h, To: w})
		}
	}
	for i := len(have) - 1; i >= 0; i-- {
		k := have[i].Key()
		if _, keep := wanted[k]; keep {
			continue
		}
		wanted[k] = struct{}{} // once
		p.Remove = append(p.Remove, there[k])
	}
	return p
}
