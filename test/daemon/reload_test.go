package daemon

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// noted is a script that writes its arguments and whether the address is there.
const noteScript = `#!/bin/sh
a=no
ip -o addr show | grep -q " 198.18.9.100/" && a=yes
echo "$(date +%s.%N) $a $*" >>/run/notes
`

// notes returns what the note script has written: the arguments of each run.
func (r *rig) notes() []string {
	var out []string
	for line := range strings.Lines(r.read("/run/notes")) {
		if f := strings.SplitN(strings.TrimSpace(line), " ", 3); len(f) == 3 {
			out = append(out, f[2])
		}
	}
	return out
}

// TestReloadUnchanged: the same file again, by signal and by keepalivedctl, touches nothing.
func TestReloadUnchanged(t *testing.T) {
	r := newRig(t)
	r.opts.Files = map[string]string{"/run/n.sh": noteScript, "/run/chk.sh": "#!/bin/sh\nexit 0\n"}
	text := conf("  notify_fifo /run/fifo", block("vrrp_script chk {\n  script /run/chk.sh\n  interval 1\n}"),
		block("vrrp_sync_group G1 {\n  group {\n    VI_1\n    VI_2\n  }\n  notify \"/run/n.sh group\"\n}"),
		inst{vips: []string{vip1 + "/24", "198.18.9.102/24 dev eth1 label eth1:x"}, extra: "  notify \"/run/n.sh\"\n  track_script {\n    chk\n  }"},
		inst{name: "VI_2", vrid: 52, vips: []string{vip2}, extra: "  virtual_ipaddress_excluded {\n    2001:db8::7/64\n  }"}, service)
	r.master(text)
	r.has(vip2)
	r.eventually("the notifications", func() bool { return len(r.notes()) >= 4 })
	r.says("VRRP_Script(chk) succeeded")
	mon := r.monitor()
	pause(300 * time.Millisecond)
	since, notes, states := time.Now(), len(r.notes()), r.said(" STATE")
	gen, pids := r.generation(), r.children()
	for range 3 {
		r.reload(text)
	}
	if a := r.ctl("reload"); a.status != 0 || !strings.Contains(a.out, "vrrp: 2 kept") {
		t.Errorf("keepalivedctl reload: %v", a)
	}
	pause(500 * time.Millisecond)
	if n := r.garps(vip1, since) + r.garps(vip2, since); n > 0 {
		t.Errorf("%d gratuitous ARPs", n)
	}
	if ev := mon.since(since); len(ev) > 0 {
		t.Errorf("the kernel was touched: %v", ev)
	}
	if got := r.notes(); len(got) != notes {
		t.Errorf("notify scripts ran: %q", got[notes:])
	}
	if got := r.said(" STATE"); got != states {
		t.Error("a state changed")
	}
	r.steady(51, since, 100*time.Millisecond)
	r.steady(52, since, 100*time.Millisecond)
	if got := r.generation(); got != gen+4 {
		t.Errorf("generation %d after 4 reloads, it was %d", got, gen)
	}
	if got := r.children(); got != pids {
		t.Error("a child was started again")
	}
}

var generationText = regexp.MustCompile(`generation (\d+)`)

func (r *rig) generation() int {
	r.Helper()
	n := -1
	if m := generationText.FindStringSubmatch(r.ctl("status").out); m != nil {
		fmt.Sscan(m[1], &n)
	}
	return n
}

