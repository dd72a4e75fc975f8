package vip_test

import (
	"context"
	"net/netip"
	"slices"
	"sort"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keepalived/core/clock"
	"keepalived/core/reconcile/worker"
	"keepalived/core/rtnl"
	"keepalived/test/netlab"
	"keepalived/vrrp/vip"
)

// network is a link with 198.18.9.1/24, on the fake kernel or on the real one, and all
// that is said about it.
type network struct {
	t      testing.TB
	link   int32
	kernel interface {
		AddAddrs(addrs []rtnl.Addr, errs []error)
		RemoveAddrs(addrs []rtnl.Addr, errs []error)
		Addrs() ([]rtnl.Addr, error)
	}
	stranger func(do string, a rtnl.Addr) // "add" or "del" behind our back
	look     func() []rtnl.Addr
	cfg      worker.Config[vip.Object] // numbers other than the defaults
	told     chan worker.Applied       // if not nil: what is applied goes here only

	w    *vip.Worker
	loop chan func()

	mu       sync.Mutex
	applied  []worker.Applied
	repaired []worker.Repaired[vip.Object]
	gone     []rtnl.Addr // all AddrGone events
}

// open starts the worker, and the goroutine that plays the loop: it alone talks to the
// worker.
func (n *network) open() {
	n.loop = make(chan func(), 10000)
	n.cfg.Clock, n.cfg.Applier = clock.Real{}, vip.NewApplier(n.kernel)
	n.cfg.Applied = func(a worker.Applied) {
		if n.told != nil {
			n.told <- a
			return
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		n.applied = append(n.applied, a)
	}
	n.cfg.Repaired = func(r worker.Repaired[vip.Object]) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.repaired = append(n.repaired, r)
	}
	n.w = vip.NewWorker(n.cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, 2)
	go func() {
		for f := range n.loop {
			f()
		}
		done <- struct{}{}
	}()
	go func() {
		if err := n.w.Run(ctx); err != nil {
			n.t.Errorf("Run: %v", err)
		}
		done <- struct{}{}
	}()
	n.t.Cleanup(func() {
		cancel()
		close(n.loop)
		<-done
		<-done
	})
}

// event is what the loop makes of the monitor's events.
func (n *network) event(e rtnl.Event) {
	n.loop <- func() {
		switch e.Kind {
		case rtnl.AddrGone:
			n.mu.Lock()
			n.gone = append(n.gone, e.Addr)
			n.mu.Unlock()
			n.w.Lost(e.Addr.Key())
		case rtnl.Resynced:
			n.w.Verify()
		}
	}
}

func (n *network) want(owner worker.Owner, gen uint64, prefixes ...string) {
	n.loop <- func() { n.w.SetWant(owner, gen, n.objects(prefixes...)) }
}

// wanted waits until a want is in force.
func (n *network) wanted(owner worker.Owner, gen uint64, prefixes ...string) worker.Applied {
	n.t.Helper()
	n.want(owner, gen, prefixes...)
	var last worker.Applied
	netlab.Eventually(n.t, 5*time.Second, "applied", func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		i := slices.IndexFunc(n.applied, func(a worker.Applied) bool { return a.Owner == owner && a.Gen == gen })
		if i >= 0 {
			last = n.applied[i]
		}
		return i >= 0
	})
	return last
}

func (n *network) addr(p string) rtnl.Addr {
	a := rtnl.Addr{Link: n.link, Prefix: netip.MustParsePrefix(p), Proto: rtnl.ProtoKeepalived}
	if a.Prefix.Addr().Is6() {
		a.Flags = rtnl.FlagNoDAD
	}
	return a
}

func (n *network) objects(prefixes ...string) []vip.Object {
	var list []vip.Object
	for _, p := range prefixes {
		list = append(list, vip.Object{Addr: n.addr(p)})
	}
	return list
}

// has waits until the link has exactly these addresses (link-local ones of the kernel
// aside).
func (n *network) has(prefixes ...string) {
	n.t.Helper()
	sort.Strings(prefixes)
	var now []string
	if netlab.Await(2*time.Second, func() bool {
		now = nil
		for _, a := range n.look() {
			if a.Link == n.link && !a.Prefix.Addr().IsLinkLocalUnicast() {
				now = append(now, a.Prefix.String())
			}
		}
		sort.Strings(now)
		return slices.Equal(now, prefixes)
	}) {
		return
	}
	n.t.Errorf("the link has %v, want %v", now, prefixes)
}

// repairs waits until the last report of an address is as the condition says.
func (n *network) repairs(p string, what string, is func(worker.Repaired[vip.Object]) bool) {
	n.t.Helper()
	netlab.Eventually(n.t, 5*time.Second, what, func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, r := range n.repaired {
			if r.Object.Prefix.String() == p && is(r) {
				return true
			}
		}
		return false
	})
}

var environments = []struct {
	name string
	open func(t testing.TB) *network
}{{"fake", fakeNetwork}, {"kernel", realNetwork}}

