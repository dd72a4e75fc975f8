package supervisor

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"keepalived/core/logging"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

// The states of a child's process.
const (
	starting = pb.ProcessState_PROCESS_STATE_STARTING
	running  = pb.ProcessState_PROCESS_STATE_RUNNING
	waiting  = pb.ProcessState_PROCESS_STATE_WAITING
	stopping = pb.ProcessState_PROCESS_STATE_STOPPING
	stopped  = pb.ProcessState_PROCESS_STATE_STOPPED
)

// session is what the loop needs of childapi.Session.
type session interface {
	Role() childapi.Role
	PID() int
	Generation() uint64
	Gone() bool
	Close()
	SendFirst(generation uint64, p *childapi.Part, m childapi.Memory)
	SendPrepare(generation uint64, p *childapi.Part, kind childapi.PrepareKind)
	SendSame(generation, inForce uint64, kind childapi.PrepareKind)
	SendCommit(generation uint64)
	SendAbort(generation uint64)
	Call(ctx context.Context, cmd *pb.ServeResponse, each func(*pb.ServeRequest) error) error
}

// child is one role and its process, if it has one. The loop owns it.
type child struct {
	role     childapi.Role
	name     string // keepalived's word in the log
	handover bool

	wanted  bool
	state   pb.ProcessState
	proc    process
	pid     int
	token   string
	session session
	ready   uint64 // generation of its last Ready
	starts  uint32

	started     time.Time
	backoff     backoff
	respawn     *time.Timer
	respawnAt   time.Time
	watchdog    watchdog
	beat        *pb.Heartbeat
	beatAt      time.Time
	fatal       int    // keepalived's code, by Report
	killedFor   string // why the watchdog ended it
	kills       uint32
	lastExit    string
	lastExitAt  time.Time
	killOverdue *time.Timer
}

func (c *child) signal(sig os.Signal) {
	if c.proc != nil {
		_ = c.proc.Signal(sig) // only fails when the process is dead already
	}
}

func (c *child) kill() { c.signal(syscall.SIGKILL) }

func (c *child) stopTimers() {
	if c.respawn != nil {
		c.respawn.Stop()
		c.respawn = nil
	}
	if c.killOverdue != nil {
		c.killOverdue.Stop()
		c.killOverdue = nil
	}
}

// spawn starts the process of c.
func (s *Supervisor) spawn(c *child) {
	c.stopTimers()
	c.token = s.server.Expect(c.role)
	name := s.current.cfg.ProcessNames[c.role]
	if name == "" {
		name = "keepalived"
	}
	boot := childapi.Boot{Role: c.role, Token: c.token, Generation: s.current.number, Restarts: c.starts}
	proc, pid, err := s.start(c, boot, name, func(line string) {
		s.log.Error(c.name+": "+line, "role", c.role.String())
	})
	if err != nil {
		s.server.Forget(c.token)
		s.log.Error(err.Error())
		if s.opt.NoRespawn {
			c.state = stopped
			s.stop(1)
			return
		}
		s.respawnIn(c, s.died(c, 0))
		return
	}
	s.server.Spawned(c.token, pid)
	c.proc, c.pid, c.state = proc, pid, starting
	c.session, c.ready, c.fatal, c.killedFor = nil, 0, 0, ""
	c.beat, c.beatAt = nil, time.Time{}
	c.started = time.Now()
	c.watchdog = newWatchdog(time.Since(s.began))
	c.starts++
	s.log.Info(fmt.Sprintf("Starting %s child process, pid=%d", c.name, pid), "role", c.role.String(), "pid", pid)
	s.tellProcess(c, "")
	go func() {
		end := proc.Wait()
		s.post(func() { s.reaped(c, proc, end) })
	}()
}

// retire ends a child that is not wanted any more.
func (s *Supervisor) retire(c *child) {
	c.stopTimers()
	if c.proc == nil {
		c.state = stopped
		return
	}
	c.state = stopping
	c.signal(syscall.SIGTERM)
	s.tellProcess(c, "")
	if s.stopping {
		return // stop has a timer for all
	}
	wait := s.current.cfg.ChildWait
	if wait <= 0 {
		wait = defaultChildWait
	}
	proc := c.proc
	c.killOverdue = s.after(wait, func() {
		if c.proc == proc {
			c.kill()
		}
	})
}

