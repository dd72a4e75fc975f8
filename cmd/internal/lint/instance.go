package lint

import (
	"net/netip"
	"strings"

	"keepalived/core/diag"
	"keepalived/vrrp/vrrpcfg"
)

// owner is the priority that says "these addresses are mine" (RFC 5798 §5.2.4).
const owner = 255

func instanceRules() []Rule {
	return []Rule{
		{"nopreempt-master", "nopreempt does nothing with state MASTER", eachInstance(nopreemptMaster), []string{"nopreempt will not work", "nopreempt is incompatible"}},
		{"nopreempt-boot", "nopreempt holds only for a node that hears the MASTER before it elects itself", eachInstance(nopreemptBoot), nil},
		{"preempt-delay-lost", "preempt_delay does nothing with state MASTER or nopreempt", eachInstance(preemptDelayLost), []string{"preempt delay will not work", "preempt_delay is incompatible"}},
		{"vrid-twice", "two instances of one network share a virtual_router_id", vridTwice, nil},
		{"auth-truncated", "only the first 8 octets of auth_pass count", eachInstance(authTruncated), []string{"Truncating auth_pass"}},
		{"auth-lost", "authentication exists in VRRP version 2 only, and not in strict mode", eachInstance(authLost), []string{"does not support authentication"}},
		{"auth-in-clear", "auth_type PASS sends the password in clear", eachInstance(authInClear), nil},
		{"strict-unicast", "strict mode and unicast exclude each other", eachInstance(strictUnicast), nil},
		{"strict-unreachable", "in strict mode the virtual addresses do not answer", eachInstance(strictUnreachable), nil},
		{"advert-int-rounded", "VRRP version 2 has whole seconds only", eachInstance(advertIntRounded), []string{"must be an integer. rounding"}},
		{"state-word", "any word but MASTER is BACKUP", eachInstance(stateWord), []string{"unknown state"}},
		{"priority-255", "priority 255 is for the owner of the addresses: it always takes them back", eachInstance(priority255), nil},
		{"address-twice", "two instances have the same address", addressTwice, nil},
		{"unicast-self", "a unicast peer is the node itself", eachInstance(unicastSelf), nil},
		{"unicast-no-peer", "unicast without peers is multicast", eachInstance(unicastNoPeer), []string{"without any unicast peers"}},
		{"mail-nowhere", "smtp_alert without a server and a recipient sends nothing", mailNowhere, nil},
	}
}

func nopreemptMaster(_ *Node, i instance, s say) {
	l := last(i.block, "nopreempt")
	if l != nil && (i.Election.StartMaster || i.Election.Priority == owner) {
		s(whole(l), "write state BACKUP on every node, and let priority decide who is first",
			"(%s) nopreempt has no effect with state MASTER: this node takes the addresses back when it returns", i.Name)
	}
}

// nopreemptBoot: a switch that learns, a bond or a bridge passes nothing for some
// seconds after boot. A node that hears nobody then is MASTER, and of two that are the
// one with the lower priority gives way, whatever preempts.
func nopreemptBoot(n *Node, i instance, s say) {
	if l := last(i.block, "nopreempt"); l != nil && !i.Election.Preempt && n.Global.StartupDelay == 0 {
		s(whole(l), "write vrrp_startup_delay with the seconds the network needs in global_defs",
			"(%s) nopreempt holds only when the MASTER is heard before the first election: where the network passes nothing yet at boot, this node takes the addresses all the same", i.Name)
	}
}

func preemptDelayLost(_ *Node, i instance, s say) {
	l := last(i.block, "preempt_delay")
	if l != nil && arg(l) != "0" && i.Election.PreemptDelay == 0 {
		s(whole(l), "preempt_delay works with state BACKUP, without nopreempt and not in strict mode",
			"(%s) preempt_delay has no effect here: this node takes the addresses back at once, or never", i.Name)
	}
}

// vridTwice: the daemon refuses what would clash for certain. What it cannot know is
// that two of its interfaces are in one network.
func vridTwice(n *Node, s say) {
	type router struct {
		vrid   uint8
		family vrrpcfg.Family
	}
	first := map[router]instance{}
	for _, i := range n.instances() {
		if i.Identity.VRID == 0 {
			continue
		}
		key := router{i.Identity.VRID, i.Identity.Family}
		j, twice := first[key]
		if !twice {
			first[key] = i
			continue
		}
		same := i.Identity.Interface == j.Identity.Interface
		shared := sameNetwork(i.Instance, j.Instance)
		if same || shared {
			s(at(i.block, "virtual_router_id"), "give each instance of one network a virtual_router_id of its own",
				"(%s) has the virtual_router_id %d of %s in the same network: each takes the other's adverts for its own router's",
				i.Name, i.Identity.VRID, j.Name)
		}
	}
}

// sameNetwork reports whether two instances have addresses of one subnet.
func sameNetwork(a, b *vrrpcfg.Instance) bool {
	for _, x := range a.Addresses {
		for _, y := range b.Addresses {
			if !x.Prefix.IsSingleIP() && x.Prefix.Masked() == y.Prefix.Masked() {
				return true
			}
		}
	}
	return false
}

func authTruncated(_ *Node, i instance, s say) {
	for _, a := range lines(i.block, "authentication") {
		if l := last(a, "auth_pass"); len(arg(l)) > 8 {
			s(whole(l), "use at most 8 octets, the same on every node",
				"(%s) auth_pass has %d octets, of which 8 count: whoever knows those is let in", i.Name, len(arg(l)))
		}
	}
}

