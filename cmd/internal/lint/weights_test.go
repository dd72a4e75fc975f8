package lint

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"keepalived/core/track"
	"keepalived/vrrp/vrrpcfg"
)

const (
	file    = "track_file f {\nfile /run/f\nweight 1\n}\n"
	process = "vrrp_track_process p {\nprocess nginx\nweight -20\n}\n"
	session = "bfd_instance b {\nneighbor_ip 192.0.2.9\nweight -20\n}\n"
)

// grouped are two instances of a sync group with lines of its own.
func grouped(group string, first, second []string) string {
	return chk + vi("VI_1", "51", first...) + vi("VI_2", "52", second...) + "vrrp_sync_group G {\ngroup {\nVI_1\nVI_2\n}\n" + group + "\n}\n"
}

// weightCases are configurations of nodes with what nodes-weights has to say, each
// without the name of the instance.
var weightCases = []struct {
	rule  string
	nodes nodes
	want  []string
	hint  string // of the first
}{
	{"a negative weight that is too small", nodes{chk + one("priority 150", "track_script {\nchk weight -20\n}"), one("priority 100")},
		[]string{"the weight of chk never changes who is MASTER: it makes the priority 130 instead of 150 here, and lb2 has 100"},
		"with weight -51 lb2 would take over; weight 0 makes a fault of it"},
	{"the same, reversed", nodes{chk + one("priority 150", "track_script {\nchk weight 20 reverse\n}"), one("priority 100")},
		[]string{"the weight of chk never changes who is MASTER: it makes the priority 130 instead of 150 here, and lb2 has 100"},
		"with weight 51 lb2 would take over; weight 0 makes a fault of it"},
	{"one less than enough", nodes{chk + one("priority 150", "track_script {\nchk weight -50\n}"), one("priority 100")},
		[]string{"the weight of chk never changes who is MASTER: it makes the priority 100 instead of 150 here, and lb2 has 100: of equals the MASTER stays MASTER"},
		"with weight -51 lb2 would take over; weight 0 makes a fault of it"},
	{"just enough", nodes{chk + one("priority 150", "track_script {\nchk weight -51\n}"), one("priority 100")}, nil, ""},
	{"positive weights on both", nodes{chk + one("priority 150", "track_script {\nchk weight 20\n}"), chk + one("priority 100", "track_script {\nchk weight 20\n}")},
		[]string{"the weight of chk never changes who is MASTER: it makes the priority 150 instead of 170 here, and lb2 has 120",
			"the weight of chk never changes who is MASTER: it makes the priority 100 instead of 120 here, and lb1 has 170"},
		"the weight has to be larger than the distance of the priorities, or 0, which makes a fault of it"},
	{"who would take over does not preempt", nodes{chk + one("priority 150", "nopreempt", "track_script {\nchk weight -60\n}"), one("priority 100", "nopreempt"), one("priority 1")},
		[]string{"the weight of chk never changes who is MASTER: it makes the priority 90 instead of 150 here, and lb2 has 100, but nopreempt"},
		"the weight has to be larger than the distance of the priorities, or 0, which makes a fault of it"},
	{"clamped away", nodes{chk + one("priority 254", "track_script {\nchk weight 5\n}"), one("priority 100")},
		[]string{"the weight of chk never changes who is MASTER: it makes the priority 254 instead of 254 here, and lb2 has 100: priorities end at 1 and 254"}, ""},
	{"the third node decides, when the first is down", nodes{one("priority 150"), chk + one("priority 100", "track_script {\nchk weight -20\n}"), one("priority 90")}, nil, ""},
	{"a process", nodes{process + one("priority 150", "track_process {\np\n}"), one("priority 100")},
		[]string{"the weight of p never changes who is MASTER: it makes the priority 130 instead of 150 here, and lb2 has 100"}, ""},
	{"a BFD session", nodes{session + one("priority 150", "track_bfd {\nb\n}"), one("priority 100")},
		[]string{"the weight of b never changes who is MASTER: it makes the priority 130 instead of 150 here, and lb2 has 100"}, ""},
	{"the number in a file always may", nodes{file + one("priority 254", "track_file {\nf\n}"), one("priority 1")}, nil, ""},
	{"a file brings the other weights within reach", nodes{chk + file + one("priority 150", "track_script {\nchk weight -2\n}", "track_file {\nf\n}"), one("priority 100")}, nil, ""},
	{"a file of the other node does", nodes{chk + one("priority 150", "track_script {\nchk weight -2\n}"), file + one("priority 100", "track_file {\nf\n}")}, nil, ""},
	{"a file whose multiples leave gaps", nodes{chk + one("priority 150", "track_script {\nchk weight -2\n}"), file + one("priority 100", "track_file {\nf weight 60\n}")},
		[]string{"the weight of chk never changes who is MASTER: it makes the priority 148 instead of 150 here, and lb2 has 100"}, ""},
	{"a file whose multiples hit", nodes{chk + one("priority 150", "track_script {\nchk weight -2\n}"), file + one("priority 100", "track_file {\nf weight 50\n}")}, nil, ""},
	{"the group's tracker", nodes{grouped("track_script {\nchk weight -20\n}", []string{"priority 150"}, []string{"priority 150"}), vi("VI_1", "51") + vi("VI_2", "52")},
		[]string{"the weight of chk never changes who is MASTER: it makes the priority 130 instead of 150 here, and lb2 has 100"}, ""},
	{"with its help the group moves", nodes{grouped("sync_group_tracking_weight", []string{"priority 150", "track_script {\nchk weight -60\n}"}, []string{"priority 150", "track_interface {\neth1 weight -60\n}"}), vi("VI_1", "51") + vi("VI_2", "52") + group2}, nil, ""},
	{"the group's tracker moves all", nodes{grouped("track_script {\nchk weight -60\n}", []string{"priority 150"}, []string{"priority 150"}), vi("VI_1", "51") + vi("VI_2", "52") + group2}, nil, ""},
	{"a group that can neither move nor come back", nodes{grouped("sync_group_tracking_weight", []string{"priority 150", "track_script {\nchk weight -60\n}"}, []string{"nopreempt", "priority 150"}), vi("VI_1", "51") + vi("VI_2", "52") + group2},
		[]string{"the weight of chk never changes who is MASTER: it makes the priority 90 instead of 150 here, and lb2 has 100, but not more in all of its sync group, which moves as a whole"}, ""},
	{"a group whose other member is equal can neither move nor come back", nodes{grouped("sync_group_tracking_weight", []string{"priority 150", "track_script {\nchk weight -60\n}"}, nil), vi("VI_1", "51") + vi("VI_2", "52") + group2},
		[]string{"the weight of chk never changes who is MASTER: it makes the priority 90 instead of 150 here, and lb2 has 100, but not more in all of its sync group, which moves as a whole"}, ""},
	{"the group's tracker is of use in one member, the other of the node that takes over is free", nodes{grouped("track_script {\nchk weight -20\n}", []string{"priority 150"}, []string{"priority 110"}), vi("VI_1", "51") + vi("VI_2", "52")}, nil, ""},
	{"what the group tracks, too, counts once", nodes{grouped("sync_group_tracking_weight\ntrack_script {\nchk weight -30\n}", []string{"priority 150", "track_script {\nchk weight -30\n}"}, []string{"priority 150"}), vi("VI_1", "51") + vi("VI_2", "52")},
		[]string{"the weight of chk never changes who is MASTER: it makes the priority 120 instead of 150 here, and lb2 has 100",
			"the weight of chk never changes who is MASTER: it makes the priority 120 instead of 150 here, and lb2 has 100"}, ""},
	{"members' weights do not count, weight-in-group says", nodes{grouped("", []string{"priority 150", "track_script {\nchk weight -20\n}"}, nil), vi("VI_1", "51") + vi("VI_2", "52")}, nil, ""},
	{"twenty trackers, all of them together", nodes{many(20, -2, "priority 139"), one()}, nil, ""},
	{"twenty trackers, all of them one short", nodes{many(20, -2, "priority 140"), one()}, slices.Repeat([]string{"=138 instead of 140"}, 20), ""},
}

