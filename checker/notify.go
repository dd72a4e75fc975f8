package checker

import (
	"fmt"
	"slices"
	"time"

	"keepalived/checker/health"
	"keepalived/core/clock"
	"keepalived/core/global"
	"keepalived/core/loop"
	"keepalived/core/notify"
	"keepalived/core/process"
	"keepalived/core/script"
)

const (
	// patience is how long a script holds up the next one of the same object. 2.2.7
	// starts all at once and side by side, so that the last to finish wins; ours run in
	// order, but one that never ends must not keep the next from running.
	patience = 5 * time.Second
	// notifyLimit is how long scripts may run on at stop.
	notifyLimit = time.Second
)

// notifier tells scripts and FIFOs what happens.
type notifier struct {
	d       *daemon
	runner  scriptRunner
	queues  map[string]*scriptQueue // by object, as long as something runs or waits
	runs    map[int32]*scriptQueue
	lastRun int32
	fifos   []*script.FIFO
	idle    chan struct{} // closed when nothing runs or waits any more; nil: nobody asks
}

// scriptQueue runs the scripts of one object one after the other; of those that have to
// wait only the newest is run.
type scriptQueue struct {
	key     string // in notifier.queues
	name    string // for messages
	run     int32  // under way; 0: none
	waiting *script.Command
	timer   loop.Timer
}

func (n *notifier) init(d *daemon) {
	n.d, n.queues, n.runs = d, map[string]*scriptQueue{}, map[int32]*scriptQueue{}
}

// tell runs the script and writes the line of a real server, or without one of the
// service, that is up or down.
func (n *notifier) tell(now clock.Instant, a *health.Action) {
	object, line := "service "+a.Service.Name, notify.ServiceFIFO(a.Service.Name, a.Up)
	var up, down *script.Script
	if a.Server != nil {
		object += " server " + a.Server.Name
		line = notify.ServerFIFO(a.Server.Name, a.Service.Name, a.Up)
		if r := n.d.serverOf(a); r != nil {
			up, down = r.up, r.down
		}
	} else if s := n.d.serviceOf(a); s != nil {
		up, down = s.up, s.down
	}
	run := down
	if a.Up {
		run = up
	}
	if run != nil {
		n.start(now, a.Service.Key+" "+object, object, run.Command(0, 0))
	}
	for _, f := range n.fifos {
		f.Write(line)
	}
}

func (n *notifier) start(now clock.Instant, key, name string, cmd script.Command) {
	q := n.queues[key]
	if q == nil {
		q = &scriptQueue{key: key, name: name}
		q.timer = n.d.timers.Make(func(now, _ clock.Instant) { q.run = 0; n.next(now, q) })
		n.queues[key] = q
	}
	q.waiting = &cmd
	if q.run == 0 {
		n.next(now, q)
	}
}

// next starts the script that waits; a queue with nothing more to do goes.
func (n *notifier) next(now clock.Instant, q *scriptQueue) {
	if q.waiting == nil {
		q.timer.Release()
		delete(n.queues, q.key)
		return
	}
	n.lastRun = max(n.lastRun+1, 1)
	cmd := *q.waiting
	cmd.ID, q.run, q.waiting = n.lastRun, n.lastRun, nil
	n.runs[cmd.ID] = q
	q.timer.Set(now.Add(patience))
	n.runner.Start(cmd)
}

// done is the end of a script.
func (n *notifier) done(now clock.Instant, r script.Result) {
	q := n.runs[r.ID]
	if q == nil {
		return
	}
	delete(n.runs, r.ID)
	if r.Err != nil {
		n.d.info(fmt.Sprintf("%s: notify script: %v", q.name, r.Err))
	}
	if q.run == r.ID {
		q.run = 0
		n.next(now, q)
	}
	n.settle()
}

// settle tells whoever waits for the last script that there is none.
func (n *notifier) settle() {
	if len(n.runs) == 0 && n.idle != nil {
		close(n.idle)
		n.idle = nil
	}
}

// drain waits until every notify script has ended, but not longer than within. Not for
// the loop goroutine.
func (n *notifier) drain(within time.Duration) {
	idle := make(chan struct{})
	n.d.post(func(clock.Instant) { n.idle = idle; n.settle() })
	limit := time.NewTimer(within)
	defer limit.Stop()
	select {
	case <-idle:
	case <-limit.C:
	case <-n.d.ctx.Done():
	}
}

// configure opens the FIFOs of a configuration; those that stay are kept.
func (n *notifier) configure(g *global.Config) {
	old := n.fifos
	n.fifos = nil
	for _, of := range []struct {
		name string
		fifo *global.FIFO
	}{{"notify", &g.FIFO}, {"lvs_notify", &g.LVSFIFO}} {
		c, ok := script.FIFOOf(of.name, of.fifo, process.Accounts{})
		if !ok {
			continue
		}
		if i := slices.IndexFunc(old, func(f *script.FIFO) bool { return f.Path() == c.Path }); i >= 0 {
			n.fifos = append(n.fifos, old[i])
			old = slices.Delete(old, i, i+1)
			continue
		}
		c.Say = func(text string) { n.d.log.Info(text) }
		n.fifos = append(n.fifos, script.OpenFIFO(n.d.ctx, c))
	}
	for _, f := range old { // off the loop, because they write what is queued
		go f.Remove()
	}
}

// end closes the FIFOs at stop.
func (n *notifier) end() {
	for _, f := range n.fifos {
		f.Remove()
	}
	n.fifos = nil
}
