package adminapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"keepalived/core/process"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/unixsock"
)

// fake answers with one of each and fails as told.
type fake struct {
	err error
}

func (f *fake) Status(context.Context) (*pb.GetStatusResponse, error) {
	return &pb.GetStatusResponse{Version: "1"}, f.err
}

func (f *fake) Instances(_ context.Context, names []string, send func(*pb.Instance) error) error {
	for _, n := range names {
		if err := send(&pb.Instance{Name: n}); err != nil {
			return err
		}
	}
	return f.err
}

func (f *fake) SyncGroups(_ context.Context, send func(*pb.SyncGroup) error) error {
	return errors.Join(send(&pb.SyncGroup{Name: "G1"}), f.err)
}

func (f *fake) Trackers(_ context.Context, send func(*pb.Tracker) error) error {
	return errors.Join(send(&pb.Tracker{Name: "chk"}), f.err)
}

func (f *fake) Services(_ context.Context, names []string, send func(*pb.VirtualServer) error) error {
	for _, n := range names {
		v := &pb.VirtualServer{Name: n}
		if n == "big" {
			v.Servers = make([]*pb.RealServer, 40_000)
			for i := range v.Servers {
				v.Servers[i] = &pb.RealServer{Name: fmt.Sprintf("%0200d", i)}
			}
		}
		if err := send(v); err != nil {
			return err
		}
	}
	return f.err
}

func (f *fake) SetRealServer(_ context.Context, who string, r *pb.SetRealServerRequest) (*pb.SetRealServerResponse, error) {
	return &pb.SetRealServerResponse{Override: &pb.ServerOverride{Server: r.GetServer(), Who: who, Why: r.GetWhy()}}, f.err
}

func (f *fake) Watch(ctx context.Context, r *pb.WatchEventsRequest, send func(*pb.Event) error) error {
	for n := r.GetAfter() + 1; ; n++ {
		if err := send(&pb.Event{Sequence: n}); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

func (f *fake) CheckConfig(context.Context) (*pb.CheckConfigResponse, error) {
	return &pb.CheckConfigResponse{Startable: true}, f.err
}

func (f *fake) Reload(context.Context, *pb.ReloadRequest) (*pb.ReloadResponse, error) {
	return &pb.ReloadResponse{Generation: 2}, f.err
}

func (f *fake) Dump(_ context.Context, r *pb.DumpRequest, send func(*pb.DumpChunk) error) error {
	return errors.Join(send(&pb.DumpChunk{Data: []byte(r.GetKind().String())}), f.err)
}

// serve runs a server and gives a client of it.
func serve(t *testing.T, b Backend, log *slog.Logger) (*Client, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "aa")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	l, err := unixsock.Listen(path, unixsock.Access{})
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(b, log)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	c, err := Dial(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, path
}

func TestEveryCallCrosses(t *testing.T) {
	var log strings.Builder
	c, _ := serve(t, &fake{}, slog.New(slog.NewTextHandler(&lockedWriter{w: &log}, nil)))
	ctx := t.Context()
	if r, err := c.Status(ctx); err != nil || r.GetVersion() != "1" {
		t.Errorf("status %v, %v", r, err)
	}
	var got []string
	err := errors.Join(
		c.Instances(ctx, []string{"VI_1", "VI_2"}, func(v *pb.Instance) error { got = append(got, v.GetName()); return nil }),
		c.SyncGroups(ctx, func(v *pb.SyncGroup) error { got = append(got, v.GetName()); return nil }),
		c.Trackers(ctx, func(v *pb.Tracker) error { got = append(got, v.GetName()); return nil }),
		c.Dump(ctx, &pb.DumpRequest{Kind: pb.DumpKind_DUMP_KIND_STATS_CLEAR}, func(v *pb.DumpChunk) error { got = append(got, string(v.GetData())); return nil }),
	)
	if text := fmt.Sprint(got); err != nil || text != "[VI_1 VI_2 G1 chk DUMP_KIND_STATS_CLEAR]" {
		t.Errorf("got %s, %v", text, err)
	}
	got = nil
	if err := c.Services(ctx, []string{"[G1]:0"}, func(v *pb.VirtualServer) error { got = append(got, v.GetName()); return nil }); err != nil || fmt.Sprint(got) != "[[G1]:0]" {
		t.Errorf("services %q, %v", got, err)
	}
	if err := c.Services(ctx, []string{"big"}, func(v *pb.VirtualServer) error {
		if n := len(v.GetServers()); n != 40_000 {
			t.Errorf("%d servers", n)
		}
		return nil
	}); err != nil {
		t.Errorf("a virtual server with 40,000 real servers: %v", err)
	}
	name, ok := process.Accounts{}.Name(uint32(syscall.Getuid()))
	if !ok {
		name = fmt.Sprint("uid ", syscall.Getuid())
	}
	set, err := c.SetRealServer(ctx, &pb.SetRealServerRequest{Server: "10.0.0.1:80", Why: "update"})
	if v := set.GetOverride(); err != nil || v.GetServer() != "10.0.0.1:80" || v.GetWhy() != "update" || v.GetWho() != fmt.Sprintf("%s (pid %d)", name, os.Getpid()) {
		t.Errorf("set %v, %v", set, err)
	}
	if r, err := c.CheckConfig(ctx); err != nil || !r.GetStartable() {
		t.Errorf("check %v, %v", r, err)
	}
	if _, err := c.Reload(ctx, &pb.ReloadRequest{DryRun: true}); err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "Reload asked for by"); n != 0 {
		t.Errorf("a dry run is logged as a change")
	}
	if _, err := c.Reload(ctx, &pb.ReloadRequest{}); err != nil {
		t.Error(err)
	}
	for _, want := range []string{
		fmt.Sprintf("Reload asked for by pid %d uid %d", os.Getpid(), syscall.Getuid()),
		fmt.Sprintf("Clearing the counters asked for by pid %d", os.Getpid()),
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log %q lacks %q", log.String(), want)
		}
	}
	// A watcher that has had enough ends the stream on both sides.
	enough := errors.New("enough")
	n := uint64(0)
	if err := c.Watch(ctx, &pb.WatchEventsRequest{After: 7}, func(e *pb.Event) error {
		if n = e.GetSequence(); n == 20 {
			return enough
		}
		return nil
	}); !errors.Is(err, enough) || n != 20 {
		t.Errorf("watch ended at %d with %v", n, err)
	}
}

