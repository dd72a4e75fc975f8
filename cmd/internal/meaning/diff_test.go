package meaning

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keepalived/cmd/internal/dialect"
	"keepalived/core/config"
)

// told writes changes one a line.
func told(changes []Change) string {
	var out strings.Builder
	for _, c := range changes {
		fmt.Fprintf(&out, "%s | %s | %s | %q -> %q\n", c.Object, c.Keyword, c.Kind, c.From, c.To)
	}
	return out.String()
}

const pairOfInstances = `global_defs {
router_id lb1
}
vrrp_instance VI_1 {
interface eth0
virtual_router_id 51
priority 100
authentication {
auth_type PASS
auth_pass s3cret
}
virtual_ipaddress {
192.0.2.1
192.0.2.2
}
track_script {
chk weight 5
}
}
vrrp_script chk {
script "/bin/true x"
interval 2
}
`

const web = `virtual_server 10.0.0.1 80 {
lb_algo rr
lb_kind NAT
protocol TCP
delay_loop 5
real_server 10.0.0.2 80 {
weight 2
HTTP_GET {
url {
path /
status_code 200
}
}
}
real_server 10.0.0.3 80 {
TCP_CHECK {
connect_timeout 3
}
}
}
`

func TestDiff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule, text string
		change     []string // old, new, old, new …
		want       string
	}{
		{"nothing", pairOfInstances, nil, ""},
		{"comments, blanks, quotes", pairOfInstances, []string{"router_id lb1", "# a\n  router_id   \"lb1\" ! b"}, ""},
		{"a definition", pairOfInstances, []string{"global_defs {\nrouter_id lb1", "$ID=lb1\nglobal_defs {\nrouter_id $ID"}, ""},
		{"a value", pairOfInstances, []string{"priority 100", "priority 110"}, `vrrp_instance VI_1 | priority | changed | ["100"] -> ["110"]` + "\n"},
		{"a default that is said", pairOfInstances, []string{"priority 100", "priority 100\nadvert_int 1\nstate BACKUP\nversion 2"}, ""},
		{"a default that is no longer said", pairOfInstances, []string{"priority 100\n", ""}, ""},
		{"another way to write a number", pairOfInstances, []string{"priority 100", "priority 100\nadvert_int 1.00", "interval 2", "interval 2.0"}, ""},
		{"one that is not the default", pairOfInstances, []string{"priority 100", "priority 100\nnopreempt"}, `vrrp_instance VI_1 | nopreempt | added | [] -> [""]` + "\n"},
		{"the order of keywords", pairOfInstances, []string{"interface eth0\nvirtual_router_id 51", "virtual_router_id 51\ninterface eth0"}, ""},
		{"two that only count together", pairOfInstances, []string{"priority 100", "priority 100\nversion 3\nadvert_int 0.5"},
			"vrrp_instance VI_1 | authentication/auth_type | ", // see below
		},
		{"a secret", pairOfInstances, []string{"auth_pass s3cret", "auth_pass other"}, `vrrp_instance VI_1 | authentication/auth_pass | changed | ["********"] -> ["********"]` + "\n"},
		{"a secret of which eight letters count", pairOfInstances, []string{"auth_pass s3cret", "auth_pass s3cret\n"}, ""},
		{"an address more", pairOfInstances, []string{"192.0.2.2\n", "192.0.2.2\n192.0.2.3/24 dev eth1\n"},
			`vrrp_instance VI_1 | virtual_ipaddress | changed | [] -> ["192.0.2.3/24 dev eth1"]` + "\n"},
		{"the order of addresses", pairOfInstances, []string{"192.0.2.1\n192.0.2.2", "192.0.2.2\n192.0.2.1"},
			`vrrp_instance VI_1 | virtual_ipaddress | reordered | ["192.0.2.1" "192.0.2.2"] -> ["192.0.2.2" "192.0.2.1"]` + "\n"},
		{"a weight", pairOfInstances, []string{"chk weight 5", "chk weight -5"}, `vrrp_instance VI_1 | track_script | changed | ["chk weight 5"] -> ["chk weight -5"]` + "\n"},
		{"a script", pairOfInstances, []string{"/bin/true x", "/bin/true y"}, `vrrp_script chk | script | changed | ["\"/bin/true x\""] -> ["\"/bin/true y\""]` + "\n"},
		{"another instance", pairOfInstances, []string{"vrrp_script chk", "vrrp_instance VI_2 {\ninterface eth0\nvirtual_router_id 52\nvirtual_ipaddress {\n192.0.2.9\n}\n}\nvrrp_script chk"},
			"vrrp_instance VI_2 |  | added | [] -> []\n"},
		{"another name", pairOfInstances, []string{"vrrp_instance VI_1", "vrrp_instance VI_9"}, "vrrp_instance VI_9 |  | added | [] -> []\nvrrp_instance VI_1 |  | removed | [] -> []\n"},
		{"a global setting more", pairOfInstances, []string{"router_id lb1", "router_id lb1\nvrrp_garp_master_delay 1"},
			`global_defs | vrrp_garp_master_delay | added | [] -> ["1"]` + "\n"},
		{"an empty block", pairOfInstances, []string{"vrrp_script chk", "static_ipaddress {\n}\nvrrp_script chk"}, ""},
		{"a block that says only defaults", strings.TrimPrefix(pairOfInstances, "global_defs {\nrouter_id lb1\n}\n"), []string{"vrrp_script chk", "global_defs {\nvrrp_version 2\n}\nvrrp_script chk"}, ""},
		{"outside any block", pairOfInstances, []string{"global_defs", "child_wait_time 7\nglobal_defs"}, `outside any block | child_wait_time | added | [] -> ["7"]` + "\n"},
		{"static addresses", "static_ipaddress {\n10.0.0.1/24 dev eth0\n}\n", []string{"eth0", "eth1"},
			`static_ipaddress |  | changed | ["10.0.0.1/24 dev eth0"] -> ["10.0.0.1/24 dev eth1"]` + "\n"},

		{"a synonym", web, []string{"lb_algo rr\nlb_kind NAT", "lvs_method NAT\nlvs_sched rr"}, ""},
		{"the weight of a server", web, []string{"weight 2", "weight 3"}, `virtual_server 10.0.0.1 80 | real_server 10.0.0.2 80/weight | changed | ["2"] -> ["3"]` + "\n"},
		{"deep down", web, []string{"path /", "path /health"}, `virtual_server 10.0.0.1 80 | real_server 10.0.0.2 80/HTTP_GET/url/path | changed | ["/"] -> ["/health"]` + "\n"},
		{"a server less", web, []string{"real_server 10.0.0.3 80 {\nTCP_CHECK {\nconnect_timeout 3\n}\n}\n", ""},
			"virtual_server 10.0.0.1 80 | real_server 10.0.0.3 80 | removed | [] -> []\n"},
		{"another checker", web, []string{"TCP_CHECK {\nconnect_timeout 3", "PING_CHECK {\nconnect_timeout 3"},
			"virtual_server 10.0.0.1 80 | real_server 10.0.0.3 80/PING_CHECK | added | [] -> []\nvirtual_server 10.0.0.1 80 | real_server 10.0.0.3 80/TCP_CHECK | removed | [] -> []\n"},
		{"a second service of the name", web, []string{"virtual_server", web + "virtual_server"}, "virtual_server 10.0.0.1 80 (no. 2) |  | added | [] -> []\n"},
		{"what no model holds", "bfd_instance b {\nneighbor_ip 10.0.0.1\nmin_rx 20\n}\n", []string{"min_rx 20", "min_rx 30"}, `bfd_instance b | min_rx | changed | ["20"] -> ["30"]` + "\n"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			other := strings.NewReplacer(c.change...).Replace(c.text)
			if c.change != nil && other == c.text {
				t.Fatal("nothing is changed")
			}
			got := told(Diff(parse(c.text), parse(other), schema))
			if strings.HasSuffix(c.want, " | ") {
				if !strings.Contains(got, "| advert_int | added") || !strings.Contains(got, "| version | added") {
					t.Errorf("got\n%s", got)
				}
				return
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
			back := Diff(parse(other), parse(c.text), schema)
			if (len(back) == 0) != (got == "") {
				t.Errorf("the other way round:\n%s", told(back))
			}
		})
	}
}

