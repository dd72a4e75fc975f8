package interop

import (
	"flag"
	"strings"
	"testing"

	"keepalived/test/netlab"
)

// deliberate are the lines that only one of the two logs. Where an act is named, it is only
// there that they may differ.
var deliberate = meants{used: map[string]bool{}, list: []meant{
	{item: "NOTICE: setting config option max_auto_priority ...", real: "NOTICE: setting config option max_auto_priority .*"},
	{item: "Printing VRRP data for process(N) on signal, and its kin", real: "Printing .* for process\\(N\\) on signal"},
	{item: "second line about a bad number (\"Priority not valid! ...\")", real: ".*Priority not valid! .*"},
	{item: "Assigned address ... for interface ... at a reload", real: "Assigned address .*", act: reloads + "|unicast"},
	{item: "VRRP sockpool: ... at a reload", real: "VRRP sockpool: .*", act: reloads},
	{item: "setting VIPs. at a reload that leaves an instance as it is", real: `\(VI_1\) setting VIPs\.`,
		act: "no change|complaints|no brace at the end|script .*|instance .*"},
	{item: "Sending/queueing ... at a reload that adds an address", real: `(\(VI_1\) Sending/queueing gratuitous ARPs on|Sending gratuitous ARP on) eth0 for 192\.0\.2\.100`, act: "address added|excluded"},
	{item: "Changing effective priority from N to M at a reload", real: `\(VI_1\) Changing effective priority from 100 to .*`, ours: `\(VI_1\) Changing effective priority from 1[12]0 to .*`, act: "script changed|script removed|no change"},
	{item: "entering FAULT state (no IPv4 address for interface) at a reload", real: `\(VI_2\) entering FAULT state \(no IPv4 address for interface\)`, act: "no change"},
	{item: "removing VIPs. at the start of an owner", real: `\(VI_1\) removing VIPs\.`, act: "start of an owner"},
	{item: "sent 0 priority of a member that its sync group pulls", ours: `\(VI_2\) sent 0 priority`, act: "a member fails|link"},
	{item: "removed from the configuration", ours: `\(VI_\d\) removed from the configuration`},
	{item: "expected multicast packet but received unicast packet from ...", ours: `\(VI_1\) expected multicast packet but received unicast packet from .*`},
	{item: "script ... was not found: it will not be run", ours: `\(Line \d+\) script .* was not found: it will not be run`},
	{item: "Child process N in our process group M", rare: true, real: `Child process N in our process group .*`},
}}

// reloads are the acts after which the log has nothing new about interfaces and sockets.
const reloads = "no change|complaints|no brace at the end|script .*|instance .*|sync group .*|address added|address removed|priority|password|none|version|interval|removed|excluded|vrid|reload"

// What users grep: every line of a daemon's life, in order, with its severity.
func TestLives(t *testing.T) {
	netlab.Need(t, "netns", "keepalived")
	items := ledgerItems(t)
	some := flag.Lookup("test.run").Value.String() // perhaps not all stories
	t.Cleanup(func() {
		for _, d := range deliberate.list {
			if !items[d.item] {
				t.Errorf("the ledger has no message %q", d.item)
			}
			if !strings.Contains(some, "/") && !d.rare && !deliberate.used[d.item] {
				t.Errorf("no daemon has logged %q", d.item)
			}
		}
	})
	for _, s := range stories() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			our, real := s.play(t)
			compareLives(t, our, real)
		})
	}
}
