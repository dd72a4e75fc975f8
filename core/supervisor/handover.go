package supervisor

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// handoverBytes is room for 8,192 instances of 128 octets. Pages are only used
// once a child looks at them.
const handoverBytes = 1 << 20

// newHandover makes the memory in which VRRP children keep, for the one after
// them, what they would need to stay MASTER. The parent never reads it.
func newHandover() (*os.File, error) {
	fd, err := unix.MemfdCreate("keepalived-handover", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making the hand-over memory: %w", err)
	}
	if err := unix.Ftruncate(fd, handoverBytes); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("sizing the hand-over memory: %w", err)
	}
	return os.NewFile(uintptr(fd), "keepalived-handover"), nil
}