// TestReloadRefused: what could not start is not taken, as a whole, by neither child.
func TestReloadRefused(t *testing.T) {
	good := conf("", inst{}, inst{name: "VI_2", vrid: 52, vips: []string{vip2}}, service)
	// Each wrong file would also remove VI_2 and add an address.
	wrong := func(more ...fmt.Stringer) string {
		return conf("", append([]fmt.Stringer{inst{vips: []string{vip1 + "/24", "198.18.9.105"}}, service}, more...)...)
	}
	for _, tc := range []struct{ name, text, why string }{
		{"missing argument", wrong(block("vrrp_instance VI_3 {\n  virtual_router_id\n}")), "missing a parameter"},
		{"doubled VRID", wrong(inst{name: "VI_3", vips: []string{"198.18.9.107"}}), "VRID 51"},
		{"no VRID", wrong(block(strings.ReplaceAll(inst{name: "VI_3"}.String(), "virtual_router_id 51", ""))), "virtual router id"},
		{"missing interface", wrong(inst{name: "VI_3", vrid: 53, dev: "eth9", vips: []string{"198.18.9.107"}}), "eth9"},
		{"no file", "", "cannot be read"},
		{"a directory", "DIR", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t)
			notify := listenNotify(t, r)
			r.master(good)
			r.has(vip2)
			mon := r.monitor()
			since, gen, pids, states := time.Now(), r.generation(), r.children(), r.said(" STATE")
			r.write(tc.text)
			if tc.text == "" || tc.text == "DIR" {
				if err := os.Remove(r.p.Path(confPath)); err != nil {
					t.Fatal(err)
				}
			}
			if tc.text == "DIR" {
				if err := os.Mkdir(r.p.Path(confPath), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			r.p.Signal(syscall.SIGHUP)
			r.says("Reload refused, the old configuration stays")
			a := r.ctl("reload")
			if a.status != 1 || !strings.Contains(a.err, "refused") || !strings.Contains(a.err, tc.why) {
				t.Errorf("keepalivedctl reload: %v", a)
			}
			a = r.ctl("status")
			if a.status != 1 || !strings.Contains(a.out, "refused") || !strings.Contains(a.out, tc.why) || r.generation() != gen {
				t.Errorf("keepalivedctl status: %v", a)
			}
			r.eventually("STATUS to tell", func() bool {
				return slices.ContainsFunc(notify.list(), func(m string) bool {
					return strings.Contains(m, "STATUS=Reload refused") && strings.Contains(m, "READY=1")
				})
			})
			pause(300 * time.Millisecond)
			r.steady(51, since, 100*time.Millisecond)
			r.steady(52, since, 100*time.Millisecond)
			if ev := mon.since(since); len(ev) > 0 {
				t.Errorf("the kernel was touched: %v", ev)
			}
			if n := r.garps(vip1, since); n > 0 || r.said(" STATE") != states || r.children() != pids {
				t.Errorf("something happened: %d announcements, %d state lines, children %v", n, r.said(" STATE")-states, r.p.Children())
			}
			// And then a good one is taken.
			_ = os.Remove(r.p.Path(confPath))
			r.reload(good)
			if a := r.ctl("status"); !strings.Contains(a.out, " applied\n") || !onlyService(a) {
				t.Errorf("after a good reload: %v", a)
			}
		})
	}
}

// TestReloadApplied: what keepalived applies with a complaint is applied.
func TestReloadApplied(t *testing.T) {
	changed := conf("", inst{vips: []string{vip1 + "/24", vip2}})
	for name, text := range map[string]string{
		"unknown keyword":   changed + "frobnicate 1\n",
		"bad number":        strings.Replace(changed, "garp_master_repeat 1", "garp_master_repeat many", 1),
		"missing script":    strings.Replace(changed, "advert_int", "  notify /run/nothere.sh\n  advert_int", 1),
		"include of naught": changed + "include /run/nowhere*.conf\n",
		"missing brace":     strings.TrimSuffix(changed, "}\n"),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.master(conf("", inst{}))
			since := time.Now()
			r.reload(text)
			r.has(vip2)
			r.steady(51, since, 100*time.Millisecond)
		})
	}
}

// TestReloadStorm: ten reloads a second of good and bad files disturb no advert.
func TestReloadStorm(t *testing.T) {
	r := newRig(t)
	r.opts.Files = map[string]string{"/run/n.sh": noteScript}
	base := inst{extra: "  notify \"/run/n.sh\""}
	files := []string{
		conf("", base), conf("", base, service), conf("", base, inst{name: "VI_2", vrid: 52, vips: []string{vip2}}),
		conf("", base) + "vrrp_instance VI_3 {\n virtual_router_id\n}\n",
		conf("", base, inst{name: "VI_2", vrid: 51, vips: []string{vip2}}), "", "}}}}{{{",
		conf("", inst{prio: 120, extra: base.extra}), conf("", base) + "frobnicate {\n",
	}
	began := time.Now()
	r.master(files[0])
	r.eventually("its only announcement", func() bool { return r.garps(vip1, began) == 1 })
	since, states := time.Now(), r.said("(VI_1) Entering ")
	vrrp := r.vrrpPid()
	for i := range 50 {
		text := files[(i*5+i/9)%len(files)]
		if text == "" || strings.HasPrefix(text, "}") {
			text = files[3] // an empty file would remove the instance, and rightly so
		}
		r.write(text)
		r.p.Signal(syscall.SIGHUP)
		pause(100 * time.Millisecond)
	}
	r.reload(files[0])
	pause(200 * time.Millisecond)
	// Fifty starts and stops of a checker child beside the other tests' daemons are work
	// for two cores: two late adverts are let pass, but none as late as a takeover.
	late, last := 0, since
	for _, a := range r.own(since) {
		if a.VRID != 51 {
			continue
		}
		gap := a.At.Sub(last)
		late, last = late+btoi(gap > 100*time.Millisecond+slack), a.At
		if a.Priority == 0 || gap > 300*time.Millisecond || late > 2 {
			t.Errorf("an advert of priority %d after %v, %d late ones", a.Priority, gap, late)
		}
	}
	if r.said("(VI_1) Entering ") != states || r.vrrpPid() != vrrp || !r.h.HasAddr(vip1) {
		t.Error("the state changed")
	}
	if n := r.garps(vip1, since); n > 0 {
		t.Errorf("%d gratuitous ARPs", n)
	}
	r.lacks(vip2)
	if a := r.ctl("status"); a.status != 0 {
		t.Errorf("status: %v", a)
	}
}

