package interop

import (
	endian "encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// forged is an advert as the scripted peer sends it; the zero value is an IPv4 one of
// VRRPv3 with the address and interval of the stories, and right in every other way.
type forged struct {
	version  uint8 // 0 is 3
	vrid     uint8 // 0 is the stories'
	priority uint8
	interval uint16 // in the unit of the version; 0 is 10 (v3), 1 (v2)
	auth     string // v2: not "" is a password
	ttl      int    // 0 is 255
	vips     []string
	kind     uint8 // packet type; 0 is 1
	damaged  bool  // a wrong checksum
	cut      int   // octets left out at the end
	unicast  bool
}

// bytes is the packet from 192.0.2.2 (RFC 3768 §5.1, RFC 5798 §5.1).
func (f forged) bytes(dst [4]byte) []byte {
	if f.version == 0 {
		f.version = 3
	}
	if f.vrid == 0 {
		f.vrid = vrid
	}
	if f.vips == nil {
		f.vips = []string{vip}
	}
	if f.kind == 0 {
		f.kind = 1
	}
	b := []byte{f.version<<4 | f.kind, f.vrid, f.priority, byte(len(f.vips)), 0, 0, 0, 0}
	if f.version == 2 {
		b[5] = max(byte(f.interval), 1)
		if f.auth != "" {
			b[4] = 1
		}
	} else if f.interval == 0 {
		endian.BigEndian.PutUint16(b[4:], 10)
	} else {
		endian.BigEndian.PutUint16(b[4:], f.interval)
	}
	for _, v := range f.vips {
		a := netip.MustParseAddr(v).As4()
		b = append(b, a[:]...)
	}
	if f.version == 2 { // the checksum covers the password, which stands behind the addresses
		b = append(b, make([]byte, 8)...)
		copy(b[len(b)-8:], f.auth)
	}
	src := [4]byte{192, 0, 2, 2}
	sum := uint32(0)
	add := func(part []byte) {
		for i := 0; i+1 < len(part); i += 2 {
			sum += uint32(endian.BigEndian.Uint16(part[i:]))
		}
	}
	add(b)
	if f.version != 2 {
		add(src[:])
		add(dst[:])
		sum += uint32(112 + len(b))
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	endian.BigEndian.PutUint16(b[6:], ^uint16(sum))
	if f.damaged {
		b[6]++
	}
	return b[:len(b)-f.cut]
}

// send has the peer send the advert.
func (l *life) send(f forged) {
	dst := [4]byte{224, 0, 0, 18}
	if f.unicast {
		dst = [4]byte{192, 0, 2, 1}
	}
	if f.ttl == 0 {
		f.ttl = 255
	}
	var err error
	l.peer.Do(func() {
		var fd int
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 112); err != nil {
			return
		}
		defer unix.Close(fd)
		for _, set := range []func() error{
			func() error { return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, f.ttl) },
			func() error { return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, f.ttl) },
			func() error {
				return unix.SetsockoptInet4Addr(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, [4]byte{192, 0, 2, 2})
			},
			func() error { return unix.Sendto(fd, f.bytes(dst), 0, &unix.SockaddrInet4{Addr: dst}) },
		} {
			if err = set(); err != nil {
				return
			}
		}
	})
	if err != nil {
		l.t.Errorf("sending an advert: %v", err)
	}
}

// sends is an act's deed: the adverts in turn.
func sends(adverts ...forged) func(*life) {
	return func(l *life) {
		for _, f := range adverts {
			l.send(f)
		}
	}
}
