package lvs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// unbuilt matches the checks that ours does not make yet; a server counts as good without.
var unbuilt = regexp.MustCompile(`SMTP_CHECK|UDP_CHECK|PING_CHECK`)

// newWorld makes a director and, on one host, all the servers that its configuration names,
// those whose last octet is odd alive on every port (all, when the checks of the
// configuration are not built yet): what the daemon finds there depends on the
// configuration alone. The director has eth0, eth1 and eth2.
func newWorld(t *testing.T, label, conf string) *director {
	t.Helper()
	lab := netlab.New(t)
	dir, far := lab.Host(label), lab.Host("servers")
	lines := []string{"link add eth0 type veth peer name eth0 netns " + far.NS, "link set eth0 up",
		"link add eth1 type dummy", "link set eth1 up", "link add eth2 type dummy", "link set eth2 up",
		"addr add 198.18.0.1/24 dev eth0", "addr add 198.18.1.1/24 dev eth1", "addr add 198.18.2.1/24 dev eth2",
		"addr add fd00::1/64 dev eth0 nodad", "route add default via 198.18.0.2", "route add ::/0 via fd00::2"}
	for _, a := range addrsBehind(ownLine, conf) {
		lines = append(lines, fmt.Sprintf("addr add %s dev eth0", netip.PrefixFrom(a, a.BitLen())))
	}
	batch(t, dir, lines...)
	lines = []string{"link set eth0 up", "addr add 198.18.0.2/24 dev eth0", "addr add fd00::2/64 dev eth0 nodad", "route add default via 198.18.0.1", "route add ::/0 via fd00::1"}
	addrs := addrsBehind(serverLine, conf)
	for _, a := range addrs {
		lines = append(lines, fmt.Sprintf("addr add %s dev lo", netip.PrefixFrom(a, a.BitLen())))
	}
	batch(t, far, lines...)
	for _, a := range addrs {
		if last := a.AsSlice()[a.BitLen()/8-1]; last%2 == 1 || unbuilt.MatchString(conf) {
			populate(t, far, a, conf)
		}
	}
	d := newDirector(t, dir, label, loosely)
	d.conf = conf
	return d
}

// batch runs lines of `ip` on the host in one process.
func batch(t *testing.T, h *netlab.Host, lines ...string) {
	t.Helper()
	cmd := exec.Command("ip", "-n", h.NS, "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ip -batch: %v\n%s", err, out)
	}
}

// The lines that name servers, and those that name addresses of the director itself.
var (
	serverLine = regexp.MustCompile(`(?m)^\s*(?:real_server|sorry_server|connect_ip)\s+(\S+)`)
	ownLine    = regexp.MustCompile(`(?m)^\s*(?:bindto|unicast_src_ip)\s+(\S+)`)
)

// addrsBehind are the addresses in such lines, each once.
func addrsBehind(line *regexp.Regexp, conf string) []netip.Addr {
	var all []netip.Addr
	for _, m := range line.FindAllStringSubmatch(conf, -1) {
		if a, err := netip.ParseAddr(m[1]); err == nil && !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	return all
}

// populate opens the ports of a living server: a web server on all that the configuration
// may ask (TLS on 443 and 444), a mail server on 25 and an echo on UDP.
func populate(t *testing.T, h *netlab.Host, a netip.Addr, conf string) {
	t.Helper()
	for _, port := range []uint16{25, 587, 80, 443, 444, 8080, 1358} {
		if !strings.Contains(conf, fmt.Sprint(port)) {
			continue
		}
		at := netip.AddrPortFrom(a, port).String()
		var l net.Listener
		var u net.PacketConn
		var err, err2 error
		h.Do(func() {
			l, err = net.Listen("tcp", at)
			u, err2 = net.ListenPacket("udp", at)
		})
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close(); u.Close() })
		go echo(u)
		switch port {
		case 25, 587:
			go mailServer(l)
		case 443, 444:
			go webServer(tls.NewListener(l, tlsConfig()))
		default:
			go webServer(l)
		}
	}
}

func echo(u net.PacketConn) {
	b := make([]byte, 2048)
	for {
		n, from, err := u.ReadFrom(b)
		if err != nil {
			return
		}
		_, _ = u.WriteTo(b[:n], from)
	}
}

// webServer answers everything with 200 and a page.
func webServer(l net.Listener) {
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a page\n") }),
		ReadHeaderTimeout: time.Minute}
	_ = s.Serve(l)
}

// mailServer greets, answers HELO and QUIT.
func mailServer(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			_, _ = io.WriteString(c, "220 mail.example.org ready\r\n")
			b := make([]byte, 512)
			for {
				n, err := c.Read(b)
				if err != nil {
					return
				}
				answer := "250 mail.example.org\r\n"
				if strings.HasPrefix(strings.ToUpper(string(b[:n])), "QUIT") {
					answer = "221 bye\r\n"
				}
				_, _ = io.WriteString(c, answer)
			}
		}()
	}
}

// tlsConfig has a certificate that nobody signed.
func tlsConfig() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"server.example.org"}}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
