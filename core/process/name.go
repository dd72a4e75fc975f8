package process

import (
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SetName sets the name that ps -o comm and the kernel show (at most 15 octets). It
// names the calling thread, so it belongs to the main thread at start, before others
// that inherit the name.
func SetName(name string) error {
	var buf [16]byte
	copy(buf[:15], name)
	if err := unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&buf)), 0, 0, 0); err != nil {
		return fmt.Errorf("naming the process %q: %w", name, err)
	}
	return nil
}

// umaskBits are the names that keepalived's umask keyword knows.
var umaskBits = map[string]int{
	"IRUSR": 0o400, "IWUSR": 0o200, "IXUSR": 0o100, "IRWXU": 0o700,
	"IRGRP": 0o040, "IWGRP": 0o020, "IXGRP": 0o010, "IRWXG": 0o070,
	"IROTH": 0o004, "IWOTH": 0o002, "IXOTH": 0o001, "IRWXO": 0o007,
}

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
