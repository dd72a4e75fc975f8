package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"keepalived/checker"
	"keepalived/core/config"
	"keepalived/core/diag"
	"keepalived/core/global"
	"keepalived/core/logging"
	"keepalived/core/process"
	"keepalived/core/supervisor"
	pb "keepalived/proto/keepalived/v1"
	"keepalived/rpc/childapi"
	"keepalived/rpc/unixsock"
	"keepalived/vrrp"
)

// flushLimit is how long the end of a process waits for its last log lines.
const flushLimit = time.Second

// settleLimit is how long a part of the configuration that is logged (-d) waits for
// the part before.
const settleLimit = 100 * time.Millisecond

// startLog opens the log of one process and returns its end.
func (o *options) startLog(ident string) (*logging.Log, func()) {
	lo := logging.Options{Ident: ident, Facility: logging.Daemon, Detail: o.logDetail}
	if o.logFacility != "" {
		if f, err := logging.ParseFacility(o.logFacility); err == nil {
			lo.Facility = f
		}
	}
	if !o.noSyslog {
		lo.Syslog = logging.SyslogSocket
	}
	if o.logConsole {
		if console, err := logging.Stderr(); err == nil {
			lo.Console = console
		}
	}
	l := logging.Open(lo)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _ = l.Run(ctx) }()
	return l, func() { l.Flush(flushLimit); cancel() }
}

// runChild is the life of a child.
func runChild(boot childapi.Boot, o *options, name string) int {
	_ = process.SetName(filepath.Base(name))
	ident := "Keepalived_vrrp"
	if boot.Role == childapi.Checker {
		ident = "Keepalived_healthcheckers"
	}
	l, end := o.startLog(ident)
	defer end()
	stop := make(chan struct{})
	terms := make(chan os.Signal, 1)
	signal.Notify(terms, unix.SIGTERM, unix.SIGINT)
	dumps := dumpSignals()
	go func() { <-terms; close(stop) }()
	if remove := o.childPIDFile(boot.Role, l.Logger()); remove != nil {
		defer remove()
	}
	drops := func() (n uint64) {
		for _, c := range l.Counters() {
			n += c.Dropped
		}
		return n
	}
	settled := func() { l.Flush(settleLimit) }
	if boot.Role == childapi.Checker {
		return checker.Run(checker.Options{
			Boot: boot, Log: l.Logger(), Version: process.Version(), LogDrops: drops, Stop: stop, Dumps: dumps,
			KeepIPVS: o.keepIPVS, DumpDir: os.TempDir(), LogConfig: o.dumpConfig, LogSettled: settled,
		})
	}
	return vrrp.Run(vrrp.Options{
		Boot: boot, Log: l.Logger(), Version: process.Version(), LogDrops: drops, Stop: stop, Dumps: dumps,
		KeepAddresses: o.keepVRRP, MonitorAddresses: o.monitorAddrs, DumpDir: os.TempDir(), LogConfig: o.dumpConfig, LogSettled: settled,
	})
}

// dumpKinds are the signals that ask a process for its dump.
var dumpKinds = map[os.Signal]pb.DumpKind{
	unix.SIGUSR1: pb.DumpKind_DUMP_KIND_DATA, unix.SIGUSR2: pb.DumpKind_DUMP_KIND_STATS,
	unix.Signal(63): pb.DumpKind_DUMP_KIND_STATS_CLEAR, unix.Signal(36): pb.DumpKind_DUMP_KIND_JSON,
}

// dumpSignals delivers the dumps that a child is asked for by its own pid; those that come
// while as many wait are one with them. A reload is the parent's affair: its signal only
// must not end the child. (It is caught and not ignored: what is ignored stays so in
// scripts.)
func dumpSignals() <-chan pb.DumpKind {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2, unix.Signal(36), unix.Signal(63), unix.SIGPIPE)
	dumps := make(chan pb.DumpKind, 8)
	go func() {
		for sig := range signals {
			kind, ok := dumpKinds[sig]
			if !ok {
				continue
			}
			select {
			case dumps <- kind:
			default:
			}
		}
	}()
	return dumps
}

// childPIDFile writes vrrp.pid or checkers.pid beside the parent's.
func (o *options) childPIDFile(role childapi.Role, log *slog.Logger) (remove func()) {
	path := o.vrrpPidFile
	name := "vrrp.pid"
	if role == childapi.Checker {
		path, name = o.checkPidFile, "checkers.pid"
	}
	if path == "" {
		path = filepath.Join(pidDir, name)
	}
	p, _, err := process.WritePIDFile(path, os.Getpid())
	if err != nil {
		log.Info(err.Error())
		return nil
	}
	return p.Remove
}

