package process

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// NotifyService sends a state to the service manager, if there is one that wants to
// know ($NOTIFY_SOCKET): sd_notify(3). RELOADING=1 gets the time stamp that has to go
// with it. It never blocks, so that a manager that hangs does not hang the caller; what
// it does not take then is lost.
func NotifyService(state string) {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return
	}
	if strings.Contains(state, daemon.SdNotifyReloading) && !strings.Contains(state, "MONOTONIC_USEC=") {
		var ts unix.Timespec
		_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
		state += fmt.Sprintf("\nMONOTONIC_USEC=%d", ts.Nano()/1000)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	// A name that begins with @ is in the abstract name space; SockaddrUnix knows.
	_ = unix.Sendto(fd, []byte(state), unix.MSG_NOSIGNAL, &unix.SockaddrUnix{Name: name})
}

// WatchdogInterval is how long the service manager waits for WATCHDOG=1 before it ends
// the daemon; 0 when it does not expect any. Send it at least twice as often.
func WatchdogInterval() time.Duration {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return 0
	}
	return interval
}

// WatchdogWanted reports whether the service manager expects WATCHDOG=1.
func WatchdogWanted() bool { return WatchdogInterval() > 0 }
