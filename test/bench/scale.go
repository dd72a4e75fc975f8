package main

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"keepalived/test/netlab"
)

const (
	// perLink is how many instances share an interface; 255 VRIDs are the limit.
	perLink = 250
	// cpuWatch is how long processor time and jitter are measured.
	cpuWatch = 4 * time.Second
	// quiet is longer than a start's aftermath: the second burst of gratuitous ARPs.
	quiet = 2 * time.Second
)

// scale: two hosts with n instances each, 250 to a link.
type scale struct{ n int }

// many is the two hosts while they run.
type many struct {
	*session
	n      int
	a, b   *netlab.Host
	pa, pb *netlab.Proc
	tapes  []*tape // by link
	macs   []string
	peer   []string // MACs of b
}

func (c scale) run(s *session) {
	m := s.newMany(c.n)
	m.startMaster()
	m.startBackup()
	m.steady()
	if m.n == 1000 {
		m.reload()
		m.dumps()
	}
	m.crash()
}

func (m *many) row(name string) string { return fmt.Sprintf("%s-%d", name, m.n) }

// links is how many veth pairs n instances need.
func links(n int) int { return (n + perLink - 1) / perLink }

func (s *session) newMany(n int) *many {
	lab := netlab.New(s)
	m := &many{session: s, n: n, a: lab.Host("a"), b: lab.Host("b")}
	for k := range links(n) {
		dev := fmt.Sprintf("eth%d", k)
		lab.Pair(m.a, dev, m.b, dev)
		m.a.IP("addr", "add", linkAddr(k, 1).String()+"/24", "dev", dev)
		m.b.IP("addr", "add", linkAddr(k, 2).String()+"/24", "dev", dev)
		m.tapes = append(m.tapes, &tape{capture: m.b.Capture(dev)})
		m.macs, m.peer = append(m.macs, m.a.MAC(dev)), append(m.peer, m.b.MAC(dev))
	}
	return m
}

// linkAddr is a host's address on link k, vipOf the virtual address of a VRID there.
func linkAddr(k, host int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(k), 0, byte(host)}) }
func vipOf(k, vrid int) netip.Addr    { return netip.AddrFrom4([4]byte{10, byte(k), 1, byte(vrid)}) }

// manyRouters is the configuration of n instances with one address each.
func manyRouters(n, priority int) string {
	var b strings.Builder
	for i := range n {
		k, vrid := i/perLink, i%perLink+1
		router{name: fmt.Sprintf("VI_%d", i+1), iface: fmt.Sprintf("eth%d", k), vrid: vrid, version: 2,
			priority: priority, interval: time.Second, vips: []string{vipOf(k, vrid).String()}}.write(&b)
	}
	return b.String()
}

// eachVRID finds for every VRID of every link the last advert of src before a moment
// and the first at or after it.
func (m *many) eachVRID(host int, split time.Time, f func(link int, vrid uint8, last, first time.Time)) {
	for k, t := range m.tapes {
		t.read()
		var last, first [256]time.Time
		for _, a := range t.adverts {
			switch {
			case a.Src != linkAddr(k, host) || a.Priority == 0:
			case a.At.Before(split):
				last[a.VRID] = a.At
			case first[a.VRID].IsZero():
				first[a.VRID] = a.At
			}
		}
		for v := 1; v <= min(perLink, m.n-k*perLink); v++ {
			f(k, uint8(v), last[v], first[v])
		}
	}
}

// advertising counts the VRIDs that a host has sent an advert for since then, and the
// time of the last first one.
func (m *many) advertising(host int, since time.Time) (n int, at time.Time) {
	m.eachVRID(host, since, func(_ int, _ uint8, _, first time.Time) {
		if first.IsZero() {
			return
		}
		n++
		if first.After(at) {
			at = first
		}
	})
	return n, at
}

// awaitSlowly is await for conditions that read a lot.
func (m *many) awaitSlowly(within time.Duration, what string, cond func() bool) {
	for end := time.Now().Add(within); !cond(); pause(100 * time.Millisecond) {
		if time.Now().After(end) {
			m.Fatalf("timed out after %v waiting for %s", within, what)
		}
	}
}

// startMaster starts a and waits until it is the master of all.
func (m *many) startMaster() {
	at := time.Now()
	m.pa = m.start(m.a, m.bin, manyRouters(m.n, 150))
	var last time.Time
	pause(3 * time.Second) // the protocol's minimum is longer
	m.awaitSlowly(60*time.Second, "all instances as MASTER", func() (ok bool) {
		n, t := m.advertising(1, at)
		last = t
		return n == m.n
	})
	m.add(m.row("start"), last.Sub(at).Seconds())
	if m.n > perLink {
		m.add(m.row("startcpu"), m.cpu(tree(m.pa)).Seconds())
	}
}

