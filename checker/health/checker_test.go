package health

import (
	"testing"
	"time"

	"keepalived/core/clock"
)

// feed is one result in a test of StepChecker: good or bad at the instant it is due.
type feed struct {
	r    Result
	wait time.Duration // until the next is due, counted from this one's
	up   bool          // standing after it
	say  Say
	v    string // "changed", "first", "changed first" or ""
	step uint16 // that is asked next
}

var (
	good    = Result{OK: true}
	refused = Result{Cause: CauseRefused}
	script1 = Result{Cause: CauseExit, Code: 1}
)

func exit(code int32) Result {
	return Result{OK: true, Code: code, Weight: code - 2, HasWeight: code > 1}
}

func TestStepChecker(t *testing.T) {
	t.Parallel()
	base := CheckerConfig{Kind: TCP, Interval: 6 * sec, RetryDelay: sec, Retries: 2}
	with := func(f func(*CheckerConfig)) CheckerConfig { c := base; f(&c); return c }
	web := func(steps uint16) CheckerConfig {
		return with(func(c *CheckerConfig) { c.Kind, c.Steps = HTTP, steps })
	}
	fresh, tried := CheckerState{Up: true}, CheckerState{Up: true, HasRun: true, Tried: true}
	cases := []struct {
		name  string
		c     CheckerConfig
		s     CheckerState
		feeds []feed
	}{
		{"the first check ever has no retry", base, fresh, []feed{{refused, 6 * sec, false, SayWorse, "changed first", 0}}},
		{"the first check ever is told when it is good", base, fresh, []feed{
			{good, 6 * sec, true, SayBetter, "first", 0}, {good, 6 * sec, true, 0, "", 0}}},
		{"retry times delay_before_retry apart, then down", base, tried, []feed{
			{refused, sec, true, 0, "", 0}, {refused, sec, true, 0, "", 0}, {refused, 6 * sec, false, SayWorse, "changed", 0}}},
		{"a good probe ends the retries", base, tried, []feed{
			{refused, sec, true, 0, "", 0}, {good, 6 * sec, true, 0, "", 0},
			{refused, sec, true, 0, "", 0}, {refused, sec, true, 0, "", 0}, {refused, 6 * sec, false, SayWorse, "changed", 0}}},
		{"retry 0", with(func(c *CheckerConfig) { c.Retries = 0 }), tried, []feed{{refused, 6 * sec, false, SayWorse, "changed", 0}}},
		{"resumed and not yet heard of: retries count", base, CheckerState{Up: true, Tried: true}, []feed{
			{refused, sec, true, 0, "", 0}, {refused, sec, true, 0, "", 0}, {refused, 6 * sec, false, SayWorse, "changed first", 0}}},
		{"down: one good probe is enough", base, CheckerState{HasRun: true, Tried: true}, []feed{{good, 6 * sec, true, SayBetter, "changed", 0}}},
		{"down: TCP_CHECK goes on in the rhythm of its retries", base, CheckerState{HasRun: true, Tried: true}, []feed{
			{refused, sec, false, 0, "", 0}, {refused, sec, false, 0, "", 0}, {refused, 6 * sec, false, 0, "", 0}, {refused, sec, false, 0, "", 0}}},
		{"down: MISC_CHECK goes on once an interval", with(func(c *CheckerConfig) { c.Kind = Misc }), CheckerState{HasRun: true, Tried: true}, []feed{
			{script1, 6 * sec, false, 0, "", 0}, {script1, 6 * sec, false, 0, "", 0}}},
		{"alpha: the first good probe brings it up", alpha(base), CheckerState{}, []feed{{good, 6 * sec, true, SayBetter, "changed first", 0}}},
		{"alpha: the first bad one is told", alpha(base), CheckerState{}, []feed{{refused, 6 * sec, false, SayWorse, "first", 0}, {refused, sec, false, 0, "", 0}}},
		{"log_all_failures: while it is up", with(func(c *CheckerConfig) { c.LogAll, c.Retries = true, 1 }), tried, []feed{
			{refused, sec, true, SayCause, "", 0}, {refused, 6 * sec, false, SayCause | SayWorse, "changed", 0}, {refused, sec, false, 0, "", 0}}},
		{"log_all_failures of a script: what will be retried", with(func(c *CheckerConfig) { c.Kind, c.LogAll, c.Retries = Misc, true, 1 }), tried, []feed{
			{script1, sec, true, SayRetry, "", 0}, {script1, 6 * sec, false, SayWorse, "changed", 0}, {script1, 6 * sec, false, 0, "", 0}}},
		{"a probe that cannot be made says nothing of the server", base, tried, []feed{
			{Result{Cause: CauseLocal}, 6 * sec, true, SayCause, "", 0}, {Result{Cause: CauseLocal}, 6 * sec, true, 0, "", 0},
			{refused, sec, true, 0, "", 0}}},
		{"HTTP_GET: one url an interval, said when all were good", web(3), fresh, []feed{
			{good, 6 * sec, true, 0, "", 1}, {good, 6 * sec, true, 0, "", 2}, {good, 6 * sec, true, SayBetter, "first", 0}, {good, 6 * sec, true, 0, "", 1}}},
		{"HTTP_GET: the url that failed is retried", web(3), tried, []feed{
			{good, 6 * sec, true, 0, "", 1}, {refused, sec, true, 0, "", 1}, {good, 6 * sec, true, 0, "", 2}}},
		{"HTTP_GET: down, the failed url and then all of them", web(2), tried, []feed{
			{good, 6 * sec, true, 0, "", 1},
			{refused, sec, true, 0, "", 1}, {refused, sec, true, 0, "", 1}, {refused, 6 * sec, false, SayWorse, "changed", 1},
			{refused, 6 * sec, false, 0, "", 1}, {good, 6 * sec, false, SayStep, "", 0},
			{good, 6 * sec, false, SayStep, "", 1}, {good, 6 * sec, true, SayStep | SayBetter, "changed", 0}}},
		{"HTTP_GET: a single url must be good twice", web(1), CheckerState{HasRun: true, Tried: true, Recheck: true}, []feed{
			{good, 6 * sec, false, SayStep, "", 0}, {good, 6 * sec, true, SayStep | SayBetter, "changed", 0}}},
		{"HTTP_GET: another url fails while recovering", web(2), CheckerState{HasRun: true, Tried: true, Recheck: true, Step: 1}, []feed{
			{good, 6 * sec, false, SayStep, "", 0}, {refused, 6 * sec, false, 0, "", 0}, {good, 6 * sec, false, SayStep, "", 0}}},
		{"fast_recovery: no waiting while it is down", with(func(c *CheckerConfig) { c.Kind, c.Steps, c.FastRecovery = HTTP, 2, true }), CheckerState{HasRun: true, Tried: true, Recheck: true, Step: 1}, []feed{
			{good, 0, false, SayStep, "", 0}, {good, 0, false, SayStep, "", 1}, {good, 6 * sec, true, SayStep | SayBetter, "changed", 0}, {good, 6 * sec, true, 0, "", 1}}},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, now := tt.s, at(100*sec)
			for i, f := range tt.feeds {
				s.Planned, s.Due = now, clock.Never
				f.r.Started = now
				var v Verdict
				s, v = StepChecker(&tt.c, s, now, 1, f.r)
				got := feed{f.r, s.Due.Sub(now), s.Up, v.Say, words(v), s.Step}
				if got != f {
					t.Fatalf("result %d:\n want %+v\n got  %+v", i, f, got)
				}
				now = s.Due
			}
		})
	}
}

