package script

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"keepalived/core/config/cursor"
	"keepalived/core/global"
)

// Accounts knows the users and groups of the machine.
type Accounts interface {
	// User returns the numbers of a user.
	User(name string) (uid, gid uint32, ok bool)
	// Group returns the number of a group.
	Group(name string) (gid uint32, ok bool)
	// Groups returns all groups that a user of primary group gid is in, gid first.
	Groups(user string, gid uint32) []uint32
}

// defaultUser is whom scripts run as when script_user is not set and the user exists.
const defaultUser = "keepalived_script"

// defaultPath is searched when the daemon has no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Resolver finds out what a script of the configuration means, as 2.2.7 does when it
// has read the configuration.
type Resolver struct {
	accounts Accounts
	security bool // enable_script_security
	symlinks bool // use_symlink_paths
	all      bool // set_supplementary_groups
	user     global.ScriptUser
	path     string
	euid     int
	egid     int
}

// NewResolver makes a Resolver for the global definitions of a configuration.
func NewResolver(g *global.Config, a Accounts) *Resolver {
	r := &Resolver{
		accounts: a, security: g.ScriptSecurity, symlinks: g.UseSymlinkPaths, all: g.SupplementaryGroups,
		user: g.ScriptUser, path: os.Getenv("PATH"), euid: os.Geteuid(), egid: os.Getegid(),
	}
	if r.path == "" {
		r.path = defaultPath
	}
	return r
}

// Script is a command that can be run.
type Script struct {
	Path string
	Argv []string
	As   *Credential
	// Insecure: somebody else than root can change what will run as root, and
	// enable_script_security is off.
	Insecure bool
	// Shell: the command is text for a shell, Path is that shell.
	Shell bool
	// Notices are what is to be said about it, keepalived's lines and our own.
	Notices []string
}

// String is the command as the dumps show it, found and with its links followed: 'a' 'b'.
func (s *Script) String() string { return "'" + strings.Join(s.Argv, "' '") + "'" }

// Command is one run of the script with further arguments.
func (s *Script) Command(id int32, limit time.Duration, args ...string) Command {
	return Command{ID: id, Path: s.Path, Argv: slices.Concat(s.Argv, args), As: s.As, Limit: limit}
}

// Kind is why a script cannot be run.
type Kind uint8

// The kinds of Problem.
const (
	_             Kind = iota
	NoUser             // its user or group does not exist
	Missing            // not there, or not accessible for its user
	NotExecutable      // not for its user
	WrongType          // a directory, FIFO or the like
	Insecure           // enable_script_security refuses it
)

// Problem is an error that says why a script cannot be run.
type Problem struct {
	Kind Kind
	// Text is 2.2.7's line.
	Text string
	// Hint names the culprit and the cure, "" when there is nothing to add.
	Hint string
}

func (p *Problem) Error() string { return p.Text }

// Disabling returns the line with which 2.2.7 goes on when the script is the
// vrrp_script of that name, "" when it says no more.
func (p *Problem) Disabling(name string) string {
	switch p.Kind {
	case Missing:
		return "Disabling track script " + name + " since not found/accessible"
	case WrongType, Insecure:
		return "Disabling track script " + name + " due to insecure"
	}
	return ""
}

// DefaultUserMissing returns 2.2.7's line for a machine without the user that scripts
// should run as; "" when script_user is set or the user exists.
func (r *Resolver) DefaultUserMissing() string {
	if r.user.User != "" {
		return ""
	}
	if _, _, ok := r.accounts.User(defaultUser); ok {
		return ""
	}
	return noUser(defaultUser)
}

// UserExists reports whether a user and its group, "" for the user's own, exist.
func (r *Resolver) UserExists(u global.ScriptUser) bool {
	_, err := r.credential(u.User, u.Group, false)
	return err == nil
}

// Resolved are scripts of a configuration made ready to run.
type Resolved map[*cursor.Script]*Script

