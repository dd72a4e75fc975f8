package script

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keepalived/core/config/cursor"
)

// shellWords begin a command that only a shell understands: reserved words and builtins
// of which no program of that name need exist.
var shellWords = []string{
	"[", "[[", "!", "{", "(", "((", "if", "for", "while", "until", "case", "function", "time",
	":", ".", "cd", "command", "eval", "exec", "exit", "export", "read", "return", "set", "shift",
	"source", "test", "trap", "type", "ulimit", "umask", "unset", "wait", "declare", "let", "local",
}

var (
	assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)
	// bashOnly are the marks of bash that sh does not know.
	bashOnly = regexp.MustCompile(`\[\[|\(\(|<\(|>\(|<<<|=~|&>|\|&|\$'|\$\{!|\$\{[A-Za-z_][A-Za-z0-9_]*([,^]|:[0-9]|/|\[)|\bfunction\b|\bsource\b|\bdeclare\b|\blet\b`)
)

// shellFor returns the shell that runs the text of a script whose first word is no
// program, "" when the text is not for a shell. keepalived 1.2 gave every command to
// system(3), and such configurations are still in use; 2.x disables them. A path is
// never taken for shell syntax: a misspelt one has to stay disabled, for a shell would
// make a failing script of it.
func shellFor(s *cursor.Script) string {
	word := s.Argv[0]
	syntax := slices.Contains(shellWords, word) || assignment.MatchString(s.Text) ||
		strings.HasPrefix(word, "(") || strings.HasPrefix(word, "$(") || strings.HasPrefix(word, "`") ||
		strings.HasPrefix(word, "{") || strings.HasPrefix(word, "!")
	if !syntax {
		return ""
	}
	if bashOnly.MatchString(s.Text) {
		for _, bash := range []string{"/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"} {
			if unix.Access(bash, unix.X_OK) == nil {
				return bash
			}
		}
	}
	return "/bin/sh"
}
