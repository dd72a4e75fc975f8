package ipvs

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"
)

var (
	web  = AddressKey(TCP, netip.MustParseAddrPort("192.0.2.1:80"))
	mail = AddressKey(TCP, netip.MustParseAddrPort("192.0.2.1:25"))
)

func rr(k Key) Service { return Service{Key: k, Scheduler: "rr"} }

// rs is a real server by the last octet of its address.
func rs(last int, weight uint32) Destination {
	return Destination{Addr: netip.MustParseAddrPort(fmt.Sprintf("10.0.0.%d:80", last)), Weight: weight}
}

// start is a worker that has brought web with two servers into the kernel.
func start(t *testing.T) (*rig, *fakeKernel) {
	t.Helper()
	k := newFakeKernel()
	r := newRig(t, func() (Kernel, error) { return k, nil })
	r.w.SetWant(1, rr(web), []Destination{rs(1, 1), rs(2, 1)})
	if a := r.expect(web, 1); a.Err != nil {
		t.Fatal(a.Err)
	}
	k.done()
	return r, k
}

func same[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.AddrPort{}, netip.Addr{}), cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func TestFewestOperations(t *testing.T) {
	t.Parallel()
	wlc := Service{Key: web, Scheduler: "wlc"}
	for _, tt := range []struct {
		name string
		want func(w *Worker)
		ops  []string
	}{
		{"the same again", func(w *Worker) { w.SetWant(2, rr(web), []Destination{rs(2, 1), rs(1, 1)}) }, nil},
		{"a weight is edited in place", func(w *Worker) { w.SetWant(2, rr(web), []Destination{rs(1, 1), rs(2, 7)}) },
			[]string{"edit 10.0.0.2:80 of TCP 192.0.2.1:80"}},
		{"a scheduler is edited in place", func(w *Worker) { w.SetWant(2, wlc, []Destination{rs(1, 1), rs(2, 1)}) },
			[]string{"edit TCP 192.0.2.1:80"}},
		{"the new comes before the old goes", func(w *Worker) { w.SetWant(2, rr(web), []Destination{rs(3, 1)}) },
			[]string{"add 10.0.0.3:80 to TCP 192.0.2.1:80", "remove 10.0.0.2:80 from TCP 192.0.2.1:80", "remove 10.0.0.1:80 from TCP 192.0.2.1:80"}},
		{"a service goes with its servers in one", func(w *Worker) { w.Remove(2, web) }, []string{"remove TCP 192.0.2.1:80"}},
		{"one server wanted twice is added once, the first counts",
			func(w *Worker) { w.SetWant(2, rr(web), []Destination{rs(1, 1), rs(2, 1), rs(3, 5), rs(3, 6)}) },
			[]string{"add 10.0.0.3:80 to TCP 192.0.2.1:80"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, k := start(t)
			tt.want(r.w)
			if a := r.expect(web, 2); a.Err != nil {
				t.Error(a.Err)
			}
			same(t, "operations", tt.ops, k.done())
		})
	}
}

// What an earlier worker left is taken over without a word to the kernel, but for what
// is no longer wanted of our own.
func TestAdoption(t *testing.T) {
	t.Parallel()
	r, k := start(t)
	k.byHand(func() {
		k.table[mail] = &fakeService{Service: rr(mail).canonical(), destinations: []Destination{rs(9, 1)}}
	})
	r.stop()
	<-r.ended
	before := k.table[web].destinations

	again := newRig(t, func() (Kernel, error) { return k, nil })
	again.w.SetWant(1, rr(web), []Destination{rs(1, 1), rs(2, 1)})
	again.expect(web, 1)
	same(t, "operations", nil, k.done())
	same(t, "servers", before, k.table[web].destinations)
	if k.table[mail] == nil {
		t.Error("a foreign service was removed")
	}
	// Whoever made it: wanted, it is ours, and what it has besides goes.
	again.w.SetWant(2, rr(mail), []Destination{rs(8, 1)})
	again.expect(mail, 2)
	same(t, "operations", []string{"add 10.0.0.8:80 to TCP 192.0.2.1:25", "remove 10.0.0.9:80 from TCP 192.0.2.1:25"}, k.done())
	select {
	case p := <-again.fixed:
		t.Errorf("what was adopted is no drift: %+v", p)
	default:
	}
}

