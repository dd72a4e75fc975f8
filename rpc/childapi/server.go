package childapi

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/unixsock"
)

// pidWait is how long a Register waits for the parent to learn from fork which
// pid its token went to.
const pidWait = 5 * time.Second

// Backend is who owns the children. Its methods are called on goroutines of the
// server, Registered and Closed once for each session. A method that blocks holds
// up the reports of that child alone. The end of a session comes from another
// goroutine than its reports: Closed may overtake the last Reported, and (when the
// process is reaped while it registers) even Registered: see Session.Gone.
type Backend interface {
	Registered(s *Session)
	Reported(s *Session, r *pb.ReportRequest)
	Closed(s *Session)
}

// Server is the parent's end of all children.
type Server struct {
	backend Backend
	log     *slog.Logger
	grpc    *grpc.Server

	mu       sync.Mutex
	children map[string]*child   // by token
	sessions map[string]*Session // by id
}

// child is one spawned process.
type child struct {
	role    Role
	pid     int32
	known   chan struct{} // closed when pid is set
	session *Session
}

// NewServer makes a server; it accepts nobody before Expect.
func NewServer(b Backend, log *slog.Logger) *Server {
	s := &Server{
		backend: b, log: log,
		children: map[string]*child{},
		sessions: map[string]*Session{},
		grpc: grpc.NewServer(
			grpc.Creds(unixsock.ServerCredentials()),
			grpc.ReadBufferSize(bufferBytes), grpc.WriteBufferSize(bufferBytes),
			// A virtual server and all of its real servers are one message.
			grpc.MaxRecvMsgSize(answerBytes),
		),
	}
	pb.RegisterSupervisorServer(s.grpc, service{s: s})
	return s
}

// Serve accepts on l until Stop; then it returns nil.
func (s *Server) Serve(l net.Listener) error { return s.grpc.Serve(l) }

// Stop closes the listener and every connection.
func (s *Server) Stop() { s.grpc.Stop() }

// Expect makes the token for one spawn of a role. It is called before the fork.
func (s *Server) Expect(role Role) (token string) {
	token = rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.children[token] = &child{role: role, known: make(chan struct{})}
	return token
}

// Spawned tells which process the token went to.
func (s *Server) Spawned(token string, pid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.children[token]; c != nil && c.pid == 0 {
		c.pid = int32(pid)
		close(c.known)
	}
}

// Forget ends the token and session of a process that was reaped or could not be
// started. Only then may the kernel give its pid to somebody else.
func (s *Server) Forget(token string) {
	s.mu.Lock()
	c := s.children[token]
	delete(s.children, token)
	var old *Session
	if c != nil {
		old = c.session
	}
	s.mu.Unlock()
	if old != nil {
		s.close(old)
	}
}

func (s *Server) close(old *Session) {
	s.mu.Lock()
	_, open := s.sessions[old.id]
	delete(s.sessions, old.id)
	for _, c := range s.children {
		if c.session == old {
			c.session = nil
		}
	}
	s.mu.Unlock()
	old.cancel()
	if open {
		old.failCalls()
		s.backend.Closed(old)
	}
}

// service hides the gRPC methods from the users of Server.
type service struct {
	pb.UnimplementedSupervisorServer
	s *Server
}

