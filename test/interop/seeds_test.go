package interop

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// seedSets are the nodes of each test: seed files that belong together, or one
// seed whose other node has the same file with priority − 50.
var seedSets = [][]int{
	{1}, {2, 3}, {4, 5}, {6, 7}, {8}, {9, 10}, {11, 12}, {13, 14, 15}, {16, 17, 18}, {19, 20, 21}, {22, 23, 24},
	{25}, {26}, {27}, {28}, {29, 30}, {31, 32}, {33},
}

// Seeds that are not like the others.
const (
	seedBrace = 1  // one '{' too many in global_defs: 2.2.7 silently runs no router, ours ignores the brace
	seedNoRun = 34 // everything on one line: no virtual_router_id, exit 2
)

// seedNode is one of our nodes running a seed file.
type seedNode struct {
	text      string
	instances []seedInstance
	host      *netlab.Host
	addrs     map[string]netip.Addr // by interface
	proc      *netlab.Proc
}

// priority is that of the first instance, 0 without one.
func (n *seedNode) priority() int {
	if len(n.instances) == 0 {
		return 0
	}
	return n.instances[0].priority
}

func (n *seedNode) start(t *testing.T) {
	t.Helper()
	args := []string{ours, "-n", "-l", "-D"}
	if selfCheck() {
		args = append(args, "-P") // 2.2.7's checker ends the daemon where there is no ip_vs
	}
	n.proc = n.host.Start(netlab.ProcOpts{Config: n.text}, args...)
	checkExecutable(t, n.proc, ours)
}

// has tells whether all (want true) or none of the instance's addresses are there.
func (n *seedNode) has(in seedInstance, want bool) bool {
	addrs := n.host.Addrs()
	for _, v := range in.vips {
		if slices.Contains(addrs, v.Addr()) != want {
			return false
		}
	}
	return true
}

// seedLab is the network of a seed test: eth0, eth1 and eth2 on a LAN each.
type seedLab struct {
	nodes []*seedNode // by falling priority
	caps  map[string]*netlab.Capture
}

func newSeedLab(t *testing.T, texts []string) *seedLab {
	t.Helper()
	lab := netlab.New(t)
	s := &seedLab{caps: map[string]*netlab.Capture{}}
	for i, text := range texts {
		n := &seedNode{text: text, instances: seedInstances(t, text), addrs: map[string]netip.Addr{},
			host: lab.Host(fmt.Sprintf("n%d", i))}
		s.nodes = append(s.nodes, n)
	}
	for e := range 3 {
		link := fmt.Sprintf("eth%d", e)
		lan := lab.LAN(link)
		s.caps[link] = lan.Capture()
		for i, n := range s.nodes {
			p := seedAddress(n, link, i)
			n.addrs[link] = p.Addr()
			lab.Attach(lan, n.host, link, p.String())
		}
	}
	slices.SortStableFunc(s.nodes, func(a, b *seedNode) int { return b.priority() - a.priority() })
	return s
}

// seedAddress is a suitable address: the unicast source that the file names, or
// one in the /24 of the first virtual address.
func seedAddress(n *seedNode, link string, i int) netip.Prefix {
	for _, in := range n.instances {
		if in.link != link {
			continue
		}
		bits := in.vips[0].Bits()
		if bits == 32 {
			bits = 24
		}
		if in.src.IsValid() {
			return netip.PrefixFrom(in.src, bits)
		}
		a := in.vips[0].Addr().As4()
		a[3] = byte(11 + i)
		return netip.PrefixFrom(netip.AddrFrom4(a), bits)
	}
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, link[3], byte(11 + i)}), 24)
}

// adverts are those of one instance's virtual router.
func (s *seedLab) adverts(in seedInstance) []netlab.Advert {
	all := s.caps[in.link].Adverts()
	return slices.DeleteFunc(all, func(a netlab.Advert) bool { return int(a.VRID) != in.vrid })
}

// settled waits until the node is the only master of all its instances, with the
// last two adverts of each its own, and the others have none of the addresses.
func (s *seedLab) settled(t *testing.T, who *seedNode, from time.Time, limit time.Duration) {
	t.Helper()
	netlab.Eventually(t, limit, "node "+who.host.Name+" as the only master", func() bool {
		for _, in := range who.instances {
			adv := s.adverts(in)
			if len(adv) < 2 || adv[len(adv)-2].At.Before(from) || !who.has(in, true) {
				return false
			}
			for _, a := range adv[len(adv)-2:] {
				if a.Src != who.addrs[in.link] || a.Priority == 0 {
					return false
				}
			}
			for _, n := range s.nodes {
				if n != who && n.proc != nil && n.proc.Running() && !n.has(in, false) {
					return false
				}
			}
		}
		return true
	})
}

