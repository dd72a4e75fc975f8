package childapi

import (
	"google.golang.org/protobuf/proto"

	pb "keepalived/proto/keepalived/v1"
)

// Memory is what a healthchecker child inherits from the one before it. The messages
// in it are shared and must not be changed.
type Memory struct {
	Records   []*pb.CheckRecord
	Overrides []*pb.ServerOverride
}

// with puts m before the chunks of a message.
func (m Memory) with(tree []*pb.ConfigChunk) []*pb.ConfigChunk {
	var out []*pb.ConfigChunk
	var cur *pb.ConfigChunk
	size := 0
	room := func(n int) *pb.ConfigChunk {
		if cur == nil || size > 0 && size+n > chunkBytes {
			cur = &pb.ConfigChunk{
				Generation: tree[0].GetGeneration(),
				Phase:      pb.ConfigPhase_CONFIG_PHASE_PREPARE,
				Index:      uint32(len(out)),
			}
			out, size = append(out, cur), 0
		}
		size += n
		return cur
	}
	for _, r := range m.Records {
		c := room(proto.Size(r) + itemBytes)
		c.Records = append(c.Records, r)
	}
	for _, o := range m.Overrides {
		c := room(proto.Size(o) + itemBytes)
		c.Overrides = append(c.Overrides, o)
	}
	shift := uint32(len(out))
	for _, c := range tree {
		c.Index += shift
		out = append(out, c)
	}
	return out
}

// itemBytes bounds what an item of a repeated field adds to its own size.
const itemBytes = 6

// recordKey tells records apart: what a checker asks of which server, or the quorum of
// a service.
type recordKey struct {
	service, server string
	kind, nth       uint32
	digest          uint64
}

func keyOf(r *pb.CheckRecord) recordKey {
	return recordKey{
		service: r.GetService(), server: r.GetServer(),
		kind: r.GetKind(), nth: r.GetNth(), digest: r.GetDigest(),
	}
}

// recordBook holds the newest record of every key. The child's end knows by it what to
// say again to a parent that may have missed some; the parent's end is what the next
// child is given.
type recordBook map[recordKey]*pb.CheckRecord

// maxRecords bounds a book: what a child says, its parent has to keep. Checkers whose
// record is left out begin anew in the next child.
const maxRecords = 1 << 20

func (b recordBook) put(r *pb.CheckRecord) (recordKey, bool) {
	k := keyOf(r)
	if _, ok := b[k]; !ok && len(b) >= maxRecords {
		return k, false
	}
	b[k] = r
	return k, true
}

// Records is the parent's end of Client.Records. It belongs to one goroutine.
type Records struct {
	book recordBook
	next recordBook // what replaces book when it is complete; nil: nothing does
}

// Take applies a report.
func (s *Records) Take(m *pb.CheckRecords) {
	if s.book == nil {
		s.book = recordBook{}
	}
	if m.GetAll() {
		s.next = recordBook{}
	}
	into := s.book
	if s.next != nil {
		into = s.next
	}
	for _, r := range m.GetRecords() {
		into.put(r)
	}
	if s.next != nil && !m.GetMore() {
		s.book, s.next = s.next, nil
	}
}

// Interrupted is told when the child is not connected any more: what was not complete
// is of no use, because a child that lives says all of it again. What it had said so
// far is the newest there is of these checkers all the same.
func (s *Records) Interrupted() {
	for _, r := range s.next {
		s.book.put(r)
	}
	s.next = nil
}

// List gives all records, in no order.
func (s *Records) List() []*pb.CheckRecord {
	out := make([]*pb.CheckRecord, 0, len(s.book))
	for _, r := range s.book {
		out = append(out, r)
	}
	return out
}
