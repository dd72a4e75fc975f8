// Package script runs other people's programs: notify, track, check, startup and
// shutdown scripts. It finds out what a command of the configuration means and whether
// it is safe to run (Resolver), runs it in a process group of its own with a time limit
// (Runner), and writes notify FIFOs (FIFO).
//
// An effect package. It imports nothing of the project. Nobody else in the process may
// wait for unknown children with wait4(-1) while a Runner is in use.
package script

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Credential is whom a script runs as.
type Credential struct {
	UID, GID uint32
	// Groups are the supplementary groups (keepalived: the GID alone, unless
	// set_supplementary_groups or ":group" ask for the user's).
	Groups []uint32
}

// Command is one run of a script.
type Command struct {
	// ID comes back in the Result. Only one run of an ID is under way at a time.
	ID int32
	// Path is the executable; Argv its arguments with Argv[0].
	Path string
	Argv []string
	// As is whom to run as; nil is the daemon's own user and groups.
	As *Credential
	// Limit is how long it may run before it is ended; 0 is for ever.
	Limit time.Duration
}

// Result is what became of a Command.
type Result struct {
	ID int32
	// Err is set when the script could not be started, when its end was not seen, or
	// when it could not be ended (ErrUnkillable).
	Err error
	// Exit is the exit status, -1 when Signal ended it or Err is set.
	Exit   int
	Signal syscall.Signal
	// TimedOut: it ran longer than its limit and was ended. Cancelled: Cancel or Stop
	// ended it. Either way it has failed, whatever it exited with.
	TimedOut, Cancelled bool
	Took                time.Duration
}

// OK reports whether the script ran to its end and exited with 0.
func (r Result) OK() bool {
	return r.Err == nil && !r.TimedOut && !r.Cancelled && r.Signal == 0 && r.Exit == 0
}

// Reasons for which a command is not run.
var (
	ErrRunning    = errors.New("the last run is still under way")
	ErrBusy       = errors.New("too many scripts are running")
	ErrStopped    = errors.New("no script is started any more")
	ErrUnkillable = errors.New("killed, but still there")
)

const (
	// KillAfter is the time between SIGTERM and SIGKILL, keepalived's.
	KillAfter = 2 * time.Second
	// stopGrace is the same while the daemon stops.
	stopGrace = 500 * time.Millisecond
	// goneAfter is how long a killed script may take to disappear before its Result
	// is given without its end.
	goneAfter = time.Second
	// defaultMost scripts run at the same time unless Config says otherwise.
	defaultMost = 512
)

// Config is what a Runner is made of.
type Config struct {
	// Done gets one Result for each Start, on a goroutine of the Runner. It may block.
	Done func(Result)
	// Most is the number of scripts that may run at once; 0 is 512. A further one
	// fails with ErrBusy: whoever starts many keeps a count of his own.
	Most int
}

// Runner runs scripts as keepalived 2.2.7 was seen to: own process group, SIGTERM when
// the daemon dies, normal scheduling class and nice 0, default signal actions and an
// empty mask, standard files on /dev/null, the daemon's umask, working directory and
// environment without IFS, LD_PRELOAD and LD_LIBRARY_PATH.
//
// All are forked from the one thread that Run locks: the parent-death signal is sent
// when that thread ends, not when the process does.
type Runner struct {
	done   func(Result)
	most   int32
	null   uintptr // /dev/null, for the thread of Run
	env    []string
	limits []limit

	forks   chan *job
	jobs    sync.Map // int32 → *job; an ID is in it as long as its process may live
	running atomic.Int32
	ended   chan struct{} // capacity 1: running went down
	closed  atomic.Bool
	parent  context.Context // of all jobs; ends with a stopping
	cancel  context.CancelCauseFunc
}

// limit is a resource limit as it was before the daemon changed it.
type limit struct {
	resource int
	was      unix.Rlimit
}

var (
	errCancel = errors.New("cancelled")
	errStop   = errors.New("stopping")
)

