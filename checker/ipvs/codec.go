package ipvs

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"github.com/mdlayher/netlink"
)

// Commands, IPVS_CMD_*.
const (
	cmdNewService = 1
	cmdSetService = 2
	cmdDelService = 3
	cmdGetService = 4
	cmdNewDaemon  = 9
	cmdDelDaemon  = 10
	cmdGetDaemon  = 11
	cmdZero       = 16
	cmdFlush      = 17

	familyVersion = 1
)

// Attributes of commands, IPVS_CMD_ATTR_*, and of services, IPVS_SVC_ATTR_*.
const (
	attrService = 1
	attrDaemon  = 3

	svcFamily    = 1
	svcProtocol  = 2
	svcAddr      = 3
	svcPort      = 4
	svcMark      = 5
	svcScheduler = 6
	svcFlags     = 7
	svcTimeout   = 8
	svcNetmask   = 9
	svcStats     = 10
	svcEngine    = 11
	svcStats64   = 12
)

var (
	errShort   = errors.New("malformed ip_vs message")
	errAddress = errors.New("a service needs an address or a firewall mark")
)

// encodeKey writes what identifies a service.
func encodeKey(ae *netlink.AttributeEncoder, k Key) {
	ae.Uint16(svcFamily, uint16(k.Family))
	if k.Mark != 0 {
		ae.Uint32(svcMark, k.Mark)
		return
	}
	ae.Uint16(svcProtocol, uint16(k.Protocol))
	ae.Bytes(svcAddr, k.Addr.Addr().AsSlice())
	ae.Bytes(svcPort, binary.BigEndian.AppendUint16(nil, k.Addr.Port()))
}

// encodeService writes a canonical service.
func encodeService(ae *netlink.AttributeEncoder, s Service) {
	encodeKey(ae, s.Key)
	ae.String(svcScheduler, s.Scheduler)
	flags := s.Flags
	if s.Timeout > 0 {
		flags |= persistent
	}
	// struct ip_vs_flags: the values, and which of them to set.
	ae.Bytes(svcFlags, binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(nil, uint32(flags)), ^uint32(0)))
	ae.Uint32(svcTimeout, s.Timeout)
	if s.Family == INET6 {
		ae.Uint32(svcNetmask, s.Netmask)
	} else {
		ae.Bytes(svcNetmask, binary.BigEndian.AppendUint32(nil, s.Netmask))
	}
	if s.Engine != "" {
		ae.String(svcEngine, s.Engine)
	}
}

// message makes the attributes of a command about one service; nil is about none.
func message(encode func(*netlink.AttributeEncoder)) ([]byte, error) {
	if encode == nil {
		return nil, nil
	}
	ae := netlink.NewAttributeEncoder()
	ae.Nested(attrService, func(nae *netlink.AttributeEncoder) error { encode(nae); return nil })
	return ae.Encode()
}

// decodeService reads the answer about one service.
func decodeService(data []byte) (s ServiceStatus, err error) {
	ad, err := netlink.NewAttributeDecoder(data)
	if err != nil {
		return s, err
	}
	for ad.Next() {
		if ad.Type() == attrService {
			ad.Nested(func(nad *netlink.AttributeDecoder) error { s, err = decodeAttributes(nad); return err })
		}
	}
	return s, ad.Err()
}

func decodeAttributes(ad *netlink.AttributeDecoder) (s ServiceStatus, err error) {
	var addr, port, mask []byte
	var narrow, wide Stats
	for ad.Next() {
		switch ad.Type() {
		case svcFamily:
			s.Family = Family(ad.Uint16())
		case svcProtocol:
			s.Protocol = Protocol(ad.Uint16())
		case svcAddr:
			addr = ad.Bytes()
		case svcPort:
			port = ad.Bytes()
		case svcMark:
			s.Mark = ad.Uint32()
		case svcScheduler:
			s.Scheduler = ad.String()
		case svcFlags:
			if b := ad.Bytes(); len(b) >= 4 {
				s.Flags = Flags(binary.NativeEndian.Uint32(b))
			}
		case svcTimeout:
			s.Timeout = ad.Uint32()
		case svcNetmask:
			mask = ad.Bytes()
		case svcEngine:
			s.Engine = ad.String()
		case svcStats:
			ad.Nested(narrow.decode)
		case svcStats64:
			ad.Nested(wide.decode)
		}
	}
	if err := ad.Err(); err != nil {
		return s, err
	}
	if s.Stats = wide; wide == (Stats{}) {
		s.Stats = narrow
	}
	if err := s.decodeKey(addr, port); err != nil {
		return s, err
	}
	return s, s.decodePersistence(mask)
}

// decodeKey reads the address, of which the kernel always sends sixteen octets.
func (s *ServiceStatus) decodeKey(addr, port []byte) error {
	if s.Mark != 0 {
		s.Key = MarkKey(s.Mark, s.Family)
		return nil
	}
	n := 4
	if s.Family == INET6 {
		n = 16
	}
	if len(addr) < n || len(port) != 2 {
		return errShort
	}
	a, _ := netip.AddrFromSlice(addr[:n])
	s.Key = Key{Family: s.Family, Protocol: s.Protocol, Addr: netip.AddrPortFrom(a, binary.BigEndian.Uint16(port))}
	return nil
}

// decodePersistence reads the netmask, and takes the timeout of a service that is not
// persistent for none.
func (s *ServiceStatus) decodePersistence(mask []byte) error {
	if len(mask) != 4 {
		return errShort
	}
	if s.Family == INET6 {
		s.Netmask = binary.NativeEndian.Uint32(mask)
	} else {
		s.Netmask = binary.BigEndian.Uint32(mask)
	}
	if s.Flags&persistent == 0 {
		s.Timeout = 0
	}
	s.Flags &^= persistent | hashed
	return nil
}

// decode reads IPVS_STATS_ATTR_*, of 32 or of 64 bits each.
func (st *Stats) decode(ad *netlink.AttributeDecoder) error {
	fields := [...]*uint64{
		1: &st.Connections, 2: &st.InPackets, 3: &st.OutPackets, 4: &st.InBytes, 5: &st.OutBytes,
		6: &st.ConnectionRate, 7: &st.InPacketRate, 8: &st.OutPacketRate, 9: &st.InByteRate, 10: &st.OutByteRate,
	}
	for ad.Next() {
		i := int(ad.Type())
		if i == 0 || i >= len(fields) {
			continue
		}
		switch b := ad.Bytes(); len(b) {
		case 4:
			*fields[i] = uint64(binary.NativeEndian.Uint32(b))
		case 8:
			*fields[i] = binary.NativeEndian.Uint64(b)
		}
	}
	return ad.Err()
}
