// Package health decides what becomes of probes: when the next one is due, whether a
// checker's standing changes, what that does to its real server, to the weights and the
// quorum of the service, and which destinations ip_vs is to have. The rules are
// keepalived's as observed on 2.2.7.
//
// It is pure: configuration, time and results come in as arguments, what is to be done
// goes out as values, texts are codes. It probes nothing and runs nothing, and must not
// import what does; nor the configuration's model, which the daemon translates.
//
// StepChecker is the machine of one checker, StepService that of one virtual server. A
// Director holds all of them, schedules the probes and takes reloads and overrides.
package health

import (
	"time"

	"keepalived/core/clock"
)

// Result is what one probe found.
type Result struct {
	OK bool
	// Started is when the probe began, which may be later than it was due.
	Started clock.Instant
	Cause   Cause // of a failure
	// Code is the exit status of a script or the signal that ended it, the HTTP status.
	Code int32
	// Weight is what a good script with misc_dynamic asks for: its exit status less 2
	// when HasWeight, which it has not for exit status 0.
	Weight    int32
	HasWeight bool
	// Certificate is what became of the server's, if somebody asked.
	Certificate Certificate
}

// Certificate is what the ca of the SSL block makes of the one that a server shows.
type Certificate uint8

// What can become of a certificate.
const (
	CertificateUnknown  Certificate = iota // no handshake
	CertificateUnasked                     // there is no ca
	CertificateSigned                      // by the ca
	CertificateUnsigned                    // by it: self-signed, expired, from elsewhere
)

// Cause is why a probe failed. The text behind each is 2.2.7's.
type Cause uint8

// Causes.
const (
	CauseNone        Cause = iota
	CauseRefused           // TCP connection to SERVER failed. / HTTP: Connection failed server SERVER.
	CauseTimeout           // TCP connection to SERVER timeout. / HTTP: Timeout connecting server SERVER.
	CauseReadTimeout       // not a byte came: Timeout WEB read server SERVER. / SSL: Timeout SSL read server SERVER.
	CauseStatus            // HTTP status code error to server SERVER.
	CauseDigest            // MD5 digest error to server SERVER.
	CauseTLS               // SSL handshake/communication error connecting to server SERVER.
	CauseRead              // the answer ends too early or is no HTTP: Read, no data received from  server SERVER.
	CauseExit              // a script: (exited with status Code)
	CauseScriptLimit       // a script: timed out
	// CauseLocal: the probe could not be made here (bind, no socket). It says nothing
	// of the server and changes nothing but when the next one is due.
	CauseLocal  // TCP socket bind failed. Rescheduling.
	CauseSignal // a script: (due to signal Code)

	CauseUnreachable    // HTTP_CHECK - network unreachable server SERVER.
	CauseStalled        // part of an answer came: Timeout HTTP read server SERVER. / Timeout SSL read server SERVER.
	CauseReset          // Read error with server SERVER. / SSL: Read, no data received from  server SERVER.
	CauseHandshakeReset // Connection failed server SERVER.
	CauseNoAnswer       // the connection ends without a byte: Read, no data received from  server SERVER. / SSL: SSL read error from server SERVER.

	Causes // how many there are
)

// CheckerState is what is known of one checker.
type CheckerState struct {
	Up     bool // its standing
	HasRun bool // has had a verdict
	// Tried: a failure is not the first thing ever heard, so retries count. At the
	// very start of the program it is not set: one failure is a verdict (observed).
	Tried    bool
	Failures uint32 // retries made since the last good probe, or since the verdict
	Step     uint16 // that is asked next
	// Failed is the step that failed last, counted from 1; 0: none since a whole round
	// was good.
	Failed uint16
	// Recheck: Step is the one that failed; once it is good, a round begins.
	Recheck bool
	// Delta is what the checker adds to the weight of its server.
	Delta int32

	Due     clock.Instant // of the next probe; Never while one runs
	Planned clock.Instant // when the latest one was due
	Since   clock.Instant // of the standing
	LastRan clock.Instant // start of the latest probe; Never: none
	Exit    int32         // of the latest run that ended by itself
	Cause   Cause         // of the latest probe; CauseNone when it was good, or none was
	// Unsigned: the latest certificate seen is not signed by the ca. It changes nothing
	// else: 2.2.7 accepts every one.
	Unsigned bool
}

// Say is what there is to log of one result.
type Say uint8

// What can be said; more than one at once, in this order.
const (
	SayCause       Say = 1 << iota // the cause of a failure that is not a verdict, or of one under log_all_failures
	SayRetry                       // a script's failure that will be retried
	SayStep                        // one step was good
	SayBetter                      // the standing is good now, or it is the first verdict
	SayWorse                       // the standing is bad now
	SayCertificate                 // Unsigned is another than before
)

// Verdict is what StepChecker found.
type Verdict struct {
	// Changed: the standing is another than before. First: it is the first verdict.
	Changed, First bool
	Weighed        bool // Delta is another than before
	Say            Say
	Step           uint16 // that was asked
	// Retried is the number of retries to log with SayWorse. At the very start none
	// was made; HTTP_GET, SSL_GET and MISC_CHECK name their limit all the same (observed).
	Retried uint32
}

