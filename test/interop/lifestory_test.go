package interop

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"keepalived/test/netlab"
)

// head is the beginning of every configuration of the stories.
const head = `global_defs {
 vrrp_version 3
 vrrp_garp_master_delay 0
 vrrp_garp_master_repeat 2
 vrrp_garp_lower_prio_repeat 0
 script_user root
 MORE
}
`

// defs is the head with more settings.
func defs(more ...string) string { return strings.Replace(head, "MORE", strings.Join(more, "\n "), 1) }

// inst is an instance on eth0 of priority 100, unless a line of more says otherwise.
func inst(name, vrid, vip string, more ...string) string {
	keep := func(line string) string { // the default, unless more has the keyword
		word, _, _ := strings.Cut(line, " ")
		if slices.ContainsFunc(more, func(l string) bool { return strings.HasPrefix(l, word+" ") }) {
			return ""
		}
		return " " + line + "\n"
	}
	return "vrrp_instance " + name + " {\n" + keep("state BACKUP") + keep("interface eth0") + keep("virtual_router_id "+vrid) + keep("priority 100") + keep("advert_int 0.1") +
		" " + strings.Join(more, "\n ") + "\n virtual_ipaddress {\n  " + vip + "\n }\n}\n"
}

func vi1(more ...string) string { return inst("VI_1", "51", "192.0.2.100/24", more...) }
func vi2(more ...string) string { return inst("VI_2", "52", "192.0.2.102/24", more...) }

func garps(addr string) []string {
	line := "Sending gratuitous ARP on eth0 for " + addr
	return []string{line, line}
}

// signal is a signal to the daemon.
func signal(sig syscall.Signal) func(*life) { return func(l *life) { l.proc.Signal(sig) } }

// dump is a signal that has the daemon write a file.
func dump(sig syscall.Signal, file string) func(*life) {
	return func(l *life) {
		l.proc.Signal(sig)
		netlab.Await(5*time.Second, func() bool { _, err := os.Stat(l.proc.Path(file)); return err == nil })
	}
}

// reload replaces the configuration and has the daemon read it.
func reload(conf string) func(*life) {
	return func(l *life) {
		if err := os.WriteFile(l.proc.Path("/etc/keepalived/keepalived.conf"), []byte(conf), 0o644); err != nil {
			l.t.Error(err)
		}
		l.proc.Signal(syscall.SIGHUP)
	}
}

// status sets what the tracked script returns from now on.
func status(value string) func(*life) {
	return func(l *life) {
		if err := os.WriteFile(l.proc.Path("/run/status"), []byte(value), 0o644); err != nil {
			l.t.Error(err)
		}
	}
}

// address adds or removes an address of eth0.
func address(what, addr string) func(*life) {
	return func(l *life) {
		args := []string{"addr", what, addr, "dev", "eth0"}
		if what == "add" && strings.Contains(addr, ":") {
			args = append(args, "nodad")
		}
		l.host.IP(args...)
	}
}

// link runs `ip link set eth0` on the daemon's host.
func link(args ...string) func(*life) {
	return func(l *life) { l.host.IP(append([]string{"link", "set", "eth0"}, args...)...) }
}

var checkFiles = map[string]string{"/run/check": "#!/bin/sh\nexit $(cat /run/status)\n", "/run/status": "0"}

func script(name string, more ...string) string {
	return "vrrp_script " + name + " {\n script /run/check\n interval 1\n " + strings.Join(more, "\n ") + "\n}\n"
}

func began(more ...string) act {
	return act{name: "start", until: append([]string{"Startup complete"}, more...)}
}

var (
	reloadDone = []string{"Reload complete"}
	ended      = act{name: "stop", do: signal(syscall.SIGTERM), until: []string{"Stopped Keepalived ..."}}
	takesOver  = append([]string{"(VI_1) Entering MASTER STATE"}, garps("192.0.2.100")...)
	both       = slices.Concat(garps("192.0.2.100"), garps("192.0.2.102"))
)

// stories are what the daemons live through.
func stories() []story {
	return slices.Concat(reloadStories(), trackStories(), linkStories(), groupStories(), peerStories(), otherStories())
}

