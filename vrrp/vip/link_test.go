package vip_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"keepalived/core/clock"
	"keepalived/core/reconcile/worker"
	"keepalived/core/rtnl"
	"keepalived/test/netlab"
	"keepalived/vrrp/iface"
	"keepalived/vrrp/vip"
	"keepalived/vrrp/vrrpcfg"
)

// master is the smallest loop there can be: an instance on dyn0 that is MASTER whenever
// its interface can carry packets.
type master struct {
	t     *testing.T
	table *iface.Table
	slot  iface.Slot
	w     *vip.Worker
	gen   uint64
	up    bool
}

func (m *master) event(e rtnl.Event) {
	in := iface.Event{}
	switch e.Kind {
	case rtnl.LinkChanged, rtnl.LinkGone:
		in.Kind = iface.LinkChanged
		if e.Kind == rtnl.LinkGone {
			in.Kind = iface.LinkGone
		}
		in.Link = iface.Link{Index: e.Link.Index, Name: e.Link.Name, Up: e.Link.Up, Running: e.Link.Running}
	case rtnl.AddrChanged, rtnl.AddrGone:
		in.Kind = iface.AddrChanged
		if e.Kind == rtnl.AddrGone {
			in.Kind = iface.AddrGone
		}
		in.Addr = iface.Addr{Link: e.Addr.Link, Prefix: e.Addr.Prefix, Ours: e.Addr.Proto == rtnl.ProtoKeepalived}
	case rtnl.Resynced:
		m.w.Verify()
		return
	}
	for _, c := range m.table.Apply(in, nil) {
		if c.Slot != m.slot {
			continue
		}
		l, there := m.table.Link(m.slot)
		switch up := there && l.Ready(); {
		case c.What == iface.Appeared || up && !m.up:
			m.want(up)
		case m.up && !up:
			m.want(false)
		}
	}
	if e.Kind == rtnl.AddrGone {
		m.w.Lost(e.Addr.Key())
	}
}

func (m *master) want(up bool) {
	m.up = up
	m.gen++
	var objects []vip.Object
	if up {
		objects, _ = vip.Desired(&vrrpcfg.Instance{Addresses: []vrrpcfg.Address{
			{Prefix: netip.MustParsePrefix("198.18.9.100/24"), Dev: "dyn0", PreferredLft: vrrpcfg.Forever},
			{Prefix: netip.MustParsePrefix("198.18.9.101/32"), Dev: "dyn0", PreferredLft: vrrpcfg.Forever},
			{Prefix: netip.MustParsePrefix("2001:db8::1/64"), Dev: "dyn0", PreferredLft: vrrpcfg.Forever},
		}}, func(name string) (int32, bool) {
			l, ok := m.table.ByName(name)
			return l.Index, ok
		})
	}
	m.w.SetWant(0, m.gen, objects)
}

// churn does 150 things to dyn0 and ends with a new one that is up and has an address.
func churn(host *netlab.Host) {
	r := rand.New(rand.NewPCG(20, 2190))
	name, there, up := "dyn0", false, false
	for range 150 {
		switch r.IntN(5) {
		case 0, 1:
			if there {
				host.IP("link", "del", name)
			} else {
				host.IP("link", "add", "dyn0", "type", "veth", "peer", "name", fmt.Sprintf("p%d", r.IntN(1e6)))
			}
			name, there, up = "dyn0", !there, false
		case 2, 3:
			if there {
				up = !up
				state := map[bool]string{true: "up", false: "down"}[up]
				host.IP("link", "set", name, state)
			}
		case 4:
			if there && !up {
				other := map[string]string{"dyn0": "away0", "away0": "dyn0"}[name]
				host.IP("link", "set", name, "name", other)
				name = other
			}
		}
	}
	if there {
		host.IP("link", "del", name)
	}
	host.IP("link", "add", "dyn0", "type", "veth", "peer", "name", "dyn1")
	host.IP("link", "set", "dyn1", "up")
	host.IP("link", "set", "dyn0", "up")
	host.IP("addr", "add", "198.18.9.1/24", "dev", "dyn0")
}

