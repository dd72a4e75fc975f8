package health

import (
	"testing"
)

// ha_suspend: what is known stays as it is while a service waits, no probe starts, one under
// way counts for nothing; the other services do not notice.
func TestSuspend(t *testing.T) {
	r := newRig(t, Options{})
	suspend := func(keys ...string) {
		waiting := map[string]bool{}
		for _, k := range keys {
			waiting[k] = true
		}
		r.d.Suspend(r.now, waiting, &r.out)
		r.flush()
	}
	probes := func(name string) int { return len(r.ran["[10.0.0."+name+"]:tcp:80"]) }
	a, b := vs("A", 1, rs("1", 1, tcp(0)), rs("2", 1, alpha(tcp(0)))), vs("B", 1, rs("3", 1, tcp(0)))

	suspend("A") // before there are services
	r.configure(a, b)
	r.expect("start", r.said(), []string{
		"Gained quorum 1+0=1 <= 1 for VS A", "Gained quorum 1+0=1 <= 1 for VS B",
		"Deactivating healthchecker for service [10.0.0.1]:tcp:80 for VS A",
		"Deactivating healthchecker for service [10.0.0.2]:tcp:80 for VS A",
		"Activating healthchecker for service [10.0.0.3]:tcp:80 for VS B",
	})
	r.run(10 * sec)
	if probes("1")+probes("2") != 0 || probes("3") < 9 || r.wanted("A") != "1=1" {
		t.Errorf("suspended from the start: probes %v, wanted %s", r.ran, r.wanted("A"))
	}
	r.said()

	r.down["1"] = true
	suspend()
	r.expect("address added", r.said(), []string{
		"Activating healthchecker for service [10.0.0.1]:tcp:80 for VS A",
		"Activating healthchecker for service [10.0.0.2]:tcp:80 for VS A",
	})
	r.run(sec) // within an interval
	if probes("1") == 0 || probes("2") == 0 || r.wanted("A") != "2=1" {
		t.Errorf("a second later: probes %v, wanted %s", r.ran, r.wanted("A"))
	}
	r.said()

	// A probe that is under way says nothing any more, and is not waited for.
	r.now = r.d.Next()
	p, _ := r.d.Due(r.now)
	for p.Service.Key != "A" {
		r.d.Result(r.now, p.Ticket, Result{OK: true, Started: r.now}, &r.out)
		r.now = r.d.Next()
		p, _ = r.d.Due(r.now)
	}
	suspend("A")
	r.expect("address removed", r.said(), []string{
		"Suspending healthchecker for service [10.0.0.1]:tcp:80 for VS A",
		"Suspending healthchecker for service [10.0.0.2]:tcp:80 for VS A",
	})
	if r.d.Result(r.now, p.Ticket, Result{OK: p.Server.Key == "1", Cause: CauseRefused, Started: r.now}, &r.out) {
		t.Error("the result of a suspended checker counts")
	}
	before := probes("1") + probes("2")
	// Neither does a reload wake it: one that changes nothing, one that changes what is asked.
	r.configure(a, b)
	other := vs("A", 1, rs("1", 1, tcp(0)), rs("2", 1, alpha(tcp(0))))
	other.Servers[0].Checks[0].Digest = 5
	other.Servers[1].Checks = append(other.Servers[1].Checks, tcp(1))
	r.configure(other, b)
	r.expect("reload", r.said(), []string{"Deactivating healthchecker for service [10.0.0.2]:tcp:80 for VS A"})
	r.run(10 * sec)
	if probes("1")+probes("2") != before || r.wanted("A") != "2=1" {
		t.Errorf("suspended: %d probes more, wanted %s", probes("1")+probes("2")-before, r.wanted("A"))
	}
	clear(r.down)
	suspend()
	r.run(sec)
	if r.wanted("A") != "1=1 2=1" || probes("1")+probes("2") < before+3 {
		t.Errorf("awake again: probes %v, wanted %s", r.ran, r.wanted("A"))
	}
}
