package lint

import (
	"fmt"
	"slices"

	"keepalived/core/config"
	"keepalived/core/diag"
	"keepalived/vrrp/vrrpcfg"
)

func trackRules() []Rule {
	return []Rule{
		{"weight-nopreempt", "a weight moves nothing when nobody may preempt", eachInstance(weightNopreempt), nil},
		{"weight-in-group", "weights of members of a sync group do not count, or not for the group", eachInstance(weightInGroup), []string{"ignoring tracked", "ignoring weight from tracked", "tracked interface weight due to"}},
		{"weight-clamped", "priorities end at 1 and 254, whatever the weights", eachInstance(weightClamped), nil},
		{"script-slow", "a check may take longer than its interval", scriptSlow, nil},
		{"script-flaps", "a single failed run moves the addresses", scriptFlaps, nil},
		{"script-security", "scripts run as root and nobody looks who may change them", scriptSecurity, []string{"SECURITY VIOLATION"}},
	}
}

// tracked is one thing that an instance watches, as a line of the file.
type tracked struct {
	kind, name string
	weight     int
	at         diag.Range
}

// tracking lists what an instance watches with its weights, also what the daemon
// would leave out.
func (n *Node) tracking(i instance) []tracked {
	var out []tracked
	for _, kind := range []string{"track_interface", "track_script", "track_file", "track_process", "track_bfd"} {
		for _, block := range lines(i.block, kind) {
			for _, l := range block.Block {
				out = append(out, tracked{kind, l.Keyword.Text, n.weightOf(kind, l), whole(l)})
			}
		}
	}
	return out
}

// weightOf is the weight of one line: its own, else that of what it names.
func (n *Node) weightOf(kind string, l *config.Node) int {
	for k, a := range l.Args {
		if a.Text == "weight" && k+1 < len(l.Args) {
			return number(l.Args[k+1].Text)
		}
	}
	name := l.Keyword.Text
	switch kind {
	case "track_bfd":
		for _, b := range n.blocks("bfd_instance") {
			if arg(b) == name {
				return number(arg(last(b, "weight")))
			}
		}
	case "track_script":
		if s := n.VRRP.Script(name); s != nil {
			return s.Weight
		}
	case "track_file":
		for _, f := range n.VRRP.Files {
			if f.Name == name {
				return f.Weight
			}
		}
	case "track_process":
		for _, p := range n.VRRP.Processes {
			if p.Name == name {
				return p.Weight
			}
		}
	}
	return 0
}

// number reads a number that was checked before; 0 for what is none.
func number(text string) int {
	sign, v := 1, 0
	for k, c := range text {
		switch {
		case k == 0 && c == '-':
			sign = -1
		case k == 0 && c == '+':
		case c < '0' || c > '9' || v > 1<<20:
			return 0
		default:
			v = 10*v + int(c-'0')
		}
	}
	return sign * v
}

func weightNopreempt(n *Node, i instance, s say) {
	if i.Election.Preempt {
		return
	}
	all := n.weighings(i.Instance)
	if len(all) == 0 {
		return
	}
	w := all[0]
	much := fmt.Sprintf("%d less or not", max(w.weight.Value, -w.weight.Value))
	if w.file {
		much = "whatever the file says"
	}
	s(w.at, "let it be a fault (weight 0), so that the node gives up the addresses, or do without nopreempt",
		"(%s) with nopreempt a weight does not move the addresses: whoever is MASTER stays it, %s", i.Name, much)
}

// weightInGroup looks at the text: the daemon has left most of those weights out. Of an
// interface it says so, as 2.2.7 does, and counts it all the same.
func weightInGroup(n *Node, i instance, s say) {
	var group *vrrpcfg.Group
	for _, g := range n.VRRP.Groups {
		if g.Name == i.Group {
			group = g
		}
	}
	if group == nil || group.TrackingWeight {
		return
	}
	for _, t := range n.tracking(i) {
		switch {
		case t.weight == 0:
		case t.kind == "track_interface":
			s(t.at, "track it in the vrrp_sync_group, where its weight counts for all members",
				"(%s) is in sync group %s: the weight of %s moves this member's priority alone, and the group moves only as a whole", i.Name, group.Name, t.name)
		case t.kind == "track_file" && t.weight == 1: // which it has without being told
			s(t.at, "write weight 0 if that is meant; else track it in the vrrp_sync_group, or write sync_group_tracking_weight there",
				"(%s) is in sync group %s: the number in %s does not count, and any but 0 is a fault", i.Name, group.Name, t.name)
		default:
			s(t.at, "track it in the vrrp_sync_group, or write sync_group_tracking_weight there; with weight 0 its failure is a fault of the group",
				"(%s) is in sync group %s: the weight of %s does not count", i.Name, group.Name, t.name)
		}
	}
}

func weightClamped(n *Node, i instance, s say) {
	if i.Election.Priority == owner {
		return
	}
	most, least := int(i.Election.Priority), int(i.Election.Priority)
	for _, w := range n.weighings(i.Instance) {
		if !w.file { // whose number nobody knows
			most, least = most+slices.Max(w.values()), least+slices.Min(w.values())
		}
	}
	switch {
	case most > 254:
		s(at(i.block, "priority"), "choose priorities and weights whose sums stay between 1 and 254 on every node",
			"(%s) priority %d and its weights come to %d: what is above 254 does not count", i.Name, i.Election.Priority, most)
	case least < 1:
		s(at(i.block, "priority"), "choose priorities and weights whose sums stay between 1 and 254 on every node",
			"(%s) priority %d and its weights come to %d: what is below 1 does not count", i.Name, i.Election.Priority, least)
	}
}

func scriptSlow(n *Node, s say) {
	for _, b := range n.blocks("vrrp_script") {
		v := n.VRRP.Script(arg(b))
		if v != nil && v.Timeout > v.Interval {
			s(at(b, "timeout"), "make the interval at least as long as the timeout",
				"vrrp_script %s may run for %s and is due every %s: runs are left out, and a failure is noticed late", v.Name, v.Timeout, v.Interval)
		}
	}
}

// scriptFlaps: with rise and fall 1 a single slow answer moves the addresses.
func scriptFlaps(n *Node, s say) {
	for _, b := range n.blocks("vrrp_script") {
		v := n.VRRP.Script(arg(b))
		if v == nil || v.Weight != 0 || !v.Used || v.Fall > 1 {
			continue
		}
		s(whole(b), "write fall 2 or 3; rise 2 keeps it from coming back too early",
			"vrrp_script %s fails at its first bad run (fall 1): one slow answer makes a fault, and the addresses move", v.Name)
	}
}

func scriptSecurity(n *Node, s say) {
	if n.Global.ScriptSecurity {
		return
	}
	for _, u := range n.VRRP.ScriptUses() {
		if !u.Unused && u.Script.User == "" && n.Global.ScriptUser.User == "" {
			s(u.Script.Range, "write enable_script_security and script_user in global_defs",
				"%s runs a script as the default user, which may be root, and nobody checks who may change it", u.Owner)
			return
		}
	}
}
