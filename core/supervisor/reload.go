package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"keepalived/core/clock"
	"keepalived/core/diag"
	own "keepalived/core/process"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
	"keepalived/rpc/childapi"
)

// reload is one change of configuration on its way: read, prepared by every
// running child, and only then put in force in all of them.
type reload struct {
	trial   bool   // plans only
	id      string // of the request, may be empty
	waiters []chan<- outcome

	began    time.Time
	queued   time.Time
	phase    reloadPhase
	number   uint64
	read     *readConfig
	awaited  map[*child]bool // yet to answer
	asked    []*child        // were sent the PREPARE
	plans    []*pb.Plan
	overdue  *time.Timer
	abandon  context.CancelFunc
	deferred *time.Timer
}

// readConfig is a new configuration, read for a reload.
type readConfig struct {
	Config
	err     error
	parts   parts
	same    map[childapi.Role]bool // the child's part says what the one in force does
	changes []*pb.ConfigChange     // for a trial
}

type reloadPhase uint8

const (
	reloadWaiting reloadPhase = iota
	reloadReading
	reloadPreparing
	reloadCommitting
)

// outcome is the answer to those who asked for a reload.
type outcome struct {
	response *pb.ReloadResponse
	err      error
}

// finished remembers the answer to a request id.
type finished struct {
	id string
	outcome
}

const maxResults = 16

// enqueueReload takes a request. Requests that wait and want the same are one: the
// file is read after the last of them.
func (s *Supervisor) enqueueReload(r *reload) {
	if s.stopping {
		r.answer(outcome{err: adminapi.ErrUnavailable})
		return
	}
	if r.id != "" {
		for _, f := range s.results {
			if f.id == r.id {
				r.answer(f.outcome)
				return
			}
		}
		if s.reloading != nil && s.reloading.id == r.id {
			s.reloading.waiters = append(s.reloading.waiters, r.waiters...)
			return
		}
	}
	for _, q := range s.queue {
		if q.trial == r.trial && (q.id == "" || r.id == "" || q.id == r.id) {
			q.waiters = append(q.waiters, r.waiters...)
			if q.id == "" {
				q.id = r.id
			}
			return
		}
	}
	r.queued = time.Now()
	s.queue = append(s.queue, r)
	s.nextReload()
}

func (r *reload) answer(o outcome) {
	for _, w := range r.waiters {
		w <- o // has room for the one answer
	}
}

