package rtnl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// monitorBuffer is the default limit of what the kernel queues for a Monitor: 4,000
// addresses added at once make 8,000 messages (2 MiB hold 4,000). It is a limit, not a
// reservation.
const monitorBuffer = 4 << 20

// perDelivery bounds how many notifications are delivered at once.
const perDelivery = 256

// resyncPause lies between two attempts to read everything.
const resyncPause = 20 * time.Millisecond

// EventKind says what happened.
type EventKind uint8

// The kinds of Event.
const (
	_           EventKind = iota
	LinkChanged           // a link is new or differs (name, state, MAC, MTU, master, …): Link is how it is now
	LinkGone              // Link is how it was last
	AddrChanged           // an address is new or differs (lifetimes alone do not count): Addr is how it is now
	AddrGone              // Addr is how it was last; an IPv6 address may end without AddrChanged before
	Resynced              // all before this brings the picture up to what the kernel has: at start, and after lost messages
)

// String names the kind for logs and tests.
func (k EventKind) String() string {
	names := [...]string{"", "link changed", "link gone", "address changed", "address gone", "resynced"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("event %d", uint8(k))
}

// Event is one change, in the order in which the kernel told it.
type Event struct {
	Kind EventKind
	Link Link
	Addr Addr
}

// MonitorConfig are the choices of a Monitor; the zero value is the usual one.
type MonitorConfig struct {
	// Buffer is the size of the receive buffer in octets; 0: 4 MiB.
	Buffer int
	// Polite keeps the buffer below net.core.rmem_max (no SO_RCVBUFFORCE).
	Polite bool
}

// Monitor follows links and addresses on one socket, so that the order between the two
// is the kernel's, and keeps a mirror of them. When messages were lost for want of
// buffer it reads everything anew and reports the difference.
type Monitor struct {
	conn  *netlink.Conn
	raw   syscall.RawConn // of conn: reading by ourselves allocates nothing and takes all there is
	in    []byte
	cmd   *Handle // for dumps
	links map[int32]Link
	addrs map[Key]Addr
	out   []Event
}

// NewMonitor opens a Monitor in the network namespace of the calling thread. From here
// on no change is missed. Close it, or run it: Run closes it at its end.
func NewMonitor(cfg MonitorConfig) (*Monitor, error) {
	cmd, err := Open()
	if err != nil {
		return nil, err
	}
	m := &Monitor{cmd: cmd, in: make([]byte, receiveSize), links: map[int32]Link{}, addrs: map[Key]Addr{}}
	m.conn, err = netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{
		Groups: 1<<(unix.RTNLGRP_LINK-1) | 1<<(unix.RTNLGRP_IPV4_IFADDR-1) | 1<<(unix.RTNLGRP_IPV6_IFADDR-1),
	})
	if err != nil {
		_ = cmd.Close()
		return nil, fmt.Errorf("opening the netlink monitor: %w", err)
	}
	m.raw, err = m.conn.SyscallConn()
	if err == nil {
		err = m.setBuffer(cfg)
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

func (m *Monitor) setBuffer(cfg MonitorConfig) error {
	option, size := unix.SO_RCVBUFFORCE, monitorBuffer
	if cfg.Polite {
		option = unix.SO_RCVBUF
	}
	if cfg.Buffer > 0 {
		size = cfg.Buffer
	}
	var failed error
	err := m.raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, option, size)
	})
	if err = errors.Join(err, failed); err != nil {
		return fmt.Errorf("sizing the netlink monitor: %w", err)
	}
	return nil
}

// Close gives the sockets back of a Monitor that is not running.
func (m *Monitor) Close() {
	_ = m.conn.Close()
	_ = m.cmd.Close()
}

