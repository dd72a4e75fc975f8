// Package probe makes the probes of the healthchecker: TCP_CHECK, HTTP_GET, SSL_GET and
// MISC_CHECK. It says what one probe found and keeps nothing between two of them; when
// one is due and what its result means is decided in checker/health.
//
// An effect package: sockets, crypto/tls and, through core/script, other people's
// programs. Everything that a server sends is hostile. Fetch is the HTTP client of the
// checker and of genhash alike.
package probe

import (
	"time"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
	"keepalived/core/clock"
	"keepalived/core/script"
)

// Target is what a probe is made of. It and what it points to are not changed while one
// is under way.
type Target struct {
	Check *checkercfg.Check
	// Script is the command of a MISC_CHECK as it was resolved.
	Script *script.Script
	// TLS is the SSL block for SSL_GET; nil is one that says nothing.
	TLS *TLS
}

// Config is what a Pool is made of.
type Config struct {
	// Clock is asked for the start of each probe; nil is clock.Real.
	Clock clock.Clock
	// Done gets one Result for each Start, on a goroutine of the probe; took is the time
	// from its start, which may be later than Start. It may block. Probes that had not
	// ended when Run's context did have none.
	Done func(t health.Ticket, r health.Result, took time.Duration)
	// Limits are how many run at once; what is zero has DefaultLimits.
	Limits Limits
}

// Kind is the sort of work that a probe is: each has a queue and limits of its own.
type Kind uint8

// The kinds.
const (
	TCP Kind = iota
	HTTP
	TLSKind
	Script
	kinds
)

// String names the kind for logs and metrics: tcp, http, tls, script.
func (k Kind) String() string { return [...]string{"tcp", "http", "tls", "script"}[k] }

func kindOf(c *checkercfg.Check) Kind {
	switch c.Kind {
	case checkercfg.HTTPGet:
		return HTTP
	case checkercfg.SSLGet:
		return TLSKind
	case checkercfg.MiscCheck:
		return Script
	}
	return TCP
}

// Limit bounds one kind of probes. A probe beyond it waits; it is late then, never
// failed.
type Limit struct {
	// Brisk is how many may be in the first YieldAfter of their life, in which nearly
	// every probe of a server that works ends. One that takes longer waits for its
	// server and costs nothing meanwhile: it gives its place up, so that any number of
	// wedged servers delays nobody else's probes, up to Most.
	Brisk int
	// Most is how many may be under way at all.
	Most int
	// PerSecond is how many are started in a second, about a tenth of them at once.
	PerSecond int
}

// Limits are those of the four kinds.
type Limits [kinds]Limit

// YieldAfter is when a probe stops to count for Limit.Brisk.
const YieldAfter = 250 * time.Millisecond

// DefaultLimits keep a stall of the host or a reload of ten thousand servers from
// becoming one burst. A handshake costs about a millisecond of a core, a script some.
func DefaultLimits() Limits {
	return Limits{
		TCP:     {Brisk: 512, Most: 16384, PerSecond: 10000},
		HTTP:    {Brisk: 256, Most: 8192, PerSecond: 5000},
		TLSKind: {Brisk: 64, Most: 4096, PerSecond: 1000},
		Script:  {Brisk: 16, Most: 256, PerSecond: 200},
	}
}

// LateAfter is the wait in the queue from which a probe counts as late.
const LateAfter = 100 * time.Millisecond

// Stats count the probes of one kind since the Pool was made.
type Stats struct {
	Started, Ended uint64
	// Late is how many waited LateAfter and more for their start, Worst the longest
	// wait. Waiting and Running are how many do so now.
	Late             uint64
	Worst            time.Duration
	Waiting, Running int
}
