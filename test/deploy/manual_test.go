package deploy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"keepalived/test/netlab"
)

var pages = []string{"keepalived.8", "keepalived.conf.5", "keepalivedctl.1", "genhash.1"}

func page(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(root + "/deploy/man/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestManualIsClean: groff has nothing to say about the pages.
func TestManualIsClean(t *testing.T) {
	netlab.Need(t, "cmd:groff")
	for _, name := range pages {
		out, err := run(t, "groff", "-man", "-Tutf8", "-ww", "-z", "deploy/man/"+name)
		if err != nil || out != "" {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	bad := filepath.Join(t.TempDir(), "bad.8")
	if err := os.WriteFile(bad, []byte(".TH BAD 8\n.SH NAME\n.NOSUCH x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := run(t, "groff", "-man", "-Tutf8", "-ww", "-z", bad); err == nil && out == "" {
		t.Error("a page with an unknown request passes: this test tests nothing")
	}
}

// plain takes fonts and escapes out of a line of roff.
func plain(line string) string {
	line = regexp.MustCompile(`\\f[BIRP]`).ReplaceAllString(line, "")
	return strings.NewReplacer(`\-`, "-", `\(aq`, "'", `\e`, `\`, `\ `, " ", `\&`, "").Replace(line)
}

// entries are the tagged paragraphs of a page by subsection: tag to text.
func entries(text string) map[string]map[string]string {
	out := map[string]map[string]string{}
	section, tag := "", ""
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := plain(lines[i])
		switch {
		case strings.HasPrefix(line, ".SS "), strings.HasPrefix(line, ".SH "):
			section, tag = line[4:], ""
			if out[section] == nil {
				out[section] = map[string]string{}
			}
		case line == ".TP" && i+1 < len(lines):
			i++
			tag = strings.TrimPrefix(plain(lines[i]), ".B ")
			out[section][tag] = ""
		case line == ".PP":
			tag = ""
		case tag != "":
			out[section][tag] += line + " "
		}
	}
	return out
}

// source reads a file of the tree and finds what a pattern says in it.
func source(t *testing.T, glob, pattern string) [][]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, glob))
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, regexp.MustCompile(pattern).FindAllStringSubmatch(string(b), -1)...)
	}
	if len(out) == 0 {
		t.Fatalf("nothing in %s is like %s", glob, pattern)
	}
	return out
}

// TestOptions: the pages have every option of the daemon and of genhash, with its
// argument.
func TestOptions(t *testing.T) {
	for name, glob := range map[string]string{"keepalived.8": "cmd/keepalived/flags.go", "genhash.1": "cmd/keepalived/genhash.go"} {
		text := plain(page(t, name))
		for _, m := range source(t, glob, `\{(?:'(.)'|0), "([^"]+)", (noArg|needArg|optArg), "([^"]*)", (.*)`) {
			short, long, arg, meta := m[1], m[2], m[3], m[4]
			head := "--" + long
			if short != "" {
				head = "-" + short + ", " + head
			}
			head += map[string]string{"noArg": "", "needArg": "=" + meta, "optArg": "[=" + meta + "]"}[arg]
			if strings.Contains(m[5], "inert(") {
				head = "--" + long // among those without effect
			}
			if !regexp.MustCompile(`(?m)(^|[ "])` + regexp.QuoteMeta(head) + `($|[ ,."])`).MatchString(text) {
				t.Errorf("%s has no %q", name, head)
			}
		}
	}
}

// TestCommands: the page has every command and option of keepalivedctl.
func TestCommands(t *testing.T) {
	text := page(t, "keepalivedctl.1")
	const use = `Use:\s+"(\w+)`
	below := map[string]bool{} // those of config have a section of their own
	for _, file := range []string{"config", "check", "explain"} {
		for _, m := range source(t, "cmd/keepalivedctl/"+file+".go", use) {
			if m[1] != "config" {
				below["config "+m[1]] = true
			}
		}
	}
	commands := map[string]bool{"help": true, "completion": true, "check": true} // two are cobra's own
	for _, m := range source(t, "cmd/keepalivedctl/*.go", use) {
		if m[1] != "keepalivedctl" && !below["config "+m[1]] {
			commands[m[1]] = true
		}
	}
	for section, want := range map[string]map[string]bool{"COMMANDS": commands, "CONFIGURATIONS": below} {
		have := entries(text)[section]
		for c := range want {
			if have[c] == "" {
				t.Errorf("keepalivedctl.1 does not explain %s in %s", c, section)
			}
		}
		if len(have) != len(want) {
			t.Errorf("%s of keepalivedctl.1 has %d commands, the program %d", section, len(have), len(want))
		}
	}
	for _, m := range source(t, "cmd/keepalivedctl/*.go", `Flags\(\)\.\w+Var\(&\w+(?:\.\w+)?, "([^"]+)"`) {
		if !strings.Contains(plain(text), "--"+m[1]) {
			t.Errorf("keepalivedctl.1 has no --%s", m[1])
		}
	}
}

// TestExitStatuses: the pages tell the statuses that the programs have.
func TestExitStatuses(t *testing.T) {
	for name, glob := range map[string]string{"keepalived.8": "cmd/keepalived/main.go", "keepalivedctl.1": "cmd/keepalivedctl/main.go"} {
		have := entries(page(t, name))["EXIT STATUS"]
		for _, m := range source(t, glob, `\n\texit(\w+)\s+= (\d+)`) {
			if have[m[2]] == "" {
				t.Errorf("%s does not explain status %s (%s)", name, m[2], m[1])
			}
		}
	}
}

// TestNamesOfFiles: the pages name the files that the code uses.
func TestNamesOfFiles(t *testing.T) {
	text := plain(strings.Join([]string{page(t, pages[0]), page(t, pages[1]), page(t, pages[2])}, "\n"))
	for _, f := range []string{
		"/etc/keepalived/keepalived.conf", "/run/keepalived.pid", "/run/keepalived/keepalived.sock", "/tmp/keepalived.data", "/tmp/keepalived.stats",
		"/tmp/keepalived.json", "/etc/passwd", "/etc/group",
	} {
		if !strings.Contains(text, f) {
			t.Errorf("no page names %s", f)
		}
	}
	for _, n := range []int{36, 63} {
		if _, ok := entries(page(t, "keepalived.8"))["SIGNALS"][fmt.Sprint(n)]; !ok {
			t.Errorf("keepalived.8 does not explain signal %d", n)
		}
	}
}
