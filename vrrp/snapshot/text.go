package snapshot

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"keepalived/core/dump"
	"keepalived/core/global"
)

// Text writes keepalived.data in the layout of 2.2.7. Readers are picky about it:
// exporters.md §3.3 says which line means what to whom.
func (s *Snapshot) Text() []byte {
	var w dump.Writer
	global := s.Global
	s.garpText(&w)
	s.Static.text(&w)
	if len(s.Instances) > 0 {
		w.Section("VRRP Topology")
	}
	for i := range s.Instances {
		s.Instances[i].text(&w)
	}
	if len(s.Pools) > 0 {
		w.Section("VRRP Sockpool")
	}
	for i := range s.Pools {
		s.Pools[i].text(&w)
	}
	if len(s.Groups) > 0 {
		w.Section("VRRP Sync groups")
	}
	for i := range s.Groups {
		s.Groups[i].text(&w)
	}
	if len(s.Scripts) > 0 {
		w.Section("VRRP Scripts")
	}
	for i := range s.Scripts {
		s.Scripts[i].text(&w)
	}
	s.objectsText(&w)
	w.Section("Interfaces")
	for i := range s.Interfaces {
		s.Interfaces[i].text(&w)
	}
	return append(global[:len(global):len(global)], w.Bytes()...)
}

func (v *Instance) text(w *dump.Writer) {
	w.Line(1, "VRRP Instance = %s", v.Name)
	w.Line(3, "VRRP Version = %d", v.Version)
	if v.Group != "" {
		w.Line(3, "Sync group = %s", v.Group)
	}
	if v.IPv6 {
		w.Line(3, "Using Native IPv6")
	}
	w.Line(3, "State = %s", v.State)
	if v.State == Backup {
		v.masterText(w)
	}
	v.flagsText(w)
	w.Line(3, "Wantstate = %s", v.Want)
	w.Line(3, "Number of config faults = %d", v.ConfigFaults)
	w.Line(3, "Number of interface and track script faults = %d", v.TrackFaults)
	w.Line(3, "Number of track scripts init = %d", v.ScriptsInit)
	w.Line(3, "Last transition = %s", v.Since.Stamp())
	if v.ReadTimeout.Micros == 0 {
		w.Line(3, "Read timeout = DISABLED")
	} else {
		w.Line(3, "Read timeout = %s", v.ReadTimeout.Stamp())
	}
	w.Line(3, "Master down timer = %d usecs", v.MasterDown.Microseconds())
	w.Line(3, "Interface = %s", v.Interface)
	if v.DontTrackPrimary {
		w.Line(3, "VRRP interface tracking disabled")
	}
	if v.SkipCheckAdvAddr {
		w.Line(3, "Skip checking advert IP addresses")
	}
	if v.Strict {
		w.Line(3, "Enforcing strict VRRP compliance")
	}
	w.Line(3, "Using src_ip = %s%s", addr(v.Source), dump.OnOff(v.SourceFixed, " (from configuration)", ""))
	switch {
	case v.Unicast:
	case v.IPv6:
		w.Line(3, "Multicast address %s, ifindex %d", v.MulticastAddr, v.IfIndex)
	default:
		w.Line(3, "Multicast address %s", v.MulticastAddr)
	}
	v.settingsText(w)
	v.addressText(w)
	v.trackText(w)
}

func (v *Instance) masterText(w *dump.Writer) {
	master := "0.0.0.0"
	if v.MasterAddr.IsValid() {
		master = v.MasterAddr.String()
	} else if v.IPv6 {
		master = "::"
	}
	w.Line(3, "Master router = %s", master)
	w.Line(3, "Master priority = %d", v.MasterPrio)
	if v.Version == 3 {
		w.Line(3, "Master advert int = %.2f sec", v.MasterAdver.Seconds())
	}
}

// flagsText: the list has an entry for what concerns unicast only. The other flags of
// 2.2.7 keep it from saying "none" and are not in it (observed).
func (v *Instance) flagsText(w *dump.Writer) {
	unlisted := !v.Preempt || v.DontTrackPrimary || v.SkipCheckAdvAddr || v.PromoteSecondaries || v.SourceFixed || v.ExtraIfAll
	if !v.Unicast && !v.UnicastUnused && !v.FaultNoPeer && !unlisted {
		w.Line(3, "Flags: none")
		return
	}
	w.Line(3, "Flags:")
	if v.Unicast {
		w.Line(5, "Using unicast")
	}
	if v.UnicastUnused {
		w.Line(5, "Unicast config option specified but using multicast")
	}
	if v.FaultNoPeer {
		w.Line(5, "If unicast go to fault state if no peers")
	}
}

