package meaning

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"keepalived/cmd/internal/dialect"
	"keepalived/core/config"
)

var schema = dialect.Schema()

func parse(text string) *config.Tree {
	t, _ := config.Parse(config.MapFiles{"f": text}, "f", config.Env{NodeName: "host"}, schema)
	return t
}

// texts are the configurations of the field, those that keepalived's package brings,
// and every small one of test/compat.
func texts(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for pattern, least := range map[string]int{
		"../../../test/compat/testdata/seeds/*.conf":          34,
		"/usr/share/doc/keepalived/samples/keepalived.conf.*": 25,
		"../../../test/compat/testdata/probes/*.txt":          13,
		"../../../deploy/examples/*.conf":                     1,
		"../../../checker/snapshot/testdata/*.conf":           5,
		"../../../checker/checkercfg/testdata/*.conf":         0,
		"../../../vrrp/snapshot/testdata/*.conf":              5,
	} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) < least {
			t.Fatalf("%s: %d files, want %d or more (apt-get install keepalived): %v", pattern, len(files), least, err)
		}
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(name, ".txt") {
				out[name] = string(b)
				continue
			}
			kind := strings.TrimSuffix(filepath.Base(name), ".txt")
			for line := range strings.Lines(string(b)) {
				if line = strings.TrimSpace(line); line != "" {
					text := strings.ReplaceAll(line, `\n`, "\n")
					out[kind+": "+line] = strings.Replace(frame(kind), "%s", text, 1)
				}
			}
		}
	}
	return out
}

// trees are those of texts, and of the inputs of test/compat, which may be several
// files.
func trees(t *testing.T) map[string]*config.Tree {
	t.Helper()
	out := map[string]*config.Tree{}
	for name, text := range texts(t) {
		out[name] = parse(text)
	}
	archives, err := filepath.Glob("../../../test/compat/testdata/inputs/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no inputs: %v", err)
	}
	unescape := strings.NewReplacer(`<CR>`, "\r", `<NUL>`, "\x00", `<BOM>`, "\uFEFF", `<NBSP>`, "\u00a0", `<TAB>`, "\t", `<FF>`, "\f", `<VT>`, "\v", "<NOEOL>\n", "")
	files := map[string]config.MapFiles{}
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			title, file, several := strings.Cut(f.Name, "/")
			if !several {
				file = "keepalived.conf"
			}
			title = filepath.Base(name) + ": " + title
			if files[title] == nil {
				files[title] = config.MapFiles{}
			}
			files[title][file] = unescape.Replace(string(f.Data))
		}
	}
	for title, f := range files {
		out[title], _ = config.Parse(f, "keepalived.conf", config.Env{NodeName: "host"}, schema)
	}
	return out
}

// frame is where the snippets of a kind belong, as in package dialect's tests.
func frame(kind string) string {
	const instance = "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n10.0.0.1\n}\n%s\n}\n"
	const service = "virtual_server 10.0.0.1 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n%s\nreal_server 10.0.0.2 80 {\nTCP_CHECK {\n}\n}\n}\n"
	switch kind {
	case "global":
		return "global_defs {\n%s\n}\n"
	case "instance":
		return instance
	case "vip":
		return strings.Replace(instance, "10.0.0.1\n}\n%s", "%s\n}", 1)
	case "route", "rule":
		return strings.Replace(instance, "%s", "virtual_"+kind+"s {\n%s\n}", 1)
	case "script":
		return "vrrp_script S {\n%s\n}\n" + strings.Replace(instance, "%s", "track_script {\nS\n}", 1)
	case "file":
		return "track_file S {\n%s\n}\n" + strings.Replace(instance, "%s", "track_file {\nS\n}", 1)
	case "process":
		return "vrrp_track_process S {\n%s\n}\n" + strings.Replace(instance, "%s", "track_process {\nS\n}", 1)
	case "bfd":
		return "bfd_instance B {\n%s\n}\n"
	case "vs":
		return service
	case "rs":
		return strings.Replace(strings.Replace(service, "\n%s", "", 1), "TCP_CHECK {\n}", "%s", 1)
	}
	return "%s\n"
}

