package fsm

import (
	"net/netip"
	"time"
)

// PriorityOwner is the priority of the router that owns the virtual router's
// addresses (RFC 5798 §5.2.4). Tracking never changes it and no other priority
// reaches it.
const PriorityOwner = 255

// Versions of the protocol.
const (
	V2 = 2 // RFC 3768
	V3 = 3 // RFC 5798, RFC 9568
)

// AuthType is the version 2 authentication type an instance expects (RFC 2338 §5.3.6).
type AuthType uint8

// Authentication types.
const (
	AuthNone AuthType = 0
	AuthPass AuthType = 1 // simple text password
	AuthAH   AuthType = 2 // IP authentication header; checked before Accept
)

// Config is what one virtual router instance is told. The zero value of each field
// is the protocol's default where there is one. A Config is never changed: a reload
// makes a new one and steps Reconfigured with it.
type Config struct {
	Version  uint8      // V2 or V3
	VRID     uint8      // 1..255
	Source   netip.Addr // the address adverts leave from: the tie-break
	Priority uint8      // configured priority 1..255; PriorityOwner is the owner

	AdverInt         time.Duration // Advertisement_Interval, at least 10 ms
	DownTimerAdverts uint8         // down_timer_adverts 1..100; 0 means 3 (RFC 5798 §6.1)
	NoPreempt        bool          // nopreempt: Preempt_Mode false
	PreemptDelay     time.Duration // preempt_delay

	LowerPrioNoAdvert bool // lower_prio_no_advert: do not answer adverts of lower priority

	// HigherPrioSendAdvert (higher_prio_send_advert) is one more advert before yielding,
	// unless the process was stalled and has not sent since. After a cut between two
	// Masters it is the only sign by which the better one can learn that somebody else
	// has answered for its addresses, and announce them again: without it hosts may
	// stay wrong when the lesser one is the first to hear the other.
	HigherPrioSendAdvert bool

	// TimerExpiredBackup is the highest priority of the other routers (1..254) under
	// timer_expired_backup: a Master whose advert is so late that such a router has
	// taken over goes Backup instead of sending it. 0 is off.
	TimerExpiredBackup uint8

	// Grouped makes the instance a member of a sync group: it starts, becomes Master
	// and leaves Fault only by GroupPull.
	Grouped bool

	// Spread is any number that differs between the instances of a host. It brings
	// the second advert of a new Master forward by Spread/2³² of an interval, so that
	// instances which became Master together do not send together. 0 is no spreading.
	Spread uint32

	// Digest stands for everything in the instance's configuration that a hand-over
	// depends on.
	Digest uint64

	// What Accept needs.

	Unicast            bool // unicast_peer is given
	CheckUnicastSource bool // check_unicast_src, or any peer with a TTL limit
	Peers              []Peer
	VIPs               []netip.Addr // virtual_ipaddress in the order of the file, without the excluded
	Auth               AuthType     // v2 only
	Password           [8]byte      // AuthPass: padded with zero octets
	OwnerIgnoreAdverts bool         // owner_ignore_adverts
	SkipCheckAdvAddr   bool         // skip_check_adv_addr
}

// Peer is one line of unicast_peer.
type Peer struct {
	Addr   netip.Addr
	MinTTL uint8 // 0 by default
	MaxTTL uint8 // 255 by default
}

// Owner reports whether the instance owns its addresses.
func (c *Config) Owner() bool { return c.Priority == PriorityOwner }
