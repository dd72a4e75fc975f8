package iface

import (
	"cmp"
	"net/netip"
	"slices"
)

// addrSet are the addresses of one link. 2,000 of them come and go at once when an
// instance does; so what an event costs does not grow with their number.
type addrSet struct {
	all  map[addrKey]held
	next uint32
	// candidates are the keys that may be chosen as a source, by rank, in the order of
	// arrival, which is the kernel's order. Our own are in none of them.
	candidates [ranks][]addrKey
}

type held struct {
	Addr
	arrival uint32
	rank    rank
}

type addrKey struct {
	ip   netip.Addr
	bits int8 // -1 for IPv6
	peer netip.Addr
}

func (a Addr) key() addrKey {
	if !a.Prefix.Addr().Is4() {
		return addrKey{ip: a.Prefix.Addr(), bits: -1}
	}
	return addrKey{ip: a.Prefix.Addr(), bits: int8(a.Prefix.Bits()), peer: a.Peer}
}

// rank is how good an address is as a source.
type rank uint8

const (
	primary4   rank = iota // any IPv4 address but a virtual one
	spare4                 // a virtual IPv4 address that somebody else has set
	linkLocal6             // the same two among the usable link-local addresses
	spare6
	ranks
	unfit
)

func rankOf(a Addr, vips map[netip.Addr]struct{}) rank {
	ip := a.Prefix.Addr()
	_, virtual := vips[ip]
	switch {
	case a.Ours:
		return unfit
	case ip.Is4() && virtual:
		return spare4
	case ip.Is4():
		return primary4
	case !ip.IsLinkLocalUnicast() || a.Tentative || a.DADFailed:
		return unfit
	case virtual:
		return spare6
	}
	return linkLocal6
}

// put takes a in and returns what was there before under its key.
func (s *addrSet) put(a Addr, vips map[netip.Addr]struct{}) (was Addr) {
	if s.all == nil {
		s.all = map[addrKey]held{}
	}
	k := a.key()
	h, known := s.all[k]
	was = h.Addr
	if !known {
		h.arrival, h.rank = s.next, unfit
		s.next++
	}
	h.Addr = a
	if r := rankOf(a, vips); r != h.rank {
		s.disqualify(k, h.rank)
		s.qualify(k, r)
		h.rank = r
	}
	s.all[k] = h
	return was
}

// drop takes a out.
func (s *addrSet) drop(a Addr) {
	k := a.key()
	if h, known := s.all[k]; known {
		s.disqualify(k, h.rank)
		delete(s.all, k)
	}
}

func (s *addrSet) qualify(k addrKey, r rank) {
	if r != unfit {
		s.candidates[r] = append(s.candidates[r], k)
	}
}

func (s *addrSet) disqualify(k addrKey, r rank) {
	if r == unfit {
		return
	}
	if i := slices.Index(s.candidates[r], k); i >= 0 {
		s.candidates[r] = slices.Delete(s.candidates[r], i, i+1)
	}
}

// rerank sorts all addresses into their ranks anew.
func (s *addrSet) rerank(vips map[netip.Addr]struct{}) {
	s.candidates = [ranks][]addrKey{}
	for _, h := range s.inOrder() {
		h.rank = rankOf(h.Addr, vips)
		s.qualify(h.key(), h.rank)
		s.all[h.key()] = h
	}
}

func (s *addrSet) inOrder() []held {
	list := make([]held, 0, len(s.all))
	for _, h := range s.all {
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b held) int { return cmp.Compare(a.arrival, b.arrival) })
	return list
}

// choose returns the source addresses, zero where there is none.
func (s *addrSet) choose() (primary, linkLocal netip.Addr) {
	first := func(ranks ...rank) netip.Addr {
		for _, r := range ranks {
			if len(s.candidates[r]) > 0 {
				return s.candidates[r][0].ip
			}
		}
		return netip.Addr{}
	}
	return first(primary4, spare4), first(linkLocal6, spare6)
}
