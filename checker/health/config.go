package health

import "time"

// ServiceConfig is what is decided about one virtual server. A Config is never changed:
// a reload makes new ones.
type ServiceConfig struct {
	// Key names the service and no other, the same in every generation. Name is what
	// logs and FIFO lines call it.
	Key, Name string
	// Ref is the caller's own number; nothing is made of it here.
	Ref int32

	// Quorum and Hysteresis are in weights: up at Quorum+Hysteresis and more, down
	// below Quorum-Hysteresis and at 0. Hysteresis is less than Quorum, or both are 0.
	Quorum, Hysteresis uint32
	Omega              bool // tell at stop that all is down
	Mail               bool // smtp_alert: of the quorum

	Sorry Sorry

	Servers []ServerConfig // no two of one Key
}

// Sorry is the sorry server of a service. Its Name is "" when there is none.
type Sorry struct {
	Name    string
	Inhibit bool // always there, with weight 0 while it is not needed
}

// ServerConfig is one real server of a service.
type ServerConfig struct {
	Key, Name string // as a service's; unique within it
	Ref       int32

	Weight  int32
	Inhibit bool // inhibit_on_failure: weight 0 instead of removal
	Mail    bool // smtp_alert

	Checks []CheckerConfig
}

// Kind is the type of a checker, as far as it makes a difference here.
type Kind uint8

// The kinds.
const (
	TCP Kind = iota + 1
	HTTP
	SSL
	Misc
)

// CheckerConfig is one checker of a real server.
type CheckerConfig struct {
	Kind Kind
	// Digest stands for what is asked. A checker that asks something else after a
	// reload inherits the standing of the one it replaces and has to earn another.
	Digest uint64
	Ref    int32

	Interval   time.Duration // delay_loop, positive
	RetryDelay time.Duration // delay_before_retry
	Warmup     time.Duration // the first probe is somewhere in it
	Retries    uint32
	// Steps is how many probes make one result: the urls of HTTP_GET and SSL_GET,
	// asked one an Interval. 0 is 1.
	Steps uint16

	Alpha        bool // bad until a probe has been good
	LogAll       bool // log_all_failures
	FastRecovery bool // while bad, all steps at once
	Dynamic      bool // misc_dynamic: Result.Weight counts
}

func (c *CheckerConfig) steps() uint16 { return max(c.Steps, 1) }
