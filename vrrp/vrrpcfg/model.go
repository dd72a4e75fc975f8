// Package vrrpcfg is the typed model of the VRRP configuration: instances, sync
// groups, tracked objects, static entries. It decodes a config.Tree, resolves
// references by name, and compares two generations for a reload. Pure; imports
// core/config (with cursor), core/diag and core/global only. Interfaces are names
// here; whether they exist is told by the caller.
package vrrpcfg

import (
	"net/netip"
	"time"

	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
)

// Config is everything the VRRP child needs to know.
type Config struct {
	Global *global.Config

	// Instances in the order of the file. One that cannot run is a Fatal finding
	// of Load, with which the whole configuration is not to be used.
	Instances []*Instance
	Groups    []*Group
	Scripts   []*Script
	Files     []*File
	Processes []*Process
	BFDs      []*BFD // those that VRRP hears of

	StaticAddresses []Address
	StaticRoutes    []Route
	StaticRules     []Rule
	TrackGroups     []TrackGroup

	GARPGroups []GARPGroup
	Delays     []Delay
	Linkbeat   []Linkbeat

	// SyncDaemon is what the first lvs_sync_daemon_interface of an instance asks for; nil
	// for none. One of global_defs comes before it.
	SyncDaemon *global.SyncDaemon

	// Links are the interfaces that the configuration names, each once, in the order of
	// the file. With dynamic_interfaces they need not exist.
	Links []string
}

// Family is the address family of an instance.
type Family uint8

const (
	// IPv4 is also the family of an instance without addresses.
	IPv4 Family = 4
	// IPv6 forces VRRP version 3.
	IPv6 Family = 6
)

func (f Family) String() string {
	if f == IPv6 {
		return "IPv6"
	}
	return "IPv4"
}

// FamilyOf returns the family of an address.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

// Instance is one vrrp_instance with all defaults filled in (after Load).
// The sub-models are comparable or compared by Compare one by one.
type Instance struct {
	Name  string
	Range diag.Range // of the name

	Identity Identity
	Election Election
	Source   Source
	Unicast  Unicast
	Auth     Auth
	HMAC     *HMAC // nil: none
	GARP     GARP

	Addresses []Address // virtual_ipaddress, in the order of the file: advertised
	Excluded  []Address // virtual_ipaddress_excluded: set, not advertised
	Routes    []Route
	Rules     []Rule

	Track  Track
	Notify Notify

	// Group is the sync group that has this instance, "" for none.
	Group string
}

// Identity is what makes an instance the router it is; a change of it on reload
// is a restart of the instance.
type Identity struct {
	Interface string // "" only for unicast with a source address
	VRF       string
	VRID      uint8
	Family    Family
	Version   uint8 // 2 or 3
	VMAC      VMAC
	IPVLAN    IPVLAN
	// Destination is the multicast group adverts go to (unused with unicast peers).
	Destination netip.Addr
}

// VMAC is use_vmac and its kin.
type VMAC struct {
	Enabled  bool
	Name     string  // "" is generated
	MAC      [6]byte // zero is 00:00:5e:00:01|02:VRID
	Group    string
	Notify   bool // netlink_notify_msg
	XmitBase bool
	// Addresses: also for VIPs on other interfaces (use_vmac_addr).
	Addresses bool
}

// IPVLAN is use_ipvlan.
type IPVLAN struct {
	Enabled bool
	Name    string
	Addr    netip.Prefix
	Mode    string // bridge, private, vepa
	Group   string
}

// Election is what decides who is master.
type Election struct {
	Priority uint8 // 1..255; 255 is the address owner
	// StartMaster is `state MASTER`.
	StartMaster  bool
	AdvertInt    time.Duration // rounded as the version demands
	Preempt      bool
	PreemptDelay time.Duration
	// DownTimerAdverts times the advert interval (plus skew) is Master_Down_Interval.
	DownTimerAdverts     uint8
	TimerExpiredBackup   uint8 // 0 is off
	LowerPrioNoAdvert    bool
	HigherPrioSendAdvert bool
	OwnerIgnoreAdverts   bool
	SkipCheckAdvAddr     bool
	Strict               bool
	V3ChecksumAsV2       bool
	Accept               bool
	NoAddresses          bool // no_virtual_ipaddress
	PromoteSecondaries   bool
	RxBuf                uint32
	Debug                uint8
}

