package lint

import (
	"slices"
	"strings"
	"testing"
)

// nodes are the configurations of two or three nodes.
type nodes []string

func unicast(src, peer string, more ...string) string {
	return one(append(more, "unicast_src_ip "+src, "unicast_peer {\n"+peer+"\n}")...)
}

const group2 = "vrrp_sync_group G {\ngroup {\nVI_1\nVI_2\n}\n}\n"

// comparisonCases has for each rule of several nodes some that it is about, and some
// that look like them and are good.
var comparisonCases = map[string]struct{ hit, miss []nodes }{
	"nodes-advert-int": {[]nodes{{one("advert_int 1"), one("advert_int 2")}}, []nodes{{one("advert_int 1"), one()}, {one("advert_int 1"), vi("VI_2", "52", "advert_int 2")}}},
	"nodes-version":    {[]nodes{{one("version 3"), one()}}, []nodes{{one("version 3"), "global_defs {\nvrrp_version 3\n}\n" + one()}}},
	"nodes-auth": {[]nodes{{one(password), one()}, {one(password), one(strings.Replace(password, "secret12", "secret13", 1))}, {one(password), one(strings.Replace(password, "PASS", "AH", 1))}},
		[]nodes{{one(password), one(password)}, {one(password), one(strings.Replace(password, "secret12", "secret12345", 1))}}},
	"nodes-addresses": {[]nodes{{one(), one("virtual_ipaddress {\n192.0.2.99\n}")}, {one("virtual_ipaddress_excluded {\n192.0.2.99\n}"), one()}},
		[]nodes{{one("virtual_ipaddress {\n192.0.2.98\n192.0.2.99\n}"), one("virtual_ipaddress {\n192.0.2.99\n192.0.2.98\n}")}}},
	"nodes-priority": {[]nodes{{one("priority 100"), one()}, {one("priority 150", "state MASTER"), one("priority 150", "state MASTER")}, {one("priority 90"), one(), one("priority 100")}},
		[]nodes{{one("priority 150"), one()}}},
	"nodes-state":       {[]nodes{{one("state MASTER", "priority 150"), one("state MASTER", "priority 100")}}, []nodes{{one("state MASTER"), one("state BACKUP")}, {one(), one()}}},
	"nodes-state-lower": {[]nodes{{one("state MASTER", "priority 100"), one("priority 150")}}, []nodes{{one("state MASTER", "priority 150"), one()}, {one(), one("priority 150")}, {one("state MASTER", "priority 100"), one("state MASTER", "priority 150")}}},
	"nodes-group-priority": {[]nodes{{vi("VI_1", "51", "priority 150") + vi("VI_2", "52") + group2, one() + vi("VI_2", "52", "priority 150") + group2}},
		[]nodes{{vi("VI_1", "51", "priority 150") + vi("VI_2", "52", "priority 150") + group2, one() + vi("VI_2", "52") + group2}, {vi("VI_1", "51", "priority 150") + vi("VI_2", "52"), one() + vi("VI_2", "52", "priority 150")},
			{vi("VI_1", "51", "priority 150") + vi("VI_2", "52", "priority 120") + group2, one() + vi("VI_2", "52") + group2}}},
	"nodes-preempt": {[]nodes{{one("nopreempt"), one()}}, []nodes{{one("nopreempt"), one("nopreempt")}, {one("preempt"), one()}}},
	"nodes-strict":  {[]nodes{{one("strict_mode on"), one()}}, []nodes{{one("strict_mode on"), "global_defs {\nvrrp_strict\n}\n" + one()}}},
	"nodes-group": {[]nodes{{one(), "global_defs {\nvrrp_mcast_group4 224.0.0.19\n}\n" + one()}},
		[]nodes{{one(), "global_defs {\nvrrp_mcast_group4 224.0.0.18\n}\n" + one()}, {one(), "global_defs {\nvrrp_mcast_group6 ff02::13\n}\n" + one()}}},
	"nodes-unicast": {[]nodes{{unicast("192.0.2.7", "192.0.2.8"), one()}, {unicast("192.0.2.7", "192.0.2.8"), unicast("192.0.2.9", "192.0.2.7")}},
		[]nodes{{unicast("192.0.2.7", "192.0.2.8"), unicast("192.0.2.8", "192.0.2.7")}, {one(), one()}, {one("unicast_peer {\n192.0.2.8\n}"), one("unicast_peer {\n192.0.2.7\n}")}}},
	"nodes-missing": {[]nodes{{one() + vi("VI_2", "52"), one()}, {one(), one(), ""}}, []nodes{{one() + vi("VI_2", "52"), vi("VI_2", "52") + one()}}},
	"nodes-vrid":    {[]nodes{{one(), vi("VI_1", "52")}}, []nodes{{one(), one()}, {one(), vi("VI_2", "52")}}},
	"nodes-vrid-used": {[]nodes{{one(), vi("OTHER", "51", "virtual_ipaddress {\n}")[:0] + strings.Replace(vi("OTHER", "51"), "192.0.2.51", "192.0.2.99", 1)}},
		[]nodes{{one(), vi("OTHER", "51")}, {one(), strings.Replace(one(), "192.0.2.51", "192.0.2.99", 1)}}},
	"nodes-sync-group": {[]nodes{{one() + vi("VI_2", "52") + group2, one() + vi("VI_2", "52")}},
		[]nodes{{one() + vi("VI_2", "52") + group2, one() + vi("VI_2", "52") + strings.Replace(group2, "VI_1\nVI_2", "VI_2\nVI_1", 1)}}},
	"nodes-vmac": {[]nodes{{one("use_vmac"), one()}}, []nodes{{one("use_vmac"), one("use_vmac")}}},
	"nodes-weights": {[]nodes{
		{chk + one("priority 150", "track_script {\nchk weight -20\n}"), one("priority 100")},
		{chk + one("priority 150", "track_script {\nchk weight -50\n}"), one("priority 100")}, // equal is not less
		{chk + one("priority 150", "track_script {\nchk weight 20\n}"), chk + one("priority 100", "track_script {\nchk weight 20\n}")},
		{chk + one("priority 150", "track_script {\nchk weight 50 reverse\n}"), one("priority 100")}, // good is bad, and equal is not less
		{one("priority 150"), one("priority 100", "track_interface {\neth1 weight 10\n}")},
		{chk + one("priority 10", "track_script {\nchk weight -50\n}"), one("priority 1")},                                                 // nobody has less than 1
		{chk + one("priority 150", "nopreempt", "track_script {\nchk weight -60\n}"), one("priority 100", "nopreempt"), one("priority 1")}, // who could take over does not
	}, []nodes{
		{chk + one("priority 150", "track_script {\nchk weight -51\n}"), one("priority 100")},
		{chk + one("priority 150", "track_script {\nchk weight 51 reverse\n}"), one("priority 100")},
		{chk + one("priority 150", "track_script {\nchk weight 60\n}"), chk + one("priority 100", "track_script {\nchk weight 60\n}")},
		// Neither alone does it, both together do.
		{chk + one("priority 150", "track_script {\nchk weight -30\n}", "track_interface {\neth1 weight -30\n}"), one("priority 100")},
		{chk + one("priority 150", "track_script {\nchk\n}"), one("priority 100")},
		{chk + one("priority 150", "nopreempt", "track_script {\nchk weight -20\n}"), one("priority 100", "nopreempt")}, // weight-nopreempt has said it
	}},
	"nodes-group-weights": {[]nodes{
		{grouped("track_script {\nchk weight -60\n}", []string{"priority 150"}, []string{"priority 170"}), vi("VI_1", "51") + vi("VI_2", "52") + group2},
		{grouped("sync_group_tracking_weight", []string{"priority 150", "track_script {\nchk weight -60\n}"}, []string{"priority 150"}), vi("VI_1", "51") + vi("VI_2", "52") + group2},
	}, []nodes{
		{grouped("track_script {\nchk weight -60\n}", []string{"priority 150"}, []string{"priority 150"}), vi("VI_1", "51") + vi("VI_2", "52") + group2},
		{grouped("track_script {\nchk weight -60\n}", []string{"priority 150"}, []string{"priority 170"}), vi("VI_1", "51") + vi("VI_2", "52", "priority 120") + group2},
		{grouped("track_script {\nchk weight -60\n}", []string{"priority 150"}, []string{"priority 150"}) + vi("VI_3", "53", "priority 150"), vi("VI_1", "51") + vi("VI_2", "52") + vi("VI_3", "53") + group2}, // not of the group
		// Those nodes-weights is about.
		{grouped("track_script {\nchk weight -20\n}", []string{"priority 150"}, []string{"priority 150"}), vi("VI_1", "51") + vi("VI_2", "52") + group2},
		{chk + one("priority 150", "track_script {\nchk weight -60\n}"), one("nopreempt")},
	}},
	"nodes-services": {[]nodes{
		{vs(kinds, real2), vs(kinds, strings.Replace(real2, "10.0.0.2", "10.0.0.3", 1))}, {vs(kinds, real2), vs(strings.Replace(kinds, "rr", "wlc", 1), real2)},
		{vs(kinds, real2), vs(kinds, "persistence_timeout 50", real2)}, {vs(kinds, real2) + strings.Replace(vs(kinds, real2), "80", "81", 1), vs(kinds, real2)},
	}, []nodes{{vs(kinds, real2), vs(kinds, "delay_loop 7", real2)}, {vs(kinds, real2), one()}, {vs(kinds, real2), vs(kinds, real2)}}},
	"nodes-router-id": {[]nodes{{"global_defs {\nrouter_id a\n}\n", "global_defs {\nrouter_id a\n}\n"}}, []nodes{{"global_defs {\nrouter_id a\n}\n", "global_defs {\nrouter_id b\n}\n"}, {"", ""}}},
}

