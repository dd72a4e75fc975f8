// Package checker is the healthchecker child. It takes part in the supervision (start,
// two-phase reload, heartbeat, stop) and checks its part of the configuration; probing
// and ip_vs come with the packages below it.
package checker

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"keepalived/checker/checkercfg"
	"keepalived/core/clock"
	"keepalived/core/global"
	"keepalived/core/loop"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

// Options are what the child is started with.
type Options struct {
	Boot     childapi.Boot
	Log      *slog.Logger
	Version  string
	LogDrops func() uint64   // lost log lines
	Stop     <-chan struct{} // ends when the child is told to stop
}

type task func(now clock.Instant)

// daemon is the child; its state belongs to the loop.
type daemon struct {
	opt      Options
	loop     *loop.Loop[task]
	client   *childapi.Client
	prepared uint64
	running  uint64
	services uint32
	next     uint32 // services of the prepared configuration
}

const (
	heartbeatEvery = time.Second
	heartbeatTimer = 0
)

// Run is the child's life. It returns the exit status.
func Run(opt Options) int {
	d := &daemon{opt: opt, loop: loop.New[task](clock.Real{}, clock.Real{}.NewWaker(), 256)}
	d.client = childapi.NewClient(childapi.Options{
		Boot: opt.Boot, Version: opt.Version, Log: opt.Log, Config: d.configure, Serve: d.serve,
	})
	d.loop.Arm(heartbeatTimer, d.loop.Now())
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.loop.Run(ctx, d) })
	g.Go(func() error { return d.client.Run(ctx) })
	select {
	case <-opt.Stop:
	case <-ctx.Done():
	}
	cancel()
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		opt.Log.Error(err.Error())
		return 1
	}
	return 0
}

// configure takes a step of a configuration change, on a goroutine of the client.
func (d *daemon) configure(u childapi.Update) {
	switch u.Phase {
	case childapi.Prepare:
		g, diags := global.Decode(u.Tree)
		found, more := checkercfg.Validate(u.Tree, g)
		if diags = append(diags, more...); diags.HasFatal() {
			d.client.Refused(u.Generation, diags)
			return
		}
		d.loop.Post(func(clock.Instant) {
			d.prepared, d.next = u.Generation, uint32(found.Services)
			d.client.Prepared(u.Generation, &pb.Plan{Role: pb.Role_ROLE_CHECKER, Kept: min(d.services, d.next)})
		})
	case childapi.Commit:
		d.loop.Post(func(clock.Instant) { d.commit(u.Generation) })
	case childapi.Abort:
		d.loop.Post(func(clock.Instant) { d.prepared = 0 })
	}
}

func (d *daemon) commit(generation uint64) {
	if d.prepared != generation {
		return
	}
	if d.running == 0 && d.next > 0 {
		d.opt.Log.Info("Health checking and ip_vs are not built yet: virtual servers are read and not served")
	}
	d.prepared, d.running, d.services = 0, generation, d.next
	d.client.Ready(generation)
}

// serve answers the parent's commands: there is nothing to list or to dump yet.
func (d *daemon) serve(context.Context, *pb.ServeResponse, func(*pb.ServeRequest) error) error {
	return nil
}

// Handle implements loop.Handler.
func (d *daemon) Handle(now clock.Instant, t task) { t(now) }

// Due implements loop.Handler: the heartbeat is the only deadline.
func (d *daemon) Due(now clock.Instant, _ int32, _ clock.Instant) {
	d.loop.Arm(heartbeatTimer, now.Add(heartbeatEvery))
	beat := &pb.Heartbeat{LateTurns: d.loop.SlowTurns()}
	if d.opt.LogDrops != nil {
		beat.LogDrops = d.opt.LogDrops()
	}
	d.client.Heartbeat(beat)
}

// Turned implements loop.Handler.
func (d *daemon) Turned(clock.Instant) {}

// Late implements loop.Handler: a late check is late, nothing else.
func (d *daemon) Late(clock.Instant, time.Duration) {}