// own is the address of the interface itself.
const own = "198.18.9.1/24"

// addressRules hold on the fake kernel and on the real one.
var addressRules = []struct {
	name string
	do   func(n *network)
}{
	{name: "MASTER has its addresses, BACKUP has none of them", do: func(n *network) {
		n.wanted(0, 1, "198.18.9.100/24", "198.18.9.101/32", "2001:db8::1/64")
		n.has(own, "198.18.9.100/24", "198.18.9.101/32", "2001:db8::1/64")
		n.wanted(0, 2)
		n.has(own)
	}},
	{name: "reload touches only the difference", do: func(n *network) {
		n.wanted(0, 1, "198.18.9.100/24", "198.18.9.101/24", "198.18.9.102/24")
		n.wanted(0, 2, "198.18.9.100/24", "198.18.9.103/24", "198.18.9.102/24")
		n.has(own, "198.18.9.100/24", "198.18.9.102/24", "198.18.9.103/24")
		n.onlyGone("198.18.9.101/24")
	}},
	{name: "one address of two instances goes with the last of them", do: func(n *network) {
		n.wanted(0, 1, "198.18.9.100/24")
		n.wanted(1, 1, "198.18.9.100/24", "198.18.9.101/24")
		n.wanted(0, 2)
		n.has(own, "198.18.9.100/24", "198.18.9.101/24")
		n.wanted(1, 2)
		n.has(own)
	}},
	{name: "an administrator's address is taken as it is and goes with MASTER", do: func(n *network) {
		n.stranger("add", n.addr("198.18.9.100/24"))
		n.wanted(0, 1, "198.18.9.100/24")
		n.has(own, "198.18.9.100/24")
		n.wanted(0, 2)
		n.has(own)
	}},
	{name: "adopted by a resumed MASTER: not a word", do: func(n *network) {
		for _, p := range []string{"198.18.9.100/24", "198.18.9.101/24", "2001:db8::1/64"} {
			n.stranger("add", n.addr(p))
		}
		n.adopt(0, "198.18.9.100/24", "2001:db8::1/64")
		n.adopt(1, "198.18.9.101/24")
		n.wanted(0, 1, "198.18.9.100/24", "2001:db8::1/64")
		n.wanted(1, 1)
		n.has(own, "198.18.9.100/24", "2001:db8::1/64")
		n.onlyGone("198.18.9.101/24")
	}},
	{name: "removed from outside: put back", do: func(n *network) {
		n.wanted(0, 1, "198.18.9.100/24", "2001:db8::1/64")
		for i := range 3 {
			for _, p := range []string{"198.18.9.100/24", "2001:db8::1/64"} {
				n.stranger("del", n.addr(p))
				n.repairs(p, "the report", func(r worker.Repaired[vip.Object]) bool { return r.Losses == i+1 && !r.Dragged })
			}
		}
		n.has(own, "198.18.9.100/24", "2001:db8::1/64")
	}},
	{name: "the primary address removed from outside takes the virtual ones along: put back", do: func(n *network) {
		n.wanted(0, 1, "198.18.9.100/24", "198.18.9.101/24")
		n.stranger("del", n.addr(own))
		n.has("198.18.9.100/24", "198.18.9.101/24")
	}},
	{name: "a virtual address that is primary takes those of others along when it goes: put back, without blame", do: func(n *network) {
		n.stranger("del", n.addr(own))
		n.wanted(0, 1, "198.18.9.100/24")
		n.wanted(1, 1, "198.18.9.101/24")
		n.wanted(0, 2)
		n.repairs("198.18.9.101/24", "the report", func(r worker.Repaired[vip.Object]) bool { return r.Owner == 1 && r.Dragged && r.Losses == 0 })
		n.has("198.18.9.101/24")
	}},
	{name: "all of one subnet, the primary among them, go together", do: func(n *network) {
		n.stranger("del", n.addr(own))
		n.wanted(0, 1, "198.18.9.100/24", "198.18.9.101/24", "198.18.9.102/24")
		if a := n.wanted(0, 2); a.Err != nil {
			n.t.Error(a.Err)
		}
		n.has()
		n.mu.Lock()
		defer n.mu.Unlock()
		if len(n.repaired) > 0 {
			n.t.Errorf("repaired %v", n.repaired)
		}
	}},
	{name: "somebody who keeps removing it is reported", do: func(n *network) {
		n.wanted(0, 1, "198.18.9.100/24")
		contested := func() bool {
			n.mu.Lock()
			defer n.mu.Unlock()
			return slices.ContainsFunc(n.repaired, func(r worker.Repaired[vip.Object]) bool { return r.Contested })
		}
		netlab.Eventually(n.t, 5*time.Second, "contested", func() bool {
			n.stranger("del", n.addr("198.18.9.100/24"))
			return contested()
		})
		n.has(own, "198.18.9.100/24")
		n.wanted(0, 2) // the daemon's answer
		n.has(own)
	}},
	{name: "a refused address is reported and does not keep the others away", do: func(n *network) {
		bad := n.objects("198.18.9.100/24")
		bad[0].Scope = unix.RT_SCOPE_LINK // not the scope of the subnet's primary address
		n.loop <- func() { n.w.SetWant(0, 1, append(bad, n.objects("198.18.9.101/24")...)) }
		netlab.Eventually(n.t, 5*time.Second, "the failure", func() bool {
			n.mu.Lock()
			defer n.mu.Unlock()
			return len(n.applied) == 1 && n.applied[0].Failed == 1 && n.applied[0].Err != nil
		})
		n.has(own, "198.18.9.101/24")
		n.stranger("del", n.addr(own)) // now it is possible, when the other goes too
		n.wanted(0, 2)
		n.has()
	}},
	{name: "what is gone already need not be removed", do: func(n *network) {
		n.wanted(0, 1, "198.18.9.100/24", "198.18.9.101/24")
		n.loop <- func() {
			n.stranger("del", n.addr("198.18.9.100/24"))
			n.w.SetWant(0, 2, nil)
		}
		netlab.Eventually(n.t, 5*time.Second, "applied", func() bool {
			n.mu.Lock()
			defer n.mu.Unlock()
			return len(n.applied) == 2
		})
		if a := n.applied[1]; a.Err != nil {
			n.t.Error(a.Err)
		}
		n.has(own)
	}},
	{name: "what went while nobody told is found by verifying", do: func(n *network) {
		n.wanted(0, 1, "198.18.9.100/24")
		n.stranger("del", n.addr("198.18.9.100/24"))
		n.event(rtnl.Event{Kind: rtnl.Resynced})
		n.has(own, "198.18.9.100/24")
	}},
}

