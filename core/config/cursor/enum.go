package cursor

// Enum reads one of the given words and returns its index.
func (c *Cursor) Enum(words ...string) (i int, ok bool) { return 0, false }
