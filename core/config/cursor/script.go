package cursor

import (
	"keepalived/core/config"
	"keepalived/core/diag"
)

// Script is one command of the configuration: what to run and as whom. Whether
// the file exists, can be executed and is safe is not known here; see ScriptUse.
type Script struct {
	// Argv is the command split by the shell-like tokenizer; Argv[0] is the path
	// as written and may have to be looked for along PATH. Never empty.
	Argv []string
	// Text is the command before splitting. Text that is no executable path may
	// have to be given to a shell.
	Text string
	// User and Group are names or numbers as written; empty means the default
	// (script_user). AllGroups: the supplementary groups are wanted (":group").
	User, Group string
	AllGroups   bool
	// Range is the place of the command.
	Range diag.Range
}

// Equal reports whether both run the same command as the same user.
func (s *Script) Equal(t *Script) bool {
	if s == nil || t == nil {
		return s == t
	}
	return s.Text == t.Text && s.User == t.User && s.Group == t.Group && s.AllGroups == t.AllGroups
}

// ScriptKind tells what a missing script means.
type ScriptKind uint8

const (
	// NotifyScript is run on an event: a missing one is not spoken of by -t and
	// is off at run time.
	NotifyScript ScriptKind = iota
	// TrackScript is a vrrp_script: a missing one is a complaint and disabled.
	TrackScript
	// CheckScript is a MISC_CHECK.
	CheckScript
	// FIFOScript reads a notify FIFO.
	FIFOScript
	// LifeScript is startup_script or shutdown_script.
	LifeScript
)

// ScriptUse is one script of a configuration with what it is for, so that the
// caller can check the file behind it.
type ScriptUse struct {
	Kind ScriptKind
	// Owner is the object the script belongs to: the vrrp_script's name, the
	// instance, the FIFO's keyword.
	Owner  string
	Script *Script
}

// Script reads the rest of the line as a script:
//
//	<path>
//	"<path> <arg>..." [<user> [[:]<group>]]
//
// and reports false, with a complaint, when there is no command.
func (c *Cursor) Script() (*Script, bool) {
	text, ok := c.Next()
	if !ok {
		return nil, false
	}
	s := &Script{Text: text.Text, Range: text.Range}
	argv, err := config.SplitShell(text.Text)
	if err != nil || len(argv) == 0 {
		c.Errorf(text.Range, diag.BadValue, "%s: %v", c.node.Keyword.Text, err)
		return nil, false
	}
	s.Argv = argv
	return s, true
}
