package snapshot_test

import (
	"fmt"
	"net/netip"
	"time"

	. "keepalived/vrrp/snapshot"
)

var netipNone netip.Addr

// flagsPicture has one keyword per instance, in the order of flags.conf.
func flagsPicture() *Snapshot {
	s := &Snapshot{Pools: []Pool{{FdIn: 14, FdOut: 15, Interface: "eth0", RxBuf: 100000}}}
	number, address := uint8(0), 99
	add := func(change func(*Instance)) {
		number++
		address++
		s.Instances = append(s.Instances, router(fmt.Sprintf("F%d", number), number, func(v *Instance) {
			v.VIPs = []Address{vip(fmt.Sprintf("198.18.9.%d/32", address), "eth0")}
			fds(v, 14)
			change(v)
		}))
		if v := &s.Instances[len(s.Instances)-1]; !v.Unicast {
			s.Pools[0].Members = append(s.Pools[0].Members, PoolMember{v.Name, v.VRID})
		}
	}
	add(func(v *Instance) { v.DontTrackPrimary = true })
	add(func(v *Instance) { v.SkipCheckAdvAddr = true })
	add(func(v *Instance) { v.Accept, v.VIPs[0].Filtered = false, true })
	add(func(v *Instance) { v.PromoteSecondaries = true })
	add(func(v *Instance) { v.NotifyDeleted = true })
	add(func(v *Instance) { v.SourceFixed = true }) // with track_src_ip
	add(func(v *Instance) { v.SourceFixed = true })
	add(func(v *Instance) { v.Preempt = false })
	add(func(v *Instance) { v.UnicastUnused = true })
	add(func(v *Instance) {}) // unicast_ttl, refused without peers
	add(func(v *Instance) {
		idle(v, Fault)
		v.UnicastUnused, v.FaultNoPeer, v.Want, v.ConfigFaults, v.TrackFaults, v.VIPs[0].Set = true, true, Backup, 1, 1, false
	})
	add(func(v *Instance) {
		v.Version, v.AdvertInt, v.MasterAdver, v.PreemptDelay = 3, 330*time.Millisecond, 330*time.Millisecond, 2500*time.Millisecond
		v.MasterDown, v.Counters.AdvertsSent = 1191093*time.Microsecond, 15
	})
	add(func(v *Instance) {}) // lower_prio_no_advert false
	add(func(v *Instance) { v.HigherPrioSendAdvert = true })
	add(func(v *Instance) {}) // smtp_alert false
	add(func(v *Instance) { v.NotifyPrioChanges = true })
	add(func(v *Instance) {
		v.DownTimerAdverts, v.MasterDown, v.Counters.AdvertsSent = 4, 4609375*time.Microsecond, 2
	})
	add(func(v *Instance) {
		v.Strict, v.Accept, v.LowerPrioNoAdvert, v.GarpLowerDelay, v.GarpLowerRepeat, v.VIPs[0].Filtered = true, false, true, 0, 0, true
	})
	add(func(v *Instance) { v.RxBuf = 100000 })
	add(func(v *Instance) {}) // garp_extra_if
	add(func(v *Instance) {}) // state MASTER
	peer := Peer{Addr: ip("198.18.9.50"), MaxTTL: 255}
	add(func(v *Instance) {
		v.Unicast, v.SourceFixed, v.ChecksumCompat, v.Peers = true, true, "never", []Peer{peer}
		fds(v, 16)
	})
	add(func(v *Instance) {
		peer.MinTTL = 3
		v.Unicast, v.SourceFixed, v.ChecksumCompat, v.Peers, v.CheckUnicastSrc = true, true, "config", []Peer{peer}, true
		fds(v, 16)
	})
	number, address = number+1, address+1 // use_vmac
	add(func(v *Instance) {
		prio(254).of(v)
		v.PreemptDelay, v.MasterDown, v.Counters.AdvertsSent = time.Millisecond, 3007812*time.Microsecond, 4
	})
	add(func(v *Instance) {
		v.Effective, v.Total, v.MasterDown = 107, 107, 3582031*time.Microsecond
		v.TrackedInterfaces = []Tracked{{Name: "eth1", Weight: 7}}
		v.TrackedScripts = []Tracked{{Name: "t", Weight: -3, Command: "'/usr/bin/true'"}}
	})
	flagsRest(s)
	return s
}

