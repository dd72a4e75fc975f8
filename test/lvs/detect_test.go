package lvs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// The times of every service of the test, and the slack that detection may take on top of
// what they add up to.
const (
	delayLoop      = 1 * time.Second
	connectTimeout = 1 * time.Second
	beforeRetry    = 1 * time.Second
	slack          = 200 * time.Millisecond
)

// trouble is a way in which a server stops and comes back.
type trouble struct {
	name       string
	check      string // the checker and its own lines
	stop, back func(w *web)
}

func troubles(lan *netlab.LAN) []trouble {
	page := "HTTP_GET {\n url {\n path /\n status_code 200\n }\n"
	return []trouble{
		{"refused", "TCP_CHECK {\n", (*web).stop, (*web).start},
		{"silent", page, func(w *web) { w.become(silent) }, func(w *web) { w.become(answers) }},
		{"wrong", page, func(w *web) { w.become(wrong) }, func(w *web) { w.become(answers) }},
		{"cut off", "TCP_CHECK {\n", func(w *web) { lan.Isolate(w.host, "eth0") }, func(w *web) { lan.Rejoin(w.host, "eth0") }},
	}
}

// A server that has stopped is out of the table within the time that the configuration
// allows for it, and back after its return; the real keepalived looks at the same servers
// at the same time.
func TestKernelDetection(t *testing.T) {
	needs(t)
	n := newNetwork(t)
	var conf strings.Builder
	type patient struct {
		trouble
		retry  int
		server *web
	}
	var patients []patient
	for i, tr := range troubles(n.back) {
		for j, retry := range []int{0, 2} {
			addr := fmt.Sprintf("198.51.100.%d", 10*(i+1)+j)
			name := fmt.Sprintf("s%d-%d", i, retry)
			host := n.server(name, "198.51.100.1", addr+"/24")
			patients = append(patients, patient{tr, retry, serve(t, host, name, addr+":80")})
			fmt.Fprintf(&conf, "virtual_server %s %d {\n delay_loop 1\n lb_algo rr\n lb_kind NAT\n protocol TCP\n real_server %s 80 {\n %s"+
				" connect_timeout 1\n retry %d\n delay_before_retry 1\n }\n }\n}\n", vip, 8000+10*i+j, addr, tr.check, retry)
		}
	}
	directors := []*director{n.director("ours", "192.0.2.1/24", "198.51.100.1/24"), n.director("real", "192.0.2.2/24", "198.51.100.2/24")}
	for _, d := range directors {
		d.conf = conf.String()
		d.start("-C")
		for _, p := range patients {
			d.table.await(t, 10*time.Second, time.Time{}, p.server.addr, true)
		}
	}
	for _, d := range directors { // the first check ever has no retry: let it pass
		netlab.Eventually(t, 10*time.Second, "the first checks of "+d.label, func() bool {
			return strings.Count(d.proc.Log(), " success.")+strings.Count(d.proc.Log(), " succeed on service.") >= len(patients)
		})
	}

	stopped := map[*web]time.Time{}
	for _, p := range patients {
		stopped[p.server] = time.Now()
		p.stop(p.server)
	}
	for _, d := range directors {
		for _, p := range patients {
			limit := delayLoop + connectTimeout + time.Duration(p.retry)*(beforeRetry+connectTimeout) + slack
			at := d.table.await(t, limit+5*time.Second, stopped[p.server], p.server.addr, false)
			judge(t, d, fmt.Sprintf("%s, retry %d: out", p.name, p.retry), at.Sub(stopped[p.server]), limit)
		}
	}
	for _, p := range patients {
		stopped[p.server] = time.Now()
		p.back(p.server)
	}
	for _, d := range directors {
		for _, p := range patients {
			// A check that hangs when the server returns has its time first; a page that is
			// good again counts at the look after that, as in 2.2.7.
			limit := 2*delayLoop + connectTimeout + slack
			at := d.table.await(t, limit+5*time.Second, stopped[p.server], p.server.addr, true)
			judge(t, d, fmt.Sprintf("%s, retry %d: back", p.name, p.retry), at.Sub(stopped[p.server]), limit)
		}
	}
}

// judge notes a time measured; ours must be within the limit.
func judge(t *testing.T, d *director, what string, took, limit time.Duration) {
	t.Helper()
	t.Logf("%-4s  %-22s %6d ms  limit %5d ms", d.label, what, took.Milliseconds(), limit.Milliseconds())
	if strings.HasPrefix(d.label, "ours") && took > limit {
		t.Errorf("%s after %v, the limit is %v", what, took, limit)
	}
}
