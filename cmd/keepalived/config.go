package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"keepalived/cmd/internal/dialect"
	"keepalived/core/config"
	"keepalived/core/config/files"
	"keepalived/core/diag"
	"keepalived/core/logging"
	"keepalived/vrrp/vrrpcfg"
)

// reading is one reading of the configuration with everything that was found.
type reading struct {
	dialect.Result
	tree  *config.Tree
	diags diag.List
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
	host, _ := os.Hostname()
	dir, err := os.Getwd()
	if err != nil {
		dir = "/"
	}
	env := config.Env{ConfigID: o.configID, NodeName: host, Dir: dir, Lookup: os.LookupEnv, Seed: uint64(time.Now().UnixNano())}
	if o.allConfig {
		env.Check = config.CheckAll
	}
	return env
}

// read parses and checks the configuration file.
func (o *options) read() reading {
	tree, diags := config.Parse(files.OS{}, o.file(), o.environment(), dialect.Schema())
	r := reading{tree: tree, diags: diags}
	if stopsReading(diags) {
		return r
	}
	r.Result = dialect.Check(tree, interfaceNames(), scriptFiles{})
	r.diags = append(r.diags, r.Result.Diags...)
	return r
}

// stopsReading reports a finding after which there is nothing to check: the file is not
// there, or keepalived stops at a missing argument.
func stopsReading(l diag.List) bool {
	for _, d := range l {
		if d.Code == diag.MissingArgument || d.Code == diag.FileMissing || d.Code == diag.FileRequired || d.Code == diag.TooDeep {
			return true
		}
	}
	return false
}

// interfaceNames lists the interfaces of this network namespace; nil when that cannot
// be found out, and then nothing is said about interfaces.
func interfaceNames() vrrpcfg.Interfaces {
	list, err := net.Interfaces()
	if err != nil {
		return nil
	}
	set := vrrpcfg.Interfaces{}
	for _, i := range list {
		set[i.Name] = struct{}{}
	}
	return set
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
	if o.diagnostics == "full" {
		fmt.Fprint(out, r.diags.Full(r.tree.Texts()))
	} else {
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
