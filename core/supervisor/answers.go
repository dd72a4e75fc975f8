package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"keepalived/core/diag"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
	"keepalived/rpc/childapi"
)

// childPatience is how long an operator's list waits for a child's next word
// before it is completed from the records.
const childPatience = time.Second

// streamLimit is how long a dump may take to be rendered and sent by a child.
const streamLimit = 30 * time.Second

// backend is the parent as its children see it.
type backend struct{ s *Supervisor }

func (b backend) Registered(x *childapi.Session) { b.s.post(func() { b.s.registered(x) }) }

// Closed may be called by the loop itself, through Forget, so it must not wait for it.
func (b backend) Closed(x *childapi.Session) { go b.s.post(func() { b.s.closed(x) }) }

func (b backend) Reported(x *childapi.Session, r *pb.ReportRequest) {
	b.s.post(func() { b.s.reported(x, r) })
}

// answers is the parent as operators see it.
type answers struct{ s *Supervisor }

// Status is made of what the parent holds.
func (a answers) Status(ctx context.Context) (r *pb.GetStatusResponse, err error) {
	err = a.s.ask(ctx, func() { r = a.s.statusNow() })
	return r, err
}

func (s *Supervisor) statusNow() *pb.GetStatusResponse {
	r := &pb.GetStatusResponse{
		Version: s.opt.Version, Compat: s.opt.Compat,
		Started: timestamppb.New(s.began), Uptime: durationpb.New(time.Since(s.began)),
		Generation: s.current.number, ConfigFile: validText(s.opt.ConfigFile),
		ConfigDigest: s.current.cfg.Tree.Digest[:], ConfigDiagnostics: validDiagnostics(s.current.cfg.Diags),
		LastReload: s.last, Instances: s.records.counts(), Notices: append([]*pb.Notice(nil), s.notices...),
		EventSequence: s.events.last, Reloading: s.reloading != nil, Stopping: s.stopping,
		Overrides: s.overrides.list(),
	}
	parent := &pb.Process{Role: pb.Role_ROLE_PARENT, Pid: int32(pid()), State: running, Started: r.Started,
		Generation: s.current.number, Connected: true}
	switch {
	case s.stopping:
		parent.State = stopping
	case !s.started:
		parent.State = starting
	}
	r.Processes = append(r.Processes, parent)
	for _, c := range s.children {
		if c.wanted || c.proc != nil {
			r.Processes = append(r.Processes, c.status())
		}
	}
	return r
}

func (c *child) status() *pb.Process {
	p := &pb.Process{
		Role: c.role, Pid: int32(c.pid), State: c.state, Generation: c.ready,
		LastExit: c.lastExit, Connected: c.session != nil, WatchdogKills: c.kills,
		Turns: c.beat.GetTurns(), LateTurns: c.beat.GetLateTurns(), InboxDrops: c.beat.GetInboxDrops(),
		LogDrops: c.beat.GetLogDrops(), Stalls: c.beat.GetStalls(),
	}
	if c.starts > 0 {
		p.Restarts = c.starts - 1
		p.Started = timestamppb.New(c.started)
	}
	if !c.lastExitAt.IsZero() {
		p.LastExitAt = timestamppb.New(c.lastExitAt)
	}
	if !c.beatAt.IsZero() {
		p.HeartbeatAge = durationpb.New(time.Since(c.beatAt))
	}
	if c.state == waiting {
		p.RespawnIn = untilProto(c.respawnAt)
	}
	return p
}

// list relays the answer of the child of a role; when it is silent for childPatience or
// is not there, fill completes it.
func (s *Supervisor) list(ctx context.Context, role childapi.Role, cmd *pb.ServeResponse, each func(*pb.ServeRequest) error, fill func() error) error {
	x, err := s.sessionOf(ctx, role)
	if err != nil {
		return err
	}
	if x == nil {
		return fill()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	patience := time.AfterFunc(childPatience, func() { cancel(errSilent) })
	defer patience.Stop()
	var failed error
	err = x.Call(ctx, cmd, func(m *pb.ServeRequest) error {
		patience.Stop() // the reader may be slow, which is not the child's fault
		failed = each(m)
		patience.Reset(childPatience)
		return failed
	})
	switch {
	case failed != nil:
		return failed
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), errSilent), errors.Is(err, childapi.ErrGone), errors.Is(err, childapi.ErrBusy):
		return fill()
	default:
		return err
	}
}

var errSilent = errors.New("the child is silent")

// sessionOf gives the session of the child of a role, nil when there is none that runs
// a configuration: one just born would answer with nothing.
func (s *Supervisor) sessionOf(ctx context.Context, role childapi.Role) (x session, err error) {
	err = s.ask(ctx, func() {
		if c := s.byRole(role); c.ready != 0 {
			x = c.session
		}
	})
	return x, err
}

