package worker

import "slices"

// inbox is what the loop has said since Run last looked. There is at most one of them
// in the mail channel (capacity 1): the loop takes it out, adds to it and puts it back,
// so that it never waits and the newest want of an owner replaces the older ones.
type inbox[K comparable, V any] struct {
	adopted []adoption[V]
	wants   map[Owner]want[V]
	order   []Owner // of wants, by first mention
	lost    map[K]struct{}
	losses  []K // keys of lost, in order
	verify  bool
	closing bool
}

type adoption[V any] struct {
	owner Owner
	have  []V
}

type want[V any] struct {
	gen     uint64
	objects []V
}

// SetWant says what owner wants from now on, all of it; nil is nothing. objects belongs
// to the worker. Applied comes when it is in force.
func (w *Worker[K, V]) SetWant(owner Owner, gen uint64, objects []V) {
	w.say(func(in *inbox[K, V]) {
		if _, again := in.wants[owner]; !again {
			in.order = append(in.order, owner)
		}
		in.wants[owner] = want[V]{gen, objects}
	})
}

// Adopt says that have, which is in the kernel, is owner's: its next SetWant leaves alone
// what it wants of it, without a word to the kernel, and removes the rest. It must come
// before the owner's first SetWant.
func (w *Worker[K, V]) Adopt(owner Owner, have []V) {
	w.say(func(in *inbox[K, V]) { in.adopted = append(in.adopted, adoption[V]{owner, have}) })
}

// Lost says that the kernel has reported the end of the objects with these keys. It is
// meant to be told of all of them: those nobody wants, and those the worker removed
// itself, are recognised.
func (w *Worker[K, V]) Lost(keys ...K) {
	w.say(func(in *inbox[K, V]) {
		for _, k := range keys {
			if _, known := in.lost[k]; !known {
				in.lost[k] = struct{}{}
				in.losses = append(in.losses, k)
			}
		}
	})
}

// Verify has the worker read the kernel's objects and restore what is missing; for the
// case that notifications were lost.
func (w *Worker[K, V]) Verify() { w.say(func(in *inbox[K, V]) { in.verify = true }) }

// Close has Run return as soon as all that was said before is in force. Failures are
// tried again until the context of Run ends: that is the caller's time limit.
func (w *Worker[K, V]) Close() { w.say(func(in *inbox[K, V]) { in.closing = true }) }

func (w *Worker[K, V]) say(add func(*inbox[K, V])) {
	var in *inbox[K, V]
	select {
	case in = <-w.mail:
	default:
		in = &inbox[K, V]{wants: map[Owner]want[V]{}, lost: map[K]struct{}{}}
	}
	add(in)
	w.mail <- in // there is room: nobody else puts anything in
}

// open takes the mail: adoptions before wants, and losses last, so that what an owner
// has given up in the same breath is not restored.
func (w *Worker[K, V]) open(in *inbox[K, V]) {
	for _, a := range in.adopted {
		w.adopt(a.owner, a.have)
	}
	for _, id := range in.order {
		w.setWant(id, in.wants[id])
	}
	w.lost = append(w.lost, in.losses...)
	if in.verify {
		w.verify = 0
	}
	w.closing = w.closing || in.closing
}

// owner is what Run knows of an owner.
type owner[K comparable] struct {
	gen      uint64
	held     []K // what it wants or has adopted
	todo     []K // to be looked at
	failed   []K // looked at in vain
	err      error
	final    bool // one of failed is beyond a short wait
	attempts int
	told     told
	queued   bool
	shrinks  bool
}

// told is what the owner last heard about its generation.
type told uint8

const (
	toldNothing told = iota
	toldFailed
	toldDone
)

// object is what Run knows of an object.
type object[K comparable, V any] struct {
	claims   []claim[V] // who wants it; the first decides its attributes
	have     V
	present  bool
	doubtful bool // present may be wrong
	adopted  bool // and no want has come since
	chosen   bool // in the batch being made
	last     Outcome
	losses   losses
}

type claim[V any] struct {
	owner Owner
	want  V
}

func (w *Worker[K, V]) object(k K) *object[K, V] {
	obj := w.objects[k]
	if obj == nil {
		obj = &object[K, V]{}
		w.objects[k] = obj
	}
	return obj
}

func (w *Worker[K, V]) owner(id Owner) *owner[K] {
	o := w.owners[id]
	if o == nil {
		o = &owner[K]{}
		w.owners[id] = o
	}
	return o
}

func (w *Worker[K, V]) adopt(id Owner, have []V) {
	o := w.owner(id)
	for _, v := range have {
		k := v.Key()
		obj := w.object(k)
		if !obj.present {
			obj.have, obj.present, obj.adopted = v, true, true
		}
		o.held = append(o.held, k)
	}
}

func (o *object[K, V]) unclaim(id Owner) {
	o.claims = slices.DeleteFunc(o.claims, func(c claim[V]) bool { return c.owner == id })
}

func (o *object[K, V]) claim(id Owner, v V) {
	for i := range o.claims {
		if o.claims[i].owner == id {
			o.claims[i].want = v
			return
		}
	}
	o.claims = append(o.claims, claim[V]{id, v})
}