// nextReload starts the next request when nothing stands in the way: another one,
// or a child that is just starting and could not have its say.
func (s *Supervisor) nextReload() {
	if s.reloading != nil || len(s.queue) == 0 || s.stopping {
		return
	}
	r := s.queue[0]
	for _, c := range s.children {
		if wait := startGrace - time.Since(r.queued); c.state == starting && wait > 0 {
			if r.deferred == nil {
				r.deferred = s.after(wait, s.nextReload)
			}
			return
		}
	}
	if r.deferred != nil {
		r.deferred.Stop()
	}
	s.queue = s.queue[1:]
	s.reloading = r
	r.began, r.phase = time.Now(), reloadReading
	log := s.log
	if r.trial {
		log = slog.New(slog.DiscardHandler)
	} else {
		s.log.Info("Reloading ...")
		// The kernel's monotonic clock tells systemd which reload this READY=1 is of.
		s.notifyReload(fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d\nSTATUS=Reloading", int64(clock.Real{}.Now())/1000))
		s.publish(&pb.Event{Source: pb.Role_ROLE_PARENT, Kind: &pb.Event_Reload{Reload: &pb.ReloadChange{
			Outcome: pb.ReloadOutcome_RELOAD_OUTCOME_STARTED, Generation: s.current.number}}})
	}
	ctx, cancel := context.WithCancel(s.life)
	r.abandon = cancel
	inForce := s.current // stays so: one reload at a time
	go func() {
		read := s.read(ctx, log, r.trial, &inForce)
		s.post(func() { s.loaded(r, read) })
	}()
}

// read reads the configuration and compares it with the one in force. All of it takes
// its time with a large configuration, none of it on the loop's account.
func (s *Supervisor) read(ctx context.Context, log *slog.Logger, trial bool, inForce *generation) *readConfig {
	r := &readConfig{same: map[childapi.Role]bool{}}
	err := s.alone(ctx, func() {
		if r.Config, r.err = s.opt.Load(ctx, log); r.err != nil || r.Diags.HasFatal() {
			return
		}
		r.parts, r.err = s.opt.partsOf(r.Tree)
		for role, p := range r.parts {
			r.same[role] = p.Same(inForce.parts[role])
		}
	})
	if err != nil {
		r.err = err
	}
	if trial && r.parts != nil && s.opt.Changes != nil && r.Tree.Digest != inForce.cfg.Tree.Digest {
		r.changes = s.opt.Changes(inForce.parts.trees(), r.Tree)
	}
	return r
}

// alone runs f when nobody else reads the configuration.
func (s *Supervisor) alone(ctx context.Context, f func()) error {
	select {
	case s.loading <- struct{}{}:
		defer func() { <-s.loading }()
		defer own.CollectRarely()()
		f()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// loaded sends what was read to the children, if it can run.
func (s *Supervisor) loaded(r *reload, read *readConfig) {
	if s.reloading != r {
		return
	}
	r.abandon()
	r.read = read
	switch {
	case read.err != nil:
		s.refuse(r, read.err.Error(), read.Diags)
		return
	case read.Diags.HasFatal():
		s.refuse(r, firstFatal(read.Diags), read.Diags)
		return
	}
	s.lastGen++
	r.number = s.lastGen
	r.phase, r.awaited = reloadPreparing, map[*child]bool{}
	for _, c := range s.children {
		if c.state == running && c.session != nil && stays(c, read.Config) {
			// What a child has in force may be older than what should be.
			if read.same[c.role] && c.ready == s.current.number {
				c.session.SendSame(r.number, c.ready, r.kind())
			} else {
				c.session.SendPrepare(r.number, read.parts[c.role], r.kind())
			}
			r.awaited[c] = true
			r.asked = append(r.asked, c)
		}
	}
	r.overdue = s.after(prepareLimit, func() {
		if s.reloading == r && r.phase == reloadPreparing {
			s.refuse(r, fmt.Sprintf("no answer from the children within %v", prepareLimit), nil)
		}
	})
	s.maybeCommit(r)
}

func (r *reload) kind() childapi.PrepareKind {
	if r.trial {
		return childapi.Trial
	}
	return childapi.Change
}

// childWantsTree sends a child its part all the same.
func (s *Supervisor) childWantsTree(c *child, generation uint64) {
	r := s.reloading
	if r == nil || r.phase != reloadPreparing || generation != r.number || !r.awaited[c] || c.session == nil {
		return
	}
	c.session.SendPrepare(r.number, r.read.parts[c.role], r.kind())
}

// stays reports whether the new configuration has work for a child.
func stays(c *child, cfg Config) bool {
	for _, role := range cfg.Roles {
		if role == c.role {
			return true
		}
	}
	return false
}

func firstFatal(l diag.List) string {
	for _, d := range l {
		if d.Severity == diag.Fatal {
			if p := d.Subject.Start(); p.IsValid() {
				return fmt.Sprintf("(%s: Line %d) %s", p.File, p.Line, d.Summary)
			}
			return d.Summary
		}
	}
	return "the configuration cannot run"
}

func (s *Supervisor) childPrepared(c *child, p *pb.Prepared) {
	r := s.reloading
	if r == nil || r.phase != reloadPreparing || p.GetGeneration() != r.number || !r.awaited[c] {
		return
	}
	delete(r.awaited, c)
	plan := p.GetPlan()
	if plan == nil {
		plan = &pb.Plan{}
	}
	plan.Role = c.role
	r.plans = append(r.plans, plan)
	s.maybeCommit(r)
}

func (s *Supervisor) childRefused(c *child, m *pb.Refused) {
	why := childapi.DiagnosticsFromProto(m.GetDiagnostics())
	r := s.reloading
	if r != nil && r.phase == reloadPreparing && m.GetGeneration() == r.number && r.awaited[c] {
		s.refuse(r, fmt.Sprintf("the %s process refused it: %s", c.name, firstFatal(why)), why)
		return
	}
	if m.GetGeneration() != s.current.number {
		return // of a reload that is over
	}
	if c.ready == 0 {
		// The configuration it was started with cannot run: permanent, as for a
		// child that says so itself.
		c.fatal = codeConfig
		c.signal(stopSignal)
		return
	}
	// It had prepared this generation, lost its connection before the COMMIT and
	// now finds that the world has changed. It runs the old one: say so loudly.
	text := fmt.Sprintf("%s child process(%d) cannot apply generation %d and keeps %d: %s", c.name, c.pid, m.GetGeneration(), c.ready, firstFatal(why))
	s.log.Error(text)
	s.notice(c.role, pb.Severity_SEVERITY_ERROR, text)
}

// maybeCommit puts the new generation in force once every child has prepared it.
func (s *Supervisor) maybeCommit(r *reload) {
	if r.phase != reloadPreparing || len(r.awaited) > 0 {
		return
	}
	if r.trial {
		s.abortAll(r)
		s.finish(r, outcome{response: s.response(r)})
		return
	}
	r.phase = reloadCommitting
	s.current = newGeneration(r.number, r.read.Config, r.read.parts)
	for _, c := range r.asked {
		if c.session != nil {
			c.session.SendCommit(r.number)
		}
		r.awaited[c] = true
	}
	// Those that registered meanwhile were given the old one.
	for _, c := range s.children {
		if c.session != nil && !r.awaited[c] && stays(c, r.read.Config) && c.proc != nil {
			s.catchUp(c)
		}
	}
	s.applyRoles()
	for _, c := range s.children {
		if c.wanted && c.state == starting {
			r.awaited[c] = true
		}
	}
	r.overdue.Stop()
	r.overdue = s.after(commitLimit, func() {
		if s.reloading == r {
			s.log.Error(fmt.Sprintf("Not every child has put generation %d in force within %v", r.number, commitLimit))
			s.applied(r)
		}
	})
	s.maybeApplied(r)
}

func (s *Supervisor) readyInReload(c *child) {
	if r := s.reloading; r != nil && r.phase == reloadCommitting && c.ready == r.number {
		delete(r.awaited, c)
		s.maybeApplied(r)
	}
}

// lostInReload is told that a child died or hung up. While it looks at a new
// configuration that is a refusal: the configuration may be what kills it.
func (s *Supervisor) lostInReload(c *child) {
	r := s.reloading
	if r == nil || !r.awaited[c] {
		return
	}
	switch r.phase {
	case reloadPreparing:
		delete(r.awaited, c)
		s.refuse(r, fmt.Sprintf("the %s process was lost while it looked at the new configuration", c.name), nil)
	case reloadCommitting:
		// Whoever comes back is given the generation in force.
		if !c.wanted || c.proc == nil {
			delete(r.awaited, c)
			s.maybeApplied(r)
		}
	case reloadWaiting, reloadReading:
	}
}

func (s *Supervisor) maybeApplied(r *reload) {
	if r.phase == reloadCommitting && len(r.awaited) == 0 {
		s.applied(r)
	}
}

func (s *Supervisor) applied(r *reload) {
	s.log.Info("Reload complete")
	s.remember(r, pb.ReloadOutcome_RELOAD_OUTCOME_APPLIED, "")
	s.notifyReload("READY=1\nSTATUS=" + s.statusLine())
	own.ReleaseMemorySoon()
	s.finish(r, outcome{response: s.response(r)})
}

// refuse leaves everything as it was.
func (s *Supervisor) refuse(r *reload, reason string, why diag.List) {
	s.abortAll(r)
	if !r.trial {
		s.log.Error("Reload refused, the old configuration stays: " + reason)
		s.remember(r, pb.ReloadOutcome_RELOAD_OUTCOME_REFUSED, reason)
		s.notifyReload("READY=1\nSTATUS=Reload refused, generation " + fmt.Sprint(s.current.number) + " stays: " + reason)
	}
	s.finish(r, outcome{err: &adminapi.RefusedError{Reason: validText(reason), Diagnostics: validDiagnostics(why)}})
}

// notifyReload tells the service manager, to which only a started daemon reloads.
func (s *Supervisor) notifyReload(state string) {
	if s.started {
		s.opt.Notify(state)
	}
}

func (s *Supervisor) abortAll(r *reload) {
	for _, c := range r.asked {
		if c.session != nil {
			c.session.SendAbort(r.number)
		}
	}
}

func (s *Supervisor) response(r *reload) *pb.ReloadResponse {
	return &pb.ReloadResponse{
		Generation: s.current.number, Plans: r.plans,
		Changes: r.read.changes, Diagnostics: validDiagnostics(r.read.Diags), Took: durationpb.New(time.Since(r.began)),
	}
}

func (s *Supervisor) remember(r *reload, what pb.ReloadOutcome, reason string) {
	s.last = &pb.LastReload{
		Time: timestamppb.Now(), Outcome: what, Reason: validText(reason),
		Took: durationpb.New(time.Since(r.began)), Plans: r.plans,
	}
	s.publish(&pb.Event{Source: pb.Role_ROLE_PARENT, Kind: &pb.Event_Reload{Reload: &pb.ReloadChange{
		Outcome: what, Generation: s.current.number, Reason: validText(reason)}}})
}

// finish answers and makes room for the next.
func (s *Supervisor) finish(r *reload, o outcome) {
	if r.overdue != nil {
		r.overdue.Stop()
	}
	s.reloading = nil
	if r.id != "" {
		s.results = append(s.results, finished{id: r.id, outcome: o})
		if len(s.results) > maxResults {
			s.results = s.results[1:]
		}
	}
	r.answer(o)
	s.nextReload()
}

// failReloads answers everybody who waits when the daemon ends.
func (s *Supervisor) failReloads() {
	if r := s.reloading; r != nil {
		if r.abandon != nil {
			r.abandon()
		}
		s.queue = append([]*reload{r}, s.queue...)
	}
	for _, r := range s.queue {
		for _, t := range []*time.Timer{r.overdue, r.deferred} {
			if t != nil {
				t.Stop()
			}
		}
		r.answer(outcome{err: adminapi.ErrUnavailable})
	}
	s.reloading, s.queue = nil, nil
}
