package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
)

func (s *session) reloadCmd() *cobra.Command {
	dryRun := false
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Read the configuration file and put it in force, or say why not",
		Long: `reload has the daemon read its configuration file. A file that could not run is
refused as a whole and the configuration in force stays; the exit status is 1 then.
What is merely wrong is told, skipped or replaced by its default, and the rest is
put in force. Instances that have not changed are not touched.

--dry-run changes nothing and tells what a reload would change: each keyword from what
to what, what that does, and what becomes of the instance. Passwords are not printed.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var r *pb.ReloadResponse
			err := s.ask(cmd, func(ctx context.Context, c admin) (err error) {
				r, err = c.Reload(ctx, &pb.ReloadRequest{DryRun: dryRun})
				return err
			})
			if err != nil {
				return err
			}
			printDiagnostics(s.err, r.GetDiagnostics())
			if err := printReload(s.out, r, dryRun); err != nil {
				return err
			}
			return writeChanges(s.out, ofReload(r))
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only print what would change, and how")
	return cmd
}

func (s *session) checkCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Read the daemon's configuration file without using it; exit status as keepalived -t",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var r *pb.CheckConfigResponse
			err := s.ask(cmd, func(ctx context.Context, c admin) (err error) {
				r, err = c.CheckConfig(ctx)
				return err
			})
			if err != nil {
				return err
			}
			printDiagnostics(s.out, r.GetDiagnostics())
			s.status = int(r.GetExitStatus())
			_, err = fmt.Fprintln(s.out, checkText(r))
			return err
		},
	}
}

// checkText is the verdict on a configuration file.
func checkText(r *pb.CheckConfigResponse) string {
	switch {
	case !r.GetStartable():
		return "it cannot run: a reload would be refused"
	case r.GetSameAsRunning():
		return "it is the configuration in force"
	}
	return "a reload would put it in force (reload --dry-run tells what that changes)"
}

// printReload tells what a reload did, or would do.
func printReload(w io.Writer, r *pb.ReloadResponse, dryRun bool) error {
	b := &strings.Builder{}
	if dryRun {
		fmt.Fprintln(b, "nothing was changed; a reload would do this:")
	} else {
		fmt.Fprintf(b, "reloaded, generation %d%s\n", r.GetGeneration(), prefixed(", in ", age(r.GetTook())))
	}
	for _, p := range r.GetPlans() {
		text := fmt.Sprintf("  %s: %d kept", roleWord(p.GetRole()), p.GetKept())
		for _, part := range []struct {
			word  string
			names []string
		}{{"changed", p.GetChanged()}, {"restarted", p.GetRestarted()}, {"removed", p.GetRemoved()}, {"added", p.GetAdded()}} {
			if len(part.names) > 0 {
				text += fmt.Sprintf(", %d %s (%s)", len(part.names), part.word, strings.Join(part.names, " "))
			}
		}
		line(b, "%s", text)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// printRefusal tells why a configuration is not used; the old one is still in force.
func printRefusal(w io.Writer, r *adminapi.RefusedError) {
	printDiagnostics(w, r.Diagnostics)
	line(w, "keepalivedctl: refused: %s", r.Reason)
	fmt.Fprintln(w, "The configuration in force is unchanged.")
}

func printDiagnostics(w io.Writer, list []*pb.Diagnostic) {
	for _, d := range list {
		line(w, "%s", diagnosticLine(d))
	}
}

// diagnosticLine is file:line:col: severity: text (hint).
func diagnosticLine(d *pb.Diagnostic) string {
	place := ""
	if p := d.GetSubject().GetStart(); p.GetLine() > 0 {
		place = fmt.Sprintf("%s:%d:%d: ", p.GetFile(), p.GetLine(), p.GetColumn())
	}
	text := place + severity(d.GetSeverity()) + ": " + d.GetSummary()
	var more []string
	if d.GetExpected() != "" {
		more = append(more, "expected "+d.GetExpected())
	}
	if d.GetSuggest() != "" {
		more = append(more, "did you mean '"+d.GetSuggest()+"'?")
	}
	if d.GetHint() != "" {
		more = append(more, d.GetHint())
	}
	if len(more) > 0 {
		text += " (" + strings.Join(more, "; ") + ")"
	}
	return text
}

// severity is what keepalived -t calls it: error is what keeps it from running.
func severity(s pb.Severity) string {
	switch s {
	case pb.Severity_SEVERITY_NOTICE:
		return "note"
	case pb.Severity_SEVERITY_FATAL:
		return "error"
	}
	return "warning"
}
