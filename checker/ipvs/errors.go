package ipvs

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// ErrNoIPVS says that the kernel has no ip_vs, and that loading the module did not help.
var ErrNoIPVS = errors.New("this kernel has no ip_vs")

// opError is what an operation ended with and on what.
type opError struct {
	op     string
	object string
	err    error
}

func (e *opError) Error() string { return fmt.Sprintf("%s %s: %v", e.op, e.object, e.err) }

// Unwrap gives the kernel's answer; errors.Is finds a unix.Errno.
func (e *opError) Unwrap() error { return e.err }

func failed(op string, object fmt.Stringer, err error) error {
	if err == nil {
		return nil
	}
	return &opError{op, object.String(), err}
}

// isGone reports that what was to be edited or removed does not exist: ESRCH for the
// service, ENOENT for the destination. (ENOENT is also the answer to an unknown scheduler
// or persistence engine, when a service is added or edited.)
func isGone(err error) bool { return errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENOENT) }

// isExist reports that what was to be added is there.
func isExist(err error) bool { return errors.Is(err, unix.EEXIST) }

// isRetry reports a failure that may be over in a moment.
func isRetry(err error) bool {
	for _, e := range []error{unix.EBUSY, unix.ENOBUFS, unix.ENOMEM, unix.EAGAIN, unix.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
