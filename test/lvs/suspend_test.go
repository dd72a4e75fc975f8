package lvs

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// suspendConf has a service that is checked only while its address is on the director, and
// beside it one that always is: what that one has found shows that time enough has gone by.
const suspendConf = `virtual_server 192.0.2.100 80 {
 delay_loop 1
 lb_algo rr
 lb_kind NAT
 protocol TCP
 ha_suspend
 real_server 198.51.100.10 80 {
  TCP_CHECK {
   connect_timeout 1
   retry 0
  }
 }
}
virtual_server 192.0.2.101 80 {
 delay_loop 1
 lb_algo rr
 lb_kind NAT
 protocol TCP
 real_server 198.51.100.11 80 {
  TCP_CHECK {
   connect_timeout 1
   retry 2
   delay_before_retry 1
  }
 }
}
`

// With ha_suspend a server stays as it was found while the virtual server's address is not
// on the director, and is looked at when it comes; the log and the dump say so in the words
// of the real keepalived beside it.
func TestKernelSuspend(t *testing.T) {
	t.Parallel()
	needs(t)
	n := newNetwork(t)
	h := n.server("servers", "198.51.100.1", "198.51.100.10/24", "198.51.100.11/24")
	const waiting, always = "198.51.100.10:80", "198.51.100.11:80"
	webs := []*web{serve(t, h, "waiting", waiting), serve(t, h, "always", always)}
	directors := []*director{n.director("ours", "192.0.2.1/24", "198.51.100.1/24"), n.director("real", "192.0.2.2/24", "198.51.100.2/24")}
	each := func(do func(*director)) {
		t.Helper()
		for _, d := range directors {
			do(d)
		}
	}
	const begin, end, wake = "Deactivating healthchecker for service [198.51.100.10]", "Suspending healthchecker for service [198.51.100.10]",
		"Activating healthchecker for service [198.51.100.10]"
	each(func(d *director) {
		d.conf = suspendConf
		d.start("-C")
	})
	each(func(d *director) {
		d.says(begin)
		d.says("TCP connection to [198.51.100.11]:tcp:80 success.")
	})

	stopped := time.Now()
	for _, w := range webs {
		w.stop()
	}
	each(func(d *director) {
		d.table.await(t, 15*time.Second, stopped, always, false)
		if !has(d.table.now(), waiting) {
			t.Errorf("%s: the suspended server has been taken out:\n%s", d.label, d.proc.Log())
		}
	})
	came := time.Now()
	each(func(d *director) { d.host.IP("addr", "add", "192.0.2.100/32", "dev", "eth0") })
	each(func(d *director) {
		d.says(wake)
		d.table.await(t, 10*time.Second, came, waiting, false)
	})
	back := time.Now()
	for _, w := range webs {
		w.start()
	}
	each(func(d *director) {
		d.table.await(t, 10*time.Second, back, waiting, true)
		d.table.await(t, 10*time.Second, back, always, true)
		d.host.IP("addr", "del", "192.0.2.100/32", "dev", "eth0")
		d.says(end)
	})
	stopped = time.Now()
	for _, w := range webs {
		w.stop()
	}
	var said, shown [2][]string
	for i, d := range directors {
		d.table.await(t, 15*time.Second, stopped, always, false)
		if !has(d.table.now(), waiting) {
			t.Errorf("%s: the server that is suspended again has been taken out:\n%s", d.label, d.proc.Log())
		}
		for l := range strings.Lines(d.proc.Log()) {
			l = logTime.ReplaceAllString(strings.TrimSuffix(l, "\n"), "")
			if strings.Contains(l, "[198.51.100.10]") || strings.Contains(l, "reports IP 192.0.2.100") {
				said[i] = append(said[i], l)
			}
		}
		shown[i] = d.shownOf("[192.0.2.100]:tcp:80 -> ")
	}
	if !slices.Equal(said[0], said[1]) {
		t.Errorf("the log\n  real %s\n  ours %s", strings.Join(said[1], "\n       "), strings.Join(said[0], "\n       "))
	}
	if !slices.Equal(shown[0], shown[1]) || !slices.Contains(shown[0], "   Enabled = no") {
		t.Errorf("the dump\n  real %s\n  ours %s", strings.Join(shown[1], "\n       "), strings.Join(shown[0], "\n       "))
	}
}

// shownOf is what the daemon's dump says of a checker, named by how its line begins.
func (d *director) shownOf(name string) (lines []string) {
	d.t.Helper()
	netlab.Eventually(d.t, 10*time.Second, "the dump of "+d.label, func() bool {
		_ = os.Remove(d.proc.Path("/tmp/keepalived_check.data"))
		_ = syscall.Kill(d.checker(), syscall.SIGUSR1)
		return netlab.Await(time.Second, func() bool {
			b, _ := os.ReadFile(d.proc.Path("/tmp/keepalived_check.data"))
			_, text, found := strings.Cut(string(b), "\n "+name)
			end := strings.Index(text, "\n [") // the next one
			if !found || end < 0 {
				return false
			}
			lines = strings.Split(text[:end], "\n")
			return true
		})
	})
	return lines
}
