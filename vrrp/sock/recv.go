package sock

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"keepalived/core/clock"
	"keepalived/vrrp/wire"
)

// Config says what a Receiver listens to. The zero value of everything but Family
// has a meaning.
type Config struct {
	Family Family
	// Device binds the receiver to a VRF: needed only where the kernel does not
	// deliver from VRFs to unbound sockets (net.ipv4.raw_l3mdev_accept = 0).
	Device string
	// Buffer is the size of the socket's receive buffer in octets as SO_RCVBUF
	// counts them (the kernel doubles it); 0 is 4 MiB.
	Buffer int
	// Backlog is how many advertisements wait for the loop before the oldest is
	// dropped; 0 is 16,384. They take memory only when they wait.
	Backlog int
}

const (
	defaultBuffer  = 4 << 20
	defaultBacklog = 1 << 14
	batch          = 64 // packets read by one system call
	// kept is how many free slots are kept for later.
	kept = 1024
	// minTrueSize is less than the kernel charges to the buffer for the smallest
	// packet (sk_buff and data).
	minTrueSize = 512
)

// Received is a packet that arrived: an advertisement, or with Drop what is wrong
// with it. It is valid until Release.
type Received struct {
	Advert wire.Advert
	Drop   wire.Drop
	Link   int32 // index of the interface it came in by
	// At is when the kernel received it. (In the first milliseconds after a machine's
	// first socket with time stamps was opened it is when the packet was read.)
	At clock.Instant

	owner *Receiver
	buf   []byte
}

// Family is the family the packet came by.
func (rx *Received) Family() Family { return rx.owner.family }

// Release gives the packet back. Neither it nor its Advert may be used afterwards.
func (rx *Received) Release() {
	select {
	case rx.owner.free <- rx:
	default: // a backlog is over: let the collector have it
		rx.owner.slots.Add(-1)
	}
}

// Stats counts what a Receiver has read and lost since it was opened.
type Stats struct {
	Received    uint64 // packets read from the socket
	Overrun     uint64 // of these dropped, oldest first, because the loop was behind
	KernelDrops uint64 // lost because the socket's buffer was full
}

// Receiver reads every VRRP packet of one family that arrives at the network
// namespace, on whatever interface, and keeps it for the loop. It joins no group: see
// Memberships.
//
// One goroutine runs Run; one takes with Next; any may call Drain and Stats. Nothing
// is allocated per packet.
type Receiver struct {
	family Family
	fd     int
	file   *os.File
	raw    syscall.RawConn
	step   func(fd uintptr) bool // method value, made once
	drain  int                   // packets that the socket's buffer can hold at most

	filled  chan *Received // in order of arrival
	free    chan *Received
	slots   atomic.Int64 // slots that exist
	limit   int64
	waiting atomic.Bool   // the loop was told that something is in filled
	wanted  atomic.Uint64 // last ticket drawn

	received, overrun, kernel atomic.Uint64

	// The rest belongs to Run's goroutine.
	cur      [batch]*Received
	msgs     [batch]mmsghdr
	iovs     [batch]unix.Iovec
	names    [batch]unix.RawSockaddrInet6
	controls [batch]controlBuffer
	last     reading // at the last read that brought something
	empty    reading // at a moment at which the socket was seen empty later
	got      int     // result of step: packets; 0 when the socket is empty
	again    bool    // result of step: nothing was read, and that says nothing
	err      error   // result of step: the socket has failed
	ready    func()
	drained  func(ticket uint64)
	answered uint64 // last ticket answered
	ticket   uint64 // ticket being worked on, when > answered
	left     int    // packets still to be read for it at most
}

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
}

// Open opens a receiver in the network namespace of the calling thread. It needs
// CAP_NET_RAW, and CAP_NET_ADMIN for a buffer beyond net.core.rmem_max.
func Open(cfg Config) (*Receiver, error) {
	fd, err := unix.Socket(cfg.Family.domain(), unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, wire.Protocol)
	if err != nil {
		return nil, fmt.Errorf("opening the %s socket for receiving advertisements: %w", cfg.Family, err)
	}
	r, err := newReceiver(fd, cfg)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("opening the %s socket for receiving advertisements: %w", cfg.Family, err)
	}
	return r, nil
}

