package ipvs

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keepalived/core/clock"
)

// fakeKernel is a table with the kernel's manners, and a log of the operations on it.
type fakeKernel struct {
	mu    sync.Mutex
	table map[Key]*fakeService
	log   []string
	fail  map[string]error // by operation as logged: the answer instead of doing it
	dead  error            // the answer to everything
	looks atomic.Int64     // at destinations
	gate  chan struct{}    // when not nil, each look waits for it
}

type fakeService struct {
	Service
	destinations []Destination
}

func newFakeKernel() *fakeKernel {
	return &fakeKernel{table: map[Key]*fakeService{}, fail: map[string]error{}}
}

// do notes an operation and executes it unless it is to fail.
func (f *fakeKernel) do(fn func() error, format string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	line := fmt.Sprintf(format, args...)
	f.log = append(f.log, line)
	if f.dead != nil {
		return f.dead
	}
	if err := f.fail[line]; err != nil {
		return err
	}
	return fn()
}

func (f *fakeKernel) Services() (list []ServiceStatus, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.table {
		list = append(list, ServiceStatus{Service: s.Service})
	}
	return list, f.dead
}

func (f *fakeKernel) Service(k Key) (s ServiceStatus, there bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fs := f.table[k]; fs != nil {
		return ServiceStatus{Service: fs.Service}, true, f.dead
	}
	return s, false, f.dead
}

func (f *fakeKernel) Destinations(k Key) (list []DestinationStatus, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks.Add(1)
	if gate := f.gate; gate != nil {
		f.mu.Unlock()
		<-gate
		f.mu.Lock()
	}
	if fs := f.table[k]; fs != nil {
		for _, d := range fs.destinations {
			list = append(list, DestinationStatus{Destination: d})
		}
	}
	return list, f.dead
}

func (f *fakeKernel) AddService(s Service) error {
	return f.do(func() error {
		if f.table[s.Key] != nil {
			return unix.EEXIST
		}
		f.table[s.Key] = &fakeService{Service: s}
		return nil
	}, "add %s", s.Key)
}

func (f *fakeKernel) EditService(s Service) error {
	return f.do(func() error {
		if f.table[s.Key] == nil {
			return unix.ESRCH
		}
		f.table[s.Key].Service = s
		return nil
	}, "edit %s", s.Key)
}

func (f *fakeKernel) RemoveService(k Key) error {
	return f.do(func() error {
		if f.table[k] == nil {
			return unix.ESRCH
		}
		delete(f.table, k)
		return nil
	}, "remove %s", k)
}

// at finds a destination; the errors are the kernel's.
func (f *fakeKernel) at(k Key, addr netip.AddrPort) (*fakeService, int, error) {
	fs := f.table[k]
	if fs == nil {
		return nil, 0, unix.ESRCH
	}
	i := slices.IndexFunc(fs.destinations, func(d Destination) bool { return d.Addr == addr })
	if i < 0 {
		return fs, 0, unix.ENOENT
	}
	return fs, i, nil
}

func (f *fakeKernel) AddDestination(k Key, d Destination) error {
	return f.do(func() error {
		fs, _, err := f.at(k, d.Addr)
		switch err {
		case nil:
			return unix.EEXIST
		case unix.ENOENT:
			fs.destinations = append(fs.destinations, d)
			return nil
		}
		return err
	}, "add %s to %s", d.Addr, k)
}

func (f *fakeKernel) EditDestination(k Key, d Destination) error {
	return f.do(func() error {
		fs, i, err := f.at(k, d.Addr)
		if err == nil {
			fs.destinations[i] = d
		}
		return err
	}, "edit %s of %s", d.Addr, k)
}

func (f *fakeKernel) RemoveDestination(k Key, addr netip.AddrPort) error {
	return f.do(func() error {
		fs, i, err := f.at(k, addr)
		if err == nil {
			fs.destinations = slices.Delete(fs.destinations, i, i+1)
		}
		return err
	}, "remove %s from %s", addr, k)
}

func (f *fakeKernel) Flush() error {
	return f.do(func() error { clear(f.table); return nil }, "flush")
}

func (f *fakeKernel) Close() error { return nil }

// byHand changes the table as an administrator would.
func (f *fakeKernel) byHand(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// done returns the operations since it was last asked.
func (f *fakeKernel) done() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.log
	f.log = nil
	return l
}

// rig is a worker at work on a kernel.
type rig struct {
	t       *testing.T
	clock   *clock.Fake
	w       *Worker
	applied chan Applied
	fixed   chan Repaired
	ended   chan struct{}
	stop    context.CancelFunc
}

func newRig(t *testing.T, open func() (Kernel, error)) *rig {
	t.Helper()
	r := &rig{t: t, clock: clock.NewFake(1), applied: make(chan Applied, 10000), fixed: make(chan Repaired, 10000), ended: make(chan struct{})}
	r.w = New(Config{
		Clock: r.clock, Open: open, Chunk: 1,
		Applied:  func(a Applied) { r.applied <- a },
		Repaired: func(p Repaired) { r.fixed <- p },
	})
	r.run()
	return r
}

func (r *rig) run() {
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go func() { _ = r.w.Run(ctx); close(r.ended) }()
	r.t.Cleanup(func() { stop(); <-r.ended })
}

func wait[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(30 * time.Second):
		t.Fatalf("no %s within 30 s", what)
	}
	return v
}

// quiet reports that nothing more is said: it has the worker do something and waits for
// that.
func (r *rig) quiet() {
	r.t.Helper()
	probe := MarkKey(0xffff, INET)
	r.w.Remove(99, probe)
	for {
		if a := wait(r.t, r.applied, "answer"); a.Service == probe {
			return
		} else if a.Err != nil || a.Gen != 0 {
			r.t.Errorf("unexpected %+v", a)
		}
	}
}

// expect waits for the report about a generation of a service.
func (r *rig) expect(k Key, gen uint64) Applied {
	r.t.Helper()
	a := wait(r.t, r.applied, fmt.Sprintf("report about %s, generation %d", k, gen))
	if a.Service != k || a.Gen != gen {
		r.t.Fatalf("report %+v; want one about %s, generation %d", a, k, gen)
	}
	return a
}