// Register accepts a child: its token must be of a spawn of that role, and the
// kernel must say that the peer is the process spawned. The token stays good for
// that process alone, because a child dials again when its connection breaks.
func (v service) Register(ctx context.Context, r *pb.RegisterRequest) (*pb.RegisterResponse, error) {
	s := v.s
	p, ok := unixsock.PeerFrom(ctx)
	if !ok {
		return nil, status.Error(codes.PermissionDenied, "no peer credentials")
	}
	refuse := func(why string) (*pb.RegisterResponse, error) {
		s.log.Warn("Refused a child's registration: "+why, "pid", p.PID, "uid", p.UID, "role", r.GetRole().String())
		return nil, status.Error(codes.PermissionDenied, why)
	}
	if r.GetProtocol() != Protocol {
		return refuse("wrong protocol version")
	}
	s.mu.Lock()
	c := s.children[r.GetToken()]
	s.mu.Unlock()
	if c == nil {
		return refuse("unknown token")
	}
	t := time.NewTimer(pidWait)
	defer t.Stop()
	select {
	case <-c.known:
	case <-t.C:
		return refuse("the process was not started")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c.pid != p.PID || c.pid != r.GetPid() {
		return refuse("not the process the token was given to")
	}
	if c.role != r.GetRole() {
		return refuse("wrong role")
	}
	sess := newSession(s, c, r)
	s.mu.Lock()
	if s.children[r.GetToken()] != c {
		s.mu.Unlock()
		return refuse("the process is gone")
	}
	old := c.session
	c.session = sess
	s.sessions[sess.id] = sess
	s.mu.Unlock()
	if old != nil {
		s.close(old)
	}
	s.backend.Registered(sess)
	return &pb.RegisterResponse{Session: sess.id}, nil
}

// attach finds the caller's session and checks that it is the caller's.
func (v service) attach(ctx context.Context) (*Session, error) {
	p, ok := unixsock.PeerFrom(ctx)
	md, _ := metadata.FromIncomingContext(ctx)
	ids := md.Get(sessionKey)
	if !ok || len(ids) != 1 {
		return nil, status.Error(codes.PermissionDenied, "no session")
	}
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	sess := v.s.sessions[ids[0]]
	if sess == nil || sess.pid != p.PID {
		return nil, status.Error(codes.PermissionDenied, "no such session")
	}
	return sess, nil
}

// WatchConfig sends what SendConfig and its like queue.
func (v service) WatchConfig(_ *pb.WatchConfigRequest, stream grpc.ServerStreamingServer[pb.ConfigChunk]) error {
	sess, err := v.attach(stream.Context())
	if err != nil {
		return err
	}
	defer v.s.close(sess)
	for {
		select {
		case <-stream.Context().Done():
			return stream.Context().Err()
		case <-sess.ctx.Done():
			return errClosed
		case chunks := <-sess.config:
			for _, c := range chunks {
				if err := stream.Send(c); err != nil {
					return err
				}
			}
		}
	}
}

var errClosed = status.Error(codes.Unavailable, "the session is over")

// Report passes a child's reports on.
func (v service) Report(stream grpc.ClientStreamingServer[pb.ReportRequest, pb.ReportResponse]) error {
	sess, err := v.attach(stream.Context())
	if err != nil {
		return err
	}
	defer v.s.close(sess)
	// Recv does not look at the session, but a closed session means that the
	// connection or the process is gone, which ends the stream.
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			// Everything said has been handed on: the answer to a Fatal.
			if err := stream.SendAndClose(&pb.ReportResponse{}); err != nil {
				return err
			}
			return nil
		}
		if err != nil {
			return err
		}
		v.s.backend.Reported(sess, m)
	}
}

// Serve sends commands and hands answers to those who wait for them.
func (v service) Serve(stream grpc.BidiStreamingServer[pb.ServeRequest, pb.ServeResponse]) error {
	sess, err := v.attach(stream.Context())
	if err != nil {
		return err
	}
	defer v.s.close(sess)
	ctx := stream.Context()
	sent := make(chan error, 1)
	go func() {
		for {
			select {
			case <-ctx.Done():
				sent <- ctx.Err()
				return
			case <-sess.ctx.Done():
				sent <- errClosed
				return
			case cmd := <-sess.commands:
				if err := stream.Send(cmd); err != nil {
					sent <- err
					return
				}
			}
		}
	}()
	received := make(chan error, 1)
	go func() {
		for {
			m, err := stream.Recv()
			if err != nil {
				received <- err
				return
			}
			sess.answer(m)
		}
	}()
	// The goroutine that is left ends with the stream, when this returns.
	select {
	case err = <-sent:
	case err = <-received:
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
