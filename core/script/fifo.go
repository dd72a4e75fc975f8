package script

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"keepalived/core/global"
)

// FIFOConfig is a notify FIFO.
type FIFOConfig struct {
	Path string
	// Name is the keyword without _fifo, for messages: notify, vrrp_notify, lvs_notify.
	Name string
	// UID and GID own a FIFO that is made here; -1 leaves them ours.
	UID, GID int
	// Say gets lines for the log, on the FIFO's goroutine.
	Say func(text string)
}

// FIFOOf is the FIFO of a keyword of global_defs; false: there is none. An owner that
// does not exist leaves it ours.
func FIFOOf(name string, f *global.FIFO, a Accounts) (c FIFOConfig, ok bool) {
	if f.Path == "" {
		return c, false
	}
	c = FIFOConfig{Path: f.Path, Name: name, UID: -1, GID: -1}
	if uid, gid, ok := a.User(f.User); ok {
		c.UID, c.GID = int(uid), int(gid)
	}
	if gid, ok := a.Group(f.Group); ok {
		c.GID = int(gid)
	}
	return c, true
}

// queueLines is how many lines wait while the FIFO is being opened; the pipe itself
// holds 64 KiB for a slow reader.
const queueLines = 1024

// FIFO is a named pipe that others read what happens from. One line is one write, so
// that several of our processes can share it.
type FIFO struct {
	config FIFOConfig
	lines  chan string
	quit   chan struct{}
	done   chan struct{}
	lost   atomic.Uint64
	made   bool
}

// OpenFIFO starts the writer of a FIFO: it is made with mode 0644 less the umask when
// it does not exist, and opened for reading and writing, so that no reader needs to be
// there. The writer ends with ctx or Close. Everything that could block happens on its
// goroutine.
func OpenFIFO(ctx context.Context, c FIFOConfig) *FIFO {
	if c.Say == nil {
		c.Say = func(string) {}
	}
	f := &FIFO{config: c, lines: make(chan string, queueLines), quit: make(chan struct{}), done: make(chan struct{})}
	go f.run(ctx)
	return f
}

// Path returns the path of the FIFO.
func (f *FIFO) Path() string { return f.config.Path }

// Write queues a line, newline included. It never blocks: what a full pipe or queue
// cannot take is lost and counted.
func (f *FIFO) Write(line string) {
	select {
	case f.lines <- line:
	default:
		f.lost.Add(1)
	}
}

// Lost returns the number of lines that nobody has been there to read.
func (f *FIFO) Lost() uint64 { return f.lost.Load() }

// Close lets what is queued be written and ends the writer. The FIFO stays for its
// readers and for whoever opens it next. To be called once, if Remove is not.
func (f *FIFO) Close() {
	close(f.quit)
	<-f.done
}

// Remove is Close, and a FIFO that was made here goes as well, as keepalived removes
// its own when it stops.
func (f *FIFO) Remove() {
	f.Close()
	if f.made {
		// A leftover is used again at the next start.
		_ = os.Remove(f.config.Path)
	}
}

func (f *FIFO) run(ctx context.Context) {
	defer close(f.done)
	fd := f.open()
	if fd >= 0 {
		defer unix.Close(fd)
	}
	for {
		select {
		case line := <-f.lines:
			f.put(fd, line)
			continue
		case <-ctx.Done():
		case <-f.quit:
		}
		break
	}
	for len(f.lines) > 0 {
		f.put(fd, <-f.lines)
	}
}

// put writes one line. A full pipe has no reader that cares: the line is lost in
// silence, as with keepalived.
func (f *FIFO) put(fd int, line string) {
	if fd < 0 {
		f.lost.Add(1)
		return
	}
	for {
		_, err := unix.Write(fd, []byte(line))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			f.lost.Add(1)
		}
		return
	}
}

// open returns -1 and says why when there is no FIFO to be had.
func (f *FIFO) open() (fd int) {
	c := &f.config
	err := unix.Mkfifo(c.Path, 0o644)
	switch {
	case err == nil:
		f.made = true
		if c.UID >= 0 || c.GID >= 0 {
			if err := unix.Lchown(c.Path, c.UID, c.GID); err != nil {
				c.Say(fmt.Sprintf("changing the owner of notify fifo %s to %d:%d: %v", c.Path, c.UID, c.GID, err))
			}
		}
	case err != unix.EEXIST:
		c.Say(fmt.Sprintf("Unable to create notify fifo %s (%v)", c.Path, err))
		return -1
	}
	fd, err = unix.Open(c.Path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		var errno unix.Errno
		_ = errors.As(err, &errno)
		c.Say(fmt.Sprintf("Unable to open %s fifo %s - errno %d (%v)", c.Name, c.Path, int(errno), err))
		return -1
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFIFO {
		// keepalived writes to whatever it finds, and some use a plain file as a log.
		c.Say(fmt.Sprintf("%s fifo %s is no fifo, lines are written to it all the same", c.Name, c.Path))
	}
	return fd
}
