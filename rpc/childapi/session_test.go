package childapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"keepalived/core/diag"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/unixsock"
)

// parent is a backend that notes what it is told.
type parent struct {
	t      *testing.T
	server *Server
	l      net.Listener
	path   string

	mu       sync.Mutex
	sessions []*Session
	closed   int
	reports  []string
	changed  chan struct{}
}

func newParent(t *testing.T, path string) *parent {
	t.Helper()
	l, err := unixsock.Listen(path, unixsock.Access{})
	if err != nil {
		t.Fatal(err)
	}
	p := &parent{t: t, l: l, path: path, changed: make(chan struct{})}
	p.server = NewServer(p, slog.New(slog.DiscardHandler))
	go func() { _ = p.server.Serve(l) }()
	t.Cleanup(p.server.Stop)
	return p
}

func (p *parent) note(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *parent) Registered(s *Session) { p.note(func() { p.sessions = append(p.sessions, s) }) }
func (p *parent) Closed(*Session)       { p.note(func() { p.closed++ }) }

func (p *parent) Reported(_ *Session, r *pb.ReportRequest) {
	var text string
	switch m := r.GetReport().(type) {
	case *pb.ReportRequest_Heartbeat:
		text = "beat"
	case *pb.ReportRequest_Ready:
		text = fmt.Sprint("ready ", m.Ready.GetGeneration())
	case *pb.ReportRequest_Prepared:
		text = fmt.Sprint("prepared ", m.Prepared.GetGeneration())
	case *pb.ReportRequest_Refused:
		text = "refused " + m.Refused.GetDiagnostics()[0].GetSummary()
	case *pb.ReportRequest_TreeWanted:
		text = fmt.Sprint("wants the tree of ", m.TreeWanted.GetGeneration())
	case *pb.ReportRequest_Event:
		text = "event " + m.Event.GetInstance().GetInstance().GetName()
	case *pb.ReportRequest_Missed:
		text = fmt.Sprint("missed ", m.Missed.GetCount())
	case *pb.ReportRequest_Fatal:
		text = fmt.Sprint("fatal ", m.Fatal.GetCode())
	case *pb.ReportRequest_LogNotice:
		text = "notice " + m.LogNotice.GetText()
	case *pb.ReportRequest_Records:
		text = fmt.Sprint("records ", len(m.Records.GetRecords()))
		if m.Records.GetAll() {
			text += " all"
		}
	case *pb.ReportRequest_Override:
		text = fmt.Sprintf("override %s %d %v", m.Override.GetOverride().GetServer(), m.Override.GetOverride().GetRevision(), m.Override.GetRemoved())
	}
	p.note(func() { p.reports = append(p.reports, text) })
}

// until waits for a condition on p's fields.
func (p *parent) until(what string, cond func() bool) {
	p.t.Helper()
	limit := time.After(10 * time.Second)
	for {
		p.mu.Lock()
		ok, changed := cond(), p.changed
		p.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-limit:
			p.t.Fatalf("waited in vain for %s; reports %q", what, p.reports)
		}
	}
}

func (p *parent) session(n int) *Session {
	p.t.Helper()
	p.until(fmt.Sprintf("registration %d", n), func() bool { return len(p.sessions) >= n })
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sessions[n-1]
}

func (p *parent) reported(text string) {
	p.t.Helper()
	p.until(text, func() bool { return slices.Contains(p.reports, text) })
}

// boot is for a child that is this process.
func (p *parent) boot() Boot {
	token := p.server.Expect(VRRP)
	p.server.Spawned(token, os.Getpid())
	return Boot{Role: VRRP, Token: token, Socket: p.path, ParentPID: os.Getppid()}
}

func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ca")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// kid is a running client that notes its updates.
type kid struct {
	*Client
	updates chan string
}

func newKid(t *testing.T, boot Boot, serve func(context.Context, *pb.ServeResponse, func(*pb.ServeRequest) error) error) *kid {
	t.Helper()
	k := &kid{updates: make(chan string, 100)}
	if serve == nil {
		serve = func(context.Context, *pb.ServeResponse, func(*pb.ServeRequest) error) error { return nil }
	}
	k.Client = NewClient(Options{Boot: boot, Serve: serve, Config: func(u Update) {
		text := strings.TrimPrefix(u.Phase.String(), "CONFIG_PHASE_") + fmt.Sprint(" ", u.Generation)
		if u.Initial {
			text += " initial"
		}
		if u.SameAs != 0 {
			text += fmt.Sprint(" same as ", u.SameAs)
		}
		if u.DryRun {
			text += " dry"
		}
		if u.Tree != nil {
			text += fmt.Sprint(" roots ", len(u.Tree.Roots))
		}
		k.updates <- text
	}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
	})
	return k
}

