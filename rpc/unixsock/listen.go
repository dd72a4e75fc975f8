// Package unixsock makes the daemon's unix sockets and tells who is at the other
// end of a connection. It knows nothing of what is spoken on them; it imports
// nothing of the project.
package unixsock

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Dir is where the sockets are unless an instance name adds a directory.
const Dir = "/run/keepalived"

// ErrInUse means that another process answers on the socket.
var ErrInUse = errors.New("another process answers on it")

// Access is who may connect to a socket.
type Access struct {
	// Group may connect besides root (mode 0660). Empty, or a group that does not
	// exist in /etc/group: root alone (mode 0600).
	Group string
}

// Listen makes a stream socket at path and its directory (0755) if there is none.
// A socket left behind by a dead process is replaced; if somebody answers on it
// the error is ErrInUse; anything at path that is no socket is left alone and an
// error. The socket never exists under its name with wider access than asked
// for. Closing the listener removes the socket.
func Listen(path string, access Access) (net.Listener, error) {
	gid, err := groupID(access.Group)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	if err := makeDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	if err := checkStale(path); err != nil {
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	// Made beside the target and renamed over it: no moment without a socket, and
	// none in which it has the wrong mode.
	temp := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d", filepath.Base(path), os.Getpid()))
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	lc := net.ListenConfig{Control: ownerOnly}
	l, err := lc.Listen(context.Background(), "unix", temp)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	ul := l.(*net.UnixListener)
	ul.SetUnlinkOnClose(false)
	if err := publish(temp, path, gid); err != nil {
		_ = ul.Close()
		_ = os.Remove(temp)
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	st, err := os.Lstat(path)
	if err != nil {
		_ = ul.Close()
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	return &listener{UnixListener: ul, path: path, made: st}, nil
}

// ownerOnly sets the mode the socket file will be bound with: the kernel takes it
// from the socket's own inode, less the umask (unix_bind).
func ownerOnly(_, _ string, c syscall.RawConn) error {
	var chmodErr error
	err := c.Control(func(fd uintptr) { chmodErr = unix.Fchmod(int(fd), 0o600) })
	return errors.Join(err, chmodErr)
}

func publish(temp, path string, gid int) error {
	mode := os.FileMode(0o600)
	if gid >= 0 {
		if err := os.Chown(temp, 0, gid); err != nil {
			return err
		}
		mode = 0o660
	}
	if err := os.Chmod(temp, mode); err != nil { // the umask may have taken bits away
		return err
	}
	return os.Rename(temp, path)
}

// groupID is -1 when there is no such group.
func groupID(name string) (int, error) {
	if name == "" {
		return -1, nil
	}
	g, err := user.LookupGroup(name)
	var unknown user.UnknownGroupError
	switch {
	case errors.As(err, &unknown), errors.Is(err, os.ErrNotExist):
		return -1, nil
	case err != nil:
		return -1, err
	}
	return strconv.Atoi(g.Gid)
}

// makeDir makes dir with mode 0755 whatever the umask is; an existing one keeps its mode.
func makeDir(dir string) error {
	switch err := os.Mkdir(dir, 0o755); {
	case errors.Is(err, os.ErrExist):
		return nil
	case errors.Is(err, os.ErrNotExist):
		if err := makeDir(filepath.Dir(dir)); err != nil {
			return err
		}
		return makeDir(dir)
	case err != nil:
		return err
	}
	return os.Chmod(dir, 0o755)
}

// checkStale is nil if path is free or holds a socket on which nobody answers.
func checkStale(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%s is there and no socket", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		_ = conn.Close()
		return ErrInUse
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ENOENT):
		return nil
	default: // EAGAIN: its backlog is full, so somebody owns it
		return fmt.Errorf("%w (%w)", ErrInUse, err)
	}
}

// listener removes its socket when it is closed, unless another took its place.
type listener struct {
	*net.UnixListener
	path string
	made os.FileInfo
}

func (l *listener) Close() error {
	if st, err := os.Lstat(l.path); err == nil && os.SameFile(st, l.made) {
		_ = os.Remove(l.path)
	}
	return l.UnixListener.Close()
}
