package script

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// child is a started process that has not been waited for. Until reap its number, and
// with it the number of its process group, belongs to nobody else.
type child struct {
	pid    int
	exited chan struct{} // closed when it is a zombie
}

// watch waits for the end of pid without a thread: a pidfd is readable then and the
// runtime's poller watches it. Where there is no pidfd a thread waits.
func watch(pid, pidfd int) *child {
	c := &child{pid: pid, exited: make(chan struct{})}
	go func() {
		defer close(c.exited)
		if pidfd < 0 || !pollExit(pidfd) {
			waitExit(unix.P_PID, pid, 0)
		}
	}()
	return c
}

// pollExit returns when the process behind pidfd has ended, and closes pidfd. It is
// false when the descriptor cannot be polled.
func pollExit(pidfd int) bool {
	if err := unix.SetNonblock(pidfd, true); err != nil {
		unix.Close(pidfd)
		return false
	}
	f := os.NewFile(uintptr(pidfd), "pidfd")
	defer f.Close()
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	return conn.Read(func(fd uintptr) bool {
		return waitExit(unix.P_PIDFD, int(fd), unix.WNOHANG)
	}) == nil
}

// waitExit looks for the end of a process and leaves the zombie there. With WNOHANG
// false means that it still runs; a process that somebody else has waited for is gone.
func waitExit(idType, id, options int) bool {
	for {
		var info unix.Siginfo
		err := unix.Waitid(idType, id, &info, unix.WEXITED|unix.WNOWAIT|options, nil)
		if err == unix.EINTR {
			continue
		}
		return err != nil || info.Signo != 0
	}
}

// end sends SIGTERM to the group and SIGKILL two seconds later, or sooner once stopping
// is closed. It is false when even that did not end the script.
func (c *child) end(stopping <-chan struct{}) bool {
	c.signal(unix.SIGTERM)
	c.signal(unix.SIGCONT) // a stopped script takes its SIGTERM only then
	grace := time.NewTimer(KillAfter)
	defer grace.Stop()
	select {
	case <-c.exited:
	case <-grace.C:
	case <-stopping:
		c.within(stopGrace)
	}
	// Whatever the script left in its group goes as well, ended or not.
	c.signal(unix.SIGKILL)
	return c.within(goneAfter)
}

func (c *child) within(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c.exited:
		return true
	case <-t.C:
		return false
	}
}

// signal goes to the whole group; it may have no member left that can take it.
func (c *child) signal(s syscall.Signal) { _ = unix.Kill(-c.pid, s) }

// reap takes the status of an exited child.
func (c *child) reap(res *Result) error {
	var ws unix.WaitStatus
	for {
		_, err := unix.Wait4(c.pid, &ws, 0, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("waiting for script %d: %w", c.pid, err)
		}
		break
	}
	if ws.Signaled() {
		res.Signal = ws.Signal()
		return nil
	}
	res.Exit = ws.ExitStatus()
	return nil
}
