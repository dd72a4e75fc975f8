package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
	"keepalived/test/netlab"
)

// wire is a client and a server on one LAN; the server is a router, too.
type wire struct {
	*testing.T
	lan            *netlab.LAN
	client, server *netlab.Host
}

const far = "198.18.9.2"

func newWire(t *testing.T) *wire {
	t.Helper()
	netlab.Need(t, "root", "netns", "veth")
	lab := netlab.New(t)
	w := &wire{T: t, lan: lab.LAN("lan"), client: lab.Host("client"), server: lab.Host("server")}
	lab.Attach(w.lan, w.client, "eth0", "198.18.9.1/24")
	lab.Attach(w.lan, w.server, "eth0", far+"/24")
	w.server.Do(func() { w.server.Sysctl("net/ipv4/ip_forward", "1") })
	w.client.IP("route", "add", "203.0.113.0/24", "via", far)
	w.client.IP("neigh", "add", far, "lladdr", w.server.MAC("eth0"), "dev", "eth0", "nud", "permanent")
	return w
}

// result is what a check of the client finds, and after how long. The socket belongs to
// the namespace of the thread that makes it.
func (w *wire) result(ctx context.Context, kind checkercfg.CheckKind, to string, limit time.Duration) (r health.Result, took time.Duration) {
	w.Helper()
	at := netip.MustParseAddrPort(to)
	target := tcpCheck(at)
	if kind != checkercfg.TCPCheck {
		target = get(at, "/", kind == checkercfg.SSLGet)
	}
	target.Check.Connection.Timeout = limit
	j := &job{target: target, kind: kindOf(target.Check)}
	began := time.Now()
	w.client.Do(func() { r = j.probe(ctx) })
	return r, time.Since(began)
}

var connecting = []checkercfg.CheckKind{checkercfg.TCPCheck, checkercfg.HTTPGet, checkercfg.SSLGet}

// TestConnectFails: how a connection that does not stand at once fails, and when.
func TestConnectFails(t *testing.T) {
	w := newWire(t)
	w.server.Do(func() { w.server.Sysctl("net/ipv4/icmp_ratelimit", "0") })
	w.server.IP("route", "add", "blackhole", "203.0.113.1")
	w.server.IP("route", "add", "unreachable", "203.0.113.2")
	w.server.IP("route", "add", "prohibit", "203.0.113.3")
	w.client.IP("route", "add", "unreachable", "203.0.113.4")
	for _, c := range []struct {
		name, to string
		want     health.Cause
		waits    bool // for the whole limit
	}{
		{name: "the router drops it", to: "203.0.113.1:80", want: health.CauseTimeout, waits: true},
		{name: "nobody answers ARP", to: "198.18.9.77:80", want: health.CauseTimeout, waits: true},
		{name: "ICMP host unreachable", to: "203.0.113.2:80", want: health.CauseRefused},
		{name: "ICMP prohibited", to: "203.0.113.3:80", want: health.CauseRefused},
		{name: "refused over the wire", to: far + ":80", want: health.CauseRefused},
		{name: "no way out", to: "192.0.2.1:80", want: health.CauseUnreachable},
		{name: "unreachable by a route of our own", to: "203.0.113.4:80", want: health.CauseRefused},
	} {
		for _, kind := range connecting {
			// An ICMP error that comes while the kernel is still in connect, as it can
			// where no cable takes time, counts only at the next SYN, a second later.
			limit := 5 * time.Second
			if c.waits {
				limit = 700 * time.Millisecond
			}
			r, took := w.result(t.Context(), kind, c.to, limit)
			if r.OK || r.Cause != c.want {
				t.Errorf("%s, %v: %+v, want cause %d", c.name, kind, r, c.want)
			}
			if c.waits && (took < limit || took > limit+300*time.Millisecond) || !c.waits && took > limit/2 {
				t.Errorf("%s, %v: after %v, connect_timeout is %v", c.name, kind, took, limit)
			}
		}
	}
}

// TestConnectLate: a server that comes back while the connection waits is good.
func TestConnectLate(t *testing.T) {
	w := newWire(t)
	var l net.Listener
	var err error
	w.server.Do(func() { l, err = net.Listen("tcp", far+":80") })
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := serve(t, l, send("HTTP/1.0 200 OK\r\n\r\n"))
	for _, kind := range connecting[:2] {
		w.lan.Isolate(w.server, "eth0")
		capture := w.client.Capture("eth0")
		back := make(chan struct{})
		go func() {
			defer close(back)
			netlab.Await(5*time.Second, func() bool { return len(capture.Packets()) > 0 }) // the first SYN is lost
			w.lan.Rejoin(w.server, "eth0")
		}()
		r, took := w.result(t.Context(), kind, s.at.String(), 5*time.Second)
		<-back
		capture.Stop()
		// The kernel tries again after a second.
		if !r.OK || took < 500*time.Millisecond || took > 4*time.Second {
			t.Errorf("%v: %+v after %v", kind, r, took)
		}
	}
}

// TestSlowAccept: a server whose queue of connections is full drops new ones until it
// takes one off.
func TestSlowAccept(t *testing.T) {
	w := newWire(t)
	fd := -1
	var err error
	w.server.Do(func() {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		err = errors.Join(err, unix.Bind(fd, &unix.SockaddrInet4{Addr: netip.MustParseAddr(far).As4(), Port: 80}), unix.Listen(fd, 0))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	full := 0
	for ; full < 5; full++ {
		if r, _ := w.result(t.Context(), checkercfg.TCPCheck, far+":80", 300*time.Millisecond); !r.OK {
			if r.Cause != health.CauseTimeout {
				t.Errorf("%+v", r)
			}
			break
		}
	}
	if full == 0 || full == 5 {
		t.Fatalf("%d connections stood with a queue of one", full)
	}
	taken := make(chan error, 1)
	timer := time.AfterFunc(400*time.Millisecond, func() { // while the connection waits
		conn, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
		if err == nil {
			unix.Close(conn)
		}
		taken <- err
	})
	defer timer.Stop()
	r, took := w.result(t.Context(), checkercfg.TCPCheck, far+":80", 5*time.Second)
	if err := <-taken; err != nil {
		t.Fatal(err)
	}
	if !r.OK || took < 400*time.Millisecond || took > 4*time.Second {
		t.Errorf("%+v after %v", r, took)
	}
}

// TestConnectStops: the end of the context ends the wait at once.
func TestConnectStops(t *testing.T) {
	w := newWire(t)
	w.server.IP("route", "add", "blackhole", "203.0.113.1")
	for _, kind := range connecting {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		r, took := w.result(ctx, kind, "203.0.113.1:80", 20*time.Second)
		cancel()
		if r.OK || took > 2*time.Second {
			t.Errorf("%v: %+v after %v", kind, r, took)
		}
	}
}
