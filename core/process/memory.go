package process

import (
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
