package ipvs

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// do sends a command and waits for its answer.
func (c *Conn) do(cmd uint8, flags netlink.HeaderFlags, data []byte) ([]genetlink.Message, error) {
	m := genetlink.Message{Header: genetlink.Header{Command: cmd, Version: familyVersion}, Data: data}
	return c.c.Execute(m, c.family.ID, netlink.Request|flags)
}

// service sends a command about one service; encode nil is about none, or all.
func (c *Conn) service(cmd uint8, encode func(*netlink.AttributeEncoder)) error {
	data, err := message(encode)
	if err == nil {
		_, err = c.do(cmd, netlink.Acknowledge, data)
	}
	return err
}

// Services reads all services.
func (c *Conn) Services() ([]ServiceStatus, error) {
	messages, err := c.do(cmdGetService, netlink.Dump, nil)
	if err != nil {
		return nil, fmt.Errorf("reading the virtual services: %w", err)
	}
	services := make([]ServiceStatus, len(messages))
	for i, m := range messages {
		if services[i], err = decodeService(m.Data); err != nil {
			return nil, fmt.Errorf("reading the virtual services: %w", err)
		}
	}
	return services, nil
}

// Service reads one service.
func (c *Conn) Service(k Key) (s ServiceStatus, there bool, err error) {
	data, err := message(func(ae *netlink.AttributeEncoder) { encodeKey(ae, k) })
	if err != nil {
		return s, false, failed("reading", k, err)
	}
	messages, err := c.do(cmdGetService, 0, data)
	switch {
	case errors.Is(err, unix.ESRCH):
		return s, false, nil
	case err != nil:
		return s, false, failed("reading", k, err)
	case len(messages) == 0:
		return s, false, failed("reading", k, errShort)
	}
	s, err = decodeService(messages[0].Data)
	return s, err == nil, failed("reading", k, err)
}

// AddService makes a service; EEXIST when it is there, ENOENT when the kernel has no such
// scheduler or engine.
func (c *Conn) AddService(s Service) error {
	return failed("adding", s.Key, c.putService(cmdNewService, s))
}

// EditService changes a service in place, with its connections; ESRCH when there is none.
func (c *Conn) EditService(s Service) error {
	return failed("changing", s.Key, c.putService(cmdSetService, s))
}

func (c *Conn) putService(cmd uint8, s Service) error {
	if s.Mark == 0 && !s.Addr.IsValid() {
		return errAddress
	}
	return c.service(cmd, func(ae *netlink.AttributeEncoder) { encodeService(ae, s.canonical()) })
}

// RemoveService removes a service with its destinations; ESRCH when there is none.
func (c *Conn) RemoveService(k Key) error {
	return failed("removing", k, c.service(cmdDelService, func(ae *netlink.AttributeEncoder) { encodeKey(ae, k) }))
}

// Flush removes all services.
func (c *Conn) Flush() error {
	if err := c.service(cmdFlush, nil); err != nil {
		return fmt.Errorf("removing all virtual services: %w", err)
	}
	return nil
}

// Zero sets the counters of a service and its destinations to zero.
func (c *Conn) Zero(k Key) error {
	return failed("zeroing", k, c.service(cmdZero, func(ae *netlink.AttributeEncoder) { encodeKey(ae, k) }))
}

// ZeroAll sets all counters to zero.
func (c *Conn) ZeroAll() error {
	if err := c.service(cmdZero, nil); err != nil {
		return fmt.Errorf("zeroing all counters of ip_vs: %w", err)
	}
	return nil
}

// SyncRole is IP_VS_STATE_*: what a connection synchronisation daemon does. Both may run.
type SyncRole uint32

// The roles.
const (
	SyncMaster SyncRole = 1 // sends connections
	SyncBackup SyncRole = 2 // receives them
)

func (r SyncRole) String() string {
	if r == SyncMaster {
		return "master"
	}
	return "backup"
}