// ResolveAll looks at every script of a configuration. What cannot be run is left out;
// why says what 2.2.7 logs of those files that are not there, each once.
func (r *Resolver) ResolveAll(uses []cursor.ScriptUse) (all Resolved, why []string) {
	all = Resolved{}
	for _, use := range uses {
		s, err := r.Resolve(use.Script)
		if err == nil {
			all[use.Script] = &s
			continue
		}
		var p *Problem
		if errors.As(err, &p) && p.Kind == Missing && !use.Unused && !slices.Contains(why, p.Text) {
			why = append(why, p.Text)
		}
	}
	return all, why
}

// Still reports whether ResolveAll of the same uses would find now what it has found then.
func (r *Resolver) Still(uses []cursor.ScriptUse, then Resolved) bool {
	for _, use := range uses {
		now, err := r.Resolve(use.Script)
		if was := then[use.Script]; was == nil && err == nil || was != nil && (err != nil || !was.same(&now)) {
			return false
		}
	}
	return true
}

func (s *Script) same(o *Script) bool {
	return s.Path == o.Path && slices.Equal(s.Argv, o.Argv) && s.As.same(o.As) &&
		s.Insecure == o.Insecure && s.Shell == o.Shell && slices.Equal(s.Notices, o.Notices)
}

func (c *Credential) same(o *Credential) bool {
	return c == o || c != nil && o != nil && c.UID == o.UID && c.GID == o.GID && slices.Equal(c.Groups, o.Groups)
}

// Resolve finds the file behind s and whom it runs as. The error is a *Problem.
func (r *Resolver) Resolve(s *cursor.Script) (Script, error) {
	as, err := r.as(s)
	if err != nil {
		return Script{}, err
	}
	out := Script{As: as, Argv: slices.Clone(s.Argv)}
	given := s.Argv[0]
	var missing *Problem
	if !strings.Contains(given, "/") {
		given, missing = r.search(given, as)
		if missing == nil {
			out.Notices = append(out.Notices, fmt.Sprintf(
				"WARNING - script `%s` resolved by path search to `%s`. Please specify full path.", s.Argv[0], given))
		}
	}
	if missing == nil {
		if err := accessible(given, as); err != nil {
			missing = &Problem{Kind: Missing, Text: fmt.Sprintf("Script %s cannot be accessed - %s", given, sentence(err))}
		}
	}
	if missing != nil {
		shell := shellFor(s)
		if shell == "" {
			return Script{}, missing
		}
		given = shell
		out.Shell = true
		out.Argv = []string{filepath.Base(shell), "-c", s.Text}
		out.Notices = []string{fmt.Sprintf("Script \"%s\" is shell syntax and no executable path, it is run by %s -c", s.Text, shell)}
	}
	return r.check(out, given)
}

// check looks at the file that will be executed.
func (r *Resolver) check(out Script, given string) (Script, error) {
	name, real, err := follow(given)
	if err != nil {
		return Script{}, &Problem{Kind: Missing, Text: fmt.Sprintf("Script %s cannot be accessed - %s", given, sentence(err))}
	}
	var st unix.Stat_t
	if err := unix.Stat(real, &st); err != nil {
		return Script{}, &Problem{Kind: Missing, Text: fmt.Sprintf("Script %s cannot be accessed - %s", given, sentence(err))}
	}
	if !permits(&st, real, out.As, 1) {
		return Script{}, &Problem{
			Kind: NotExecutable,
			Text: fmt.Sprintf("WARNING - script '%s' is not executable for uid:gid %d:%d - disabling.", real, uid(out.As), gid(out.As)),
			Hint: fmt.Sprintf("%s has mode %04o and owner %d:%d; chmod +x it or set another user", real, st.Mode&0o7777, st.Uid, st.Gid),
		}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return Script{}, &Problem{Kind: WrongType, Text: fmt.Sprintf("Wrong file type found in script path '%s'.", real)}
	}
	// What was looked at is what runs, even if a link on the way changes. The first
	// argument keeps the name of the link: programs of many names go by it.
	out.Path = real
	if r.symlinks {
		out.Path, name = given, given
	}
	if !out.Shell {
		out.Argv[0] = name
	}
	if !powerful(&st, out.As) {
		return out, nil
	}
	hint := unsafe(real)
	if hint == "" && r.symlinks {
		hint = unsafe(given)
	}
	if hint == "" {
		return out, nil
	}
	if r.security {
		return Script{}, &Problem{Kind: Insecure, Text: fmt.Sprintf("Unsafe permissions found for script '%s' - disabling.", real), Hint: hint}
	}
	out.Insecure = true
	out.Notices = append(out.Notices, fmt.Sprintf("Unsafe permissions found for script '%s'.", real), hint)
	return out, nil
}

