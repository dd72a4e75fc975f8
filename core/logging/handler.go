package logging

import (
	"context"
	"log/slog"
	"time"
)

// handler gives every record to every sink.
type handler struct {
	least slog.Level
	now   func() time.Time
	sinks []*sink
	// json renders a record for the JSON sink, with the attributes and groups of
	// this logger; nil without a JSON sink. Only that sink's goroutine calls it.
	json slog.Handler
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.least }

// Handle implements slog.Handler. It never blocks and never fails.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	e := entry{at: h.now(), level: r.Level, text: r.Message}
	if h.json != nil {
		c := r.Clone()
		c.Time = e.at
		e.record, e.json = &c, h.json
	}
	for _, s := range h.sinks {
		s.put(e)
	}
	return nil
}

// WithAttrs implements slog.Handler. Text sinks print no attributes.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if h.json == nil || len(attrs) == 0 {
		return h
	}
	c := *h
	c.json = h.json.WithAttrs(attrs)
	return &c
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	if h.json == nil || name == "" {
		return h
	}
	c := *h
	c.json = h.json.WithGroup(name)
	return &c
}
