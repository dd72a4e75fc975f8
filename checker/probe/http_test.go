package probe

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
	"keepalived/test/netlab"
)

const helloDigest = "b1946ac92492d2347c6235b4d2611184" // of "hello\n"

// TestRequests: octet for octet what keepalived 2.2.7 was seen to send.
func TestRequests(t *testing.T) {
	for _, c := range []struct {
		name   string
		family string
		set    func(*checkercfg.HTTP)
		want   string
	}{
		{name: "1.0", want: "GET /a?b=c HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: AT\r\n\r\n"},
		{name: "1.0C", set: func(h *checkercfg.HTTP) { h.Version = checkercfg.HTTP10C },
			want: "GET /a?b=c HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: AT\r\n\r\n"},
		{name: "1.1", set: func(h *checkercfg.HTTP) { h.Version = checkercfg.HTTP11 },
			want: "GET /a?b=c HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: AT\r\n\r\n"},
		{name: "virtual host of the checker", set: func(h *checkercfg.HTTP) { h.Host = "www.example.org" },
			want: "GET /a?b=c HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: www.example.org\r\n\r\n"},
		{name: "virtual host of the url", set: func(h *checkercfg.HTTP) { h.Host, h.URLs[0].VirtualHost = "x", "u:8080" },
			want: "GET /a?b=c HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: u:8080\r\n\r\n"},
		{name: "IPv6", family: "[::1]:0", want: "GET /a?b=c HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: AT\r\n\r\n"},
	} {
		at := "127.0.0.1:0"
		if c.family != "" {
			at = c.family
		}
		s := serve(t, listen(t, at), send("HTTP/1.0 200 OK\r\n\r\n"))
		target := get(s.at, "/a?b=c", false)
		if c.set != nil {
			c.set(target.Check.HTTP)
		}
		f := one(t, target)
		want := strings.ReplaceAll(c.want, "AT", s.at.String())
		if got := strings.Join(s.requests(), "|"); !f.OK || got != want {
			t.Errorf("%s: %v, asked %q, want %q", c.name, f, got, want)
		}
	}
}

func TestSteps(t *testing.T) {
	s := serve(t, listen(t, "127.0.0.1:0"), send("HTTP/1.0 200 OK\r\n\r\n"))
	target := get(s.at, "/0", false)
	target.Check.HTTP.URLs = append(target.Check.HTTP.URLs, checkercfg.URL{Path: "/1", Codes: []checkercfg.Codes{{First: 200, Last: 200}}})
	r := start(t, Limits{})
	for step := range 3 { // the last: what a reload took away meanwhile
		r.Start(health.Ticket{}, target, uint16(step))
		r.next(t)
	}
	for i, want := range []string{"GET /0 ", "GET /1 ", "GET /0 "} {
		if got := s.requests()[i]; !strings.HasPrefix(got, want) {
			t.Errorf("asked %q, want %q…", got, want)
		}
	}
}

