package daemon

import (
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// syslogServer collects what is sent to a /dev/log.
type syslogServer struct {
	path  string
	mu    sync.Mutex
	lines strings.Builder
}

func listenSyslog(t *testing.T) *syslogServer {
	t.Helper()
	s := &syslogServer{path: filepath.Join(t.TempDir(), "log")}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path, Net: "unixgram"})
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
			s.mu.Lock()
			s.lines.WriteString(strings.TrimRight(string(buf[:n]), "\x00\n") + "\n")
			s.mu.Unlock()
		}
	}()
	return s
}

func (s *syslogServer) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines.String()
}
