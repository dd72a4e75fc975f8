package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
	"keepalived/test/netlab"
)

// found is what a Pool told about one probe.
type found struct {
	ticket health.Ticket
	health.Result
	took time.Duration
}

// rig is a running Pool.
type rig struct {
	*Pool
	found chan found
	stop  func()
}

func start(t testing.TB, l Limits) *rig {
	t.Helper()
	r := &rig{found: make(chan found, 4096)}
	r.Pool = New(Config{Limits: l, Done: func(k health.Ticket, h health.Result, took time.Duration) {
		r.found <- found{k, h, took}
	}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	var once sync.Once
	r.stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("Run: %v", err)
				}
			case <-time.After(20 * time.Second):
				t.Error("Run does not return")
			}
		})
	}
	t.Cleanup(r.stop)
	netlab.Eventually(t, 10*time.Second, "the pool to run", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.ctx != nil
	})
	return r
}

func (r *rig) next(t testing.TB) found {
	t.Helper()
	select {
	case f := <-r.found:
		return f
	case <-time.After(30 * time.Second):
		t.Fatal("no result")
		return found{}
	}
}

// one makes one probe and returns what it found.
func one(t testing.TB, target Target) found {
	t.Helper()
	r := start(t, Limits{})
	defer r.stop()
	r.Start(health.Ticket{ID: 1, Gen: 7}, target, 0)
	f := r.next(t)
	if (f.ticket != health.Ticket{ID: 1, Gen: 7}) {
		t.Errorf("ticket %+v", f.ticket)
	}
	return f
}

func (f found) String() string {
	if f.OK {
		return fmt.Sprintf("good, code %d", f.Code)
	}
	return fmt.Sprintf("cause %d, code %d", f.Cause, f.Code)
}

func connection(at netip.AddrPort) checkercfg.Connection {
	return checkercfg.Connection{Addr: at.Addr(), Port: at.Port(), Timeout: 5 * time.Second}
}

func tcpCheck(at netip.AddrPort) Target {
	return Target{Check: &checkercfg.Check{Kind: checkercfg.TCPCheck, Connection: connection(at)}}
}

// get is a HTTP_GET of one path; SSL_GET when secure.
func get(at netip.AddrPort, path string, secure bool) Target {
	kind := checkercfg.HTTPGet
	if secure {
		kind = checkercfg.SSLGet
	}
	return Target{Check: &checkercfg.Check{Kind: kind, Connection: connection(at),
		HTTP: &checkercfg.HTTP{URLs: []checkercfg.URL{{Path: path, Codes: []checkercfg.Codes{{First: 200, Last: 299}}}}}}}
}

// server answers every connection with serve on a port of loopback.
type server struct {
	at netip.AddrPort
	mu sync.Mutex
	// asked are the requests so far, line by line.
	asked []string
}

func listen(t testing.TB, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func port(l net.Listener) netip.AddrPort { return l.Addr().(*net.TCPAddr).AddrPort() }

// serve runs a server whose answer depends on the request's first line.
func serve(t testing.TB, l net.Listener, answer func(line string, c net.Conn)) *server {
	t.Helper()
	s := &server{at: port(l)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			go s.handle(c, answer)
		}
	}()
	return s
}

func (s *server) handle(c net.Conn, answer func(string, net.Conn)) {
	defer c.Close()
	in := bufio.NewReader(c)
	var lines []string
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		lines = append(lines, line)
		if line == "\r\n" {
			break
		}
	}
	s.mu.Lock()
	s.asked = append(s.asked, strings.Join(lines, ""))
	s.mu.Unlock()
	answer(lines[0], c)
}

func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// send is a server that says the same to everybody.
func send(text string) func(string, net.Conn) {
	return func(_ string, c net.Conn) { fmt.Fprint(c, text) }
}

// until is a server that says something and waits for the other side to close.
func until(text string) func(string, net.Conn) {
	return func(_ string, c net.Conn) {
		fmt.Fprint(c, text)
		_, _ = c.Read(make([]byte, 1))
	}
}

// pair makes a self-signed certificate with openssl and returns its files.
func pair(t testing.TB, options ...string) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	args := append([]string{"req", "-x509", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=probed"}, options...)
	if len(options) == 0 {
		args = append(args, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
	}
	command(t, "openssl", args...)
	return cert, key
}

func command(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// secure wraps a listener into TLS with a certificate made for it.
func secure(t testing.TB, l net.Listener, c *tls.Config) net.Listener {
	t.Helper()
	cert, key := pair(t)
	p, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	c.Certificates = []tls.Certificate{p}
	return tls.NewListener(l, c)
}

// daemon runs a real server until the test ends, and waits until its port answers.
func daemon(t testing.TB, at netip.AddrPort, name string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(name, args...)
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() {
		_ = c.Process.Kill()
		<-ended
		log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("%s said:\n%s", name, text)
		}
	})
	netlab.Eventually(t, 10*time.Second, name+" to listen on "+at.String(), func() bool {
		k, err := net.DialTimeout("tcp", at.String(), time.Second)
		if err == nil {
			k.Close()
		}
		return err == nil
	})
}

// unused is a port of loopback that nobody listens on.
func unused(t testing.TB) netip.AddrPort {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	defer l.Close()
	return port(l)
}