func compare(t *testing.T, texts nodes) []Finding {
	t.Helper()
	var list []*Node
	for i, text := range texts {
		list = append(list, read(t, "lb"+string(rune('1'+i)), text))
	}
	return Compare(list)
}

func TestComparisons(t *testing.T) {
	t.Parallel()
	for _, r := range Comparisons() {
		c := comparisonCases[r.Code]
		if len(c.hit) == 0 || len(c.miss) == 0 {
			t.Errorf("%s has no test", r.Code)
		}
		for _, texts := range c.hit {
			found := compare(t, texts)
			i := slices.Index(codes(found), r.Code)
			if i < 0 {
				t.Errorf("%s: not found in\n%s%q", r.Code, strings.Join(texts, "---\n"), codes(found))
				continue
			}
			f := found[i]
			if f.Subject.Start().File != "lb"+string(rune('1'+f.Node)) || f.Summary == "" || f.Hint == "" || strings.Contains(f.Summary, "%!") || !strings.Contains(f.Summary, "lb") && !strings.Contains(f.Summary, "the other node") {
				t.Errorf("%s: half a finding: %+v", r.Code, f)
			}
			if strings.Contains(f.Summary+f.Hint, "secret") {
				t.Errorf("%s: a secret in %q", r.Code, f.Summary)
			}
		}
		for _, texts := range c.miss {
			if found := compare(t, texts); slices.Contains(codes(found), r.Code) {
				t.Errorf("%s: found in good ones:\n%s%+v", r.Code, strings.Join(texts, "---\n"), found)
			}
		}
	}
	if len(comparisonCases) != len(Comparisons()) {
		t.Errorf("%d tests for %d rules", len(comparisonCases), len(Comparisons()))
	}
}

