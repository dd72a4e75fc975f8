package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"keepalived/core/logging"
)

// codeConfig is keepalived's exit code for a configuration that cannot run.
const codeConfig = 2

// stopSignal asks a child to end in order.
const stopSignal = syscall.SIGTERM

func pid() int { return os.Getpid() }

// logUsage logs the processor time used, as keepalived does with -D.
func logUsage(log *slog.Logger) {
	var self, kids unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &self) != nil || unix.Getrusage(unix.RUSAGE_CHILDREN, &kids) != nil {
		return
	}
	log.Log(context.Background(), logging.Detail, fmt.Sprintf(
		"CPU usage (self/children) user: %d.%06d/%d.%06d system: %d.%06d/%d.%06d",
		self.Utime.Sec, self.Utime.Usec, kids.Utime.Sec, kids.Utime.Usec,
		self.Stime.Sec, self.Stime.Usec, kids.Stime.Sec, kids.Stime.Usec))
}
