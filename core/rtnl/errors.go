package rtnl

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

var (
	// errNoAnswer stands for a request whose answer never came.
	errNoAnswer = errors.New("no answer from the kernel")
	// errInterrupted is a dump that changed while it was read (NLM_F_DUMP_INTR).
	errInterrupted = errors.New("dump interrupted")
	// errMalformed is a message shorter than it says.
	errMalformed = errors.New("malformed netlink message")
)

// Error is what the kernel answered: its error number, and its own words where it has
// any (extended acknowledgement).
type Error struct {
	Errno unix.Errno
	Text  string
}

func (e *Error) Error() string {
	if e.Text == "" {
		return e.Errno.Error()
	}
	return fmt.Sprintf("%s (%s)", e.Errno.Error(), e.Text)
}

// Unwrap gives the error number.
func (e *Error) Unwrap() error { return e.Errno }

// IsGone reports that the link or address spoken of does not exist.
func IsGone(err error) bool {
	return errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.ENXIO)
}

// IsExist reports that the address exists already.
func IsExist(err error) bool { return errors.Is(err, unix.EEXIST) }

// IsRetry reports a failure that may be over in a moment: the kernel was short of
// memory or busy, or its answer got lost.
func IsRetry(err error) bool {
	for _, e := range []error{unix.EBUSY, unix.ENOBUFS, unix.ENOMEM, unix.EAGAIN, unix.EINTR, errNoAnswer, errInterrupted} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// ackError reads an NLMSG_ERROR; nil for an acknowledgement.
func ackError(hdr header, body []byte) error {
	if len(body) < 4 {
		return errMalformed
	}
	code := int32(native.Uint32(body))
	if code == 0 {
		return nil
	}
	e := &Error{Errno: unix.Errno(-code)}
	if hdr.flags&unix.NLM_F_ACK_TLVS == 0 {
		return e
	}
	// After the code comes the request: its header alone when the answer is capped.
	skip := 4 + unix.NLMSG_HDRLEN
	if hdr.flags&unix.NLM_F_CAPPED == 0 && len(body) >= 8 {
		skip = 4 + align(int(native.Uint32(body[4:])))
	}
	if skip > len(body) {
		return e
	}
	_ = eachAttr(body[skip:], func(typ uint16, v []byte) error {
		if typ == unix.NLMSGERR_ATTR_MSG {
			e.Text = cString(v)
		}
		return nil
	})
	return e
}

// doneError reads the body of an NLMSG_DONE, which carries the error a dump ended with.
func doneError(body []byte) error {
	if len(body) < 4 {
		return nil
	}
	if code := int32(native.Uint32(body)); code < 0 {
		return &Error{Errno: unix.Errno(-code)}
	}
	return nil
}