// An interface that goes down and up, is deleted and made again, renamed away and back,
// at random: when it ends up there, the addresses are on it; nothing is left over.
func TestInterfaceComesAndGoes(t *testing.T) {
	netlab.Need(t, "root", "netns")
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	lab := netlab.New(t)
	host := lab.Host("a")
	var ours, others *rtnl.Handle
	var mon *rtnl.Monitor
	var errs [3]error
	host.Do(func() {
		ours, errs[0] = rtnl.Open()
		others, errs[1] = rtnl.Open()
		mon, errs[2] = rtnl.NewMonitor(rtnl.MonitorConfig{})
	})
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	m := &master{t: t, table: iface.New()}
	m.slot = m.table.Watch("dyn0", 0)
	var applied atomic.Uint64
	m.w = vip.NewWorker(worker.Config[vip.Object]{Clock: clock.Real{}, Applier: vip.NewApplier(ours),
		Applied:  func(a worker.Applied) { applied.Store(a.Gen) },
		Repaired: func(worker.Repaired[vip.Object]) {}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- m.w.Run(ctx) }()
	go func() {
		done <- mon.Run(ctx, func(events []rtnl.Event) {
			for _, e := range events {
				m.event(e)
			}
		})
	}()

	churn(host)
	want := []string{"198.18.9.1", "198.18.9.100", "198.18.9.101", "2001:db8::1"}
	netlab.Eventually(t, 5*time.Second, "the addresses on the last dyn0", func() bool {
		addrs, err := others.Addrs()
		if err != nil {
			t.Fatal(err)
		}
		var have []string
		for _, a := range addrs {
			if !a.Prefix.Addr().IsLoopback() && !a.Prefix.Addr().IsLinkLocalUnicast() {
				have = append(have, a.Prefix.Addr().String())
			}
		}
		slices.Sort(have)
		return slices.Equal(have, want)
	})
	cancel()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	_, _ = ours.Close(), others.Close()
	netlab.Eventually(t, 5*time.Second, fmt.Sprintf("no goroutine or file left over (%d, %d before)", goroutines, files), func() bool {
		return runtime.NumGoroutine() <= goroutines+1 && openFiles(t) <= files+1
	})
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// BenchmarkPutBack measures from the removal by a stranger until the address is there
// again.
func BenchmarkPutBack(b *testing.B) {
	n := realNetworkWith(b, &network{t: b, cfg: worker.Config[vip.Object]{Contested: 1e9}})
	n.want(0, 1, "198.18.9.100/24")
	has := func() bool {
		return slices.ContainsFunc(n.look(), func(a rtnl.Addr) bool { return a.Prefix.Addr() == netip.MustParseAddr("198.18.9.100") })
	}
	netlab.Eventually(b, 5*time.Second, "the address", has)
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		n.stranger("del", n.addr("198.18.9.100/24"))
		for !has() {
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99")
}

// BenchmarkManyAddresses is an instance with 2,000 addresses that becomes MASTER and
// leaves it again, through worker, handle and monitor.
func BenchmarkManyAddresses(b *testing.B) {
	n := realNetworkWith(b, &network{t: b, told: make(chan worker.Applied, 1)})
	var objects []vip.Object
	for i := range 2000 {
		a := n.addr("198.18.0.0/32")
		a.Prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 19, byte(i / 250), byte(i%250 + 1)}), 32)
		objects = append(objects, vip.Object{Addr: a})
	}
	gen := uint64(0)
	want := func(objects []vip.Object) time.Duration {
		gen++
		start := time.Now()
		n.loop <- func() { n.w.SetWant(0, gen, objects) }
		if a := <-n.told; a.Gen != gen || a.Err != nil {
			b.Fatal(a)
		}
		return time.Since(start)
	}
	var add, remove time.Duration
	for b.Loop() {
		add += want(objects)
		remove += want(nil)
	}
	b.ReportMetric(float64(add.Microseconds())/1000/float64(b.N), "ms-added")
	b.ReportMetric(float64(remove.Microseconds())/1000/float64(b.N), "ms-removed")
}
