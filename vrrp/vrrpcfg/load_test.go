package vrrpcfg

import (
	"strings"
	"testing"
	"time"

	"keepalived/core/config"
	"keepalived/core/diag"
	"keepalived/core/global"
)

// exist are the interfaces of these tests.
var exist = Interfaces{"eth0": {}, "eth1": {}, "lo": {}}

// load reads a whole configuration.
func load(t *testing.T, text string) (*Config, diag.List) {
	t.Helper()
	schema := config.NewSchema(global.Keywords(), Keywords(), []config.Keyword{
		{Path: "bfd_instance", Name: "neighbor_ip", Need: 1}, {Path: "bfd_instance", Name: "weight", Need: 1},
	})
	tree, diags := config.Parse(config.MapFiles{"f": text}, "f", config.Env{}, schema)
	if len(diags) != 0 {
		t.Fatalf("the parser complains: %v", diags)
	}
	g, more := global.Decode(tree)
	cfg, rest := Load(tree, g, exist)
	return cfg, append(more, rest...)
}

// instance is a good instance with more lines in it.
func instance(name, lines string) string {
	return "vrrp_instance " + name + " {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n10.0.0.1\n}\n" + lines + "\n}\n"
}

// said are the findings that are not notices.
func said(l diag.List) []string {
	var out []string
	for _, d := range l {
		if d.Severity > diag.Notice {
			out = append(out, d.Summary)
		}
	}
	return out
}

// instanceCase is what lines of an instance make of it.
type instanceCase struct {
	name     string
	globals  string
	lines    string
	good     func(i *Instance) bool
	complain string // of 2.2.7; "" for none
}

const strict = "global_defs {\nvrrp_strict\n}\n"

