package lint

import (
	"fmt"
	"slices"

	"keepalived/core/diag"
	"keepalived/core/track"
	"keepalived/vrrp/vrrpcfg"
)

// weighing is a weighted tracker that counts for an instance, its own or its sync
// group's.
type weighing struct {
	name   string
	weight track.Weight
	file   bool // what it adds depends on the number in a file
	at     diag.Range
}

// values is what it may add to the priority. A file may also be a fault, which is no
// number.
func (w weighing) values() []int {
	if !w.file {
		return []int{0, w.weight.Of(w.weight.Value > 0).Delta}
	}
	// Another multiple with every number in the file, and what is beyond the most
	// counts as that.
	var out []int
	for n := -maxFile; n <= maxFile; n++ {
		if e := w.weight.OfFile(int64(n)); !e.Fault {
			out = append(out, e.Delta)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// maxFile is a number in a file beyond which any weight does what it does there.
const maxFile = 254

// weighings are the weighted trackers of an instance. What the instance and its group
// both name counts once, as the instance has it.
func (n *Node) weighings(i *vrrpcfg.Instance) []weighing {
	var out []weighing
	seen := map[string]bool{}
	add := func(kind string, name string, w track.Weight, at diag.Range) {
		if !seen[kind+" "+name] && w.Value != 0 {
			out = append(out, weighing{name, w, kind == "file", at})
		}
		seen[kind+" "+name] = true
	}
	addAll := func(t *vrrpcfg.Track) {
		for _, x := range t.Interfaces {
			add("interface", x.Name, track.Weight{Value: x.Weight, Reverse: x.Reverse}, x.Range)
		}
		for _, list := range []struct {
			kind string
			refs []vrrpcfg.TrackRef
		}{{"script", t.Scripts}, {"file", t.Files}, {"process", t.Processes}, {"bfd", t.BFDs}} {
			for _, x := range list.refs {
				add(list.kind, x.Name, track.Weight{Value: x.Weight, Reverse: x.Reverse}, x.Range)
			}
		}
	}
	if i.Election.Priority == owner {
		return nil
	}
	addAll(&i.Track)
	for _, g := range n.VRRP.Groups {
		if g.Name == i.Group {
			addAll(&g.Track)
		}
	}
	return out
}

// total is what trackers can come to together, but for the one at index without (-1:
// all of them).
func total(all []weighing, without int) sums {
	s := nothing()
	for k, w := range all {
		if k != without {
			s = s.plus(w.values())
		}
	}
	return s
}

// standing is a node's part in the election of one router.
type standing struct {
	peer
	trackers []weighing
	// can has the priorities that the node can have.
	can [owner + 1]bool
}

func newStanding(p peer) standing {
	s := standing{peer: p, trackers: p.node.weighings(p.Instance)}
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

// moves reports whether there is a state of everything else in which a change of
// tracker k, and nothing else, makes one of s and one of the others take over from the
// other. That all third nodes are down is one of those states, so pairs are all there
// is to look at.
func (s *standing) moves(k int, others []standing) bool {
	w := s.trackers[k]
	if w.file {
		return true // as a fault, if in no other way
	}
	values := w.values()
	for _, rest := range total(s.trackers, k).all() {
		less, more := s.with(rest+slices.Min(values)), s.with(rest+slices.Max(values))
		for i := range others {
			if o := &others[i]; o.index != s.index && s.passes(o, less, more) {
				return true
			}
		}
	}
	return false
}

// passes reports whether s and o change places when the priority of s goes from more to
// less or back, with any of the priorities that o can have.
func (s *standing) passes(o *standing, less, more int) bool {
	for p := less + 1; p <= more; p++ {
		// With more, s was MASTER, perhaps among equals; with less, o has more.
		// Back at more, s has to be above: of equals the one that is MASTER stays it.
		if o.can[p] && (o.Election.Preempt || p < more && s.Election.Preempt) {
			return true
		}
	}
	return false
}

// idle is a weight that moves nothing in a router.
type idle struct {
	router []standing
	part   int // index in router
	k      int // index of the tracker
}

// nodesWeights finds the weights that never change who is MASTER. One of a sync group
// counts in each of its members, and is of use when it is in one of them.
func nodesWeights(c *comparing) {
	type place struct {
		node int
		at   diag.Range
	}
	var found []idle
	done := map[place]bool{}
	for _, r := range c.routers {
		if len(r) < 2 || !r.preempts() {
			continue
		}
		var all []standing
		for _, p := range r {
			all = append(all, newStanding(p))
		}
		for i := range all {
			for k, w := range all[i].trackers {
				if all[i].moves(k, all) {
					done[place{all[i].index, w.at}] = true
				} else {
					found = append(found, idle{all, i, k})
				}
			}
		}
	}
	for _, f := range found {
		s := &f.router[f.part]
		if p := (place{s.index, s.trackers[f.k].at}); !done[p] {
			done[p] = true
			c.sayIdle(s, f)
		}
	}
}

// sayIdle tells what a tracker does when everything else is well: not enough.
func (c *comparing) sayIdle(s *standing, f idle) {
	var first *standing // of the others
	for i := range f.router {
		if o := &f.router[i]; i != f.part && (first == nil || o.with(o.well(-1)) > first.with(first.well(-1))) {
			first = o
		}
	}
	w, values, rest := s.trackers[f.k], s.trackers[f.k].values(), s.well(f.k)
	less, more, there := s.with(rest+slices.Min(values)), s.with(rest+slices.Max(values)), first.with(first.well(-1))
	why, hint := "", "the weight has to be larger than the distance of the priorities, or 0, which makes a fault of it"
	switch {
	case less == more:
		why = ": priorities end at 1 and 254"
	case there == less:
		why = ": of equals the MASTER stays MASTER"
	case there > less && there <= more:
		why = ", but nopreempt"
	}
	if slices.Min(values) < 0 && more >= there && there > 1 && first.Election.Preempt {
		enough := more - there + 1
		if w.weight.Value < 0 {
			enough = -enough
		}
		hint = fmt.Sprintf("with weight %d %s would take over; weight 0 makes a fault of it", enough, first.node.Name)
	}
	c.say(s.index, w.at, hint, "(%s) the weight of %s never changes who is MASTER: it makes the priority %d instead of %d here, and %s has %d%s",
		s.Name, w.name, less, more, first.node.Name, there, why)
}

// preempts reports whether any node takes over from one of lower priority: else
// weight-nopreempt is what there is to say.
func (r router) preempts() bool {
	return slices.ContainsFunc(r, func(p peer) bool { return p.Election.Preempt })
}
