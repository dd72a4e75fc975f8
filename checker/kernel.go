package checker

import (
	"net/netip"
	"slices"
	"time"

	"keepalived/checker/checkercfg"
	"keepalived/checker/ipvs"
)

// This file says in the kernel's terms what the configuration says in keepalived's.

var protocols = [...]ipvs.Protocol{checkercfg.TCP: ipvs.TCP, checkercfg.UDP: ipvs.UDP, checkercfg.SCTP: ipvs.SCTP}

var methods = [...]ipvs.Method{checkercfg.NAT: ipvs.NAT, checkercfg.DR: ipvs.DirectRoute, checkercfg.TUN: ipvs.Tunnel}

func kernelFamily(f checkercfg.Family) ipvs.Family {
	if f == checkercfg.IPv6 {
		return ipvs.INET6
	}
	return ipvs.INET
}

// kernelKeys lists the services of the kernel that a virtual server stands for, each once.
func kernelKeys(c *checkercfg.Service) []ipvs.Key {
	ends := c.Endpoints()
	keys := make([]ipvs.Key, 0, len(ends))
	seen := make(map[ipvs.Key]bool, len(ends))
	for _, e := range ends {
		k := ipvs.MarkKey(e.Mark, kernelFamily(e.Family))
		if e.Addr.IsValid() {
			k = ipvs.AddressKey(protocols[e.Protocol], netip.AddrPortFrom(e.Addr, e.Port))
		}
		if !seen[k] {
			seen[k] = true
			keys = append(keys, k)
		}
	}
	return keys
}

// kernelService is what the service of the kernel with that key is to be.
func kernelService(c *checkercfg.Service, k ipvs.Key) ipvs.Service {
	s := ipvs.Service{Key: k, Scheduler: c.Scheduler, Engine: c.Engine, Timeout: uint32(c.Persistence / time.Second)}
	for from, to := range map[checkercfg.Flags]ipvs.Flags{
		checkercfg.FlagOne: ipvs.Sched1, checkercfg.FlagTwo: ipvs.Sched2, checkercfg.FlagThree: ipvs.Sched3,
	} {
		if c.Flags&from != 0 {
			s.Flags |= to
		}
	}
	if c.OnePacket {
		s.Flags |= ipvs.OnePacket
	}
	if c.Granularity == "" || kernelFamily(c.Family) != k.Family {
		return s // a single address
	}
	s.Netmask = uint32(c.Mask)
	if k.Family == ipvs.INET {
		s.Netmask = uint32(uint64(0xffffffff) << (32 - min(c.Mask, 32)))
	}
	return s
}

func destination(r *checkercfg.Server) ipvs.Destination {
	d := forwarded(r.Addr, r.Port, r.Forwarding)
	d.Upper, d.Lower = r.Upper, r.Lower
	return d
}

func sorryDestination(s *checkercfg.Sorry) ipvs.Destination {
	return forwarded(s.Addr, s.Port, s.Forwarding)
}

func forwarded(a netip.Addr, port uint16, f checkercfg.Forwarding) ipvs.Destination {
	d := ipvs.Destination{Addr: netip.AddrPortFrom(a, port), Method: methods[f.Method]}
	if f.Method == checkercfg.TUN {
		d.TunnelType, d.TunnelPort = tunnels[f.Tunnel], f.Port
		d.TunnelFlags = map[checkercfg.Checksum]ipvs.TunnelFlags{
			checkercfg.WithChecksum: ipvs.Checksum, checkercfg.RemoteChecksum: ipvs.RemoteChecksum,
		}[f.Checksum]
	}
	return d
}

var tunnels = [...]ipvs.TunnelType{checkercfg.IPIP: ipvs.IPIP, checkercfg.GUE: ipvs.GUE, checkercfg.GRE: ipvs.GRE}

// place is where a service of the kernel has the destination. Without address translation
// a packet keeps its port, so there it is the service's, as with 2.2.7; in a group that is
// another one for each of its lines.
func place(k ipvs.Key, d ipvs.Destination) netip.AddrPort {
	if d.Method == ipvs.NAT {
		return d.Addr
	}
	return netip.AddrPortFrom(d.Addr.Addr(), k.Addr.Port())
}

// addDestinations adds to list what is not in it by address: of two virtual servers that
// share a service of the kernel the first one's word counts.
func addDestinations(list, more []ipvs.Destination) []ipvs.Destination {
	if len(list) == 0 {
		return more
	}
	seen := make(map[netip.AddrPort]bool, len(list)+len(more))
	for _, d := range list {
		seen[d.Addr] = true
	}
	return append(list, slices.DeleteFunc(more, func(d ipvs.Destination) bool { return seen[d.Addr] })...)
}
