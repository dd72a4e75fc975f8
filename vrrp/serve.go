package vrrp

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"keepalived/core/clock"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
	"keepalived/vrrp/snapshot"
)

// serve answers one of the parent's commands, on a goroutine of the client: the loop
// only makes a picture of its state, everything slow happens here.
func (d *daemon) serve(ctx context.Context, cmd *pb.ServeResponse, send func(*pb.ServeRequest) error) error {
	switch c := cmd.GetCommand().(type) {
	case *pb.ServeResponse_Dump:
		return d.dump(ctx, c.Dump, send)
	case *pb.ServeResponse_ListInstances:
		list, err := ask(ctx, d, func(now clock.Instant) []*pb.Instance { return d.instancesProto(now, c.ListInstances.GetNames()) })
		for _, v := range list {
			if err = send(&pb.ServeRequest{Answer: &pb.ServeRequest_Instance{Instance: v}}); err != nil {
				break
			}
		}
		return err
	case *pb.ServeResponse_ListSyncGroups:
		list, err := ask(ctx, d, func(clock.Instant) (out []*pb.SyncGroup) {
			for _, g := range d.groups {
				out = append(out, d.groupProto(g))
			}
			return out
		})
		for _, g := range list {
			if err = send(&pb.ServeRequest{Answer: &pb.ServeRequest_SyncGroup{SyncGroup: g}}); err != nil {
				break
			}
		}
		return err
	case *pb.ServeResponse_ListTrackers:
		list, err := ask(ctx, d, func(clock.Instant) (out []*pb.Tracker) {
			for _, s := range d.scripts {
				out = append(out, d.scriptProto(s))
			}
			return append(out, d.linkTrackers()...)
		})
		for _, t := range list {
			if err = send(&pb.ServeRequest{Answer: &pb.ServeRequest_Tracker{Tracker: t}}); err != nil {
				break
			}
		}
		return err
	}
	return errors.New("the VRRP process does not know this command")
}

// ask runs f on the loop and waits for its result.
func ask[T any](ctx context.Context, d *daemon, f func(now clock.Instant) T) (T, error) {
	answer := make(chan T, 1)
	var zero T
	if !d.loop.Post(func(now clock.Instant) { answer <- f(now) }) {
		return zero, errors.New("the VRRP process is stopping")
	}
	select {
	case a := <-answer:
		return a, nil
	case <-ctx.Done():
		return zero, ctx.Err()
	}
}

func (d *daemon) instancesProto(now clock.Instant, names []string) []*pb.Instance {
	var out []*pb.Instance
	for _, in := range d.instances {
		if len(names) == 0 || slices.Contains(names, in.cfg.Name) {
			out = append(out, d.instanceProto(now, in, true))
		}
	}
	return out
}

// dump renders the kinds asked for, all from one picture, and writes them to the files
// that keepalived names or sends them.
func (d *daemon) dump(ctx context.Context, c *pb.DumpCommand, send func(*pb.ServeRequest) error) error {
	clear := slices.Contains(c.GetKinds(), pb.DumpKind_DUMP_KIND_STATS_CLEAR)
	type picture struct {
		s     *snapshot.Snapshot
		files dumpFiles
	}
	p, err := ask(ctx, d, func(now clock.Instant) picture {
		s := d.picture(now)
		if clear {
			d.clearCounters()
		}
		return picture{s, d.files}
	})
	if err != nil {
		return err
	}
	sayTimes(p.s)
	for _, kind := range c.GetKinds() {
		text, path, err := render(p.s, kind, &p.files)
		if err != nil {
			return err
		}
		if c.GetToFiles() {
			err = writeDump(path, text)
			if err == nil {
				err = childapi.SendDumpPath(kind, path, send)
			}
		} else {
			err = childapi.SendDump(kind, text, send)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func render(s *snapshot.Snapshot, kind pb.DumpKind, files *dumpFiles) (text []byte, path string, err error) {
	switch kind {
	case pb.DumpKind_DUMP_KIND_DATA:
		return s.Text(), files.data, nil
	case pb.DumpKind_DUMP_KIND_STATS, pb.DumpKind_DUMP_KIND_STATS_CLEAR:
		return s.Stats(), files.stats, nil
	case pb.DumpKind_DUMP_KIND_JSON:
		text, err = s.JSON()
		return text, files.json, err
	}
	return nil, "", fmt.Errorf("unknown kind of dump %v", kind)
}

func (d *daemon) clearCounters() {
	for _, in := range d.instances {
		drop, at := in.counters.lastDrop, in.counters.saidAt
		in.counters = counters{lastDrop: drop, saidAt: at}
	}
}