func reloadStories() []story {
	one := defs() + vi1()
	return []story{
		{name: "reload: addresses and priority", conf: one, acts: []act{
			began(takesOver...),
			{name: "no change", do: reload(one), until: reloadDone},
			{name: "address added", do: reload(defs() + inst("VI_1", "51", "192.0.2.100/24\n  192.0.2.101/24")), until: append(garps("192.0.2.101"), reloadDone...)},
			{name: "address removed", do: reload(one), until: reloadDone},
			{name: "priority", do: reload(defs() + vi1("priority 120")), until: reloadDone},
			ended,
		}},
		{name: "reload: instances", conf: one, acts: []act{
			began(takesOver...),
			{name: "instance added", do: reload(one + vi2()), until: append(garps("192.0.2.102"), reloadDone...)},
			{name: "sync group added", do: reload("vrrp_sync_group G1 {\n group {\n  VI_1\n  VI_2\n }\n}\n" + one + vi2()), until: reloadDone},
			{name: "sync group removed", do: reload(one + vi2()), until: reloadDone},
			{name: "instance removed", do: reload(one), until: reloadDone},
			ended,
		}},
		{name: "reload: track scripts", conf: one, files: checkFiles, acts: []act{
			began(takesOver...),
			{name: "script added", do: reload(defs() + script("chk", "weight 10") + vi1("track_script {\n chk\n}")), until: append([]string{"VRRP_Script(chk) succeeded", "(VI_1) Changing effective priority from 100 to 110"}, reloadDone...)},
			{name: "script changed", do: reload(defs() + script("chk", "weight 20") + vi1("track_script {\n chk\n}")), until: reloadDone},
			{name: "script removed", do: reload(one), until: reloadDone},
			ended,
		}},
		{name: "reload: authentication, version", conf: defs() + vi1("version 2", "advert_int 1", "authentication {\n auth_type PASS\n auth_pass one\n}"), acts: []act{
			began(takesOver...),
			{name: "password", do: reload(defs() + vi1("version 2", "advert_int 1", "authentication {\n auth_type PASS\n auth_pass two\n}")), until: reloadDone},
			{name: "none", do: reload(defs() + vi1("version 2", "advert_int 1")), until: reloadDone},
			{name: "version", do: reload(one), until: reloadDone},
			{name: "interval", do: reload(defs() + vi1("advert_int 0.2")), until: reloadDone},
			ended,
		}},
		{name: "reload: a broken file", conf: one, acts: []act{
			began(takesOver...),
			{name: "complaints", do: reload(defs("frobnicate 1") + vi1("priority 300", "nonsense", "authentication {\n auth_type PASS\n auth_pass toolongpassword\n}")), until: reloadDone},
			{name: "no brace at the end", do: reload(strings.TrimSuffix(strings.TrimSpace(one), "}")), until: reloadDone},
			ended,
		}},
		{name: "complaints at the start", conf: defs("frobnicate 1") + vi1("priority 300", "nonsense", "authentication {\n auth_type PASS\n auth_pass toolongpassword\n}"), acts: []act{began(takesOver...), ended}},
		{name: "reload: vrid, interface, unicast", conf: one, acts: []act{
			began(takesOver...),
			{name: "vrid", do: reload(defs() + vi1("virtual_router_id 77")), until: append(takesOver, reloadDone...)},
			{name: "unicast", do: reload(defs() + vi1("virtual_router_id 77", "unicast_peer {\n  192.0.2.2\n }")), until: append(takesOver, reloadDone...)},
			{name: "excluded", do: reload(defs() + vi1("virtual_router_id 77", "unicast_peer {\n  192.0.2.2\n }", "virtual_ipaddress_excluded {\n  192.0.2.103/24\n }")), until: append(garps("192.0.2.103"), reloadDone...)},
			ended,
		}},
		{name: "reload: addresses of all kinds", conf: defs() + inst("VI_1", "51", "192.0.2.100/24\n  192.0.2.101/32 dev eth0 label eth0:1 scope link\n  198.51.100.9/32 dev eth1", "virtual_ipaddress_excluded {\n  192.0.2.103\n  2001:db8::5/64\n }"), acts: []act{
			began(takesOver...),
			{name: "removed", do: reload(one), until: reloadDone},
			ended,
		}},
		{name: "reload: a failing script", conf: defs() + script("chk", "weight 10") + vi1("track_script {\n chk\n}"), files: map[string]string{"/run/check": checkFiles["/run/check"], "/run/status": "1"}, acts: []act{
			began(append(takesOver, "VRRP_Script(chk) failed (exited with status 1)")...),
			{name: "no change", do: reload(defs() + script("chk", "weight 10") + vi1("track_script {\n chk\n}")), until: reloadDone},
			ended,
		}},
		{name: "reload as backup", conf: one, acts: []act{
			began(takesOver...),
			{name: "higher", do: sends(forged{priority: 200, interval: 4000}), until: []string{"(VI_1) Entering BACKUP STATE", "(VI_1) removing VIPs."}},
			{name: "no change", do: reload(one), until: reloadDone},
			{name: "address added", do: reload(defs() + inst("VI_1", "51", "192.0.2.100/24\n  192.0.2.101/24")), until: reloadDone},
			{name: "priority", do: reload(defs() + inst("VI_1", "51", "192.0.2.100/24", "priority 50")), until: reloadDone},
			ended,
		}},
	}
}

