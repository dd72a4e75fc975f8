// Package adminapi is the operators' end of the daemon: the server that the parent
// runs on keepalived.sock and the client that keepalivedctl uses. It relays proto
// messages and knows no child's types.
package adminapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"keepalived/core/process"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/unixsock"
)

// bufferBytes is gRPC's buffer per connection and direction.
const bufferBytes = 4 << 10

// Backend answers. Its methods are called on goroutines of the server; ctx ends
// when the caller has gone. send blocks while the caller does not read.
type Backend interface {
	Status(ctx context.Context) (*pb.GetStatusResponse, error)
	Instances(ctx context.Context, names []string, send func(*pb.Instance) error) error
	SyncGroups(ctx context.Context, send func(*pb.SyncGroup) error) error
	Trackers(ctx context.Context, send func(*pb.Tracker) error) error
	Services(ctx context.Context, names []string, send func(*pb.VirtualServer) error) error
	// SetRealServer is asked for by who (user and pid). The Backend logs it: it knows the
	// servers' names.
	SetRealServer(ctx context.Context, who string, r *pb.SetRealServerRequest) (*pb.SetRealServerResponse, error)
	Watch(ctx context.Context, r *pb.WatchEventsRequest, send func(*pb.Event) error) error
	CheckConfig(ctx context.Context) (*pb.CheckConfigResponse, error)
	Reload(ctx context.Context, r *pb.ReloadRequest) (*pb.ReloadResponse, error)
	Dump(ctx context.Context, r *pb.DumpRequest, send func(*pb.DumpChunk) error) error
}

// RefusedError is how a Backend (and the Client) says that a configuration was
// refused; the old one runs on.
type RefusedError struct {
	Reason      string
	Diagnostics []*pb.Diagnostic
}

func (e *RefusedError) Error() string { return e.Reason }

// NotFoundError is how a Backend (and the Client) says that there is no such thing as
// the request names. The text says what there is.
type NotFoundError struct{ Text string }

func (e *NotFoundError) Error() string { return e.Text }

// The errors a Backend may return besides those and the ones of context.
var (
	// ErrUnavailable: the daemon starts or stops, or the child asked is not there.
	ErrUnavailable = errors.New("not available")
	// ErrInvalid: the request makes no sense.
	ErrInvalid = errors.New("invalid request")
)

// Server is the operators' gRPC server.
type Server struct {
	grpc *grpc.Server
}

// NewServer makes a server for b. Calls that change something are logged with the
// caller's pid and uid.
func NewServer(b Backend, log *slog.Logger) *Server {
	g := grpc.NewServer(
		grpc.Creds(unixsock.ServerCredentials()),
		grpc.ReadBufferSize(bufferBytes), grpc.WriteBufferSize(bufferBytes),
	)
	pb.RegisterAdminServer(g, service{b: b, log: log})
	return &Server{grpc: g}
}

// Serve accepts on l until Stop; then it returns nil.
func (s *Server) Serve(l net.Listener) error { return s.grpc.Serve(l) }

// Stop closes the listener and every connection.
func (s *Server) Stop() { s.grpc.Stop() }

type service struct {
	pb.UnimplementedAdminServer
	b   Backend
	log *slog.Logger
}

func (s service) GetStatus(ctx context.Context, _ *pb.GetStatusRequest) (*pb.GetStatusResponse, error) {
	r, err := s.b.Status(ctx)
	return r, toStatus(err)
}

func (s service) ListInstances(r *pb.ListInstancesRequest, stream grpc.ServerStreamingServer[pb.Instance]) error {
	return toStatus(s.b.Instances(stream.Context(), r.GetNames(), stream.Send))
}

func (s service) ListSyncGroups(_ *pb.ListSyncGroupsRequest, stream grpc.ServerStreamingServer[pb.SyncGroup]) error {
	return toStatus(s.b.SyncGroups(stream.Context(), stream.Send))
}

func (s service) ListTrackers(_ *pb.ListTrackersRequest, stream grpc.ServerStreamingServer[pb.Tracker]) error {
	return toStatus(s.b.Trackers(stream.Context(), stream.Send))
}

func (s service) ListServices(r *pb.ListServicesRequest, stream grpc.ServerStreamingServer[pb.VirtualServer]) error {
	return toStatus(s.b.Services(stream.Context(), r.GetNames(), stream.Send))
}

func (s service) SetRealServer(ctx context.Context, r *pb.SetRealServerRequest) (*pb.SetRealServerResponse, error) {
	p, ok := unixsock.PeerFrom(ctx)
	if !ok {
		return nil, status.Error(codes.PermissionDenied, "no peer credentials")
	}
	out, err := s.b.SetRealServer(ctx, whoIs(p), r)
	return out, toStatus(err)
}

func (s service) WatchEvents(r *pb.WatchEventsRequest, stream grpc.ServerStreamingServer[pb.Event]) error {
	return toStatus(s.b.Watch(stream.Context(), r, stream.Send))
}

func (s service) CheckConfig(ctx context.Context, _ *pb.CheckConfigRequest) (*pb.CheckConfigResponse, error) {
	r, err := s.b.CheckConfig(ctx)
	return r, toStatus(err)
}

func (s service) Reload(ctx context.Context, r *pb.ReloadRequest) (*pb.ReloadResponse, error) {
	if !r.GetDryRun() {
		s.audit(ctx, "Reload")
	}
	out, err := s.b.Reload(ctx, r)
	return out, toStatus(err)
}

func (s service) Dump(r *pb.DumpRequest, stream grpc.ServerStreamingServer[pb.DumpChunk]) error {
	if r.GetKind() == pb.DumpKind_DUMP_KIND_STATS_CLEAR {
		s.audit(stream.Context(), "Clearing the counters")
	}
	return toStatus(s.b.Dump(stream.Context(), r, stream.Send))
}

// audit logs who asked for a change.
func (s service) audit(ctx context.Context, what string) {
	p, _ := unixsock.PeerFrom(ctx)
	s.log.Info(fmt.Sprintf("%s asked for by %s", what, p), "pid", p.PID, "uid", p.UID)
}

// whoIs is the user and the process that asks.
func whoIs(p unixsock.Peer) string {
	name, ok := process.Accounts{}.Name(p.UID)
	if !ok {
		name = fmt.Sprint("uid ", p.UID)
	}
	return fmt.Sprintf("%s (pid %d)", name, p.PID)
}

// toStatus gives an error its gRPC code.
func toStatus(err error) error {
	var refused *RefusedError
	var missing *NotFoundError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &missing):
		return status.Error(codes.NotFound, missing.Text)
	case errors.As(err, &refused):
		st := status.New(codes.FailedPrecondition, refused.Reason)
		if with, err := st.WithDetails(&pb.Diagnostics{Diagnostics: refused.Diagnostics}); err == nil {
			st = with
		}
		return st.Err()
	case errors.Is(err, ErrUnavailable):
		return status.Error(codes.Unavailable, err.Error())
	case errors.Is(err, ErrInvalid):
		return status.Error(codes.InvalidArgument, err.Error())
	case errors.Is(err, context.Canceled):
		return status.Error(codes.Canceled, err.Error())
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, err.Error())
	default:
		if _, ok := status.FromError(err); ok { // of a send
			return err
		}
		return status.Error(codes.Internal, err.Error())
	}
}
