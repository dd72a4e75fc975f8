package main

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"keepalived/test/netlab"
)

// The 106 entries of ip_vs: the services with their servers. serversClosed of them are
// closed at a time, so that a round gives as many samples.
const (
	checkedVIPs   = 2
	serversPerVIP = 52
	serversClosed = 10
)

// checkLoop is delay_loop; retry is 1 and delay_before_retry 1 s, so that a closed server
// is to be found out within 3 s.
const checkLoop = 2 * time.Second

// checkLab is a director whose daemon checks servers on a host behind it.
type checkLab struct {
	*session
	host    *netlab.Host
	far     *netlab.Host
	proc    *netlab.Proc
	servers []*tcpServer
	table   *os.File // the director's /proc/net/ip_vs
}

// tcpServer accepts connections, counts them and ends them.
type tcpServer struct {
	addr     netip.AddrPort
	listener net.Listener
	seen     atomic.Int64
}

// checkers measures how fast closed servers are found out, first by a healthchecker that
// runs and then by one that has been killed at that moment.
func checkers(s *session) {
	l := s.newCheckLab()
	l.start()
	l.detect("detect")
	l.kill("checker")
}

func (s *session) newCheckLab() *checkLab {
	lab := netlab.New(s)
	l := &checkLab{session: s, host: lab.Host("director"), far: lab.Host("servers")}
	lab.Pair(l.host, "eth0", l.far, "eth0")
	l.host.IP("addr", "add", "198.18.0.1/24", "dev", "eth0")
	l.host.IP("route", "add", "172.16.0.0/12", "via", "198.18.0.2")
	l.far.IP("addr", "add", "198.18.0.2/24", "dev", "eth0")
	l.far.IP("route", "add", "local", "172.16.0.0/12", "dev", "lo")
	for i := range checkedVIPs * serversPerVIP {
		srv := &tcpServer{addr: netip.AddrPortFrom(v4(172<<24+16<<16+uint32(i)), 80)}
		l.open(srv)
		l.servers = append(l.servers, srv)
	}
	s.Cleanup(func() {
		for _, srv := range l.servers {
			srv.listener.Close()
		}
	})
	var err error
	// The thread's own: /proc/net would be the main thread's namespace.
	l.host.Do(func() { l.table, err = os.Open("/proc/thread-self/net/ip_vs") })
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { l.table.Close() })
	return l
}

func (l *checkLab) open(srv *tcpServer) {
	var err error
	l.far.Do(func() { srv.listener, err = net.Listen("tcp", srv.addr.String()) })
	if err != nil {
		l.Fatal(err)
	}
	listener := srv.listener
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			srv.seen.Add(1)
			c.Close()
		}
	}()
}

// start starts the daemon and waits until it has checked every server twice.
func (l *checkLab) start() {
	var conf strings.Builder
	for i := range checkedVIPs {
		fmt.Fprintf(&conf, "virtual_server %s 80 {\n  delay_loop %d\n  lb_algo rr\n  lb_kind NAT\n  protocol TCP\n",
			v4(10<<24+uint32(i)), checkLoop/time.Second)
		for _, srv := range l.servers[i*serversPerVIP:][:serversPerVIP] {
			fmt.Fprintf(&conf, "  real_server %s 80 {\n    TCP_CHECK {\n      connect_timeout 1\n      retry 1\n      delay_before_retry 1\n    }\n  }\n", srv.addr.Addr())
		}
		conf.WriteString("}\n")
	}
	l.proc = l.host.Start(netlab.ProcOpts{Config: conf.String()}, l.bin, "-n", "-l", "-C")
	if got := l.proc.Executable(); got != l.bin {
		l.Fatalf("pid %d runs %s, want %s", l.proc.Pid(), got, l.bin)
	}
	l.await(20*time.Second, "all servers in ip_vs, checked twice", func() bool {
		return len(l.entries()) == len(l.servers) && !slices.ContainsFunc(l.servers, func(srv *tcpServer) bool { return srv.seen.Load() < 2 })
	})
}

// serverEntry is the line of a server in /proc/net/ip_vs without its counters.
var serverEntry = regexp.MustCompile(`(?m)^  -> ([0-9A-F]{8}):0050 +\S+ +\d+`)

// entries are the lines of the servers that are in ip_vs, by address.
func (l *checkLab) entries() map[netip.Addr]string {
	raw, err := io.ReadAll(io.NewSectionReader(l.table, 0, 1<<20))
	if err != nil {
		l.Fatal(err)
	}
	return serverEntries(string(raw))
}