// Run delivers events until ctx ends, and then returns nil. The first delivery is all
// there is, closed by Resynced. Each slice belongs to the receiver; while deliver waits,
// the kernel's buffer takes what comes, and when that overflows Run starts over from a
// dump, so a slow receiver loses no end state. Another error is one of opening or reading
// that no repetition mends.
func (m *Monitor) Run(ctx context.Context, deliver func([]Event)) error {
	defer m.Close()
	stop := context.AfterFunc(ctx, func() { _ = m.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	err := m.resyncUntil(ctx)
	for err == nil && ctx.Err() == nil {
		if len(m.out) > 0 {
			deliver(m.out)
			m.out = nil
		}
		err = m.read(ctx)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// read waits for notifications and takes all that are there, up to perDelivery, so that
// the receiver is not woken for each of 2,000 addresses.
func (m *Monitor) read(ctx context.Context) error {
	var failed error
	err := m.raw.Read(func(fd uintptr) bool {
		for range perDelivery {
			if failed = m.readOne(int(fd)); failed != nil {
				break
			}
		}
		if errors.Is(failed, unix.EAGAIN) {
			failed = nil
			return len(m.out) > 0
		}
		return true
	})
	switch {
	case err != nil:
		return fmt.Errorf("waiting for netlink notifications: %w", err)
	case errors.Is(failed, unix.ENOBUFS), errors.Is(failed, errMalformed):
		return m.restart(ctx) // what we cannot read may have been a change
	case failed != nil:
		return fmt.Errorf("reading netlink notifications: %w", failed)
	}
	return nil
}

// readOne takes one datagram.
func (m *Monitor) readOne(fd int) error {
	n, from, err := unix.Recvfrom(fd, m.in, unix.MSG_DONTWAIT)
	if errors.Is(err, unix.EINTR) {
		return nil
	}
	if err != nil {
		return err
	}
	if s, ok := from.(*unix.SockaddrNetlink); ok && s.Pid != 0 {
		return nil // not from the kernel
	}
	return eachMessage(m.in[:n], func(hdr header, body []byte) (bool, error) { return false, m.take(hdr.typ, body) })
}

// restart throws away what is queued, which is older than the dump to come, and reads
// everything anew.
func (m *Monitor) restart(ctx context.Context) error {
	err := m.raw.Read(func(fd uintptr) bool {
		for {
			_, _, err := unix.Recvfrom(int(fd), m.in, unix.MSG_DONTWAIT)
			if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
				return true
			}
		}
	})
	if err != nil {
		return fmt.Errorf("emptying the netlink monitor: %w", err)
	}
	return m.resyncUntil(ctx)
}

// take applies one notification to the mirror.
func (m *Monitor) take(typ uint16, body []byte) error {
	switch typ {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		l, ok, err := decodeLink(body)
		if err != nil || !ok {
			return err
		}
		if typ == unix.RTM_DELLINK {
			m.linkGone(l.Index)
			return nil
		}
		m.linkIs(l)
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		a, ok, err := decodeAddr(body)
		if err != nil || !ok {
			return err
		}
		if typ == unix.RTM_DELADDR {
			// Also of an address we do not know: the kernel tells of a new IPv6 address
			// from a work queue, and of its end at once; what was added and removed
			// meanwhile has an end only.
			delete(m.addrs, a.Key())
			m.out = append(m.out, Event{Kind: AddrGone, Addr: a})
			return nil
		}
		m.addrIs(a)
	}
	return nil
}

func (m *Monitor) linkIs(l Link) {
	if old, known := m.links[l.Index]; known && old == l {
		return
	}
	m.links[l.Index] = l
	m.out = append(m.out, Event{Kind: LinkChanged, Link: l})
}

// linkGone forgets a link; the kernel has told of its addresses before, but after lost
// messages it may not have.
func (m *Monitor) linkGone(index int32) {
	l, known := m.links[index]
	if !known {
		return
	}
	for _, k := range m.keysOf(func(k Key) bool { return k.Link == index }) {
		m.addrGone(k)
	}
	delete(m.links, index)
	m.out = append(m.out, Event{Kind: LinkGone, Link: l})
}

func (m *Monitor) addrIs(a Addr) {
	k := a.Key()
	old, known := m.addrs[k]
	m.addrs[k] = a
	if known {
		// The kernel repeats an address whose lifetimes count down.
		old.Preferred, old.Valid = a.Preferred, a.Valid
		if old == a {
			return
		}
	}
	m.out = append(m.out, Event{Kind: AddrChanged, Addr: a})
}

// addrGone ends an address of the mirror.
func (m *Monitor) addrGone(k Key) {
	a := m.addrs[k]
	delete(m.addrs, k)
	m.out = append(m.out, Event{Kind: AddrGone, Addr: a})
}

// resyncUntil repeats resync while the kernel changes faster than it can be read. A dump
// with holes is never taken: it would report a link as gone that is there.
func (m *Monitor) resyncUntil(ctx context.Context) error {
	for {
		err := m.resync()
		if err == nil || !IsRetry(err) {
			return err
		}
		pause := time.NewTimer(resyncPause)
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-pause.C:
		}
	}
}

// resync reads everything and appends the difference to the mirror: what is gone first,
// then links, then addresses in the kernel's order. The links are read before the
// addresses; a link that comes between the two is told by its own notification later.
func (m *Monitor) resync() error {
	links, err := m.cmd.Links()
	if err != nil {
		return err
	}
	addrs, err := m.cmd.Addrs()
	if err != nil {
		return err
	}
	haveAddr := make(map[Key]struct{}, len(addrs))
	for _, a := range addrs {
		haveAddr[a.Key()] = struct{}{}
	}
	for _, k := range m.keysOf(func(k Key) bool { _, there := haveAddr[k]; return !there }) {
		m.addrGone(k)
	}
	haveLink := make(map[int32]struct{}, len(links))
	for _, l := range links {
		haveLink[l.Index] = struct{}{}
	}
	for _, index := range sortedLinks(m.links) {
		if _, there := haveLink[index]; !there {
			m.linkGone(index)
		}
	}
	for _, l := range links {
		m.linkIs(l)
	}
	for _, a := range addrs {
		m.addrIs(a)
	}
	m.out = append(m.out, Event{Kind: Resynced})
	return nil
}

// keysOf returns the keys of the mirror that which holds for, in a fixed order.
func (m *Monitor) keysOf(which func(Key) bool) []Key {
	var keys []Key
	for k := range m.addrs {
		if which(k) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Link, b.Link), a.Addr.Compare(b.Addr), cmp.Compare(a.Bits, b.Bits), a.Peer.Compare(b.Peer))
	})
	return keys
}

func sortedLinks(links map[int32]Link) []int32 {
	indexes := make([]int32, 0, len(links))
	for i := range links {
		indexes = append(indexes, i)
	}
	slices.Sort(indexes)
	return indexes
}
