package fsm

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"keepalived/core/clock"
)

func randomRecord(r *rand.Rand) Record {
	rec := Record{
		Digest: r.Uint64(), Phase: Phase(r.IntN(int(phases))), Notified: Phase(r.IntN(int(phases))),
		Settled: r.IntN(2) == 0, Priority: uint8(r.Uint32()), MasterPriority: uint8(r.Uint32()),
		MasterAdverInt: time.Duration(r.Int64()), Since: clock.Instant(r.Int64()),
		LastAdvertSent: clock.Instant(r.Int64()), Gen: r.Uint64(), AuthSeq: r.Uint64(),
	}
	switch r.IntN(3) {
	case 1:
		rec.Master = netip.AddrFrom4([4]byte{192, 0, 2, byte(r.Uint32())})
	case 2:
		rec.Master = netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 15: byte(r.Uint32())})
	}
	return rec
}

func TestRecordRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var slot [SlotSize]byte
	for range 1000 {
		want := randomRecord(r)
		before := binary.LittleEndian.Uint32(slot[:])
		EncodeRecord(&slot, want)
		got, ok := DecodeRecord(&slot)
		if !ok || got != want {
			t.Fatalf("got %+v, %v, want %+v", got, ok, want)
		}
		if after := binary.LittleEndian.Uint32(slot[:]); after != before+2 {
			t.Fatalf("sequence %d after %d", after, before)
		}
	}
}

// TestTornRecord: whatever a writer had done when it died, and whatever a single
// octet turned into, is noticed.
func TestTornRecord(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var old, slot [SlotSize]byte
	EncodeRecord(&old, randomRecord(r))
	slot = old
	EncodeRecord(&slot, randomRecord(r))
	for n := 1; n < SlotSize; n++ {
		for _, torn := range [][SlotSize]byte{splice(slot, old, n), splice(old, slot, n)} {
			if torn != old && torn != slot {
				if rec, ok := DecodeRecord(&torn); ok {
					t.Errorf("torn at %d: %+v", n, rec)
				}
			}
		}
	}
	for i := range slot {
		bad := slot
		bad[i] ^= 1 << r.IntN(8)
		if _, ok := DecodeRecord(&bad); ok {
			t.Errorf("octet %d damaged: not noticed", i)
		}
	}
	if _, ok := DecodeRecord(new([SlotSize]byte)); ok {
		t.Error("a slot never written is a record")
	}
	odd := slot
	odd[0]++
	binary.LittleEndian.PutUint32(odd[slotCRC:], slotSum(&odd, binary.LittleEndian.Uint32(odd[:])))
	if _, ok := DecodeRecord(&odd); ok {
		t.Error("an odd sequence number is a record")
	}
}

func splice(a, b [SlotSize]byte, n int) [SlotSize]byte {
	copy(a[n:], b[n:])
	return a
}

func FuzzDecodeRecord(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 4 {
		var slot [SlotSize]byte
		EncodeRecord(&slot, randomRecord(r))
		f.Add(slot[:])
	}
	f.Add(make([]byte, SlotSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		var slot, again [SlotSize]byte
		copy(slot[:], b)
		// Give damaged content a right sum, so that the fields are reached.
		binary.LittleEndian.PutUint32(slot[slotCRC:], slotSum(&slot, binary.LittleEndian.Uint32(slot[:])))
		rec, ok := DecodeRecord(&slot)
		if !ok {
			return
		}
		EncodeRecord(&again, rec)
		if back, ok := DecodeRecord(&again); !ok || back != rec {
			t.Errorf("%+v became %+v, %v", rec, back, ok)
		}
		Resume(conf(), rec, t0)
	})
}

func TestResume(t *testing.T) {
	c := conf(func(c *Config) { c.Digest = 7 })
	window := 3*sec + sec/256
	good := Record{Digest: 7, Phase: Master, Notified: Master, Settled: true, Priority: 90,
		Since: t0 - 5, LastAdvertSent: t0, Gen: 4, Present: true}
	with := func(f func(*Record)) Record { r := good; f(&r); return r }
	resumed := "advert 90; say resumed; say setting; want VIPs"
	tests := []struct {
		name    string
		c       *Config
		r       Record
		at      time.Duration
		verdict Verdict
		want    string
		after   string // what Installed brings
	}{
		{"in time: advert at once, addresses kept, announced once", c, good, sec, Resumed, resumed, "garp once"},
		{"at the last moment", c, good, window - 1, Resumed, resumed, "garp once"},
		{"the best imaginable peer has taken over", c, good, window, ColdAge, "", ""},
		{"down_timer_adverts 2 shortens the time", conf(func(c *Config) { c.Digest, c.DownTimerAdverts = 7, 2 }), good, 2*sec + sec/256, ColdAge, "", ""},
		{"down_timer_adverts 10: the others may have 3", conf(func(c *Config) { c.Digest, c.DownTimerAdverts = 7, 10 }), good, window, ColdAge, "", ""},
		{"killed before its addresses were in: as a new Master", c, with(func(r *Record) { r.Settled, r.Notified = false, Backup }), sec, Resumed, resumed, "garp master; notify MASTER"},
		{"another configuration", c, with(func(r *Record) { r.Digest = 8 }), sec, ColdConfig, "", ""},
		{"the addresses have gone", c, with(func(r *Record) { r.Present = false }), sec, ColdAddress, "", ""},
		{"a Backup", c, with(func(r *Record) { r.Phase = Backup }), sec, ColdPhase, "", ""},
		{"in FAULT", c, with(func(r *Record) { r.Phase = Fault }), sec, ColdPhase, "", ""},
		{"a record from the future", c, good, -sec, ColdAge, "", ""},
		{"Master after its last advert", c, with(func(r *Record) { r.Since = t0 + 1 }), sec, ColdAge, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := t0.Add(tt.at)
			s, as, v := Resume(tt.c, tt.r, now)
			if v != tt.verdict || show(as, false) != tt.want {
				t.Fatalf("verdict %v: %s\nwant %v: %s", v, show(as, false), tt.verdict, tt.want)
			}
			if v != Resumed {
				if s != New(tt.c) {
					t.Errorf("a cold start from %+v", s)
				}
				return
			}
			_, as = Step(tt.c, s, now, Event{Kind: EvInstalled, Gen: s.Gen})
			if got := show(as, false); got != tt.after {
				t.Errorf("Installed: %s, want %s", got, tt.after)
			}
		})
	}
}

