package daemon

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// change is a reload from one configuration to another.
type change struct {
	name     string
	from, to string
	check    func(r *rig, since time.Time, mon *monitor)
	flaps    bool // the instance may resign
}

// gone waits for an address to go, and checks that its router resigned once.
func (r *rig) gone(since time.Time, addr string, vrid uint8) {
	r.Helper()
	r.lacks(addr)
	resigned := func() (n int) {
		for _, a := range r.own(since) {
			n += btoi(a.VRID == vrid && a.Priority == 0)
		}
		return n
	}
	r.eventually("the resignation", func() bool { return resigned() > 0 })
	if n := resigned(); n != 1 {
		r.Errorf("%d resignations of VRID %d, want 1", n, vrid)
	}
}

// sends waits for VRID 51 to send such adverts.
func (r *rig) sends(what string, ok func(netlab.Advert) bool) {
	r.Helper()
	r.eventually("adverts with "+what, func() bool {
		own := slices.DeleteFunc(r.own(time.Time{}), func(a netlab.Advert) bool { return a.VRID != 51 })
		return len(own) > 0 && ok(own[len(own)-1])
	})
}

var (
	noting = inst{extra: "  notify \"/run/n.sh one\""}
	second = inst{name: "VI_2", vrid: 52, vips: []string{vip2}, extra: "  notify \"/run/n.sh two\""}
	// tracking tracks the script that exiting makes.
	tracking = inst{extra: "  track_script {\n    chk\n  }"}
)

func exiting(status int) block {
	return block(fmt.Sprintf("vrrp_script chk {\n  script \"/bin/sh -c 'exit %d'\"\n  interval 1\n  weight 10\n}", status))
}

func group(members ...string) block {
	return block("vrrp_sync_group G1 {\n  group {\n    " + strings.Join(members, "\n    ") + "\n  }\n}")
}

func addressChanges() []change {
	return []change{
		{name: "address added", from: conf("", inst{}), to: conf("", inst{vips: []string{vip1 + "/24", vip2}}),
			check: func(r *rig, since time.Time, mon *monitor) {
				r.has(vip2)
				r.eventually("its announcement", func() bool { return r.garps(vip2, since) > 0 })
				pause(200 * time.Millisecond)
				if n := r.garps(vip1, since); n > 0 {
					r.Errorf("%d gratuitous ARPs for the address that was there", n)
				}
				if ev := mon.about(vip1); len(ev) > 0 {
					r.Errorf("the address that was there was touched: %v", ev)
				}
				r.sends("both", func(a netlab.Advert) bool { return len(a.Addrs) == 2 })
			}},
		{name: "address removed", from: conf("", inst{vips: []string{vip1 + "/24", vip2}}), to: conf("", inst{}),
			check: func(r *rig, since time.Time, mon *monitor) {
				r.lacks(vip2)
				r.sends("one", func(a netlab.Advert) bool { return len(a.Addrs) == 1 })
				if ev := mon.about(vip1); len(ev) > 0 {
					r.Errorf("the address that stays was touched: %v", ev)
				}
				if n := r.garps(vip1, since); n > 0 {
					r.Errorf("%d gratuitous ARPs", n)
				}
			}},
		{name: "excluded address added", from: conf("", inst{}), to: conf("", inst{extra: "  virtual_ipaddress_excluded {\n    " + vip2 + "\n  }"}),
			check: func(r *rig, since time.Time, _ *monitor) {
				r.has(vip2)
				r.eventually("its announcement", func() bool { return r.garps(vip2, since) > 0 })
				r.sends("one address", func(a netlab.Advert) bool { return len(a.Addrs) == 1 })
			}},
		{name: "label changed", from: conf("", inst{vips: []string{vip1 + "/24 label eth0:a"}}), to: conf("", inst{vips: []string{vip1 + "/24 label eth0:b"}}),
			check: func(r *rig, _ time.Time, mon *monitor) {
				r.eventually("the new label", func() bool { return strings.Contains(r.h.IP("-o", "addr", "show"), "eth0:b") })
				r.has(vip1)
			}},
		{name: "announcements", from: conf("", inst{}), to: conf("  vrrp_garp_interval 0.01", inst{extra: "  garp_master_refresh 1"}), check: func(r *rig, since time.Time, _ *monitor) {
			pause(300 * time.Millisecond)
			if n := r.garps(vip1, since); n > 0 {
				r.Errorf("%d gratuitous ARPs at once", n)
			}
			r.eventually("a refresh", func() bool { return r.garps(vip1, since) > 0 })
		}},
	}
}

