package process

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// DumpPath is where a dump goes: name in dir, unless the configuration says otherwise. A
// configured path with a slash at its end is a directory, one without a slash at its
// beginning lies below dir.
func DumpPath(dir, configured, name string) string {
	switch {
	case configured == "":
		return filepath.Join(dir, name)
	case strings.HasSuffix(configured, "/"):
		return filepath.Join(configured, name)
	case !filepath.IsAbs(configured):
		return filepath.Join(dir, configured)
	}
	return configured
}

// RealPath is a path of the configuration from the root on and without symbolic links, as
// far as they can be followed now; one without a slash at its beginning lies beside the
// file beside.
func RealPath(path, beside string) string {
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(beside), path)
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		path = filepath.Join(dir, filepath.Base(path))
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return path
}

// ReplaceFile makes text the whole content of the file at path, mode 0666 less the
// umask: 0600 with keepalived's usual one, 0644 with -u 022 (observed).
//
// Readers of the old content are not disturbed, and whoever waits for IN_CLOSE_WRITE on
// path finds the new content whole: the text is written to a file of another name
// beside it, that file is renamed, and only then closed. On an error (a full disk) the
// old file stays as it was.
//
// The other name begins with a dot and the base name, so that no pattern by which
// readers tidy up (keepalived.json*) matches it. A symbolic link at path is replaced,
// never followed.
func ReplaceFile(path string, text []byte) error {
	var suffix [6]byte
	_, _ = rand.Read(suffix[:])
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+hex.EncodeToString(suffix[:]))
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	_, err = f.Write(text)
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		_ = os.Remove(temp)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
