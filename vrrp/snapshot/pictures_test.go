package snapshot_test

import (
	"time"

	. "keepalived/vrrp/snapshot"
)

func syncPicture() *Snapshot {
	return &Snapshot{
		Instances: []Instance{
			router("VI_1", 51, func(v *Instance) {
				v.Group, v.AuthPass, v.MasterDown = "G1", true, 3414062*time.Microsecond
				prio(150).of(v)
				v.VIPs = []Address{
					vip("198.18.9.100/24", "eth0", func(a *Address) { a.Label = "eth0:1" }),
					vip("198.18.9.101/32", "eth0"),
					vip("198.18.9.102/24", "eth0", func(a *Address) { a.Broadcast, a.Scope, a.Set = ip("198.18.9.255"), "link", false }),
				}
				v.Excluded = []Address{vip("198.18.11.1/32", "eth1")}
				v.TrackedInterfaces = []Tracked{{Name: "eth1"}}
				v.Scripts = Scripts{Backup: root("'/usr/bin/true' 'b'"), Master: root("'/usr/bin/true' 'm'"), Fault: root("'/usr/bin/true' 'f'"),
					Stop: root("'/usr/bin/true' 's'"), Generic: root("'/usr/bin/true' 'any'")}
			}),
			router("VI_2", 52, func(v *Instance) {
				v.Group, v.Version, v.Interface, v.Source, v.SourceFixed = "G1", 3, "eth1", ip("198.18.10.1"), true
				v.MasterDown, v.AdvertInt, v.MasterAdver = 1082812*time.Microsecond, 300*time.Millisecond, 300*time.Millisecond
				v.PreemptDelay, v.SMTPAlert, v.Unicast, v.CheckUnicastSrc = 3*time.Second, true, true, true
				v.Peers = []Peer{{Addr: ip("198.18.10.2"), MaxTTL: 255}, {Addr: ip("198.18.10.3"), MinTTL: 10, MaxTTL: 20}}
				v.VIPs = []Address{vip("198.18.10.100/24", "eth1")}
				fds(v, 15)
				v.Counters.AdvertsSent = 9
			}),
			router("VI_3", 53, func(v *Instance) {
				v.MasterDown, v.Effective, v.Total = 3570312*time.Microsecond, 110, 110
				v.Preempt, v.GarpRefresh = false, 7*time.Second
				v.VIPs = []Address{vip("198.18.9.110/32", "eth0")}
				v.TrackedScripts = []Tracked{{Name: "chk1", Weight: 10, Command: "'/usr/bin/true' 'a' 'b'"},
					{Name: "chk2", Weight: 3, Reverse: true, Command: "'/usr/bin/false'"}}
			}),
		},
		Pools: []Pool{
			pool(13, "eth0", PoolMember{"VI_1", 51}, PoolMember{"VI_3", 53}),
			{FdIn: 15, FdOut: 16, Interface: "eth1", Unicast: true, Address: ip("198.18.10.1"), Members: []PoolMember{{"VI_2", 52}}},
		},
		Groups: []Group{{Name: "G1", State: Master, Members: []string{"VI_1", "VI_2"}, TrackedInterfaces: []Tracked{{Name: "eth1"}},
			Scripts: Scripts{Master: root("'/usr/bin/true'"), Generic: root("'/usr/bin/true' 'grp'")}}},
		Scripts: []Script{
			{Name: "chk1", Command: root("'/usr/bin/true' 'a' 'b'"), Interval: 2 * time.Second, Timeout: 4 * time.Second, Weight: 10, Rise: 2, Fall: 3,
				Result: 4, InitState: "unknown", Good: true, Users: []ScriptUser{{Instance: "VI_3", Weight: 10}}},
			{Name: "chk2", Command: root("'/usr/bin/false'"), Interval: time.Second, Weight: -5, Rise: 1, Fall: 1, InitState: "unknown",
				Users: []ScriptUser{{Instance: "VI_3", Weight: 3, Reverse: true}}},
		},
		Interfaces: []Interface{loopback, ethernet(0, users("VI_1", "VI_3")...), ethernet(1, users("VI_1", "VI_2")...)},
	}
}

