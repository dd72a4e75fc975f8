package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"keepalived/core/config"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(dir+"/a.conf", []byte("text\n"), 0o644))
	must(os.WriteFile(dir+"/x.conf", []byte("text\n"), 0o755))
	must(os.Mkdir(dir+"/d", 0o755))
	must(unix.Mkfifo(dir+"/fifo", 0o644))
	must(os.Symlink("a.conf", dir+"/link"))
	must(os.Symlink("nowhere", dir+"/dangling"))
	must(os.WriteFile(dir+"/big", nil, 0o644))
	must(os.Truncate(dir+"/big", maxSize+1))
	for _, c := range []struct {
		name string
		want error
	}{
		{"a.conf", nil},
		{"link", nil},
		{"x.conf", config.ErrNotPlain},
		{"d", config.ErrDirectory},
		{"fifo", config.ErrNotPlain}, // and does not wait for a writer
		{"nosuch", fs.ErrNotExist},
		{"dangling", fs.ErrNotExist},
		{"big", config.ErrTooLarge},
	} {
		text, err := OS{}.Read(dir + "/" + c.name)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if c.want == nil && string(text) != "text\n" {
			t.Errorf("%s: %q", c.name, text)
		}
		if err != nil && strings.Contains(err.Error(), dir) {
			t.Errorf("%s: the name is in %q", c.name, err)
		}
	}
}

func TestGlob(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.conf", "b.conf", ".hidden.conf", "sub/c.conf", "sub2/d.conf", "sub2/.e.conf"} {
		if err := os.MkdirAll(filepath.Dir(dir+"/"+name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/"+name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		pattern string
		want    []string
		absent  bool
	}{
		{"*.conf", []string{"a.conf", "b.conf"}, false},
		{".*.conf", []string{".hidden.conf"}, false},
		{"{b,a}.conf", []string{"b.conf", "a.conf"}, false},
		{"{b,*}.conf", []string{"b.conf", "a.conf", "b.conf"}, false},
		{"[!a].conf", []string{"b.conf"}, false},
		{"?.conf", []string{"a.conf", "b.conf"}, false},
		{"sub*/*.conf", []string{"sub/c.conf", "sub2/d.conf"}, false},
		{"*/c.conf", []string{"sub/c.conf"}, true},
		{"sub", []string{"sub"}, false},
		{"nosuch*", nil, false},
		{"nosuch/*", nil, true},
		{"nosuch", nil, true},
		{"sub/*.x", nil, false},
		{"{a,nosuch}.conf", []string{"a.conf"}, true},
		{"{a.conf,nosuch/*}", []string{"a.conf"}, true},
		{`\a.conf`, []string{"a.conf"}, false},
		{`\*.conf`, nil, false},
		{`s\ub/\c*`, []string{"sub/c.conf"}, false},
		{`s*/\c.conf`, []string{"sub/c.conf"}, true},
	} {
		got, err := OS{}.Glob(dir + "/" + c.pattern)
		for i := range got {
			got[i] = strings.TrimPrefix(got[i], dir+"/")
		}
		if errors.Is(err, fs.ErrNotExist) != c.absent || err != nil && !c.absent || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v, want %q, something absent: %v", c.pattern, got, err, c.want, c.absent)
		}
	}
	t.Chdir(dir)
	if got, _ := (OS{}).Glob("*.conf"); !slices.Equal(got, []string{"a.conf", "b.conf"}) {
		t.Errorf("relative: %q", got)
	}
}

// TestParse reads real files: an include is relative to the including file.
func TestParse(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(dir+"/conf.d", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"main.conf": "include conf.d/*.conf\n", "conf.d/1.conf": "include x\n", "conf.d/x": "frob\n",
	} {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree, list := config.Parse(OS{}, dir+"/main.conf", config.Env{}, config.NewSchema())
	if want := "(" + dir + "/conf.d/x: Line 1) Unknown keyword 'frob'\n"; list.Short(true) != want {
		t.Errorf("%q, want %q", list.Short(true), want)
	}
	if len(tree.Sources) != 3 {
		t.Errorf("%d sources", len(tree.Sources))
	}
}
