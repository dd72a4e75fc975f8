package childapi

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"keepalived/core/config"
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
	e := encoder{generation: generation, files: map[string]uint64{"": 0}}
	e.open()
	for _, n := range tree.Roots {
		if err := e.node(n, 0); err != nil {
			return nil, err
		}
	}
	e.seal()
	last := e.done[len(e.done)-1]
	last.Last = true
	for _, s := range tree.Sources {
		last.Sources = append(last.Sources, []byte(s.Name))
	}
	digest := tree.Digest // a slice of the tree's own would keep the whole tree
	last.Digest = digest[:]
	return e.done, nil
}

// encoder cuts the nodes of a tree into chunks.
type encoder struct {
	generation uint64
	files      map[string]uint64
	done       []*pb.ConfigChunk
	cur        *pb.ConfigChunk
	writer     nodeWriter
}

func (e *encoder) open() {
	e.cur = &pb.ConfigChunk{
		Generation: e.generation,
		Phase:      pb.ConfigPhase_CONFIG_PHASE_PREPARE,
		Index:      uint32(len(e.done)),
	}
}

// seal puts what was written into the chunk and the chunk to those done.
func (e *encoder) seal() {
	e.cur.Nodes = append([]byte(nil), e.writer.buf...)
	e.writer.buf = e.writer.buf[:0]
	e.done = append(e.done, e.cur)
}

func (e *encoder) node(n *config.Node, depth int) error {
	if depth >= maxDepth {
		return fmt.Errorf("%w: %s is nested deeper than %d", ErrTooLarge, n.Keyword.Text, maxDepth)
	}
	before := len(e.writer.buf)
	e.writer.node(n, e.file)
	size := len(e.writer.buf) - before
	if size > maxNodeBytes {
		return fmt.Errorf("%w: the line of %s has %d octets", ErrTooLarge, n.Keyword.Text, size)
	}
	if before > 0 && len(e.writer.buf) > chunkBytes {
		// The node goes into the next chunk. The entries of the file table that it
		// added stay in this one, which comes first.
		next := append([]byte(nil), e.writer.buf[before:]...)
		e.writer.buf = e.writer.buf[:before]
		e.seal()
		e.open()
		e.writer.buf = append(e.writer.buf, next...)
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
	a.reader.text = string(c.GetNodes()) // the words of all nodes are pieces of it
	for a.reader.text != "" {
		if err := a.node(); err != nil {
			return nil, err
		}
	}
	if !c.GetLast() {
		return nil, nil
	}
	if len(a.path) > 0 {
		return nil, fmt.Errorf("%d members of the last block are missing", a.path[len(a.path)-1].missing)
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