// backupPicture is the second host of two, with masters heard in both versions and
// families.
func backupPicture() *Snapshot {
	second := func(n int, names ...string) Interface {
		i := ethernet(n, users(names...)...)
		i.IPv4, i.IPv6 = i.IPv4.Next(), ip([]string{"fe80::ff:fe00:200", "fe80::ff:fe00:201"}[n])
		i.MAC = []string{"02:00:00:00:02:00", "02:00:00:00:02:01"}[n]
		return i
	}
	backup := func(name string, vrid uint8, received uint64, change func(*Instance)) Instance {
		return router(name, vrid, func(v *Instance) {
			idle(v, Backup)
			prio(90).of(v)
			v.Source, v.MasterAddr, v.MasterPrio, v.Counters.AdvertsReceived = ip("198.18.9.2"), ip("198.18.9.1"), 150, received
			v.MasterDown = 3648437 * time.Microsecond
			fds(v, 14)
			change(v)
		})
	}
	return &Snapshot{
		Instances: []Instance{
			backup("VI_1", 51, 2, func(v *Instance) {
				v.AdvertInt, v.MasterAdver, v.MasterDown, v.AuthPass = 2*time.Second, 2*time.Second, 6648437*time.Microsecond, true
				v.VIPs = []Address{vip("198.18.9.100/24", "eth0", unset)}
			}),
			backup("VI_3", 53, 15, func(v *Instance) {
				v.Version, v.AdvertInt, v.MasterAdver = 3, 500*time.Millisecond, 500*time.Millisecond
				v.MasterDown = 1824218 * time.Microsecond
				v.VIPs = []Address{vip("198.18.9.103/24", "eth0", unset)}
			}),
			backup("VI_6", 56, 6, func(v *Instance) {
				v.Version, v.IPv6, v.Source, v.MasterAddr = 3, true, ip("fe80::ff:fe00:200"), ip("fe80::ff:fe00:100")
				v.MulticastAddr = ip("ff02::12")
				fds(v, 16)
				v.VIPs = []Address{
					vip("fe80::9:56/128", "eth0", unset), vip("2001:db8:9::100/64", "eth0", unset),
					vip("2001:db8:9::101/128", "eth0", unset, func(a *Address) { a.Deprecated, a.Forever = false, true }),
					vip("2001:db8:9::102/64", "eth0", unset, func(a *Address) { a.Forever, a.PreferredLft = false, 300 }),
				}
				v.Excluded = []Address{vip("198.18.9.160/24", "eth0", unset), vip("2001:db8:9::103/64", "eth1", unset, noTrack)}
			}),
			backup("VI_U", 57, 6, func(v *Instance) {
				v.Interface, v.Source, v.MasterAddr, v.Unicast = "eth1", ip("198.18.10.2"), ip("198.18.10.1"), true
				v.Peers = []Peer{{Addr: ip("198.18.10.1"), MaxTTL: 255}}
				fds(v, 18)
				v.VIPs = []Address{vip("198.18.10.100/32", "eth1", unset), vip("198.18.10.101/24", "eth1", unset, noTrack)}
			}),
		},
		Pools: []Pool{
			pool(14, "eth0", PoolMember{"VI_1", 51}, PoolMember{"VI_3", 53}),
			{FdIn: 16, FdOut: 17, Interface: "eth0", IPv6: true, Members: []PoolMember{{"VI_6", 56}}},
			{FdIn: 18, FdOut: 19, Interface: "eth1", Unicast: true, Address: ip("198.18.10.2"), Members: []PoolMember{{"VI_U", 57}}},
		},
		Interfaces: []Interface{loopback, second(0, "VI_1", "VI_3", "VI_6"), second(1, "VI_U")},
	}
}

