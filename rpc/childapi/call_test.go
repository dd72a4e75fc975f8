package childapi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	pb "keepalived/proto/keepalived/v1"
)

func dumpCommand() *pb.ServeResponse {
	return &pb.ServeResponse{Command: &pb.ServeResponse_Dump{Dump: &pb.DumpCommand{}}}
}

func dumpPart(size int) *pb.ServeRequest {
	return &pb.ServeRequest{Answer: &pb.ServeRequest_Dump{Dump: &pb.DumpPart{Data: make([]byte, size)}}}
}

// TestBigAnswer: a virtual server and all of its real servers are one message.
func TestBigAnswer(t *testing.T) {
	p := newParent(t, socketPath(t))
	newKid(t, p.boot(), func(_ context.Context, _ *pb.ServeResponse, send func(*pb.ServeRequest) error) error {
		return send(&pb.ServeRequest{Answer: &pb.ServeRequest_Service{Service: &pb.VirtualServer{TableError: strings.Repeat("x", 16<<20)}}})
	})
	big := 0
	if err := p.session(1).Call(t.Context(), &pb.ServeResponse{Command: &pb.ServeResponse_ListServices{}}, func(m *pb.ServeRequest) error {
		big = len(m.GetService().GetTableError())
		return nil
	}); err != nil || big != 16<<20 {
		t.Errorf("a virtual server of 16 MiB: %d, %v", big, err)
	}
}