type lockedWriter struct {
	mu sync.Mutex
	w  *strings.Builder
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func TestErrorsKeepTheirMeaning(t *testing.T) {
	f := &fake{}
	c, _ := serve(t, f, slog.New(slog.DiscardHandler))
	f.err = &RefusedError{Reason: "(k.conf: Line 3) no", Diagnostics: []*pb.Diagnostic{{Summary: "no", Hint: "yes"}}}
	var refused *RefusedError
	if _, err := c.Reload(t.Context(), &pb.ReloadRequest{}); !errors.As(err, &refused) ||
		refused.Reason != "(k.conf: Line 3) no" || len(refused.Diagnostics) != 1 || refused.Diagnostics[0].GetHint() != "yes" {
		t.Errorf("refused: %#v", err)
	}
	for _, want := range []error{ErrUnavailable, ErrInvalid, context.Canceled, context.DeadlineExceeded} {
		f.err = fmt.Errorf("why: %w", want)
		if _, err := c.Status(t.Context()); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	f.err = fmt.Errorf("%w: why", ErrUnavailable)
	if _, err := c.Status(t.Context()); err == nil || err.Error() != "not available: why" {
		t.Errorf("got %q: said once is enough", err)
	}
	f.err = ErrUnavailable
	if _, err := c.Status(t.Context()); err == nil || err.Error() != "not available" {
		t.Errorf("got %q", err)
	}
	f.err = fmt.Errorf("looking: %w", &NotFoundError{"there is no service V"})
	var missing *NotFoundError
	if _, err := c.SetRealServer(t.Context(), &pb.SetRealServerRequest{}); !errors.As(err, &missing) || err.Error() != "there is no service V" {
		t.Errorf("got %#v", err)
	}
	f.err = errors.New("plain")
	if err := c.SyncGroups(t.Context(), func(*pb.SyncGroup) error { return nil }); err == nil || err.Error() != "plain" {
		t.Errorf("got %v, want plain", err)
	}
}

func TestDialErrors(t *testing.T) {
	c, path := serve(t, &fake{}, slog.New(slog.DiscardHandler))
	if _, err := c.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), path+".none"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("no socket: %v", err)
	}
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path + ".dead"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	_ = dead.Close()
	if _, err := Dial(t.Context(), path+".dead"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("a dead socket: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := c.Status(ctx); err != nil {
		t.Errorf("the connection: %v", err)
	}
}
