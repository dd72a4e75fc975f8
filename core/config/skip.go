package config

import (
	"fmt"
	"strings"

	"keepalived/core/diag"
)

// skip is an unknown block, which is passed over whole. keepalived passes over its
// keyword and its { only: the members count for the enclosing block, whose end the }
// then is. So one misspelt word loses all that follows in that block.
type skip struct {
	finding int // in reader.list; -1: not listed
	depth   int // braces open inside
	keyword Word
	members map[string]*Keyword // of the enclosing block
	inside  bool                // that there is one

	taken names // members that 2.2.7 would read in the enclosing block
	lost  names // what stands behind it, which 2.2.7 would lose
}

// skipped tells that the members of a frame from some number on stand behind a skip.
type skipped struct {
	by      *skip
	members int
}

// names is a list of keywords with their lines, of which only the first are kept.
type names struct {
	shown []string
	more  int
}

const mostNames = 8

func (n *names) add(w Word) {
	if len(n.shown) == mostNames {
		n.more++
		return
	}
	n.shown = append(n.shown, fmt.Sprintf("%s (line %d)", w.Text, w.Range.Start().Line))
}

func (n *names) String() string {
	text := strings.Join(n.shown, ", ")
	if n.more > 0 {
		text += fmt.Sprintf(" and %d more", n.more)
	}
	return text
}

// skipBlock takes the { behind an unknown keyword.
func (r *reader) skipBlock(at diag.Range) {
	b := &r.build
	s := &skip{finding: -1, keyword: b.stray, members: b.members, inside: len(b.blocks) > 0}
	if len(r.list) < maxFindings {
		s.finding = len(r.list)
		r.list.Warnf(at, diag.UnknownBlock, "block '%s' is skipped whole", s.keyword.Text)
		b.skips = append(b.skips, s)
		end := len(b.held)
		for i := len(b.blocks) - 1; i >= 0; i-- {
			f := &b.blocks[i]
			f.after = append(f.after, skipped{by: s, members: end - f.from})
			end = f.from
		}
	}
	b.blocks = append(b.blocks, frame{node: &Node{Keyword: s.keyword}, from: len(b.held), kind: ignored, skip: s})
	b.stray = Word{}
}

// line takes a line inside.
func (s *skip) line(l line) {
	if s.depth > 0 || !s.inside {
		return
	}
	words := scanner{l: l}
	var w Word
	if words.next(&w) && s.members[w.Text] != nil {
		s.taken.add(w)
	}
}

// kept notes members of an enclosing block.
func (s *skip) kept(members []*Node) {
	for i, n := range members {
		if len(s.lost.shown) == mostNames { // there may be thousands, for thousands of blocks
			s.lost.more += len(members) - i
			return
		}
		s.lost.add(n.Keyword)
	}
}

// tellSkips says of each unknown block what 2.2.7 would have made of it.
func (r *reader) tellSkips() {
	for _, s := range r.build.skips {
		d := &r.list[s.finding]
		if len(s.lost.shown) > 0 {
			d.Summary += "; in effect, which keepalived 2.2.7 would lose: " + s.lost.String()
			d.Hint = "2.2.7 takes the } of the unknown block for that of the block around it"
		}
		if len(s.taken.shown) > 0 {
			d.Summary += "; not in effect, which 2.2.7 would take for the block around it: " + s.taken.String()
		}
	}
}

// closeBefore ends the blocks inside the innermost one that knows w as a block.
func (r *reader) closeBefore(w Word) bool {
	b := &r.build
	path := b.path()
	for n := 1; n <= len(b.blocks); n++ {
		i := strings.LastIndexByte(path, '/')
		path = path[:max(i, 0)]
		k := b.schema.members(path)[w.Text]
		if k == nil || k.Kind == Line {
			continue
		}
		open := b.top().node.Keyword
		r.errorf(w.Range, diag.MissingEnd, "Missing '}' before '%s': '%s' of line %d ends here", w.Text, open.Text, open.Range.Start().Line)
		r.list.WithHint("2.2.7 would take the members of this block for those of the one before")
		for range n {
			b.pop()
		}
		return true
	}
	return false
}
