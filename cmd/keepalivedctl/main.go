// Command keepalivedctl asks a running keepalived on its socket and tells it what to do.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"keepalived/core/config"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
)

// Exit statuses: for monitoring, 0 and 1 are answers, 2 is the absence of one.
const (
	exitHealthy  = 0
	exitDegraded = 1 // also: refused
	exitNoAnswer = 2
	exitUsage    = 64
)

// admin is what the commands need of the daemon.
type admin interface {
	Status(ctx context.Context) (*pb.GetStatusResponse, error)
	Instances(ctx context.Context, names []string, each func(*pb.Instance) error) error
	SyncGroups(ctx context.Context, each func(*pb.SyncGroup) error) error
	Trackers(ctx context.Context, each func(*pb.Tracker) error) error
	Services(ctx context.Context, names []string, each func(*pb.VirtualServer) error) error
	SetRealServer(ctx context.Context, r *pb.SetRealServerRequest) (*pb.SetRealServerResponse, error)
	Watch(ctx context.Context, r *pb.WatchEventsRequest, each func(*pb.Event) error) error
	CheckConfig(ctx context.Context) (*pb.CheckConfigResponse, error)
	Reload(ctx context.Context, r *pb.ReloadRequest) (*pb.ReloadResponse, error)
	Dump(ctx context.Context, r *pb.DumpRequest, each func(*pb.DumpChunk) error) error
	Close() error
}

// session is one call of the program.
type session struct {
	socket  string
	timeout time.Duration
	in      io.Reader
	out     io.Writer
	err     io.Writer
	now     func() time.Time
	dial    func(ctx context.Context, socket string) (admin, error)
	status  int
	// keywords are made when a configuration is first looked at.
	keywords *config.Schema
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := &session{in: os.Stdin, out: os.Stdout, err: os.Stderr, now: time.Now, dial: func(ctx context.Context, socket string) (admin, error) {
		return adminapi.Dial(ctx, socket)
	}}
	os.Exit(s.main(ctx, os.Args[1:]))
}

// main runs one command line and returns the exit status.
func (s *session) main(ctx context.Context, args []string) int {
	root := s.command()
	root.SetArgs(args)
	root.SetOut(s.out)
	root.SetErr(s.err)
	err := root.ExecuteContext(ctx)
	var usage *usageError
	var refused *adminapi.RefusedError
	var missing *adminapi.NotFoundError
	switch {
	case err == nil:
		return s.status
	case errors.As(err, &usage):
		s.complain("%v (see keepalivedctl --help)", err)
		return exitUsage
	case errors.As(err, &missing), errors.Is(err, adminapi.ErrInvalid):
		s.complain("%v", err)
		return exitUsage
	case errors.As(err, &refused):
		printRefusal(s.err, refused)
		return exitDegraded
	case ctx.Err() != nil:
		s.complain("interrupted")
	case errors.Is(err, context.DeadlineExceeded):
		s.complain("no answer within %s; the daemon may still be at it (--timeout waits longer)", s.timeout)
	case errors.Is(err, context.Canceled):
		s.complain("the daemon has hung up")
	default:
		s.complain("%v", err)
	}
	return exitNoAnswer
}

func (s *session) complain(format string, args ...any) {
	fmt.Fprintln(s.err, "keepalivedctl: "+safe(fmt.Sprintf(format, args...)))
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

func (s *session) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "keepalivedctl",
		Short: "Ask a running keepalived and tell it what to do; look at configurations",
		Long: `keepalivedctl asks a running keepalived on its socket and tells it what to do.
Root and the members of group keepalived may use it. config looks at configuration
files and needs neither a daemon nor any right but to read them.

Exit status: 0 healthy or done, 1 degraded or refused, 2 no answer,
64 a command line that makes no sense.`,
		SilenceErrors: true, SilenceUsage: true,
		// A flag belongs to the command it stands behind: drain has a --timeout of its own.
		TraverseChildren: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if s.timeout <= 0 {
				return usagef("--timeout %s: want more than 0", s.timeout)
			}
			return nil
		},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q", args[0])
			}
			return usagef("which command?")
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // never: Args refuses
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.PersistentFlags().StringVar(&s.socket, "socket", adminapi.Socket, "the daemon's socket")
	root.PersistentFlags().DurationVar(&s.timeout, "timeout", 10*time.Second, "how long to wait for the daemon's answer")
	root.AddCommand(s.statusCmd(), s.eventsCmd(), s.serverCmd(), s.reloadCmd(), s.dumpCmd(), s.checkCmd(), s.configCmd(), s.versionCmd())
	return root
}

// ask runs f with a connection to the daemon, both within the time limit.
func (s *session) ask(cmd *cobra.Command, f func(ctx context.Context, c admin) error) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), s.timeout)
	defer cancel()
	c, err := s.dial(ctx, s.socket)
	if err != nil {
		return err
	}
	defer c.Close()
	return f(ctx, c)
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no argument, got %q", cmd.Name(), args)
	}
	return nil
}
