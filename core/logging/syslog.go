package logging

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Facility is a syslog facility (RFC 3164 §4.1.1), not yet shifted.
type Facility uint8

// The facilities keepalived -S knows. Kern is not among them: the kernel's own.
const (
	User     Facility = 1
	Mail     Facility = 2
	Daemon   Facility = 3
	Auth     Facility = 4
	Syslog   Facility = 5
	LPR      Facility = 6
	News     Facility = 7
	UUCP     Facility = 8
	Cron     Facility = 9
	AuthPriv Facility = 10
	FTP      Facility = 11
	Local0   Facility = 16 // to 23, Local7
)

var facilities = map[string]Facility{
	"user": User, "mail": Mail, "daemon": Daemon, "auth": Auth, "syslog": Syslog, "lpr": LPR,
	"news": News, "uucp": UUCP, "cron": Cron, "authpriv": AuthPriv, "ftp": FTP,
}

// ParseFacility reads the argument of -S: 0 to 7 or local0 to local7, user, daemon and
// the other names of syslog.conf.
func ParseFacility(s string) (Facility, error) {
	name := strings.ToLower(s)
	if n, err := strconv.ParseUint(strings.TrimPrefix(name, "local"), 10, 8); err == nil && n < 8 {
		return Local0 + Facility(n), nil
	}
	if f, ok := facilities[name]; ok {
		return f, nil
	}
	return 0, fmt.Errorf("unknown log facility %q", s)
}

// severity maps a level to syslog's. Most of keepalived's lines are LOG_INFO.
func severity(level slog.Level) int {
	switch {
	case level >= Alert:
		return 1
	case level >= slog.LevelError:
		return 3
	case level >= slog.LevelWarn:
		return 4
	case level >= Notice:
		return 5
	case level >= Extra:
		return 6
	}
	return 7
}

// Waits of the syslog client.
const (
	// stuckAfter is how long a write may wait for the daemon before the socket is
	// opened anew: the daemon may have been replaced behind a socket nobody reads.
	stuckAfter = time.Second
	// redialFirst and redialMost bound the pause while there is no daemon.
	redialFirst = 100 * time.Millisecond
	redialMost  = 5 * time.Second
)

// syslog sends records to the local syslog daemon as syslog(3) does.
type syslog struct {
	path     string
	ident    string
	pid      int
	facility Facility

	conn   *net.UnixConn
	stream bool // the daemon listens on a stream socket: records end with NUL
	pause  time.Duration
	buf    []byte
}

// write sends e, however long it takes until there is somebody to take it. It fails
// for a record the socket refuses and when ctx ends.
func (s *syslog) write(ctx context.Context, k *sink, e *entry) error {
	s.render(e)
	for tries := 0; ; tries++ {
		if tries > 1 && !s.rest(ctx) {
			return ctx.Err()
		}
		if s.conn == nil {
			if err := s.dial(); err != nil {
				k.setAway(true)
				tries = max(tries, 1)
				continue
			}
			k.setAway(false)
		}
		err := s.send()
		switch {
		case err == nil:
			s.pause = 0
			return nil
		case errors.Is(err, unix.EMSGSIZE):
			return err
		case errors.Is(err, unix.ENOBUFS):
		default: // stuck, or the daemon went away: ECONNREFUSED, ENOTCONN, EPIPE
			s.hangUp()
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// render makes `<30>Nov 20 10:45:35 Keepalived_vrrp[741]: text`, local time.
func (s *syslog) render(e *entry) {
	b := append(s.buf[:0], '<')
	b = strconv.AppendInt(b, int64(s.facility)<<3|int64(severity(e.level)), 10)
	b = append(b, '>')
	b = e.at.AppendFormat(b, "Jan _2 15:04:05 ")
	b = append(b, s.ident...)
	b = append(b, '[')
	b = strconv.AppendInt(b, int64(s.pid), 10)
	b = append(b, "]: "...)
	s.buf = append(b, clean(e.text)...)
}

func (s *syslog) dial() error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: s.path, Net: "unixgram"})
	if s.stream = errors.Is(err, unix.EPROTOTYPE); s.stream {
		conn, err = net.DialUnix("unix", nil, &net.UnixAddr{Name: s.path, Net: "unix"})
	}
	if err != nil {
		return err
	}
	s.conn = conn
	return nil
}

func (s *syslog) send() error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(stuckAfter)); err != nil {
		return err
	}
	if s.stream {
		s.buf = append(s.buf, 0)
		defer func() { s.buf = s.buf[:len(s.buf)-1] }()
	}
	_, err := s.conn.Write(s.buf)
	return err
}

func (s *syslog) hangUp() {
	// Nothing can be done about an error of closing a datagram socket.
	_ = s.conn.Close()
	s.conn = nil
}

// rest waits a little longer each time; false when ctx ended.
func (s *syslog) rest(ctx context.Context) bool {
	s.pause = min(max(2*s.pause, redialFirst), redialMost)
	t := time.NewTimer(s.pause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
