package notify

// Queue holds what the scripts of one instance or group still have to be told while
// earlier ones run. keepalived starts every script at once, so that under a flapping
// link two of them run side by side and the last to finish wins. Here the runs of one
// object are in order, and a state that is over before its script could start is left
// out: the last script that runs always has the state that is.
//
// T is what the caller needs to start the scripts of an event. The zero Queue is empty.
// How long a script may hold up the next event is the caller's business; it must be
// bounded, because some scripts never end.
type Queue[T any] struct {
	state, event waiting[T] // the newest state, and a MASTER_RX_LOWER_PRI behind it
	skipped      uint64
}

type waiting[T any] struct {
	item T
	set  bool
}

// Push adds an event. A state takes the place of one that waits and makes a waiting
// MASTER_RX_LOWER_PRI void; of several of these one is enough. The events that no
// script is run for (priority changes) do not belong here and are left out.
func (q *Queue[T]) Push(s State, item T) {
	next := waiting[T]{item: item, set: true}
	switch s {
	case Master, Backup, Fault, Stop, Deleted:
		q.skip(&q.state)
		q.skip(&q.event)
		q.state = next
	case MasterRxLowerPri:
		q.skip(&q.event)
		q.event = next
	}
}

func (q *Queue[T]) skip(w *waiting[T]) {
	if w.set {
		q.skipped++
	}
	*w = waiting[T]{}
}

// Pop takes what is to be run next; false when nothing waits.
func (q *Queue[T]) Pop() (item T, ok bool) {
	w := &q.state
	if !w.set {
		w = &q.event
	}
	item, ok = w.item, w.set
	*w = waiting[T]{}
	return item, ok
}

// Len is the number of events that wait: 0, 1 or 2.
func (q *Queue[T]) Len() int {
	n := 0
	for _, w := range []*waiting[T]{&q.state, &q.event} {
		if w.set {
			n++
		}
	}
	return n
}

// Skipped is how many events were over before their scripts could start.
func (q *Queue[T]) Skipped() uint64 { return q.skipped }
