package childapi

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"keepalived/core/config"
	"keepalived/core/diag"
	pb "keepalived/proto/keepalived/v1"
)

func word(text, file string, line int) config.Word {
	return config.Word{Text: text, Quoted: line%2 == 0, Range: at(file, line, 3, 3+len(text))}
}

func at(file string, line, from, end int) diag.Range {
	return diag.At(diag.NewFileName(file), line, from, end)
}

// bigTree has n blocks of four lines from three files.
func bigTree(n int) *config.Tree {
	t := &config.Tree{}
	raw := func(w config.Word) *config.Word { return &w }
	for i := 1; i <= n; i++ {
		file := fmt.Sprintf("%c.conf", 'a'+i%3)
		block := &config.Node{Keyword: word("vrrp_instance", file, i), Args: []config.Word{word(fmt.Sprint("VI_", i), file, i)},
			Close: at(file, i+5, 1, 2)}
		inner := &config.Node{Keyword: word("virtual_ipaddress", file, i+1), Close: at(file, i+3, 1, 2)}
		inner.Block = append(inner.Block, &config.Node{Keyword: word("192.0.2.1/24", file, i+2), Raw: raw(word(`dev "eth0"`, file, i+2)), Form: config.FormVerbatim})
		block.Block = []*config.Node{inner, {Keyword: word("notify", file, i+4), Raw: raw(word("caf\xe9 \x00", file, i+4)), Form: config.FormScript}}
		t.Roots = append(t.Roots, block)
	}
	return t
}

// carry sends a tree over the wire.
func carry(t *testing.T, tree *config.Tree) (*config.Tree, int) {
	t.Helper()
	part, err := Encode(tree)
	if err != nil {
		t.Fatal(err)
	}
	a, chunks := newAssembler(7), part.message(7)
	for i, c := range chunks {
		b, err := proto.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > chunkBytes+maxNodeBytes {
			t.Errorf("chunk %d has %d octets", i, len(b))
		}
		var back pb.ConfigChunk
		if err := proto.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		got, err := a.add(&back)
		if err != nil {
			t.Fatal(err)
		}
		if (got != nil) != (i == len(chunks)-1) {
			t.Fatalf("chunk %d of %d: complete %v", i, len(chunks), got != nil)
		}
		if got != nil {
			return got, len(chunks)
		}
	}
	return nil, 0
}

func TestTreeCrossesTheWire(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 3, 10000} {
		tree := bigTree(n)
		got, chunks := carry(t, tree)
		if d := cmp.Diff(tree, got); d != "" {
			t.Errorf("%d blocks (-want +got):\n%s", n, d[:min(len(d), 2000)])
		}
		all, _ := Encode(tree)
		if again, err := all.Tree(); err != nil || !reflect.DeepEqual(tree, again) {
			t.Errorf("%d blocks: Tree gives something else (%v)", n, err)
		}
		if _, err := (&Part{all.chunks[:len(all.chunks)-1]}).Tree(); err == nil {
			t.Errorf("%d blocks: Tree does without the last part", n)
		}
		if n == 10000 && chunks < 4 {
			t.Errorf("10,000 blocks in %d chunks", chunks)
		}
	}
}

func TestTreesThatDoNotFit(t *testing.T) {
	t.Parallel()
	deep := &config.Node{}
	for range maxDepth {
		deep = &config.Node{Block: []*config.Node{deep}}
	}
	for name, tree := range map[string]*config.Tree{
		"too deep": {Roots: []*config.Node{deep}},
		"too long": {Roots: []*config.Node{{Keyword: config.Word{Text: strings.Repeat("x", maxNodeBytes)}}}},
	} {
		if _, err := Encode(tree); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v, want ErrTooLarge", name, err)
		}
	}
}

