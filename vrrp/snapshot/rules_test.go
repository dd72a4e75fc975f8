package snapshot_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"keepalived/test/exporters"
	. "keepalived/vrrp/snapshot"
)

// TestCounters: every counter has its own line and key.
func TestCounters(t *testing.T) {
	s := &Snapshot{Instances: []Instance{router("VI_1", 51, func(v *Instance) {
		v.Counters = Counters{
			AdvertsReceived: 1, AdvertsSent: 2, BecameMaster: 3, ReleasedMaster: 4, LengthErrors: 5, TTLErrors: 6, TypeErrors: 7,
			IntervalErrors: 8, AddressErrors: 9, AuthTypeInvalid: 10, AuthMismatch: 11, AuthFailures: 12,
			PriorityZeroReceived: 13, PriorityZeroSent: 1<<64 - 1,
		}
	})}}
	want := `VRRP Instance: VI_1
  Advertisements:
    Received: 1
    Sent: 2
  Became master: 3
  Released master: 4
  Packet Errors:
    Length: 5
    TTL: 6
    Invalid Type: 7
    Advertisement Interval: 8
    Address List: 9
  Authentication Errors:
    Invalid Type: 10
    Type Mismatch: 11
    Failure: 12
  Priority Zero:
    Received: 13
    Sent: 18446744073709551615
`
	if got := string(s.Stats()); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	text, err := s.JSON()
	if err != nil {
		t.Fatal(err)
	}
	_, stats, _ := strings.Cut(string(text), `"stats":`)
	wantJSON := `{"advert_rcvd":1,"advert_sent":2,"become_master":3,"release_master":4,"packet_len_err":5,"advert_interval_err":8,` +
		`"ip_ttl_err":6,"invalid_type_rcvd":7,"addr_list_err":9,"invalid_authtype":10,"authtype_mismatch":11,"auth_failure":12,` +
		`"pri_zero_rcvd":13,"pri_zero_sent":18446744073709551615}}]` + "\n"
	if stats != wantJSON {
		t.Errorf("got  %s\nwant %s", stats, wantJSON)
	}
}

// TestJSONNumbers: some readers refuse an exponent, others a fraction where keepalived
// has none.
func TestJSONNumbers(t *testing.T) {
	for _, c := range []struct {
		rule, want string
		change     func(*Instance)
	}{
		{"the smallest advert interval", `"adver_int":0.01,`, func(v *Instance) { v.AdvertInt = 10 * time.Millisecond }},
		{"no exponent, however small", `"master_adver_int":0.000001,`, func(v *Instance) { v.MasterAdver = time.Microsecond }},
		{"a whole interval has no point", `"adver_int":255,`, func(v *Instance) { v.AdvertInt = 255 * time.Second }},
		{"a delay is in whole seconds", `"preempt_delay":2,`, func(v *Instance) { v.PreemptDelay = 2999 * time.Millisecond }},
		{"the longest delay", `"garp_delay":4294,`, func(v *Instance) { v.GarpDelay = 4294 * time.Second }},
		{"the time of the transition has six decimals", `"last_transition":1795244803.000007,`, func(v *Instance) { v.Since.Micros = 1795244803000007 }},
		{"FAULT remembers the priority of the master", `"master_priority":150,`, func(v *Instance) { v.State, v.MasterPrio = Fault, 150 }},
		{"a MASTER has no master", `"master_priority":0,`, func(v *Instance) { v.MasterPrio = 150 }},
		{"states are numbers", `"state":3,"wantstate":1,`, func(v *Instance) { v.State, v.Want = Fault, Backup }},
		{"INIT is 0", `"state":0,"wantstate":2,`, func(v *Instance) { v.State = Init }},
		{"the password is masked", `"auth_type":1,"auth_data":"********"}`, func(v *Instance) { v.AuthPass = true }},
		{"without authentication there is no auth_data", `"auth_type":0},"stats"`, func(*Instance) {}},
		{"a slash is escaped", `"script_master":"'\/bin\/x' '<&>'"`, func(v *Instance) { v.Scripts.Master = root("'/bin/x' '<&>'") }},
	} {
		s := &Snapshot{Instances: []Instance{router("VI_1", 51, c.change)}}
		text, err := s.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), c.want) {
			t.Errorf("%s: want %s in\n%s", c.rule, c.want, text)
		}
		if !json.Valid(text) || strings.Count(string(text), "\n") != 1 || !strings.HasSuffix(string(text), "}]\n") {
			t.Errorf("%s: not one line of JSON:\n%s", c.rule, text)
		}
	}
}

// TestJSONOfNothing: without an instance there is no file, which is "no data" to readers.
func TestJSONOfNothing(t *testing.T) {
	s := &Snapshot{Interfaces: []Interface{loopback}}
	if text, err := s.JSON(); text != nil || err != nil {
		t.Errorf("got %q, %v; want nothing", text, err)
	}
	if text := s.Stats(); len(text) != 0 {
		t.Errorf("statistics of nothing: %q", text)
	}
	if text := string(s.Text()); strings.Contains(text, "Topology") || !strings.Contains(text, "< Interfaces >") {
		t.Errorf("want the interfaces only, got\n%s", text)
	}
}

