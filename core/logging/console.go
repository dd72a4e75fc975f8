package logging

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxText is the length at which a message is cut: 8 KiB is what syslog daemons take.
const maxText = 8 << 10

// Stderr returns the standard error as a console. It is a duplicate of descriptor 2,
// because the Go runtime ends a process that writes to a broken pipe on descriptor 1
// or 2 itself: a dead log reader must not take the daemon with it.
func Stderr() (*os.File, error) {
	fd, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("duplicating the standard error: %w", err)
	}
	return os.NewFile(uintptr(fd), "stderr"), nil
}

// console writes lines as keepalived -l does: `Fri Nov 20 10:45:35 2026: text`, in
// local time.
type console struct {
	w   io.Writer
	buf []byte
}

func (c *console) write(_ context.Context, _ *sink, e *entry) error {
	c.buf = e.at.AppendFormat(c.buf[:0], "Mon Jan _2 15:04:05 2006")
	c.buf = append(c.buf, ": "...)
	c.buf = append(c.buf, clean(e.text)...)
	c.buf = append(c.buf, '\n')
	// One write per line, so that processes that share the console do not mix theirs.
	_, err := c.w.Write(c.buf)
	return err
}

// clean cuts an overlong text and writes control characters as escapes: a line of
// ours is one line, whatever name or script output is in it.
func clean(text string) string {
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	if strings.IndexFunc(text, isControl) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if !isControl(r) {
			b.WriteRune(r)
			continue
		}
		q := strconv.QuoteRune(r)
		b.WriteString(q[1 : len(q)-1])
	}
	return b.String()
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// jsonWriter writes one JSON object per record.
type jsonWriter struct {
	w       io.Writer
	buf     *bytes.Buffer
	handler slog.Handler // renders into buf; only used on the sink's goroutine
}

func newJSON(w io.Writer, ident string, pid int) *jsonWriter {
	j := &jsonWriter{w: w, buf: &bytes.Buffer{}}
	o := &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: nameLevel}
	j.handler = slog.NewJSONHandler(j.buf, o).
		WithAttrs([]slog.Attr{slog.String("ident", ident), slog.Int("pid", pid)})
	return j
}

// nameLevel writes our own levels by name instead of as DEBUG+2.
func nameLevel(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 || a.Key != slog.LevelKey {
		return a
	}
	if level, ok := a.Value.Any().(slog.Level); ok {
		switch level {
		case Detail:
			a.Value = slog.StringValue("DETAIL")
		case Extra:
			a.Value = slog.StringValue("EXTRA")
		case Notice:
			a.Value = slog.StringValue("NOTICE")
		case Alert:
			a.Value = slog.StringValue("ALERT")
		}
	}
	return a
}

func (j *jsonWriter) write(ctx context.Context, _ *sink, e *entry) error {
	j.buf.Reset()
	if err := e.json.Handle(ctx, *e.record); err != nil {
		return err
	}
	_, err := j.w.Write(j.buf.Bytes())
	return err
}
