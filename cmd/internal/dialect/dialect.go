// Package dialect joins what the two children understand: the keyword tables and
// decoders of VRRP and of the checkers as plain values. It is the only package
// that knows both; the parent, -t and test/compat use it.
package dialect

import (
	"slices"
	"strings"

	"keepalived/checker/checkercfg"
	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
	"keepalived/vrrp/vrrpcfg"
)

// Keywords returns every keyword of every role, for the documentation. A keyword
// that two roles read (track_file, bfd_instance) is described once.
func Keywords() []config.Keyword {
	all := slices.Concat(checkerKeywords, vrrpKeywords, globalKeywords)
	last := map[string]int{}
	for i, k := range all {
		last[k.Path+"/"+k.Name] = i
	}
	var out []config.Keyword
	for i, k := range all {
		if last[k.Path+"/"+k.Name] == i {
			out = append(out, k)
		}
	}
	return out
}

// Schema returns every keyword of every role, for the parser.
func Schema() *config.Schema { return Whole.Schema() }

// Validators are the decoders of all roles with their models thrown away: each
// returns what is wrong with its part of the tree.
func Validators(ifs vrrpcfg.Interfaces) []func(*config.Tree) diag.List {
	return []func(*config.Tree) diag.List{
		func(t *config.Tree) diag.List { _, l := global.Decode(t); return l },
		func(t *config.Tree) diag.List { g, _ := global.Decode(t); _, l := vrrpcfg.Load(t, g, ifs); return l },
		func(t *config.Tree) diag.List { g, _ := global.Decode(t); _, l := checkercfg.Validate(t, g); return l },
	}
}

// Verdict is what a look at a script's file and user says.
type Verdict struct {
	// NoUser: the user or group the script is to run as does not exist.
	NoUser bool
	// Missing: the file does not exist or is none.
	Missing bool
	// Insecure: somebody else than root can change what root would run.
	Insecure bool
	// Shell: it is no path but text for a shell, and a shell will run it.
	Shell bool
}

// ScriptChecker looks at what a configuration names on this machine: the files and users
// behind scripts, names of routing tables. It is declared here for core/script, which has
// the rules of security.
type ScriptChecker interface {
	// CheckScript looks at one script and whom it runs as.
	CheckScript(use cursor.ScriptUse, g *global.Config) Verdict
	// CheckUser reports whether the default user and group of scripts exist.
	CheckUser(u global.ScriptUser) bool
	// RouteNames returns the names of iproute2's files in these directories.
	RouteNames(etc, usr string) *global.Names
}

// Result is a checked configuration.
type Result struct {
	Global *global.Config
	VRRP   *vrrpcfg.Config
	Diags  diag.List
	// HasVRRP and HasCheckers decide which children are started.
	HasVRRP, HasCheckers bool
}

// Check decodes and resolves the whole tree. ifs nil: interfaces are not looked
// at; scripts nil: neither are files and users, and names of routing tables are taken as they are.
func Check(t *config.Tree, ifs vrrpcfg.Interfaces, scripts ScriptChecker) Result {
	var r Result
	var diags, more diag.List
	r.Global, diags = global.Decode(t)
	if scripts != nil {
		r.Global.Names = scripts.RouteNames(r.Global.IPRouteEtcDir, r.Global.IPRouteUsrDir)
	}
	r.VRRP, more = vrrpcfg.Load(t, r.Global, ifs)
	diags = append(diags, more...)
	checkers, more := checkercfg.Validate(t, r.Global)
	diags = append(diags, more...)
	diags = onlyOnce(diags)
	oldValues(t, diags)
	diags = append(diags, withoutEffect(t)...)
	r.HasVRRP = hasVRRP(t)
	r.HasCheckers = checkers.Services > 0
	if scripts != nil {
		c := scriptCheck{cfg: r.VRRP, g: r.Global, checker: scripts, diags: &diags}
		c.user()
		global := map[string][]cursor.ScriptUse{}
		for _, u := range r.Global.Scripts() {
			global[u.Owner] = append(global[u.Owner], u)
		}
		// The script of the FIFO for both kinds of events belongs to both processes.
		ofVRRP, ofCheckers := global["notify_fifo_script"], []cursor.ScriptUse(nil)
		if r.HasCheckers && !r.HasVRRP {
			ofVRRP, ofCheckers = ofCheckers, ofVRRP
		}
		c.uses("", slices.Concat(r.VRRP.ScriptUses(), global["vrrp_notify_fifo_script"], ofVRRP), r.HasVRRP)
		c.uses("check ", slices.Concat(checkers.Scripts, global["lvs_notify_fifo_script"], ofCheckers), r.HasCheckers)
		c.uses("start/shutdown ", slices.Concat(global["startup_script"], global["shutdown_script"]), true)
	}
	r.Diags = listed(diags)
	return r
}

// maxFindings is how many findings of the decoders anyone will look at.
const maxFindings = 10000

// listed are the findings that are shown: the first ones, and all that matter to whether
// and with which status a daemon starts.
func listed(l diag.List) diag.List {
	if len(l) <= maxFindings {
		return l
	}
	rest := slices.DeleteFunc(slices.Clone(l[maxFindings:]), func(d diag.Diagnostic) bool {
		return d.Severity < diag.Fatal && d.Code != diag.ScriptSecurity
	})
	out := append(slices.Clip(l[:maxFindings]), rest...)
	out.Errorf(diag.Range{}, diag.Limit, "more than %d findings, further ones are not listed", maxFindings)
	return out
}

