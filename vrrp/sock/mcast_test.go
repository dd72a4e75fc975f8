package sock

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"keepalived/test/netlab"
	"keepalived/vrrp/wire"
)

// joined reports whether the kernel holds 224.0.0.18 on the interface.
func joined(t *testing.T, h *netlab.Host, ifname string) bool {
	t.Helper()
	var text []byte
	var err error
	h.Do(func() { text, err = os.ReadFile("/proc/thread-self/net/igmp") })
	if err != nil {
		t.Fatal(err)
	}
	at := ""
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if !strings.HasPrefix(line, "\t") && len(f) > 1 {
			at = f[1]
		} else if at == ifname && len(f) > 0 && f[0] == "120000E0" {
			return true
		}
	}
	return false
}

// links makes n interfaces, v0, v1, … and returns their indexes.
func links(t *testing.T, h *netlab.Host, n int) (list []int32) {
	t.Helper()
	for i := 0; i < n; i += 2 {
		a, b := fmt.Sprintf("v%d", i), fmt.Sprintf("v%d", i+1)
		h.IP("link", "add", a, "type", "veth", "peer", "name", b)
		h.IP("link", "set", a, "up")
		h.IP("link", "set", b, "up")
	}
	for i := range n {
		list = append(list, linkOf(t, h, fmt.Sprintf("v%d", i)))
	}
	return list
}

// inside makes Memberships whose calls run in the host.
type inside struct {
	*Memberships
	t *testing.T
	h *netlab.Host
}

func (m inside) join(link int32) {
	m.t.Helper()
	var err error
	m.h.Do(func() { err = m.Memberships.Join(link, wire.GroupIPv4) })
	if err != nil {
		m.t.Error(err)
	}
}

func (m inside) leave(link int32) {
	m.t.Helper()
	if err := m.Leave(link, wire.GroupIPv4); err != nil {
		m.t.Error(err)
	}
}

// More interfaces than one socket may join, all at the same time.
func TestManyMemberships(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	h := netlab.New(t).Host("a")
	m := inside{NewMemberships(), t, h}
	const n = 46
	all := links(t, h, n)
	for _, link := range all {
		m.join(link)
	}
	for i := range n {
		if name := fmt.Sprintf("v%d", i); !joined(t, h, name) {
			t.Errorf("%s is not joined", name)
		}
	}
	if len(m.holders) != 3 {
		t.Errorf("%d sockets for %d memberships", len(m.holders), n)
	}
	for _, link := range all {
		m.leave(link)
	}
	for i := range n {
		if name := fmt.Sprintf("v%d", i); joined(t, h, name) {
			t.Errorf("%s is still joined", name)
		}
	}
	for _, link := range all { // the places are free again
		m.join(link)
	}
	if len(m.holders) != 3 {
		t.Errorf("%d sockets afterwards", len(m.holders))
	}
	if err := m.Close(); err != nil || joined(t, h, "v0") {
		t.Errorf("closed: %v, joined: %v", err, joined(t, h, "v0"))
	}
}

// A host that allows fewer groups per socket gets more sockets.
func TestFewerPerSocket(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	h := netlab.New(t).Host("a")
	h.Do(func() { h.Sysctl("net/ipv4/igmp_max_memberships", "3") })
	m := inside{NewMemberships(), t, h}
	defer m.Close()
	for _, link := range links(t, h, 8) {
		m.join(link)
	}
	if len(m.holders) != 3 || len(m.joined) != 8 {
		t.Errorf("%d sockets, %d memberships", len(m.holders), len(m.joined))
	}
}

func TestMembershipCounts(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	h := netlab.New(t).Host("a")
	m := inside{NewMemberships(), t, h}
	defer m.Close()
	link := links(t, h, 2)[0]
	m.leave(link) // nothing to leave
	m.join(link)
	m.join(link)
	m.leave(link)
	if !joined(t, h, "v0") {
		t.Error("left although it was joined twice")
	}
	m.leave(link)
	if joined(t, h, "v0") {
		t.Error("not left")
	}
	m.leave(link)
	m.join(link)
	if !joined(t, h, "v0") {
		t.Error("not joined again")
	}
}

// A deleted interface takes its membership with it and says nothing: Forget, then
// Join, even when the new one has the same index.
func TestMembershipOfRecreatedLink(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	h := netlab.New(t).Host("a")
	m := inside{NewMemberships(), t, h}
	defer m.Close()
	const index = 500
	for round := range 30 { // more than the places of one socket
		h.IP("link", "add", "v0", "index", fmt.Sprint(index), "type", "veth", "peer", "name", "v1")
		h.IP("link", "set", "v0", "up")
		m.join(index)
		m.join(index)
		if !joined(t, h, "v0") {
			t.Fatalf("round %d: not joined", round)
		}
		h.IP("link", "del", "v0")
		m.Forget(index)
	}
	if len(m.holders) != 1 || len(m.joined) != 0 {
		t.Errorf("%d sockets, %d memberships", len(m.holders), len(m.joined))
	}
}

func TestJoinErrors(t *testing.T) {
	netlab.Need(t, "root", "netns", "veth")
	h := netlab.New(t).Host("a")
	m := NewMemberships()
	defer m.Close()
	h.Do(func() {
		if err := m.Join(77, wire.GroupIPv4); !IsGone(err) {
			t.Errorf("joined on a link that does not exist: %v", err)
		}
		if err := m.Join(77, wire.GroupIPv6); !IsGone(err) {
			t.Errorf("joined on a link that does not exist: %v", err)
		}
	})
	if len(m.joined) != 0 || len(m.holders) != 0 {
		t.Errorf("%d memberships, %d sockets stay", len(m.joined), len(m.holders))
	}
	// A membership that another program took away is no reason to fail.
	link := links(t, h, 2)[0]
	h.Do(func() {
		if err := m.Join(link, wire.GroupIPv4); err != nil {
			t.Fatal(err)
		}
	})
	h.IP("link", "del", "v0")
	if err := m.Leave(link, wire.GroupIPv4); err != nil {
		t.Errorf("leaving on a deleted link: %v", err)
	}
}
