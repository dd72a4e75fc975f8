package supervisor

import (
	"cmp"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

// overrides is what operators have set for real servers. It is the parent's, so that it
// outlives reloads and healthchecker children; which servers there are and what becomes
// of an override is the child's to say.
type overrides struct {
	table    map[overrideKey]*override
	revision uint64 // of the newest command

	running *serverChange
	queue   []*serverChange
	results []doneChange
}

type overrideKey struct{ service, server string }

// override is the newest word about one server.
type override struct {
	now *pb.ServerOverride // never changed
	own bool               // by the child itself, after the command of that revision
}

// maxRemoved is how many servers that have no override any more are remembered, by
// which a late report about the one they had is known to be old.
const maxRemoved = 4096

func (o *overrides) init() { o.table = map[overrideKey]*override{} }

// none reports whether v is the absence of an override.
func none(v *pb.ServerOverride) bool {
	return v == nil || v.GetMode() <= pb.ServerMode_SERVER_MODE_NORMAL && v.Weight == nil
}

// take puts v in the table unless something newer is there. own: the child itself made
// it of what a command had set. It returns what was in force before, and whether that
// is another now.
func (o *overrides) take(v *pb.ServerOverride, own bool) (was *pb.ServerOverride, changed bool) {
	key := overrideKey{v.GetService(), v.GetServer()}
	old := o.table[key]
	if old != nil {
		was = old.now
		if v.GetRevision() < was.GetRevision() || v.GetRevision() == was.GetRevision() && old.own && !own {
			return was, false
		}
	}
	o.table[key] = &override{now: v, own: own}
	if none(v) {
		o.prune()
		return was, !none(was)
	}
	return was, !proto.Equal(was, v)
}

// has reports whether the command of that revision has taken effect.
func (o *overrides) has(revision uint64) *pb.ServerOverride {
	for _, v := range o.table {
		if v.now.GetRevision() == revision {
			return v.now
		}
	}
	return nil
}

func (o *overrides) prune() {
	gone := 0
	for _, v := range o.table {
		if none(v.now) {
			gone++
		}
	}
	if gone <= maxRemoved {
		return
	}
	for key, v := range o.table {
		if none(v.now) {
			delete(o.table, key)
		}
	}
}

// list gives the overrides in force.
func (o *overrides) list() []*pb.ServerOverride {
	var out []*pb.ServerOverride
	for _, v := range o.table {
		if !none(v.now) {
			out = append(out, v.now)
		}
	}
	slices.SortFunc(out, func(a, b *pb.ServerOverride) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Server, b.Server))
	})
	return out
}

// memoryFor is what a new child of a role inherits.
func (s *Supervisor) memoryFor(role childapi.Role) childapi.Memory {
	if role != childapi.Checker {
		return childapi.Memory{}
	}
	return childapi.Memory{Records: s.checks.List(), Overrides: s.overrides.list()}
}

// disconnected is told that a child of the role is not heard any more.
func (s *Supervisor) disconnected(role childapi.Role) {
	if role == childapi.Checker {
		s.checks.Interrupted()
	}
}

// forget drops what is known of a role that has nothing to do any more.
func (s *Supervisor) forget(role childapi.Role) {
	s.records.forget(role)
	if role != childapi.Checker || s.stopping {
		return
	}
	s.checks = childapi.Records{}
	for _, v := range s.overrides.list() {
		gone := proto.Clone(v).(*pb.ServerOverride)
		gone.Mode, gone.Weight, gone.Until, gone.UntilInstant = pb.ServerMode_SERVER_MODE_NORMAL, nil, nil, 0
		s.overrides.take(gone, true)
		s.dropped(v, "the server left the configuration")
	}
}

// childOverride takes in what a child reports: what it did itself, with a cause, or once
// more the answer to a command, which may have been lost on its way.
func (s *Supervisor) childOverride(c *pb.OverrideChange) {
	v, cause := c.GetOverride(), c.GetCause()
	if v.GetService() == "" || v.GetServer() == "" {
		return
	}
	if c.GetRemoved() && !none(v) {
		v = proto.Clone(v).(*pb.ServerOverride)
		v.Mode, v.Weight, v.Until, v.UntilInstant = pb.ServerMode_SERVER_MODE_NORMAL, nil, nil, 0
	}
	was, changed := s.overrides.take(v, cause != "")
	switch {
	case !changed:
	case cause == "":
		if r := s.overrides.running; r != nil && r.revision == v.GetRevision() {
			r.changed = true // told when its answer comes, or does not
			return
		}
		s.tellOverride(v, "set by "+v.GetWho())
	case none(v):
		s.dropped(was, cause)
	default:
		s.log.Info(fmt.Sprintf("Real server %s of virtual server %s is %s now: %s", v.GetServerName(), v.GetServiceName(), modeWord(v.GetMode()), cause),
			"service", v.GetService(), "server", v.GetServer())
		s.tellOverride(v, cause)
	}
}

// dropped tells that an override is no more, without anybody having wanted that.
func (s *Supervisor) dropped(was *pb.ServerOverride, cause string) {
	text := fmt.Sprintf("Real server %s of virtual server %s: %s, set by %s, is dropped: %s",
		was.GetServerName(), was.GetServiceName(), overrideText(was), was.GetWho(), cause)
	s.log.Info(text, "service", was.GetService(), "server", was.GetServer())
	s.notice(childapi.Checker, pb.Severity_SEVERITY_NOTICE, text)
	s.publish(&pb.Event{Source: childapi.Checker, Kind: &pb.Event_Override{Override: &pb.OverrideChange{
		Override: was, Removed: true, Cause: cause}}})
}

// tellOverride makes an event of what is in force now.
func (s *Supervisor) tellOverride(v *pb.ServerOverride, cause string) {
	s.publish(&pb.Event{Source: childapi.Checker, Kind: &pb.Event_Override{Override: &pb.OverrideChange{
		Override: v, Removed: none(v), Cause: cause}}})
}

func modeWord(m pb.ServerMode) string {
	switch m {
	case pb.ServerMode_SERVER_MODE_DRAINING:
		return "draining"
	case pb.ServerMode_SERVER_MODE_DISABLED:
		return "disabled"
	}
	return "enabled"
}

// overrideText is what an override does, in few words.
func overrideText(v *pb.ServerOverride) string {
	switch {
	case none(v):
		return "no override"
	case v.Weight == nil:
		return modeWord(v.GetMode())
	case v.GetMode() <= pb.ServerMode_SERVER_MODE_NORMAL:
		return fmt.Sprintf("weight %d", v.GetWeight())
	}
	return fmt.Sprintf("%s, weight %d", modeWord(v.GetMode()), v.GetWeight())
}