func TestVerdicts(t *testing.T) {
	page := func(status, body string) string { return "HTTP/1.0 " + status + "\r\n\r\n" + body }
	for _, c := range []struct {
		name   string
		answer string
		digest string
		codes  []checkercfg.Codes
		want   string
	}{
		{name: "status 200", answer: page("200 OK", "x"), want: "good, code 200"},
		{name: "status 204", answer: page("204 OK", ""), want: "good, code 204"},
		{name: "status 301", answer: page("301 Moved", "x"), want: fmt.Sprintf("cause %d, code 301", health.CauseStatus)},
		{name: "status 404 wanted", answer: page("404 No", "x"), codes: []checkercfg.Codes{{First: 200, Last: 200}, {First: 400, Last: 404}}, want: "good, code 404"},
		{name: "status 405 not wanted", answer: page("405 No", "x"), codes: []checkercfg.Codes{{First: 200, Last: 200}, {First: 400, Last: 404}},
			want: fmt.Sprintf("cause %d, code 405", health.CauseStatus)},
		{name: "no status", answer: "garbage\r\n\r\n", want: fmt.Sprintf("cause %d, code 0", health.CauseStatus)},
		{name: "digest", answer: page("200 OK", "hello\n"), digest: helloDigest, want: "good, code 200"},
		{name: "other digest", answer: page("200 OK", "hello"), digest: helloDigest, want: fmt.Sprintf("cause %d, code 200", health.CauseDigest)},
		{name: "digest, but the status is bad", answer: page("500 Oh", "hello\n"), digest: helloDigest, want: fmt.Sprintf("cause %d, code 500", health.CauseStatus)},
		{name: "nothing", want: fmt.Sprintf("cause %d, code 0", health.CauseNoAnswer)},
		{name: "half a header", answer: "HTTP/1.0 200 OK\r\n", want: fmt.Sprintf("cause %d, code 0", health.CauseRead)},
	} {
		s := serve(t, listen(t, "127.0.0.1:0"), send(c.answer))
		target := get(s.at, "/", false)
		u := &target.Check.HTTP.URLs[0]
		u.Digest = c.digest
		if c.codes != nil {
			u.Codes = c.codes
		}
		if got := one(t, target).String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestTimeLimits: connect_timeout is that of the connection, of the handshake and of
// every read, as with 2.2.7; ten times that is ours for the whole answer.
func TestTimeLimits(t *testing.T) {
	const limit = 200 * time.Millisecond
	pieces := func(pause time.Duration, n int) func(string, net.Conn) {
		return func(_ string, c net.Conn) {
			fmt.Fprint(c, "HTTP/1.0 200 OK\r\n\r\n")
			for range n {
				<-time.After(pause)
				if _, err := fmt.Fprint(c, "x"); err != nil {
					return
				}
			}
		}
	}
	// A listener that nobody accepts from answers SYNs until its queue is full, so a
	// connection stands and stays silent.
	for _, c := range []struct {
		name     string
		answer   func(string, net.Conn)
		secure   bool
		cause    health.Cause
		min, max time.Duration
	}{
		{name: "silent", answer: until(""), cause: health.CauseReadTimeout, min: limit, max: 5 * limit},
		{name: "silent within the header", answer: until("HTTP/1.0 20"), cause: health.CauseStalled, min: limit, max: 5 * limit},
		{name: "silent within the body", answer: until("HTTP/1.0 200 OK\r\n\r\nx"), cause: health.CauseStalled, min: limit, max: 5 * limit},
		{name: "slow", answer: pieces(limit/2, 5), min: 2 * limit, max: 8 * limit},
		{name: "too slow", answer: pieces(3*limit, 2), cause: health.CauseStalled, min: limit, max: 5 * limit},
		{name: "for ever", answer: pieces(limit/2, 1000), cause: health.CauseStalled, min: 10 * limit, max: 15 * limit},
		{name: "no handshake", answer: until(""), secure: true, cause: health.CauseTimeout, min: limit, max: 5 * limit},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, listen(t, "127.0.0.1:0"), c.answer)
			target := get(s.at, "/", c.secure)
			target.Check.Connection.Timeout = limit
			f := one(t, target)
			if f.OK != (c.cause == health.CauseNone) || f.Cause != c.cause {
				t.Errorf("%v", f)
			}
			if f.took < c.min || f.took > c.max {
				t.Errorf("took %v, want between %v and %v", f.took, c.min, c.max)
			}
		})
	}
}

// TestKeptOpen: an answer is whole with its Content-Length. 2.2.7 waits until the server
// closes.
func TestKeptOpen(t *testing.T) {
	s := serve(t, listen(t, "127.0.0.1:0"), until("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"))
	target := get(s.at, "/", false)
	target.Check.HTTP.URLs[0].Digest = helloDigest
	if f := one(t, target); !f.OK || f.took > 2*time.Second {
		t.Errorf("%v after %v", f, f.took)
	}
}

func TestReset(t *testing.T) {
	reset := func(text string) func(string, net.Conn) {
		return func(_ string, c net.Conn) {
			fmt.Fprint(c, text)
			_ = c.(*net.TCPConn).SetLinger(0)
		}
	}
	for _, text := range []string{"", "HTTP/1.0 20", "HTTP/1.0 200 OK\r\n\r\nhello\n"} {
		s := serve(t, listen(t, "127.0.0.1:0"), reset(text))
		if f := one(t, get(s.at, "/", false)); f.OK || f.Cause != health.CauseReset {
			t.Errorf("reset after %q: %v", text, f)
		}
	}
}