func TestAssemblerRefuses(t *testing.T) {
	t.Parallel()
	one := func(nodes, places []byte) []*pb.ConfigChunk {
		return []*pb.ConfigChunk{{Generation: 1, Last: true, Nodes: nodes, Places: places}}
	}
	node := []byte{0, 0, 0, 0, 0} // form, file, keyword (head, text), members, arguments; two places
	tests := []struct {
		name   string
		chunks []*pb.ConfigChunk
	}{
		{"another generation", []*pb.ConfigChunk{{Generation: 2, Last: true}}},
		{"a chunk is missing", []*pb.ConfigChunk{{Generation: 1}, {Generation: 1, Index: 2, Last: true}}},
		{"a chunk comes twice", []*pb.ConfigChunk{{Generation: 1}, {Generation: 1, Last: true}}},
		{"no such form", one([]byte{6, 0, 0, 0, 0}, []byte{0, 0})},
		{"a member is missing", one([]byte{0, 0, 0, 2, 0}, []byte{0, 0})},
		{"members without end", one([]byte{0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0}, []byte{0, 0})},
		{"a word beyond the end", one([]byte{0, 0, 100, 'x', 0, 0}, []byte{0, 0})},
		{"more arguments than octets", one([]byte{0, 0, 0, 0, 100}, []byte{0, 0})},
		{"a number without an end", one([]byte{0, 0, 0, 0, 0x80}, []byte{0, 0})},
		{"a number of 11 octets", one([]byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0, 0, 0, 0}, []byte{0, 0})},
		{"the end is missing", one([]byte{0, 0, 0, 0}, []byte{0, 0})},
		{"a node of a file beyond the table", one([]byte{0, 1, 0, 0, 0}, []byte{0, 0})},
		{"no places", one(node, nil)},
		{"a place is missing", one(node, []byte{0})},
		{"a place too many", one(node, []byte{0, 0, 0})},
		{"a file beyond the table", one(node, []byte{0, 1, 1, 1, 1})},
		{"a column beyond 65535", one(node, []byte{0, 1, 0, 0x80, 0x80, 0x04, 1})},
		{"half a place", one(node, []byte{0, 1, 0, 1})},
	}
	if tree, err := newAssembler(1).add(one(node, []byte{0, 1, 0, 1, 1})[0]); tree == nil || err != nil {
		t.Errorf("what is right: %v", err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := newAssembler(1)
			var err error
			for _, c := range tt.chunks {
				if _, err = a.add(c); err != nil {
					return
				}
			}
			t.Error("taken")
		})
	}
}

func FuzzAssembler(f *testing.F) {
	for _, n := range []int{0, 1, 40} {
		part, err := Encode(bigTree(n))
		if err != nil {
			f.Fatal(err)
		}
		for _, c := range part.message(1) {
			b, err := proto.Marshal(c)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var c pb.ConfigChunk
		if proto.Unmarshal(b, &c) != nil {
			return
		}
		c.Generation, c.Index = 1, 0
		tree, err := newAssembler(1).add(&c)
		if err != nil || tree == nil {
			return
		}
		// What was taken can be sent on and is the same then.
		again, err := Encode(tree)
		if err != nil {
			t.Skip("a line too long for one node") // only sizes can refuse
		}
		back, err := again.Tree()
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(tree, back) {
			t.Errorf("(-want +got):\n%s", cmp.Diff(tree, back))
		}
	})
}

