package checkercfg

import (
	"slices"
	"strings"
	"testing"
)

const whole = `virtual_server_group G {
10.0.0.9 80
}
virtual_server 10.0.0.1 80 {
lvs_sched sh
lvs_method NAT
protocol TCP
delay_loop 5
persistence_timeout 50
quorum 1
quorum_up /bin/u
sorry_server 10.0.0.8 80
virtualhost v
real_server 10.0.0.2 80 {
weight 2
notify_down /bin/d
uthreshold 9
TCP_CHECK {
connect_port 81
retry 2
}
HTTP_GET {
url {
path /a
status_code 200
}
}
MISC_CHECK {
misc_path /bin/m
misc_timeout 3
}
}
}
virtual_server group G {
lvs_sched rr
lvs_method NAT
protocol TCP
real_server 10.0.0.3 80 {
}
}
`

// TestDiff: every change is seen, in the right service, and whether it is another
// question of a checker.
func TestDiff(t *testing.T) {
	t.Parallel()
	from, diags := load(t, whole)
	if len(diags) != 0 {
		t.Fatal(diags)
	}
	if p := Diff(from, from); !p.Empty() || len(p.Kept) != 2 {
		t.Errorf("the same: %+v", p)
	}
	moved, _ := load(t, "\n\n"+whole)
	if p := Diff(from, moved); !p.Empty() {
		t.Errorf("moved in the file: %+v", p)
	}
	for _, tt := range []struct {
		old, new string
		asks     string // digests that change: t, h, m
	}{
		{"lvs_sched sh", "lvs_sched sh\nsh-port", ""}, {"lvs_sched sh", "lvs_sched wrr", ""}, {"delay_loop 5", "delay_loop 6", ""},
		{"persistence_timeout 50", "persistence_timeout 51", ""}, {"quorum 1", "quorum 2", ""}, {"/bin/u", "/bin/v", ""},
		{"10.0.0.8 80", "10.0.0.8 81", ""}, {"virtualhost v", "virtualhost w", "h"}, {"weight 2", "weight 3", ""},
		{"/bin/d", "/bin/e", ""}, {"uthreshold 9", "uthreshold 8", ""}, {"connect_port 81", "connect_port 82", "t"},
		{"retry 2", "retry 3", ""}, {"path /a", "path /b", "h"}, {"status_code 200", "status_code 201", "h"},
		{"/bin/m", "/bin/n", "m"}, {"misc_timeout 3", "misc_timeout 4", ""}, {"misc_timeout 3", "misc_timeout 3\nmisc_dynamic", "m"},
		{"retry 2", "retry 2\nbindto 10.0.0.7", "t"}, {"retry 2", "retry 2\nalpha", ""}, {"uthreshold 9", "uthreshold 9\ninhibit_on_failure", ""},
		{"quorum 1", "quorum 1\nomega", ""}, {"quorum 1", "quorum 1\nsmtp_alert", ""}, {"lvs_method NAT", "lvs_method DR", ""},
	} {
		to, _ := load(t, strings.Replace(whole, tt.old, tt.new, 1))
		p := Diff(from, to)
		if !slices.Equal(p.Changed, []string{"[10.0.0.1]:tcp:80"}) || !slices.Equal(p.Kept, []string{"[G]:0"}) || len(p.Added)+len(p.Removed) > 0 {
			t.Errorf("%s: %+v", tt.new, p)
		}
		asks := ""
		for i, k := range to.Services[0].Servers[0].Checks {
			if k.Digest() != from.Services[0].Servers[0].Checks[i].Digest() {
				asks += "thm"[i : i+1]
			}
		}
		if asks != tt.asks {
			t.Errorf("%s: asks anew %q, want %q", tt.new, asks, tt.asks)
		}
	}
	for _, tt := range []struct{ old, new, added, removed string }{
		{"10.0.0.1 80", "10.0.0.1 81", "[10.0.0.1]:tcp:81", "[10.0.0.1]:tcp:80"},
		{"protocol TCP", "protocol UDP", "[10.0.0.1]:udp:80", "[10.0.0.1]:tcp:80"},
	} {
		to, _ := load(t, strings.Replace(whole, tt.old, tt.new, 1))
		if p := Diff(from, to); !slices.Equal(p.Added, []string{tt.added}) || !slices.Equal(p.Removed, []string{tt.removed}) {
			t.Errorf("%s: %+v", tt.new, p)
		}
	}
	to, _ := load(t, strings.Replace(whole, "10.0.0.9 80", "10.0.0.9 81", 1))
	if p := Diff(from, to); !slices.Equal(p.Changed, []string{"[G]:0"}) {
		t.Errorf("an address of the group: %+v", p)
	}
}

// TestDisableScript: a script that cannot be run is dropped; its checker goes with it.
func TestDisableScript(t *testing.T) {
	t.Parallel()
	cfg, _ := load(t, whole)
	uses := cfg.ScriptUses()
	if len(uses) != 3 {
		t.Fatalf("%d scripts", len(uses))
	}
	for _, u := range uses {
		cfg.DisableScript(u.Script)
	}
	r := cfg.Services[0].Servers[0]
	if len(cfg.ScriptUses()) != 0 || len(r.Checks) != 2 || cfg.Services[0].QuorumUp != nil || r.NotifyDown != nil {
		t.Errorf("left: %v, %d checkers", cfg.ScriptUses(), len(r.Checks))
	}
	if cfg.Service("[G]:0") == nil || cfg.Service("x") != nil || cfg.Services[0].Server("10.0.0.2:80") != r || cfg.Services[0].Server("x") != nil {
		t.Error("not found by key")
	}
}
