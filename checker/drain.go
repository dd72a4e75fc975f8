package checker

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"keepalived/checker/checkercfg"
	"keepalived/checker/ipvs"
	"keepalived/core/clock"
	pb "keepalived/proto/keepalived/v1"
)

// drainEvery is how often the connections of draining servers are counted.
const drainEvery = time.Second

// A drain is over when ip_vs has no connection of the server any more that goes on:
// active ones, and inactive ones that are not over, which may be half closed and still
// sending. A datagram's sender counts until he has been silent for the udp timeout of
// ip_vs (300 s).

// explainDrain says what may keep a drain from its end.
func (d *daemon) explainDrain(s *service, server string) {
	switch {
	case s.cfg.Persistence > 0:
		d.info(fmt.Sprintf("VS %s is persistent: clients of service %s still come back to it until they have stayed away for %s",
			s.cfg.Name(), server, s.cfg.Persistence))
	case s.cfg.Protocol == checkercfg.UDP:
		d.info(fmt.Sprintf("VS %s is UDP: a client of service %s counts until it has been silent for ip_vs's udp timeout", s.cfg.Name(), server))
	}
}

// drainer is one server that drains.
type drainer struct {
	key   serverKey
	set   *pb.ServerOverride
	keys  []ipvs.Key
	ready bool // weight 0 is in force: no new connection can come
}

func (o *overrides) drainers() []drainer {
	var list []drainer
	for key, v := range o.byKey {
		if v.GetMode() != pb.ServerMode_SERVER_MODE_DRAINING {
			continue
		}
		if s := o.d.model.byKey[key.service]; s != nil {
			list = append(list, drainer{key: key, set: v, keys: s.ends, ready: o.d.table.settled(s)})
		}
	}
	return list
}

// schedule sets the next look at who drains.
func (o *overrides) schedule(now clock.Instant) {
	next := clock.Never
	for _, v := range o.byKey {
		if v.GetMode() == pb.ServerMode_SERVER_MODE_DRAINING {
			next = min(next, now.Add(drainEvery))
			if until := clock.Instant(v.GetUntilInstant()); until > 0 {
				next = min(next, max(until, now))
			}
		}
	}
	o.timer.Set(next)
}

// lookAtDrains ends the drains whose time is over and has the connections of the others
// counted.
func (d *daemon) lookAtDrains(now clock.Instant) {
	o := &d.overrides
	var ask []drainer
	var keys []ipvs.Key
	for _, dr := range o.drainers() {
		switch until := clock.Instant(o.byKey[dr.key].GetUntilInstant()); {
		case until > 0 && until <= now:
			d.drained(now, dr.key, "drained: the time is over")
		case d.table.absent != nil:
			d.drained(now, dr.key, "drained: without ip_vs there are no connections to wait for")
		case dr.ready:
			ask, keys = append(ask, dr), append(keys, dr.keys...)
		}
	}
	if len(ask) > 0 && !o.polling {
		o.polling = d.counter.ask(countRequest{keys: keys, fresh: true, ended: true, done: func(n counts, err error) {
			d.post(func(now clock.Instant) { d.counted(now, ask, n, err) })
		}})
	}
	o.schedule(now)
}

// counted is the answer of the counter.
func (d *daemon) counted(now clock.Instant, asked []drainer, n counts, err error) {
	d.overrides.polling = false
	if err != nil || d.stopping {
		return
	}
	for _, dr := range asked {
		s := d.model.byKey[dr.key.service]
		if s == nil || d.overrides.byKey[dr.key] != dr.set {
			continue
		}
		i, ok := s.byKey[dr.key.server]
		if !ok || n.of(dr.keys, s.dests[i]) != (connections{}) {
			continue
		}
		d.drained(now, dr.key, "drained: the last connection has ended")
	}
}

// drained makes a server that drains a disabled one.
func (d *daemon) drained(now clock.Instant, key serverKey, cause string) {
	old := d.overrides.byKey[key]
	if old.GetMode() != pb.ServerMode_SERVER_MODE_DRAINING {
		return
	}
	v := proto.Clone(old).(*pb.ServerOverride)
	v.Mode, v.Until, v.UntilInstant = pb.ServerMode_SERVER_MODE_DISABLED, nil, 0
	d.overrides.put(now, key, v)
	d.report.Override(&pb.OverrideChange{Override: proto.Clone(v).(*pb.ServerOverride), Cause: cause})
}
