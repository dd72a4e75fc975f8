package ipvs

import (
	"errors"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keepalived/core/clock"
	"keepalived/test/netlab"
)

// director is a namespace with its own ip_vs.
func director(t *testing.T) *netlab.Host {
	t.Helper()
	netlab.Need(t, "root", "netns", "ipvs", "cmd:ipvsadm")
	return netlab.New(t).Host("director")
}

func connect(t *testing.T, h *netlab.Host) *Conn {
	t.Helper()
	c, err := Open(h.NS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ipvsadm runs it in the namespace; -S prints what is there, services and servers sorted.
func ipvsadm(t *testing.T, h *netlab.Host, args ...string) []string {
	t.Helper()
	out, err := h.Command(append([]string{"ipvsadm"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ipvsadm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	lines := strings.FieldsFunc(string(out), func(r rune) bool { return r == '\n' })
	for i, l := range lines {
		lines[i] = strings.Join(strings.Fields(l), " ")
	}
	slices.Sort(lines)
	return lines
}

// kernelRig is a worker on the real table.
func kernelRig(t *testing.T, h *netlab.Host, period time.Duration) *rig {
	t.Helper()
	r := &rig{t: t, applied: make(chan Applied, 10000), fixed: make(chan Repaired, 10000), ended: make(chan struct{})}
	r.w = New(Config{
		Clock: clock.Real{}, Open: func() (Kernel, error) { return Open(h.NS) }, Period: period,
		Applied:  func(a Applied) { r.applied <- a },
		Repaired: func(p Repaired) { r.fixed <- p },
	})
	r.run()
	return r
}

func ap(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// cases are what can be wanted, each with ipvsadm's words for it.
var cases = []struct {
	name    string
	service Service
	servers []Destination
	lines   string
}{
	{"NAT", Service{Key: AddressKey(TCP, ap("192.0.2.1:80")), Scheduler: "rr"},
		[]Destination{{Addr: ap("10.0.0.1:8080"), Weight: 1}, {Addr: ap("10.0.0.2:80"), Weight: 0}},
		`-A -t 192.0.2.1:80 -s rr
		-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 1
		-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 0`},
	{"DR with thresholds and the heaviest weight", Service{Key: AddressKey(TCP, ap("192.0.2.1:81")), Scheduler: "wlc"},
		[]Destination{{Addr: ap("10.0.0.1:81"), Method: DirectRoute, Weight: 2147483647, Upper: 100, Lower: 50}, {Addr: ap("10.0.0.2:81"), Method: DirectRoute, Weight: 1, Upper: 4294967295}},
		`-A -t 192.0.2.1:81 -s wlc
		-a -t 192.0.2.1:81 -r 10.0.0.1:81 -g -w 2147483647
		-a -t 192.0.2.1:81 -r 10.0.0.2:81 -g -w 1`},
	{"tunnels", Service{Key: AddressKey(TCP, ap("192.0.2.1:82")), Scheduler: "wrr"},
		[]Destination{
			{Addr: ap("10.0.0.1:82"), Method: Tunnel, Weight: 1},
			{Addr: ap("10.0.0.2:82"), Method: Tunnel, Weight: 1, TunnelType: GUE, TunnelPort: 6080},
			{Addr: ap("10.0.0.3:82"), Method: Tunnel, Weight: 1, TunnelType: GUE, TunnelPort: 6080, TunnelFlags: Checksum},
			{Addr: ap("10.0.0.4:82"), Method: Tunnel, Weight: 1, TunnelType: GUE, TunnelPort: 6080, TunnelFlags: RemoteChecksum},
			{Addr: ap("10.0.0.5:82"), Method: Tunnel, Weight: 1, TunnelType: GRE},
			{Addr: ap("10.0.0.6:82"), Method: Tunnel, Weight: 1, TunnelType: GRE, TunnelFlags: Checksum},
			{Addr: ap("[2001:db8::7]:82"), Method: Tunnel, Weight: 1},
		},
		`-A -t 192.0.2.1:82 -s wrr
		-a -t 192.0.2.1:82 -r 10.0.0.1:82 -i -w 1 --tun-type ipip
		-a -t 192.0.2.1:82 -r 10.0.0.2:82 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum
		-a -t 192.0.2.1:82 -r 10.0.0.3:82 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum
		-a -t 192.0.2.1:82 -r 10.0.0.4:82 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum
		-a -t 192.0.2.1:82 -r 10.0.0.5:82 -i -w 1 --tun-type gre --tun-nocsum
		-a -t 192.0.2.1:82 -r 10.0.0.6:82 -i -w 1 --tun-type gre --tun-csum
		-a -t 192.0.2.1:82 -r [2001:db8::7]:82 -i -w 1 --tun-type ipip`},
	{"UDP, one packet", Service{Key: AddressKey(UDP, ap("192.0.2.1:53")), Scheduler: "rr", Flags: OnePacket},
		[]Destination{{Addr: ap("10.0.0.1:53"), Weight: 1}}, `-A -u 192.0.2.1:53 -s rr -o
		-a -u 192.0.2.1:53 -r 10.0.0.1:53 -m -w 1`},
	{"SCTP", Service{Key: AddressKey(SCTP, ap("192.0.2.1:36412")), Scheduler: "rr"}, nil, `-A --sctp-service 192.0.2.1:36412 -s rr`},
	{"persistent, /24, any port", Service{Key: AddressKey(TCP, ap("192.0.2.2:0")), Scheduler: "rr", Timeout: 300, Netmask: Mask4(netip.MustParseAddr("255.255.255.0"))},
		[]Destination{{Addr: ap("10.0.0.1:0"), Weight: 1}}, `-A -t 192.0.2.2:0 -s rr -p 300 -M 255.255.255.0
		-a -t 192.0.2.2:0 -r 10.0.0.1:0 -m -w 1`},
	{"IPv6, persistent, /64", Service{Key: AddressKey(TCP, ap("[2001:db8::1]:80")), Scheduler: "wlc", Timeout: 60, Netmask: 64},
		[]Destination{{Addr: ap("[2001:db8::a]:80"), Weight: 3}, {Addr: ap("10.0.0.9:80"), Method: Tunnel, Weight: 1}},
		`-A -t [2001:db8::1]:80 -s wlc -p 60 -M 64
		-a -t [2001:db8::1]:80 -r [2001:db8::a]:80 -m -w 3
		-a -t [2001:db8::1]:80 -r 10.0.0.9:80 -i -w 1 --tun-type ipip`},
	{"IPv6, UDP", Service{Key: AddressKey(UDP, ap("[2001:db8::1]:53")), Scheduler: "rr"}, nil, `-A -u [2001:db8::1]:53 -s rr`},
	{"firewall mark", Service{Key: MarkKey(7, INET), Scheduler: "wrr"}, []Destination{{Addr: ap("10.0.0.1:0"), Method: DirectRoute, Weight: 1}},
		`-A -f 7 -s wrr
		-a -f 7 -r 10.0.0.1:0 -g -w 1`},
	{"firewall mark, IPv6", Service{Key: MarkKey(7, INET6), Scheduler: "wrr", Timeout: 360}, []Destination{{Addr: ap("[2001:db8::a]:0"), Method: DirectRoute, Weight: 1}},
		`-A -f 7 -6 -s wrr -p 360
		-a -f 7 -6 -r [2001:db8::a]:0 -g -w 1`},
	{"persistence engine", Service{Key: AddressKey(UDP, ap("192.0.2.1:5060")), Scheduler: "rr", Timeout: 300, Engine: "sip"}, nil,
		`-A -u 192.0.2.1:5060 -s rr -p 300 --pe sip`},
	{"sh with its flags", Service{Key: AddressKey(TCP, ap("192.0.2.3:1")), Scheduler: "sh", Flags: Sched1 | Sched2}, nil, `-A -t 192.0.2.3:1 -s sh -b sh-fallback,sh-port`},
	{"mh with its flags", Service{Key: AddressKey(TCP, ap("192.0.2.3:2")), Scheduler: "mh", Flags: Sched1 | Sched2}, nil, `-A -t 192.0.2.3:2 -s mh -b mh-fallback,mh-port`},
	{"flag-3", Service{Key: AddressKey(TCP, ap("192.0.2.3:3")), Scheduler: "wlc", Flags: Sched3}, nil, `-A -t 192.0.2.3:3 -s wlc -b flag-3`},
	{"a server that is the director itself", Service{Key: AddressKey(TCP, ap("192.0.2.3:4")), Scheduler: "rr"},
		[]Destination{{Addr: ap("127.0.0.1:4"), Method: DirectRoute, Weight: 1}}, `-A -t 192.0.2.3:4 -s rr
		-a -t 192.0.2.3:4 -r 127.0.0.1:4 -g -w 1`},
}

// schedulers are all that Linux 6.1 has.
var schedulers = strings.Fields("rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh")

func TestKernelHasWhatIsWanted(t *testing.T) {
	h := director(t)
	var want []string
	set := func(r *rig, gen uint64) {
		for _, c := range cases {
			r.w.SetWant(gen, c.service, slices.Clone(c.servers))
		}
		for i, s := range schedulers {
			r.w.SetWant(gen, Service{Key: AddressKey(TCP, netip.AddrPortFrom(netip.MustParseAddr("192.0.2.9"), uint16(i+1))), Scheduler: s}, nil)
		}
		for range len(cases) + len(schedulers) {
			if a := wait(t, r.applied, "report"); a.Err != nil {
				t.Errorf("%s: %v", a.Service, a.Err)
			}
		}
	}
	for _, c := range cases {
		for line := range strings.Lines(c.lines) {
			want = append(want, strings.TrimSpace(line))
		}
	}
	for i, s := range schedulers {
		want = append(want, "-A -t "+netip.AddrPortFrom(netip.MustParseAddr("192.0.2.9"), uint16(i+1)).String()+" -s "+s)
	}
	slices.Sort(want)
	r := kernelRig(t, h, time.Hour)
	set(r, 1)
	same(t, "ipvsadm -Sn", want, ipvsadm(t, h, "-S", "-n"))
	limits := slices.DeleteFunc(ipvsadm(t, h, "-L", "-n", "--thresholds"), func(l string) bool { return !strings.Contains(l, ":81 ") })
	same(t, "thresholds", []string{"-> 10.0.0.1:81 100 50 0 0", "-> 10.0.0.2:81 4294967295 0 0 0", "TCP 192.0.2.1:81 wlc"}, limits)

	// Read back, all of it is as wanted: the next worker has nothing to do.
	r.stop()
	<-r.ended
	counted := &counter{Conn: connect(t, h)}
	again := newRig(t, func() (Kernel, error) { return counted, nil })
	set(again, 1)
	if len(counted.ops) > 0 {
		t.Errorf("adoption took operations: %q", counted.ops)
	}
	again.clock.Advance(5 * time.Second)
	again.quiet()
	if len(counted.ops) > 0 || len(again.fixed) > 0 {
		t.Errorf("an untouched table was repaired: %q", counted.ops)
	}

	for _, c := range cases {
		again.w.Remove(2, c.service.Key)
	}
	for i := range schedulers {
		again.w.Remove(2, AddressKey(TCP, netip.AddrPortFrom(netip.MustParseAddr("192.0.2.9"), uint16(i+1))))
	}
	again.w.Close()
	<-again.ended
	same(t, "ipvsadm -Sn at the end", nil, ipvsadm(t, h, "-S", "-n"))
}

// counter notes the operations that change something.
type counter struct {
	*Conn
	ops []string
}

func (c *counter) AddService(s Service) error {
	c.ops = append(c.ops, "add "+s.Key.String())
	return c.Conn.AddService(s)
}
func (c *counter) EditService(s Service) error {
	c.ops = append(c.ops, "edit "+s.Key.String())
	return c.Conn.EditService(s)
}
func (c *counter) AddDestination(k Key, d Destination) error {
	c.ops = append(c.ops, "add "+d.Addr.String())
	return c.Conn.AddDestination(k, d)
}
func (c *counter) EditDestination(k Key, d Destination) error {
	c.ops = append(c.ops, "edit "+d.Addr.String())
	return c.Conn.EditDestination(k, d)
}
func (c *counter) RemoveDestination(k Key, a netip.AddrPort) error {
	c.ops = append(c.ops, "remove "+a.String())
	return c.Conn.RemoveDestination(k, a)
}

// What an administrator does with ipvsadm is undone within a period, and told.
func TestKernelDrift(t *testing.T) {
	h := director(t)
	const period = 200 * time.Millisecond
	r := kernelRig(t, h, period)
	sip := Service{Key: AddressKey(UDP, ap("192.0.2.1:5060")), Scheduler: "rr", Timeout: 300, Engine: "sip"}
	two := []Destination{{Addr: ap("10.0.0.1:5060"), Weight: 1}, {Addr: ap("10.0.0.2:5060"), Weight: 2}}
	r.w.SetWant(1, sip, slices.Clone(two))
	if a := r.expect(sip.Key, 1); a.Err != nil {
		t.Fatal(a.Err)
	}
	foreign := []string{"-A -t 198.51.100.1:80 -s lc", "-a -t 198.51.100.1:80 -r 10.0.0.7:80 -m -w 5"}
	for _, line := range foreign {
		ipvsadm(t, h, strings.Fields(line)...)
	}
	want := ipvsadm(t, h, "-S", "-n")
	const svc, first = "192.0.2.1:5060", "10.0.0.1:5060"
	for i, tt := range []struct {
		byHand string
		report Repaired
	}{
		{"-e -u " + svc + " -r " + first + " -m -w 77", Repaired{Server: ap(first), Drift: Changed, Fields: FieldWeight}},
		{"-e -u " + svc + " -r " + first + " -g -w 1 -x 9 -y 3", Repaired{Server: ap(first), Drift: Changed, Fields: FieldMethod | FieldThresholds}},
		{"-e -u " + svc + " -r " + first + " -i -w 1 --tun-type gue --tun-port 99", Repaired{Server: ap(first), Drift: Changed, Fields: FieldMethod | FieldTunnel}},
		{"-d -u " + svc + " -r " + first, Repaired{Server: ap(first), Drift: Vanished}},
		{"-a -u " + svc + " -r 10.0.0.3:5060 -m", Repaired{Server: ap("10.0.0.3:5060"), Drift: Intruder}},
		{"-E -u " + svc + " -s wlc -p 300 --pe sip", Repaired{Drift: Changed, Fields: FieldScheduler}},
		{"-E -u " + svc + " -s rr -p 300", Repaired{Drift: Changed, Fields: FieldEngine}},
		{"-E -u " + svc + " -s rr -p 10 -M 255.255.0.0 -o --pe sip", Repaired{Drift: Changed, Fields: FieldFlags | FieldPersistence | FieldNetmask}},
		{"-D -u " + svc, Repaired{Drift: Vanished}},
	} {
		ipvsadm(t, h, strings.Fields(tt.byHand)...)
		tt.report.Service, tt.report.Times = sip.Key, uint64(i+1)
		same(t, "report after ipvsadm "+tt.byHand, tt.report, wait(t, r.fixed, "repair after ipvsadm "+tt.byHand))
		netlab.Eventually(t, 50*period, "the table to be as before ipvsadm "+tt.byHand, func() bool {
			return slices.Equal(want, ipvsadm(t, h, "-S", "-n"))
		})
	}
	ipvsadm(t, h, "-C")
	wait(t, r.fixed, "repair after ipvsadm -C")
	ours := slices.DeleteFunc(want, func(l string) bool { return strings.Contains(l, "198.51.100.1") })
	netlab.Eventually(t, 50*period, "ours after ipvsadm -C, and nothing else", func() bool {
		return slices.Equal(ours, ipvsadm(t, h, "-S", "-n"))
	})
	if len(r.fixed)+len(r.applied) > 0 {
		t.Error("more reports than repairs")
	}
}

// The kernel's refusals, one by one, are what the worker takes them for.
func TestKernelErrors(t *testing.T) {
	h := director(t)
	c := connect(t, h)
	s, d := rr(web), rs(1, 1)
	none := Service{Key: web, Scheduler: "nonesuch"}
	for _, tt := range []struct {
		name string
		err  error
		want unix.Errno
	}{
		{"edit an absent service", c.EditService(s), unix.ESRCH},
		{"remove an absent service", c.RemoveService(web), unix.ESRCH},
		{"add a server to an absent service", c.AddDestination(web, d), unix.ESRCH},
		{"an unknown scheduler", c.AddService(none), unix.ENOENT},
		{"add a service", c.AddService(s), 0},
		{"add it again", c.AddService(s), unix.EEXIST},
		{"edit to an unknown scheduler", c.EditService(none), unix.ENOENT},
		{"edit an absent server", c.EditDestination(web, d), unix.ENOENT},
		{"remove an absent server", c.RemoveDestination(web, d.Addr), unix.ENOENT},
		{"add a server", c.AddDestination(web, d), 0},
		{"add it again", c.AddDestination(web, d), unix.EEXIST},
		{"IPv6 behind IPv4 by NAT", c.AddDestination(web, Destination{Addr: ap("[2001:db8::1]:80"), Weight: 1}), unix.EINVAL},
		{"stop a sync daemon that does not run", c.StopSync(SyncMaster), unix.ESRCH},
	} {
		if tt.want == 0 && tt.err != nil || tt.want != 0 && !errors.Is(tt.err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, tt.err, tt.want)
		}
	}
	if err := c.EditDestination(web, rs(2, 1)); err == nil || err.Error() != "changing 10.0.0.2:80 of TCP 192.0.2.1:80: netlink receive: no such file or directory" {
		t.Errorf("error text: %v", err)
	}
	if _, err := Open("no-such-namespace"); err == nil {
		t.Error("opened ip_vs of a namespace that does not exist")
	}
}

func TestKernelBesideTheTable(t *testing.T) {
	h := director(t)
	h.IP("link", "add", "sync0", "type", "dummy")
	h.IP("addr", "add", "192.0.2.9/24", "dev", "sync0")
	h.IP("link", "set", "sync0", "up", "multicast", "on")
	h.IP("route", "add", "224.0.0.0/4", "dev", "sync0")
	c := connect(t, h)
	if v, err := c.Version(); err != nil || v != "1.2.1" {
		t.Errorf("version %q, %v", v, err)
	}
	if list, err := c.Services(); err != nil || len(list) != 0 {
		t.Errorf("empty table: %v, %v", list, err)
	}
	before, err := c.Timeouts()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetTimeouts(Timeouts{TCP: 1000, UDP: 60}); err != nil {
		t.Error(err)
	}
	after, err := c.Timeouts()
	if want := (Timeouts{1000, before.TCPFin, 60}); err != nil || after != want {
		t.Errorf("timeouts %v, %v; want %v", after, err, want)
	}
	master := SyncDaemon{Role: SyncMaster, Interface: "sync0", ID: 5, MaxLen: 1400, Group: netip.MustParseAddr("224.0.0.90"), Port: 8849, TTL: 3}
	backup := SyncDaemon{Role: SyncBackup, Interface: "sync0", ID: 6}
	for _, d := range []SyncDaemon{master, backup} {
		if err := c.StartSync(d); err != nil {
			t.Error(err)
		}
	}
	daemons, err := c.SyncDaemons()
	if err != nil || len(daemons) != 2 || daemons[0] != master || daemons[1].ID != 6 {
		t.Errorf("daemons %+v, %v", daemons, err)
	}
	if err := c.StartSync(master); !errors.Is(err, unix.EEXIST) {
		t.Errorf("a second master: %v", err)
	}
	if out, _ := h.Command("ipvsadm", "-l", "--daemon").Output(); !strings.Contains(string(out), "master sync daemon (mcast=sync0, syncid=5, maxlen=1400, group=224.0.0.90, port=8849, ttl=3)") {
		t.Errorf("ipvsadm says %s", out)
	}
	for _, role := range []SyncRole{SyncMaster, SyncBackup} {
		if err := c.StopSync(role); err != nil {
			t.Error(err)
		}
	}
	if daemons, err := c.SyncDaemons(); err != nil || len(daemons) != 0 {
		t.Errorf("after the stop: %+v, %v", daemons, err)
	}
	if err := errors.Join(c.AddService(rr(web)), c.Zero(web), c.ZeroAll(), c.Flush()); err != nil {
		t.Error(err)
	}
}

// The module is loaded when it is missing, and where it cannot be, that is said.
func TestKernelWithoutTheModule(t *testing.T) {
	h := director(t)
	if netlab.Kernel() != "uml" {
		return // the machine's own modules are not ours to unload
	}
	if out, err := exec.Command("sh", "-c", "rmmod $(lsmod | sed -n 's/^\\(ip_vs_[a-z_]*\\) .*/\\1/p') && rmmod ip_vs").CombinedOutput(); err != nil {
		t.Fatalf("rmmod: %v\n%s", err, out)
	}
	connect(t, h)
	if out, err := exec.Command("rmmod", "ip_vs").CombinedOutput(); err != nil {
		t.Fatalf("rmmod: %v\n%s", err, out)
	}
	t.Setenv("PATH", "/nonexistent")
	loader, err := swap("/proc/sys/kernel/modprobe", "/bin/false")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = swap("/proc/sys/kernel/modprobe", loader)
		connect(t, h)
	})
	if c, err := Open(h.NS); !errors.Is(err, ErrNoIPVS) {
		t.Errorf("Open: %v, %v; want ErrNoIPVS", c, err)
	} else {
		t.Log(err)
	}
}
