package checkercfg

import (
	"encoding/binary"
	"hash/fnv"
	"slices"

	"keepalived/core/diag"
)

// Digest stands for what the checker asks: where it connects, what it says and what it
// expects, whatever becomes of its intervals. Two generations with the same Digest ask
// the same question.
func (k *Check) Digest() uint64 {
	h := fnv.New64a()
	word := func(texts ...string) {
		for _, s := range texts {
			var n [4]byte
			binary.BigEndian.PutUint32(n[:], uint32(len(s)))
			h.Write(n[:])
			h.Write([]byte(s))
		}
	}
	c := &k.Connection
	word(k.Kind.String(), c.Addr.String(), c.Bind.String(), c.BindIf, sprintf("%d %d", c.Port, c.Mark))
	if k.HTTP != nil {
		word(k.HTTP.Version.String(), k.HTTP.Host, k.HTTP.SNIName, sprintf("%t", k.HTTP.SNI))
		for _, u := range k.HTTP.URLs {
			word(u.Path, u.Digest, u.VirtualHost, sprintf("%v", u.Codes))
		}
	}
	if k.Misc != nil {
		s := k.Misc.Script
		word(s.Text, s.User, s.Group, sprintf("%t %t", s.AllGroups, k.Misc.Dynamic))
		word(s.Argv...)
	}
	return h.Sum64()
}

// Plan is what a reload does to the services, by key, in the order of the new file
// (Removed: of the old).
type Plan struct {
	Kept, Changed, Removed, Added []string
}

// Empty reports whether no service is touched.
func (p *Plan) Empty() bool { return len(p.Changed) == 0 && len(p.Removed) == 0 && len(p.Added) == 0 }

// Diff plans the reload from one generation to the next.
func Diff(from, to *Config) Plan {
	var p Plan
	before := make(map[string]*Service, len(from.Services))
	for _, s := range from.Services {
		before[s.Key()] = s
	}
	after := make(map[string]bool, len(to.Services))
	for _, s := range to.Services {
		key := s.Key()
		after[key] = true
		switch old := before[key]; {
		case old == nil:
			p.Added = append(p.Added, key)
		case EqualService(old, s):
			p.Kept = append(p.Kept, key)
		default:
			p.Changed = append(p.Changed, key)
		}
	}
	for _, s := range from.Services {
		if key := s.Key(); !after[key] {
			p.Removed = append(p.Removed, key)
		}
	}
	return p
}

// EqualService reports whether two generations of a service are the same in everything
// but their place in the file.
func EqualService(a, b *Service) bool {
	return a.Kind == b.Kind && a.Addr == b.Addr && a.Port == b.Port && a.Mark == b.Mark && equalGroup(a.Group, b.Group) &&
		a.Family == b.Family && a.Protocol == b.Protocol && a.Nth == b.Nth &&
		a.Scheduler == b.Scheduler && a.Flags == b.Flags && a.Hashed == b.Hashed && a.OnePacket == b.OnePacket && a.Engine == b.Engine &&
		a.Persistence == b.Persistence && a.Granularity == b.Granularity && a.Mask == b.Mask &&
		a.Forwarding == b.Forwarding && a.Weight == b.Weight &&
		a.Alpha == b.Alpha && a.Omega == b.Omega && a.Inhibit == b.Inhibit && a.HASuspend == b.HASuspend &&
		a.Quorum == b.Quorum && a.Hysteresis == b.Hysteresis && a.QuorumUp.Equal(b.QuorumUp) && a.QuorumDown.Equal(b.QuorumDown) &&
		equalPointed(a.Sorry, b.Sorry) && a.Mail == b.Mail && a.VirtualHost == b.VirtualHost && a.SNMPName == b.SNMPName &&
		a.Timing == b.Timing && slices.EqualFunc(a.Servers, b.Servers, EqualServer)
}

// EqualServer reports whether two generations of a real server are the same.
func EqualServer(a, b *Server) bool {
	return a.Addr == b.Addr && a.Port == b.Port && a.Protocol == b.Protocol && a.Weight == b.Weight && a.Forwarding == b.Forwarding &&
		a.Upper == b.Upper && a.Lower == b.Lower && a.Alpha == b.Alpha && a.Inhibit == b.Inhibit &&
		a.NotifyUp.Equal(b.NotifyUp) && a.NotifyDown.Equal(b.NotifyDown) && a.Mail == b.Mail &&
		a.VirtualHost == b.VirtualHost && a.SNMPName == b.SNMPName && a.Timing == b.Timing &&
		slices.EqualFunc(a.Checks, b.Checks, EqualCheck) && slices.EqualFunc(a.Idle, b.Idle, EqualCheck)
}

// EqualCheck reports whether two generations of a checker are the same in everything but
// their place.
func EqualCheck(a, b *Check) bool {
	return a.Kind == b.Kind && a.Connection == b.Connection && a.DelayLoop == b.DelayLoop && a.Warmup == b.Warmup &&
		a.Retry == b.Retry && a.RetryDelay == b.RetryDelay && a.DefaultRetryDelay == b.DefaultRetryDelay &&
		a.Alpha == b.Alpha && a.LogAll == b.LogAll && equalHTTP(a.HTTP, b.HTTP) && equalMisc(a.Misc, b.Misc) &&
		equalPointed(a.SMTP, b.SMTP) && equalPointed(a.DNS, b.DNS) && equalUDP(a.UDP, b.UDP) && equalBFD(a.BFD, b.BFD) && equalPointed(a.File, b.File)
}

func equalPointed[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }

func equalGroup(a, b *Group) bool {
	return a == b || a != nil && b != nil && a.Name == b.Name && slices.Equal(a.Entries, b.Entries)
}

func equalHTTP(a, b *HTTP) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Version == b.Version && a.VirtualHost == b.VirtualHost && a.FastRecovery == b.FastRecovery &&
		a.SNI == b.SNI && a.SNIName == b.SNIName && a.Host == b.Host &&
		slices.EqualFunc(a.URLs, b.URLs, func(x, y URL) bool {
			return x.Path == y.Path && x.Digest == y.Digest && x.VirtualHost == y.VirtualHost && slices.Equal(x.Codes, y.Codes) &&
				x.TLSCompliant == y.TLSCompliant && equalRegex(x.Regex, y.Regex)
		})
}

func equalRegex(a, b *Regex) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Pattern == b.Pattern && a.NoMatch == b.NoMatch && slices.Equal(a.Options, b.Options) &&
		a.MinOffset == b.MinOffset && a.MaxOffset == b.MaxOffset && a.StackStart == b.StackStart && a.StackMax == b.StackMax
}

func equalUDP(a, b *Datagram) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Wanted == b.Wanted && slices.Equal(a.Payload, b.Payload) && slices.Equal(a.Reply, b.Reply) && slices.Equal(a.Mask, b.Mask) &&
		a.MinLength == b.MinLength && a.MaxLength == b.MaxLength
}

// equalBFD: where it stands makes no difference.
func equalBFD(a, b *BFD) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := *a, *b
	x.Range, y.Range = diag.Range{}, diag.Range{}
	return x == y
}

func equalMisc(a, b *Misc) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Timeout == b.Timeout && a.Limit == b.Limit && a.Dynamic == b.Dynamic && a.Script.Equal(b.Script)
}