func listInstances(names []string) *pb.ServeResponse {
	return &pb.ServeResponse{Command: &pb.ServeResponse_ListInstances{
		ListInstances: &pb.ListInstancesCommand{Names: names}}}
}

// Instances lists virtual routers.
func (a answers) Instances(ctx context.Context, names []string, send func(*pb.Instance) error) error {
	told := map[string]bool{}
	return a.s.list(ctx, childapi.VRRP, listInstances(names), func(m *pb.ServeRequest) error {
		v := m.GetInstance()
		if v == nil {
			return nil
		}
		told[v.GetName()] = true
		return send(v)
	}, func() error {
		var rest []*pb.Instance
		err := a.s.ask(ctx, func() { rest = a.s.records.staleInstances(names, told) })
		return sendAll(rest, err, send)
	})
}

// SyncGroups lists sync groups.
func (a answers) SyncGroups(ctx context.Context, send func(*pb.SyncGroup) error) error {
	told := map[string]bool{}
	cmd := &pb.ServeResponse{Command: &pb.ServeResponse_ListSyncGroups{ListSyncGroups: &pb.ListSyncGroupsCommand{}}}
	return a.s.list(ctx, childapi.VRRP, cmd, func(m *pb.ServeRequest) error {
		v := m.GetSyncGroup()
		if v == nil {
			return nil
		}
		told[v.GetName()] = true
		return send(v)
	}, func() error {
		var rest []*pb.SyncGroup
		err := a.s.ask(ctx, func() { rest = a.s.records.staleGroups(told) })
		return sendAll(rest, err, send)
	})
}

// Trackers lists what moves priorities.
func (a answers) Trackers(ctx context.Context, send func(*pb.Tracker) error) error {
	told := map[trackerKey]bool{}
	cmd := &pb.ServeResponse{Command: &pb.ServeResponse_ListTrackers{ListTrackers: &pb.ListTrackersCommand{}}}
	return a.s.list(ctx, childapi.VRRP, cmd, func(m *pb.ServeRequest) error {
		v := m.GetTracker()
		if v == nil {
			return nil
		}
		told[trackerKey{v.GetKind(), v.GetName()}] = true
		return send(v)
	}, func() error {
		var rest []*pb.Tracker
		err := a.s.ask(ctx, func() { rest = a.s.records.staleTrackers(told) })
		return sendAll(rest, err, send)
	})
}

func sendAll[M any](list []M, err error, send func(M) error) error {
	for _, m := range list {
		if err != nil {
			return err
		}
		err = send(m)
	}
	return err
}

