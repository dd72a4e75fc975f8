package fsm

import (
	"time"

	"keepalived/core/clock"
)

// centisecond is the unit of the version 3 interval on the wire (RFC 5798 §5.2.7).
const centisecond = 10 * time.Millisecond

// defaultDownTimerAdverts is the 3 of "3 * Master_Adver_Interval" (RFC 5798 §6.1).
const defaultDownTimerAdverts = 3

// SkewTime is Skew_Time, the part of the master down interval that orders the
// backups. Version 2: (256 - priority) / 256 of a second, whatever the interval
// (RFC 3768 §6.1). Version 3: (256 - priority) / 256 of Master_Adver_Interval in
// steps of 10 ms (RFC 5798 §6.1).
func SkewTime(version, priority uint8, masterAdverInt time.Duration) time.Duration {
	steps := time.Duration(256 - int(priority))
	if version == V2 {
		return steps * (time.Second / 256)
	}
	return steps * (masterAdverInt / centisecond) * centisecond / 256
}

// MasterDownInterval is Master_Down_Interval (RFC 5798 §6.1, Active_Down_Interval of
// RFC 9568): adverts intervals of the master plus the skew.
func MasterDownInterval(version, priority, adverts uint8, masterAdverInt time.Duration) time.Duration {
	if adverts == 0 {
		adverts = defaultDownTimerAdverts
	}
	return time.Duration(adverts)*masterAdverInt + SkewTime(version, priority, masterAdverInt)
}

// SkewTime is Skew_Time at the present priority and master's interval.
func (s *State) SkewTime(c *Config) time.Duration {
	return SkewTime(c.Version, s.Priority, s.MasterAdverInt)
}

// MasterDownInterval is Master_Down_Interval at the present priority and master's
// interval: the "Master down timer" of the dump.
func (s *State) MasterDownInterval(c *Config) time.Duration {
	return MasterDownInterval(c.Version, s.Priority, c.DownTimerAdverts, s.MasterAdverInt)
}

// window says how long a Backup waits after HeardAt.
type window uint8

const (
	windowNone  window = iota // not at all: the owner at its start
	windowFull                // Master_Down_Interval
	windowSkew                // Skew_Time: the master has resigned
	windowOwner               // one interval and the skew: the owner after a fault
)

// rearm computes MasterDownAt anew from what it depends on.
func (m *machine) rearm() {
	s := &m.s
	wait := time.Duration(0)
	switch s.window {
	case windowFull:
		wait = s.MasterDownInterval(m.c)
	case windowSkew:
		wait = s.SkewTime(m.c)
	case windowOwner:
		wait = s.MasterAdverInt + s.SkewTime(m.c)
	}
	s.MasterDownAt = s.HeardAt.Add(wait)
}

// wait starts a window at now, or at the end of the startup delay.
func (m *machine) wait(w window) {
	m.s.HeardAt, m.s.window = max(m.now, m.s.ListenAt), w
	m.rearm()
}

// gridParts is into how many parts the adverts of a host divide an interval. All
// instances with the same interval send at these moments only, so that a host with a
// thousand of them wakes up 25 times an interval, and so does everyone who listens.
const gridParts = 25

// onGrid returns the last moment of the grid that is not after t. It takes less than
// a 25th of an interval, once: an interval behind a moment of the grid is the next one.
func (m *machine) onGrid(t clock.Instant) clock.Instant {
	step := clock.Instant(m.c.AdverInt / gridParts)
	if step <= 0 {
		return t
	}
	return t - t%step
}

// nextAdvert moves AdverAt on by one interval from where it was, so that lateness
// does not add up; after a stall of an interval and more it starts anew from now.
func (m *machine) nextAdvert() {
	m.s.AdverAt = m.onGrid(m.s.AdverAt.Add(m.c.AdverInt))
	if m.s.AdverAt <= m.now {
		m.s.AdverAt = m.now.Add(m.c.AdverInt)
	}
}

// spreadAdvert places the second advert of a new Master: at most one interval from
// now, earlier by the instance's share of the interval.
func (m *machine) spreadAdvert() {
	early := m.c.AdverInt >> 8 * time.Duration(m.c.Spread) >> 24
	m.s.AdverAt = m.onGrid(m.now.Add(m.c.AdverInt - early))
	if m.s.AdverAt <= m.now {
		m.s.AdverAt = m.s.AdverAt.Add(m.c.AdverInt / gridParts)
	}
}

// The pace of what a Master does about a rival. A stream of forged adverts must not
// become a stream of answers: one advert at most each replyPart-th of an interval,
// one round of announcements at most each announceGap, a whole burst of them at
// most each burstGap.
const (
	replyPart   = 8
	announceGap = time.Second
	burstGap    = 5 * time.Second
)

// quietWindow is how long after its last advert a rival counts as gone.
func quietWindow(adverInt time.Duration) time.Duration { return adverInt + adverInt/2 }
