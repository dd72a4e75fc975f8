package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"keepalived/test/netlab"
)

// tape reads a capture as it grows.
type tape struct {
	capture *netlab.Capture
	seen    int
	adverts []netlab.Advert
	garps   []netlab.ARP
}

// read takes in what was captured since.
func (t *tape) read() {
	packets := t.capture.Packets()
	for _, p := range packets[t.seen:] {
		if a, ok := p.Advert(); ok {
			t.adverts = append(t.adverts, a)
		} else if g, ok := p.ARP(); ok && g.Gratuitous() {
			t.garps = append(t.garps, g)
		}
	}
	t.seen = len(packets)
}

// lateness returns the gaps between adverts of one sender and VRID that lie within
// the time given, less the interval. Negative ones are early.
func (t *tape) lateness(from, to time.Time, src netip.Addr, interval time.Duration) []time.Duration {
	t.read()
	last := map[uint8]time.Time{}
	var out []time.Duration
	for _, a := range t.adverts {
		if a.Src != src || a.Priority == 0 {
			continue
		}
		if before, ok := last[a.VRID]; ok && a.At.After(from) && before.Before(to) {
			out = append(out, a.At.Sub(before)-interval)
		}
		last[a.VRID] = a.At
	}
	return out
}

// garpsBetween counts gratuitous ARPs from one MAC.
func (t *tape) garpsBetween(from, to time.Time, mac string) int {
	t.read()
	n := 0
	for _, g := range t.garps {
		if g.SHA == mac && g.At.After(from) && g.At.Before(to) {
			n++
		}
	}
	return n
}

// addrEvent is an IPv4 address that was set or removed.
type addrEvent struct {
	at    time.Time // when the notification was read
	addr  netip.Addr
	added bool
}

// addrWatch collects a host's address notifications from when it was made.
type addrWatch struct {
	file   *os.File
	done   chan struct{}
	mu     sync.Mutex
	events []addrEvent
}

func (s *session) watchAddrs(h *netlab.Host) *addrWatch {
	fd, err := -1, error(nil)
	h.Do(func() { fd, err = openAddrWatch() })
	if err != nil {
		s.Fatalf("watching the addresses of %s: %v", h.Name, err)
	}
	w := &addrWatch{file: os.NewFile(uintptr(fd), "rtnetlink"), done: make(chan struct{})}
	go w.run()
	s.Cleanup(func() {
		_ = w.file.Close()
		<-w.done
	})
	return w
}

func openAddrWatch() (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, err
	}
	if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20); err == nil {
		err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1 << (unix.RTNLGRP_IPV4_IFADDR - 1)})
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func (w *addrWatch) run() {
	defer close(w.done)
	rc, err := w.file.SyscallConn()
	if err != nil {
		return
	}
	buf := make([]byte, 65536)
	_ = rc.Read(func(fd uintptr) bool { // ends with the error of a closed file
		for {
			n, _, err := unix.Recvfrom(int(fd), buf, 0)
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				return false // wait until readable
			}
			w.take(time.Now(), buf[:n])
		}
	})
}

func (w *addrWatch) take(at time.Time, b []byte) {
	msgs, err := syscall.ParseNetlinkMessage(b)
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range msgs {
		m := &msgs[i]
		if m.Header.Type != unix.RTM_NEWADDR && m.Header.Type != unix.RTM_DELADDR {
			continue
		}
		attrs, err := syscall.ParseNetlinkRouteAttr(m)
		if err != nil {
			continue
		}
		for _, a := range attrs {
			if addr, ok := netip.AddrFromSlice(a.Value); a.Attr.Type == unix.IFA_LOCAL && ok {
				w.events = append(w.events, addrEvent{at, addr, m.Header.Type == unix.RTM_NEWADDR})
			}
		}
	}
}

// since returns the events from then on.
func (w *addrWatch) since(t time.Time) []addrEvent {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := 0
	for i < len(w.events) && w.events[i].at.Before(t) {
		i++
	}
	return slices.Clone(w.events[i:])
}

// ownership sums up, from the notifications of all hosts, how long between from and
// to nobody had the address and how long more than one host had it.
func ownership(vip netip.Addr, from, to time.Time, hosts ...*addrWatch) (nowhere, twice time.Duration) {
	type change struct {
		at   time.Time
		step int
	}
	var changes []change
	for _, w := range hosts {
		has := false // whoever begins to watch before the daemons begin sees every change
		for _, e := range w.since(time.Time{}) {
			if e.addr != vip || e.added == has {
				continue
			}
			has = e.added
			step := -1
			if has {
				step = 1
			}
			changes = append(changes, change{e.at, step})
		}
	}
	slices.SortStableFunc(changes, func(a, b change) int { return a.at.Compare(b.at) })
	owners, last := 0, from
	account := func(until time.Time) {
		if d := until.Sub(last); d > 0 && owners == 0 {
			nowhere += d
		} else if d > 0 && owners > 1 {
			twice += d
		}
	}
	for _, c := range changes {
		if c.at.After(to) {
			break
		}
		if c.at.After(from) {
			account(c.at)
			last = c.at
		}
		owners += c.step
	}
	account(to)
	return nowhere, twice
}

// tree lists a daemon's processes.
func tree(p *netlab.Proc) []int { return append([]int{p.Pid()}, p.Descendants()...) }

// cpu is the processor time the processes have used, all threads of them, read from
// each process's CPU clock.
func (s *session) cpu(pids []int) time.Duration {
	var sum time.Duration
	for _, pid := range pids {
		var ts unix.Timespec
		// include/linux/posix-timers.h: the clock id of another process's CPU clock is
		// the inverted pid above the type bits, 2 being the scheduler's clock.
		if err := unix.ClockGettime(int32(^pid<<3|2), &ts); err != nil {
			s.Fatalf("reading the CPU clock of %d: %v", pid, err)
		}
		sum += time.Duration(ts.Nano())
	}
	return sum
}

// statusKB reads a line of /proc/PID/status that is in kB; 0 when there is none.
func statusKB(pid int, name string) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == name {
			kb, err := strconv.Atoi(f[1])
			if err != nil {
				return 0
			}
			return kb
		}
	}
	return 0
}

// exists tells whether the process runs, a zombie not counting.
func exists(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	rest := string(b[strings.LastIndexByte(string(b), ')')+1:])
	return !strings.HasPrefix(rest, " Z") && !strings.HasPrefix(rest, " X")
}

// v4 makes an address of its four octets.
func v4(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}
