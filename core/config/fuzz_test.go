package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// FuzzParse: any text is read without a panic, soon, with places that exist, and
// what is printed of the tree is read as the same tree.
func FuzzParse(f *testing.F) {
	seeds, _ := filepath.Glob("testdata/seeds/*.conf")
	for _, name := range seeds {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), "")
	}
	archives, _ := filepath.Glob("testdata/observed/*.txtar")
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(a.Files[0].Data), string(a.Files[1].Data))
	}
	schema := testSchema()
	f.Fuzz(func(t *testing.T, text, other string) {
		if len(text)+len(other) > 1<<16 {
			return
		}
		start := time.Now()
		tree, list := Parse(MapFiles{"main": text, "other": other}, "main", Env{NodeName: "n1"}, schema)
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("took %v", d)
		}
		for _, d := range list {
			if d.Summary == "" {
				t.Errorf("a finding without text: %+v", d)
			}
		}
		list.Full(tree.Texts())
		checkPlaces(t, tree)

		printed := Print(tree.Roots)
		if list.HasFatal() || tooWide(printed) {
			return
		}
		again, _ := Parse(MapFiles{"main": printed}, "main", Env{}, schema)
		if second := Print(again.Roots); second != printed {
			t.Errorf("(-printed +read and printed again):\n%s", cmp.Diff(printed, second))
		}
		if again.Digest != tree.Digest {
			t.Errorf("another digest from\n%s", printed)
		}
	})
}

// tooWide reports a line that quoting may have made longer than a line can be.
func tooWide(text string) bool {
	for l := range strings.Lines(text) {
		if len(strings.TrimSpace(l)) > MaxLine-2 {
			return true
		}
	}
	return false
}

// checkPlaces checks that every word lies within the line it claims.
func checkPlaces(t *testing.T, tree *Tree) {
	lines := map[string][]string{}
	for _, s := range tree.Sources {
		lines[s.Name] = strings.Split(string(s.Text), "\n")
	}
	check := func(w Word) {
		if w.Text == "" && !w.Quoted && !w.Range.IsValid() {
			return
		}
		r := w.Range
		text, ok := lines[r.Start().File]
		if !ok || r.Start().Line < 1 || r.Start().Line > len(text) || r.Start().Col < 1 ||
			r.End().Col < r.Start().Col || r.End().Col > len(text[r.Start().Line-1])+1 {
			t.Errorf("%q has the place %+v", w.Text, r)
		}
	}
	var walk func([]*Node)
	walk = func(nodes []*Node) {
		for _, n := range nodes {
			check(n.Keyword)
			if n.Raw != nil {
				check(*n.Raw)
			}
			for _, a := range n.Args {
				check(a)
			}
			walk(n.Block)
		}
	}
	walk(tree.Roots)
}

// FuzzSplitShell: no panic, no word longer than its text.
func FuzzSplitShell(f *testing.F) {
	for _, s := range []string{`"/p 'a b' c"`, `a\ b "c\"d"`, `\x41\101\cA\`, `'`, "\x00", `"a" root :group`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words, err := SplitShell(text)
		total := 0
		for _, w := range words {
			total += len(w)
		}
		if total > len(text) {
			t.Errorf("%q gave %q", text, words)
		}
		if err == nil && len(words) == 0 && strings.Trim(text, " \t\n\v\f\r") != "" {
			t.Errorf("%q gave nothing", text)
		}
	})
}