// TestEffects: where a rule knows several effects it names the one that follows here.
func TestEffects(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		texts      nodes
		rule, want string
	}{
		{nodes{one("advert_int 1"), one("advert_int 2")}, "nodes-advert-int", "both are MASTER"},
		{nodes{one("version 3", "advert_int 1"), one("version 3", "advert_int 2")}, "nodes-advert-int", "depends on who is MASTER"},
		{nodes{one("priority 150", "state MASTER"), one("priority 150", "state MASTER")}, "nodes-priority", "both take the addresses"},
		{nodes{one(), one()}, "nodes-priority", "the higher address decides"},
		{nodes{file + grouped("", []string{"track_file {\nf\n}"}, nil)}, "weight-in-group", "any but 0 is a fault"},
		{nodes{file + grouped("", []string{"track_file {\nf weight 2\n}"}, nil)}, "weight-in-group", "the weight of f does not count"},
		{nodes{grouped("", []string{"track_interface {\neth1 weight 5\n}"}, nil)}, "weight-in-group", "the weight of eth1 moves this member's priority alone"},
		{nodes{file + one("nopreempt", "track_file {\nf\n}")}, "weight-nopreempt", "whatever the file says"},
		{nodes{chk + one("nopreempt", "track_script {\nchk weight -7\n}")}, "weight-nopreempt", "7 less or not"},
	} {
		found := compare(t, c.texts)
		for i, text := range c.texts {
			found = append(found, Check(read(t, "lb"+string(rune('1'+i)), text))...)
		}
		i := slices.IndexFunc(found, func(f Finding) bool { return f.Rule == c.rule })
		if i < 0 || !strings.Contains(found[i].Summary, c.want) {
			t.Errorf("%s: want %q in %+v", c.rule, c.want, found)
		}
	}
}

