package config

// MapFiles is a file system in memory: name to content.
type MapFiles map[string]string

// Read implements Files.
func (m MapFiles) Read(name string) ([]byte, error) { return nil, nil }

// Glob implements Files; the order is that of the names.
func (m MapFiles) Glob(pattern string) ([]string, error) { return nil, nil }

// ExpandBraces returns the alternatives of GLOB_BRACE in their order: "a{b,c{d,e}}"
// is ab, acd, ace. A pattern without a complete brace is its own only alternative.
func ExpandBraces(pattern string) []string { return nil }
