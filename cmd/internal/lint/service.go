package lint

import (
	"net/netip"
	"strings"

	"keepalived/checker/checkercfg"
	"keepalived/core/config"
)

func serviceRules() []Rule {
	return []Rule{
		{"no-protocol", "a virtual_server without a protocol is UDP", eachService(noProtocol), []string{"no protocol set"}},
		{"no-scheduler", "a virtual_server without lvs_sched is wlc", eachService(noScheduler), []string{"no scheduler set"}},
		{"no-method", "a virtual_server without lvs_method is NAT", eachService(noMethod), []string{"no forwarding method set"}},
		{"method-word", "any word but NAT, DR and TUN is NAT", eachService(methodWord), []string{"routing method for virtual server"}},
		{"no-checker", "a real_server without a checker is always good", eachService(noChecker), nil},
		{"udp-no-reply", "a UDP_CHECK without require_reply takes silence for health", eachCheck("UDP_CHECK", udpNoReply), nil},
		{"dns-any-answer", "a DNS_CHECK takes any answer for health", eachCheck("DNS_CHECK", dnsAnyAnswer), nil},
		{"check-slow", "a check may take longer than its interval", checkSlow, nil},
		{"quorum-unreachable", "a quorum above the sum of the weights is never reached", eachService(quorumUnreachable), nil},
		{"no-such-address", "no instance has the address of a virtual_server", noSuchAddress, nil},
	}
}

// services are the virtual_servers by their block.
func eachService(check func(n *Node, block *config.Node, s say)) func(*Node, say) {
	return func(n *Node, s say) {
		for _, b := range n.blocks("virtual_server") {
			check(n, b, s)
		}
	}
}

// title is how a virtual_server's block begins, without the keyword.
func title(b *config.Node) string {
	var words []string
	for _, a := range b.Args {
		words = append(words, a.Text)
	}
	return strings.Join(words, " ")
}

func noProtocol(n *Node, b *config.Node, s say) {
	if last(b, "protocol") != nil || arg(b) == "fwmark" || marksOnly(n, b) {
		return
	}
	s(whole(b), "write protocol TCP (or UDP, SCTP)", "virtual_server %s has no protocol and serves UDP: nothing answers TCP", title(b))
}

// marksOnly reports a service of a group that has firewall marks only.
func marksOnly(n *Node, b *config.Node) bool {
	if arg(b) != "group" || len(b.Args) < 2 {
		return false
	}
	for _, g := range n.Checkers.Groups {
		if g.Name == b.Args[1].Text {
			v4, v6 := g.Families()
			return !v4 && !v6
		}
	}
	return false
}

func either(b *config.Node, names ...string) *config.Node {
	for _, name := range names {
		if l := last(b, name); l != nil {
			return l
		}
	}
	return nil
}

func noScheduler(_ *Node, b *config.Node, s say) {
	if either(b, "lvs_sched", "lb_algo") == nil {
		s(whole(b), "say which scheduler is meant: lvs_sched wlc", "virtual_server %s has no scheduler and gets wlc", title(b))
	}
}

func noMethod(_ *Node, b *config.Node, s say) {
	if either(b, "lvs_method", "lb_kind") == nil {
		s(whole(b), "say which method is meant: lvs_method NAT, DR or TUN",
			"virtual_server %s has no forwarding method and gets NAT: with servers set up for DR nothing answers", title(b))
	}
}

func methodWord(_ *Node, b *config.Node, s say) {
	l := either(b, "lvs_method", "lb_kind")
	switch w := arg(l); w {
	case "", "NAT", "DR", "TUN":
	default:
		s(whole(l), "write NAT, DR or TUN in capital letters", "virtual_server %s: forwarding method %s is not understood and means NAT", title(b), w)
	}
}

func noChecker(_ *Node, b *config.Node, s say) {
	for _, r := range lines(b, "real_server") {
		checked := false
		for _, m := range r.Block {
			checked = checked || strings.HasSuffix(m.Keyword.Text, "_CHECK") || strings.HasSuffix(m.Keyword.Text, "_GET")
		}
		if !checked {
			s(whole(r), "give it a checker: TCP_CHECK { }", "real_server %s of virtual_server %s has no checker: it gets connections when it is down, too", title(r), title(b))
		}
	}
}

// eachCheck makes a check of a node of one of a kind of checker, with the real server's
// name.
func eachCheck(kind string, check func(k *config.Node, server string, s say)) func(*Node, say) {
	return eachService(func(_ *Node, b *config.Node, s say) {
		for _, r := range lines(b, "real_server") {
			for _, k := range lines(r, kind) {
				check(k, title(r), s)
			}
		}
	})
}

func udpNoReply(k *config.Node, server string, s say) {
	if last(k, "require_reply") == nil {
		s(whole(k), "write require_reply, with a payload that the server answers",
			"real_server %s: UDP_CHECK takes silence for health: a server that is gone stays in, unless its port is refused", server)
	}
}

func dnsAnyAnswer(k *config.Node, server string, s say) {
	s(whole(k), "where a wrong answer has to count as failure, ask with a script: MISC_CHECK",
		"real_server %s: DNS_CHECK takes any answer for health, SERVFAIL and an empty one, too", server)
}

func checkSlow(n *Node, s say) {
	for _, v := range n.Checkers.Services {
		for _, r := range v.Servers {
			for _, k := range r.Checks {
				limit := k.Connection.Timeout
				if k.Kind == checkercfg.MiscCheck {
					limit = k.Misc.Timeout
				}
				if limit > k.DelayLoop {
					s(r.Range, "make delay_loop at least as long as the time limit of the check",
						"real_server %s: %s may take %s and is due every %s: a failure is noticed late", r.Name(), k.Kind, limit, k.DelayLoop)
				}
			}
		}
	}
}

func quorumUnreachable(_ *Node, b *config.Node, s say) {
	l := last(b, "quorum")
	if l == nil {
		return
	}
	standard := 1
	if w := last(b, "weight"); w != nil {
		standard = number(arg(w))
	}
	total := 0
	for _, r := range lines(b, "real_server") {
		if w := last(r, "weight"); w != nil {
			total += number(arg(w))
		} else {
			total += standard
		}
	}
	if quorum := number(arg(l)); quorum > total {
		s(whole(l), "the quorum counts weights, not servers: choose it below their sum",
			"virtual_server %s has quorum %d, and all its servers together a weight of %d", title(b), quorum, total)
	}
}

// noSuchAddress: a director whose instances hold other addresses than its services.
// Without instances in the file somebody else holds them.
func noSuchAddress(n *Node, s say) {
	have := map[netip.Addr]bool{}
	for _, i := range n.VRRP.Instances {
		for _, a := range i.Addresses {
			have[a.Prefix.Addr()] = true
		}
		for _, a := range i.Excluded {
			have[a.Prefix.Addr()] = true
		}
	}
	for _, a := range n.VRRP.StaticAddresses {
		have[a.Prefix.Addr()] = true
	}
	if len(have) == 0 {
		return
	}
	for _, v := range n.Checkers.Services {
		if v.Kind == checkercfg.ByAddress && !have[v.Addr] {
			s(v.Range, "add it to virtual_ipaddress of an instance, unless it is on this node's interface anyway",
				"virtual_server %s: no vrrp_instance of this file has the address %s", v.Name(), v.Addr)
		}
	}
}
