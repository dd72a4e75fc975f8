package supervisor

import (
	"errors"

	"golang.org/x/sys/unix"
)

// mainThread runs functions on the goroutine that called run: the main goroutine,
// locked to the main thread. A child's PDEATHSIG comes when the *thread* that
// forked it ends, and the main thread is the only one that never ends before the
// process; the Go runtime ends others whenever a locked goroutine does.
type mainThread struct {
	jobs  chan func()
	ended chan struct{}
}

func newMainThread() *mainThread {
	return &mainThread{jobs: make(chan func()), ended: make(chan struct{})}
}

// run executes jobs until stop.
func (m *mainThread) run() {
	for {
		select {
		case job := <-m.jobs:
			job()
		case <-m.ended:
			return
		}
	}
}

// do has f run on the main thread and waits for it; false after stop.
func (m *mainThread) do(f func()) bool {
	done := make(chan struct{})
	select {
	case m.jobs <- func() { f(); close(done) }:
		<-done
		return true
	case <-m.ended:
		return false
	}
}

func (m *mainThread) stop() { close(m.ended) }

// onMainThread checks what Run depends on.
func onMainThread() error {
	if unix.Gettid() != unix.Getpid() {
		return errors.New("the supervisor must run on the main thread: runtime.LockOSThread is missing in an init function")
	}
	return nil
}
