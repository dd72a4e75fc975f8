package vrrp

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"keepalived/core/clock"
	"keepalived/core/rtnl"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/vrrp/fsm"
	"keepalived/vrrp/iface"
	"keepalived/vrrp/sock"
	"keepalived/vrrp/wire"
)

// This file makes API messages of the daemon's state, for status and events only:
// configuration crosses as text trees (ARCHITECTURE.md, proto).

var phases = map[fsm.Phase]pb.InstanceState{
	fsm.Initialize: pb.InstanceState_INSTANCE_STATE_INIT, fsm.Backup: pb.InstanceState_INSTANCE_STATE_BACKUP,
	fsm.Master: pb.InstanceState_INSTANCE_STATE_MASTER, fsm.Fault: pb.InstanceState_INSTANCE_STATE_FAULT,
}

func phaseProto(p fsm.Phase) pb.InstanceState { return phases[p] }

// instanceProto describes an instance; full adds counters and histogram.
func (d *daemon) instanceProto(now clock.Instant, in *instance, full bool) *pb.Instance {
	cfg := in.cfg
	v := &pb.Instance{
		Name: cfg.Name, Vrid: uint32(in.mc.VRID), Version: uint32(in.mc.Version), Interface: cfg.Identity.Interface,
		Family: pb.Family_FAMILY_IPV4, State: phaseProto(in.st.Phase), Wanted: phaseProto(d.wantedPhase(in)),
		BasePriority: uint32(cfg.Election.Priority), EffectivePriority: uint32(in.st.Priority),
		TotalPriority:  int32(cfg.Election.Priority) + int32(in.weights),
		MasterPriority: uint32(in.st.MasterPriority), Since: timestamppb.New(in.changed),
		InState: durationpb.New(now.Sub(in.since)), LastCause: in.cause, Generation: d.running, SyncGroup: cfg.Group,
		Unicast: in.unicast(), Preempt: cfg.Election.Preempt, Accept: cfg.Election.Accept,
		AddressesPending: in.applied != in.st.Gen || in.failed, Stalls: d.stalls.proto(), Timers: timersProto(now, in),
	}
	if in.family() == sock.IPv6 {
		v.Family = pb.Family_FAMILY_IPV6
	}
	if in.since == 0 {
		v.InState = durationpb.New(time.Since(in.changed))
	}
	if in.st.Master.IsValid() && in.st.Phase != fsm.Master {
		v.MasterAddress = in.st.Master.String()
	}
	if in.mc.Source.IsValid() {
		v.SourceAddress = in.mc.Source.String()
	}
	for _, p := range cfg.Unicast.Peers {
		v.UnicastPeers = append(v.UnicastPeers, p.Addr.String())
	}
	if in.st.Phase == fsm.Fault {
		for _, c := range in.causes.list {
			v.FaultCauses = append(v.FaultCauses, &pb.FaultCause{Kind: c.kind, Name: c.name, Since: timestamppb.New(c.since)})
		}
	}
	v.Addresses = d.addressesProto(in)
	if full {
		v.Counters, v.AdvertLateness = countersProto(&in.counters), latenessProto(&in.late)
	}
	return v
}

// wantedPhase is the state the configuration wishes for.
func (d *daemon) wantedPhase(in *instance) fsm.Phase {
	switch {
	case in.st.Phase == fsm.Master || in.st.Wants:
		return fsm.Master
	case in.st.Phase == fsm.Initialize && in.cfg.Election.StartMaster:
		return fsm.Master
	}
	return fsm.Backup
}

func (d *daemon) addressesProto(in *instance) []*pb.VirtualAddress {
	var out []*pb.VirtualAddress
	for i, list := range [][]vrrpcfgAddress{in.cfg.Addresses, in.cfg.Excluded} {
		for _, a := range list {
			out = append(out, &pb.VirtualAddress{
				Prefix: a.Prefix.String(), Interface: a.Dev, Installed: d.installed(in, a), Excluded: i == 1,
				Label: a.Label, Scope: rtnl.ScopeName(a.Scope),
			})
		}
	}
	return out
}

// installed reports whether a virtual address is on its interface.
func (d *daemon) installed(in *instance, a vrrpcfgAddress) bool {
	if in.st.Phase != fsm.Master {
		return false
	}
	l, ok := d.links.ByName(a.Dev)
	// The exact look-up first: Has walks over the whole link, for each of its addresses.
	return ok && (d.links.Holds(iface.Addr{Link: l.Index, Prefix: a.Prefix, Peer: a.Peer.Addr()}) || d.links.Has(l.Index, a.Prefix.Addr()))
}

