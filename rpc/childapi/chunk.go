package childapi

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"keepalived/core/config"
	"keepalived/core/diag"
	pb "keepalived/proto/keepalived/v1"
)

const (
	// chunkBytes is the size a chunk is closed at; one node more may exceed it.
	chunkBytes = 256 << 10
	// maxNodeBytes keeps a chunk far below gRPC's 4 MiB message.
	maxNodeBytes = 2 << 20
	// maxDepth, maxNodes and maxTreeBytes bound what the receiver builds.
	maxDepth     = 64
	maxNodes     = 8 << 20
	maxTreeBytes = 512 << 20
)

// ErrTooLarge means that a tree does not fit the wire: a line of more than 2 MiB
// or blocks nested deeper than 64.
var ErrTooLarge = errors.New("configuration too large")

// encodeTree cuts a tree into PREPARE chunks for generation. Sources go by name
// only: their text stays with the parent, which renders what children find.
func encodeTree(generation uint64, tree *config.Tree) ([]*pb.ConfigChunk, error) {
	e := encoder{generation: generation, files: map[string]uint32{"": 0}}
	e.open()
	for _, n := range tree.Roots {
		if err := e.node(n, 0); err != nil {
			return nil, err
		}
	}
	e.cur.Last = true
	for _, s := range tree.Sources {
		e.cur.Sources = append(e.cur.Sources, []byte(s.Name))
	}
	e.cur.Digest = tree.Digest[:]
	return append(e.done, e.cur), nil
}

type encoder struct {
	generation uint64
	files      map[string]uint32
	done       []*pb.ConfigChunk
	cur        *pb.ConfigChunk
	size       int
}

func (e *encoder) open() {
	e.cur = &pb.ConfigChunk{
		Generation: e.generation,
		Phase:      pb.ConfigPhase_CONFIG_PHASE_PREPARE,
		Index:      uint32(len(e.done)),
	}
	e.size = 0
}

func (e *encoder) node(n *config.Node, depth int) error {
	if depth >= maxDepth {
		return fmt.Errorf("%w: %s is nested deeper than %d", ErrTooLarge, n.Keyword.Text, maxDepth)
	}
	m := &pb.ConfigNode{Depth: uint32(depth), Close: e.place(n.Close)}
	m.Keyword = e.word(n.Keyword)
	m.Raw = e.word(n.Raw)
	for _, a := range n.Args {
		m.Args = append(m.Args, e.word(a))
	}
	size := proto.Size(m)
	if size > maxNodeBytes {
		return fmt.Errorf("%w: the line of %s has %d octets", ErrTooLarge, n.Keyword.Text, size)
	}
	// The file table entries this node added stay in the chunk they were made for,
	// which is sent before or with the node.
	if e.size > 0 && e.size+size > chunkBytes {
		e.done = append(e.done, e.cur)
		e.open()
	}
	e.cur.Nodes = append(e.cur.Nodes, m)
	e.size += size
	for _, c := range n.Block {
		if err := e.node(c, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoder) word(w config.Word) *pb.ConfigWord {
	if w == (config.Word{}) {
		return nil
	}
	return &pb.ConfigWord{Text: []byte(w.Text), Quoted: w.Quoted, Start: e.place(w.Range.Start), End: e.place(w.Range.End)}
}

func (e *encoder) place(p diag.Pos) *pb.Place {
	if p == (diag.Pos{}) {
		return nil
	}
	id, ok := e.files[p.File]
	if !ok {
		id = uint32(len(e.files))
		e.files[p.File] = id
		e.cur.Files = append(e.cur.Files, []byte(p.File))
	}
	return &pb.Place{File: id, Line: uint32(p.Line), Column: uint32(p.Col)}
}

// assembler puts the chunks of one generation together. The sender is the parent,
// yet nothing it says is believed without a check: a child must not die of it.
type assembler struct {
	generation uint64
	next       uint32
	files      []string
	tree       config.Tree
	memory     Memory
	path       []*config.Node // open blocks, outermost first
	nodes      int
	bytes      int
}

func newAssembler(generation uint64) *assembler {
	return &assembler{generation: generation, files: []string{""}}
}

// add takes the next chunk; the tree is complete when it is not nil.
func (a *assembler) add(c *pb.ConfigChunk) (*config.Tree, error) {
	if c.GetGeneration() != a.generation {
		return nil, fmt.Errorf("chunk of generation %d within generation %d", c.GetGeneration(), a.generation)
	}
	if c.GetIndex() != a.next {
		return nil, fmt.Errorf("chunk %d where %d is due", c.GetIndex(), a.next)
	}
	a.next++
	a.nodes += len(c.GetNodes())
	a.bytes += proto.Size(c)
	if a.nodes > maxNodes || a.bytes > maxTreeBytes {
		return nil, ErrTooLarge
	}
	for _, f := range c.GetFiles() {
		a.files = append(a.files, string(f))
	}
	a.memory.Records = append(a.memory.Records, c.GetRecords()...)
	a.memory.Overrides = append(a.memory.Overrides, c.GetOverrides()...)
	for _, m := range c.GetNodes() {
		if err := a.node(m); err != nil {
			return nil, err
		}
	}
	if !c.GetLast() {
		return nil, nil
	}
	if len(c.GetDigest()) != len(a.tree.Digest) {
		return nil, fmt.Errorf("digest of %d octets", len(c.GetDigest()))
	}
	copy(a.tree.Digest[:], c.GetDigest())
	for _, name := range c.GetSources() {
		a.tree.Sources = append(a.tree.Sources, config.Source{Name: string(name)})
	}
	return &a.tree, nil
}

func (a *assembler) node(m *pb.ConfigNode) error {
	depth := int(m.GetDepth())
	if depth >= maxDepth || depth > len(a.path) {
		return fmt.Errorf("node at depth %d behind one at depth %d", m.GetDepth(), len(a.path)-1)
	}
	n := &config.Node{}
	var err error
	if n.Keyword, err = a.word(m.GetKeyword()); err != nil {
		return err
	}
	if n.Raw, err = a.word(m.GetRaw()); err != nil {
		return err
	}
	if n.Close, err = a.place(m.GetClose()); err != nil {
		return err
	}
	for _, w := range m.GetArgs() {
		arg, err := a.word(w)
		if err != nil {
			return err
		}
		n.Args = append(n.Args, arg)
	}
	a.path = append(a.path[:depth], n)
	if depth == 0 {
		a.tree.Roots = append(a.tree.Roots, n)
		return nil
	}
	parent := a.path[depth-1]
	parent.Block = append(parent.Block, n)
	return nil
}

func (a *assembler) word(w *pb.ConfigWord) (config.Word, error) {
	start, err := a.place(w.GetStart())
	if err != nil {
		return config.Word{}, err
	}
	end, err := a.place(w.GetEnd())
	if err != nil {
		return config.Word{}, err
	}
	return config.Word{Text: string(w.GetText()), Quoted: w.GetQuoted(), Range: diag.Range{Start: start, End: end}}, nil
}

func (a *assembler) place(p *pb.Place) (diag.Pos, error) {
	if p == nil {
		return diag.Pos{}, nil
	}
	if int64(p.GetFile()) >= int64(len(a.files)) {
		return diag.Pos{}, fmt.Errorf("file %d of a table of %d", p.GetFile(), len(a.files))
	}
	return diag.Pos{File: a.files[p.GetFile()], Line: int(p.GetLine()), Col: int(p.GetColumn())}, nil
}
