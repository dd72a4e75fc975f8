package script

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// job is one Command on its way.
type job struct {
	Command
	runner *Runner
	ctx    context.Context
	cancel context.CancelCauseFunc
	forked chan forked // capacity 1: the answer of the forking thread
}

// forked is a process or why there is none.
type forked struct {
	pid   int
	pidfd int // -1: the kernel has none (before Linux 5.3)
	err   error
}

// fork runs on the locked thread.
//
// The Go runtime starts processes with vfork: until the new one has called execve, this
// thread does not reach a safe point, and a garbage collection would wait for it. That
// is why the file is brought into memory before (warm): a script on a file server that
// hangs must hang its own goroutine and nobody else.
func (r *Runner) fork(j *job) forked {
	// The scheduling class and nice value are inherited from this thread, whatever
	// the daemon has set for all of its threads. An unprivileged daemon cannot lower
	// its nice value and has not raised its class.
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}, 0)
	pidfd := -1
	attr := &syscall.ProcAttr{
		Env:   r.env,
		Files: []uintptr{r.null, r.null, r.null},
		Sys: &syscall.SysProcAttr{
			Setpgid: true, Pdeathsig: syscall.SIGTERM, PidFD: &pidfd,
		},
	}
	if j.As != nil {
		attr.Sys.Credential = &syscall.Credential{Uid: j.As.UID, Gid: j.As.GID, Groups: j.As.Groups}
		if os.Geteuid() != 0 && int(j.As.UID) == os.Geteuid() {
			attr.Sys.Credential = nil // our own, and setgroups would be refused
		}
	}
	pid, err := syscall.ForkExec(j.Path, j.Argv, attr)
	if err != nil {
		return forked{err: fmt.Errorf("starting %s: %w", j.Path, err)}
	}
	for _, l := range r.limits {
		// Fails only when the script has already gone.
		_ = unix.Prlimit(pid, l.resource, &l.was, nil)
	}
	return forked{pid: pid, pidfd: pidfd}
}

// run is the life of a job on its own goroutine.
func (j *job) run() {
	r := j.runner
	begun := time.Now()
	res := Result{ID: j.ID, Exit: -1}
	told := false
	// tell gives the Result. A script that cannot be ended gets its one early.
	tell := func() {
		if !told {
			told, res.Took = true, time.Since(begun)
			r.done(res)
		}
	}
	defer func() {
		r.jobs.CompareAndDelete(j.ID, j)
		tell()
		r.leave()
		j.cancel(nil)
	}()

	var limit <-chan time.Time
	if j.Limit > 0 {
		t := time.NewTimer(j.Limit)
		defer t.Stop()
		limit = t.C
	}
	warmed := make(chan struct{})
	go func() { warm(j.Path); close(warmed) }()
	select {
	case <-warmed:
	case <-limit:
		res.TimedOut, res.Err = true, fmt.Errorf("reading %s: %w", j.Path, os.ErrDeadlineExceeded)
		tell()
		<-warmed
		return
	case <-j.ctx.Done():
		res.Cancelled, res.Err = true, context.Cause(j.ctx)
		return
	}

	c, err := j.start()
	if err != nil {
		res.Err, res.Cancelled = err, j.ctx.Err() != nil
		return
	}
	select {
	case <-c.exited:
	case <-limit:
		res.TimedOut = true
	case <-j.ctx.Done():
		res.Cancelled = true
	}
	if res.TimedOut || res.Cancelled {
		if !c.end(r.parent.Done()) {
			res.Err = ErrUnkillable
			tell()
			<-c.exited
		}
	}
	err = c.reap(&res)
	if res.Err == nil {
		res.Err = err
	}
}

// start asks the locked thread for a process.
func (j *job) start() (*child, error) {
	select {
	case j.runner.forks <- j:
	case <-j.ctx.Done():
		return nil, context.Cause(j.ctx)
	}
	f := <-j.forked
	if f.err != nil {
		return nil, f.err
	}
	return watch(f.pid, f.pidfd), nil
}

// warm reads the beginning of the file that is going to be executed, so that execve
// finds its directories and first page in memory. Errors are execve's to report.
func warm(path string) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	var page [4096]byte
	_, _ = unix.Read(fd, page[:])
}
