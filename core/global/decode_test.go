package global

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"keepalived/core/config"
	"keepalived/core/diag"
)

func decode(t *testing.T, text string) (*Config, diag.List) {
	t.Helper()
	tree, diags := config.Parse(config.MapFiles{"f": text}, "f", config.Env{}, config.NewSchema(Keywords()))
	g, more := Decode(tree)
	return g, append(diags, more...)
}

func TestNothingIsDefault(t *testing.T) {
	t.Parallel()
	g, diags := decode(t, "")
	if len(diags) != 0 || !reflect.DeepEqual(g, Default()) {
		t.Errorf("an empty configuration is not Default: %v", diags)
	}
}

// Each line alone changes one thing.
func TestValues(t *testing.T) {
	t.Parallel()
	cases := []struct {
		text string
		want func(*Config)
	}{
		{"router_id RA", func(g *Config) { g.RouterID = "RA" }},
		{"vrrp_version 3", func(g *Config) { g.Version = 3 }},
		{"vrrp_mcast_group4 224.0.0.19", func(g *Config) { g.Group4 = netip.MustParseAddr("224.0.0.19") }},
		{"vrrp_mcast_group6 ff02::13", func(g *Config) { g.Group6 = netip.MustParseAddr("ff02::13") }},
		{"vrrp_garp_master_delay 0", func(g *Config) { g.GARP.Delay = 0 }},
		{"vrrp_garp_master_refresh 60", func(g *Config) { g.GARP.Refresh = time.Minute }},
		{"vrrp_garp_lower_prio_delay 0", func(g *Config) { g.GARP.LowerPrioDelay = 0 }},
		{"vrrp_garp_lower_prio_repeat 0", func(g *Config) { g.GARP.LowerPrioRepeat = 0 }},
		{"vrrp_garp_interval 0.5", func(g *Config) { g.GARP.Interval = 500 * time.Millisecond }},
		{"vrrp_down_timer_adverts 5", func(g *Config) { g.DownTimerAdverts = 5 }},
		{"vrrp_strict", func(g *Config) { g.Strict = true }},
		{"vrrp_strict off", func(*Config) {}},
		{"vrrp_skip_check_adv_addr", func(g *Config) { g.SkipCheckAdvAddr = true }},
		{"dynamic_interfaces allow_if_changes", func(g *Config) { g.DynamicInterfaces, g.AllowIfChanges = true, true }},
		{"enable_script_security", func(g *Config) { g.ScriptSecurity = true }},
		{"smtp_server 1.2.3.4 2525", func(g *Config) { g.SMTPServer, g.SMTPPort = "1.2.3.4", 2525 }},
		{"smtp_server mail.example.org", func(g *Config) { g.SMTPServer = "mail.example.org" }},
		{"smtp_alert off", func(g *Config) { g.SMTPAlert = Off }},
		{"notification_email { a@b \"C D <e@f>\" }", func(g *Config) { g.Email = []string{"a@b", "C D <e@f>"} }},
		{"umask 022", func(g *Config) { g.Umask, g.UmaskSet = 0o22, true }},
		{"umask 18", func(g *Config) { g.Umask, g.UmaskSet = 0o22, true }},
		{"umask IWGRP|IWOTH", func(g *Config) { g.Umask, g.UmaskSet = 0o22, true }},
		{"umask IXUSR|IRWXG|IRWXO", func(g *Config) { g.Umask, g.UmaskSet = 0o177, true }},
		{"vrrp_rlimit_rttime 1", func(g *Config) { g.VRRP.RTTime = 2 * time.Microsecond }},
		{"vrrp_cpu_affinity 1 0 1", func(g *Config) { g.VRRP.CPUs = []int{0, 1} }},
		{"max_auto_priority", func(g *Config) { g.MaxAutoPriority = 99 }},
		{"lvs_timeouts tcp 5 udp 7", func(g *Config) { g.TCPTimeout, g.UDPTimeout = 5*time.Second, 7*time.Second }},
		{"lvs_flush_on_stop VS", func(g *Config) { g.FlushOnStop = FlushVS }},
		{"vrrp_min_garp", func(g *Config) { g.GARP.Repeat, g.GARP.Delay, g.GARP.RefreshRepeat, g.MinGARP = 1, 0, 0, true }},
		{"vrrp_min_garp off", func(*Config) {}},
		{"vrrp_min_garp\nvrrp_garp_master_delay 3", func(g *Config) { // what was changed stays, as in 2.2.7's dump
			g.GARP.Repeat, g.GARP.Delay, g.GARP.RefreshRepeat, g.MinGARP = 1, 3*time.Second, 0, true
		}},
		{"router_id A\nrouter_id B", func(g *Config) { g.RouterID = "B" }},
	}
	for _, c := range cases {
		want := Default()
		c.want(want)
		got, diags := decode(t, "global_defs {\n"+c.text+"\n}\n")
		if len(diags) != 0 {
			t.Errorf("%s: %v", c.text, diags)
		}
		if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); d != "" {
			t.Errorf("%s: (-want +got)\n%s", c.text, d)
		}
	}
}

