package wire

import (
	"encoding/binary"
	"time"
)

// decodeV2 reads what version 2 has of its own (RFC 3768 §5.1): authentication type
// and interval in the header, eight octets of authentication data behind the list.
func decodeV2(a *Advert, b []byte) Drop {
	a.AuthType = AuthType(b[4])
	a.Interval = time.Duration(b[5]) * time.Second
	if d := decodeFrame(a, b); d != Accepted {
		return d
	}
	if fold(sum(0, a.covered(b))) != 0xffff {
		return DropChecksum
	}
	a.Checksum = ChecksumPlain
	end := headerLen + len(a.list)
	a.Auth = [8]byte(b[end:])
	switch {
	case a.AuthType > AuthAH:
		return DropAuthType
	case a.Interval == 0:
		return DropInterval
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
