package vrrpcfg

import (
	"slices"
	"strings"
	"testing"
)

// TestCompare: every line that changes an instance is seen, as what it is.
func TestCompare(t *testing.T) {
	t.Parallel()
	const script = "vrrp_script S {\nscript /bin/s\n}\n"
	plain, _ := load(t, script+instance("V", ""))
	before := plain.Instance("V")
	digest := before.Digest()
	cases := []struct {
		name   string
		lines  string
		want   Change
		digest bool // another digest
	}{
		{"nothing", "", 0, false},
		{"what is the default anyway", "priority 100\nadvert_int 1\npreempt\ngarp_master_delay 5\nversion 2", 0, false},
		{"priority", "priority 101", ChangeElection, true},
		{"interval", "advert_int 2", ChangeElection, true},
		{"nopreempt", "nopreempt", ChangeElection, false},
		{"VRID", "virtual_router_id 9", ChangeIdentity, true},
		{"interface", "interface eth1", ChangeIdentity | ChangeAddresses, true},
		{"version", "version 3", ChangeElection, true},
		{"group address", "mcast_dst_ip 224.0.0.99", ChangeIdentity, true},
		{"multicast to unicast", "unicast_peer {\n10.1.1.1\n}", ChangeIdentity | ChangeUnicast, true},
		{"source", "mcast_src_ip 10.1.1.9", ChangeSource, true},
		{"password", "authentication {\nauth_type PASS\nauth_pass 1\n}", ChangeAuth, true},
		{"one address more", "virtual_ipaddress {\n10.0.0.7\n}", ChangeAddresses, true},
		{"one excluded address more", "virtual_ipaddress_excluded {\n10.0.0.7\n}", ChangeAddresses, true},
		{"a route", "virtual_routes {\n10.5.0.0/16 dev eth0\n}", ChangeRoutes, false},
		{"a rule", "virtual_rules {\nfrom 10.0.0.1 table 5 priority 7\n}", ChangeRoutes, false},
		{"garp", "garp_master_repeat 9", ChangeGARP, false},
		{"a tracked interface", "track_interface {\neth1\n}", ChangeTrack, false},
		{"a tracked script", "track_script {\nS\n}", ChangeTrack, false},
		{"a notify script", "notify /bin/n", ChangeNotify, false},
		{"mail", "smtp_alert", ChangeNotify, false},
	}
	for _, c := range cases {
		cfg, _ := load(t, "\n\n"+script+"\n"+instance("V", c.lines)) // elsewhere in the file
		after := cfg.Instance("V")
		if got := Compare(before, after); got != c.want {
			t.Errorf("%s: want %b, got %b", c.name, c.want, got)
		}
		if got := Compare(after, before); got != c.want {
			t.Errorf("%s, the other way round: want %b, got %b", c.name, c.want, got)
		}
		if changed := after.Digest() != digest; changed != c.digest {
			t.Errorf("%s: digest changed: %v, want %v", c.name, changed, c.digest)
		}
	}
	if ChangeElection.Restart() || !(ChangeIdentity | ChangeAuth).Restart() || !(ChangeAuth | ChangeGARP).Has(ChangeGARP) {
		t.Error("only another identity is a restart")
	}
	grouped, _ := load(t, script+instance("V", "")+"vrrp_sync_group G {\ngroup {\nV\n}\n}\n")
	if got := Compare(before, grouped.Instance("V")); got != ChangeGroup {
		t.Errorf("sync group: got %b", got)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	text := instance("A", "") + second("B", "")
	from, _ := load(t, text)
	same, _ := load(t, "# a comment\n"+text)
	if p := Diff(from, same); !p.Empty() || !slices.Equal(p.Kept, []string{"A", "B"}) {
		t.Errorf("the same file touches nothing: %+v", p)
	}
	to, _ := load(t, instance("A", "priority 90")+"vrrp_instance C {\ninterface eth1\nvirtual_router_id 6\nvirtual_ipaddress {\n10.0.0.3\n}\n}\n")
	p := Diff(from, to)
	if p.Empty() || p.Changed["A"] != ChangeElection || !slices.Equal(p.Removed, []string{"B"}) || !slices.Equal(p.Added, []string{"C"}) || len(p.Kept)+len(p.Restarted) != 0 {
		t.Errorf("got %+v", p)
	}
	moved, _ := load(t, instance("A", "")+second("B", "interface eth1"))
	if p := Diff(from, moved); !slices.Equal(p.Restarted, []string{"B"}) {
		t.Errorf("another interface is a restart: %+v", p)
	}
}

// The digest tells instances apart that differ in one word only.
func TestDigestIsInjective(t *testing.T) {
	t.Parallel()
	seen := map[[8]byte]string{}
	for _, lines := range []string{
		"", "virtual_ipaddress {\n10.0.0.12\n}", "virtual_ipaddress_excluded {\n10.0.0.12\n}", "virtual_ipaddress {\n10.0.0.13\n}", "virtual_ipaddress {\n10.0.0.12/24\n}", "virtual_ipaddress {\n10.0.0.12 dev eth1\n}",
		"priority 1", "priority 10", "down_timer_adverts 10", "authentication {\nauth_type PASS\nauth_pass 1\n}", "authentication {\nauth_type AH\nauth_pass 1\n}",
		"unicast_peer {\n10.1.1.1\n}", "unicast_peer {\n10.1.1.1\n10.1.1.2\n}", "unicast_src_ip 10.1.1.1\nunicast_peer {\n10.1.1.2\n}",
	} {
		cfg, _ := load(t, instance("V", lines))
		d := cfg.Instances[0].Digest()
		if other, ok := seen[d]; ok {
			t.Errorf("%q and %q have one digest", other, lines)
		}
		seen[d] = lines
	}
}

func TestEqualObjects(t *testing.T) {
	t.Parallel()
	const text = "vrrp_script S {\nscript \"/bin/s a\"\nweight 5\n}\nvrrp_sync_group G {\ngroup {\nA\nB\n}\nnotify /bin/g\n}\n"
	rest := instance("A", "track_script {\nS\n}") + second("B", "")
	a, _ := load(t, text+rest)
	b, _ := load(t, "\n"+text+rest)
	if !EqualScript(a.Script("S"), b.Script("S")) || !EqualGroup(a.Groups[0], b.Groups[0]) {
		t.Error("the same text one line further down differs")
	}
	for _, change := range [][2]string{{"/bin/s a", "/bin/s b"}, {"weight 5", "weight 6"}} {
		c, _ := load(t, replace(text, change)+rest)
		if EqualScript(a.Script("S"), c.Script("S")) {
			t.Errorf("%v is not seen", change)
		}
	}
	for _, change := range [][2]string{{"/bin/g", "/bin/h"}, {"A\nB", "A"}, {"notify", "sync_group_tracking_weight\nnotify"}} {
		c, _ := load(t, replace(text, change)+rest)
		if EqualGroup(a.Groups[0], c.Groups[0]) {
			t.Errorf("%v is not seen", change)
		}
	}
}

func replace(text string, change [2]string) string {
	return strings.Replace(text, change[0], change[1], 1)
}
