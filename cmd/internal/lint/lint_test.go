package lint

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keepalived/cmd/internal/dialect"
	"keepalived/cmd/internal/machine"
	"keepalived/core/config"
	"keepalived/core/diag"
)

var schema = dialect.Schema()

func read(t *testing.T, name, text string) *Node {
	t.Helper()
	tree, _ := config.Parse(config.MapFiles{name: text}, name, config.Env{NodeName: "host"}, schema)
	return NewNode(name, tree)
}

// vi is an instance with further lines.
func vi(name string, vrid string, more ...string) string {
	return "vrrp_instance " + name + " {\ninterface eth0\nvirtual_router_id " + vrid + "\nvirtual_ipaddress {\n192.0.2." + vrid + "\n}\n" + strings.Join(more, "\n") + "\n}\n"
}

// one is a usual instance.
func one(more ...string) string { return vi("VI_1", "51", more...) }

func vs(more ...string) string {
	return "virtual_server 10.0.0.1 80 {\n" + strings.Join(more, "\n") + "\n}\n"
}

// udp is a service with a UDP_CHECK.
func udp(more string) string {
	return vs(kinds, "real_server 10.0.0.2 80 {\nUDP_CHECK {\n"+more+"\n}\n}")
}

const (
	chk      = "vrrp_script chk {\nscript /bin/true\nfall 2\n}\n"
	kinds    = "lvs_sched rr\nlvs_method NAT\nprotocol TCP"
	real2    = "real_server 10.0.0.2 80 {\nTCP_CHECK {\n}\n}"
	password = "authentication {\nauth_type PASS\nauth_pass secret12\n}"
)

