// Package dialect joins what the two children understand: the keyword tables and
// decoders of VRRP and of the checkers as plain values. It is the only package
// that knows both; the parent, -t and test/compat use it.
package dialect

import (
	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
	"keepalived/vrrp/vrrpcfg"
)

// Schema returns every keyword of every role.
func Schema() *config.Schema { return config.NewSchema() }

// Validators are the decoders of all roles with their models thrown away: each
// returns what is wrong with its part of the tree.
func Validators(ifs vrrpcfg.Interfaces) []func(*config.Tree) diag.List { return nil }

// Verdict is what a look at a script's file says.
type Verdict struct {
	// Missing: the file does not exist or cannot be executed; Reason is errno's text.
	Missing bool
	Reason  string
	// Path is what was looked at, after PATH.
	Path string
	// Insecure: somebody else than root can change what root would run.
	Insecure bool
	// AsRoot: it would run as root.
	AsRoot bool
	// Shell: it is no path but text for a shell.
	Shell bool
}

// ScriptChecker looks at the files behind scripts.
type ScriptChecker interface {
	CheckScript(use cursor.ScriptUse, g *global.Config) Verdict
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
// at; scripts nil: files are not looked at.
func Check(t *config.Tree, ifs vrrpcfg.Interfaces, scripts ScriptChecker) Result { return Result{} }

// ExitStatus is the status of -t for a list of findings.
func ExitStatus(l diag.List) int { return l.ExitStatus() }