// oddPicture: AH, no_accept, an owner, strict mode, a configuration fault.
func oddPicture() *Snapshot {
	return &Snapshot{
		Instances: []Instance{
			router("VI_1", 51, func(v *Instance) {
				prio(120).of(v)
				v.MasterDown, v.DownTimerAdverts = 5531250*time.Microsecond, 5
				v.DontTrackPrimary, v.SkipCheckAdvAddr, v.PromoteSecondaries, v.SourceFixed, v.Accept = true, true, true, true, false
				v.GarpDelay, v.GarpRepeat, v.GarpRefresh, v.GarpRefreshRepeat = 3*time.Second, 2, time.Minute, 3
				v.GarpLowerDelay, v.GarpLowerRepeat, v.LowerPrioNoAdvert, v.HigherPrioSendAdvert = 7*time.Second, 8, true, true
				v.AuthAH, v.RxBuf, v.Debug, v.SMTPAlert, v.NotifyDeleted, v.NotifyPrioChanges = true, 65536, 3, true, true, true
				v.VIPs = []Address{
					vip("198.18.9.100/24", "eth1", filtered),
					vip("198.18.9.101/24", "eth0", unset, noTrack, filtered, func(a *Address) {
						a.Broadcast, a.Scope, a.Label = ip("198.18.9.255"), "link", "eth0:x"
					}),
				}
				v.TrackedInterfaces = []Tracked{{Name: "eth1", Weight: -10, Reverse: true}, {Name: "lo"}}
				v.TrackedScripts = []Tracked{{Name: "run", Weight: 5, Reverse: true, Command: "'/usr/bin/sleep' '100'"},
					{Name: "init", Weight: 2, Command: "'/usr/bin/sleep' '100'"}}
				v.Scripts.RxLowerPrio = root("'/usr/bin/true' 'rx'")
			}),
			router("VI_2", 52, func(v *Instance) {
				prio(255).of(v)
				v.Version, v.AdvertInt, v.MasterAdver, v.MasterDown = 3, 2500*time.Millisecond, 2500*time.Millisecond, time.Microsecond
				v.Unicast, v.SourceFixed, v.UnicastTTL, v.CheckUnicastSrc = true, true, 7, true
				v.Peers = []Peer{{Addr: ip("198.18.9.2"), MaxTTL: 255}}
				v.VIPs = []Address{vip("198.18.9.102/32", "eth0")}
				v.NotifyDeleted, v.Scripts.Deleted = true, root("'/usr/bin/true' 'del'")
				fds(v, 15)
				v.Counters.AdvertsSent = 4
			}),
			router("VI_4", 54, func(v *Instance) {
				v.Version, v.Strict, v.Accept, v.LowerPrioNoAdvert = 3, true, false, true
				v.GarpLowerDelay, v.GarpLowerRepeat = 0, 0
				v.VIPs = []Address{vip("198.18.9.104/32", "eth0", filtered)}
				fds(v, 17)
				v.Counters.AdvertsSent = 5
			}),
			router("VI_5", 55, func(v *Instance) {
				idle(v, Fault)
				v.Want, v.ConfigFaults, v.TrackFaults = Backup, 1, 1
				v.UnicastUnused, v.FaultNoPeer, v.Preempt, v.MulticastAddr = true, true, false, ip("224.0.0.99")
				v.VIPs = []Address{vip("198.18.9.105/32", "eth0", unset)}
				fds(v, 19)
			}),
		},
		Pools: []Pool{
			{FdIn: 13, FdOut: 14, Interface: "eth0", AH: true, RxBuf: 65536, Members: []PoolMember{{"VI_1", 51}}},
			{FdIn: 15, FdOut: 16, Interface: "eth0", Unicast: true, Address: ip("198.18.9.1"), Members: []PoolMember{{"VI_2", 52}}},
			pool(17, "eth0", PoolMember{"VI_4", 54}), pool(19, "eth0", PoolMember{"VI_5", 55}),
		},
		Scripts: []Script{
			{Name: "run", Command: nobody("'/usr/bin/sleep' '100'"), Interval: 30 * time.Second, Timeout: time.Minute, Weight: 5, Reverse: true,
				Rise: 1, Fall: 1, InitState: "INIT", State: ScriptRunning, Users: []ScriptUser{{Instance: "VI_1", Weight: 5, Reverse: true}}},
			{Name: "init", Command: root("'/usr/bin/sleep' '100'"), Interval: 20 * time.Second, Weight: 4, Rise: 3, Fall: 2, Result: 2,
				InitState: "INIT", State: ScriptRunning, Users: []ScriptUser{{Instance: "VI_1", Weight: 2}}},
		},
		Interfaces: []Interface{
			func() Interface { l := loopback; l.Users = users("VI_1"); return l }(),
			ethernet(0, ScriptUser{Instance: "VI_1", Weight: IgnoredWeight}, ScriptUser{Instance: "VI_2"}, ScriptUser{Instance: "VI_4"}, ScriptUser{Instance: "VI_5"}),
			ethernet(1, users("VI_1")...),
		},
	}
}

