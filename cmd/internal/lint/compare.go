package lint

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"keepalived/checker/checkercfg"
	"keepalived/vrrp/vrrpcfg"
)

const sameOnAll = "write the same on every node"

// Comparisons are the rules about several nodes.
func Comparisons() []Comparison {
	return []Comparison{
		{"nodes-advert-int", "nodes with another advert_int refuse each other's adverts or wait for another time", eachPair(nodesAdvertInt)},
		{"nodes-version", "nodes of another VRRP version do not hear each other", agree("version", sameOnAll+": adverts of the other version are refused, and both nodes are MASTER",
			func(p peer) int { return int(p.Identity.Version) })},
		{"nodes-auth", "nodes with another password refuse each other's adverts", eachPair(nodesAuth)},
		{"nodes-addresses", "nodes with other addresses refuse each other's adverts, or lose some at a takeover", eachPair(nodesAddresses)},
		{"nodes-priority", "with equal priorities the address decides who is MASTER", nodesPriority},
		{"nodes-state", "several nodes say state MASTER", nodesState},
		{"nodes-state-lower", "state MASTER is not on the node with the highest priority", nodesStateLower},
		{"nodes-preempt", "nopreempt counts on the node that comes back", agree("nopreempt", sameOnAll+": it is the returning node's that counts",
			func(p peer) string { return onOff(!p.Election.Preempt) })},
		{"nodes-strict", "strict mode on one node only", agree("strict_mode", sameOnAll+": with it adverts have no password, and the addresses answer nothing",
			func(p peer) string { return onOff(p.Election.Strict) })},
		{"nodes-group", "nodes that send to another multicast group do not hear each other", agree("mcast_dst_ip", sameOnAll+" (vrrp_mcast_group4 and 6 count, too): else they do not hear each other, and both are MASTER",
			func(p peer) netip.Addr { return destination(p) })},
		{"nodes-unicast", "unicast peers must name each other", nodesUnicast},
		{"nodes-missing", "an instance is not on every node", nodesMissing},
		{"nodes-vrid", "an instance has another virtual_router_id on another node", nodesVRID},
		{"nodes-vrid-used", "a virtual_router_id is that of another instance on another node", eachPair(nodesVRIDUsed)},
		{"nodes-sync-group", "nodes fail over together what others do not", eachPair(nodesSyncGroup)},
		{"nodes-group-priority", "no node has the higher priority for all members of a sync group", nodesGroupPriority},
		{"nodes-vmac", "only some nodes use the virtual MAC address", agree("use_vmac", sameOnAll+": else clients have to learn another MAC address at each takeover",
			func(p peer) string { return onOff(p.Identity.VMAC.Enabled) })},
		{"nodes-weights", "a weight that can never change who is MASTER", nodesWeights},
		{"nodes-group-weights", "a weight moves one member of a sync group, which moves only as a whole", nodesGroupWeights},
		{"nodes-services", "virtual servers that are not the same on all nodes", nodesServices},
		{"nodes-router-id", "nodes have the same router_id", nodesRouterID},
	}
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// destination is the group adverts go to; none for unicast, which nodes-unicast is about.
func destination(p peer) netip.Addr {
	if len(p.Unicast.Peers) > 0 {
		return netip.Addr{}
	}
	return p.Identity.Destination
}

func nodesAdvertInt(c *comparing, a, b peer) {
	if a.Election.AdvertInt == b.Election.AdvertInt {
		return
	}
	effect := "the nodes refuse each other's adverts, and both are MASTER"
	if a.Identity.Version == 3 && b.Identity.Version == 3 {
		effect = "how soon the other takes over depends on who is MASTER"
	}
	c.say(b.index, at(b.block, "advert_int"), sameOnAll, "(%s) advert_int is %v here and %v on %s: %s",
		b.Name, b.Election.AdvertInt, a.Election.AdvertInt, a.node.Name, effect)
}

func nodesAuth(c *comparing, a, b peer) {
	if a.Auth == b.Auth {
		return
	}
	what := "another auth_pass"
	if a.Auth.Type != b.Auth.Type {
		what = "another auth_type"
	}
	c.say(b.index, at(b.block, "authentication"), sameOnAll, "(%s) has %s than on %s: the nodes refuse each other's adverts, and both are MASTER", b.Name, what, a.node.Name)
}

func nodesAddresses(c *comparing, a, b peer) {
	for _, list := range []struct {
		keyword, effect string
		of              func(peer) []vrrpcfg.Address
	}{
		{"virtual_ipaddress", "a takeover loses the others, and keepalived 2.2.7 refuses adverts of other addresses, so that both are MASTER", func(p peer) []vrrpcfg.Address { return p.Addresses }},
		{"virtual_ipaddress_excluded", "a takeover loses the others", func(p peer) []vrrpcfg.Address { return p.Excluded }},
	} {
		here, there := addresses(list.of(b)), addresses(list.of(a))
		var diff []string
		for _, x := range here {
			if !slices.Contains(there, x) {
				diff = append(diff, fmt.Sprintf("%s is not on %s", x, a.node.Name))
			}
		}
		for _, x := range there {
			if !slices.Contains(here, x) {
				diff = append(diff, fmt.Sprintf("%s is only on %s", x, a.node.Name))
			}
		}
		if diff != nil {
			c.say(b.index, at(b.block, list.keyword), "list the same addresses on every node: "+list.effect,
				"(%s) %s: %s", b.Name, list.keyword, strings.Join(diff, ", "))
		}
	}
}

func addresses(list []vrrpcfg.Address) []netip.Addr {
	out := make([]netip.Addr, len(list))
	for i, a := range list {
		out[i] = a.Prefix.Addr()
	}
	return out
}

func nodesPriority(c *comparing) {
	for _, r := range c.routers {
		sorted := r.byPriority()
		for i := 1; i < len(sorted); i++ {
			a, b := sorted[i-1], sorted[i]
			if a.Election.Priority != b.Election.Priority {
				continue
			}
			text := "(%s) has priority %d on %s, too: the higher address decides when both start"
			if a.Election.StartMaster && b.Election.StartMaster {
				text = "(%s) has priority %d and state MASTER on %s, too: both take the addresses when they start together"
			}
			c.say(b.index, at(b.block, "priority"), "give every node a priority of its own", text, b.Name, b.Election.Priority, a.node.Name)
		}
	}
}

func nodesState(c *comparing) {
	for _, r := range c.routers {
		var masters []peer
		for _, p := range r {
			if l := last(p.block, "state"); arg(l) == "MASTER" {
				masters = append(masters, p)
			}
		}
		if len(masters) > 1 {
			b := masters[1]
			c.say(b.index, at(b.block, "state"), "write state BACKUP on all nodes but one at most: priority decides who is MASTER",
				"(%s) has state MASTER on %s", b.Name, places(masters))
		}
	}
}

// nodesStateLower: nodesState has something to say where several are MASTER.
func nodesStateLower(c *comparing) {
	for _, r := range c.routers {
		first := r.byPriority()[0]
		var masters []peer
		for _, p := range r {
			if arg(last(p.block, "state")) == "MASTER" {
				masters = append(masters, p)
			}
		}
		if len(masters) == 1 && masters[0].Election.Priority < first.Election.Priority {
			p := masters[0]
			c.say(p.index, at(p.block, "state"), "give this node the highest priority, or write state MASTER on that one",
				"(%s) has state MASTER, and %s has the higher priority: %d against %d here: it is the priority that decides", p.Name, first.node.Name, first.Election.Priority, p.Election.Priority)
		}
	}
}

// nodesGroupPriority: a group takes over when all its members have more than those of
// the MASTER. Between nodes of which each has more in one member, neither ever does.
func nodesGroupPriority(c *comparing) {
	type pair struct {
		group string
		a, b  int
	}
	leads := map[pair]peer{} // b has more than a in this one
	said := map[pair]bool{}
	for _, r := range c.routers {
		for _, a := range r {
			for _, b := range r {
				if a.Group != "" && a.Group == b.Group && a.Election.Priority < b.Election.Priority {
					leads[pair{a.Group, a.index, b.index}] = b
				}
			}
		}
	}
	for _, r := range c.routers {
		for _, p := range r {
			for other := range c.nodes {
				key, back := pair{p.Group, p.index, other}, pair{p.Group, other, p.index}
				more, less := leads[back], leads[key]
				if other >= p.index || said[back] || more.block == nil || less.block == nil {
					continue
				}
				said[back] = true
				c.say(p.index, at(more.block, "priority"), "give all members of a sync group the same priority on a node",
					"(%s) has the higher priority here, and %s on %s: sync group %s moves as a whole, so that neither node takes over from the other while it runs, and whoever is first stays MASTER",
					more.Name, less.Name, less.node.Name, p.Group)
			}
		}
	}
}

func nodesUnicast(c *comparing) {
	for _, r := range c.routers {
		for _, a := range r {
			for _, b := range r {
				if a.index != b.index {
					unicastPair(c, a, b)
				}
			}
		}
	}
}

func unicastPair(c *comparing, a, b peer) {
	switch {
	case len(a.Unicast.Peers) == 0:
	case len(b.Unicast.Peers) == 0:
		c.say(a.index, at(a.block, "unicast_peer"), "use unicast on all nodes or on none",
			"(%s) sends unicast here and multicast on %s: both are MASTER", a.Name, b.node.Name)
	case b.Source.Addr.IsValid() && !slices.ContainsFunc(a.Unicast.Peers, func(p vrrpcfg.Peer) bool { return p.Addr == b.Source.Addr }):
		c.say(a.index, at(a.block, "unicast_peer"), "list the unicast_src_ip of every other node",
			"(%s) does not have %s, the unicast_src_ip of %s, among its peers: that node hears nothing from here", a.Name, b.Source.Addr, b.node.Name)
	}
}

func nodesMissing(c *comparing) {
	for _, r := range c.routers {
		for index, n := range c.nodes {
			if r.on(index) || n.VRRP.Instance(r[0].Name) != nil {
				continue // nodes-vrid is about the latter
			}
			p := r[0]
			c.say(p.index, whole(p.block), "write the instance on every node that is to take its addresses",
				"(%s) with virtual_router_id %d is not on %s: nobody there takes its addresses", p.Name, p.Identity.VRID, n.Name)
		}
	}
}

func nodesVRID(c *comparing) {
	first := map[string]peer{}
	for _, r := range c.routers {
		for _, p := range r {
			a, ok := first[p.Name]
			if !ok {
				first[p.Name] = p
				continue
			}
			if a.index != p.index && a.Identity.VRID != p.Identity.VRID {
				c.say(p.index, at(p.block, "virtual_router_id"), sameOnAll,
					"(%s) has virtual_router_id %d here and %d on %s: they are two routers, and both nodes are MASTER", p.Name, p.Identity.VRID, a.Identity.VRID, a.node.Name)
			}
		}
	}
}

func nodesVRIDUsed(c *comparing, a, b peer) {
	if a.Name == b.Name || shareAddress(a.Instance, b.Instance) || len(a.Addresses) == 0 || len(b.Addresses) == 0 {
		return
	}
	c.say(b.index, at(b.block, "virtual_router_id"), "give each instance of one network a virtual_router_id of its own",
		"(%s) has the virtual_router_id %d of %s on %s, which has other addresses: in one network each takes the other's adverts for its own router's", b.Name, b.Identity.VRID, a.Name, a.node.Name)
}

func nodesSyncGroup(c *comparing, a, b peer) {
	members := func(p peer) []string {
		for _, g := range p.node.VRRP.Groups {
			if g.Name == p.Group {
				return slices.Sorted(slices.Values(g.Members))
			}
		}
		return nil
	}
	here, there := members(b), members(a)
	if !slices.Equal(here, there) && a.Name == b.Name {
		c.say(b.index, whole(b.block), "write the same vrrp_sync_group on every node",
			"(%s) fails over together with %s here and with %s on %s", b.Name, listed(here, b.Name), listed(there, a.Name), a.node.Name)
	}
}

// listed are the names without one's own.
func listed(names []string, own string) string {
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == own })
	if len(names) == 0 {
		return "nothing else"
	}
	return strings.Join(names, ", ")
}

