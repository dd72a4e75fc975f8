package cursor

import (
	"slices"
	"strings"

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
	return s.Text == t.Text && slices.Equal(s.Argv, t.Argv) &&
		s.User == t.User && s.Group == t.Group && s.AllGroups == t.AllGroups
}

// String is the command as the dumps show it: 'a' 'b'.
func (s *Script) String() string { return "'" + strings.Join(s.Argv, "' '") + "'" }

// ScriptKind tells what a missing script means.
type ScriptKind uint8

const (
	// NotifyScript is run on an event: a missing one is not spoken of by -t and
	// is off at run time.
	NotifyScript ScriptKind = iota
	// TrackScript is a vrrp_script: a missing one is a complaint and disabled.
	TrackScript
	// CheckScript is a MISC_CHECK or a notification of the checkers.
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
	// Unused: a vrrp_script that nothing tracks, which is not run, and of which a
	// missing one is not spoken, but which counts for the security line.
	Unused bool
}

// Script reads the line as a script by the shell-like tokenizer:
//
//	<path>
//	"<path> <arg>..." [<user> [[:]<group>]]
//
// Only the first word is the command, which is split once more into its words.
// ok is false when there is none, or when a quote in it is not closed: part of a command
// is not run.
func (c *Cursor) Script() (s *Script, ok bool) {
	raw := c.node.Raw
	if raw == nil {
		return nil, false
	}
	words, _ := config.SplitShell(raw.Text) // an odd quote was reported by the parser
	if len(words) == 0 {
		return nil, false
	}
	r := raw.Range
	if len(c.node.Args) > 0 {
		r = c.node.Args[0].Range
	}
	argv, err := config.SplitShell(words[0])
	if err != nil {
		c.Errorf(r, diag.BadValue, "String '%s': %v", words[0], err)
		return nil, false
	}
	if len(argv) == 0 {
		return nil, false
	}
	s = &Script{Text: words[0], Argv: argv, Range: r}
	s.setUser(words[1:])
	return s, true
}

// SetUser takes over the words of a separate `user <user> [[:]<group>]` line.
func (s *Script) SetUser(words []config.Word) {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.Text
	}
	s.setUser(texts)
}

// setUser reads "<user>", "<user> <group>", "<user> :<group>" or "<user> :".
func (s *Script) setUser(words []string) {
	if len(words) > 0 {
		s.User = words[0]
	}
	if len(words) > 1 {
		s.Group, s.AllGroups = strings.CutPrefix(words[1], ":")
	}
}
