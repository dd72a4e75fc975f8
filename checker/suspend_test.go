package checker

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"keepalived/core/rtnl"
)

// TestSuspend: with ha_suspend the address of the virtual server decides whether its servers
// are checked, whichever interface it is on, and through reloads.
func TestSuspend(t *testing.T) {
	r := newRig(t)
	address := func(kind rtnl.EventKind, link int32, text string) {
		r.d.addressesChanged(r.now, []rtnl.Event{{Kind: kind, Addr: rtnl.Addr{Link: link, Prefix: netip.MustParsePrefix(text)}}, {Kind: rtnl.Resynced}})
		r.turned()
	}
	text := two("ha_suspend")
	address(rtnl.AddrChanged, 1, "10.0.0.99/24") // another
	r.configure(text)
	r.expect("Initializing ipvs", "Gained quorum 1+0=1 <= 2 for VS "+vs1,
		"Deactivating healthchecker for service "+rs1+" for VS "+vs1, "Deactivating healthchecker for service "+rs2+" for VS "+vs1)
	r.run(time.Minute)
	dump := string(r.d.picture(r.now).Text())
	if len(r.began) != 0 || strings.Count(dump, "   Enabled = no\n") != 2 || !strings.Contains(dump, "Using HA suspend") {
		t.Errorf("probes %q, dump\n%s", r.began, dump)
	}
	if c := r.d.view(r.now).serviceProto(0).Servers[0].Checkers[0]; c.Running || c.NextIn != nil || c.Cause != suspendedWord {
		t.Errorf("status %v", c)
	}

	address(rtnl.AddrChanged, 1, "10.0.0.100/24")
	r.expect("Netlink reflector reports IP 10.0.0.100 added",
		"Activating healthchecker for service "+rs1+" for VS "+vs1, "Activating healthchecker for service "+rs2+" for VS "+vs1)
	r.run(10 * time.Second)
	if len(r.began) < 2 || strings.Contains(string(r.d.picture(r.now).Text()), "Enabled = no") {
		t.Errorf("probes %q", r.began)
	}
	r.said()

	address(rtnl.AddrChanged, 1, "10.0.0.100/24") // other flags
	r.expect()
	address(rtnl.AddrChanged, 2, "10.0.0.100/32")
	address(rtnl.AddrGone, 1, "10.0.0.100/24")
	r.expect("Netlink reflector reports IP 10.0.0.100 added", "Netlink reflector reports IP 10.0.0.100 removed")
	address(rtnl.AddrGone, 2, "10.0.0.100/32")
	r.expect("Netlink reflector reports IP 10.0.0.100 removed",
		"Suspending healthchecker for service "+rs1+" for VS "+vs1, "Suspending healthchecker for service "+rs2+" for VS "+vs1)

	r.configure(text)
	r.expect("Reloading", "Reinitializing ipvs")
	r.configure(two("")) // without the word
	r.expect("Reloading", "Reinitializing ipvs",
		"Activating healthchecker for service "+rs1+" for VS "+vs1, "Activating healthchecker for service "+rs2+" for VS "+vs1)
	r.configure(text)
	r.said()
	// One that is taken out is not woken for its end.
	r.configure(strings.ReplaceAll(text, "10.0.0.100 80", "10.0.0.101 80"))
	for _, l := range r.said() {
		if strings.HasPrefix(l, "Activating") {
			t.Error(l)
		}
	}
}
