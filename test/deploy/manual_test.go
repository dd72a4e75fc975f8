package deploy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keepalived/checker/checkercfg"
	"keepalived/core/config"
	"keepalived/core/global"
	"keepalived/test/netlab"
	"keepalived/vrrp/vrrpcfg"
)

var pages = []string{"keepalived.8", "keepalived.conf.5", "keepalivedctl.1"}

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

func keywords() []config.Keyword {
	// Blocks that two roles read are described once, by the later table.
	all := slices.Concat(checkercfg.Keywords(), vrrpcfg.Keywords(), global.Keywords())
	last := map[string]int{}
	for i, k := range all {
		last[k.Path+"/"+k.Name] = i
	}
	var out []config.Keyword
	for i, k := range all {
		if last[k.Path+"/"+k.Name] == i {
			out = append(out, k)
		}
	}
	return out
}

// inert reports whether a keyword does nothing: itself, or a block it stands in.
func inert(k config.Keyword, all []config.Keyword) bool {
	return k.Effect != "" || within(k, all, func(block config.Keyword) bool { return block.Effect != "" })
}

func within(k config.Keyword, all []config.Keyword, is func(config.Keyword) bool) bool {
	return slices.ContainsFunc(all, func(block config.Keyword) bool {
		path := strings.TrimPrefix(block.Path+"/"+block.Name, "/")
		return (k.Path == path || strings.HasPrefix(k.Path, path+"/")) && is(block)
	})
}

// TestKeywords: every keyword that works has its entry with the grammar, range and
// default of the tables; every other is among those without effect; old names are
// told what replaces them.
func TestKeywords(t *testing.T) {
	text := page(t, "keepalived.conf.5")
	have := entries(text)
	lists := have["KEYWORDS WITHOUT EFFECT"]
	_, old, _ := strings.Cut(plain(text), ".SS Old names\n")
	all := keywords()
	documented := 0
	for _, k := range all {
		section := strings.ReplaceAll(k.Path, "/", ", ")
		if section == "" {
			section = "Outside any block"
		}
		isOld := func(k config.Keyword) bool { return k.Deprecated != "" }
		switch {
		case k.Deprecated != "":
			if line := k.Name + ": " + k.Deprecated; !slices.Contains(strings.Split(old, "\n"), line) {
				t.Errorf("Old names: want the line %q", line)
			}
		case within(k, all, isOld): // described with the block's new name
		case inert(k, all):
			if !slices.Contains(strings.FieldsFunc(lists[section], func(r rune) bool { return strings.ContainsRune(" ,;.()", r) }), k.Name) {
				t.Errorf("KEYWORDS WITHOUT EFFECT, %s: want %s in the list", section, k.Name)
			}
		default:
			documented++
			tag := strings.TrimSpace(k.Name + " " + k.Grammar)
			entry, ok := have[section][tag]
			if !ok {
				t.Errorf("subsection %s: want an entry %q", section, tag)
				continue
			}
			for _, part := range []struct{ word, value string }{{"Range: ", k.Range}, {"Default: ", k.Default}, {"Since ", k.Since}} {
				if part.value != "" && !strings.Contains(entry, part.word+part.value+".") {
					t.Errorf("subsection %s, %s: want %q in %q", section, k.Name, part.word+part.value+".", entry)
				}
			}
			if len(strings.Fields(entry)) < 3 {
				t.Errorf("subsection %s: %s is not explained", section, k.Name)
			}
		}
	}
	if documented < 100 {
		t.Errorf("only %d keywords found: the tables are not what this test takes them for", documented)
	}
}

// TestNothingElse: an entry of the manual is a keyword of the tables.
func TestNothingElse(t *testing.T) {
	known := map[string]bool{}
	for _, k := range keywords() {
		known[k.Path+"/"+k.Name] = true
	}
	for section, list := range entries(page(t, "keepalived.conf.5")) {
		if section != "global_defs" && !strings.HasPrefix(section, "vrrp_") && section != "track_file" && section != "Outside any block" {
			continue
		}
		path := strings.ReplaceAll(strings.TrimPrefix(section, "Outside any block"), ", ", "/")
		for tag := range list {
			if name, _, _ := strings.Cut(tag, " "); !known[path+"/"+name] {
				t.Errorf("subsection %s: there is no keyword %s", section, name)
			}
		}
	}
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

// TestOptions: the page has every option of the daemon, with its argument.
func TestOptions(t *testing.T) {
	text := plain(page(t, "keepalived.8"))
	for _, m := range source(t, "cmd/keepalived/flags.go", `\{(?:'(.)'|0), "([^"]+)", (noArg|needArg|optArg), "([^"]*)", (.*)`) {
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
			t.Errorf("keepalived.8 has no %q", head)
		}
	}
}

// TestCommands: the page has every command and option of keepalivedctl.
func TestCommands(t *testing.T) {
	text := page(t, "keepalivedctl.1")
	have := entries(text)["COMMANDS"]
	commands := []string{"help", "completion"} // cobra's own
	for _, m := range source(t, "cmd/keepalivedctl/*.go", `Use:\s+"(\w+)`) {
		if m[1] != "keepalivedctl" {
			commands = append(commands, m[1])
		}
	}
	for _, c := range commands {
		if have[c] == "" {
			t.Errorf("keepalivedctl.1 does not explain %s", c)
		}
	}
	if len(have) != len(commands) {
		t.Errorf("keepalivedctl.1 has %d commands, the program %d", len(have), len(commands))
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
