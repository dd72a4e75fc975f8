package checker

import (
	"time"

	"google.golang.org/protobuf/proto"

	"keepalived/checker/health"
	"keepalived/checker/ipvs"
	"keepalived/checker/snapshot"
	"keepalived/core/clock"
	"keepalived/core/config/cursor"
	"keepalived/core/dump"
	"keepalived/core/process"
	pb "keepalived/proto/keepalived/v1"
)

// view is everything that dumps and status show, at one moment: the picture, and beside
// it what only the daemon knows.
type view struct {
	picture    *snapshot.Snapshot
	facts      []facts // as picture.Services
	files      dumpFiles
	now        clock.Instant
	generation uint64
	absent     bool
}

// facts are about one service.
type facts struct {
	service   *service
	life      life
	table     pb.TableState
	why       string
	overrides []*pb.ServerOverride // as its servers; nil: none
	took      [][]time.Duration    // of the latest probe, by server and checker
	counted   bool
}

// picture is what the dumps show: made on the loop, without rendering anything.
func (d *daemon) picture(now clock.Instant) *snapshot.Snapshot {
	return snapshot.Take(d.model.cfg, d.director, snapshot.Facts{Global: d.model.globals, Wall: wallClock(now), IDs: process.Accounts{}.IDs, Command: d.model.command, Paths: d.model.paths})
}

// command is a script as the dumps show it: the file that runs.
func (m *model) command(s *cursor.Script) string {
	if found := m.scripts[s]; found != nil {
		return found.String()
	}
	return s.String()
}

// wallClock turns instants into times of day as they are now.
func wallClock(now clock.Instant) dump.WallClock {
	wall := time.Now()
	return func(t clock.Instant) dump.Wall {
		if t == clock.Never {
			return dump.Wall{}
		}
		at := wall.Add(t.Sub(now)).Local()
		return dump.Wall{Micros: at.UnixMicro(), Day: at.Format("Mon Jan _2 15:04:05"), Year: at.Year()}
	}
}

// view is taken on the loop; nil before the first configuration.
func (d *daemon) view(now clock.Instant) *view {
	if d.director == nil {
		return nil
	}
	v := &view{picture: d.picture(now), files: d.model.files, now: now, generation: d.running, absent: d.table.absent != nil}
	v.facts = make([]facts, len(v.picture.Services))
	for i := range v.picture.Services {
		p := &v.picture.Services[i]
		v.facts[i] = d.factsOf(d.model.byKey[p.Key])
	}
	return v
}

func (d *daemon) factsOf(s *service) facts {
	f := facts{service: s, life: *d.life(s.key), overrides: make([]*pb.ServerOverride, len(s.servers)), took: make([][]time.Duration, len(s.servers))}
	f.table, f.why = d.table.standing(s)
	h := d.director.Service(s.key)
	for i := range s.servers {
		if o := d.overrides.of(s.key, h.Config.Servers[i].Key); o != nil {
			f.overrides[i] = proto.Clone(o).(*pb.ServerOverride)
		}
		f.took[i] = d.tookOf(h, i)
	}
	return f
}

// tookOf is how long the latest probes of a server's checkers took; 0: not known.
func (d *daemon) tookOf(h *health.Service, server int) []time.Duration {
	out := make([]time.Duration, len(h.Config.Servers[server].Checks))
	for k := range out {
		if n := d.director.Number(h, server, k); n >= 0 && int(n) < len(d.took) {
			out[k] = d.took[n]
		}
	}
	return out
}

// keys lists the services of the kernel that the view is about.
func (v *view) keys() []ipvs.Key {
	var keys []ipvs.Key
	for i := range v.facts {
		keys = append(keys, v.facts[i].service.ends...)
	}
	return keys
}