// follow returns the absolute path of a file with the links of its directory resolved,
// and with those of its last component resolved as well.
func follow(given string) (name, real string, err error) {
	abs, err := filepath.Abs(given)
	if err != nil {
		return "", "", err
	}
	// Not the cleaned path: a .. behind a link is not where it looks to be.
	if !filepath.IsAbs(given) {
		given = abs
	}
	dir, base := filepath.Split(given)
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", "", err
	}
	if real, err = filepath.EvalSymlinks(given); err != nil {
		return "", "", err
	}
	return filepath.Join(dir, base), real, nil
}

// search looks for an executable along PATH.
func (r *Resolver) search(name string, as *Credential) (string, *Problem) {
	denied := false
	for _, dir := range filepath.SplitList(r.path) {
		if dir == "" {
			continue // the working directory of a daemon is nobody's wish
		}
		file := filepath.Join(dir, name)
		var st unix.Stat_t
		if unix.Stat(file, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
			continue
		}
		if accessible(file, as) == nil && permits(&st, file, as, 1) {
			return file, nil
		}
		denied = true
	}
	if denied {
		return "", &Problem{Kind: Missing, Text: fmt.Sprintf("Permissions failure for script %s in path - disabling", name)}
	}
	return "", &Problem{Kind: Missing, Text: fmt.Sprintf("Cannot find script %s in path - disabling", name)}
}

// as finds whom s runs as: its own user, script_user, keepalived_script, ourselves.
func (r *Resolver) as(s *cursor.Script) (*Credential, error) {
	switch {
	case s.User != "":
		return r.credential(s.User, s.Group, s.AllGroups)
	case r.user.User != "":
		return r.credential(r.user.User, r.user.Group, r.user.AllGroups)
	}
	if _, _, ok := r.accounts.User(defaultUser); ok {
		return r.credential(defaultUser, "", false)
	}
	if r.euid != 0 {
		return nil, nil
	}
	own := uint32(r.egid)
	return &Credential{UID: 0, GID: own, Groups: []uint32{own}}, nil
}

func (r *Resolver) credential(user, group string, all bool) (*Credential, error) {
	u, g, ok := r.accounts.User(user)
	if !ok {
		return nil, &Problem{Kind: NoUser, Text: noUser(user)}
	}
	if group != "" {
		if g, ok = r.accounts.Group(group); !ok {
			return nil, &Problem{Kind: NoUser, Text: "Script group '" + group + "' does not exist"}
		}
	}
	c := &Credential{UID: u, GID: g, Groups: []uint32{g}}
	if all || r.all {
		c.Groups = r.accounts.Groups(user, g)
	}
	return c, nil
}

func noUser(name string) string { return "Script user '" + name + "' does not exist" }

// sentence is an errno in the words of strerror(3).
func sentence(err error) string {
	text := err.Error()
	var errno unix.Errno
	if errors.As(err, &errno) {
		text = errno.Error()
	}
	first, n := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[n:]
}
