package probe

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
	"keepalived/core/script"
)

// miscCheck is a MISC_CHECK of a shell script.
func miscCheck(t *testing.T, text string) Target {
	t.Helper()
	path := filepath.Join(t.TempDir(), "check.sh")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return Target{Script: &script.Script{Path: path, Argv: []string{path, "an argument"}},
		Check: &checkercfg.Check{Kind: checkercfg.MiscCheck, Misc: &checkercfg.Misc{Limit: 10 * time.Second}}}
}

// TestExitStatuses: what 2.2.7 makes of them, and the signals that it names.
func TestExitStatuses(t *testing.T) {
	weight := func(n int) string { return fmt.Sprintf("weight %d", n) }
	exit := func(n int) string { return fmt.Sprintf("cause %d, code %d", health.CauseExit, n) }
	signal := func(n unix.Signal) string { return fmt.Sprintf("cause %d, code %d", health.CauseSignal, n) }
	for _, c := range []struct{ text, plain, dynamic string }{
		{"exit 0", "good, code 0", "good, code 0"},
		{`[ "$1" = "an argument" ]`, "good, code 0", "good, code 0"},
		{"exit 1", exit(1), exit(1)},
		{"exit 2", exit(2), weight(0)},
		{"exit 12", exit(12), weight(10)},
		{"exit 255", exit(255), weight(253)},
		{"kill -KILL $$", signal(unix.SIGKILL), signal(unix.SIGKILL)},
		{"kill -TERM $$", signal(unix.SIGTERM), signal(unix.SIGTERM)},
	} {
		for _, dynamic := range []bool{false, true} {
			target := miscCheck(t, c.text)
			target.Check.Misc.Dynamic = dynamic
			f := one(t, target)
			got, want := f.String(), c.plain
			if dynamic {
				want = c.dynamic
			}
			if f.HasWeight {
				got = weight(int(f.Weight))
				if !f.OK {
					t.Errorf("%s: a weight of a bad script", c.text)
				}
			}
			if got != want {
				t.Errorf("%s, dynamic %v: %s, want %s", c.text, dynamic, got, want)
			}
		}
	}
}

// TestScriptLimit: killed at its limit a script has failed, even if it traps the signal
// and exits with 0, which 2.2.7 takes for success.
func TestScriptLimit(t *testing.T) {
	for _, text := range []string{"exec sleep 60", `trap "exit 0" TERM; sleep 60 & wait`, `trap "exit 12" TERM; sleep 60 & wait`} {
		target := miscCheck(t, text)
		target.Check.Misc.Limit, target.Check.Misc.Dynamic = 200*time.Millisecond, true
		f := one(t, target)
		if f.OK || f.Cause != health.CauseScriptLimit || f.HasWeight {
			t.Errorf("%s: %v", text, f)
		}
		if f.took < 200*time.Millisecond || f.took > 4*time.Second {
			t.Errorf("%s: took %v", text, f.took)
		}
	}
}

func TestScriptThatCannotRun(t *testing.T) {
	gone := miscCheck(t, "exit 0")
	gone.Script.Path += ".gone"
	data := miscCheck(t, "exit 0")
	if err := os.Chmod(data.Script.Path, 0o600); err != nil {
		t.Fatal(err)
	}
	for target, code := range map[*Target]int32{&gone: 127, &data: 126} {
		if f := one(t, *target); f.OK || f.Cause != health.CauseExit || f.Code != code {
			t.Errorf("%s: %v, want exit status %d", target.Script.Path, f, code)
		}
	}
}

// TestScriptsAtOnce: two runs for one ticket, as after a reload that gave a number to
// another checker, are two scripts.
func TestScriptsAtOnce(t *testing.T) {
	r := start(t, Limits{})
	slow, quick := miscCheck(t, "sleep 0.5"), miscCheck(t, "exit 3")
	r.Start(health.Ticket{ID: 1, Gen: 1}, slow, 0)
	r.Start(health.Ticket{ID: 1, Gen: 2}, quick, 0)
	if f := r.next(t); f.ticket.Gen != 2 || f.Code != 3 {
		t.Errorf("first %+v", f)
	}
	if f := r.next(t); f.ticket.Gen != 1 || !f.OK {
		t.Errorf("then %+v", f)
	}
}

// TestStuckScript: as long as the last run cannot be ended the next is not another
// process, and fails.
func TestStuckScript(t *testing.T) {
	var p Pool
	p.scripts.init()
	j := &job{ticket: health.Ticket{ID: 1}}
	first := p.scripts.number(j)
	p.scripts.settle(j, &script.Result{ID: first, Err: script.ErrUnkillable, TimedOut: true})
	second := p.scripts.number(j)
	p.scripts.settle(j, &script.Result{ID: second, Err: script.ErrRunning})
	third := p.scripts.number(j)
	p.scripts.settle(j, &script.Result{ID: third})
	fourth := p.scripts.number(j)
	if first != second || second != third || third == fourth {
		t.Errorf("numbers %d %d %d %d: want the first three alike", first, second, third, fourth)
	}
	for _, err := range []error{script.ErrUnkillable, script.ErrRunning} {
		r := scriptResult(&script.Result{Err: err, Exit: -1, TimedOut: err == script.ErrUnkillable}, true)
		if r.OK || r.Cause != health.CauseScriptLimit {
			t.Errorf("%v: %+v", err, r)
		}
	}
}
