package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"keepalived/cmd/internal/dialect"
	"keepalived/cmd/internal/machine"
	"keepalived/core/config"
	"keepalived/core/config/files"
	"keepalived/core/diag"
	"keepalived/core/logging"
	"keepalived/core/process"
)

// reading is one reading of the configuration with everything that was found.
type reading struct {
	dialect.Result
	tree  *config.Tree
	diags diag.List
	// texts are the sources to show with diags; nil when there are none.
	texts func() map[string][]byte
}

// file returns the configuration file's name.
func (o *options) file() string {
	if o.configFile == "" {
		return defaultConfig
	}
	return o.configFile
}

// environment is what the configuration text may ask about this machine.
func (o *options) environment() config.Env {
	env := machine.Env(o.configID)
	if o.allConfig {
		env.Check = config.CheckAll
	}
	return env
}

// part is the children that may be started.
func (o *options) part() dialect.Part {
	part := dialect.Whole
	if o.vrrpOnly {
		part &^= dialect.Checkers
	}
	if o.checkOnly {
		part &^= dialect.VRRP
	}
	return part
}

// read parses and checks the configuration file.
func (o *options) read() reading {
	defer process.CollectRarely()()
	part := o.part()
	schema := part.Schema()
	tree, diags := config.Parse(files.OS{}, o.file(), o.environment(), schema)
	part.Cut(tree)
	r := reading{tree: tree, diags: diags}
	if !dialect.StopsReading(diags) {
		r.Result = dialect.Check(tree, machine.Interfaces(), machine.Scripts{})
		r.diags = append(r.diags, r.Result.Diags...)
	}
	tree.Annotate(r.diags)
	if len(r.diags) > 0 { // from here on they go to logs, terminals and operators
		mask := config.NewMask(tree, schema)
		r.diags, r.texts = mask.Findings(r.diags), mask.Texts
	}
	return r
}

// has reports whether a finding of that class is in the list.
func (r *reading) has(c diag.Code) bool {
	for _, d := range r.diags {
		if d.Code == c {
			return true
		}
	}
	return false
}

// unread reports that a file was not there, so that what was read is not the
// configuration: keepalived has no configuration then (6) rather than a wrong one (2).
func (r *reading) unread() bool {
	return r.has(diag.FileMissing) || r.has(diag.FileRequired) || r.has(diag.IncludeFailed)
}

// configTest is -t: say what was found, end with keepalived's status.
func configTest(o *options) int {
	out := os.Stderr
	if o.testLog != "" {
		f, err := os.OpenFile(o.testLog, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			fmt.Fprintf(os.Stderr, "Unable to open config-test log file %s - %v\n", o.testLog, err)
			return exitFatal
		}
		defer f.Close()
		out = f
	}
	r := o.read()
	if o.diagnostics != "" {
		r.diags.Sort()
	}
	switch o.diagnostics {
	case "full":
		var texts map[string][]byte
		if r.texts != nil {
			texts = r.texts()
		}
		fmt.Fprint(out, r.diags.Full(texts))
	case "json":
		text, err := r.diags.JSON()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return exitFatal
		}
		out.Write(text)
	default:
		fmt.Fprint(out, r.diags.Short(len(r.tree.Sources) > 1))
	}
	return r.diags.ExitStatus()
}

// logReading logs what keepalived logs while it reads: the files, then the findings.
func logReading(ctx context.Context, log *slog.Logger, r *reading, o *options) {
	for _, s := range r.tree.Sources {
		log.Log(ctx, logging.Detail, fmt.Sprintf("Opening file '%s'.", s.Name))
	}
	if len(r.tree.Sources) > 0 {
		log.Info("Configuration file " + absolute(o.file()))
	}
	for _, d := range r.diags {
		log.Info(d.Short(len(r.tree.Sources) > 1))
	}
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
