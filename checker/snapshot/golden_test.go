package snapshot

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
	"keepalived/core/clock"
	"keepalived/core/config"
	"keepalived/core/dump"
	"keepalived/core/global"
)

// world is a Director that runs a configuration of testdata.
type world struct {
	t   *testing.T
	cfg *checkercfg.Config
	d   *health.Director
	now clock.Instant
	// down has what does not answer: "10.0.0.1:80", or with a url "10.0.0.1:80 /b".
	down map[string]bool
	exit map[string]int32 // exit statuses of scripts; -1 is over its limit
}

func start(t *testing.T, name string) *world {
	w := &world{t: t, d: health.New(health.Options{}), down: map[string]bool{}, exit: map[string]int32{}}
	w.configure(name)
	return w
}

// configure starts or reloads.
func (w *world) configure(name string) {
	text, err := os.ReadFile("testdata/" + name + ".conf")
	if err != nil {
		w.t.Fatal(err)
	}
	schema := config.NewSchema(slices.Concat(checkercfg.Keywords(), global.Keywords()))
	tree, _ := config.Parse(config.MapFiles{"f": string(text)}, "f", config.Env{}, schema)
	g, _ := global.Decode(tree)
	w.cfg, _ = checkercfg.Load(tree, g)
	w.d.Configure(w.now, translate(w.cfg), &health.Actions{})
}

// translate is what the daemon does.
func translate(cfg *checkercfg.Config) []health.ServiceConfig {
	var out []health.ServiceConfig
	for _, s := range cfg.Services {
		v := health.ServiceConfig{Key: s.Key(), Name: s.Name(), Quorum: s.Quorum, Hysteresis: s.Hysteresis, Omega: s.Omega, Mail: s.Mail}
		if s.Sorry != nil {
			v.Sorry = health.Sorry{Name: s.SorryName(), Inhibit: s.Sorry.Inhibit}
		}
		for _, r := range s.Servers {
			c := health.ServerConfig{Key: r.Key(), Name: r.Name(), Weight: r.Weight, Inhibit: r.Inhibit, Mail: r.Mail}
			for _, k := range r.Checks {
				check := health.CheckerConfig{
					Kind: map[checkercfg.CheckKind]health.Kind{
						checkercfg.TCPCheck: health.TCP, checkercfg.HTTPGet: health.HTTP, checkercfg.SSLGet: health.SSL, checkercfg.MiscCheck: health.Misc,
					}[k.Kind],
					Digest: k.Digest(), Interval: k.DelayLoop, RetryDelay: k.RetryDelay, Warmup: k.Warmup, Retries: k.Retry,
					Alpha: k.Alpha, LogAll: k.LogAll,
				}
				if k.HTTP != nil {
					check.Steps, check.FastRecovery = uint16(len(k.HTTP.URLs)), k.HTTP.FastRecovery
				}
				if k.Misc != nil {
					check.Dynamic = k.Misc.Dynamic
				}
				c.Checks = append(c.Checks, check)
			}
			v.Servers = append(v.Servers, c)
		}
		out = append(out, v)
	}
	return out
}

// run lets time pass.
func (w *world) run(d time.Duration) {
	end := w.now.Add(d)
	for w.d.Next() <= end {
		w.now = w.d.Next()
		p, _ := w.d.Due(w.now)
		server := w.cfg.Service(p.Service.Key).Server(p.Server.Key)
		k := server.Checks[slices.IndexFunc(server.Checks, func(k *checkercfg.Check) bool { return k.Digest() == p.Check.Digest })]
		w.d.Result(w.now, p.Ticket, w.probe(k, int(p.Step)), &health.Actions{})
	}
	w.now = end
}

func (w *world) probe(k *checkercfg.Check, step int) health.Result {
	r := health.Result{OK: true, Started: w.now}
	to := fmt.Sprintf("%s:%d", k.Connection.Addr, k.Connection.Port)
	switch {
	case k.Misc != nil:
		code := w.exit[k.Misc.Script.Argv[0]]
		if code < 0 {
			return health.Result{Started: w.now, Cause: health.CauseScriptLimit}
		}
		r.Code, r.OK = code, code == 0 || code > 1 && k.Misc.Dynamic
		r.HasWeight, r.Weight = code > 1, code-2
	case k.Kind == checkercfg.SSLGet:
		r.OK = false
	case k.HTTP != nil:
		u := k.HTTP.URLs[step]
		r.OK = !w.down[to] && !w.down[to+" "+u.Path] && !strings.HasPrefix(u.Digest, "00000000")
	default:
		r.OK = !w.down[to]
	}
	switch {
	case !r.OK && k.Misc != nil:
		r.Cause = health.CauseExit
	case !r.OK:
		r.Cause = health.CauseRefused
	}
	return r
}

