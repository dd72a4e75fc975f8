package ipvs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	cf "github.com/cloudflare/ipvs"
	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Conn is a connection to the ip_vs of one network namespace. Its methods block until the
// kernel has answered; it is for one goroutine at a time.
//
// Destinations and timeouts go through cloudflare/ipvs. Services do not, because that
// library neither reads nor writes the persistence engine, and strips it from a service
// that it updates; what it lacks altogether (flush, zero, the sync daemon) is here too.
type Conn struct {
	dests  cf.Client
	c      *genetlink.Conn
	family genetlink.Family
}

// loadLimit is the time modprobe gets.
const loadLimit = 10 * time.Second

// Open connects to the ip_vs of the named network namespace (ip-netns(8)); "" is the one
// the process is in. Where the kernel has no ip_vs it tries once to load the module; when
// that does not help the error is ErrNoIPVS, with the reason.
func Open(netns string) (*Conn, error) {
	conn, err := dial(netns)
	if !errors.Is(err, unix.ENOENT) {
		return conn, err
	}
	why := "no such netlink family"
	ctx, cancel := context.WithTimeout(context.Background(), loadLimit)
	defer cancel()
	if out, loadErr := exec.CommandContext(ctx, "modprobe", "ip_vs").CombinedOutput(); loadErr == nil {
		conn, err = dial(netns)
	} else if why = loadErr.Error(); len(out) > 0 {
		why = strings.TrimSpace(string(out))
	}
	if errors.Is(err, unix.ENOENT) {
		return nil, fmt.Errorf("%w: %s", ErrNoIPVS, why)
	}
	return conn, err
}

// dial connects; ENOENT is the kernel's answer where it knows no family "IPVS".
func dial(netns string) (conn *Conn, err error) {
	if netns == "" {
		return dialHere()
	}
	nsErr := inNamespace(netns, func() { conn, err = dialHere() })
	if nsErr != nil {
		return nil, fmt.Errorf("entering network namespace %s: %w", netns, nsErr)
	}
	return conn, err
}

func dialHere() (*Conn, error) {
	c, err := genetlink.Dial(nil)
	if err != nil {
		return nil, fmt.Errorf("opening a generic netlink socket: %w", err)
	}
	// The kernel's own words would be lost otherwise; older kernels have none.
	_ = c.SetOption(netlink.ExtendedAcknowledge, true)
	family, err := c.GetFamily("IPVS")
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("looking for ip_vs: %w", err)
	}
	dests, err := cf.New()
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("connecting to ip_vs: %w", err)
	}
	return &Conn{dests: dests, c: c, family: family}, nil
}

// inNamespace runs fn on a locked thread inside the namespace. Sockets that it opens stay
// there. A thread that cannot go home is given up.
func inNamespace(name string, fn func()) error {
	target, err := os.Open("/run/netns/" + name)
	if err != nil {
		return err
	}
	defer target.Close()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open("/proc/thread-self/ns/net")
		if err == nil {
			defer home.Close()
			err = unix.Setns(int(target.Fd()), unix.CLONE_NEWNET)
		}
		if err != nil {
			runtime.UnlockOSThread()
			done <- err
			return
		}
		fn()
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		done <- nil
	}()
	return <-done
}

// Close closes the connection.
func (c *Conn) Close() error {
	err := c.c.Close()
	if closer, ok := c.dests.(io.Closer); ok {
		err = errors.Join(err, closer.Close())
	}
	return err
}

// Destinations reads the destinations of a service, those added last first; none when
// there is no such service.
func (c *Conn) Destinations(k Key) ([]DestinationStatus, error) {
	list, err := c.dests.Destinations(k.library())
	// The library says so itself of an empty list. The kernel's own ENOENT, which matches
	// os.ErrNotExist too, is another matter.
	if err == os.ErrNotExist {
		return nil, nil
	}
	if err != nil {
		return nil, failed("reading the servers of", k, err)
	}
	out := make([]DestinationStatus, len(list))
	for i, d := range list {
		out[i] = DestinationStatus{
			Destination: Destination{
				Addr: netip.AddrPortFrom(d.Address, d.Port), Method: Method(d.FwdMethod), Weight: d.Weight,
				Upper: d.UpperThreshold, Lower: d.LowerThreshold,
				TunnelType: TunnelType(d.TunnelType), TunnelPort: d.TunnelPort, TunnelFlags: TunnelFlags(d.TunnelFlags),
			},
			Active: d.ActiveConnections, Inactive: d.InactiveConnections, Persistent: d.PersistentConnections,
			Stats: statsOf(d.Stats, d.Stats64),
		}
	}
	return out, nil
}

