package ipvs

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// swap writes a file and returns what it held.
func swap(name, text string) (string, error) {
	old, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	return string(bytes.TrimSpace(old)), os.WriteFile(name, []byte(text), 0o644)
}

// natLab is a client, a director and two real servers behind it.
type natLab struct {
	client, director *netlab.Host
}

func newNATLab(t *testing.T) *natLab {
	t.Helper()
	netlab.Need(t, "root", "netns", "veth", "ipvs", "cmd:ipvsadm")
	l := netlab.New(t)
	front, back := l.LAN("front"), l.LAN("back")
	n := &natLab{client: l.Host("client"), director: l.Host("director")}
	l.Attach(front, n.client, "eth0", "192.0.2.100/24")
	l.Attach(front, n.director, "eth0", "192.0.2.254/24", "192.0.2.1/24")
	l.Attach(back, n.director, "eth1", "10.0.0.254/24")
	n.director.Do(func() { n.director.Sysctl("net/ipv4/ip_forward", "1") })
	for i := range 2 {
		h := l.Host(fmt.Sprintf("rs%d", i+1))
		l.Attach(back, h, "eth0", fmt.Sprintf("10.0.0.%d/24", i+1))
		h.IP("route", "add", "default", "via", "10.0.0.254")
		echo(t, h, fmt.Sprintf("10.0.0.%d:80", i+1))
	}
	return n
}

// echo answers each line with the server's address and the line.
func echo(t *testing.T, h *netlab.Host, addr string) {
	t.Helper()
	var l net.Listener
	var err error
	h.Do(func() { l, err = net.Listen("tcp", addr) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for in := bufio.NewScanner(conn); in.Scan(); {
					fmt.Fprintf(conn, "%s %s\n", addr, in.Text())
				}
			}()
		}
	}()
}

// session is a connection through the virtual address.
type session struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	n    int
}

func (n *natLab) dial(t *testing.T) *session {
	t.Helper()
	var conn net.Conn
	var err error
	n.client.Do(func() { conn, err = net.DialTimeout("tcp", "192.0.2.1:80", 5*time.Second) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &session{t: t, conn: conn, in: bufio.NewReader(conn)}
}

// talk exchanges a line and returns who answered.
func (s *session) talk(when string) (server string) {
	s.t.Helper()
	s.n++
	_ = s.conn.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintf(s.conn, "line%d\n", s.n)
	line, err := s.in.ReadString('\n')
	var word string
	if _, scanErr := fmt.Sscan(line, &server, &word); err != nil || scanErr != nil || word != fmt.Sprintf("line%d", s.n) {
		s.t.Errorf("%s: the connection is broken: %q, %v", when, line, err)
	}
	return server
}

// Connections through the virtual address live through edits, drift and its repair, the
// end of the worker and adoption by the next one.
func TestKernelConnectionsSurvive(t *testing.T) {
	n := newNATLab(t)
	const period = 150 * time.Millisecond
	servers := func(weight uint32) []Destination { return []Destination{rs(1, weight), rs(2, weight)} }
	r := kernelRig(t, n.director, period)
	r.w.SetWant(1, rr(web), servers(1))
	if a := r.expect(web, 1); a.Err != nil {
		t.Fatal(a.Err)
	}
	sessions := []*session{n.dial(t), n.dial(t), n.dial(t), n.dial(t)}
	var home []string
	for _, s := range sessions {
		home = append(home, s.talk("at first"))
	}
	if !slices.Contains(home, "10.0.0.1:80") || !slices.Contains(home, "10.0.0.2:80") {
		t.Errorf("not spread over both servers: %v", home)
	}
	check := func(when string) {
		t.Helper()
		for i, s := range sessions {
			if at := s.talk(when); at != home[i] {
				t.Errorf("%s: connection %d moved from %s to %s", when, i, home[i], at)
			}
		}
	}
	check("again")

	r.w.SetWant(2, Service{Key: web, Scheduler: "wlc", Timeout: 60}, servers(5))
	r.expect(web, 2)
	check("after scheduler, persistence and weights were edited")

	r.w.SetWant(3, rr(web), []Destination{rs(1, 0), rs(2, 5)})
	r.expect(web, 3)
	check("with a drained server")
	if at := n.dial(t).talk("a new connection"); at != "10.0.0.2:80" {
		t.Errorf("a new connection went to %s, which is drained", at)
	}

	ipvsadm(t, n.director, "-E", "-t", "192.0.2.1:80", "-s", "lc")
	wait(t, r.fixed, "repair of the scheduler")
	check("after the service was repaired")
	ipvsadm(t, n.director, "-e", "-t", "192.0.2.1:80", "-r", "10.0.0.2:80", "-m", "-w", "99")
	wait(t, r.fixed, "repair of a weight")
	check("after a server was repaired")
	ipvsadm(t, n.director, "-d", "-t", "192.0.2.1:80", "-r", "10.0.0.2:80")
	wait(t, r.fixed, "repair of a removal")
	check("after a server was put back")
	ipvsadm(t, n.director, "-D", "-t", "192.0.2.1:80")
	wait(t, r.fixed, "repair of the service's removal")
	r.quiet()
	check("after the service was put back")

	r.stop()
	<-r.ended
	check("without a worker")
	again := kernelRig(t, n.director, period)
	again.w.SetWant(1, rr(web), []Destination{rs(1, 0), rs(2, 5)})
	again.expect(web, 1)
	check("after adoption")

	// The kernel sums its counters up every two seconds.
	conn, active := connect(t, n.director), map[string]uint32{}
	netlab.Eventually(t, 10*time.Second, "the counters of both servers", func() bool {
		list, err := conn.Destinations(web)
		if err != nil {
			t.Fatal(err)
		}
		counted := 0
		for _, d := range list {
			active[d.Addr.String()] = d.Active
			if d.Stats.InBytes > 0 {
				counted++
			}
		}
		return counted == 2
	})
	if active["10.0.0.1:80"] != 2 || active["10.0.0.2:80"] != 3 {
		t.Errorf("active connections %v, want 2 and 3", active)
	}
}
