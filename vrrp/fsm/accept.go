package fsm

import (
	"net/netip"
	"time"
)

// Packet is what the checks that depend on the configuration need to know of an
// advert whose form is right (length, type and checksum are the codec's business).
type Packet struct {
	Source    netip.Addr
	Multicast bool // was sent to the multicast group
	TTL       uint8
	Version   uint8
	VRID      uint8
	Priority  uint8
	AuthType  uint8         // v2
	Auth      [8]byte       // v2
	AdverInt  time.Duration // as sent
	Count     int           // addresses in its list
	// Missing is the first of Config.VIPs that its list lacks, the zero Addr when it
	// lacks none. Only looked at when ListMatters.
	Missing netip.Addr
}

// Refusal is why an advert of our VRID is not let through.
type Refusal uint8

// Refusals, in the order of the checks, with 2.2.7's text behind "(VI) ".
const (
	Accepted        Refusal = iota
	RefusedTTL              // invalid TTL/HL. Received Got and expect Want
	RefusedUnicast          // multicast advert for a unicast instance, or the reverse
	RefusedPeer             // source is none of our peers
	RefusedVersion          // wrong version. Received Got and expect Want
	RefusedVRID             // not our VRID
	RefusedAuthType         // received a Got auth, expecting Want!
	RefusedPassword         // received an invalid passwd!
	RefusedInterval         // advertisement interval mismatch mine=Want sec rcv'd=Got sec (v2)
	RefusedOwner            // owner_ignore_adverts

	refusals
)

// Refusals is the number of values of Refusal, for tables of counters.
const Refusals = int(refusals)

var refusalNames = [refusals]string{
	Accepted: "accepted", RefusedTTL: "TTL", RefusedUnicast: "unicast", RefusedPeer: "peer",
	RefusedVersion: "version", RefusedVRID: "VRID", RefusedAuthType: "authentication type",
	RefusedPassword: "password", RefusedInterval: "interval", RefusedOwner: "owner",
}

// String returns a short name.
func (r Refusal) String() string {
	if r >= refusals {
		return "Refusal(?)"
	}
	return refusalNames[r]
}

// Mismatch is something that is logged and counted about an advert that is accepted
// all the same.
type Mismatch uint8

// Mismatches.
const (
	Matches Mismatch = iota
	// MismatchCount: the list has another length: "received an unexpected ip number
	// count Got, expected Want!".
	MismatchCount
	// MismatchAddress: Missing is not in the list: "ip address associated with VRID
	// VRID not present in MASTER advert: Missing".
	MismatchAddress
	// MismatchInterval: version 3, another interval than ours. Backups learn it
	// (RFC 5798 §6.1).
	MismatchInterval
)

// Judgement is the result of Accept. Got and Want are the operands of the texts;
// for the intervals they are in nanoseconds.
type Judgement struct {
	Refusal   Refusal
	Mismatch  Mismatch
	Got, Want int64
}

// ListMatters reports whether the address list of an advert from source is to be
// compared: not under skip_check_adv_addr while it comes from the master we know.
func ListMatters(c *Config, s *State, source netip.Addr) bool {
	return !(c.SkipCheckAdvAddr && s.Phase == Backup && s.Master == source)
}

// Accept makes the checks that depend on the configuration, in keepalived's order.
// An advert that it refuses must not reach Step: whoever sends one must not be able
// to move a timer.
//
// Another address list than ours is accepted: 2.2.7 drops the advert, so that
// changing the list on one router after the other gives two masters until both have
// it; 2.3.3 accepts, and RFC 5798 §7.1 asks for a log entry only.
func Accept(c *Config, s *State, p *Packet) Judgement {
	if j := checkPath(c, p); j.Refusal != Accepted {
		return j
	}
	switch {
	case p.Version != c.Version:
		return refuse(RefusedVersion, int64(p.Version), int64(c.Version))
	case p.VRID != c.VRID:
		return refuse(RefusedVRID, int64(p.VRID), int64(c.VRID))
	}
	if c.Version == V2 {
		switch {
		case p.AuthType != uint8(c.Auth):
			return refuse(RefusedAuthType, int64(p.AuthType), int64(c.Auth))
		case c.Auth == AuthPass && !samePassword(&p.Auth, &c.Password):
			return refuse(RefusedPassword, 0, 0)
		case p.AdverInt != c.AdverInt:
			return refuse(RefusedInterval, int64(p.AdverInt), int64(c.AdverInt))
		}
	}
	if c.OwnerIgnoreAdverts && c.Owner() {
		return refuse(RefusedOwner, 0, 0)
	}
	return Judgement{}.compare(c, s, p)
}

// checkPath checks how the advert came: TTL or hop limit (RFC 5798 §5.1.1.3), cast
// and sender.
func checkPath(c *Config, p *Packet) Judgement {
	if !c.Unicast {
		switch {
		case !p.Multicast:
			return refuse(RefusedUnicast, 0, 0)
		case p.TTL != 255:
			return refuse(RefusedTTL, int64(p.TTL), 255)
		}
		return Judgement{}
	}
	if p.Multicast {
		return refuse(RefusedUnicast, 0, 0)
	}
	if !c.CheckUnicastSource {
		return Judgement{}
	}
	for i := range c.Peers {
		peer := &c.Peers[i]
		if peer.Addr != p.Source {
			continue
		}
		switch {
		case p.TTL < peer.MinTTL:
			return refuse(RefusedTTL, int64(p.TTL), int64(peer.MinTTL))
		case p.TTL > peer.MaxTTL:
			return refuse(RefusedTTL, int64(p.TTL), int64(peer.MaxTTL))
		}
		return Judgement{}
	}
	return refuse(RefusedPeer, 0, 0)
}

// compare notes what differs in an accepted advert.
func (j Judgement) compare(c *Config, s *State, p *Packet) Judgement {
	switch {
	case !ListMatters(c, s, p.Source):
	case p.Count != len(c.VIPs):
		j.Mismatch, j.Got, j.Want = MismatchCount, int64(p.Count), int64(len(c.VIPs))
		return j
	case p.Missing.IsValid():
		j.Mismatch = MismatchAddress
		return j
	}
	if c.Version != V2 && p.AdverInt != c.AdverInt {
		j.Mismatch, j.Got, j.Want = MismatchInterval, int64(p.AdverInt), int64(c.AdverInt)
	}
	return j
}

// samePassword takes the same time wherever the first difference is.
func samePassword(a, b *[8]byte) bool {
	diff := byte(0)
	for i := range a {
		diff |= a[i] ^ b[i]
	}
	return diff == 0
}

func refuse(r Refusal, got, want int64) Judgement {
	return Judgement{Refusal: r, Got: got, Want: want}
}
