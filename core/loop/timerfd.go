package loop

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"keepalived/core/clock"
)

// Precise is the real clock with wakers on a timerfd, read by a thread of their own:
// late by 0.03 ms in the median however busy the process is. (The same timerfd in the
// runtime's poller costs an eighth less processor time with 1,000 instances, but then
// one advert in a hundred is 4 ms late and not 1; a timer of the runtime is late by
// up to a millisecond in an idle process.)
type Precise struct{ clock.Real }

// NewWaker returns a waker on a timerfd; where the kernel refuses one, on the
// runtime's timers.
func (p Precise) NewWaker() clock.Waker {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)
	if err != nil {
		return p.Real.NewWaker()
	}
	w := &fdWaker{fd: fd, c: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{})}
	go w.read()
	return w
}

type fdWaker struct {
	fd    int
	c     chan struct{}
	quit  chan struct{}
	ended chan struct{}
}

// read blocks its thread in read(2), so an expiry needs no trip through the
// runtime's poller.
func (w *fdWaker) read() {
	runtime.LockOSThread()
	defer close(w.ended)
	var buf [8]byte
	for {
		_, err := unix.Read(w.fd, buf[:])
		select {
		case <-w.quit:
			return
		default:
		}
		if err != nil && err != unix.EINTR && err != unix.ECANCELED {
			panic(fmt.Sprintf("reading a timerfd: %v", err))
		}
		select {
		case w.c <- struct{}{}:
		default:
		}
	}
}

// Arm makes a system call that the runtime is not told of: it cannot block, and being
// told wakes the runtime's monitor thread, 25 µs of work each time. So do vrrp/sock's.
func (w *fdWaker) Arm(at clock.Instant) {
	var spec unix.ItimerSpec
	if at != clock.Never {
		// Zero would switch the timer off; the first nanosecond of the clock is
		// long past.
		spec.Value = unix.NsecToTimespec(max(1, int64(at)))
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(w.fd), unix.TFD_TIMER_ABSTIME, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
	if errno != 0 {
		panic(fmt.Sprintf("setting a timerfd: %v", errno))
	}
}

func (w *fdWaker) C() <-chan struct{} { return w.c }

func (w *fdWaker) Close() {
	close(w.quit)
	w.Arm(1) // wakes the reader
	<-w.ended
	_ = unix.Close(w.fd)
}
