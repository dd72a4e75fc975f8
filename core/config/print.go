package config

// Print returns the canonical text of a tree: one keyword per line, one tab per
// level, only the quotes that are needed, no comments, includes or definitions.
// Parsing the text gives an equal tree (same Digest).
func Print(nodes []*Node) string { return "" }

// DigestOf is the SHA-256 over keywords, words and nesting of nodes; Tree.Digest
// and the digests of parts of a tree are made by it.
func DigestOf(nodes []*Node) [32]byte { return [32]byte{} }

// Texts returns the sources by name, as the renderer in package diag wants them.
func (t *Tree) Texts() map[string][]byte {
	m := make(map[string][]byte, len(t.Sources))
	for _, s := range t.Sources {
		m[s.Name] = s.Text
	}
	return m
}
