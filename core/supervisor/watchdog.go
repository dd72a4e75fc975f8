package supervisor

import "time"

const (
	beatLimit  = 10 * time.Second // without a heartbeat, then SIGABRT
	firstLimit = 30 * time.Second // for the first heartbeat or Ready of a process
	beatWarn   = 3 * time.Second
	abortGrace = 2 * time.Second // from SIGABRT to SIGKILL
	// ownStall is the lateness of the parent's own tick that counts as a stall.
	ownStall = 100 * time.Millisecond
)

// watchdog judges the heartbeats of one process. It is pure: now is any
// monotonic reading.
type watchdog struct {
	seen    time.Duration // when the last beat came, moved on by our own stalls
	limit   time.Duration
	warned  bool
	aborted time.Duration
	dying   bool
}

// bite is what the watchdog wants done.
type bite uint8

const (
	biteNone bite = iota
	biteWarn
	biteAbort
	biteKill
)

func newWatchdog(now time.Duration) watchdog { return watchdog{seen: now, limit: firstLimit} }

// beat notes a heartbeat.
func (w *watchdog) beat(now time.Duration) {
	if !w.dying {
		w.seen, w.limit, w.warned = now, beatLimit, false
	}
}

// check looks once. late is how much later than it should the parent looks: for so
// long it could not have noticed a heartbeat, and the machine may have been paused
// as a whole.
func (w *watchdog) check(now, late time.Duration) bite {
	if late >= ownStall {
		w.seen = min(w.seen+late, now)
	}
	if w.dying {
		if now-w.aborted >= abortGrace {
			w.aborted = now // again, should it not have worked
			return biteKill
		}
		return biteNone
	}
	silent := now - w.seen
	switch {
	case silent >= w.limit:
		w.dying, w.aborted = true, now
		return biteAbort
	case silent >= beatWarn && w.limit == beatLimit && !w.warned:
		w.warned = true
		return biteWarn
	}
	return biteNone
}
