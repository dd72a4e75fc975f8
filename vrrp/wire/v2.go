package wire

import (
	"encoding/binary"
	"time"
)

// Version 2 (RFC 3768 §5.1) has authentication type and interval in the header, and
// eight octets of authentication data behind the list.

func intervalV2(b []byte) time.Duration { return time.Duration(b[5]) * time.Second }

// checkV2 checks b, which has the right length.
func (a *Advert) checkV2(b []byte) Drop {
	a.Auth = [8]byte(b[len(b)-authLen:])
	a.Checksum = ChecksumPlain
	switch {
	case a.AuthType > AuthAH:
		return DropAuthType
	case a.Type != typeAdvertisement:
		return DropType
	case fold(sum(0, b)) != 0xffff:
		return DropChecksum
	}
	return Accepted
}

// appendV2 appends the message of o; o is valid.
func appendV2(b []byte, o *Outgoing) []byte {
	start := len(b)
	b = append(b, V2<<4|typeAdvertisement, o.VRID, o.Priority, byte(len(o.Addrs)),
		byte(o.AuthType), byte(o.Interval/time.Second), 0, 0)
	b = appendAddrs(b, o)
	b = append(b, o.Auth[:]...)
	binary.BigEndian.PutUint16(b[start+6:], ^fold(sum(0, b[start:])))
	return b
}
