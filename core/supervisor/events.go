package supervisor

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "keepalived/proto/keepalived/v1"
)

const (
	// ringSize is how many events can be resumed from.
	ringSize = 4096
	// watcherQueue is how many events may wait for one watcher; further ones are
	// counted and it is told "you missed N".
	watcherQueue = 1024
)

// eventLog numbers events, keeps the newest and hands them to watchers. It belongs
// to the loop; a watcher's channel is read elsewhere.
type eventLog struct {
	last     uint64 // sequence of the newest event
	ring     []*pb.Event
	watchers map[*watcher]struct{}
}

// watcher is one reader of events.
type watcher struct {
	events chan *pb.Event // closed when the log ends; when full, events are missed
	missed uint64
}

func (l *eventLog) init() { l.watchers = map[*watcher]struct{}{} }

// add numbers an event, which nobody may change from now on.
func (l *eventLog) add(e *pb.Event) {
	l.last++
	e.Sequence = l.last
	l.ring = append(l.ring, e)
	if len(l.ring) > ringSize {
		l.ring[0] = nil
		l.ring = l.ring[1:]
	}
	for w := range l.watchers {
		w.offer(e)
	}
}

func (w *watcher) offer(e *pb.Event) {
	if !w.catchUp(e.GetSequence() - 1) {
		w.missed++
		return
	}
	select {
	case w.events <- e:
	default:
		w.missed++
	}
}

// catchUp tells a watcher what it missed, if anything and if there is room.
func (w *watcher) catchUp(upTo uint64) bool {
	if w.missed == 0 {
		return true
	}
	select {
	case w.events <- missedEvent(upTo, w.missed):
		w.missed = 0
		return true
	default:
		return false
	}
}

func missedEvent(upTo, count uint64) *pb.Event {
	return &pb.Event{Sequence: upTo, Time: timestamppb.Now(), Source: pb.Role_ROLE_PARENT,
		Kind: &pb.Event_Missed{Missed: &pb.Missed{Count: count}}}
}

// flush tells watchers what they missed even when no further event comes.
func (l *eventLog) flush() {
	for w := range l.watchers {
		w.catchUp(l.last)
	}
}

// watch adds a watcher. With resume it first gets the events behind after; ok is
// false when some of them are gone (missed of them, 0 when after is of another life
// of the daemon), and it needs a snapshot.
func (l *eventLog) watch(resume bool, after uint64) (w *watcher, backlog []*pb.Event, missed uint64, ok bool) {
	w = &watcher{events: make(chan *pb.Event, watcherQueue)}
	l.watchers[w] = struct{}{}
	if !resume {
		return w, nil, 0, true
	}
	first := l.last - uint64(len(l.ring)) + 1
	switch {
	case after > l.last:
		return w, nil, 0, false
	case after+1 < first:
		return w, nil, first - 1 - after, false
	default:
		return w, append(backlog, l.ring[after+1-first:]...), 0, true
	}
}

func (l *eventLog) drop(w *watcher) { delete(l.watchers, w) }

// end lets every watcher know that nothing follows.
func (l *eventLog) end() {
	for w := range l.watchers {
		close(w.events)
		delete(l.watchers, w)
	}
}

// publish numbers an event and passes it on.
func (s *Supervisor) publish(e *pb.Event) {
	if e.Time == nil {
		e.Time = timestamppb.Now()
	}
	if e.Generation == 0 {
		e.Generation = s.current.number
	}
	s.events.add(e)
}

// childEvent takes a child's event in.
func (s *Supervisor) childEvent(c *child, e *pb.Event) {
	e.Source = c.role
	s.records.learn(e)
	s.publish(e)
	if c.role != pb.Role_ROLE_VRRP {
		return
	}
	switch e.GetKind().(type) {
	case *pb.Event_Instance, *pb.Event_SyncGroup, *pb.Event_Tracker:
		s.dumpChanged()
	}
}
