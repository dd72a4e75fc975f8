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
// stale is set when it was left behind by a process that no longer holds it. ErrRunning
// when another process does.
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

// Remove deletes the file and gives up the lock.
func (p *PIDFile) Remove() {
	_ = os.Remove(p.path)
	_ = p.file.Close()
}