func TestDriftIsRepaired(t *testing.T) {
	t.Parallel()
	second := rs(2, 1).Addr
	for _, tt := range []struct {
		name   string
		byHand func(k *fakeKernel)
		ops    []string
		report Repaired
	}{
		{"a weight", func(k *fakeKernel) { k.table[web].destinations[1].Weight = 3 },
			[]string{"edit 10.0.0.2:80 of TCP 192.0.2.1:80"}, Repaired{Server: second, Drift: Changed, Fields: FieldWeight}},
		{"method and thresholds", func(k *fakeKernel) {
			k.table[web].destinations[1].Method, k.table[web].destinations[1].Upper = DirectRoute, 7
		}, []string{"edit 10.0.0.2:80 of TCP 192.0.2.1:80"}, Repaired{Server: second, Drift: Changed, Fields: FieldMethod | FieldThresholds}},
		{"a server removed", func(k *fakeKernel) { k.table[web].destinations = k.table[web].destinations[:1] },
			[]string{"add 10.0.0.2:80 to TCP 192.0.2.1:80"}, Repaired{Server: second, Drift: Vanished}},
		{"a server added", func(k *fakeKernel) { k.table[web].destinations = append(k.table[web].destinations, rs(3, 1)) },
			[]string{"remove 10.0.0.3:80 from TCP 192.0.2.1:80"}, Repaired{Server: rs(3, 1).Addr, Drift: Intruder}},
		{"the scheduler", func(k *fakeKernel) { k.table[web].Scheduler = "wlc" },
			[]string{"edit TCP 192.0.2.1:80"}, Repaired{Drift: Changed, Fields: FieldScheduler}},
		{"the service removed", func(k *fakeKernel) { delete(k.table, web) },
			[]string{"add TCP 192.0.2.1:80", "add 10.0.0.1:80 to TCP 192.0.2.1:80", "add 10.0.0.2:80 to TCP 192.0.2.1:80"}, Repaired{Drift: Vanished}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, k := start(t)
			for times := range uint64(2) {
				k.byHand(func() { tt.byHand(k) })
				r.clock.Advance(5 * time.Second)
				want := tt.report
				want.Service, want.Times = web, times+1
				same(t, "report", want, wait(t, r.fixed, "repair"))
				r.quiet()
				same(t, "operations", tt.ops, k.done())
			}
			if n := len(r.fixed); n > 0 {
				t.Errorf("%d reports too many: %+v", n, <-r.fixed)
			}
			looks := k.looks.Load()
			r.clock.Advance(5 * time.Second)
			waitFor(t, func() bool { return k.looks.Load() > looks })
			r.quiet()
			same(t, "operations of a quiet period", nil, k.done())
		})
	}
}

// A table read while it changes may miss an entry; adding shows that it is there, and
// then nothing has been repaired.
func TestFalseAlarmIsNotReported(t *testing.T) {
	t.Parallel()
	r, k := start(t)
	blink := k.table[web].destinations
	k.byHand(func() {
		k.table[web].destinations = blink[:1]
		k.fail["add 10.0.0.2:80 to TCP 192.0.2.1:80"] = unix.EEXIST
	})
	// The operation fails for as long as the table says so; by then it is back.
	r.clock.Advance(5 * time.Second)
	waitFor(t, func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		return len(k.log) > 0
	})
	k.byHand(func() { k.table[web].destinations = blink; clear(k.fail) })
	r.clock.Advance(20 * time.Millisecond)
	r.quiet()
	if len(r.fixed) > 0 {
		t.Errorf("reported %+v", <-r.fixed)
	}
	if got := len(k.table[web].destinations); got != 2 {
		t.Errorf("%d servers", got)
	}
}

func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !cond(); {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
		<-time.After(time.Millisecond)
	}
}

