package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
	"keepalived/checker/probe"
	"keepalived/test/netlab"
)

// pages serves answers by path on loopback and keeps the requests.
type pages struct {
	plain, secure netip.AddrPort
	answers       map[string]string
	mu            sync.Mutex
	asked         []string
	names         []string // of servers, as the handshakes asked for them
}

func servePages(t *testing.T, answers map[string]string) *pages {
	t.Helper()
	p := &pages{answers: answers}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	self := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, self, self, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	plain, secure := listenOn(t, "127.0.0.1:0"), listenOn(t, "127.0.0.1:0")
	p.plain, p.secure = plain.Addr().(*net.TCPAddr).AddrPort(), secure.Addr().(*net.TCPAddr).AddrPort()
	go p.serve(plain)
	go p.serve(tls.NewListener(secure, &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.names = append(p.names, h.ServerName)
			return nil, nil
		},
	}))
	return p
}

func listenOn(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func (p *pages) serve(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go p.answer(c)
	}
}

func (p *pages) answer(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	text := ""
	for !strings.HasSuffix(text, "\r\n\r\n") {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		text += line
	}
	p.mu.Lock()
	p.asked = append(p.asked, text)
	p.mu.Unlock()
	path := strings.Fields(text)[1]
	fmt.Fprint(c, p.answers[path])
	if path == "/silent" {
		_, _ = in.ReadByte()
	}
}

// taken returns and forgets what was asked.
func (p *pages) taken() (asked, names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked, names, p.asked, p.names = p.asked, p.names, nil, nil
	return asked, names
}

// ours runs genhash in this process.
func ours(args ...string) (out, diag string, status int) {
	var o, d bytes.Buffer
	status = genhash(append([]string{"genhash"}, args...), 0, &o, &d)
	return o.String(), d.String(), status
}

// theirs runs keepalived 2.2.7's.
func theirs(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c := exec.CommandContext(ctx, netlab.RealKeepalived)
	c.Args = append([]string{"genhash"}, args...)
	out, err := c.Output()
	if err != nil {
		t.Fatalf("keepalived's genhash %q: %v\n%s", args, err, out)
	}
	return string(out)
}

func at(a netip.AddrPort, path string, more ...string) []string {
	return append([]string{"-s", a.Addr().String(), "-p", strconv.Itoa(int(a.Port())), "-u", path}, more...)
}

// checked asks a checker whether a page has a digest.
func checked(t *testing.T, a netip.AddrPort, path, digest string, secure bool, v checkercfg.Version) health.Result {
	t.Helper()
	results := make(chan health.Result, 1)
	pool := probe.New(probe.Config{Done: func(_ health.Ticket, r health.Result, _ time.Duration) { results <- r }})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- pool.Run(ctx) }()
	kind := checkercfg.HTTPGet
	if secure {
		kind = checkercfg.SSLGet
	}
	pool.Start(health.Ticket{}, probe.Target{Check: &checkercfg.Check{Kind: kind,
		Connection: checkercfg.Connection{Addr: a.Addr(), Port: a.Port(), Timeout: 5 * time.Second},
		HTTP:       &checkercfg.HTTP{Version: v, URLs: []checkercfg.URL{{Path: path, Digest: digest, Codes: []checkercfg.Codes{{First: 200, Last: 200}}}}},
	}}, 0)
	r := <-results
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return r
}

