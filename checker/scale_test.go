package checker

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// manyServers is a configuration with n real servers in services of a hundred.
func manyServers(n int) string {
	var b strings.Builder
	for s := range n / 100 {
		fmt.Fprintf(&b, "virtual_server 10.%d.%d.1 80 {\ndelay_loop 10\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n", s/250, s%250)
		for i := range 100 {
			fmt.Fprintf(&b, "real_server 172.%d.%d.%d 80 {\nTCP_CHECK {\n}\n}\n", 16+s/250, s%250, i+1)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// TestScale: with ten thousand servers the turns that everything goes through stay short:
// nothing of the child waits longer for the loop.
func TestScale(t *testing.T) {
	r := newRig(t)
	text := manyServers(10_000)
	r.configure(text)
	r.run(75 * time.Second)
	if n := len(r.began); n < 10_000 {
		t.Fatalf("%d probes", n)
	}
	least := func(f func()) time.Duration {
		best := time.Hour
		for range 5 {
			begin := time.Now()
			f()
			best = min(best, time.Since(begin))
		}
		return best
	}
	took := map[string]time.Duration{
		"status": least(func() { r.d.view(r.now) }),
		"reload": least(func() {
			r.d.reload(r.now, &preparation{model: r.d.model})
			r.turned()
		}),
		"reload of what runs": least(func() {
			r.d.reload(r.now, &preparation{model: r.d.model, again: true})
			r.turned()
		}),
		"records": least(func() { r.d.rememberAll() }),
	}
	t.Log(took)
	for what, d := range took {
		if d > 500*time.Millisecond {
			t.Errorf("%s: %v on the loop", what, d)
		}
	}
	down := least(func() {
		for i := range r.d.model.services[0].servers {
			r.down[r.d.model.services[0].cfg.Servers[i].Addr.String()] = true
		}
		r.run(15 * time.Second)
		clear(r.down)
		r.run(15 * time.Second)
	})
	t.Log("a service goes down and comes back among 30,000 probes:", down)
}
