package logging

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// entry is one record on its way to a sink.
type entry struct {
	at    time.Time
	level slog.Level
	text  string

	// For the JSON sink only.
	record *slog.Record
	json   slog.Handler
}

// writer puts entries where a sink leads to. It may block.
type writer interface {
	write(ctx context.Context, s *sink, e *entry) error
}

// smallRing is the room of a sink that keeps up. It grows up to Options.Size, for a
// start of thousands of instances, and is given back when everything is written.
const smallRing = 64

// sink is a bounded ring of entries and the goroutine that writes them (run).
//
// When the ring is full new entries are dropped, and further ones until the writer has
// emptied half of it: so a sink that is slow all the time shows whole stretches with one
// notice for each gap, not a notice between any two lines.
type sink struct {
	name string
	out  writer
	now  func() time.Time
	wake chan struct{} // capacity 1: there is something to write

	mu       sync.Mutex
	ring     []entry
	first, n int
	most     int    // entries that may wait
	gap      uint64 // entries dropped since the ring was last full; 0: not dropping
	writing  bool   // an entry has left the ring and is not yet written
	away     bool   // the other side is not there at all
	closed   bool
	waiters  []chan struct{} // closed when nothing waits or the other side is away
	count    Counters
}

func newSink(name string, o Options, out writer) *sink {
	return &sink{name: name, out: out, now: o.Now, wake: make(chan struct{}, 1), most: o.Size, ring: make([]entry, min(o.Size, smallRing))}
}

// put takes e or drops it.
func (s *sink) put(e entry) {
	s.mu.Lock()
	switch {
	case s.closed:
		s.count.Dropped++
	case s.gap > 0 || s.n == s.most:
		s.gap++
		s.count.Dropped++
	default:
		s.push(e)
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *sink) push(e entry) {
	if s.n == len(s.ring) {
		s.resize(min(2*len(s.ring), s.most))
	}
	s.ring[(s.first+s.n)%len(s.ring)] = e
	s.n++
}

// resize moves what waits to a ring of another size.
func (s *sink) resize(size int) {
	ring := make([]entry, size)
	for i := range s.n {
		ring[i] = s.ring[(s.first+i)%len(s.ring)]
	}
	s.ring, s.first = ring, 0
}

// take returns the oldest entry. Once half of a ring that was full is free, the notice
// of the gap takes its place behind the entries that came before the gap.
func (s *sink) take() (entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gap > 0 && s.n <= s.most/2 {
		s.push(s.notice())
		s.gap = 0
	}
	if s.n == 0 {
		if len(s.ring) > smallRing {
			s.resize(smallRing)
		}
		return entry{}, false
	}
	e := s.ring[s.first]
	s.ring[s.first] = entry{} // let go of its strings
	s.first = (s.first + 1) % len(s.ring)
	s.n--
	s.writing = true
	return e, true
}

func (s *sink) notice() entry {
	text := fmt.Sprintf("%d log messages lost, the %s did not keep up", s.gap, s.name)
	e := entry{at: s.now(), level: slog.LevelWarn, text: text}
	if j, ok := s.out.(*jsonWriter); ok {
		r := slog.NewRecord(e.at, e.level, text, 0)
		r.AddAttrs(slog.Uint64("lost", s.gap))
		e.record, e.json = &r, j.handler
	}
	return e
}

// run writes until ctx ends.
func (s *sink) run(ctx context.Context) {
	for ctx.Err() == nil {
		e, ok := s.take()
		if !ok {
			select {
			case <-s.wake:
			case <-ctx.Done():
			}
			continue
		}
		err := s.out.write(ctx, s, &e)
		s.wrote(err)
	}
}

func (s *sink) wrote(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing = false
	if err != nil {
		s.count.Failed++
	} else {
		s.count.Written++
	}
	if s.n == 0 && s.gap == 0 {
		s.release()
	}
}

// setAway tells whether the other side is absent, so that nobody waits for it.
func (s *sink) setAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
	if away {
		s.release()
	}
}

func (s *sink) release() {
	for _, c := range s.waiters {
		close(c)
	}
	s.waiters = nil
}

// settled returns a channel that is closed when nothing waits to be written any more.
func (s *sink) settled() <-chan struct{} {
	c := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away || s.n == 0 && s.gap == 0 && !s.writing {
		close(c)
		return c
	}
	s.waiters = append(s.waiters, c)
	return c
}

func (s *sink) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

func (s *sink) counters() Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.count
	c.Sink, c.Waiting = s.name, s.n
	if s.writing {
		c.Waiting++
	}
	return c
}
