package supervisor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
	"unicode"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"keepalived/core/clock"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
	"keepalived/rpc/childapi"
)

const (
	// setLimit is how long the child may take. It answers at once; one that does not
	// is aborted by the watchdog after as long.
	setLimit = 10 * time.Second
	// maxChanges is how many may wait, maxDone how many answers are remembered for
	// requests that are made again.
	maxChanges = 256
	maxDone    = 64
	// maxText bounds each text of a request, in octets: they go to logs and terminals.
	maxText = 256
)

// serverChange is one SetRealServer on its way to the child. They go one by one, so
// that two for one server have an order.
type serverChange struct {
	request *pb.SetRealServerRequest
	who     string
	waiters []chan<- setOutcome
	ctxs    []context.Context // of the waiters

	session  session
	revision uint64
	changed  bool // by a report that came before the answer
}

type setOutcome struct {
	response *pb.SetRealServerResponse
	err      error
}

type doneChange struct {
	request  *pb.SetRealServerRequest
	response *pb.SetRealServerResponse
}

// SetRealServer changes an override. A caller that goes away does not stop what has
// begun.
func (a answers) SetRealServer(ctx context.Context, who string, r *pb.SetRealServerRequest) (*pb.SetRealServerResponse, error) {
	if err := checkChange(r); err != nil {
		return nil, err
	}
	answer := make(chan setOutcome, 1)
	change := &serverChange{request: r, who: who, waiters: []chan<- setOutcome{answer}, ctxs: []context.Context{ctx}}
	if !a.s.post(func() { a.s.enqueueChange(change) }) {
		return nil, adminapi.ErrUnavailable
	}
	select {
	case o := <-answer:
		return o.response, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-a.s.done:
		select {
		case o := <-answer:
			return o.response, o.err
		default:
			return nil, adminapi.ErrUnavailable
		}
	}
}

// checkChange refuses what makes no sense, whatever servers there are.
func checkChange(r *pb.SetRealServerRequest) error {
	for _, text := range []struct {
		what, text string
		need       bool
	}{
		{"service", r.GetService(), true}, {"server", r.GetServer(), true}, {"why", r.GetWhy(), false}, {"request_id", r.GetRequestId(), false},
	} {
		switch {
		case text.need && text.text == "":
			return fmt.Errorf("%w: no %s is named", adminapi.ErrInvalid, text.what)
		case len(text.text) > maxText:
			return fmt.Errorf("%w: %s has %d octets, %d are allowed", adminapi.ErrInvalid, text.what, len(text.text), maxText)
		case !printable(text.text):
			return fmt.Errorf("%w: %s holds control characters", adminapi.ErrInvalid, text.what)
		}
	}
	switch k := r.GetAction().(type) {
	case *pb.SetRealServerRequest_Drain:
		if d := k.Drain.GetTimeout(); d != nil && (d.CheckValid() != nil || d.AsDuration() < 0) {
			return fmt.Errorf("%w: the time limit of a drain is a positive duration", adminapi.ErrInvalid)
		}
	case *pb.SetRealServerRequest_Weight:
		if k.Weight > math.MaxInt32 {
			return fmt.Errorf("%w: weight %d is not in 0..%d", adminapi.ErrInvalid, k.Weight, math.MaxInt32)
		}
	case nil:
		return fmt.Errorf("%w: nothing is to be done with the server", adminapi.ErrInvalid)
	}
	return nil
}