// cases has for each rule configurations that it is about, and some that look like
// them and are good.
var cases = map[string]struct{ hit, miss []string }{
	"nopreempt-master":   {[]string{one("state MASTER", "priority 150", "nopreempt"), one("priority 255", "nopreempt")}, []string{one("state BACKUP", "nopreempt"), one("state MASTER")}},
	"nopreempt-boot":     {[]string{one("nopreempt")}, []string{"global_defs {\nvrrp_startup_delay 10\n}\n" + one("nopreempt"), one("state MASTER", "nopreempt"), one()}},
	"preempt-delay-lost": {[]string{one("state MASTER", "priority 150", "preempt_delay 5"), one("nopreempt", "preempt_delay 5")}, []string{one("preempt_delay 5"), one("state MASTER", "preempt_delay 0")}},
	"vrid-twice":         {[]string{one("virtual_ipaddress {\n198.51.100.1/24\n}") + vi("VI_2", "51", "interface eth1", "virtual_ipaddress {\n198.51.100.2/24\n}")}, []string{one() + vi("VI_2", "52"), one("virtual_ipaddress {\n198.51.100.1/24\n}") + vi("VI_2", "51", "interface eth1", "virtual_ipaddress {\n203.0.113.2/24\n}")}},
	"auth-truncated":     {[]string{one("authentication {\nauth_type PASS\nauth_pass secret123\n}")}, []string{one(password)}},
	"auth-lost":          {[]string{one("version 3", password), one("strict_mode on", password)}, []string{one(password), one("version 3")}},
	"auth-in-clear":      {[]string{one(password, "unicast_peer {\n192.0.2.7\n}")}, []string{one(password), one("unicast_peer {\n192.0.2.7\n}")}},
	"strict-unicast":     {[]string{one("strict_mode on", "unicast_peer {\n192.0.2.7\n}"), "global_defs {\nvrrp_strict\n}\n" + one("unicast_peer {\n192.0.2.7\n}")}, []string{one("unicast_peer {\n192.0.2.7\n}"), "global_defs {\nvrrp_strict\n}\n" + one("strict_mode off", "unicast_peer {\n192.0.2.7\n}")}},
	"strict-unreachable": {[]string{"global_defs {\nvrrp_strict\n}\n" + one()}, []string{"global_defs {\nvrrp_strict\n}\n" + one("version 3", "accept"), one(), "global_defs {\nvrrp_strict\n}\n" + one("no_accept")}},
	"advert-int-rounded": {[]string{one("advert_int 0.5"), one("advert_int 1.5")}, []string{one("advert_int 1.0"), one("version 3", "advert_int 0.5")}},
	"state-word":         {[]string{one("state master")}, []string{one("state MASTER"), one()}},
	"priority-255":       {[]string{one("priority 255"), chk + one("priority 255", "track_script {\nchk weight 5\n}")}, []string{one("priority 254")}},
	"address-twice":      {[]string{one("virtual_ipaddress {\n192.0.2.99\n}") + vi("VI_2", "52", "virtual_ipaddress_excluded {\n192.0.2.99\n}")}, []string{one() + vi("VI_2", "52"), one("virtual_ipaddress {\nfe80::1 dev eth0\n}") + vi("VI_2", "52", "virtual_ipaddress {\nfe80::1 dev eth1\n}")}},
	"unicast-self":       {[]string{one("unicast_src_ip 192.0.2.7", "unicast_peer {\n192.0.2.7\n192.0.2.8\n}")}, []string{one("unicast_src_ip 192.0.2.7", "unicast_peer {\n192.0.2.8\n}")}},
	"unicast-no-peer":    {[]string{one("unicast_src_ip 192.0.2.7"), one("unicast_peer {\n}")}, []string{one("unicast_src_ip 192.0.2.7", "unicast_fault_no_peer"), one("mcast_src_ip 192.0.2.7")}},
	"mail-nowhere":       {[]string{one("smtp_alert"), "global_defs {\nsmtp_server 10.0.0.9\n}\n" + one("smtp_alert")}, []string{"global_defs {\nsmtp_server 10.0.0.9\nnotification_email {\na@example.com\n}\n}\n" + one("smtp_alert"), one("smtp_alert off")}},
	"weight-nopreempt": {[]string{chk + one("nopreempt", "track_script {\nchk weight -5\n}"), one("nopreempt", "track_interface {\neth1 weight 5\n}"), file + one("nopreempt", "track_file {\nf\n}"), session + one("nopreempt", "track_bfd {\nb\n}"),
		grouped("track_process {\np\n}", []string{"nopreempt"}, nil) + process}, []string{file + one("nopreempt", "track_file {\nf weight 0\n}"), chk + one("nopreempt", "track_script {\nchk\n}"), chk + one("track_script {\nchk weight -5\n}")}},
	"weight-in-group": {[]string{chk + one("track_script {\nchk weight 5\n}") + vi("VI_2", "52") + "vrrp_sync_group G {\ngroup {\nVI_1\nVI_2\n}\n}\n", file + grouped("", []string{"track_file {\nf\n}"}, nil), process + grouped("", []string{"track_process {\np\n}"}, nil), session + grouped("", []string{"track_bfd {\nb\n}"}, nil), grouped("", []string{"track_interface {\neth1 weight 5\n}"}, nil)},
		[]string{file + grouped("", []string{"track_file {\nf weight 0\n}"}, nil), grouped("track_script {\nchk weight 5\n}", nil, nil), chk + one("track_script {\nchk weight 5\n}") + vi("VI_2", "52") + "vrrp_sync_group G {\nsync_group_tracking_weight\ngroup {\nVI_1\nVI_2\n}\n}\n", chk + one("track_script {\nchk\n}") + vi("VI_2", "52") + "vrrp_sync_group G {\ngroup {\nVI_1\nVI_2\n}\n}\n"}},
	"weight-clamped":     {[]string{chk + one("priority 250", "track_script {\nchk weight 20\n}"), chk + one("priority 20", "track_script {\nchk weight -20\n}"), chk + one("priority 20", "track_script {\nchk weight 30 reverse\n}"), grouped("track_script {\nchk weight -20\n}", []string{"priority 20"}, nil), process + one("priority 20", "track_process {\np\n}")}, []string{file + one("priority 254", "track_file {\nf\n}"), chk + one("priority 234", "track_script {\nchk weight 20\n}"), chk + one("priority 21", "track_script {\nchk weight -20\n}")}},
	"script-slow":        {[]string{"vrrp_script chk {\nscript /bin/true\ninterval 2\ntimeout 3\n}\n"}, []string{"vrrp_script chk {\nscript /bin/true\ninterval 2\ntimeout 2\n}\n", chk}},
	"script-flaps":       {[]string{"vrrp_script chk {\nscript /bin/true\n}\n" + one("track_script {\nchk\n}")}, []string{chk + one("track_script {\nchk\n}"), "vrrp_script chk {\nscript /bin/true\nweight 5\n}\n" + one("track_script {\nchk\n}"), "vrrp_script chk {\nscript /bin/true\n}\n"}},
	"script-security":    {[]string{one("notify_master /bin/true"), chk + one("track_script {\nchk\n}")}, []string{"global_defs {\nenable_script_security\n}\n" + one("notify_master /bin/true"), "global_defs {\nscript_user nobody\n}\n" + one("notify_master /bin/true"), one(), chk}},
	"no-protocol":        {[]string{vs("lvs_sched rr", real2)}, []string{vs("protocol TCP", real2), "virtual_server fwmark 7 {\n" + real2 + "\n}\n", "virtual_server_group g {\nfwmark 7\n}\nvirtual_server group g {\n" + real2 + "\n}\n"}},
	"no-scheduler":       {[]string{vs("protocol TCP", real2)}, []string{vs("lb_algo rr", real2), vs("lvs_sched rr", real2)}},
	"no-method":          {[]string{vs("protocol TCP", real2)}, []string{vs("lb_kind NAT", real2), vs("lvs_method DR", real2)}},
	"method-word":        {[]string{vs("lb_kind dr", real2)}, []string{vs("lb_kind DR", real2), vs(real2)}},
	"no-checker":         {[]string{vs("real_server 10.0.0.2 80 {\nweight 1\n}")}, []string{vs(real2), vs("real_server 10.0.0.2 80 {\nBFD_CHECK {\nname b\n}\n}")}},
	"udp-no-reply":       {[]string{udp("")}, []string{udp("require_reply"), udp("require_reply 01"), vs(kinds, real2)}},
	"dns-any-answer":     {[]string{vs(kinds, "real_server 10.0.0.2 53 {\nDNS_CHECK {\ntype A\n}\n}")}, []string{vs(kinds, real2)}},
	"check-slow":         {[]string{vs(kinds, "delay_loop 2", real2), vs(kinds, "delay_loop 2", "real_server 10.0.0.2 80 {\nMISC_CHECK {\nmisc_path /bin/true\nmisc_timeout 3\n}\n}")}, []string{vs(kinds, "delay_loop 5", real2), vs(kinds, "delay_loop 2", "connect_timeout 1", real2), vs(kinds, "delay_loop 2", "real_server 10.0.0.2 80 {\nMISC_CHECK {\nmisc_path /bin/true\n}\n}")}},
	"quorum-unreachable": {[]string{vs(kinds, "quorum 2", real2), vs(kinds, "quorum 2", "weight 1", real2)}, []string{vs(kinds, "quorum 1", real2), vs(kinds, "quorum 2", "weight 2", real2), vs(kinds, "quorum 3", "real_server 10.0.0.2 80 {\nweight 3\nTCP_CHECK {\n}\n}")}},
	"no-such-address":    {[]string{one() + vs(kinds, real2)}, []string{one("virtual_ipaddress {\n10.0.0.1\n}") + vs(kinds, real2), vs(kinds, real2), one() + "static_ipaddress {\n10.0.0.1 dev eth0\n}\n" + vs(kinds, real2)}},
}

