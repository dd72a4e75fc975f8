// Package checker is the healthchecker child: one goroutine, the loop, owns what is known
// of every virtual server, real server and checker; probes, ip_vs, scripts and the
// connection to the parent live on goroutines of their own and post to it. What a result
// means is decided in package health, what ip_vs needs by package ipvs; here they are
// wired to each other.
package checker

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"

	"keepalived/checker/health"
	"keepalived/checker/ipvs"
	"keepalived/checker/probe"
	"keepalived/core/clock"
	"keepalived/core/diag"
	"keepalived/core/loop"
	"keepalived/core/rtnl"
	"keepalived/core/script"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

// Options are what the child is started with.
type Options struct {
	Boot     childapi.Boot
	Log      *slog.Logger
	Version  string
	LogDrops func() uint64 // lost log lines
	// KeepIPVS leaves ip_vs as it is at stop (-I).
	KeepIPVS bool
	// LogConfig logs the configuration at the start, in the form of the dump (-d).
	LogConfig bool
	// LogSettled waits a short time for what has been logged to be written: between the
	// parts of a text that is longer than the log's ring. nil: nobody writes it.
	LogSettled func()
	// DumpDir is where dumps go that have no path of their own, usually /tmp.
	DumpDir string
	// Stop ends when the child is told to stop (SIGTERM, the parent's death).
	Stop <-chan struct{}
	// Dumps brings the dumps that a signal to this process asks for.
	Dumps <-chan pb.DumpKind
}

// task is a message to the loop: what to do there.
type task func(now clock.Instant)

// reporter is what is needed of the connection to the parent. None of its methods blocks
// but Fatal, which is not for the loop.
type reporter interface {
	Heartbeat(*pb.Heartbeat)
	Ready(generation uint64)
	Prepared(generation uint64, plan *pb.Plan)
	Refused(generation uint64, why diag.List)
	TreeWanted(generation uint64)
	Fatal(code int, text string, within time.Duration) (status int)
	Event(*pb.Event)
	Records(all bool, list []*pb.CheckRecord)
	Override(*pb.OverrideChange)
}

// prober starts probes; the result of each comes back as a message, sooner or later.
type prober interface {
	Start(t health.Ticket, target probe.Target, step uint16)
}

// tableWorker makes ip_vs as it is wanted (package ipvs).
type tableWorker interface {
	SetWant(gen uint64, s ipvs.Service, destinations []ipvs.Destination)
	Remove(gen uint64, k ipvs.Key)
	Flush()
	Close()
}

// scriptRunner runs notify scripts.
type scriptRunner interface {
	Start(script.Command)
}

// daemon is the child. Everything but opt, log, loop, post, group, ctx and counter
// belongs to the loop.
type daemon struct {
	opt     Options
	log     *slog.Logger
	loop    *loop.Loop[task]
	post    func(task) bool // puts a task into the loop's inbox, from any other goroutine
	group   *errgroup.Group
	ctx     context.Context
	counter *counter

	report   reporter
	probes   prober
	director *health.Director // nil before the first configuration
	out      health.Actions
	timers   loop.Timers
	model    *model // the running configuration
	before   *model // the one before, while a reload is carried out
	lives    map[string]*life
	running  uint64 // generation in force, 0 before the first

	table     table
	probing   loop.Timer
	late      lateness
	took      []time.Duration // of the latest probe, by number of the checker
	records   []*pb.CheckRecord
	overrides overrides
	notify    notifier
	here      presence
	stalls    stallStats
	beat      heartbeat
	stopping  bool
	stopped   chan struct{} // closed when the worker has done its last
}

// Run is the child's life: until Stop ends, or something without which it cannot work
// fails. It returns the exit status.
func Run(opt Options) int {
	d := newDaemon(opt)
	var adopter *childapi.Adopter[preparation]
	client := childapi.NewClient(childapi.Options{
		Boot: opt.Boot, Version: opt.Version, Log: opt.Log, Serve: d.serve,
		Config: func(u childapi.Update) { adopter.Take(u) },
	})
	d.report = client
	adopter = d.adopter()
	pool := probe.New(probe.Config{Done: d.probed})
	d.probes = pool
	d.late.stats = func() (uint64, time.Duration) { return lateProbes(pool) }
	worker := ipvs.New(ipvs.Config{
		Clock: clock.Real{}, Open: func() (ipvs.Kernel, error) { return d.openTable() },
		Applied:  func(a ipvs.Applied) { d.post(func(clock.Instant) { d.applied(a) }) },
		Repaired: func(r ipvs.Repaired) { d.post(func(clock.Instant) { d.repaired(r) }) },
	})
	d.table.worker = worker
	d.here.open = func() (*rtnl.Monitor, error) { return rtnl.NewMonitor(rtnl.MonitorConfig{}) }
	runner := script.NewRunner(script.Config{Done: func(r script.Result) {
		d.post(func(now clock.Instant) { d.notify.done(now, r) })
	}})
	d.notify.runner = runner

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	d.group, d.ctx = errgroup.WithContext(ctx)
	d.beat.start(d)
	for _, run := range []func(context.Context) error{
		func(ctx context.Context) error { return d.loop.Run(ctx, d) },
		func(ctx context.Context) error {
			err := worker.Run(ctx)
			close(d.stopped) // at stop: everything is gone
			return err
		},
		pool.Run, runner.Run, client.Run, d.counter.run,
		func(ctx context.Context) error { return childapi.Dumper(d.dump).OnSignal(ctx, opt.Dumps, d.log) },
	} {
		d.group.Go(func() error { return run(d.ctx) })
	}
	select {
	case <-opt.Stop:
		d.shutdown()
		runner.Stop(notifyLimit)
		cancel()
		_ = d.group.Wait()
		d.notify.end() // the loop has ended, the FIFOs are nobody's now
		d.sayStopped()
		return 0
	case <-d.ctx.Done():
		d.log.Error(fmt.Sprintf("Healthcheck child ends: %v", d.group.Wait()))
		return 1
	}
}

// newDaemon makes the child without the goroutines around its loop.
func newDaemon(opt Options) *daemon {
	d := &daemon{
		opt: opt, log: opt.Log, stopped: make(chan struct{}), model: &model{byKey: map[string]*service{}},
		loop:  loop.New[task](clock.Real{}, clock.Real{}.NewWaker(), 1024),
		lives: map[string]*life{}, ctx: context.Background(), here: presence{on: map[netip.Addr]map[rtnl.Key]bool{}},
	}
	d.post, d.timers.Arm = d.loop.Post, d.loop.Arm
	d.table.init(d)
	d.overrides.init(d)
	d.notify.init(d)
	d.counter = newCounter(func() (counterConn, error) { return d.openTable() })
	d.probing = d.timers.Make(func(now, _ clock.Instant) { d.startProbes(now) })
	return d
}

// seed differs between hosts and starts.
func seed() uint32 { return rand.Uint32() }

// Late implements loop.Handler: a late probe is late, nothing else.
func (d *daemon) Late(_ clock.Instant, by time.Duration) { d.stalled(by) }

// Handle implements loop.Handler.
func (d *daemon) Handle(now clock.Instant, t task) { t(now) }

// Due implements loop.Handler.
func (d *daemon) Due(now clock.Instant, id int32, at clock.Instant) { d.timers.Due(now, id, at) }

// Turned implements loop.Handler: what a turn has collected is handed on.
func (d *daemon) Turned(clock.Instant) {
	d.table.flush()
	d.sendRecords()
}