// electionCases are about state, priority, interval, authentication and preemption.
func electionCases() []instanceCase {
	return []instanceCase{
		{name: "defaults", good: func(i *Instance) bool {
			e := i.Election
			return e.Priority == 100 && !e.StartMaster && e.AdvertInt == time.Second && e.Preempt && e.Accept && e.DownTimerAdverts == 3 &&
				i.Identity.Version == 2 && i.Identity.Family == IPv4 && i.Identity.Destination.String() == "224.0.0.18" &&
				i.GARP == GARP{Delay: 5 * time.Second, Repeat: 5, RefreshRepeat: 1, LowerPrioDelay: 5 * time.Second, LowerPrioRepeat: 5} &&
				i.Unicast.TTL == -1 && len(i.Unicast.Peers) == 0 && i.Addresses[0].Dev == "eth0"
		}},
		{name: "state MASTER without priority is the owner", lines: "state MASTER", good: func(i *Instance) bool {
			return i.Election.Priority == 255 && i.Election.StartMaster
		}},
		{name: "state MASTER with priority", lines: "state MASTER\npriority 100", good: func(i *Instance) bool {
			return i.Election.Priority == 100 && i.Election.StartMaster
		}},
		{name: "priority 255 without state starts as master", lines: "priority 255", good: func(i *Instance) bool { return i.Election.StartMaster }},
		{name: "priority 255 with state BACKUP", lines: "priority 255\nstate BACKUP", good: func(i *Instance) bool { return !i.Election.StartMaster }},
		{name: "small letters are no state: BACKUP and 100, never an owner", lines: "state master", good: func(i *Instance) bool {
			return i.Election.Priority == 100 && !i.Election.StartMaster
		}, complain: "(V) unknown state 'master', defaulting to BACKUP"},
		{name: "a bad priority is 100", lines: "priority 300", good: func(i *Instance) bool { return i.Election.Priority == 100 },
			complain: "number '300' outside range [1, 255]"},
		{name: "a bad VRID leaves the earlier one", lines: "virtual_router_id 300", good: func(i *Instance) bool { return i.Identity.VRID == 5 },
			complain: "number '300' outside range [1, 255]"},

		{name: "version 2: whole seconds, half up", lines: "advert_int 2.5", good: func(i *Instance) bool { return i.Election.AdvertInt == 3*time.Second },
			complain: "(V) VRRPv2 advertisement interval 2.500000s must be an integer. rounding"},
		{name: "version 2: at least 1 s", lines: "advert_int 0.3", good: func(i *Instance) bool { return i.Election.AdvertInt == time.Second },
			complain: "(V) VRRPv2 advertisement interval 0.300000s must be an integer. rounding"},
		{name: "version 3: centiseconds", lines: "version 3\nadvert_int 0.015", good: func(i *Instance) bool { return i.Election.AdvertInt == 20*time.Millisecond },
			complain: "(V) VRRPv3 advertisement interval 0.015000s must be in units of 10ms - rounding"},
		{name: "version 3: at most 40.95 s", lines: "version 3\nadvert_int 41", good: func(i *Instance) bool { return i.Election.AdvertInt == 40950*time.Millisecond },
			complain: "(V) VRRPv3 advertisement interval 41.00s is out of range. Must be less than 40.96s. Setting to 40.95s"},
		{name: "vrrp_version", globals: "global_defs {\nvrrp_version 3\n}\n", lines: "advert_int 0.5", good: func(i *Instance) bool {
			return i.Identity.Version == 3 && i.Election.AdvertInt == 500*time.Millisecond
		}},

		{name: "PASS", lines: "authentication {\nauth_type PASS\nauth_pass 1111\n}", good: func(i *Instance) bool {
			return i.Auth == Auth{AuthPass, [8]byte{'1', '1', '1', '1'}}
		}},
		{name: "a longer password is cut", lines: "authentication {\nauth_type PASS\nauth_pass yinzhengjie\n}", good: func(i *Instance) bool {
			return string(i.Auth.Pass[:]) == "yinzheng"
		}, complain: "Truncating auth_pass to 8 characters"},
		{name: "pass is no type", lines: "authentication {\nauth_type pass\nauth_pass 1\n}", good: func(i *Instance) bool { return i.Auth == Auth{} },
			complain: "(V) unknown authentication type 'pass'"},
		{name: "version 3 has none", lines: "version 3\nauthentication {\nauth_type PASS\nauth_pass 1\n}", good: func(i *Instance) bool { return i.Auth == Auth{} },
			complain: "(V) VRRP version 3 does not support authentication. Ignoring."},
		{name: "type without password", lines: "authentication {\nauth_type PASS\n}", good: func(i *Instance) bool { return i.Auth == Auth{} },
			complain: "(V) Authentication specified but no password given. Ignoring"},
		{name: "AH is no initial master", lines: "state MASTER\npriority 100\nauthentication {\nauth_type AH\nauth_pass 1\n}", good: func(i *Instance) bool {
			return !i.Election.StartMaster && i.Auth.Type == AuthAH
		}, complain: "(V) Initial state master is incompatible with AH authentication - clearing"},

		{name: "nopreempt", lines: "nopreempt", good: func(i *Instance) bool { return !i.Election.Preempt }},
		{name: "nopreempt with state MASTER", lines: "nopreempt\nstate MASTER\npriority 100", good: func(i *Instance) bool { return i.Election.Preempt },
			complain: "(V) Warning - nopreempt will not work with initial state MASTER - clearing"},
		{name: "nopreempt of an owner", lines: "nopreempt\npriority 255\nstate BACKUP", good: func(i *Instance) bool { return i.Election.Preempt },
			complain: "(V) nopreempt is incompatible with priority 255. resetting nopreempt"},
		{name: "preempt_delay", lines: "preempt_delay 10", good: func(i *Instance) bool { return i.Election.PreemptDelay == 10*time.Second }},
		{name: "preempt_delay with nopreempt", lines: "preempt_delay 10\nnopreempt", good: func(i *Instance) bool { return i.Election.PreemptDelay == 0 },
			complain: "(V) preempt_delay is incompatible with nopreempt mode - resetting"},
		{name: "preempt_delay with state MASTER", lines: "preempt_delay 10\nstate MASTER\npriority 9", good: func(i *Instance) bool { return i.Election.PreemptDelay == 0 },
			complain: "(V) Warning - preempt delay will not work with initial state MASTER - clearing"},
	}
}

