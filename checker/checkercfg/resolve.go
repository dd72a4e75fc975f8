package checkercfg

import (
	"net/netip"
	"slices"
	"time"

	"keepalived/core/diag"
)

// Defaults where nothing is said (observed on 2.2.7).
const (
	defaultDelayLoop      = 60 * time.Second
	defaultConnectTimeout = 5 * time.Second
)

// complain reports a finding about the service as a whole.
func (s *service) complain(format string, args ...any) {
	s.d.diags.Warnf(s.Range, diag.Conflict, format, args...)
}

// complete says what is wrong with the service as a whole, sets it right, and fills in
// defaults, for its real servers and their checkers too.
func (s *service) complete() {
	if len(s.servers) == 0 {
		s.complain("Virtual server %s has no real servers - ignoring", s.title())
		return
	}
	s.completeFamily()
	if s.Protocol == NoProtocol && !s.marksOnly() {
		s.complain("Virtual server %s: no protocol set - defaulting to UDP", s.title())
		s.Protocol = UDP
	}
	s.completePersistence()
	if s.OnePacket && s.Protocol != UDP && s.Kind != ByMark {
		s.complain("Virtual server %s: one packet scheduling requires UDP - resetting", s.title())
		s.OnePacket = false
	}
	if s.Scheduler == "" {
		s.complain("Virtual server %s: no scheduler set, setting default 'wlc'", s.title())
		s.Scheduler = "wlc"
	}
	if s.Forwarding.Method == MethodUnset {
		if s.asksForMethod() {
			s.complain("Virtual server %s: no forwarding method set, setting default NAT", s.title())
		}
		s.Forwarding.Method = NAT
	}
	s.completeServers()
	s.completeQuorum()
	if s.Kind == ByMark && s.Protocol != NoProtocol {
		s.complain("Warning: Virtual server %s: protocol specified for fwmark - protocol will be ignored", s.title())
		s.Protocol = NoProtocol
	} else if s.Kind == ByGroup && s.Protocol != NoProtocol && s.Group.onlyMarks() {
		s.complain("Warning: Virtual server %s: protocol specified for fwmark - protocol will be ignored", s.title())
		s.Protocol = NoProtocol
	}
	s.Timing.inherit(Timing{ConnectTimeout: defaultConnectTimeout, DelayLoop: defaultDelayLoop, Retry: Unset, RetryDelay: Unset, Warmup: Unset})
	s.Mail = s.mail.Or(s.d.g.SMTPAlertChecker.Or(s.d.g.SMTPAlert.Or(false)))
	s.completeSorry()
	for _, r := range s.servers {
		r.complete()
	}
	s.dropCollisions()
	for _, r := range s.servers {
		s.Servers = append(s.Servers, r.Server)
	}
	s.register()
}

// register adds the service to the configuration.
func (s *service) register() {
	key := s.Key()
	s.Nth = s.d.services[key]
	s.d.services[key]++
	s.d.cfg.Services = append(s.d.cfg.Services, s.Service)
}

// marksOnly reports whether no address belongs to the service.
func (s *service) marksOnly() bool {
	if s.Kind != ByGroup {
		return s.Kind == ByMark
	}
	v4, v6 := s.Group.Families()
	return !v4 && !v6
}

// completeFamily: an address says it, ip_family does, the group's addresses, and last
// the first real server that is not behind a tunnel.
func (s *service) completeFamily() {
	switch v4, v6 := false, false; s.Kind {
	case ByAddress:
		s.Family = FamilyOf(s.Addr)
		return
	case ByGroup:
		if v4, v6 = s.Group.Families(); v4 || v6 {
			s.Family = IPv4
			if !v4 {
				s.Family = IPv6
			}
			return
		}
	}
	for _, r := range s.servers {
		tunnelled := r.Forwarding.Method == TUN || r.Forwarding.Method == MethodUnset && s.Forwarding.Method == TUN
		if s.Family == 0 && !tunnelled {
			s.Family = FamilyOf(r.Addr)
		}
	}
	if s.Family == 0 {
		s.Family = IPv4
	}
}

// completePersistence: the kernel has services for all ports with persistence only.
func (s *service) completePersistence() {
	zero := s.Kind == ByAddress && s.Port == 0 ||
		s.Kind == ByGroup && slices.ContainsFunc(s.Group.Entries, func(e Entry) bool { return e.First.IsValid() && e.Port == 0 })
	if zero && !s.persist {
		s.complain("Virtual server %s: zero port only valid for persistent services - setting", s.title())
		s.persist = true
	}
	if s.persist && s.Persistence == 0 {
		s.Persistence = defaultPersistence * time.Second
	}
	if s.Mask == 0 && s.Granularity == "" {
		s.Mask = 32
		if s.Family == IPv6 {
			s.Mask = 128
		}
	}
}

// completeServers drops real servers that are there twice and looks at ports.
func (s *service) completeServers() {
	seen := map[netip.AddrPort]bool{}
	s.servers = slices.DeleteFunc(s.servers, func(r *server) bool {
		key := netip.AddrPortFrom(r.Addr, r.port)
		if seen[key] {
			s.complain("VS %s: real server %s is duplicated - removing second rs", s.title(), r.title())
			return true
		}
		seen[key] = true
		return false
	})
	for _, r := range s.servers {
		method := s.Forwarding.Method
		if r.Forwarding.Method != MethodUnset {
			method = r.Forwarding.Method
		}
		if method != NAT && s.Kind == ByAddress && r.port != 0 && r.port != s.Port {
			s.complain("WARNING - virtual server %s and real server %s ports don't match - resetting", s.title(), r.title())
			s.d.diags.WithHint("only NAT can change the port of a packet: with DR and TUN the server has to listen on port %d", s.Port)
		}
	}
}

// asksForMethod reports whether a server is without a method of its own.
func (s *service) asksForMethod() bool {
	return s.Sorry != nil && s.Sorry.Forwarding.Method == MethodUnset ||
		slices.ContainsFunc(s.servers, func(r *server) bool { return r.Forwarding.Method == MethodUnset })
}

// dropCollisions drops real servers that are the same for ip_vs once their ports are
// reset: 2.2.7 keeps both and the second one's failure removes the first.
func (s *service) dropCollisions() {
	seen := map[netip.AddrPort]bool{}
	s.servers = slices.DeleteFunc(s.servers, func(r *server) bool {
		if seen[r.at()] {
			s.complain("VS %s: real server %s is duplicated - removing second rs", s.title(), r.Name())
			return true
		}
		seen[r.at()] = true
		return false
	})
}

func (s *service) completeQuorum() {
	total := int64(0)
	for _, r := range s.servers {
		if r.weight != Unset {
			total += r.weight
		} else {
			total += int64(s.Weight)
		}
	}
	if int64(s.Quorum) > total {
		s.complain("Warning - quorum %d for %s exceeds total weight of real servers %d, reducing quorum to %d", s.Quorum, s.title(), total, total)
		s.Quorum = uint32(total)
	}
	if quorum := int64(s.Quorum); s.hysteresis >= quorum && s.hysteresis > 0 {
		s.complain("Virtual server %s: hysteresis %d >= quorum %d; setting hysteresis to %d", s.title(), s.hysteresis, quorum, max(quorum-1, 0))
		s.hysteresis = max(quorum-1, 0)
	}
	s.Hysteresis = uint32(s.hysteresis)
}
