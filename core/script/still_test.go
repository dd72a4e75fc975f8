package script

import (
	"os"
	"path/filepath"
	"testing"

	"keepalived/core/config/cursor"
	"keepalived/core/global"
)

// TestStill: whatever makes another script of the same line is noticed, and nothing else.
func TestStill(t *testing.T) {
	dir := prepare(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	script := func(path, user string) cursor.ScriptUse {
		return cursor.ScriptUse{Script: &cursor.Script{Argv: []string{path, "x"}, Text: path + " x", User: user}}
	}
	sh := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	sh(os.Symlink(at("c.sh"), at("link")))
	uses := []cursor.ScriptUse{script(at("link"), ""), script(at("own"), "moves"), script(at("c.sh"), ""), script(at("gone"), "")}
	sh(os.Symlink(at("c.sh"), at("own")))
	people := machine{users: map[string][2]uint32{"root": {0, 0}, "moves": {1000, 1000}}, groups: accounts.groups}
	look := func() *Resolver {
		return NewResolver(&global.Config{ScriptUser: global.ScriptUser{User: "root"}}, people)
	}
	found, _ := look().ResolveAll(uses)
	if len(found) != 3 {
		t.Fatalf("%d scripts can be run, want 3", len(found))
	}
	steps := []struct {
		name   string
		change func()
		still  bool
	}{
		{"nothing", func() {}, true},
		{"another text in the file", func() { sh(os.WriteFile(at("c.sh"), []byte("#!/bin/sh\n"), 0o755)) }, true},
		{"a link to another file", func() {
			sh(os.Remove(at("link")))
			sh(os.Symlink(at("gr.sh"), at("link")))
		}, false},
		{"another number of a user", func() { people.users["moves"] = [2]uint32{1001, 1000} }, false},
		{"another group of a user", func() { people.users["moves"] = [2]uint32{1001, 1001} }, false},
		{"a user that is gone", func() { delete(people.users, "moves") }, false},
		{"others may write", func() { sh(os.Chmod(at("c.sh"), 0o757)) }, false},
		{"nobody may run it", func() { sh(os.Chmod(at("c.sh"), 0o644)) }, false},
		{"all may again", func() { sh(os.Chmod(at("c.sh"), 0o755)) }, false},
		{"one that was missing", func() { sh(os.Symlink(at("c.sh"), at("gone"))) }, false},
		{"a file in the place of a directory", func() { sh(os.WriteFile(at("more"), nil, 0o644)) }, true},
	}
	for _, s := range steps {
		s.change()
		if got := look().Still(uses, found); got != s.still {
			t.Errorf("%s: still the same %v, want %v", s.name, got, s.still)
		}
		found, _ = look().ResolveAll(uses)
		if !look().Still(uses, found) {
			t.Errorf("%s: not the same at once", s.name)
		}
	}
}
