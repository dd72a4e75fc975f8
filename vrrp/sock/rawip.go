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
	header  []byte
	control []byte
	name4   unix.RawSockaddrInet4
	name6   unix.RawSockaddrInet6
	iov     [2]unix.Iovec // IP header, VRRP message
	msg     unix.Msghdr
}

// OpenSender opens a sender in the network namespace of the calling thread. Our own
// host does not hear what it sends to a multicast group.
func OpenSender(f Family) (*Sender, error) {
	// IPPROTO_RAW: we write the IP header, and the socket receives nothing.
	fd, err := unix.Socket(f.domain(), unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
	if err == nil {
		if err = setSenderOptions(fd, f); err != nil {
			unix.Close(fd)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening the %s socket for sending advertisements: %w", f, err)
	}
	s := &Sender{family: f, fd: fd, header: make([]byte, 0, wire.MaxIPHeader)}
	s.msg.Iov = &s.iov[0]
	s.msg.SetIovlen(len(s.iov))
	if f == IPv4 {
		s.name4.Family = unix.AF_INET
		s.msg.Name, s.msg.Namelen = (*byte)(unsafe.Pointer(&s.name4)), unix.SizeofSockaddrInet4
		s.control = newControl(unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
	} else {
		s.name6.Family = unix.AF_INET6
		s.msg.Name, s.msg.Namelen = (*byte)(unsafe.Pointer(&s.name6)), unix.SizeofSockaddrInet6
		s.control = newControl(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)
	}
	s.msg.Control = &s.control[0]
	s.msg.SetControllen(len(s.control))
	return s, nil
}

func setSenderOptions(fd int, f Family) error {
	loop := option{unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 0, "IP_MULTICAST_LOOP"}
	if f == IPv6 {
		loop = option{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0, "IPV6_MULTICAST_LOOP"}
	}
	return setOptions(fd, loop, option{unix.SOL_SOCKET, unix.SO_PRIORITY, priorityControl, "SO_PRIORITY"})
}

// newControl makes a control message of n octets of data, all zero.
func newControl(level, kind int32, n int) []byte {
	b := make([]byte, unix.CmsgSpace(n))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = level, kind
	h.SetLen(unix.CmsgLen(n))
	return b
}

// Send sends a VRRP message, pdu, through the interface link. With link 0 the routing
// table chooses it, as it would for a socket bound to src (unicast). src and dst are
// of the sender's family; id is the IPv4 identification (the kernel replaces 0).
//
// It returns at once. An error is for this packet alone; see IsRetry and IsGone.
func (s *Sender) Send(link int32, src, dst netip.Addr, ttl uint8, id uint16, pdu []byte) error {
	if FamilyOf(src) != s.family || FamilyOf(dst) != s.family || len(pdu) == 0 {
		return fmt.Errorf("sending advertisement from %s to %s: %w", src, dst, unix.EAFNOSUPPORT)
	}
	h := wire.IPHeader{ID: id, HopLimit: ttl, Source: src, Destination: dst}
	s.header = wire.AppendIP(s.header[:0], &h, len(pdu))
	s.address(link, src, dst)
	s.iov[0].Base, s.iov[1].Base = &s.header[0], &pdu[0]
	s.iov[0].SetLen(len(s.header))
	s.iov[1].SetLen(len(pdu))
	// Raw: the call cannot block, and the runtime need not know (see loop.Precise).
	_, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.msg)), unix.MSG_DONTWAIT)
	s.iov[1].Base = nil
	if errno != 0 {
		return fmt.Errorf("sending advertisement from %s to %s on link %d: %w", src, dst, link, errno)
	}
	return nil
}

// address fills in where the packet goes and through which interface.
func (s *Sender) address(link int32, src, dst netip.Addr) {
	data := unsafe.Pointer(&s.control[unix.CmsgLen(0)])
	if s.family == IPv4 {
		s.name4.Addr = dst.As4()
		info := (*unix.Inet4Pktinfo)(data)
		*info = unix.Inet4Pktinfo{Ifindex: link}
		if link == 0 {
			info.Spec_dst = src.As4()
		}
		return
	}
	s.name6.Addr, s.name6.Scope_id = dst.As16(), uint32(link)
	info := (*unix.Inet6Pktinfo)(data)
	*info = unix.Inet6Pktinfo{Ifindex: uint32(link)}
	if link == 0 {
		info.Addr = src.As16()
	}
}

// Close closes the socket.
func (s *Sender) Close() error { return unix.Close(s.fd) }

// FD is the descriptor of the socket, for the state dump.
func (s *Sender) FD() int { return s.fd }
