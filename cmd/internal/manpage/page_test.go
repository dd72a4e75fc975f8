package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keepalived/cmd/internal/dialect"
)

// TestPageIsFresh: the committed page is what the tables and their help say.
func TestPageIsFresh(t *testing.T) {
	t.Parallel()
	have, err := os.ReadFile("../../../deploy/man/keepalived.conf.5")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(have), page()); d != "" {
		t.Errorf("deploy/man/keepalived.conf.5: run make manual and commit (-committed +made)\n%s", d)
	}
}

// TestPageHasEverything: every keyword has an entry with its usage, or a line among the
// old names, and what does nothing yet says so.
func TestPageHasEverything(t *testing.T) {
	t.Parallel()
	text := "\n" + page()
	entries := 0
	for _, k := range dialect.Keywords() {
		want := strings.TrimRight("\n\\fB"+escape(k.Name)+"\\fR "+escape(k.Usage()), " ") + "\n"
		if k.Deprecated != "" {
			want = "\n" + escape(k.Name+": "+k.Deprecated) + "\n"
		} else {
			entries++
		}
		if !strings.Contains(text, want) {
			t.Errorf("%s/%s: want %q", k.Path, k.Name, want)
		}
		if k.Effect != "" && !strings.Contains(text, escape(k.Effect)+".\n") {
			t.Errorf("%s/%s: the page does not say that %s", k.Path, k.Name, k.Effect)
		}
	}
	if entries < 450 {
		t.Errorf("only %d keywords: the tables are not what this test takes them for", entries)
	}
	for _, left := range []string{"@OLD@", "@INERT@", "{}", "eg: ", "%s"} {
		if strings.Contains(text, left) {
			t.Errorf("the page has %q in it", left)
		}
	}
}

// TestEscape: what roff would take for something else.
func TestEscape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		".TP": `\&.TP`, "'x": `\(aqx`, `a\b-c`: `a\eb\-c`, "plain": "plain",
	} {
		if got := escape(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}
