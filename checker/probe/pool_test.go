package probe

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"testing"
	"time"

	"keepalived/checker/health"
	"keepalived/core/clock"
	"keepalived/test/netlab"
)

// gate is a server whose connections stand and say nothing until they are let go.
func gate(t *testing.T) (s *server, open func()) {
	t.Helper()
	let := make(chan struct{})
	s = serve(t, listen(t, "127.0.0.1:0"), func(_ string, c net.Conn) {
		<-let
		fmt.Fprint(c, "HTTP/1.0 200 OK\r\n\r\n")
	})
	return s, func() { close(let) }
}

func (r *rig) eventually(t *testing.T, what string, k Kind, is func(Stats) bool) {
	t.Helper()
	if !netlab.Await(10*time.Second, func() bool { return is(r.Stats(k)) }) {
		t.Fatalf("never %s: %+v", what, r.Stats(k))
	}
}

// TestLateNotFailed: what is beyond the limit waits for its turn, is told from its real
// start and counted.
func TestLateNotFailed(t *testing.T) {
	s, open := gate(t)
	r := start(t, Limits{HTTP: {Brisk: 2, Most: 3, PerSecond: 1000}})
	before := clock.Real{}.Now()
	for i := range 5 {
		r.Start(health.Ticket{ID: int32(i)}, get(s.at, "/", false), 0)
	}
	if st := r.Stats(HTTP); st.Running > 2 {
		t.Errorf("%d run at once", st.Running)
	}
	// After YieldAfter the two have given their places up, but three are the most.
	r.eventually(t, "three running and two waiting", HTTP, func(st Stats) bool { return st.Running == 3 && st.Waiting == 2 })
	open()
	seen := map[int32]bool{}
	for range 5 {
		f := r.next(t)
		if !f.OK {
			t.Errorf("probe %d: %v", f.ticket.ID, f)
		}
		seen[f.ticket.ID] = true
		late := f.ticket.ID >= 2
		if waited := f.Started.Sub(before); waited < 0 || late != (waited >= LateAfter) {
			t.Errorf("probe %d started %v after it was asked for", f.ticket.ID, waited)
		}
	}
	if len(seen) != 5 {
		t.Errorf("results of %v", seen)
	}
	r.eventually(t, "all ended", HTTP, func(st Stats) bool {
		return st.Started == 5 && st.Ended == 5 && st.Late == 3 && st.Worst >= YieldAfter && st.Running == 0 && st.Waiting == 0
	})
}

// TestWedgedDelayNobody: hundreds of wedged servers of one kind hold up neither another
// kind nor, but for the first moment, their own.
func TestWedgedDelayNobody(t *testing.T) {
	wedged, open := gate(t)
	defer open()
	good := serve(t, listen(t, "127.0.0.1:0"), send("HTTP/1.0 200 OK\r\n\r\n"))
	r := start(t, Limits{TLSKind: {Brisk: 64, Most: 4096, PerSecond: 10000}, HTTP: {Brisk: 64, Most: 4096, PerSecond: 10000}})
	for i := range 300 {
		r.Start(health.Ticket{ID: int32(1000 + i)}, get(wedged.at, "/", i%2 == 0), 0)
	}
	began := time.Now()
	for i := range 50 {
		r.Start(health.Ticket{ID: int32(i)}, tcpCheck(good.at), 0)
	}
	for range 50 {
		if f := r.next(t); !f.OK || f.ticket.ID >= 1000 {
			t.Errorf("%d: %v", f.ticket.ID, f)
		}
	}
	if took := time.Since(began); took > YieldAfter {
		t.Errorf("TCP_CHECK beside wedged servers: %v", took)
	}
	r.Start(health.Ticket{ID: 1}, get(good.at, "/", false), 0)
	if f := r.next(t); !f.OK || f.ticket.ID != 1 {
		t.Errorf("%d: %v", f.ticket.ID, f)
	}
	if took := time.Since(began); took > 8*YieldAfter {
		t.Errorf("HTTP_GET behind 150 wedged ones: %v", took)
	}
}

// TestPace: starts keep to PerSecond however many are asked for at once.
func TestPace(t *testing.T) {
	good := serve(t, listen(t, "127.0.0.1:0"), send(""))
	r := start(t, Limits{TCP: {Brisk: 512, Most: 512, PerSecond: 100}})
	began := time.Now()
	for i := range 60 {
		r.Start(health.Ticket{ID: int32(i)}, tcpCheck(good.at), 0)
	}
	atOnce := r.Stats(TCP).Started
	if atOnce < 5 || atOnce > 15 {
		t.Errorf("%d started at once, want a tenth of 100", atOnce)
	}
	for i := range 60 {
		if f := r.next(t); !f.OK {
			t.Errorf("%d: %v", i, f)
		}
	}
	if took := time.Since(began); took < 450*time.Millisecond || took > 2*time.Second {
		t.Errorf("60 at 100 a second took %v", took)
	}
}

// TestStop: probes in flight are broken off at once and nobody is told of them.
func TestStop(t *testing.T) {
	wedged, open := gate(t)
	defer open()
	before := runtime.NumGoroutine()
	r := start(t, Limits{HTTP: {Brisk: 20}})
	for i := range 30 {
		r.Start(health.Ticket{ID: int32(i)}, get(wedged.at, "/", i%3 == 0), 0)
	}
	misc := miscCheck(t, "exec sleep 60")
	r.Start(health.Ticket{}, misc, 0)
	r.eventually(t, "in flight", HTTP, func(st Stats) bool { return st.Running == 20 })
	r.eventually(t, "in flight", Script, func(st Stats) bool { return st.Running == 1 })
	began := time.Now()
	r.stop()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("stopping took %v", took)
	}
	r.Start(health.Ticket{}, tcpCheck(wedged.at), 0)
	select {
	case f := <-r.found:
		t.Errorf("result after the end: %d, %v", f.ticket.ID, f)
	case <-time.After(100 * time.Millisecond):
	}
	netlab.Eventually(t, 5*time.Second, "the pool's goroutines to end", func() bool {
		return runtime.NumGoroutine() <= before+30 // the wedged server's own
	})
}

// TestWaitsForRun: a constructor starts nothing.
func TestWaitsForRun(t *testing.T) {
	good := serve(t, listen(t, "127.0.0.1:0"), send(""))
	told := make(chan bool, 1)
	p := New(Config{Done: func(_ health.Ticket, r health.Result, _ time.Duration) { told <- r.OK }})
	p.Start(health.Ticket{}, tcpCheck(good.at), 0)
	if s := p.Stats(TCP); s.Started != 0 || s.Waiting != 1 {
		t.Errorf("before Run: %+v", s)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	if !<-told {
		t.Error("not good")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestFIFO(t *testing.T) {
	var f fifo
	in, out := int32(0), int32(0)
	for round := range 200 {
		for range round % 7 {
			f.push(&job{ticket: health.Ticket{ID: in}})
			in++
		}
		for range min(round%5, f.len()) {
			if got := f.pop().ticket.ID; got != out {
				t.Fatalf("got %d, want %d", got, out)
			}
			out++
		}
		if f.len() != int(in-out) {
			t.Fatalf("%d in it, want %d", f.len(), in-out)
		}
	}
}
