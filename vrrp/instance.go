package vrrp

import (
	"encoding/binary"
	"hash/fnv"
	"net/netip"
	"time"

	"keepalived/core/clock"
	"keepalived/core/loop"
	"keepalived/vrrp/fsm"
	"keepalived/vrrp/iface"
	"keepalived/vrrp/sock"
	"keepalived/vrrp/vrrpcfg"
)

// instance is one virtual router as the daemon runs it.
type instance struct {
	id    int32 // owner id at the worker; never reused for another name
	cfg   *vrrpcfg.Instance
	mc    fsm.Config
	st    fsm.State
	timer loop.Timer

	slot   iface.Slot // of its interface; -1: unicast without one
	bound  bool       // in routes
	next   *instance  // with the same route
	joined membership // where adverts are listened for
	group  *syncGroup // nil: none

	waiting     bool // its deadline has come, the socket is being read
	ipid        uint16
	pdu         []byte
	causes      causeSet
	weights     int // sum of what tracking contributes
	cause       string
	since       clock.Instant
	changed     time.Time // when, as a time of day
	counters    counters
	late        lateness
	applied     uint64 // newest generation the worker has reported
	failed      bool   // of it, not everything could be installed
	removing    bool   // gone from the configuration, waits for its addresses to go
	slotNo      int    // hand-over slot
	track       []trackRef
	pacers      []*linkPacer // of the links its addresses are on
	notify      notifyOptions
	contestedAt clock.Instant
}

// membership is a multicast group on a link.
type membership struct {
	link  int32
	group netip.Addr
}

// counters are the statistics of an instance beyond what fsm counts by action.
type counters struct {
	received, sent         uint64
	becameMaster, released uint64
	zeroReceived, zeroSent uint64
	sendErrors, garps      uint64
	restored               uint64
	drops                  [dropKinds]uint64
	mismatches             uint64
	lastDrop               int // for "logged once per change of reason"
	repeats                uint64
	saidAt                 clock.Instant
}

// lateness counts own adverts by how late they left.
type lateness struct {
	buckets [len(latenessBounds) + 1]uint64
	worst   time.Duration
}

// latenessBounds are the upper ends of the histogram's buckets.
var latenessBounds = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond, time.Millisecond,
	2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, time.Second,
}

func (l *lateness) add(d time.Duration) {
	l.worst = max(l.worst, d)
	for i, bound := range latenessBounds {
		if d <= bound {
			l.buckets[i]++
			return
		}
	}
	l.buckets[len(latenessBounds)]++
}

// family is the IP version of the instance's adverts.
func (in *instance) family() sock.Family { return sock.Family(in.cfg.Identity.Family) }

// unicast reports whether adverts go to peers instead of a group.
func (in *instance) unicast() bool { return len(in.cfg.Unicast.Peers) > 0 }

// machineConfig makes the configuration of the state machine from the file's.
func machineConfig(cfg *vrrpcfg.Instance, source netip.Addr) fsm.Config {
	digest := cfg.Digest()
	c := fsm.Config{
		Version: cfg.Identity.Version, VRID: cfg.Identity.VRID, Source: source, Priority: cfg.Election.Priority,
		AdverInt: cfg.Election.AdvertInt, DownTimerAdverts: cfg.Election.DownTimerAdverts,
		NoPreempt: !cfg.Election.Preempt, PreemptDelay: cfg.Election.PreemptDelay,
		LowerPrioNoAdvert: cfg.Election.LowerPrioNoAdvert, HigherPrioSendAdvert: cfg.Election.HigherPrioSendAdvert,
		TimerExpiredBackup: cfg.Election.TimerExpiredBackup,
		Grouped:            cfg.Group != "",
		Spread:             spread(cfg.Identity.Interface, cfg.Identity.VRID),
		Digest:             binary.LittleEndian.Uint64(digest[:]),
		Unicast:            len(cfg.Unicast.Peers) > 0,
		CheckUnicastSource: cfg.Unicast.CheckSource,
		Auth:               fsm.AuthType(cfg.Auth.Type),
		Password:           cfg.Auth.Pass,
		OwnerIgnoreAdverts: cfg.Election.OwnerIgnoreAdverts,
		SkipCheckAdvAddr:   cfg.Election.SkipCheckAdvAddr,
		VIPs:               advertised(cfg),
	}
	for _, p := range cfg.Unicast.Peers {
		c.Peers = append(c.Peers, fsm.Peer{Addr: p.Addr, MinTTL: p.MinTTL, MaxTTL: p.MaxTTL})
	}
	return c
}

// advertised lists the addresses of the adverts in the order of the file.
func advertised(cfg *vrrpcfg.Instance) []netip.Addr {
	list := make([]netip.Addr, len(cfg.Addresses))
	for i, a := range cfg.Addresses {
		list[i] = a.Prefix.Addr()
	}
	return list
}

// spread differs between the instances of a host and is the same at every start.
func spread(link string, vrid uint8) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(link))
	_, _ = h.Write([]byte{vrid})
	return h.Sum32()
}

// source is the address adverts leave from; invalid while there is none.
func (d *daemon) source(in *instance) netip.Addr {
	switch {
	case in.cfg.Source.Addr.IsValid():
		return in.cfg.Source.Addr
	case in.slot < 0:
		return netip.Addr{}
	case in.family() == sock.IPv6:
		return d.links.LinkLocal(in.slot)
	}
	return d.links.PrimaryIPv4(in.slot)
}

// link is the interface index adverts go through; 0: the routing table decides.
func (d *daemon) link(in *instance) int32 {
	if in.slot < 0 {
		return 0
	}
	l, _ := d.links.Link(in.slot)
	return l.Index
}

// routeKey finds the instances an advert may be for.
type routeKey struct {
	slot   iface.Slot
	family sock.Family
	vrid   uint8
}

func (in *instance) routeKey() routeKey {
	return routeKey{in.slot, in.family(), in.cfg.Identity.VRID}
}

// bind makes adverts of the instance's VRID on its interface reach it. Several
// unicast instances may share both when their peers differ.
func (d *daemon) bind(in *instance) {
	if in.bound {
		return
	}
	key := in.routeKey()
	in.next = d.routes[key]
	d.routes[key] = in
	in.bound = true
}

func (d *daemon) unbind(in *instance) {
	if !in.bound {
		return
	}
	key := in.routeKey()
	in.bound = false
	if d.routes[key] == in {
		if in.next == nil {
			delete(d.routes, key)
		} else {
			d.routes[key] = in.next
		}
		return
	}
	for p := d.routes[key]; p != nil; p = p.next {
		if p.next == in {
			p.next = in.next
			return
		}
	}
}
