package process

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Usage is the processor time that this process and its children have used, as
// keepalived logs it in the last line of a process.
func Usage() string {
	var own, children unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &own)
	_ = unix.Getrusage(unix.RUSAGE_CHILDREN, &children)
	return fmt.Sprintf("used (self/children) %s/%s user time, %s/%s system time",
		cpu(own.Utime), cpu(children.Utime), cpu(own.Stime), cpu(children.Stime))
}

func cpu(t unix.Timeval) string { return fmt.Sprintf("%d.%06d", t.Sec, t.Usec) }

// Asleep is how long the machine has been suspended since it started: what
// CLOCK_MONOTONIC does not count.
func Asleep() time.Duration {
	var boot, mono unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot)
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono)
	return time.Duration(boot.Nano() - mono.Nano())
}
