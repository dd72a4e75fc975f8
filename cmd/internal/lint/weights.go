package lint

import (
	"slices"

	"keepalived/core/diag"
	"keepalived/vrrp/vrrpcfg"
)

// weighing is one weighted tracker of a router, on one of its nodes.
type weighing struct {
	part    int // index in the router
	name    string
	weight  int
	reverse bool
	at      diag.Range
}

// adds is what it adds to the priority in a state: a positive weight while it is
// good, a negative one while it is not.
func (w weighing) adds(good bool) int {
	n := 0
	if good == (w.weight > 0) {
		n = w.weight
	}
	if w.reverse {
		n = -n
	}
	return n
}

// mostTrackers bounds what is played through: every tracker good or bad.
const mostTrackers = 14

// nodesWeights plays every tracker of a router good and bad, on all nodes, and finds
// the weights that never change who is MASTER.
func nodesWeights(c *comparing) {
	for _, r := range c.routers {
		all := r.weighings()
		if len(r) < 2 || len(all) == 0 || len(all) > mostTrackers || !r.preempts() {
			continue
		}
		for k, w := range all {
			if r.moves(all, k) {
				continue
			}
			p := r[w.part]
			bad := r.priorities(all, ^uint(0)&^(1<<k))
			best := -1
			for i := range r {
				if i != w.part && (best < 0 || bad[i] > bad[best]) {
					best = i
				}
			}
			c.say(p.index, w.at, "the weight has to be larger than the distance of the priorities, or 0, which makes a fault of it",
				"(%s) the weight of %s never changes who is MASTER: when it alone is bad, the priority is %d here and %d on %s",
				p.Name, w.name, bad[w.part], bad[best], r[best].node.Name)
		}
	}
}

// preempts reports whether any node takes over from one of lower priority: else
// weight-nopreempt is what there is to say.
func (r router) preempts() bool {
	for _, p := range r {
		if p.Election.Preempt {
			return true
		}
	}
	return false
}

// weighings are the weighted trackers of all nodes.
func (r router) weighings() []weighing {
	var out []weighing
	for part, p := range r {
		if p.Election.Priority == owner {
			continue
		}
		for _, t := range p.Track.Interfaces {
			if t.Weight != 0 {
				out = append(out, weighing{part, t.Name, t.Weight, t.Reverse, t.Range})
			}
		}
		for _, list := range [][]vrrpcfg.TrackRef{p.Track.Scripts, p.Track.Processes, p.Track.BFDs} {
			for _, t := range list {
				if t.Weight != 0 {
					out = append(out, weighing{part, t.Name, t.Weight, t.Reverse, t.Range})
				}
			}
		}
	}
	return out
}

// priorities are those of all nodes when the trackers of the set bits are good.
func (r router) priorities(all []weighing, good uint) []int {
	out := make([]int, len(r))
	for i, p := range r {
		out[i] = int(p.Election.Priority)
	}
	for k, w := range all {
		out[w.part] += w.adds(good>>k&1 == 1)
	}
	for i, p := range r {
		if p.Election.Priority != owner {
			out[i] = min(max(out[i], 1), 254)
		}
	}
	return out
}

// moves reports whether there is a state of all other trackers in which a change of
// tracker k makes a node overtake the one that could be MASTER before.
func (r router) moves(all []weighing, k int) bool {
	for good := range uint(1) << len(all) {
		if good>>k&1 == 0 {
			continue
		}
		more, less := r.priorities(all, good), r.priorities(all, good&^(1<<k))
		if all[k].reverse {
			more, less = less, more
		}
		if r.overtakes(highest(more), less) {
			return true
		}
		// Of equals none may have been MASTER for the reason that it has more again.
		if first := highest(less); len(first) == 1 && r.overtakes(first, more) {
			return true
		}
	}
	return false
}

// highest are the nodes that may be MASTER with these priorities: several when the
// addresses decide.
func highest(priorities []int) []int {
	var out []int
	most := slices.Max(priorities)
	for i, p := range priorities {
		if p == most {
			out = append(out, i)
		}
	}
	return out
}

// overtakes reports whether one of the masters has less, with these priorities, than
// another node that preempts.
func (r router) overtakes(masters, priorities []int) bool {
	for _, master := range masters {
		for other := range r {
			if other != master && priorities[other] > priorities[master] && r[other].Election.Preempt {
				return true
			}
		}
	}
	return false
}
