package checker

import (
	"errors"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"keepalived/checker/health"
	"keepalived/core/clock"
	"keepalived/core/loop"
	pb "keepalived/proto/keepalived/v1"
)

// overrides are what operators have set for real servers. The parent keeps them; this is
// what is in force.
type overrides struct {
	d       *daemon
	byKey   map[serverKey]*pb.ServerOverride // never changed once in it
	timer   loop.Timer                       // of the next look at who drains
	polling bool
}

type serverKey struct{ service, server string }

func (o *overrides) init(d *daemon) {
	o.d, o.byKey = d, map[serverKey]*pb.ServerOverride{}
	o.timer = d.timers.Make(func(now, _ clock.Instant) { d.lookAtDrains(now) })
}

var modes = map[pb.ServerMode]health.Mode{
	pb.ServerMode_SERVER_MODE_DRAINING: health.Draining, pb.ServerMode_SERVER_MODE_DISABLED: health.Disabled,
}

func overrideOf(o *pb.ServerOverride) health.Override {
	return health.Override{Mode: modes[o.GetMode()], Weight: o.GetWeight(), HasWeight: o.Weight != nil}
}

// set carries out an operator's command and returns what is in force then; its mode is
// NORMAL and it has no weight when that is nothing.
func (o *overrides) set(now clock.Instant, c *pb.SetServerCommand) (*pb.ServerOverride, error) {
	d := o.d
	if d.stopping || d.running == 0 {
		return nil, errors.New("the healthchecker process is starting or stopping: try again")
	}
	s, i, err := d.model.findServer(c.GetOverride().GetService(), c.GetOverride().GetServer())
	if err != nil {
		return nil, err
	}
	r := s.cfg.Servers[i]
	key := serverKey{s.key, r.Key()}
	v := proto.Clone(c.GetOverride()).(*pb.ServerOverride)
	if w := v.Weight; w != nil && *w < 0 {
		return nil, errors.New("a weight is 0 or more")
	}
	v.Service, v.Server, v.ServiceName, v.ServerName = key.service, key.server, s.cfg.Name(), r.Name()
	old := o.byKey[key]
	if c.GetKeepMode() {
		v.Mode, v.Until, v.UntilInstant = old.GetMode(), old.GetUntil(), old.GetUntilInstant()
	}
	if c.GetKeepWeight() {
		v.Weight = nil
		if old != nil {
			v.Weight = old.Weight
		}
	}
	if v.Mode == pb.ServerMode_SERVER_MODE_UNSPECIFIED {
		v.Mode = pb.ServerMode_SERVER_MODE_NORMAL
	}
	if v.Mode != pb.ServerMode_SERVER_MODE_DRAINING {
		v.Until, v.UntilInstant = nil, 0
	}
	if v.Since == nil {
		v.Since = timestamppb.New(time.Now())
	}
	if v.Mode == pb.ServerMode_SERVER_MODE_DRAINING && d.table.absent != nil {
		d.info("Service " + r.Name() + " of VS " + s.cfg.Name() + " is disabled at once: without ip_vs there are no connections to wait for")
		v.Mode, v.Until, v.UntilInstant = pb.ServerMode_SERVER_MODE_DISABLED, nil, 0
	}
	o.put(now, key, v)
	if v.Mode == pb.ServerMode_SERVER_MODE_DRAINING {
		d.explainDrain(s, r.Name())
	}
	return v, nil
}

// put brings an override into force.
func (o *overrides) put(now clock.Instant, key serverKey, v *pb.ServerOverride) {
	if v.GetMode() <= pb.ServerMode_SERVER_MODE_NORMAL && v.Weight == nil {
		delete(o.byKey, key)
	} else {
		o.byKey[key] = v
	}
	o.d.director.Override(key.service, key.server, overrideOf(v), &o.d.out)
	o.d.act(now)
	o.schedule(now)
}

// preset takes over what was in force before this process, when the first configuration
// is about to begin.
func (o *overrides) preset(list []*pb.ServerOverride) {
	for _, v := range list {
		key := serverKey{v.GetService(), v.GetServer()}
		o.byKey[key] = v
		o.d.director.Preset(key.service, key.server, overrideOf(v))
	}
}

// prune drops what is set for servers that a new configuration does not have.
func (o *overrides) prune(now clock.Instant) {
	for key, v := range o.byKey {
		s := o.d.model.byKey[key.service]
		if s != nil {
			if _, ok := s.byKey[key.server]; ok {
				continue
			}
		}
		delete(o.byKey, key)
		o.d.report.Override(&pb.OverrideChange{Override: v, Removed: true, Cause: "the server left the configuration"})
	}
	o.schedule(now)
}

// of is what is set for a server; nil: nothing.
func (o *overrides) of(service, server string) *pb.ServerOverride {
	return o.byKey[serverKey{service, server}]
}
