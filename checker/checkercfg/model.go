package checkercfg

import (
	"net/netip"
	"time"

	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
)

// Config is everything the healthchecker child needs to know.
type Config struct {
	Global *global.Config
	SSL    SSL
	// Groups are the virtual_server_groups with entries, in the order of the file.
	Groups []*Group
	// Services are the virtual servers that can be used, in the order of the file.
	Services []*Service
	// BFDs are the bfd_instances that can be used, in the order of the file.
	BFDs []*BFD
	// Files are the track_files that can be used, in the order of the file.
	Files []*TrackFile
}

// SSL is what SSL_GET shows of itself and accepts of others. Zero: a context made by
// the program; the certificate of the other side is looked at only with a CA.
type SSL struct {
	Password, CA, Certificate, Key string
}

// Family is an address family.
type Family uint8

// The families.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// FamilyOf returns the family of an address.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

// String is the word of the configuration: inet or inet6.
func (f Family) String() string {
	if f == IPv6 {
		return "inet6"
	}
	return "inet"
}

// Protocol is the transport of a service. NoProtocol: chosen by firewall mark.
type Protocol uint8

// The protocols.
const (
	NoProtocol Protocol = iota
	TCP
	UDP
	SCTP
)

// String is the word in the names of services: none, tcp, udp, sctp.
func (p Protocol) String() string { return [...]string{"none", "tcp", "udp", "sctp"}[p] }

// Method is how packets reach a real server (lvs_method).
type Method uint8

// The methods. MethodUnset is never found after Load.
const (
	MethodUnset Method = iota
	NAT
	DR
	TUN
)

func (m Method) String() string { return [...]string{"", "NAT", "DR", "TUN"}[m] }

// Tunnel is the encapsulation of TUN.
type Tunnel uint8

// The encapsulations.
const (
	IPIP Tunnel = iota
	GUE
	GRE
)

// Checksum is the checksum option of a tunnel.
type Checksum uint8

// The options.
const (
	NoChecksum Checksum = iota
	WithChecksum
	RemoteChecksum
)

// Forwarding is lvs_method with its options; what follows Method counts for TUN only.
type Forwarding struct {
	Method   Method
	Tunnel   Tunnel
	Port     uint16 // of GUE
	Checksum Checksum
}

// Flags are the kernel's scheduler flags of a service.
type Flags uint8

// The flags. What one means depends on the scheduler: FlagOne is sh-fallback and
// mh-fallback, FlagTwo sh-port and mh-port (linux/ip_vs.h).
const (
	FlagOne Flags = 1 << iota
	FlagTwo
	FlagThree
)

// Unset stands for a time or count that was not said.
const Unset = -1

// Timing is what a virtual server says about the checks of all its real servers, and a
// real server about its own. ConnectTimeout and DelayLoop are always set after Load;
// the others are Unset when neither block says anything, and every checker then has
// its own default.
type Timing struct {
	ConnectTimeout time.Duration
	DelayLoop      time.Duration
	Retry          int64
	RetryDelay     time.Duration // delay_before_retry
	Warmup         time.Duration
}

// Kind is how a virtual server is named.
type Kind uint8

// The kinds.
const (
	ByAddress Kind = iota
	ByMark
	ByGroup
)

// Service is one virtual_server with all defaults filled in (after Load).
type Service struct {
	Range diag.Range // of the line that begins it

	Kind  Kind
	Addr  netip.Addr // ByAddress
	Port  uint16     // ByAddress; 0: all ports of a persistent service
	Mark  uint32     // ByMark
	Group *Group     // ByGroup
	// Family is inet for a mark without anything that says otherwise.
	Family   Family
	Protocol Protocol
	// Nth counts the virtual servers of the same name before this one. 2.2.7 puts the
	// real servers of all of them into one service of the kernel.
	Nth int

	Scheduler   string // the kernel's name
	Flags       Flags
	Hashed      bool
	OnePacket   bool // ops
	Engine      string
	Persistence time.Duration // persistence_timeout; 0: none
	// Granularity is persistence_granularity as it was written, "" when not said; Mask
	// is its prefix length, 32 or 128 then.
	Granularity string
	Mask        uint8

	Forwarding Forwarding
	Weight     int32 // of real servers that do not say theirs

	Alpha, Omega, Inhibit, HASuspend bool
	Quorum, Hysteresis               uint32
	QuorumUp, QuorumDown             *cursor.Script
	Sorry                            *Sorry
	Mail                             bool // smtp_alert

	VirtualHost, SNMPName string
	Timing                Timing
	Servers               []*Server
}

