// Package rtnl is our only way to the kernel's rtnetlink: it reads links and
// addresses, adds and removes addresses in batches, and follows their changes. It is
// an effect package and the only importer of vishvananda/netlink; it decides nothing
// and must import nothing of vrrp or checker.
package rtnl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// perSend is how many requests go into one sendmsg. The kernel takes the RTNL
	// lock for each of them, not for the batch, so others get their turn between
	// two; 32 of them keep the system call at 2 ms.
	perSend = 32
	// receiveSize holds the largest datagram the kernel makes of a dump.
	receiveSize = 64 << 10
	// answerTimeout bounds the wait for an answer. The kernel answers before
	// sendmsg returns; only a lost acknowledgement makes us wait at all.
	answerTimeout = 5 * time.Second
	// dumpAttempts bounds the repetition of a dump that changed under our hands.
	dumpAttempts = 10
)

// Handle is one command socket with its buffers. It belongs to one goroutine at a
// time, and to the network namespace in which Open was called.
type Handle struct {
	fd  int
	seq uint32
	out []byte // requests of one sendmsg
	in  []byte
}

// Open makes a Handle in the network namespace of the calling thread.
func Open() (*Handle, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening a netlink socket: %w", err)
	}
	h := &Handle{fd: fd, in: make([]byte, receiveSize)}
	if err := h.configure(); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return h, nil
}

