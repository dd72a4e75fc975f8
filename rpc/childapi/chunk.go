package childapi

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"keepalived/core/config"
	pb "keepalived/proto/keepalived/v1"
)

const (
	// chunkBytes is the size of nodes a chunk is closed at; one node more may exceed it.
	// Their places take as much again, at worst ten times as much.
	chunkBytes = 128 << 10
	// maxNodeBytes, with its places, keeps a chunk below gRPC's 4 MiB message.
	maxNodeBytes = 2 << 20
	// maxDepth, maxNodes and maxTreeBytes bound what the receiver builds.
	maxDepth     = 64
	maxNodes     = 8 << 20
	maxTreeBytes = 512 << 20
)

// ErrTooLarge means that a tree does not fit the wire: a line of more than 2 MiB
// or blocks nested deeper than 64.
var ErrTooLarge = errors.New("configuration too large")

// Part is what one child reads of a configuration, encoded: what it is sent, and the form
// in which the parent keeps it, a tenth of the tree. It is never changed.
type Part struct{ chunks []*pb.ConfigChunk }

// Encode makes the part that is the whole of tree. Neither the names nor the text of its
// sources are in it, nor its digest: they stay with the parent, which renders what
// children find.
func Encode(tree *config.Tree) (*Part, error) {
	e := encoder{files: map[string]uint64{"": 0}}
	e.open()
	for _, n := range tree.Roots {
		if err := e.node(n, 0); err != nil {
			return nil, err
		}
	}
	e.seal()
	e.done[len(e.done)-1].Last = true
	return &Part{e.done}, nil
}

// Same reports whether both say the same, word for word, in the same files. Where in them
// it stands makes no difference.
func (p *Part) Same(o *Part) bool {
	return p == o || p != nil && o != nil && slices.EqualFunc(p.chunks, o.chunks, func(a, b *pb.ConfigChunk) bool {
		return bytes.Equal(a.GetNodes(), b.GetNodes()) && slices.EqualFunc(a.GetFiles(), b.GetFiles(), bytes.Equal)
	})
}

// Tree makes the tree again.
func (p *Part) Tree() (*config.Tree, error) {
	a := newAssembler(0)
	for _, c := range p.chunks {
		if tree, err := a.add(c); tree != nil || err != nil {
			return tree, err
		}
	}
	return nil, errors.New("the last part of the configuration is missing")
}

// message is the PREPARE of the part as a generation. The chunks are the caller's, what
// their lists hold is shared.
func (p *Part) message(generation uint64) []*pb.ConfigChunk {
	out := make([]*pb.ConfigChunk, len(p.chunks))
	for i, c := range p.chunks {
		out[i] = &pb.ConfigChunk{
			Generation: generation, Phase: pb.ConfigPhase_CONFIG_PHASE_PREPARE, Index: c.GetIndex(), Last: c.GetLast(),
			Files: c.GetFiles(), Nodes: c.GetNodes(), Places: c.GetPlaces(),
		}
	}
	return out
}

// encoder cuts the nodes of a tree into chunks.
type encoder struct {
	files  map[string]uint64
	done   []*pb.ConfigChunk
	cur    *pb.ConfigChunk
	writer nodeWriter
}

func (e *encoder) open() { e.cur = &pb.ConfigChunk{Index: uint32(len(e.done))} }

// seal puts what was written into the chunk and the chunk to those done.
func (e *encoder) seal() {
	w := &e.writer
	e.cur.Nodes, e.cur.Places = bytes.Clone(w.nodes), bytes.Clone(w.places)
	w.nodes, w.places = w.nodes[:0], w.places[:0]
	e.done = append(e.done, e.cur)
}

func (e *encoder) node(n *config.Node, depth int) error {
	if depth >= maxDepth {
		return fmt.Errorf("%w: %s is nested deeper than %d", ErrTooLarge, n.Keyword.Text, maxDepth)
	}
	w := &e.writer
	nodes, places := len(w.nodes), len(w.places)
	w.node(n, e.file)
	if size := len(w.nodes) + len(w.places) - nodes - places; size > maxNodeBytes {
		return fmt.Errorf("%w: the line of %s has %d octets", ErrTooLarge, n.Keyword.Text, size)
	}
	// Where a chunk ends does not depend on the places.
	if nodes > 0 && len(w.nodes) > chunkBytes {
		// The node goes into the next chunk. The entries of the file table that it
		// added stay in this one, which comes first.
		next := nodeWriter{bytes.Clone(w.nodes[nodes:]), bytes.Clone(w.places[places:])}
		w.nodes, w.places = w.nodes[:nodes], w.places[:places]
		e.seal()
		e.open()
		w.nodes, w.places = append(w.nodes, next.nodes...), append(w.places, next.places...)
	}
	for _, c := range n.Block {
		if err := e.node(c, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// file is the place of a name in the table of files.
func (e *encoder) file(name string) uint64 {
	id, ok := e.files[name]
	if !ok {
		id = uint64(len(e.files))
		e.files[name] = id
		e.cur.Files = append(e.cur.Files, []byte(name))
	}
	return id
}

// assembler puts the chunks of one generation together. The sender is the parent,
// yet nothing it says is believed without a check: a child must not die of it.
type assembler struct {
	generation uint64
	next       uint32
	reader     nodeReader
	tree       config.Tree
	memory     Memory
	path       []openBlock // outermost first
	nodes      int
	bytes      int
}

// openBlock is a node that has not all its members yet.
type openBlock struct {
	node    *config.Node
	missing int
}

func newAssembler(generation uint64) *assembler {
	return &assembler{generation: generation, reader: newNodeReader()}
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
	if a.bytes += proto.Size(c); a.bytes > maxTreeBytes {
		return nil, ErrTooLarge
	}
	for _, f := range c.GetFiles() {
		a.reader.file(string(f))
	}
	a.memory.Records = append(a.memory.Records, c.GetRecords()...)
	a.memory.Overrides = append(a.memory.Overrides, c.GetOverrides()...)
	a.reader.text, a.reader.places = string(c.GetNodes()), c.GetPlaces() // the words of all nodes are pieces of the former
	for a.reader.text != "" {
		if err := a.node(); err != nil {
			return nil, err
		}
	}
	if len(a.reader.places) > 0 {
		return nil, errCode
	}
	if !c.GetLast() {
		return nil, nil
	}
	if len(a.path) > 0 {
		return nil, fmt.Errorf("%d members of the last block are missing", a.path[len(a.path)-1].missing)
	}
	return &a.tree, nil
}

// node takes the next node to where it belongs.
func (a *assembler) node() error {
	if a.nodes++; a.nodes > maxNodes {
		return ErrTooLarge
	}
	n, members, err := a.reader.node()
	if err != nil {
		return err
	}
	depth := len(a.path)
	if depth >= maxDepth {
		return fmt.Errorf("a node at depth %d", depth)
	}
	if depth == 0 {
		a.tree.Roots = append(a.tree.Roots, n)
	} else {
		parent := &a.path[depth-1]
		parent.node.Block = append(parent.node.Block, n)
		parent.missing--
	}
	if members > 0 {
		a.path = append(a.path, openBlock{n, members})
		return nil
	}
	for len(a.path) > 0 && a.path[len(a.path)-1].missing == 0 {
		a.path = a.path[:len(a.path)-1]
	}
	return nil
}
