package exporters_test

import (
	"os"
	"strings"
	"testing"

	"keepalived/test/exporters"
)

// dumps are three dumps of keepalived 2.2.7, the password masked as ours is.
type dumps struct{ data, stats, json string }

func sound(t *testing.T) dumps {
	t.Helper()
	read := func(ext string) string {
		b, err := os.ReadFile("../../vrrp/snapshot/testdata/sync" + ext)
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(b), `"auth_data":"1111"`, `"auth_data":"********"`)
	}
	return dumps{read(".data"), read(".stats"), read(".json")}
}

func (d dumps) check() error {
	return exporters.Check([]byte(d.data), []byte(d.stats), []byte(d.json))
}

func TestSoundDumps(t *testing.T) {
	if err := sound(t).check(); err != nil {
		t.Error(err)
	}
	if err := exporters.Check([]byte("------< Interfaces >------\n"), nil, nil); err != nil {
		t.Errorf("a daemon without instances: %v", err)
	}
}

// change makes one file hostile by putting something else in place of its first old.
func change(file, old, to string) func(*testing.T, *dumps) {
	return func(t *testing.T, d *dumps) {
		f := map[string]*string{"data": &d.data, "stats": &d.stats, "json": &d.json}[file]
		if !strings.Contains(*f, old) {
			t.Fatalf("%s has no %q", file, old)
		}
		*f = strings.Replace(*f, old, to, 1)
	}
}

// cut ends a file behind the first n octets, as a reader of a half-written one sees it.
func cut(file string, part int) func(*testing.T, *dumps) {
	return func(_ *testing.T, d *dumps) {
		f := map[string]*string{"data": &d.data, "stats": &d.stats, "json": &d.json}[file]
		*f = (*f)[:len(*f)*part/100]
	}
}

