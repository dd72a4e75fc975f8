package childapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"keepalived/core/config"
	"keepalived/core/diag"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/unixsock"
)

// The pause before dialling again grows from retryFirst to retryMost.
const (
	retryFirst = 50 * time.Millisecond
	retryMost  = 2 * time.Second
)

// maxCommands bounds the commands a child answers at the same time.
const maxCommands = 16

// Phase is what a configuration update asks for.
type Phase = pb.ConfigPhase

// The phases of a configuration update.
const (
	Prepare = pb.ConfigPhase_CONFIG_PHASE_PREPARE
	Commit  = pb.ConfigPhase_CONFIG_PHASE_COMMIT
	Abort   = pb.ConfigPhase_CONFIG_PHASE_ABORT
)

// Update is one step of a configuration change. Steps of one generation come in
// order, and every Prepare is followed by a Commit or an Abort, even when the
// parent is lost in between (then the client makes the Abort), unless another
// Prepare replaces it.
type Update struct {
	Generation uint64
	Phase      Phase
	// Initial: nothing runs yet, so there is nothing to keep. A configuration that
	// cannot run ends the child (Fatal), as it ends keepalived. A Commit follows
	// without waiting for the answer.
	Initial bool
	// DryRun: only the plan is wanted, an Abort follows. (With Prepare.)
	DryRun bool
	// Tree is what this child reads, with Prepare, unless SameAs is set. It has no Sources
	// and no Digest.
	Tree *config.Tree
	// SameAs, with Prepare: the tree says what that of this generation did, which is in
	// force. The answer may also be TreeWanted; then another Prepare brings it.
	SameAs uint64
	// With Initial: what the healthchecker child before this one knew, and what
	// operators have set for servers (keys and names as the child gave them).
	Records   []*pb.CheckRecord
	Overrides []*pb.ServerOverride
}

// Options are what a Client needs of its child.
type Options struct {
	Boot    Boot
	Version string
	Log     *slog.Logger

	// Config is called for every Update, one at a time, on a goroutine of the
	// client. It may take its time (decoding belongs here, not on the loop); the
	// answer is Client.Prepared, Refused or Ready, from any goroutine.
	Config func(Update)

	// Serve answers one of the parent's commands, on a goroutine of its own (at
	// most 16 at a time). ctx ends when nobody waits for the answer any more. send
	// blocks while the connection is full, so never call it on the loop: ask the
	// loop for a snapshot, then convert and send here. The returned error ends the
	// answer.
	Serve func(ctx context.Context, cmd *pb.ServeResponse, send func(*pb.ServeRequest) error) error
}

// NotFoundError is what Serve returns, and Session.Call then too, when there is no such
// thing as the command names. The text is for operators and says what there is.
type NotFoundError struct{ Text string }

func (e *NotFoundError) Error() string { return e.Text }

// Client is a child's end. Run keeps it connected; every other method may be
// called from any goroutine, also the loop, and never blocks but Fatal.
type Client struct {
	opt Options
	out *outbox
}

// NewClient makes a client; nothing happens before Run.
func NewClient(opt Options) *Client {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Client{opt: opt, out: newOutbox()}
}

// Heartbeat reports that the loop turns; call it on the loop once a second. Only
// the newest one is kept while there is no connection.
func (c *Client) Heartbeat(h *pb.Heartbeat) { c.out.heartbeat(h) }

// Ready reports that generation is in force. It is repeated after a reconnection.
func (c *Client) Ready(generation uint64) { c.out.ready(generation) }

// Prepared answers a Prepare: the configuration could be applied, as plan says.
func (c *Client) Prepared(generation uint64, plan *pb.Plan) {
	c.out.control(&pb.ReportRequest{Report: &pb.ReportRequest_Prepared{
		Prepared: &pb.Prepared{Generation: generation, Plan: plan}}})
}

// Refused answers a Prepare: the configuration cannot run. The Commit, if one
// comes all the same, must be ignored.
func (c *Client) Refused(generation uint64, why diag.List) {
	c.out.control(&pb.ReportRequest{Report: &pb.ReportRequest_Refused{
		Refused: &pb.Refused{Generation: generation, Diagnostics: DiagnosticsToProto(why)}}})
}

// TreeWanted answers a Prepare without a tree: what is in force will not do.
func (c *Client) TreeWanted(generation uint64) {
	c.out.control(&pb.ReportRequest{Report: &pb.ReportRequest_TreeWanted{
		TreeWanted: &pb.TreeWanted{Generation: generation}}})
}

// Event reports a change of state. The queue holds 4,096 while there is no
// connection; beyond that the oldest are dropped and the parent is told how many.
// The event belongs to the client from now on.
func (c *Client) Event(e *pb.Event) { c.out.event(e) }

