package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrRunning means that the pid file is held by a living daemon.
var ErrRunning = errors.New("daemon is already running")

// PIDFile is a pid file that this process holds locked. The lock, not the number,
// says that a daemon lives: a number may be anybody's by now.
type PIDFile struct {
	path string
	file *os.File
}

// WritePIDFile creates or takes over the file at path (0644), locks it and writes pid.
// stale is set when it was left behind by a process that no longer holds it ("Remove a
// zombie pid file X"). ErrRunning when another process does, or when the number in it is
// that of a living keepalived of another make, which locks nothing. A number that some
// other program has by now stops nobody, nor does garbage.
func WritePIDFile(path string, pid int) (p *PIDFile, stale bool, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, false, fmt.Errorf("making the directory of the pid file: %w", err)
	}
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
		if err != nil {
			return nil, false, fmt.Errorf("opening the pid file: %w", err)
		}
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
			_ = f.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				return nil, false, fmt.Errorf("%w (pid file %s is locked)", ErrRunning, path)
			}
			return nil, false, fmt.Errorf("locking %s: %w", path, err)
		}
		// Between opening and locking, its owner may have removed it.
		if !sameFile(f, path) {
			_ = f.Close()
			continue
		}
		old, _ := io.ReadAll(io.LimitReader(f, 32))
		stale = strings.TrimSpace(string(old)) != ""
		if other, err := strconv.Atoi(strings.TrimSpace(string(old))); err == nil && isOtherKeepalived(other) {
			_ = f.Close()
			return nil, false, fmt.Errorf("%w (process %d)", ErrRunning, other)
		}
		p = &PIDFile{path: path, file: f}
		if err := p.write(pid); err != nil {
			p.Remove()
			return nil, stale, err
		}
		return p, stale, nil
	}
}

func sameFile(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Lstat(path)
	return err == nil && os.SameFile(a, b)
}

func (p *PIDFile) write(pid int) error {
	// The umask (0177 by default) is for files with state in them; a pid file is for
	// everybody.
	err := p.file.Chmod(0o644)
	if err == nil {
		err = p.file.Truncate(0)
	}
	if err == nil {
		_, err = p.file.WriteAt([]byte(strconv.Itoa(pid)+"\n"), 0)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", p.path, err)
	}
	return nil
}

// Remove deletes the file, if it is still ours, and gives up the lock.
func (p *PIDFile) Remove() {
	if sameFile(p.file, p.path) {
		_ = os.Remove(p.path)
	}
	_ = p.file.Close()
}

// isOtherKeepalived reports whether pid is a living process of a program called
// keepalived that is not this one. One of ours would hold the lock.
func isOtherKeepalived(pid int) bool {
	if pid <= 1 || pid == os.Getpid() {
		return false
	}
	exe := fmt.Sprintf("/proc/%d/exe", pid)
	path, err := os.Readlink(exe)
	if err != nil || filepath.Base(strings.TrimSuffix(path, " (deleted)")) != "keepalived" {
		return false
	}
	theirs, err1 := os.Stat(exe)
	ours, err2 := os.Stat("/proc/self/exe")
	return err1 != nil || err2 != nil || !os.SameFile(theirs, ours)
}