func trackStories() []story {
	tracked := "track_script {\n  chk\n }"
	return []story{
		{name: "script without weight", files: checkFiles, conf: defs() + script("chk", "fall 2", "rise 2") + vi1(tracked), acts: []act{
			began(takesOver...),
			{name: "fails", do: status("1"), until: []string{"(VI_1) Entering FAULT STATE", "(VI_1) removing VIPs."}},
			{name: "another status", do: status("3"), until: []string{"Script `chk` now returning 3"}},
			{name: "recovers", do: status("0"), until: takesOver},
			ended,
		}},
		{name: "script with weight", files: checkFiles, conf: defs() + script("chk", "weight -20") + vi1(tracked), acts: []act{
			began(append(takesOver, "VRRP_Script(chk) succeeded")...),
			{name: "fails", do: status("1"), until: []string{"(VI_1) Changing effective priority from 100 to 80"}},
			{name: "recovers", do: status("0"), until: []string{"(VI_1) Changing effective priority from 80 to 100"}},
			ended,
		}},
		{name: "script that fails from the start", files: map[string]string{"/run/check": checkFiles["/run/check"], "/run/status": "1"}, conf: defs() + script("chk", "init_fail") + vi1(tracked), acts: []act{
			began("Script `chk` now returning 1"),
			{name: "recovers", do: status("0"), until: takesOver},
			ended,
		}},
		{name: "script that hangs, script that is not there", files: map[string]string{"/run/check": "#!/bin/sh\ncase $(cat /run/status) in hang) exec tail -f /dev/null;; esac\nexit 0\n", "/run/status": "0"},
			conf: defs() + script("chk", "timeout 1") + "vrrp_script gone {\n script /run/nowhere\n interval 1\n}\n" + vi1("track_script {\n  chk\n  gone\n }"), acts: []act{
				began(takesOver...),
				{name: "hangs", do: status("hang"), until: []string{"VRRP_Script(chk) timed_out", "(VI_1) removing VIPs."}},
				{name: "recovers", do: status("0"), until: takesOver},
				ended,
			}},
	}
}

func linkStories() []story {
	return []story{
		{name: "link down and up", conf: defs() + vi1(), acts: []act{
			began(takesOver...),
			{name: "no carrier", do: func(l *life) { l.lan.Cut(l.host, "eth0") }, until: []string{"(VI_1) Entering FAULT STATE", "(VI_1) removing VIPs."}},
			{name: "carrier", do: func(l *life) { l.lan.Mend(l.host, "eth0") }, until: takesOver},
			{name: "down", do: link("down"), until: []string{"(VI_1) Entering FAULT STATE", "(VI_1) removing VIPs."}},
			{name: "up", do: link("up"), until: takesOver},
			ended,
		}},
		{name: "tracked interface without weight, down at the start", before: func(l *life) { l.host.IP("link", "set", "eth1", "down") }, conf: defs() + vi1("track_interface {\n  eth1\n }"), acts: []act{
			began("(VI_1) removing VIPs."),
			{name: "up", do: func(l *life) { l.host.IP("link", "set", "eth1", "up") }, until: takesOver},
			ended,
		}},
		{name: "tracked interface", conf: defs() + vi1("track_interface {\n  eth1 weight 10\n }"), acts: []act{
			began(takesOver...),
			{name: "down", do: func(l *life) { l.host.IP("link", "set", "eth1", "down") }, until: []string{"(VI_1) Changing effective priority from 110 to 100"}},
			{name: "up", do: func(l *life) { l.host.IP("link", "set", "eth1", "up") }, until: []string{"(VI_1) Changing effective priority from 100 to 110"}},
			ended,
		}},
		{name: "link down at the start", before: func(l *life) { l.host.IP("link", "set", "eth0", "down") }, conf: defs() + vi1(), acts: []act{
			began(),
			{name: "up", do: link("up"), until: takesOver},
			ended,
		}},
		{name: "no address at the start", before: func(l *life) { l.host.IP("addr", "flush", "dev", "eth0") }, conf: defs() + inst("VI_1", "51", "192.0.2.100/32"), acts: []act{
			began(),
			{name: "address", do: address("add", "192.0.2.1/24"), until: takesOver},
			{name: "address gone", do: address("del", "192.0.2.1/24"), until: []string{"(VI_1) Entering FAULT STATE"}},
			ended,
		}},
		{name: "addresses of others", conf: defs() + vi1(), acts: []act{
			began(takesOver...),
			{name: "added", do: address("add", "192.0.2.7/24")},
			{name: "removed", do: address("del", "192.0.2.7/24")},
			{name: "added", do: address("add", "2001:db8::7/64")},
			{name: "added", do: address("add", "fe80::7/64")},
			{name: "removed", do: address("del", "2001:db8::7/64")},
			{name: "higher", do: sends(forged{priority: 200, interval: 4000}), until: []string{"(VI_1) removing VIPs."}},
			{name: "added", do: address("add", "192.0.2.100/24")},
			ended,
		}},
	}
}

