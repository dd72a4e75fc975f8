package checkercfg

import (
	"net/netip"
	"strconv"
)

// Name is the service as logs, dumps and FIFO lines name it: [10.0.0.100]:tcp:80,
// FWM 7, [GROUP]:0. Two services may have the same; see Key.
func (s *Service) Name() string {
	switch s.Kind {
	case ByMark:
		return "FWM " + strconv.FormatUint(uint64(s.Mark), 10)
	case ByGroup:
		return "[" + s.Group.Name + "]:0"
	}
	return sprintf("[%s]:%s:%d", s.Addr, s.Protocol, s.Port)
}

// Title is the entry as the log names it, for a service of that protocol.
func (e *Entry) Title(p Protocol) string {
	switch {
	case !e.First.IsValid():
		return "FWM " + strconv.FormatUint(uint64(e.Mark), 10)
	case e.First != e.Last:
		return sprintf("[%s-%s]:%s:%d", e.First, e.Last, p, e.Port)
	}
	return sprintf("[%s]:%s:%d", e.First, p, e.Port)
}

// Key names the service and no other of the configuration. It is the Name, with what
// tells it apart from its namesakes behind it: inet6 of a mark, udp and sctp of a
// group, #2 of a virtual_server that is there twice. It is the same after every reload.
func (s *Service) Key() string {
	key := s.Name()
	switch {
	case s.Kind == ByMark && s.Family == IPv6:
		key += " inet6"
	case s.Kind == ByGroup && (s.Protocol == UDP || s.Protocol == SCTP):
		key += " " + s.Protocol.String()
	}
	if s.Nth > 0 {
		key += " #" + strconv.Itoa(s.Nth+1)
	}
	return key
}

// Name is the server as logs, dumps and FIFO lines name it: [10.0.0.1]:tcp:80.
func (r *Server) Name() string { return sprintf("[%s]:%s:%d", r.Addr, r.Protocol, r.Port) }

// Key names the server and no other of its service: 10.0.0.1:80.
func (r *Server) Key() string { return netip.AddrPortFrom(r.Addr, r.Port).String() }

// SorryName is the sorry server as logs name it.
func (s *Service) SorryName() string {
	return sprintf("[%s]:%s:%d", s.Sorry.Addr, s.Protocol, s.Sorry.Port)
}

// Service returns the service of that key, nil when there is none.
func (c *Config) Service(key string) *Service {
	for _, s := range c.Services {
		if s.Key() == key {
			return s
		}
	}
	return nil
}

// Server returns the server of that key, nil when there is none.
func (s *Service) Server(key string) *Server {
	for _, r := range s.Servers {
		if r.Key() == key {
			return r
		}
	}
	return nil
}
