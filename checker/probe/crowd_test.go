package probe

import (
	"testing"
	"time"

	"keepalived/checker/health"
)

// TestCrowd: with thousands of connections to wedged servers Brisk and Most hold, every
// other kind goes on as if it were alone, and who had to wait is late, once each.
func TestCrowd(t *testing.T) {
	wedged, open := gate(t)
	good := serve(t, listen(t, "127.0.0.1:0"), send(""))
	const brisk, most, all = 500, 1500, 2000
	limits := Limits{HTTP: {Brisk: brisk, Most: most, PerSecond: 100000}, TLSKind: {Brisk: brisk, Most: brisk, PerSecond: 100000}}
	r := start(t, limits)
	stuck := func(secure bool) Target {
		target := get(wedged.at, "/", secure)
		target.Check.Connection.Timeout = time.Minute
		return target
	}
	first := time.Now()
	for i := range all {
		r.Start(health.Ticket{ID: int32(i)}, stuck(false), 0)
		if i < brisk+100 {
			r.Start(health.Ticket{ID: int32(10000 + i)}, stuck(true), 0)
		}
	}
	filling := time.Since(first) // the last have waited less than the first have run
	if st := r.Stats(HTTP); st.Running > brisk {
		t.Errorf("%d of HTTP_GET are in their first moment, the limit is %d", st.Running, brisk)
	}
	r.eventually(t, "as many as may be", HTTP, func(st Stats) bool { return st.Running == most && st.Waiting == all-most })
	r.eventually(t, "as many as may be", TLSKind, func(st Stats) bool { return st.Running == brisk && st.Waiting == 100 })

	began := time.Now()
	const others = 300
	script := miscCheck(t, "exit 0")
	for i := range others {
		r.Start(health.Ticket{ID: int32(20000 + i)}, tcpCheck(good.at), 0)
	}
	r.Start(health.Ticket{ID: 30000}, script, 0)
	for range others + 1 {
		if f := r.next(t); !f.OK || f.ticket.ID < 20000 {
			t.Fatalf("%d: %v", f.ticket.ID, f)
		}
	}
	t.Logf("%d TCP_CHECKs and a script beside %d wedged connections: %v", others, most+brisk, time.Since(began).Round(time.Millisecond))
	for _, k := range []Kind{TCP, Script} {
		if st := r.Stats(k); st.Late != 0 || st.Worst > LateAfter {
			t.Errorf("%v: %+v, want none late", k, st)
		}
	}

	open()
	for pages := 0; pages < all; { // those of SSL_GET are broken off at the end
		f := r.next(t)
		if f.ticket.ID >= 10000 {
			continue
		}
		if pages++; !f.OK {
			t.Fatalf("%d: %v", f.ticket.ID, f)
		}
	}
	r.eventually(t, "all of them over", HTTP, func(st Stats) bool { return st.Ended == all && st.Running == 0 && st.Waiting == 0 })
	if st := r.Stats(HTTP); st.Started != all || st.Late != all-brisk || st.Worst < 2*YieldAfter-filling {
		t.Errorf("%+v, want %d started and all but %d late", st, all, brisk)
	}
}
