// Package logging carries keepalived's log lines to the console and to syslog
// without ever making its caller wait: every sink has a bounded ring and a goroutine
// of its own, so a full pipe on stderr or a stopped syslog daemon costs lines, which
// are counted and reported, and never an advert. The message of a record is
// keepalived's text; its attributes carry the same facts for machines.
//
// An effect package. It imports nothing of the project.
package logging

import (
	"context"
	"io"
	"log/slog"
	"os"
	"time"
)

// The levels beside slog's own. Detail and Extra are how keepalived's -D works: their
// syslog severity is that of Info, but they are shown only when asked for.
const (
	// Extra is shown with -D -D.
	Extra = slog.Level(-3)
	// Detail is shown with -D.
	Detail = slog.Level(-2)
	// Notice is syslog's LOG_NOTICE.
	Notice = slog.Level(2)
	// Alert is syslog's LOG_ALERT: a process of ours died.
	Alert = slog.Level(12)
)

// Options say where a process logs to. A sink is off when its field is zero.
type Options struct {
	// Ident is the syslog identity: Keepalived, Keepalived_vrrp,
	// Keepalived_healthcheckers, with _NAMESPACE and _INSTANCE appended by the caller.
	Ident string
	// Facility is the syslog facility; the zero value is kern, so set it (Daemon).
	Facility Facility
	// Detail is the number of -D on the command line: 0, 1 (Detail) or 2 and more (Extra).
	Detail int
	// Debug shows slog.LevelDebug too.
	Debug bool

	// Syslog is the path of the syslog socket (SyslogSocket), "" for none.
	Syslog string
	// Console gets lines as `Fri Nov 20 10:45:35 2026: text` (-l).
	Console io.Writer
	// JSON gets one object per record with time, level, msg, ident, pid and the attributes.
	JSON io.Writer

	// Now tells the wall clock; nil is time.Now.
	Now func() time.Time
	// Size is the number of records a sink holds while it cannot write; 0 is 2048.
	Size int
}

// SyslogSocket is where syslog daemons listen.
const SyslogSocket = "/dev/log"

// Counters tell what became of the records of one sink.
type Counters struct {
	Sink    string // "console", "syslog", "json"
	Written uint64
	Dropped uint64 // lost because the sink could not keep up
	Failed  uint64 // lost because the sink refused them: an error of write(2)
	Waiting int    // in the ring now
}

// Log is the sinks of one process.
type Log struct {
	handler *handler
	sinks   []*sink
}

// Open makes the sinks. Nothing is written before Run.
func Open(o Options) *Log {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Size == 0 {
		o.Size = 2048
	}
	l := &Log{}
	pid := os.Getpid()
	if o.Console != nil {
		l.sinks = append(l.sinks, newSink("console", o.Size, &console{w: o.Console}))
	}
	if o.Syslog != "" {
		l.sinks = append(l.sinks, newSink("syslog", o.Size, newSyslog(o.Syslog, o.Ident, pid, o.Facility)))
	}
	if o.JSON != nil {
		l.sinks = append(l.sinks, newSink("json", o.Size, newJSON(o.JSON, o.Ident, pid)))
	}
	l.handler = &handler{sinks: l.sinks, least: least(o), now: o.Now}
	return l
}

func least(o Options) slog.Level {
	switch {
	case o.Debug:
		return slog.LevelDebug
	case o.Detail >= 2:
		return Extra
	case o.Detail == 1:
		return Detail
	}
	return slog.LevelInfo
}

// Logger is what the process logs with. Handle never blocks. The attributes of a
// record are rendered later on another goroutine: pass values, not pointers to state.
func (l *Log) Logger() *slog.Logger { return slog.New(l.handler) }

// Run writes what is logged until ctx ends, then returns at once: call Flush before.
// It always returns nil.
func (l *Log) Run(ctx context.Context) error {
	for _, s := range l.sinks {
		go s.run(ctx)
	}
	<-ctx.Done()
	return nil
}

// Flush waits until everything logged before has been written, but not longer than
// within, and reports how many records are still waiting in the fullest sink.
func (l *Log) Flush(within time.Duration) (waiting int) {
	limit := time.NewTimer(within)
	defer limit.Stop()
	for _, s := range l.sinks {
		idle := s.whenIdle()
		select {
		case <-idle:
		case <-limit.C:
			limit.Reset(0) // the other sinks are only looked at
		}
	}
	for _, s := range l.sinks {
		waiting = max(waiting, s.counters().Waiting)
	}
	return waiting
}

// Counters returns the counters of every sink. Any goroutine may ask.
func (l *Log) Counters() []Counters {
	all := make([]Counters, len(l.sinks))
	for i, s := range l.sinks {
		all[i] = s.counters()
	}
	return all
}
