package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"keepalived/core/config"
	"keepalived/core/diag"
	"keepalived/core/logging"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

// rig is a supervisor whose processes, registry and connections are made up, for
// tests in a bubble of virtual time.
type rig struct {
	t   *testing.T
	s   *Supervisor
	log *logLines

	mu        sync.Mutex // the loop and the test look at all of these and the fakes
	procs     []*fakeProcess
	notified  []string
	tokens    int
	forgotten []string
	next      Config // what Load returns
	err       error
	loads     int
	// startErr makes starting fail.
	startErr error
}

// newRig starts the loop; the caller is in a synctest bubble.
func newRig(t *testing.T, change func(*Options)) *rig {
	r := &rig{t: t, log: &logLines{}}
	r.next = configOf("one", childapi.VRRP, childapi.Checker)
	opt := Options{
		Log:     slog.New(r.log),
		Initial: r.next,
		Load: func(context.Context, *slog.Logger) (Config, error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.loads++
			return r.next, r.err
		},
		Notify: func(state string) { r.set(func() { r.notified = append(r.notified, state) }) },
	}
	if change != nil {
		change(&opt)
	}
	s, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	r.s = s
	s.server = r
	s.start = r.start
	go s.loop(t.Context())
	synctest.Wait()
	return r
}

func (r *rig) set(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// told is what the service manager was told.
func (r *rig) told() (states []string) {
	r.set(func() { states = slices.Clone(r.notified) })
	return states
}

// read counts the readings of the configuration.
func (r *rig) read() (n int) {
	r.set(func() { n = r.loads })
	return n
}

// configOf is a configuration that differs from another by its word.
func configOf(word string, roles ...childapi.Role) Config {
	tree := &config.Tree{Roots: []*config.Node{{Keyword: config.Word{Text: word}}}}
	copy(tree.Digest[:], word)
	return Config{Tree: tree, Roles: roles}
}

func (r *rig) Expect(childapi.Role) (token string) {
	r.set(func() {
		r.tokens++
		token = fmt.Sprint("token ", r.tokens)
	})
	return token
}

func (r *rig) Spawned(string, int) {}

func (r *rig) Forget(token string) { r.set(func() { r.forgotten = append(r.forgotten, token) }) }

func (r *rig) start(c *child, boot childapi.Boot, name string, _ func(string)) (process, int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.startErr != nil {
		return nil, 0, r.startErr
	}
	p := &fakeProcess{rig: r, role: c.role, pid: 1000 + len(r.procs), boot: boot, name: name, end: make(chan ending, 1)}
	r.procs = append(r.procs, p)
	return p, p.pid, nil
}

// proc is the newest process of a role.
func (r *rig) proc(role childapi.Role) *fakeProcess {
	r.t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range slices.Backward(r.procs) {
		if p.role == role {
			return p
		}
	}
	r.t.Fatalf("no process of %v", role)
	return nil
}

// starts counts the processes of a role.
func (r *rig) starts(role childapi.Role) (n int) {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.procs {
		if p.role == role {
			n++
		}
	}
	return n
}

// up brings both children to Ready.
func (r *rig) up(roles ...childapi.Role) {
	for _, role := range roles {
		r.proc(role).connect(0).ready()
	}
	synctest.Wait()
}

// stop ends the supervisor and waits for its loop.
func (r *rig) stop() {
	r.s.post(func() { r.s.signalled(syscall.SIGTERM) })
	synctest.Wait()
	var all []*fakeProcess
	r.set(func() { all = slices.Clone(r.procs) })
	for _, p := range all {
		p.die(ending{})
	}
	<-r.s.done
}

type fakeProcess struct {
	rig      *rig
	role     childapi.Role
	pid      int
	boot     childapi.Boot
	name     string
	end      chan ending
	dead     bool
	signals  []os.Signal
	session  *fakeSession
	onSignal func(os.Signal)
}

func (p *fakeProcess) Signal(sig os.Signal) error {
	var react func(os.Signal)
	p.rig.set(func() {
		p.signals = append(p.signals, sig)
		react = p.onSignal
	})
	if react != nil {
		react(sig)
	}
	return nil
}

// got is the signals so far.
func (p *fakeProcess) got() (signals []os.Signal) {
	p.rig.set(func() { signals = slices.Clone(p.signals) })
	return signals
}

// reacts sets what the process does on a signal.
func (p *fakeProcess) reacts(f func(os.Signal)) { p.rig.set(func() { p.onSignal = f }) }

func (p *fakeProcess) Wait() ending { return <-p.end }

// die ends the process once.
func (p *fakeProcess) die(e ending) {
	p.rig.set(func() {
		if !p.dead {
			p.dead = true
			p.end <- e
		}
	})
}

func (p *fakeProcess) crash(e ending) {
	p.die(e)
	synctest.Wait()
}

// connect registers the process, which runs generation.
func (p *fakeProcess) connect(generation uint64) *fakeSession {
	x := &fakeSession{p: p, generation: generation}
	p.session = x
	p.rig.s.post(func() { p.rig.s.registered(x) })
	synctest.Wait()
	return x
}

type fakeSession struct {
	p          *fakeProcess
	generation uint64
	gone       bool
	part       *childapi.Part // that it was last sent
	memory     childapi.Memory
	sent       []string // "PREPARE 2", "PREPARE =1 2" (as generation 1), "COMMIT 2", "ABORT 2"
	calls      []*pb.ServeResponse
	answer     answerFunc
}

type answerFunc = func(ctx context.Context, cmd *pb.ServeResponse, each func(*pb.ServeRequest) error) error

func (x *fakeSession) Role() childapi.Role { return x.p.role }
func (x *fakeSession) PID() int            { return x.p.pid }
func (x *fakeSession) Generation() uint64  { return x.generation }
func (x *fakeSession) Gone() bool          { return x.gone }
func (x *fakeSession) Close()              {}

var prepareWords = [...]string{childapi.Change: "PREPARE", childapi.Trial: "TRIAL"}

func (x *fakeSession) SendPrepare(g uint64, p *childapi.Part, kind childapi.PrepareKind) {
	x.note(prepareWords[kind], g)
	x.p.rig.set(func() { x.part = p })
}

func (x *fakeSession) SendSame(g, inForce uint64, kind childapi.PrepareKind) {
	x.note(fmt.Sprintf("%s =%d", prepareWords[kind], inForce), g)
}

func (x *fakeSession) SendFirst(g uint64, p *childapi.Part, m childapi.Memory) {
	x.note("FIRST", g)
	x.p.rig.set(func() { x.part, x.memory = p, m })
}

func (x *fakeSession) SendCommit(g uint64) { x.note("COMMIT", g) }
func (x *fakeSession) SendAbort(g uint64)  { x.note("ABORT", g) }

func (x *fakeSession) note(word string, g uint64) {
	x.p.rig.set(func() { x.sent = append(x.sent, fmt.Sprintf("%s %d", word, g)) })
}

// answers sets how the session answers calls.
func (x *fakeSession) answers(f answerFunc) { x.p.rig.set(func() { x.answer = f }) }

func (x *fakeSession) Call(ctx context.Context, cmd *pb.ServeResponse, each func(*pb.ServeRequest) error) error {
	var answer answerFunc
	x.p.rig.set(func() {
		x.calls = append(x.calls, cmd)
		answer = x.answer
	})
	if answer == nil {
		return nil
	}
	return answer(ctx, cmd, each)
}

// said returns and forgets what was sent.
func (x *fakeSession) said() string {
	synctest.Wait()
	x.p.rig.mu.Lock()
	defer x.p.rig.mu.Unlock()
	text := strings.Join(x.sent, ", ")
	x.sent = nil
	return text
}

func (x *fakeSession) report(m *pb.ReportRequest) {
	x.p.rig.s.post(func() { x.p.rig.s.reported(x, m) })
	synctest.Wait()
}

func (x *fakeSession) ready() {
	x.readyAt(x.p.boot.Generation)
	x.said()
}

func (x *fakeSession) readyAt(g uint64) {
	x.report(&pb.ReportRequest{Report: &pb.ReportRequest_Ready{Ready: &pb.Ready{Generation: g}}})
}

func (x *fakeSession) prepared(g uint64, kept uint32) {
	x.report(&pb.ReportRequest{Report: &pb.ReportRequest_Prepared{
		Prepared: &pb.Prepared{Generation: g, Plan: &pb.Plan{Kept: kept}}}})
}

func (x *fakeSession) refused(g uint64, why string) {
	var l diag.List
	l.Fatalf(diag.Range{}, diag.NoInterface, "%s", why)
	x.report(&pb.ReportRequest{Report: &pb.ReportRequest_Refused{
		Refused: &pb.Refused{Generation: g, Diagnostics: childapi.DiagnosticsToProto(l)}}})
}

func (x *fakeSession) beat() {
	x.report(&pb.ReportRequest{Report: &pb.ReportRequest_Heartbeat{Heartbeat: &pb.Heartbeat{}}})
}

func (x *fakeSession) event(e *pb.Event) {
	x.report(&pb.ReportRequest{Report: &pb.ReportRequest_Event{Event: e}})
}

func (x *fakeSession) hangUp() {
	x.gone = true
	x.p.rig.s.post(func() { x.p.rig.s.closed(x) })
	synctest.Wait()
}

// logLines collects messages; safe for any goroutine.
type logLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *logLines) Enabled(context.Context, slog.Level) bool { return true }
func (l *logLines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logLines) WithGroup(string) slog.Handler            { return l }

func (l *logLines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := r.Message
	if r.Level == logging.Alert {
		text = "ALERT " + text
	}
	if r.Level != logging.Detail {
		l.lines = append(l.lines, text)
	}
	return nil
}

// take returns and forgets the lines so far.
func (l *logLines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}

func (l *logLines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.lines, text)
}