func TestSeveralBlocksAndRoot(t *testing.T) {
	t.Parallel()
	g, diags := decode(t, "global_defs {\nrouter_id A\n}\ninstance x\nchild_wait_time 9\nglobal_defs {\nvrrp_version 3\n}\n")
	if len(diags) != 0 || g.RouterID != "A" || g.Version != 3 || g.Instance != "x" || g.ChildWait != 9*time.Second {
		t.Errorf("got %+v, %v", g, diags)
	}
}

// A bad value is a complaint with its place and leaves the default.
func TestBadValuesKeepDefaults(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"vrrp_version 4", "vrrp_garp_interval 0", "vrrp_mcast_group4 10.0.0.1", "vrrp_mcast_group6 224.0.0.1", "smtp_server 300.2.3.4",
		"vrrp_priority 20", "umask 01000", "umask FOO", "vrrp_cpu_affinity 0 x", "smtp_alert bla", "default_interface", "snmp_socket",
	} {
		got, diags := decode(t, "global_defs {\n"+text+"\n}\n")
		if len(diags) != 1 || diags[0].Subject.Start().Line != 2 || diags.ExitStatus() != 5 {
			t.Errorf("%s: want one complaint on line 2, got %v", text, diags)
		}
		if !reflect.DeepEqual(got, Default()) {
			t.Errorf("%s: a default is gone", text)
		}
	}
}

func TestFIFOsAndScripts(t *testing.T) {
	t.Parallel()
	g, diags := decode(t, `global_defs {
notify_fifo /run/f root adm
notify_fifo /run/g
notify_fifo_script "/bin/reader -x"
startup_script /bin/up
startup_script /bin/again
script_user nobody :nogroup
}
`)
	if len(diags) != 2 {
		t.Errorf("the second FIFO and the second script are complaints: %v", diags)
	}
	if g.FIFO.Path != "/run/f" || g.FIFO.User != "root" || g.FIFO.Group != "adm" || g.FIFO.Script.String() != "'/bin/reader' '-x'" {
		t.Errorf("FIFO: %+v", g.FIFO)
	}
	if u := g.ScriptUser; u.User != "nobody" || u.Group != "nogroup" || !u.AllGroups {
		t.Errorf("script_user: %+v", u)
	}
	if uses := g.Scripts(); len(uses) != 2 || uses[0].Script.Text != "/bin/up" || uses[1].Owner != "notify_fifo_script" {
		t.Errorf("scripts: %+v", uses)
	}
}

// Every keyword is documented: with a grammar where it takes words.
func TestKeywordsAreDescribed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, k := range Keywords() {
		name := k.Path + "/" + k.Name
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
		if k.Need > 0 && k.Usage() == "" {
			t.Errorf("%s needs a word, but has no grammar", name)
		}
		if k.Deprecated == k.Name {
			t.Errorf("%s is replaced by itself", name)
		}
	}
	if n := strings.Count(strings.Join(names(), " "), "vrrp_"); n < 40 {
		t.Errorf("only %d vrrp_ keywords", n)
	}
}

func names() []string {
	var out []string
	for _, k := range Keywords() {
		out = append(out, k.Name)
	}
	return out
}