// StepChecker takes one result. now is when it came. weight is the configured weight of
// the server, which a script's weight is relative to.
func StepChecker(c *CheckerConfig, s CheckerState, now clock.Instant, weight int32, r Result) (CheckerState, Verdict) {
	v := Verdict{Step: s.Step}
	s.LastRan = r.Started
	if r.Cause != CauseScriptLimit && r.Cause != CauseLocal && r.Cause != CauseSignal {
		s.Exit = r.Code
	}
	switch unsigned := r.Certificate == CertificateUnsigned; {
	case r.Certificate == CertificateUnasked: // no more, since a reload
		s.Unsigned = false
	case r.Certificate != CertificateUnknown && s.Unsigned != unsigned:
		s.Unsigned = unsigned
		v.Say |= SayCertificate
	}
	switch {
	case r.Cause == CauseLocal:
		if s.Cause != CauseLocal { // said once, not at every probe
			v.Say |= SayCause
		}
		s.Cause = CauseLocal
		s.Due = s.next(c.Interval, now)
		return s, v
	case r.OK:
		r.Cause = CauseNone
		s.good(c, now, weight, r, &v)
	default:
		s.bad(c, now, r, &v)
	}
	s.Tried, s.Cause = true, r.Cause
	return s, v
}

func (s *CheckerState) good(c *CheckerConfig, now clock.Instant, weight int32, r Result, v *Verdict) {
	s.Failures = 0
	s.weigh(c, weight, r, v)
	if !s.Up && c.Kind != TCP && c.Kind != Misc {
		v.Say |= SayStep
	}
	recovering := !s.Up
	switch {
	case s.Recheck: // and now all of them, from the first
		s.Recheck, s.Step = false, 0
	default:
		s.Step++
	}
	if s.Step >= c.steps() {
		s.Step, s.Failed = 0, 0
		v.First, v.Changed = !s.HasRun, !s.Up
		if v.First || v.Changed {
			v.Say |= SayBetter
		}
		s.turn(true, now)
	}
	s.Due = s.next(c.Interval, now)
	if recovering && !s.Up && c.FastRecovery {
		s.Due = now
	}
}

// weigh keeps what a script's exit status adds to the weight.
func (s *CheckerState) weigh(c *CheckerConfig, weight int32, r Result, v *Verdict) {
	if !c.Dynamic {
		return
	}
	delta := int32(0)
	if r.HasWeight {
		delta = r.Weight - weight
	}
	v.Weighed = delta != s.Delta
	s.Delta = delta
}

func (s *CheckerState) bad(c *CheckerConfig, now clock.Instant, r Result, v *Verdict) {
	if c.LogAll && (s.Up || !s.HasRun) && c.Kind != Misc {
		v.Say |= SayCause
	}
	s.Failed = s.Step + 1
	if (s.Up || !s.HasRun) && s.Tried && s.Failures < c.Retries {
		s.Failures++
		if c.LogAll && c.Kind == Misc {
			v.Say |= SayRetry
		}
		s.Due = s.retry(c, now)
		return
	}
	s.Recheck = c.Kind == HTTP || c.Kind == SSL
	if s.HasRun && !s.Up {
		s.still(c, now)
		return
	}
	v.First, v.Changed = !s.HasRun, s.Up
	v.Say |= SayWorse
	v.Retried = c.Retries
	if c.Kind == TCP {
		v.Retried = s.Failures
	}
	if s.Delta != 0 { // a bad script has no weight to ask for
		s.Delta, v.Weighed = 0, true
	}
	s.Failures = 0
	s.turn(false, now)
	s.Due = s.next(c.Interval, now)
}

// still is one more failure of what is bad already: TCP_CHECK goes on in the rhythm of
// its retries, the others once an interval (observed).
func (s *CheckerState) still(c *CheckerConfig, now clock.Instant) {
	if c.Kind == TCP && s.Failures < c.Retries {
		s.Failures++
		s.Due = s.retry(c, now)
		return
	}
	s.Failures = 0
	s.Due = s.next(c.Interval, now)
}

// turn gives the checker its standing.
func (s *CheckerState) turn(up bool, now clock.Instant) {
	if !s.HasRun || s.Up != up {
		s.Since = now
	}
	s.Up, s.HasRun = up, true
}

// retry is when the next try is due: a script's delay runs from its start.
func (s *CheckerState) retry(c *CheckerConfig, now clock.Instant) clock.Instant {
	if c.Kind == Misc {
		return max(s.LastRan.Add(c.RetryDelay), now)
	}
	return now.Add(c.RetryDelay)
}

// next is one interval after the probe was due. What is over by then is left out, so
// that a checker keeps its place among those of the same interval however late its
// probes are and however long they take.
func (s *CheckerState) next(interval time.Duration, now clock.Instant) clock.Instant {
	interval = max(interval, time.Millisecond)
	due := s.Planned.Add(interval)
	if due > now {
		return due
	}
	missed := now.Sub(s.Planned) / interval
	return s.Planned.Add((missed + 1) * interval)
}
