package lint

import (
	"fmt"
	"slices"

	"keepalived/core/diag"
	"keepalived/core/track"
)

// standing is a node's part in the election of one router.
type standing struct {
	peer
	trackers []weighing
	// can has the priorities that the node can have.
	can [owner + 1]bool
	// known are the steps that were asked for.
	known map[int][]step
}

func newStanding(p peer) standing {
	s := standing{peer: p, trackers: p.node.weighings(p.Instance), known: map[int][]step{}}
	for _, n := range total(s.trackers, -1).all() {
		s.can[s.with(n)] = true
	}
	return s
}

// with is the priority when the trackers come to n.
func (s *standing) with(n int) int { return int(track.Priority(s.Election.Priority, n)) }

// well is what the trackers come to while everything is well, without the one at index
// without (-1: all of them). Files have 0 then.
func (s *standing) well(without int) int {
	n := 0
	for k, w := range s.trackers {
		if k != without && !w.file {
			n += slices.Max(w.values())
		}
	}
	return n
}

// tracker finds the tracker that stands at a place of the file, the same in all members
// of a sync group that has it; -1: s does not have it.
func (s *standing) tracker(at diag.Range) int {
	return slices.IndexFunc(s.trackers, func(w weighing) bool { return w.at == at })
}

// step is a priority with less and with more of one tracker, in some state of the others.
type step struct{ less, more int }

// steps are those of tracker k; without a tracker (-1) both are the same.
func (s *standing) steps(k int) []step {
	if known, ok := s.known[k]; ok {
		return known
	}
	least, most := 0, 0
	if k >= 0 {
		least, most = slices.Min(s.trackers[k].values()), slices.Max(s.trackers[k].values())
	}
	var out []step
	for _, rest := range total(s.trackers, k).all() {
		out = append(out, step{s.with(rest + least), s.with(rest + most)})
	}
	s.known[k] = slices.Compact(out)
	return s.known[k]
}

// electorate is the elections of all routers, by what the nodes' priorities can be.
type electorate [][]standing

func newElectorate(routers []router) electorate {
	e := make(electorate, len(routers))
	for i, r := range routers {
		for _, p := range r {
			e[i] = append(e[i], newStanding(p))
		}
	}
	return e
}

// moves reports whether there is a state of everything else in which a change of
// tracker k of s, and nothing else, makes one of s and o take over from the other. That
// all third nodes are down is one of those states, so pairs are all there is to look at.
func (e electorate) moves(s *standing, k int, o *standing) bool {
	return e.loses(s, k, o) || e.returns(s, k, o)
}

// loses reports whether o takes over from s when tracker k of s goes bad.
func (e electorate) loses(s *standing, k int, o *standing) bool {
	at := s.trackers[k].at
	return s.falls(k, o) && e.all(o, s, func(t, m *standing) bool {
		return m.some(m.tracker(at), t, func(p int, x step) bool { return x.less < p })
	})
}

// falls reports whether in their own election o gets ahead of s when tracker k goes
// bad. With more, s was MASTER, perhaps among equals; with less, o has more.
func (s *standing) falls(k int, o *standing) bool {
	return s.trackers[k].file || // as a fault, if in no other way
		o.Election.Preempt && s.some(k, o, func(p int, x step) bool { return x.less < p && p <= x.more })
}

// returns reports whether s takes over from o when tracker k of s gets good again. With
// less, o was MASTER, and s has more again. Of equals the one that is MASTER stays it,
// so they are no reason to have lost it.
func (e electorate) returns(s *standing, k int, o *standing) bool {
	at := s.trackers[k].at
	return s.some(k, o, func(p int, x step) bool { return x.less < p && p < x.more }) && e.all(s, o, func(t, m *standing) bool {
		return t.some(t.tracker(at), m, func(p int, x step) bool { return p < x.more })
	})
}

// some reports whether a condition holds for a priority that o can have and a step of
// tracker k of s.
func (s *standing) some(k int, o *standing, holds func(p int, x step) bool) bool {
	for _, x := range s.steps(k) {
		for p, can := range o.can {
			if can && holds(p, x) {
				return true
			}
		}
	}
	return false
}

// all reports whether the node of taker can take over from that of master: taker itself
// preempts, and so do the other members of its sync group, which all have to win, each
// of them by the given condition. One member that has to stay holds all of them.
func (e electorate) all(taker, master *standing, wins func(taker, master *standing) bool) bool {
	if !taker.Election.Preempt {
		return false
	}
	for _, r := range e {
		t, m := on(r, taker.index), on(r, master.index)
		if taker.Group == "" || t == nil || m == nil || t.Group != taker.Group || t.Name == taker.Name {
			continue
		}
		if !t.Election.Preempt || !wins(t, m) {
			return false
		}
	}
	return true
}

