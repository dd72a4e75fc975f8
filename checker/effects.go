package checker

import (
	"keepalived/checker/health"
	"keepalived/core/clock"
	pb "keepalived/proto/keepalived/v1"
)

// act carries out what the Director has asked for.
func (d *daemon) act(now clock.Instant) {
	for i := range d.out.Len() {
		d.effect(now, d.out.At(i))
	}
	d.out.Reset()
	d.probing.Set(d.director.Next())
}

// effect carries out one action: one line each.
func (d *daemon) effect(now clock.Instant, a *health.Action) {
	switch a.Kind {
	case health.ActWant:
		d.table.touch(d.serviceOf(a))
	case health.ActSay:
		d.explain(now, a)
	case health.ActNotify:
		d.notify.tell(now, a)
	case health.ActRecord:
		d.records = append(d.records, d.recordProto(&a.Record))
	case health.ActMail: // nobody sends mail yet
	}
}

// serviceOf is the service that an action is about: one that a reload is taking out is
// in the model before.
func (d *daemon) serviceOf(a *health.Action) *service {
	s := d.model.byKey[a.Service.Key]
	if s == nil && d.before != nil {
		s = d.before.byKey[a.Service.Key]
	}
	return s
}

// serverOf is the real server that an action is about.
func (d *daemon) serverOf(a *health.Action) *server {
	for _, m := range []*model{d.model, d.before} {
		if m == nil {
			continue
		}
		if s := m.byKey[a.Service.Key]; s != nil {
			if i, ok := s.byKey[a.Server.Key]; ok {
				return &s.servers[i]
			}
		}
	}
	return nil
}

// explain logs a message and reports the change that it tells of.
func (d *daemon) explain(now clock.Instant, a *health.Action) {
	d.say(a)
	switch a.Msg {
	case health.MsgGained, health.MsgLost, health.MsgStartDown:
		d.turned(now, a)
	case health.MsgServiceResumed:
		d.turned(now, a)
	case health.MsgServiceGone:
		d.reportServiceGone(a)
	case health.MsgBad:
		l := d.life(a.Service.Key)
		l.cause, l.culprit = badCause(a), a.Server.Name
	case health.MsgAdding, health.MsgEnabling, health.MsgRemoving, health.MsgDisabling:
		d.reportServer(now, a, false)
	case health.MsgWeight, health.MsgSetWeight, health.MsgDrain, health.MsgDisable, health.MsgEnable:
		d.reportServer(now, a, false)
	case health.MsgGone:
		d.reportServer(now, a, true)
	}
}

// life is what is known of a service over all configurations.
func (d *daemon) life(key string) *life {
	l := d.lives[key]
	if l == nil {
		l = &life{}
		d.lives[key] = l
	}
	return l
}

// sendRecords has the parent remember what has changed in this turn.
func (d *daemon) sendRecords() {
	if len(d.records) > 0 {
		d.report.Records(false, d.records)
		d.records = nil
	}
}

// recordProto: since when a service has its standing is not the Director's to know.
func (d *daemon) recordProto(r *health.Record) *pb.CheckRecord {
	if l := d.lives[r.Service]; r.Server == "" && l != nil {
		r.Since = l.since
	}
	return &pb.CheckRecord{
		Service: r.Service, Server: r.Server, Kind: uint32(r.Check.Kind), Digest: r.Check.Digest, Nth: uint32(r.Check.Nth),
		Up: r.Up, Delta: r.Delta, Since: int64(r.Since),
	}
}

func recordOf(r *pb.CheckRecord) health.Record {
	return health.Record{
		Service: r.GetService(), Server: r.GetServer(), Up: r.GetUp(), Delta: r.GetDelta(), Since: clock.Instant(r.GetSince()),
		Check: health.CheckKey{Kind: health.Kind(r.GetKind()), Digest: r.GetDigest(), Nth: uint8(r.GetNth())},
	}
}

// rememberAll replaces what the parent remembers by what there is.
func (d *daemon) rememberAll() {
	list := d.director.Records()
	all := make([]*pb.CheckRecord, len(list))
	for i := range list {
		all[i] = d.recordProto(&list[i])
	}
	d.records = nil
	d.report.Records(true, all)
}
