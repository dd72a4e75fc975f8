package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"keepalived/core/process"
	pb "keepalived/proto/keepalived/v1"
)

// dumpKinds are the dumps by the names of their files.
var dumpKinds = map[string]pb.DumpKind{
	"data": pb.DumpKind_DUMP_KIND_DATA, "stats": pb.DumpKind_DUMP_KIND_STATS, "json": pb.DumpKind_DUMP_KIND_JSON,
}

func (s *session) dumpCmd() *cobra.Command {
	toFiles, checks := false, false
	cmd := &cobra.Command{
		Use:       "dump [data|stats|json]",
		Short:     "Print a state dump, as the signals USR1, USR2 and 36 write them",
		ValidArgs: []string{"data", "stats", "json"},
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 || len(args) == 1 && dumpKinds[args[0]] == 0 {
				return usagef("dump what? want data, stats or json, got %q", args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r := &pb.DumpRequest{Kind: dumpKinds[slices.Concat(args, []string{"data"})[0]], Target: pb.DumpTarget_DUMP_TARGET_STREAM}
			if toFiles {
				r.Target = pb.DumpTarget_DUMP_TARGET_FILES
			}
			if checks && (r.Kind != pb.DumpKind_DUMP_KIND_JSON || toFiles) {
				return usagef("--checks is about what json prints")
			}
			// All of it is read before any is written: whoever reads this program's
			// output may be slow, and that is not the daemon's matter.
			var out, ofChecks bytes.Buffer
			err := s.ask(cmd, func(ctx context.Context, c admin) error {
				return c.Dump(ctx, r, func(chunk *pb.DumpChunk) error {
					if chunk.GetPath() != "" {
						fmt.Fprintln(&out, chunk.GetPath())
					}
					to := &out
					// Two JSON documents one after the other would be none.
					if r.GetKind() == pb.DumpKind_DUMP_KIND_JSON && chunk.GetRole() == pb.Role_ROLE_CHECKER {
						to = &ofChecks
					}
					to.Write(chunk.GetData())
					return nil
				})
			})
			if err != nil {
				return err
			}
			if checks || out.Len() == 0 {
				out = ofChecks
			}
			_, err = s.out.Write(out.Bytes())
			return err
		},
	}
	cmd.Flags().BoolVar(&checks, "checks", false, "with json: the virtual servers (keepalived_check.json) instead of the instances")
	cmd.Flags().BoolVar(&toFiles, "files", false, "write the files that the signals write and print their names")
	return cmd
}

func (s *session) versionCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Versions of this program and of the daemon",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			fmt.Fprintf(s.out, "keepalivedctl %s\n", process.Version())
			var r *pb.GetStatusResponse
			err := s.ask(cmd, func(ctx context.Context, c admin) (err error) {
				r, err = c.Status(ctx)
				return err
			})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(s.out, safe(fmt.Sprintf("keepalived %s (compatible with %s)", r.GetVersion(), r.GetCompat())))
			return err
		},
	}
}
