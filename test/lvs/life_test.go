package lvs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// house is a director with a plain service, its servers and a client; the virtual address is
// the director's own, so that only ip_vs matters.
type house struct {
	*network
	d      *director
	webs   []*web
	client *client
}

// foreign is a service that somebody else has made.
var foreign = []string{"-A -t 203.0.113.1:80 -s lc", "-a -t 203.0.113.1:80 -r 203.0.113.7:80 -m -w 5"}

// newHouse makes one, with a service of somebody else in the table; the daemon runs.
func newHouse(t *testing.T, servers int) *house {
	t.Helper()
	h := &house{network: newNetwork(t)}
	h.d = h.director("ours", "192.0.2.1/24", "198.51.100.1/24")
	h.d.host.IP("addr", "add", ownVIP, "dev", "eth0")
	conf := "virtual_server " + vip + " 80 {\n delay_loop 1\n lb_algo rr\n lb_kind NAT\n protocol TCP\n"
	for i := range servers {
		name, addr := string("abcdef"[i])+"-web", fmt.Sprintf("198.51.100.%d", 10+i)
		h.webs = append(h.webs, serve(t, h.server(name, "198.51.100.1", addr+"/24"), name, addr+":80"))
		conf += " real_server " + addr + " 80 {\n  TCP_CHECK {\n   connect_timeout 1\n   retry 1\n   delay_before_retry 1\n  }\n }\n"
	}
	h.d.conf = conf + "}\n"
	h.client = newClient(h.lab.Host("client"))
	h.lab.Attach(h.front, h.client.host, "eth0", "192.0.2.10/24")
	for _, line := range foreign {
		ipvsadm(t, h.d.host, strings.Fields(line)...)
	}
	h.begin()
	return h
}

// begin starts the daemon and waits until it has looked at every server.
func (h *house) begin() {
	h.t.Helper()
	h.d.start("-C")
	h.looked()
}

func (h *house) looked() {
	h.t.Helper()
	for _, w := range h.webs {
		h.d.table.await(h.t, 10*time.Second, time.Time{}, w.addr, true)
		h.d.says(fmt.Sprintf("TCP connection to [%s]:tcp:80 success.", strings.TrimSuffix(w.addr, ":80")))
	}
}

// connections is what the kernel has counted for a server or a service.
func (h *house) connections(addr string) int {
	h.t.Helper()
	for _, l := range ipvsadm(h.t, h.d.host, "-L", "-n", "--stats", "--exact") {
		if w := strings.Fields(l); len(w) > 2 && w[1] == addr {
			n, _ := strconv.Atoi(w[2])
			return n
		}
	}
	return 0
}

// order lists the servers as the kernel does, the one added last first: an entry that was
// removed and added has another place.
func (h *house) order() (servers []string) {
	h.t.Helper()
	out, err := h.d.host.Command("ipvsadm", "-L", "-n", "--nosort").CombinedOutput()
	if err != nil {
		h.t.Fatalf("ipvsadm -L: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if w := strings.Fields(line); len(w) > 4 && w[0] == "->" {
			servers = append(servers, w[1])
		}
	}
	return servers
}

// identity is what an entry that was removed and added does not keep: the service's count
// of connections starts anew, a server's place is another.
type identity struct {
	connections int
	order       []string
}

func (h *house) identity() identity { return identity{h.connections(vip + ":80"), h.order()} }

// kept fails the test when an entry is not the one it was.
func (h *house) kept(before identity, what string) {
	h.t.Helper()
	if now := h.identity(); now.connections < before.connections || !slices.Equal(now.order, before.order) {
		h.t.Errorf("%s removed and added an entry: %+v, before %+v", what, now, before)
	}
}

// counted waits until the kernel, which does that every two seconds, has counted connections.
func (h *house) counted() identity {
	h.t.Helper()
	netlab.Eventually(h.t, 6*time.Second, "connections counted", func() bool { return h.connections(vip+":80") >= len(h.webs) })
	return h.identity()
}

// untouched fails the test when the table was another one at any moment since then.
func (h *house) untouched(since time.Time, what string) {
	h.t.Helper()
	if m := h.d.table.since(since); len(m) > 1 {
		h.t.Errorf("%s changed the table, from\n%s\nto\n%s", what, strings.Join(m[0].text, "\n"), strings.Join(m[1].text, "\n"))
	}
}

