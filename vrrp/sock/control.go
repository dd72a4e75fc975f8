package sock

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// controlRoom holds the control messages of one packet: packet info (IPv6: 20
// octets), time stamp (16), drop counter (4), hop limit (4), each with its header.
const controlRoom = 192

// controlBuffer is room for the control messages of one packet, aligned for their headers.
type controlBuffer [controlRoom / 8]uint64

func (c *controlBuffer) base() *byte { return (*byte)(unsafe.Pointer(c)) }

// octets returns the first n octets.
func (c *controlBuffer) octets(n int) []byte {
	return unsafe.Slice(c.base(), min(n, controlRoom))
}

// control is what the control messages of a packet say.
type control struct {
	link        int32
	stamp       int64      // wall clock, ns; 0 without one
	drops       uint32     // packets the socket has lost so far
	destination netip.Addr // IPv6 only; IPv4 has it in the header
	hopLimit    uint8      // IPv6 only
}

// parseControl reads the control messages in b without allocating.
func parseControl(b []byte) (c control) {
	const header = unix.SizeofCmsghdr
	for len(b) >= header {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
		n := int(h.Len)
		if n < header || n > len(b) {
			return c
		}
		data := b[unix.CmsgLen(0):n]
		switch {
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SO_TIMESTAMPNS && len(data) >= int(unsafe.Sizeof(unix.Timespec{})):
			c.stamp = (*unix.Timespec)(unsafe.Pointer(&data[0])).Nano()
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SO_RXQ_OVFL && len(data) >= 4:
			c.drops = binary.NativeEndian.Uint32(data)
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			c.link = (*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0])).Ifindex
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&data[0]))
			c.link, c.destination = int32(info.Ifindex), netip.AddrFrom16(info.Addr)
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_HOPLIMIT && len(data) >= 4:
			c.hopLimit = uint8(binary.NativeEndian.Uint32(data))
		}
		next := unix.CmsgSpace(n - unix.CmsgLen(0))
		if next >= len(b) {
			return c
		}
		b = b[next:]
	}
	return c
}