// printable reports whether a text is one line that a terminal shows as it is.
func printable(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

func (s *Supervisor) enqueueChange(c *serverChange) {
	o := &s.overrides
	if id := c.request.GetRequestId(); id != "" {
		for _, d := range o.results {
			if d.request.GetRequestId() == id {
				c.repeat(d.request, func() { c.answer(setOutcome{response: d.response}) })
				return
			}
		}
		for _, q := range slices.Concat(o.queue, []*serverChange{o.running}) {
			if q != nil && q.request.GetRequestId() == id {
				c.repeat(q.request, func() {
					q.waiters, q.ctxs = append(q.waiters, c.waiters...), append(q.ctxs, c.ctxs...)
				})
				return
			}
		}
	}
	switch {
	case s.stopping:
		c.answer(setOutcome{err: adminapi.ErrUnavailable})
	case len(o.queue) >= maxChanges:
		c.answer(setOutcome{err: fmt.Errorf("%w: too many changes are under way", adminapi.ErrUnavailable)})
	default:
		o.queue = append(o.queue, c)
		s.nextChange()
	}
}

// repeat goes on when a request that was made before is made again, and refuses its id
// for another one.
func (c *serverChange) repeat(first *pb.SetRealServerRequest, same func()) {
	if !proto.Equal(first, c.request) {
		c.answer(setOutcome{err: fmt.Errorf("%w: request_id %s was used for another request", adminapi.ErrInvalid, c.request.GetRequestId())})
		return
	}
	same()
}

func (c *serverChange) answer(o setOutcome) {
	for _, w := range c.waiters {
		w <- o // has room for the one answer
	}
}

// awaited reports whether anybody still waits.
func (c *serverChange) awaited() bool {
	for _, ctx := range c.ctxs {
		if ctx.Err() == nil {
			return true
		}
	}
	return false
}

// nextChange sends the next change to the child.
func (s *Supervisor) nextChange() {
	o := &s.overrides
	for o.running == nil && len(o.queue) > 0 {
		c := o.queue[0]
		o.queue = o.queue[1:]
		if !c.awaited() {
			continue // nobody would learn of it
		}
		kid := s.byRole(childapi.Checker)
		if kid.session == nil || kid.ready == 0 {
			c.answer(setOutcome{err: fmt.Errorf("%w: %s", adminapi.ErrUnavailable, absence(kid))})
			continue
		}
		o.revision++
		c.session, c.revision, o.running = kid.session, o.revision, c
		s.call(c)
	}
}

// absence tells why the healthchecker child cannot be asked.
func absence(c *child) string {
	switch {
	case !c.wanted:
		return "no virtual server is configured"
	case c.state == waiting:
		return fmt.Sprintf("the healthchecker process has ended (%s) and starts again in %v", c.lastExit, max(0, time.Until(c.respawnAt)).Round(time.Second))
	case c.state == running:
		return "the healthchecker process is not connected; it will be again in a moment"
	}
	return "the healthchecker process is not ready yet"
}

func (s *Supervisor) call(c *serverChange) {
	cmd := &pb.ServeResponse{Command: &pb.ServeResponse_SetServer{SetServer: c.command(time.Now(), clock.Real{}.Now())}}
	go func() {
		ctx, cancel := context.WithTimeout(s.life, setLimit)
		defer cancel()
		var v *pb.ServerOverride
		err := c.session.Call(ctx, cmd, func(m *pb.ServeRequest) error {
			if m.GetOverride() != nil {
				v = m.GetOverride()
			}
			return nil
		})
		s.post(func() { s.changeDone(c, v, err) })
	}()
}

// command is the change as the child is told it.
func (c *serverChange) command(wall time.Time, now clock.Instant) *pb.SetServerCommand {
	r := c.request
	v := &pb.ServerOverride{
		Service: r.GetService(), Server: r.GetServer(), Mode: pb.ServerMode_SERVER_MODE_NORMAL,
		Who: c.who, Why: r.GetWhy(), Since: timestamppb.New(wall), Revision: c.revision,
	}
	cmd := &pb.SetServerCommand{Override: v, KeepWeight: true}
	switch k := r.GetAction().(type) {
	case *pb.SetRealServerRequest_Drain:
		v.Mode = pb.ServerMode_SERVER_MODE_DRAINING
		if limit := k.Drain.GetTimeout().AsDuration(); limit > 0 {
			v.Until, v.UntilInstant = timestamppb.New(wall.Add(limit)), int64(now.Add(limit))
		}
	case *pb.SetRealServerRequest_Disable:
		v.Mode = pb.ServerMode_SERVER_MODE_DISABLED
	case *pb.SetRealServerRequest_Enable:
	case *pb.SetRealServerRequest_Weight:
		v.Weight = proto.Int32(int32(k.Weight))
		cmd.KeepWeight, cmd.KeepMode = false, true
	case *pb.SetRealServerRequest_ResetWeight:
		cmd.KeepWeight, cmd.KeepMode = false, true
	}
	return cmd
}

// action is the request in a few words, for the log.
func action(r *pb.SetRealServerRequest) string {
	switch k := r.GetAction().(type) {
	case *pb.SetRealServerRequest_Drain:
		if limit := k.Drain.GetTimeout().AsDuration(); limit > 0 {
			return fmt.Sprintf("drain for at most %v", limit)
		}
		return "drain"
	case *pb.SetRealServerRequest_Disable:
		return "disable"
	case *pb.SetRealServerRequest_Enable:
		return "enable"
	case *pb.SetRealServerRequest_Weight:
		return fmt.Sprintf("weight %d", k.Weight)
	}
	return "configured weight"
}

// changeDone has the child's answer, or the lack of one.
func (s *Supervisor) changeDone(c *serverChange, v *pb.ServerOverride, err error) {
	o := &s.overrides
	if o.running != c {
		return // the daemon stops
	}
	o.running = nil
	defer s.nextChange()
	if err == nil {
		v, err = s.settled(c, v)
	}
	if err != nil {
		// The report may have come through where the answer did not.
		if v = o.has(c.revision); v == nil {
			s.logChange(c, c.request.GetService(), c.request.GetServer(), "failed: "+err.Error())
			c.answer(setOutcome{err: s.changeError(err)})
			return
		}
	}
	s.logChange(c, v.GetServiceName(), v.GetServerName(), overrideText(v)+" now")
	if c.changed {
		s.tellOverride(v, action(c.request)+" by "+c.who)
	}
	done := doneChange{request: c.request, response: &pb.SetRealServerResponse{Override: v, Generation: s.current.number}}
	if c.request.GetRequestId() != "" {
		if o.results = append(o.results, done); len(o.results) > maxDone {
			o.results = o.results[1:]
		}
	}
	c.answer(setOutcome{response: done.response})
}

// settled takes the answer into the table and returns what is in force, which may be
// what the child made of it since.
func (s *Supervisor) settled(c *serverChange, v *pb.ServerOverride) (*pb.ServerOverride, error) {
	switch {
	case v.GetService() == "" || v.GetServer() == "":
		return nil, errors.New("the healthchecker process gave no answer")
	case s.byProcess(c.session) == nil:
		return nil, childapi.ErrGone // its successor was born without this
	}
	v.Revision = c.revision
	_, changed := s.overrides.take(v, false)
	c.changed = c.changed || changed
	if now := s.overrides.table[overrideKey{v.GetService(), v.GetServer()}]; now.now.GetRevision() == c.revision {
		v = now.now
	}
	return v, nil
}

// changeError is what the operator is told.
func (s *Supervisor) changeError(err error) error {
	var missing *childapi.NotFoundError
	switch {
	case errors.As(err, &missing):
		return &adminapi.NotFoundError{Text: missing.Text}
	case errors.Is(err, childapi.ErrGone):
		return fmt.Errorf("%w: the healthchecker process was lost before it answered; status tells what is in force", adminapi.ErrUnavailable)
	case errors.Is(err, childapi.ErrBusy), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: the healthchecker process does not answer; status tells what is in force", adminapi.ErrUnavailable)
	}
	return err
}

func (s *Supervisor) logChange(c *serverChange, service, server, result string) {
	why := ""
	if c.request.GetWhy() != "" {
		why = " (" + c.request.GetWhy() + ")"
	}
	s.log.Info(fmt.Sprintf("Real server %s of virtual server %s: %s by %s%s: %s", server, service, action(c.request), c.who, why, result),
		"service", service, "server", server, "who", c.who)
}

// fail answers everybody who waits when the daemon ends.
func (o *overrides) fail() {
	if o.running != nil {
		o.queue = append(o.queue, o.running)
	}
	for _, c := range o.queue {
		c.answer(setOutcome{err: adminapi.ErrUnavailable})
	}
	o.running, o.queue = nil, nil
}
