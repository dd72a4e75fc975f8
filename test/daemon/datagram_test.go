package daemon

import (
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// datagrams collects what is sent to a unix datagram socket: a /dev/log or a
// NOTIFY_SOCKET.
type datagrams struct {
	path string
	mu   sync.Mutex
	msgs []string
}

func listenDatagrams(t *testing.T) *datagrams {
	t.Helper()
	d := &datagrams{path: filepath.Join(t.TempDir(), "socket")}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: d.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		buf := make([]byte, 8192)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			d.mu.Lock()
			d.msgs = append(d.msgs, strings.TrimRight(string(buf[:n]), "\x00\n"))
			d.mu.Unlock()
		}
	}()
	return d
}

func (d *datagrams) list() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.msgs)
}

func (d *datagrams) text() string { return strings.Join(d.list(), "\n") }

// monotonic reads CLOCK_MONOTONIC in microseconds.
func monotonic() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return ts.Nano() / 1000
}
