package unixsock

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// shortDir is a directory whose socket paths fit into 108 octets.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "us")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func wantMode(t *testing.T, name string, want os.FileMode) {
	t.Helper()
	st, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if got := st.Mode().Perm(); got != want {
		t.Errorf("%s has mode %o, want %o", name, got, want)
	}
}

func TestListenModesWhateverTheUmask(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o177, 0o777} {
		old := unix.Umask(umask)
		dir := filepath.Join(shortDir(t), "run", "keepalived")
		private, err := Listen(filepath.Join(dir, "a"), Access{})
		var group, nobody net.Listener
		if err == nil {
			group, err = Listen(filepath.Join(dir, "b"), Access{Group: "root"})
		}
		if err == nil {
			nobody, err = Listen(filepath.Join(dir, "c"), Access{Group: "no-such-group-here"})
		}
		unix.Umask(old)
		if err != nil {
			t.Fatalf("umask %o: %v", umask, err)
		}
		wantMode(t, dir, 0o755)
		wantMode(t, filepath.Join(dir, "a"), 0o600)
		wantMode(t, filepath.Join(dir, "b"), 0o660)
		wantMode(t, filepath.Join(dir, "c"), 0o600)
		for _, l := range []net.Listener{private, group, nobody} {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

func TestListenLeavesTheModeOfAnExistingDirectory(t *testing.T) {
	dir := shortDir(t)
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := Listen(filepath.Join(dir, "s"), Access{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	wantMode(t, dir, 0o700)
}

func TestListenOnWhatIsThere(t *testing.T) {
	path := filepath.Join(shortDir(t), "s")
	first, err := Listen(path, Access{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path, Access{}); !errors.Is(err, ErrInUse) {
		t.Errorf("a socket somebody answers on: %v, want ErrInUse", err)
	}
	// A dead process leaves its socket: closing the descriptor alone does.
	if err := first.(*listener).UnixListener.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Listen(path, Access{})
	if err != nil {
		t.Fatalf("a stale socket: %v", err)
	}
	// The first listener's late Close must not take the second one's socket away.
	_ = first.Close()
	if c, err := net.Dial("unix", path); err != nil {
		t.Errorf("the second is not reached: %v", err)
	} else {
		_ = c.Close()
	}
	_ = second.Close()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close: %v", err)
	}
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path, Access{}); err == nil {
		t.Error("a plain file was replaced")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", path); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path, Access{}); err == nil {
		t.Error("a symbolic link was replaced")
	}
}

func TestPeerOf(t *testing.T) {
	path := filepath.Join(shortDir(t), "s")
	l, err := Listen(path, Access{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	want := Peer{PID: int32(os.Getpid()), UID: uint32(syscall.Getuid()), GID: uint32(syscall.Getgid())}
	if got, err := PeerOf(server); err != nil || got != want {
		t.Errorf("peer %+v (%v), want %+v", got, err, want)
	}
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if _, err := PeerOf(a); err == nil {
		t.Error("a pipe has a peer")
	}
}