// TestDigestsAgree: genhash, keepalived's genhash and the checker make the same of a
// page.
func TestDigestsAgree(t *testing.T) {
	netlab.Need(t, "keepalived")
	page := func(header, body string) string { return "HTTP/1.1 200 OK\r\n" + header + "\r\n" + body }
	length := func(body string) string {
		return page(fmt.Sprintf("Content-Type: text/plain\r\nContent-Length: %d\r\n", len(body)), body)
	}
	big := strings.Repeat("0123456789abcdef", 3000)
	binary := "\x00\xff\r\n\r\n\x80" + strings.Repeat("\x00", 5000) + "\n"
	bodies := map[string][2]string{ // answer, body
		"/empty":         {page("", ""), ""},
		"/empty-length":  {length(""), ""},
		"/hello":         {page("", "hello\n"), "hello\n"},
		"/hello-length":  {length("hello\n"), "hello\n"},
		"/binary":        {page("", binary), binary},
		"/binary-length": {length(binary), binary},
		"/big":           {page("", big), big},
		"/big-length":    {length(big), big},
		"/chunked": {page("Transfer-Encoding: chunked\r\n", "6\r\nhello\n\r\n0\r\n\r\n"),
			"6\r\nhello\n\r\n0\r\n\r\n"},
		"/too-long": {page("Content-Length: 6\r\n", "hello\nand more"), "hello\n"},
	}
	answers := map[string]string{}
	for path, b := range bodies {
		answers[path] = b[0]
	}
	s := servePages(t, answers)
	for path, b := range bodies {
		want := fmt.Sprintf("%x", md5.Sum([]byte(b[1])))
		for v, version := range []string{"1.0", "1.0c", "1.1"} {
			for _, secure := range []bool{false, true} {
				args := at(s.plain, path, "-P", version)
				a := s.plain
				if secure {
					args, a = append(at(s.secure, path, "-P", version), "-S"), s.secure
				}
				out, diag, status := ours(args...)
				if out != want+"\n" || diag != "" || status != 0 {
					t.Errorf("%q: %q, %q, status %d; want %s", args, out, diag, status, want)
				}
				if got := theirs(t, args...); got != out {
					t.Errorf("%q: keepalived's %q, ours %q", args, got, out)
				}
				if r := checked(t, a, path, want, secure, checkercfg.Version(v)); !r.OK {
					t.Errorf("%q: the checker finds %+v", args, r)
				}
				wrong := hex.EncodeToString(make([]byte, md5.Size))
				if r := checked(t, a, path, wrong, secure, checkercfg.Version(v)); r.Cause != health.CauseDigest {
					t.Errorf("%q: the checker finds %+v with a wrong digest", args, r)
				}
				asked, _ := s.taken()
				for _, text := range asked {
					if text != asked[0] {
						t.Errorf("%q: asked %q and %q", args, asked[0], text)
					}
				}
				if len(asked) != 4 {
					t.Errorf("%q: asked %d times", args, len(asked))
				}
			}
		}
	}
}

// TestVerbose: the layout is keepalived's.
func TestVerbose(t *testing.T) {
	netlab.Need(t, "keepalived")
	s := servePages(t, map[string]string{
		"/empty":  "HTTP/1.0 200 OK\r\n\r\n",
		"/hello":  "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX: \x7f\t\xe9~ \r\n\r\nhello\n",
		"/sixty":  "HTTP/1.0 404 Gone\r\n\r\n" + strings.Repeat("0123456789abcde\n", 4),
		"/binary": "HTTP/1.0 200 OK\r\n\r\n\x00\x01\x1f !~\x7f\x80\xff\r\n123",
	})
	spent := regexp.MustCompile(`= \d+ usecs`)
	for path := range s.answers {
		for _, args := range [][]string{at(s.plain, path, "-v"), at(s.secure, path, "-vS")} {
			out, diag, status := ours(args...)
			if diag != "" || status != 0 {
				t.Errorf("%q: %q, status %d", args, diag, status)
			}
			if diff := cmp.Diff(spent.ReplaceAllString(theirs(t, args...), "= N usecs"), spent.ReplaceAllString(out, "= N usecs")); diff != "" {
				t.Errorf("%q (-keepalived's +ours):\n%s", args, diff)
			}
		}
	}
}

// TestRequestsOfGenhash: what -V and -I make of the request is what keepalived makes of
// them.
func TestRequestsOfGenhash(t *testing.T) {
	netlab.Need(t, "keepalived", "root")
	s := servePages(t, map[string]string{"/": "HTTP/1.0 200 OK\r\n\r\n"})
	for _, more := range [][]string{{"-V", "www.example.org"}, {"-I"}, {"-I", "--use-virtualhost=www.example.org"}, {"-m", "7"}, {}} {
		for _, args := range [][]string{at(s.plain, "/", more...), append(at(s.secure, "/", more...), "--use-ssl")} {
			ours(args...)
			asked, names := s.taken()
			theirs(t, args...)
			wantAsked, wantNames := s.taken()
			if len(asked) != 1 || !cmp.Equal(asked, wantAsked) || !cmp.Equal(names, wantNames) {
				t.Errorf("%q: asked %q by the names %q, keepalived %q, %q", args, asked, names, wantAsked, wantNames)
			}
		}
	}
}

