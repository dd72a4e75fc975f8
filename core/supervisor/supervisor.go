// Package supervisor is the parent process: it holds the configuration, starts the
// children, restarts them when they crash, has them take a new configuration
// together or not at all, collects what they report and answers operators.
//
// One goroutine, the loop, owns all of its state; whoever else wants something
// posts a function to it. The main goroutine, which must be locked to the main
// thread, does nothing but fork and exec (mainthread.go). The package imports no
// child: what it needs of them comes as values and functions in Options.
package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"keepalived/core/config"
	"keepalived/core/diag"
	"keepalived/core/logging"
	own "keepalived/core/process"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
	"keepalived/rpc/childapi"
	"keepalived/rpc/unixsock"
)

// Config is one reading of the configuration.
type Config struct {
	Tree  *config.Tree
	Diags diag.List
	// Roles are the children that have something to do.
	Roles []childapi.Role
	// ProcessNames become argv[0] of the children; without an entry "keepalived".
	ProcessNames map[childapi.Role]string
	// ChildWait is child_wait_time: how long children may take to stop before they
	// are killed. 0 is keepalived's default, 5 s.
	ChildWait time.Duration
}

// Options is all the parent needs to know. Functions are called on goroutines of
// their own (never the loop) unless said otherwise, and one call at a time.
type Options struct {
	Log     *slog.Logger
	Version string // this project's
	Compat  string // the keepalived version it behaves as
	// Stopped is the last line logged: "Stopped Keepalived v2.4.3 (…)".
	Stopped string

	// ConfigFile is shown in the status.
	ConfigFile string
	// Initial is the configuration to start with, read and checked.
	Initial Config
	// Load reads and checks the configuration file again and says in log what
	// keepalived says while reading. An error means that it cannot be read; a
	// finding of diag.Fatal that it cannot run: both refuse a reload.
	Load func(ctx context.Context, log *slog.Logger) (Config, error)
	// Part is what the child of a role reads of a configuration: all that it is given.
	// nil: everything.
	Part func(t *config.Tree, role childapi.Role) *config.Tree
	// Changes tells what a configuration means otherwise than the one in force, of which
	// it is given each child's part, for a trial. nil: nothing is told.
	Changes func(inForce map[childapi.Role]*config.Tree, next *config.Tree) []*pb.ConfigChange

	// Dir is where the two sockets are made; "" is unixsock.Dir.
	Dir string
	// Group may use the operators' socket besides root; "" is "keepalived".
	Group string

	// Executable is what children are an execution of; "" is /proc/self/exe, which
	// stays this version when the file on disk is replaced.
	Executable string
	// Args are the children's arguments behind argv[0]: the parent's own, as
	// keepalived's children have them.
	Args []string
	// Env is their environment; nil is the parent's.
	Env []string
	// CaptureStderr makes the children's stderr a pipe whose lines the parent logs,
	// so that the goroutine dump of a crash is not lost where stderr leads nowhere.
	CaptureStderr bool

	// NoRespawn is -R: the death of a child is the end, and no watchdog runs.
	NoRespawn bool

	// Signals are those caught since before the process was visible; nil: Run
	// starts to catch them.
	Signals *Signals
	// PIDFile writes the pid file, after the signals are caught and before
	// anything else, on the calling goroutine of Run. nil: none.
	PIDFile func() (remove func(), err error)
	// Notify sends a state to the service manager (sd_notify), on the loop: it must
	// not block. nil: none.
	Notify func(state string)
	// NotifyWatchdog sends WATCHDOG=1 every second.
	NotifyWatchdog bool
	// ParentDump writes keepalived_parent.data for the running configuration, of which it
	// is given what a child reads. nil: none.
	ParentDump func(*config.Tree) error
}

const (
	defaultChildWait = 5 * time.Second
	prepareLimit     = 30 * time.Second
	commitLimit      = 30 * time.Second
	startGrace       = 10 * time.Second // a reload waits this long for a child that starts
	tickEvery        = time.Second
	maxNotices       = 64
)

// Supervisor is the parent.
type Supervisor struct {
	opt     Options
	log     *slog.Logger
	inbox   chan func() // when full, the poster waits; the loop itself never posts
	done    chan struct{}
	start   starter
	server  registry
	began   time.Time
	memory  *os.File // hand-over to VRRP children; nil: none
	life    context.Context
	loading chan struct{} // holds one token while a configuration is read

	// The loop's.
	children  []*child
	current   generation
	lastGen   uint64 // highest number given to a generation, also a refused one
	started   bool   // startup complete
	stopping  bool
	status    int
	killTimer *time.Timer
	reloading *reload
	queue     []*reload
	results   []finished // of reloads that had a request id
	last      *pb.LastReload
	events    eventLog
	records   records
	checks    childapi.Records // for the next healthchecker child
	overrides overrides
	notices   []*pb.Notice
	dumps     dumps
	ticked    time.Time
}