// TestHostile: what breaks an exporter, or makes it lose something, is an error here.
func TestHostile(t *testing.T) {
	for _, c := range []struct {
		rule string
		make func(*testing.T, *dumps)
		want string // part of the error
	}{
		{"a state that is none fails the scrape", change("data", "State = MASTER", "State = MAINTENANCE"), "no state"},
		{"so does a wanted one", change("data", "Wantstate = MASTER", "Wantstate = "), "no state"},
		{"states are in capital letters", change("data", "State = MASTER", "State = Master"), "no state"},
		{"the delay is a whole number", change("data", "   Gratuitous ARP delay = 5", "   Gratuitous ARP delay = 0.5"), "parsing"},
		{"the VRID is one", change("data", "Virtual Router ID = 51", "Virtual Router ID = 0x33"), "parsing"},
		{"a five-space line behind State is another state", change("data", "State = MASTER\n", "State = MASTER\n     maintenance\n"), "another State"},
		{"behind Wantstate", change("data", "Wantstate = MASTER\n", "Wantstate = MASTER\n     x\n"), "another Wantstate"},
		{"behind the VRID", change("data", "Virtual Router ID = 51\n", "Virtual Router ID = 51\n     x\n"), "another Virtual Router ID"},
		{"behind the delay", change("data", "   Gratuitous ARP delay = 5\n", "   Gratuitous ARP delay = 5\n     x\n"), "another Gratuitous ARP delay"},
		{"behind the interface it is the interface", change("data", "Interface = eth0\n", "Interface = eth0\n     x\n"), "another Interface"},
		{"a two-space line ends the block", change("data", "   Flags: none\n", "  Flags: none\n"), "ends before"},
		{"a missing interface", change("data", "   Interface = eth0\n", ""), "before its Interface"},
		{"an address twice is a duplicate metric", change("data", "198.18.9.101 dev eth0", "198.18.9.100/24 dev eth0"), "there twice"},
		{"also between the two lists", change("data", "198.18.11.1 dev eth1", "198.18.9.101 dev eth0"), "there twice"},
		{"an address of two words is dropped", change("data", "198.18.9.101 dev eth0 scope global set", "198.18.9.101 dev"), "three words"},
		{"words are parted by one space", change("data", "198.18.9.101 dev", "198.18.9.101  dev"), "two spaces"},
		{"five-space lines behind the sockets are excluded addresses",
			change("data", "   fd_in 13, fd_out 14\n", "   fd_in 13, fd_out 14\n     one more thing\n"), "not the same"},
		{"a line over 64 KiB ends the reading", change("data", "   Flags: none\n", "   Flags: "+strings.Repeat("x", 1<<16)+"\n"), "too long"},
		{"a name with a colon", change("data", " VRRP Instance = VI_3", " VRRP Instance = VI:3"), "no name"},
		{"an instance twice", change("data", " VRRP Instance = VI_2", " VRRP Instance = VI_1"), "there twice"},
		{"an instance less than in the statistics", change("data", " VRRP Instance = VI_3", " VRRP Insance = VI_3"), "refuses both"},
		{"an instance by another name", change("stats", "VRRP Instance: VI_3", "VRRP Instance: VI_4"), "refuses both"},
		{"a script state that is none", change("data", "State = idle", "State = dreaming"), "no state of a script"},
		{"a script status that is none", change("data", "Status = GOOD", "Status = FINE"), "no status of a script"},
		{"State is near the header for grep -A 6", change("data", "   VRRP Version = 2\n", "   VRRP Version = 2\n   A = 1\n   B = 1\n   C = 1\n   D = 1\n"), "grep -A 6"},
		{"the header is as it is", change("data", "------< VRRP Topology >------", "------< VRRP topology >------"), "no line"},
		{"Vyatta wants the transition", change("data", "   Last transition", "   Latest transition"), "Vyatta"},
		{"Vyatta wants the state of a group", change("data", "Group = G1, MASTER", "Group = G1 (MASTER)"), "sync group"},
		{"half of the data", cut("data", 50), "cut off"},

		{"a line without a colon is a panic", change("stats", "  Packet Errors:\n", "  Packet Errors\n"), "ends the exporter's process"},
		{"also with four spaces", change("stats", "    TTL: 0\n", "    TTL 0\n"), "ends the exporter's process"},
		{"a counter before the first instance is one", func(_ *testing.T, d *dumps) { d.stats = "  Became master: 1\n" + d.stats }, "before the first"},
		{"a counter is a whole number", change("stats", "    Sent: 3\n", "    Sent: 1.5\n"), "no whole number"},
		{"and not empty", change("stats", "    Sent: 3\n", "    Sent:\n"), "no whole number"},
		{"a missing section is exported as 0", change("stats", "  Authentication Errors:\n    Invalid Type: 0\n    Type Mismatch: 0\n    Failure: 0\n", ""), "Authentication Errors"},
		{"an instance begins in column 0", change("stats", "VRRP Instance: VI_2", " VRRP Instance: VI_2"), "neither"},
		{"half of the statistics", cut("stats", 40), "cut off"},

		{"version 2 breaks both exporters", func(_ *testing.T, d *dumps) { d.json = `{"vrrp":` + strings.TrimSuffix(d.json, "\n") + "}\n" }, "decode"},
		{"a state is a number", change("json", `"state":2`, `"state":"MASTER"`), "decode"},
		{"one that exists", change("json", `"state":2`, `"state":97`), "no such state"},
		{"the delay has no fraction", change("json", `"garp_delay":5`, `"garp_delay":0.5`), "decode"},
		{"nor an exponent", change("json", `"garp_delay":5`, `"garp_delay":5e0`), "decode"},
		{"no number has one", change("json", `"adver_int":0.3`, `"adver_int":3e-1`), "no reader"},
		{"the transition has six decimals", change("json", `.`, ``), "six decimals"},
		{"the password is masked", change("json", `"********"`, `"1111"`), "in clear"},
		{"an absent list is left out", change("json", `"track_ifp":["eth1"]`, `"track_ifp":[]`), "left out"},
		{"or null", change("json", `"track_ifp":["eth1"]`, `"track_ifp":null`), "left out"},
		{"VyOS wants its keys", change("json", `"garp_rep":5,`, ``), "VyOS"},
		{"the exporters want theirs", change("json", `"vrid":51,`, ``), "is missing"},
		{"every statistic", change("json", `,"pri_zero_sent":0`, ``), "pri_zero_sent"},
		{"a boolean is one", change("json", `"nopreempt":false`, `"nopreempt":0`), "not a boolean"},
		{"an empty list is a healthy daemon of nothing", func(_ *testing.T, d *dumps) { d.json = "[]\n" }, "empty list"},
		{"no file, though there are instances", func(_ *testing.T, d *dumps) { d.json = "" }, "0"},
		{"half of the JSON", cut("json", 60), "cut off"},
		{"another interface than in the text", change("json", `"ifp_ifname":"eth0"`, `"ifp_ifname":"eth1"`), "not the same"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			d := sound(t)
			c.make(t, &d)
			if err := d.check(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// TestHarmless: what no exporter minds.
func TestHarmless(t *testing.T) {
	for _, c := range []struct {
		rule string
		make func(*testing.T, *dumps)
	}{
		{"a new three-space key", change("data", "   Notify priority changes", "   Adverts late = 3\n   Notify priority changes")},
		{"a section more in the statistics", change("stats", "  Priority Zero:\n", "  Authentication Extension Errors:\n    Missing: 0\n  Priority Zero:\n")},
		{"a key more in JSON", change("json", `"vrid":51`, `"vrid":51,"late":0`)},
	} {
		d := sound(t)
		c.make(t, &d)
		if err := d.check(); err != nil {
			t.Errorf("%s: %v", c.rule, err)
		}
	}
}

func TestVersion(t *testing.T) {
	good := "Keepalived v2.4.3 (08/01,2026)\n\nconfigure options: --enable-json\n"
	for text, ok := range map[string]bool{
		good:                                true,
		"Keepalived v2.4.3 (08/01,2026)":    false,
		"keepalived 1.0.0\n--enable-json\n": false,
		"Keepalived  v2.4.3 (08/01,2026)\n--enable-json\n":      false,
		"Keepalived v2.4.3-rc1 (08/01,2026)\n\n--enable-json\n": false,
		strings.Replace(good, "--enable-json", "", 1):           false,
	} {
		if err := exporters.CheckVersion(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
	if exporters.CheckSignum("36\n", 36) != nil || exporters.CheckSignum("36", 36) == nil || exporters.CheckSignum("SIGRTMIN+2 36\n", 36) == nil {
		t.Error("CheckSignum takes what a reader does not, or refuses what it takes")
	}
}
