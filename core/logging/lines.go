package logging

import (
	"context"
	"log/slog"
	"strings"
)

// linesPart is how many lines of a text are logged at once: a part of what a sink's ring
// holds.
const linesPart = 100

// Lines logs a text of any length, line by line. After every part of it, settled waits a
// short time for what has been logged to be written; nil: nobody writes it. It ends early
// with ctx. Not for a loop.
func Lines(ctx context.Context, log *slog.Logger, text []byte, settled func()) {
	n := 0
	for line := range strings.Lines(string(text)) {
		log.Info(strings.TrimSuffix(line, "\n"))
		if n++; n%linesPart != 0 {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if settled != nil {
			settled()
		}
	}
}