// flagsRest adds what stands around the instances with one keyword each.
func flagsRest(s *Snapshot) {
	var names []ScriptUser
	for _, v := range s.Instances {
		names = append(names, ScriptUser{Instance: v.Name})
	}
	names[0].Weight = IgnoredWeight
	s.Instances = append(s.Instances, addressForms()...)
	s.Pools = append(s.Pools,
		Pool{FdIn: 16, FdOut: 17, Interface: "eth0", Unicast: true, Address: ip("198.18.9.1"), Members: []PoolMember{{"F22", 22}, {"F23", 23}}},
		pool(18, "eth1", PoolMember{"P", 99}),
		Pool{FdIn: 20, FdOut: 21, Interface: "eth1", IPv6: true, Unicast: true, Address: ip("fe80::ff:fe00:101"), Members: []PoolMember{{"Q", 98}}})
	s.Scripts = []Script{{Name: "t", Command: root("'/usr/bin/true'"), Interval: 3 * time.Second, Weight: 9, Rise: 1, Fall: 1, Result: 1,
		InitState: "unknown", Good: true, Users: []ScriptUser{{Instance: "F26", Weight: -3}}}}
	eth1 := ethernet(1, ScriptUser{Instance: "F26", Weight: 7}, ScriptUser{Instance: "P"}, ScriptUser{Instance: "Q"})
	eth1.Checked = when
	s.Interfaces = []Interface{loopback, ethernet(0, names...), eth1}
}

// addressForms are the instances with every option of an address.
func addressForms() []Instance {
	scope := func(s string) func(*Address) { return func(a *Address) { a.Scope, a.Set = s, false } }
	brd := func(s string) func(*Address) { return func(a *Address) { a.Broadcast = ip(s) } }
	peer := func(s string) func(*Address) { return func(a *Address) { a.Peer = prefix(s) } }
	return []Instance{
		router("P", 99, func(v *Instance) {
			v.Interface, v.Source = "eth1", ip("198.18.10.1")
			fds(v, 18)
			v.VIPs = []Address{
				vip("198.18.10.100/32", "eth1", peer("198.18.10.200/32")),
				vip("198.18.10.101/24", "eth1", peer("198.18.10.201/32")),
				vip("198.18.10.102/24", "eth1", brd("198.18.10.0"), scope("host")),
				vip("198.18.10.103/24", "eth1", brd("198.18.10.77"), scope("site")),
				vip("198.18.10.104/24", "eth1", scope("nowhere"), func(a *Address) { a.Home, a.MngTmpAddr, a.NoPrefixRoute, a.AutoJoin = true, true, true, true }),
				vip("198.18.10.105/24", "eth1", scope("77"), func(a *Address) { a.Label = "eth1:abc" }),
			}
		}),
		router("Q", 98, func(v *Instance) {
			v.Version, v.IPv6, v.Interface, v.Source, v.SourceFixed = 3, true, "eth1", ip("fe80::ff:fe00:101"), true
			v.Unicast, v.UnicastTTL, v.Peers = true, -1, []Peer{{Addr: ip("fe80::9"), MaxTTL: 255}}
			fds(v, 20)
			v.VIPs = []Address{
				vip("2001:db8::98/64", "eth1", func(a *Address) { a.Home, a.DAD, a.NoPrefixRoute = true, true, true }),
				vip("2001:db8::99/128", "eth1", peer("2001:db8::9a/128")),
			}
		}),
	}
}

