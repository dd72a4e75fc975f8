package checker

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
	"keepalived/checker/ipvs"
	"keepalived/checker/probe"
	"keepalived/core/clock"
	"keepalived/core/config"
	"keepalived/core/diag"
	"keepalived/core/global"
	"keepalived/core/script"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

// rig is a daemon whose loop does not run: the test is the loop, in virtual time. Probes
// take none, a server is good unless it is in down, ip_vs does what it is told.
type rig struct {
	*testing.T
	d       *daemon
	adopter *childapi.Adopter[preparation]
	now     clock.Instant
	armed   map[int32]clock.Instant
	gen     uint64
	pending []result
	began   []string        // probes started: server
	down    map[string]bool // by server name
	causes  map[string]health.Cause
	certs   map[string]health.Certificate

	log     []string
	events  []*pb.Event
	records map[string]*pb.CheckRecord
	all     int // times Records(true)
	dropped []*pb.OverrideChange
	plan    *pb.Plan
	ready   uint64
	wanted  int                 // times it wanted the tree
	table   map[ipvs.Key]string // as ipvsadm would show it
	told    []string            // operations said to the worker
	refuse  error               // the worker's answer
	scripts []script.Command
}

type result struct {
	ticket health.Ticket
	server string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{
		T: t, now: clock.Instant(time.Hour), armed: map[int32]clock.Instant{}, down: map[string]bool{}, causes: map[string]health.Cause{}, certs: map[string]health.Certificate{},
		records: map[string]*pb.CheckRecord{}, table: map[ipvs.Key]string{},
	}
	r.boot()
	return r
}

// boot makes a new process of it.
func (r *rig) boot() {
	r.d = newDaemon(Options{Log: slog.New(r), DumpDir: "/tmp"})
	r.d.ctx = r.Context()
	r.d.post = func(t task) bool { t(r.now); r.turned(); return true }
	clear(r.armed)
	r.pending = nil
	r.d.timers.Arm = func(id int32, at clock.Instant) { r.armed[id] = at }
	r.d.report, r.d.probes, r.d.table.worker, r.d.notify.runner = parent{r}, r, r, runner{r}
	r.adopter = r.d.adopter()
}

// Enabled, Handle, WithAttrs and WithGroup make the rig the log.
func (r *rig) Enabled(context.Context, slog.Level) bool { return true }
func (r *rig) Handle(_ context.Context, rec slog.Record) error {
	r.log = append(r.log, rec.Message)
	return nil
}
func (r *rig) WithAttrs([]slog.Attr) slog.Handler { return r }
func (r *rig) WithGroup(string) slog.Handler      { return r }

// parent is the connection to it.
type parent struct{ r *rig }

func (p parent) Heartbeat(*pb.Heartbeat)                      {}
func (p parent) Ready(generation uint64)                      { p.r.ready = generation }
func (p parent) Prepared(_ uint64, plan *pb.Plan)             { p.r.plan = plan }
func (p parent) Refused(_ uint64, why diag.List)              { p.r.Errorf("refused: %v", why) }
func (p parent) TreeWanted(uint64)                            { p.r.wanted++ }
func (p parent) Fatal(_ int, why string, _ time.Duration) int { p.r.Fatal(why); return 1 }
func (p parent) Event(e *pb.Event)                            { p.r.events = append(p.r.events, e) }
func (p parent) Override(c *pb.OverrideChange)                { p.r.dropped = append(p.r.dropped, c) }
func (p parent) Records(all bool, list []*pb.CheckRecord) {
	if all {
		p.r.all++
		clear(p.r.records)
	}
	for _, v := range list {
		p.r.records[fmt.Sprintf("%s %s %d %x %d", v.Service, v.Server, v.Kind, v.Digest, v.Nth)] = v
	}
}

// runner runs no script.
type runner struct{ r *rig }

func (n runner) Start(c script.Command) { n.r.scripts = append(n.r.scripts, c) }

// Start is the pool's.
func (r *rig) Start(t health.Ticket, target probe.Target, _ uint16) {
	name := target.Check.Connection.Addr.String()
	r.began = append(r.began, name)
	r.pending = append(r.pending, result{t, name})
}

// SetWant, Remove, Flush and Close are the worker's.
func (r *rig) SetWant(gen uint64, s ipvs.Service, dests []ipvs.Destination) {
	r.told = append(r.told, "set "+s.Key.String())
	text := s.Scheduler
	for _, d := range dests {
		text += fmt.Sprintf(" %s/%d", d.Addr, d.Weight)
	}
	r.table[s.Key] = text
	r.d.applied(ipvs.Applied{Service: s.Key, Gen: gen, Err: r.refuse})
}

func (r *rig) Remove(gen uint64, k ipvs.Key) {
	r.told = append(r.told, "remove "+k.String())
	delete(r.table, k)
	r.d.applied(ipvs.Applied{Service: k, Gen: gen})
}

