package probe

import (
	"bytes"
	"crypto/md5"
	"errors"
	"hash"
	"math"

	"keepalived/checker/health"
)

// Page is what a server answered.
type Page struct {
	// Status is the code of the status line, 0 when there is none.
	Status int
	// Digest is the MD5 of the body as it came, if it was asked for. Chunks stay as
	// they are: 2.2.7 knows no transfer coding.
	Digest [md5.Size]byte
	// Certificate is what the ca makes of the server's.
	Certificate health.Certificate
}

const (
	// maxHeader bounds what is kept of an answer. 2.2.7 gives up at 4 KiB.
	maxHeader = 64 << 10
	// maxBody bounds what a server can make us digest.
	maxBody = 256 << 20
)

var (
	errNoHeader  = errors.New("no answer, or none with a whole header")
	errBigHeader = errors.New("the header is longer than 64 KiB")
	errBigBody   = errors.New("the body is longer than 256 MiB")
)

// answer reads an HTTP answer from pieces of any size and keeps nothing of the body.
type answer struct {
	header []byte
	inBody bool
	status int
	left   int64 // of the body, by Content-Length or maxBody
	length bool  // Content-Length was given
	wanted bool  // the digest
	digest hash.Hash
	watch  Watcher
}

func (a *answer) reset(digest bool, watch Watcher) {
	header, sum := a.header[:0], a.digest
	if cap(header) > 8192 {
		header = nil
	}
	if sum == nil {
		sum = md5.New()
	}
	sum.Reset()
	*a = answer{header: header, digest: sum, wanted: digest, watch: watch}
}

// feed takes the next piece. It is done when Content-Length octets of body have come;
// what follows them is not looked at, as with 2.2.7.
func (a *answer) feed(b []byte) (done bool, err error) {
	if !a.inBody {
		rest, err := a.head(b)
		if err != nil || !a.inBody {
			return false, err
		}
		b = rest
	}
	more := int64(len(b)) > a.left
	if more && !a.length {
		return false, errBigBody
	}
	if more {
		b = b[:a.left]
	}
	a.left -= int64(len(b))
	if len(b) > 0 {
		if a.wanted {
			a.digest.Write(b)
		}
		if a.watch != nil {
			a.watch.Body(b)
		}
	}
	return a.length && a.left == 0, nil
}

// begun: some of the answer has come.
func (a *answer) begun() bool { return len(a.header) > 0 }

var headerEnd = []byte("\r\n\r\n")

// head collects the header and returns what follows it.
func (a *answer) head(b []byte) (rest []byte, err error) {
	had := len(a.header)
	a.header = append(a.header, b...)
	from := max(0, had-len(headerEnd)+1) // the end may have begun in the last piece
	i := bytes.Index(a.header[from:], headerEnd)
	if i < 0 {
		if len(a.header) > maxHeader {
			return nil, errBigHeader
		}
		return nil, nil
	}
	end := from + i + len(headerEnd)
	if end > maxHeader {
		return nil, errBigHeader
	}
	a.header = a.header[:end]
	a.inBody = true
	a.status = statusCode(a.header)
	a.left = maxBody
	if n, ok := contentLength(a.header); ok {
		a.left, a.length = n, true
	}
	if a.watch != nil {
		a.watch.Header(a.header)
	}
	return b[end-had:], nil
}

func (a *answer) page() Page {
	p := Page{Status: a.status}
	a.digest.Sum(p.Digest[:0])
	return p
}

// statusCode reads the second word of the first line. Like 2.2.7 it does not look at the
// first; unlike 2.2.7 it needs no blank behind the code.
func statusCode(header []byte) int {
	line, _, _ := bytes.Cut(header, []byte("\r\n"))
	_, rest, _ := bytes.Cut(line, []byte(" "))
	word, _, _ := bytes.Cut(rest, []byte(" "))
	n, ok := decimal(word)
	if !ok || len(word) != 3 {
		return 0
	}
	return int(n)
}

// contentLength reads the first Content-Length that is a number.
func contentLength(header []byte) (int64, bool) {
	const name = "content-length"
	for line := range bytes.SplitSeq(header, []byte("\r\n")) {
		key, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(key) != len(name) || !bytes.EqualFold(key, []byte(name)) {
			continue
		}
		if n, ok := decimal(bytes.TrimSpace(value)); ok {
			return n, true
		}
	}
	return 0, false
}

func decimal(b []byte) (n int64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' || n > (math.MaxInt64-9)/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, len(b) > 0
}
