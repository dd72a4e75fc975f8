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
	"sync"
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
	// Facility is the syslog facility, usually Daemon (keepalived's default).
	Facility Facility
	// Detail is the number of -D on the command line: 0, 1 (Detail) or 2 and more (Extra).
	Detail int
	// Debug shows slog.LevelDebug too.
	Debug bool

	// Syslog is the path of the syslog socket (SyslogSocket), "" for none.
	Syslog string
	// Console gets lines as `Fri Nov 20 10:45:35 2026: text` (-l); see Stderr.
	Console io.Writer
	// JSON gets one object per record with time, level, msg, ident, pid and the attributes.
	JSON io.Writer

	// Now tells the wall clock; nil is time.Now.
	Now func() time.Time
	// Size is the number of records a sink holds while it cannot write; 0 is 16,384,
	// three lines each for a start of 4,000 instances. They take memory only when they wait.
	Size int
}

// SyslogSocket is where syslog daemons listen.
const SyslogSocket = "/dev/log"

const defaultSize = 1 << 14

// Counters tell what became of the records of one sink.
type Counters struct {
	Sink    string // "console", "syslog" or "json"
	Written uint64
	Dropped uint64 // lost because the sink did not keep up, or after Close
	Failed  uint64 // lost because writing ended with an error
	Waiting int    // logged and not yet written
}

// Log is the sinks of one process.
type Log struct {
	handler *handler
	sinks   []*sink
	closing chan struct{}
	once    sync.Once
}

// Open makes the sinks. What is logged before Run waits in their rings.
func Open(o Options) *Log {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Size == 0 {
		o.Size = defaultSize
	}
	l := &Log{handler: &handler{least: least(o), now: o.Now}, closing: make(chan struct{})}
	pid := os.Getpid()
	if o.Console != nil {
		l.add(newSink("console", o, &console{w: o.Console}))
	}
	if o.Syslog != "" {
		l.add(newSink("syslog", o, &syslog{path: o.Syslog, ident: o.Ident, pid: pid, facility: o.Facility}))
	}
	if o.JSON != nil {
		j := newJSON(o.JSON, o.Ident, pid)
		l.handler.json = j.handler
		l.add(newSink("json", o, j))
	}
	return l
}

func (l *Log) add(s *sink) {
	l.sinks = append(l.sinks, s)
	l.handler.sinks = l.sinks
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

// Logger is what the process logs with. Logging never blocks. With a JSON sink the
// attributes are rendered later on another goroutine: pass values, not pointers to state.
func (l *Log) Logger() *slog.Logger { return slog.New(l.handler) }

// Run writes what is logged until ctx ends or Close is called. A write that blocks
// then is left behind: only the end of the process ends it. Run always returns nil.
func (l *Log) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, s := range l.sinks {
		go s.run(ctx)
	}
	select {
	case <-ctx.Done():
	case <-l.closing:
	}
	return nil
}

// Flush waits until what has been logged is written, but not longer than within, and
// returns how many records still wait in the fullest sink. It does not wait for a
// syslog daemon that is not there.
func (l *Log) Flush(within time.Duration) (waiting int) {
	limit := time.NewTimer(within)
	defer limit.Stop()
	over := false
	for _, s := range l.sinks {
		settled := s.settled()
		if !over {
			select {
			case <-settled:
			case <-limit.C:
				over = true
			}
		}
	}
	for _, c := range l.Counters() {
		waiting = max(waiting, c.Waiting)
	}
	return waiting
}

// Close flushes and ends Run. What is logged later is dropped and counted.
func (l *Log) Close(within time.Duration) (waiting int) {
	waiting = l.Flush(within)
	l.once.Do(func() {
		for _, s := range l.sinks {
			s.shut()
		}
		close(l.closing)
	})
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
