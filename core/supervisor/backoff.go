package supervisor

import (
	"fmt"
	"time"
)

// backoff is how often a child died in a row. The delays are keepalived's, observed
// on 2.2.7: 0, 1, 2, 4 … 60 s; a life of a minute or more starts them anew.
type backoff struct {
	deaths int
}

const (
	backoffMost  = 60 * time.Second
	backoffReset = 60 * time.Second
)

// next is the delay before the next start of a child that lived for uptime.
func (b backoff) next(uptime time.Duration) (time.Duration, backoff) {
	if uptime >= backoffReset {
		b = backoff{}
	}
	delay := time.Duration(0)
	if b.deaths > 0 {
		delay = min(time.Second<<min(b.deaths-1, 6), backoffMost)
	}
	return delay, backoff{deaths: b.deaths + 1}
}

// ending is how a process ended.
type ending struct {
	status  int // exit status, when signal is 0
	signal  int
	unknown error // it could not be found out
}

// permanentBase is childapi.PermanentExit: the status of a permanent end less
// keepalived's code.
const permanentBase = 100

// permanentNames are keepalived's exit codes with which a child ends for good.
var permanentNames = map[int]string{
	1:   "FATAL",
	2:   "CONFIG",
	4:   "MISSING_PERMISSION",
	6:   "NO_CONFIG",
	70:  "PROGRAM_ERROR",
	204: "NO_MEMORY",
}

// permanent tells a permanent end from a crash. said is the code of the child's
// Fatal report, 0 without one. A bare status is never permanent: 2 is what a Go
// panic ends with.
func (e ending) permanent(said int) (code int, ok bool) {
	if said != 0 {
		return said, true
	}
	if e.signal == 0 && e.status > permanentBase {
		code = e.status - permanentBase
		_, ok = permanentNames[code]
		return code, ok
	}
	return 0, false
}

func permanentName(code int) string {
	if name, ok := permanentNames[code]; ok {
		return name
	}
	return fmt.Sprintf("%d", code)
}

// text is keepalived's words about an end; empty when it says nothing (status 0).
// watchdog marks a kill of ours, about which its question would mislead.
func (e ending) text(pid int, watchdog bool) string {
	switch {
	case e.unknown != nil:
		return fmt.Sprintf("pid %d exited, how is not known: %v", pid, e.unknown)
	case e.signal == 11:
		return fmt.Sprintf("pid %d exited due to segmentation fault (SIGSEGV).", pid)
	case e.signal == 9 && !watchdog:
		return fmt.Sprintf("pid %d exited due to signal 9 (Killed) - has rlimit_rttime been exceeded?", pid)
	case e.signal != 0:
		return fmt.Sprintf("pid %d exited due to signal %d (%s)", pid, e.signal, signalName(e.signal))
	case e.status != 0:
		return fmt.Sprintf("pid %d exited with status %d", pid, e.status)
	default:
		return ""
	}
}

// short is the same for the status.
func (e ending) short() string {
	switch {
	case e.unknown != nil:
		return "unknown"
	case e.signal != 0:
		return fmt.Sprintf("signal %d (%s)", e.signal, signalName(e.signal))
	default:
		return fmt.Sprintf("exit status %d", e.status)
	}
}

// signalNames are strsignal(3)'s texts, from 1.
var signalNames = []string{
	"Hangup", "Interrupt", "Quit", "Illegal instruction", "Trace/breakpoint trap", "Aborted", "Bus error",
	"Floating point exception", "Killed", "User defined signal 1", "Segmentation fault", "User defined signal 2",
	"Broken pipe", "Alarm clock", "Terminated", "Stack fault", "Child exited", "Continued", "Stopped (signal)",
	"Stopped", "Stopped (tty input)", "Stopped (tty output)", "Urgent I/O condition", "CPU time limit exceeded",
	"File size limit exceeded", "Virtual timer expired", "Profiling timer expired", "Window changed", "I/O possible",
	"Power failure", "Bad system call",
}

func signalName(n int) string {
	if n >= 1 && n <= len(signalNames) {
		return signalNames[n-1]
	}
	if n >= 34 {
		return fmt.Sprintf("Real-time signal %d", n-34)
	}
	return fmt.Sprintf("Unknown signal %d", n)
}
