package script

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

func uid(c *Credential) uint32 {
	if c == nil {
		return uint32(os.Geteuid())
	}
	return c.UID
}

func gid(c *Credential) uint32 {
	if c == nil {
		return uint32(os.Getegid())
	}
	return c.GID
}

// permits reports whether the mode of a file allows c what (1 execute or search, 2
// write, 4 read). Where the mode says no but the file has an access control list, the
// answer is yes: execve will know.
func permits(st *unix.Stat_t, path string, c *Credential, what uint32) bool {
	if uid(c) == 0 {
		return st.Mode&unix.S_IFMT == unix.S_IFDIR || what != 1 || st.Mode&0o111 != 0
	}
	shift := 0
	switch {
	case st.Uid == uid(c):
		shift = 6
	case st.Gid == gid(c) || c != nil && slices.Contains(c.Groups, st.Gid):
		shift = 3
	}
	if st.Mode>>shift&what == what {
		return true
	}
	_, err := unix.Lgetxattr(path, "system.posix_acl_access", nil)
	return err == nil
}

// accessible reports why c cannot come to the file: it does not exist, or a directory
// on the way is closed. Links are followed.
func accessible(path string, c *Credential) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	for _, p := range []string{path, real} {
		for _, dir := range ancestors(p) {
			if err := unix.Stat(dir, &st); err != nil {
				return err
			}
			if !permits(&st, dir, c, 1) {
				return unix.EACCES
			}
		}
	}
	return nil
}

// ancestors returns the directories of path from the root on, without path itself.
func ancestors(path string) []string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	dirs := []string{"/"}
	for i, r := range path {
		if r == '/' && i > 0 {
			dirs = append(dirs, path[:i])
		}
	}
	return dirs
}

// powerful reports whether the file runs with root's user or group, by whom it is
// started or by its set-user-ID bit: only then its permissions are of interest.
func powerful(st *unix.Stat_t, c *Credential) bool {
	return uid(c) == 0 || gid(c) == 0 ||
		st.Mode&unix.S_ISUID != 0 && st.Uid == 0 || st.Mode&unix.S_ISGID != 0 && st.Gid == 0
}

// unsafe tells who but root could put something else in the place of path, and what to
// do about it; "" when nobody can. Rules as seen on 2.2.7: every component belongs to
// root; nobody else may write to it, but for directories with the sticky bit; root's
// own group may.
func unsafe(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return err.Error()
	}
	for _, p := range append(ancestors(abs), abs) {
		var st unix.Stat_t
		if err := unix.Lstat(p, &st); err != nil {
			return fmt.Sprintf("%s cannot be looked at: %v", p, err)
		}
		isLink := st.Mode&unix.S_IFMT == unix.S_IFLNK
		sticky := st.Mode&unix.S_ISVTX != 0 && st.Mode&unix.S_IFMT == unix.S_IFDIR
		switch {
		case st.Uid != 0:
			return culprit(p, &st, "chown root "+p)
		case isLink || sticky:
		case st.Mode&unix.S_IWOTH != 0:
			return culprit(p, &st, "chmod o-w "+p)
		case st.Mode&unix.S_IWGRP != 0 && st.Gid != 0:
			return culprit(p, &st, "chmod g-w "+p)
		}
	}
	return ""
}

func culprit(path string, st *unix.Stat_t, cure string) string {
	return fmt.Sprintf("%s has owner %d:%d and mode %04o, so that others than root can change what root runs; %s",
		path, st.Uid, st.Gid, st.Mode&0o7777, strings.TrimSpace(cure))
}
