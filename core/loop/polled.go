package loop

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"keepalived/core/clock"
)

// Polled is the real clock with wakers on a timerfd in the runtime's poller: late by
// 0.1 ms in the median, with no wake-up but the one that is wanted. (A timer of the
// runtime is up to a millisecond late and wakes its monitor thread as well. So does
// every system call that the runtime is told of, 25 µs of work each time: hence the
// raw ones here and in vrrp/sock, for calls that cannot block.)
type Polled struct{ clock.Real }

// NewWaker returns a waker on a timerfd; where the kernel refuses one, on the
// runtime's timers.
func (p Polled) NewWaker() clock.Waker {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return p.Real.NewWaker()
	}
	f := os.NewFile(uintptr(fd), "timerfd")
	raw, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return p.Real.NewWaker()
	}
	w := &polledWaker{f: f, fd: fd, c: make(chan struct{}, 1)}
	go w.read(raw)
	return w
}

type polledWaker struct {
	f  *os.File
	fd int
	c  chan struct{}
}

// read ends when the descriptor is closed, the only reason for Read to fail.
func (w *polledWaker) read(raw syscall.RawConn) {
	var expiries uint64
	for {
		var errno unix.Errno
		if raw.Read(func(fd uintptr) bool {
			_, _, errno = unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&expiries)), unsafe.Sizeof(expiries))
			return errno != unix.EAGAIN
		}) != nil {
			return
		}
		if errno != 0 && errno != unix.EINTR && errno != unix.ECANCELED {
			panic(fmt.Sprintf("reading a timerfd: %v", errno))
		}
		select {
		case w.c <- struct{}{}:
		default:
		}
	}
}

func (w *polledWaker) Arm(at clock.Instant) { armTimer(w.fd, at) }

func (w *polledWaker) C() <-chan struct{} { return w.c }

func (w *polledWaker) Close() { _ = w.f.Close() }

// armTimer sets a timerfd; clock.Never switches it off.
func armTimer(fd int, at clock.Instant) {
	var spec unix.ItimerSpec
	if at != clock.Never {
		// Zero would switch the timer off; the first nanosecond of the clock is
		// long past.
		spec.Value = unix.NsecToTimespec(max(1, int64(at)))
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(fd), unix.TFD_TIMER_ABSTIME, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
	if errno != 0 {
		panic(fmt.Sprintf("setting a timerfd: %v", errno))
	}
}
