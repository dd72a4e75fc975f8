package probe

import (
	"errors"

	"golang.org/x/sys/unix"

	"keepalived/checker/health"
	"keepalived/core/script"
)

// scripts are the MISC_CHECKs under way, by the number that the runner knows them by.
type scripts struct {
	jobs map[int32]*job
	// stuck are scripts that even SIGKILL did not end, by the checker that ran them.
	// Its next run has the same number, and the runner refuses that as long as the
	// process is there: a checker has one process in the kernel's mud, not one more an
	// interval.
	stuck map[health.Ticket]int32
	last  int32
}

func (s *scripts) init() {
	s.jobs, s.stuck = map[int32]*job{}, map[health.Ticket]int32{}
}

// number gives a run its number.
func (s *scripts) number(j *job) int32 {
	id, ok := s.stuck[j.ticket]
	if ok {
		delete(s.stuck, j.ticket)
	} else {
		s.last++ // after 2³¹ runs it goes on with negative ones
		id = s.last
	}
	s.jobs[id] = j
	return id
}

// startScript is called with the lock held; the runner does not block.
func (p *Pool) startScript(j *job) {
	c := j.target.Script.Command(p.scripts.number(j), j.target.Check.Misc.Limit)
	p.runner.Start(c)
}

// scriptDone comes on a goroutine of the runner.
func (p *Pool) scriptDone(res script.Result) {
	p.mu.Lock()
	j, stopping := p.scripts.jobs[res.ID], p.ctx == nil || p.ctx.Err() != nil
	delete(p.scripts.jobs, res.ID)
	if errors.Is(res.Err, script.ErrUnkillable) || errors.Is(res.Err, script.ErrRunning) {
		p.scripts.stuck[j.ticket] = res.ID
	}
	p.mu.Unlock()
	if stopping || res.Cancelled {
		return
	}
	p.land(j, scriptResult(&res, j.target.Check.Misc.Dynamic))
}

// Exit statuses with which a shell says that it could not run a program.
const (
	exitCannotRun = 126
	exitNotFound  = 127
)

// scriptResult reads an exit status. A script that its time limit ended has failed,
// whatever it exited with.
func scriptResult(res *script.Result, dynamic bool) health.Result {
	r := health.Result{Code: int32(res.Exit), Cause: health.CauseExit}
	switch {
	case res.TimedOut, errors.Is(res.Err, script.ErrRunning):
		r.Code, r.Cause = 0, health.CauseScriptLimit
	case errors.Is(res.Err, unix.ENOENT):
		r.Code = exitNotFound
	case errors.Is(res.Err, script.ErrBusy), errors.Is(res.Err, unix.EAGAIN), errors.Is(res.Err, unix.ENOMEM),
		errors.Is(res.Err, unix.EMFILE), errors.Is(res.Err, unix.ENFILE):
		r.Code, r.Cause = 0, health.CauseLocal
	case res.Err != nil:
		r.Code = exitCannotRun
	case res.Signal != 0:
		r.Code, r.Cause = int32(res.Signal), health.CauseSignal
	case res.Exit == 0:
		r.OK, r.Cause = true, health.CauseNone
	case dynamic && res.Exit >= 2:
		r.OK, r.Cause = true, health.CauseNone
		r.Weight, r.HasWeight = int32(res.Exit)-2, true
	}
	return r
}