// TestDryRun: --dry-run tells and does nothing.
func TestDryRun(t *testing.T) {
	r := newRig(t)
	notify := listenNotify(t, r)
	r.master(conf("", inst{}, inst{name: "VI_2", vrid: 52, vips: []string{vip2}}, inst{name: "VI_4", vrid: 54, vips: []string{"198.18.9.104"}}))
	r.has(vip2)
	mon := r.monitor()
	since, gen, told, said := time.Now(), r.generation(), len(notify.list()), r.said("Reloading")
	r.write(conf("", inst{prio: 120}, inst{name: "VI_3", vrid: 53, vips: []string{"198.18.9.103"}}, inst{name: "VI_4", vrid: 55, vips: []string{"198.18.9.104"}}))
	a := r.ctl("reload", "--dry-run")
	if a.status != 0 || !regexp.MustCompile(`vrrp: 0 kept, .*changed \(VI_1\), .*restarted \(VI_4\), .*removed \(VI_2\), .*added \(VI_3\)`).MatchString(a.out) {
		t.Errorf("keepalivedctl reload --dry-run: %v", a)
	}
	r.write(conf("", inst{dev: "eth9"}))
	if a := r.ctl("reload", "--dry-run"); a.status != 1 || !strings.Contains(a.err, "eth9") {
		t.Errorf("--dry-run of what cannot run: %v", a)
	}
	pause(300 * time.Millisecond)
	r.steady(51, since, 100*time.Millisecond)
	r.steady(52, since, 100*time.Millisecond)
	if ev := mon.since(since); len(ev) > 0 || r.generation() != gen || len(notify.list()) != told || r.said("Reloading") != said {
		t.Errorf("something was done: %v", ev)
	}
	if a := r.ctl("status"); a.status != 0 {
		t.Errorf("status: %v", a)
	}
}

// TestServiceManager: what is told on NOTIFY_SOCKET, in its order.
func TestServiceManager(t *testing.T) {
	r := newRig(t)
	notify := listenNotify(t, r)
	r.launch(conf("", inst{}))
	r.eventually("READY=1", func() bool {
		return slices.ContainsFunc(notify.list(), func(m string) bool { return hasLine(m, "READY=1") })
	})
	if r.said("Startup complete") == 0 || r.pid("/run/vrrp.pid") == 0 {
		t.Error("READY=1 came before the start was complete")
	}
	before := monotonic()
	r.reload(conf("", inst{prio: 120}))
	var reloading, ready string
	r.eventually("RELOADING=1 and READY=1", func() bool {
		reloading, ready = "", ""
		for _, m := range notify.list() {
			if hasLine(m, "RELOADING=1") {
				reloading, ready = m, ""
			} else if reloading != "" && hasLine(m, "READY=1") {
				ready = m
			}
		}
		return ready != ""
	})
	m := regexp.MustCompile(`(?m)^MONOTONIC_USEC=(\d+)$`).FindStringSubmatch(reloading)
	var usec int64
	if m != nil {
		fmt.Sscan(m[1], &usec)
	}
	if now := monotonic(); usec < before || usec > now {
		t.Errorf("MONOTONIC_USEC=%d is not between %d and %d: %q", usec, before, now, reloading)
	}
	if !strings.Contains(ready, "STATUS=") {
		t.Errorf("no STATUS with READY: %q", ready)
	}
	r.stop()
	r.eventually("STOPPING=1", func() bool {
		return slices.ContainsFunc(notify.list(), func(m string) bool { return hasLine(m, "STOPPING=1") })
	})
	list := notify.list()
	// Scripts and children have no business with the socket.
	if n := strings.Count(strings.Join(list, "\n"), "MAINPID"); n > 0 {
		t.Errorf("MAINPID was sent: %q", list)
	}
}

func hasLine(message, line string) bool {
	return slices.Contains(strings.Split(message, "\n"), line)
}

// listenNotify gives the rig a NOTIFY_SOCKET; call it before the start.
func listenNotify(t *testing.T, r *rig) *datagrams {
	t.Helper()
	d := listenDatagrams(t)
	r.opts.Keep = append(r.opts.Keep, filepath.Dir(d.path))
	r.opts.Env = append(r.opts.Env, "NOTIFY_SOCKET="+d.path)
	return d
}
