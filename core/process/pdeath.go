package process

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// DieWithParent has the kernel send sig to this process when its parent ends, which
// must be the process parent. It is false when the parent has already gone, before the
// kernel was asked: nobody will send anything then.
//
// A parent of ours asks for the signal itself when it starts us (Pdeathsig); this is
// for the moment in between and for a parent that did not. The kernel keeps the wish
// with the calling thread's process and sends the signal when the parent's *thread*
// that forked us ends; see ARCHITECTURE.md §6.
func DieWithParent(sig syscall.Signal, parent int) (alive bool, err error) {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(sig), 0, 0, 0); err != nil {
		return false, fmt.Errorf("asking for a signal at the parent's death: %w", err)
	}
	return os.Getppid() == parent, nil
}