// linksPicture: links of every kind, a router too fast for the clock.
func linksPicture() *Snapshot {
	eth0, eth1 := ethernet(0, users("VI_3", "VI_4")...), ethernet(1)
	eth0.Forwarding, eth0.Checked, eth1.Running = true, when, false
	return &Snapshot{
		Instances: []Instance{
			router("VI_3", 53, func(v *Instance) {
				v.Version, v.IPv6, v.Source, v.MulticastAddr = 3, true, ip("fe80::ff:fe00:100"), ip("ff02::12")
				v.PreemptDelay, v.Counters.AdvertsSent = 10*time.Microsecond, 2
				v.VIPs = []Address{vip("fe80::3/128", "eth0")}
				v.TrackedInterfaces = []Tracked{{Name: "tun0", Weight: 3}}
				fds(v, 14)
			}),
			router("VI_4", 53, func(v *Instance) {
				v.Version, v.AdvertInt, v.MasterAdver, v.MasterDown = 3, 10*time.Millisecond, 10*time.Millisecond, 36093*time.Microsecond
				v.Counters.AdvertsSent = 529
				v.VIPs = []Address{vip("198.18.9.77/32", "eth0")}
				fds(v, 16)
			}),
		},
		Pools: []Pool{{FdIn: 14, FdOut: 15, Interface: "eth0", IPv6: true, Members: []PoolMember{{"VI_3", 53}}}, pool(16, "eth0", PoolMember{"VI_4", 53})},
		Interfaces: []Interface{
			loopback, eth0, eth1,
			{Name: "tun0", Index: 4, IPv4: ip("10.9.9.1"), Up: true, NoBroadcast: true, PointToPoint: true, NoARP: true, MTU: 1500, HWType: "UNKNOWN (65534)",
				Users: []ScriptUser{{Instance: "VI_3", Weight: 3}}},
			{Name: "du1", Index: 5, MAC: "02:01:fc:d4:8f:7f", BroadcastMAC: "ff:ff:ff:ff:ff:ff", MTU: 1500, HWType: "ETHERNET"},
			{Name: "du0", Index: 6, MAC: "3e:c7:a5:ab:e1:f1", BroadcastMAC: "ff:ff:ff:ff:ff:ff", MTU: 1500, HWType: "ETHERNET"},
		},
	}
}

// notifyPicture has every script of an instance and of a group.
func notifyPicture() *Snapshot {
	return &Snapshot{
		Instances: []Instance{router("VI_1", 53, func(v *Instance) {
			v.Group, v.NotifyDeleted, v.TrackedInterfaces = "G", true, []Tracked{{Name: "eth1"}}
			v.VIPs = []Address{vip("198.18.9.103/24", "eth0")}
			v.Scripts = Scripts{
				Deleted: root("'/usr/bin/true' '0'"), Master: root("'/usr/bin/true' '1'"), Backup: root("'/usr/bin/true' '2'"),
				Fault: root("'/usr/bin/true' '3'"), Stop: root("'/usr/bin/true' '4'"), Generic: nobody("'/usr/bin/true' '5 6' 'it'"),
				RxLowerPrio: root("'/usr/bin/true' '6 7' ''"),
			}
		})},
		Pools: []Pool{pool(13, "eth0", PoolMember{"VI_1", 53})},
		Groups: []Group{{
			Name: "G", State: Master, Members: []string{"VI_1"}, SMTPAlert: true,
			TrackedInterfaces: []Tracked{{Name: "eth1"}}, TrackedScripts: []Tracked{{Name: "s"}},
			Scripts: Scripts{Master: root("'/usr/bin/true' '1'"), Backup: root("'/usr/bin/true' '2'"), Fault: root("'/usr/bin/true' '3'"),
				Stop: root("'/usr/bin/true' '4'"), Generic: nobody("'/usr/bin/true' '5'")},
		}},
		Scripts: []Script{{Name: "s", Command: root("'/usr/bin/true'"), Interval: time.Second, Rise: 1, Fall: 1, Result: 1,
			InitState: "unknown", Good: true, Users: users("VI_1")}},
		Interfaces: []Interface{loopback, ethernet(0, users("VI_1")...), ethernet(1, users("VI_1")...)},
	}
}
