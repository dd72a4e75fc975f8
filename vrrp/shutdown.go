package vrrp

import (
	"context"
	"fmt"
	"time"

	"keepalived/core/clock"
	"keepalived/core/logging"
	"keepalived/core/process"
	"keepalived/vrrp/fsm"
)

// notifyLimit is how long notify_stop scripts may run after the addresses have gone
// (keepalived: one second).
const notifyLimit = time.Second

// shutdown ends the child: per instance priority 0 first, then its addresses at once,
// then the stop scripts. It returns the exit status.
func (d *daemon) shutdown(cancel context.CancelFunc) int {
	d.loop.Post(func(now clock.Instant) { d.stop(now) })
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case <-d.stopped:
	case <-limit.C:
		d.log.Warn(fmt.Sprintf("not every address was removed within %s", stopLimit))
	case <-d.ctx.Done():
	}
	d.notify.drain(notifyLimit)
	d.runner.Stop(notifyLimit)
	cancel()
	_ = d.group.Wait()
	for _, f := range d.notify.fifos { // the loop has ended, they are nobody's now
		f.Remove()
	}
	d.sayStopped()
	return 0
}

// sayStopped is the last line of the child; with -D it tells what it has used.
func (d *daemon) sayStopped() {
	if !d.log.Enabled(context.Background(), logging.Detail) {
		d.info("Stopped")
		return
	}
	d.info("Stopped - " + process.Usage())
}

// stop is the loop's part: every instance leaves the protocol.
func (d *daemon) stop(now clock.Instant) {
	if d.stopping {
		return
	}
	d.stopping = true
	for _, s := range d.scripts {
		s.timer.Set(clock.Never)
		d.runner.Cancel(s.run)
	}
	for _, in := range d.instances {
		d.step(now, in, fsm.Event{Kind: fsm.EvShutdown})
	}
	d.syncGroups(now)
	d.worker.Close()
}
