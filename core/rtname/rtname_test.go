package rtname

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keepalived/core/global"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	etc, usr := t.TempDir(), t.TempDir()
	write(t, etc, "rt_tables", "100 blue\n")
	write(t, usr, "rt_tables", "200 green\n")
	write(t, usr, "rt_scopes", "88 near\n256 far\n")
	write(t, usr, "group", "9 uplinks\n")
	n := Read(etc, usr)
	for _, c := range []struct {
		name  string
		table global.NameTable
		want  uint32
		known bool
	}{
		{"blue", n.Tables, 100, true},
		{"green", n.Tables, 0, false}, // the file of etc counts alone
		{"main", n.Tables, 254, true},
		{"near", n.Scopes, 88, true},
		{"far", n.Scopes, 0, false},
		{"uplinks", n.Groups, 9, true},
		{"static", n.Protocols, 4, true},
		{"AF11", n.DSFields, 0, false},
	} {
		if got, known := c.table[c.name]; got != c.want || known != c.known {
			t.Errorf("%s: %d, %v, want %d, %v", c.name, got, known, c.want, c.known)
		}
	}
}

// TestReadOddFiles: a file that nobody ends to read, or that never ends, stops nothing.
func TestReadOddFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mkfifo(filepath.Join(dir, "rt_tables"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", filepath.Join(dir, "rt_protos")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "rt_realms", strings.Repeat("# far too long\n", 1<<18)+"7 late\n")
	done := make(chan *global.Names)
	go func() { done <- Read(dir, t.TempDir()) }()
	select {
	case n := <-done:
		if n.Tables["main"] != 254 || n.Protocols["static"] != 4 || len(n.Realms) != 0 {
			t.Errorf("%+v", n)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("still reading")
	}
}
