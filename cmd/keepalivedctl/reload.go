package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/adminapi"
)

// printReload tells what a reload did, or would do.
func printReload(out, errs io.Writer, r *pb.ReloadResponse, dryRun bool) {
	for _, d := range r.GetDiagnostics() {
		fmt.Fprintln(errs, diagnosticLine(d))
	}
	if dryRun {
		fmt.Fprintln(out, "nothing was changed; a reload would do this:")
	} else {
		fmt.Fprintf(out, "reloaded, generation %d, in %s\n", r.GetGeneration(), age(r.GetTook()))
	}
	for _, p := range r.GetPlans() {
		fmt.Fprintf(out, "%s: %d kept", roleWord(p.GetRole()), p.GetKept())
		for _, part := range []struct {
			word  string
			names []string
		}{{"changed", p.GetChanged()}, {"restarted", p.GetRestarted()}, {"removed", p.GetRemoved()}, {"added", p.GetAdded()}} {
			if len(part.names) > 0 {
				fmt.Fprintf(out, ", %s %s", part.word, strings.Join(part.names, " "))
			}
		}
		fmt.Fprintln(out)
	}
}

// printRefusal tells why a configuration is not used; the old one is still in force.
func printRefusal(w io.Writer, r *adminapi.RefusedError) {
	for _, d := range r.Diagnostics {
		fmt.Fprintln(w, diagnosticLine(d))
	}
	fmt.Fprintf(w, "keepalivedctl: refused: %s\nThe configuration in force is unchanged.\n", r.Reason)
}

// diagnosticLine is file:line:col: severity: text (hint).
func diagnosticLine(d *pb.Diagnostic) string {
	var b strings.Builder
	if p := d.GetSubject().GetStart(); p.GetLine() > 0 {
		fmt.Fprintf(&b, "%s:%d:%d: ", p.GetFile(), p.GetLine(), p.GetColumn())
	}
	severity := strings.ToLower(word(d.GetSeverity().String(), "SEVERITY_"))
	fmt.Fprintf(&b, "%s: %s%s", severity, d.GetSummary(), prefixed(" - ", d.GetHint()))
	return b.String()
}

// dumpCommand prints a dump, or has the files written.
func dumpCommand(ctx context.Context, c admin, w io.Writer, kind pb.DumpKind, toFiles bool) error {
	r := &pb.DumpRequest{Kind: kind, Target: pb.DumpTarget_DUMP_TARGET_STREAM}
	if toFiles {
		r.Target = pb.DumpTarget_DUMP_TARGET_FILES
	}
	return c.Dump(ctx, r, func(chunk *pb.DumpChunk) error {
		var err error
		if chunk.GetPath() != "" {
			_, err = fmt.Fprintln(w, chunk.GetPath())
		} else {
			_, err = w.Write(chunk.GetData())
		}
		return err
	})
}
