package daemon

import (
	"encoding/binary"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// advert sends one VRRPv3 advert from the other host, as a router of that priority
// with the addresses would.
func (r *rig) advert(vrid, priority uint8, interval time.Duration, vips ...string) {
	r.Helper()
	b := []byte{0x31, vrid, priority, byte(len(vips)), 0, 0, 0, 0}
	binary.BigEndian.PutUint16(b[4:], uint16(interval/(10*time.Millisecond)))
	for _, v := range vips {
		a := netip.MustParseAddr(v).As4()
		b = append(b, a[:]...)
	}
	src, dst := netip.MustParseAddr(peerAddr).As4(), [4]byte{224, 0, 0, 18}
	sum := uint32(112 + len(b)) // RFC 5798 §5.2.8: with the pseudo-header
	for _, part := range [][]byte{src[:], dst[:], b} {
		for i := 0; i < len(part); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(part[i:]))
		}
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	binary.BigEndian.PutUint16(b[6:], ^uint16(sum))
	var err error
	r.peer.Do(func() {
		var fd int
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 112); err != nil {
			return
		}
		defer unix.Close(fd)
		if err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, 255); err != nil {
			return
		}
		if err = unix.SetsockoptInet4Addr(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, src); err != nil {
			return
		}
		err = unix.Sendto(fd, b, 0, &unix.SockaddrInet4{Addr: dst})
	})
	if err != nil {
		r.Fatalf("sending an advert: %v", err)
	}
}

// rival sends adverts of that priority until the returned function is called.
func (r *rig) rival(vrid, priority uint8, vips ...string) (stop func()) {
	const every = 50 * time.Millisecond
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			r.advert(vrid, priority, 100*time.Millisecond, vips...)
			select {
			case <-tick.C:
			case <-quit:
				return
			}
		}
	}()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			close(quit)
			<-done
		}
	}
	r.Cleanup(stop)
	return stop
}
