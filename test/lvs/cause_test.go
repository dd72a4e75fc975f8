package lvs

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// ailment is a way in which a check finds its server bad.
type ailment struct {
	name  string
	check string // keyword and what is special in its block
	// serve is what the server does with a connection; nil: nothing listens.
	serve func(net.Conn)
	tls   bool
	lost  string // "silent": packets to it are dropped, "unknown": nobody answers ARP, "nowhere": no route
}

// asked reads the request.
func asked(c net.Conn) {
	in := bufio.NewReader(c)
	for {
		line, err := in.ReadString('\n')
		if err != nil || line == "\r\n" {
			return
		}
	}
}

// says answers a request with the text and then does this.
func replies(text string, then func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		asked(c)
		_, _ = fmt.Fprint(c, text)
		then(c)
	}
}

func hangUp(c net.Conn) { c.Close() }

// hold says nothing more until the other side has gone.
func hold(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// cut ends the connection without a word of TLS.
func cut(c net.Conn) {
	if s, ok := c.(*tls.Conn); ok {
		c = s.NetConn()
	}
	c.Close()
}

// reset breaks the connection off.
func reset(c net.Conn) {
	if s, ok := c.(*tls.Conn); ok {
		c = s.NetConn()
	}
	_ = c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

const (
	headOfPage = "HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\n"
	page       = "url {\n path /\n status_code 200\n }\n"
	digested   = "url {\n path /\n digest 0123456789abcdef0123456789abcdef\n }\n"
)

func ailments() []ailment {
	all := []ailment{
		{name: "tcp refused", check: "TCP_CHECK {\n"},
		{name: "tcp silent", check: "TCP_CHECK {\n", lost: "silent"},
		{name: "tcp nowhere", check: "TCP_CHECK {\n", lost: "nowhere"},
		{name: "tcp unknown", check: "TCP_CHECK {\n connect_timeout 5\n", lost: "unknown"},
		{name: "tls noise", check: "SSL_GET {\n" + page, serve: func(c net.Conn) { fmt.Fprint(c, "220 mail\r\n"); hold(c) }},
		{name: "tls silent", check: "SSL_GET {\n" + page, serve: hold},
		// It has read all, so that its end is an end and no reset.
		{name: "tls hang up", check: "SSL_GET {\n" + page, serve: func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)); c.Close() }},
		{name: "tls reset later", check: "SSL_GET {\n" + page, serve: func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); reset(c) }},
		{name: "tls reset", check: "SSL_GET {\n" + page, serve: reset},
		{name: "misc exit", check: "MISC_CHECK {\n misc_path \"/tmp/exit\"\n misc_timeout 2\n"},
		{name: "misc signal", check: "MISC_CHECK {\n misc_path \"/tmp/signal\"\n misc_timeout 2\n"},
		{name: "misc limit", check: "MISC_CHECK {\n misc_path \"/tmp/limit\"\n misc_timeout 1\n"},
		{name: "misc signal, never good", check: "MISC_CHECK {\n misc_path \"/tmp/always\"\n misc_timeout 1\n"},
	}
	for _, kind := range []string{"HTTP_GET", "SSL_GET"} {
		secure := kind == "SSL_GET"
		add := func(name, more, lost string, serve func(net.Conn)) {
			all = append(all, ailment{name: kind + " " + name, check: kind + " {\n" + more, serve: serve, tls: secure, lost: lost})
		}
		add("refused", page, "", nil)
		add("silent", page, "silent", nil)
		add("nowhere", page, "nowhere", nil)
		add("unknown", page+" connect_timeout 5\n", "unknown", nil)
		add("says nothing", page, "", replies("", hold))
		add("closes", page, "", replies("", hangUp))
		add("resets", page, "", replies("", reset))
		add("half a header", page, "", replies("HTTP/1.0 200 OK\r\nContent-", hold))
		add("half a header, closes", page, "", replies("HTTP/1.0 200 OK\r\nContent-", hangUp))
		add("half a header, cut", page, "", replies("HTTP/1.0 200 OK\r\nContent-", cut))
		add("half a header, resets", page, "", replies("HTTP/1.0 200 OK\r\nContent-", reset))
		add("half a body", page, "", replies(headOfPage+"half", hold))
		add("half a body, resets", page, "", replies(headOfPage+"half", reset))
		add("half a body, closes", page, "", replies(headOfPage+"half", hangUp))
		add("half a body, digest", digested, "", replies(headOfPage+"half", hold))
		add("status", page, "", replies("HTTP/1.0 503 Busy\r\n\r\n", hangUp))
		add("no status", page, "", replies("nonsense\r\n\r\n", hangUp))
		add("digest", digested, "", replies("HTTP/1.0 200 OK\r\n\r\nhello", hangUp))
	}
	return all
}

// accept gives every connection to the function.
func accept(l net.Listener, f func(net.Conn)) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			f(c)
		}()
	}
}