// TestResumeIsReachable: from any life, killed at any time and resumed at any later
// one, the resumed instance stands where the same instance would stand that had been
// stopped for that time and had heard nothing; otherwise it starts cold. The record
// used is the one that was written when an action asked for it.
func TestResumeIsReachable(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	verdicts := map[Verdict]int{}
	for range 3000 {
		c := conf(func(c *Config) {
			c.Digest = 9
			c.NoPreempt = r.IntN(2) == 0
			c.Spread = r.Uint32()
			if r.IntN(2) == 0 {
				version3(100 * ms)(c)
			}
			if r.IntN(8) == 0 {
				c.Priority = PriorityOwner
			}
		})
		var slot [SlotSize]byte
		s, now := randomLife(t, r, c, &slot)
		rec, ok := DecodeRecord(&slot)
		if !ok {
			t.Fatal("no record of a started instance")
		}
		rec.Present = s.Settled || r.IntN(2) == 0
		now = now.Add(time.Duration(r.Int64N(int64(5 * c.AdverInt))))
		got, as, v := Resume(c, rec, now)
		verdicts[v]++
		if v != Resumed {
			if got != New(c) || as.Len() != 0 {
				t.Fatalf("verdict %v with state %+v", v, got)
			}
			continue
		}
		if s.Phase != Master {
			t.Fatalf("resumed as Master from %v", s.Phase)
		}
		if gone := now.Sub(s.LastAdvertSent); gone >= MasterDownInterval(c.Version, 255, 0, c.AdverInt) {
			t.Fatalf("resumed although %v silent", gone)
		}
		plain, _ := Step(c, s, now, Event{Kind: EvStalled, For: now.Sub(s.LastAdvertSent)})
		plain, _ = Step(c, plain, max(now, plain.AdverAt), ev(EvTick))
		if got.Phase != plain.Phase || got.Priority != plain.Priority || got.Notified != plain.Notified ||
			got.Since != plain.Since || got.Started != plain.Started || got.MasterAdverInt != plain.MasterAdverInt ||
			got.Gen != plain.Gen+1 {
			t.Fatalf("resumed %+v\nplain %+v", got, plain)
		}
		if got.LastAdvertSent != now || got.AdverAt > now.Add(c.AdverInt) || got.AdverAt <= now {
			t.Fatalf("advert sent %v ago, next in %v", now.Sub(got.LastAdvertSent), got.AdverAt.Sub(now))
		}
		announceAsPlain(t, c, s, got, now)
	}
	for v := Resumed; v <= ColdAddress; v++ {
		if v != ColdConfig && verdicts[v] < 20 {
			t.Errorf("verdict %v came %d times only", v, verdicts[v])
		}
	}
}

// announceAsPlain: scripts hear of MASTER exactly once over both lives.
func announceAsPlain(t *testing.T, c *Config, dead, resumed State, now clock.Instant) {
	t.Helper()
	_, as := Step(c, resumed, now, Event{Kind: EvInstalled, Gen: resumed.Gen})
	told := dead.Notified == Master
	for i := range as.Len() {
		if a := as.At(i); a.Kind == ActNotify {
			if told || a.Notice != NoticeMaster {
				t.Fatalf("notified %v, told before: %v", a.Notice, told)
			}
			told = true
		}
	}
	if !told {
		t.Fatal("scripts never hear of MASTER")
	}
}

// randomLife runs an instance through random events and writes its record as asked.
func randomLife(t *testing.T, r *rand.Rand, c *Config, slot *[SlotSize]byte) (State, clock.Instant) {
	t.Helper()
	s, now := New(c), t0
	step := func(e Event) {
		var as Actions
		s, as = Step(c, s, now, e)
		for i := range as.Len() {
			if as.At(i).Kind == ActRecord {
				EncodeRecord(slot, NewRecord(c, &s))
			}
		}
		if rec, ok := DecodeRecord(slot); s.Started && (!ok || rec != NewRecord(c, &s)) {
			t.Fatalf("%v is not in the record", e.Kind)
		}
	}
	step(startup(0))
	for range 1 + r.IntN(60) {
		switch r.IntN(12) {
		case 0:
			step(Event{Kind: EvAdvert, Advert: Advert{At: now, Source: above, Priority: uint8(r.Uint32()), AdverInt: c.AdverInt}})
		case 1:
			step(Event{Kind: EvImpaired, Causes: CauseScript})
		case 2:
			step(Event{Kind: EvRecovered, Causes: CauseScript})
		case 3:
			step(Event{Kind: EvPriorityChanged, Priority: uint8(r.Uint32())})
		case 4:
			step(Event{Kind: EvReconfigured, Priority: s.Priority})
		case 5, 6:
			step(Event{Kind: EvInstalled, Gen: s.Gen})
		default:
			if at := s.Deadline(); at != clock.Never {
				now = max(now, at)
				step(ev(EvTick))
			}
		}
		now = now.Add(time.Duration(r.Int64N(int64(c.AdverInt / 4))))
	}
	return s, now
}
