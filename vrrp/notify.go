package vrrp

import (
	"fmt"
	"slices"
	"time"

	"keepalived/core/clock"
	"keepalived/core/config/cursor"
	"keepalived/core/notify"
	"keepalived/core/script"
	"keepalived/vrrp/fsm"
	"keepalived/vrrp/vrrpcfg"
)

// patience is how long a notify script holds up the next one of the same instance or
// group. keepalived starts them at once and side by side, so that the last to finish
// wins; ours run in their order, but one that hangs must not keep the next from running.
const patience = 5 * time.Second

// maxQueued bounds the scripts that wait for one object; beyond it the oldest is dropped.
const maxQueued = 64

// notifier tells scripts and FIFOs what happens.
type notifier struct {
	d       *daemon
	queues  map[string]*scriptQueue
	fifos   []*script.FIFO
	waiting int           // scripts queued or running
	idle    chan struct{} // closed while the loop drains and nothing is left
}

// scriptQueue runs the scripts of one object in order.
type scriptQueue struct {
	name    string
	pending []script.Command
	current int32 // run it waits for; 0: none
	timer   timer
}

// options of an object, kept with it.
type notifyOptions struct {
	options notify.Options
	scripts [notifyHooks]*script.Script
}

const notifyHooks = 7

var hookOrder = [notifyHooks]notify.Hook{
	notify.NotifyMaster, notify.NotifyBackup, notify.NotifyFault, notify.NotifyStop, notify.NotifyDeleted,
	notify.NotifyMasterRxLowerPri, notify.Notify,
}

// hooks resolves the scripts of an instance.
func (n *notifier) hooks(in *instance) {
	in.notify = n.resolve(&in.cfg.Notify)
}

func (n *notifier) resolve(cfg *vrrpcfg.Notify) notifyOptions {
	o := notifyOptions{options: notify.Options{
		DeletedAsFault: !cfg.DeletedSet, PriorityChanges: cfg.PriorityChanges, Mail: cfg.SMTPAlert,
	}}
	for i, s := range [notifyHooks]*cursor.Script{cfg.Master, cfg.Backup, cfg.Fault, cfg.Stop, cfg.Deleted, cfg.RxLowerPri, cfg.Any} {
		ready := n.d.ready[s]
		if s == nil || ready == nil {
			continue
		}
		o.scripts[i] = ready
		o.options.Hooks = o.options.Hooks.With(hookOrder[i])
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
	for _, run := range plan.Runs {
		for i, h := range hookOrder {
			if h == run.Hook && o.scripts[i] != nil {
				n.queue(object).add(now, n, o.scripts[i].Command(0, 0, run.Args...))
			}
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
		q = &scriptQueue{name: object}
		q.timer = n.d.timers.make(func(now, _ clock.Instant) { q.current = 0; q.next(now, n) })
		n.queues[object] = q
	}
	return q
}

func (q *scriptQueue) add(now clock.Instant, n *notifier, cmd script.Command) {
	if len(q.pending) >= maxQueued {
		n.d.info(fmt.Sprintf("%s: %d notify scripts are waiting, the oldest is dropped", q.name, maxQueued))
		q.pending = q.pending[1:]
		n.waiting--
	}
	q.pending = append(q.pending, cmd)
	n.waiting++
	if q.current == 0 {
		q.next(now, n)
	}
}

// next starts the oldest waiting script.
func (q *scriptQueue) next(now clock.Instant, n *notifier) {
	if len(q.pending) == 0 {
		q.timer.set(clock.Never)
		return
	}
	cmd := q.pending[0]
	q.pending = q.pending[1:]
	cmd.ID = n.d.newRun(func(now clock.Instant, r script.Result) { n.done(now, q, r) })
	q.current = cmd.ID
	q.timer.set(now.Add(patience))
	n.d.runner.Start(cmd)
}

func (n *notifier) done(now clock.Instant, q *scriptQueue, r script.Result) {
	n.waiting--
	if r.Err != nil {
		n.d.info(fmt.Sprintf("%s: notify script: %v", q.name, r.Err))
	}
	if q.current == r.ID {
		q.current = 0
		q.next(now, n)
	}
	n.settle()
}

// settle tells whoever waits for the last script that there is none.
func (n *notifier) settle() {
	if n.waiting == 0 && n.idle != nil {
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
	for _, f := range old {
		f.Remove()
	}
}

// removed prepares an instance that a reload removes: notify_deleted decides what is told.
func (n *notifier) removed(in *instance) { n.hooks(in) }
