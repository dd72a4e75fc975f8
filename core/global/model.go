// Package global is the model of what every process shares: the keywords outside
// any block and global_defs. Pure; imports core/config (with cursor) and core/diag.
package global

import (
	"net/netip"
	"time"

	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// Unset, On and Off: a switch with "not said" as a third value, because what is
// not said here may be said per instance or has a default that depends on who asks.
type Switch uint8

const (
	// Unset: not in the configuration.
	Unset Switch = iota
	// Off: switched off.
	Off
	// On: switched on.
	On
)

// SwitchOf makes a Switch of a bool.
func SwitchOf(v bool) Switch {
	if v {
		return On
	}
	return Off
}

// Or returns s as a bool, def when unset.
func (s Switch) Or(def bool) bool {
	if s == Unset {
		return def
	}
	return s == On
}

func (s Switch) String() string { return [...]string{"unset", "off", "on"}[s] }

// UnsetCount stands for a count that is not in the configuration and takes the
// value of another one (garp_lower_prio_*); 2.2.7 dumps it as 4294967295.
const UnsetCount = 1<<32 - 1

// Process is how one kind of process is run.
type Process struct {
	Name       string        // process title; "" keeps "keepalived"
	Nice       int           // -20..19
	NoSwap     bool          // lock all memory
	RTPriority int           // SCHED_RR 1..99; 0 is off
	RTTime     time.Duration // RLIMIT_RTTIME
	CPUs       []int         // affinity; empty is all
}

// FIFO is a notify FIFO and its reader.
type FIFO struct {
	Path        string // "" is none
	User, Group string // owner as written; "" is the default
	Script      *cursor.Script
	Range       diag.Range
}

// Buffers are the sizes of netlink sockets' receive buffers.
type Buffers struct {
	Bytes uint32 // 0 is the system's
	Force bool   // SO_RCVBUFFORCE
}

// ScriptUser is whom scripts run as by default.
type ScriptUser struct {
	User, Group string
	AllGroups   bool
	Range       diag.Range
}

// GARP holds the defaults of gratuitous ARP and neighbour advertisements.
type GARP struct {
	Delay           time.Duration // second burst after MASTER; whole seconds
	Repeat          uint32
	Refresh         time.Duration
	RefreshRepeat   uint32
	LowerPrioDelay  time.Duration // UnsetDelay: as Delay
	LowerPrioRepeat uint32        // UnsetCount: as Repeat
	Interval        time.Duration // between two GARPs on an interface
	NAInterval      time.Duration
	ExtraIf         time.Duration // to the other interfaces of VIPs; 0 is off
	ExtraIfAll      bool
}

// UnsetDelay stands for a delay that takes the value of another one.
const UnsetDelay time.Duration = -1

// RxBufs is the policy for the receive buffers of VRRP sockets.
type RxBufs struct {
	Bytes      uint32 // explicit size; 0: none given
	ByMTU      bool
	ByAdvert   bool
	Multiplier uint32
}

// SyncDaemon is lvs_sync_daemon.
type SyncDaemon struct {
	Interface string
	Instance  string
	ID        int // 0..255; -1: the instance's VRID
	MaxLen    uint16
	Port      uint16
	TTL       uint8
	Group     netip.Addr
	Range     diag.Range
}

// Include is how strict includes are.
type Include struct {
	Readable, Match, WildcardMatch, BraceMatch bool
}

// Config is the model. The zero value is not valid: use Default.
type Config struct {
	// Root keywords.
	Namespace        string // net_namespace; "" is our own
	NamespaceIPVS    string // net_namespace_ipvs
	NamespaceIPVSSet bool
	NamespaceIPSets  bool
	Instance         string
	UsePIDDir        bool
	ChildWait        time.Duration
	LinkbeatPolling  bool

	// Identity, processes and files.
	RouterID             string // "" is the host name
	Parent               Process
	VRRP                 Process
	Checker              Process
	BFD                  Process
	ProcessNames         bool
	MaxAutoPriority      int // 0 is off
	MinAutoPriorityDelay time.Duration
	Umask                uint32
	UmaskSet             bool
	RandomSeed           uint32
	RandomSeedSet        bool
	TmpConfigDir         string
	ConfigSaveDir        string
	Include              Include
	ReloadCheck          bool
	ReloadCheckLog       string
	ReloadTimeFile       string
	ReloadRepeat         bool
	ReloadFile           string
	ReloadFileSet        bool
	DataUseInstance      bool
	StateDumpFile        string
	StatsDumpFile        string
	JSONDumpFile         string
	JSONVersion          int
	IPRouteUsrDir        string
	IPRouteEtcDir        string
	// Names are those of iproute2's files. Who decodes for this machine fills them in;
	// nil: they are not known, and every name is taken.
	Names               *Names
	UseSymlinkPaths     bool
	SupplementaryGroups bool
	ScriptUser          ScriptUser
	ScriptSecurity      bool
	StartupScript       *cursor.Script
	StartupTimeout      time.Duration
	ShutdownScript      *cursor.Script
	ShutdownTimeout     time.Duration

	// Mail and notification.
	Email                   []string
	EmailFrom               string
	SMTPServer              string // address or host name
	SMTPPort                uint16
	SMTPHelo                string
	SMTPTimeout             time.Duration
	SMTPAlert               Switch
	SMTPAlertVRRP           Switch
	SMTPAlertChecker        Switch
	NoEmailFaults           bool
	NoCheckerEmails         bool
	LogAllFailures          bool
	FIFO, VRRPFIFO, LVSFIFO FIFO
	NotifyPriorityChanges   bool
	FIFOStatesOnReload      bool
	RSInitNotifies          bool

	// VRRP.
	DefaultInterface      string // "" is eth0
	DynamicInterfaces     bool
	AllowIfChanges        bool
	Version               uint8
	Group4, Group6        netip.Addr
	GARP                  GARP
	MinGARP               bool
	DownTimerAdverts      uint8
	LowerPrioNoAdvert     Switch
	HigherPrioSendAdvert  Switch
	OwnerIgnoreAdverts    Switch
	V3ChecksumAsV2        bool
	CheckUnicastSource    bool
	SkipCheckAdvAddr      bool
	Strict                bool
	StartupDelay          time.Duration
	DelayAfterBoot        time.Duration
	LogUnknownVRIDs       bool
	VMACPrefix            string
	VMACAddrPrefix        string
	DisableLocalIGMP      bool
	RxBufs                RxBufs
	NetlinkCmdBufs        Buffers
	NetlinkMonitorBufs    Buffers
	LVSNetlinkCmdBufs     Buffers
	LVSNetlinkMonitorBufs Buffers
	ProcessMonitorBufs    Buffers

	// Firewall.
	NFTTable        string // "" is none asked for
	NFTPriority     int32
	NFTCounters     bool
	NFTIfIndex      bool
	NFTIPVSTable    string
	NFTIPVSPriority int32
	NFTIPVSFwmark   uint32
	IPTables        bool
	IPSets          []string

	// IPVS.
	TCPTimeout, TCPFinTimeout, UDPTimeout time.Duration // 0: unchanged
	SyncDaemon                            *SyncDaemon
	LVSFlush                              bool
	FlushOnStop                           FlushOnStop

	// SNMP and D-Bus.
	SNMPSocket            string
	SNMPVRRP, SNMPChecker bool
	SNMPRFCv2, SNMPRFCv3  bool
	SNMPTraps             bool
	SNMPVSInterval        time.Duration
	SNMPRSInterval        time.Duration
	DBus                  bool
	DBusServiceName       string
	DBusNoInterfaceName   string
}

// FlushOnStop is lvs_flush_on_stop.
type FlushOnStop uint8

const (
	// FlushDisabled removes services one by one.
	FlushDisabled FlushOnStop = iota
	// FlushAll empties the whole table.
	FlushAll
	// FlushVS removes virtual servers, not their real servers first.
	FlushVS
)

// Default is the model of an empty configuration.
func Default() *Config {
	return &Config{
		ChildWait:            5 * time.Second,
		VRRP:                 Process{RTTime: 10 * time.Millisecond},
		Checker:              Process{RTTime: 10 * time.Millisecond},
		BFD:                  Process{RTTime: 10 * time.Millisecond},
		MinAutoPriorityDelay: time.Second,
		Umask:                0o177,
		JSONVersion:          1,
		StartupTimeout:       10 * time.Second,
		ShutdownTimeout:      10 * time.Second,
		SMTPPort:             25,
		SMTPTimeout:          30 * time.Second,
		Version:              2,
		Group4:               netip.AddrFrom4([4]byte{224, 0, 0, 18}),
		Group6:               netip.MustParseAddr("ff02::12"),
		GARP: GARP{
			Delay: 5 * time.Second, Repeat: 5, RefreshRepeat: 1,
			LowerPrioDelay: UnsetDelay, LowerPrioRepeat: UnsetCount,
		},
		DownTimerAdverts: 3,
		VMACPrefix:       "vrrp",
		RxBufs:           RxBufs{Multiplier: 3},
		NFTPriority:      -1,
		NFTIPVSPriority:  -1,
		NFTIPVSFwmark:    1000,
		SNMPVSInterval:   5 * time.Second,
	}
}