func (r *rig) Flush() { r.told = append(r.told, "flush") }
func (r *rig) Close() { r.told = append(r.told, "close") }

// parse reads a configuration as the parent does.
func (r *rig) parse(text string) *config.Tree {
	schema := config.NewSchema(slices.Concat(checkercfg.Keywords(), global.Keywords()))
	tree, _ := config.Parse(config.MapFiles{"f": text}, "f", config.Env{}, schema)
	return tree
}

// configure starts or reloads.
func (r *rig) configure(text string, memory ...childapi.Memory) {
	r.Helper()
	u := childapi.Update{Tree: r.parse(text), Initial: r.d.running == 0}
	for _, m := range memory {
		u.Records, u.Overrides = m.Records, m.Overrides
	}
	r.adopt(u)
	if r.ready != r.gen {
		r.Errorf("ready %d, want %d", r.ready, r.gen)
	}
}

// adopt prepares and commits what a parent sends.
func (r *rig) adopt(u childapi.Update) {
	r.gen++
	u.Generation, u.Phase = r.gen, childapi.Prepare
	r.adopter.Take(u)
	r.adopter.Take(childapi.Update{Generation: r.gen, Phase: childapi.Commit})
}

func (r *rig) turned() { r.d.Turned(r.now) }

// run lets time go by.
func (r *rig) run(d time.Duration) {
	end := r.now.Add(d)
	for {
		id, at := int32(-1), clock.Never
		for k, v := range r.armed {
			if v < at || v == at && k < id {
				id, at = k, v
			}
		}
		if at > end {
			break
		}
		r.now = max(r.now, at)
		delete(r.armed, id)
		r.d.Due(r.now, id, at)
		r.answer()
		r.turned()
	}
	r.now = end
}

// answer gives the results of the probes under way.
func (r *rig) answer() {
	for _, p := range r.pending {
		res := health.Result{OK: !r.down[p.server], Started: r.now, Certificate: r.certs[p.server]}
		if !res.OK {
			if res.Cause = health.CauseRefused; r.causes[p.server] != 0 {
				res.Cause = r.causes[p.server]
			}
		}
		r.d.result(r.now, p.ticket, res, 7*time.Millisecond)
	}
	r.pending = nil
}

// said takes what was logged since it was last asked.
func (r *rig) said() []string {
	l := r.log
	r.log = nil
	return l
}

// expect compares what was logged since it was last asked.
func (r *rig) expect(lines ...string) {
	r.Helper()
	if got := r.said(); !slices.Equal(got, lines) {
		r.Errorf("log:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

// has compares the table: KEY: SCHEDULER SERVER/WEIGHT ...
func (r *rig) has(lines ...string) {
	r.Helper()
	var got []string
	for _, k := range slices.SortedFunc(maps.Keys(r.table), func(a, b ipvs.Key) int { return strings.Compare(a.String(), b.String()) }) {
		got = append(got, k.String()+": "+r.table[k])
	}
	if !slices.Equal(got, lines) {
		r.Errorf("table:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

// operations takes what was said to the worker.
func (r *rig) operations(want ...string) {
	r.Helper()
	got := r.told
	r.told = nil
	if !slices.Equal(got, want) {
		r.Errorf("said to the worker: %q, want %q", got, want)
	}
}

// memory is what the parent has been told.
func (r *rig) memory() childapi.Memory {
	m := childapi.Memory{Records: slices.Collect(maps.Values(r.records))}
	for _, o := range r.d.overrides.byKey {
		m.Overrides = append(m.Overrides, proto.Clone(o).(*pb.ServerOverride))
	}
	return m
}

// set is an operator's command.
func (r *rig) set(c *pb.SetServerCommand) (*pb.ServerOverride, error) {
	v, err := r.d.overrides.set(r.now, c)
	r.turned()
	return v, err
}

func drainOf(service, server string) *pb.SetServerCommand {
	return &pb.SetServerCommand{KeepWeight: true, Override: &pb.ServerOverride{
		Service: service, Server: server, Mode: pb.ServerMode_SERVER_MODE_DRAINING, Who: "root", Why: "test", Revision: 3}}
}

// two is a virtual server with two real servers; more is more of it.
func two(more string) string {
	text := "virtual_server 10.0.0.100 80 {\ndelay_loop 10\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n" + more + "\n"
	for _, a := range []string{"10.0.0.1", "10.0.0.2"} {
		text += "real_server " + a + " 80 {\nTCP_CHECK {\nconnect_timeout 1\nretry 2\ndelay_before_retry 1\nwarmup 0\n}\n}\n"
	}
	return text + "}\n"
}

const (
	rs1, rs2, vs1 = "[10.0.0.1]:tcp:80", "[10.0.0.2]:tcp:80", "[10.0.0.100]:tcp:80"
	full          = "TCP 10.0.0.100:80: rr 10.0.0.1:80/1 10.0.0.2:80/1"
)

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