// Records has the parent remember what checkers have found, for the next child. With
// all, list is everything and what is not in it is forgotten: say all once a
// configuration is in force (so that checkers that are gone do not pile up), and single
// records when they change. Of each checker the newest is kept, up to 1,048,576; they
// are said again after a reconnection. The records belong to the client from now on,
// the slice does not. Keys must be UTF-8, or they come back different.
func (c *Client) Records(all bool, list []*pb.CheckRecord) { c.out.records(all, list) }

// Override reports what the child itself did to an override, with its cause: drained, or
// its server is gone. Of each server the newest is kept and said again after a reconnection. Answers
// to SetServerCommand need no Override: the client repeats them as reports by itself.
// The change belongs to the client from now on.
func (c *Client) Override(change *pb.OverrideChange) { c.out.override(change) }

// LogNotice shows text in the parent's status. 64 are kept while there is no
// connection; newer ones are then dropped.
func (c *Client) LogNotice(s diag.Severity, text string) {
	c.out.notice(&pb.ReportRequest{Report: &pb.ReportRequest_LogNotice{
		LogNotice: &pb.LogNotice{Severity: severities[s], Text: text}}})
}

// Fatal reports that this child ends for good with keepalived's exit code and
// waits, at most within, until the parent knows. It returns the status to exit
// with (PermanentExit+code), which says the same. Not for the loop goroutine.
func (c *Client) Fatal(code int, text string, within time.Duration) (status int) {
	done := c.out.fatal(&pb.ReportRequest{Report: &pb.ReportRequest_Fatal{
		Fatal: &pb.Fatal{Code: int32(code), Text: text}}})
	t := time.NewTimer(within)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
	return PermanentExit + code
}

// Run dials the parent and talks to it until ctx ends, which is the only way it
// returns; when the parent's socket goes away it dials again after a pause of 50
// ms to 2 s with jitter. The child runs on without it.
func (c *Client) Run(ctx context.Context) error {
	delay := retryFirst
	said := ""
	for {
		up, err := c.session(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if up {
			delay, said = retryFirst, ""
		}
		if text := err.Error(); text != said {
			said = text
			c.opt.Log.Warn("Connection to the parent lost: "+text, "role", c.opt.Boot.Role.String())
		}
		// Half to one and a half times the delay.
		t := time.NewTimer(delay/2 + rand.N(delay))
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
		delay = min(2*delay, retryMost)
	}
}

// session is one connection from dial to loss. up tells whether the parent took us.
func (c *Client) session(ctx context.Context) (up bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := grpc.NewClient("passthrough:///parent",
		grpc.WithTransportCredentials(unixsock.ClientCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", c.opt.Boot.Socket)
		}),
		grpc.WithAuthority("localhost"),
		grpc.WithDisableServiceConfig(),
		grpc.WithIdleTimeout(0),
		grpc.WithReadBufferSize(bufferBytes), grpc.WithWriteBufferSize(bufferBytes),
	)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	rpc := pb.NewSupervisorClient(conn)
	regCtx, stop := context.WithTimeout(ctx, 10*time.Second)
	reg, err := rpc.Register(regCtx, &pb.RegisterRequest{
		Protocol:   Protocol,
		Role:       c.opt.Boot.Role,
		Pid:        int32(pid()),
		Token:      c.opt.Boot.Token,
		Version:    c.opt.Version,
		Generation: c.out.lastReady(),
	})
	stop()
	if err != nil {
		return false, explain(err)
	}
	ctx = metadata.AppendToOutgoingContext(ctx, sessionKey, reg.GetSession())
	ends := make(chan error, 3)
	var wg sync.WaitGroup
	for _, part := range []func(context.Context, pb.SupervisorClient) error{c.watch, c.report, c.serve} {
		wg.Go(func() { ends <- part(ctx, rpc) })
	}
	err = <-ends
	cancel()
	wg.Wait()
	c.out.disconnected()
	return true, explain(err)
}

// explain drops gRPC's frame around an error.
func explain(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("closed by the parent")
	}
	if s, ok := status.FromError(err); ok && s.Code() != codes.OK {
		return errors.New(s.Message())
	}
	return err
}