// schemeCases are about strict mode, unicast, announcements, notification and tracking.
func schemeCases() []instanceCase {
	return []instanceCase{
		{name: "strict", globals: strict, good: func(i *Instance) bool {
			e := i.Election
			return e.Strict && !e.Accept && e.LowerPrioNoAdvert && !e.HigherPrioSendAdvert && i.GARP.LowerPrioRepeat == 0 && i.GARP.LowerPrioDelay == 0
		}},
		{name: "strict owner accepts", globals: strict, lines: "priority 255", good: func(i *Instance) bool { return i.Election.Accept && i.Election.StartMaster }},
		{name: "strict: MASTER must be the owner", globals: strict, lines: "state MASTER\npriority 150", good: func(i *Instance) bool { return !i.Election.StartMaster },
			complain: "(V) State MASTER must match being address owner"},
		{name: "strict: no authentication", globals: strict, lines: "authentication {\nauth_type PASS\nauth_pass 1\n}", good: func(i *Instance) bool { return i.Auth == Auth{} },
			complain: "(V) Strict mode does not support authentication. Ignoring."},
		{name: "strict: down_timer_adverts", globals: strict, lines: "down_timer_adverts 2", good: func(i *Instance) bool { return i.Election.DownTimerAdverts == 3 },
			complain: "(V) down_timer_adverts is incompatible with strict mode - resetting"},
		{name: "strict: unicast is let pass", globals: strict, lines: "unicast_peer {\n10.1.1.1\n}", good: func(i *Instance) bool { return len(i.Unicast.Peers) == 1 }},
		{name: "strict_mode off", globals: strict, lines: "strict_mode off\nauthentication {\nauth_type PASS\nauth_pass 1\n}", good: func(i *Instance) bool {
			return !i.Election.Strict && i.Auth.Type == AuthPass
		}},

		{name: "unicast", lines: "unicast_src_ip 10.1.1.9\nunicast_peer {\n10.1.1.1\n10.1.1.2/24\n}\nunicast_ttl 64", good: func(i *Instance) bool {
			u := i.Unicast
			return i.Source.Addr.String() == "10.1.1.9" && len(u.Peers) == 2 && u.Peers[1].Addr.String() == "10.1.1.2" &&
				u.Peers[0].MinTTL == 0 && u.Peers[0].MaxTTL == 255 && u.TTL == 64 && !u.CheckSource
		}},
		{name: "a TTL limit checks the source", lines: "unicast_peer {\n10.1.1.1 min_ttl 5 max_ttl 9\n}", good: func(i *Instance) bool {
			return i.Unicast.CheckSource && i.Unicast.Peers[0].MinTTL == 5 && i.Unicast.Peers[0].MaxTTL == 9
		}},
		{name: "no peers: multicast", lines: "unicast_peer {\n}", good: func(i *Instance) bool { return len(i.Unicast.Peers) == 0 && !i.Unicast.FaultNoPeer },
			complain: "(V) A unicast keyword has been specified without any unicast peers. Defaulting to multicast. This usage is deprecated - please update your configuration."},
		{name: "no peers, but fault wanted", lines: "unicast_peer {\n}\nunicast_fault_no_peer", good: func(i *Instance) bool { return i.Unicast.FaultNoPeer }},

		{name: "garp of the instance; lower priority follows the globals", lines: "garp_master_delay 9\ngarp_master_repeat 8", good: func(i *Instance) bool {
			return i.GARP.Delay == 9*time.Second && i.GARP.Repeat == 8 && i.GARP.LowerPrioDelay == 5*time.Second && i.GARP.LowerPrioRepeat == 5
		}},
		{name: "garp of the globals", globals: "global_defs {\nvrrp_garp_lower_prio_delay 3\nvrrp_garp_master_repeat 6\n}\n", good: func(i *Instance) bool {
			return i.GARP.LowerPrioDelay == 3*time.Second && i.GARP.Repeat == 6 && i.GARP.LowerPrioRepeat == 6
		}},
		{name: "globals hold wherever they stand", lines: "}\nglobal_defs {\nvrrp_garp_master_delay 7", good: func(i *Instance) bool { return i.GARP.Delay == 7*time.Second }},

		{name: "notify: the first one wins", lines: "notify_master \"/bin/a x\"\nnotify_master /bin/b", good: func(i *Instance) bool {
			return i.Notify.Master.String() == "'/bin/a' 'x'"
		}, complain: "(V) notify_master script already specified - ignoring /bin/b"},
		{name: "notify_deleted without script", lines: "notify_deleted", good: func(i *Instance) bool { return i.Notify.DeletedSet && i.Notify.Deleted == nil }},
		{name: "smtp_alert", lines: "smtp_alert", good: func(i *Instance) bool { return i.Notify.SMTPAlert }},
		{name: "smtp_alert of the globals", globals: "global_defs {\nsmtp_alert\n}\n", good: func(i *Instance) bool { return i.Notify.SMTPAlert }},
		{name: "smtp_alert_vrrp wins over smtp_alert", globals: "global_defs {\nsmtp_alert\nsmtp_alert_vrrp off\n}\n", good: func(i *Instance) bool { return !i.Notify.SMTPAlert }},

		{name: "own interface tracked again", lines: "track_interface {\neth0\neth1 weight 5 reverse\n}", good: func(i *Instance) bool {
			ts := i.Track.Interfaces
			return len(ts) == 1 && ts[0].Name == "eth1" && ts[0].Weight == 5 && ts[0].Reverse
		}, complain: "(V) Ignoring track_interface eth0 since own interface"},
		{name: "weight 254 of an interface", lines: "track_interface {\neth1 weight -254\n}", good: func(i *Instance) bool { return i.Track.Interfaces[0].Weight == -253 },
			complain: "(V) weight for eth1 cannot be +/-254. Setting to +/-253"},
		{name: "an owner's weights count for nothing", lines: "priority 255\ntrack_interface {\neth1 weight 5\n}", good: func(i *Instance) bool { return len(i.Track.Interfaces) == 0 },
			complain: "(V) ignoring eth1 tracked interface due to address owner"},
	}
}

