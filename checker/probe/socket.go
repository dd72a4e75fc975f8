package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
)

// Failure is why a probe found no good server.
type Failure struct {
	Cause health.Cause
	Err   error
}

func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the error below.
func (f *Failure) Unwrap() error { return f.Err }

// conn is a TCP connection as a file that the runtime's poller watches. Package net
// would ask for addresses and set options that a check has no use for, and most checks
// are nothing else.
type conn struct {
	*os.File
	to   netip.AddrPort
	stop func() bool // takes back what would close it at the end of the context
}

// Close ends the connection.
func (c *conn) Close() error {
	c.stop()
	return c.File.Close()
}

// LocalAddr and RemoteAddr make a net.Conn of it, for crypto/tls, which does not call them.
func (c *conn) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr is where it is connected to.
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.to) }

// dial connects as the options of a checker say. The end of ctx closes the connection,
// at whatever it is. The error is a *Failure.
func dial(ctx context.Context, c *checkercfg.Connection) (*conn, error) {
	to := netip.AddrPortFrom(c.Addr, c.Port)
	fd, stands, err := connect(c, to)
	if err != nil {
		return nil, err
	}
	return adopt(ctx, fd, stands, c, to)
}

// connect begins a connection and looks once whether it stands already, as it does when
// both ends are in one kernel. Then there is nothing to wait for.
func connect(c *checkercfg.Connection, to netip.AddrPort) (fd int, stands bool, err error) {
	fd, err = socket(c)
	if err != nil {
		return -1, false, &Failure{health.CauseLocal, err}
	}
	sa := sockaddr(to)
	err = unix.Connect(fd, sa)
	if err == unix.EINPROGRESS {
		err = unix.Connect(fd, sa)
	}
	switch err {
	case nil, unix.EISCONN:
		return fd, true, nil
	case unix.EINPROGRESS, unix.EALREADY:
		return fd, false, nil
	}
	unix.Close(fd)
	return -1, false, connectFailure(to, err)
}

// adopt gives a connection to the runtime's poller and waits until it stands.
func adopt(ctx context.Context, fd int, stands bool, c *checkercfg.Connection, to netip.AddrPort) (*conn, error) {
	k := &conn{File: os.NewFile(uintptr(fd), "tcp"), to: to}
	k.stop = context.AfterFunc(ctx, func() { k.File.Close() })
	if stands {
		return k, nil
	}
	if err := k.await(sockaddr(to), c.Timeout); err != nil {
		k.Close()
		return nil, connectFailure(to, err)
	}
	return k, nil
}

// await waits until the connection stands. To call connect again is to ask how it went.
func (c *conn) await(sa unix.Sockaddr, limit time.Duration) error {
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var state error
	err = raw.Write(func(fd uintptr) bool {
		state = unix.Connect(int(fd), sa)
		return state != unix.EALREADY && state != unix.EINPROGRESS
	})
	switch {
	case err != nil:
		return err
	case state == unix.EISCONN:
		return nil
	}
	return state
}

// connectFailure tells what is wrong here from what is wrong there. No route to the
// server is the server's failure, as with 2.2.7.
func connectFailure(to netip.AddrPort, err error) error {
	cause := health.CauseRefused
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, unix.ETIMEDOUT):
		cause = health.CauseTimeout
	case errors.Is(err, unix.ENETUNREACH):
		cause = health.CauseUnreachable
	case errors.Is(err, unix.EADDRNOTAVAIL), errors.Is(err, unix.EADDRINUSE), errors.Is(err, unix.EAGAIN),
		errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.ENOMEM):
		cause = health.CauseLocal
	}
	return &Failure{cause, fmt.Errorf("connecting to %v: %w", to, err)}
}

// socket makes one with the options of a checker, bound where it says.
func socket(c *checkercfg.Connection) (fd int, err error) {
	family := unix.AF_INET
	if c.Addr.Is6() {
		family = unix.AF_INET6
	}
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return -1, fmt.Errorf("making a socket: %w", err)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	if c.Mark != 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(c.Mark)); err != nil {
			return -1, fmt.Errorf("setting fwmark %d: %w", c.Mark, err)
		}
	}
	if c.BindIf != "" {
		if err := unix.SetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, c.BindIf); err != nil {
			return -1, fmt.Errorf("binding to %s: %w", c.BindIf, err)
		}
	}
	if !c.Bind.Addr().IsValid() && c.Bind.Port() == 0 {
		return fd, nil
	}
	return fd, bind(fd, family, c.Bind)
}

func bind(fd, family int, from netip.AddrPort) error {
	if !from.Addr().IsValid() {
		any := netip.IPv4Unspecified()
		if family == unix.AF_INET6 {
			any = netip.IPv6Unspecified()
		}
		from = netip.AddrPortFrom(any, from.Port())
	}
	var err error
	if from.Port() == 0 {
		// The port is chosen when it is known whereto, so that one port serves any
		// number of servers.
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	} else {
		// The same port again and again: it must not be left in TIME-WAIT.
		err = errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
			unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
	}
	if err == nil {
		err = unix.Bind(fd, sockaddr(from))
	}
	if err != nil {
		return fmt.Errorf("binding to %v: %w", from, err)
	}
	return nil
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}
