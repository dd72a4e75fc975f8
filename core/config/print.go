package config

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"strings"
)

// Print returns the canonical text of a tree: one keyword per line, one tab per
// level, only the quotes that are needed, no comments, includes or definitions.
// Parsing the text gives an equal tree (same Digest), as long as no line grows
// beyond MaxLine.
func Print(nodes []*Node) string {
	var p printer
	p.nodes(nodes, 0)
	return p.out.String()
}

type printer struct {
	out strings.Builder
}

func (p *printer) nodes(nodes []*Node, level int) {
	for _, n := range nodes {
		text := lineText(n)
		p.indent(level)
		p.out.WriteString(text)
		if n.Block == nil && !n.Close.IsValid() {
			p.out.WriteByte('\n')
			continue
		}
		switch {
		case text == "":
			p.out.WriteString("{\n")
		case brace(text+" {") == len(text)+1:
			p.out.WriteString(" {\n")
		default: // a quote of the line would hide the brace
			p.out.WriteByte('\n')
			p.indent(level)
			p.out.WriteString("{\n")
		}
		p.nodes(n.Block, level+1)
		p.indent(level)
		p.out.WriteString("}\n")
	}
}

func (p *printer) indent(level int) {
	for range level {
		p.out.WriteByte('\t')
	}
}

// lineText is the line of a node up to its block.
func lineText(n *Node) string {
	if n.Form == FormVerbatim {
		if rest, ok := strings.CutPrefix(n.RawText(), n.Keyword.Text); ok && !n.Keyword.Quoted && isDirective(n.Keyword.Text) {
			return `"` + n.Keyword.Text + `"` + rest
		}
		return n.RawText()
	}
	keyword := wordText(n.Keyword, true)
	if n.Form == FormScript {
		return strings.TrimRight(keyword+" "+n.RawText(), " ")
	}
	words := []string{keyword}
	for _, a := range n.Args {
		words = append(words, wordText(a, false))
	}
	last := len(words) - 1
	if last > 0 && words[last] == `\` {
		// Behind a blank it would become part of the word before.
		before := n.Keyword.Text
		if last > 1 {
			before = n.Args[last-2].Text
		}
		words = append(words[:last-1], `"`+before+`"\`)
	}
	return strings.Join(words, " ")
}

// wordText is a word as it has to be written.
func wordText(w Word, first bool) string {
	t := w.Text
	switch {
	case first && t == "{" && !w.Quoted: // a brace in a list, where it is a word
		return t
	case t == "", strings.ContainsAny(t, " \t\n\v\f\r{}"), first && isDirective(t),
		strings.Contains(t, `\#`), strings.Contains(t, `\!`):
		return `"` + t + `"`
	case strings.ContainsAny(t, "#!"):
		return escapeSigns.Replace(t)
	}
	return t
}

var escapeSigns = strings.NewReplacer("#", `\#`, "!", `\!`)

// isDirective reports whether a line that begins with the word t is no keyword's.
func isDirective(t string) bool {
	return t != "" && strings.IndexByte("@$~", t[0]) >= 0 || strings.HasPrefix(t, "include")
}

// DigestOf is the SHA-256 over keywords, words and nesting of nodes; Tree.Digest
// and the digests of parts of a tree are made by it.
func DigestOf(nodes []*Node) [32]byte {
	d := digester{hash: sha256.New(), buf: make([]byte, 0, 8192)}
	d.nodes(nodes)
	d.flush()
	return [32]byte(d.hash.Sum(nil))
}

// digester writes every string with its length, so that no two trees give one text.
type digester struct {
	hash hash.Hash
	buf  []byte
}

func (d *digester) nodes(nodes []*Node) {
	d.number(len(nodes))
	for _, n := range nodes {
		d.number(int(n.Form))
		d.text(n.Keyword.Text)
		if n.Form == FormWords {
			d.number(len(n.Args))
			for i := range n.Args {
				d.text(n.Args[i].Text)
			}
		} else {
			d.text(n.RawText())
		}
		d.nodes(n.Block)
	}
}

func (d *digester) number(n int) {
	d.buf = binary.AppendUvarint(d.buf, uint64(n))
}

func (d *digester) text(s string) {
	d.number(len(s))
	d.buf = append(d.buf, s...)
	if len(d.buf) > 4096 {
		d.flush()
	}
}

func (d *digester) flush() {
	d.hash.Write(d.buf) // a hash never fails
	d.buf = d.buf[:0]
}

// Texts returns the sources by name, secrets and all: what is shown to anybody is
// Mask.Texts.
func (t *Tree) Texts() map[string][]byte {
	m := make(map[string][]byte, len(t.Sources))
	for _, s := range t.Sources {
		m[s.Name] = s.Text
	}
	return m
}
