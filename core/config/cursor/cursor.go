// Package cursor reads the words of one configuration line as typed values and
// collects a diagnostic for everything that is wrong with them, in keepalived's
// words. Keyword tables (Row) are made of it: one row gives parsing, -t,
// documentation and completion. Pure; imports core/config and core/diag only.
package cursor

import (
	"keepalived/core/config"
	"keepalived/core/diag"
)

// Row is one keyword of a block whose values go into a T.
type Row[T any] struct {
	config.Keyword
	// Into reads the words behind the keyword. nil: understood and not kept. The
	// Cursor is at the next line when Into has returned.
	Into func(*T, *Cursor)
}

// Keywords returns the data part of a table, to make a config.Schema of.
func Keywords[T any](table []Row[T]) []config.Keyword {
	out := make([]config.Keyword, len(table))
	for i := range table {
		out[i] = table[i].Keyword
	}
	return out
}

// Table finds rows by keyword.
type Table[T any] map[string]*Row[T]

// Index makes a Table of rows.
func Index[T any](rows []Row[T]) Table[T] {
	t := make(Table[T], len(rows))
	for _, r := range rows {
		t[r.Name] = &r
	}
	return t
}

// Decode reads a block's members into dst in the order of the file. Unknown
// keywords were reported by the parser and are passed over.
func (t Table[T]) Decode(dst *T, nodes []*config.Node, diags *diag.List) {
	c := New(nil, diags) // one for all lines: it is the reader's for the time of the call
	for _, n := range nodes {
		r := t[n.Keyword.Text]
		if r == nil || r.Into == nil {
			continue
		}
		said := len(*diags)
		c.node, c.next, c.value = n, 0, &r.Value
		r.Into(dst, c)
		// Of words before the brace of a list the parser has spoken.
		if len(*diags) == said && r.Kind != config.List {
			c.Surplus()
		}
	}
}

// Surplus says that words are left of a line, if there are any. 2.2.7 passes over them
// in silence: "advert_int 2 preempt_delay 5" loses the second. Table.Decode does it of
// what was read without a complaint; the reader of a list has to.
func (c *Cursor) Surplus() {
	if c.node.Form != config.FormWords || c.next >= len(c.node.Args) {
		return
	}
	r := c.node.Args[c.next].Range.To(c.node.Args[len(c.node.Args)-1].Range)
	c.Warnf(r, diag.Surplus, "words behind '%s' are not looked at", c.node.Keyword.Text)
	c.Hint("a line is one keyword: put what follows on a line of its own, or a comment behind #")
}

// Cursor walks over the words behind one keyword.
type Cursor struct {
	node  *config.Node
	next  int
	diags *diag.List
	value *config.Value // of the row that reads; nil: read without a row
}

// New starts behind the keyword of n; findings go to diags.
func New(n *config.Node, diags *diag.List) *Cursor {
	return &Cursor{node: n, diags: diags}
}

// NewEntry starts at the first word of n, which is a line of a list block
// (virtual_ipaddress and its like), where the "keyword" is itself a value.
func NewEntry(n *config.Node, diags *diag.List) *Cursor {
	return &Cursor{node: n, next: -1, diags: diags}
}

// Node returns the line being read.
func (c *Cursor) Node() *config.Node { return c.node }

// Name returns the keyword.
func (c *Cursor) Name() string { return c.node.Keyword.Text }

// Block returns what stands in the braces.
func (c *Cursor) Block() []*config.Node { return c.node.Block }

// Range is the place of the keyword.
func (c *Cursor) Range() diag.Range { return c.node.Keyword.Range }

// Line is the place of the whole line, from the keyword to the last word.
func (c *Cursor) Line() diag.Range {
	r := c.node.Keyword.Range
	if n := len(c.node.Args); n > 0 {
		r = r.To(c.node.Args[n-1].Range)
	}
	return r
}

// Diags returns the list that findings go to.
func (c *Cursor) Diags() *diag.List { return c.diags }

// More reports whether a word is left.
func (c *Cursor) More() bool { return c.next < len(c.node.Args) }

// Left is the number of words that are left.
func (c *Cursor) Left() int { return len(c.node.Args) - max(c.next, 0) }

// Next takes the next word without a complaint if there is none.
func (c *Cursor) Next() (config.Word, bool) {
	w, ok := c.Peek()
	if ok {
		c.next++
	}
	return w, ok
}

// Peek looks at the next word and leaves it.
func (c *Cursor) Peek() (config.Word, bool) {
	if c.next < 0 {
		return c.node.Keyword, true
	}
	if c.next >= len(c.node.Args) {
		return config.Word{}, false
	}
	return c.node.Args[c.next], true
}

// OnlyName takes the one word that a block is called by. Without it, or with more behind
// it, the complaint is what, and the block is not to be used: 2.2.7 skips it.
func (c *Cursor) OnlyName(what string) (config.Word, bool) {
	if len(c.node.Args) == 1 {
		return c.Next()
	}
	c.Errorf(c.Range(), diag.BadValue, "%s", what)
	if len(c.node.Args) > 1 {
		c.diags.WithHint("a name is one word: VI_1, not VI 1; the block is skipped")
	}
	return config.Word{}, false
}

// Word takes the next word; without one it reports a missing argument, with
// which keepalived ends at once (exit status 2).
func (c *Cursor) Word() (config.Word, bool) {
	w, ok := c.Next()
	if !ok {
		c.Missing()
	}
	return w, ok
}

// Missing reports that a word is missing behind what was read so far.
func (c *Cursor) Missing() {
	after := c.node.Keyword.Text
	if c.next > 0 && c.next <= len(c.node.Args) {
		after = c.node.Args[c.next-1].Text
	}
	c.diags.Fatalf(c.Line(), diag.MissingArgument,
		"*** Configuration line starting `%s` is missing a parameter after keyword `%s` at word position %d",
		c.node.Keyword.Text, after, c.next+2)
}

// Rest takes all words that are left.
func (c *Cursor) Rest() []config.Word {
	if c.next >= len(c.node.Args) {
		return nil
	}
	var rest []config.Word
	if c.next < 0 {
		rest = append(rest, c.node.Keyword)
		c.next = 0
	}
	rest = append(rest, c.node.Args[c.next:]...)
	c.next = len(c.node.Args)
	return rest
}

// Errorf reports a finding about the line's value, which is then not used.
func (c *Cursor) Errorf(r diag.Range, code diag.Code, format string, args ...any) {
	c.diags.Errorf(r, code, format, args...)
}

// Warnf reports a finding about a value that is used all the same.
func (c *Cursor) Warnf(r diag.Range, code diag.Code, format string, args ...any) {
	c.diags.Warnf(r, code, format, args...)
}