// Sorry is sorry_server.
type Sorry struct {
	Addr       netip.Addr
	Port       uint16
	Forwarding Forwarding
	Inhibit    bool // always configured, weight 0 while it is not needed
}

// Server is one real_server.
type Server struct {
	Range    diag.Range // of its address
	Addr     netip.Addr
	Port     uint16   // as ip_vs has it: reset to the service's where it must be
	Protocol Protocol // the service's

	Weight                int32
	Forwarding            Forwarding
	Upper, Lower          uint32 // uthreshold, lthreshold
	Alpha, Inhibit        bool
	NotifyUp, NotifyDown  *cursor.Script
	Mail                  bool
	VirtualHost, SNMPName string // its own only
	Timing                Timing
	Checks                []*Check
	// Idle are the checkers of a type that does not run yet: read, and nothing more.
	Idle []*Check
}

// CheckKind is the type of a checker.
type CheckKind uint8

// The checkers. Those from SMTPCheck on do not run yet.
const (
	TCPCheck CheckKind = iota + 1
	HTTPGet
	SSLGet
	MiscCheck
	SMTPCheck
	DNSCheck
	UDPCheck
	PingCheck
	BFDCheck
	FileCheck
)

// String is the keyword.
func (k CheckKind) String() string {
	return [...]string{"", "TCP_CHECK", "HTTP_GET", "SSL_GET", "MISC_CHECK",
		"SMTP_CHECK", "DNS_CHECK", "UDP_CHECK", "PING_CHECK", "BFD_CHECK", "FILE_CHECK"}[k]
}

// Runs reports whether there is a probe of that type. One without never counts: the
// real server is as good as its other checkers find it.
func (k CheckKind) Runs() bool { return k != 0 && k <= MiscCheck }

// connects reports whether the checker opens a connection.
func (k CheckKind) connects() bool { return k != MiscCheck && k != BFDCheck && k != FileCheck }

// Check is one checker of a real server.
type Check struct {
	Kind CheckKind
	// Place is where it stands among all checkers of its real server, those that do not
	// run among them; only dumps need it.
	Place      int
	Connection Connection // not of MISC_CHECK
	DelayLoop  time.Duration
	Warmup     time.Duration
	Retry      uint32
	RetryDelay time.Duration
	// DefaultRetryDelay is what the type of checker has without a word.
	DefaultRetryDelay time.Duration
	Alpha             bool
	LogAll            bool // log_all_failures
	// At most one of these is there: that of the Kind.
	HTTP *HTTP // HTTP_GET and SSL_GET
	Misc *Misc
	SMTP *SMTP
	DNS  *DNS
	UDP  *Datagram
	BFD  *BFD
	File *File
}

// Connection is where and how a checker connects.
type Connection struct {
	Addr   netip.Addr
	Port   uint16
	Bind   netip.AddrPort // bindto, bind_port; the address may be invalid, the port 0
	BindIf string
	// Timeout is connect_timeout. 0: a host block of SMTP_CHECK that does not say it, shown
	// so; who connects takes the real server's.
	Timeout time.Duration
	Mark    uint32
}

// Version is http_protocol.
type Version uint8

// The versions. HTTP10C is 1.0 with "Connection: close".
const (
	HTTP10 Version = iota
	HTTP10C
	HTTP11
)

func (v Version) String() string { return [...]string{"1.0", "1.0C", "1.1"}[v] }

// HTTP is what HTTP_GET and SSL_GET ask for.
type HTTP struct {
	Version      Version
	VirtualHost  string // its own only; see Host
	FastRecovery bool
	TLSCompliant bool // of urls that do not say it
	SNI          bool
	SNIName      string
	URLs         []URL // at least one
	// Host is the Host header of urls without a virtual host of their own: the
	// checker's, else the real server's, else the virtual server's; "" is the address
	// and port.
	Host string
}

// URL is one url block.
type URL struct {
	Path        string
	Digest      string // 32 hexadecimal digits, lower case; "" is not looked at
	VirtualHost string
	Codes       []Codes // never empty
	Regex       *Regex  // nil: the body is not searched
	// TLSCompliant: a connection that ends without a close_notify is an error.
	TLSCompliant bool
}

// Regex is what is looked for in the body of an answer.
type Regex struct {
	Pattern string
	NoMatch bool     // regex_no_match: it is good when the pattern is not found
	Options []string // of regex_options, in the order of the file
	// MinOffset and MaxOffset bound where a match may begin, in octets from the start
	// of the body; Unset: no bound.
	MinOffset, MaxOffset int64
	// StackStart and StackMax are the octets of the matcher's stack; 0: as the library has it.
	StackStart, StackMax int64
}

