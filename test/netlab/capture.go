package netlab

import (
	"encoding/binary"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Packet is one captured frame, link-layer header included.
type Packet struct {
	At       time.Time // the kernel's time stamp (CLOCK_REALTIME)
	Outgoing bool      // sent by the host that captures
	Data     []byte
}

// Capture collects the frames of one interface from when it was made.
type Capture struct {
	file *os.File
	done chan struct{}
	mu   sync.Mutex
	pkts []Packet
	lost uint32
}

// Capture starts a promiscuous capture on the interface; it sees what the host
// sends and what it receives. It ends with Stop or with the test.
func (h *Host) Capture(ifname string) *Capture {
	t := h.lab.t
	t.Helper()
	var fd int
	var err error
	h.Do(func() { fd, err = openCapture(ifname) })
	if err != nil {
		t.Fatalf("host %s: capture on %s: %v", h.Name, ifname, err)
	}
	c := &Capture{file: os.NewFile(uintptr(fd), "capture:"+ifname), done: make(chan struct{})}
	go c.read()
	t.Cleanup(c.Stop)
	return c
}

// openCapture opens the socket in the calling thread's namespace.
func openCapture(ifname string) (int, error) {
	ifi, err := net.InterfaceByName(ifname)
	if err != nil {
		return -1, err
	}
	// Protocol 0 receives nothing until bind names interface and protocol.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	steps := []func() error{
		func() error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20) },
		func() error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) },
		func() error {
			return unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP,
				&unix.PacketMreq{Ifindex: int32(ifi.Index), Type: unix.PACKET_MR_PROMISC})
		},
		func() error {
			return unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: ifi.Index, Protocol: htons(unix.ETH_P_ALL)})
		},
	}
	for _, step := range steps {
		if err := step(); err != nil {
			unix.Close(fd)
			return -1, err
		}
	}
	return fd, nil
}

// read collects until the file is closed.
func (c *Capture) read() {
	defer close(c.done)
	rc, err := c.file.SyscallConn()
	if err != nil {
		return
	}
	buf, oob := make([]byte, 65536), make([]byte, 256)
	_ = rc.Read(func(fd uintptr) bool { // ends with the error of a closed file
		for {
			n, on, _, from, err := unix.Recvmsg(int(fd), buf, oob, 0)
			switch err {
			case nil:
			case unix.EINTR, unix.ENETDOWN:
				continue
			default:
				return false // wait until readable
			}
			p := Packet{At: stamp(oob[:on]), Data: slices.Clone(buf[:n])}
			if ll, ok := from.(*unix.SockaddrLinklayer); ok {
				p.Outgoing = ll.Pkttype == unix.PACKET_OUTGOING
			}
			c.mu.Lock()
			c.pkts = append(c.pkts, p)
			c.mu.Unlock()
		}
	})
}

// stamp finds SCM_TIMESTAMPNS in the control data.
func stamp(oob []byte) time.Time {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return time.Time{}
	}
	for _, m := range msgs {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
		}
	}
	return time.Time{}
}

// Packets returns a copy of the list of frames captured so far, in order.
func (c *Capture) Packets() []Packet {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.pkts)
}

// Since returns the frames after the first n, for a reader that follows.
func (c *Capture) Since(n int) []Packet {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.pkts[min(n, len(c.pkts)):])
}

// Lost returns how many frames the kernel dropped because we read too slowly; it
// is known after Stop.
func (c *Capture) Lost() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int(c.lost)
}

// Stop ends the capture. What was captured stays readable.
func (c *Capture) Stop() {
	if rc, err := c.file.SyscallConn(); err == nil {
		_ = rc.Control(func(fd uintptr) {
			if st, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
				c.mu.Lock()
				c.lost += st.Drops
				c.mu.Unlock()
			}
		})
	}
	_ = c.file.Close()
	<-c.done
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }
