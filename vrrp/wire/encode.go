package wire

import (
	"errors"
	"net/netip"
	"time"
)

// Outgoing is an advertisement to send.
type Outgoing struct {
	Version  uint8 // V2 or V3
	VRID     uint8 // 1..255
	Priority uint8 // 0 resigns, 255 is the address owner's
	// Interval is sent in whole seconds by version 2 (1..255 s) and in steps of 10 ms
	// by version 3 (10 ms..40.95 s); a finer remainder is cut off.
	Interval time.Duration
	Addrs    []netip.Addr // at most MaxAddrs, all of Source's family, sent in this order
	AuthType AuthType     // v2 only
	Auth     [8]byte      // v2 only: the password, padded with zero octets
	Checksum Checksum     // v3 over IPv4 only; version 2 is always ChecksumPlain, IPv6 always ChecksumPseudo
	// Source and Destination go into version 3's pseudo-header. Their family says
	// which protocol carries the message; version 2 is IPv4 only.
	Source, Destination netip.Addr
}

// What makes an Outgoing impossible to send.
var (
	ErrVersion   = errors.New("VRRP version is neither 2 over IPv4 nor 3")
	ErrVRID      = errors.New("virtual router identifier is not in 1..255")
	ErrInterval  = errors.New("advertisement interval cannot be expressed in this version")
	ErrAddrCount = errors.New("more than 255 addresses in one advertisement")
	ErrFamily    = errors.New("address families of one advertisement differ")
)

// AppendAdvert appends the VRRP message of o to b and returns the longer slice; on
// an error b comes back as it was. It allocates only when b has no room.
func AppendAdvert(b []byte, o *Outgoing) ([]byte, error) {
	if err := o.check(); err != nil {
		return b, err
	}
	if o.Version == V2 {
		return appendV2(b, o), nil
	}
	return appendV3(b, o), nil
}

func (o *Outgoing) check() error {
	v4 := o.Source.Is4()
	switch {
	case o.Version != V3 && (o.Version != V2 || !v4):
		return ErrVersion
	case o.VRID == 0:
		return ErrVRID
	case len(o.Addrs) > MaxAddrs:
		return ErrAddrCount
	case o.Destination.Is4() != v4 || !o.Source.IsValid() || !o.Destination.IsValid():
		return ErrFamily
	case !v4 && o.Checksum != ChecksumPseudo:
		return ErrVersion
	}
	unit, units := centisecond, time.Duration(maxAdverInt)
	if o.Version == V2 {
		unit, units = time.Second, 255
	}
	if o.Interval < unit || o.Interval/unit > units {
		return ErrInterval
	}
	for _, a := range o.Addrs {
		if a.Is4() != v4 || !a.IsValid() {
			return ErrFamily
		}
	}
	return nil
}

func appendAddrs(b []byte, o *Outgoing) []byte {
	for _, a := range o.Addrs {
		if a.Is4() {
			v := a.As4()
			b = append(b, v[:]...)
			continue
		}
		v := a.As16()
		b = append(b, v[:]...)
	}
	return b
}
