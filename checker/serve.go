package checker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"keepalived/core/clock"
	"keepalived/core/process"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
)

// serve answers one of the parent's commands, on a goroutine of the client: the loop
// only makes a picture of its state, everything slow happens here.
func (d *daemon) serve(ctx context.Context, cmd *pb.ServeResponse, send func(*pb.ServeRequest) error) error {
	switch c := cmd.GetCommand().(type) {
	case *pb.ServeResponse_Dump:
		return d.dump(ctx, c.Dump, send)
	case *pb.ServeResponse_ListServices:
		return d.listServices(ctx, c.ListServices.GetNames(), send)
	case *pb.ServeResponse_SetServer:
		type answer struct {
			v   *pb.ServerOverride
			err error
		}
		a, err := ask(ctx, d, func(now clock.Instant) answer {
			v, err := d.overrides.set(now, c.SetServer)
			return answer{v, err}
		})
		switch {
		case err != nil:
			return err
		case a.err != nil:
			return a.err
		}
		return send(&pb.ServeRequest{Answer: &pb.ServeRequest_Override{Override: proto.Clone(a.v).(*pb.ServerOverride)}})
	}
	return errors.New("the healthchecker process does not know this command")
}

// ask runs f on the loop and waits for its result.
func ask[T any](ctx context.Context, d *daemon, f func(now clock.Instant) T) (T, error) {
	answer := make(chan T, 1)
	var zero T
	if !d.post(func(now clock.Instant) { answer <- f(now) }) {
		return zero, errors.New("the healthchecker process is stopping")
	}
	select {
	case a := <-answer:
		return a, nil
	case <-ctx.Done():
		return zero, ctx.Err()
	}
}

// look has the loop make a view.
func (d *daemon) look(ctx context.Context) (*view, error) {
	v, err := ask(ctx, d, d.view)
	if err == nil && v == nil {
		err = errors.New("the healthchecker process is starting: try again")
	}
	return v, err
}

// listServices sends those of the names, or all.
func (d *daemon) listServices(ctx context.Context, names []string, send func(*pb.ServeRequest) error) error {
	v, err := d.look(ctx)
	if err != nil {
		return err
	}
	d.countConnections(ctx, v)
	for i := range v.picture.Services {
		s := &v.picture.Services[i]
		if len(names) > 0 && !slices.Contains(names, s.Key) && !slices.ContainsFunc(names, v.facts[i].service.named) {
			continue
		}
		if err := send(&pb.ServeRequest{Answer: &pb.ServeRequest_Service{Service: v.serviceProto(i)}}); err != nil {
			return err
		}
	}
	return nil
}

// dump renders the kinds asked for, all from one picture, and writes them to files or
// sends them. There are no statistics of checkers.
func (d *daemon) dump(ctx context.Context, c *pb.DumpCommand, send func(*pb.ServeRequest) error) error {
	v, err := d.look(ctx)
	if err != nil {
		return err
	}
	if slices.Contains(c.GetKinds(), pb.DumpKind_DUMP_KIND_JSON) {
		d.countConnections(ctx, v)
	}
	for _, kind := range c.GetKinds() {
		text, path, err := v.render(kind)
		switch {
		case err != nil:
			return err
		case text == nil:
			continue
		case c.GetToFiles():
			if err = process.ReplaceFile(path, text); err == nil {
				err = childapi.SendDumpPath(kind, path, send)
			}
		default:
			err = childapi.SendDump(kind, text, send)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *view) render(kind pb.DumpKind) (text []byte, path string, err error) {
	switch kind {
	case pb.DumpKind_DUMP_KIND_DATA:
		return v.picture.Text(), v.files.data, nil
	case pb.DumpKind_DUMP_KIND_JSON:
		text, err = v.picture.JSON()
		return text, v.files.json, err
	case pb.DumpKind_DUMP_KIND_STATS, pb.DumpKind_DUMP_KIND_STATS_CLEAR:
		return nil, "", nil
	}
	return nil, "", fmt.Errorf("unknown kind of dump %v", kind)
}

// countLimit is how long a status or dump waits for the numbers of connections: an answer
// without them is better than one too late for whoever asks.
const countLimit = 500 * time.Millisecond

// countConnections fills in how many connections every server has, as far as ip_vs can
// be asked.
func (d *daemon) countConnections(ctx context.Context, v *view) {
	if v.absent || len(v.picture.Services) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, countLimit)
	defer cancel()
	n, err := d.counter.count(ctx, v.keys())
	if err != nil {
		return
	}
	for i := range v.picture.Services {
		s, f := &v.picture.Services[i], &v.facts[i]
		for j := range s.Servers {
			c := n.of(f.service.ends, f.service.dests[j])
			s.Servers[j].Active, s.Servers[j].Inactive = int64(c.active), int64(c.inactive)
		}
		f.counted = true
	}
}