// reaped is told that a process is dead.
func (s *Supervisor) reaped(c *child, proc process, end ending) {
	if c.proc != proc {
		return
	}
	s.server.Forget(c.token)
	c.stopTimers()
	pid, uptime := c.pid, time.Since(c.started)
	c.proc, c.pid, c.session, c.token = nil, 0, nil, ""
	c.lastExit, c.lastExitAt = end.short(), time.Now()
	if c.killedFor != "" {
		c.lastExit = c.killedFor + ", " + c.lastExit
	}
	s.dumps.lost(c.role)
	s.disconnected(c.role)
	if c.state == stopping {
		c.state = stopped
		if text := end.text(pid, true); text != "" && end.signal != int(stopSignal) {
			s.log.Info(text, "pid", pid)
		}
		s.forget(c.role)
		s.tellProcess(c, c.lastExit)
		s.lostInReload(c)
		if c.wanted { // again, by a reload while it was still ending
			s.spawn(c)
		}
		return
	}
	if code, ok := end.permanent(c.fatal); ok {
		c.state = stopped
		s.log.Info(fmt.Sprintf("pid %d exited with permanent error %s. Terminating", pid, permanentName(code)), "pid", pid, "code", code)
		s.tellProcess(c, "permanent error "+permanentName(code))
		s.stop(code)
		return
	}
	if text := end.text(pid, c.killedFor != ""); text != "" {
		s.log.Info(text, "pid", pid)
	}
	fate := "Respawning"
	if s.opt.NoRespawn {
		fate = "Exiting"
	}
	s.log.Log(context.Background(), logging.Alert, fmt.Sprintf("%s child process(%d) died: %s", c.name, pid, fate), "role", c.role.String(), "pid", pid)
	if s.opt.NoRespawn {
		c.state = stopped
		s.tellProcess(c, c.lastExit)
		s.log.Info("Stopping")
		s.stop(0) // as 2.2.7, which ends with 0
		return
	}
	delay := s.died(c, uptime)
	if delay == 0 {
		s.spawn(c) // at once: a MASTER has three adverts' time to come back
		return
	}
	s.respawnIn(c, delay)
}

// died notes that c is not there and returns how long its next start is delayed.
func (s *Supervisor) died(c *child, uptime time.Duration) (delay time.Duration) {
	delay, c.backoff = c.backoff.next(uptime)
	c.state = waiting
	s.log.Info(fmt.Sprintf("Restart of %s process delayed %d seconds to limit respawn rate", c.name, int(delay/time.Second)), "role", c.role.String())
	c.respawnAt = time.Now().Add(delay)
	s.tellProcess(c, c.lastExit)
	s.lostInReload(c)
	return delay
}

// respawnIn starts c when delay has passed, if it is then still wanted.
func (s *Supervisor) respawnIn(c *child, delay time.Duration) {
	c.respawn = s.after(delay, func() {
		c.respawn = nil
		if c.wanted && c.proc == nil && !s.stopping {
			s.spawn(c)
		}
	})
}

// watch looks at the heartbeat of c.
func (s *Supervisor) watch(c *child, now time.Time, late time.Duration) {
	if c.proc == nil || s.opt.NoRespawn || c.state == stopping {
		return
	}
	switch c.watchdog.check(now.Sub(s.began), late) {
	case biteWarn:
		s.log.Warn(fmt.Sprintf("%s child process(%d) has not shown life for %v", c.name, c.pid, beatWarn), "role", c.role.String(), "pid", c.pid)
	case biteAbort:
		c.killedFor = fmt.Sprintf("no heartbeat for %v", c.watchdog.limit)
		c.kills++
		s.log.Error(fmt.Sprintf("%s child process(%d) has not shown life for %v: aborting it", c.name, c.pid, c.watchdog.limit), "role", c.role.String(), "pid", c.pid)
		c.signal(syscall.SIGABRT)
	case biteKill:
		c.kill()
	case biteNone:
	}
}