func (v *Instance) settingsText(w *dump.Writer) {
	w.Line(3, "Gratuitous ARP delay = %d", seconds(v.GarpDelay))
	w.Line(3, "Gratuitous ARP repeat = %d", v.GarpRepeat)
	w.Line(3, "Gratuitous ARP refresh = %d", seconds(v.GarpRefresh))
	w.Line(3, "Gratuitous ARP refresh repeat = %d", v.GarpRefreshRepeat)
	w.Line(3, "Gratuitous ARP lower priority delay = %d", seconds(v.GarpLowerDelay))
	w.Line(3, "Gratuitous ARP lower priority repeat = %d", v.GarpLowerRepeat)
	w.Line(3, "Down timer adverts = %d", v.DownTimerAdverts)
	w.Line(3, "Send advert after receive lower priority advert = %t", !v.LowerPrioNoAdvert)
	w.Line(3, "Send advert after receive higher priority advert = %t", v.HigherPrioSendAdvert)
	if v.OwnerIgnores {
		w.Line(3, "Address owner ignores received adverts = true")
	}
	w.Line(3, "Virtual Router ID = %d", v.VRID)
	w.Line(3, "Priority = %d", v.Priority)
	w.Line(3, "Effective priority = %d", v.Effective)
	w.Line(3, "Total priority = %d", v.Total)
	if v.Version == 2 {
		w.Line(3, "Advert interval = %d sec", seconds(v.AdvertInt))
	} else {
		w.Line(3, "Advert interval = %d milli-sec", v.AdvertInt.Milliseconds())
		if v.State == Backup {
			w.Line(3, "Master advert interval = %d milli-sec", v.MasterAdver.Milliseconds())
		}
	}
	w.Line(3, "Accept = %s", enabled(v.Accept))
	w.Line(3, "Preempt = %s", enabled(v.Preempt))
	if v.PreemptDelay > 0 {
		w.Line(3, "Preempt delay = %g secs", v.PreemptDelay.Seconds())
	}
	w.Line(3, "Promote_secondaries = %s", enabled(v.PromoteSecondaries))
	if v.Version == 2 {
		v.authText(w)
	}
	if v.RxBuf > 0 {
		w.Line(3, "Kernel rx buffer size = %d", v.RxBuf)
	}
	if v.Debug > 0 {
		w.Line(3, "Debug level = %d", v.Debug)
	}
}

// authText masks the password: 2.2.7 prints it in clear, 2.4.0 no longer does. That of
// AH is in neither.
func (v *Instance) authText(w *dump.Writer) {
	switch {
	case v.AuthAH:
		w.Line(3, "Authentication type = IPSEC_AH")
	case v.AuthPass:
		w.Line(3, "Authentication type = SIMPLE_PASSWORD")
		w.Line(3, "Password = ********")
	default:
		w.Line(3, "Authentication type = none")
	}
}

func (v *Instance) addressText(w *dump.Writer) {
	if len(v.VIPs) > 0 {
		w.Line(3, "Virtual IP (%d):", len(v.VIPs))
		for i := range v.VIPs {
			w.Line(5, "%s", &v.VIPs[i])
		}
	}
	if len(v.Excluded) > 0 {
		w.Line(3, "Virtual IP Excluded :")
		for i := range v.Excluded {
			w.Line(5, "%s", &v.Excluded[i])
		}
	}
	if v.Unicast {
		if v.UnicastTTL >= 0 {
			w.Line(3, "Unicast TTL = %d", v.UnicastTTL)
		}
		w.Line(3, "Check unicast src : %s", dump.OnOff(v.CheckUnicastSrc, "yes", "no"))
		w.Line(3, "Unicast Peer :")
		for _, p := range v.Peers {
			w.Line(5, "%s min_ttl %d max_ttl %d", p.Addr, p.MinTTL, p.MaxTTL)
		}
		w.Line(3, "Unicast checksum compatibility = %s", cmp.Or(v.ChecksumCompat, "no"))
	}
	if v.FdIn < 0 {
		w.Line(3, "No sockets allocated")
	} else {
		w.Line(3, "fd_in %d, fd_out %d", v.FdIn, v.FdOut)
	}
}