func electionChanges() []change {
	return []change{
		{name: "priority up", from: conf("", inst{}), to: conf("", inst{prio: 200}), check: func(r *rig, _ time.Time, _ *monitor) {
			r.sends("it", func(a netlab.Advert) bool { return a.Priority == 200 })
		}},
		{name: "priority down", from: conf("", inst{prio: 200}), to: conf("", inst{prio: 50}), check: func(r *rig, _ time.Time, _ *monitor) {
			r.sends("it", func(a netlab.Advert) bool { return a.Priority == 50 })
		}},
		{name: "interval", from: conf("", inst{}), to: conf("", inst{interval: "0.05"}), check: func(r *rig, _ time.Time, _ *monitor) {
			r.sends("it", func(a netlab.Advert) bool { return a.Interval == 50*time.Millisecond })
			from := time.Now()
			pause(500 * time.Millisecond)
			if n := len(r.own(from)); n < 8 || n > 12 {
				r.Errorf("%d adverts in 500 ms", n)
			}
		}},
		{name: "preempt", from: conf("", inst{}), to: conf("", inst{extra: "  nopreempt"}), check: func(r *rig, _ time.Time, _ *monitor) {
			r.eventually("it in the dump", func() bool {
				r.p.Signal(syscall.SIGUSR1)
				return strings.Contains(r.read("/tmp/keepalived.data"), "Preempt = disabled")
			})
		}},
		{name: "password", from: conf("", inst{version: 2, interval: "1"}), to: conf("", inst{version: 2, interval: "1", extra: "  authentication {\n    auth_type PASS\n    auth_pass 1111\n  }"}),
			check: func(r *rig, _ time.Time, _ *monitor) {
				r.sends("it", func(a netlab.Advert) bool { return a.Auth == "1111" })
			}},
	}
}

func scriptChanges() []change {
	return []change{
		{name: "track script added", from: conf("", inst{}), to: conf("", exiting(0), tracking), check: func(r *rig, _ time.Time, _ *monitor) {
			r.sends("its weight", func(a netlab.Advert) bool { return a.Priority == 110 })
		}},
		{name: "track script changed", from: conf("", exiting(0), tracking), to: conf("", exiting(1), tracking), check: func(r *rig, _ time.Time, _ *monitor) {
			r.says("VRRP_Script(chk) failed (exited with status 1)")
			r.sends("its weight gone", func(a netlab.Advert) bool { return a.Priority == 100 })
		}},
		{name: "track script removed", from: conf("", exiting(0), tracking), to: conf("", inst{}), check: func(r *rig, _ time.Time, _ *monitor) {
			r.sends("its weight gone", func(a netlab.Advert) bool { return a.Priority == 100 })
		}},
		{name: "script's weight", from: conf("", exiting(0), tracking), to: conf("", exiting(0), inst{extra: "  track_script {\n    chk weight 33\n  }"}), check: func(r *rig, _ time.Time, _ *monitor) {
			r.sends("it", func(a netlab.Advert) bool { return a.Priority == 133 })
		}},
		{name: "notify script changed", from: conf("", noting), to: conf("", inst{extra: "  notify \"/run/n.sh other\""}), check: func(r *rig, since time.Time, _ *monitor) {
			notes := r.notes()
			pause(200 * time.Millisecond)
			if got := r.notes(); !slices.Equal(got, notes) {
				r.Errorf("the reload ran %q", got)
			}
			r.steady(51, since, 100*time.Millisecond)
			r.lan.Cut(r.h, "eth0")
			r.eventually("the new script", func() bool { return slices.Contains(r.notes(), "other INSTANCE VI_1 FAULT 100") })
			r.lan.Mend(r.h, "eth0")
		}, flaps: true},
	}
}

