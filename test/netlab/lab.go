package netlab

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

const namePrefix = "ka-" // "ka-PID-N-NAME": 128 characters are allowed by `ip netns`

var (
	labs     atomic.Int64 // labs made by this process, for unique names
	sweepOne sync.Once    // leftovers of killed runs are removed once per process
)

// Lab is one test's private set of hosts and LANs.
type Lab struct {
	t      testing.TB
	prefix string
	mu     sync.Mutex
	hosts  []*Host
	lans   []*LAN
	ports  int
}

// Host is a network namespace.
type Host struct {
	NS   string // full name, as `ip netns` knows it
	Name string // the name given to Lab.Host
	lab  *Lab
}

// New makes an empty lab and has everything removed when the test ends. The test
// must have declared its needs; New itself fails without root.
func New(t testing.TB) *Lab {
	t.Helper()
	if why := missing("netns"); why != "" {
		t.Fatalf("a netlab needs network namespaces: %s (call netlab.Need first)", why)
	}
	sweepOne.Do(sweep)
	l := &Lab{t: t, prefix: fmt.Sprintf("%s%d-%d-", namePrefix, os.Getpid(), labs.Add(1))}
	t.Cleanup(l.remove)
	return l
}

// Host makes a network namespace with loopback up and IPv6 duplicate address
// detection off.
func (l *Lab) Host(name string) *Host {
	l.t.Helper()
	h := &Host{NS: l.prefix + name, Name: name, lab: l}
	l.mu.Lock()
	l.hosts = append(l.hosts, h)
	l.mu.Unlock()
	ip(l.t, "netns", "add", h.NS)
	h.Do(func() {
		for _, conf := range []string{"all", "default"} {
			h.Sysctl("net/ipv6/conf/"+conf+"/accept_dad", "0")
			h.Sysctl("net/ipv6/conf/"+conf+"/dad_transmits", "0")
		}
	})
	h.IP("link", "set", "lo", "up")
	return h
}

// Do runs fn on a locked thread inside the namespace and waits. Goroutines that
// fn starts are not inside; sockets that it opens stay inside.
func (h *Host) Do(fn func()) {
	h.lab.t.Helper()
	if err := inNetNS(h.NS, fn); err != nil {
		h.lab.t.Fatalf("host %s: %v", h.Name, err)
	}
}

// Sysctl writes a value below /proc/sys as seen by the calling thread, so call it
// from inside Do. A file that does not exist is ignored (no IPv6 in this kernel).
func (h *Host) Sysctl(path, value string) {
	h.lab.t.Helper()
	err := os.WriteFile("/proc/sys/"+path, []byte(value), 0)
	if err != nil && !os.IsNotExist(err) {
		h.lab.t.Errorf("sysctl %s=%s: %v", path, value, err)
	}
}

// IP runs `ip -n NS args` and returns its output; a failure ends the test.
func (h *Host) IP(args ...string) string {
	h.lab.t.Helper()
	return ip(h.lab.t, append([]string{"-n", h.NS}, args...)...)
}

// Command returns a command that will run inside the namespace (with the host's
// file system). The caller starts and waits for it.
func (h *Host) Command(argv ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", h.NS}, argv...)...)
}

// Addrs lists the addresses of all the host's interfaces. It asks the kernel
// itself, without starting a program, so it may be polled.
func (h *Host) Addrs() []netip.Addr {
	h.lab.t.Helper()
	var list []net.Addr
	var err error
	h.Do(func() { list, err = net.InterfaceAddrs() })
	if err != nil {
		h.lab.t.Fatalf("host %s: %v", h.Name, err)
	}
	var addrs []netip.Addr
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			addrs = append(addrs, p.Addr())
		}
	}
	return addrs
}

// HasAddr tells whether one of the host's interfaces has the address, given
// without prefix length.
func (h *Host) HasAddr(addr string) bool {
	h.lab.t.Helper()
	return slices.Contains(h.Addrs(), netip.MustParseAddr(addr))
}

// MAC returns the hardware address of an interface, in lower-case colon notation.
func (h *Host) MAC(ifname string) string {
	h.lab.t.Helper()
	f := strings.Fields(h.IP("-o", "link", "show", "dev", ifname))
	for i, w := range f {
		if w == "link/ether" && i+1 < len(f) {
			return f[i+1]
		}
	}
	h.lab.t.Fatalf("host %s: %s has no hardware address", h.Name, ifname)
	return ""
}

// remove ends every process that lives in the lab's namespaces and deletes them.
func (l *Lab) remove() {
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	for _, h := range l.hosts {
		names = append(names, h.NS)
	}
	for _, lan := range l.lans {
		names = append(names, lan.host.NS)
	}
	removeNamespaces(names)
	l.hosts, l.lans = nil, nil
}

// removeNamespaces ends the processes in the named namespaces, by pid, and deletes
// the names. It is quiet: what is not there needs no removing.
func removeNamespaces(names []string) {
	if len(names) == 0 {
		return
	}
	for range 3 { // once more for what was forked meanwhile
		pids := pidsInside(names)
		if len(pids) == 0 {
			break
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	for _, n := range names {
		_ = exec.Command("ip", "netns", "del", n).Run()
	}
}

// pidsInside lists the processes whose network namespace is one of those named.
// Our own process is never among them, whatever its threads do.
func pidsInside(names []string) []int {
	inside := map[uint64]bool{}
	for _, n := range names {
		var st syscall.Stat_t
		if syscall.Stat(nsPath(n), &st) == nil {
			inside[st.Ino] = true
		}
	}
	var self syscall.Stat_t
	if syscall.Stat("/proc/self/ns/net", &self) == nil {
		delete(inside, self.Ino)
	}
	var pids []int
	for _, pid := range allPids() {
		var st syscall.Stat_t
		if pid != os.Getpid() && syscall.Stat(fmt.Sprintf("/proc/%d/ns/net", pid), &st) == nil && inside[st.Ino] && alive(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// sweep removes what killed runs left: namespaces with our prefix whose maker is
// dead, and the processes in them.
func sweep() {
	found, _ := filepath.Glob(nsPath(namePrefix + "*"))
	var dead []string
	for _, path := range found {
		name := filepath.Base(path)
		pidText, _, _ := strings.Cut(strings.TrimPrefix(name, namePrefix), "-")
		pid, err := strconv.Atoi(pidText)
		if err == nil && !alive(pid) {
			dead = append(dead, name)
		}
	}
	removeNamespaces(dead)
}

// ip runs the ip command; a failure ends the test.
func ip(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
