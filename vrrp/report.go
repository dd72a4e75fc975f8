package vrrp

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"keepalived/core/clock"
	"keepalived/core/loop"
	"keepalived/core/process"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/vrrp/fsm"
	"keepalived/vrrp/vip"
)

// event hands a change to the parent, which numbers it and passes it on.
func (d *daemon) event(e *pb.Event) {
	e.Time, e.Generation = timestamppb.Now(), d.running
	d.client.Event(e)
}

func (d *daemon) reportInstance(now clock.Instant, in *instance, from fsm.Phase) {
	d.event(&pb.Event{Kind: &pb.Event_Instance{Instance: &pb.InstanceChange{
		Instance: d.instanceProto(now, in, false), From: phaseProto(from), Cause: in.cause}}})
}

func (d *daemon) reportRemoved(in *instance) {
	d.event(&pb.Event{Kind: &pb.Event_Instance{Instance: &pb.InstanceChange{
		Instance: &pb.Instance{Name: in.cfg.Name}, From: phaseProto(in.st.Phase), Removed: true, Cause: "reload"}}})
}

func (d *daemon) reportGroup(g *syncGroup, from fsm.Phase) {
	d.event(&pb.Event{Kind: &pb.Event_SyncGroup{SyncGroup: &pb.SyncGroupChange{
		Group: d.groupProto(g), From: phaseProto(from)}}})
}

func (d *daemon) reportScript(s *trackScript, first bool) {
	from := pb.TrackerStatus_TRACKER_STATUS_INIT
	if !first {
		from = pb.TrackerStatus_TRACKER_STATUS_UP
		if s.good() {
			from = pb.TrackerStatus_TRACKER_STATUS_DOWN
		}
	}
	d.event(&pb.Event{Kind: &pb.Event_Tracker{Tracker: &pb.TrackerChange{Tracker: d.scriptProto(s), From: from}}})
}

// reportRestored tells that an address removed by somebody else is back; bounded, so that
// a stubborn remover is not a flood of events.
func (d *daemon) reportRestored(in *instance, o vip.Object, losses int) {
	const told = 10
	if losses > told && losses%100 != 0 {
		return
	}
	l, _ := d.links.ByIndex(o.Link)
	d.info(fmt.Sprintf("(%s) %s was removed from %s, put back", in.cfg.Name, o.Prefix, l.Name))
	d.event(&pb.Event{Kind: &pb.Event_AddressRestored{AddressRestored: &pb.AddressRestored{
		Instance: in.cfg.Name, Prefix: o.Prefix.String(), Interface: l.Name}}})
}

// stallStats are the times at which the process did not get to run.
type stallStats struct {
	count         uint64
	longest, last time.Duration
	at            time.Time
}

// stalled handles a pause of the process: every instance that may have missed an
// advert's worth of time listens anew before it elects itself.
func (d *daemon) stalled(now clock.Instant, by time.Duration) {
	d.stalls.count++
	d.stalls.longest = max(d.stalls.longest, by)
	d.stalls.last, d.stalls.at = by, time.Now()
	told := false
	for _, in := range d.instances {
		if by < in.st.MasterAdverInt {
			continue
		}
		told = true
		d.step(now, in, fsm.Event{Kind: fsm.EvStalled, For: by})
	}
	if told {
		d.event(&pb.Event{Kind: &pb.Event_Stalled{Stalled: &pb.Stalled{Length: durationpb.New(by)}}})
	}
}

// heartbeat tells the parent once a second that the loop turns, and notices what the
// monotonic clock does not count: a machine that was asleep.
type heartbeat struct {
	timer  loop.Timer
	asleep time.Duration // CLOCK_BOOTTIME less CLOCK_MONOTONIC
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
		d.stalled(now, a-h.asleep)
		h.asleep = a
	}
	beat := &pb.Heartbeat{LateTurns: d.loop.SlowTurns(), Stalls: d.stalls.proto()}
	for _, r := range d.net.receivers {
		if r != nil {
			beat.InboxDrops += r.Stats().Overrun
		}
	}
	if d.opt.LogDrops != nil {
		beat.LogDrops = d.opt.LogDrops()
	}
	d.client.Heartbeat(beat)
}

func (s *stallStats) proto() *pb.StallInfo {
	if s.count == 0 {
		return nil
	}
	return &pb.StallInfo{Count: s.count, Longest: durationpb.New(s.longest), Last: durationpb.New(s.last), LastAt: timestamppb.New(s.at)}
}
