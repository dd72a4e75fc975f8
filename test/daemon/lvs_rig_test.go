package daemon

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
	"keepalived/test/netlab"
)

// Addresses of the load balancing tests: two real servers on the peer, a virtual service.
const (
	rs1 = "198.18.9.11"
	rs2 = "198.18.9.12"
	vs  = "198.18.9.200"
)

// lvsRig is a rig with real servers that can be stopped.
type lvsRig struct {
	*rig
	mu        sync.Mutex
	listeners map[string]*web
}

// web is a TCP server: it takes connections, keeps them open and counts them.
type web struct {
	l     net.Listener
	mu    sync.Mutex
	conns []net.Conn
	n     int
}

func newLVS(t *testing.T, needs ...string) *lvsRig {
	t.Helper()
	r := &lvsRig{rig: newRig(t, needs...), listeners: map[string]*web{}}
	for _, a := range []string{rs1, rs2} {
		r.peer.IP("addr", "add", a+"/24", "dev", "eth0")
	}
	t.Cleanup(func() {
		for a := range r.listeners {
			r.down(a)
		}
	})
	return r
}

// up starts the TCP server at ADDRESS:PORT of the peer.
func (r *lvsRig) up(addr string) {
	r.Helper()
	w := &web{}
	var err error
	r.peer.Do(func() { w.l, err = net.Listen("tcp", addr) })
	if err != nil {
		r.Fatal(err)
	}
	go func() {
		for {
			c, err := w.l.Accept()
			if err != nil {
				return
			}
			w.mu.Lock()
			w.n++
			w.conns = append(w.conns, c)
			w.mu.Unlock()
			go func() { // ends with the other side
				b := make([]byte, 64)
				for {
					if _, err := c.Read(b); err != nil {
						c.Close()
						return
					}
				}
			}()
		}
	}()
	r.mu.Lock()
	r.listeners[addr] = w
	r.mu.Unlock()
}

// down stops the server: connections are refused from then on.
func (r *lvsRig) down(addr string) {
	r.mu.Lock()
	w := r.listeners[addr]
	delete(r.listeners, addr)
	r.mu.Unlock()
	if w == nil {
		return
	}
	w.l.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
}

// probes is how many connections a server has had.
func (r *lvsRig) probes(addr string) int {
	r.mu.Lock()
	w := r.listeners[addr]
	r.mu.Unlock()
	if w == nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n
}

// vsConf is a virtual server with both real servers; what is in braces is more of it, of
// the servers and of their checkers.
type vsConf struct{ head, service, server, check string }

func (v vsConf) String() string {
	head := v.head
	if head == "" {
		head = vs + " 80"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "virtual_server %s {\n  delay_loop 1\n  lvs_sched rr\n  lvs_method NAT\n  protocol TCP\n%s\n", head, v.service)
	for _, a := range []string{rs1, rs2} {
		fmt.Fprintf(&b, "  real_server %s 80 {\n%s\n    TCP_CHECK {\n      connect_timeout 1\n      warmup 0\n%s\n    }\n  }\n", a, v.server, v.check)
	}
	b.WriteString("}\n")
	return b.String()
}

// table is ipvsadm -Sn of the host, sorted.
func (r *lvsRig) table() string {
	r.Helper()
	out, err := r.h.Command("ipvsadm", "-Sn").CombinedOutput()
	if err != nil {
		r.Fatalf("ipvsadm: %v\n%s", err, out)
	}
	lines := strings.FieldsFunc(string(out), func(c rune) bool { return c == '\n' })
	for i, l := range lines {
		lines[i] = strings.Join(strings.Fields(l), " ")
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// becomes waits until the table is this, service lines and servers sorted; the slow kernel
// may take longer. How long a dead server stays is measured in test/lvs.
func (r *lvsRig) becomes(within time.Duration, lines ...string) {
	r.Helper()
	if netlab.Kernel() == "uml" {
		within *= 3
	}
	lines = slices.Clone(lines)
	slices.Sort(lines)
	want, got := strings.Join(lines, "\n"), ""
	if !netlab.Await(within, func() bool { got = r.table(); return got == want }) {
		r.Fatalf("the table after %v is\n%s\nwant\n%s", within, got, want)
	}
}

// stays checks for a while that the table is what it is.
func (r *lvsRig) stays(d time.Duration) {
	r.Helper()
	was := r.table()
	if netlab.Await(d, func() bool { return r.table() != was }) {
		r.Fatalf("the table was\n%s\nand is\n%s", was, r.table())
	}
}

func (r *lvsRig) ipvsadm(args ...string) {
	r.Helper()
	if out, err := r.h.Command(append([]string{"ipvsadm"}, args...)...).CombinedOutput(); err != nil {
		r.Fatalf("ipvsadm %v: %v\n%s", args, err, out)
	}
}

// dial connects to the virtual server, from the host itself.
func (r *lvsRig) dial() net.Conn {
	r.Helper()
	var conn net.Conn
	var err error
	r.h.Do(func() { conn, err = net.DialTimeout("tcp", vs+":80", 3*time.Second) })
	if err != nil {
		r.Fatal(err)
	}
	return conn
}

// counted is how many connections ip_vs has given to a server since it made its entry.
func (r *lvsRig) counted(addr string) int {
	r.Helper()
	out, err := r.h.Command("ipvsadm", "-Ln", "--stats", "--exact").CombinedOutput()
	if err != nil {
		r.Fatalf("ipvsadm: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 2 && f[0] == "->" && f[1] == addr+":80" {
			n, _ := strconv.Atoi(f[2])
			return n
		}
	}
	return -1
}

// counts waits until ip_vs has counted so many connections of a server; it adds up every
// two seconds.
func (r *lvsRig) counts(addr string, want int) {
	r.Helper()
	n := 0
	if !netlab.Await(6*time.Second, func() bool { n = r.counted(addr); return n == want }) {
		r.Fatalf("ip_vs has counted %d connections of %s, want %d", n, addr, want)
	}
}

func vsLine(more string) string { return strings.TrimSpace("-A -t " + vs + ":80 -s rr" + more) }

func rsLine(addr string, weight int) string {
	return fmt.Sprintf("-a -t %s:80 -r %s:80 -m -w %d", vs, addr, weight)
}

// client asks the daemon.
func (r *rig) client() *adminapi.Client {
	r.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, err := adminapi.Dial(ctx, r.socket())
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { c.Close() })
	return c
}

// services asks for the virtual servers.
func (r *rig) services(names ...string) []*pb.VirtualServer {
	r.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var list []*pb.VirtualServer
	if err := r.client().Services(ctx, names, func(v *pb.VirtualServer) error { list = append(list, v); return nil }); err != nil {
		r.Fatal(err)
	}
	return list
}

// set changes what is set for a real server.
func (r *rig) set(q *pb.SetRealServerRequest) (*pb.ServerOverride, error) {
	r.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	a, err := r.client().SetRealServer(ctx, q)
	return a.GetOverride(), err
}

// readsFIFO collects what is in a FIFO of the daemon and what comes.
func (r *rig) readsFIFO(name string) *stream {
	r.Helper()
	r.eventually(name, func() bool { return r.exists(name) })
	// Open for writing as well, so that it is never at its end.
	f, err := os.OpenFile(r.p.Path(name), os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { f.Close() })
	s := &stream{}
	go func() { _, _ = io.Copy(s, f) }()
	return s
}