// pidDir is where pid files are unless an option or a keyword says otherwise.
const pidDir = "/run"

// setUmask sets the umask of the parent, which the children inherit: -u wins over the
// keyword.
func (o *options) setUmask(g *global.Config) {
	mask := process.DefaultUmask
	if o.umask != "" {
		if m, err := process.ParseUmask(o.umask); err == nil {
			mask = m
		}
	} else if g != nil && g.UmaskSet {
		mask = int(g.Umask)
	}
	unix.Umask(mask)
}

// startFailed tells why the daemon does not start, before there is a log; where the
// console is gone, syslog has it.
func (o *options) startFailed(err error) int {
	fmt.Fprintln(os.Stderr, err)
	if !o.foreground {
		l, end := o.startLog("Keepalived")
		l.Logger().Error(err.Error())
		end()
	}
	return exitFatal
}

// runParent is the life of the daemon.
func runParent(o *options, argv []string, signals *supervisor.Signals) int {
	if o.umask != "" {
		if _, err := process.ParseUmask(o.umask); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return exitFatal
		}
	}
	if os.Geteuid() != 0 {
		fmt.Fprintf(os.Stderr, "keepalived needs root to open raw sockets and change addresses; run it as root (effective uid is %d)\n", os.Geteuid())
		return exitPermission
	}
	if !o.foreground {
		if done, status := daemonize(argv); done {
			return status
		}
	}
	if o.namespace != "" {
		if err := enterNamespace(o.namespace, argv); err != nil {
			return o.startFailed(err)
		}
	}
	_ = process.SetName(filepath.Base(argv[0]))
	o.setUmask(nil)
	l, end := o.startLog("Keepalived")
	defer end()
	log := l.Logger()
	o.logStart(log, argv)
	s, status := o.newSupervisor(log, argv, signals)
	if s == nil {
		return status
	}
	status, err := s.Run()
	if errors.Is(err, process.ErrRunning) || errors.Is(err, unixsock.ErrInUse) {
		log.Info("daemon is already running")
		return exitOK
	}
	if err != nil {
		log.Error(err.Error())
	}
	return status
}

// newSupervisor reads the configuration and makes the parent for it; nil and the exit
// status when there is nothing to run. The reading is a large one's whole memory: it
// must not live on in the frame that runs the parent.
func (o *options) newSupervisor(log *slog.Logger, argv []string, signals *supervisor.Signals) (*supervisor.Supervisor, int) {
	defer process.CollectRarely()()
	r := o.read()
	if ns := configuredNamespace(o, &r); ns != "" {
		if err := enterNamespace(ns, argv); err != nil {
			log.Error(err.Error())
			return nil, exitFatal
		}
		r = o.read() // the interfaces are others here
	}
	if r.Global != nil {
		o.setUmask(r.Global)
		if name := r.Global.Parent.Name; name != "" {
			_ = process.SetName(name)
		}
	}
	logReading(context.Background(), log, &r, o)
	if status, ok := cannotStart(&r); ok {
		log.Info(stoppedLine())
		return nil, status
	}
	s, err := supervisor.New(o.supervisorOptions(log, argv, &r, signals))
	if err != nil {
		log.Error(err.Error())
		return nil, exitFatal
	}
	return s, exitOK
}

// configuredNamespace is net_namespace, unless the command line has named one.
func configuredNamespace(o *options, r *reading) string {
	if o.namespace != "" || r.Global == nil {
		return ""
	}
	return r.Global.Namespace
}

// cannotStart is the verdict on a configuration with which there is nothing to run.
func cannotStart(r *reading) (status int, yes bool) {
	switch {
	case r.tree == nil || r.diags.HasFatal() && (len(r.tree.Sources) == 0 || r.unread()):
		return exitNoConfig, true
	case r.diags.HasFatal():
		return exitConfig, true
	}
	return 0, false
}

func startingLine() string { return "Starting Keepalived " + process.Compat + " " + process.CompatDate }
func stoppedLine() string  { return "Stopped Keepalived " + process.Compat + " " + process.CompatDate }

