package fsm

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
	"time"

	"keepalived/core/clock"
)

// SlotSize is the size of a coded record in octets.
const SlotSize = 128

// Record is what the hand-over slot holds of an instance: enough for the next
// process to go on as Master when this one dies.
type Record struct {
	Digest         uint64 // Config.Digest
	Phase          Phase
	Notified       Phase
	Settled        bool // addresses were in and announced
	Priority       uint8
	MasterPriority uint8
	Master         netip.Addr
	MasterAdverInt time.Duration
	Since          clock.Instant
	LastAdvertSent clock.Instant
	Gen            uint64
	AuthSeq        uint64 // upper bound of the sequence numbers that may have been used

	// Present says that the kernel holds the instance's addresses. It is not coded:
	// whoever resumes looks.
	Present bool
}

// NewRecord returns the record of a state. AuthSeq is the sender's to fill in.
func NewRecord(c *Config, s *State) Record {
	return Record{
		Digest: c.Digest, Phase: s.Phase, Notified: s.Notified, Settled: s.Settled,
		Priority: s.Priority, MasterPriority: s.MasterPriority, Master: s.Master,
		MasterAdverInt: s.MasterAdverInt, Since: s.Since,
		LastAdvertSent: s.LastAdvertSent, Gen: s.Gen,
	}
}

// Verdict is what Resume makes of a record.
type Verdict uint8

// Verdicts. All but Resumed mean a cold start.
const (
	Resumed     Verdict = iota
	ColdPhase           // was not Master
	ColdConfig          // under another configuration
	ColdAge             // the others have had time to take over, or the clock makes no sense
	ColdAddress         // the addresses are not there
)

// resumeWindow is how long after a Master's last advert no other router can have
// taken over, whatever its priority: three intervals and the smallest skew, fewer
// with a smaller down_timer_adverts.
func resumeWindow(c *Config) time.Duration {
	adverts := min(c.DownTimerAdverts, defaultDownTimerAdverts)
	return MasterDownInterval(c.Version, PriorityOwner, adverts, c.AdverInt)
}

// Resume continues what a dead process left. If that is not safe, it returns the
// state before Startup, no action, and why: then step EvStartup. Members of a sync
// group resume together or not at all: if one is cold, all are.
//
// A resumed Master sends an advert at once and announces its addresses once. Step
// EvImpaired for what impairs it, as soon as that is known.
func Resume(c *Config, r Record, now clock.Instant) (State, Actions, Verdict) {
	m := machine{c: c, s: New(c), now: now}
	age := now.Sub(r.LastAdvertSent)
	switch {
	case r.Phase != Master:
		return m.s, m.out, ColdPhase
	case r.Digest != c.Digest:
		return m.s, m.out, ColdConfig
	case age < 0 || age >= resumeWindow(c) || r.Since > r.LastAdvertSent:
		return m.s, m.out, ColdAge
	case !r.Present:
		return m.s, m.out, ColdAddress
	}
	s := &m.s
	s.Started, s.Phase, s.Notified, s.Since = true, Master, r.Notified, r.Since
	s.Gen = r.Gen
	m.setPriority(r.Priority)
	s.Master, s.MasterPriority = c.Source, s.Priority
	s.replyAt, s.announceAt, s.burstAt, s.duelUntil, s.sayAt = now, now, now, now, now
	s.pending = RoundMaster
	if r.Settled {
		s.pending = RoundOnce
	}
	m.send(s.Priority)
	m.spreadAdvert()
	m.sayFor(MsgResumed, age)
	m.want(WantVIPs)
	m.finish(&State{})
	return m.s, m.out, Resumed
}