// TestSame: a part is the same as another when every word is, wherever it stands.
func TestSame(t *testing.T) {
	t.Parallel()
	const blocks = 3000 // some chunks
	encode := func(change func(*config.Tree)) *Part {
		tree := bigTree(blocks)
		tree.Roots = append(tree.Roots, &config.Node{Keyword: config.Word{Text: "instance"}, Args: []config.Word{{Text: "a"}}})
		if change != nil {
			change(tree)
		}
		p, err := Encode(tree)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := encode(nil)
	if len(p.chunks) < 3 {
		t.Fatalf("%d chunks", len(p.chunks))
	}
	last := func(t *config.Tree) *config.Node { return t.Roots[blocks-1] }
	moved := func(n *config.Node, file string) { n.Keyword.Range = at(file, 70000, 200, 202) }
	tests := []struct {
		name   string
		change func(*config.Tree)
		same   bool
	}{
		{"nothing", nil, true},
		{"other lines and columns", func(t *config.Tree) {
			for _, n := range t.Roots[:blocks] {
				moved(n, n.Close.Start().File)
				n.Close = at(n.Close.Start().File, 1, 1, 2)
			}
		}, true},
		{"the last block in another of the files", func(t *config.Tree) { moved(last(t), "b.conf") }, false},
		{"one octet of the last word", func(t *config.Tree) { last(t).Args[0].Text = "VI_3001" }, false},
		{"the last octet", func(t *config.Tree) { t.Roots[blocks].Args[0].Text = "b" }, false},
		{"one octet of the first word", func(t *config.Tree) { t.Roots[0].Keyword.Text = "wrrp_instance" }, false},
		{"one octet of raw text", func(t *config.Tree) { last(t).Block[1].Raw.Text = "caf\xe8 \x00" }, false},
		{"quotes", func(t *config.Tree) { last(t).Args[0].Quoted = !last(t).Args[0].Quoted }, false},
		{"a form", func(t *config.Tree) { last(t).Block[1].Form = config.FormVerbatim }, false},
		{"a block without members instead of none", func(t *config.Tree) { last(t).Block[1].Block = []*config.Node{} }, false},
		{"a word more", func(t *config.Tree) { last(t).Args = append(last(t).Args, config.Word{}) }, false},
		{"a block less", func(t *config.Tree) { t.Roots = t.Roots[1:] }, false},
		{"a block more", func(t *config.Tree) { t.Roots = append(t.Roots, last(t)) }, false},
		{"another order", func(t *config.Tree) { t.Roots[0], t.Roots[1] = t.Roots[1], t.Roots[0] }, false},
	}
	for _, tt := range tests {
		if o := encode(tt.change); p.Same(o) != tt.same || o.Same(p) != tt.same {
			t.Errorf("%s: the same %v, want %v", tt.name, !tt.same, tt.same)
		}
	}
	if p.Same(nil) {
		t.Error("the same as none")
	}
	renamed := encode(nil)
	renamed.chunks[0].Files[1] = []byte("c.conf.d/b.conf")
	if p.Same(renamed) {
		t.Error("the same in a file of another name")
	}
}

func TestDiagnosticsCrossTheWire(t *testing.T) {
	t.Parallel()
	var l diag.List
	for c := diag.Other; c <= diag.Unsupported; c++ {
		if _, ok := diagCodes[c]; !ok {
			t.Errorf("code %d has no proto value", c)
		}
		l = append(l, diag.Diagnostic{Severity: diag.Severity(c % 4), Code: c, Summary: "s", Hint: "h",
			Subject: at("f", int(c)+1, 1, 2)})
	}
	if d := cmp.Diff(l, DiagnosticsFromProto(DiagnosticsToProto(l))); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	got := DiagnosticsFromProto([]*pb.Diagnostic{{Severity: 99, Code: 99}})
	if got[0].Severity != diag.Error || got[0].Code != diag.Other {
		t.Errorf("of another version: %+v, want an error of class other", got[0])
	}
	if n := len(pb.DiagnosticCode_name) - 1; n != len(diagCodes) {
		t.Errorf("%d codes in proto, %d here", n, len(diagCodes))
	}
}

// BenchmarkTree sends 200,000 lines to a child: as many as 40,000 real servers have.
func BenchmarkTree(b *testing.B) {
	tree := bigTree(50000)
	b.ReportAllocs()
	for b.Loop() {
		part, err := Encode(tree)
		if err != nil {
			b.Fatal(err)
		}
		a := newAssembler(1)
		for _, c := range part.message(1) {
			wire, _ := proto.Marshal(c)
			var back pb.ConfigChunk
			if err := proto.Unmarshal(wire, &back); err != nil {
				b.Fatal(err)
			}
			if _, err := a.add(&back); err != nil {
				b.Fatal(err)
			}
		}
	}
}
