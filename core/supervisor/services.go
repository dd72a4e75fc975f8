package supervisor

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "keepalived/proto/keepalived/v1"
)

// serviceRecord is what was last reported of a virtual server: its own message without
// servers, and theirs in the order in which they were first heard of.
type serviceRecord struct {
	service *pb.VirtualServer
	servers map[string]*pb.RealServer
	order   []string
}

// service gives the record of a key, a new one when there is none.
func (r *records) service(key, name string) *serviceRecord {
	v := r.services[key]
	if v == nil {
		v = &serviceRecord{service: &pb.VirtualServer{Key: key, Name: name}, servers: map[string]*pb.RealServer{}}
		r.services[key] = v
	}
	return v
}

func (v *serviceRecord) put(s *pb.RealServer) {
	if _, ok := v.servers[s.GetKey()]; !ok {
		v.order = append(v.order, s.GetKey())
	}
	v.servers[s.GetKey()] = s
}

func (v *serviceRecord) remove(key string) {
	if _, ok := v.servers[key]; ok {
		delete(v.servers, key)
		v.order = slices.DeleteFunc(v.order, func(k string) bool { return k == key })
	}
}

func (r *records) learnService(e *pb.Event, c *pb.ServiceChange) {
	s := c.GetService()
	if c.GetRemoved() {
		delete(r.services, s.GetKey())
		return
	}
	if s == nil {
		return
	}
	if s.GetReported() == nil {
		s.Reported = e.GetTime()
	}
	v := r.service(s.GetKey(), s.GetName())
	v.service = s
	for _, x := range s.GetServers() {
		v.put(x)
	}
}

func (r *records) learnServer(c *pb.ServerChange) {
	s := c.GetServer()
	if s == nil {
		return
	}
	if c.GetRemoved() {
		if v := r.services[c.GetServiceKey()]; v != nil {
			v.remove(s.GetKey())
		}
		return
	}
	r.service(c.GetServiceKey(), c.GetService()).put(s)
}

// staleServices copies the records, marked, without those already told.
func (r *records) staleServices(names []string, told map[string]bool) []*pb.VirtualServer {
	var out []*pb.VirtualServer
	for key, v := range r.services {
		if told[key] || len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return goesBy(v.service, n) }) {
			continue
		}
		s := proto.Clone(v.service).(*pb.VirtualServer)
		s.Stale, s.Servers = true, nil
		for _, k := range v.order {
			s.Servers = append(s.Servers, proto.Clone(v.servers[k]).(*pb.RealServer))
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *pb.VirtualServer) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Key, b.Key))
	})
	return out
}

// goesBy reports whether an operator may call a service by that name, as the child
// does: its key, its name, ADDRESS, ADDRESS:PORT, "fwmark N" or the name of its group.
func goesBy(s *pb.VirtualServer, name string) bool {
	if name == s.GetKey() || name == s.GetName() {
		return true
	}
	if mark, ok := strings.CutPrefix(s.GetName(), "FWM "); ok {
		return strings.EqualFold(name, "fwmark "+mark) || strings.EqualFold(name, "fwm "+mark)
	}
	inner, rest, ok := strings.Cut(strings.TrimPrefix(s.GetName(), "["), "]:")
	if !ok {
		return false
	}
	if rest == "0" {
		return name == inner || name == "group "+inner
	}
	_, port, ok := strings.Cut(rest, ":")
	return ok && (name == inner || name == inner+":"+port || name == "["+inner+"]:"+port)
}

func listServices(names []string) *pb.ServeResponse {
	return &pb.ServeResponse{Command: &pb.ServeResponse_ListServices{
		ListServices: &pb.ListServicesCommand{Names: names}}}
}

// Services lists virtual servers with their real servers.
func (a answers) Services(ctx context.Context, names []string, send func(*pb.VirtualServer) error) error {
	told := map[string]bool{}
	return a.s.list(ctx, pb.Role_ROLE_CHECKER, listServices(names), func(m *pb.ServeRequest) error {
		v := m.GetService()
		if v == nil {
			return nil
		}
		told[v.GetKey()] = true
		return send(v)
	}, func() error {
		var rest []*pb.VirtualServer
		err := a.s.ask(ctx, func() { rest = a.s.records.staleServices(names, told) })
		return sendAll(rest, err, send)
	})
}

// refreshServices takes in all that a healthchecker child has, after events were lost.
func (s *Supervisor) refreshServices(c *child, x session, cause string) {
	now := map[string]*pb.VirtualServer{}
	s.fetch(x, listServices(nil), func(m *pb.ServeRequest) {
		if v := m.GetService(); v != nil {
			now[v.GetKey()] = v
		}
	}, func() { s.refreshedServices(c, x, now, cause) })
}

func (s *Supervisor) refreshedServices(c *child, x session, now map[string]*pb.VirtualServer, cause string) {
	if c.session != x {
		return
	}
	for key, old := range s.records.services {
		if now[key] == nil {
			s.childEvent(c, &pb.Event{Kind: &pb.Event_Service{Service: &pb.ServiceChange{
				Service: old.service, WasUp: old.service.GetQuorumUp(), Removed: true, Cause: cause}}})
		}
	}
	for key, v := range now {
		servers := v.GetServers()
		v.Servers, v.Reported = nil, timestamppb.Now()
		old := s.records.services[key]
		if old == nil || old.service.GetQuorumUp() != v.GetQuorumUp() || old.service.GetSorryActive() != v.GetSorryActive() ||
			old.service.GetWeight() != v.GetWeight() || old.service.GetTable() != v.GetTable() {
			change := &pb.ServiceChange{Service: v, First: old == nil, Cause: cause}
			if old != nil {
				change.WasUp = old.service.GetQuorumUp()
			}
			s.childEvent(c, &pb.Event{Kind: &pb.Event_Service{Service: change}})
		}
		s.refreshedServers(c, v, servers, cause)
	}
}

func (s *Supervisor) refreshedServers(c *child, v *pb.VirtualServer, now []*pb.RealServer, cause string) {
	tell := func(change *pb.ServerChange) {
		change.Service, change.ServiceKey, change.Cause = v.GetName(), v.GetKey(), cause
		s.childEvent(c, &pb.Event{Kind: &pb.Event_Server{Server: change}})
	}
	record := s.records.service(v.GetKey(), v.GetName())
	there := make(map[string]bool, len(now))
	for _, x := range now {
		there[x.GetKey()] = true
		old := record.servers[x.GetKey()]
		if old != nil && old.GetAlive() == x.GetAlive() && old.GetWeight() == x.GetWeight() &&
			old.GetPresent() == x.GetPresent() && proto.Equal(old.GetOverride(), x.GetOverride()) {
			continue
		}
		tell(&pb.ServerChange{Server: x, WasAlive: old.GetAlive(), First: old == nil})
	}
	for _, key := range slices.Clone(record.order) {
		if !there[key] {
			old := record.servers[key]
			tell(&pb.ServerChange{Server: old, WasAlive: old.GetAlive(), Removed: true})
		}
	}
}