// The slot's layout, little endian. A writer makes the sequence odd, writes, and
// makes it even; the CRC covers everything in front of it.
const (
	slotSeq        = 0  // uint32
	slotVersion    = 4  // uint8
	slotPhase      = 5  // uint8
	slotNotified   = 6  // uint8
	slotFlags      = 7  // uint8
	slotPriority   = 8  // uint8
	slotMasterPrio = 9  // uint8
	slotAddrLen    = 10 // uint8: 0, 4 or 16
	slotAddr       = 12 // 16 octets
	slotDigest     = 32 // uint64
	slotAdverInt   = 40 // int64
	slotSince      = 48 // int64
	slotLastAdvert = 56 // int64
	slotGen        = 64 // uint64
	slotAuthSeq    = 72 // uint64
	slotCRC        = 124

	slotFormat  = 1
	flagSettled = 1
)

var slotTable = crc32.MakeTable(crc32.Castagnoli)

// EncodeRecord writes r into a slot. A reader of a half-written slot finds an odd
// sequence number or a wrong CRC. Zones of addresses are not kept.
func EncodeRecord(dst *[SlotSize]byte, r Record) {
	le := binary.LittleEndian
	seq := le.Uint32(dst[slotSeq:]) | 1
	le.PutUint32(dst[slotSeq:], seq)
	clear(dst[slotVersion:])
	dst[slotVersion] = slotFormat
	dst[slotPhase] = byte(r.Phase)
	dst[slotNotified] = byte(r.Notified)
	if r.Settled {
		dst[slotFlags] = flagSettled
	}
	dst[slotPriority] = r.Priority
	dst[slotMasterPrio] = r.MasterPriority
	switch {
	case r.Master.Is4():
		a := r.Master.As4()
		dst[slotAddrLen] = byte(copy(dst[slotAddr:], a[:]))
	case r.Master.Is6():
		a := r.Master.As16()
		dst[slotAddrLen] = byte(copy(dst[slotAddr:], a[:]))
	}
	le.PutUint64(dst[slotDigest:], r.Digest)
	le.PutUint64(dst[slotAdverInt:], uint64(r.MasterAdverInt))
	le.PutUint64(dst[slotSince:], uint64(r.Since))
	le.PutUint64(dst[slotLastAdvert:], uint64(r.LastAdvertSent))
	le.PutUint64(dst[slotGen:], r.Gen)
	le.PutUint64(dst[slotAuthSeq:], r.AuthSeq)
	seq++
	le.PutUint32(dst[slotCRC:], slotSum(dst, seq))
	le.PutUint32(dst[slotSeq:], seq)
}

// DecodeRecord reads a slot. ok is false when it was never written, is half-written,
// damaged or of another format.
func DecodeRecord(src *[SlotSize]byte) (r Record, ok bool) {
	le := binary.LittleEndian
	seq := le.Uint32(src[slotSeq:])
	switch {
	case seq&1 != 0, src[slotVersion] != slotFormat, le.Uint32(src[slotCRC:]) != slotSum(src, seq),
		src[slotPhase] >= byte(phases), src[slotNotified] >= byte(phases):
		return Record{}, false
	}
	switch src[slotAddrLen] {
	case 0:
	case 4:
		r.Master = netip.AddrFrom4([4]byte(src[slotAddr:]))
	case 16:
		r.Master = netip.AddrFrom16([16]byte(src[slotAddr:]))
	default:
		return Record{}, false
	}
	r.Phase, r.Notified = Phase(src[slotPhase]), Phase(src[slotNotified])
	r.Settled = src[slotFlags]&flagSettled != 0
	r.Priority, r.MasterPriority = src[slotPriority], src[slotMasterPrio]
	r.Digest = le.Uint64(src[slotDigest:])
	r.MasterAdverInt = time.Duration(le.Uint64(src[slotAdverInt:]))
	r.Since = clock.Instant(le.Uint64(src[slotSince:]))
	r.LastAdvertSent = clock.Instant(le.Uint64(src[slotLastAdvert:]))
	r.Gen, r.AuthSeq = le.Uint64(src[slotGen:]), le.Uint64(src[slotAuthSeq:])
	return r, true
}

// slotSum is the CRC of a slot's content under the sequence number it will have.
func slotSum(slot *[SlotSize]byte, seq uint32) uint32 {
	return crc32.Update(seq, slotTable, slot[slotVersion:slotCRC])
}
