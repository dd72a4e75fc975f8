package vip_test

import (
	"net/netip"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"keepalived/core/rtnl"
)

// fakeKernel keeps the addresses of one link by the kernel's rules: what exists is not
// added again, one scope per IPv4 subnet, and the secondary addresses go with their
// primary one.
type fakeKernel struct {
	mu    sync.Mutex
	addrs []rtnl.Addr
	tell  func(rtnl.Event)
}

func fakeNetwork(t testing.TB) *network {
	n := &network{t: t, link: 2}
	k := &fakeKernel{}
	n.kernel, n.look = k, func() []rtnl.Addr { a, _ := k.Addrs(); return a }
	n.stranger = func(do string, a rtnl.Addr) {
		if do == "add" {
			k.AddAddrs([]rtnl.Addr{a}, make([]error, 1))
			return
		}
		k.RemoveAddrs([]rtnl.Addr{a}, make([]error, 1))
	}
	n.open()
	k.tell = n.event
	k.AddAddrs([]rtnl.Addr{n.addr("198.18.9.1/24")}, make([]error, 1))
	return n
}

func (k *fakeKernel) Addrs() ([]rtnl.Addr, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.addrs), nil
}

func (k *fakeKernel) AddAddrs(addrs []rtnl.Addr, errs []error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, a := range addrs {
		errs[i] = k.add(a)
	}
}

func (k *fakeKernel) add(a rtnl.Addr) error {
	for _, have := range k.addrs {
		if have.Key() == a.Key() {
			return &rtnl.Error{Errno: unix.EEXIST}
		}
		if subnet(have) == subnet(a) {
			if have.Scope != a.Scope {
				return &rtnl.Error{Errno: unix.EINVAL, Text: "ipv4: Invalid scope value"}
			}
			a.Flags |= rtnl.FlagSecondary
		}
	}
	k.addrs = append(k.addrs, a)
	k.tell(rtnl.Event{Kind: rtnl.AddrChanged, Addr: a})
	return nil
}

func (k *fakeKernel) RemoveAddrs(addrs []rtnl.Addr, errs []error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, a := range addrs {
		errs[i] = k.remove(a)
	}
}

func (k *fakeKernel) remove(a rtnl.Addr) error {
	i := slices.IndexFunc(k.addrs, func(have rtnl.Addr) bool { return have.Key() == a.Key() })
	if i < 0 {
		return &rtnl.Error{Errno: unix.EADDRNOTAVAIL}
	}
	primary := k.addrs[i].Prefix.Addr().Is4() && k.addrs[i].Flags&rtnl.FlagSecondary == 0
	k.addrs = slices.DeleteFunc(k.addrs, func(have rtnl.Addr) bool {
		if have.Key() != a.Key() && (!primary || subnet(have) != subnet(a)) {
			return false
		}
		k.tell(rtnl.Event{Kind: rtnl.AddrGone, Addr: have})
		return true
	})
	return nil
}

// subnet is the IPv4 subnet that shares a primary address; for IPv6 the address itself.
func subnet(a rtnl.Addr) netip.Prefix {
	if !a.Prefix.Addr().Is4() {
		return netip.PrefixFrom(a.Prefix.Addr(), 128)
	}
	return a.Prefix.Masked()
}