func instanceChanges() []change {
	return []change{
		{name: "instance added", from: conf("", inst{}), to: conf("", inst{}, second), check: func(r *rig, since time.Time, _ *monitor) {
			r.has(vip2)
			r.eventually("its notifications", func() bool { return slices.Contains(r.notes(), "two INSTANCE VI_2 MASTER 100") })
			if n := r.garps(vip1, since); n > 0 {
				r.Errorf("%d gratuitous ARPs of the other", n)
			}
		}},
		{name: "instance removed", from: conf("", inst{}, second), to: conf("", inst{}), check: func(r *rig, since time.Time, _ *monitor) {
			r.gone(since, vip2, 52)
			r.eventually("FAULT as its last notification", func() bool { n := r.notes(); return n[len(n)-1] == "two INSTANCE VI_2 FAULT 100" })
			if a := r.ctl("status"); strings.Contains(a.out, "VI_2") || !onlyService(a) {
				r.Errorf("status still has it: %v", a)
			}
		}},
		{name: "instance with notify_deleted removed", from: conf("", inst{}, inst{name: "VI_2", vrid: 52, vips: []string{vip2}, extra: "  notify \"/run/n.sh two\"\n  notify_deleted \"/run/n.sh deleted\""}), to: conf("", inst{}),
			check: func(r *rig, since time.Time, _ *monitor) {
				r.gone(since, vip2, 52)
				r.eventually("DELETED", func() bool {
					return slices.Contains(r.notes(), "two INSTANCE VI_2 DELETED 100") && slices.Contains(r.notes(), "deleted")
				})
				if slices.Contains(r.notes(), "two INSTANCE VI_2 FAULT 100") {
					r.Error("FAULT was told as well")
				}
			}},
		{name: "VRID changed", from: conf("", inst{}, second), to: conf("", inst{}, inst{name: "VI_2", vrid: 62, vips: []string{vip2}}), check: func(r *rig, since time.Time, _ *monitor) {
			r.eventually("adverts of the new VRID", func() bool {
				return slices.ContainsFunc(r.own(since), func(a netlab.Advert) bool { return a.VRID == 62 })
			})
			r.has(vip2)
			n := 0
			for _, a := range r.own(since) {
				n += btoi(a.VRID == 52 && a.Priority == 0)
			}
			if n != 1 {
				r.Errorf("%d resignations of the old VRID", n)
			}
		}},
		{name: "interface changed", from: conf("", inst{}, inst{name: "VI_2", vrid: 52, vips: []string{"198.18.10.101/24"}}),
			to: conf("", inst{}, inst{name: "VI_2", vrid: 52, dev: "eth1", vips: []string{"198.18.10.101/24"}}), check: func(r *rig, since time.Time, _ *monitor) {
				r.eventually("the address on the other interface", func() bool { return strings.Contains(r.h.IP("-o", "addr", "show", "dev", "eth1"), "198.18.10.101/24") })
				if strings.Contains(r.h.IP("-o", "addr", "show", "dev", "eth0"), "198.18.10.101") {
					r.Error("it is still on the first, too")
				}
			}},
	}
}

func groupChanges() []change {
	return []change{
		{name: "sync group made", from: conf("", inst{}, second), to: conf("", group("VI_1", "VI_2"), inst{}, second), check: func(r *rig, _ time.Time, _ *monitor) {
			r.has(vip2)
			if a := r.ctl("status", "--json"); strings.Count(a.out, `"syncGroup":"G1"`) != 2 {
				r.Errorf("status: %v", a)
			}
		}},
		{name: "sync group dissolved", from: conf("", group("VI_1", "VI_2"), inst{}, second), to: conf("", inst{}, second), check: func(r *rig, _ time.Time, _ *monitor) {
			r.has(vip2)
			if a := r.ctl("status"); strings.Contains(a.out, "G1") {
				r.Errorf("status: %v", a)
			}
		}},
		{name: "service added", from: conf("", inst{}), to: conf("", inst{}, service), check: func(r *rig, _ time.Time, _ *monitor) {
			r.says("Starting Healthcheck child process")
			r.eventually("both children", func() bool { return len(r.p.Children()) == 2 })
		}},
		{name: "service removed", from: conf("", inst{}, service), to: conf("", inst{}), check: func(r *rig, _ time.Time, _ *monitor) {
			r.eventually("one child", func() bool { return len(r.p.Children()) == 1 })
		}},
	}
}

// TestReloadChanges: each kind of change does what it says and no more. VI_1 stays
// MASTER with even adverts throughout, unless it says otherwise.
func TestReloadChanges(t *testing.T) {
	for _, tc := range slices.Concat(addressChanges(), electionChanges(), scriptChanges(), instanceChanges(), groupChanges()) {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t)
			r.opts.Files = map[string]string{"/run/n.sh": noteScript}
			r.master(tc.from)
			if strings.Contains(tc.from, "VI_2") {
				r.says("(VI_2) Entering MASTER STATE")
				r.eventually("the notification of VI_2", func() bool {
					return !strings.Contains(tc.from, "two") || slices.Contains(r.notes(), "two INSTANCE VI_2 MASTER 100")
				})
			}
			if strings.Contains(tc.from, "vrrp_script") {
				r.says("VRRP_Script(chk) succeeded")
			}
			pause(150 * time.Millisecond)
			mon := r.monitor()
			masters, since := r.said("(VI_1) Entering "), time.Now()
			r.reload(tc.to)
			tc.check(r, since, mon)
			if tc.flaps {
				return
			}
			if r.said("(VI_1) Entering ") != masters || !r.h.HasAddr(vip1) {
				t.Error("VI_1 did not stay MASTER")
			}
			slow := 100 * time.Millisecond
			if strings.Contains(tc.from, "advert_int 1\n") {
				slow = time.Second
			}
			r.steady(51, since, slow)
		})
	}
}