func words(v Verdict) string {
	switch {
	case v.Changed && v.First:
		return "changed first"
	case v.Changed:
		return "changed"
	case v.First:
		return "first"
	}
	return ""
}

// TestMiscWeight: exit statuses 2 to 255 are weights, relative to the configured one.
func TestMiscWeight(t *testing.T) {
	t.Parallel()
	c := CheckerConfig{Kind: Misc, Interval: sec, Dynamic: true}
	s := CheckerState{Up: true, Tried: true}
	for _, step := range []struct {
		r       Result
		delta   int32
		weighed bool
	}{
		{exit(0), 0, false}, {exit(12), 7, true}, {exit(12), 7, false}, {exit(2), -3, true},
		{exit(255), 250, true}, {exit(0), 0, true}, {exit(12), 7, true},
		{script1, 0, true}, // what has failed asks for nothing
	} {
		var v Verdict
		s, v = StepChecker(&c, s, 0, 3, step.r)
		if s.Delta != step.delta || v.Weighed != step.weighed {
			t.Errorf("exit %d: delta %d, want %d; weighed %t", step.r.Code, s.Delta, step.delta, v.Weighed)
		}
		if s.Exit != step.r.Code {
			t.Errorf("exit %d is remembered as %d", step.r.Code, s.Exit)
		}
	}
	c.Dynamic = false
	if s, _ = StepChecker(&c, s, 0, 3, exit(12)); s.Delta != 0 {
		t.Error("a weight without misc_dynamic")
	}
	s.Exit = 5
	if s, _ = StepChecker(&c, s, 0, 3, Result{Cause: CauseScriptLimit}); s.Exit != 5 {
		t.Error("a script that was ended has no exit status")
	}
}