// faultPicture: a group with a failing script, links down, a script that has not
// answered yet.
func faultPicture() *Snapshot {
	fault := func(name string, vrid uint8, faults int, change func(*Instance)) Instance {
		return router(name, vrid, func(v *Instance) {
			idle(v, Fault)
			v.TrackFaults = faults
			change(v)
		})
	}
	onEth1 := func(v *Instance, in int) {
		v.Interface, v.IfIndex, v.Source = "eth1", 3, ip("198.18.10.1")
		fds(v, in)
	}
	return &Snapshot{
		Instances: []Instance{
			fault("VI_1", 51, 1, func(v *Instance) {
				v.Group = "G1"
				v.VIPs = []Address{vip("198.18.9.100/24", "eth0", unset)}
				fds(v, 14)
			}),
			fault("VI_2", 52, 2, func(v *Instance) {
				onEth1(v, 16)
				v.Group, v.Version = "G1", 3
				v.VIPs = []Address{vip("198.18.10.100/24", "eth1", unset)}
			}),
			fault("VI_3", 53, 1, func(v *Instance) {
				onEth1(v, 16)
				v.ScriptsInit = 1
				v.VIPs = []Address{vip("198.18.10.103/24", "eth1", unset)}
				v.TrackedScripts = []Tracked{{Name: "slow", Command: "'/usr/bin/sleep' '100'"}}
			}),
			fault("VI_4", 54, 2, func(v *Instance) {
				onEth1(v, 18)
				v.Version, v.IPv6, v.Source, v.MulticastAddr = 3, true, netipNone, ip("ff02::12")
				v.VIPs = []Address{vip("fe80::54/128", "eth1", unset)}
				v.Counters = Counters{AdvertsSent: 3, BecameMaster: 1, ReleasedMaster: 1, PriorityZeroSent: 1}
			}),
		},
		Pools: []Pool{
			pool(14, "eth0", PoolMember{"VI_1", 51}), pool(16, "eth1", PoolMember{"VI_2", 52}, PoolMember{"VI_3", 53}),
			{FdIn: 18, FdOut: 19, Interface: "eth1", IPv6: true, Members: []PoolMember{{"VI_4", 54}}},
		},
		Groups: []Group{{
			Name: "G1", State: Fault, Faults: 2, Members: []string{"VI_1", "VI_2"}, TrackingWeight: true, SMTPAlert: true,
			TrackedInterfaces: []Tracked{{Name: "eth1", Weight: 3}}, TrackedScripts: []Tracked{{Name: "bad"}},
			Scripts: Scripts{Backup: root("'/usr/bin/true' 'b'"), Fault: root("'/usr/bin/true' 'f'"), Stop: root("'/usr/bin/true' 's'"),
				Generic: root("'/usr/bin/true' 'any'")},
		}},
		Scripts: []Script{
			{Name: "bad", Command: root("'/usr/bin/false'"), Interval: time.Second, Rise: 1, Fall: 1, InitState: "unknown", Users: users("VI_1", "VI_2")},
			{Name: "slow", Command: root("'/usr/bin/sleep' '100'"), Interval: 30 * time.Second, Timeout: 50 * time.Second, Rise: 1, Fall: 1,
				InitState: "INIT", State: ScriptRunning, Users: users("VI_3")},
		},
		Interfaces: []Interface{loopback, ethernet(0, users("VI_1")...), func() Interface {
			i := ethernet(1, append(users("VI_2", "VI_3", "VI_4"), ScriptUser{Instance: "VI_1", Weight: 3})...)
			i.Up, i.Running, i.IPv6, i.Checked = false, false, netipNone, when
			return i
		}()},
	}
}

func staticPicture() *Snapshot {
	return &Snapshot{
		Static:     Static{Addresses: []Address{vip("198.18.9.77/24", "eth0")}},
		Interfaces: []Interface{loopback, ethernet(0), ethernet(1)},
	}
}

