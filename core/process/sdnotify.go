package process

import (
	"fmt"
	"strings"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// NotifyService sends a state to the service manager, if there is one that wants to
// know ($NOTIFY_SOCKET): sd_notify(3). RELOADING=1 gets the time stamp that goes with it.
// It is one datagram on a local socket; an error means that nobody listens.
func NotifyService(state string) {
	if strings.HasPrefix(state, daemon.SdNotifyReloading) {
		var ts unix.Timespec
		_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
		state += fmt.Sprintf("\nMONOTONIC_USEC=%d", ts.Nano()/1000)
	}
	_, _ = daemon.SdNotify(false, state)
}

// WatchdogWanted reports whether the service manager expects WATCHDOG=1.
func WatchdogWanted() bool {
	interval, err := daemon.SdWatchdogEnabled(false)
	return err == nil && interval > 0
}
