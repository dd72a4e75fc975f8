package childapi

import (
	"google.golang.org/protobuf/proto"

	pb "keepalived/proto/keepalived/v1"
)

// recordBytes is the size a report of records is closed at.
const recordBytes = 64 << 10

// outRecords is the part of the outbox that holds the whole truth of records and
// overrides as the child has said it: a report that was on its way when a connection
// broke is said again. The outbox's mutex guards it.
type outRecords struct {
	book  recordBook
	dirty map[recordKey]struct{} // to be said
	all   bool                   // the next report replaces everything at the parent
	open  bool                   // reports with more are under way
	every bool                   // the child has once said all it has

	overrides map[overrideKey]*saidOverride
	changed   []overrideKey // to be said, oldest first
}

type overrideKey struct{ service, server string }

func keyOfOverride(o *pb.ServerOverride) overrideKey {
	return overrideKey{o.GetService(), o.GetServer()}
}

type saidOverride struct {
	change *pb.OverrideChange
	own    bool // by the child itself, not the answer to a command
	queued bool
}

func (o *outRecords) put(all bool, list []*pb.CheckRecord) {
	if all || o.book == nil {
		o.book, o.dirty = make(recordBook, len(list)), make(map[recordKey]struct{}, len(list))
	}
	if all {
		o.all, o.every = true, true
	}
	for _, r := range list {
		if k, ok := o.book.put(r); ok {
			o.dirty[k] = struct{}{}
		}
	}
}

// set notes what has become of an override. A command's answer may come behind what
// happened after it: it is the older of two of one revision.
func (o *outRecords) set(c *pb.OverrideChange, own bool) {
	k := keyOfOverride(c.GetOverride())
	said := o.overrides[k]
	if said == nil {
		o.prune()
		said = &saidOverride{}
		if o.overrides == nil {
			o.overrides = map[overrideKey]*saidOverride{}
		}
		o.overrides[k] = said
	} else if now, was := c.GetOverride().GetRevision(), said.change.GetOverride().GetRevision(); now < was || now == was && said.own && !own {
		return
	}
	said.change, said.own = c, own
	o.say(k, said)
}

// maxOverrides is how many servers are remembered before those that have no override
// any more, and have been reported, are forgotten.
const maxOverrides = 1 << 16

func (o *outRecords) prune() {
	if len(o.overrides) < maxOverrides {
		return
	}
	for k, said := range o.overrides {
		if said.change.GetRemoved() && !said.queued {
			delete(o.overrides, k)
		}
	}
}

func (o *outRecords) say(k overrideKey, said *saidOverride) {
	if !said.queued {
		said.queued = true
		o.changed = append(o.changed, k)
	}
}

// again has everything said once more, to a parent that may have missed some.
func (o *outRecords) again() {
	for k := range o.book {
		o.dirty[k] = struct{}{}
	}
	o.all, o.open = o.every, false
	for k, said := range o.overrides {
		o.say(k, said)
	}
}

func (o *outRecords) takeOverride() *pb.ReportRequest {
	said := o.overrides[o.changed[0]]
	o.changed = o.changed[1:]
	said.queued = false
	// A copy: it may be made valid UTF-8 for the wire while the next is compared.
	return &pb.ReportRequest{Report: &pb.ReportRequest_Override{Override: proto.Clone(said.change).(*pb.OverrideChange)}}
}

func (o *outRecords) recordsDue() bool { return o.all || o.open || len(o.dirty) > 0 }

func (o *outRecords) takeRecords() *pb.ReportRequest {
	m := &pb.CheckRecords{All: o.all}
	size := 0
	for k := range o.dirty {
		r := o.book[k]
		if size += proto.Size(r) + itemBytes; size > recordBytes && len(m.Records) > 0 {
			break
		}
		m.Records = append(m.Records, r)
		delete(o.dirty, k)
	}
	m.More = (o.all || o.open) && len(o.dirty) > 0
	o.all, o.open = false, m.More
	return &pb.ReportRequest{Report: &pb.ReportRequest_Records{Records: m}}
}