// Watch sends events. The watcher is there before the snapshot is asked for, so no
// change falls between; one may be seen twice.
func (a answers) Watch(ctx context.Context, r *pb.WatchEventsRequest, send func(*pb.Event) error) error {
	s := a.s
	var w *watcher
	var backlog []*pb.Event
	var missed, at uint64
	var whole bool
	if err := s.ask(ctx, func() {
		w, backlog, missed, whole = s.events.watch(r.GetResume(), r.GetAfter())
		at = s.events.last
	}); err != nil {
		return err
	}
	defer s.post(func() { s.events.drop(w) })
	if !whole {
		if err := send(missedEvent(at, missed)); err != nil {
			return err
		}
	}
	if !whole || !r.GetResume() && !r.GetNoSnapshot() {
		if err := a.snapshot(ctx, at, send); err != nil {
			return err
		}
	}
	if err := sendAll(backlog, nil, send); err != nil {
		return err
	}
	for {
		select {
		case e, ok := <-w.events:
			if !ok {
				return fmt.Errorf("%w: the daemon stops", adminapi.ErrUnavailable)
			}
			if err := send(e); err != nil {
				return err
			}
			if e.GetMissed() != nil {
				if err := a.snapshot(ctx, e.GetSequence(), send); err != nil {
					return err
				}
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (a answers) snapshot(ctx context.Context, at uint64, send func(*pb.Event) error) error {
	event := func(e *pb.Event) error {
		e.Sequence, e.Time, e.Source = at, timestamppb.Now(), pb.Role_ROLE_PARENT
		return send(e)
	}
	err := a.Instances(ctx, nil, func(v *pb.Instance) error {
		return event(&pb.Event{Generation: v.GetGeneration(), Kind: &pb.Event_SnapshotInstance{SnapshotInstance: v}})
	})
	if err != nil {
		return err
	}
	err = a.SyncGroups(ctx, func(v *pb.SyncGroup) error {
		return event(&pb.Event{Generation: v.GetGeneration(), Kind: &pb.Event_SnapshotSyncGroup{SnapshotSyncGroup: v}})
	})
	if err != nil {
		return err
	}
	err = a.Services(ctx, nil, func(v *pb.VirtualServer) error {
		return event(&pb.Event{Generation: v.GetGeneration(), Kind: &pb.Event_SnapshotService{SnapshotService: v}})
	})
	if err != nil {
		return err
	}
	return event(&pb.Event{Kind: &pb.Event_SnapshotEnd{SnapshotEnd: &pb.SnapshotEnd{}}})
}

// CheckConfig reads the configuration file and changes nothing.
func (a answers) CheckConfig(ctx context.Context) (*pb.CheckConfigResponse, error) {
	var cfg Config
	var wrong error
	err := a.s.alone(ctx, func() { cfg, wrong = a.s.opt.Load(ctx, slog.New(slog.DiscardHandler)) })
	if err = errors.Join(err, wrong); err != nil {
		return nil, &adminapi.RefusedError{Reason: validText(err.Error()), Diagnostics: validDiagnostics(cfg.Diags)}
	}
	r := &pb.CheckConfigResponse{
		Diagnostics: validDiagnostics(cfg.Diags), Startable: !cfg.Diags.HasFatal(), ExitStatus: int32(cfg.Diags.ExitStatus()),
	}
	if cfg.Tree == nil {
		return r, nil
	}
	err = a.s.ask(ctx, func() { r.SameAsRunning = cfg.Tree.Digest == a.s.current.cfg.Tree.Digest })
	return r, err
}

// Reload waits for the outcome; a caller that goes away does not stop it.
func (a answers) Reload(ctx context.Context, r *pb.ReloadRequest) (*pb.ReloadResponse, error) {
	answer := make(chan outcome, 1)
	if !a.s.post(func() {
		a.s.enqueueReload(&reload{trial: r.GetDryRun(), id: r.GetRequestId(), waiters: []chan<- outcome{answer}})
	}) {
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

// Dump has the children render, and passes on the text or the names of the files.
func (a answers) Dump(ctx context.Context, r *pb.DumpRequest, send func(*pb.DumpChunk) error) error {
	kind := r.GetKind()
	if kind <= pb.DumpKind_DUMP_KIND_UNSPECIFIED || kind > pb.DumpKind_DUMP_KIND_JSON {
		return fmt.Errorf("%w: no such kind of dump", adminapi.ErrInvalid)
	}
	toFiles := r.GetTarget() == pb.DumpTarget_DUMP_TARGET_FILES
	want := setOf(kind)
	var kids []session
	if err := a.s.ask(ctx, func() {
		if toFiles {
			want = a.s.dumps.fresh.ask(kind, time.Since(a.s.began))
		}
		for _, c := range a.s.children {
			if c.wanted && c.session != nil && want.of(c.role) != 0 {
				kids = append(kids, c.session)
			}
		}
	}); err != nil {
		return err
	}
	if len(kids) == 0 {
		return fmt.Errorf("%w: no process that could answer is connected", adminapi.ErrUnavailable)
	}
	for _, x := range kids {
		if err := dumpOf(ctx, x, want.of(x.Role()), toFiles, send); err != nil {
			return err
		}
	}
	if !toFiles || !want.has(pb.DumpKind_DUMP_KIND_DATA) {
		return nil
	}
	return a.s.ask(ctx, func() {
		a.s.dumps.parent.wants |= setOf(pb.DumpKind_DUMP_KIND_DATA)
		a.s.pumpParentDump()
	})
}

func dumpOf(ctx context.Context, x session, want kinds, toFiles bool, send func(*pb.DumpChunk) error) error {
	ctx, cancel := context.WithTimeout(ctx, streamLimit)
	defer cancel()
	cmd := &pb.ServeResponse{Command: &pb.ServeResponse_Dump{Dump: &pb.DumpCommand{
		Kinds: want.list(), Cause: pb.DumpCause_DUMP_CAUSE_REQUEST, ToFiles: toFiles}}}
	return x.Call(ctx, cmd, func(m *pb.ServeRequest) error {
		d := m.GetDump()
		if d == nil {
			return nil
		}
		return send(&pb.DumpChunk{Role: x.Role(), Path: d.GetPath(), Data: d.GetData()})
	})
}

// notice keeps something for the status.
func (s *Supervisor) notice(from childapi.Role, how pb.Severity, text string) {
	s.notices = append(s.notices, &pb.Notice{Time: timestamppb.Now(), Source: from, Severity: how, Text: validText(text)})
	if len(s.notices) > maxNotices {
		s.notices = s.notices[1:]
	}
}

// validText makes text of any encoding fit for protobuf.
func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func validDiagnostics(l diag.List) []*pb.Diagnostic {
	out := childapi.DiagnosticsToProto(l)
	for _, d := range out {
		d.Summary, d.Hint = validText(d.Summary), validText(d.Hint)
		for _, p := range []*pb.Position{d.GetSubject().GetStart(), d.GetSubject().GetEnd()} {
			if p != nil {
				p.File = validText(p.File)
			}
		}
	}
	return out
}

func untilProto(t time.Time) *durationpb.Duration { return durationpb.New(max(0, time.Until(t))) }
