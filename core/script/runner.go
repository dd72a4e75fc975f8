// Package script runs other people's programs: notify, track, check, startup and
// shutdown scripts. It finds out what a command of the configuration means and whether
// it is safe to run (Resolver), runs it in a process group of its own with a time limit
// (Runner), and writes notify FIFOs (FIFO).
//
// An effect package. Nobody else in the process may wait for unknown children with
// wait4(-1) while a Runner is in use.
package script

import (
	"syscall"
	"time"
)

// Credential is whom a script runs as.
type Credential struct {
	UID, GID uint32
	// Groups are the supplementary groups.
	Groups []uint32
}

// Command is one run of a script.
type Command struct {
	// ID comes back in the Result; it means nothing here.
	ID int32
	// Path is the executable; Argv its arguments with Argv[0].
	Path string
	Argv []string
	// As is whom to run as; nil is the daemon's own user and groups.
	As *Credential
	// Limit is how long it may run before SIGTERM; 0 is for ever.
	Limit time.Duration
}

// Result is what became of a Command.
type Result struct {
	ID int32
	// Err is set when the script could not be started or its end was not seen.
	Err error
	// Exit is the exit status, -1 when Signal ended it or Err is set.
	Exit   int
	Signal syscall.Signal
	// TimedOut: it ran longer than its limit and was ended. Cancelled: Cancel or Stop
	// ended it. Either way it has failed, whatever it exited with.
	TimedOut, Cancelled bool
	Took                time.Duration
}

// OK reports whether the script ran to its end and exited with 0.
func (r Result) OK() bool {
	return r.Err == nil && !r.TimedOut && !r.Cancelled && r.Signal == 0 && r.Exit == 0
}
