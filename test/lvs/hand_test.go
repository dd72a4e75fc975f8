package lvs

import (
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// period is how often the daemon looks for what others did to its entries.
const period = 5 * time.Second

// What somebody changes with ipvsadm is as before within a period, told in an event, and
// costs no connection.
func TestKernelByHand(t *testing.T) {
	t.Parallel()
	needs(t)
	h := newHouse(t, 2)
	want := ipvsadm(t, h.d.host, "-S", "-n")
	downloads := h.downloads()
	events := h.d.host.Start(netlab.ProcOpts{}, "nsenter", "-m", "-t", strconv.Itoa(h.d.proc.Pid()), ourCtl, "events", "--json", "--no-snapshot")
	const service = vip + ":80"
	first := h.webs[0].addr
	h.counted()
	for i, c := range []struct {
		byHand string
		drift  string // in the event
		keeps  bool   // it is undone by an edit
	}{
		{"-e -t " + service + " -r " + first + " -m -w 77", "changed (weight)", true},
		{"-E -t " + service + " -s wlc -p 60", "changed (scheduler", true},
		{"-a -t " + service + " -r 198.51.100.99:80 -m", "intruder", true},
		{"-d -t " + service + " -r " + first, "vanished", false},
		{"-D -t " + service, "vanished", false},
	} {
		before, at := h.identity(), time.Now()
		ipvsadm(t, h.d.host, strings.Fields(c.byHand)...)
		netlab.Eventually(t, period+2*time.Second, "the table as before ipvsadm "+c.byHand, func() bool {
			return slices.Equal(want, ipvsadm(t, h.d.host, "-S", "-n"))
		})
		t.Logf("ipvsadm %s: as before within %v", c.byHand, time.Since(at).Round(time.Millisecond))
		if c.keeps {
			h.kept(before, "what undid ipvsadm "+c.byHand)
		}
		netlab.Eventually(t, 5*time.Second, "an event about ipvsadm "+c.byHand, func() bool {
			return slices.ContainsFunc(strings.Split(events.Log(), "\n"), func(l string) bool {
				return strings.Contains(l, "tableRepaired") && strings.Contains(l, c.drift) && strings.Contains(l, `"times":"`+strconv.Itoa(i+1)+`"`)
			})
		})
		for who, d := range downloads {
			d.goesOn(t, "ipvsadm "+c.byHand+", from "+string(who))
		}
	}
}

// An operator's word is in force at once and stays over a reload and the death of the
// healthchecker.
func TestKernelOperators(t *testing.T) {
	t.Parallel()
	needs(t)
	h := newHouse(t, 2)
	const service, server = vip + ":80", "198.51.100.10:80"
	// stays reloads, kills the healthchecker and waits for the next one to have looked.
	stays := func(line string, there bool) {
		t.Helper()
		since := time.Now()
		h.d.ctl("reload")
		old := h.d.checker()
		_ = syscall.Kill(old, syscall.SIGKILL)
		netlab.Eventually(t, 10*time.Second, "the next healthchecker", func() bool { return h.d.checker() != old })
		netlab.Eventually(t, 10*time.Second, "what it has to say of "+server, func() bool {
			out, _ := h.d.tryCtl("status")
			return strings.Contains(out, "198.51.100.10")
		})
		netlab.Await(2*time.Second, func() bool { return false }) // it looks at the servers
		for _, m := range h.d.table.since(since) {
			if slices.ContainsFunc(m.text, func(l string) bool { return strings.HasSuffix(l, line) }) != there {
				t.Errorf("%q did not outlive a reload and the healthchecker; the table was\n%s", line, strings.Join(m.text, "\n"))
			}
		}
	}
	// becomes waits for the server's line of the table; "" is none.
	becomes := func(what, line string) {
		t.Helper()
		netlab.Eventually(t, 3*time.Second, what, func() bool {
			text := h.d.table.now()
			if line == "" {
				return !has(text, server)
			}
			return slices.ContainsFunc(text, func(l string) bool { return strings.HasSuffix(l, line) })
		})
	}

	h.d.ctl("server", "weight", service, server, "5")
	becomes("weight 5", server+" Masq 5")
	stays(server+" Masq 5", true)
	h.d.ctl("server", "weight", service, server, "reset")
	becomes("the configured weight", server+" Masq 1")

	var open *download
	for open == nil || open.who != 'a' {
		open = h.client.download(t, service)
	}
	h.d.ctl("server", "drain", service, server, "--why", "a new disk")
	becomes("weight 0 for the drained server", server+" Masq 0")
	if by := h.client.count(t, service, 6); by["b-web"] != 6 {
		t.Errorf("of 6 requests beside a drained server were answered %v", by)
	}
	netlab.Await(2*time.Second, func() bool { return false })
	open.goesOn(t, "the drain")
	if !has(h.d.table.now(), server) {
		t.Error("a draining server was taken out while a download went on")
	}
	open.cancel()
	netlab.Eventually(t, 15*time.Second, "the drained server out of the table", func() bool { return !has(h.d.table.now(), server) })
	if out, _ := h.d.tryCtl("status"); !strings.Contains(out, "a new disk") {
		t.Errorf("status does not tell why:\n%s", out)
	}
	stays(server+" Masq 1", false)
	h.d.ctl("server", "enable", service, server)
	becomes("the enabled server", server+" Masq 1")

	h.d.ctl("server", "disable", service, server)
	becomes("no disabled server", "")
	stays(server+" Masq 1", false)
	h.d.ctl("server", "enable", service, server)
	becomes("the enabled server", server+" Masq 1")
	if by := h.client.count(t, service, 6); by["a-web"] != 3 || by["b-web"] != 3 {
		t.Errorf("of 6 requests at the end were answered %v", by)
	}
}
