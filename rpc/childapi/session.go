package childapi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "keepalived/proto/keepalived/v1"
)

const (
	// configQueue is in whole messages (all chunks of a PREPARE are one). The
	// parent has one change open at a time; a child that does not take eight is
	// lost, and its session is closed.
	configQueue = 8
	// commandQueue bounds the commands not yet sent; when full, Call fails at once.
	commandQueue = 64
	// answerBytes bounds what waits for a slow reader of one command; beyond it
	// the command is cancelled, so that nobody can make the parent grow.
	answerBytes = 64 << 20
	// cancelGrace is the time a Cancel has to reach the child.
	cancelGrace = 500 * time.Millisecond
)

// The errors of Call.
var (
	ErrGone    = errors.New("the child is not connected")
	ErrBusy    = errors.New("too many commands wait for the child")
	ErrTooSlow = errors.New("the answer was not read fast enough")
)

// Session is one registration of one child. Its methods may be called from any
// goroutine; only Call blocks.
type Session struct {
	id         string
	role       Role
	pid        int32
	version    string
	generation uint64

	server   *Server
	ctx      context.Context
	cancel   context.CancelFunc
	config   chan []*pb.ConfigChunk
	commands chan *pb.ServeResponse

	mu     sync.Mutex
	nextID uint64
	calls  map[uint64]*call
	gone   bool
}

// call is a command whose answer is awaited.
type call struct {
	parts []*pb.ServeRequest
	bytes int
	err   error
	done  bool
	more  chan struct{} // capacity 1
}

func (c *call) poke() {
	select {
	case c.more <- struct{}{}:
	default:
	}
}

func newSession(s *Server, c *child, r *pb.RegisterRequest) *Session {
	ctx, cancel := context.WithCancel(context.Background())
	return &Session{
		id: rand.Text(), role: c.role, pid: c.pid, version: r.GetVersion(), generation: r.GetGeneration(),
		server: s, ctx: ctx, cancel: cancel,
		config:   make(chan []*pb.ConfigChunk, configQueue),
		commands: make(chan *pb.ServeResponse, commandQueue),
		calls:    map[uint64]*call{},
	}
}

// Role is the child's.
func (s *Session) Role() Role { return s.role }

// PID is the child's.
func (s *Session) PID() int { return int(s.pid) }

// Version is the child's program version.
func (s *Session) Version() string { return s.version }

// Generation is what the child ran when it registered; 0 for one just born.
func (s *Session) Generation() uint64 { return s.generation }

// Gone reports whether the session is over.
func (s *Session) Gone() bool { return s.ctx.Err() != nil }

// Close ends the session; a living child dials again.
func (s *Session) Close() { s.server.close(s) }

// PrepareKind is how a SendPrepare is meant.
type PrepareKind uint8

const (
	// Change: there may be a running generation, and the answer decides.
	Change PrepareKind = iota
	// Trial: only the plan is wanted.
	Trial
)

// SendPrepare sends a child a configuration that is to follow the one it has.
func (s *Session) SendPrepare(generation uint64, p *Part, kind PrepareKind) {
	chunks := p.message(generation)
	chunks[len(chunks)-1].DryRun = kind == Trial
	s.send(chunks)
}

// SendSame sends a child a configuration whose part for it is (Part.Same) what it has in
// force as generation inForce. It may answer that it wants the part all the
// same (TreeWanted): then SendPrepare is next.
func (s *Session) SendSame(generation, inForce uint64, kind PrepareKind) {
	s.send([]*pb.ConfigChunk{{Generation: generation, Phase: Prepare, SameAs: inForce, Last: true, DryRun: kind == Trial}})
}

// SendFirst sends a child its first configuration, and what it is to know besides; a
// Commit follows at once.
func (s *Session) SendFirst(generation uint64, p *Part, m Memory) {
	chunks := m.with(p.message(generation))
	chunks[len(chunks)-1].Initial = true
	s.send(chunks)
}

// SendCommit puts a prepared generation in force.
func (s *Session) SendCommit(generation uint64) { s.sendPhase(generation, Commit) }

// SendAbort drops a prepared generation.
func (s *Session) SendAbort(generation uint64) { s.sendPhase(generation, Abort) }

func (s *Session) sendPhase(generation uint64, p Phase) {
	s.send([]*pb.ConfigChunk{{Generation: generation, Phase: p, Last: true}})
}

func (s *Session) send(chunks []*pb.ConfigChunk) {
	select {
	case s.config <- chunks:
	case <-s.ctx.Done():
	default:
		// Not from here: the backend may be the caller and is told on its own terms.
		go s.Close()
	}
}

// Call sends a command and hands each part of the answer to each, on the calling
// goroutine, until the last. An error of each ends it. When ctx ends the child is
// told to stop working on it.
func (s *Session) Call(ctx context.Context, cmd *pb.ServeResponse, each func(*pb.ServeRequest) error) error {
	c := &call{more: make(chan struct{}, 1)}
	s.mu.Lock()
	if s.gone {
		s.mu.Unlock()
		return ErrGone
	}
	s.nextID++
	id := s.nextID
	s.calls[id] = c
	s.mu.Unlock()
	defer s.drop(id)
	cmd.Id = id
	if deadline, ok := ctx.Deadline(); ok {
		// The child gives up a little later, so that the error is this side's.
		cmd.Within = durationpb.New(time.Until(deadline) + cancelGrace)
	}
	select {
	case s.commands <- cmd:
	default:
		return ErrBusy
	}
	for {
		s.mu.Lock()
		parts, done, err := c.parts, c.done, c.err
		c.parts, c.bytes = nil, 0
		s.mu.Unlock()
		for _, m := range parts {
			if err := each(m); err != nil {
				s.tellCancel(id, done)
				return err
			}
		}
		if done {
			s.tellCancel(id, !errors.Is(err, ErrTooSlow))
			return err
		}
		select {
		case <-c.more:
		case <-ctx.Done():
			s.tellCancel(id, false)
			return ctx.Err()
		}
	}
}

func (s *Session) tellCancel(id uint64, done bool) {
	if done {
		return
	}
	select {
	case s.commands <- &pb.ServeResponse{Id: id, Command: &pb.ServeResponse_Cancel{Cancel: &pb.Cancel{}}}:
	default: // the child's own deadline ends it
	}
}

func (s *Session) drop(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.calls, id)
}

// answer files a part of an answer; those of commands nobody waits for are dropped.
func (s *Session) answer(m *pb.ServeRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.calls[m.GetId()]
	if c == nil || c.done {
		return
	}
	if m.GetAnswer() != nil {
		c.parts = append(c.parts, m)
		c.bytes += proto.Size(m)
	}
	switch {
	case c.bytes > answerBytes:
		c.parts, c.done, c.err = nil, true, ErrTooSlow
	case m.GetLast():
		c.done = true
		if m.GetNotFound() {
			c.err = &NotFoundError{m.GetError()}
		} else if m.GetError() != "" {
			c.err = fmt.Errorf("%s child: %s", roleWord(s.role), m.GetError())
		}
	}
	c.poke()
}

func (s *Session) failCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	for _, c := range s.calls {
		if !c.done {
			c.done, c.err = true, ErrGone
			c.poke()
		}
	}
}

func roleWord(r Role) string {
	switch r {
	case VRRP:
		return "VRRP"
	case Checker:
		return "healthcheck"
	default:
		return r.String()
	}
}
