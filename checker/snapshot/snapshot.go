// Package snapshot holds a picture of the healthchecker child at one moment and writes
// it in the layout of keepalived_check.data (text.go) and as JSON (json.go), which
// keepalived does not have. Pure; the daemon takes the picture on its loop (Take) and
// renders it elsewhere.
package snapshot

import (
	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
	"keepalived/core/clock"
	"keepalived/core/config/cursor"
	"keepalived/core/dump"
)

// Snapshot is the whole child. It shares the configuration with the daemon, which is
// never changed, and nothing else.
type Snapshot struct {
	Global   []byte // the section "Global definitions", rendered once per generation
	Config   *checkercfg.Config
	Services []Service
	IDs      func(user, group string) (uid, gid uint32)
	Command  func(*cursor.Script) string
	Paths    map[string]string // of track_files
}

// Service is one virtual server.
type Service struct {
	Config   *checkercfg.Service
	Key      string
	Up       bool // has its quorum
	SorryIn  bool
	Reloaded bool
	Total    int64 // weight of the servers that count
	Wanted   int   // destinations in ip_vs, the sorry server's among them
	Servers  []Server
}

// Server is one real server.
type Server struct {
	Config   *checkercfg.Server
	Key      string
	Alive    bool
	Failed   int   // checkers whose standing is bad
	Weight   int32 // effective
	Before   int32 // effective weight before the latest reload
	Reloaded bool
	Set      bool // is to be in ip_vs, with
	Wanted   int32
	Override health.Override
	Since    dump.Wall // of Alive; Micros 0: since the start
	// Connections of ip_vs, by the daemon; negative: not known.
	Active, Inactive int64
	Checks           []Check
}

// Check is one checker.
type Check struct {
	Config     *checkercfg.Check
	Up, HasRun bool
	Suspended  bool   // ha_suspend: it waits for the address of its service
	Delta      int32  // what it adds to the weight
	Iterations uint32 // of retries, as 2.2.7 counts them
	Failed     uint16 // the url that failed last, from 1
	LastRan    dump.Wall
	Since      dump.Wall
	Exit       int32
	Good       bool // the latest probe
	Cause      health.Cause
	Unsigned   bool          // the certificate is not signed by the ca
	Due        clock.Instant // of the next probe; Never while one is under way
}

// Facts are what a Snapshot shows and neither configuration nor Director know.
type Facts struct {
	Global []byte
	Wall   dump.WallClock
	// IDs are the numbers of a user and a group as written, "" for the default ones.
	IDs func(user, group string) (uid, gid uint32)
	// Command is a script as the dump shows it; nil: as it is written.
	Command func(*cursor.Script) string
	// Paths are those of track_files by name, as the dump shows them.
	Paths map[string]string
}

// Take makes the picture. The Director was configured with one ServiceConfig for every
// service of cfg, of the same Key, with the servers and checkers in their order.
// Services that the Director does not have are left out.
func Take(cfg *checkercfg.Config, d *health.Director, f Facts) *Snapshot {
	s := &Snapshot{Global: f.Global, Config: cfg, IDs: f.IDs, Paths: f.Paths, Services: make([]Service, 0, len(cfg.Services))}
	if s.Command = f.Command; s.Command == nil {
		s.Command = (*cursor.Script).String
	}
	if s.IDs == nil {
		s.IDs = func(string, string) (uint32, uint32) { return 0, 0 }
	}
	for _, c := range cfg.Services {
		h := d.Service(c.Key())
		if h == nil || len(h.State.Servers) != len(c.Servers) {
			continue
		}
		v := TakeService(c, h)
		v.Servers = make([]Server, len(c.Servers))
		for i := range c.Servers {
			v.Servers[i] = takeServer(c.Servers[i], d, h, i, f.Wall)
		}
		for _, w := range h.State.AppendWanted(h.Config, nil) {
			if w.Server >= 0 {
				v.Servers[w.Server].Set, v.Servers[w.Server].Wanted = true, w.Weight
			}
		}
		s.Services = append(s.Services, v)
	}
	return s
}

// TakeService is the picture of one service without its servers.
func TakeService(c *checkercfg.Service, h *health.Service) Service {
	return Service{
		Config: c, Key: h.Config.Key, Up: h.State.Up, SorryIn: h.State.SorryIn(h.Config), Reloaded: h.State.Reloaded,
		Total: h.State.Total(), Wanted: len(h.State.AppendWanted(h.Config, nil)),
	}
}

// TakeServer is the picture of the i-th server of a service.
func TakeServer(c *checkercfg.Server, d *health.Director, h *health.Service, i int, wall dump.WallClock) Server {
	r := takeServer(c, d, h, i, wall)
	for _, w := range h.State.AppendWanted(h.Config, nil) {
		if w.Server == i {
			r.Set, r.Wanted = true, w.Weight
		}
	}
	return r
}

func takeServer(c *checkercfg.Server, d *health.Director, h *health.Service, i int, wall dump.WallClock) Server {
	st := &h.State.Servers[i]
	r := Server{
		Config: c, Key: c.Key(), Alive: st.Alive(), Failed: st.Failed, Weight: st.Weight,
		Before: st.Before, Reloaded: st.Reloaded, Override: st.Override,
		Active: -1, Inactive: -1, Checks: make([]Check, len(c.Checks)),
	}
	since, suspended := clock.Never, d.Suspended(h)
	for k := range c.Checks {
		cs := d.Checker(h, i, k)
		r.Checks[k] = check(c.Checks[k], &cs, wall)
		r.Checks[k].Suspended = suspended
		// Down since its first checker is; up since its last one is.
		switch {
		case r.Alive && (since == clock.Never || cs.Since > since), !r.Alive && !cs.Up && cs.Since < since:
			since = cs.Since
		}
	}
	if since != clock.Never {
		r.Since = wall(since)
	}
	return r
}

func check(c *checkercfg.Check, s *health.CheckerState, wall dump.WallClock) Check {
	k := Check{
		Config: c, Up: s.Up, HasRun: s.HasRun, Delta: s.Delta, Failed: s.Failed, Iterations: s.Failures,
		Since: wall(s.Since), Exit: s.Exit, Good: s.Cause == health.CauseNone, Cause: s.Cause, Unsigned: s.Unsigned, Due: s.Due,
		LastRan: dump.Wall{Day: "Thu Jan  1 00:00:00", Year: 1970},
	}
	if s.LastRan != clock.Never {
		k.LastRan = wall(s.LastRan)
	}
	switch web := c.Kind == checkercfg.HTTPGet || c.Kind == checkercfg.SSLGet; {
	case !s.HasRun && !s.Tried: // so that the first failure is a verdict
		k.Iterations = c.Retry
	case web && s.HasRun && !s.Up:
		k.Iterations = c.Retry + 1
	}
	return k
}
