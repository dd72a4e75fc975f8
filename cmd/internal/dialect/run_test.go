package dialect_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestCannotRun starts the real keepalived on configurations whose -t status is 5
// or 4 alike and sees which of them end the start with 2: exactly those that are
// fatal to us, and with which a reload is refused.
func TestCannotRun(t *testing.T) {
	instance := func(name, body string) string { return "vrrp_instance " + name + " {\n" + body + "\n}\n" }
	const (
		eth0 = "interface eth0\nvirtual_router_id 5\n"
		vip  = "virtual_ipaddress {\n10.0.0.1\n}\n"
	)
	good := instance("A", eth0+vip)
	cases := []probe{
		{"no VRID", instance("A", "interface eth0\n"+vip)},
		{"VRID out of range", instance("A", "interface eth0\nvirtual_router_id 500\n"+vip)},
		{"no interface", instance("A", "virtual_router_id 5\n"+vip)},
		{"no interface but default_interface", "global_defs {\ndefault_interface eth0\n}\n" + instance("A", "virtual_router_id 5\n"+vip)},
		{"no interface, unicast", instance("A", "virtual_router_id 5\nunicast_src_ip 10.1.1.9\nunicast_peer {\n10.1.1.1\n}\nvirtual_ipaddress {\n10.0.0.1 dev eth0\n}")},
		{"loopback", instance("A", "virtual_router_id 5\ninterface lo\n"+vip)},
		{"interface that does not exist", good + instance("B", "interface eth9\nvirtual_router_id 6\nvirtual_ipaddress {\n10.0.0.2\n}")},
		{"VRID twice", good + instance("B", eth0+"virtual_ipaddress {\n10.0.0.2\n}")},
		{"VRID twice, other family", good + instance("B", eth0+"virtual_ipaddress {\nfe80::2\n}")},
		{"strict without VIP", "global_defs {\nvrrp_strict\n}\n" + instance("A", eth0)},
		{"version 3 without VIP", instance("A", eth0+"version 3")},
		{"native_ipv6 with IPv4 VIP", instance("A", eth0+"native_ipv6\n"+vip)},
		{"no VIP", instance("A", eth0)},
		{"strict, first IPv6 VIP not link-local", "global_defs {\nvrrp_strict\n}\n" + instance("A", eth0+"virtual_ipaddress {\n2001:db8::1\n}")},
		{"VIP on an interface that does not exist", instance("A", eth0+"virtual_ipaddress {\n10.0.0.1 dev eth9\n}")},
		{"excluded VIP on an interface that does not exist", instance("A", eth0+vip+"virtual_ipaddress_excluded {\n10.0.0.2 dev eth9\n}")},
		{"route on an interface that does not exist", instance("A", eth0+vip+"virtual_routes {\n10.5.0.0/16 dev eth9\n}")},
		{"rule on an interface that does not exist", instance("A", eth0+vip+"virtual_rules {\nfrom all iif eth9 table 5 priority 100\n}")},
		{"tracked interface that does not exist", instance("A", eth0+vip+"track_interface {\neth9\n}")},
		{"garp_group of an interface that does not exist", "garp_group {\ngarp_interval 0.1\ninterface eth9\n}\n" + good},
		{"static address on an interface that does not exist", "static_ipaddress {\n10.7.0.1 dev eth9\n}\n" + good},
		{"static address on a default_interface that does not exist", "global_defs {\ndefault_interface eth9\n}\nstatic_ipaddress {\n10.7.0.1\n}\n" + good},
		{"linkbeat on an interface that does not exist", "linkbeat_interfaces {\neth9\n}\n" + good},
		{"missing argument", instance("A", eth0+"priority\n"+vip)},
		{"missing brace", strings.TrimSuffix(good, "}\n")},
	}
	dir := t.TempDir()
	for i, c := range cases {
		if err := os.WriteFile(fmt.Sprintf("%s/%02d.conf", dir, i), []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	lab(t, dir, `for f in *.conf; do
  timeout -s TERM -k 3 0.7 keepalived -n -l -f /mnt/$f -p /run/a -r /run/b -c /run/c -b /run/d >${f%.conf}.out 2>&1
  echo $? >${f%.conf}.status
done
true`)
	for i, c := range cases {
		text, err := os.ReadFile(fmt.Sprintf("%s/%02d.status", dir, i))
		if err != nil {
			t.Fatal(err)
		}
		status, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		our := ours(c)
		if ends, fatal := status == 2, our.diags.HasFatal(); ends != fatal {
			t.Errorf("%s: the real start ends with %d, ours is fatal: %v\n%s", c.name, status, fatal, our.output)
		}
	}
}