// downloads starts one from each server.
func (h *house) downloads() map[byte]*download {
	h.t.Helper()
	by := map[byte]*download{}
	for range 3 * len(h.webs) {
		if len(by) < len(h.webs) {
			d := h.client.download(h.t, vip+":80")
			by[d.who] = d
		}
	}
	if len(by) < len(h.webs) {
		h.t.Fatalf("only %d of %d servers give downloads", len(by), len(h.webs))
	}
	return by
}

// A checker that is killed is not noticed by those who use its service, and the next one
// finds what has died meanwhile.
func TestKernelCheckerKilled(t *testing.T) {
	needs(t)
	h := newHouse(t, 3)
	before, began := ipvsadm(t, h.d.host, "-S", "-n"), time.Now()
	downloads := h.downloads()
	users := h.client.load(t, vip+":80")
	kill := func() (old int) {
		old = h.d.checker()
		if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		return old
	}
	next := func(old int) {
		t.Helper()
		netlab.Eventually(t, 10*time.Second, "the next healthchecker", func() bool { return h.d.checker() != old })
	}

	for range 2 { // the first is started at once, the second after a second
		old, asked := kill(), users.total()
		next(old)
		// It looks at the servers a second and a delay_loop later, at the latest.
		netlab.Eventually(t, 10*time.Second, "further requests", func() bool { return users.total() > asked+100 })
	}
	users.end()
	if len(users.failures) > 0 {
		t.Errorf("of %d requests failed %d, the first: %s", users.total()+len(users.failures), len(users.failures), users.failures[0])
	}
	h.untouched(began, "kill -9 of the healthchecker")
	if after := ipvsadm(t, h.d.host, "-S", "-n"); !slices.Equal(before, after) {
		t.Errorf("the table was\n%s\nand is\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	for who, d := range downloads {
		d.goesOn(t, "kill -9 of the healthchecker, from "+string(who))
	}

	old := kill() // the next comes after two seconds
	died := time.Now()
	h.webs[2].stop()
	next(old)
	// Two seconds until the next one is started, one until it looks, and what the
	// configuration allows: the checker goes on where it was, so its retry counts.
	limit := 2*time.Second + time.Second + delayLoop + connectTimeout + beforeRetry + connectTimeout + time.Second
	at := h.d.table.await(t, limit, died, h.webs[2].addr, false)
	t.Logf("a server that died with no healthchecker running was out %v later", at.Sub(died).Round(time.Millisecond))
	for _, m := range h.d.table.since(died) {
		if !has(m.text, h.webs[0].addr) || !has(m.text, h.webs[1].addr) {
			t.Errorf("a living server was out of the table:\n%s", strings.Join(m.text, "\n"))
		}
	}
	for _, who := range []byte("ab") {
		downloads[who].goesOn(t, "the death of another server")
	}
	if by := h.client.count(t, vip+":80", 10); by["a-web"] != 5 || by["b-web"] != 5 {
		t.Errorf("of 10 requests were answered %v", by)
	}
}

// Whoever dies, ip_vs stays as it is, and the next start takes it over; a stop in good
// order removes what we made and nothing else.
func TestKernelDeaths(t *testing.T) {
	t.Parallel()
	needs(t)
	h := newHouse(t, 2)
	began := time.Now()
	downloads := h.downloads()
	before := h.counted()
	for _, death := range []struct {
		what string
		kill func()
	}{
		{"the parent", func() {
			children := h.d.proc.Descendants()
			h.d.proc.Signal(syscall.SIGKILL)
			h.d.proc.Wait(5 * time.Second)
			netlab.Eventually(t, 10*time.Second, "the end of the orphans", func() bool {
				return !slices.ContainsFunc(children, func(pid int) bool { return syscall.Kill(pid, 0) == nil })
			})
		}},
		{"parent and child", func() { h.d.proc.Crash() }},
	} {
		death.kill()
		for who, d := range downloads {
			d.goesOn(t, "kill -9 of "+death.what+", from "+string(who))
		}
		h.begin()
		for who, d := range downloads {
			d.goesOn(t, "the start after kill -9 of "+death.what+", from "+string(who))
		}
		h.untouched(began, "kill -9 of "+death.what+" or the start after it")
		h.kept(before, "kill -9 of "+death.what+" or the start after it")
	}
	h.d.stop()
	if left := ipvsadm(t, h.d.host, "-S", "-n"); !slices.Equal(left, foreign) {
		t.Errorf("a stop in good order left\n%s\nwant only what is somebody else's", strings.Join(left, "\n"))
	}
}