// SMTP is SMTP_CHECK: a greeting, HELO and QUIT.
type SMTP struct {
	Helo string // helo_name
}

// DNS is DNS_CHECK: one question over UDP.
type DNS struct {
	Type string // as DNSTypes has it
	Name string // "" is the root
}

// Datagram is UDP_CHECK.
type Datagram struct {
	Payload []byte // what is sent; may be empty
	// Reply is what an answer has to begin with; Mask has zero bits where anything will
	// do. Wanted: there must be an answer, whatever it is when Reply is empty.
	Wanted      bool
	Reply, Mask []byte
	// MinLength and MaxLength bound the length of the answer in octets.
	MinLength, MaxLength uint16
}

// File is FILE_CHECK: a weight that is written into a track_file.
type File struct {
	Name    string
	Weight  int64 // -2147483647..2147483647; what the file has is multiplied by it
	Reverse bool
	// WeightSet: it was said here; else the file's own holds.
	WeightSet bool
}

// TrackFile is what FILE_CHECK needs to know of a track_file.
type TrackFile struct {
	Name, Path string     // as written
	Range      diag.Range // of its name
	Weight     int64      // of those that track it and do not say theirs
	Reverse    bool
}

// BFD is a bfd_instance; of a BFD_CHECK, the one that it listens to.
type BFD struct {
	Name              string
	Range             diag.Range
	Neighbour, Source netip.Addr // Source may be invalid: any
	// Intervals of RFC 5880: RequiredMinRxInterval, DesiredMinTxInterval, and the latter
	// while the session is not up.
	MinRx, MinTx, IdleTx time.Duration
	Multiplier           uint8
	Passive              bool
	TTL                  uint8 // of what is sent (hoplimit)
	MaxHops              int   // -1..255: how much less of the TTL may arrive
	Multihop             bool  // RFC 5883: port 4784
	Weight               int   // -253..253, of track_bfd
	Reverse              bool
	// VRRP and Checker tell who is told; without either word both are.
	VRRP, Checker bool
}

// Codes is a range of HTTP status codes that are good.
type Codes struct{ First, Last uint16 }

// Misc is MISC_CHECK.
type Misc struct {
	Script  *cursor.Script
	Timeout time.Duration // misc_timeout; 0: not said
	// Limit is the time after which the script is ended: misc_timeout, else the
	// virtual server's delay_loop.
	Limit   time.Duration
	Dynamic bool
}

// Group is a virtual_server_group.
type Group struct {
	Name    string
	Range   diag.Range
	Entries []Entry
}

// Entry is one line of a Group: addresses from First to Last with a port (0: all), or
// a firewall mark.
type Entry struct {
	First, Last netip.Addr
	Port        uint16
	Mark        uint32
	Family      Family // of a mark: 0 when not said
}

// Families tells which kinds of addresses the group has. One of marks has none.
func (g *Group) Families() (v4, v6 bool) {
	for _, e := range g.Entries {
		switch {
		case !e.First.IsValid():
		case e.First.Is4():
			v4 = true
		default:
			v6 = true
		}
	}
	return v4, v6
}

// Endpoint is one service of the kernel: what a Service is made of.
type Endpoint struct {
	Family   Family
	Protocol Protocol   // NoProtocol: by mark
	Addr     netip.Addr // invalid: by mark
	Port     uint16
	Mark     uint32
}

// Endpoints lists the services of the kernel that s stands for, in the order of the
// file: one, or those of its group. Every one has all of s's real servers.
func (s *Service) Endpoints() []Endpoint {
	switch s.Kind {
	case ByAddress:
		return []Endpoint{{Family: s.Family, Protocol: s.Protocol, Addr: s.Addr, Port: s.Port}}
	case ByMark:
		return []Endpoint{{Family: s.Family, Mark: s.Mark}}
	}
	var out []Endpoint
	for _, e := range s.Group.Entries {
		out = e.endpoints(out, s)
	}
	return out
}

// endpoints adds those of one line.
func (e *Entry) endpoints(out []Endpoint, s *Service) []Endpoint {
	if !e.First.IsValid() {
		family := e.Family
		if family == 0 {
			family = s.Family
		}
		return append(out, Endpoint{Family: family, Mark: e.Mark})
	}
	for a := e.First; a.IsValid() && !e.Last.Less(a); a = a.Next() {
		out = append(out, Endpoint{Family: FamilyOf(a), Protocol: s.Protocol, Addr: a, Port: e.Port})
	}
	return out
}
