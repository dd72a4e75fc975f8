// Package timerq is a queue of deadlines keyed by small integers: an indexed
// 4-ary heap without goroutine and without clock. Re-arming allocates nothing
// once the highest id has been seen.
package timerq

import "keepalived/core/clock"

// Queue holds at most one deadline per id. The zero Queue is empty and ready.
type Queue struct {
	heap []entry
	pos  []int32 // id → index in heap plus 1; 0: not queued
}

type entry struct {
	at clock.Instant
	id int32
}

// Set arms, moves or (with clock.Never) removes the deadline of id. Ids are dense
// and start at 0.
func (q *Queue) Set(id int32, at clock.Instant) {
	if int(id) >= len(q.pos) {
		if at == clock.Never {
			return
		}
		q.pos = append(q.pos, make([]int32, int(id)+1-len(q.pos))...)
	}
	i := int(q.pos[id]) - 1
	switch {
	case at == clock.Never && i < 0:
		return
	case at == clock.Never:
		q.removeAt(i)
	case i < 0:
		q.heap = append(q.heap, entry{at, id})
		q.pos[id] = int32(len(q.heap))
		q.up(len(q.heap) - 1)
	default:
		old := q.heap[i].at
		q.heap[i].at = at
		if at < old {
			q.up(i)
		} else if at > old {
			q.down(i)
		}
	}
}

// Next returns the earliest deadline, clock.Never when there is none.
func (q *Queue) Next() clock.Instant {
	if len(q.heap) == 0 {
		return clock.Never
	}
	return q.heap[0].at
}

// Len returns the number of armed deadlines.
func (q *Queue) Len() int { return len(q.heap) }

// PopDue removes and returns the id with the earliest deadline at or before now.
func (q *Queue) PopDue(now clock.Instant) (id int32, ok bool) {
	if len(q.heap) == 0 || q.heap[0].at > now {
		return 0, false
	}
	id = q.heap[0].id
	q.removeAt(0)
	return id, true
}

func (q *Queue) removeAt(i int) {
	q.pos[q.heap[i].id] = 0
	last := len(q.heap) - 1
	if i != last {
		q.heap[i] = q.heap[last]
		q.pos[q.heap[i].id] = int32(i) + 1
	}
	q.heap = q.heap[:last]
	if i < last {
		q.down(i)
		q.up(i)
	}
}

// less orders by deadline, then by id, so that equal deadlines fire in a fixed order.
func (q *Queue) less(a, b entry) bool { return a.at < b.at || a.at == b.at && a.id < b.id }

func (q *Queue) up(i int) {
	for i > 0 {
		p := (i - 1) / 4
		if !q.less(q.heap[i], q.heap[p]) {
			return
		}
		q.swap(i, p)
		i = p
	}
}

func (q *Queue) down(i int) {
	for {
		first := 4*i + 1
		if first >= len(q.heap) {
			return
		}
		best := first
		for c := first + 1; c < len(q.heap) && c < first+4; c++ {
			if q.less(q.heap[c], q.heap[best]) {
				best = c
			}
		}
		if !q.less(q.heap[best], q.heap[i]) {
			return
		}
		q.swap(i, best)
		i = best
	}
}

func (q *Queue) swap(i, j int) {
	q.heap[i], q.heap[j] = q.heap[j], q.heap[i]
	q.pos[q.heap[i].id] = int32(i) + 1
	q.pos[q.heap[j].id] = int32(j) + 1
}