// Source is where adverts come from.
type Source struct {
	Addr  netip.Addr // configured; invalid: the interface's primary (v6: link-local)
	Track bool       // track_src_ip
}

// Unicast is the sending to peers instead of a group.
type Unicast struct {
	Said  bool   // a keyword of unicast was used: without peers it is multicast all the same
	Peers []Peer // empty is multicast
	// TTL of what is sent: 0..255; -1 is the default (255, kernel's for IPv6).
	TTL            int
	CheckSource    bool
	FaultNoPeer    bool
	ChecksumCompat ChecksumCompat
}

// ChecksumCompat is old_unicast_checksum.
type ChecksumCompat uint8

const (
	// ChecksumAuto finds out by the first advert.
	ChecksumAuto ChecksumCompat = iota
	// ChecksumOld always uses the old form.
	ChecksumOld
	// ChecksumNever refuses the old form.
	ChecksumNever
)

// Peer is one unicast peer.
type Peer struct {
	Addr           netip.Addr
	MinTTL, MaxTTL uint8
}

// AuthType is auth_type.
type AuthType uint8

const (
	// NoAuth is type 0.
	NoAuth AuthType = iota
	// AuthPass is a simple text password (type 1).
	AuthPass
	// AuthAH is IPSEC AH (type 2).
	AuthAH
)

// Auth is the authentication block; version 2 only.
type Auth struct {
	Type AuthType
	Pass [8]byte // padded with zero octets
}

// HMACMode is mode of auth_hmac.
type HMACMode uint8

const (
	// HMACEnforce refuses adverts without a trailer.
	HMACEnforce HMACMode = iota
	// HMACPermissive accepts them.
	HMACPermissive
	// HMACReceiveOnly accepts them, too, and sends none itself (2.4.2).
	HMACReceiveOnly
)

// HMACKey is one key of auth_hmac: its octets, or the file that has them.
type HMACKey struct {
	ID     uint8  // 1..255
	Secret string // 32 to 64 octets; "" with File
	File   string
}

// HMAC is auth_hmac (2.4.0): a trailer of adverts by which their sender is known and
// copies of old ones are found out.
type HMAC struct {
	Keys   []HMACKey // at least one, with different ids
	Active uint8     // the id of the one that is sent with
	// Monotonic: only adverts later than the last one count, whatever the clock.
	Monotonic bool
	Window    time.Duration // how far the sender's clock may be from ours
	Mode      HMACMode
}

// GARP is the schedule of gratuitous ARP and neighbour advertisements, with the
// global values where the instance has none.
type GARP struct {
	Delay           time.Duration
	Repeat          uint32
	Refresh         time.Duration
	RefreshRepeat   uint32
	LowerPrioDelay  time.Duration
	LowerPrioRepeat uint32
	ExtraIf         time.Duration
	ExtraIfAll      bool
}

// Scope of an address as rtnetlink has it.
type Scope = uint8

// Forever is preferred_lft forever.
const Forever = 1<<32 - 1

// Address is one entry of virtual_ipaddress, virtual_ipaddress_excluded or
// static_ipaddress. Comparable.
type Address struct {
	Prefix netip.Prefix
	Dev    string // after Load never empty where the instance has an interface
	DevSet bool   // `dev` was written
	Label  string
	// Scope as rtnetlink has it; ScopeSet tells whether it was written.
	Scope    Scope
	ScopeSet bool
	// ScopeName is the name by which it was written.
	ScopeName string
	// Broadcast is invalid for none; `brd +` and `brd -` are worked out.
	Broadcast netip.Addr
	// Peer is the other end of a point-to-point address; invalid for none.
	Peer netip.Prefix
	// Flags are the IFA_F_* of linux/if_addr.h that were asked for (home,
	// mngtmpaddr, noprefixroute, mcautojoin). IPv6 addresses are set with
	// IFA_F_NODAD besides, unless DAD.
	Flags uint32
	DAD   bool // -nodad: do duplicate address detection
	// PreferredLft in seconds, Forever when not limited.
	PreferredLft uint32
	NoTrack      bool
	UseVMAC      bool
	TrackGroup   string
	Range        diag.Range
}

// Track is what an instance or a group watches.
type Track struct {
	Interfaces []TrackInterface
	Scripts    []TrackRef
	Files      []TrackRef
	Processes  []TrackRef
	BFDs       []TrackRef
	// NoPrimary is dont_track_primary: the own interface does not matter.
	NoPrimary bool
	// LinkbeatPolling is the deprecated per-instance keyword.
	LinkbeatPolling bool
}

