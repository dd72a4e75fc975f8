package probe

import (
	"context"
	"fmt"
	"sync"
	"time"

	"keepalived/checker/health"
	"keepalived/core/clock"
	"keepalived/core/script"
)

// burst is how far starts may run ahead of Limit.PerSecond.
const burst = 100 * time.Millisecond

// Pool runs probes. Each has a goroutine while it is in flight and none while it waits.
//
// Scripts are run by a script.Runner of the pool's own, with numbers of its own: the
// one that runs notify scripts has nothing to do with it, neither its places nor its
// stop.
type Pool struct {
	clock  clock.Clock
	done   func(health.Ticket, health.Result, time.Duration)
	runner *script.Runner
	nudge  chan struct{} // capacity 1: somebody waits for wakeAt

	mu      sync.Mutex
	ctx     context.Context // of Run; nil: not running
	lanes   [kinds]lane
	wakeAt  clock.Instant // when Run looks after the queues again
	scripts scripts
	flying  sync.WaitGroup
}

// lane is one kind of probes: a queue and what is in flight.
type lane struct {
	limit   Limit
	waiting fifo
	brisk   fifo // in order of their start; some have ended or given up their place
	holding int  // of brisk: how many hold a place
	running int
	next    clock.Instant // when the next start would keep the pace of PerSecond
	stats   Stats
}

// job is one probe.
type job struct {
	ticket health.Ticket
	target Target
	step   uint16
	kind   Kind
	asked  clock.Instant
	begun  clock.Instant
	holds  bool // a place of its lane
}

// New makes a Pool. Probes wait until Run runs. The environment and the resource limits
// of this moment are what check scripts get (script.NewRunner).
func New(c Config) *Pool {
	p := &Pool{clock: c.Clock, done: c.Done, nudge: make(chan struct{}, 1), wakeAt: clock.Never}
	if p.clock == nil {
		p.clock = clock.Real{}
	}
	limits := DefaultLimits()
	for k := range p.lanes {
		p.lanes[k].limit = limits[k].with(c.Limits[k])
	}
	p.scripts.init()
	p.runner = script.NewRunner(script.Config{Done: p.scriptDone, Most: p.lanes[Script].limit.Most + 256})
	return p
}

// with is l with what o says.
func (l Limit) with(o Limit) Limit {
	if o.Brisk > 0 {
		l.Brisk = o.Brisk
	}
	if o.Most > 0 {
		l.Most = o.Most
	}
	if o.PerSecond > 0 {
		l.PerSecond = o.PerSecond
	}
	return l
}

// Start queues one probe, of the url step where there are several. It never blocks.
func (p *Pool) Start(t health.Ticket, target Target, step uint16) {
	j := &job{ticket: t, target: target, step: step, kind: kindOf(target.Check), asked: p.clock.Now()}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lanes[j.kind].waiting.push(j)
	p.dispatch(j.kind, j.asked)
}

// Stats returns the counters of one kind.
func (p *Pool) Stats(k Kind) Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &p.lanes[k]
	s := l.stats
	s.Waiting, s.Running = l.waiting.len(), l.running
	return s
}

// Run makes the probes that Start queues until ctx ends; then it breaks off those in
// flight and returns when they are gone. It returns nil but when scripts cannot be run
// at all.
func (p *Pool) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, 1)
	go func() { failed <- p.runner.Run(ctx) }()
	p.mu.Lock()
	p.ctx = ctx
	p.mu.Unlock()
	waker := p.clock.NewWaker()
	defer waker.Close()
	var err error
	for ctx.Err() == nil {
		waker.Arm(p.turn())
		select {
		case <-ctx.Done():
		case <-p.nudge:
		case <-waker.C():
		case err = <-failed:
			failed <- err
			cancel()
		}
	}
	p.mu.Lock()
	p.ctx = nil
	p.mu.Unlock()
	p.flying.Wait()
	if err = <-failed; err != nil {
		return fmt.Errorf("running check scripts: %w", err)
	}
	return nil
}

// turn starts what has waited long enough and returns when to look again.
func (p *Pool) turn() clock.Instant {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wakeAt = clock.Never
	now := p.clock.Now()
	for k := range kinds {
		p.dispatch(k, now)
	}
	return p.wakeAt
}

// dispatch starts what may start of one kind. Whatever has to wait for the time to pass
// is left to Run; what waits for another probe's end is started by that.
func (p *Pool) dispatch(k Kind, now clock.Instant) {
	l := &p.lanes[k]
	for l.waiting.len() > 0 && p.ctx != nil {
		if at := l.free(now); at > now {
			p.wake(at)
			return
		}
		j := l.waiting.pop()
		l.start(j, now)
		if k == Script {
			p.startScript(j)
			continue
		}
		p.flying.Add(1)
		go p.fly(p.ctx, j)
	}
}

// wake makes Run look again at the instant.
func (p *Pool) wake(at clock.Instant) {
	if at >= p.wakeAt {
		return
	}
	p.wakeAt = at
	select {
	case p.nudge <- struct{}{}:
	default:
	}
}

// free is when the next probe may start: now or earlier, later, or Never while only the
// end of another can make room.
func (l *lane) free(now clock.Instant) clock.Instant {
	if l.running >= l.limit.Most {
		return clock.Never
	}
	for l.brisk.len() > 0 {
		oldest := l.brisk.first()
		if oldest.holds && now.Sub(oldest.begun) < YieldAfter {
			break
		}
		l.release(oldest)
		l.brisk.pop()
	}
	if l.holding >= l.limit.Brisk {
		return l.brisk.first().begun.Add(YieldAfter)
	}
	return l.next.Add(-burst)
}

func (l *lane) start(j *job, now clock.Instant) {
	j.begun, j.holds = now, true
	l.brisk.push(j)
	l.holding++
	l.running++
	l.next = max(l.next, now).Add(time.Second / time.Duration(l.limit.PerSecond))
	l.stats.Started++
	wait := now.Sub(j.asked)
	if wait >= LateAfter {
		l.stats.Late++
	}
	l.stats.Worst = max(l.stats.Worst, wait)
}

// release takes a probe's place, if it has one.
func (l *lane) release(j *job) {
	if j.holds {
		j.holds = false
		l.holding--
	}
}

// fly is the life of a probe on its goroutine.
func (p *Pool) fly(ctx context.Context, j *job) {
	defer p.flying.Done()
	r := j.probe(ctx)
	if ctx.Err() != nil {
		return
	}
	p.land(j, r)
}

// land hands the result on and gives the place to the next.
func (p *Pool) land(j *job, r health.Result) {
	r.Started = j.begun
	now := p.clock.Now()
	p.done(j.ticket, r, now.Sub(j.begun))
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &p.lanes[j.kind]
	l.release(j)
	l.running--
	l.stats.Ended++
	if l.waiting.len() > 0 { // done may have taken its time
		p.dispatch(j.kind, p.clock.Now())
	}
}

// fifo is a queue of jobs.
type fifo struct {
	list []*job
	head int
}

func (f *fifo) len() int    { return len(f.list) - f.head }
func (f *fifo) first() *job { return f.list[f.head] }
func (f *fifo) push(j *job) { f.list = append(f.list, j) }

func (f *fifo) pop() *job {
	j := f.list[f.head]
	f.list[f.head] = nil
	f.head++
	if f.head*2 >= len(f.list) { // amortised: what is moved has been popped before
		n := copy(f.list, f.list[f.head:])
		clear(f.list[n:])
		f.list, f.head = f.list[:n], 0
	}
	return j
}
