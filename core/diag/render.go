package diag

// Short renders one finding per line in keepalived's form: "(Line N) text", or
// "(file: Line N) text" withFile, or just the text when it has no place.
func (l List) Short(withFile bool) string { return "" }

// Full renders every finding as "file:line:col: error: text", the source line with
// the subject marked below it, and "hint: …". Sources is the text of each file by name.
func (l List) Full(sources map[string][]byte) string { return "" }
