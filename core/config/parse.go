package config

import (
	"errors"
	"strings"

	"keepalived/core/diag"
)

// Parse reads the configuration name (a glob pattern, as keepalived's -f) with all
// it includes. It returns what could be understood, never nil, and what is to be
// said about the rest, in the order it was met. A finding of severity Fatal of the
// class MissingArgument, TooDeep or Limit means that reading ended there.
func Parse(fsys Files, name string, env Env, s *Schema) (*Tree, diag.List) {
	r := newReader(fsys, env, s)
	r.all(name)
	if r.depth > 0 && !r.stop && len(r.build.skips) > 0 {
		// A } is missing, and a block was unknown where it stood, so it may be missing
		// before that. Read again with this in mind.
		r = newReader(fsys, env, s)
		r.build.repair = true
		r.all(name)
	}
	t := r.build.tree
	if r.left {
		r.undefinedNames("", t.Roots)
	}
	t.Digest = DigestOf(t.Roots)
	return t, r.list
}

func newReader(fsys Files, env Env, s *Schema) *reader {
	return &reader{
		fsys: fsys, env: env, configID: env.configID(), random: env.Seed, check: env.Check,
		defs: map[string]*definition{}, files: map[string]string{},
		build: builder{tree: &Tree{}, schema: s, members: s.members("")},
	}
}

// all reads the configuration name to its end.
func (r *reader) all(name string) {
	r.glob(glob{name: name, shown: name, check: r.env.Check, missing: diag.FileMissing, failed: diag.FileRequired})
	r.end()
}

// builder makes the tree of segments. It recovers as keepalived does: what does
// not belong somewhere is said and skipped, and braces have their effect even
// where they were not expected.
type builder struct {
	tree    *Tree
	schema  *Schema
	blocks  []frame  // the open blocks, outermost first
	waiting *Keyword // the last keyword, when its { has not come yet …
	node    *Node    // … and its node
	members map[string]*Keyword

	stray Word    // an unknown keyword just before; a { makes a block of it
	skips []*skip // the unknown blocks
	// repair: a } is missing somewhere; a block that only an outer block knows ends
	// those inside.
	repair bool

	held  []*Node // the nodes of the open blocks, those of the root first
	nodes []Node  // room for nodes, words and blocks, made in batches
	words []Word
	block []*Node
	count int
}

// frame is an open block.
type frame struct {
	node *Node
	from int // where its nodes begin in builder.held
	kind mode
	path string // as Keyword.Path of the members
	last *Node  // in a skipped block: what a { would belong to
	skip *skip  // the unknown block that this is
	// after are the unknown blocks inside, with the number of members that were here
	// before: 2.2.7 would have lost what comes behind.
	after []skipped
}

// mode is how the lines of a block are read.
type mode uint8

const (
	keywords mode = iota
	entries       // of a List
	verbatim      // of a Keyword.Skip
	ignored       // of an unknown block
)

// words takes a segment without braces.
func (r *reader) words(l line) {
	b := &r.build
	b.stray = Word{}
	if b.waiting != nil {
		r.missingBrace(l.whole())
		b.push()
	}
	m := b.mode()
	if l.signs&foreign != 0 && m != ignored {
		r.lookalikes(l)
	}
	switch m {
	case entries:
		r.entry(l)
	case verbatim:
		r.skipLine(l)
	case ignored:
		b.top().skip.line(l)
	default:
		r.keyword(l)
	}
}

// missingBrace says that the block of the last keyword begins without its {. Of a list
// 2.2.7 says nothing, and finds a } too many later.
func (r *reader) missingBrace(at diag.Range) {
	if !r.room() {
		return
	}
	const text = "Missing '{' at beginning of configuration block"
	if k := r.build.waiting; k.Kind == List || k.Skip {
		r.list.Noticef(at, diag.Unbalanced, text)
	} else {
		r.list.Errorf(at, diag.Unbalanced, text)
	}
	r.list.WithHint("'%s' in line %d needs a block in { }", r.build.waiting.Name, r.build.node.Keyword.Range.Start().Line)
}

// keyword takes a line of a block of keywords.
func (r *reader) keyword(l line) {
	b := &r.build
	s := scanner{l: l}
	var w Word
	if !s.next(&w) {
		r.unmatched(&s)
		return
	}
	k := b.members[w.Text]
	if k == nil && b.repair && r.closeBefore(w) {
		k = b.members[w.Text]
	}
	if k == nil {
		for more := (Word{}); s.next(&more); {
		}
		r.unmatched(&s)
		r.unknown(w)
		b.stray = w
		return
	}
	n := r.add()
	n.Keyword = w
	given := 0
	if k.Script {
		raw := s.rest()
		n.Raw, n.Form = &raw, FormScript
		n.Args = r.rest(&s)
		given = r.scriptWords(n, l)
	} else {
		n.Args = r.rest(&s)
		r.unmatched(&s)
		given = len(n.Args)
	}
	if given < k.Need {
		r.missingArgument(n, k)
		return
	}
	switch {
	case k.Kind != Line:
		b.waiting, b.node = k, n
		if k.Kind == List && !k.Skip && len(n.Args) > k.Need {
			extra := n.Args[k.Need]
			r.errorf(extra.Range, diag.BadValue, "Block %s has extra parameters %s ...", k.Name, extra.Text)
		}
	case k.Name == "include_check" && k.Path == "global_defs":
		r.includeCheck(n.Args)
	}
}