// SyncDaemon is a connection synchronisation daemon. Zero values after ID stand for the
// kernel's defaults.
type SyncDaemon struct {
	Role      SyncRole
	Interface string // multicast is sent and received there
	ID        uint32 // 0 to 255
	MaxLen    uint16 // payload of a message, octets
	Group     netip.Addr
	Port      uint16
	TTL       uint8
}

// Attributes of the daemon, IPVS_DAEMON_ATTR_*.
const (
	daemonState     = 1
	daemonInterface = 2
	daemonID        = 3
	daemonMaxLen    = 4
	daemonGroup     = 5
	daemonGroup6    = 6
	daemonPort      = 7
	daemonTTL       = 8
)

// StartSync starts a daemon. The kernel refuses with EEXIST when one of the role runs, and
// with EINVAL while there is a destination of another family than its service.
func (c *Conn) StartSync(d SyncDaemon) error {
	return failed("starting the sync daemon", d.Role, c.daemon(cmdNewDaemon, func(ae *netlink.AttributeEncoder) {
		ae.Uint32(daemonState, uint32(d.Role))
		ae.String(daemonInterface, d.Interface)
		ae.Uint32(daemonID, d.ID)
		if d.MaxLen != 0 {
			ae.Uint16(daemonMaxLen, d.MaxLen)
		}
		switch {
		case d.Group.Is4():
			ae.Bytes(daemonGroup, d.Group.AsSlice())
		case d.Group.Is6():
			ae.Bytes(daemonGroup6, d.Group.AsSlice())
		}
		if d.Port != 0 {
			ae.Uint16(daemonPort, d.Port)
		}
		if d.TTL != 0 {
			ae.Uint8(daemonTTL, d.TTL)
		}
	}))
}

// StopSync stops the daemon of a role; ESRCH when none runs.
func (c *Conn) StopSync(r SyncRole) error {
	return failed("stopping the sync daemon", r, c.daemon(cmdDelDaemon, func(ae *netlink.AttributeEncoder) {
		ae.Uint32(daemonState, uint32(r))
	}))
}

func (c *Conn) daemon(cmd uint8, encode func(*netlink.AttributeEncoder)) error {
	ae := netlink.NewAttributeEncoder()
	ae.Nested(attrDaemon, func(nae *netlink.AttributeEncoder) error { encode(nae); return nil })
	data, err := ae.Encode()
	if err == nil {
		_, err = c.do(cmd, netlink.Acknowledge, data)
	}
	return err
}

// SyncDaemons lists the daemons that run.
func (c *Conn) SyncDaemons() ([]SyncDaemon, error) {
	messages, err := c.do(cmdGetDaemon, netlink.Dump, nil)
	if err != nil {
		return nil, fmt.Errorf("reading the sync daemons: %w", err)
	}
	var daemons []SyncDaemon
	for _, m := range messages {
		ad, err := netlink.NewAttributeDecoder(m.Data)
		if err != nil {
			return nil, fmt.Errorf("reading the sync daemons: %w", err)
		}
		for ad.Next() {
			if ad.Type() == attrDaemon {
				var d SyncDaemon
				ad.Nested(d.decode)
				daemons = append(daemons, d)
			}
		}
		if err := ad.Err(); err != nil {
			return nil, fmt.Errorf("reading the sync daemons: %w", err)
		}
	}
	return daemons, nil
}

func (d *SyncDaemon) decode(ad *netlink.AttributeDecoder) error {
	for ad.Next() {
		switch ad.Type() {
		case daemonState:
			d.Role = SyncRole(ad.Uint32())
		case daemonInterface:
			d.Interface = ad.String()
		case daemonID:
			d.ID = ad.Uint32()
		case daemonMaxLen:
			d.MaxLen = ad.Uint16()
		case daemonGroup, daemonGroup6:
			d.Group, _ = netip.AddrFromSlice(ad.Bytes())
		case daemonPort:
			d.Port = ad.Uint16()
		case daemonTTL:
			d.TTL = ad.Uint8()
		}
	}
	return ad.Err()
}
