package vrrpcfg

import (
	"slices"
	"strings"
	"testing"

	"keepalived/core/diag"
)

// second is another router on eth0.
func second(name, lines string) string {
	return "vrrp_instance " + name + " {\ninterface eth0\nvirtual_router_id 6\nvirtual_ipaddress {\n10.0.0.2\n}\n" + lines + "\n}\n"
}

func TestFatal(t *testing.T) {
	t.Parallel()
	vip := "virtual_ipaddress {\n10.0.0.9\n}\n"
	cases := []struct {
		name, text string
		code       diag.Code
		say        string
	}{
		{"no VRID", "vrrp_instance V {\ninterface eth0\n" + vip + "}\n", diag.CannotRun, "(V) the virtual router id must be set"},
		{"no interface", "vrrp_instance V {\nvirtual_router_id 5\n" + vip + "}\n", diag.CannotRun, "(V) Unknown interface!"},
		{"a VRF alone", "vrrp_instance V {\nvrf eth1\nvirtual_router_id 5\n" + vip + "}\n", diag.CannotRun, "(V) Unknown interface!"},
		{"a VRF that does not exist", "vrrp_instance V {\nvrf red\ninterface eth0\nvirtual_router_id 5\n" + vip + "}\n", diag.NoInterface, "(V) WARNING - VRF interface red doesn't exist"},
		{"loopback", "vrrp_instance V {\ninterface lo\nvirtual_router_id 5\n" + vip + "}\n", diag.CannotRun, "(V) Unknown interface!"},
		{"interface that does not exist", "vrrp_instance V {\ninterface eth9\nvirtual_router_id 5\n" + vip + "}\n", diag.NoInterface, "WARNING - interface eth9 for vrrp_instance V doesn't exist"},
		{"VRID twice", instance("A", "") + instance("B", ""), diag.CannotRun, "A and B both use VRID 5 with IPv4 on interface eth0"},
		{"VRID twice with a common peer", instance("A", "unicast_peer {\n10.1.1.1\n}") + instance("B", "unicast_peer {\n10.1.1.2\n10.1.1.1\n}"), diag.CannotRun, "(A) duplicate VRID conflict with B VRID 5"},
		{"strict without VIP", "global_defs {\nvrrp_strict\n}\nvrrp_instance V {\ninterface eth0\nvirtual_router_id 5\n}\n", diag.CannotRun, "(V) No VIP specified; at least one is required"},
		{"version 3 without VIP", "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\nversion 3\n}\n", diag.CannotRun, "(V) No VIP specified; at least one is required"},
		{"VIP's interface", instance("V", "virtual_ipaddress {\n10.0.0.3 dev eth9\n}"), diag.NoInterface, "WARNING - interface eth9 for ip address 10.0.0.3 doesn't exist"},
		{"tracked interface", instance("V", "track_interface {\neth9\n}"), diag.NoInterface, "(V) tracked interface eth9 doesn't exist"},
		{"route's interface", instance("V", "virtual_routes {\n10.5.0.0/16 dev eth9\n}"), diag.NoInterface, "WARNING - interface eth9 for VROUTE nexthop doesn't exist"},
	}
	for _, c := range cases {
		_, diags := load(t, c.text)
		i := slices.IndexFunc(diags, func(d diag.Diagnostic) bool { return d.Severity == diag.Fatal })
		if i < 0 || diags[i].Code != c.code || diags[i].Summary != c.say {
			t.Errorf("%s: want fatal %q, got %v", c.name, c.say, diags)
			continue
		}
		if !diags[i].Subject.Start().IsValid() {
			t.Errorf("%s: no place", c.name)
		}
		if j := slices.IndexFunc(diags[i+1:], func(d diag.Diagnostic) bool { return d.Severity == diag.Fatal }); j >= 0 {
			t.Errorf("%s: said twice: %v", c.name, diags)
		}
	}
}