// scriptWords counts the words behind a script keyword. A word without its last
// quote counts: the complaint about it is all there is to say.
func (r *reader) scriptWords(n *Node, l line) int {
	words, err := SplitShell(n.Raw.Text)
	var open *QuoteError
	if errors.As(err, &open) {
		r.errorf(n.Raw.Range, diag.Unbalanced, "String '%s': %v", l.text, open)
		return len(words) + 1
	}
	return len(words)
}

// missingArgument is the one mistake that keepalived does not forgive.
func (r *reader) missingArgument(n *Node, k *Keyword) {
	last := n.Keyword
	if len(n.Args) > 0 {
		last = n.Args[len(n.Args)-1]
	}
	at := n.Keyword.Range.To(last.Range)
	r.fatal(at, diag.MissingArgument,
		"*** Configuration line starting `%s` is missing a parameter after keyword `%s` at word position %d",
		n.Keyword.Text, last.Text, len(n.Args)+2)
	if k.Grammar != "" {
		r.list.WithHint("%s %s", k.Name, k.Grammar)
	}
}

// entry takes a line of a list.
func (r *reader) entry(l line) {
	s := scanner{l: l}
	var w Word
	if s.next(&w) {
		n := r.add()
		n.Keyword = w
		n.Args = r.rest(&s)
	}
	r.unmatched(&s)
}

// skipLine takes a line that nobody reads.
func (r *reader) skipLine(l line) {
	s := scanner{l: l}
	var w Word
	if !s.next(&w) {
		return
	}
	n := r.add()
	n.Keyword = w
	n.Raw, n.Form = &Word{Text: l.text, Range: l.whole()}, FormVerbatim
	r.build.top().last = n
}

// rest returns the words that are left, in room shared by many lines.
func (r *reader) rest(s *scanner) []Word {
	b := &r.build
	if s.at == len(s.l.text) {
		return nil
	}
	if cap(b.words)-len(b.words) < 8 {
		b.words = make([]Word, 0, 360)
	}
	start := len(b.words)
	for {
		if len(b.words) == cap(b.words) { // a long line: its words move together
			b.words = append(make([]Word, 0, 2*(len(b.words)-start)+360), b.words[start:]...)
			start = 0
		}
		n := len(b.words)
		b.words = b.words[:n+1]
		if !s.next(&b.words[n]) {
			b.words = b.words[:n]
			break
		}
	}
	if len(b.words) == start {
		return nil
	}
	return b.words[start:len(b.words):len(b.words)]
}

func (r *reader) unmatched(s *scanner) {
	if s.unmatched {
		r.errorf(s.l.rng(s.at, len(s.l.text)), diag.Unbalanced, "Unmatched quote: '%s'", s.l.text)
	}
}

// add appends an empty node to the innermost block.
func (r *reader) add() *Node {
	b := &r.build
	if b.count++; b.count > maxNodes && !r.stop {
		at := diag.Range{}
		if len(b.held) > 0 {
			at = b.held[len(b.held)-1].Keyword.Range // the line before
		}
		r.fatal(at, diag.Limit, "more than %d lines of configuration", maxNodes)
		r.list.WithHint("ten thousand virtual servers are 300,000: look for sequences that make more than they should")
	}
	if len(b.nodes) == cap(b.nodes) {
		b.nodes = make([]Node, 0, 120)
	}
	b.nodes = b.nodes[:len(b.nodes)+1]
	n := &b.nodes[len(b.nodes)-1]
	b.held = append(b.held, n)
	return n
}

// open takes a {.
func (r *reader) open(at diag.Range) {
	b := &r.build
	if b.waiting != nil {
		b.push()
		return
	}
	switch b.mode() {
	case entries: // here it is a word like any other
		r.add().Keyword = Word{Text: "{", Range: at}
	case ignored:
		b.top().skip.depth++
	case verbatim:
		if len(b.blocks) == maxSkipDepth {
			r.fatal(at, diag.TooDeep, "blocks are nested more than %d deep", maxSkipDepth)
			return
		}
		f := b.top()
		n := f.last
		if n == nil {
			n = r.add()
			n.Keyword, n.Form = Word{Range: at}, FormVerbatim
		}
		f.last = nil
		b.blocks = append(b.blocks, frame{node: n, from: len(b.held), kind: verbatim})
	default:
		if b.stray.Range.IsValid() {
			r.skipBlock(at)
			return
		}
		if r.errorf(at, diag.Unbalanced, "Unexpected '{' - ignoring") && len(b.blocks) > 0 {
			r.list.WithHint("the } that belongs to it will end %s", b.top().node.Keyword.Text)
		}
	}
}

