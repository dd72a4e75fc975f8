package sock

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Memberships holds multicast memberships on behalf of receivers, which are unbound
// and join nothing themselves: a raw socket hears a group on an interface as long as
// any socket of the host holds the membership there.
//
// One socket may join 20 groups (net.ipv4.igmp_max_memberships; IPv6: some thousand), so
// there are as many sockets as the kernel asks for.
//
// It belongs to one goroutine. Join and Leave take the kernel's RTNL lock, which
// others may hold for milliseconds: that goroutine is not the loop.
type Memberships struct {
	joined  map[membership]*held
	holders []*holder
}

type membership struct {
	link  int32
	group netip.Addr
}

type held struct {
	refs   int
	holder *holder
}

// holder is a datagram socket that only holds memberships.
type holder struct {
	family Family
	fd     int
	used   int
	full   bool // the kernel said so
}

// NewMemberships returns an empty set. Sockets are opened when needed, in the network
// namespace of the thread that calls Join.
func NewMemberships() *Memberships { return &Memberships{joined: map[membership]*held{}} }

// Join holds group on the interface link. It counts: the membership ends when Leave
// was called as often as Join, or with Forget.
func (m *Memberships) Join(link int32, group netip.Addr) error {
	key := membership{link, group}
	if h := m.joined[key]; h != nil {
		h.refs++
		return nil
	}
	h, err := m.join(key)
	if err != nil {
		return fmt.Errorf("joining %s on link %d: %w", group, link, err)
	}
	m.joined[key] = &held{refs: 1, holder: h}
	return nil
}

// Leave undoes one Join. Leaving what is not joined is no error.
func (m *Memberships) Leave(link int32, group netip.Addr) error {
	key := membership{link, group}
	h := m.joined[key]
	if h == nil {
		return nil
	}
	if h.refs--; h.refs > 0 {
		return nil
	}
	if err := m.leave(key); err != nil && !IsGone(err) {
		return fmt.Errorf("leaving %s on link %d: %w", group, link, err)
	}
	return nil
}

// Forget gives up all memberships of link, which was deleted. The kernel has ended
// them already, but neither says so nor frees their place in the socket; and a new
// interface may come with the same index. After it, Join starts from nothing.
func (m *Memberships) Forget(link int32) {
	for key := range m.joined {
		if key.link == link {
			_ = m.leave(key) // the interface is gone: nothing else to be told
		}
	}
}

// Close ends all memberships.
func (m *Memberships) Close() error {
	var err error
	for _, h := range m.holders {
		err = errors.Join(err, unix.Close(h.fd))
	}
	m.holders, m.joined = nil, map[membership]*held{}
	return err
}

// join puts key into the first socket that takes it, a new one if need be.
func (m *Memberships) join(key membership) (*holder, error) {
	f := FamilyOf(key.group)
	for _, h := range m.holders {
		if h.family != f || h.full {
			continue
		}
		err := h.set(key, true)
		if err == nil {
			return h, nil
		}
		if h.used == 0 || !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.ENOMEM) {
			return nil, err
		}
		h.full = true
	}
	h, err := openHolder(f)
	if err != nil {
		return nil, err
	}
	if err := h.set(key, true); err != nil {
		unix.Close(h.fd)
		return nil, err
	}
	m.holders = append(m.holders, h)
	return h, nil
}

func (m *Memberships) leave(key membership) error {
	h := m.joined[key].holder
	delete(m.joined, key)
	return h.set(key, false)
}

func openHolder(f Family) (*holder, error) {
	fd, err := unix.Socket(f.domain(), unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return &holder{family: f, fd: fd}, nil
}

// set joins or leaves one group.
func (h *holder) set(key membership, join bool) error {
	var err error
	if h.family == IPv4 {
		name := unix.IP_DROP_MEMBERSHIP
		if join {
			name = unix.IP_ADD_MEMBERSHIP
		}
		req := unix.IPMreqn{Multiaddr: key.group.As4(), Ifindex: key.link}
		err = unix.SetsockoptIPMreqn(h.fd, unix.IPPROTO_IP, name, &req)
	} else {
		name := unix.IPV6_LEAVE_GROUP
		if join {
			name = unix.IPV6_JOIN_GROUP
		}
		req := unix.IPv6Mreq{Multiaddr: key.group.As16(), Interface: uint32(key.link)}
		err = unix.SetsockoptIPv6Mreq(h.fd, unix.IPPROTO_IPV6, name, &req)
	}
	switch {
	case !join:
		h.used--
		h.full = false
	case err == nil:
		h.used++
	}
	return err
}