// One bad server does not keep the others out; it is pending, tried again, and good news
// comes for the same generation.
func TestFailureIsPending(t *testing.T) {
	t.Parallel()
	r, k := start(t)
	bad := "add 10.0.0.3:80 to TCP 192.0.2.1:80"
	k.byHand(func() { k.fail[bad] = unix.EINVAL })
	r.w.SetWant(2, rr(web), []Destination{rs(3, 1), rs(4, 1), rs(2, 1)})
	if a := r.expect(web, 2); !errors.Is(a.Err, unix.EINVAL) || a.Failed != 1 {
		t.Errorf("report %+v, want one failure with EINVAL", a)
	}
	same(t, "operations", []string{bad, "add 10.0.0.4:80 to TCP 192.0.2.1:80", "remove 10.0.0.1:80 from TCP 192.0.2.1:80"}, k.done())
	r.clock.Advance(60 * time.Millisecond)
	waitFor(t, func() bool { return len(k.done()) == 1 })
	r.clock.Advance(5 * time.Second)
	waitFor(t, func() bool { return len(k.done()) == 1 })

	// Drift beside it is repaired, and only that is reported.
	k.byHand(func() { k.table[web].destinations[0].Weight = 9 })
	r.clock.Advance(5 * time.Second)
	same(t, "report", Repaired{Service: web, Server: rs(2, 1).Addr, Drift: Changed, Fields: FieldWeight, Times: 1}, wait(t, r.fixed, "repair"))

	k.byHand(func() { delete(k.fail, bad) })
	r.clock.Advance(time.Minute)
	if a := r.expect(web, 2); a.Err != nil {
		t.Error(a.Err)
	}
	if len(r.fixed) > 0 {
		t.Errorf("our own delay is no drift: %+v", <-r.fixed)
	}
}

// A want that comes while a sweep is under way makes what the sweep saw at its beginning
// out of date.
func TestSweepKnowsWhenItIsOvertaken(t *testing.T) {
	t.Parallel()
	r, k := start(t)
	r.w.SetWant(1, rr(mail), nil)
	r.expect(mail, 1)
	k.done()
	gate, looks := make(chan struct{}), k.looks.Load()
	k.byHand(func() { k.gate = gate })
	r.clock.Advance(5 * time.Second)
	waitFor(t, func() bool { return k.looks.Load() > looks }) // at one; the other is next
	r.w.SetWant(2, Service{Key: mail, Scheduler: "wlc"}, nil)
	r.w.SetWant(2, Service{Key: web, Scheduler: "wlc"}, []Destination{rs(1, 1), rs(2, 1)})
	close(gate)
	r.expect(mail, 2)
	r.expect(web, 2)
	looks = k.looks.Load()
	r.clock.Advance(5 * time.Second)
	waitFor(t, func() bool { return k.looks.Load() >= looks+2 })
	r.quiet()
	same(t, "operations", []string{"edit TCP 192.0.2.1:25", "edit TCP 192.0.2.1:80"}, k.done())
	if len(r.fixed) > 0 {
		t.Errorf("reported %+v", <-r.fixed)
	}
}

// A service that the kernel refuses is tried rarely, and its servers not at all.
func TestRefusedService(t *testing.T) {
	t.Parallel()
	r, k := start(t)
	k.byHand(func() { k.fail["add TCP 192.0.2.1:25"] = unix.ENOENT })
	r.w.SetWant(1, rr(mail), []Destination{rs(1, 1)})
	if a := r.expect(mail, 1); !errors.Is(a.Err, unix.ENOENT) || a.Failed != 1 {
		t.Errorf("report %+v", a)
	}
	r.quiet()
	same(t, "operations", []string{"add TCP 192.0.2.1:25"}, k.done())
	var attempts int
	for range 600 { // ten minutes
		r.clock.Advance(time.Second)
		r.quiet()
		attempts += len(k.done())
	}
	if attempts < 12 || attempts > 25 {
		t.Errorf("%d attempts in ten minutes", attempts)
	}
}

func TestShortFailureIsNotMentioned(t *testing.T) {
	t.Parallel()
	r, k := start(t)
	k.byHand(func() { k.fail["edit TCP 192.0.2.1:80"] = unix.ENOMEM })
	r.w.SetWant(2, Service{Key: web, Scheduler: "wlc"}, []Destination{rs(1, 1), rs(2, 1)})
	waitFor(t, func() bool { return len(k.done()) == 1 })
	k.byHand(func() { clear(k.fail) })
	waitFor(t, func() bool { r.clock.Advance(5 * time.Millisecond); return len(r.applied) > 0 })
	if a := r.expect(web, 2); a.Err != nil {
		t.Error(a.Err)
	}
}

// The newest want counts; those it has overtaken are not reported.
func TestSupersededWantsAreNotApplied(t *testing.T) {
	t.Parallel()
	k := newFakeKernel()
	gate := make(chan struct{})
	r := newRig(t, func() (Kernel, error) { <-gate; return k, nil })
	r.w.SetWant(1, rr(mail), nil) // keeps it busy
	waitFor(t, func() bool { return len(r.w.mail) == 0 })
	for gen := range uint64(100) {
		r.w.SetWant(gen+2, rr(web), []Destination{rs(int(gen%3)+1, uint32(gen))})
	}
	close(gate)
	r.expect(mail, 1)
	r.expect(web, 101)
	same(t, "operations", []string{"add TCP 192.0.2.1:25", "add TCP 192.0.2.1:80", "add 10.0.0.1:80 to TCP 192.0.2.1:80"}, k.done())
}

