package lint

import (
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
