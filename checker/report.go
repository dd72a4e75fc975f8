package checker

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"keepalived/checker/health"
	"keepalived/core/clock"
	"keepalived/core/loop"
	"keepalived/core/process"
	pb "keepalived/proto/keepalived/v1"
)

// event hands a change to the parent, which numbers it and passes it on.
func (d *daemon) event(e *pb.Event) {
	e.Time, e.Generation = timestamppb.Now(), d.running
	d.report.Event(e)
}

// turned notes that the quorum of a service has come or gone and reports it.
func (d *daemon) turned(now clock.Instant, a *health.Action) {
	l := d.life(a.Service.Key)
	first := l.at.IsZero()
	if a.Msg == health.MsgServiceResumed && l.since > 0 && l.since <= now {
		l.at = time.Now().Add(-now.Sub(l.since)) // it was so before this process
	} else {
		l.since, l.at = now, time.Now()
	}
	s := d.serviceOf(a)
	h := d.director.Service(a.Service.Key)
	if s == nil || h == nil {
		return
	}
	cause := ""
	switch {
	case a.Msg == health.MsgServiceResumed:
		cause = "resumed after a restart of the healthchecker process"
	case first:
		cause = "start"
	case !h.State.Up && l.cause != "":
		cause = l.culprit + ": " + l.cause
	}
	d.event(&pb.Event{Kind: &pb.Event_Service{Service: &pb.ServiceChange{
		Service: d.serviceProto(now, s, h), WasUp: !h.State.Up && !first, First: first, Cause: cause}}})
}

func (d *daemon) reportServiceGone(a *health.Action) {
	d.event(&pb.Event{Kind: &pb.Event_Service{Service: &pb.ServiceChange{
		Service: &pb.VirtualServer{Key: a.Service.Key, Name: a.Service.Name}, Removed: true, Cause: "reload"}}})
}

// reportServer reports a change of a real server: its standing, its weight, or that it
// is gone.
func (d *daemon) reportServer(now clock.Instant, a *health.Action, gone bool) {
	c := &pb.ServerChange{Service: a.Service.Name, ServiceKey: a.Service.Key, Removed: gone}
	if gone {
		c.Server, c.Cause = &pb.RealServer{Key: a.Server.Key, Name: a.Server.Name}, "reload"
	} else {
		c.Server = d.serverProto(now, a.Service.Key, a.Server.Key)
	}
	if c.Server == nil {
		return
	}
	c.WasAlive = c.Server.Alive
	switch a.Msg {
	case health.MsgAdding, health.MsgEnabling:
		c.WasAlive = false
	case health.MsgRemoving, health.MsgDisabling:
		c.WasAlive, c.Cause = true, d.life(a.Service.Key).cause
	case health.MsgDrain, health.MsgDisable, health.MsgEnable, health.MsgSetWeight:
		c.Cause = "on request"
	case health.MsgWeight:
		c.Cause = "weight"
	}
	d.event(&pb.Event{Kind: &pb.Event_Server{Server: c}})
}

// stallStats are the times at which the process did not get to run.
type stallStats struct {
	count         uint64
	longest, last time.Duration
	at            time.Time
}

func (d *daemon) stalled(by time.Duration) {
	d.stalls.count++
	d.stalls.longest = max(d.stalls.longest, by)
	d.stalls.last, d.stalls.at = by, time.Now()
}

func (s *stallStats) proto() *pb.StallInfo {
	if s.count == 0 {
		return nil
	}
	return &pb.StallInfo{Count: s.count, Longest: durationpb.New(s.longest), Last: durationpb.New(s.last), LastAt: timestamppb.New(s.at)}
}

// heartbeat tells the parent once a second that the loop turns, and notices what the
// monotonic clock does not count: a machine that was asleep.
type heartbeat struct {
	timer  loop.Timer
	asleep time.Duration
}

const heartbeatEvery = time.Second

func (h *heartbeat) start(d *daemon) {
	h.asleep = process.Asleep()
	h.timer = d.timers.Make(func(now, _ clock.Instant) { d.heartbeat(now) })
	h.timer.Set(d.loop.Now())
}

func (d *daemon) heartbeat(now clock.Instant) {
	h := &d.beat
	h.timer.Set(now.Add(heartbeatEvery))
	if a := process.Asleep(); a-h.asleep > 50*time.Millisecond {
		d.stalled(a - h.asleep)
		h.asleep = a
	}
	beat := &pb.Heartbeat{LateTurns: d.loop.SlowTurns(), Stalls: d.stalls.proto()}
	if d.opt.LogDrops != nil {
		beat.LogDrops = d.opt.LogDrops()
	}
	d.report.Heartbeat(beat)
	d.sayLate(now)
}
