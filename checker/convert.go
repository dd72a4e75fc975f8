package checker

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"google.golang.org/protobuf/proto"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
	"keepalived/checker/snapshot"
	"keepalived/core/clock"
	"keepalived/core/dump"
	pb "keepalived/proto/keepalived/v1"
)

// This file makes API messages of pictures, for status and events only: configuration
// crosses as text trees (ARCHITECTURE.md, proto).

// serviceProto describes the i-th service with its servers.
func (v *view) serviceProto(i int) *pb.VirtualServer {
	p, f := &v.picture.Services[i], &v.facts[i]
	s := serviceProto(v.now, p, f, v.generation)
	var active, inactive uint64
	for j := range p.Servers {
		r := &p.Servers[j]
		s.Servers = append(s.Servers, serverProto(v.now, r, f.overrides[j], f.took[j]))
		if f.counted {
			active, inactive = active+uint64(r.Active), inactive+uint64(r.Inactive)
		}
	}
	if f.counted {
		s.ActiveConnections, s.InactiveConnections = proto.Uint64(active), proto.Uint64(inactive)
	}
	return s
}

func serviceProto(now clock.Instant, p *snapshot.Service, f *facts, generation uint64) *pb.VirtualServer {
	c := p.Config
	s := &pb.VirtualServer{
		Key: p.Key, Name: c.Name(), Family: pb.Family_FAMILY_IPV4, Protocol: c.Protocol.String(), Scheduler: c.Scheduler,
		Method: c.Forwarding.Method.String(), QuorumUp: p.Up, Quorum: c.Quorum, Hysteresis: c.Hysteresis, Weight: p.Total,
		SorryActive: p.SorryIn, Table: f.table, TableError: f.why, Repairs: f.life.repairs,
		Persistence: uint32(c.Persistence / time.Second), Generation: generation,
	}
	if c.Family == checkercfg.IPv6 {
		s.Family = pb.Family_FAMILY_IPV6
	}
	if c.Sorry != nil {
		s.SorryServer = c.SorryName()
	}
	if !f.life.at.IsZero() {
		s.Since, s.InState = timestamppb.New(f.life.at), durationpb.New(now.Sub(f.life.since))
	}
	return s
}

func serverProto(now clock.Instant, r *snapshot.Server, o *pb.ServerOverride, took []time.Duration) *pb.RealServer {
	c := r.Config
	s := &pb.RealServer{
		Key: r.Key, Name: c.Name(), Method: c.Forwarding.Method.String(), Alive: r.Alive, Since: wallProto(r.Since),
		ConfiguredWeight: c.Weight, Weight: r.Weight, Present: r.Set, TableWeight: r.Wanted, Override: o, FailedCheckers: uint32(r.Failed),
	}
	if s.Since != nil {
		s.InState = durationpb.New(max(time.Since(s.Since.AsTime()), 0))
	}
	if r.Active >= 0 {
		s.ActiveConnections, s.InactiveConnections = proto.Uint64(uint64(r.Active)), proto.Uint64(uint64(r.Inactive))
	}
	for k := range r.Checks {
		s.Checkers = append(s.Checkers, checkerProto(now, &r.Checks[k], took[k]))
	}
	return s
}

func checkerProto(now clock.Instant, k *snapshot.Check, took time.Duration) *pb.Checker {
	c := &pb.Checker{
		Type: k.Config.Kind.String(), Up: k.Up, HasRun: k.HasRun, Good: k.Good, Cause: checkWord(k),
		Retries: k.Iterations, Weight: k.Delta, Since: wallProto(k.Since), Running: k.Due == clock.Never && !k.Suspended,
	}
	if k.LastRan.Micros != 0 {
		c.LastRan, c.Took = wallProto(k.LastRan), durationpb.New(took)
	}
	if k.Due != clock.Never {
		c.NextIn = durationpb.New(max(k.Due.Sub(now), 0))
	}
	if k.Config.Misc != nil {
		c.ExitStatus = proto.Int32(k.Exit)
	}
	return c
}

// checkWord is what there is to say of the latest probe.
func checkWord(k *snapshot.Check) string {
	word := causeWord(k.Cause, k.Exit)
	switch {
	case k.Suspended:
		return suspendedWord
	case !k.Unsigned:
		return word
	case word == "":
		return unsignedWord
	}
	return word + ", " + unsignedWord
}

const suspendedWord = "suspended: the virtual server's address is not on this machine"

const unsignedWord = "certificate not signed by ca"

func wallProto(w dump.Wall) *timestamppb.Timestamp {
	if w.Micros == 0 {
		return nil
	}
	return timestamppb.New(time.UnixMicro(w.Micros))
}

// serviceProto describes a service for an event, without its servers.
func (d *daemon) serviceProto(now clock.Instant, s *service, h *health.Service) *pb.VirtualServer {
	p := snapshot.TakeService(s.cfg, h)
	f := facts{life: *d.life(s.key)}
	f.table, f.why = d.table.standing(s)
	return serviceProto(now, &p, &f, d.running)
}

// serverProto describes a real server for an event; nil when there is none.
func (d *daemon) serverProto(now clock.Instant, service, server string) *pb.RealServer {
	s, h := d.model.byKey[service], d.director.Service(service)
	if s == nil || h == nil {
		return nil
	}
	i, ok := s.byKey[server]
	if !ok {
		return nil
	}
	r := snapshot.TakeServer(s.cfg.Servers[i], d.director, h, i, wallClock(now))
	var o *pb.ServerOverride
	if set := d.overrides.of(service, server); set != nil {
		o = proto.Clone(set).(*pb.ServerOverride)
	}
	return serverProto(now, &r, o, d.tookOf(h, i))
}