func serverEntries(raw string) map[netip.Addr]string {
	all := map[netip.Addr]string{}
	for _, m := range serverEntry.FindAllStringSubmatch(raw, -1) {
		n, _ := strconv.ParseUint(m[1], 16, 32)
		all[v4(uint32(n))] = m[0]
	}
	return all
}

// saved is what ipvsadm saves, but for the lines of these servers.
func (l *checkLab) saved(without []*tcpServer) string {
	out, err := exec.Command("ip", "netns", "exec", l.host.NS, "ipvsadm", "-Sn").CombinedOutput()
	if err != nil {
		l.Fatalf("ipvsadm: %v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if want := checkedVIPs * (1 + serversPerVIP); len(without) == 0 && len(lines) != want {
		l.Fatalf("ip_vs has %d entries, want %d:\n%s", len(lines), want, out)
	}
	lines = slices.DeleteFunc(lines, func(line string) bool {
		return slices.ContainsFunc(without, func(srv *tcpServer) bool { return strings.Contains(line, " -r "+srv.addr.String()+" ") })
	})
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// victims are some servers of both services whose checks fall anywhere in the interval.
func (l *checkLab) victims() []*tcpServer {
	var v []*tcpServer
	for i := range serversClosed {
		v = append(v, l.servers[i*len(l.servers)/serversClosed])
	}
	return v
}

// detect closes servers, takes the time until each is out of ip_vs, and opens them again.
func (l *checkLab) detect(row string) {
	anyPhase(checkLoop)
	victims, before := l.victims(), l.entries()
	at := time.Now()
	for _, srv := range victims {
		srv.listener.Close()
	}
	l.takeOut(row, before, victims, at)
	for _, srv := range victims {
		l.open(srv)
	}
	l.await(20*time.Second, "the servers to be back", func() bool { return len(l.entries()) == len(l.servers) })
	pause(checkLoop)
}

// takeOut follows ip_vs until these servers are out, and tells how many entries of others
// were missing or another than before at any moment.
func (l *checkLab) takeOut(row string, before map[netip.Addr]string, victims []*tcpServer, at time.Time) (disturbed int) {
	closed, gone := map[netip.Addr]bool{}, map[netip.Addr]bool{}
	for _, srv := range victims {
		closed[srv.addr.Addr()] = true
	}
	lost := map[netip.Addr]bool{}
	l.await(20*time.Second, "the closed servers to be out of ip_vs", func() bool {
		now := l.entries()
		for addr, line := range before {
			switch {
			case now[addr] == line:
			case !closed[addr]:
				lost[addr] = true
			case !gone[addr]:
				gone[addr] = true
				l.add(row+"-out", time.Since(at).Seconds())
			}
		}
		return len(gone) == len(victims)
	})
	return len(lost)
}

// kill kills the healthchecker and closes servers at the same moment.
func (l *checkLab) kill(row string) {
	anyPhase(checkLoop)
	victims := l.victims()
	l.saved(nil) // all are there
	kept, before := l.saved(victims), l.entries()
	old := l.checkerFile()
	if old == 0 {
		l.Fatalf("%s has written no pid of its healthchecker", l.side)
	}
	at := time.Now()
	if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
		l.Fatal(err)
	}
	for _, srv := range victims {
		srv.listener.Close()
	}
	respawned := make(chan time.Time, 1)
	go func() {
		for end := at.Add(20 * time.Second); time.Now().Before(end); pause(2 * time.Millisecond) {
			if pid := l.checkerFile(); pid > 0 && pid != old {
				respawned <- time.Now()
				return
			}
		}
		close(respawned)
	}()
	disturbed := l.takeOut(row, before, victims, at)
	back, ok := <-respawned
	if !ok {
		l.Fatalf("no other healthchecker than %d after 20 s", old)
	}
	l.addMS(row+"-respawn", back.Sub(at))
	l.add(row+"-disturbed", float64(disturbed))
	changed := 0.0
	if after := l.saved(victims); after != kept {
		changed = 1
		l.note("ip_vs before\n" + kept + "\nand after\n" + after)
	}
	l.add(row+"-changed", changed)
}

// checkerFile is the pid that the daemon has written for its healthchecker, or 0.
func (l *checkLab) checkerFile() int {
	b, err := os.ReadFile(l.proc.Path("/run/checkers.pid"))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return pid
}
