package vrrp

import (
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keepalived/core/config"
	"keepalived/core/global"
	"keepalived/rpc/childapi"
	"keepalived/vrrp/vrrpcfg"
)

// decoded decodes a configuration on this machine.
func decoded(t *testing.T, d *daemon, text string) *preparation {
	t.Helper()
	schema := config.NewSchema(slices.Concat(vrrpcfg.Keywords(), global.Keywords()))
	tree, _ := config.Parse(config.MapFiles{"f": text}, "f", config.Env{}, schema)
	p, diags := d.decode(childapi.Update{Tree: tree})
	if diags.HasFatal() {
		t.Fatal(diags)
	}
	return p
}

// TestAgain: what was decoded is good for a reload of the same, until something is
// otherwise on the machine.
func TestAgain(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "check.sh")
	mode := func(m os.FileMode) {
		t.Helper()
		if err := os.WriteFile(script, []byte("#!/bin/sh\n"), m); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(script, m); err != nil {
			t.Fatal(err)
		}
	}
	text := "global_defs {\nscript_user root\n}\nvrrp_script chk {\nscript " + script + "\n}\nvrrp_script idle {\nscript /bin/true\n}\n" +
		"linkbeat_interfaces {\neth9\n}\n" +
		"vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\ntrack_interface {\neth1\n}\nvirtual_ipaddress {\n10.0.0.1\n}\ntrack_script {\nchk\n}\n}\n"
	there := vrrpcfg.Interfaces{"lo": {}, "eth0": {}, "eth1": {}, "eth2": {}}
	d := &daemon{log: slog.New(slog.DiscardHandler), exist: func() (vrrpcfg.Interfaces, error) { return there, nil }}
	mode(0o755)
	p := decoded(t, d, text)
	if got := p.world.links.answers; !maps.Equal(got, map[string]bool{"eth0": true, "eth1": true, "eth9": false}) {
		t.Errorf("asked for %v", got)
	}
	if !slices.Equal(p.notes, []string{"Warning - script idle is not used"}) {
		t.Errorf("notes %q", p.notes)
	}
	next, ok := d.again(p)
	if !ok || next.cfg != p.cfg || string(next.globals) != string(p.globals) || !slices.Equal(next.notes, p.notes) || !next.again {
		t.Fatalf("nothing has changed: %v, %+v", ok, next)
	}
	if next, ok = d.again(next); !ok || next.cfg != p.cfg {
		t.Fatal("nothing has changed the second time")
	}
	mode(0o644)
	if _, ok := d.again(next); ok {
		t.Error("a script that cannot be run any more")
	}
	if p = decoded(t, d, text); len(p.cfg.Instances[0].Track.Scripts) != 0 || !slices.Equal(p.notes, []string{"Warning - script idle is not used"}) {
		t.Errorf("tracks %v, notes %q", p.cfg.Instances[0].Track.Scripts, p.notes)
	}
	if next, ok = d.again(p); !ok {
		t.Error("nothing has changed: the script is as it was decoded")
	}
	mode(0o755)
	if _, ok := d.again(next); ok {
		t.Error("a script that can be run again")
	}
	p = decoded(t, d, text)
	with := func(names ...string) vrrpcfg.Interfaces {
		out := vrrpcfg.Interfaces{}
		for _, n := range names {
			out[n] = struct{}{}
		}
		return out
	}
	for _, tc := range []struct {
		name string
		ifs  vrrpcfg.Interfaces
		err  error
		ok   bool
	}{
		{"one that nobody asked for is gone, another is there", with("eth0", "eth1", "veth77"), nil, true},
		{"one is gone", with("eth0"), nil, false},
		{"one has come", with("eth0", "eth1", "eth9"), nil, false},
		{"nobody knows", nil, errors.New("no netlink"), false},
	} {
		d := &daemon{log: d.log, exist: func() (vrrpcfg.Interfaces, error) { return tc.ifs, tc.err }}
		if _, ok := d.again(p); ok != tc.ok {
			t.Errorf("interfaces: %s: good %v, want %v", tc.name, ok, tc.ok)
		}
	}
	p.world.host += "x"
	if _, ok := d.again(p); ok {
		t.Error("the host has another name: good")
	}
	// With dynamic_interfaces it makes no difference which there are.
	p = decoded(t, d, strings.Replace(text, "script_user", "dynamic_interfaces\nscript_user", 1))
	if len(p.world.links.answers) != 0 {
		t.Errorf("asked for %v", p.world.links.answers)
	}
}
