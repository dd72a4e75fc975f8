package sock

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"keepalived/vrrp/wire"
)

// Announcer sends gratuitous ARP and unsolicited neighbour advertisements, one packet
// socket per interface. It belongs to one goroutine, and its sends never wait.
type Announcer struct {
	conns map[int32]*conn
}

// conn is the packet socket of one interface.
type conn struct {
	conn  *packet.Conn
	raw   syscall.RawConn
	send  func(fd uintptr) bool // sends frame; made once, so that a send allocates nothing
	frame []byte
	addr  unix.SockaddrLinklayer
	err   error
}

// NewAnnouncer returns an announcer without sockets.
func NewAnnouncer() *Announcer { return &Announcer{conns: map[int32]*conn{}} }

// Open opens the socket of link in the network namespace of the calling thread, unless
// it is open already. GARP and NA do it themselves when it was not done before.
func (a *Announcer) Open(link int32) error {
	_, err := a.open(link)
	return err
}

// GARP announces on link that mac has addr, an IPv4 address.
func (a *Announcer) GARP(link int32, mac wire.MAC, addr netip.Addr) error {
	if !addr.Is4() {
		return fmt.Errorf("announcing %s on link %d: %w", addr, link, unix.EAFNOSUPPORT)
	}
	c, err := a.open(link)
	if err != nil {
		return err
	}
	c.frame = wire.AppendGARP(c.frame[:0], mac, addr)
	return c.write(wire.EtherTypeARP, addr)
}

// NA announces on link that mac has addr, an IPv6 address that may already be used as
// a source (not tentative).
func (a *Announcer) NA(link int32, mac wire.MAC, addr netip.Addr, flags wire.NAFlags) error {
	if !addr.Is6() {
		return fmt.Errorf("announcing %s on link %d: %w", addr, link, unix.EAFNOSUPPORT)
	}
	c, err := a.open(link)
	if err != nil {
		return err
	}
	c.frame = wire.AppendNA(c.frame[:0], mac, addr, flags)
	return c.write(wire.EtherTypeIPv6, addr)
}

// Forget lets go of the socket of link, which was deleted (its index may come back
// with another interface), and returns it, or nil when there is none. Close of it
// waits until the kernel has forgotten it, some milliseconds: not on the loop.
func (a *Announcer) Forget(link int32) io.Closer {
	c := a.conns[link]
	if c == nil {
		return nil
	}
	delete(a.conns, link)
	return c.conn
}

// Close closes all sockets.
func (a *Announcer) Close() error {
	var first error
	for link, c := range a.conns {
		delete(a.conns, link)
		if err := c.conn.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (a *Announcer) open(link int32) (*conn, error) {
	if c := a.conns[link]; c != nil {
		return c, nil
	}
	// Protocol 0: with a real one the socket would also queue what it receives.
	p, err := packet.Listen(&net.Interface{Index: int(link)}, packet.Raw, 0, nil)
	if err != nil {
		return nil, fmt.Errorf("opening the packet socket of link %d: %w", link, err)
	}
	raw, err := p.SyscallConn()
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("opening the packet socket of link %d: %w", link, err)
	}
	c := &conn{conn: p, raw: raw, frame: make([]byte, 0, wire.NALen)}
	c.addr = unix.SockaddrLinklayer{Ifindex: int(link)}
	c.send = func(fd uintptr) bool {
		c.err = unix.Sendto(int(fd), c.frame, unix.MSG_DONTWAIT, &c.addr)
		return true // never wait until it is writable
	}
	a.conns[link] = c
	return c, nil
}

func (c *conn) write(etherType uint16, addr netip.Addr) error {
	c.addr.Protocol = networkOrder(etherType)
	if err := c.raw.Write(c.send); err != nil {
		return fmt.Errorf("announcing %s on link %d: %w", addr, c.addr.Ifindex, err)
	}
	if c.err != nil {
		return fmt.Errorf("announcing %s on link %d: %w", addr, c.addr.Ifindex, c.err)
	}
	return nil
}

// networkOrder is htons.
func networkOrder(v uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return binary.NativeEndian.Uint16(b[:])
}