func authLost(_ *Node, i instance, s say) {
	l := last(i.block, "authentication")
	if l == nil || last(l, "auth_type") == nil || i.Auth.Type != vrrpcfg.NoAuth {
		return
	}
	switch {
	case i.Identity.Version == 3:
		s(whole(l), "remove the authentication block, and keep strangers from the network by a filter on protocol 112",
			"(%s) runs VRRP version 3, which has no authentication: adverts are sent and accepted without it", i.Name)
	case i.Election.Strict:
		s(whole(l), "remove the authentication block, or strict mode",
			"(%s) is in strict mode, which has no authentication: adverts are sent and accepted without it", i.Name)
	}
}

func authInClear(_ *Node, i instance, s say) {
	l := last(i.block, "authentication")
	if l != nil && i.Auth.Type == vrrpcfg.AuthPass && len(i.Unicast.Peers) > 0 {
		s(whole(l), "between sites send adverts through a tunnel that encrypts, or filter by source address",
			"(%s) sends its password in clear to unicast peers: it protects against mistakes, not against anybody on the way", i.Name)
	}
}

func strictUnicast(_ *Node, i instance, s say) {
	if l := last(i.block, "unicast_peer"); l != nil && i.Election.Strict {
		s(whole(l), "switch strict mode off for this instance: strict_mode off",
			"(%s) is in strict mode, which knows multicast only: keepalived does not run it with unicast peers", i.Name)
	}
}

func strictUnreachable(_ *Node, i instance, s say) {
	if !i.Election.Strict || i.Election.Accept || last(i.block, "no_accept") != nil || len(i.Addresses) == 0 {
		return
	}
	hint := "write accept in the instance, or do without vrrp_strict"
	if i.Identity.Version == 2 {
		hint = "do without vrrp_strict: VRRP version 2 knows no accept mode, version 3 does"
	}
	s(at(i.block, "virtual_ipaddress"), hint,
		"(%s) is in strict mode: its virtual addresses answer neither ping nor anything else", i.Name)
}

func advertIntRounded(_ *Node, i instance, s say) {
	l := last(i.block, "advert_int")
	if l == nil || i.Identity.Version != 2 {
		return
	}
	if _, decimals, ok := strings.Cut(arg(l), "."); ok && strings.Trim(decimals, "0") != "" {
		s(whole(l), "write version 3 on every node: it has steps of 0.01 s",
			"(%s) VRRP version 2 has whole seconds: advert_int %s becomes %d", i.Name, arg(l), int(i.Election.AdvertInt.Seconds()))
	}
}

func stateWord(_ *Node, i instance, s say) {
	l := last(i.block, "state")
	if w := arg(l); w != "" && w != "MASTER" && w != "BACKUP" {
		s(whole(l), "write MASTER or BACKUP in capital letters", "(%s) state %s is not understood and means BACKUP", i.Name, w)
	}
}

func priority255(n *Node, i instance, s say) {
	l := last(i.block, "priority")
	if l == nil || i.Election.Priority != owner {
		return
	}
	tracks := []string{"track_script", "track_file", "track_process", "track_bfd", "track_interface"}
	for _, t := range tracks {
		if b := last(i.block, t); b != nil && len(b.Block) > 0 {
			s(whole(l), "use a priority of at most 254",
				"(%s) priority 255 is never changed by what is tracked: a weight in %s does nothing", i.Name, t)
			return
		}
	}
	s(whole(l), "use a priority of at most 254, unless the addresses are configured on this node's interface anyway",
		"(%s) priority 255 says that the addresses are this node's own: it takes them at once, without listening first", i.Name)
}

func addressTwice(n *Node, s say) {
	type use struct {
		addr netip.Addr
		dev  string
	}
	first := map[use]string{}
	for _, i := range n.instances() {
		for _, list := range [][]vrrpcfg.Address{i.Addresses, i.Excluded} {
			for _, a := range list {
				key := use{a.Prefix.Addr(), a.Dev}
				if other, twice := first[key]; twice && other != i.Name {
					s(place(a.Range, i), "leave it to one of them", "(%s) has the address %s of %s: when one of them loses it, the other's is gone", i.Name, a.Prefix.Addr(), other)
					continue
				}
				first[key] = i.Name
			}
		}
	}
}

// place is r, or the instance's when r is nowhere.
func place(r diag.Range, i instance) diag.Range {
	if r.IsValid() {
		return r
	}
	return whole(i.block)
}

func unicastSelf(_ *Node, i instance, s say) {
	for _, p := range i.Unicast.Peers {
		if p.Addr == i.Source.Addr {
			s(at(i.block, "unicast_peer"), "list the other nodes only", "(%s) has itself, %s, among its unicast peers", i.Name, p.Addr)
		}
	}
}

func unicastNoPeer(_ *Node, i instance, s say) {
	if len(i.Unicast.Peers) > 0 || i.Unicast.FaultNoPeer {
		return
	}
	for _, k := range []string{"unicast_peer", "unicast_src_ip", "unicast_ttl"} {
		if l := last(i.block, k); l != nil {
			s(whole(l), "list the peers in unicast_peer; unicast_fault_no_peer makes the lack of them a fault",
				"(%s) has %s and no peer: it sends multicast, which many a cloud network drops, and then every node is MASTER", i.Name, k)
			return
		}
	}
}

func mailNowhere(n *Node, s say) {
	if n.Global.SMTPServer != "" && len(n.Global.Email) > 0 {
		return
	}
	missing := "smtp_server"
	if n.Global.SMTPServer != "" {
		missing = "notification_email"
	}
	for _, i := range n.instances() {
		if i.Notify.SMTPAlert {
			s(at(i.block, "smtp_alert"), "set smtp_server and notification_email in global_defs", "(%s) has smtp_alert, but there is no %s: no mail is sent", i.Name, missing)
			return
		}
	}
}
