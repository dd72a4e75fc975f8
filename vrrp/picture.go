package vrrp

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"time"

	"keepalived/core/clock"
	"keepalived/core/config/cursor"
	"keepalived/core/dump"
	"keepalived/core/rtnl"
	"keepalived/core/script"
	"keepalived/vrrp/fsm"
	"keepalived/vrrp/iface"
	"keepalived/vrrp/snapshot"
	"keepalived/vrrp/sock"
	"keepalived/vrrp/vrrpcfg"
	"keepalived/vrrp/wire"
)

// picture copies the state for a dump: on the loop, without rendering anything.
func (d *daemon) picture(now clock.Instant) *snapshot.Snapshot {
	s := &snapshot.Snapshot{Global: d.globals}
	wall := time.Now()
	at := func(t clock.Instant) dump.Wall {
		if t == clock.Never {
			return dump.Wall{}
		}
		return wallTime(wall.Add(t.Sub(now)))
	}
	s.Instances = make([]snapshot.Instance, len(d.instances))
	for i, in := range d.instances {
		s.Instances[i] = d.instancePicture(in, at)
	}
	s.Pools = d.pools()
	for _, g := range d.groups {
		s.Groups = append(s.Groups, d.groupPicture(g))
	}
	users := d.trackers(func(t *vrrpcfg.Track) []vrrpcfg.TrackRef { return t.Scripts })
	for _, t := range d.scripts {
		s.Scripts = append(s.Scripts, d.scriptPicture(t, users[t.cfg.Name]))
	}
	d.objectPictures(s)
	s.GARPGroups = d.garpPictures(at)
	s.Interfaces = d.interfacePictures(d.linkSettings(s.GARPGroups))
	s.Static = d.staticPicture()
	return s
}

// wallTime leaves the words out: see sayTimes.
func wallTime(t time.Time) dump.Wall { return dump.Wall{Micros: t.UnixMicro()} }

// sayTimes writes the times of a picture out, as the dumps need it: off the loop.
func sayTimes(s *snapshot.Snapshot) {
	say := func(w *dump.Wall) {
		if w.Micros != 0 {
			sayDay(w)
		}
	}
	for i := range s.Instances {
		say(&s.Instances[i].Since)
		say(&s.Instances[i].ReadTimeout)
	}
	for i := range s.GARPGroups {
		sayDay(&s.GARPGroups[i].GARP.Next)
		sayDay(&s.GARPGroups[i].NA.Next)
	}
}

func snapshotState(p fsm.Phase) snapshot.State {
	return [...]snapshot.State{fsm.Initialize: snapshot.Init, fsm.Backup: snapshot.Backup, fsm.Master: snapshot.Master, fsm.Fault: snapshot.Fault}[p]
}