func groupStories() []story {
	tracked := "track_script {\n  chk\n }"
	return []story{
		{name: "sync group, the link of one down at the start", before: func(l *life) { l.host.IP("link", "set", "eth1", "down") }, conf: defs() + "vrrp_sync_group G1 {\n group {\n  VI_1\n  VI_2\n }\n}\n" + vi1() + vi2("interface eth1", "priority 50"), acts: []act{
			began("(VI_1) removing VIPs."),
			{name: "up", do: func(l *life) { l.host.IP("link", "set", "eth1", "up") }, until: garps("192.0.2.100")},
			ended,
		}},
		{name: "sync group, a script to wait for in the second", files: checkFiles, conf: defs() + "vrrp_sync_group G1 {\n group {\n  VI_1\n  VI_2\n }\n}\n" + script("chk") + vi1() + vi2(tracked, "priority 50"), acts: []act{
			began(both...),
			ended,
		}},
		{name: "sync group, plain", conf: defs() + "vrrp_sync_group G1 {\n group {\n  VI_1\n  VI_2\n }\n}\n" + vi1() + vi2("priority 50"), acts: []act{
			began(both...),
			{name: "link", do: link("down"), until: []string{"(VI_1) Entering FAULT STATE", "(VI_2) Entering FAULT STATE"}},
			{name: "link", do: link("up"), until: both},
			ended,
		}},
		{name: "sync group", files: checkFiles, conf: defs() + "vrrp_sync_group G1 {\n group {\n  VI_1\n  VI_2\n }\n}\n" + script("chk") + vi1(tracked) + vi2("priority 50"), acts: []act{
			began(both...),
			{name: "a member fails", do: status("1"), until: []string{"(VI_1) removing VIPs.", "(VI_2) removing VIPs.", "(VI_2) Entering FAULT STATE"}},
			{name: "recovers", do: status("0"), until: append(both, "VRRP_Group(G1) Syncing instances to MASTER state")},
			{name: "a member yields", do: sends(forged{priority: 200}), until: append(both, "VRRP_Group(G1) Syncing instances to BACKUP state")},
			ended,
		}},
	}
}

