package adminapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/unixsock"
)

// Socket is the default path of the operators' socket.
const Socket = unixsock.Dir + "/keepalived.sock"

// maxMessage bounds a message of the daemon, in octets.
const maxMessage = 64 << 20

// The errors of Dial: why nothing can be asked.
var (
	// ErrNotRunning: there is no socket, or nobody answers on it.
	ErrNotRunning = errors.New("keepalived is not running")
	// ErrForbidden: only root and the members of group keepalived may ask.
	ErrForbidden = errors.New("permission denied: root or a member of group keepalived may ask")
)

// Client asks a daemon. Its errors are plain: ErrNotRunning, ErrForbidden,
// ErrUnavailable, ErrInvalid, *RefusedError, *NotFoundError, those of context, or a text.
type Client struct {
	conn *grpc.ClientConn
	rpc  pb.AdminClient
}

// Dial connects to the socket at path ("" is Socket) and fails at once when
// nobody is there.
func Dial(ctx context.Context, path string) (*Client, error) {
	if path == "" {
		path = Socket
	}
	dial := func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	// gRPC dials late and keeps trying; the question whether there is a daemon is
	// asked first, with a connection that the first call then uses.
	first, err := dial(ctx)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ECONNREFUSED):
		return nil, fmt.Errorf("%w (nobody answers on %s)", ErrNotRunning, path)
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return nil, fmt.Errorf("%s: %w", path, ErrForbidden)
	case err != nil:
		return nil, err
	}
	handed := make(chan net.Conn, 1)
	handed <- first
	conn, err := grpc.NewClient("passthrough:///keepalived",
		grpc.WithTransportCredentials(unixsock.ClientCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			select {
			case c := <-handed:
				return c, nil
			default:
				return dial(ctx)
			}
		}),
		grpc.WithAuthority("localhost"),
		grpc.WithDisableServiceConfig(),
		grpc.WithReadBufferSize(bufferBytes), grpc.WithWriteBufferSize(bufferBytes),
		// A virtual server and all of its real servers are one message.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
	)
	if err != nil {
		_ = first.Close()
		return nil, err
	}
	return &Client{conn: conn, rpc: pb.NewAdminClient(conn)}, nil
}

// Close hangs up.
func (c *Client) Close() error { return c.conn.Close() }

// Status asks for the daemon's processes and counts.
func (c *Client) Status(ctx context.Context) (*pb.GetStatusResponse, error) {
	r, err := c.rpc.GetStatus(ctx, &pb.GetStatusRequest{})
	return r, fromStatus(err)
}

// Instances hands each of the named virtual routers (none named: all) to each.
func (c *Client) Instances(ctx context.Context, names []string, each func(*pb.Instance) error) error {
	return list(ctx, each, func(ctx context.Context) (grpc.ServerStreamingClient[pb.Instance], error) {
		return c.rpc.ListInstances(ctx, &pb.ListInstancesRequest{Names: names})
	})
}

// SyncGroups hands every sync group to each.
func (c *Client) SyncGroups(ctx context.Context, each func(*pb.SyncGroup) error) error {
	return list(ctx, each, func(ctx context.Context) (grpc.ServerStreamingClient[pb.SyncGroup], error) {
		return c.rpc.ListSyncGroups(ctx, &pb.ListSyncGroupsRequest{})
	})
}

// Trackers hands every tracked script, interface, file and process to each.
func (c *Client) Trackers(ctx context.Context, each func(*pb.Tracker) error) error {
	return list(ctx, each, func(ctx context.Context) (grpc.ServerStreamingClient[pb.Tracker], error) {
		return c.rpc.ListTrackers(ctx, &pb.ListTrackersRequest{})
	})
}

// Services hands each of the named virtual servers (none named: all) to each.
func (c *Client) Services(ctx context.Context, names []string, each func(*pb.VirtualServer) error) error {
	return list(ctx, each, func(ctx context.Context) (grpc.ServerStreamingClient[pb.VirtualServer], error) {
		return c.rpc.ListServices(ctx, &pb.ListServicesRequest{Names: names})
	})
}

// SetRealServer drains, disables, enables or weighs a real server and returns what is in
// force then. The error is a *NotFoundError when there is no such server, and
// ErrUnavailable while the healthchecker child cannot be asked.
func (c *Client) SetRealServer(ctx context.Context, r *pb.SetRealServerRequest) (*pb.SetRealServerResponse, error) {
	out, err := c.rpc.SetRealServer(ctx, r)
	return out, fromStatus(err)
}

// Watch hands events to each until ctx ends, the daemon goes or each fails.
func (c *Client) Watch(ctx context.Context, r *pb.WatchEventsRequest, each func(*pb.Event) error) error {
	return list(ctx, each, func(ctx context.Context) (grpc.ServerStreamingClient[pb.Event], error) {
		return c.rpc.WatchEvents(ctx, r)
	})
}

// CheckConfig has the daemon read its configuration file without using it.
func (c *Client) CheckConfig(ctx context.Context) (*pb.CheckConfigResponse, error) {
	r, err := c.rpc.CheckConfig(ctx, &pb.CheckConfigRequest{})
	return r, fromStatus(err)
}

// Reload has the daemon take its configuration file; the error is a *RefusedError
// when it will not.
func (c *Client) Reload(ctx context.Context, r *pb.ReloadRequest) (*pb.ReloadResponse, error) {
	out, err := c.rpc.Reload(ctx, r)
	return out, fromStatus(err)
}

// Dump hands the pieces of a dump to each.
func (c *Client) Dump(ctx context.Context, r *pb.DumpRequest, each func(*pb.DumpChunk) error) error {
	return list(ctx, each, func(ctx context.Context) (grpc.ServerStreamingClient[pb.DumpChunk], error) {
		return c.rpc.Dump(ctx, r)
	})
}

// list reads a stream to its end.
func list[M any](ctx context.Context, each func(*M) error, open func(context.Context) (grpc.ServerStreamingClient[M], error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := open(ctx)
	if err != nil {
		return fromStatus(err)
	}
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fromStatus(err)
		}
		if err := each(m); err != nil {
			return err
		}
	}
}

// fromStatus undoes toStatus.
func fromStatus(err error) error {
	if err == nil {
		return nil
	}
	st, ok := status.FromError(err)
	if !ok {
		return err
	}
	switch st.Code() {
	case codes.FailedPrecondition:
		refused := &RefusedError{Reason: st.Message()}
		for _, d := range st.Details() {
			if l, ok := d.(*pb.Diagnostics); ok {
				refused.Diagnostics = l.GetDiagnostics()
			}
		}
		return refused
	case codes.NotFound:
		return &NotFoundError{st.Message()}
	case codes.Unavailable:
		return again(ErrUnavailable, st.Message())
	case codes.InvalidArgument:
		return again(ErrInvalid, st.Message())
	case codes.Canceled:
		return context.Canceled
	case codes.DeadlineExceeded:
		return context.DeadlineExceeded
	default:
		return errors.New(st.Message())
	}
}

// again is the error whose text crossed the socket.
func again(err error, text string) error {
	text = strings.TrimPrefix(strings.TrimPrefix(text, err.Error()), ": ")
	if text == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, text)
}
