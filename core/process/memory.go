package process

import (
	"os"
	"runtime/debug"
	"time"
)

// settled is when a configuration is so long in force that the work it made is done:
// the elections of a start take less than four seconds at the usual interval.
const settled = 8 * time.Second

// ReleaseMemorySoon gives the memory that reading and applying a configuration took
// back to the system when that is over: the runtime would keep most of it for what may
// come. It returns at once.
func ReleaseMemorySoon() { time.AfterFunc(settled, debug.FreeOSMemory) }

// rareCollections is the garbage collector's percentage while a configuration is read.
// Nearly all that a reading makes stays until its end, so that marking it again and again
// frees little: at 400, -t of 40,000 servers and 4,000 instances takes a tenth less
// processor time than at Go's 100, and 5 % more memory. The collector is not off, so that memory stays in
// proportion to what is in use, whatever the file; and the runtime's memory limit
// (GOMEMLIMIT) holds at any percentage.
const rareCollections = 400

// CollectRarely makes garbage collections rarer until the function that it returns is
// called. Where the environment sets GOGC, that holds and nothing is changed. The
// percentage is the process's: calls must not overlap, as readings do not.
func CollectRarely() (end func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	before := debug.SetGCPercent(rareCollections)
	return func() { debug.SetGCPercent(before) }
}
