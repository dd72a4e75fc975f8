package cursor

import (
	"fmt"
	"slices"
	"strings"

	"keepalived/core/diag"
)

// Enum reads one of the given words and returns its index. Another word is a
// complaint: complaint is a format for it with one %s, or "" for a general one.
func (c *Cursor) Enum(complaint string, words ...string) (i int, ok bool) {
	w, ok := c.Word()
	if !ok {
		return 0, false
	}
	if i = slices.Index(words, w.Text); i >= 0 {
		return i, true
	}
	if complaint == "" {
		complaint = fmt.Sprintf("Invalid value '%%s' for %s specified", c.Name())
	}
	c.Errorf(w.Range, diag.BadValue, complaint, w.Text)
	c.diags.Expect("one of %s", strings.Join(words, ", "))
	c.diags.Suggest(diag.Near(w.Text, slices.Values(words)))
	return 0, false
}

// Bool reads on|true|yes|off|false|no; no word at all is true. Any other word is
// a complaint as Enum's and ok is false.
func (c *Cursor) Bool(complaint string) (v, ok bool) {
	if !c.More() {
		return true, true
	}
	i, ok := c.Enum(complaint, "on", "true", "yes", "off", "false", "no")
	return i < 3, ok
}

// Expect tells what may stand at the place of the newest finding.
func (c *Cursor) Expect(format string, args ...any) { c.diags.Expect(format, args...) }

// Hint tells the user what follows from the newest finding.
func (c *Cursor) Hint(format string, args ...any) { c.diags.WithHint(format, args...) }