// TestFailures: nothing that could be taken for a digest, a line that says why, and a
// status that is not 0.
func TestFailures(t *testing.T) {
	s := servePages(t, map[string]string{"/cut": "HTTP/1.0 200 OK\r\n", "/silent": ""})
	l := listenOn(t, "127.0.0.1:0")
	nobody := l.Addr().(*net.TCPAddr).AddrPort()
	l.Close()
	for _, c := range []struct {
		args     []string
		want     string
		min, max time.Duration
	}{
		{args: at(nobody, "/"), want: "Connection failed: "},
		{args: at(s.plain, "/cut"), want: "no data received from remote webserver: "},
		{args: at(s.plain, "/nothing"), want: "no data received from remote webserver: "},
		{args: at(s.plain, "/silent", "-t", "1"), want: "Timeout WEB read: ", min: time.Second, max: 3 * time.Second},
		{args: at(s.plain, "/silent", "-S", "-t", "1"), want: "Timeout connecting: ", min: time.Second, max: 3 * time.Second},
		{args: at(s.secure, "/silent"), want: "no data received from remote webserver: "},
		{args: at(s.plain, "/silent"), want: "Timeout WEB read: ", min: 5 * time.Second, max: 8 * time.Second},
	} {
		t.Run(strings.Join(c.args[4:], " "), func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			out, diag, status := ours(c.args...)
			took := time.Since(began)
			if out != "" || !strings.HasPrefix(diag, c.want) || strings.Count(diag, "\n") != 1 || status != 1 {
				t.Errorf("%q, %q, status %d; want %q", out, diag, status, c.want)
			}
			if took < c.min || c.max != 0 && took > c.max {
				t.Errorf("took %v, want between %v and %v", took, c.min, c.max)
			}
		})
	}
}

func TestGenhashOptions(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{args: nil, want: "no server: -s is missing"},
		{args: []string{"-s", "192.0.2.1", "-u", "/"}, want: "no port: -p is missing"},
		{args: []string{"-s", "192.0.2.1", "-p", "80"}, want: "no page: -u is missing"},
		{args: []string{"-s", "localhost"}, want: "server should be an IP, not localhost"},
		{args: []string{"-s", "fe80::1%lo"}, want: "server should be an IP, not fe80::1%lo"},
		{args: []string{"-p", "0"}, want: "invalid port number '0'"},
		{args: []string{"-p", "99999"}, want: "invalid port number '99999'"},
		{args: []string{"-P", "2"}, want: "invalid HTTP protocol version '2'"},
		{args: []string{"-t", "x"}, want: "invalid timeout 'x'"},
		{args: []string{"-t", "0"}, want: "invalid timeout '0'"},
		{args: []string{"-m", "-1"}, want: "invalid fwmark '-1'"},
		{args: []string{"--nosuch"}, want: "Unknown option --nosuch"},
		{args: []string{"-s", "192.0.2.1", "-p", "80", "-u", "/", "word"}, want: "Unexpected argument(s): word"},
	} {
		out, diag, status := ours(c.args...)
		first, usage, _ := strings.Cut(diag, "\n")
		if out != "" || first != c.want || !strings.HasPrefix(usage, "Usage: genhash ") || status != 1 {
			t.Errorf("%q: %q, %q, status %d; want %q and the usage", c.args, out, diag, status, c.want)
		}
	}
	if out, diag, status := ours("-h"); out != "" || !strings.HasPrefix(diag, "Usage: genhash ") || status != 0 {
		t.Errorf("-h: %q, %q, status %d", out, diag, status)
	}
}

// TestGenhashIsMeant: by the name of the program or by the option.
func TestGenhashIsMeant(t *testing.T) {
	for _, c := range []struct {
		argv string
		want int
	}{
		{"genhash -s x", 0},
		{"/usr/bin/genhash", 0},
		{"keepalived --genhash -s x", 1},
		{"keepalived -T", 1},
		{"keepalived -n -T -s x", 2},
		{"keepalived -n", -1},
		{"keepalived", -1},
		{"keepalived -- --genhash", -1},
	} {
		if got := genhashWord(strings.Fields(c.argv)); got != c.want {
			t.Errorf("%s: %d, want %d", c.argv, got, c.want)
		}
	}
	var out, diag bytes.Buffer
	status := genhash([]string{"keepalived", "-n", "-T"}, 2, &out, &diag)
	if want := "Warning -- `genhash` not used as first option, previous options ignored\nno server"; status != 1 || !strings.HasPrefix(diag.String(), want) {
		t.Errorf("%q, status %d", diag.String(), status)
	}
}
