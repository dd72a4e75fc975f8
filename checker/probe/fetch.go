package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
)

// Request is one page to ask for, as 2.2.7 asks.
type Request struct {
	Version checkercfg.Version
	Path    string
	// Host is the Host header as it stands.
	Host string
	// Digest: the body's MD5 is wanted.
	Digest bool
	// Watch sees the answer pass by; it may be nil.
	Watch Watcher
}

// Watcher sees an answer pass by. What it is given it must not keep.
type Watcher interface {
	// Header gets the whole header with its empty line.
	Header(b []byte)
	// Body gets the next part of the body.
	Body(b []byte)
}

// text is the request on the wire: header order and spelling are 2.2.7's.
func (r *Request) text(b []byte) []byte {
	version, closes := "1.0", ""
	switch r.Version {
	case checkercfg.HTTP10C:
		closes = "Connection: close\r\n"
	case checkercfg.HTTP11:
		version, closes = "1.1", "Connection: close\r\n"
	}
	return fmt.Appendf(b, "GET %s HTTP/%s\r\nUser-Agent: KeepAliveClient\r\n%sHost: %s\r\n\r\n", r.Path, version, closes, r.Host)
}

// wholeFactor times connect_timeout is what one answer may take altogether. 2.2.7 gives
// every read connect_timeout and waits for as long as something comes.
const wholeFactor = 10

// Fetch asks a server for a page: over TLS when secure is not nil, with the name sni
// when it is not "". c.Timeout holds for the connection, for the handshake and for every
// read; ten times that for the whole answer. The error is a *Failure; Page.Certificate is known
// once the handshake is over.
func Fetch(ctx context.Context, c *checkercfg.Connection, secure *TLS, sni string, r *Request) (Page, error) {
	k, err := dial(ctx, c)
	if err != nil {
		return Page{}, err
	}
	defer k.Close()
	var stream io.ReadWriter = k
	var certificate health.Certificate
	if secure != nil {
		s := tls.Client(k, secure.named(sni))
		if err := handshake(k, s, c.Timeout); err != nil {
			return Page{}, err
		}
		stream, certificate = s, secure.judge(s.ConnectionState().PeerCertificates)
		defer s.Close() // tells the other side that no more is coming
	}
	w := workspaces.Get().(*workspace)
	defer workspaces.Put(w)
	p, err := w.exchange(k, stream, c.Timeout, r)
	p.Certificate = certificate
	return p, err
}

func handshake(k *conn, s *tls.Conn, limit time.Duration) error {
	err := k.SetDeadline(time.Now().Add(limit))
	if err == nil {
		err = s.Handshake()
	}
	if err == nil {
		return nil
	}
	cause := health.CauseTLS
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		cause = health.CauseTimeout
	case errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.EPIPE):
		cause = health.CauseHandshakeReset
	}
	return &Failure{cause, fmt.Errorf("TLS handshake with %v: %w", k.to, err)}
}

// workspace is the memory that one exchange needs.
type workspace struct {
	buf    [4096]byte
	answer answer
}

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

// exchange sends the request and reads the answer.
func (w *workspace) exchange(k *conn, stream io.ReadWriter, limit time.Duration, r *Request) (Page, error) {
	began := time.Now()
	fail := func(doing string, err error) (Page, error) {
		cause := health.CauseRead
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && w.answer.begun():
			cause = health.CauseStalled
		case errors.Is(err, os.ErrDeadlineExceeded):
			cause = health.CauseReadTimeout
		case errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.EPIPE):
			cause = health.CauseReset
		case err == errNoHeader && !w.answer.begun():
			cause = health.CauseNoAnswer
		}
		return Page{}, &Failure{cause, fmt.Errorf("%s %v: %w", doing, k.to, err)}
	}
	w.answer.reset(r.Digest, r.Watch)
	err := k.SetDeadline(began.Add(limit))
	if err == nil {
		_, err = stream.Write(r.text(w.buf[:0]))
	}
	if err != nil {
		return fail("asking", err)
	}
	for whole := began.Add(wholeFactor * limit); ; {
		at := time.Now().Add(limit)
		if at.After(whole) {
			at = whole
		}
		if err := k.SetReadDeadline(at); err != nil {
			return fail("reading from", err)
		}
		n, err := stream.Read(w.buf[:])
		done, bad := w.answer.feed(w.buf[:n])
		switch {
		case bad != nil:
			return fail("reading from", bad)
		case done:
			return w.answer.page(), nil
		case err == io.EOF && w.answer.inBody:
			return w.answer.page(), nil
		case err == io.EOF:
			return fail("reading from", errNoHeader)
		case err != nil:
			return fail("reading from", err)
		}
	}
}