func TestConnectFailures(t *testing.T) {
	for _, c := range []struct {
		name string
		to   string
		set  func(*checkercfg.Connection)
		want health.Cause
	}{
		{name: "refused", to: unused(t).String(), want: health.CauseRefused},
		{name: "refused, IPv6", to: netip.AddrPortFrom(netip.IPv6Loopback(), unused(t).Port()).String(), want: health.CauseRefused},
		{name: "no such address to bind", to: unused(t).String(), want: health.CauseLocal,
			set: func(c *checkercfg.Connection) { c.Bind = netip.MustParseAddrPort("192.0.2.77:0") }},
		{name: "no such interface", to: unused(t).String(), want: health.CauseLocal,
			set: func(c *checkercfg.Connection) { c.BindIf = "nosuch0" }},
	} {
		for _, target := range []Target{tcpCheck(netip.MustParseAddrPort(c.to)), get(netip.MustParseAddrPort(c.to), "/", false), get(netip.MustParseAddrPort(c.to), "/", true)} {
			if c.set != nil {
				c.set(&target.Check.Connection)
			}
			if f := one(t, target); f.OK || f.Cause != c.want {
				t.Errorf("%s, %v: %v, want cause %d", c.name, target.Check.Kind, f, c.want)
			}
		}
	}
}

func TestTCPCheck(t *testing.T) {
	for _, at := range []string{"127.0.0.1:0", "[::1]:0"} {
		l := listen(t, at)
		from := make(chan net.Conn, 1)
		go func() {
			c, err := l.Accept()
			if err == nil {
				from <- c
			}
		}()
		target := tcpCheck(port(l))
		if f := one(t, target); !f.OK {
			t.Errorf("%s: %v", at, f)
		}
		c := <-from
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil || err.Error() != "EOF" {
			t.Errorf("%s: the server saw %v, want the end of the connection without a reset", at, err)
		}
		c.Close()
	}
}

// TestBindPort: the next probe from the same port to the same server works at once.
func TestBindPort(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	from := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), unused(t).Port())
	peers, ends := make(chan string, 8), make(chan error, 8)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			peers <- c.RemoteAddr().String()
			_, err = c.Read(make([]byte, 1))
			ends <- err
			c.Close()
		}
	}()
	target := tcpCheck(port(l))
	target.Check.Connection.Bind = from
	r := start(t, Limits{})
	for range 3 {
		r.Start(health.Ticket{}, target, 0)
		if f := r.next(t); !f.OK {
			t.Errorf("%v", f)
		}
		if got := <-peers; got != from.String() {
			t.Errorf("came from %s, want %s", got, from)
		}
		if err := <-ends; !errors.Is(err, unix.ECONNRESET) {
			t.Errorf("the server saw %v: the port stays in TIME-WAIT without a reset", err)
		}
	}
	target.Check.Connection.Bind = netip.AddrPortFrom(from.Addr(), 0)
	r.Start(health.Ticket{}, target, 0)
	if f, got := r.next(t), <-peers; !f.OK || !strings.HasPrefix(got, "127.0.0.2:") {
		t.Errorf("%v from %s", f, got)
	}
	target.Check.Connection.Bind = netip.AddrPortFrom(netip.Addr{}, from.Port())
	r.Start(health.Ticket{}, target, 0)
	if f, got := r.next(t), <-peers; !f.OK || got != fmt.Sprintf("127.0.0.1:%d", from.Port()) {
		t.Errorf("%v from %s", f, got)
	}
}

// TestMarkAndInterface needs CAP_NET_ADMIN.
func TestMarkAndInterface(t *testing.T) {
	netlab.Need(t, "root")
	s := serve(t, listen(t, "127.0.0.1:0"), send("HTTP/1.0 200 OK\r\n\r\n"))
	target := get(s.at, "/", false)
	target.Check.Connection.Mark = 77
	target.Check.Connection.BindIf = "lo"
	fd, err := socket(&target.Check.Connection)
	if err != nil {
		t.Fatal(err)
	}
	checkOptions(t, fd, 77, "lo")
	if f := one(t, target); !f.OK {
		t.Errorf("%v", f)
	}
}

func checkOptions(t *testing.T, fd, mark int, device string) {
	t.Helper()
	defer unix.Close(fd)
	if got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK); got != mark {
		t.Errorf("mark %d, %v", got, err)
	}
	if got, err := unix.GetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE); strings.TrimRight(got, "\x00") != device {
		t.Errorf("interface %q, %v", got, err)
	}
}