func newReceiver(fd int, cfg Config) (*Receiver, error) {
	if err := setReceiverOptions(fd, cfg); err != nil {
		return nil, err
	}
	size, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err != nil {
		return nil, fmt.Errorf("reading SO_RCVBUF: %w", err)
	}
	if cfg.Backlog == 0 {
		cfg.Backlog = defaultBacklog
	}
	limit := max(cfg.Backlog, 1) + batch // those in cur do not wait
	r := &Receiver{
		family: cfg.Family,
		fd:     fd,
		drain:  size/minTrueSize + batch,
		filled: make(chan *Received, limit),
		free:   make(chan *Received, min(limit, kept)),
		limit:  int64(limit),
		empty:  read(),
	}
	r.last = r.empty
	r.step = r.readBatch
	for i := range r.msgs {
		h := &r.msgs[i].hdr
		h.Iov = &r.iovs[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&r.names[i]))
		h.Control = r.controls[i].base()
	}
	r.file = os.NewFile(uintptr(fd), "vrrp-receiver")
	if r.raw, err = r.file.SyscallConn(); err != nil {
		return nil, err
	}
	return r, nil
}

func setReceiverOptions(fd int, cfg Config) error {
	options := []option{
		{unix.IPPROTO_IP, unix.IP_PKTINFO, 1, "IP_PKTINFO"},
		{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1, "SO_TIMESTAMPNS"},
		{unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1, "SO_RXQ_OVFL"},
	}
	if cfg.Family == IPv6 {
		options[0] = option{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO"}
		options = append(options, option{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1, "IPV6_RECVHOPLIMIT"})
	}
	if err := setOptions(fd, options...); err != nil {
		return err
	}
	if cfg.Device != "" {
		if err := unix.BindToDevice(fd, cfg.Device); err != nil {
			return fmt.Errorf("binding to %s: %w", cfg.Device, err)
		}
	}
	if cfg.Buffer == 0 {
		cfg.Buffer = defaultBuffer
	}
	// FORCE goes beyond net.core.rmem_max; without the capability the host's limit counts.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, cfg.Buffer) == nil {
		return nil
	}
	return setOptions(fd, option{unix.SOL_SOCKET, unix.SO_RCVBUF, cfg.Buffer, "SO_RCVBUF"})
}

// Next takes the oldest packet that waits, nil when there is none. The caller must
// Release it.
//
// Once Run has called ready, it does so again only after Next has returned nil: take
// until then, or come back by yourself.
func (r *Receiver) Next() *Received {
	select {
	case rx := <-r.filled:
		return rx
	default:
	}
	r.waiting.Store(false)
	// A packet that came in between saw waiting set and told nobody.
	select {
	case rx := <-r.filled:
		r.waiting.Store(true)
		return rx
	default:
		return nil
	}
}

// Drain asks for everything that has arrived by now: when it has been read and is to
// be had by Next, Run calls drained with the returned ticket or a later one. It
// does not wait. After a pause of the process this is how to read before anything
// expires.
func (r *Receiver) Drain() (ticket uint64) {
	ticket = r.wanted.Add(1)
	r.interrupt()
	return ticket
}

// interrupt makes Run look up from its waiting.
func (r *Receiver) interrupt() { _ = r.file.SetReadDeadline(time.Unix(1, 0)) }

// Stats returns the counters.
func (r *Receiver) Stats() Stats {
	return Stats{Received: r.received.Load(), Overrun: r.overrun.Load(), KernelDrops: r.kernel.Load()}
}

// FD is the descriptor of the socket, for the state dump.
func (r *Receiver) FD() int { return r.fd }

// Close closes the socket and ends Run with an error. Packets that were taken stay valid.
func (r *Receiver) Close() error { return r.file.Close() }

// Run reads until ctx ends, whose error it returns, or the socket fails. It calls, on
// its own goroutine, ready when there is something for Next and drained when a ticket
// of Drain is served (after ready for everything that belongs to it).
func (r *Receiver) Run(ctx context.Context, ready func(), drained func(ticket uint64)) error {
	r.ready, r.drained = ready, drained
	stop := context.AfterFunc(ctx, r.interrupt)
	defer stop()
	for {
		err := r.turn()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			// Reset first, look at the reasons afterwards: an interrupt that comes
			// later interrupts again.
			if err = r.file.SetReadDeadline(time.Time{}); err == nil {
				err = ctx.Err()
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("receiving %s advertisements: %w", r.family, err)
		}
	}
}

