package process

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Accounts reads users and groups from /etc/passwd and /etc/group. The binary is built
// without cgo, so name service modules (LDAP, NIS, systemd-userdb) are not asked: users
// and groups of scripts, FIFOs and sockets must be in these files.
type Accounts struct {
	// Passwd and GroupFile are the files; "" is /etc/passwd and /etc/group.
	Passwd, GroupFile string
}

// IDs are the numbers of a user and a group; without a user root's, without a group
// the user's own.
func (a Accounts) IDs(user, group string) (uid, gid uint32) {
	uid, gid, _ = a.User(user)
	if g, ok := a.Group(group); ok {
		gid = g
	}
	return uid, gid
}

// User returns the numbers of a user.
func (a Accounts) User(name string) (uid, gid uint32, ok bool) {
	_ = lines(a.Passwd, "/etc/passwd", func(f []string) bool {
		if f[0] != name || len(f) < 4 {
			return true
		}
		u, err1 := strconv.ParseUint(f[2], 10, 32)
		g, err2 := strconv.ParseUint(f[3], 10, 32)
		if err1 != nil || err2 != nil {
			return true
		}
		uid, gid, ok = uint32(u), uint32(g), true
		return false
	})
	return uid, gid, ok
}

// Name returns the user of a number: the first line that has it, as getpwuid(3).
func (a Accounts) Name(uid uint32) (name string, ok bool) {
	want := strconv.FormatUint(uint64(uid), 10)
	_ = lines(a.Passwd, "/etc/passwd", func(f []string) bool {
		if len(f) >= 4 && f[2] == want && f[0] != "" {
			name, ok = f[0], true
		}
		return !ok
	})
	return name, ok
}

// Group returns the number of a group.
func (a Accounts) Group(name string) (gid uint32, ok bool) {
	_ = a.groups(func(group string, g uint32, _ []string) bool {
		if group == name {
			gid, ok = g, true
		}
		return !ok
	})
	return gid, ok
}

// Groups returns the groups of a user, gid first.
func (a Accounts) Groups(user string, gid uint32) []uint32 {
	all := []uint32{gid}
	_ = a.groups(func(_ string, g uint32, members []string) bool {
		if slices.Contains(members, user) && !slices.Contains(all, g) {
			all = append(all, g)
		}
		return true
	})
	return all
}

func (a Accounts) groups(each func(name string, gid uint32, members []string) bool) error {
	return lines(a.GroupFile, "/etc/group", func(f []string) bool {
		if len(f) < 3 {
			return true
		}
		gid, err := strconv.ParseUint(f[2], 10, 32)
		if err != nil {
			return true
		}
		var members []string
		if len(f) > 3 && f[3] != "" {
			members = strings.Split(f[3], ",")
		}
		return each(f[0], uint32(gid), members)
	})
}

// lines calls each with the fields of every line until it is false. A machine without
// the file has no users.
func lines(path, usual string, each func(fields []string) bool) error {
	if path == "" {
		path = usual
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for users: %w", err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20) // a group may have many members
	for in.Scan() {
		line := strings.TrimSpace(in.Text())
		if line == "" || line[0] == '#' || line[0] == '+' || line[0] == '-' {
			continue // comments, and NIS entries
		}
		if !each(strings.Split(line, ":")) {
			return nil
		}
	}
	return in.Err()
}