func peerStories() []story {
	resigned := []string{"(VI_1) Entering BACKUP STATE", "(VI_1) removing VIPs."}
	v2 := func(f forged) forged { f.version, f.auth = 2, "secret"; return f }
	bad := func(f forged) forged { return v2(f) }
	return []story{
		{name: "elections, version 3", conf: defs("log_unknown_vrids") + vi1(), acts: []act{
			began(takesOver...),
			{name: "higher", do: sends(forged{priority: 200}), until: slices.Concat(resigned, takesOver)},
			{name: "same", do: sends(forged{priority: 100}), until: slices.Concat(resigned, takesOver)},
			{name: "lower", do: sends(forged{priority: 50}), until: []string{"(VI_1) Received advert from 192.0.2.2 with lower priority 50, ours 100, forcing new election"}},
			{name: "zero", do: sends(forged{priority: 0}), until: []string{"(VI_1) Master received priority 0 message"}},
			{name: "higher, zero", do: sends(forged{priority: 200, interval: 20}, forged{priority: 0}), until: slices.Concat(resigned, takesOver)},
			{name: "higher, lower", do: sends(forged{priority: 200, interval: 20}, forged{priority: 50}), until: slices.Concat(resigned, takesOver)},
			{name: "unknown VRID", do: sends(forged{vrid: 99, priority: 100}), until: []string{"Unknown VRID(99) received on interface(eth0). ignoring..."}},
			{name: "an owner", do: sends(forged{priority: 255}), until: slices.Concat(resigned, takesOver)},
			ended,
		}},
		{name: "elections, version 2", conf: defs() + vi1("version 2", "advert_int 1", "authentication {\n auth_type PASS\n auth_pass secret\n}"), acts: []act{
			began(takesOver...),
			{name: "higher", do: sends(v2(forged{priority: 200})), until: slices.Concat(resigned, takesOver)},
			{name: "lower", do: sends(v2(forged{priority: 50})), until: []string{"(VI_1) Received advert from 192.0.2.2 with lower priority 50, ours 100, forcing new election"}},
			{name: "zero", do: sends(v2(forged{priority: 0})), until: []string{"(VI_1) Master received priority 0 message"}},
			ended,
		}},
		{name: "bad adverts, version 2", conf: defs() + vi1("version 2", "advert_int 1", "authentication {\n auth_type PASS\n auth_pass secret\n}"), acts: []act{
			began(takesOver...),
			{name: "password", do: sends(forged{version: 2, auth: "wrong", priority: 50}), until: []string{"(VI_1) received an invalid passwd!"}},
			{name: "no password", do: sends(forged{version: 2, priority: 50}), until: []string{"(VI_1) received a 0 auth, expecting 1!"}},
			{name: "TTL", do: sends(bad(forged{priority: 50, ttl: 254})), until: []string{"(VI_1) invalid TTL/HL. Received 254 and expect 255"}},
			{name: "version", do: sends(forged{priority: 50}), until: []string{"(VI_1) wrong version. Received 3 and expect 2"}},
			{name: "checksum", do: sends(bad(forged{priority: 50, damaged: true})), until: []string{"(VI_1) Invalid VRRPv2 checksum"}},
			{name: "type", do: sends(bad(forged{priority: 50, kind: 2})), until: []string{"(VI_1) Invalid packet type. 2 and expect 1"}},
			{name: "interval", do: sends(bad(forged{priority: 50, interval: 3})), until: []string{"(VI_1) advertisement interval mismatch mine=1 sec rcv'd=3 sec"}},
			ended,
		}},
		{name: "bad adverts, version 3", conf: defs() + vi1(), acts: []act{
			began(takesOver...),
			{name: "TTL", do: sends(forged{priority: 50, ttl: 1}), until: []string{"(VI_1) invalid TTL/HL. Received 1 and expect 255"}},
			{name: "version", do: sends(forged{version: 2, priority: 50}), until: []string{"(VI_1) wrong version. Received 2 and expect 3"}},
			{name: "checksum", do: sends(forged{priority: 50, damaged: true}), until: []string{"(VI_1) Invalid VRRPv3 checksum"}},
			{name: "short", do: sends(forged{priority: 50, cut: 4}), until: []string{"(VI_1) vrrp packet too short*"}},
			{name: "unicast", do: sends(forged{priority: 50, unicast: true})},
			{name: "another interval", do: sends(forged{priority: 200, interval: 20}), until: slices.Concat(resigned, takesOver)},
			ended,
		}},
		{name: "no preemption, delays", conf: defs() + vi1("nopreempt", "preempt_delay 1"), acts: []act{
			began(takesOver...),
			{name: "higher", do: sends(forged{priority: 200}), until: slices.Concat(resigned, takesOver)},
			ended,
		}},
		{name: "preempt delay", conf: defs() + vi1("preempt_delay 1", "advert_int 0.3"), acts: []act{
			began(takesOver...),
			{name: "higher, then lower", do: sends(forged{priority: 200, interval: 30}, forged{priority: 50, interval: 30}), until: slices.Concat(resigned, takesOver, []string{"(VI_1) start preempt delay*"})},
			ended,
		}},
	}
}

