package checker

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"keepalived/checker/checkercfg"
	"keepalived/checker/health"
	"keepalived/checker/ipvs"
	"keepalived/checker/probe"
	"keepalived/core/clock"
	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
	"keepalived/core/process"
	"keepalived/core/script"
)

// model is one generation of the configuration, translated for those who work by it.
// It is made off the loop and never changed.
type model struct {
	cfg      *checkercfg.Config
	world    world
	scripts  script.Resolved
	globals  []byte // dump section of the global definitions
	files    dumpFiles
	paths    map[string]string      // of track_files, for the dump
	notes    []string               // for the log when it comes into force
	missing  []string               // what is said before of scripts that are not there
	configs  []health.ServiceConfig // Ref is the place in services
	services []*service             // in the order of the file
	byKey    map[string]*service
	users    map[ipvs.Key][]*service // of each service of the kernel, in the order of the file
}

// world is what decode has found on the machine.
type world struct {
	host   string
	uses   []cursor.ScriptUse // all of the configuration, also those that cannot be run
	tls    *probe.TLS
	tlsErr string
}

// service is one virtual server of a model.
type service struct {
	cfg     *checkercfg.Service
	key     string
	ends    []ipvs.Key // the services of the kernel that it stands for
	up      *script.Script
	down    *script.Script
	servers []server // as cfg.Servers
	byKey   map[string]int
	// dests are the servers' destinations but for the weight; sorry is the sorry server's.
	dests []ipvs.Destination
	sorry ipvs.Destination
}

// server is one real server of a service.
type server struct {
	up, down *script.Script
	targets  []probe.Target // as its checkers
}

// life is what is known of a service whatever its configuration.
type life struct {
	since   clock.Instant // of the standing of its quorum
	at      time.Time
	cause   string // of the latest bad check: TCP_CHECK: connection refused
	culprit string // its server
	repairs uint64
}

// decode turns the tree into a model.
func decode(t *config.Tree, host string, dumpDir string) (*model, diag.List) {
	g, diags := global.Decode(t)
	g.SetHost(host)
	cfg, more := checkercfg.Load(t, g)
	diags = append(diags, more...)
	w := world{host: host, uses: cfg.ScriptUses()}
	scripts, missing := script.NewResolver(g, process.Accounts{}).ResolveAll(w.uses)
	for _, use := range w.uses {
		if scripts[use.Script] == nil { // the parent has said why
			cfg.DisableScript(use.Script)
			gone := "Script " + use.Script.Argv[0] + " cannot be accessed"
			if use.Kind == cursor.CheckScript && slices.ContainsFunc(missing, func(s string) bool { return strings.HasPrefix(s, gone) }) {
				missing = append(missing, fmt.Sprintf("Disabling misc script '%s' since not found/accessible", use.Script.Text))
			}
		}
	}
	tls, err := probe.LoadTLS(&cfg.SSL)
	m := translate(cfg, scripts, tls)
	m.missing = missing
	if g.NamespaceIPVSSet && g.NamespaceIPVS == "" && g.Namespace != "" {
		m.notes = append(m.notes, "net_namespace_ipvs without a name has no effect: ip_vs of network namespace "+g.Namespace+" is used")
	}
	if w.tls, w.tlsErr = tls, errorText(err); err != nil {
		m.notes = append(m.notes, strings.Split(w.tlsErr, "\n")...) // both files can be missing
	}
	m.world = w
	m.lookUp(dumpDir)
	return m, diags
}

// lookUp fills in what only the dumps have from the machine.
func (m *model) lookUp(dumpDir string) {
	m.paths = map[string]string{}
	for _, f := range m.cfg.Files {
		m.paths[f.Name] = process.RealPath(f.Path, f.Range.Start().File)
	}
	g := m.cfg.Global
	m.globals = g.Dump(false, global.Facts{IDs: process.Accounts{}.IDs})
	m.files = dumpFilesOf(g, dumpDir)
}

