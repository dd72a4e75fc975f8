package checker

import (
	"context"
	"fmt"
	"time"

	"keepalived/core/clock"
	"keepalived/core/global"
	"keepalived/core/logging"
	"keepalived/core/process"
)

// stopLimit is how long the removal of services may take at stop; what is not gone then
// is logged. Removing 2,000 destinations takes 0.2 s.
const stopLimit = 3 * time.Second

// shutdown ends the child's work. A stop takes out of ip_vs what it has put in. When the
// parent has died the table stays as it is: connections go on, and the next start takes
// it over.
func (d *daemon) shutdown() {
	if !d.opt.Boot.ParentAlive() {
		d.info("The parent is gone: ip_vs stays as it is")
		return
	}
	d.post(func(now clock.Instant) { d.stop(now) })
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	select {
	case <-d.stopped:
	case <-limit.C:
		d.log.Warn(fmt.Sprintf("not everything was removed from ip_vs within %s", stopLimit))
	case <-d.ctx.Done():
	}
	d.notify.drain(notifyLimit)
}

// stop is the loop's part: every service goes.
func (d *daemon) stop(now clock.Instant) {
	if d.stopping {
		return
	}
	d.stopping = true
	d.probing.Set(clock.Never)
	d.overrides.timer.Set(clock.Never)
	if d.director == nil || d.opt.KeepIPVS {
		d.table.worker.Close()
		return
	}
	d.director.Stop(&d.out)
	if d.model.cfg.Global.FlushOnStop == global.FlushAll {
		d.table.worker.Flush()
	}
	d.act(now)
	d.table.touchAll()
	d.table.flush()
	d.table.worker.Close()
}

// sayStopped is the last line of the child; with -D it tells what it has used.
func (d *daemon) sayStopped() {
	if !d.log.Enabled(context.Background(), logging.Detail) {
		d.info("Stopped")
		return
	}
	d.info("Stopped - " + process.Usage())
}
