package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxName is the length of a process name, as the kernel keeps it.
const maxName = 15

// SetName sets the name that ps -o comm, pidof and the kernel show, for every thread of
// the process. keepalived cuts a longer one at 15 octets. Threads made later inherit it.
func SetName(name string) error {
	if len(name) > maxName {
		name = name[:maxName]
	}
	err := eachThread(func(tid int) error {
		return os.WriteFile("/proc/self/task/"+strconv.Itoa(tid)+"/comm", []byte(name), 0)
	})
	if err != nil {
		return fmt.Errorf("naming the process %q: %w", name, err)
	}
	return nil
}

// eachThread calls f for every thread of the process, until a look finds no new one.
func eachThread(f func(tid int) error) error {
	done := map[int]bool{}
	for {
		dir, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		fresh := false
		for _, e := range dir {
			tid, err := strconv.Atoi(e.Name())
			if err != nil || done[tid] {
				continue
			}
			done[tid], fresh = true, true
			if err := f(tid); err != nil && !gone(tid) {
				return err
			}
		}
		if !fresh {
			return nil
		}
	}
}

// gone reports whether a thread has ended.
func gone(tid int) bool {
	return unix.Tgkill(os.Getpid(), tid, 0) == unix.ESRCH
}

// umaskBits are the names that keepalived's umask keyword knows.
var umaskBits = map[string]int{
	"IRUSR": 0o400, "IWUSR": 0o200, "IXUSR": 0o100, "IRWXU": 0o700,
	"IRGRP": 0o040, "IWGRP": 0o020, "IXGRP": 0o010, "IRWXG": 0o070,
	"IROTH": 0o004, "IWOTH": 0o002, "IXOTH": 0o001, "IRWXO": 0o007,
}

// DefaultUmask is keepalived's: files with state in them are for root alone.
const DefaultUmask = 0o177

// ParseUmask reads a umask: a number (0 octal, 0x hexadecimal, else decimal) or names of
// bits joined by |.
func ParseUmask(s string) (int, error) {
	if n, err := strconv.ParseUint(s, 0, 32); err == nil {
		if n > 0o777 {
			return 0, fmt.Errorf("umask %s is not in 0..0777", s)
		}
		return int(n), nil
	}
	mask := 0
	for name := range strings.SplitSeq(s, "|") {
		bits, ok := umaskBits[strings.TrimSpace(name)]
		if !ok {
			return 0, fmt.Errorf("umask %s: want a number or names such as IRUSR|IWUSR", s)
		}
		mask |= bits
	}
	return mask, nil
}

// HostName is the host's name, "" when it cannot be found out.
func HostName() string {
	name, _ := os.Hostname()
	return name
}
