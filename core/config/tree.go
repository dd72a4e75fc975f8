// Package config turns keepalived configuration text into a Tree of keywords with
// positions: comments, includes, $definitions, ~sequences, @conditions, quoting and
// braces are dealt with here; what the words mean is the decoders' business. Pure:
// files are read through the Files interface.
package config

import "keepalived/core/diag"

// Word is one word of a line after substitution.
type Word struct {
	Text   string
	Quoted bool // stood in double quotes, which are gone from Text
	Range  diag.Range
}

// Node is one keyword with its words and, for a block, what stands in its braces.
// In a List block (virtual_ipaddress and its like) every line is a Node whose
// Keyword is the line's first word.
type Node struct {
	Keyword Word
	Args    []Word
	// Raw is text as it stands, quotes and all; what it is depends on Form. It may
	// be nil, with FormWords it is.
	Raw   *Word
	Form  Form
	Block []*Node
	Close diag.Range // place of the closing brace; zero for a line or a block that is not closed
}

// RawText is the text of Raw, "" when there is none.
func (n *Node) RawText() string {
	if n.Raw == nil {
		return ""
	}
	return n.Raw.Text
}

// Form tells where the words of a Node are.
type Form uint8

const (
	// FormWords: in Args.
	FormWords Form = iota
	// FormScript: Raw is the text behind the keyword, for SplitShell. Args are
	// there, too, but made by rules that are not those of a shell.
	FormScript
	// FormVerbatim: Raw is the whole line; Args is empty. Such are the lines in a
	// Keyword.Skip block. A Node there that only has a Block has no words at all.
	FormVerbatim
)

// Source is one file that was read.
type Source struct {
	Name string
	Text []byte
	From diag.Range // of the first include of it; none for the main file
}

// Tree is a parsed configuration.
type Tree struct {
	Roots   []*Node
	Sources []Source
	Uses    []Use // of definitions, in the order they were met
	// Digest is the SHA-256 over the tree (keywords, words, nesting), not over
	// comments and white space: equal trees mean the same configuration.
	Digest [32]byte
}
