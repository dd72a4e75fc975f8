// Package snapshot holds a picture of the VRRP child at one moment and writes it in
// the three shapes keepalived's readers know: keepalived.data (text.go),
// keepalived.stats (stats.go) and keepalived.json (json.go). Pure; the daemon fills in
// the picture on its loop and renders it elsewhere.
package snapshot

import (
	"net/netip"
	"time"

	"keepalived/core/dump"
	"keepalived/core/global"
	"keepalived/vrrp/vrrpcfg"
)

// Snapshot is the whole child. It shares no memory with the daemon's state.
type Snapshot struct {
	Global     []byte // the section "Global definitions", rendered once per generation
	GARPGroups []GARPGroup
	Static     Static
	Instances  []Instance
	Pools      []Pool
	Groups     []Group
	Scripts    []Script
	Files      []File
	Processes  []Process
	BFDs       []BFD
	Interfaces []Interface
}

// State is a VRRP state with the number that JSON, SNMP and D-Bus give it.
type State uint8

// The states of keepalived; exporters accept no others.
const (
	Init State = iota
	Backup
	Master
	Fault
)

func (s State) String() string { return [...]string{"INIT", "BACKUP", "MASTER", "FAULT"}[s] }

// Address is a virtual address of an instance.
type Address struct {
	Prefix    netip.Prefix
	Peer      netip.Prefix // invalid: none
	Broadcast netip.Addr   // invalid: none
	Dev       string
	Scope     string
	Label     string
	// What was asked for besides: IFA_F_HOMEADDRESS and so on, and DAD for -nodad.
	Home, DAD, MngTmpAddr, NoPrefixRoute, AutoJoin bool
	NoTrack                                        bool
	TrackGroup                                     string // of a static address; "": none
	// Deprecated is set for an IPv6 address with preferred lifetime 0, Forever for
	// one with an unlimited one; PreferredLft (seconds) is any other. IPv4 has none.
	Deprecated, Forever bool
	PreferredLft        uint32
	Set                 bool // is on the interface
	Filtered            bool // no_accept: the firewall drops what is sent to it
}

// Peer is a unicast peer.
type Peer struct {
	Addr           netip.Addr
	MinTTL, MaxTTL int
}

// Tracked is an object an instance or group tracks.
type Tracked struct {
	Name    string
	Command string // scripts: the quoted argv
	Weight  int
	Reverse bool
}

// Command is a notify script as the dumps print it: quoted argv and its user.
type Command struct {
	Argv     string // `'/etc/keepalived/n.sh' 'm'`; "" is no script
	UID, GID uint32
}

// Scripts are the notify scripts of an instance or group.
type Scripts struct {
	Backup, Master, Fault, Stop, Generic, Deleted, RxLowerPrio Command
}

// Counters are the statistics of an instance, in the words of .stats.
type Counters struct {
	AdvertsReceived, AdvertsSent  uint64
	BecameMaster, ReleasedMaster  uint64
	LengthErrors, TTLErrors       uint64
	TypeErrors, IntervalErrors    uint64
	AddressErrors                 uint64
	AuthTypeInvalid, AuthMismatch uint64
	AuthFailures                  uint64
	PriorityZeroReceived          uint64
	PriorityZeroSent              uint64
}