func (k *kid) wants(t *testing.T, want ...string) {
	t.Helper()
	for _, w := range want {
		select {
		case got := <-k.updates:
			if got != w {
				t.Fatalf("update %q, want %q", got, w)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("no update %q", w)
		}
	}
}

func TestConfigurationAndReports(t *testing.T) {
	p := newParent(t, socketPath(t))
	k := newKid(t, p.boot(), nil)
	s := p.session(1)
	if s.PID() != os.Getpid() || s.Role() != VRRP || s.Generation() != 0 {
		t.Errorf("session of pid %d, role %v, generation %d", s.PID(), s.Role(), s.Generation())
	}
	part, err := Encode(bigTree(5000))
	if err != nil {
		t.Fatal(err)
	}
	s.SendFirst(1, part, Memory{})
	s.SendCommit(1)
	s.SendPrepare(2, part, Change)
	s.SendAbort(2)
	s.SendPrepare(3, part, Trial)
	s.SendAbort(3)
	k.wants(t, "PREPARE 1 initial roots 5000", "COMMIT 1", "PREPARE 2 roots 5000", "ABORT 2", "PREPARE 3 dry roots 5000", "ABORT 3")
	// Without a tree, and with one when that is not enough.
	s.SendSame(4, 1, Change)
	s.SendCommit(4)
	s.SendSame(5, 4, Trial)
	s.SendPrepare(5, part, Trial)
	s.SendAbort(5)
	k.wants(t, "PREPARE 4 same as 1", "COMMIT 4", "PREPARE 5 same as 4 dry", "PREPARE 5 dry roots 5000", "ABORT 5")

	k.Ready(1)
	k.Heartbeat(&pb.Heartbeat{})
	k.Prepared(2, &pb.Plan{})
	k.TreeWanted(2)
	var why diag.List
	why.Fatalf(diag.Range{}, diag.NoInterface, "caf\xe9")
	k.Refused(3, why)
	k.Event(&pb.Event{Kind: &pb.Event_Instance{Instance: &pb.InstanceChange{Instance: &pb.Instance{Name: "VI\xff"}}}})
	k.LogNotice(diag.Warning, "mind the gap")
	for _, text := range []string{"ready 1", "beat", "prepared 2", "wants the tree of 2", "refused caf\uFFFD", "event VI\uFFFD", "notice mind the gap"} {
		p.reported(text)
	}
	if got := k.Fatal(6, "the end", 10*time.Second); got != 106 {
		t.Errorf("exit status %d, want 106", got)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := p.reports[len(p.reports)-1]; last != "fatal 6" {
		t.Errorf("Fatal returned before the parent knew; last report %q", last)
	}
}

func TestReconnection(t *testing.T) {
	path := socketPath(t)
	first := newParent(t, path)
	boot := first.boot()
	k := newKid(t, boot, nil)
	part, err := Encode(bigTree(1))
	if err != nil {
		t.Fatal(err)
	}
	s := first.session(1)
	s.SendFirst(1, part, Memory{})
	s.SendCommit(1)
	k.wants(t, "PREPARE 1 initial roots 1", "COMMIT 1")
	k.Ready(1)
	first.reported("ready 1")
	// The parent goes away in the middle of a change.
	part, err = Encode(bigTree(2))
	if err != nil {
		t.Fatal(err)
	}
	s.SendPrepare(2, part, Change)
	k.wants(t, "PREPARE 2 roots 2")
	first.server.Stop()
	k.wants(t, "ABORT 2")
	first.until("the session's end", func() bool { return first.closed == 1 })
	// What is said meanwhile is kept, within bounds.
	k.Prepared(2, nil) // belongs to the lost session or the next: nobody asked
	for i := range maxEvents + 3 {
		k.Event(&pb.Event{Kind: &pb.Event_Instance{Instance: &pb.InstanceChange{Instance: &pb.Instance{Name: fmt.Sprint(i)}}}})
	}
	for range 2 * maxNotices {
		k.LogNotice(diag.Notice, "n")
	}
	_ = os.Remove(path)
	second := newParent(t, path)
	second.server.mu.Lock()
	known := make(chan struct{})
	close(known)
	second.server.children[boot.Token] = &child{role: VRRP, pid: int32(os.Getpid()), known: known}
	second.server.mu.Unlock()
	began := time.Now()
	s = second.session(1)
	t.Logf("registered %v after the socket was back", time.Since(began))
	if s.Generation() != 1 {
		t.Errorf("says it runs %d, want 1", s.Generation())
	}
	second.reported("ready 1")
	second.until("all events", func() bool {
		n := 0
		for _, r := range second.reports {
			if strings.HasPrefix(r, "event ") {
				n++
			}
		}
		return n == maxEvents
	})
	second.reported("missed 3")
	second.mu.Lock()
	if slices.Contains(second.reports, "event 2") || !slices.Contains(second.reports, "event 3") {
		t.Error("not the oldest events were dropped")
	}
	second.mu.Unlock()
	// The same process again, while the parent lives: the new session replaces the old.
	s.Close()
	if again := second.session(2); again == s || !s.Gone() || again.Gone() {
		t.Error("the session was not replaced")
	}
}

func TestForgottenChildrenAreGone(t *testing.T) {
	p := newParent(t, socketPath(t))
	boot := p.boot()
	k := newKid(t, boot, nil)
	s := p.session(1)
	p.server.Forget(boot.Token)
	if !s.Gone() {
		t.Error("the session of a reaped process lives")
	}
	p.until("the end of the session", func() bool { return p.closed == 1 })
	if err := s.Call(t.Context(), &pb.ServeResponse{}, nil); !errors.Is(err, ErrGone) {
		t.Errorf("a call to it: %v, want ErrGone", err)
	}
	select {
	case u := <-k.updates:
		t.Errorf("it still got %q", u)
	default:
	}
}

func TestRegistrationIsRefused(t *testing.T) {
	p := newParent(t, socketPath(t))
	good := p.boot()
	stolen := p.server.Expect(VRRP)
	p.server.Spawned(stolen, os.Getppid())
	gone := p.boot().Token
	p.server.Forget(gone)
	conn, err := grpc.NewClient("unix:"+p.path, grpc.WithTransportCredentials(unixsock.ClientCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	rpc := pb.NewSupervisorClient(conn)
	request := func(change func(*pb.RegisterRequest)) *pb.RegisterRequest {
		r := &pb.RegisterRequest{Protocol: Protocol, Role: VRRP, Pid: int32(os.Getpid()), Token: good.Token}
		change(r)
		return r
	}
	for name, r := range map[string]*pb.RegisterRequest{
		"no token":                     request(func(r *pb.RegisterRequest) { r.Token = "" }),
		"another role":                 request(func(r *pb.RegisterRequest) { r.Role = Checker }),
		"another protocol":             request(func(r *pb.RegisterRequest) { r.Protocol++ }),
		"another pid":                  request(func(r *pb.RegisterRequest) { r.Pid++ }),
		"the token of another process": request(func(r *pb.RegisterRequest) { r.Token = stolen }),
		"its token and pid":            request(func(r *pb.RegisterRequest) { r.Token, r.Pid = stolen, int32(os.Getppid()) }),
		"a process that was reaped":    request(func(r *pb.RegisterRequest) { r.Token = gone }),
	} {
		if _, err := rpc.Register(t.Context(), r); status.Code(err) != codes.PermissionDenied {
			t.Errorf("%s: %v, want permission denied", name, err)
		}
	}
	for _, id := range []string{"", "guess"} {
		ctx := t.Context()
		if id != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, sessionKey, id)
		}
		stream, err := rpc.WatchConfig(ctx, &pb.WatchConfigRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		if status.Code(err) != codes.PermissionDenied {
			t.Errorf("session %q: %v, want permission denied", id, err)
		}
	}
	reg, err := rpc.Register(t.Context(), request(func(*pb.RegisterRequest) {}))
	if err != nil {
		t.Fatalf("the right one: %v", err)
	}
	// Its session is of no use to another process.
	p.server.mu.Lock()
	p.server.sessions[reg.GetSession()].pid++
	p.server.mu.Unlock()
	stream, err := rpc.WatchConfig(metadata.AppendToOutgoingContext(t.Context(), sessionKey, reg.GetSession()), &pb.WatchConfigRequest{})
	if err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.PermissionDenied {
		t.Errorf("another's session: %v, want permission denied", err)
	}
}
