// Package vrrp is the VRRP child: one goroutine, the loop, owns every instance, sync
// group and tracked object; sockets, netlink, scripts and the connection to the parent
// live on goroutines of their own and post to it. The decisions are made in the pure
// packages below this one (fsm, group, garp, iface); here they are wired to effects.
package vrrp

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"keepalived/core/clock"
	"keepalived/core/loop"
	"keepalived/core/reconcile/worker"
	"keepalived/core/rtnl"
	"keepalived/core/script"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
	"keepalived/vrrp/iface"
	"keepalived/vrrp/sock"
	"keepalived/vrrp/vip"
	"keepalived/vrrp/vrrpcfg"
)

// Options are what the child is started with.
type Options struct {
	Boot    childapi.Boot
	Log     *slog.Logger
	Version string
	// LogDrops returns how many log lines were lost because nobody read them.
	LogDrops func() uint64
	// KeepAddresses leaves the virtual addresses in place at stop (-V).
	KeepAddresses bool
	// MonitorAddresses logs every address that comes or goes (-a).
	MonitorAddresses bool
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

// stopLimit is how long the removal of addresses may take at stop; what is not gone
// then is logged. Removing 2,000 addresses takes 50 ms.
const stopLimit = 3 * time.Second

// daemon is the child. Everything but opt, log, loop, client, worker, runner
// and exist belongs to the loop.
type daemon struct {
	opt Options
	log *slog.Logger
	// saidSockets are the lines of saySockets that hold.
	saidSockets []string
	loop        *loop.Loop[task]
	client      *childapi.Client
	worker      *vip.Worker
	runner      *script.Runner
	group       *errgroup.Group
	ctx         context.Context
	exist       func() (vrrpcfg.Interfaces, error) // which interfaces there are; off the loop
	ready       script.Resolved                    // scripts of the running configuration
	runs        map[int32]func(clock.Instant, script.Result)
	lastRun     int32
	tracking    map[int32]*trackScript // by run

	net       network
	links     *iface.Table
	changes   []iface.Change
	observed  map[rtnl.Key]rtnl.Addr // before the first configuration only
	seeded    bool                   // the monitor has delivered what there is
	timers    loop.Timers
	cfg       *vrrpcfg.Config
	running   uint64       // generation in force, 0 before the first
	initial   *preparation // waits for the monitor's first delivery
	instances []*instance  // in the order of the file
	owners    []*instance  // by id; ids are not reused
	byName    map[string]*instance
	routes    map[routeKey]*instance
	groups    []*syncGroup
	scripts   []*trackScript
	byScript  map[string]*trackScript
	handover  handover
	notify    notifier
	announce  announcements
	stalls    stallStats
	beat      heartbeat
	stopping  bool
	stopped   chan struct{}     // closed when the worker has done its last
	globals   []byte            // dump section of the global definitions, by generation
	paths     map[string]string // of tracked files, for the dump
	files     dumpFiles
}

// Run is the child's life: until Stop ends, or something without which it cannot work
// fails. It returns the exit status.
func Run(opt Options) int {
	d, err := open(opt)
	if err != nil {
		opt.Log.Error(err.Error())
		return 1
	}
	return d.run()
}

func open(opt Options) (*daemon, error) {
	d := &daemon{
		opt: opt, log: opt.Log, stopped: make(chan struct{}), exist: interfaces,
		runs: map[int32]func(clock.Instant, script.Result){}, tracking: map[int32]*trackScript{},
		links: iface.New(), observed: map[rtnl.Key]rtnl.Addr{},
		byName: map[string]*instance{}, routes: map[routeKey]*instance{}, byScript: map[string]*trackScript{},
	}
	d.loop = loop.New[task](clock.Real{}, loop.Precise{}.NewWaker(), 1024)
	d.timers.Arm = d.loop.Arm
	d.notify = notifier{d: d, queues: map[string]*scriptQueue{}}
	d.handover.open(opt.Boot, opt.Log)
	handle, err := rtnl.Open()
	if err != nil {
		return nil, err
	}
	d.worker = vip.NewWorker(worker.Config[vip.Object]{
		Clock: clock.Real{}, Applier: vip.NewApplier(handle),
		Applied:  func(a worker.Applied) { d.loop.Post(func(now clock.Instant) { d.applied(now, a) }) },
		Repaired: func(r worker.Repaired[vip.Object]) { d.loop.Post(func(now clock.Instant) { d.repaired(now, r) }) },
	})
	if err := d.net.open(d); err != nil {
		return nil, err
	}
	d.runner = script.NewRunner(script.Config{Done: func(r script.Result) {
		d.loop.Post(func(now clock.Instant) { d.scriptDone(now, r) })
	}})
	var adopter *childapi.Adopter[preparation]
	d.client = childapi.NewClient(childapi.Options{
		Boot: opt.Boot, Version: opt.Version, Log: opt.Log, Serve: d.serve,
		Config: func(u childapi.Update) { adopter.Take(u) },
	})
	adopter = d.adopter()
	return d, nil
}

func (d *daemon) run() int {
	monitor, err := rtnl.NewMonitor(rtnl.MonitorConfig{})
	if err != nil {
		d.log.Error(err.Error())
		return 1
	}
	d.detail("Registering Kernel netlink reflector")
	d.detail("Registering Kernel netlink command channel")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	d.group, d.ctx = errgroup.WithContext(ctx)
	d.beat.start(d)
	for _, run := range []func(context.Context) error{
		func(ctx context.Context) error { return d.loop.Run(ctx, d) },
		func(ctx context.Context) error { return monitor.Run(ctx, d.kernelEvents) },
		d.runWorker, d.runner.Run, d.client.Run, d.net.join.run,
		func(ctx context.Context) error { return childapi.Dumper(d.dump).OnSignal(ctx, d.opt.Dumps, d.log) },
	} {
		d.group.Go(func() error { return run(d.ctx) })
	}
	for _, r := range d.net.receivers {
		d.group.Go(func() error { return r.run(d.ctx) })
	}
	select {
	case <-d.opt.Stop:
		return d.shutdown(cancel)
	case <-d.ctx.Done():
		err := d.group.Wait()
		d.log.Error(fmt.Sprintf("VRRP child ends: %v", err))
		return 1
	}
}

// runWorker runs the address worker; its end at stop means that everything is gone.
func (d *daemon) runWorker(ctx context.Context) error {
	err := d.worker.Run(ctx)
	close(d.stopped)
	return err
}

// Late implements loop.Handler: the process was kept from running. Nobody elects himself
// on what he did not hear in that time.
func (d *daemon) Late(now clock.Instant, by time.Duration) {
	d.stalled(now, by)
}

// Handle implements loop.Handler.
func (d *daemon) Handle(now clock.Instant, t task) { t(now) }

// Due implements loop.Handler.
func (d *daemon) Due(now clock.Instant, id int32, at clock.Instant) { d.timers.Due(now, id, at) }

// Turned implements loop.Handler: what a turn has collected is handed on.
func (d *daemon) Turned(now clock.Instant) {
	d.syncGroups(now)
	d.net.flush()
}

// family is the index of an address family in per-family tables.
func family(f sock.Family) int {
	if f == sock.IPv6 {
		return 1
	}
	return 0
}