// TestDiffOfWhatNoModelHolds: a keyword that the decoders do not keep is compared by
// its text; its default is no difference.
func TestDiffOfWhatNoModelHolds(t *testing.T) {
	t.Parallel()
	s := config.NewSchema(dialect.Keywords(), []config.Keyword{{Path: "global_defs", Name: "future_word", Value: config.Whole(0, 9), Default: "3"}})
	tree := func(line string) *config.Tree {
		tree, list := config.Parse(config.MapFiles{"f": "global_defs {\nrouter_id a\n" + line + "\n}\n"}, "f", config.Env{}, s)
		if len(list) > 0 {
			t.Fatal(list.Short(false))
		}
		return tree
	}
	for _, c := range []struct{ a, b, want string }{
		{"future_word 1", "future_word 2", `global_defs | future_word | changed | ["1"] -> ["2"]` + "\n"},
		{"future_word 1", "", `global_defs | future_word | removed | ["1"] -> []` + "\n"},
		{"future_word 3", "", ""},
	} {
		if d := cmp.Diff(c.want, told(Diff(tree(c.a), tree(c.b), s))); d != "" {
			t.Errorf("%q, %q: %s", c.a, c.b, d)
		}
	}
}

// TestDiffOfTheSame: no configuration differs from itself in canonical form.
func TestDiffOfTheSame(t *testing.T) {
	t.Parallel()
	for name, tree := range trees(t) {
		if changes := Diff(tree, parse(config.Print(Canonical(tree, schema))), schema); len(changes) > 0 {
			t.Errorf("%s:\n%s", name, told(changes))
		}
	}
}

// TestDiffMissesNothing: where a line less makes another model, a difference is told,
// and each way round.
func TestDiffMissesNothing(t *testing.T) {
	t.Parallel()
	compared, different := 0, 0
	for name, text := range texts(t) {
		lines := strings.SplitAfter(text, "\n")
		tree := parse(text)
		before := Fingerprint(tree.Roots)
		step := 1 + len(lines)/5
		for i := 0; i < len(lines); i += step {
			if strings.ContainsAny(lines[i], "{}") || strings.TrimSpace(lines[i]) == "" {
				continue
			}
			other := parse(strings.Join(lines[:i], "") + strings.Join(lines[i+1:], ""))
			compared++
			if Fingerprint(other.Roots) == before {
				continue
			}
			different++
			if len(Diff(tree, other, schema)) == 0 || len(Diff(other, tree, schema)) == 0 {
				t.Errorf("%s: without line %d, %q, nothing differs", name, i+1, lines[i])
			}
		}
	}
	if compared < 500 || different < 200 {
		t.Errorf("%d compared, %d of them different", compared, different)
	}
}
