package daemon

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// TestGenhash: the program is genhash under that name and with --genhash, and accepts
// certificates that only its build makes acceptable (//go:debug).
func TestGenhash(t *testing.T) {
	t.Parallel()
	netlab.Need(t, "cmd:openssl")
	dir := t.TempDir()
	link := filepath.Join(dir, "genhash")
	if err := os.Symlink(ours, link); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	l.Close()
	if out, err := exec.Command("openssl", "req", "-x509", "-nodes", "-newkey", "rsa:512", "-sha1", "-set_serial", "-5", "-subj", "/CN=weak",
		"-keyout", dir+"/key", "-out", dir+"/cert").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.WriteFile(dir+"/page", []byte("hello\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	// -WWW serves the files of the directory it runs in.
	server := exec.Command("openssl", "s_server", "-WWW", "-quiet", "-accept", "127.0.0.1:"+port, "-cert", "cert", "-key", "key",
		"-tls1", "-cipher", "DEFAULT:@SECLEVEL=0")
	server.Dir = dir
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	netlab.Eventually(t, 10*time.Second, "openssl s_server", func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	args := []string{"-S", "-s", "127.0.0.1", "-p", port, "-u", "/page"}
	for _, c := range []*exec.Cmd{exec.Command(link, args...), exec.Command(ours, append([]string{"--genhash"}, args...)...)} {
		a := call(t, c)
		if a.status != 0 || a.err != "" || !regexp.MustCompile(`^[0-9a-f]{32}\n$`).MatchString(a.out) {
			t.Errorf("%q: %v", c.Args, a)
		}
	}
	if a := call(t, exec.Command(link, "-s", "127.0.0.1", "-p", "1", "-u", "/")); a.status != 1 || a.out != "" || a.err == "" {
		t.Errorf("refused: %v", a)
	}
}