// byRole gives the child of a role.
func (s *Supervisor) byRole(role childapi.Role) *child {
	for _, c := range s.children {
		if c.role == role {
			return c
		}
	}
	panic("no child has role " + role.String()) // the set is New's
}

// byProcess finds the child that a session is of: the one whose process it is.
func (s *Supervisor) byProcess(x session) *child {
	for _, c := range s.children {
		if c.role == x.Role() && c.proc != nil && c.pid == x.PID() {
			return c
		}
	}
	return nil
}

// registered gives a child that dialled the configuration it does not have.
func (s *Supervisor) registered(x session) {
	c := s.byProcess(x)
	if c == nil || x.Gone() {
		return
	}
	c.session = x
	switch have := x.Generation(); {
	case have == s.current.number:
	case have == 0:
		x.SendFirst(s.current.number, s.current.parts[c.role], s.memoryFor(c.role))
		x.SendCommit(s.current.number)
	default:
		s.catchUp(c)
	}
}

// catchUp gives a running child the generation in force.
func (s *Supervisor) catchUp(c *child) {
	c.session.SendPrepare(s.current.number, s.current.parts[c.role], childapi.Change)
	c.session.SendCommit(s.current.number)
}

// closed notes that a child is not connected. It lives on and dials again, or its
// death will be told.
func (s *Supervisor) closed(x session) {
	c := s.byProcess(x)
	if c == nil || c.session != x {
		return
	}
	c.session = nil
	s.dumps.lost(c.role)
	s.disconnected(c.role)
	s.lostInReload(c)
}

// reported handles one report.
func (s *Supervisor) reported(x session, r *pb.ReportRequest) {
	c := s.byProcess(x)
	if c == nil {
		return
	}
	switch m := r.GetReport().(type) {
	case *pb.ReportRequest_Heartbeat:
		c.beat, c.beatAt = m.Heartbeat, time.Now()
		c.watchdog.beat(c.beatAt.Sub(s.began))
	case *pb.ReportRequest_Ready:
		s.childReady(c, m.Ready.GetGeneration())
	case *pb.ReportRequest_Prepared:
		s.childPrepared(c, m.Prepared)
	case *pb.ReportRequest_Refused:
		s.childRefused(c, m.Refused)
	case *pb.ReportRequest_TreeWanted:
		s.childWantsTree(c, m.TreeWanted.GetGeneration())
	case *pb.ReportRequest_Event:
		s.childEvent(c, m.Event)
	case *pb.ReportRequest_Missed:
		s.refresh(c, eventsLost)
	case *pb.ReportRequest_Fatal:
		c.fatal = int(m.Fatal.GetCode())
		s.notice(c.role, pb.Severity_SEVERITY_FATAL, m.Fatal.GetText())
	case *pb.ReportRequest_Records:
		if c.role == childapi.Checker {
			s.checks.Take(m.Records)
		}
	case *pb.ReportRequest_Override:
		if c.role == childapi.Checker {
			s.childOverride(m.Override)
		}
	case *pb.ReportRequest_LogNotice:
		s.notice(c.role, m.LogNotice.GetSeverity(), m.LogNotice.GetText())
	}
}

func (s *Supervisor) childReady(c *child, generation uint64) {
	c.ready = generation
	c.watchdog.beat(time.Since(s.began)) // its loop turns: from now on heartbeats are due
	if c.state == starting && generation == s.current.number {
		c.state = running
		s.tellProcess(c, "")
		s.dumps.ready(s, c)
		if c.starts > 1 {
			s.refresh(c, restarted) // the process before it may have reported what is no more
		}
	}
	s.readyInReload(c)
	s.checkStarted()
	s.nextReload()
}

// tellProcess makes an event of a child's state.
func (s *Supervisor) tellProcess(c *child, cause string) {
	change := &pb.ProcessChange{Role: c.role, Pid: int32(c.pid), State: c.state, Cause: cause}
	if c.state == waiting {
		change.RespawnIn = untilProto(c.respawnAt)
	}
	s.publish(&pb.Event{Source: pb.Role_ROLE_PARENT, Kind: &pb.Event_Process{Process: change}})
}
