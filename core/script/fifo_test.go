package script

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// say collects lines for the log.
type say struct {
	mu    sync.Mutex
	lines []string
}

func (s *say) add(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, text)
}

func (s *say) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines
}

func reader(t *testing.T, path string) *os.File {
	t.Helper()
	eventually(t, path+" exists", func() bool { _, err := os.Stat(path); return err == nil })
	r, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func readText(t *testing.T, r *os.File, n int) string {
	t.Helper()
	buf := make([]byte, n)
	got := 0
	eventually(t, fmt.Sprintf("%d octets in the fifo", n), func() bool {
		if err := r.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		m, err := r.Read(buf[got:])
		if err != nil && err != io.EOF { // EOF: the writer has not opened it yet
			t.Fatalf("after %q: %v", buf[:got], err)
		}
		got += m
		return got == n
	})
	return string(buf)
}

func TestFIFOIsMadeAndRemoved(t *testing.T) {
	needRoot(t)
	old := unix.Umask(0o177)
	defer unix.Umask(old)
	path := filepath.Join(t.TempDir(), "fifo")
	f := OpenFIFO(t.Context(), FIFOConfig{Path: path, UID: -1, GID: 65534})
	f.Write("INSTANCE \"VI_1\" BACKUP 150\n")
	f.Write("INSTANCE \"VI_1\" MASTER 150\n")
	r := reader(t, path)
	want := "INSTANCE \"VI_1\" BACKUP 150\nINSTANCE \"VI_1\" MASTER 150\n"
	if got := readText(t, r, len(want)); got != want {
		t.Errorf("read %q", got)
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil || st.Mode != unix.S_IFIFO|0o600 || st.Gid != 65534 || st.Uid != 0 {
		t.Errorf("mode %o owner %d:%d, %v", st.Mode, st.Uid, st.Gid, err)
	}
	stop := "INSTANCE \"VI_1\" STOP 150\n"
	for range 200 {
		f.Write(stop)
	}
	f.Remove()
	if got := readText(t, r, 200*len(stop)); got != strings.Repeat(stop, 200) {
		t.Errorf("what was queued before Remove: %q", got)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the fifo is still there: %v", err)
	}
}

func TestFIFOOfOthersStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o640); err != nil {
		t.Fatal(err)
	}
	f := OpenFIFO(t.Context(), FIFOConfig{Path: path, UID: 1, GID: 1})
	f.Write("x\n")
	readText(t, reader(t, path), 2)
	f.Remove()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil || st.Mode != unix.S_IFIFO|0o640 || st.Uid != uint32(os.Geteuid()) {
		t.Errorf("mode %o owner %d, %v", st.Mode, st.Uid, err)
	}
}

// TestFIFONobodyReads: a full pipe loses lines, in silence and without blocking, and
// whole lines only.
func TestFIFONobodyReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	s := &say{}
	f := OpenFIFO(t.Context(), FIFOConfig{Path: path, UID: -1, GID: -1, Say: s.add})
	const lines = 20000
	var worst time.Duration
	for i := range lines {
		before := time.Now()
		f.Write(fmt.Sprintf("INSTANCE \"VI_%05d\" MASTER 100\n", i))
		worst = max(worst, time.Since(before))
	}
	t.Logf("worst Write: %v", worst)
	f.Close()
	lost := f.Lost()
	if lost == 0 || lost >= lines {
		t.Errorf("%d lost", lost)
	}
	if said := s.all(); len(said) > 0 {
		t.Errorf("said %q", said)
	}

	// Somebody comes back to it: the next daemon or configuration.
	f = OpenFIFO(t.Context(), FIFOConfig{Path: path, UID: -1, GID: -1})
	r := reader(t, path)
	f.Write("end\n")
	if got := readText(t, r, 4); got != "end\n" {
		t.Errorf("read %q", got)
	}
	f.Close()
}

func TestFIFOTexts(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(dir+"/d", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir+"/file", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir + "/nodir/f": "Unable to create notify fifo " + dir + "/nodir/f",
		dir + "/d":       "Unable to open vrrp_notify fifo " + dir + "/d - errno 21",
		dir + "/link":    "Unable to open vrrp_notify fifo " + dir + "/link - errno 40",
		dir + "/file":    "vrrp_notify fifo " + dir + "/file is no fifo, lines are written to it all the same",
	} {
		s := &say{}
		ctx, cancel := context.WithCancel(t.Context())
		f := OpenFIFO(ctx, FIFOConfig{Path: path, Name: "vrrp_notify", UID: -1, GID: -1, Say: s.add})
		f.Write("x\n")
		cancel()
		<-f.done
		said := s.all()
		if len(said) != 1 || !strings.HasPrefix(said[0], want) {
			t.Errorf("said %q, want %q", said, want)
		}
	}
	if text, err := os.ReadFile(dir + "/file"); err != nil || string(text) != "x\n" {
		t.Errorf("the file holds %q, %v", text, err)
	}
}