// TrackInterface is one line of track_interface; weight 0 means fault.
type TrackInterface struct {
	Name    string
	Weight  int
	Reverse bool
	// Hidden: the instance's part of the dump has weight 0. 2.2.7 says so of members of a
	// sync group without sync_group_tracking_weight, and counts the weight all the same.
	Hidden bool
	Range  diag.Range
}

// TrackRef is one line of track_script, track_file, track_process or track_bfd.
type TrackRef struct {
	Name    string
	Weight  int // own weight, else the tracked object's
	Reverse bool
	Range   diag.Range
}

// Notify is what is told on state changes.
type Notify struct {
	Master, Backup, Fault, Stop *cursor.Script
	Any                         *cursor.Script
	RxLowerPri                  *cursor.Script
	// DeletedSet: DELETED instead of FAULT when removed by a reload; Deleted may
	// still be nil.
	DeletedSet bool
	Deleted    *cursor.Script
	SMTPAlert  bool
	// PriorityChanges writes priority lines to the FIFO.
	PriorityChanges bool
}

// Group is one vrrp_sync_group.
type Group struct {
	Name    string
	Range   diag.Range
	Members []string // instances that exist, in the order of the group
	Track   Track
	Notify  Notify
	// PriorityLines is its own notify_priority_changes; Notify has what comes of it.
	PriorityLines global.Switch
	// TrackingWeight is sync_group_tracking_weight: weights of members count.
	TrackingWeight bool
}

// Script is one vrrp_script.
type Script struct {
	Name     string
	Range    diag.Range
	Script   *cursor.Script // never nil after Load; has its user and group
	Interval time.Duration
	Timeout  time.Duration // 0: the interval
	Weight   int
	Reverse  bool
	Rise     int
	Fall     int
	InitFail bool
	// Used: something tracks it; others are not run.
	Used bool

	user cursor.Script // of a `user` line, until the block is read
}

// File is one track_file.
type File struct {
	Name    string
	Range   diag.Range
	Path    string
	Weight  int
	Reverse bool
	// Init: create the file with InitValue when missing, or always (Overwrite).
	Init      bool
	InitValue int64
	Overwrite bool
	Used      bool
}

// ParamMatch is how a tracked process's parameters are compared.
type ParamMatch uint8

const (
	// MatchNone looks at the name only.
	MatchNone ParamMatch = iota
	// MatchExact wants all parameters.
	MatchExact
	// MatchInitial wants the first ones.
	MatchInitial
	// MatchPartial also takes a part of the last one.
	MatchPartial
)

// NoQuorumMax is quorum_max when none is set.
const NoQuorumMax = 1<<31 - 1

// Process is one vrrp_track_process.
type Process struct {
	Name           string
	Range          diag.Range
	Path           string
	Params         []string
	Match          ParamMatch
	Weight         int
	Reverse        bool
	Quorum         int
	QuorumMax      int
	ForkDelay      time.Duration
	TerminateDelay time.Duration
	FullCommand    bool
	Used           bool
}

// BFD is what VRRP needs to know of a bfd_instance: that it may be tracked, and the
// weight it has when the tracker gives none.
type BFD struct {
	Name    string
	Weight  int
	Reverse bool
}

// TrackGroup is one track_group: instances that fault when a static entry is lost.
type TrackGroup struct {
	Name      string
	Instances []string
	Range     diag.Range
}

// GARPGroup is one garp_group.
type GARPGroup struct {
	Interval, NAInterval time.Duration
	// IntervalSet and NAIntervalSet: it was given, be it as 0.
	IntervalSet, NAIntervalSet bool
	Interfaces                 []string
	// Number is that of an aggregation group, whose intervals are one for all its
	// interfaces together: from 1 on. 0: each interface is by itself.
	Number int
	Range  diag.Range
}

// Delay is what interface_up_down_delays says of an interface, after Load as far as the
// instances on it allow.
type Delay struct {
	Interface string
	Down, Up  time.Duration
	Range     diag.Range
}

// Linkbeat is one line of linkbeat_interfaces.
type Linkbeat struct {
	Interface string
	Type      string // "", MII, ETHTOOL, IOCTL
	Range     diag.Range
}
