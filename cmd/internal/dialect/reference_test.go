package dialect_test

import (
	"os"
	"strings"
	"testing"

	"keepalived/cmd/internal/dialect"
)

// reference reads the list of keepalived's keywords: path/name to the version that
// brought it.
func reference(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../../test/compat/testdata/keywords.txt")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		where, names, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok || strings.HasPrefix(where, "#") {
			continue
		}
		since := ""
		blocks := strings.Fields(where)
		if last := blocks[len(blocks)-1]; last[0] >= '0' && last[0] <= '9' {
			since, blocks = last, blocks[:len(blocks)-1]
		}
		for _, block := range blocks {
			switch {
			case block == "-":
				block = ""
			case block != "SSL" && block == strings.ToUpper(block) || strings.Contains(block, "_CHECK/") || strings.Contains(block, "_GET/"):
				block = "virtual_server/real_server/" + block
			}
			for _, name := range strings.Fields(names) {
				key := block + "/" + name
				if _, twice := out[key]; twice {
					t.Errorf("%s is listed twice", key)
				}
				out[key] = since
			}
		}
	}
	return out
}

// TestReference: the tables have every keyword that keepalived has, of the same
// version, and none besides.
func TestReference(t *testing.T) {
	t.Parallel()
	want := reference(t)
	have := map[string]bool{}
	for _, k := range dialect.Keywords() {
		key := k.Path + "/" + k.Name
		have[key] = true
		since, known := want[key]
		switch {
		case !known:
			t.Errorf("%s: keepalived has no such keyword", key)
		case k.Since != since:
			t.Errorf("%s: since %q, the reference says %q", key, k.Since, since)
		}
	}
	names := map[string]bool{}
	for key := range want {
		names[key[strings.LastIndex(key, "/")+1:]] = true
		if !have[key] {
			t.Errorf("%s is missing", key)
		}
	}
	t.Logf("%d keywords in their places, %d names", len(want), len(names))
}
