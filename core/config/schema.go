package config

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

	Grammar    string // as in the manual: "<n>", "[on|off]"
	Range      string
	Default    string
	Since      string // version of keepalived that brought it; "" for 2.2.7 and before
	Deprecated string // what to use instead
	Effect     string // "" when it works, else what it does not do yet
}

// Schema is the set of keywords of all roles.
type Schema struct {
	byPath map[string]map[string]Keyword
}

// NewSchema joins tables into a Schema; a later entry of the same place wins.
func NewSchema(tables ...[]Keyword) *Schema {
	s := &Schema{byPath: map[string]map[string]Keyword{}}
	for _, table := range tables {
		for _, k := range table {
			m := s.byPath[k.Path]
			if m == nil {
				m = map[string]Keyword{}
				s.byPath[k.Path] = m
			}
			m[k.Name] = k
		}
	}
	return s
}

// Lookup finds name in the block at path.
func (s *Schema) Lookup(path, name string) (Keyword, bool) {
	k, ok := s.byPath[path][name]
	return k, ok
}