func codes(found []Finding) []string {
	var out []string
	for _, f := range found {
		out = append(out, f.Rule)
	}
	return out
}

// TestRules: every rule has configurations that it is about and some that it is not.
func TestRules(t *testing.T) {
	t.Parallel()
	for _, r := range Rules() {
		c := cases[r.Code]
		if len(c.hit) == 0 || len(c.miss) == 0 {
			t.Errorf("%s has no test", r.Code)
		}
		for _, text := range c.hit {
			found := Check(read(t, "f", text))
			i := slices.Index(codes(found), r.Code)
			if i < 0 {
				t.Errorf("%s: not found in\n%s%q", r.Code, text, codes(found))
				continue
			}
			if f := found[i]; !f.Subject.IsValid() || f.Summary == "" || f.Hint == "" || strings.Contains(f.Summary, "%!") || strings.Contains(f.Hint, "%") {
				t.Errorf("%s: half a finding: %+v", r.Code, f)
			}
		}
		for _, text := range c.miss {
			if found := Check(read(t, "f", text)); slices.Contains(codes(found), r.Code) {
				t.Errorf("%s: found in a good one:\n%s", r.Code, text)
			}
		}
	}
	if len(cases) != len(Rules()) {
		t.Errorf("%d tests for %d rules", len(cases), len(Rules()))
	}
}