// TestInstance: what lines of an instance make of it, with 2.2.7's complaint.
func TestInstance(t *testing.T) {
	t.Parallel()
	for _, c := range append(electionCases(), schemeCases()...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg, diags := load(t, c.globals+instance("V", c.lines))
			if got := strings.Join(said(diags), " / "); got != c.complain {
				t.Errorf("want complaint %q, got %q", c.complain, got)
			}
			if diags.HasFatal() {
				t.Errorf("fatal: %v", diags)
			}
			if i := cfg.Instance("V"); i == nil || !c.good(i) {
				t.Errorf("not what the lines mean: %+v", i)
			}
		})
	}
}

// TestAddress: entries as 2.2.7 shows them in its dump.
func TestAddress(t *testing.T) {
	t.Parallel()
	cases := []struct {
		entry string
		good  func(a Address) bool
	}{
		{"10.0.0.1", func(a Address) bool {
			return a.Prefix.String() == "10.0.0.1/32" && a.PreferredLft == Forever && !a.DevSet
		}},
		{"10.0.0.1/24 brd +", func(a Address) bool { return a.Broadcast.String() == "10.0.0.255" }},
		{"10.0.0.1/24 brd -", func(a Address) bool { return a.Broadcast.String() == "10.0.0.0" }},
		{"10.0.0.1/30 brd +", func(a Address) bool { return a.Broadcast.String() == "10.0.0.3" }},
		{"10.0.0.1/24 brd 10.0.0.255", func(a Address) bool { return a.Broadcast.String() == "10.0.0.255" }},
		{"10.0.0.1 peer 10.0.0.6", func(a Address) bool { return a.Peer.String() == "10.0.0.6/32" && a.Prefix.Bits() == 32 }},
		{"10.0.0.1/24 dev eth1 label eth1:7 scope link", func(a Address) bool { return a.Dev == "eth1" && a.Label == "eth1:7" && a.Scope == ScopeLink }},
		{"10.0.0.1 scope 100", func(a Address) bool { return a.Scope == 100 && a.ScopeSet }},
		{"10.0.0.1 home noprefixroute preferred_lft 5", func(a Address) bool { return a.Flags == 0x210 && a.PreferredLft == 5 }},
		{"10.0.0.1 no_track -nodad", func(a Address) bool { return a.NoTrack && a.DAD }},
		{"2001:db8::1", func(a Address) bool { return a.PreferredLft == 0 }},
		{"2001:db8::1/64", func(a Address) bool { return a.PreferredLft == Forever }},
		{"2001:db8::1 preferred_lft forever", func(a Address) bool { return a.PreferredLft == Forever }},
	}
	for _, c := range cases {
		cfg, diags := load(t, "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n"+c.entry+"\n}\n}\n")
		if len(said(diags)) != 0 {
			t.Errorf("%s: %v", c.entry, diags)
		}
		if as := cfg.Instances[0].Addresses; len(as) != 1 || !c.good(as[0]) {
			t.Errorf("%s: got %+v", c.entry, as)
		}
	}
}

func TestManyAddresses(t *testing.T) {
	t.Parallel()
	var v4, v6 strings.Builder
	for i := range 300 {
		v4.WriteString(sprintf("10.0.%d.%d\n", i/200, i%200+1))
	}
	for i := range 100 {
		v6.WriteString(sprintf("fe80::%x\n", i+1))
	}
	for list, room := range map[string]int{v4.String(): 255, v6.String(): 89} {
		cfg, diags := load(t, "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n"+list+"}\nvirtual_ipaddress_excluded {\n10.9.9.9\n}\n}\n")
		i, n := cfg.Instances[0], strings.Count(list, "\n")
		if len(i.Addresses) != room || len(i.Excluded) != n-room+1 || len(said(diags)) != 1 {
			t.Errorf("%d addresses: %d advertised, %d not, %v", n, len(i.Addresses), len(i.Excluded), said(diags))
		}
		if i.Excluded[0].Dev != "eth0" {
			t.Errorf("moved addresses have no interface: %+v", i.Excluded[0])
		}
	}
}
