package process

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// events reads what inotify has to say about a directory, as "EVENT name".
func events(t *testing.T, fd int) []string {
	t.Helper()
	buf := make([]byte, 64<<10)
	n, err := unix.Read(fd, buf)
	if err != nil {
		t.Fatal(err)
	}
	names := map[uint32]string{unix.IN_CREATE: "CREATE", unix.IN_MOVED_FROM: "FROM", unix.IN_MOVED_TO: "TO",
		unix.IN_CLOSE_WRITE: "CLOSE_WRITE", unix.IN_DELETE: "DELETE", unix.IN_MODIFY: "MODIFY"}
	var all []string
	for b := buf[:n]; len(b) > 0; {
		e := (*unix.InotifyEvent)(unsafe.Pointer(&b[0]))
		name, _, _ := strings.Cut(string(b[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+e.Len]), "\x00")
		if strings.HasPrefix(name, ".") {
			name = "temp"
		}
		all = append(all, names[e.Mask]+" "+name)
		b = b[unix.SizeofInotifyEvent+e.Len:]
	}
	return all
}

// TestRenameThenClose: VyOS waits for IN_CLOSE_WRITE on the final name.
func TestRenameThenClose(t *testing.T) {
	dir := t.TempDir()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_MOVE|unix.IN_CLOSE_WRITE|unix.IN_DELETE); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "keepalived.json")
	if err := ReplaceFile(path, []byte("[]")); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(events(t, fd), ", ")
	if want := "CREATE temp, FROM temp, TO keepalived.json, CLOSE_WRITE keepalived.json"; got != want {
		t.Errorf("events %s, want %s", got, want)
	}
}

func TestModeIsLeftToTheUmask(t *testing.T) {
	for mask, want := range map[int]os.FileMode{0o177: 0o600, 0o022: 0o644, 0: 0o666} {
		path := filepath.Join(t.TempDir(), "f")
		old := unix.Umask(mask)
		err := ReplaceFile(path, []byte("x"))
		unix.Umask(old)
		if err != nil {
			t.Fatal(err)
		}
		if st, err := os.Stat(path); err != nil || st.Mode() != want {
			t.Errorf("umask %o: mode %v, %v", mask, st.Mode(), err)
		}
	}
}

func TestLinkIsReplacedNotFollowed(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "keepalived.data")
	if err := os.Symlink(victim, path); err != nil {
		t.Fatal(err)
	}
	if err := ReplaceFile(path, []byte("dump")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(victim); err != nil || string(got) != "precious" {
		t.Errorf("the link was followed: %q, %v", got, err)
	}
	if st, err := os.Lstat(path); err != nil || !st.Mode().IsRegular() {
		t.Errorf("%v, %v", st, err)
	}
}

// TestFullDisk: the old file stays whole, nothing else is left, the error says why.
func TestFullDisk(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	path := filepath.Join(dir, "keepalived.data")
	if err := ReplaceFile(path, []byte("old and whole")); err != nil {
		t.Fatal(err)
	}
	err := ReplaceFile(path, bytes.Repeat([]byte("x"), 128<<10))
	if !errors.Is(err, unix.ENOSPC) || !strings.HasPrefix(err.Error(), "writing "+path+": ") {
		t.Errorf("error %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "old and whole" {
		t.Errorf("the old file holds %.20q, %v", got, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := ReplaceFile(filepath.Join(dir, "none", "f"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without directory: %v", err)
	}
}

func TestPIDFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "run", "keepalived.pid")
	old := unix.Umask(0o177)
	p, stale, err := WritePIDFile(path, 4711)
	unix.Umask(old)
	if err != nil || stale {
		t.Fatalf("stale %v, %v", stale, err)
	}
	// Exporters strip one newline and nothing else.
	if text, err := os.ReadFile(path); err != nil || string(text) != "4711\n" {
		t.Errorf("holds %q, %v", text, err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode() != 0o644 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	if _, _, err := WritePIDFile(path, 1); !errors.Is(err, ErrRunning) {
		t.Errorf("a second daemon: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "4711\n" {
		t.Errorf("after a second daemon it holds %q, %v", text, err)
	}
	p.Remove()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
	p, stale, err = WritePIDFile(path, 5)
	if err != nil || stale {
		t.Fatalf("after Remove: stale %v, %v", stale, err)
	}
	// Somebody cleans up /run, and a new daemon makes the file anew.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	q, _, err := WritePIDFile(path, 6)
	if err != nil {
		t.Fatal(err)
	}
	p.Remove()
	if text, err := os.ReadFile(path); err != nil || string(text) != "6\n" {
		t.Errorf("another daemon's file is gone: %q, %v", text, err)
	}
	q.Remove()
}

// TestStalePIDFile: a container that is killed and started again finds a pid file whose
// number is anybody's, its own perhaps.
func TestStalePIDFile(t *testing.T) {
	dir := t.TempDir()
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "keepalived") // as keepalived in C: locks nothing
	if err := os.WriteFile(other, text, 0o755); err != nil {
		t.Fatal(err)
	}
	run := func(path string) int {
		cmd := exec.Command(path, "60")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		return cmd.Process.Pid
	}
	tests := []struct {
		name, text string
		running    bool
	}{
		{"ended process", "4194304\n", false},
		{"init", "1\n", false},
		{"ourselves", pidText(os.Getpid()), false},
		{"another program", pidText(run(sleep)), false},
		{"garbage", "garbage", false},
		{"no newline", "4194304", false},
		{"a keepalived that does not lock", pidText(run(other)), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(dir, "pid")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			p, stale, err := WritePIDFile(path, 7)
			if errors.Is(err, ErrRunning) != tt.running {
				t.Fatalf("%v", err)
			}
			if tt.running {
				if text, err := os.ReadFile(path); err != nil || string(text) != tt.text {
					t.Errorf("its file was changed: %q, %v", text, err)
				}
				return
			}
			if err != nil || !stale {
				t.Fatalf("stale %v, %v", stale, err)
			}
			if text, err := os.ReadFile(path); err != nil || string(text) != "7\n" {
				t.Errorf("holds %q, %v", text, err)
			}
			p.Remove()
		})
	}
	path := filepath.Join(dir, "empty")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stale, err := WritePIDFile(path, 7); err != nil || stale {
		t.Errorf("an empty file: stale %v, %v", stale, err)
	}
	if err := os.Symlink("/etc/passwd", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := WritePIDFile(dir+"/link", 7); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a link: %v", err)
	}
}

func pidText(pid int) string { return strconv.Itoa(pid) + "\n" }