// Instance is one VRRP instance.
type Instance struct {
	Name          string
	Version       int
	IPv6          bool
	Group         string
	State, Want   State
	MasterAddr    netip.Addr // BACKUP: who is master; invalid: nobody heard yet
	MasterPrio    uint8      // last heard since this router was master itself; 0: none
	MasterAdver   time.Duration
	ConfigFaults  int
	TrackFaults   int
	ScriptsInit   int
	Since         dump.Wall
	ReadTimeout   dump.Wall // BACKUP: Master_Down; MASTER: the next own advert; Micros 0: disabled
	MasterDown    time.Duration
	Interface     string
	IfIndex       int32 // of Interface, shown with an IPv6 multicast group
	Source        netip.Addr
	SourceFixed   bool // from the configuration
	Unicast       bool
	UnicastUnused bool // a unicast keyword, but no peers: multicast
	FaultNoPeer   bool // unicast_fault_no_peer
	MulticastAddr netip.Addr

	GarpDelay, GarpRefresh, GarpLowerDelay                time.Duration
	GarpRepeat, GarpRefreshRepeat, GarpLowerRepeat        int
	DownTimerAdverts                                      int
	LowerPrioNoAdvert, HigherPrioSendAdvert, OwnerIgnores bool
	DontTrackPrimary, SkipCheckAdvAddr, Strict            bool
	VRID                                                  uint8
	Priority, Effective                                   uint8
	Total                                                 int
	AdvertInt                                             time.Duration
	Accept, Preempt, PromoteSecondaries                   bool
	ExtraIfAll                                            bool // garp_extra_if all
	PreemptDelay                                          time.Duration
	AuthPass, AuthAH                                      bool
	RxBuf                                                 uint32 // kernel_rx_buf_size; 0: not set
	Debug                                                 int

	VIPs, Excluded    []Address
	Routes            []vrrpcfg.Route // of the configuration, which never changes
	Rules             []vrrpcfg.Rule
	UnicastTTL        int // negative: the kernel's (IPv6)
	CheckUnicastSrc   bool
	Peers             []Peer
	ChecksumCompat    string // old_unicast_checksum in 2.2.7's words: never, config; "" is no
	FdIn, FdOut       int    // negative: no sockets
	TrackedInterfaces []Tracked
	TrackedScripts    []Tracked
	TrackedObjects    TrackedObjects
	SMTPAlert         bool
	NotifyDeleted     bool
	Scripts           Scripts
	NotifyPrioChanges bool
	Counters          Counters
}

// Pool is a pair of sockets and who uses it.
type Pool struct {
	FdIn, FdOut int
	Interface   string
	IPv6        bool
	Unicast     bool
	AH          bool // IP protocol 51 instead of 112
	Address     netip.Addr
	RxBuf       int
	Members     []PoolMember
}

// PoolMember is an instance on a Pool.
type PoolMember struct {
	Name string
	VRID uint8
}

// Group is a sync group.
type Group struct {
	Name           string
	State          State
	Faults, Inits  int
	Members        []string
	TrackingWeight bool // sync_group_tracking_weight
	// NotifyPrioChanges is what the group itself says of notify_priority_changes.
	NotifyPrioChanges global.Switch
	SMTPAlert         bool
	Scripts           Scripts
	TrackedInterfaces []Tracked
	TrackedScripts    []Tracked
	TrackedObjects    TrackedObjects
}

// ScriptState is what a tracking script is doing.
type ScriptState uint8

// The states of a tracking script in the dump's words.
const (
	ScriptIdle ScriptState = iota
	ScriptRunning
	ScriptTerminating
	ScriptKilling
)

func (s ScriptState) String() string {
	return [...]string{"idle", "running", "requested termination", "forcing termination"}[s]
}

// Script is a vrrp_script.
type Script struct {
	Name              string
	Command           Command
	Interval, Timeout time.Duration
	Weight            int
	Reverse           bool
	Rise, Fall        int
	Result            int // 0..Rise+Fall-1
	Insecure          bool
	InitState         string // INIT until its first result, then unknown
	Good              bool
	Users             []ScriptUser
	State             ScriptState
}

// ScriptUser is an instance that tracks a script, a file, a process or a BFD session.
type ScriptUser struct {
	Instance string
	Weight   int
	Reverse  bool
}

// Interface is a link of the host.
type Interface struct {
	Name                            string
	Index                           int32
	IPv4, IPv6                      netip.Addr // invalid: none
	MoreIPv4, MoreIPv6              []netip.Addr
	MAC, BroadcastMAC               string // "" on loopback
	Up, Running                     bool
	Loopback, PointToPoint          bool
	NoBroadcast, NoARP, NoMulticast bool
	SeenUp                          bool
	MTU                             int
	HWType                          string
	Absent                          bool // only the configuration knows it
	Changeable                      bool // dynamic_interfaces allow_if_changes
	// UpDelay and DownDelay are those of interface_up_down_delays.
	UpDelay, DownDelay time.Duration
	GARP               *GARPGroup // what it is in; nil: none
	// Forwarding is the router flag of neighbour advertisements sent here, as of
	// Checked; Micros 0: none was sent.
	Forwarding bool
	Checked    dump.Wall
	// Users are the instances that depend on the link: as their own interface or that
	// of an address (weight 0: FAULT), or as a tracked one. Those of the instances'
	// blocks come first in their order, those that track it through a sync group last.
	Users []ScriptUser
}

// IgnoredWeight is the weight 2.2.7 shows for the own interface of an instance with
// dont_track_primary.
const IgnoredWeight = 255
