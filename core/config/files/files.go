// Package files gives the configuration parser the real file system. It has
// effects (it reads files); it must not import anything of the project but
// core/config.
package files

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keepalived/core/config"
)

// OS is the file system of this process: config.Files.
type OS struct{}

// maxSize bounds one configuration file, in octets.
const maxSize = 64 << 20

// Read returns the content of a regular, non-executable file: what may be run is
// no configuration, says keepalived. Nothing else is opened, so that a FIFO or a
// device cannot keep the reader waiting.
func (OS) Read(name string) ([]byte, error) {
	// To open a device can have effects, so look first.
	if info, err := os.Stat(name); err != nil {
		return nil, reason(err)
	} else if err := plain(info); err != nil {
		return nil, err
	}
	// Without O_NONBLOCK a FIFO put there since would hang the daemon.
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, reason(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, reason(err)
	}
	if err := plain(info); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	text.Grow(int(info.Size()) + bytes.MinRead) // all of it at once: it need not move
	if _, err := text.ReadFrom(io.LimitReader(f, maxSize)); err != nil {
		return nil, reason(err)
	}
	return text.Bytes(), nil
}

// plain says why a file is not read.
func plain(info os.FileInfo) error {
	switch {
	case info.IsDir():
		return config.ErrDirectory
	case !info.Mode().IsRegular() || info.Mode().Perm()&0o111 != 0:
		return config.ErrNotPlain
	case info.Size() > maxSize:
		return config.ErrTooLarge
	}
	return nil
}

// reason takes the operation and the name off an error; the parser says both.
func reason(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}

// Glob expands a pattern as glob(3) with GLOB_BRACE does: each alternative's
// names in order, a name as often as alternatives match it. Directories that cannot be
// read are passed over; as names that do not exist they make the error fs.ErrNotExist.
func (OS) Glob(pattern string) ([]string, error) {
	var found []string
	var absent error
	for _, p := range config.ExpandBraces(pattern) {
		names, whole := match(p)
		found = append(found, names...)
		if !whole {
			absent = fs.ErrNotExist
		}
	}
	return found, absent
}

// match expands a pattern without braces; whole is false when something that it names
// was not there to be looked at.
func match(pattern string) (found []string, whole bool) {
	if !strings.ContainsAny(pattern, "*?[") {
		name := config.PlainName(pattern)
		if _, err := os.Lstat(name); err != nil {
			return nil, false
		}
		return []string{name}, true
	}
	whole = true
	dir, last := filepath.Split(pattern)
	dirs := []string{config.PlainName(dir)}
	if strings.ContainsAny(dir, "*?[") {
		var names []string
		names, whole = match(strings.TrimRight(dir, "/"))
		dirs = nil
		for _, d := range names {
			dirs = append(dirs, d+"/")
		}
	}
	for _, d := range dirs {
		if !strings.ContainsAny(last, "*?[") {
			name := d + config.PlainName(last)
			if _, err := os.Lstat(name); err == nil {
				found = append(found, name)
			} else {
				whole = false
			}
			continue
		}
		at := d
		if at == "" {
			at = "."
		}
		entries, err := os.ReadDir(at)
		whole = whole && err == nil
		for _, e := range entries {
			if config.MatchName(last, e.Name()) {
				found = append(found, d+e.Name())
			}
		}
	}
	slices.Sort(found)
	return found, whole
}
