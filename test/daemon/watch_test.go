package daemon

import (
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// dirWatch collects the inotify events of a directory as "KIND name".
type dirWatch struct {
	mu     sync.Mutex
	events []string
}

var watchKinds = []struct {
	mask uint32
	name string
}{
	{unix.IN_CREATE, "CREATE"}, {unix.IN_MOVED_FROM, "MOVED_FROM"}, {unix.IN_MOVED_TO, "MOVED_TO"}, {unix.IN_MODIFY, "MODIFY"},
	{unix.IN_CLOSE_WRITE, "CLOSE_WRITE"}, {unix.IN_DELETE, "DELETE"},
}

// watch follows a directory of the daemon's mounts; each is called for an event before
// the next one is read.
func (r *rig) watch(dir string, each ...func(event string)) *dirWatch {
	r.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		r.Fatal(err)
	}
	var mask uint32
	for _, k := range watchKinds {
		mask |= k.mask
	}
	if _, err := unix.InotifyAddWatch(fd, r.p.Path(dir), mask); err != nil {
		r.Fatal(err)
	}
	f, w := os.NewFile(uintptr(fd), "inotify"), &dirWatch{}
	r.Cleanup(func() { f.Close() })
	go func() {
		buf := make([]byte, 65536)
		for {
			n, err := f.Read(buf)
			if err != nil {
				return
			}
			for b := buf[:n]; len(b) >= unix.SizeofInotifyEvent; {
				got, size := binary.NativeEndian.Uint32(b[4:]), int(binary.NativeEndian.Uint32(b[12:]))
				name := strings.TrimRight(string(b[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+size]), "\x00")
				b = b[unix.SizeofInotifyEvent+size:]
				for _, k := range watchKinds {
					if got&k.mask != 0 {
						w.add(k.name+" "+name, each)
					}
				}
			}
		}
	}()
	return w
}

func (w *dirWatch) add(event string, each []func(string)) {
	for _, f := range each {
		f(event)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, event)
}

func (w *dirWatch) list() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

// count counts an event.
func (w *dirWatch) count(event string) int {
	n := 0
	for _, e := range w.list() {
		n += btoi(e == event)
	}
	return n
}