// TestVRFBeforeInterface: as in 2.2.7, where a VRF counts only without an interface.
func TestVRFBeforeInterface(t *testing.T) {
	t.Parallel()
	cfg, diags := load(t, strings.Replace(instance("A", ""), "interface eth0", "vrf eth1\ninterface eth0", 1))
	if i := cfg.Instance("A"); i == nil || i.Identity.VRF != "" || i.Identity.Interface != "eth0" {
		t.Errorf("%+v", i)
	}
	if !slices.ContainsFunc(diags, func(d diag.Diagnostic) bool {
		return strings.Contains(d.Summary, "vrf can only be specified without interface")
	}) {
		t.Errorf("%v", diags)
	}
}

func TestNotFatal(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"same VRID, other interface":       instance("A", "") + strings.Replace(instance("B", ""), "eth0", "eth1", 1),
		"a VRF before the interface":       strings.Replace(instance("A", ""), "interface eth0", "vrf eth1\ninterface eth0", 1),
		"a VRF behind the interface":       strings.Replace(instance("A", ""), "interface eth0", "interface eth0\nvrf red", 1),
		"same VRID, other family":          instance("A", "") + strings.Replace(instance("B", ""), "10.0.0.1", "fe80::1", 1),
		"same VRID, other group":           instance("A", "") + instance("B", "mcast_dst_ip 224.0.0.99"),
		"same VRID, other peers":           instance("A", "unicast_peer {\n10.1.1.1\n}") + instance("B", "unicast_peer {\n10.1.1.2\n}"),
		"same VRID, multicast and unicast": instance("A", "") + instance("B", "unicast_peer {\n10.1.1.2\n}"),
		"dynamic interfaces":               "global_defs {\ndynamic_interfaces\n}\n" + strings.Replace(instance("A", "track_interface {\neth8\n}"), "eth0", "eth9", 1),
		"no VIP at all":                    "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\n}\n",
	} {
		if _, diags := load(t, text); diags.HasFatal() {
			t.Errorf("%s: %v", name, diags)
		}
	}
}