// TestText has the rules that no golden shows.
func TestText(t *testing.T) {
	for _, c := range []struct {
		rule, want string
		change     func(*Instance)
	}{
		{"a master unheard is 0.0.0.0", "   Master router = 0.0.0.0\n   Master priority = 0\n", func(v *Instance) { v.State = Backup }},
		{"and :: with IPv6", "   Master router = ::\n", func(v *Instance) { v.State, v.IPv6 = Backup, true }},
		{"an instance without sockets says so", "   No sockets allocated\n", func(v *Instance) { v.FdIn, v.FdOut = -1, -1 }},
		{"socket 0 is one", "   fd_in 0, fd_out 1\n", func(v *Instance) { v.FdIn, v.FdOut = 0, 1 }},
		{"an owner may ignore adverts (2.3.3)", "   Address owner ignores received adverts = true\n", func(v *Instance) { v.OwnerIgnores = true }},
		{"INIT is a state", "   State = INIT\n   Flags: none\n", func(v *Instance) { v.State = Init }},
		{"only these states have text", "   Wantstate = FAULT\n", func(v *Instance) { v.Want = Fault }},
	} {
		s := &Snapshot{Instances: []Instance{router("VI_1", 51, c.change)}}
		if got := string(s.Text()); !strings.Contains(got, c.want) {
			t.Errorf("%s: want %q in\n%s", c.rule, c.want, got)
		}
	}
}

func TestScriptStates(t *testing.T) {
	want := []string{"idle", "running", "requested termination", "forcing termination"}
	for i, w := range want {
		s := &Snapshot{Scripts: []Script{{Name: "s", State: ScriptState(i), Interval: 250 * time.Millisecond}}}
		if got := string(s.Text()); !strings.Contains(got, fmt.Sprintf("   State = %s\n", w)) || !strings.Contains(got, "   Interval = 0.25 sec\n") {
			t.Errorf("state %d: want %q in\n%s", i, w, got)
		}
	}
}

// TestObjectsAreReadable: exporters read an instance that tracks everything, and what
// stands around it.
func TestObjectsAreReadable(t *testing.T) {
	all := []Tracked{{Name: "a", Weight: 1}, {Name: "b", Weight: -2, Reverse: true}}
	link := ethernet(0, users("VI_1")...)
	link.MoreIPv4, link.MoreIPv6 = append(link.MoreIPv4, ip("198.18.9.2")), append(link.MoreIPv6, ip("fe80::77"))
	group := GARPGroup{Number: 2, GARP: Pace{Set: true, Interval: 1234567 * time.Microsecond}, Interfaces: []string{"eth0"}}
	link.GARP, link.DownDelay = &group, 1500*time.Millisecond
	s := &Snapshot{
		Global:     []byte("------< Global definitions >------\n"),
		GARPGroups: []GARPGroup{group},
		Instances: []Instance{router("VI_1", 51, func(v *Instance) {
			v.VIPs = []Address{vip("198.18.9.100/24", "eth0")}
			v.TrackedObjects = TrackedObjects{Files: all, Processes: all, BFDs: all}
		})},
		Files:      []File{{Name: "a", Path: "/tmp/a", Users: users("VI_1")}},
		Processes:  []Process{{Name: "a", Path: "p", Min: 1, Users: users("VI_1")}},
		BFDs:       []BFD{{Name: "a", Users: users("VI_1")}},
		Interfaces: []Interface{link},
	}
	text := string(s.Text())
	for _, want := range []string{
		"   IPv4 address = 198.18.9.1\n   Additional IPv4 addresses :\n     198.18.9.2\n   IPv6 address = fe80::ff:fe00:100\n   Additional IPv6 addresses :\n     fe80::77\n   MAC",
		"   Down debounce timer = 1500000us\n   MTU", "   NIC netlink status update\n   Gratuitous ARP interval 1234ms\n   Gratuitous ARP aggregation group 2\n   Reset",
		"   Tracked files :\n     a, weight 1\n     b, weight -2 reverse\n   Tracked processes :\n     a, weight 1\n     b, weight -2 reverse\n   Tracked BFDs :\n     a: weight 1\n     b: weight -2 reverse\n   Using smtp",
		"------< Gratuitous ARP delays >------\n------< GARP delay group 2 >------\n GARP interval = 1.23457\n GARP next time 0.000000 (.000000)\n Interfaces\n  eth0\n------< VRRP Topology",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
	json, err := s.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := exporters.Check([]byte(text), s.Stats(), json); err != nil {
		t.Errorf("an exporter could not read it: %v", err)
	}
}
