package supervisor

import (
	"cmp"
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

// records is what the children last reported of each object, for the answers that
// they do not give themselves. The messages in it are never changed.
type records struct {
	instances map[string]*pb.Instance
	groups    map[string]*pb.SyncGroup
	trackers  map[trackerKey]*pb.Tracker
	services  map[string]*serviceRecord // by key
}

type trackerKey struct {
	kind pb.TrackerKind
	name string
}

func (r *records) init() {
	r.forget(childapi.VRRP)
	r.forget(childapi.Checker)
}

// forget drops what a role reported: it has nothing to do any more.
func (r *records) forget(role childapi.Role) {
	if role == childapi.Checker {
		r.services = map[string]*serviceRecord{}
		return
	}
	r.instances = map[string]*pb.Instance{}
	r.groups = map[string]*pb.SyncGroup{}
	r.trackers = map[trackerKey]*pb.Tracker{}
}

// learn takes the new state out of an event.
func (r *records) learn(e *pb.Event) {
	switch k := e.GetKind().(type) {
	case *pb.Event_Instance:
		v := k.Instance.GetInstance()
		if k.Instance.GetRemoved() {
			delete(r.instances, v.GetName())
			return
		}
		if v.GetReported() == nil && v != nil {
			v.Reported = e.GetTime()
		}
		r.instances[v.GetName()] = v
	case *pb.Event_SyncGroup:
		v := k.SyncGroup.GetGroup()
		if k.SyncGroup.GetRemoved() {
			delete(r.groups, v.GetName())
			return
		}
		r.groups[v.GetName()] = v
	case *pb.Event_Tracker:
		v := k.Tracker.GetTracker()
		key := trackerKey{v.GetKind(), v.GetName()}
		if k.Tracker.GetRemoved() {
			delete(r.trackers, key)
			return
		}
		r.trackers[key] = v
	case *pb.Event_Service:
		r.learnService(e, k.Service)
	case *pb.Event_Server:
		r.learnServer(k.Server)
	}
}

// counts gives the instances per state.
func (r *records) counts() []*pb.StateCount {
	n := map[pb.InstanceState]uint32{}
	for _, v := range r.instances {
		n[v.GetState()]++
	}
	var out []*pb.StateCount
	for s, count := range n {
		out = append(out, &pb.StateCount{State: s, Count: count})
	}
	slices.SortFunc(out, func(a, b *pb.StateCount) int { return cmp.Compare(a.State, b.State) })
	return out
}

// staleInstances copies the records, marked, without those already told.
func (r *records) staleInstances(names []string, told map[string]bool) []*pb.Instance {
	var out []*pb.Instance
	for name, v := range r.instances {
		if told[name] || len(names) > 0 && !slices.Contains(names, name) {
			continue
		}
		v = proto.Clone(v).(*pb.Instance)
		v.Stale = true
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b *pb.Instance) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func (r *records) staleGroups(told map[string]bool) []*pb.SyncGroup {
	var out []*pb.SyncGroup
	for name, v := range r.groups {
		if told[name] {
			continue
		}
		v = proto.Clone(v).(*pb.SyncGroup)
		v.Stale = true
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b *pb.SyncGroup) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func (r *records) staleTrackers(told map[trackerKey]bool) []*pb.Tracker {
	var out []*pb.Tracker
	for key, v := range r.trackers {
		if told[key] {
			continue
		}
		v = proto.Clone(v).(*pb.Tracker)
		v.Stale = true
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b *pb.Tracker) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// The causes of what only a refresh has brought to light.
const (
	eventsLost = "events were lost"
	restarted  = "found by the process that was started anew"
)

// refresh asks a child for everything, because it had to drop events or is a new
// process, and tells the watchers what turns out different.
func (s *Supervisor) refresh(c *child, cause string) {
	x := c.session
	if x == nil {
		return
	}
	if c.role == childapi.Checker {
		s.refreshServices(c, x, cause)
		return
	}
	now := map[string]*pb.Instance{}
	s.fetch(x, listInstances(nil), func(m *pb.ServeRequest) {
		if v := m.GetInstance(); v != nil {
			now[v.GetName()] = v
		}
	}, func() { s.refreshed(c, x, now, cause) })
}

// fetch hands every part of a child's answer to each, on another goroutine, and then
// has done run on the loop, unless the answer breaks off.
func (s *Supervisor) fetch(x session, cmd *pb.ServeResponse, each func(*pb.ServeRequest), done func()) {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err := x.Call(ctx, cmd, func(m *pb.ServeRequest) error {
			each(m)
			return nil
		})
		if err == nil {
			s.post(done)
		}
	}()
}

func (s *Supervisor) refreshed(c *child, x session, now map[string]*pb.Instance, cause string) {
	if c.session != x {
		return
	}
	for name, old := range s.records.instances {
		if now[name] == nil {
			s.childEvent(c, &pb.Event{Kind: &pb.Event_Instance{Instance: &pb.InstanceChange{
				Instance: old, From: old.GetState(), Removed: true, Cause: cause}}})
		}
	}
	for name, v := range now {
		old := s.records.instances[name]
		if old != nil && old.GetState() == v.GetState() && old.GetEffectivePriority() == v.GetEffectivePriority() {
			continue
		}
		v.Reported = timestamppb.Now()
		s.childEvent(c, &pb.Event{Kind: &pb.Event_Instance{Instance: &pb.InstanceChange{
			Instance: v, From: old.GetState(), Cause: cause}}})
	}
}
