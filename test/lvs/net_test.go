package lvs

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// Addresses of the plain network: clients and directors in front, directors and servers behind.
const (
	vip    = "192.0.2.100"
	vip6   = "2001:db8:1::100"
	ownVIP = vip + "/24"
)

// network has two LANs with directors between them.
type network struct {
	t           *testing.T
	lab         *netlab.Lab
	front, back *netlab.LAN
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	n := &network{t: t, lab: netlab.New(t)}
	n.front, n.back = n.lab.LAN("front"), n.lab.LAN("back")
	return n
}

// client makes a host in front.
func (n *network) client(addrs ...string) *client {
	n.t.Helper()
	h := n.lab.Host("client")
	n.lab.Attach(n.front, h, "eth0", addrs...)
	return newClient(h)
}

// server makes a host behind, with a default route through the director's address.
func (n *network) server(name, gateway string, addrs ...string) *netlab.Host {
	n.t.Helper()
	h := n.lab.Host(name)
	n.lab.Attach(n.back, h, "eth0", addrs...)
	h.IP("route", "add", "default", "via", gateway)
	return h
}

// director is a host with a daemon.
type director struct {
	t     *testing.T
	label string // "ours" or "real"
	bin   string
	host  *netlab.Host
	conf  string
	files map[string]string // private to the daemon, see netlab.ProcOpts
	proc  *netlab.Proc
	table *table
	// syslog, when not nil, gets the log besides the console.
	syslog *netlab.Syslog
}

func binary(label string) string {
	if label == "real" {
		return netlab.RealKeepalived
	}
	return ours
}

// director makes a host between the LANs that forwards; its daemon is not started.
func (n *network) director(label, front, back string) *director {
	n.t.Helper()
	d := newDirector(n.t, n.lab.Host(label), label, closely)
	n.lab.Attach(n.front, d.host, "eth0", front)
	n.lab.Attach(n.back, d.host, "eth1", back)
	return d
}

func newDirector(t *testing.T, h *netlab.Host, label string, look time.Duration) *director {
	t.Helper()
	what, _, _ := strings.Cut(label, "-")
	d := &director{t: t, label: label, bin: binary(what), host: h}
	h.Do(func() { h.Sysctl("net/ipv4/ip_forward", "1") })
	d.table = watch(t, h, look)
	return d
}

// start runs the daemon with its configuration.
func (d *director) start(args ...string) {
	d.t.Helper()
	opts := netlab.ProcOpts{Config: d.conf, Files: d.files, Env: []string{"TMPDIR=/tmp"}}
	if d.syslog != nil {
		opts.Syslog = d.syslog.Path
	}
	if _, err := os.Stat(ourCtl); err == nil && d.bin == ours {
		opts.Keep = []string{ourCtl}
	}
	d.proc = d.host.Start(opts, append([]string{d.bin, "-n", "-l", "-D"}, args...)...)
	if got := d.proc.Executable(); got != d.bin {
		d.t.Fatalf("pid %d runs %s, want %s", d.proc.Pid(), got, d.bin)
	}
}

// says waits for a line in the daemon's log.
func (d *director) says(text string) {
	d.t.Helper()
	netlab.Eventually(d.t, 10*time.Second, fmt.Sprintf("%q in the log of %s", text, d.label), func() bool {
		return strings.Contains(d.proc.Log(), text)
	})
}

// stop ends the daemon in good order.
func (d *director) stop() {
	d.t.Helper()
	d.proc.Signal(syscall.SIGTERM)
	if got := d.proc.Wait(15 * time.Second); got != 0 {
		d.t.Errorf("%s ended with %d", d.label, got)
	}
}

// checker is the pid of the healthchecker child, which the daemon writes into a file.
func (d *director) checker() int {
	d.t.Helper()
	pid := 0
	netlab.Eventually(d.t, 10*time.Second, "the pid of the healthchecker of "+d.label, func() bool {
		b, err := os.ReadFile(d.proc.Path("/run/checkers.pid"))
		if err != nil {
			return false
		}
		pid, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		return pid > 0 && syscall.Kill(pid, 0) == nil
	})
	return pid
}

// ctl runs keepalivedctl beside the daemon and returns its output.
func (d *director) ctl(args ...string) string {
	d.t.Helper()
	out, err := d.tryCtl(args...)
	if err != nil {
		d.t.Fatalf("keepalivedctl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (d *director) tryCtl(args ...string) (string, error) {
	argv := append([]string{"nsenter", "-m", "-t", strconv.Itoa(d.proc.Pid()), ourCtl}, args...)
	out, err := d.host.Command(argv...).CombinedOutput()
	return string(out), err
}
