package vrrpcfg

import (
	"cmp"
	"time"

	"keepalived/core/diag"
	"keepalived/core/global"
)

// owner is the priority of the address owner (RFC 5798 §5.2.4).
const owner = 255

// complete turns what was said about one instance into what it is: defaults from
// the global configuration, the rules of the version, strict mode.
func (b *building) complete() {
	b.completeIdentity()
	b.completeFlags()
	b.completeElection()
	b.completeVersion()
	b.completeAuth()
	b.completeAdvertInt()
	b.completeHMAC()
	b.completeUnicast()
	b.completeGARP()
	b.completeAddresses()
	b.completeLink()
	b.completeNotify()
}

func (b *building) completeIdentity() {
	if b.family == 0 {
		b.family = IPv4
	}
	b.Identity.Family = b.family
	switch {
	case b.spoiled:
	case b.Identity.VRID == 0:
		b.cannotRun("virtual_router_id", diag.CannotRun, "the virtual router id must be set")
	case b.Identity.Interface == "":
		b.cannotRun("interface", diag.CannotRun, "Unknown interface!")
		if b.Identity.VRF != "" {
			b.d.diags.WithHint("write interface with a port of VRF %s: keepalived 2.2.7 does not start with vrf alone either", b.Identity.VRF)
		}
	case b.Identity.VRF != "": // the other order is refused where it stands
		b.d.diags.Warnf(b.Range, diag.Conflict, "(%s) vrf can only be specified without interface - clearing", b.Name)
		b.Identity.VRF = ""
	}
	if !b.Identity.Destination.IsValid() || FamilyOf(b.Identity.Destination) != b.family {
		b.Identity.Destination = b.d.g.Group4
		if b.family == IPv6 {
			b.Identity.Destination = b.d.g.Group6
		}
	}
}

// completeFlags settles the switches whose default is a global one.
func (b *building) completeFlags() {
	e, g := &b.Election, b.d.g
	e.Strict = b.strict.Or(g.Strict)
	e.LowerPrioNoAdvert = b.lowerPrioNoAdvert.Or(g.LowerPrioNoAdvert.Or(false))
	e.HigherPrioSendAdvert = b.higherPrioSendAdvert.Or(g.HigherPrioSendAdvert.Or(false))
	e.OwnerIgnoreAdverts = b.ownerIgnore.Or(g.OwnerIgnoreAdverts.Or(false))
	e.SkipCheckAdvAddr = b.skipCheck.Or(g.SkipCheckAdvAddr)
	e.V3ChecksumAsV2 = b.checksumAsV2.Or(g.V3ChecksumAsV2)
	if !b.downTimerSet {
		e.DownTimerAdverts = g.DownTimerAdverts
	}
}

// completeElection settles priority, initial state and preemption.
func (b *building) completeElection() {
	e := &b.Election
	switch {
	case b.priority != 0:
		e.Priority = b.priority
	case b.state == stateMaster:
		e.Priority = owner
	default:
		e.Priority = defaultPriority
	}
	isOwner := e.Priority == owner
	e.StartMaster = b.state == stateMaster || b.state == stateUnset && isOwner
	if e.Strict && e.StartMaster != isOwner {
		b.complain("state", diag.Conflict, "State MASTER must match being address owner")
		e.StartMaster = isOwner
	}
	if b.Auth.Type == AuthAH && e.StartMaster && !isOwner {
		b.complain("state", diag.Conflict, "Initial state master is incompatible with AH authentication - clearing")
		e.StartMaster = false
	}

	e.Preempt = !b.nopreemptSaid
	if !e.Preempt && isOwner {
		b.complain("nopreempt", diag.Conflict, "nopreempt is incompatible with priority 255. resetting nopreempt")
		e.Preempt = true
	} else if !e.Preempt && e.StartMaster {
		b.complain("nopreempt", diag.Conflict, "Warning - nopreempt will not work with initial state MASTER - clearing")
		e.Preempt = true
	}
	if e.PreemptDelay != 0 {
		cause := ""
		switch {
		case e.Strict:
			cause = "preempt_delay is incompatible with strict mode - resetting"
		case e.StartMaster:
			cause = "Warning - preempt delay will not work with initial state MASTER - clearing"
		case !e.Preempt:
			cause = "preempt_delay is incompatible with nopreempt mode - resetting"
		}
		if cause != "" {
			b.complain("preempt_delay", diag.Conflict, "%s", cause)
			e.PreemptDelay = 0
		}
	}
	b.completeStrict(isOwner)
}

