package sock

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepalived/core/clock"
	"keepalived/test/netlab"
)

// envChild makes the test binary a small daemon with a loop and a receiver.
const envChild = "SOCK_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(envChild) != "" {
		child()
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// child is a loop as the daemon's: when it wakes late it drains before it judges. When
// that is done it says how many adverts it has heard and how far apart the last one's
// time stamp and the end of the pause are.
func child() {
	r, err := Open(Config{Family: IPv4})
	if err != nil {
		fmt.Println(err)
		return
	}
	ready, drained := make(chan struct{}, 1), make(chan uint64, 1)
	go func() {
		fmt.Println(r.Run(context.Background(), func() { ready <- struct{}{} }, func(t uint64) { drained <- t }))
		os.Exit(1)
	}()
	const late = 300 * time.Millisecond
	ticker := time.NewTicker(10 * time.Millisecond)
	var heard int
	var at, woke clock.Instant
	take := func() {
		for rx := r.Next(); rx != nil; rx = r.Next() {
			heard, at = heard+1, rx.At
			rx.Release()
		}
	}
	fmt.Println("listening")
	for last := (clock.Real{}).Now(); ; last = (clock.Real{}).Now() {
		select {
		case <-ready:
			take()
		case <-drained:
			take()
			fmt.Printf("heard %d, the last %v before the end of the pause\n", heard, woke.Sub(at).Round(10*time.Millisecond))
		case <-ticker.C:
		}
		if now := (clock.Real{}).Now(); now.Sub(last) > late {
			woke = now
			r.Drain()
		}
	}
}

// A process that was stopped, and whose socket has filled meanwhile, has everything
// in its hands before it may let anything expire, with the times of arrival.
func TestDrainAfterSIGSTOP(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	lab, _, a, b := pair(t)
	p := b.Start(netlab.ProcOpts{Env: []string{envChild + "=1"}}, os.Args[0])
	netlab.Eventually(t, 5*time.Second, "the child", func() bool { return strings.Contains(p.Log(), "listening") })
	s, capture := openSender(t, a, IPv4), b.Capture("eth0")
	stamping(t, lab.Host("probe"))
	p.Signal(syscall.SIGSTOP)
	const n, pause = 4000, 500 * time.Millisecond
	queue(t, s, linkOf(t, a, "eth0"), capture, n)
	netlab.Await(pause, func() bool { return false })
	p.Signal(syscall.SIGCONT)
	netlab.Eventually(t, 5*time.Second, "the child's word", func() bool { return strings.Contains(p.Log(), fmt.Sprintf("heard %d,", n)) })
	for line := range strings.Lines(p.Log()) {
		var heard int
		var took string
		if _, err := fmt.Sscanf(line, "heard %d, the last %s", &heard, &took); err != nil || heard == 0 {
			continue // a machine that is slow before the test stops it
		}
		if d, err := time.ParseDuration(took); heard != n || err != nil || d < pause-50*time.Millisecond || d > pause+time.Second {
			t.Error(line)
		}
	}
}