func timersProto(now clock.Instant, in *instance) *pb.InstanceTimers {
	t := &pb.InstanceTimers{
		AdvertInterval:       durationpb.New(in.mc.AdverInt),
		MasterAdvertInterval: durationpb.New(in.st.MasterAdverInt),
		MasterDownInterval:   durationpb.New(in.st.MasterDownInterval(&in.mc)),
		SkewTime:             durationpb.New(in.st.SkewTime(&in.mc)),
	}
	left := func(at clock.Instant) *durationpb.Duration {
		if at == clock.Never {
			return nil
		}
		return durationpb.New(max(0, at.Sub(now)))
	}
	switch in.st.Phase {
	case fsm.Master:
		t.NextAdvert = left(in.st.AdverAt)
	case fsm.Backup:
		t.MasterDownIn, t.PreemptDelayLeft = left(in.st.MasterDownAt), left(in.st.PreemptAt)
	}
	if in.mc.PreemptDelay > 0 {
		t.PreemptDelay = durationpb.New(in.mc.PreemptDelay)
	}
	return t
}

func countersProto(c *counters) *pb.InstanceCounters {
	out := &pb.InstanceCounters{
		AdvertsReceived: c.received, AdvertsSent: c.sent, BecameMaster: c.becameMaster, ReleasedMaster: c.released,
		PriorityZeroReceived: c.zeroReceived, PriorityZeroSent: c.zeroSent, SendErrors: c.sendErrors,
		GarpsSent: c.garps, AddressesRestored: c.restored,
	}
	for kind, n := range c.drops {
		if n > 0 {
			out.Drops = append(out.Drops, &pb.DropCount{Reason: dropName(kind), Count: n})
		}
	}
	return out
}

// dropName names a kind of refused advert.
func dropName(kind int) string {
	if kind < int(wire.NumDrops) {
		return wire.Drop(kind).String()
	}
	return fsm.Refusal(kind - int(wire.NumDrops)).String()
}

func latenessProto(l *lateness) *pb.LatenessHistogram {
	h := &pb.LatenessHistogram{Over: l.buckets[len(latenessBounds)], Worst: durationpb.New(l.worst)}
	for i, bound := range latenessBounds {
		h.Buckets = append(h.Buckets, &pb.LatenessBucket{UpTo: durationpb.New(bound), Count: l.buckets[i]})
	}
	return h
}

func (d *daemon) groupProto(g *syncGroup) *pb.SyncGroup {
	return &pb.SyncGroup{
		Name: g.cfg.Name, State: phaseProto(g.st.Phase), Members: g.cfg.Members,
		Since: timestamppb.New(g.changed), Generation: d.running,
	}
}

func (d *daemon) scriptProto(s *trackScript) *pb.Tracker {
	t := &pb.Tracker{
		Name: s.cfg.Name, Kind: pb.TrackerKind_TRACKER_KIND_SCRIPT, Weight: int32(s.cfg.Weight), Reverse: s.cfg.Reverse,
		Command: s.cfg.Script.Text, Running: s.running, LastExit: int32(s.exit), TimedOut: s.timedOut,
		Rise: uint32(s.cfg.Rise), Fall: uint32(s.cfg.Fall), InARow: uint32(s.inARow()),
		Interval: durationpb.New(s.cfg.Interval), Timeout: durationpb.New(s.limit()),
		LastTook: durationpb.New(s.took), Generation: d.running, Status: pb.TrackerStatus_TRACKER_STATUS_INIT,
	}
	if !s.started.IsZero() {
		t.LastStart = timestamppb.New(s.started)
	}
	if s.counter.Seen() {
		t.Since, t.Status = timestamppb.New(s.since), pb.TrackerStatus_TRACKER_STATUS_DOWN
		if s.good() {
			t.Status = pb.TrackerStatus_TRACKER_STATUS_UP
		}
	}
	for _, in := range d.instances {
		for i := range in.track {
			if in.track[i].script == s {
				t.Instances = append(t.Instances, in.cfg.Name)
				break
			}
		}
	}
	return t
}

// inARow is the number of successes while down, of failures while up.
func (s *trackScript) inARow() int {
	n := s.counter.Value()
	if s.good() {
		return s.cfg.Rise + s.cfg.Fall - 1 - n
	}
	return n
}

// linkTrackers lists the tracked interfaces.
func (d *daemon) linkTrackers() []*pb.Tracker {
	byName := map[string]*pb.Tracker{}
	var out []*pb.Tracker
	for _, in := range d.instances {
		for i := range in.track {
			r := &in.track[i]
			if r.kind != trackInterface {
				continue
			}
			t := byName[r.name]
			if t == nil {
				t = &pb.Tracker{Name: r.name, Kind: pb.TrackerKind_TRACKER_KIND_INTERFACE, Weight: int32(r.weight.Value), Reverse: r.weight.Reverse,
					Status: pb.TrackerStatus_TRACKER_STATUS_DOWN, Generation: d.running}
				if d.linkUp(r.name) {
					t.Status = pb.TrackerStatus_TRACKER_STATUS_UP
				}
				byName[r.name] = t
				out = append(out, t)
			}
			t.Instances = append(t.Instances, in.cfg.Name)
		}
	}
	return out
}