// NewRunner makes a Runner; its scripts wait until Run runs. The resource limits and
// the environment of this moment are what scripts get, so it is made before the
// daemon changes its own. Every open descriptor above 2 becomes close-on-exec: one that
// is meant for somebody must be handed on by name.
func NewRunner(c Config) *Runner {
	r := &Runner{
		done: c.Done, most: int32(c.Most), env: scriptEnv(os.Environ()),
		forks: make(chan *job), ended: make(chan struct{}, 1),
	}
	if r.most <= 0 {
		r.most = defaultMost
	}
	r.parent, r.cancel = context.WithCancelCause(context.Background())
	for _, resource := range []int{unix.RLIMIT_RTTIME, unix.RLIMIT_CORE} {
		l := limit{resource: resource}
		if unix.Getrlimit(resource, &l.was) == nil {
			r.limits = append(r.limits, l)
		}
	}
	closeOnExec()
	return r
}

// scriptEnv is the daemon's environment without what would change how a shell or the
// dynamic linker works, and without our own children's credentials.
func scriptEnv(env []string) []string {
	var kept []string
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "IFS", "LD_PRELOAD", "LD_LIBRARY_PATH", "KEEPALIVED_BOOT":
		default:
			kept = append(kept, v)
		}
	}
	return kept
}

// closeOnExec makes sure that no script inherits what the daemon inherited.
func closeOnExec() {
	if unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return
	}
	// Linux before 5.11.
	dir, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, e := range dir {
		var fd int
		if _, err := fmt.Sscan(e.Name(), &fd); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}

// Run forks for Start until ctx ends, then ends everything that still runs as Stop(0)
// does. It returns nil but when scripts cannot be run at all.
//
// Its thread serves nothing else and ends with it.
func (r *Runner) Run(ctx context.Context) error {
	runtime.LockOSThread() // and never unlocked: nobody else gets this thread
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("opening %s for scripts: %w", os.DevNull, err)
	}
	defer null.Close()
	r.null = null.Fd()
	var mask unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &mask, nil); err != nil {
		return fmt.Errorf("unblocking signals for scripts: %w", err)
	}
	stopped := make(chan struct{})
	for quit := ctx.Done(); ; {
		select {
		case j := <-r.forks:
			j.forked <- r.fork(j)
		case <-quit:
			quit = nil
			go func() { r.Stop(0); close(stopped) }()
		case <-stopped:
			return nil
		}
	}
}

// Start runs c. It never blocks; what became of c comes to Config.Done.
func (r *Runner) Start(c Command) {
	j := &job{Command: c, runner: r, forked: make(chan forked, 1)}
	j.ctx, j.cancel = context.WithCancelCause(r.parent)
	n := r.running.Add(1)
	_, taken := r.jobs.LoadOrStore(c.ID, j)
	var err error
	switch {
	case taken:
		err = ErrRunning
	case r.closed.Load():
		err = ErrStopped
	case n > r.most:
		err = ErrBusy
	}
	if err == nil {
		go j.run()
		return
	}
	if !taken {
		r.jobs.Delete(c.ID)
	}
	go func() {
		r.done(Result{ID: c.ID, Exit: -1, Err: err})
		r.leave()
	}()
}

func (r *Runner) leave() {
	r.running.Add(-1)
	select {
	case r.ended <- struct{}{}:
	default:
	}
}

// Cancel ends the run of id, if there is one: SIGTERM to its group, SIGKILL two
// seconds later. Its Result comes all the same.
func (r *Runner) Cancel(id int32) {
	if j, ok := r.jobs.Load(id); ok {
		j.(*job).cancel(errCancel)
	}
}

// Stop lets nothing start any more, gives what runs the time within to end by itself,
// then ends it, and returns how many could not be ended (0 but for scripts that hang in
// the kernel). It takes about two seconds more than within at most.
func (r *Runner) Stop(within time.Duration) (left int) {
	r.closed.Store(true)
	r.wait(within)
	r.cancel(errStop)
	return r.wait(stopGrace + goneAfter + 500*time.Millisecond)
}

func (r *Runner) wait(limit time.Duration) (left int) {
	t := time.NewTimer(limit)
	defer t.Stop()
	for {
		n := int(r.running.Load())
		if n == 0 {
			return 0
		}
		select {
		case <-r.ended:
		case <-t.C:
			return n
		}
	}
}