func (d *daemon) instancePicture(in *instance, at func(clock.Instant) dump.Wall) snapshot.Instance {
	cfg, e, g := in.cfg, &in.cfg.Election, &in.cfg.GARP
	v := snapshot.Instance{
		Name: cfg.Name, Version: int(in.mc.Version), IPv6: in.family() == sock.IPv6, Group: cfg.Group,
		State: snapshotState(in.st.Phase), Want: snapshotState(d.wantedPhase(in)),
		MasterAddr: in.st.Master, MasterPrio: in.st.MasterPriority, MasterAdver: in.st.MasterAdverInt,
		FaultNoPeer: cfg.Unicast.FaultNoPeer, ChecksumCompat: checksumPicture(cfg.Unicast.ChecksumCompat),
		TrackFaults: len(in.causes.list), Since: wallTime(in.changed), ReadTimeout: at(in.st.MasterDownAt),
		MasterDown: in.st.MasterDownInterval(&in.mc), Interface: cfg.Identity.Interface, Source: in.mc.Source,
		SourceFixed: cfg.Source.Addr.IsValid(), Unicast: in.unicast(), MulticastAddr: cfg.Identity.Destination,
		GarpDelay: g.Delay, GarpRefresh: g.Refresh, GarpLowerDelay: g.LowerPrioDelay, GarpRepeat: int(g.Repeat),
		GarpRefreshRepeat: int(g.RefreshRepeat), GarpLowerRepeat: int(g.LowerPrioRepeat),
		DownTimerAdverts: int(e.DownTimerAdverts), LowerPrioNoAdvert: e.LowerPrioNoAdvert,
		HigherPrioSendAdvert: e.HigherPrioSendAdvert, OwnerIgnores: e.OwnerIgnoreAdverts,
		DontTrackPrimary: cfg.Track.NoPrimary, SkipCheckAdvAddr: e.SkipCheckAdvAddr, Strict: e.Strict,
		VRID: in.mc.VRID, Priority: e.Priority, Effective: in.st.Priority, Total: int(e.Priority) + in.weights,
		AdvertInt: in.mc.AdverInt, Accept: e.Accept, Preempt: e.Preempt, PromoteSecondaries: e.PromoteSecondaries,
		PreemptDelay: e.PreemptDelay, AuthPass: cfg.Auth.Type == vrrpcfg.AuthPass, AuthAH: cfg.Auth.Type == vrrpcfg.AuthAH,
		UnicastTTL: wire.HopLimit, CheckUnicastSrc: cfg.Unicast.CheckSource, SMTPAlert: cfg.Notify.SMTPAlert,
		NotifyDeleted: cfg.Notify.DeletedSet, NotifyPrioChanges: cfg.Notify.PriorityChanges,
		Scripts: d.scriptsPicture(&cfg.Notify), Counters: countersPicture(in),
		UnicastUnused: cfg.Unicast.Said && !in.unicast(), Debug: int(e.Debug), RxBuf: e.RxBuf,
		ExtraIfAll: g.ExtraIfAll, TrackedObjects: trackedPicture(&cfg.Track),
	}
	if l, ok := d.links.ByName(cfg.Identity.Interface); ok {
		v.IfIndex = l.Index
	}
	if in.st.Phase == fsm.Master {
		v.ReadTimeout = at(in.st.AdverAt)
		if in.mc.Owner() {
			v.MasterDown = time.Microsecond // with which 2.2.7 makes an owner MASTER
		}
	}
	if in.st.Phase == fsm.Fault && in.causes.kinds&fsm.CauseNoPeer == 0 {
		v.Want = snapshot.Fault
	}
	if in.st.Phase == fsm.Initialize && in.causes.kinds&fsm.CauseInit != 0 {
		v.State = snapshot.Fault // 2.2.7 shows an instance that waits for its scripts so
		v.ScriptsInit = d.pendingScripts(in)
		v.TrackFaults -= v.ScriptsInit
	}
	if cfg.Unicast.TTL >= 0 {
		v.UnicastTTL = cfg.Unicast.TTL
	}
	for _, p := range cfg.Unicast.Peers {
		v.Peers = append(v.Peers, snapshot.Peer{Addr: p.Addr, MinTTL: int(p.MinTTL), MaxTTL: int(p.MaxTTL)})
	}
	for _, a := range cfg.Addresses {
		v.VIPs = append(v.VIPs, addressPicture(a, d.installed(in, a)))
	}
	for _, a := range cfg.Excluded {
		v.Excluded = append(v.Excluded, addressPicture(a, d.installed(in, a)))
	}
	v.Routes, v.Rules = cfg.Routes, cfg.Rules
	v.FdIn, v.FdOut = d.descriptors(in)
	// As it says itself: through its group another weight may hold.
	for _, t := range cfg.Track.Interfaces {
		if t.Hidden {
			t.Weight = 0
		}
		v.TrackedInterfaces = append(v.TrackedInterfaces, snapshot.Tracked{Name: t.Name, Weight: t.Weight, Reverse: t.Reverse})
	}
	for _, t := range cfg.Track.Scripts {
		if s := d.byScript[t.Name]; s != nil {
			v.TrackedScripts = append(v.TrackedScripts, snapshot.Tracked{Name: t.Name, Weight: t.Weight, Reverse: t.Reverse, Command: s.ready.String()})
		}
	}
	return v
}

func (d *daemon) pendingScripts(in *instance) (n int) {
	for i := range in.track {
		if t := &in.track[i]; t.script != nil && t.weight.Value == 0 && t.script.pending() {
			n++
		}
	}
	return n
}

func addressPicture(a vrrpcfgAddress, installed bool) snapshot.Address {
	p := snapshot.Address{
		Prefix: a.Prefix, Peer: a.Peer, Broadcast: a.Broadcast, Dev: a.Dev, Scope: cmp.Or(a.ScopeName, rtnl.ScopeName(a.Scope)),
		Label: a.Label, NoTrack: a.NoTrack, TrackGroup: a.TrackGroup, Set: installed,
		Home: a.Home(), DAD: a.DAD, MngTmpAddr: a.ManageTemp(), NoPrefixRoute: a.NoPrefixRoute(), AutoJoin: a.AutoJoin(),
	}
	if a.Prefix.Addr().Is6() {
		p.Deprecated, p.Forever = a.PreferredLft == 0, a.PreferredLft == vrrpcfg.Forever
		if !p.Deprecated && !p.Forever {
			p.PreferredLft = a.PreferredLft
		}
	}
	return p
}

// checksumPicture is old_unicast_checksum in the words of the dump.
func checksumPicture(c vrrpcfg.ChecksumCompat) string {
	switch c {
	case vrrpcfg.ChecksumOld:
		return "config"
	case vrrpcfg.ChecksumNever:
		return "never"
	}
	return ""
}