func (v *Instance) trackText(w *dump.Writer) {
	if len(v.Routes) > 0 {
		w.Line(3, "Virtual Routes :")
		routesText(w, v.Routes)
	}
	if len(v.Rules) > 0 {
		w.Line(3, "Virtual Rules :")
		rulesText(w, v.Rules)
	}
	tracked(w, "Tracked interfaces :", v.TrackedInterfaces)
	tracked(w, "Tracked scripts :", v.TrackedScripts)
	v.TrackedObjects.text(w, "Tracked processes :")
	w.Line(3, "Using smtp notification = %s", dump.OnOff(v.SMTPAlert, "yes", "no"))
	w.Line(3, "Notify deleted = %s", dump.OnOff(v.NotifyDeleted, "Deleted", "Fault"))
	v.Scripts.text(w)
	w.Line(3, "Notify priority changes = %t", v.NotifyPrioChanges)
}

func (s *Scripts) text(w *dump.Writer) {
	for _, c := range []struct {
		title string
		c     Command
	}{
		{"Backup state transition script", s.Backup},
		{"Master state transition script", s.Master},
		{"Fault state transition script", s.Fault},
		{"Stop state transition script", s.Stop},
		{"Deleted state transition script", s.Deleted},
		{"Generic state transition script", s.Generic},
		{"Master rx lower pri state transition script", s.RxLowerPrio},
	} {
		if c.c.Argv != "" {
			w.Line(3, "%s = %s, uid:gid %d:%d", c.title, c.c.Argv, c.c.UID, c.c.GID)
		}
	}
}

func tracked(w *dump.Writer, title string, list []Tracked) {
	if len(list) == 0 {
		return
	}
	w.Line(3, "%s", title)
	for _, t := range list {
		w.Line(5, "%s weight %d%s", t.Name, t.Weight, dump.OnOff(t.Reverse, " reverse", ""))
	}
}

// String is the line of an address: word 0 is the address (bare for /32, /128 and with
// a peer), the word behind dev its interface.
func (a *Address) String() string {
	var b strings.Builder
	if a.Prefix.IsSingleIP() || a.Peer.IsValid() {
		b.WriteString(a.Prefix.Addr().String())
	} else {
		b.WriteString(a.Prefix.String())
	}
	if a.Broadcast.IsValid() {
		fmt.Fprintf(&b, " brd %s", a.Broadcast)
	}
	fmt.Fprintf(&b, " dev %s scope %s", a.Dev, a.Scope)
	if a.Label != "" {
		fmt.Fprintf(&b, " label %s", a.Label)
	}
	if a.Peer.IsValid() {
		fmt.Fprintf(&b, " peer %s", a.Peer)
	}
	for _, word := range []struct {
		text string
		on   bool
	}{
		{"home", a.Home}, {"-nodad", a.DAD}, {"mngtmpaddr", a.MngTmpAddr}, {"noprefixroute", a.NoPrefixRoute}, {"autojoin", a.AutoJoin},
		{"no_track", a.NoTrack}, {"track_group " + a.TrackGroup, a.TrackGroup != ""}, {"deprecated", a.Deprecated}, {"preferred_lft forever", a.Forever},
		{fmt.Sprintf("preferred_lft %d", a.PreferredLft), a.PreferredLft > 0},
		{"set", a.Set}, {"nftable_set", a.Filtered},
	} {
		if word.on {
			b.WriteString(" " + word.text)
		}
	}
	return b.String()
}

func (p *Pool) text(w *dump.Writer) {
	w.Line(1, "fd_in %d fd_out = %d", p.FdIn, p.FdOut)
	w.Line(3, "Interface = %s", p.Interface)
	w.Line(3, "Family = %s", dump.OnOff(p.IPv6, "IPv6", "IPv4"))
	w.Line(3, "Protocol = %s", dump.OnOff(p.AH, "AH", "VRRP"))
	w.Line(3, "Type = %s", dump.OnOff(p.Unicast, "Unicast", "Multicast"))
	if p.Unicast {
		w.Line(3, "Address = %s", addr(p.Address))
	}
	w.Line(3, "Rx buf size = %d", p.RxBuf)
	w.Line(3, "VRRP instances")
	for _, m := range p.Members {
		w.Line(5, "%s vrid %d", m.Name, m.VRID)
	}
}

func (g *Group) text(w *dump.Writer) {
	w.Line(1, "VRRP Sync Group = %s, %s", g.Name, g.State)
	w.Line(3, "Num member fault %d, num member init %d", g.Faults, g.Inits)
	w.Line(3, "VRRP member instances :")
	for _, m := range g.Members {
		w.Line(5, "%s", m)
	}
	if g.TrackingWeight {
		w.Line(3, "sync group tracking weight set")
	}
	w.Line(3, "Using smtp notification = %s", dump.OnOff(g.SMTPAlert, "yes", "no"))
	if g.NotifyPrioChanges != global.Unset {
		w.Line(3, "Notify priority changes = %s", dump.OnOff(g.NotifyPrioChanges == global.On, "yes", "no"))
	}
	tracked(w, "Tracked interfaces :", g.TrackedInterfaces)
	tracked(w, "Tracked scripts :", g.TrackedScripts)
	g.TrackedObjects.text(w, "Tracked process :")
	g.Scripts.text(w)
}