// TestRouters: which instances of the nodes belong together.
func TestRouters(t *testing.T) {
	t.Parallel()
	v6 := "vrrp_instance six {\ninterface eth0\nvirtual_router_id 51\nvirtual_ipaddress {\nfe80::1\n}\n}\n"
	on := func(name, dev, addr string) string {
		return "vrrp_instance " + name + " {\ninterface " + dev + "\nvirtual_router_id 51\nvirtual_ipaddress {\n" + addr + "\n}\n}\n"
	}
	for _, c := range []struct {
		rule  string
		texts nodes
		want  string
	}{
		{"by name", nodes{one(), one("virtual_ipaddress {\n192.0.2.99\n}")}, "VI_1 VI_1"},
		{"by virtual_router_id alone, when that is the only one", nodes{one(), on("A", "ens3", "192.0.2.1")}, "VI_1 A"},
		{"IPv4 and IPv6 are two", nodes{one() + v6, v6 + one()}, "VI_1 VI_1, six six"},
		{"another virtual_router_id is another router", nodes{one(), vi("VI_1", "52")}, "VI_1, VI_1"},
		{"the name before the address", nodes{on("A", "eth0", "192.0.2.1") + on("B", "eth1", "192.0.2.2"), on("A", "eth1", "192.0.2.2") + on("B", "eth0", "192.0.2.1")}, "A A, B B"},
		{"the address before the interface", nodes{on("A", "eth0", "192.0.2.1") + on("B", "eth1", "192.0.2.2"), on("C", "eth0", "192.0.2.2") + on("D", "eth1", "192.0.2.1")}, "A D, B C"},
		{"the interface", nodes{on("A", "eth0", "192.0.2.1") + on("B", "eth1", "192.0.2.2"), on("C", "eth1", "192.0.2.3") + on("D", "eth0", "192.0.2.4")}, "A D, B C"},
		{"nothing to go by", nodes{on("A", "eth0", "192.0.2.1") + on("B", "eth1", "192.0.2.2"), on("C", "eth2", "192.0.2.3")}, "A, B, C"},
		{"three nodes", nodes{one(), one(), one()}, "VI_1 VI_1 VI_1"},
	} {
		var list []*Node
		for i, text := range c.texts {
			list = append(list, read(t, "lb"+string(rune('1'+i)), text))
		}
		var got []string
		for _, r := range routers(list) {
			var names []string
			for _, p := range r {
				names = append(names, p.Name)
			}
			got = append(got, strings.Join(names, " "))
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("%s: %s, want %s", c.rule, text, c.want)
		}
	}
}