// now is the model that decode would make now of the tree of which it has made m; false:
// the machine is not what it was then.
func (m *model) now(host string, dumpDir string) (*model, bool) {
	w := &m.world
	if host != w.host || !script.NewResolver(m.cfg.Global, process.Accounts{}).Still(w.uses, m.scripts) {
		return nil, false
	}
	tls, err := probe.LoadTLS(&m.cfg.SSL)
	if text := errorText(err); text != w.tlsErr || !tls.Same(w.tls) {
		return nil, false
	}
	next := *m
	next.lookUp(dumpDir)
	return &next, true
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// translate makes the model of a configuration.
func translate(cfg *checkercfg.Config, scripts script.Resolved, tls *probe.TLS) *model {
	m := &model{cfg: cfg, scripts: scripts, byKey: map[string]*service{}, users: map[ipvs.Key][]*service{}}
	for i, c := range cfg.Services {
		s := &service{
			cfg: c, key: c.Key(), ends: kernelKeys(c), up: scripts[c.QuorumUp], down: scripts[c.QuorumDown],
			byKey: map[string]int{}, servers: make([]server, len(c.Servers)), dests: make([]ipvs.Destination, len(c.Servers)),
		}
		h := health.ServiceConfig{
			Key: s.key, Name: c.Name(), Ref: int32(i), Quorum: c.Quorum, Hysteresis: c.Hysteresis,
			Omega: c.Omega, Mail: c.Mail, Servers: make([]health.ServerConfig, len(c.Servers)),
		}
		if c.Sorry != nil {
			h.Sorry = health.Sorry{Name: c.SorryName(), Inhibit: c.Sorry.Inhibit}
			s.sorry = sorryDestination(c.Sorry)
		}
		for j, r := range c.Servers {
			h.Servers[j] = serverConfig(r, int32(j))
			s.byKey[h.Servers[j].Key] = j
			s.dests[j] = destination(r)
			s.servers[j] = server{up: scripts[r.NotifyUp], down: scripts[r.NotifyDown], targets: make([]probe.Target, len(r.Checks))}
			for k, check := range r.Checks {
				t := probe.Target{Check: check, TLS: tls}
				if check.Misc != nil {
					t.Script = scripts[check.Misc.Script]
				}
				s.servers[j].targets[k] = t
			}
		}
		m.configs, m.services = append(m.configs, h), append(m.services, s)
		m.byKey[s.key] = s
		for _, k := range s.ends {
			m.users[k] = append(m.users[k], s)
		}
	}
	return m
}

func serverConfig(r *checkercfg.Server, ref int32) health.ServerConfig {
	h := health.ServerConfig{
		Key: r.Key(), Name: r.Name(), Ref: ref, Weight: r.Weight, Inhibit: r.Inhibit, Mail: r.Mail,
		Checks: make([]health.CheckerConfig, len(r.Checks)),
	}
	for k, c := range r.Checks {
		h.Checks[k] = health.CheckerConfig{
			Kind: checkKinds[c.Kind], Digest: c.Digest(), Ref: int32(k), Interval: c.DelayLoop, RetryDelay: c.RetryDelay,
			Warmup: c.Warmup, Retries: c.Retry, Alpha: c.Alpha, LogAll: c.LogAll,
		}
		if c.HTTP != nil {
			h.Checks[k].Steps, h.Checks[k].FastRecovery = uint16(len(c.HTTP.URLs)), c.HTTP.FastRecovery
		}
		if c.Misc != nil {
			h.Checks[k].Dynamic = c.Misc.Dynamic
		}
	}
	return h
}

var checkKinds = [...]health.Kind{
	checkercfg.TCPCheck: health.TCP, checkercfg.HTTPGet: health.HTTP, checkercfg.SSLGet: health.SSL, checkercfg.MiscCheck: health.Misc,
}
