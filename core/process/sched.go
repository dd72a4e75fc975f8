package process

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Scheduling is how the threads of a process compete for the processors. The zero
// value changes nothing.
type Scheduling struct {
	// Nice is -20 to 19, 0 unchanged (vrrp_priority and its kin).
	Nice int
	// RTPriority is 1 to 99 for SCHED_RR, 0 for the normal class (vrrp_rt_priority).
	RTPriority int
	// RTTime is how long a real-time thread may run without sleeping before SIGXCPU,
	// in whole microseconds; 0 unchanged (vrrp_rlimit_rttime). The kernel counts for
	// each thread, the runtime's included.
	RTTime time.Duration
	// CPUs are the processors it may run on; empty is unchanged (vrrp_cpu_affinity).
	CPUs []int
}

// Apply sets the attributes of every thread there is: those that the runtime makes
// later inherit them from the thread that makes them. The first failure of each kind is
// returned, and the others are set all the same.
func (s Scheduling) Apply() error {
	var errs []error
	fail := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	if s.RTTime > 0 {
		// Before the class: a limit for real-time threads is of no interest to others.
		us := uint64(s.RTTime.Microseconds())
		fail("setting rlimit_rttime", unix.Setrlimit(unix.RLIMIT_RTTIME, &unix.Rlimit{Cur: us, Max: us}))
	}
	if len(s.CPUs) > 0 {
		var set unix.CPUSet
		for _, cpu := range s.CPUs {
			set.Set(cpu)
		}
		fail("setting the cpu affinity", eachThread(func(tid int) error { return unix.SchedSetaffinity(tid, &set) }))
	}
	if attr, ok := s.attr(); ok {
		fail("setting the scheduling class", eachThread(func(tid int) error { return unix.SchedSetAttr(tid, &attr, 0) }))
	}
	return errors.Join(errs...)
}

func (s Scheduling) attr() (unix.SchedAttr, bool) {
	a := unix.SchedAttr{Size: unix.SizeofSchedAttr}
	switch {
	case s.RTPriority > 0:
		a.Policy, a.Priority = unix.SCHED_RR, uint32(s.RTPriority)
	case s.Nice != 0:
		a.Policy, a.Nice = unix.SCHED_NORMAL, int32(s.Nice)
	default:
		return a, false
	}
	return a, true
}

// LockMemory keeps all memory of the process from being swapped out, now and later
// (vrrp_no_swap). Pages are locked when they are touched: with a plain mlockall the
// address space that the Go runtime reserves would be filled, more than ten times what
// is in use.
func LockMemory() error {
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err != nil {
		return fmt.Errorf("locking memory: %w", err)
	}
	return nil
}

// SetOOMScore sets how willingly the kernel kills the process when memory runs out,
// -1000 (never) to 1000.
func SetOOMScore(adjust int) error {
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte(strconv.Itoa(adjust)), 0); err != nil {
		return fmt.Errorf("setting the oom score: %w", err)
	}
	return nil
}
