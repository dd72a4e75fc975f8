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

	"keepalived/core/process"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
)

// Exit statuses: for monitoring, 0 and 1 are answers, 2 is the absence of one.
const (
	exitHealthy     = 0
	exitDegraded    = 1
	exitUnreachable = 2
	exitUsage       = 64
)

// admin is what the commands need of the daemon.
type admin interface {
	Status(ctx context.Context) (*pb.GetStatusResponse, error)
	Instances(ctx context.Context, names []string, each func(*pb.Instance) error) error
	SyncGroups(ctx context.Context, each func(*pb.SyncGroup) error) error
	Trackers(ctx context.Context, each func(*pb.Tracker) error) error
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
	json    bool
	out     io.Writer
	err     io.Writer
	dial    func(ctx context.Context, socket string) (admin, error)
	status  int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := &session{out: os.Stdout, err: os.Stderr, dial: func(ctx context.Context, socket string) (admin, error) {
		return adminapi.Dial(ctx, socket)
	}}
	os.Exit(s.main(ctx, os.Args[1:]))
}

func (s *session) main(ctx context.Context, args []string) int {
	root := s.command()
	root.SetArgs(args)
	root.SetOut(s.out)
	root.SetErr(s.err)
	err := root.ExecuteContext(ctx)
	var usage *usageError
	var refused *adminapi.RefusedError
	switch {
	case err == nil:
		return s.status
	case errors.Is(err, context.Canceled):
		return s.status
	case errors.As(err, &refused):
		printRefusal(s.err, refused)
		return exitDegraded
	case errors.Is(err, adminapi.ErrNotRunning), errors.Is(err, adminapi.ErrForbidden), errors.Is(err, adminapi.ErrUnavailable),
		errors.Is(err, context.DeadlineExceeded):
		fmt.Fprintf(s.err, "keepalivedctl: %v\n", err)
		return exitUnreachable
	case errors.As(err, &usage):
		fmt.Fprintf(s.err, "keepalivedctl: %v\n", err)
		return exitUsage
	default:
		fmt.Fprintf(s.err, "keepalivedctl: %v\n", err)
		return exitDegraded
	}
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

func (s *session) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "keepalivedctl",
		Short:         "Ask a running keepalived and tell it what to do",
		SilenceErrors: true, SilenceUsage: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.PersistentFlags().StringVar(&s.socket, "socket", adminapi.Socket, "the daemon's socket")
	root.PersistentFlags().DurationVar(&s.timeout, "timeout", 10*time.Second, "how long to wait for the daemon (not for events)")
	root.AddCommand(s.statusCmd(), s.eventsCmd(), s.reloadCmd(), s.dumpCmd(), s.checkCmd(), s.versionCmd())
	return root
}

// run wraps a command that talks to the daemon within the time limit.
func (s *session) run(f func(ctx context.Context, c admin, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx, cancel := context.WithTimeout(cmd.Context(), s.timeout)
		defer cancel()
		return s.with(ctx, func(c admin) error { return f(ctx, c, args) })
	}
}

func (s *session) with(ctx context.Context, f func(admin) error) error {
	c, err := s.dial(ctx, s.socket)
	if err != nil {
		return err
	}
	defer c.Close()
	return f(c)
}

func (s *session) statusCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "status", Short: "Processes, instances and what they track; exit status 0 healthy, 1 degraded, 2 unreachable", Args: noArgs,
		RunE: s.run(func(ctx context.Context, c admin, _ []string) (err error) {
			s.status, err = statusCommand(ctx, c, s.out, s.json)
			return err
		}),
	}
	cmd.Flags().BoolVar(&s.json, "json", false, "write one JSON object")
	return cmd
}

func (s *session) eventsCmd() *cobra.Command {
	noSnapshot := false
	cmd := &cobra.Command{
		Use: "events", Short: "Print the present state, then every change with its cause, until interrupted", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.with(cmd.Context(), func(c admin) error { return eventsCommand(cmd.Context(), c, s.out, s.json, noSnapshot) })
		},
	}
	cmd.Flags().BoolVar(&s.json, "json", false, "write one JSON object a line")
	cmd.Flags().BoolVar(&noSnapshot, "no-snapshot", false, "only changes from now on")
	return cmd
}

func (s *session) reloadCmd() *cobra.Command {
	dryRun := false
	cmd := &cobra.Command{
		Use: "reload", Short: "Read the configuration file and put it in force, or say why not", Args: noArgs,
		RunE: s.run(func(ctx context.Context, c admin, _ []string) error {
			r, err := c.Reload(ctx, &pb.ReloadRequest{DryRun: dryRun})
			if err == nil {
				printReload(s.out, s.err, r, dryRun)
			}
			return err
		}),
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only print what would change")
	return cmd
}

func (s *session) dumpCmd() *cobra.Command {
	toFiles := false
	cmd := &cobra.Command{
		Use: "dump [data|stats|json]", Short: "Print a state dump, as the signals USR1, USR2 and 36 write them", Args: cobra.MaximumNArgs(1),
		ValidArgs: []string{"data", "stats", "json"},
		RunE: s.run(func(ctx context.Context, c admin, args []string) error {
			kinds := map[string]pb.DumpKind{"data": pb.DumpKind_DUMP_KIND_DATA, "stats": pb.DumpKind_DUMP_KIND_STATS, "json": pb.DumpKind_DUMP_KIND_JSON}
			name := "data"
			if len(args) > 0 {
				name = args[0]
			}
			kind, ok := kinds[name]
			if !ok {
				return &usageError{fmt.Errorf("there is no dump %q: want data, stats or json", name)}
			}
			return dumpCommand(ctx, c, s.out, kind, toFiles)
		}),
	}
	cmd.Flags().BoolVar(&toFiles, "files", false, "write the files that the signals write and print their names")
	return cmd
}

func (s *session) checkCmd() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Read the daemon's configuration file without using it; exit status as keepalived -t", Args: noArgs,
		RunE: s.run(func(ctx context.Context, c admin, _ []string) error {
			r, err := c.CheckConfig(ctx)
			if err != nil {
				return err
			}
			for _, d := range r.GetDiagnostics() {
				fmt.Fprintln(s.out, diagnosticLine(d))
			}
			s.status = int(r.GetExitStatus())
			return nil
		}),
	}
}

func (s *session) versionCmd() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Versions of this program and of the daemon", Args: noArgs,
		RunE: s.run(func(ctx context.Context, c admin, _ []string) error {
			fmt.Fprintf(s.out, "keepalivedctl %s\n", process.Version())
			r, err := c.Status(ctx)
			if err == nil {
				fmt.Fprintf(s.out, "keepalived %s (compatible with %s)\n", r.GetVersion(), r.GetCompat())
			}
			return err
		}),
	}
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &usageError{fmt.Errorf("%s takes no argument, got %q", cmd.Name(), args)}
	}
	return nil
}