// TestRetried: the number behind "failed after", as 2.2.7 has it.
func TestRetried(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind  Kind
		tried bool
		want  uint32
	}{{TCP, false, 0}, {TCP, true, 2}, {HTTP, false, 2}, {HTTP, true, 2}, {Misc, false, 2}} {
		c := CheckerConfig{Kind: tt.kind, Interval: sec, Retries: 2}
		s := CheckerState{Up: true, Tried: tt.tried}
		var v Verdict
		for v.Say&SayWorse == 0 {
			s, v = StepChecker(&c, s, 0, 1, refused)
		}
		if v.Retried != tt.want {
			t.Errorf("%d tried %t: %d retries, want %d", tt.kind, tt.tried, v.Retried, tt.want)
		}
	}
}

// TestNext: a checker keeps its place in time; what is over is left out.
func TestNext(t *testing.T) {
	t.Parallel()
	c := CheckerConfig{Kind: TCP, Interval: 10 * sec}
	for _, tt := range []struct {
		name              string
		started, end, due time.Duration
	}{
		{"on time", 100 * sec, 100*sec + 5*time.Millisecond, 110 * sec},
		{"started late", 104 * sec, 104 * sec, 110 * sec},
		{"longer than an interval", 100 * sec, 113 * sec, 120 * sec},
		{"later than two", 125 * sec, 126 * sec, 130 * sec},
		{"at the very instant", 100 * sec, 110 * sec, 120 * sec},
	} {
		s := CheckerState{Up: true, HasRun: true, Tried: true, Planned: at(100 * sec)}
		s, v := StepChecker(&c, s, at(tt.end), 1, Result{OK: true, Started: at(tt.started)})
		if s.Due != at(tt.due) || !s.Up || v.Say != 0 {
			t.Errorf("%s: due %v, want %v", tt.name, time.Duration(s.Due), tt.due)
		}
	}
	tiny := CheckerConfig{Kind: TCP, Interval: time.Microsecond}
	if s, _ := StepChecker(&tiny, CheckerState{}, 0, 1, good); s.Due < at(time.Millisecond) {
		t.Error("an interval under a millisecond is a busy loop")
	}
	// A script's retries are counted from its start.
	misc := CheckerConfig{Kind: Misc, Interval: 10 * sec, RetryDelay: 3 * sec, Retries: 1}
	s := CheckerState{Up: true, Tried: true, Planned: at(100 * sec)}
	if s, _ = StepChecker(&misc, s, at(102*sec), 1, Result{Started: at(100 * sec), Cause: CauseExit}); s.Due != at(103*sec) {
		t.Errorf("retry of a script at %v", time.Duration(s.Due))
	}
}