// countersPicture sorts our reasons into keepalived's counters.
func countersPicture(in *instance) snapshot.Counters {
	c := &in.counters
	form := func(drops ...wire.Drop) (n uint64) {
		for _, k := range drops {
			n += c.drops[k]
		}
		return n
	}
	refused := func(r fsm.Refusal) uint64 { return c.drops[int(wire.NumDrops)+int(r)] }
	return snapshot.Counters{
		AdvertsReceived: c.received, AdvertsSent: c.sent, BecameMaster: c.becameMaster, ReleasedMaster: c.released,
		LengthErrors: form(wire.DropShort, wire.DropLength), TTLErrors: refused(fsm.RefusedTTL), TypeErrors: form(wire.DropType),
		IntervalErrors: refused(fsm.RefusedInterval) + form(wire.DropInterval), AddressErrors: c.mismatches,
		AuthTypeInvalid: form(wire.DropAuthType), AuthMismatch: refused(fsm.RefusedAuthType), AuthFailures: refused(fsm.RefusedPassword),
		PriorityZeroReceived: c.zeroReceived, PriorityZeroSent: c.zeroSent,
	}
}

// descriptors are the sockets the instance's adverts use; one receive and one send
// socket serve all of a family.
func (d *daemon) descriptors(in *instance) (fdIn, fdOut int) {
	i := family(in.family())
	if d.net.receivers[i] == nil || d.net.senders[i] == nil || !in.st.Started {
		return -1, -1
	}
	return d.net.receivers[i].FD(), d.net.senders[i].FD()
}

// pools shows the sockets as keepalived does, one entry per interface, family and cast.
func (d *daemon) pools() []snapshot.Pool {
	var out []snapshot.Pool
	type key struct {
		iface             string
		ipv6, unicast, ah bool
		addr              netip.Addr
	}
	known := map[key]int{}
	for _, in := range d.instances {
		fdIn, fdOut := d.descriptors(in)
		if fdIn < 0 {
			continue
		}
		k := key{iface: in.cfg.Identity.Interface, ipv6: in.family() == sock.IPv6, unicast: in.unicast(), ah: in.cfg.Auth.Type == vrrpcfg.AuthAH}
		if k.unicast {
			k.addr = in.mc.Source
		}
		i, ok := known[k]
		if !ok {
			i = len(out)
			known[k] = i
			out = append(out, snapshot.Pool{FdIn: fdIn, FdOut: fdOut, Interface: k.iface, IPv6: k.ipv6, Unicast: k.unicast, AH: k.ah, Address: k.addr})
		}
		out[i].Members = append(out[i].Members, snapshot.PoolMember{Name: in.cfg.Name, VRID: in.mc.VRID})
	}
	for i := range out {
		slices.SortStableFunc(out[i].Members, func(a, b snapshot.PoolMember) int { return cmp.Compare(a.VRID, b.VRID) })
	}
	return out
}

func (d *daemon) groupPicture(g *syncGroup) snapshot.Group {
	p := snapshot.Group{
		Name: g.cfg.Name, State: snapshotState(g.st.Phase), Members: g.cfg.Members, SMTPAlert: g.cfg.Notify.SMTPAlert,
		TrackingWeight: g.cfg.TrackingWeight, NotifyPrioChanges: g.cfg.PriorityLines,
		Scripts: d.scriptsPicture(&g.cfg.Notify), TrackedObjects: trackedPicture(&g.cfg.Track),
	}
	for _, in := range g.members {
		if in.st.Phase == fsm.Fault && in.causes.kinds&^fsm.CauseInit != 0 {
			p.Faults++
		}
		if in.causes.kinds&fsm.CauseInit != 0 {
			p.Inits++
		}
	}
	for _, t := range g.cfg.Track.Interfaces {
		p.TrackedInterfaces = append(p.TrackedInterfaces, snapshot.Tracked{Name: t.Name, Weight: t.Weight, Reverse: t.Reverse})
	}
	for _, t := range g.cfg.Track.Scripts {
		p.TrackedScripts = append(p.TrackedScripts, snapshot.Tracked{Name: t.Name, Weight: t.Weight, Reverse: t.Reverse})
	}
	return p
}

func (d *daemon) scriptPicture(s *trackScript, users []snapshot.ScriptUser) snapshot.Script {
	p := snapshot.Script{
		Name: s.cfg.Name, Command: commandPicture(s.ready), Interval: s.cfg.Interval, Timeout: s.cfg.Timeout,
		Weight: s.cfg.Weight, Reverse: s.cfg.Reverse, Rise: s.cfg.Rise, Fall: s.cfg.Fall, Result: s.counter.Value(),
		InitState: "INIT", Good: s.good(), Users: users,
	}
	if s.counter.Seen() {
		p.InitState = "unknown"
	}
	if s.running {
		p.State = snapshot.ScriptRunning
	}
	return p
}