// watch receives configurations.
func (c *Client) watch(ctx context.Context, rpc pb.SupervisorClient) error {
	stream, err := rpc.WatchConfig(ctx, &pb.WatchConfigRequest{Generation: c.out.lastReady()})
	if err != nil {
		return err
	}
	var building *assembler
	var open uint64 // prepared and neither committed nor aborted
	defer func() {
		if open != 0 {
			c.opt.Config(Update{Generation: open, Phase: Abort})
		}
	}()
	for {
		chunk, err := stream.Recv()
		if err != nil {
			return err
		}
		u := Update{
			Generation: chunk.GetGeneration(), Phase: chunk.GetPhase(), SameAs: chunk.GetSameAs(),
			Initial: chunk.GetInitial(), DryRun: chunk.GetDryRun(),
		}
		switch u.Phase {
		case Prepare:
			if u.SameAs != 0 {
				building, open = nil, u.Generation
				break
			}
			if chunk.GetIndex() == 0 {
				building = newAssembler(u.Generation)
			}
			if building == nil {
				return fmt.Errorf("chunk %d of generation %d without a beginning", chunk.GetIndex(), u.Generation)
			}
			if u.Tree, err = building.add(chunk); err != nil {
				return err
			}
			if u.Tree == nil {
				continue
			}
			if u.Initial {
				u.Records, u.Overrides = building.memory.Records, building.memory.Overrides
			}
			building, open = nil, u.Generation
		case Commit, Abort:
			if u.Generation != open {
				return fmt.Errorf("%v of generation %d, which is not prepared", u.Phase, u.Generation)
			}
			open = 0
		default:
			return fmt.Errorf("unknown phase %v", u.Phase)
		}
		c.opt.Config(u)
	}
}

// report sends what the outbox holds.
func (c *Client) report(ctx context.Context, rpc pb.SupervisorClient) error {
	stream, err := rpc.Report(ctx)
	if err != nil {
		return err
	}
	for {
		m, last, ok := c.out.next(ctx)
		if !ok {
			return ctx.Err()
		}
		validText(m.ProtoReflect())
		if err := stream.Send(m); err != nil {
			_, err = stream.CloseAndRecv() // Send says only EOF
			return err
		}
		if last {
			_, err := stream.CloseAndRecv()
			c.out.fatalSent()
			if err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		}
	}
}

// serve answers commands.
func (c *Client) serve(ctx context.Context, rpc pb.SupervisorClient) error {
	stream, err := rpc.Serve(ctx)
	if err != nil {
		return err
	}
	a := answerer{ctx: ctx, serve: c.opt.Serve, out: c.out, stream: stream, running: map[uint64]context.CancelFunc{}}
	defer a.wg.Wait()
	defer a.cancelAll()
	for {
		cmd, err := stream.Recv()
		if err != nil {
			return err
		}
		if cmd.GetCancel() != nil {
			a.cancel(cmd.GetId())
			continue
		}
		a.start(cmd)
	}
}

// answerer runs the commands of one Serve stream.
type answerer struct {
	ctx    context.Context
	serve  func(context.Context, *pb.ServeResponse, func(*pb.ServeRequest) error) error
	out    *outbox
	stream grpc.BidiStreamingClient[pb.ServeRequest, pb.ServeResponse]
	wg     sync.WaitGroup

	sendMu sync.Mutex // a stream takes one sender at a time

	mu      sync.Mutex
	running map[uint64]context.CancelFunc
}

func (a *answerer) start(cmd *pb.ServeResponse) {
	id := cmd.GetId()
	a.mu.Lock()
	busy := len(a.running) >= maxCommands
	var ctx context.Context
	if !busy {
		var cancel context.CancelFunc
		if w := cmd.GetWithin(); w != nil {
			ctx, cancel = context.WithTimeout(a.ctx, w.AsDuration())
		} else {
			ctx, cancel = context.WithCancel(a.ctx)
		}
		a.running[id] = cancel
	}
	a.mu.Unlock()
	a.wg.Go(func() {
		if busy {
			_ = a.send(&pb.ServeRequest{Id: id, Last: true, Error: "too many commands at a time"})
			return
		}
		err := a.serve(ctx, cmd, func(m *pb.ServeRequest) error {
			if v := m.GetOverride(); v != nil {
				a.out.answered(v)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			m.Id, m.Last = id, false
			validText(m.ProtoReflect())
			return a.send(m)
		})
		a.cancel(id)
		end := &pb.ServeRequest{Id: id, Last: true}
		if err != nil {
			var none *NotFoundError
			end.Error, end.NotFound = validString(err.Error()), errors.As(err, &none)
		}
		_ = a.send(end) // an error here ends the stream's receiver too
	})
}

func (a *answerer) send(m *pb.ServeRequest) error {
	a.sendMu.Lock()
	defer a.sendMu.Unlock()
	return a.stream.Send(m)
}

func (a *answerer) cancel(id uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if cancel, ok := a.running[id]; ok {
		cancel()
		delete(a.running, id)
	}
}

func (a *answerer) cancelAll() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, cancel := range a.running {
		cancel()
		delete(a.running, id)
	}
}