// turn reads one batch, waiting for it unless a ticket asks for what is there, and
// hands it over.
func (r *Receiver) turn() error {
	if w := r.wanted.Load(); r.ticket == r.answered && w != r.answered {
		r.ticket, r.left = w, r.drain
	}
	r.fill()
	if err := r.raw.Read(r.step); err != nil {
		return err
	}
	if r.err != nil {
		return r.err
	}
	if r.got > 0 {
		r.deliver(r.got)
	}
	if r.ticket != r.answered && !r.again && (r.got == 0 || r.left <= 0) {
		r.answered = r.ticket
		r.drained(r.ticket)
	}
	return nil
}

// fill provides a slot for every packet of the next batch.
func (r *Receiver) fill() {
	for i, rx := range r.cur {
		if rx != nil {
			continue
		}
		rx = r.slot()
		r.cur[i] = rx
		r.iovs[i].Base = &rx.buf[0]
		r.iovs[i].SetLen(len(rx.buf))
	}
}

// slot finds a free slot, makes one while there may be more, and else takes the oldest
// packet from the loop: newer ones say more about who is alive.
func (r *Receiver) slot() *Received {
	for {
		select {
		case rx := <-r.free:
			return rx
		default:
		}
		if r.slots.Load() < r.limit {
			r.slots.Add(1)
			n := wire.MaxLenIPv4
			if r.family == IPv6 {
				n = wire.MaxLenIPv6
			}
			return &Received{owner: r, buf: make([]byte, n)}
		}
		select {
		case rx := <-r.filled:
			r.overrun.Add(1)
			return rx
		case rx := <-r.free:
			return rx
		}
	}
}

// readBatch is one recvmmsg; the runtime need not know of a call that cannot block
// (see loop.Precise). It returns false to wait until the socket is readable.
func (r *Receiver) readBatch(fd uintptr) bool {
	r.got, r.again, r.err = 0, false, nil
	for i := range r.msgs {
		h := &r.msgs[i].hdr
		h.Namelen = unix.SizeofSockaddrInet6
		h.SetControllen(controlRoom)
		h.Flags = 0
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.msgs[0])), batch, unix.MSG_DONTWAIT, 0, 0)
	switch errno {
	case 0:
		r.got = int(n)
		r.left -= r.got
		return true
	case unix.EAGAIN:
		r.empty = r.last
		return r.ticket != r.answered
	case unix.EINTR, unix.ENOBUFS, unix.ENOMEM, unix.ENETDOWN:
		// Of the moment, or of an interface (ENETDOWN, when one is deleted): the
		// error is cleared by having been read.
		r.again = true
		return true
	}
	r.err = errno
	return true
}

// deliver decodes the first n packets and puts them into the queue.
func (r *Receiver) deliver(n int) {
	now := read()
	for i := range n {
		rx := r.cur[i]
		r.cur[i] = nil
		r.decode(rx, i, now)
		r.filled <- rx // has room for every slot there may be
	}
	r.last = now
	r.received.Add(uint64(n))
	if r.waiting.CompareAndSwap(false, true) {
		r.ready()
	}
}

// decode fills in rx from the i-th message.
func (r *Receiver) decode(rx *Received, i int, now reading) {
	m := &r.msgs[i]
	c := parseControl(r.controls[i].octets(int(m.hdr.Controllen)))
	b := rx.buf[:min(int(m.len), len(rx.buf))]
	rx.Link, rx.At = c.link, now.at
	if c.stamp != 0 {
		rx.At = arrival(c.stamp, r.empty, now)
	}
	if c.drops != 0 {
		r.kernel.Store(uint64(c.drops))
	}
	payload, drop := b, wire.Accepted
	meta := wire.Meta{
		Source:      netip.AddrFrom16(r.names[i].Addr),
		Destination: c.destination,
		HopLimit:    c.hopLimit,
	}
	if r.family == IPv4 {
		payload, meta, drop = wire.ParseIPv4(b)
	}
	rx.Advert, rx.Drop = wire.Decode(payload, meta)
	if drop != wire.Accepted {
		rx.Drop = drop
	}
}
