package supervisor

import (
	"os"
	"os/signal"
	"syscall"

	pb "keepalived/proto/keepalived/v1"
)

// The numbers of the real-time signals are fixed: tools send 36 and 63 on every
// libc, whatever its SIGRTMIN is.
const (
	sigJSON  = syscall.Signal(36) // SIGRTMIN+2
	sigClear = syscall.Signal(63) // SIGRTMAX-1
)

// Signals catches what the daemon understands. Each signal has a channel of its
// own that holds one: a burst of any length is one request more, and no kind of
// signal can push out another.
type Signals struct {
	kinds []caught
	quit  chan struct{}
}

type caught struct {
	sig os.Signal
	c   chan os.Signal
}

// CatchSignals starts to catch. Call it first thing in main, before the process
// can be found by name or pid file: an uncaught SIGUSR1 ends a process.
func CatchSignals() *Signals {
	x := &Signals{quit: make(chan struct{})}
	// Caught, not ignored: children would hand an ignored signal on to scripts.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	for _, sig := range []os.Signal{syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGUSR2, sigJSON, sigClear} {
		k := caught{sig: sig, c: make(chan os.Signal, 1)}
		signal.Notify(k.c, sig)
		x.kinds = append(x.kinds, k)
	}
	return x
}

// forward posts each caught signal until release.
func (x *Signals) forward(s *Supervisor) {
	for _, k := range x.kinds {
		go func() {
			for {
				select {
				case <-k.c:
					s.post(func() { s.signalled(k.sig) })
				case <-x.quit:
					return
				}
			}
		}()
	}
}

// release ends forwarding; the signals stay caught, so that one that comes while
// the process ends does not change its exit status.
func (x *Signals) release() { close(x.quit) }

// signalled does what keepalived does on a signal.
func (s *Supervisor) signalled(sig os.Signal) {
	if s.stopping {
		return
	}
	switch sig {
	case syscall.SIGHUP:
		s.enqueueReload(&reload{})
	case syscall.SIGTERM, syscall.SIGINT:
		s.log.Info("Stopping")
		s.stop(0)
	case syscall.SIGUSR1:
		s.dumpSignal(pb.DumpKind_DUMP_KIND_DATA)
	case syscall.SIGUSR2:
		s.dumpSignal(pb.DumpKind_DUMP_KIND_STATS)
	case sigClear:
		s.dumpSignal(pb.DumpKind_DUMP_KIND_STATS_CLEAR)
	case sigJSON:
		s.dumpSignal(pb.DumpKind_DUMP_KIND_JSON)
	}
}