// TestCanonicalIsAFixedPoint: what is printed is read as the same configuration, and
// printed the same again.
func TestCanonicalIsAFixedPoint(t *testing.T) {
	t.Parallel()
	seen := 0
	for name, tree := range trees(t) {
		canonical := Canonical(tree, schema)
		if Fingerprint(canonical) != Fingerprint(tree.Roots) {
			t.Errorf("%s: the canonical form means something else", name)
		}
		printed := config.Print(canonical)
		again := parse(printed)
		if Fingerprint(again.Roots) != Fingerprint(tree.Roots) {
			t.Errorf("%s: what is printed means something else:\n%s", name, printed)
		}
		if d := cmp.Diff(printed, config.Print(Canonical(again, schema))); d != "" {
			t.Errorf("%s: printed again it differs:\n%s", name, d)
		}
		seen++
	}
	if seen < 800 {
		t.Errorf("only %d configurations were looked at", seen)
	}
}

func service(members string) string {
	return "virtual_server 10.0.0.1 80 {\nprotocol TCP\n" + members + "\n}\n"
}

func TestSynonyms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, text, want string }{
		{"a block", "vrrp_track_file f {\nfile /x\n}", "track_file f {\n\tfile /x\n}\n"},
		{"a keyword", "global_defs {\nlvs_process_name x\n}", "global_defs {\n\tchecker_process_name x\n}\n"},
		{"deep down", service("real_server 10.0.0.2 80 {\nHTTP_GET {\nnb_get_retry 2\nurl {\npath /\n}\n}\n}"),
			"virtual_server 10.0.0.1 80 {\n\tprotocol TCP\n\treal_server 10.0.0.2 80 {\n\t\tHTTP_GET {\n\t\t\tretry 2\n\t\t\turl {\n\t\t\t\tpath /\n\t\t\t}\n\t\t}\n\t}\n}\n"},
		{"not where it means something else", "vrrp_instance V {\nnative_ipv6\n}", "vrrp_instance V {\n\tnative_ipv6\n}\n"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if d := cmp.Diff(c.want, config.Print(Canonical(parse(c.text), schema))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	const base = "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n10.0.0.1\n10.0.0.2\n}\n}\n"
	for _, c := range []struct {
		rule, a, b string
		same       bool
	}{
		{"white space and comments", base, "# x\n\n" + strings.ReplaceAll(base, "\n", "\n\n"), true},
		{"a default said", base, strings.Replace(base, "interface", "priority 100\ninterface", 1), true},
		{"another value", base, strings.Replace(base, "interface", "priority 101\ninterface", 1), false},
		{"the order of keywords", base, strings.Replace(base, "interface eth0\nvirtual_router_id 5", "virtual_router_id 5\ninterface eth0", 1), true},
		{"the order of addresses", base, strings.Replace(base, "10.0.0.1\n10.0.0.2", "10.0.0.2\n10.0.0.1", 1), false},
		{"another password", strings.Replace(base, "interface", "authentication {\nauth_type PASS\nauth_pass a\n}\ninterface", 1),
			strings.Replace(base, "interface", "authentication {\nauth_type PASS\nauth_pass b\n}\ninterface", 1), false},
		{"a checker", service("delay_loop 5\nreal_server 10.0.0.2 80 {\nTCP_CHECK {\n}\n}"), service("delay_loop 6\nreal_server 10.0.0.2 80 {\nTCP_CHECK {\n}\n}"), false},
		{"a global setting", "global_defs {\nrouter_id a\n}", "global_defs {\nrouter_id b\n}", false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if same := Fingerprint(parse(c.a).Roots) == Fingerprint(parse(c.b).Roots); same != c.same {
				t.Errorf("same: %t, want %t", same, c.same)
			}
		})
	}
}