// on is a node's part in an election, nil when it has none.
func on(r []standing, node int) *standing {
	for i := range r {
		if r[i].index == node {
			return &r[i]
		}
	}
	return nil
}

// idle is a weight that moves nothing in an election.
type idle struct {
	s        *standing
	k        int // index of the tracker
	election []standing
}

// spot is where a tracker stands. That of a sync group is one in all its members.
type spot struct {
	node int
	at   diag.Range
}

func (f idle) spot() spot { return spot{f.s.index, f.s.trackers[f.k].at} }

// any reports whether something holds for any of the others in the election.
func (f idle) any(is func(o *standing) bool) bool {
	return slices.ContainsFunc(f.election, func(o standing) bool { return o.index != f.s.index && is(&o) })
}

// idles are the weights that move nothing in any election.
func (e electorate) idles(moves func(s *standing, k int, o *standing) bool) []idle {
	var found []idle
	useful := map[spot]bool{}
	for _, election := range e {
		if len(election) < 2 || !slices.ContainsFunc(election, func(s standing) bool { return s.Election.Preempt }) {
			continue // nobody preempts: weight-nopreempt is what there is to say
		}
		for part := range election {
			s := &election[part]
			for k := range s.trackers {
				f := idle{s, k, election}
				if f.any(func(o *standing) bool { return moves(s, k, o) }) {
					useful[f.spot()] = true
				} else {
					found = append(found, f)
				}
			}
		}
	}
	return slices.DeleteFunc(found, func(f idle) bool { return useful[f.spot()] })
}

// nodesWeights finds the weights that never change who is MASTER. One of a sync group
// counts in each of its members, and is of use when it is in one of them.
func nodesWeights(c *comparing) {
	e := newElectorate(c.routers)
	said := map[spot]bool{}
	for _, f := range e.idles(e.moves) {
		if !said[f.spot()] {
			said[f.spot()] = true
			c.sayIdle(f)
		}
	}
}

// nodesGroupWeights finds the weights that would move an instance, and do not because
// the rest of its sync group stays. Those that nothing comes of at all are found
// already.
func nodesGroupWeights(c *comparing) {
	e := newElectorate(c.routers)
	said := map[spot]bool{}
	for _, f := range e.idles(e.moves) {
		said[f.spot()] = true
	}
	for _, f := range e.idles(e.loses) {
		if p := f.spot(); !said[p] && f.any(func(o *standing) bool { return f.s.falls(f.k, o) }) {
			said[p] = true
			c.say(p.node, p.at, "track it in the vrrp_sync_group, with a weight that is larger than the distance of the priorities in every member; weight 0 makes a fault of it",
				"(%s) the weight of %s does not move the addresses when it fails: a sync group moves only when the other node has more for all members, and it has not",
				f.s.Name, f.s.trackers[f.k].name)
		}
	}
}

// sayIdle tells what a tracker does when everything else is well: not enough.
func (c *comparing) sayIdle(f idle) {
	s, w := f.s, f.s.trackers[f.k]
	var first *standing // of the others
	for i := range f.election {
		if o := &f.election[i]; o.index != s.index && (first == nil || o.with(o.well(-1)) > first.with(first.well(-1))) {
			first = o
		}
	}
	values, rest := w.values(), s.well(f.k)
	less, more, there := s.with(rest+slices.Min(values)), s.with(rest+slices.Max(values)), first.with(first.well(-1))
	why, hint := "", "the weight has to be larger than the distance of the priorities, or 0, which makes a fault of it"
	switch {
	case less == more:
		why = ": priorities end at 1 and 254"
	case there == less:
		why = ": of equals the MASTER stays MASTER"
	case there > less && there <= more && !first.Election.Preempt:
		why = ", but nopreempt"
	case there > less && there <= more:
		why = ", but not more in all of its sync group, which moves as a whole"
	}
	if enough := more - there + 1; slices.Min(values) < 0 && enough > more-less && there > 1 && first.Election.Preempt {
		if w.weight.Value < 0 {
			enough = -enough
		}
		hint = fmt.Sprintf("with weight %d %s would take over; weight 0 makes a fault of it", enough, first.node.Name)
	}
	c.say(s.index, w.at, hint, "(%s) the weight of %s never changes who is MASTER: it makes the priority %d instead of %d here, and %s has %d%s",
		s.Name, w.name, less, more, first.node.Name, there, why)
}