func (s *Script) text(w *dump.Writer) {
	w.Line(1, "VRRP Script = %s", s.Name)
	w.Line(3, "Command = %s", s.Command.Argv)
	w.Line(3, "Interval = %g sec", s.Interval.Seconds())
	w.Line(3, "Timeout = %g sec", s.Timeout.Seconds())
	w.Line(3, "Weight = %d%s", s.Weight, dump.OnOff(s.Reverse, " reverse", ""))
	w.Line(3, "Rise = %d", s.Rise)
	w.Line(3, "Fall = %d", s.Fall)
	w.Line(3, "Result = %d", s.Result)
	w.Line(3, "Insecure = %s", dump.OnOff(s.Insecure, "yes", "no"))
	w.Line(3, "Init state = %s", s.InitState)
	w.Line(3, "Status = %s", dump.OnOff(s.Good, "GOOD", "BAD"))
	w.Line(3, "Script uid:gid = %d:%d", s.Command.UID, s.Command.GID)
	w.Line(3, "VRRP instances :")
	w.Line(3, "Tracking instances :")
	for _, u := range s.Users {
		w.Line(5, "%s, weight %d%s", u.Instance, u.Weight, dump.OnOff(u.Reverse, " reverse", ""))
	}
	w.Line(3, "State = %s", s.State)
}

func (i *Interface) text(w *dump.Writer) {
	w.Line(1, "Name = %s", i.Name)
	w.Line(3, "index = %d%s", i.Index, dump.OnOff(i.Absent, " (deleted)", ""))
	addrsText(w, "IPv4", i.IPv4, i.MoreIPv4)
	addrsText(w, "IPv6", i.IPv6, i.MoreIPv6)
	if i.MAC != "" {
		w.Line(3, "MAC = %s", i.MAC)
		w.Line(3, "MAC broadcast = %s", i.BroadcastMAC)
	}
	state := dump.OnOff(i.Up, "UP", "not UP") + dump.OnOff(i.Running, ", RUNNING", ", not RUNNING")
	state += dump.OnOff(i.NoBroadcast, ", no broadcast", "") + dump.OnOff(i.Loopback, ", loopback", "")
	state += dump.OnOff(i.PointToPoint, ", point to point", "") + dump.OnOff(i.NoARP, ", no arp", "")
	state += dump.OnOff(i.NoMulticast, ", no multicast", "")
	w.Line(3, "State = %s", state)
	w.Line(3, "Seen up = %s", dump.OnOff(i.SeenUp, "1", "0"))
	w.Line(3, "Delayed state change running = false")
	w.Line(3, "Up debounce timer = %dus", i.UpDelay.Microseconds())
	w.Line(3, "Down debounce timer = %dus", i.DownDelay.Microseconds())
	if i.Changeable {
		w.Line(3, "Interface type/base can be changed")
	}
	w.Line(3, "MTU = %d", i.MTU)
	w.Line(3, "HW Type = %s", i.HWType)
	w.Line(3, "NIC netlink status update")
	i.paceText(w)
	w.Line(3, "Reset ARP config counter 0")
	w.Line(3, "Original arp_ignore 0")
	w.Line(3, "Original arp_filter 0")
	w.Line(3, "Original promote_secondaries 0")
	w.Line(3, "Reset promote_secondaries counter 0")
	if i.Checked.Micros != 0 {
		w.Line(3, "%sIPv6 forwarding. Last checked %s", dump.OnOff(i.Forwarding, "", "Not "), i.Checked.LateStamp())
	}
	if len(i.Users) > 0 {
		w.Line(3, "Tracking VRRP instances :")
	}
	for _, u := range i.Users {
		w.Line(5, "%s, weight %d%s", u.Instance, u.Weight, dump.OnOff(u.Reverse, " reverse", ""))
	}
}

func addrsText(w *dump.Writer, family string, first netip.Addr, more []netip.Addr) {
	w.Line(3, "%s address = %s", family, addr(first))
	if len(more) > 0 {
		w.Line(3, "Additional %s addresses :", family)
	}
	for _, a := range more {
		w.Line(5, "%s", a)
	}
}

func addr(a netip.Addr) string {
	if !a.IsValid() {
		return "(none)"
	}
	return a.String()
}

func enabled(b bool) string { return dump.OnOff(b, "enabled", "disabled") }

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