func otherStories() []story {
	told := map[string]string{"/run/tell": "#!/bin/sh\necho \"$@\" >>/run/told\n"}
	return []story{
		{name: "two families, excluded addresses", conf: defs() + vi1("virtual_ipaddress_excluded {\n  2001:db8::5/64\n }") + inst("VI_6", "56", "2001:db8::100/64", "priority 50"), acts: []act{
			began(append(takesOver, "Sending unsolicited Neighbour Advert on eth0 for 2001:db8::100", "Sending unsolicited Neighbour Advert on eth0 for 2001:db8::100", "Sending unsolicited Neighbour Advert on eth0 for 2001:db8::5", "Sending unsolicited Neighbour Advert on eth0 for 2001:db8::5")...),
			ended,
		}},
		{name: "announcements repeated", conf: strings.Replace(defs(), "master_delay 0", "master_delay 1", 1) + vi1(), acts: []act{
			began(slices.Concat(takesOver, garps("192.0.2.100"))...),
			ended,
		}},
		{name: "an owner", conf: defs() + vi1("state MASTER", "priority 255"), acts: []act{
			{name: "start of an owner", until: takesOver}, ended}},
		{name: "state MASTER", conf: defs() + vi1("state MASTER"), acts: []act{began(takesOver...), ended}},
		{name: "signals", conf: defs() + vi1(), acts: []act{
			began(takesOver...),
			{name: "USR1", do: dump(syscall.SIGUSR1, "/tmp/keepalived.data")},
			{name: "USR2", do: dump(syscall.SIGUSR2, "/tmp/keepalived.stats")},
			{name: "JSON", do: dump(36, "/tmp/keepalived.json")},
			{name: "clear", do: signal(63)},
			{name: "INT", do: signal(syscall.SIGINT), until: []string{"Stopped Keepalived ..."}},
		}},
		{name: "notifications", files: told, conf: defs("vrrp_notify_fifo /run/fifo") + vi1("notify \"/run/tell\"", "notify_fault /run/nothere", "notify_stop \"/run/tell stop\""), acts: []act{
			began(takesOver...), ended,
		}},
		{name: "without -D, link and address missing", args: []string{}, before: func(l *life) { l.host.IP("link", "set", "eth0", "down"); l.host.IP("addr", "flush", "dev", "eth1") }, files: checkFiles,
			conf: defs() + script("chk", "weight 10") + script("gone", "script /run/nowhere") + vi1("track_script {\n  chk\n  gone\n}") + vi2("interface eth1"), acts: []act{
				began("VRRP_Script(chk) succeeded"),
				{name: "up", do: link("up"), until: []string{"(VI_1) Entering MASTER STATE"}},
				{name: "no change", do: reload(defs() + script("chk", "weight 10") + script("gone", "script /run/nowhere") + vi1("track_script {\n  chk\n  gone\n}") + vi2("interface eth1")), until: reloadDone},
				ended,
			}},
		{name: "without -D", args: []string{"-S", "3"}, files: checkFiles, conf: defs("log_unknown_vrids") + script("chk", "weight 5") + vi1("track_script {\n  chk\n }", "track_interface {\n  eth1 weight 10\n }"), acts: []act{
			began("(VI_1) Entering MASTER STATE", "VRRP_Script(chk) succeeded"),
			{name: "higher", do: sends(forged{priority: 200, interval: 20}), until: []string{"(VI_1) Entering BACKUP STATE", "(VI_1) Entering MASTER STATE"}},
			{name: "higher, lower", do: sends(forged{priority: 200, interval: 20}, forged{priority: 50}, forged{priority: 0}), until: []string{"(VI_1) Entering BACKUP STATE", "(VI_1) Entering MASTER STATE"}},
			{name: "bad", do: sends(forged{priority: 50, ttl: 1}, forged{version: 2, priority: 50}, forged{priority: 50, damaged: true}), until: []string{"(VI_1) Invalid VRRPv3 checksum"}},
			{name: "zero", do: sends(forged{priority: 0})},
			{name: "unknown VRID", do: sends(forged{vrid: 99, priority: 100}), until: []string{"Unknown VRID(99) received on interface(eth0). ignoring..."}},
			{name: "script", do: status("1"), until: []string{"(VI_1) Changing effective priority from 115 to 110"}},
			{name: "reload", do: reload(defs() + vi1("priority 110")), until: reloadDone},
			{name: "down", do: link("down"), until: []string{"(VI_1) Entering FAULT STATE"}},
			{name: "up", do: link("up"), until: []string{"(VI_1) Entering MASTER STATE"}},
			ended,
		}},
	}
}