// close takes a }.
func (r *reader) close(at diag.Range) {
	b := &r.build
	b.stray = Word{}
	if b.waiting != nil {
		r.missingBrace(at)
		b.push()
	}
	if f := b.top(); f != nil && f.kind == ignored && f.skip.depth > 0 {
		f.skip.depth--
		return
	}
	if len(b.blocks) == 0 {
		if r.errorf(at, diag.Unbalanced, "Unknown keyword '}'") {
			r.list.WithHint("the block it should end has ended before")
		}
		return
	}
	b.top().node.Close = at
	b.pop()
}

// end takes the end of the text.
func (r *reader) end() {
	b := &r.build
	if b.waiting != nil {
		b.node.Block = []*Node{}
	}
	if r.depth > 0 && !r.stop {
		r.errorf(diag.Range{}, diag.Unbalanced, "There are %d missing '}'s or extra '{'s", r.depth)
		if len(b.blocks) > 0 {
			k := b.top().node.Keyword
			r.list.WithHint("'%s' of line %d is still open", k.Text, k.Range.Start().Line)
		}
	}
	for len(b.blocks) > 0 {
		b.pop()
	}
	b.tree.Roots = b.held
	r.tellSkips()
}

func (b *builder) top() *frame {
	if len(b.blocks) == 0 {
		return nil
	}
	return &b.blocks[len(b.blocks)-1]
}

func (b *builder) mode() mode {
	if f := b.top(); f != nil {
		return f.kind
	}
	return keywords
}

func (b *builder) path() string {
	if f := b.top(); f != nil {
		return f.path
	}
	return ""
}

// push opens the block of the waiting keyword.
func (b *builder) push() {
	k := b.waiting
	f := frame{node: b.node, from: len(b.held), path: k.Name}
	if k.Path != "" {
		f.path = k.Path + "/" + k.Name
	}
	switch {
	case k.Skip:
		f.kind = verbatim
	case k.Kind == List:
		f.kind = entries
	}
	b.blocks = append(b.blocks, f)
	b.waiting, b.node = nil, nil
	b.resume()
}

// pop ends the innermost block and gives it its nodes.
func (b *builder) pop() {
	f := b.top()
	members := b.held[f.from:]
	for _, s := range f.after {
		s.by.kept(members[s.members:])
	}
	if b.block == nil || len(members) > cap(b.block)-len(b.block) {
		b.block = make([]*Node, 0, max(1024, len(members)))
	}
	from := len(b.block)
	b.block = append(b.block, members...)
	f.node.Block = b.block[from:len(b.block):len(b.block)]
	b.held = b.held[:f.from]
	b.blocks = b.blocks[:len(b.blocks)-1]
	b.resume()
}

// resume looks up what the innermost block may hold.
func (b *builder) resume() { b.members = b.schema.members(b.path()) }

// unknown says that a word is no keyword of this block, and what may be meant.
func (r *reader) unknown(w Word) {
	if s := r.build.schema; s != nil && !w.Quoted {
		if instead, ok := s.old[Old{r.build.path(), w.Text}]; ok {
			r.warnf(w.Range, diag.Deprecated, "'%s' is a word of older versions and has no effect", w.Text)
			r.list.WithHint("%s", instead)
			return
		}
	}
	if !r.errorf(w.Range, diag.UnknownKeyword, "Unknown keyword '%s'", w.Text) {
		return
	}
	b := &r.build
	if isForeignComment(w.Text) {
		r.list.WithHint("a comment begins with # or !")
		return
	}
	if instead, ok := b.schema.misnamed(b.path(), w.Text); ok {
		r.list.WithHint("the manual of keepalived has this word, the program has not: %s", instead)
		return
	}
	if path := b.schema.places(w.Text); len(path) > 0 {
		r.list.WithHint("it belongs %s", inBlocks(path))
		return
	}
	r.list.Suggest(b.schema.near(b.path(), w.Text))
	if len(b.blocks) > 0 {
		r.list.Expect("a keyword of %s, or }", b.top().node.Keyword.Text)
	}
}

// isForeignComment reports whether a word begins a comment in other languages.
func isForeignComment(word string) bool {
	return strings.HasPrefix(word, "//") || strings.HasPrefix(word, "/*") || strings.HasPrefix(word, "--") || strings.HasPrefix(word, ";")
}

// inBlocks says where a keyword belongs.
func inBlocks(paths []string) string {
	if paths[0] == "" {
		return "outside any block"
	}
	for i, p := range paths {
		paths[i] = strings.ReplaceAll(p, "/", " { ")
	}
	const most = 3
	if len(paths) > most {
		paths = append(paths[:most:most], "other blocks")
	}
	return "in " + strings.Join(paths, ", or ")
}