// TestSeeds runs every seed configuration with VRRP in it, unchanged, on two or
// three of our nodes: start, failover, return, stop.
func TestSeeds(t *testing.T) {
	t.Parallel()
	for _, set := range seedSets {
		if selfCheck() && set[0] == seedBrace {
			continue
		}
		var texts []string
		for _, number := range set {
			texts = append(texts, readSeed(t, number))
		}
		if len(texts) == 1 {
			texts = append(texts, partner(t, texts[0]))
		}
		name := strings.Trim(strings.ReplaceAll(fmt.Sprint(set), " ", "+"), "[]")
		t.Run("seed-"+name, func(t *testing.T) {
			t.Parallel()
			netlab.Need(t, "netns", "keepalived")
			seedLife(t, name, texts)
		})
	}
}

func seedLife(t *testing.T, name string, texts []string) {
	s := newSeedLab(t, texts)
	high, next := s.nodes[0], s.nodes[1]
	first := high.instances[0]
	enter := func(event string, takeover time.Duration) {
		cast := "multicast"
		if first.src.IsValid() {
			cast = "unicast"
		}
		table.add(t, row{version: "v2", cast: cast, order: fmt.Sprintf("%d nodes of ours", len(s.nodes)),
			event: "seed " + name + " " + event, takeover: takeover})
	}
	// One more second than the protocol needs, two more adverts, and the start.
	room := 2*first.interval + 3*time.Second

	from := time.Now()
	high.start(t)
	if first.nopreempt { // the other must not be faster
		s.settled(t, high, from, first.masterDown()+room)
	}
	for _, n := range s.nodes[1:] {
		n.start(t)
	}
	s.settled(t, high, from, first.masterDown()+room)
	enter("start", 0)

	crashed := time.Now()
	high.proc.Crash()
	s.settled(t, next, crashed, next.instances[0].masterDown()+room)
	for _, in := range next.instances {
		gap := s.gap(t, in, high, next, crashed)
		within(t, in.name+": takeover after the crash", gap, in.masterDown())
		if in.name == first.name {
			enter("failover", gap)
		}
	}

	from = time.Now()
	high.start(t)
	if first.nopreempt {
		netlab.Await(first.masterDown()+2*first.interval, func() bool { return false })
		s.settled(t, next, from, time.Second)
		enter("return, held back", 0)
		high, next = next, high
	} else {
		s.settled(t, high, from, first.masterDown()+first.preemptDelay+room)
		gap := s.gap(t, first, next, high, from)
		if gap > first.interval+late {
			t.Errorf("no master for %v at the return", gap)
		}
		enter("return", gap)
	}
	s.stop(t)
}

// gap is the time from the last advert of the one to the first of the other.
func (s *seedLab) gap(t *testing.T, in seedInstance, from, to *seedNode, since time.Time) time.Duration {
	t.Helper()
	var last time.Time
	for _, a := range s.adverts(in) {
		switch a.Src {
		case from.addrs[in.link]:
			last = a.At
		case to.addrs[in.link]:
			if a.At.After(since) {
				return a.At.Sub(last)
			}
		}
	}
	t.Fatalf("%s: no advert of the new master", in.name)
	return 0
}

// stop ends all nodes in good order; nothing may stay on the interfaces.
func (s *seedLab) stop(t *testing.T) {
	t.Helper()
	for _, n := range s.nodes {
		n.proc.Signal(syscall.SIGTERM)
	}
	for _, n := range s.nodes {
		if got := n.proc.Wait(8 * time.Second); got != 0 {
			t.Errorf("node %s ended with %d", n.host.Name, got)
		}
		for _, in := range n.instances {
			if !n.has(in, false) {
				t.Errorf("node %s left addresses of %s behind", n.host.Name, in.name)
			}
		}
	}
}

// TestSeedThatCannotRun: seed 34 has everything on one line.
func TestSeedThatCannotRun(t *testing.T) {
	t.Parallel()
	netlab.Need(t, "netns", "keepalived")
	h := netlab.New(t).Host("n")
	p := h.Start(netlab.ProcOpts{Config: readSeed(t, seedNoRun)}, ours, "-n", "-l", "-D")
	if got := p.Wait(8 * time.Second); got != 2 {
		t.Errorf("exit status %d, 2.2.7 ends with 2 (permanent error CONFIG)", got)
	}
}

// TestSeedReading proves this file's own reading on the seeds themselves.
func TestSeedReading(t *testing.T) {
	t.Parallel()
	in := seedInstances(t, readSeed(t, 13))
	if len(in) != 1 || in[0].vrid != 254 || in[0].priority != 100 || in[0].src.String() != "192.168.0.162" || len(in[0].vips) != 3 {
		t.Errorf("seed 13: %+v", in)
	}
	in = seedInstances(t, partner(t, readSeed(t, 26)))
	if in[0].priority != 50 || in[0].src.String() != "172.20.0.163" || in[0].preemptDelay != 10*time.Second {
		t.Errorf("partner of seed 26: %+v", in)
	}
	if in = seedInstances(t, readSeed(t, 5)); len(in) != 2 || in[1].link != "eth2" {
		t.Errorf("seed 5: %+v", in)
	}
}