func (h *Handle) configure() error {
	if err := unix.Bind(h.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("binding a netlink socket: %w", err)
	}
	tv := unix.NsecToTimeval(int64(answerTimeout))
	if err := unix.SetsockoptTimeval(h.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		return fmt.Errorf("setting the time limit of a netlink socket: %w", err)
	}
	// Both are conveniences of newer kernels: the reason in words, and answers
	// without a copy of the request.
	_ = unix.SetsockoptInt(h.fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	_ = unix.SetsockoptInt(h.fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	return nil
}

// Close gives the socket back.
func (h *Handle) Close() error { return unix.Close(h.fd) }

// Links reads all links. Their order is the kernel's.
func (h *Handle) Links() ([]Link, error) {
	var links []Link
	err := h.dump("links", unix.RTM_GETLINK, unix.SizeofIfInfomsg, func() { links = links[:0] },
		func(typ uint16, b []byte) error {
			l, ok, err := decodeLink(b)
			if ok && typ == unix.RTM_NEWLINK {
				links = append(links, l)
			}
			return err
		})
	return links, err
}

// Addrs reads all addresses of both families. Within a link and family their order is
// the kernel's: for IPv4 that in which it prefers them.
func (h *Handle) Addrs() ([]Addr, error) {
	var addrs []Addr
	err := h.dump("addresses", unix.RTM_GETADDR, unix.SizeofIfAddrmsg, func() { addrs = addrs[:0] },
		func(typ uint16, b []byte) error {
			a, ok, err := decodeAddr(b)
			if ok && typ == unix.RTM_NEWADDR {
				addrs = append(addrs, a)
			}
			return err
		})
	return addrs, err
}

// AddAddrs adds addrs in their order and puts into errs, which has the same length,
// what the kernel said to each. An address that exists already gives an error for
// which IsExist holds and stays as it is.
func (h *Handle) AddAddrs(addrs []Addr, errs []error) {
	h.batch(addrs, errs, unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, "adding")
}

// RemoveAddrs removes addrs in their order, see AddAddrs. An address that is not there,
// or whose link is not there, gives an error for which IsGone holds. Removing the first
// IPv4 address of a subnet makes the kernel remove the others of that subnet, unless
// promote_secondaries is set.
func (h *Handle) RemoveAddrs(addrs []Addr, errs []error) {
	h.batch(addrs, errs, unix.RTM_DELADDR, 0, "removing")
}

// batch sends one request per address, perSend in one system call, and reads one
// answer for each.
func (h *Handle) batch(addrs []Addr, errs []error, typ uint16, flags uint16, verb string) {
	for len(addrs) > 0 {
		n := min(len(addrs), perSend)
		h.exchange(addrs[:n], errs[:n], typ, flags, verb)
		addrs, errs = addrs[n:], errs[n:]
	}
}

func (h *Handle) exchange(addrs []Addr, errs []error, typ, flags uint16, verb string) {
	first := h.seq + 1
	h.out = h.out[:0]
	for i, a := range addrs {
		h.seq++
		h.out = appendAddrRequest(h.out, typ, unix.NLM_F_REQUEST|unix.NLM_F_ACK|flags, h.seq, a)
		errs[i] = errNoAnswer
	}
	err := h.send()
	if err == nil {
		err = h.answers(first, errs)
	}
	for i := range errs {
		if errors.Is(errs[i], errNoAnswer) && err != nil {
			errs[i] = err
		}
		if errs[i] != nil {
			errs[i] = fmt.Errorf("%s %s on link %d: %w", verb, addrs[i].Prefix, addrs[i].Link, errs[i])
		}
	}
}

// answers reads until each of the requests numbered from first has its answer.
func (h *Handle) answers(first uint32, errs []error) error {
	for left := len(errs); left > 0; {
		err := h.receive(func(hdr header, body []byte) (bool, error) {
			i := int(hdr.seq - first)
			if hdr.typ != unix.NLMSG_ERROR || i < 0 || i >= len(errs) || !errors.Is(errs[i], errNoAnswer) {
				return false, nil // an answer nobody waits for any more
			}
			errs[i] = ackError(hdr, body)
			left--
			return false, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// dump asks for all objects of a kind and hands each to take. A dump that the kernel
// marks as inconsistent is done again, after restart was called.
func (h *Handle) dump(what string, typ uint16, bodyLen int, restart func(), take func(typ uint16, body []byte) error) error {
	var err error
	for range dumpAttempts {
		restart()
		if err = h.dumpOnce(typ, bodyLen, take); !errors.Is(err, errInterrupted) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", what, err)
	}
	return nil
}

func (h *Handle) dumpOnce(typ uint16, bodyLen int, take func(typ uint16, body []byte) error) error {
	h.seq++
	seq := h.seq
	h.out = appendHeader(h.out[:0], typ, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, seq)
	h.out = append(h.out, make([]byte, bodyLen)...)
	finish(h.out, 0)
	if err := h.send(); err != nil {
		return err
	}
	var interrupted, done bool
	for !done {
		err := h.receive(func(hdr header, body []byte) (bool, error) {
			if hdr.seq != seq {
				return false, nil
			}
			interrupted = interrupted || hdr.flags&unix.NLM_F_DUMP_INTR != 0
			switch hdr.typ {
			case unix.NLMSG_DONE:
				done = true
				return true, doneError(body)
			case unix.NLMSG_ERROR:
				done = true
				return true, ackError(hdr, body)
			}
			return false, take(hdr.typ, body)
		})
		if err != nil {
			return err
		}
	}
	if interrupted {
		return errInterrupted
	}
	return nil
}

func (h *Handle) send() error {
	for {
		err := unix.Sendto(h.fd, h.out, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// receive reads one datagram and hands each message in it to take until that returns
// true.
func (h *Handle) receive(take func(header, []byte) (bool, error)) error {
	n, from, err := unix.Recvfrom(h.fd, h.in, 0)
	for errors.Is(err, unix.EINTR) {
		n, from, err = unix.Recvfrom(h.fd, h.in, 0)
	}
	if err != nil {
		return err
	}
	if s, ok := from.(*unix.SockaddrNetlink); ok && s.Pid != 0 {
		return nil // not from the kernel
	}
	return eachMessage(h.in[:n], take)
}

// native is the byte order of netlink: the machine's.
var native = binary.NativeEndian

// header is what we read of a struct nlmsghdr.
type header struct {
	typ, flags uint16
	seq        uint32
}

// eachMessage splits a datagram.
func eachMessage(b []byte, take func(header, []byte) (bool, error)) error {
	for len(b) >= unix.NLMSG_HDRLEN {
		size := int(native.Uint32(b))
		if size < unix.NLMSG_HDRLEN || size > len(b) {
			return errMalformed
		}
		hdr := header{typ: native.Uint16(b[4:]), flags: native.Uint16(b[6:]), seq: native.Uint32(b[8:])}
		stop, err := take(hdr, b[unix.NLMSG_HDRLEN:size])
		if stop || err != nil {
			return err
		}
		b = b[min(len(b), align(size)):]
	}
	return nil
}

func align(n int) int { return (n + unix.NLMSG_ALIGNTO - 1) &^ (unix.NLMSG_ALIGNTO - 1) }

// appendHeader starts a message; finish sets its length.
func appendHeader(b []byte, typ, flags uint16, seq uint32) []byte {
	b = append(b, 0, 0, 0, 0)
	b = native.AppendUint16(b, typ)
	b = native.AppendUint16(b, flags)
	b = native.AppendUint32(b, seq)
	return native.AppendUint32(b, 0)
}

// finish sets the length of the message that starts at from and ends with b.
func finish(b []byte, from int) { native.PutUint32(b[from:], uint32(len(b)-from)) }