// startBackup starts b and waits until both have settled.
func (m *many) startBackup() {
	m.pb = m.start(m.b, m.bin, manyRouters(m.n, 100))
	m.awaitSlowly(60*time.Second, "all instances of b as BACKUP", func() bool {
		log := m.pb.Log()
		return strings.Count(log, "Entering BACKUP STATE")+lostLines(log) >= m.n
	})
	pause(quiet)
}

// lostLines counts the log lines that a daemon says it has dropped: ours drops what
// the console does not take in time, rather than wait.
func lostLines(log string) (n int) {
	for _, m := range lostMessage.FindAllStringSubmatch(log, -1) {
		k, err := strconv.Atoi(m[1])
		if err == nil {
			n += k
		}
	}
	return n
}

var lostMessage = regexp.MustCompile(`(\d+) log messages? lost`)

// steady measures what it costs to stay as they are.
func (m *many) steady() {
	pa, pb := tree(m.pa), tree(m.pb)
	at := time.Now()
	ca, cb := m.cpu(pa), m.cpu(pb)
	pause(cpuWatch)
	took := time.Since(at).Seconds()
	m.addMS(m.row("cpu-master"), time.Duration(float64(m.cpu(pa)-ca)/took))
	m.addMS(m.row("cpu-backup"), time.Duration(float64(m.cpu(pb)-cb)/took))
	if m.n > perLink {
		m.add(m.row("memory"), m.memory(pa))
	}
	var jitter []float64
	for _, d := range m.lateness(at, time.Now()) {
		jitter = append(jitter, d.Abs().Seconds()*1000)
	}
	slices.Sort(jitter)
	if len(jitter) < m.n {
		m.Fatalf("only %d adverts of %d instances in %v", len(jitter), m.n, cpuWatch)
	}
	m.add(m.row("jitter50"), percentile(jitter, 0.5))
	m.add(m.row("jitter99"), percentile(jitter, 0.99))
}

func (m *many) lateness(from, to time.Time) []time.Duration {
	var all []time.Duration
	for k, t := range m.tapes {
		all = append(all, t.lateness(from, to, linkAddr(k, 1), time.Second)...)
	}
	return all
}

// reload has the master read the same file again.
func (m *many) reload() {
	at := time.Now()
	m.reloaded(&node{host: m.a, proc: m.pa})
	pause(1500 * time.Millisecond)
	end := time.Now()
	m.addMS(m.row("reload-delay"), max(0, slices.Max(m.lateness(at, end))))
	garps := 0
	for k, t := range m.tapes {
		garps += t.garpsBetween(at, end, m.macs[k])
	}
	m.add(m.row("reload-garps"), float64(garps))
}

// dumps asks the master for its two text dumps ten times a second.
func (m *many) dumps() {
	at := time.Now()
	for range 20 {
		m.pa.Signal(syscall.SIGUSR1)
		m.pa.Signal(syscall.SIGUSR2)
		pause(100 * time.Millisecond)
	}
	m.addMS(m.row("dump-delay"), max(0, slices.Max(m.lateness(at, time.Now()))))
	pause(time.Second)
}

// crash kills the master of all; each instance's backup has its own deadline.
func (m *many) crash() {
	at := time.Now()
	m.pa.Crash()
	down := router{version: 2, priority: 100, interval: time.Second}.masterDown()
	var adverts, garps time.Duration
	m.awaitSlowly(60*time.Second, "the takeover of all", func() bool {
		var ok bool
		adverts, garps, ok = m.takeover(at, down)
		return ok
	})
	m.addMS(m.row("over-advert"), adverts)
	m.addMS(m.row("over-garp"), garps)
}

// takeover returns by how much the last instance missed its Master_Down_Interval,
// by its first advert and by its first gratuitous ARP; false while one is missing.
func (m *many) takeover(crash time.Time, down time.Duration) (adverts, garps time.Duration, ok bool) {
	deadline := map[netip.Addr]time.Time{}
	adverts, garps = -time.Hour, -time.Hour
	m.eachVRID(1, crash.Add(time.Minute), func(k int, vrid uint8, last, _ time.Time) {
		deadline[vipOf(k, int(vrid))] = last.Add(down)
	})
	missing := 0
	m.eachVRID(2, crash, func(k int, vrid uint8, _, first time.Time) {
		if first.IsZero() {
			missing++
			return
		}
		adverts = max(adverts, first.Sub(deadline[vipOf(k, int(vrid))]))
	})
	if missing > 0 {
		return 0, 0, false
	}
	for k, t := range m.tapes {
		seen := map[netip.Addr]bool{}
		for _, g := range t.garps {
			if g.SHA == m.peer[k] && g.At.After(crash) && !seen[g.SPA] {
				seen[g.SPA] = true
				garps = max(garps, g.At.Sub(deadline[g.SPA]))
			}
		}
		missing += min(perLink, m.n-k*perLink) - len(seen)
	}
	return adverts, garps, missing == 0
}
