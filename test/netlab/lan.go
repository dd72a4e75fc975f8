package netlab

import (
	"fmt"
	"strings"
	"time"
)

// LAN is a learning bridge without spanning tree, in a switch namespace of its
// own. It floods multicast to every port, as a switch without IGMP snooping does.
type LAN struct {
	host  *Host // the switch
	lab   *Lab
	ports map[string]string // "host/ifname" → port name
}

const bridgeName = "bridge0"

// LAN makes a bridge with forward_delay 0 in a namespace of its own.
func (l *Lab) LAN(name string) *LAN {
	l.t.Helper()
	sw := &Host{NS: l.prefix + "lan-" + name, Name: "lan-" + name, lab: l}
	lan := &LAN{host: sw, lab: l, ports: map[string]string{}}
	l.mu.Lock()
	l.lans = append(l.lans, lan)
	l.mu.Unlock()
	ip(l.t, "netns", "add", sw.NS)
	sw.Do(func() { sw.Sysctl("net/ipv6/conf/default/disable_ipv6", "1") })
	sw.IP("link", "add", bridgeName, "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
	sw.IP("link", "set", bridgeName, "up")
	return lan
}

// Attach gives the host an interface in the LAN, up, with the addresses
// ("192.0.2.1/24"), and returns when the carrier is up on both ends.
func (l *Lab) Attach(lan *LAN, h *Host, ifname string, addrs ...string) {
	l.t.Helper()
	l.mu.Lock()
	l.ports++
	port := fmt.Sprintf("p%d", l.ports)
	lan.ports[h.Name+"/"+ifname] = port
	l.mu.Unlock()
	ip(l.t, "link", "add", ifname, "netns", h.NS, "type", "veth", "peer", "name", port, "netns", lan.host.NS)
	lan.host.IP("link", "set", port, "master", bridgeName, "up")
	h.up(ifname, addrs...)
}

// Pair joins two hosts by a plain veth pair, both ends up, without addresses.
func (l *Lab) Pair(a *Host, aIf string, b *Host, bIf string) {
	l.t.Helper()
	ip(l.t, "link", "add", aIf, "netns", a.NS, "type", "veth", "peer", "name", bIf, "netns", b.NS)
	a.IP("link", "set", aIf, "up")
	b.up(bIf)
	a.up(aIf)
}

// up sets the interface up with its addresses and waits for the carrier.
func (h *Host) up(ifname string, addrs ...string) {
	h.lab.t.Helper()
	h.IP("link", "set", ifname, "up")
	for _, a := range addrs {
		args := []string{"addr", "add", a, "dev", ifname}
		if !strings.Contains(a, ":") {
			args = append(args, "broadcast", "+")
		}
		h.IP(args...)
	}
	Eventually(h.lab.t, 5*time.Second, "the carrier of "+h.Name+"/"+ifname, func() bool {
		return strings.Contains(h.IP("-o", "link", "show", "dev", ifname), "LOWER_UP")
	})
}

// Cut takes the carrier away from the host's interface; Mend gives it back.
func (lan *LAN) Cut(h *Host, ifname string)  { lan.host.IP("link", "set", lan.port(h, ifname), "down") }
func (lan *LAN) Mend(h *Host, ifname string) { lan.host.IP("link", "set", lan.port(h, ifname), "up") }

// Isolate takes the port out of the bridge: the carrier stays, nothing passes.
// Rejoin puts it back.
func (lan *LAN) Isolate(h *Host, ifname string) {
	lan.host.IP("link", "set", lan.port(h, ifname), "nomaster")
}
func (lan *LAN) Rejoin(h *Host, ifname string) {
	lan.host.IP("link", "set", lan.port(h, ifname), "master", bridgeName)
}

// Capture captures everything that crosses the LAN, once per frame.
func (lan *LAN) Capture() *Capture { return lan.host.Capture(bridgeName) }

func (lan *LAN) port(h *Host, ifname string) string {
	lan.lab.t.Helper()
	p, ok := lan.ports[h.Name+"/"+ifname]
	if !ok {
		lan.lab.t.Fatalf("%s/%s is not attached to %s", h.Name, ifname, lan.host.Name)
	}
	return p
}