func (d *daemon) scriptsPicture(n *vrrpcfg.Notify) snapshot.Scripts {
	c := func(s *cursor.Script) snapshot.Command {
		if s == nil {
			return snapshot.Command{}
		}
		return commandPicture(d.ready[s])
	}
	return snapshot.Scripts{
		Backup: c(n.Backup), Master: c(n.Master), Fault: c(n.Fault), Stop: c(n.Stop), Generic: c(n.Any),
		Deleted: c(n.Deleted), RxLowerPrio: c(n.RxLowerPri),
	}
}

func commandPicture(s *script.Script) snapshot.Command {
	if s == nil {
		return snapshot.Command{}
	}
	c := snapshot.Command{Argv: s.String()}
	if s.As != nil {
		c.UID, c.GID = s.As.UID, s.As.GID
	}
	return c
}

func (d *daemon) interfacePictures(settings linkSettings) []snapshot.Interface {
	var out []snapshot.Interface
	users, links := d.interfaceUsers(), d.links.All()
	for _, l := range links {
		p := snapshot.Interface{
			Name: l.Name, Index: l.Index, Up: l.Up, Running: l.Running, Loopback: l.Loopback, NoBroadcast: l.Loopback,
			NoMulticast: !l.Multicast, SeenUp: l.Running, MTU: int(l.MTU), HWType: "ETHERNET",
		}
		if l.Loopback {
			p.HWType = "LOOPBACK"
		} else {
			p.MAC, p.BroadcastMAC = net.HardwareAddr(l.MAC[:]).String(), broadcastMAC
		}
		a := d.interfaceAddrs(l)
		p.IPv4, p.IPv6, p.MoreIPv4, p.MoreIPv6 = a.v4, a.v6, a.moreV4, a.moreV6
		out = append(out, p)
	}
	out = append(out, d.absentPictures(links)...)
	for i := range out {
		out[i].Users = users[out[i].Name]
		settings.show(&out[i])
	}
	return out
}

// linkAddrs are the addresses keepalived shows of a link: the IPv4 ones and the link-local
// IPv6 ones, the first of each apart.
type linkAddrs struct {
	v4, v6         netip.Addr // invalid: none
	moreV4, moreV6 []netip.Addr
}

func (d *daemon) interfaceAddrs(l iface.Link) (out linkAddrs) {
	for _, a := range d.links.Addrs(l.Index) {
		ip := a.Prefix.Addr()
		switch {
		case a.Ours || ip.Is6() && !ip.IsLinkLocalUnicast():
		case ip.Is4() && !out.v4.IsValid():
			out.v4 = ip
		case ip.Is4():
			out.moreV4 = append(out.moreV4, ip)
		case !out.v6.IsValid():
			out.v6 = ip
		default:
			out.moreV6 = append(out.moreV6, ip)
		}
	}
	return out
}

// interfaceUsers are, by link, the instances that depend on it: those on it with weight
// 0, those that track it, those with a static entry there, and last those that track it
// through their group alone.
func (d *daemon) interfaceUsers() map[string][]snapshot.ScriptUser {
	out := map[string][]snapshot.ScriptUser{}
	for _, in := range d.instances {
		own := in.cfg.Identity.Interface
		u := snapshot.ScriptUser{Instance: in.cfg.Name}
		if in.cfg.Track.NoPrimary {
			u.Weight = snapshot.IgnoredWeight
		}
		for i := range in.track {
			switch t := &in.track[i]; {
			case t.kind != trackInterface:
			case t.name == own: // only with dont_track_primary
				u.Weight, u.Reverse = t.weight.Value, t.weight.Reverse
			case !t.group && !t.static:
				out[t.name] = append(out[t.name], interfaceUser(in, t))
			}
		}
		out[own] = append(out[own], u)
	}
	for _, e := range d.cfg.StaticDevices() {
		for _, name := range e.Instances {
			known := func(u snapshot.ScriptUser) bool { return u.Instance == name }
			in := d.byName[name]
			if in == nil || slices.ContainsFunc(out[e.Device], known) {
				continue
			}
			if t := in.tracked(e.Device); t != nil {
				out[e.Device] = append(out[e.Device], interfaceUser(in, t))
			}
		}
	}
	for _, g := range d.groups {
		for _, in := range g.members {
			for i := range in.track {
				if t := &in.track[i]; t.kind == trackInterface && t.group && t.name != in.cfg.Identity.Interface {
					out[t.name] = append(out[t.name], interfaceUser(in, t))
				}
			}
		}
	}
	return out
}

func interfaceUser(in *instance, t *trackRef) snapshot.ScriptUser {
	return snapshot.ScriptUser{Instance: in.cfg.Name, Weight: t.weight.Value, Reverse: t.weight.Reverse}
}