// generation is a configuration in force.
type generation struct {
	number uint64
	cfg    Config
	parts  parts
}

// parts are what the children read of a configuration.
type parts map[childapi.Role]*childapi.Part

// roles are those of the children there may be.
var roles = []childapi.Role{childapi.VRRP, childapi.Checker}

// partsOf encodes a configuration for each child.
func (o *Options) partsOf(t *config.Tree) (parts, error) {
	out := parts{}
	for _, role := range roles {
		part := t
		if o.Part != nil {
			part = o.Part(t, role)
		}
		var err error
		if out[role], err = childapi.Encode(part); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// trees makes trees of them again.
func (p parts) trees() map[childapi.Role]*config.Tree {
	out := map[childapi.Role]*config.Tree{}
	for role, part := range p {
		out[role], _ = part.Tree() // Encode made it
	}
	return out
}

// newGeneration keeps of a tree what the children read, encoded, in which it takes a
// tenth of the memory.
func newGeneration(number uint64, cfg Config, p parts) generation {
	cfg.Tree = &config.Tree{Digest: cfg.Tree.Digest}
	return generation{number: number, cfg: cfg, parts: p}
}

// registry is what the loop needs of childapi.Server.
type registry interface {
	Expect(role childapi.Role) (token string)
	Spawned(token string, pid int)
	Forget(token string)
}

// New makes the parent of opt. It starts nothing.
func New(opt Options) (*Supervisor, error) {
	if opt.Dir == "" {
		opt.Dir = unixsock.Dir
	}
	if opt.Group == "" {
		opt.Group = "keepalived"
	}
	if opt.Executable == "" {
		opt.Executable = "/proc/self/exe"
	}
	if opt.Env == nil {
		opt.Env = os.Environ()
	}
	if opt.Notify == nil {
		opt.Notify = func(string) {}
	}
	s := &Supervisor{
		opt: opt, log: opt.Log,
		inbox:   make(chan func(), 256),
		done:    make(chan struct{}),
		loading: make(chan struct{}, 1),
		began:   time.Now(),
	}
	s.events.init()
	s.records.init()
	s.overrides.init()
	p, err := opt.partsOf(opt.Initial.Tree)
	if err != nil {
		return nil, err
	}
	s.current, s.lastGen = newGeneration(1, opt.Initial, p), 1
	s.opt.Initial.Tree = nil // see newGeneration
	s.children = []*child{
		{role: childapi.VRRP, name: "VRRP", handover: true},
		{role: childapi.Checker, name: "Healthcheck"},
	}
	return s, nil
}

// Run is the life of the parent. It must be called on the main goroutine, locked
// to the main thread (runtime.LockOSThread in an init function of main), because
// PDEATHSIG of the children is bound to the thread that forks. It returns
// keepalived's exit status; err tells why nothing could be started at all, with
// status 1.
func (s *Supervisor) Run() (status int, err error) {
	if err := onMainThread(); err != nil {
		return 1, err
	}
	signals := s.opt.Signals
	if signals == nil {
		signals = CatchSignals()
	}
	if s.opt.PIDFile != nil {
		remove, err := s.opt.PIDFile()
		if err != nil {
			return 1, err
		}
		defer remove()
	}
	admin, err := unixsock.Listen(filepath.Join(s.opt.Dir, "keepalived.sock"), unixsock.Access{Group: s.opt.Group})
	if err != nil {
		return 1, err
	}
	defer admin.Close()
	private := filepath.Join(s.opt.Dir, "supervisor.sock")
	kids, err := unixsock.Listen(private, unixsock.Access{})
	if err != nil {
		return 1, err
	}
	defer kids.Close()
	if s.memory, err = newHandover(); err != nil {
		s.log.Warn(fmt.Sprintf("a restarted VRRP child will not know its state: %v", err))
	} else {
		defer s.memory.Close()
	}

	threads := newMainThread()
	server := childapi.NewServer(backend{s}, s.log)
	s.server = server
	s.start = spawner{opt: &s.opt, socket: private, memory: s.memory, thread: threads}.start
	operators := adminapi.NewServer(answers{s}, s.log)
	go s.serve("children", server.Serve, kids)
	go s.serve("operators", operators.Serve, admin)
	go signals.forward(s)
	go func() {
		defer threads.stop()
		s.loop(context.Background())
	}()
	threads.run()
	signals.release()
	operators.Stop()
	server.Stop()
	return s.status, nil
}

func (s *Supervisor) serve(whom string, accept func(net.Listener) error, l net.Listener) {
	err := accept(l)
	select {
	case <-s.done:
		return
	default:
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		s.log.Error(fmt.Sprintf("The socket for %s is closed: %v", whom, err))
	}
}

// loop runs what is posted until the last child is gone.
func (s *Supervisor) loop(ctx context.Context) {
	defer close(s.done)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.life = ctx
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	s.ticked = time.Now()
	s.begin()
	for !s.finished() {
		select {
		case f := <-s.inbox:
			f()
		case <-tick.C:
			s.tick()
		}
	}
	s.events.end()
	s.stopTimers()
	logUsage(s.log)
	if s.opt.Stopped != "" {
		s.log.Info(s.opt.Stopped)
	}
}

// post has f run on the loop; false when the loop has ended. Not for the loop itself.
func (s *Supervisor) post(f func()) bool {
	select {
	case s.inbox <- f:
		return true
	case <-s.done:
		return false
	}
}

// ask runs f on the loop and waits for it.
func (s *Supervisor) ask(ctx context.Context, f func()) error {
	ran := make(chan struct{})
	select {
	case s.inbox <- func() { f(); close(ran) }:
	case <-s.done:
		return adminapi.ErrUnavailable
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-ran:
		return nil
	case <-s.done:
		return adminapi.ErrUnavailable
	case <-ctx.Done():
		return ctx.Err()
	}
}

// after posts f when d has passed.
func (s *Supervisor) after(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() { s.post(f) })
}

func (s *Supervisor) begin() {
	s.opt.Notify("STATUS=Starting")
	s.applyRoles()
	s.checkStarted()
}

// applyRoles makes the set of children that of the current configuration.
func (s *Supervisor) applyRoles() {
	for _, c := range s.children {
		was := c.wanted
		c.wanted = false
		for _, r := range s.current.cfg.Roles {
			c.wanted = c.wanted || r == c.role
		}
		switch {
		case c.wanted && !was && c.proc == nil:
			s.spawn(c)
		case !c.wanted && was:
			s.retire(c)
		}
	}
}

// checkStarted ends the start when every child runs the configuration.
func (s *Supervisor) checkStarted() {
	if s.started || s.stopping {
		return
	}
	for _, c := range s.children {
		if c.wanted && c.state != running {
			s.opt.Notify("STATUS=Waiting for the " + c.name + " process")
			return
		}
	}
	s.started = true
	s.log.Info("Startup complete")
	s.opt.Notify("READY=1\nSTATUS=" + s.statusLine())
	own.ReleaseMemorySoon()
	s.nextReload()
}

func (s *Supervisor) statusLine() string {
	return fmt.Sprintf("Configuration generation %d is in force", s.current.number)
}

// stop ends the daemon with status once the children have stopped.
func (s *Supervisor) stop(status int) {
	if s.stopping {
		return
	}
	s.stopping, s.status = true, status
	s.failReloads()
	s.overrides.fail()
	s.opt.Notify("STOPPING=1\nSTATUS=Stopping")
	for _, c := range s.children {
		c.wanted = false
		s.retire(c)
	}
	wait := s.current.cfg.ChildWait
	if wait <= 0 {
		wait = defaultChildWait
	}
	s.killTimer = s.after(wait, func() {
		for _, c := range s.children {
			if c.proc != nil {
				s.log.Log(context.Background(), logging.Alert, fmt.Sprintf("%s child process(%d) did not stop within %v: killing it", c.name, c.pid, wait))
				c.kill()
			}
		}
	})
}

func (s *Supervisor) finished() bool {
	if !s.stopping {
		return false
	}
	for _, c := range s.children {
		if c.proc != nil {
			return false
		}
	}
	return true
}

func (s *Supervisor) stopTimers() {
	if s.killTimer != nil {
		s.killTimer.Stop()
	}
	for _, c := range s.children {
		c.stopTimers()
	}
	s.dumps.stop()
}

// tick is the parent's pulse: liveness of the children, and of itself.
func (s *Supervisor) tick() {
	now := time.Now()
	late := now.Sub(s.ticked) - tickEvery
	s.ticked = now
	for _, c := range s.children {
		s.watch(c, now, late)
	}
	s.events.flush()
	if s.opt.NotifyWatchdog {
		s.opt.Notify("WATCHDOG=1")
	}
}
