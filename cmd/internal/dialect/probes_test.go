package dialect_test

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// probe is one small configuration.
type probe struct {
	name string // kind and snippet: how the ledger calls it
	text string
}

// frames puts a snippet where its kind belongs.
var frames = map[string]string{
	"root":     "%s\n",
	"group":    "%s\n",
	"global":   "global_defs {\n%s\n}\n",
	"instance": instanceFrame,
	"vip":      "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n%s\n}\n}\n",
	"route":    strings.Replace(instanceFrame, "%s", "virtual_routes {\n%s\n}", 1),
	"rule":     strings.Replace(instanceFrame, "%s", "virtual_rules {\n%s\n}", 1),
	"script":   "vrrp_script S {\n%s\n}\n" + strings.Replace(instanceFrame, "%s", "track_script {\nS\n}", 1),
	"file":     "track_file S {\n%s\n}\n" + strings.Replace(instanceFrame, "%s", "track_file {\nS\n}", 1),
	"process":  "vrrp_track_process S {\n%s\n}\n" + strings.Replace(instanceFrame, "%s", "track_process {\nS\n}", 1),
	"bfd":      "bfd_instance B {\n%s\n}\n",
	"vs":       "virtual_server 10.0.0.1 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n%s\nreal_server 10.0.0.2 80 {\nTCP_CHECK {\n}\n}\n}\n",
	"rs":       "virtual_server 10.0.0.1 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\nreal_server 10.0.0.2 80 {\n%s\n}\n}\n",
}

const instanceFrame = "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n10.0.0.1\n}\n%s\n}\n"

// probes reads testdata/probes: one snippet a line, \n for a line break.
func probes(t *testing.T) []probe {
	t.Helper()
	files, err := filepath.Glob("../../../test/compat/testdata/probes/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no probes: %v", err)
	}
	var out []probe
	for _, name := range files {
		kind := strings.TrimSuffix(filepath.Base(name), ".txt")
		frame, ok := frames[kind]
		if !ok {
			t.Fatalf("%s: no frame of that kind", name)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		for s := bufio.NewScanner(f); s.Scan(); {
			if line := s.Text(); line != "" {
				text := strings.ReplaceAll(line, `\n`, "\n")
				out = append(out, probe{name: kind + ": " + line, text: strings.Replace(frame, "%s", text, 1)})
			}
		}
		f.Close()
	}
	return out
}

// seeds are the configurations of the field.
func seeds(t *testing.T) []probe {
	t.Helper()
	files, err := filepath.Glob("../../../test/compat/testdata/seeds/*.conf")
	if err != nil || len(files) != 34 {
		t.Fatalf("found %d seeds, want 34: %v", len(files), err)
	}
	var out []probe
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, probe{name: strings.TrimSuffix(filepath.Base(name), ".conf"), text: string(text)})
	}
	return out
}
