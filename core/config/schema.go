package config

import (
	"maps"
	"slices"
	"strings"

	"keepalived/core/diag"
)

// Kind tells what may follow a keyword.
type Kind uint8

const (
	// Line is a keyword with words on its line.
	Line Kind = iota
	// Block is a keyword with words and a { } of further keywords.
	Block
	// List is a keyword with a { } in which every line is an entry, not a keyword.
	List
)

// Keyword is what is known about one keyword in one place, as data: the parser,
// the documentation and the coverage report are made from it.
type Keyword struct {
	// Path is where the keyword may stand: "" is outside any block, else the
	// blocks from the outside in, "virtual_server/real_server/HTTP_GET/url".
	Path string
	Name string
	Kind Kind
	// Need is the number of words the keyword cannot do without; fewer are
	// diag.MissingArgument, with which keepalived ends at once.
	Need int
	// Script: the value is read by the shell-like tokenizer from Node.Raw, so an
	// odd number of quotes is not reported by the line tokenizer.
	Script bool
	// Skip: the block's members are read by nobody here (a role or feature that
	// is not built yet): braces are balanced, words are not looked at.
	Skip bool
	// Secret is the first word, counted from 1, that must not be shown to anybody,
	// as all behind it; 0: none. See Mask.
	Secret int

	// Value is what stands behind the keyword, where that is one of the usual shapes:
	// the decoder reads by it.
	Value Value

	Grammar    string // what Value does not say of it, as in the manual: "<ip> [<port>]"
	Range      string // what Value does not say of what is allowed
	Default    string
	Since      string // version of keepalived that brought it; "" for 2.2.7 and before
	Deprecated string // what to use instead
	Effect     string // "" when it works, else what it does not do yet
}

// Usage is what follows the keyword, as a synopsis has it.
func (k *Keyword) Usage() string {
	if k.Grammar != "" {
		return k.Grammar
	}
	return k.Value.Grammar()
}

// Limits is what the value is held to, "" when there is nothing to say.
func (k *Keyword) Limits() string {
	r := k.Value.Range()
	if k.Value.Shape == Choice && strings.Contains(k.Usage(), k.Value.Grammar()) {
		r = "" // the synopsis has all of them
	}
	if r != "" && k.Range != "" {
		return r + "; " + k.Range
	}
	return r + k.Range
}

// Schema is the set of keywords of all roles.
type Schema struct {
	byPath map[string]map[string]*Keyword
	paths  map[string][]string // where a name may stand
	old    map[Old]string
	manual map[Old]string
	secret map[string]bool // long names of keywords with a secret
}

// Old is a word of older versions, by the block it stood in. It has no effect.
type Old struct{ Path, Name string }

// Remember makes the schema know words of older versions, and what came in their place.
func (s *Schema) Remember(instead map[Old]string) { s.old = instead }

// Misnamed makes the schema know words that keepalived.conf(5) of keepalived has and
// the program does not, with what to write.
func (s *Schema) Misnamed(instead map[Old]string) { s.manual = instead }

// NewSchema joins tables into a Schema; a later entry of the same place wins.
func NewSchema(tables ...[]Keyword) *Schema {
	s := &Schema{byPath: map[string]map[string]*Keyword{}, paths: map[string][]string{}, secret: map[string]bool{}}
	for _, table := range tables {
		for _, k := range table {
			m := s.byPath[k.Path]
			if m == nil {
				m = map[string]*Keyword{}
				s.byPath[k.Path] = m
			}
			if k.Secret > 0 && len(k.Name) >= longName {
				s.secret[k.Name] = true
			}
			if m[k.Name] == nil {
				s.paths[k.Name] = append(s.paths[k.Name], k.Path)
			}
			m[k.Name] = &k
		}
	}
	return s
}

// Lookup finds name in the block at path.
func (s *Schema) Lookup(path, name string) (Keyword, bool) {
	if k := s.members(path)[name]; k != nil {
		return *k, true
	}
	return Keyword{}, false
}

// members is what may stand in the block at path.
func (s *Schema) members(path string) map[string]*Keyword {
	if s == nil {
		return nil
	}
	return s.byPath[path]
}

// misnamed returns what to write for a word that only keepalived's manual has.
func (s *Schema) misnamed(path, name string) (instead string, ok bool) {
	if s != nil {
		instead, ok = s.manual[Old{path, name}]
	}
	return instead, ok
}

// places returns the paths of the blocks that know name, as the tables order them.
func (s *Schema) places(name string) []string {
	if s == nil {
		return nil
	}
	return slices.Clone(s.paths[name])
}

// near returns the keyword of the block at path that name may be a slip of, "" when
// there is none.
func (s *Schema) near(path, name string) string {
	return diag.Near(name, maps.Keys(s.members(path)))
}