// TestRepeats: what the daemon complains about itself is not said twice, and nothing
// else is taken for it.
func TestRepeats(t *testing.T) {
	t.Parallel()
	for _, r := range Rules() {
		said := map[string]bool{}
		for _, text := range cases[r.Code].hit {
			tree, complaints := config.Parse(config.MapFiles{"f": text}, "f", config.Env{NodeName: "host"}, schema)
			complaints = append(complaints, dialect.Check(tree, nil, machine.Scripts{}).Diags...)
			for _, f := range Check(NewNode("f", tree)) {
				for _, d := range complaints {
					if f.Rule == r.Code && f.Repeats(d) {
						for _, part := range r.repeats {
							said[part] = said[part] || strings.Contains(d.Summary, part)
						}
					}
				}
			}
		}
		for _, part := range r.repeats {
			if !said[part] {
				t.Errorf("%s: no complaint says %q where it finds something", r.Code, part)
			}
		}
	}
	at := diag.At(diag.NewFileName("f"), 1, 1, 9)
	f := Finding{Diagnostic: diag.Diagnostic{Subject: at}, repeats: []string{"no protocol set"}}
	for text, want := range map[string]bool{"VS: no protocol set - defaulting to UDP": true, "VS: no scheduler set": false} {
		if f.Repeats(diag.Diagnostic{Subject: at, Summary: text}) != want {
			t.Errorf("%q: want %v", text, want)
		}
	}
	for summary, want := range map[string]string{"(V) a: b: c": "c; do it", "(V) a": "do it"} {
		if got := (Finding{Diagnostic: diag.Diagnostic{Summary: summary, Hint: "do it"}}).Advice(); got != want {
			t.Errorf("%s: %q, want %q", summary, got, want)
		}
	}
	if f.Repeats(diag.Diagnostic{Subject: diag.At(diag.NewFileName("f"), 2, 1, 9), Summary: "no protocol set"}) {
		t.Error("another line's complaint")
	}
}

// TestCodesAreStable: a code is unique and is written like the others.
func TestCodesAreStable(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	check := func(code, about string) {
		if seen[code] || code == "" || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || about == "" {
			t.Errorf("code %q, about %q", code, about)
		}
		seen[code] = true
	}
	for _, r := range Rules() {
		check(r.Code, r.About)
	}
	for _, r := range Comparisons() {
		check(r.Code, r.About)
	}
}

// TestGoodConfigurations: what we ourselves recommend has none of the traps.
func TestGoodConfigurations(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../deploy/examples/*.conf")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range Check(read(t, name, string(b))) {
			t.Errorf("%s: %s: %s", f.Subject, f.Rule, f.Summary)
		}
	}
}

// TestAnything: no configuration of the field makes a rule fail.
func TestAnything(t *testing.T) {
	t.Parallel()
	seeds, _ := filepath.Glob("../../../test/compat/testdata/seeds/*.conf")
	samples, _ := filepath.Glob("/usr/share/doc/keepalived/samples/keepalived.conf.*")
	if len(seeds) != 34 || len(samples) < 25 {
		t.Fatalf("%d seeds and %d samples: apt-get install keepalived", len(seeds), len(samples))
	}
	for _, name := range append(seeds, samples...) {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		n := read(t, name, string(b))
		Check(n)
		for _, f := range Compare([]*Node{n, read(t, name, string(b))}) {
			switch f.Rule {
			case "nodes-priority", "nodes-state", "nodes-router-id", "nodes-weights", "nodes-unicast":
			default:
				t.Errorf("%s compared with itself: %s: %s", name, f.Rule, f.Summary)
			}
		}
	}
}
