package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "keepalived/proto/keepalived/v1"
)

func (s *session) serverCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Drain, disable, enable or weigh a real server at run time",
		Long: `server takes a real server out, puts it back or gives it another weight, at once.
That stays in force over reloads and restarts of the healthchecker process, until
it is undone or the daemon ends. status tells who has set what, why and until when.

SERVICE and SERVER are named as status shows them, or ADDRESS:PORT; a service also
"fwmark N" or by the name of its group.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("server cannot %q: drain, disable, enable or weight", args[0])
			}
			return usagef("server what? drain, disable, enable or weight")
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // never: Args refuses
	}
	cmd.AddCommand(s.drainCmd(), s.disableCmd(), s.enableCmd(), s.weightCmd())
	return cmd
}

// change is one of the commands below `server`.
func (s *session) change(use, short, long string, operands int, run func(ctx context.Context, r *pb.SetRealServerRequest, args []string) error) *cobra.Command {
	r := &pb.SetRealServerRequest{}
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != operands {
				return usagef("server %s: got %d words, want: %s", cmd.Name(), len(args), cmd.Use)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r.Service, r.Server = args[0], args[1]
			return run(cmd.Context(), r, args[2:])
		},
		ValidArgsFunction: s.complete,
	}
	cmd.Flags().StringVar(&r.Why, "why", "", "the reason, for the log and for who looks at the status (at most 256 octets)")
	return cmd
}

func (s *session) drainCmd() *cobra.Command {
	var limit time.Duration
	wait := false
	cmd := s.change("drain SERVICE SERVER", "Let no new connections come; disable the server when the last one has ended",
		`drain gives a real server weight 0, so that no new connections come to it, and
disables it when the last one has ended or the time is over. The --timeout of this
command is that time; how long to wait for the daemon's answer is said before the
command: keepalivedctl --timeout 3s server drain …`, 2,
		func(ctx context.Context, r *pb.SetRealServerRequest, _ []string) error {
			if limit < 0 {
				return usagef("--timeout %s: want more than 0", limit)
			}
			r.Action = &pb.SetRealServerRequest_Drain{Drain: &pb.Drain{Timeout: durationpb.New(limit)}}
			return s.set(ctx, r, wait)
		})
	cmd.Flags().DurationVar(&limit, "timeout", 0, "disable the server after this time at the latest, as 10m; 0: no limit")
	cmd.Flags().BoolVar(&wait, "wait", false, "end only when the server is drained (exit status 0), or will not be (1)")
	return cmd
}

func (s *session) disableCmd() *cobra.Command {
	return s.change("disable SERVICE SERVER", "Remove the server at once",
		`disable removes a real server from ip_vs at once; with inhibit_on_failure it stays
with weight 0.`, 2,
		func(ctx context.Context, r *pb.SetRealServerRequest, _ []string) error {
			r.Action = &pb.SetRealServerRequest_Disable{Disable: &pb.Disable{}}
			return s.set(ctx, r, false)
		})
}

func (s *session) enableCmd() *cobra.Command {
	return s.change("enable SERVICE SERVER", "Undo drain and disable",
		`enable undoes drain and disable: the checkers decide again. A weight that was set
stays.`, 2,
		func(ctx context.Context, r *pb.SetRealServerRequest, _ []string) error {
			r.Action = &pb.SetRealServerRequest_Enable{Enable: &pb.Enable{}}
			return s.set(ctx, r, false)
		})
}

func (s *session) weightCmd() *cobra.Command {
	return s.change("weight SERVICE SERVER N|reset", "Give the server another weight than the configured one",
		`weight replaces the configured weight of a real server; what checkers add to it or
take from it still counts. reset brings the configured one back.`, 3,
		func(ctx context.Context, r *pb.SetRealServerRequest, args []string) error {
			if args[0] == "reset" {
				r.Action = &pb.SetRealServerRequest_ResetWeight{ResetWeight: &pb.ResetWeight{}}
				return s.set(ctx, r, false)
			}
			n, err := strconv.ParseUint(args[0], 10, 31)
			if err != nil {
				return usagef("weight %q: want a number of 0 to 2147483647, or reset", args[0])
			}
			r.Action = &pb.SetRealServerRequest_Weight{Weight: uint32(n)}
			return s.set(ctx, r, false)
		})
}

// set has the daemon make the change and tells what is in force then.
func (s *session) set(ctx context.Context, r *pb.SetRealServerRequest, wait bool) error {
	asking, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	c, err := s.dial(asking, s.socket)
	if err != nil {
		return err
	}
	defer c.Close()
	before := uint64(0)
	if wait {
		// Events are watched from here on, so that none is lost between.
		status, err := c.Status(asking)
		if err != nil {
			return err
		}
		before = status.GetEventSequence()
	}
	done, err := c.SetRealServer(asking, r)
	if err != nil {
		return err
	}
	o := done.GetOverride()
	text := overrideText(o)
	if text == "" {
		text = "no override: the configuration and the checkers decide"
	}
	line(s.out, "server %s of %s: %s", o.GetServerName(), o.GetServiceName(), text)
	if !wait || o.GetMode() != pb.ServerMode_SERVER_MODE_DRAINING {
		return nil
	}
	return s.waitDrained(ctx, c, o, before)
}

// errSettled ends a watch.
type errSettled struct {
	status int
	text   string
}

func (e *errSettled) Error() string { return e.text }

// waitDrained watches until an override is no longer that of a server which drains.
func (s *session) waitDrained(ctx context.Context, c admin, o *pb.ServerOverride, after uint64) error {
	look := func(now *pb.ServerOverride, why string) error {
		switch now.GetMode() {
		case pb.ServerMode_SERVER_MODE_DRAINING:
			return nil
		case pb.ServerMode_SERVER_MODE_DISABLED:
			return &errSettled{exitHealthy, "disabled" + prefixed(": ", why)}
		}
		return &errSettled{exitDegraded, "does not drain any more" + prefixed(": ", why)}
	}
	same := func(x *pb.ServerOverride) bool {
		return x.GetService() == o.GetService() && x.GetServer() == o.GetServer()
	}
	err := c.Watch(ctx, &pb.WatchEventsRequest{Resume: true, After: after}, func(e *pb.Event) error {
		switch {
		case e.GetMissed() != nil:
			status, err := c.Status(ctx)
			if err != nil {
				return err
			}
			for _, x := range status.GetOverrides() {
				if same(x) {
					return look(x, "")
				}
			}
			return look(nil, "")
		case !same(e.GetOverride().GetOverride()), e.GetOverride().GetOverride().GetRevision() < o.GetRevision():
			return nil
		case e.GetOverride().GetRemoved():
			return look(nil, e.GetOverride().GetCause())
		}
		return look(e.GetOverride().GetOverride(), e.GetOverride().GetCause())
	})
	settled, ok := err.(*errSettled)
	switch {
	case ok:
		line(s.out, "server %s of %s: %s", o.GetServerName(), o.GetServiceName(), settled.text)
		s.status = settled.status
		return nil
	case err == nil:
		return fmt.Errorf("the daemon has ended the stream")
	}
	return err
}

// complete offers the services, then the servers of the one named.
func (s *session) complete(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var out []string
	if len(args) < 2 {
		_ = s.ask(cmd, func(ctx context.Context, c admin) error { // who cannot be asked offers nothing
			return c.Services(ctx, args, func(v *pb.VirtualServer) error {
				if len(args) == 0 {
					out = append(out, v.GetName())
					return nil
				}
				for _, x := range v.GetServers() {
					out = append(out, x.GetName())
				}
				return nil
			})
		})
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
