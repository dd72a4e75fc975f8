package childapi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"keepalived/core/config"
	"keepalived/core/diag"
)

// A tree crosses in a code of its own within ConfigChunk.nodes: a message for each of
// a million words would be ten times as large, and all of it garbage afterwards. Every
// number is an unsigned varint. Where the words stand is apart, in ConfigChunk.places, in
// the order of what has a place: configurations with the same nodes and files mean the same.
//
//	node  = form file keyword members [raw] arguments word*, a place for the closing brace
//	        form: 2 × config.Form + raw is there; file: that of the keyword, once more,
//	        because relative paths are meant beside it; members: 0 no block, else their
//	        number + 1, and they follow the node
//	word  = 2 × octets + quoted, the octets, a place
//	place = line, and unless it is 0 (no place): file, first column, columns

// nodeWriter writes nodes.
type nodeWriter struct{ nodes, places []byte }

func (w *nodeWriter) number(n uint64) { w.nodes = binary.AppendUvarint(w.nodes, n) }

// node writes n without its members. file gives the number of a file.
func (w *nodeWriter) node(n *config.Node, file func(string) uint64) {
	head := uint64(n.Form) << 1
	if n.Raw != nil {
		head |= 1
	}
	w.number(head)
	w.number(file(n.Keyword.Range.Start().File))
	w.word(&n.Keyword, file)
	if n.Block == nil {
		w.number(0)
	} else {
		w.number(uint64(len(n.Block)) + 1)
	}
	if n.Raw != nil {
		w.word(n.Raw, file)
	}
	w.number(uint64(len(n.Args)))
	for i := range n.Args {
		w.word(&n.Args[i], file)
	}
	w.place(n.Close, file)
}

func (w *nodeWriter) word(x *config.Word, file func(string) uint64) {
	head := uint64(len(x.Text)) << 1
	if x.Quoted {
		head |= 1
	}
	w.number(head)
	w.nodes = append(w.nodes, x.Text...)
	w.place(x.Range, file)
}

func (w *nodeWriter) place(r diag.Range, file func(string) uint64) {
	if !r.IsValid() {
		w.places = append(w.places, 0)
		return
	}
	start, end := r.Start(), r.End()
	w.places = binary.AppendUvarint(w.places, uint64(start.Line))
	w.places = binary.AppendUvarint(w.places, file(start.File))
	w.places = binary.AppendUvarint(w.places, uint64(start.Col))
	w.places = binary.AppendUvarint(w.places, uint64(end.Col-start.Col))
}

// nodeReader reads nodes from text and their places from places, which it shortens.
type nodeReader struct {
	text   string
	places []byte
	files  []diag.FileName

	nodes []config.Node // room, made in batches
	words []config.Word
}

func newNodeReader() nodeReader { return nodeReader{files: []diag.FileName{{}}} }

// file adds a file to the table.
func (r *nodeReader) file(name string) { r.files = append(r.files, diag.NewFileName(name)) }

var errCode = errors.New("bad code of a configuration node")

// node reads one node and how many members follow.
func (r *nodeReader) node() (n *config.Node, members int, err error) {
	if len(r.nodes) == cap(r.nodes) {
		r.nodes = make([]config.Node, 0, 120)
	}
	r.nodes = r.nodes[:len(r.nodes)+1]
	n = &r.nodes[len(r.nodes)-1]
	head, ok := number(&r.text, uint64(config.FormVerbatim)<<1|1)
	if !ok {
		return nil, 0, errCode
	}
	n.Form = config.Form(head >> 1)
	if _, ok := number(&r.text, uint64(len(r.files)-1)); !ok {
		return nil, 0, errCode
	}
	if err := r.word(&n.Keyword); err != nil {
		return nil, 0, err
	}
	block, ok := number(&r.text, maxNodes+1)
	if !ok {
		return nil, 0, errCode
	}
	if block > 0 {
		members = int(block) - 1
		n.Block = make([]*config.Node, 0, min(members, 256)) // what is promised need not come
	}
	if head&1 != 0 {
		n.Raw = &config.Word{}
		if err := r.word(n.Raw); err != nil {
			return nil, 0, err
		}
	}
	if err := r.arguments(n); err != nil {
		return nil, 0, err
	}
	n.Close, err = r.place()
	return n, members, err
}

// arguments reads the words behind the keyword.
func (r *nodeReader) arguments(n *config.Node) error {
	args, ok := number(&r.text, uint64(len(r.text)))
	if !ok {
		return errCode
	}
	if args == 0 {
		return nil
	}
	if count := int(args); cap(r.words)-len(r.words) < count {
		r.words = make([]config.Word, 0, max(count, 360))
	}
	from := len(r.words)
	r.words = r.words[:from+int(args)]
	n.Args = r.words[from:len(r.words):len(r.words)]
	for i := range n.Args {
		if err := r.word(&n.Args[i]); err != nil {
			return err
		}
	}
	return nil
}

// number takes a number that may be at most most from the front of s.
func number[T string | []byte](s *T, most uint64) (n uint64, ok bool) {
	for i := 0; i < len(*s) && i < binary.MaxVarintLen64; i++ {
		b := (*s)[i]
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			*s = (*s)[i+1:]
			return n, n <= most
		}
	}
	return 0, false
}

func (r *nodeReader) word(w *config.Word) (err error) {
	head, ok := number(&r.text, 2*uint64(len(r.text))+1)
	if !ok || head>>1 > uint64(len(r.text)) {
		return errCode
	}
	size := int(head >> 1)
	w.Text, w.Quoted = r.text[:size], head&1 != 0
	r.text = r.text[size:]
	w.Range, err = r.place()
	return err
}

func (r *nodeReader) place() (diag.Range, error) {
	line, ok := number(&r.places, math.MaxUint32)
	if !ok {
		return diag.Range{}, errCode
	}
	if line == 0 {
		return diag.Range{}, nil
	}
	file, ok := number(&r.places, math.MaxUint32)
	from, ok2 := number(&r.places, math.MaxUint16)
	columns, ok3 := number(&r.places, math.MaxUint16)
	if !ok || !ok2 || !ok3 {
		return diag.Range{}, errCode
	}
	if file >= uint64(len(r.files)) {
		return diag.Range{}, fmt.Errorf("file %d of a table of %d", file, len(r.files))
	}
	return diag.At(r.files[file], int(line), int(from), int(from+columns)), nil
}