// logStart logs the first lines of a life.
func (o *options) logStart(log *slog.Logger, argv []string) {
	log.Info(startingLine())
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		log.Info(fmt.Sprintf("Running on Linux %s %s (version %s, %s)", unix.ByteSliceToString(u.Release[:]),
			unix.ByteSliceToString(u.Version[:]), process.Version(), process.Go()))
	}
	log.Info("Command line: '" + strings.Join(argv, "' '") + "'")
	for _, note := range o.noEffect {
		log.Info(note)
	}
}

func (o *options) supervisorOptions(log *slog.Logger, argv []string, r *reading, signals *supervisor.Signals) supervisor.Options {
	g := r.Global // what is kept must not keep the whole reading
	return supervisor.Options{
		Log: log, Version: process.Version(), Compat: process.Compat, Stopped: stoppedLine(),
		ConfigFile: absolute(o.file()), Initial: o.supervisorConfig(r),
		Load: func(ctx context.Context, log *slog.Logger) (supervisor.Config, error) {
			r := o.read()
			logReading(ctx, log, &r, o)
			if r.has(diag.FileMissing) {
				return supervisor.Config{}, fmt.Errorf("the configuration file %s cannot be read", o.file())
			}
			return o.supervisorConfig(&r), nil
		},
		Part: childPart, Changes: configChanges,
		Args: argv[1:], NoRespawn: o.noRespawn, Signals: signals, Dir: o.runDir(g),
		PIDFile:        func() (func(), error) { return o.parentPIDFile(log, g) },
		Notify:         process.NotifyService,
		NotifyWatchdog: process.WatchdogWanted(),
		CaptureStderr:  !o.logConsole,
		ParentDump:     parentDump,
	}
}

// supervisorConfig is what the parent needs of a reading.
func (o *options) supervisorConfig(r *reading) supervisor.Config {
	c := supervisor.Config{Tree: r.tree, Diags: r.diags, ProcessNames: map[childapi.Role]string{}}
	if r.Global == nil {
		return c
	}
	c.ChildWait = r.Global.ChildWait
	if !o.checkOnly && (r.HasVRRP || o.all) {
		c.Roles = append(c.Roles, childapi.VRRP)
	}
	if !o.vrrpOnly && (r.HasCheckers || o.all) {
		c.Roles = append(c.Roles, childapi.Checker)
	}
	for _, p := range []struct {
		role            childapi.Role
		name, otherwise string // otherwise: with process_names
	}{{childapi.VRRP, r.Global.VRRP.Name, "keepalived_vrrp"}, {childapi.Checker, r.Global.Checker.Name, "keepalived_lvs"}} {
		if p.name == "" && r.Global.ProcessNames {
			p.name = p.otherwise
		}
		if p.name != "" {
			c.ProcessNames[p.role] = p.name
		}
	}
	return c
}

// runDir is where the sockets are: instances and namespaces have their own.
func (o *options) runDir(g *global.Config) string {
	name := ""
	if g != nil {
		name = g.Instance
		if ns := g.Namespace; ns != "" {
			name = strings.TrimPrefix(name+"_"+ns, "_")
		}
	}
	if o.namespace != "" {
		name = strings.TrimPrefix(name+"_"+o.namespace, "_")
	}
	return filepath.Join(unixsock.Dir, name)
}

// parentPIDFile writes the daemon's pid file.
func (o *options) parentPIDFile(log *slog.Logger, g *global.Config) (remove func(), err error) {
	path := o.pidFile
	if path == "" {
		path = filepath.Join(pidDir, "keepalived.pid")
		if g != nil && (g.UsePIDDir || g.Instance != "" || g.Namespace != "") {
			path = filepath.Join(unixsock.Dir, "keepalived.pid")
			if g.Instance != "" {
				path = filepath.Join(unixsock.Dir, "keepalived_"+g.Instance+".pid")
			}
		}
	}
	p, stale, err := process.WritePIDFile(path, os.Getpid())
	if err != nil {
		return nil, err
	}
	if stale {
		log.Info("Remove a zombie pid file " + path)
	}
	return p.Remove, nil
}

// parentDump writes keepalived_parent.data.
func parentDump(t *config.Tree) error {
	g, _ := global.Decode(t)
	g.SetHost(process.HostName())
	return process.ReplaceFile(filepath.Join(os.TempDir(), "keepalived_parent.data"), g.Dump(true, global.Facts{IDs: process.Accounts{}.IDs}))
}