// see compares with what 2.2.7 wrote.
func (w *world) see(name string, differs ...string) {
	w.t.Helper()
	want, err := os.ReadFile("testdata/" + name + ".data")
	if err != nil {
		w.t.Fatal(err)
	}
	s := Take(w.cfg, w.d, Facts{Wall: func(clock.Instant) dump.Wall {
		return dump.Wall{Micros: 1795249976895473, Day: "Sat Nov 21 08:27:56", Year: 2026}
	}})
	if diff := cmp.Diff(plain(strings.NewReplacer(differs...).Replace(string(want))), plain(string(s.Text()))); diff != "" {
		w.t.Errorf("%s (-2.2.7 +ours):\n%s", name, diff)
	}
	if _, err := s.JSON(); err != nil {
		w.t.Error(err)
	}
}

var (
	stamps = regexp.MustCompile(`\d{10}\.\d{6} \(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\.\d{6}\)`)
	// retrying: of a TCP_CHECK that is down the count says only when the dump was made.
	retrying = regexp.MustCompile(`(Up = no\n   Has run = yes(?:\n   .*){6}\n   Retries iterations = )\d`)
)

func plain(s string) string {
	return retrying.ReplaceAllString(stamps.ReplaceAllString(s, "TIME"), "${1}N")
}

// TestGoldenQuorum: quorum, sorry server, alpha, inhibit_on_failure, a mark; reloads.
func TestGoldenQuorum(t *testing.T) {
	t.Parallel()
	w := start(t, "quorum")
	w.see("quorum-start")
	w.run(4 * time.Second)
	w.see("quorum-up")
	w.down["10.0.0.2:80"] = true
	w.run(4 * time.Second)
	w.see("quorum-two-down")
	w.down["10.0.0.1:80"] = true
	w.run(6 * time.Second)
	w.see("quorum-all-down")
	clear(w.down)
	w.run(6 * time.Second)
	w.configure("quorum")
	w.see("quorum-same")
	w.configure("quorum-reloaded")
	w.run(3 * time.Second)
	w.see("quorum-changed")
}

// TestGoldenWeb: HTTP_GET with several urls.
func TestGoldenWeb(t *testing.T) {
	t.Parallel()
	w := start(t, "web")
	w.down["10.0.0.2:80 /c"], w.down["10.0.0.6:81"] = true, true
	w.run(12 * time.Second)
	w.down["10.0.0.1:80"], w.down["10.0.0.2:80"] = true, true
	w.run(30 * time.Second)
	// Which url of the first server fails depends on the moment.
	w.see("web-dead")
}

// TestGoldenMisc: scripts, their weights and limits.
func TestGoldenMisc(t *testing.T) {
	t.Parallel()
	w := start(t, "misc")
	const path = "/etc/keepalived/m"
	all := func(one, two, three int32) {
		w.exit[path+"1.sh"], w.exit[path+"2.sh"], w.exit[path+"3.sh"] = one, two, three
		w.run(10 * time.Second)
	}
	all(0, 0, 0)
	all(12, 1, 5)
	w.configure("misc")
	// The second one ended with 3 here, and 2.2.7 went on showing the 1 with which it had
	// gone down; ours shows the latest.
	all(2, 1, 1)
	w.see("misc-second")
	all(3, 0, 10)
	all(0, 0, 0)
	all(-1, -1, -1)
	w.see("misc-slow")
}

// TestGoldenEndpoints: groups, families, tunnels, flags, persistence, what is inherited.
func TestGoldenEndpoints(t *testing.T) {
	t.Parallel()
	// The check of a server without a port goes to the service's, 2.2.7's to port 0.
	// A service without any weight has no hysteresis; 2.2.7's wraps below zero.
	differs := []string{"Dest = [10.0.0.1]:0", "Dest = [10.0.0.1]:5000", "hysteresis = 4294967295", "hysteresis = 0"}
	w := start(t, "endpoints")
	w.see("endpoints-start", differs...)
	w.down["2001:db8::1:80"], w.down["2001:db8::1:443"], w.down["10.0.0.1:443"] = true, true, true
	w.run(5 * time.Second)
	w.see("endpoints-up", differs...)
}

// TestGoldenDetails: names for SNMP, connections bound to something, SSL_GET, alpha of a
// checker, hysteresis.
func TestGoldenDetails(t *testing.T) {
	t.Parallel()
	w := start(t, "details")
	w.down["10.0.0.2:80"], w.down["10.0.0.77:2"] = true, true
	w.exit["/etc/keepalived/m1.sh"], w.exit["/etc/keepalived/m2.sh"] = 1, 12
	w.see("details-start")
	w.run(2500 * time.Millisecond)
	w.down["10.0.0.77:80"] = true // is noticed after its time limit, when the quorum was reached
	w.run(21 * time.Second)
	w.see("details-first")
}

// TestGoldenSSL: the SSL block, ha_suspend, a checker's own delay_loop and warmup.
func TestGoldenSSL(t *testing.T) {
	t.Parallel()
	w := start(t, "ssl")
	w.run(10 * time.Second)
	w.see("ssl-up", "Password : pw", "Password : ********")
}

// TestGoldenInhibit: alpha and inhibit_on_failure, sorry servers that are always there.
func TestGoldenInhibit(t *testing.T) {
	t.Parallel()
	w := start(t, "inhibit")
	w.see("inhibit-start", "hysteresis = 4294967295", "hysteresis = 0")
	w.run(5 * time.Second)
	w.see("inhibit-two-up", "hysteresis = 4294967295", "hysteresis = 0")
}
