package vrrp

import (
	"fmt"
	"slices"
	"time"

	"keepalived/core/clock"
	"keepalived/core/config/cursor"
	"keepalived/core/loop"
	"keepalived/core/notify"
	"keepalived/core/script"
	"keepalived/vrrp/fsm"
	"keepalived/vrrp/vrrpcfg"
)

// patience is how long the scripts of one event hold up those of the next event of the
// same instance or group. keepalived starts all at once and side by side, so that the
// last to finish wins; ours run in order, but one that never ends must not keep the next
// from running.
const patience = 5 * time.Second

// notifier tells scripts and FIFOs what happens.
type notifier struct {
	d       *daemon
	queues  map[string]*scriptQueue
	fifos   []*script.FIFO
	running int           // scripts under way
	idle    chan struct{} // closed when nothing runs or waits any more; nil: nobody asks
}

// scriptQueue runs the scripts of one object: those of an event together, the events in
// order, and only the newest of those that have to wait.
type scriptQueue struct {
	name  string
	wait  notify.Queue[[]script.Command]
	under map[int32]struct{} // runs of the present event
	timer loop.Timer
}

// notifyOptions are what is told about an object, and with which scripts.
type notifyOptions struct {
	options notify.Options
	scripts [notifyHooks]*script.Script
}

const notifyHooks = 7

var hookOrder = [notifyHooks]notify.Hook{
	notify.NotifyMaster, notify.NotifyBackup, notify.NotifyFault, notify.NotifyStop, notify.NotifyDeleted,
	notify.NotifyMasterRxLowerPri, notify.Notify,
}

// hooks takes the scripts of an instance from the running configuration.
func (n *notifier) hooks(in *instance) { in.notify = n.resolve(&in.cfg.Notify) }

func (n *notifier) resolve(cfg *vrrpcfg.Notify) notifyOptions {
	o := notifyOptions{options: notify.Options{DeletedAsFault: !cfg.DeletedSet, PriorityChanges: cfg.PriorityChanges}}
	for i, s := range [notifyHooks]*cursor.Script{cfg.Master, cfg.Backup, cfg.Fault, cfg.Stop, cfg.Deleted, cfg.RxLowerPri, cfg.Any} {
		if ready := n.d.ready[s]; s != nil && ready != nil {
			o.scripts[i] = ready
			o.options.Hooks = o.options.Hooks.With(hookOrder[i])
		}
	}
	return o
}

var noticeStates = map[fsm.Notice]notify.State{
	fsm.NoticeMaster: notify.Master, fsm.NoticeBackup: notify.Backup, fsm.NoticeFault: notify.Fault,
	fsm.NoticeStop: notify.Stop, fsm.NoticeLowerPriority: notify.MasterRxLowerPri,
}

// instance tells of a change of an instance.
func (n *notifier) instance(now clock.Instant, in *instance, notice fsm.Notice, priority uint8) {
	state := noticeStates[notice]
	switch {
	case notice == fsm.NoticePriority && in.st.Phase == fsm.Master:
		state = notify.MasterPriority
	case notice == fsm.NoticePriority:
		state = notify.BackupPriority
	case notice == fsm.NoticeStop && in.removing:
		state = notify.Deleted
	}
	n.tell(now, "instance "+in.cfg.Name, notify.Event{Scope: notify.Instance, Name: in.cfg.Name, State: state, Priority: priority}, &in.notify)
}

// group tells of a change of a sync group.
func (n *notifier) group(now clock.Instant, g *syncGroup, notice fsm.Notice) {
	n.tell(now, "group "+g.cfg.Name, notify.Event{Scope: notify.Group, Name: g.cfg.Name, State: noticeStates[notice]}, &g.notify)
}

func (n *notifier) tell(now clock.Instant, object string, ev notify.Event, o *notifyOptions) {
	plan := notify.Decide(ev, o.options)
	var commands []script.Command
	for _, run := range plan.Runs {
		if i := slices.Index(hookOrder[:], run.Hook); o.scripts[i] != nil {
			commands = append(commands, o.scripts[i].Command(0, 0, run.Args...))
		}
	}
	if len(commands) > 0 {
		q := n.queue(object)
		q.wait.Push(ev.State, commands)
		if len(q.under) == 0 {
			q.next(now, n)
		}
	}
	if plan.FIFO != "" {
		for _, f := range n.fifos {
			f.Write(plan.FIFO)
		}
	}
}

func (n *notifier) queue(object string) *scriptQueue {
	q := n.queues[object]
	if q == nil {
		q = &scriptQueue{name: object, under: map[int32]struct{}{}}
		q.timer = n.d.timers.Make(func(now, _ clock.Instant) { clear(q.under); q.next(now, n) })
		n.queues[object] = q
	}
	return q
}

// next starts the scripts of the event that waits.
func (q *scriptQueue) next(now clock.Instant, n *notifier) {
	commands, ok := q.wait.Pop()
	if !ok {
		q.timer.Set(clock.Never)
		return
	}
	q.timer.Set(now.Add(patience))
	for _, cmd := range commands {
		cmd.ID = n.d.newRun(func(now clock.Instant, r script.Result) { n.done(now, q, r) })
		q.under[cmd.ID] = struct{}{}
		n.running++
		n.d.runner.Start(cmd)
	}
}

func (n *notifier) done(now clock.Instant, q *scriptQueue, r script.Result) {
	n.running--
	if r.Err != nil {
		n.d.info(fmt.Sprintf("%s: notify script: %v", q.name, r.Err))
	}
	if _, present := q.under[r.ID]; present {
		delete(q.under, r.ID)
		if len(q.under) == 0 {
			q.next(now, n)
		}
	}
	n.settle()
}

// settle tells whoever waits for the last script that there is none.
func (n *notifier) settle() {
	if n.running == 0 && n.idle != nil {
		close(n.idle)
		n.idle = nil
	}
}

// drain waits until every notify script has ended, but not longer than within. Not for
// the loop goroutine.
func (n *notifier) drain(within time.Duration) {
	idle := make(chan struct{})
	n.d.loop.Post(func(clock.Instant) { n.idle = idle; n.settle() })
	limit := time.NewTimer(within)
	defer limit.Stop()
	select {
	case <-idle:
	case <-limit.C:
	case <-n.d.ctx.Done():
	}
}

// configure opens the FIFOs of a configuration; those that stay are kept.
func (n *notifier) configure(cfg *vrrpcfg.Config) {
	old := n.fifos
	n.fifos = nil
	for _, c := range fifoConfigs(cfg.Global) {
		i := slices.IndexFunc(old, func(f *script.FIFO) bool { return f.Path() == c.Path })
		if i >= 0 {
			n.fifos = append(n.fifos, old[i])
			old = slices.Delete(old, i, i+1)
			continue
		}
		c.Say = func(text string) { n.d.log.Info(text) }
		n.fifos = append(n.fifos, script.OpenFIFO(n.d.ctx, c))
	}
	n.removeFIFOs(old)
}

// removeFIFOs ends the writers of fifos; off the loop, because they write what is queued.
func (n *notifier) removeFIFOs(fifos []*script.FIFO) {
	for _, f := range fifos {
		go f.Remove()
	}
}