func TestAddresses(t *testing.T) {
	for _, r := range addressRules {
		t.Run(r.name, func(t *testing.T) {
			for _, env := range environments {
				t.Run(env.name, func(t *testing.T) { r.do(env.open(t)) })
			}
		})
	}
}

// adopt says that addresses which are there are an owner's.
func (n *network) adopt(owner worker.Owner, prefixes ...string) {
	n.t.Helper()
	adopted, _ := vip.Leftovers([][]vip.Object{n.objects(prefixes...)}, n.look())
	if len(adopted[0]) != len(prefixes) {
		n.t.Fatalf("%d of %v can be adopted", len(adopted[0]), prefixes)
	}
	n.loop <- func() { n.w.Adopt(owner, adopted[0]) }
}

// onlyGone checks which addresses have ever been reported gone.
func (n *network) onlyGone(prefixes ...string) {
	n.t.Helper()
	var gone []string
	netlab.Eventually(n.t, 2*time.Second, "the events", func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		gone = nil
		for _, a := range n.gone {
			gone = append(gone, a.Prefix.String())
		}
		return len(gone) >= len(prefixes)
	})
	if !slices.Equal(gone, prefixes) {
		n.t.Errorf("gone were %v, want only %v", gone, prefixes)
	}
}

// realNetwork is a namespace of the kernel under the real handle and monitor.
func realNetwork(t testing.TB) *network { return realNetworkWith(t, &network{t: t}) }

func realNetworkWith(t testing.TB, n *network) *network {
	netlab.Need(t, "root", "netns")
	lab := netlab.New(t)
	a, b := lab.Host("a"), lab.Host("b")
	lab.Pair(a, "eth0", b, "eth0")
	a.IP("addr", "add", "198.18.9.1/24", "dev", "eth0")
	var ours, others *rtnl.Handle
	var m *rtnl.Monitor
	var errs [3]error
	a.Do(func() {
		ours, errs[0] = rtnl.Open()
		others, errs[1] = rtnl.Open()
		m, errs[2] = rtnl.NewMonitor(rtnl.MonitorConfig{})
	})
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _, _ = ours.Close(), others.Close() })
	found, err := others.Links()
	if err != nil {
		t.Fatal(err)
	}
	n.link = found[slices.IndexFunc(found, func(l rtnl.Link) bool { return l.Name == "eth0" })].Index
	n.kernel = ours
	n.look = func() []rtnl.Addr {
		addrs, err := others.Addrs()
		if err != nil {
			t.Fatal(err)
		}
		return addrs
	}
	n.stranger = func(do string, a rtnl.Addr) {
		var err [1]error
		if do == "add" {
			others.AddAddrs([]rtnl.Addr{a}, err[:])
		} else {
			others.RemoveAddrs([]rtnl.Addr{a}, err[:])
		}
		if err[0] != nil && !rtnl.IsGone(err[0]) {
			t.Fatal(err[0])
		}
	}
	n.open()
	ctx, cancel := context.WithCancel(context.Background())
	done, started := make(chan error, 1), make(chan struct{}, 1)
	go func() {
		done <- m.Run(ctx, func(events []rtnl.Event) {
			for _, e := range events {
				n.event(e)
			}
			select {
			case started <- struct{}{}:
			default:
			}
		})
	}()
	<-started
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return n
}