func nodesRouterID(c *comparing) {
	first := map[string]*Node{}
	for index, n := range c.nodes {
		id := ""
		for _, b := range n.blocks("global_defs") {
			if l := last(b, "router_id"); l != nil {
				id = arg(l)
				if other := first[id]; other != nil && other != n {
					c.say(index, whole(l), "give every node its own: it tells whose mail it is", "router_id %s is that of %s, too", id, other.Name)
				}
			}
		}
		if id != "" && first[id] == nil {
			first[id] = n
		}
	}
}

func nodesServices(c *comparing) {
	type where struct {
		*checkercfg.Service
		node int
	}
	first := map[string]where{}
	seen := map[string][]int{}
	var order []string
	for index, n := range c.nodes {
		for _, v := range n.Checkers.Services {
			key := v.Key()
			seen[key] = append(seen[key], index)
			a, ok := first[key]
			if !ok {
				first[key] = where{v, index}
				order = append(order, key)
				continue
			}
			if diff := serviceDiff(a.Service, v); len(diff) > 0 && a.node != index {
				c.say(index, v.Range, "a director that takes over has to serve the same",
					"virtual_server %s is not that of %s: another %s", v.Name(), c.nodes[a.node].Name, strings.Join(diff, ", "))
			}
		}
	}
	for _, key := range order {
		a := first[key]
		for index, n := range c.nodes {
			if !slices.Contains(seen[key], index) && len(n.Checkers.Services) > 0 {
				c.say(a.node, a.Range, "a director that takes over has to serve the same", "virtual_server %s is not on %s", a.Name(), n.Name)
			}
		}
	}
}

// serviceDiff names what of two services the other director has to have, too. How
// often each of them checks is its own affair.
func serviceDiff(a, b *checkercfg.Service) []string {
	var out []string
	differ := func(what string, same bool) {
		if !same {
			out = append(out, what)
		}
	}
	differ("protocol", a.Protocol == b.Protocol)
	differ("scheduler", a.Scheduler == b.Scheduler && a.Flags == b.Flags)
	differ("forwarding method", a.Forwarding == b.Forwarding)
	differ("persistence", a.Persistence == b.Persistence && a.Mask == b.Mask)
	differ("sorry server", (a.Sorry == nil) == (b.Sorry == nil) && (a.Sorry == nil || *a.Sorry == *b.Sorry))
	servers := func(s *checkercfg.Service) []string {
		var out []string
		for _, r := range s.Servers {
			out = append(out, fmt.Sprintf("%s %d %d %v", r.Addr, r.Port, r.Weight, r.Forwarding))
		}
		slices.Sort(out)
		return out
	}
	differ("set of real servers", slices.Equal(servers(a), servers(b)))
	return out
}
