package supervisor

import (
	"errors"
	"testing"
	"time"
)

func TestBackoffDelays(t *testing.T) {
	t.Parallel()
	const short = time.Second
	tests := []struct {
		name    string
		uptimes []time.Duration
		want    []time.Duration // seconds
	}{
		{"crash loop: 0 1 2 4 … 60 s as 2.2.7",
			[]time.Duration{short, short, short, short, short, short, short, short, short, short},
			[]time.Duration{0, 1, 2, 4, 8, 16, 32, 60, 60, 60}},
		{"a life of 60 s starts anew",
			[]time.Duration{short, short, short, 60 * time.Second, short},
			[]time.Duration{0, 1, 2, 0, 1}},
		{"one of 59.9 s does not",
			[]time.Duration{short, short, short, 59900 * time.Millisecond},
			[]time.Duration{0, 1, 2, 4}},
		{"a start that fails at once counts",
			[]time.Duration{0, 0, 0}, []time.Duration{0, 1, 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b backoff
			for i, up := range tt.uptimes {
				var got time.Duration
				if got, b = b.next(up); got != tt.want[i]*time.Second {
					t.Errorf("delay %d: got %v, want %ds", i, got, tt.want[i])
				}
			}
		})
	}
	// A crash loop of years does not overflow.
	b := backoff{deaths: 1 << 40}
	if got, _ := b.next(0); got != backoffMost {
		t.Errorf("after 2^40 deaths: %v, want %v", got, backoffMost)
	}
}

func TestPermanentOrCrash(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		end  ending
		said int
		code int // 0: a crash
		text string
	}{
		{"status 0 is a crash without a word", ending{}, 0, 0, ""},
		{"status 1", ending{status: 1}, 0, 0, "pid 7 exited with status 1"},
		{"status 2 is a Go panic, not CONFIG", ending{status: 2}, 0, 0, "pid 7 exited with status 2"},
		{"Fatal report CONFIG", ending{status: 102}, 2, 2, "pid 7 exited with status 102"},
		{"Fatal report wins over a crash while ending", ending{status: 2}, 2, 2, "pid 7 exited with status 2"},
		{"status 102 alone is CONFIG", ending{status: 102}, 0, 2, "pid 7 exited with status 102"},
		{"status 101 is FATAL", ending{status: 101}, 0, 1, "pid 7 exited with status 101"},
		{"status 170 is PROGRAM_ERROR", ending{status: 170}, 0, 70, "pid 7 exited with status 170"},
		{"status 100 is nothing of ours", ending{status: 100}, 0, 0, "pid 7 exited with status 100"},
		{"status 143 is not 43", ending{status: 143}, 0, 0, "pid 7 exited with status 143"},
		{"SIGKILL", ending{signal: 9}, 0, 0, "pid 7 exited due to signal 9 (Killed) - has rlimit_rttime been exceeded?"},
		{"SIGSEGV", ending{signal: 11}, 0, 0, "pid 7 exited due to segmentation fault (SIGSEGV)."},
		{"SIGABRT", ending{signal: 6}, 0, 0, "pid 7 exited due to signal 6 (Aborted)"},
		{"a real-time signal", ending{signal: 36}, 0, 0, "pid 7 exited due to signal 36 (Real-time signal 2)"},
		{"unknown", ending{status: -1, unknown: errors.New("no child")}, 0, 0, "pid 7 exited, how is not known: no child"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, ok := tt.end.permanent(tt.said)
			if ok != (tt.code != 0) || ok && code != tt.code {
				t.Errorf("permanent: got %d %v, want code %d", code, ok, tt.code)
			}
			if got := tt.end.text(7, false); got != tt.text {
				t.Errorf("text: got %q, want %q", got, tt.text)
			}
		})
	}
	if got, want := (ending{signal: 9}).text(7, true), "pid 7 exited due to signal 9 (Killed)"; got != want {
		t.Errorf("killed by our watchdog: got %q, want %q", got, want)
	}
}

func TestWatchdogRules(t *testing.T) {
	t.Parallel()
	const sec = time.Second
	type look struct {
		at, late time.Duration
		beat     bool // instead of a look
		want     bite
	}
	tests := []struct {
		name  string
		looks []look
	}{
		{"beats every second: nothing", []look{
			{at: sec, beat: true}, {at: 2 * sec}, {at: 2 * sec, beat: true}, {at: 3 * sec}, {at: 4 * sec}}},
		{"the first heartbeat may take 30 s, without a warning", []look{
			{at: 10 * sec}, {at: 29 * sec}, {at: 30 * sec, want: biteAbort}}},
		{"3 s warn once, 10 s abort, 2 s later kill", []look{
			{at: sec, beat: true}, {at: 3 * sec}, {at: 4 * sec, want: biteWarn}, {at: 5 * sec},
			{at: 10 * sec}, {at: 11 * sec, want: biteAbort}, {at: 12 * sec}, {at: 13 * sec, want: biteKill}, {at: 14 * sec}, {at: 15 * sec, want: biteKill}}},
		{"a beat ends the warning and a new silence warns again", []look{
			{at: sec, beat: true}, {at: 4 * sec, want: biteWarn}, {at: 5 * sec, beat: true}, {at: 7 * sec}, {at: 8 * sec, want: biteWarn}}},
		{"the parent's own stall is not held against the child", []look{
			{at: sec, beat: true}, {at: 2 * sec}, {at: 60 * sec, late: 57 * sec}, {at: 61 * sec, want: biteWarn}, {at: 67 * sec}, {at: 68 * sec, want: biteAbort}}},
		{"ordinary lateness of the tick is", []look{
			{at: sec, beat: true}, {at: 10990 * time.Millisecond, late: 90 * time.Millisecond, want: biteWarn}, {at: 11 * sec, late: 90 * time.Millisecond, want: biteAbort}}},
		{"a stall moves the last beat to now at most", []look{
			{at: 60 * sec, beat: true}, {at: 60 * sec, late: 50 * sec}, {at: 63 * sec, want: biteWarn}, {at: 70 * sec, want: biteAbort}}},
		{"a late beat does not save one that was aborted", []look{
			{at: sec, beat: true}, {at: 11 * sec, want: biteAbort}, {at: 12 * sec, beat: true}, {at: 13 * sec, want: biteKill}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWatchdog(0)
			for _, l := range tt.looks {
				if l.beat {
					w.beat(l.at)
					continue
				}
				if got := w.check(l.at, l.late); got != l.want {
					t.Errorf("at %v: got %d, want %d", l.at, got, l.want)
				}
			}
		})
	}
}
