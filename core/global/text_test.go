package global

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDump compares with what 2.2.7 wrote of the same configurations, as parent and as
// VRRP child.
func TestDump(t *testing.T) {
	t.Parallel()
	facts := Facts{HostName: "vm", IDs: func(user, group string) (uint32, uint32) {
		ids := map[string]uint32{"": 0, "root": 0, "daemon": 1, "nobody": 65534, "nogroup": 65534}
		if group == "" {
			group = user
		}
		return ids[user], ids[group]
	}}
	// Where ours is deliberately another: 2.2.7 gives two timeouts one name, leaves out
	// CPU 0, and keeps a part of a vrrp_garp_extra_if that it refuses.
	differs := map[string]*strings.Replacer{
		"many": strings.NewReplacer("FIN timeout = 20\n LVS TCP timeout", "FIN timeout = 20\n LVS UDP timeout",
			"Affinity =  1 ", "Affinity = 0 1 "),
		"some":  strings.NewReplacer("LVS TCP timeout", "LVS UDP timeout", "Affinity =  1 ", "Affinity = 0 1 "),
		"names": strings.NewReplacer("secondary i/f = 0s", "secondary VMAC = 0s"),
	}
	for _, name := range []string{"few", "some", "many", "names"} {
		text := golden(t, name+".conf")
		g, _ := decode(t, text)
		for _, form := range []string{"parent", "child"} {
			want := golden(t, name+"."+form)
			if want == "" {
				continue
			}
			if r := differs[name]; r != nil {
				want = r.Replace(want)
			}
			got := string(g.Dump(form == "parent", facts))
			if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("%s.%s (-2.2.7 +ours):\n%s", name, form, diff)
			}
		}
	}
}

// golden reads a file of testdata/dump; 2.2.7 has not written every one.
func golden(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/dump/" + name)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(b)
}

// TestTextIsRoots: without facts the section is that of a machine without users.
func TestTextIsRoots(t *testing.T) {
	t.Parallel()
	g, _ := decode(t, "global_defs {\n script_user nobody\n}\n")
	if text := string(g.Text(false)); !strings.Contains(text, "Default script uid:gid 0:0\n") {
		t.Errorf("want root's ids in\n%s", text)
	}
}
