package config

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// maxAlternatives bounds what a pattern with braces stands for.
const maxAlternatives = 1000

// hasWildcard reports whether a pattern without its braces can match several names.
func hasWildcard(pattern string) bool { return strings.ContainsAny(pattern, "*?[") }

// PlainName is the name that a pattern without wildcards stands for: a backslash makes
// the sign behind it an ordinary one.
func PlainName(pattern string) string {
	if !strings.Contains(pattern, `\`) {
		return pattern
	}
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] == '\\' && i+1 < len(pattern) {
			i++
		}
		b.WriteByte(pattern[i])
	}
	return b.String()
}

// ExpandBraces returns the alternatives of GLOB_BRACE in their order: "a{b,c{d,e}}"
// is ab, acd, ace. A pattern without a complete brace is its own only alternative.
// Beyond a thousand alternatives the further ones are left out.
func ExpandBraces(pattern string) []string {
	done := []string{}
	for todo := []string{pattern}; len(todo) > 0 && len(done) < maxAlternatives; {
		p := todo[0]
		todo = todo[1:]
		open, parts, rest := splitBrace(p)
		if open < 0 {
			done = append(done, p)
			continue
		}
		var made []string
		for _, part := range parts[:min(len(parts), maxAlternatives)] {
			made = append(made, p[:open]+part+rest)
		}
		todo = append(made, todo...)
	}
	return done
}

// splitBrace finds the first complete brace of p: what it may stand for and what
// follows it. open is -1 without one.
func splitBrace(p string) (open int, parts []string, rest string) {
	for open = 0; open < len(p); open++ {
		if p[open] != '{' || strings.HasPrefix(p[open:], "{}") { // find(1)'s {} is left alone
			continue
		}
		level, start := 0, open+1
		parts = parts[:0]
		for i := open; i < len(p); i++ {
			switch {
			case p[i] == '{':
				level++
			case p[i] == ',' && level == 1:
				parts = append(parts, p[start:i])
				start = i + 1
			case p[i] == '}':
				if level--; level == 0 {
					return open, append(parts, p[start:i]), p[i+1:]
				}
			}
		}
		return -1, nil, ""
	}
	return -1, nil, ""
}

// MatchName reports whether a file name, without directories, matches one element
// of a pattern by glob(3)'s rules: a leading dot has to be written.
func MatchName(pattern, name string) bool {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(pattern, ".") {
		return false
	}
	ok, err := path.Match(strings.ReplaceAll(pattern, "[!", "[^"), name)
	return ok && err == nil
}

// MapFiles is a file system in memory: name to content.
type MapFiles map[string]string

// Read implements Files.
func (m MapFiles) Read(name string) ([]byte, error) {
	if text, ok := m[name]; ok {
		return []byte(text), nil
	}
	if m.isDirectory(name) {
		return nil, ErrDirectory
	}
	return nil, fs.ErrNotExist
}

func (m MapFiles) isDirectory(name string) bool {
	for n := range m {
		if strings.HasPrefix(n, strings.TrimRight(name, "/")+"/") {
			return true
		}
	}
	return false
}

// Glob implements Files; directories are only found by their plain name.
func (m MapFiles) Glob(pattern string) ([]string, error) {
	var found []string
	var absent error
	for _, p := range ExpandBraces(pattern) {
		if !hasWildcard(p) {
			p = PlainName(p)
			if _, ok := m[p]; ok || m.isDirectory(p) {
				found = append(found, p)
			} else {
				absent = fs.ErrNotExist
			}
			continue
		}
		if dir, _ := path.Split(p); dir != "" && !m.isDirectory(dir) {
			absent = fs.ErrNotExist
		}
		var names []string
		for name := range m {
			dir, file := path.Split(name)
			wantDir, want := path.Split(p)
			if dir == wantDir && MatchName(want, file) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		found = append(found, names...)
	}
	return found, absent
}