func TestCalls(t *testing.T) {
	p := newParent(t, socketPath(t))
	cancelled := make(chan struct{}, 2*maxCommands)
	newKid(t, p.boot(), func(ctx context.Context, cmd *pb.ServeResponse, send func(*pb.ServeRequest) error) error {
		switch {
		case cmd.GetDump() != nil:
			for range 100 {
				if err := send(dumpPart(64 << 10)); err != nil {
					return err
				}
			}
			return nil
		case cmd.GetListInstances() != nil:
			<-ctx.Done()
			cancelled <- struct{}{}
			return ctx.Err()
		case cmd.GetSetServer() != nil:
			return fmt.Errorf("setting: %w", &NotFoundError{"there is no such server"})
		default:
			return errors.New("caf\xe9")
		}
	})
	s := p.session(1)

	n := 0
	if err := s.Call(t.Context(), dumpCommand(), func(m *pb.ServeRequest) error {
		n += len(m.GetDump().GetData())
		return nil
	}); err != nil || n != 100*64<<10 {
		t.Errorf("%d octets, %v; want %d", n, err, 100*64<<10)
	}

	enough := errors.New("enough")
	if err := s.Call(t.Context(), dumpCommand(), func(*pb.ServeRequest) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("a reader that gives up: %v", err)
	}
	if err := s.Call(t.Context(), &pb.ServeResponse{Command: &pb.ServeResponse_ListTrackers{}}, nil); err == nil || err.Error() != "VRRP child: caf\uFFFD" {
		t.Errorf("an answer that is an error: %v", err)
	}

	var none *NotFoundError
	if err := s.Call(t.Context(), &pb.ServeResponse{Command: &pb.ServeResponse_SetServer{}}, nil); !errors.As(err, &none) || err.Error() != "setting: there is no such server" {
		t.Errorf("what is not there: %#v", err)
	}

	hang := func() *pb.ServeResponse {
		return &pb.ServeResponse{Command: &pb.ServeResponse_ListInstances{ListInstances: &pb.ListInstancesCommand{}}}
	}
	// Cancelled here, and by the deadline.
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if err := s.Call(ctx, hang(), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	<-cancelled
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Call(ctx, hang(), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("at its deadline: %v", err)
	}
	<-cancelled

	// More at a time than a child answers: refused, not queued.
	ctx, cancel = context.WithCancel(t.Context())
	results := make(chan error, maxCommands+5)
	for range maxCommands + 5 {
		go func() { results <- s.Call(ctx, hang(), nil) }()
	}
	for range 5 {
		if err := <-results; err == nil || err.Error() != "VRRP child: too many commands at a time" {
			t.Errorf("over the limit: %v", err)
		}
	}
	cancel()
	for range maxCommands {
		<-results
	}
}

// TestSlowReader: who does not read an answer makes neither the child wait nor the
// parent grow without bound.
func TestSlowReader(t *testing.T) {
	p := newParent(t, socketPath(t))
	var sent atomic.Int64
	over := make(chan error, 1)
	newKid(t, p.boot(), func(_ context.Context, cmd *pb.ServeResponse, send func(*pb.ServeRequest) error) error {
		if cmd.GetDump() == nil {
			return nil
		}
		for {
			if err := send(dumpPart(64 << 10)); err != nil {
				over <- err
				return err
			}
			sent.Add(64 << 10)
		}
	})
	s := p.session(1)
	stuck, stop := make(chan struct{}), make(chan error, 1)
	first := true
	go func() {
		stop <- s.Call(context.Background(), dumpCommand(), func(*pb.ServeRequest) error {
			if first {
				first = false
				<-stuck
			}
			return nil
		})
	}()
	// Others get their answers meanwhile.
	for range 50 {
		if err := s.Call(t.Context(), &pb.ServeResponse{Command: &pb.ServeResponse_ListTrackers{}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	for began := time.Now(); ; {
		s.mu.Lock()
		var done bool
		for _, c := range s.calls {
			done = done || c.done
		}
		s.mu.Unlock()
		if done {
			break
		}
		if time.Since(began) > 20*time.Second {
			t.Fatalf("%d octets sent and no end", sent.Load())
		}
		time.Sleep(time.Millisecond)
	}
	close(stuck)
	if err := <-stop; !errors.Is(err, ErrTooSlow) {
		t.Errorf("the slow reader: %v, want ErrTooSlow", err)
	}
	if err := <-over; !errors.Is(err, context.Canceled) {
		t.Errorf("the child: %v, want its context to be cancelled", err)
	}
}

func TestBoot(t *testing.T) {
	b := Boot{Role: Checker, Token: "t\"", Socket: "/run/a,b/s", ParentPID: os.Getppid(), Generation: 4, Restarts: 2, Handover: true}
	name, value, _ := cut(b.Environ())
	if name != BootVariable {
		t.Errorf("variable %q", name)
	}
	t.Setenv(BootVariable, value)
	got, child, err := TakeBoot()
	if err != nil || !child || got != b {
		t.Errorf("got %+v, %v, %v; want %+v", got, child, err, b)
	}
	if _, ok := os.LookupEnv(BootVariable); ok {
		t.Error("scripts would inherit the token")
	}
	if _, child, err := TakeBoot(); child || err != nil {
		t.Errorf("in a parent: %v, %v", child, err)
	}
	b.ParentPID++
	_, value, _ = cut(b.Environ())
	t.Setenv(BootVariable, value)
	if _, child, err := TakeBoot(); !child || !errors.Is(err, ErrOrphan) {
		t.Errorf("of a parent that is gone: %v, %v; want ErrOrphan", child, err)
	}
	if b.ParentAlive() {
		t.Error("a parent that is gone is alive")
	}
	t.Setenv(BootVariable, "{")
	if _, child, err := TakeBoot(); !child || err == nil {
		t.Errorf("of garbage: %v, %v", child, err)
	}
}

func cut(s string) (name, value string, ok bool) {
	for i := range s {
		if s[i] == '=' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

func TestExitingParent(t *testing.T) {
	t.Parallel()
	tail := " 1 1 1 0 -1 %d 100 0"
	tests := []struct {
		name string
		stat string
		want bool
	}{
		{"running", "10 (keepalived) S" + fmt.Sprintf(tail, 0x400100), false},
		{"exiting, still shown as running", "10 (keepalived) R" + fmt.Sprintf(tail, 0x40010c), true},
		{"a zombie", "10 (keepalived) Z" + fmt.Sprintf(tail, 0), true},
		{"a name that looks like more", "10 (a) Z 1 1) S" + fmt.Sprintf(tail, 0x400100), false},
		{"cut short", "10 (a) S 1", false},
		{"empty", "", false},
	}
	for _, tt := range tests {
		if got := exiting([]byte(tt.stat)); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
