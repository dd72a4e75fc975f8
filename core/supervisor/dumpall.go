package supervisor

import (
	"context"
	"fmt"
	"time"

	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

const (
	// freshFor is how long after a request dumps are kept up to date. Exporters
	// read the file right after their signal, which is before anybody could have
	// written it: the dump they see must have been fresh already.
	freshFor = 10 * time.Minute
	// freshEvery is the least time between two dumps that only changes caused.
	freshEvery = 300 * time.Millisecond
	// dumpLimit is how long a child may take to write its files.
	dumpLimit = 10 * time.Second
)

// kinds is a set of dump kinds.
type kinds uint8

func setOf(k pb.DumpKind) kinds { return 1 << k }

func (s kinds) has(k pb.DumpKind) bool { return s&setOf(k) != 0 }

// list gives the kinds in the order of their numbers; a clearing dump of the
// counters is that dump too.
func (s kinds) list() []pb.DumpKind {
	if s.has(pb.DumpKind_DUMP_KIND_STATS_CLEAR) {
		s &^= setOf(pb.DumpKind_DUMP_KIND_STATS)
	}
	var out []pb.DumpKind
	for k := range pb.DumpKind(8) {
		if s.has(k) {
			out = append(out, k)
		}
	}
	return out
}

// of leaves what a child of that role writes.
func (s kinds) of(role childapi.Role) kinds {
	if role == childapi.VRRP {
		return s
	}
	return s & (setOf(pb.DumpKind_DUMP_KIND_DATA) | setOf(pb.DumpKind_DUMP_KIND_JSON))
}

// freshness remembers what is being read by somebody. Pure.
type freshness struct {
	asked [8]time.Duration // since the start; 0: never
}

// ask notes a request and returns what to write for it: the two texts go together,
// from one snapshot, once somebody reads both.
func (f *freshness) ask(k pb.DumpKind, now time.Duration) kinds {
	kept := k
	if k == pb.DumpKind_DUMP_KIND_STATS_CLEAR {
		kept = pb.DumpKind_DUMP_KIND_STATS
	}
	f.asked[kept] = max(now, 1)
	want := setOf(k)
	if k != pb.DumpKind_DUMP_KIND_JSON {
		want |= f.fresh(now) &^ setOf(pb.DumpKind_DUMP_KIND_JSON)
	}
	return want
}

// fresh is what is to be kept up to date.
func (f *freshness) fresh(now time.Duration) kinds {
	var want kinds
	for k, at := range f.asked {
		if at != 0 && now-at < freshFor {
			want |= setOf(pb.DumpKind(k))
		}
	}
	return want
}

// dumps is the loop's state of all dumping: one dump at a time per child, and
// whatever is asked meanwhile is one more.
type dumps struct {
	fresh  freshness
	queues map[childapi.Role]*dumpQueue
	parent dumpQueue
	last   time.Time // dump because of a change
	soon   *time.Timer
}

type dumpQueue struct {
	busy  bool
	wants kinds
	cause pb.DumpCause
}

func (d *dumps) queue(role childapi.Role) *dumpQueue {
	if d.queues == nil {
		d.queues = map[childapi.Role]*dumpQueue{}
	}
	q := d.queues[role]
	if q == nil {
		q = &dumpQueue{}
		d.queues[role] = q
	}
	return q
}

// lost is told that a role's child is not there; a request in flight has failed
// and what is still wanted waits for the next.
func (d *dumps) lost(role childapi.Role) { d.queue(role).busy = false }

// ready is told that a child can answer.
func (d *dumps) ready(s *Supervisor, c *child) { s.pumpDump(c) }

func (d *dumps) stop() {
	if d.soon != nil {
		d.soon.Stop()
	}
}

// dumpSignal is a dump asked for by a signal.
func (s *Supervisor) dumpSignal(k pb.DumpKind) {
	s.dumpFiles(s.dumps.fresh.ask(k, time.Since(s.began)), pb.DumpCause_DUMP_CAUSE_SIGNAL)
}

func (s *Supervisor) dumpFiles(want kinds, cause pb.DumpCause) {
	for _, c := range s.children {
		if w := want.of(c.role); w != 0 && c.wanted {
			q := s.dumps.queue(c.role)
			q.wants |= w
			if q.cause != pb.DumpCause_DUMP_CAUSE_SIGNAL {
				q.cause = cause
			}
			s.pumpDump(c)
		}
	}
	if want.has(pb.DumpKind_DUMP_KIND_DATA) && cause != pb.DumpCause_DUMP_CAUSE_FRESH {
		s.dumps.parent.wants |= setOf(pb.DumpKind_DUMP_KIND_DATA)
		s.pumpParentDump()
	}
}

// pumpDump sends what is wanted of a child if it can take it.
func (s *Supervisor) pumpDump(c *child) {
	q := s.dumps.queue(c.role)
	if q.busy || q.wants == 0 || c.session == nil || c.state != running {
		return
	}
	cmd := &pb.ServeResponse{Command: &pb.ServeResponse_Dump{Dump: &pb.DumpCommand{
		Kinds: q.wants.list(), Cause: q.cause, ToFiles: true}}}
	q.busy, q.wants, q.cause = true, 0, pb.DumpCause_DUMP_CAUSE_UNSPECIFIED
	x := c.session
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), dumpLimit)
		defer cancel()
		err := x.Call(ctx, cmd, func(*pb.ServeRequest) error { return nil })
		s.post(func() {
			if c.session != x {
				return // lost() has been told
			}
			if err != nil {
				s.log.Warn(fmt.Sprintf("The %s process did not write its dump: %v", c.name, err))
			}
			q.busy = false
			s.pumpDump(c)
		})
	}()
}

// pumpParentDump writes keepalived_parent.data.
func (s *Supervisor) pumpParentDump() {
	q := &s.dumps.parent
	if q.busy || q.wants == 0 || s.opt.ParentDump == nil {
		return
	}
	q.busy, q.wants = true, 0
	part := s.current.parts[childapi.VRRP] // the global definitions are in each
	go func() {
		tree, err := part.Tree()
		if err == nil {
			err = s.opt.ParentDump(tree)
		}
		s.post(func() {
			if err != nil {
				s.log.Warn(fmt.Sprintf("The parent's dump is not written: %v", err))
			}
			q.busy = false
			s.pumpParentDump()
		})
	}()
}

// dumpChanged rewrites the VRRP dumps that somebody reads, after a change of state.
func (s *Supervisor) dumpChanged() {
	d := &s.dumps
	if d.soon != nil || s.stopping || d.fresh.fresh(time.Since(s.began)) == 0 {
		return
	}
	if wait := freshEvery - time.Since(d.last); wait > 0 {
		d.soon = s.after(wait, func() {
			d.soon = nil
			s.dumpChanged()
		})
		return
	}
	d.last = time.Now()
	s.dumpFiles(d.fresh.fresh(time.Since(s.began)), pb.DumpCause_DUMP_CAUSE_FRESH)
}