// AddDestination adds a destination to a service; EEXIST when it is there.
func (c *Conn) AddDestination(k Key, d Destination) error {
	return failed("adding", server{k, d.Addr}, c.dests.CreateDestination(k.library(), d.library()))
}

// EditDestination changes a destination in place; ENOENT when there is none.
func (c *Conn) EditDestination(k Key, d Destination) error {
	return failed("changing", server{k, d.Addr}, c.dests.UpdateDestination(k.library(), d.library()))
}

// RemoveDestination removes a destination; ENOENT when there is none.
func (c *Conn) RemoveDestination(k Key, addr netip.AddrPort) error {
	return failed("removing", server{k, addr}, c.dests.RemoveDestination(k.library(), Destination{Addr: addr}.library()))
}

// Timeouts are those of idle connections, in seconds.
type Timeouts struct{ TCP, TCPFin, UDP uint32 }

// Timeouts reads them.
func (c *Conn) Timeouts() (Timeouts, error) {
	t, err := c.dests.Config()
	if err != nil {
		return Timeouts{}, fmt.Errorf("reading the timeouts of ip_vs: %w", err)
	}
	return Timeouts{t.TCPTimeout, t.TCPFinTimeout, t.UDPTimeout}, nil
}

// SetTimeouts sets them; 0 leaves one as it is.
func (c *Conn) SetTimeouts(t Timeouts) error {
	if err := c.dests.SetConfig(cf.Config{TCPTimeout: t.TCP, TCPFinTimeout: t.TCPFin, UDPTimeout: t.UDP}); err != nil {
		return fmt.Errorf("setting the timeouts of ip_vs: %w", err)
	}
	return nil
}

// Version is that of ip_vs, "1.2.1".
func (c *Conn) Version() (string, error) {
	info, err := c.dests.Info()
	if err != nil {
		return "", fmt.Errorf("reading the version of ip_vs: %w", err)
	}
	return fmt.Sprintf("%d.%d.%d", info.Version[0], info.Version[1], info.Version[2]), nil
}

// server names a destination in errors.
type server struct {
	service Key
	addr    netip.AddrPort
}

func (s server) String() string { return fmt.Sprintf("%s of %s", s.addr, s.service) }

// library is the key as the library wants it: what it needs of a service to find it.
func (k Key) library() cf.Service {
	return cf.Service{
		Address: k.Addr.Addr(), Port: k.Addr.Port(), Protocol: cf.Protocol(k.Protocol),
		FWMark: k.Mark, Family: cf.AddressFamily(k.Family),
	}
}

func (d Destination) library() cf.Destination {
	return cf.Destination{
		Address: d.Addr.Addr(), Port: d.Addr.Port(), Family: cf.AddressFamily(familyOf(d.Addr.Addr())),
		FwdMethod: cf.ForwardType(d.Method), Weight: d.Weight,
		UpperThreshold: d.Upper, LowerThreshold: d.Lower,
		TunnelType: cf.TunnelType(d.TunnelType), TunnelPort: d.TunnelPort, TunnelFlags: cf.TunnelFlags(d.TunnelFlags),
	}
}

// statsOf takes the 64-bit counters, which kernels have since 4.1.
func statsOf(narrow, wide cf.Stats) Stats {
	s := wide
	if s == (cf.Stats{}) {
		s = narrow
	}
	return Stats{
		Connections: s.Connections, InPackets: s.IncomingPackets, OutPackets: s.OutgoingPackets,
		InBytes: s.IncomingBytes, OutBytes: s.OutgoingBytes,
		ConnectionRate: s.ConnectionRate, InPacketRate: s.IncomingPacketRate, OutPacketRate: s.OutgoingPacketRate,
		InByteRate: s.IncomingByteRate, OutByteRate: s.OutgoingByteRate,
	}
}