// other are those for which ours has other lines; see the ledger.
var other = []string{"tcp nowhere", "HTTP_GET half a body, closes", "SSL_GET half a body, closes", "SSL_GET half a body, resets"}

// ended are the words for a TLS connection that ends before the answer does. Which of them
// it is, of either daemon, is a race between the last record and the end.
var ended = regexp.MustCompile(`^(SSL read error from|Read, no data received from |Read error with) server`)

// sameLines compares what both say of a patient.
func sameLines(patient string, our, real []string) bool {
	return slices.EqualFunc(our, real, func(a, b string) bool {
		return a == b || strings.HasPrefix(patient, "SSL_GET") && ended.MatchString(a) && ended.MatchString(b)
	})
}

// The words in which a check says why it failed are the real keepalived's.
func TestKernelCauses(t *testing.T) {
	t.Parallel()
	needs(t)
	n := newNetwork(t)
	h := n.server("servers", "198.51.100.1", "198.51.100.254/24")
	conf := "global_defs {\n checker_log_all_failures\n script_user root\n enable_script_security\n}\nvirtual_server 192.0.2.100 80 {\n delay_loop 3\n lb_algo rr\n lb_kind NAT\n protocol TCP\n"
	patients, addrs := ailments(), map[string]string{}
	var silent []string
	for i, p := range patients {
		addr := fmt.Sprintf("198.51.100.%d", 10+i)
		if p.lost == "nowhere" {
			addr = fmt.Sprintf("203.0.113.%d", 10+i)
		}
		addrs[p.name] = addr
		if p.lost == "" {
			h.IP("addr", "add", addr+"/24", "dev", "eth0")
		}
		if p.lost == "silent" {
			silent = append(silent, addr)
		}
		if p.serve != nil {
			var l net.Listener
			var err error
			h.Do(func() { l, err = net.Listen("tcp", addr+":80") })
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			if p.tls {
				l = tls.NewListener(l, tlsConfig())
			}
			go accept(l, p.serve)
		}
		if !strings.Contains(p.check, "connect_timeout") && !strings.Contains(p.check, "MISC") {
			p.check += " connect_timeout 1\n"
		}
		conf += " real_server " + addr + " 80 {\n " + p.check + " retry 1\n delay_before_retry 1\n warmup 0\n }\n }\n"
	}
	directors := []*director{n.director("ours", "192.0.2.1/24", "198.51.100.1/24"), n.director("real", "192.0.2.2/24", "198.51.100.2/24")}
	const once = "#!/bin/sh\n[ -e $0.been ] || { : >$0.been; exit 0; }\n"
	files := map[string]string{"/tmp/exit": once + "exit 3\n", "/tmp/signal": once + "kill -9 $$\n", "/tmp/limit": once + "exec sleep 30\n",
		"/tmp/always": "#!/bin/sh\nkill -10 $$\n"}
	for _, d := range directors {
		for _, a := range silent { // the frame arrives at a host that has no such address
			d.host.IP("neigh", "add", a, "lladdr", h.MAC("eth0"), "dev", "eth1", "nud", "permanent")
		}
		d.conf = conf + "}\n"
		d.files = files
		d.start("-C")
	}
	verdicts := regexp.MustCompile(`(?m)(failed|timed out)( after .*| with retry .*)?\.$|failed \(.*\)\.$`)
	for _, d := range directors {
		for _, p := range patients {
			netlab.Await(20*time.Second, func() bool { return verdicts.MatchString(strings.Join(d.about(addrs[p.name]), "\n")) })
		}
	}
	// A script says twice that it fails: each daemon has its last line by then.
	last := regexp.MustCompile(`(?m)(/tmp/exit|/tmp/signal|/tmp/limit)\] (failed|timed out) after`)
	for _, d := range directors {
		netlab.Eventually(t, 20*time.Second, "the verdicts about the scripts", func() bool { return len(last.FindAllString(d.proc.Log(), -1)) == 3 })
	}
	for _, p := range patients {
		our, real := directors[0].about(addrs[p.name]), directors[1].about(addrs[p.name])
		if sameLines(p.name, our, real) == slices.Contains(other, p.name) {
			t.Errorf("%s, known to differ: %v\n  real %s\n  ours %s", p.name, slices.Contains(other, p.name),
				strings.Join(real, "\n       "), strings.Join(our, "\n       "))
		}
	}
}

// about are the lines of the log about a real server, without their time, each once.
func (d *director) about(server string) (lines []string) {
	for l := range strings.Lines(d.proc.Log()) {
		if strings.Contains(l, "["+server+"]") {
			l = logTime.ReplaceAllString(strings.TrimSuffix(l, "\n"), "")
			if !slices.Contains(lines, l) {
				lines = append(lines, l)
			}
		}
	}
	return lines
}

// logTime is what stands before a line on the console.
var logTime = regexp.MustCompile(`^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4}: `)