// scriptsPicture: scripts in every state, masters that were never heard.
func scriptsPicture() *Snapshot {
	unheard := func(name string, vrid uint8, change func(*Instance)) Instance {
		return router(name, vrid, func(v *Instance) {
			idle(v, Backup)
			v.DownTimerAdverts, v.MasterDown = 10, 10609375*time.Microsecond
			fds(v, 14)
			change(v)
		})
	}
	return &Snapshot{
		Instances: []Instance{
			router("VI_1", 51, func(v *Instance) {
				v.MasterDown, v.Effective, v.Total, v.Counters.AdvertsSent = 3605468*time.Microsecond, 101, 101, 1
				fds(v, 14)
				v.VIPs = []Address{vip("198.18.9.100/24", "eth0")}
				v.TrackedScripts = []Tracked{{Name: "stubborn", Weight: 5, Command: "'/run/k/stubborn.sh'"}, {Name: "insecure", Command: "'/tmp/ins/x.sh'"},
					{Name: "initfail", Weight: 1, Command: "'/usr/bin/true'"}, {Name: "fails", Weight: 1, Command: "'/usr/bin/false'"}}
			}),
			router("VI_2", 52, func(v *Instance) {
				idle(v, Fault)
				v.Want, v.ScriptsInit = Backup, 1
				fds(v, 14)
				v.VIPs = []Address{vip("198.18.9.101/24", "eth0", unset)}
				v.TrackedScripts = []Tracked{{Name: "slow", Command: "'/usr/bin/sleep' '100'"}}
			}),
			unheard("VI_3", 53, func(v *Instance) {
				v.VIPs = []Address{vip("198.18.9.103/24", "eth1", unset),
					vip("198.18.9.104/32", "eth0", unset, func(a *Address) { a.Peer, a.Label = prefix("198.18.9.105/32"), "eth0:p" })}
			}),
			unheard("VI_4", 54, func(v *Instance) {
				v.Version, v.MasterDown, v.Effective, v.Total = 3, 10570312*time.Microsecond, 110, 110
				v.VIPs = []Address{vip("198.18.9.113/24", "eth0", unset)}
				v.TrackedInterfaces = []Tracked{{Name: "eth1", Weight: 10}}
			}),
			unheard("VI_5", 55, func(v *Instance) {
				v.Version, v.IPv6, v.Source, v.MulticastAddr = 3, true, ip("fe80::ff:fe00:100"), ip("ff02::12")
				v.VIPs = []Address{vip("fe80::1/128", "eth0", unset)}
				v.TrackedInterfaces = []Tracked{{Name: "eth1", Weight: -10, Reverse: true}}
				fds(v, 16)
			}),
		},
		Pools: []Pool{
			pool(14, "eth0", PoolMember{"VI_1", 51}, PoolMember{"VI_2", 52}, PoolMember{"VI_3", 53}, PoolMember{"VI_4", 54}),
			{FdIn: 16, FdOut: 17, Interface: "eth0", IPv6: true, Members: []PoolMember{{"VI_5", 55}}},
		},
		Scripts: []Script{
			{Name: "stubborn", Command: root("'/run/k/stubborn.sh'"), Interval: time.Second, Timeout: 3 * time.Second, Weight: 5, Rise: 1, Fall: 1,
				InitState: "INIT", State: ScriptTerminating, Users: []ScriptUser{{Instance: "VI_1", Weight: 5}}},
			{Name: "slow", Command: root("'/usr/bin/sleep' '100'"), Interval: 30 * time.Second, Timeout: 50 * time.Second, Rise: 1, Fall: 1,
				InitState: "INIT", State: ScriptRunning, Users: users("VI_2")},
			{Name: "insecure", Command: root("'/tmp/ins/x.sh'"), Interval: 3 * time.Second, Rise: 1, Fall: 1, Result: 1, InitState: "unknown", Good: true, Users: users("VI_1")},
			{Name: "initfail", Command: root("'/usr/bin/true'"), Interval: time.Second, Weight: 1, Rise: 20, Fall: 3, Result: 22, InitState: "unknown", Good: true,
				Users: []ScriptUser{{Instance: "VI_1", Weight: 1}}},
			{Name: "fails", Command: root("'/usr/bin/false'"), Interval: time.Second, Weight: 1, Rise: 20, Fall: 3, InitState: "unknown",
				Users: []ScriptUser{{Instance: "VI_1", Weight: 1}}},
		},
		Interfaces: []Interface{loopback, ethernet(0, users("VI_1", "VI_2", "VI_3", "VI_4", "VI_5")...),
			ethernet(1, ScriptUser{Instance: "VI_3"}, ScriptUser{Instance: "VI_4", Weight: 10}, ScriptUser{Instance: "VI_5", Weight: -10, Reverse: true})},
	}
}
