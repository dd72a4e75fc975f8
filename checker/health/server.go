package health

import "math"

// Mode is what an operator wants of a real server.
type Mode uint8

// The modes.
const (
	Normal Mode = iota
	// Draining: weight 0, so that no new connections come and the old ones go on. The
	// caller makes it Disabled when the last one has ended.
	Draining
	// Disabled: removed; weight 0 with inhibit_on_failure.
	Disabled
)

// Override is what an operator has set for one real server. The zero Override is none.
type Override struct {
	Mode Mode
	// Weight replaces the configured one when HasWeight.
	Weight    int32
	HasWeight bool
}

// ServerState is what is known of one real server.
type ServerState struct {
	Failed   int   // checkers whose standing is bad
	Told     bool  // notify_down was run since it was last up
	Delta    int32 // sum of what its checkers add to the weight
	Weight   int32 // effective, never negative
	Override Override
	// Before is Weight before the latest reload, Reloaded that there was one.
	Before   int32
	Reloaded bool
}

// Alive reports whether no checker's standing is bad.
func (s *ServerState) Alive() bool { return s.Failed == 0 }

// Counts reports whether the server takes new connections, given a weight.
func (s *ServerState) Counts() bool { return s.Alive() && s.Override.Mode == Normal }

// effective is the weight from configuration, override and checkers.
func (s *ServerState) effective(c *ServerConfig) int32 {
	base := c.Weight
	if s.Override.HasWeight {
		base = s.Override.Weight
	}
	return int32(min(max(int64(base)+int64(s.Delta), 0), math.MaxInt32))
}

// Destination is what one server of a service is to be in ip_vs.
type Destination struct {
	Server int // index in ServiceConfig.Servers; SorryServer
	Weight int32
}

// SorryServer stands for the sorry server in a Destination.
const SorryServer = -1

// want is the server's destination; false: it is to be none. sorry: the sorry server
// is in, and takes the place of what is alive.
func (s *ServerState) want(c *ServerConfig, sorry bool) (weight int32, present bool) {
	switch {
	case !s.Alive() || s.Override.Mode == Disabled:
		return 0, c.Inhibit
	case s.Override.Mode == Draining:
		return 0, true
	case sorry:
		return 0, c.Inhibit
	}
	return s.Weight, true
}
