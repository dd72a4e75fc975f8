package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"keepalived/core/diag"
)

var update = flag.Bool("update", false, "write the expected parts of testdata anew; review the difference")

// testFiles is a MapFiles in which some names cannot be read.
type testFiles struct{ MapFiles }

func (f testFiles) Read(name string) ([]byte, error) {
	if strings.HasSuffix(name, "exe.conf") {
		return nil, ErrNotPlain
	}
	return f.MapFiles.Read(name)
}

// TestObserved reads files that keepalived 2.2.7 was given, too. Each archive in
// testdata/observed holds
//
//	main.conf and others   the input
//	keepalived 2.2.7       what `keepalived -t` said to it, and its exit status
//	differs                which of the parser's findings only one of the two has
//	tree, diagnostics      what we make of it
//
// The second was recorded from `keepalived -t -P -i n1 -f main.conf` (-C for
// virtual servers) in a network namespace with eth0, each line once, without what
// only the parent's first pass says. Only "differs" compares the two; a line there is either noise of 2.2.7, which
// reads a file once per process, or a difference we mean.
func TestObserved(t *testing.T) {
	archives, err := filepath.Glob("testdata/observed/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := testFiles{MapFiles{"dir.conf/x": "", "d/exe.conf": ""}}
			want := map[string]string{}
			var keep []txtar.File
			for _, f := range a.Files {
				switch f.Name {
				case "differs", "tree", "diagnostics":
					want[f.Name] = string(f.Data)
					continue
				case "keepalived 2.2.7":
					want[f.Name] = string(f.Data)
				default:
					files.MapFiles[f.Name] = string(f.Data)
				}
				keep = append(keep, f)
			}
			env := Env{ConfigID: "n1", Dir: "/mnt/x", Seed: 1, Lookup: func(string) (string, bool) { return "/root", true }}
			tree, list := Parse(files, "main.conf", env, testSchema())
			got := map[string]string{
				"differs":     differences(list, want["keepalived 2.2.7"]),
				"tree":        Print(tree.Roots),
				"diagnostics": list.Full(tree.Texts()),
			}
			for _, part := range []string{"differs", "tree", "diagnostics"} {
				if diff := cmp.Diff(want[part], got[part]); diff != "" && !*update {
					t.Errorf("%s (-want +got):\n%s", part, diff)
				}
				keep = append(keep, txtar.File{Name: part, Data: []byte(got[part])})
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(&txtar.Archive{Comment: a.Comment, Files: keep}), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// ofParser matches what the reader and parser of keepalived say, as opposed to
// what the keywords' own code says.
var ofParser = regexp.MustCompile(`^(\([^)]*\) )?(Unknown keyword|Unexpected '{'|Missing '{'|Extra '}'|There are \d|` +
	`Unmatched quote|Unterminated quote|String '|\*\*\* Config|Block \S+ has extra|Config files missing|Some config files|` +
	`No config files|Configuration file|Invalid ~|~(SEQ|LST)|Unknown include_check)`)

// differences lists what only one side has; file names without their directory.
func differences(ours diag.List, theirs string) string {
	lines := func(text string) (out []string) {
		for l := range strings.Lines(text) {
			l = strings.TrimSuffix(l, "\n")
			l = regexp.MustCompile(`^\(\S*/`).ReplaceAllString(l, "(")
			if ofParser.MatchString(l) && !slices.Contains(out, l) {
				out = append(out, l)
			}
		}
		return out
	}
	a, b := lines(ours.Short(true)), lines(theirs)
	var out strings.Builder
	if status := fmt.Sprintf("rc=%d\n", ours.ExitStatus()); !strings.HasSuffix(theirs, status) {
		_, rc, _ := strings.Cut(theirs, "rc=")
		fmt.Fprintf(&out, "exit status %d, 2.2.7 has %s", ours.ExitStatus(), rc)
	}
	for _, l := range a {
		if !slices.Contains(b, l) {
			out.WriteString("only here:  " + l + "\n")
		}
	}
	for _, l := range b {
		if !slices.Contains(a, l) {
			out.WriteString("only 2.2.7: " + l + "\n")
		}
	}
	return out.String()
}