func TestFamily(t *testing.T) {
	t.Parallel()
	cfg, diags := load(t, "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\nfe80::1\n10.0.0.1\n}\nvirtual_ipaddress_excluded {\n10.0.0.2\n}\nauthentication {\nauth_type PASS\nauth_pass 1\n}\n}\n")
	i := cfg.Instances[0]
	if i.Identity.Family != IPv6 || i.Identity.Version != 3 || i.Identity.Destination.String() != "ff02::12" || len(i.Addresses) != 1 || len(i.Excluded) != 1 || i.Auth.Type != NoAuth {
		t.Errorf("got %+v", i)
	}
	want := []string{"(V): address family must match VRRP instance [10.0.0.1] - ignoring", "(V) VRRP version 3 does not support authentication. Ignoring."}
	if got := said(diags); !slices.Equal(got, want) {
		t.Errorf("want %q, got %q", want, got)
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	group := func(lines string) string {
		return "vrrp_sync_group G {\ngroup {\nA\nB\n}\n" + lines + "\n}\n"
	}
	const objects = "vrrp_script S {\nscript /bin/s\nweight 5\n}\nvrrp_script Z {\nscript /bin/z\n}\ntrack_file F {\nfile /f\n}\ntrack_file W {\nfile /w\nweight 5\n}\n"
	const all = "track_script {\nS\nZ\n}\ntrack_file {\nF\nW\n}\ntrack_interface {\neth1 weight 5\n}"
	cases := []struct {
		name, text string
		good       func(c *Config) bool
		say        []string
	}{
		{"before its instances", group("") + instance("A", "") + second("B", ""), func(c *Config) bool {
			return slices.Equal(c.Groups[0].Members, []string{"A", "B"}) && c.Instance("A").Group == "G"
		}, nil},
		{"behind its instances, on one line", instance("A", "") + second("B", "") + "vrrp_sync_group G { group { A B } }\n", func(c *Config) bool {
			return slices.Equal(c.Groups[0].Members, []string{"A", "B"})
		}, nil},
		{"a member that is not there", group("") + instance("A", ""), func(c *Config) bool { return slices.Equal(c.Groups[0].Members, []string{"A"}) },
			[]string{"Virtual router B specified in sync group G doesn't exist - ignoring", "Sync group G has only 1 virtual router(s) - this probably isn't what you want"}},
		{"no member is there", group(""), func(c *Config) bool { return len(c.Groups) == 0 },
			[]string{"Virtual router A specified in sync group G doesn't exist - ignoring", "Virtual router B specified in sync group G doesn't exist - ignoring", "Sync group G, no matching virtual router found in group declaration - removing"}},
		{"in two groups", group("") + "vrrp_sync_group H {\ngroup {\nA\nB\n}\n}\n" + instance("A", "") + second("B", ""), func(c *Config) bool {
			return len(c.Groups) == 1 && c.Instance("A").Group == "G"
		}, []string{"Virtual router A cannot exist in more than one sync group; ignoring H", "Virtual router B cannot exist in more than one sync group; ignoring H", "Sync group H, no matching virtual router found in group declaration - removing"}},
		{"weights of members do not count", objects + group("") + instance("A", all) + second("B", ""), func(c *Config) bool {
			tr := c.Instance("A").Track
			return len(tr.Scripts) == 1 && tr.Scripts[0].Name == "Z" && len(tr.Files) == 1 && tr.Files[0].Name == "F" && tr.Files[0].Weight == 0 &&
				len(tr.Interfaces) == 1 && tr.Interfaces[0].Weight == 5 && tr.Interfaces[0].Hidden && !c.Script("S").Used && c.Script("Z").Used
		}, []string{"(A) ignoring eth1 tracked interface weight due to SYNC group", "(A) ignoring tracked script S with weights due to SYNC group",
			"(A) ignoring weight from tracked file F due to SYNC group. specify weight 0", "(A) ignoring tracked file W with weight 5 due to SYNC group"}},
		{"sync_group_tracking_weight lets them count", objects + group("sync_group_tracking_weight") + instance("A", all) + second("B", ""), func(c *Config) bool {
			tr := c.Instance("A").Track
			return len(tr.Scripts) == 2 && len(tr.Files) == 2 && tr.Interfaces[0].Weight == 5
		}, nil},
		{"the group's interface is a member's own", group("track_interface {\neth0\n}") + instance("A", "dont_track_primary") + second("B", ""), func(c *Config) bool {
			return len(c.Groups[0].Track.Interfaces) == 1
		}, []string{"(B) track_interface eth0 is configured on VRRP instance and sync group. Remove vrrp instance or sync group config"}},
		{"with an owner the group has no weights", objects + group("sync_group_tracking_weight\ntrack_script {\nS\nZ\n}") + instance("A", "priority 255") + second("B", ""), func(c *Config) bool {
			s := c.Groups[0].Track.Scripts
			return len(s) == 2 && s[0].Weight == 0 && s[1].Weight == 0
		}, []string{"(G) Cannot have weighted track script 'S' with member having priority 255 - clearing weight"}},
		{"priority lines as the group says", group("notify_priority_changes") + instance("A", "") + second("B", "notify_priority_changes off"), func(c *Config) bool {
			return c.Instance("A").Notify.PriorityChanges && !c.Instance("B").Notify.PriorityChanges
		}, nil},
	}
	for _, c := range cases {
		cfg, diags := load(t, c.text)
		if got := said(diags); !slices.Equal(got, c.say) {
			t.Errorf("%s: want %q, got %q", c.name, c.say, got)
		}
		if !c.good(cfg) {
			t.Errorf("%s: groups %+v", c.name, cfg.Groups)
		}
	}
}

// TestTracking: what is tracked must have been defined before, and has its own weight.
func TestTracking(t *testing.T) {
	t.Parallel()
	const script = "vrrp_script S {\nscript \"/bin/s x\" nobody\nweight -7 reverse\nuser root adm\nrise 2\nfall 3\ninterval 5\ntimeout 1\n}\n"
	cfg, diags := load(t, script+instance("V", "track_script {\nS\n}"))
	s := cfg.Script("S")
	if len(said(diags)) != 0 || !s.Used || s.Rise != 2 || s.Fall != 3 || s.Script.User != "root" || s.Script.Group != "adm" || len(s.Script.Argv) != 2 {
		t.Errorf("script: %+v %v", s, diags)
	}
	if r := cfg.Instances[0].Track.Scripts[0]; r.Weight != -7 || !r.Reverse {
		t.Errorf("the script's own weight: %+v", r)
	}
	cfg, _ = load(t, script+instance("V", "track_script {\nS weight 3 noreverse\n}"))
	if r := cfg.Instances[0].Track.Scripts[0]; r.Weight != 3 || r.Reverse {
		t.Errorf("the tracker's weight: %+v", r)
	}
	cfg, diags = load(t, instance("V", "track_script {\nS\n}")+script)
	if want := []string{"(V) track script S is defined further down, in line 11"}; !slices.Equal(said(diags), want) || len(cfg.Instances[0].Track.Scripts) != 1 {
		t.Errorf("before its definition: %v", diags)
	}
	cfg, diags = load(t, instance("V", "track_script {\nS\n}"))
	if want := []string{"(V) track script S not found, ignoring..."}; !slices.Equal(said(diags), want) || len(cfg.Instances[0].Track.Scripts) != 0 {
		t.Errorf("without its definition: %v", diags)
	}
	cfg, _ = load(t, script+instance("V", "track_script {\nS\n}")+"vrrp_sync_group G {\ngroup {\nV\n}\ntrack_script {\nS\n}\n}\n")
	cfg.DisableScript("S")
	if len(cfg.Instances[0].Track.Scripts)+len(cfg.Groups[0].Track.Scripts) != 0 || cfg.Script("S").Used {
		t.Error("a script that is off is still tracked")
	}
	_, diags = load(t, "bfd_instance B {\nneighbor_ip 10.9.9.9\nweight 4\n}\n"+instance("V", "track_bfd {\nB\n}"))
	if len(said(diags)) != 0 {
		t.Errorf("bfd: %v", diags)
	}
}

func TestScriptUses(t *testing.T) {
	t.Parallel()
	cfg, _ := load(t, "vrrp_script S {\nscript /bin/s\n}\nvrrp_script U {\nscript /bin/u\n}\n"+
		instance("V", "track_script {\nS\n}\nnotify \"/bin/n a\"\nnotify_stop /bin/stop")+
		"vrrp_sync_group G {\ngroup {\nV\n}\nnotify /bin/g\n}\n")
	var got []string
	for _, u := range cfg.ScriptUses() {
		mark := ""
		if u.Unused {
			mark = " unused"
		}
		got = append(got, sprintf("%d %s %s%s", u.Kind, u.Owner, u.Script.Argv[0], mark))
	}
	want := []string{"1 S /bin/s", "1 U /bin/u unused", "0 G /bin/g", "0 V /bin/stop", "0 V /bin/n"}
	if !slices.Equal(got, want) {
		t.Errorf("want %q, got %q", want, got)
	}
	cfg.DisableNotify(cfg.Instance("V").Notify.Stop)
	if cfg.Instance("V").Notify.Stop != nil || cfg.Instance("V").Notify.Any == nil {
		t.Error("DisableNotify takes one script")
	}
}

func TestOneNameTwice(t *testing.T) {
	t.Parallel()
	cfg, diags := load(t, instance("V", "priority 50")+instance("V", "priority 60"))
	if len(cfg.Instances) != 1 || cfg.Instances[0].Election.Priority != 50 || said(diags)[0] != "vrrp instance V already defined" {
		t.Errorf("the first instance of a name stands: %v", diags)
	}
}
