package compat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// mainFile is the name of the configuration in an input.
const mainFile = "keepalived.conf"

// input is one configuration that both programs are given.
type input struct {
	name  string
	files map[string]string // by name relative to the configuration's directory
}

// checkers reports whether the input has work for the healthchecker child, which in
// 2.2.7 cannot start without ip_vs.
func (in input) checkers() bool {
	for _, text := range in.files {
		if strings.Contains(text, "virtual_server") || strings.Contains(text, "lvs_sync_daemon ") {
			return true
		}
	}
	return false
}

// inputs reads the table: the archives of testdata/inputs, in which every file is a
// configuration, or, with a slash in its name, one file of a configuration.
func inputs(t *testing.T) []input {
	t.Helper()
	archives, err := filepath.Glob("testdata/inputs/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no inputs: %v", err)
	}
	var out []input
	index := map[string]int{}
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		theme := strings.TrimSuffix(filepath.Base(name), ".txtar")
		for _, f := range a.Files {
			title, file, several := strings.Cut(f.Name, "/")
			if !several {
				file = mainFile
			}
			title = theme + ": " + title
			i, known := index[title]
			if !known {
				i = len(out)
				index[title] = i
				out = append(out, input{name: title, files: map[string]string{}})
			}
			if _, twice := out[i].files[file]; twice {
				t.Errorf("%s: %s is there twice", title, file)
			}
			out[i].files[file] = unescape.Replace(string(f.Data))
		}
	}
	return out
}

// unescape makes what an archive cannot hold, or an editor would spoil.
var unescape = strings.NewReplacer(`<CR>`, "\r", `<NUL>`, "\x00", `<BOM>`, "\uFEFF", `<NBSP>`, "\u00a0", `<TAB>`, "\t", `<FF>`, "\f", `<VT>`, "\v", "<NOEOL>\n", "")

// seeds are the configurations of the field.
func seeds(t *testing.T) []input {
	t.Helper()
	return readAll(t, "seed", "testdata/seeds/*.conf", 34)
}

// samples are those that Debian's keepalived comes with.
func samples(t *testing.T) []input {
	t.Helper()
	return readAll(t, "sample", "/usr/share/doc/keepalived/samples/keepalived.conf*", 25)
}

func readAll(t *testing.T, kind, pattern string, want int) []input {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) != want {
		t.Fatalf("%s: found %d files, want %d: %v", pattern, len(files), want, err)
	}
	var out []input
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		title := strings.TrimPrefix(strings.TrimSuffix(filepath.Base(name), ".conf"), "keepalived.conf.")
		out = append(out, input{name: kind + ": " + title, files: map[string]string{mainFile: string(text)}})
	}
	return out
}