func TestWithoutIPVS(t *testing.T) {
	t.Parallel()
	k := newFakeKernel()
	var opened int
	missing := true
	gate := make(chan bool, 1)
	r := newRig(t, func() (Kernel, error) {
		select {
		case missing = <-gate:
		default:
		}
		if opened++; missing {
			return nil, ErrNoIPVS
		}
		return k, nil
	})
	r.w.SetWant(1, rr(web), []Destination{rs(1, 1)})
	if a := r.expect(web, 1); !errors.Is(a.Err, ErrNoIPVS) {
		t.Errorf("report %+v", a)
	}
	r.w.Remove(2, mail) // nothing to remove, and no reason for a complaint
	if a := r.expect(mail, 2); a.Err != nil {
		t.Errorf("report %+v", a)
	}
	for range 3 {
		r.clock.Advance(29 * time.Second / 3)
	}
	gate <- true // missing still, which is not said again
	r.clock.Advance(2 * time.Second)
	waitFor(t, func() bool { return len(gate) == 0 })
	gate <- false
	r.clock.Advance(29 * time.Second)
	r.clock.Advance(2 * time.Second)
	if a := r.expect(web, 1); a.Err != nil {
		t.Errorf("report %+v", a)
	}
	if opened != 3 {
		t.Errorf("tried to open %d times, want 3", opened)
	}
}

// ip_vs unloaded and loaded again under our feet.
func TestLostKernelIsOpenedAgain(t *testing.T) {
	t.Parallel()
	old, fresh := newFakeKernel(), newFakeKernel()
	kernels := []*fakeKernel{old, fresh}
	r := newRig(t, func() (Kernel, error) {
		k := kernels[0]
		kernels = kernels[1:]
		return k, nil
	})
	r.w.SetWant(1, rr(web), []Destination{rs(1, 1)})
	r.expect(web, 1)
	old.byHand(func() { old.dead = unix.ENOENT })
	r.clock.Advance(5 * time.Second)
	waitFor(t, func() bool {
		fresh.mu.Lock()
		defer fresh.mu.Unlock()
		return fresh.table[web] != nil && len(fresh.table[web].destinations) == 1
	})
}

func TestFlush(t *testing.T) {
	t.Parallel()
	k := newFakeKernel()
	k.table[mail] = &fakeService{Service: rr(mail).canonical()}
	r := newRig(t, func() (Kernel, error) { return k, nil })
	r.w.Flush()
	r.w.SetWant(1, rr(web), nil)
	r.expect(web, 1)
	same(t, "operations", []string{"flush", "add TCP 192.0.2.1:80"}, k.done())
}

func TestCloseRemovesAndReturns(t *testing.T) {
	t.Parallel()
	r, k := start(t)
	k.byHand(func() { k.table[mail] = &fakeService{Service: rr(mail).canonical()} })
	r.w.Remove(2, web)
	r.w.Close()
	<-r.ended
	r.expect(web, 2)
	if k.table[web] != nil || k.table[mail] == nil {
		t.Errorf("left: %v", k.table)
	}
	same(t, "operations", []string{"remove TCP 192.0.2.1:80"}, k.done())
}

// Without Close the table stays as it is.
func TestEndLeavesTheTable(t *testing.T) {
	t.Parallel()
	r, k := start(t)
	r.stop()
	<-r.ended
	same(t, "operations", nil, k.done())
}

func TestManyAreReadTogether(t *testing.T) {
	t.Parallel()
	k := newFakeKernel()
	gate := make(chan struct{})
	r := newRig(t, func() (Kernel, error) { <-gate; return k, nil })
	const n = 500
	for i := range n {
		s := rr(MarkKey(uint32(i+1), INET))
		if i%2 == 0 {
			k.table[s.Key] = &fakeService{Service: s.canonical(), destinations: []Destination{rs(1, 1)}}
		}
		r.w.SetWant(1, s, []Destination{rs(1, 1)})
	}
	close(gate)
	for range n {
		if a := wait(t, r.applied, "report"); a.Err != nil {
			t.Fatal(a.Err)
		}
	}
	if ops := len(k.done()); ops != n {
		t.Errorf("%d operations, want %d: an add of service and server for every second one", ops, n)
	}
}