// StopsReading reports a finding of config.Parse after which there is nothing to
// check: the file is not there, keepalived stops at a missing argument, or a limit
// ended the reading.
func StopsReading(l diag.List) bool {
	return slices.ContainsFunc(l, func(d diag.Diagnostic) bool {
		switch d.Code {
		case diag.MissingArgument, diag.FileMissing, diag.FileRequired, diag.TooDeep, diag.Limit:
			return d.Severity == diag.Fatal
		}
		return false
	})
}

// onlyOnce drops what the decoders of two roles say of the same word.
func onlyOnce(l diag.List) diag.List {
	type finding struct {
		at   diag.Range
		text string
	}
	seen := make(map[finding]struct{}, len(l))
	return slices.DeleteFunc(l, func(d diag.Diagnostic) bool {
		f := finding{d.Subject, d.Summary}
		_, again := seen[f]
		seen[f] = struct{}{}
		return again && d.Subject.IsValid()
	})
}

// hasVRRP reports whether there is work for the VRRP child: an instance or static entries.
func hasVRRP(t *config.Tree) bool {
	blocks := []string{"vrrp_instance", "static_ipaddress", "static_routes", "static_rules"}
	return slices.ContainsFunc(t.Roots, func(n *config.Node) bool { return slices.Contains(blocks, n.Keyword.Text) })
}

// scriptCheck adds what a look at the files of scripts finds.
type scriptCheck struct {
	cfg     *vrrpcfg.Config
	g       *global.Config
	checker ScriptChecker
	diags   *diag.List
}

func (s *scriptCheck) user() {
	if u := s.g.ScriptUser; u.User != "" && !s.checker.CheckUser(u) {
		s.diags.Errorf(u.Range, diag.BadValue, "Error setting global script uid/gid")
		s.g.ScriptUser = global.ScriptUser{}
	}
}

// uses looks at the scripts of one kind of process; which is how its security
// line names them. Without work for it the process is not started, so it runs none.
func (s *scriptCheck) uses(which string, uses []cursor.ScriptUse, started bool) {
	var running, insecure bool
	var first diag.Range
	for _, u := range uses {
		v := s.checker.CheckScript(u, s.g)
		if !s.runs(u, v) {
			continue
		}
		if v.Shell {
			continue
		}
		if !running {
			first = u.Script.Range
		}
		running = true
		insecure = insecure || v.Insecure
	}
	if !running || !started || s.g.ScriptSecurity {
		return
	}
	tail := ""
	if insecure {
		tail = " There are insecure scripts."
	}
	s.diags.Warnf(first, diag.ScriptSecurity, "SECURITY VIOLATION - %sscripts are being executed but script_security not enabled.%s", which, tail)
	s.diags.WithHint("set enable_script_security in global_defs")
}

// runs says what is wrong with one script and takes it out of the model when it
// will not be run.
func (s *scriptCheck) runs(u cursor.ScriptUse, v Verdict) bool {
	insecure := v.Insecure && s.g.ScriptSecurity
	if u.Kind == cursor.TrackScript {
		switch {
		case v.NoUser:
			s.diags.Errorf(u.Script.Range, diag.Script, "Unable to set uid/gid for script '%s'", strings.Join(u.Script.Argv, " "))
			s.notFound(u.Owner)
		case v.Missing && u.Unused:
		case v.Missing:
			s.diags.Errorf(u.Script.Range, diag.Script, "Disabling track script %s since not found/accessible", u.Owner)
		case insecure:
			s.diags.Errorf(u.Script.Range, diag.Script, "Disabling track script %s due to insecure", u.Owner)
		case v.Shell:
			s.diags.Warnf(u.Script.Range, diag.Script, "track script %s is no executable file and is run by a shell", u.Owner)
			s.diags.WithHint("2.2.7 disables it; write sh -c '...' to say that it is meant")
			return true
		default:
			return true
		}
		s.cfg.DisableScript(u.Owner)
		return false
	}
	if !v.NoUser && !v.Missing && !insecure {
		return true
	}
	// keepalived says nothing of these under -t and leaves them out when it runs.
	s.diags.Noticef(u.Script.Range, diag.Script, "script %s of %s %s: it will not be run", u.Script.Argv[0], u.Owner, v.why())
	s.cfg.DisableNotify(u.Script)
	if u.Kind == cursor.LifeScript && v.NoUser {
		s.diags.Errorf(u.Script.Range, diag.Script, "Invalid %s", strings.ReplaceAll(u.Owner, "_", " "))
	}
	if u.Kind == cursor.CheckScript && v.NoUser {
		s.diags.Errorf(u.Script.Range, diag.Script, "Failed to set uid/gid for misc checker script '%s' - removing", u.Script.Argv[0])
	}
	return false
}

// notFound says of everything that tracks a script that it is not there.
func (s *scriptCheck) notFound(script string) {
	say := func(owner string, t *vrrpcfg.Track) {
		for _, r := range t.Scripts {
			if r.Name == script {
				s.diags.Errorf(r.Range, diag.NotFound, "(%s) track script %s not found, ignoring...", owner, script)
			}
		}
	}
	for _, i := range s.cfg.Instances {
		say(i.Name, &i.Track)
	}
	for _, g := range s.cfg.Groups {
		say(g.Name, &g.Track)
	}
}

func (v Verdict) why() string {
	switch {
	case v.NoUser:
		return "has a user or group that does not exist"
	case v.Missing:
		return "was not found"
	default:
		return "is insecure"
	}
}
