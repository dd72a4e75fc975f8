// Package sock holds the sockets of the VRRP child: raw IP sockets that receive and
// send advertisements, the sockets that hold multicast memberships, packet sockets
// that announce addresses by gratuitous ARP and neighbour advertisements.
//
// It acts and decides nothing: no protocol state, no configuration. It must not
// import the state machine or anything of netlink. Every socket lives in the network
// namespace of the thread that opened it.
package sock

import (
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"keepalived/vrrp/wire"
)

// Family is the IP version that carries the advertisements.
type Family uint8

const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// FamilyOf returns the family of a valid address.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

func (f Family) String() string {
	if f == IPv4 {
		return "IPv4"
	}
	return "IPv6"
}

// domain is the address family of socket(2).
func (f Family) domain() int {
	if f == IPv4 {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// IsRetry reports whether err of this package says that the same call may go through
// in a moment: queues are full or memory is short.
func IsRetry(err error) bool {
	return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOBUFS) ||
		errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.EINTR)
}

// IsGone reports whether err of this package says that the interface, its address or
// the way out has vanished or is down: the link monitor will tell more.
func IsGone(err error) bool {
	for _, e := range [...]unix.Errno{
		unix.ENODEV, unix.ENXIO, unix.ENETDOWN, unix.ENETUNREACH, unix.EHOSTUNREACH,
		unix.EADDRNOTAVAIL,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// option is one socket option with its name for the error text.
type option struct {
	level, name, value int
	text               string
}

func setOptions(fd int, options ...option) error {
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return fmt.Errorf("setting %s: %w", o.text, err)
		}
	}
	return nil
}

// priorityControl is TC_PRIO_CONTROL of linux/pkt_sched.h: adverts leave before
// everything else that a priority queueing discipline holds.
const priorityControl = 7

// Sender sends advertisements of one family through any interface. It belongs to one
// goroutine, allocates nothing on success and never waits.
type Sender struct {
	family  Family
	fd      int
	packet  []byte // IPv4: header and message put together
	control []byte
	name4   unix.RawSockaddrInet4
	name6   unix.RawSockaddrInet6
	iov     unix.Iovec
	msg     unix.Msghdr
}

// OpenSender opens a sender in the network namespace of the calling thread. Our own
// host does not hear what it sends to a multicast group.
func OpenSender(f Family) (*Sender, error) {
	fd, err := unix.Socket(f.domain(), unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err == nil {
		if err = setSenderOptions(fd, f); err != nil {
			unix.Close(fd)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening the %s socket for sending advertisements: %w", f, err)
	}
	s := &Sender{
		family:  f,
		fd:      fd,
		packet:  make([]byte, 0, wire.MaxLenIPv6),
		control: make([]byte, controlRoom),
	}
	s.msg.Iov = &s.iov
	s.msg.SetIovlen(1)
	return s, nil
}

func setSenderOptions(fd int, f Family) error {
	if f == IPv4 {
		return setOptions(fd,
			option{unix.IPPROTO_IP, unix.IP_HDRINCL, 1, "IP_HDRINCL"},
			option{unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 0, "IP_MULTICAST_LOOP"},
			option{unix.SOL_SOCKET, unix.SO_PRIORITY, priorityControl, "SO_PRIORITY"})
	}
	return setOptions(fd,
		option{unix.IPPROTO_IPV6, unix.IPV6_HDRINCL, 0, "IPV6_HDRINCL"},
		option{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0, "IPV6_MULTICAST_LOOP"},
		option{unix.IPPROTO_IPV6, unix.IPV6_TCLASS, trafficClass, "IPV6_TCLASS"},
		option{unix.SOL_SOCKET, unix.SO_PRIORITY, priorityControl, "SO_PRIORITY"})
}

var _ = unsafe.Pointer(nil)
