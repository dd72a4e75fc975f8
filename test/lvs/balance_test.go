package lvs

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// What seeds 04 and 05, a pair of directors with NAT, name.
const (
	seedVIP     = "172.25.0.100"
	seedGateway = "192.168.122.254" // the servers' way back, also an address that fails over
	// delay_loop 6, connect_timeout 3, retry 3, delay_before_retry 3
	seedDetect = 6*time.Second + 3*time.Second + 3*(3*time.Second+3*time.Second) + slack
	// A page that is good again counts at the look after that, as in 2.2.7.
	seedReturn = 2*6*time.Second + 3*time.Second + slack
)

var digestLine = regexp.MustCompile(`digest [0-9a-f]{32}`)

// seedPair makes the network of the seeds, with directors that run them. The pages of the
// seeds' servers are lost, so the digests are those that genhash finds for ours.
func seedPair(t *testing.T, n *network) (a, b *director, webs []*web) {
	t.Helper()
	for i, at := range []string{"192.168.122.40", "192.168.122.41"} {
		h := n.server([]string{"web1", "web2"}[i], seedGateway, at+"/24")
		webs = append(webs, serve(t, h, h.Name, at+":80"))
	}
	for i, seed := range []string{"seed-04", "seed-05"} {
		d := newDirector(t, n.lab.Host("ours-"+string("ab"[i])), "ours-"+string("ab"[i]), closely)
		n.lab.Attach(n.front, d.host, "eth0", "172.25.0."+string("12"[i])+"/24")
		n.lab.Attach(n.back, d.host, "eth2", "192.168.122."+string("12"[i])+"/24")
		text, err := os.ReadFile("testdata/seeds/" + seed + ".conf")
		if err != nil {
			t.Fatal(err)
		}
		left := webs
		d.conf = digestLine.ReplaceAllStringFunc(string(text), func(string) string {
			w := left[0]
			left = left[1:]
			return "digest " + genhash(t, d, strings.TrimSuffix(w.addr, ":80"))
		})
		if i == 0 {
			a = d
		} else {
			b = d
		}
	}
	return a, b, webs
}

// genhash is the digest that the program and the real genhash print for the server's first page.
func genhash(t *testing.T, d *director, server string) string {
	t.Helper()
	digests := map[string]bool{}
	for _, program := range [][]string{{d.bin, "--genhash"}, {"genhash"}} {
		out, err := d.host.Command(append(program, "-s", server, "-p", "80", "-u", "/")...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", program, err, out)
		}
		digests[strings.TrimSpace(string(out))] = true
	}
	for digest := range digests {
		if len(digest) == 32 && len(digests) == 1 {
			return digest
		}
	}
	t.Fatalf("digests of the two genhash: %v", digests)
	return ""
}

// The whole of it, with a pair of configurations from the field: two directors, two
// servers, a server that dies and returns, a director that dies.
func TestKernelSeedPair(t *testing.T) {
	t.Parallel()
	needs(t, "cmd:genhash")
	n := newNetwork(t)
	a, b, webs := seedPair(t, n)
	c := n.client("172.25.0.10/24")
	both := func(when string) {
		t.Helper()
		if by := c.count(t, seedVIP+":80", 20); by["web1"] < 1 || by["web2"] < 1 || by["web1"]+by["web2"] != 20 {
			t.Errorf("%s: of 20 requests were answered %v, want both servers", when, by)
		}
	}
	a.start()
	b.start()
	for _, d := range []*director{a, b} {
		for _, w := range webs {
			d.table.await(t, 15*time.Second, time.Time{}, w.addr, true)
		}
	}
	netlab.Eventually(t, 15*time.Second, "the virtual addresses on the director of higher priority", func() bool {
		return a.host.HasAddr(seedVIP) && a.host.HasAddr(seedGateway) && !b.host.HasAddr(seedVIP)
	})
	both("at first")

	stopped := time.Now()
	webs[0].stop()
	for _, d := range []*director{a, b} {
		judge(t, d, "seed, refused: out", d.table.await(t, seedDetect+5*time.Second, stopped, webs[0].addr, false).Sub(stopped), seedDetect)
	}
	if by := c.count(t, seedVIP+":80", 10); by["web2"] != 10 {
		t.Errorf("without web1: of 10 requests were answered %v", by)
	}
	stopped = time.Now()
	webs[0].start()
	for _, d := range []*director{a, b} {
		judge(t, d, "seed, refused: back", d.table.await(t, seedReturn+5*time.Second, stopped, webs[0].addr, true).Sub(stopped), seedReturn)
	}
	both("with web1 back")

	n.front.Isolate(a.host, "eth0")
	n.back.Isolate(a.host, "eth2")
	a.proc.Crash()
	c.http.Timeout = 500 * time.Millisecond
	crashed := time.Now()
	netlab.Eventually(t, 10*time.Second, "an answer by the other director", func() bool {
		_, err := c.get(seedVIP + ":80")
		return err == nil
	})
	t.Logf("the first answer through the other director %v after the crash", time.Since(crashed).Round(time.Millisecond))
	c.http.Timeout = 5 * time.Second
	// Requests that came before it had both addresses still weigh on one server.
	by := map[string]int{}
	netlab.Eventually(t, 15*time.Second, "answers by both servers through the other director", func() bool {
		for name, n := range c.count(t, seedVIP+":80", 5) {
			by[name] += n
		}
		return by["web1"] > 0 && by["web2"] > 0
	})
}