// many is an instance with n scripts of a weight.
func many(n, weight int, more ...string) string {
	var scripts, list strings.Builder
	for k := range n {
		fmt.Fprintf(&scripts, "vrrp_script s%d {\nscript /bin/true\nfall 2\n}\n", k)
		fmt.Fprintf(&list, "s%d weight %d\n", k, weight)
	}
	return scripts.String() + one(append(more, "track_script {\n"+list.String()+"}")...)
}

func TestWeights(t *testing.T) {
	t.Parallel()
	for _, c := range weightCases {
		var got []Finding
		for _, f := range compare(t, c.nodes) {
			if f.Rule == "nodes-weights" {
				got = append(got, f)
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: want %d findings, got %+v", c.rule, len(c.want), got)
			continue
		}
		for i, want := range c.want {
			if part, ok := strings.CutPrefix(want, "="); ok {
				if !strings.Contains(got[i].Summary, part) {
					t.Errorf("%s: want %q in %q", c.rule, part, got[i].Summary)
				}
			} else if _, text, _ := strings.Cut(got[i].Summary, " "); text != want {
				t.Errorf("%s:\nwant %s\ngot  %s", c.rule, want, text)
			}
		}
		if c.hint != "" && got[0].Hint != c.hint {
			t.Errorf("%s:\nwant %s\ngot  %s", c.rule, c.hint, got[0].Hint)
		}
	}
}

// TestWeightsEnumerated holds what is computed from reachable totals against playing
// through every state of every tracker.
func TestWeightsEnumerated(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	moving := map[bool]int{}
	for range 300 {
		all := make([]standing, 2+r.IntN(2))
		for i := range all {
			in := &vrrpcfg.Instance{Name: "V"}
			in.Election.Priority, in.Election.Preempt = []uint8{1, 90, 100, 105, 150, 250, 254, owner}[r.IntN(8)], r.IntN(4) > 0
			p := peer{instance: instance{Instance: in}, index: i, node: &Node{VRRP: &vrrpcfg.Config{}}}
			for k := range r.IntN(4) {
				in.Track.Scripts = append(in.Track.Scripts, vrrpcfg.TrackRef{Name: fmt.Sprint(k), Weight: r.IntN(81) - 40, Reverse: r.IntN(2) > 0})
			}
			all[i] = newStanding(p)
		}
		for i := range all {
			for k, w := range all[i].trackers {
				want := enumerate(all, i, k)
				moving[want]++
				got := slices.ContainsFunc(all, func(o standing) bool { return o.index != i && electorate{all}.moves(&all[i], k, &o) })
				if got != want {
					t.Fatalf("node %d, weight %+v: want %v, got %v in %s", i, w.weight, want, got, describe(all))
				}
			}
		}
	}
	if moving[true] < 50 || moving[false] < 50 {
		t.Errorf("one-sided samples: %v", moving)
	}
}

func describe(all []standing) string {
	var out strings.Builder
	for _, s := range all {
		fmt.Fprintf(&out, "\npriority %d preempt %v:", s.Election.Priority, s.Election.Preempt)
		for _, w := range s.trackers {
			fmt.Fprintf(&out, " %+v", w.weight)
		}
	}
	return out.String()
}

// enumerate plays every tracker of all nodes good and bad, with every set of other
// nodes down, and lets the tracker at k of node i change in each.
func enumerate(all []standing, i, k int) bool {
	type tracker struct{ node, k int }
	var trackers []tracker
	for n := range all {
		for j := range all[n].trackers {
			trackers = append(trackers, tracker{n, j})
		}
	}
	for alive := range 1 << len(all) {
		if alive>>i&1 == 0 {
			continue
		}
		for good := range 1 << len(trackers) {
			before, after := make([]int, len(all)), make([]int, len(all))
			for b, x := range trackers {
				up := good>>b&1 == 1
				before[x.node] += all[x.node].trackers[x.k].weight.Of(up).Delta
				if x == (tracker{i, k}) {
					up = !up
				}
				after[x.node] += all[x.node].trackers[x.k].weight.Of(up).Delta
			}
			if changes(all, alive, before, after, i) {
				return true
			}
		}
	}
	return false
}

// changes reports whether one of the living takes over from one that is MASTER before,
// when totals change. A node that goes up must have been below its rivals, not equal to
// the MASTER, which it could have been itself.
func changes(all []standing, alive int, before, after []int, moved int) bool {
	prio := func(n int, totals []int) int {
		return int(track.Priority(all[n].Election.Priority, totals[n]))
	}
	for m := range all {
		if alive>>m&1 == 0 {
			continue
		}
		master := true
		for o := range all {
			if alive>>o&1 == 1 && o != m && (prio(o, before) > prio(m, before) || o == moved && prio(o, before) == prio(m, before)) {
				master = false
			}
		}
		for o := range all {
			if master && alive>>o&1 == 1 && o != m && all[o].Election.Preempt && prio(o, after) > prio(m, after) {
				return true
			}
		}
	}
	return false
}

// TestManyTrackers: what it costs grows with the trackers and their weights, not with
// their states.
func TestManyTrackers(t *testing.T) {
	t.Parallel()
	start := time.Now()
	found := compare(t, nodes{many(300, -1, "priority 254"), many(300, 1, "priority 1")})
	for _, f := range found {
		if f.Rule == "nodes-weights" {
			t.Fatalf("300 of 1 each come to more than the distance: %s", f.Summary)
		}
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("300 trackers took %s", took)
	}
}