// completeStrict forces what strict mode demands, and settles accept mode.
func (b *building) completeStrict(isOwner bool) {
	e := &b.Election
	e.Accept = b.accept.Or(!e.Strict || isOwner)
	e.OwnerIgnoreAdverts = isOwner && (e.OwnerIgnoreAdverts || e.Strict)
	if !e.Strict {
		return
	}
	if b.downTimerSet && e.DownTimerAdverts != 3 {
		b.complain("down_timer_adverts", diag.Conflict, "down_timer_adverts is incompatible with strict mode - resetting")
	}
	e.DownTimerAdverts = 3
	if b.lowerPrioNoAdvert.Or(b.d.g.LowerPrioNoAdvert.Or(true)) {
		e.LowerPrioNoAdvert = true
	} else {
		b.complain("lower_prio_no_advert", diag.Conflict, "Strict mode requires no lower priority advert. resetting")
		e.LowerPrioNoAdvert = true
	}
	if e.HigherPrioSendAdvert {
		b.complain("higher_prio_send_advert", diag.Conflict, "strict mode requires higher_prio_send_advert to be clear. resetting")
		e.HigherPrioSendAdvert = false
	}
	e.NoAddresses = false
}

// completeVersion settles VRRP 2 or 3. IPv6 has no VRRP 2 (2.2.7 sends version 2
// over IPv6 when it is told to, which no RFC describes).
func (b *building) completeVersion() {
	v := b.version
	if v == 0 {
		v = b.d.g.Version
	} else if v == 2 && b.family == IPv6 {
		b.complain("version", diag.Conflict, "cannot use IPv6 with VRRP version 2; setting version 3")
	}
	if b.family == IPv6 {
		v = 3
	}
	b.Identity.Version = v
	if v == 2 && b.Election.Strict && b.accept == global.On && b.Election.Priority != owner {
		b.complain("accept", diag.Conflict, "warning - accept mode for VRRP version 2 does not comply with RFC3768 - resetting")
		b.Election.Accept = false
	}
}

func (b *building) completeAuth() {
	switch {
	case !b.authType || b.Auth.Type == NoAuth:
		b.Auth = Auth{}
	case !b.authPass:
		b.complain("authentication", diag.Conflict, "Authentication specified but no password given. Ignoring")
		b.Auth = Auth{}
	case b.Identity.Version == 3:
		b.complain("authentication", diag.Conflict, "VRRP version 3 does not support authentication. Ignoring.")
		b.Auth = Auth{}
	case b.Election.Strict:
		b.complain("authentication", diag.Conflict, "Strict mode does not support authentication. Ignoring.")
		b.Auth = Auth{}
	}
}

// longestV3 is the largest interval that fits the 12 bits of centiseconds of VRRP 3.
const longestV3 = 40950 * time.Millisecond

// completeAdvertInt rounds the interval to what the version can carry.
func (b *building) completeAdvertInt() {
	t := b.Election.AdvertInt
	if t == 0 {
		t = time.Second
	}
	if b.Identity.Version == 2 {
		if t%time.Second != 0 {
			b.complain("advert_int", diag.BadNumber, "VRRPv2 advertisement interval %.6fs must be an integer. rounding", t.Seconds())
			t = max(t.Round(time.Second), time.Second)
		}
		b.Election.AdvertInt = t
		return
	}
	if t%(10*time.Millisecond) != 0 {
		b.complain("advert_int", diag.BadNumber, "VRRPv3 advertisement interval %.6fs must be in units of 10ms - rounding", t.Seconds())
		t = t.Round(10 * time.Millisecond)
	}
	if t > longestV3 {
		b.complain("advert_int", diag.BadNumber, "VRRPv3 advertisement interval %.2fs is out of range. Must be less than 40.96s. Setting to 40.95s", t.Seconds())
		t = longestV3
	}
	b.Election.AdvertInt = t
}

func (b *building) completeUnicast() {
	u := &b.Unicast
	u.CheckSource = b.checkSource || b.d.g.CheckUnicastSource
	if v := &b.Identity.VMAC; (v.Enabled || b.Identity.IPVLAN.Enabled) && !v.XmitBase && (b.unicast || u.FaultNoPeer) {
		b.d.diags.Errorf(b.place("use_vmac"), diag.Conflict, "(%s) unicast with use_vmac requires vmac_xmit_base - setting", b.Name)
		v.XmitBase = true
	}
	if len(u.Peers) > 0 {
		return
	}
	u.Said = b.unicast
	if b.unicast && !u.FaultNoPeer {
		b.complain("unicast_peer", diag.Conflict, "A unicast keyword has been specified without any unicast peers. "+
			"Defaulting to multicast. This usage is deprecated - please update your configuration.")
	}
	if u.TTL >= 0 {
		b.d.diags.Errorf(b.place("unicast_ttl"), diag.Conflict, "(%s): Cannot use unicast_ttl without unicast peers - resetting", b.Name)
		u.TTL = -1
	}
	u.CheckSource = false
	// Fault without peers holds only where unicast was meant.
	u.FaultNoPeer = u.FaultNoPeer && b.unicast
}

