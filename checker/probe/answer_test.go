package probe

import (
	"bytes"
	"crypto/md5"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// readAnswer feeds text in pieces of the size given, as a connection that ends behind it.
func readAnswer(text []byte, size int, w Watcher) (Page, error) {
	var a answer
	a.reset(true, w)
	for len(text) > 0 {
		n := min(size, len(text))
		done, err := a.feed(text[:n])
		if err != nil {
			return Page{}, err
		}
		if done {
			return a.page(), nil
		}
		text = text[n:]
	}
	if !a.inBody {
		return Page{}, errNoHeader
	}
	return a.page(), nil
}

// TestAnswers: every row but those marked has been seen with keepalived 2.2.7.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name, text string
		status     int
		body       string
		err        error
	}{
		{name: "until the end", text: "HTTP/1.0 200 OK\r\n\r\nhello\n", status: 200, body: "hello\n"},
		{name: "no body", text: "HTTP/1.0 200 OK\r\n\r\n", status: 200},
		{name: "Content-Length", text: "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n", status: 200, body: "hello\n"},
		{name: "more than Content-Length", text: "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\nmore", status: 200, body: "hello\n"},
		{name: "less than Content-Length", text: "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\nhello\n", status: 200, body: "hello\n"},
		{name: "Content-Length is no number", text: "HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\nhello\n", status: 200, body: "hello\n"},
		{name: "chunks stay", text: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello\n\r\n0\r\n\r\n", status: 200, body: "6\r\nhello\n\r\n0\r\n\r\n"},
		{name: "empty line in the body", text: "HTTP/1.0 200 OK\r\n\r\na\x00b\xff\r\n\r\nc\n", status: 200, body: "a\x00b\xff\r\n\r\nc\n"},
		{name: "NUL in the header", text: "HTTP/1.0 200 OK\r\nX: a\x00b\r\n\r\nhello\n", status: 200, body: "hello\n"},
		{name: "another protocol", text: "ICY 200 OK\r\n\r\nx", status: 200, body: "x"},
		{name: "lower case", text: "http/1.0 404 OK\r\n\r\nx", status: 404, body: "x"},
		{name: "interim answer is the answer", text: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", status: 100, body: "HTTP/1.1 200 OK\r\n\r\n"},
		{name: "no status", text: "garbage\r\n\r\nhello\n", body: "hello\n"},
		{name: "two blanks", text: "HTTP/1.0  200 OK\r\n\r\n"},
		{name: "nothing", err: errNoHeader},
		{name: "no end of the header", text: "HTTP/1.0 200 OK\r\nA: b\r\n", err: errNoHeader},
		{name: "line feeds alone", text: "HTTP/1.0 200 OK\n\nhello\n", err: errNoHeader},

		{name: "own: no blank behind the status", text: "HTTP/1.0 200\r\n\r\n", status: 200},
		{name: "own: header of 60 KiB", text: "HTTP/1.0 200 OK\r\nX: " + strings.Repeat("x", 60<<10) + "\r\n\r\nx", status: 200, body: "x"},
		{name: "own: header of 70 KiB", text: "HTTP/1.0 200 OK\r\nX: " + strings.Repeat("x", 70<<10) + "\r\n\r\nx", err: errBigHeader},
		{name: "own: header without end", text: strings.Repeat("x", 70<<10), err: errBigHeader},
		{name: "own: four digits", text: "HTTP/1.0 2000 OK\r\n\r\n"},
		{name: "own: sign", text: "HTTP/1.0 +20 OK\r\n\r\n"},
		{name: "own: spelling of Content-Length", text: "HTTP/1.1 200 OK\r\ncontent-LENGTH:\t2 \r\n\r\nhello\n", status: 200, body: "he"},
		{name: "own: Content-Length without bounds", text: "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello\n", status: 200, body: "hello\n"},
		{name: "own: negative Content-Length", text: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello\n", status: 200, body: "hello\n"},
	} {
		for _, size := range []int{1, 2, 3, 5, 1000, 4096, 1 << 20} {
			got, err := readAnswer([]byte(c.text), size, nil)
			want := Page{Status: c.status, Digest: md5.Sum([]byte(c.body))}
			if c.err != nil {
				want = Page{}
			}
			if !errors.Is(err, c.err) || got != want {
				t.Errorf("%s, in pieces of %d: %+v, %v; want %+v, %v", c.name, size, got, err, want, c.err)
			}
		}
	}
}

func TestBodyIsBounded(t *testing.T) {
	var a answer
	a.reset(false, nil)
	if _, err := a.feed([]byte("HTTP/1.0 200 OK\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 1<<20)
	for i := range 256 {
		if _, err := a.feed(block); err != nil {
			t.Fatalf("after %d MiB: %v", i, err)
		}
	}
	if _, err := a.feed(block[:1]); !errors.Is(err, errBigBody) {
		t.Errorf("one octet more: %v", err)
	}
	if cap(a.header) > 8192 {
		t.Errorf("%d octets are kept", cap(a.header))
	}
}

// watched collects what a Watcher sees.
type watched struct{ header, body bytes.Buffer }

func (w *watched) Header(b []byte) { w.header.Write(b) }
func (w *watched) Body(b []byte)   { w.body.Write(b) }

// FuzzAnswer: the pieces in which an answer comes make no difference, and what is
// digested is what stands behind the header.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\nmore"), uint16(3))
	f.Add([]byte("HTTP/1.0 404 No\r\n\r\na\r\n\r\nb"), uint16(1))
	f.Add([]byte("\r\n\r\n\r\n"), uint16(2))
	f.Add([]byte(" 1\r\ncontent-length:\r\nContent-Length: 0\r\n\r\n"), uint16(7))
	f.Fuzz(func(t *testing.T, text []byte, size uint16) {
		var w watched
		whole, err := readAnswer(text, len(text)+1, &w)
		pieces, err2 := readAnswer(text, int(size)+1, nil)
		if whole != pieces || fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Fatalf("at once %+v, %v; in pieces of %d %+v, %v", whole, err, size+1, pieces, err2)
		}
		if err != nil {
			return
		}
		if whole.Digest != md5.Sum(w.body.Bytes()) {
			t.Errorf("digest is not that of %q", w.body.Bytes())
		}
		if whole.Status != 0 && (whole.Status < 0 || whole.Status > 999) {
			t.Errorf("status %d", whole.Status)
		}
		if !bytes.HasPrefix(text, append(w.header.Bytes(), w.body.Bytes()...)) || !bytes.HasSuffix(w.header.Bytes(), headerEnd) {
			t.Errorf("header %q, body %q of %q", w.header.Bytes(), w.body.Bytes(), text)
		}
	})
}