// completeGARP takes the global schedule for what the instance leaves open. The
// lower-priority burst follows the global values, not the instance's own ones.
func (b *building) completeGARP() {
	s, g := &b.GARP, b.d.g.GARP
	delay := func(at *time.Duration, def time.Duration) {
		if *at == global.UnsetDelay {
			*at = def
		}
	}
	count := func(at *uint32, def uint32) {
		if *at == global.UnsetCount {
			*at = def
		}
	}
	lowerDelaySaid, lowerRepeatSaid := s.LowerPrioDelay > 0, s.LowerPrioRepeat != global.UnsetCount && s.LowerPrioRepeat > 0
	delay(&g.LowerPrioDelay, g.Delay)
	count(&g.LowerPrioRepeat, g.Repeat)
	delay(&s.Delay, g.Delay)
	s.Repeat = cmp.Or(s.Repeat, g.Repeat)
	delay(&s.Refresh, g.Refresh)
	s.RefreshRepeat = cmp.Or(s.RefreshRepeat, g.RefreshRepeat)
	delay(&s.LowerPrioDelay, g.LowerPrioDelay)
	count(&s.LowerPrioRepeat, g.LowerPrioRepeat)
	if s.ExtraIf == global.UnsetDelay {
		s.ExtraIf, s.ExtraIfAll = g.ExtraIf, g.ExtraIfAll
	}
	if b.Election.Strict {
		if lowerRepeatSaid {
			b.complain("garp_lower_prio_repeat", diag.Conflict, "Strict mode requires no repeat garps. resetting")
		}
		if lowerDelaySaid {
			b.complain("garp_lower_prio_delay", diag.Conflict, "Strict mode requires no repeat garp delay. resetting")
		}
		s.LowerPrioDelay, s.LowerPrioRepeat = 0, 0
	}
}

// advertRoom is the number of addresses that fit an advert on Ethernet: the count
// is one octet (RFC 5798 §5.2.5), and 89 IPv6 addresses are what 2.2.7 puts into
// 1,500 octets.
func advertRoom(f Family) int {
	if f == IPv6 {
		return 89
	}
	return 255
}

func (b *building) completeAddresses() {
	if room := advertRoom(b.family); len(b.Addresses) > room {
		b.complain("virtual_ipaddress", diag.Conflict, "Number of VIPs (%d) exceeds maximum/space available in packet (max %d addresses) - excess moved to eVIPs",
			len(b.Addresses), room)
		b.Excluded = append(b.Addresses[room:len(b.Addresses):len(b.Addresses)], b.Excluded...)
		b.Addresses = b.Addresses[:room:room]
	}
	for _, list := range [][]Address{b.Addresses, b.Excluded} {
		for i := range list {
			if !list[i].DevSet {
				list[i].Dev = b.Identity.Interface
			}
		}
	}
	switch {
	case b.spoiled:
	case len(b.Addresses) == 0 && b.Election.NoAddresses:
	case len(b.Addresses) == 0 && (b.Election.Strict || b.Identity.Version == 3):
		b.cannotRun("virtual_ipaddress", diag.CannotRun, "No VIP specified; at least one is required")
	case len(b.Addresses) == 0:
		b.complain("virtual_ipaddress", diag.NotFound, "No VIP specified; at least one is sensible")
	case b.family == IPv6 && !b.Addresses[0].Prefix.Addr().IsLinkLocalUnicast():
		if b.Election.Strict {
			b.complain("virtual_ipaddress", diag.Conflict, "the first IPv6 VIP address must be link local")
		} else {
			b.d.diags.Noticef(b.Addresses[0].Range, diag.Conflict, "(%s) the first IPv6 VIP address should be link local", b.Name)
		}
	}
}

// completeLink settles VMAC and ipvlan.
func (b *building) completeLink() {
	v := &b.Identity.VMAC
	if b.Identity.IPVLAN.Enabled {
		v.Enabled = false
		if b.family == IPv4 && !b.Identity.IPVLAN.Addr.IsValid() && !b.Source.Addr.IsValid() {
			b.complain("use_ipvlan", diag.Conflict, "IPv4 ipvlan requires a source ip address to be configured. setting instance to fault state")
		}
	}
	if v.XmitBase && !v.Enabled {
		b.complain("vmac_xmit_base", diag.Conflict, "vmac_xmit_base is only valid with a vmac")
		v.XmitBase = false
	}
	if b.Election.Strict && v.Enabled && v.MAC != [6]byte{} {
		b.d.diags.Errorf(b.place("use_vmac"), diag.Conflict, "(%s): cannot specify MAC address with strict mode - clearing", b.Name)
		v.MAC = [6]byte{}
	}
	if b.Election.Strict && v.XmitBase {
		b.complain("vmac_xmit_base", diag.Conflict, "xmit_base is incompatible with strict mode - resetting")
		v.XmitBase = false
	}
}

func (b *building) completeNotify() {
	g := b.d.g
	b.Notify.SMTPAlert = b.smtp.Or(g.SMTPAlertVRRP.Or(g.SMTPAlert.Or(false)))
	b.Notify.PriorityChanges = b.prioLines.Or(g.NotifyPriorityChanges)
}
