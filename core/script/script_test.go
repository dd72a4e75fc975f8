package script

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"keepalived/core/config/cursor"
	"keepalived/core/global"
)

// machine is a passwd and group file.
type machine struct {
	users  map[string][2]uint32
	groups map[string]uint32
}

func (m machine) User(name string) (uid, gid uint32, ok bool) {
	u, ok := m.users[name]
	return u[0], u[1], ok
}

func (m machine) Group(name string) (uint32, bool) { g, ok := m.groups[name]; return g, ok }

func (m machine) Groups(user string, gid uint32) []uint32 { return []uint32{gid, 27} }

var accounts = machine{
	users:  map[string][2]uint32{"root": {0, 0}, "nobody": {65534, 65534}},
	groups: map[string]uint32{"root": 0, "nogroup": 65534},
}

// observed is what 2.2.7 said of each file when it ran as root with and without
// enable_script_security ({D} is the directory). Without security every line that ends
// in " - disabling." of an unsafe file loses that ending and the script runs.
var observed = []struct {
	name  string
	setup string
	path  string // below the directory, or absolute, or a bare name
	user  string
	group string
	kind  Kind   // with security; 0: runs
	text  string // with security
}{
	{name: "plain", path: "c.sh"},
	{name: "own_nobody", setup: "cp c.sh on.sh; chown nobody on.sh", path: "on.sh", kind: Insecure,
		text: "Unsafe permissions found for script '{D}/on.sh' - disabling."},
	{name: "grp_root_w", setup: "cp c.sh gr.sh; chmod 775 gr.sh", path: "gr.sh"},
	{name: "grp_nog_w", setup: "cp c.sh gn.sh; chmod 775 gn.sh; chgrp nogroup gn.sh", path: "gn.sh", kind: Insecure,
		text: "Unsafe permissions found for script '{D}/gn.sh' - disabling."},
	{name: "world_w", setup: "cp c.sh ww.sh; chmod 757 ww.sh", path: "ww.sh", kind: Insecure,
		text: "Unsafe permissions found for script '{D}/ww.sh' - disabling."},
	{name: "dir_own_nobody", setup: "mkdir dn; cp c.sh dn; chown nobody dn", path: "dn/c.sh", kind: Insecure,
		text: "Unsafe permissions found for script '{D}/dn/c.sh' - disabling."},
	{name: "dir_grp_root_w", setup: "mkdir -m 775 dgr; cp c.sh dgr", path: "dgr/c.sh"},
	{name: "dir_grp_nog_w", setup: "mkdir -m 775 dgn; cp c.sh dgn; chgrp nogroup dgn", path: "dgn/c.sh", kind: Insecure,
		text: "Unsafe permissions found for script '{D}/dgn/c.sh' - disabling."},
	{name: "dir_world", setup: "mkdir -m 777 dw; cp c.sh dw", path: "dw/c.sh", kind: Insecure,
		text: "Unsafe permissions found for script '{D}/dw/c.sh' - disabling."},
	{name: "dir_sticky", setup: "mkdir -m 1777 ds; cp c.sh ds", path: "ds/c.sh"},
	{name: "dir_sticky_sub", setup: "mkdir -m 1777 dss; mkdir dss/sub; cp c.sh dss/sub", path: "dss/sub/c.sh"},
	{name: "dir_sticky_nobody", setup: "mkdir -m 1777 dsn; cp c.sh dsn; chown nobody dsn", path: "dsn/c.sh", kind: Insecure,
		text: "Unsafe permissions found for script '{D}/dsn/c.sh' - disabling."},
	{name: "dir_sticky_g", setup: "mkdir -m 1775 dsg; cp c.sh dsg; chgrp nogroup dsg", path: "dsg/c.sh"},
	{name: "lnk_in_world", setup: "mkdir -m 777 dl; ln -s $PWD/c.sh dl/lnk", path: "dl/lnk"},
	{name: "lnk_to_dir", setup: "mkdir -m 777 dt; cp c.sh dt; ln -s $PWD/dt dlnk", path: "dlnk/c.sh", kind: Insecure,
		text: "Unsafe permissions found for script '{D}/dt/c.sh' - disabling."},
	{name: "lnk_ok", setup: "ln -s $PWD/c.sh okl", path: "okl"},
	{name: "noexec", setup: "cp c.sh nx.sh; chmod 644 nx.sh", path: "nx.sh", kind: NotExecutable,
		text: "WARNING - script '{D}/nx.sh' is not executable for uid:gid 0:0 - disabling."},
	{name: "noexec_nob", setup: "cp c.sh nxn.sh; chmod 744 nxn.sh", path: "nxn.sh", user: "nobody", kind: NotExecutable,
		text: "WARNING - script '{D}/nxn.sh' is not executable for uid:gid 65534:65534 - disabling."},
	{name: "nob_insec", setup: "mkdir -m 777 dwn; cp c.sh dwn", path: "dwn/c.sh", user: "nobody"},
	{name: "nob_root_group", setup: "mkdir -m 777 dwr; cp c.sh dwr", path: "dwr/c.sh", user: "nobody", group: "root", kind: Insecure,
		text: "Unsafe permissions found for script '{D}/dwr/c.sh' - disabling."},
	{name: "nob_own", setup: "cp c.sh onn.sh; chown nobody onn.sh", path: "onn.sh", user: "nobody"},
	{name: "nob_noaccess", setup: "mkdir -m 700 priv; cp c.sh priv", path: "priv/c.sh", user: "nobody", kind: Missing,
		text: "Script {D}/priv/c.sh cannot be accessed - Permission denied"},
	{name: "dir", setup: "mkdir adir", path: "adir", kind: WrongType, text: "Wrong file type found in script path '{D}/adir'."},
	{name: "fifo", setup: "mkfifo -m 755 ff", path: "ff", kind: WrongType, text: "Wrong file type found in script path '{D}/ff'."},
	{name: "dev", path: "/dev/null", kind: NotExecutable,
		text: "WARNING - script '/dev/null' is not executable for uid:gid 0:0 - disabling."},
	{name: "dangling", setup: "ln -s /nonex dang", path: "dang", kind: Missing,
		text: "Script {D}/dang cannot be accessed - No such file or directory"},
	{name: "loop", setup: "ln -s loop loop", path: "loop", kind: Missing,
		text: "Script {D}/loop cannot be accessed - Too many levels of symbolic links"},
	{name: "missdir", path: "/nonex/dir/c.sh", kind: Missing,
		text: "Script /nonex/dir/c.sh cannot be accessed - No such file or directory"},
	{name: "throughfile", path: "c.sh/x", kind: Missing, text: "Script {D}/c.sh/x cannot be accessed - Not a directory"},
	{name: "long", path: strings.Repeat("a", 300), kind: Missing,
		text: "Script {D}/" + strings.Repeat("a", 300) + " cannot be accessed - File name too long"},
	{name: "setuid", setup: "cp c.sh su.sh; chown nobody su.sh; chmod 4755 su.sh", path: "su.sh", kind: Insecure,
		text: "Unsafe permissions found for script '{D}/su.sh' - disabling."},
	{name: "suroot_nob", setup: "cp c.sh sr.sh; chmod 4755 sr.sh", path: "sr.sh", user: "nobody"},
	{name: "suroot_nob_ins", setup: "cp c.sh sri.sh; chgrp nogroup sri.sh; chmod 4775 sri.sh", path: "sri.sh", user: "nobody", kind: Insecure,
		text: "Unsafe permissions found for script '{D}/sri.sh' - disabling."},
	{name: "no group", path: "c.sh", user: "nobody", group: "frob", kind: NoUser, text: "Script group 'frob' does not exist"},
	{name: "no user", path: "c.sh", user: "frob", kind: NoUser, text: "Script user 'frob' does not exist"},
	{name: "a number is no user", path: "c.sh", user: "65534", kind: NoUser, text: "Script user '65534' does not exist"},
}

func prepare(t *testing.T) (dir string) {
	t.Helper()
	needRoot(t)
	dir, err := os.MkdirTemp("/tmp", "script")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	text := "umask 022; chmod 755 .; printf '#!/bin/sh\\nexit 0\\n' > c.sh; chmod 755 c.sh\n"
	for _, o := range observed {
		text += o.setup + "\n"
	}
	cmd := exec.Command("/bin/sh", "-e", "-c", text)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

func resolver(c global.Config) *Resolver {
	if c.ScriptUser.User == "" {
		c.ScriptUser.User = "root"
	}
	return NewResolver(&c, accounts)
}

func TestObservedSecurity(t *testing.T) {
	dir := prepare(t)
	secure, lax := resolver(global.Config{ScriptSecurity: true}), resolver(global.Config{})
	for _, o := range observed {
		t.Run(o.name, func(t *testing.T) {
			path := o.path
			if !filepath.IsAbs(path) {
				path = dir + "/" + path
			}
			s := &cursor.Script{Argv: []string{path, "arg"}, Text: path + " arg", User: o.user, Group: o.group}
			want := strings.ReplaceAll(o.text, "{D}", dir)

			got, err := secure.Resolve(s)
			var p *Problem
			if errors.As(err, &p) != (o.kind != 0) {
				t.Fatalf("with security: %v, want %q", err, want)
			}
			if p != nil && (p.Kind != o.kind || p.Text != want) {
				t.Errorf("with security: kind %d %q, want %d %q", p.Kind, p.Text, o.kind, want)
			}
			if p == nil && (len(got.Notices) > 0 || got.Insecure || got.Argv[1] != "arg") {
				t.Errorf("with security: %+v", got)
			}

			got, err = lax.Resolve(s)
			if o.kind != Insecure {
				if p != nil && (err == nil || err.Error() != want) {
					t.Errorf("without security: %v, want %q", err, want)
				}
				return
			}
			if err != nil {
				t.Fatalf("without security: %v", err)
			}
			want = strings.TrimSuffix(want, " - disabling.") + "."
			if !got.Insecure || len(got.Notices) != 2 || got.Notices[0] != want {
				t.Errorf("without security: %+v, want notice %q", got, want)
			}
		})
	}
}

// TestHintNamesTheCulprit: which component, whose, what mode, and the cure.
func TestHintNamesTheCulprit(t *testing.T) {
	dir := prepare(t)
	tests := []struct{ path, want string }{
		{"on.sh", "{D}/on.sh has owner 65534:0 and mode 0755, so that others than root can change what root runs; chown root {D}/on.sh"},
		{"dw/c.sh", "{D}/dw has owner 0:0 and mode 0777, so that others than root can change what root runs; chmod o-w {D}/dw"},
		{"dgn/c.sh", "{D}/dgn has owner 0:65534 and mode 0775, so that others than root can change what root runs; chmod g-w {D}/dgn"},
	}
	for _, tt := range tests {
		_, err := resolver(global.Config{ScriptSecurity: true}).Resolve(&cursor.Script{Argv: []string{dir + "/" + tt.path}})
		var p *Problem
		if !errors.As(err, &p) || p.Hint != strings.ReplaceAll(tt.want, "{D}", dir) {
			t.Errorf("%s: %+v", tt.path, p)
		}
	}
}

func TestDisablingLines(t *testing.T) {
	for kind, want := range map[Kind]string{
		Missing: "Disabling track script chk since not found/accessible", Insecure: "Disabling track script chk due to insecure",
		WrongType: "Disabling track script chk due to insecure", NotExecutable: "", NoUser: "",
	} {
		if got := (&Problem{Kind: kind}).Disabling("chk"); got != want {
			t.Errorf("kind %d: %q, want %q", kind, got, want)
		}
	}
}

// TestPathAndName: what runs is the file behind the links, under the name it was given.
func TestPathAndName(t *testing.T) {
	dir := prepare(t)
	t.Setenv("PATH", dir+"/none:"+dir)
	tests := []struct {
		name, given string
		symlinks    bool
		path, argv0 string
		notices     []string
	}{
		{"plain", "{D}/c.sh", false, "{D}/c.sh", "{D}/c.sh", nil},
		{"dots", "{D}/../{B}/./c.sh", false, "{D}/c.sh", "{D}/c.sh", nil},
		{"link: names of programs with many names stay", "{D}/okl", false, "{D}/c.sh", "{D}/okl", nil},
		{"link in a linked directory", "{D}/dlnk/c.sh", false, "{D}/dt/c.sh", "{D}/dt/c.sh",
			[]string{"Unsafe permissions found for script '{D}/dt/c.sh'.", "{D}/dt has owner 0:0 and mode 0777, so that others than root can change what root runs; chmod o-w {D}/dt"}},
		{"use_symlink_paths", "{D}/okl", true, "{D}/okl", "{D}/okl", nil},
		{"use_symlink_paths looks at the link's directories too", "{D}/dl/lnk", true, "{D}/dl/lnk", "{D}/dl/lnk",
			[]string{"Unsafe permissions found for script '{D}/c.sh'.", "{D}/dl has owner 0:0 and mode 0777, so that others than root can change what root runs; chmod o-w {D}/dl"}},
		{"PATH", "okl", false, "{D}/c.sh", "{D}/okl",
			[]string{"WARNING - script `okl` resolved by path search to `{D}/okl`. Please specify full path."}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fill := func(s string) string {
				return strings.NewReplacer("{D}", dir, "{B}", filepath.Base(dir)).Replace(s)
			}
			got, err := resolver(global.Config{UseSymlinkPaths: tt.symlinks}).Resolve(&cursor.Script{Argv: []string{fill(tt.given), "a"}})
			if err != nil {
				t.Fatal(err)
			}
			var notices []string
			for _, n := range tt.notices {
				notices = append(notices, fill(n))
			}
			if got.Path != fill(tt.path) || !slices.Equal(got.Argv, []string{fill(tt.argv0), "a"}) || !slices.Equal(got.Notices, notices) {
				t.Errorf("got %q %q %q", got.Path, got.Argv, got.Notices)
			}
		})
	}
}

func TestSearchFails(t *testing.T) {
	dir := prepare(t)
	t.Setenv("PATH", dir+":"+dir+"/priv")
	tests := []struct{ word, user, want string }{
		{"nosuch", "", "Cannot find script nosuch in path - disabling"},
		{"adir", "", "Cannot find script adir in path - disabling"},
		{"nx.sh", "", "Permissions failure for script nx.sh in path - disabling"},
		{"./c.sh", "", "Script ./c.sh cannot be accessed - No such file or directory"},
	}
	for _, tt := range tests {
		_, err := resolver(global.Config{}).Resolve(&cursor.Script{Argv: []string{tt.word}, Text: tt.word, User: tt.user})
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %q", tt.word, err, tt.want)
		}
	}
}

func TestWhomItRunsAs(t *testing.T) {
	needRoot(t)
	script := func(user, group string, all bool) *cursor.Script {
		return &cursor.Script{Argv: []string{"/bin/true"}, User: user, Group: group, AllGroups: all}
	}
	with := machine{users: map[string][2]uint32{"root": {0, 0}, "nobody": {65534, 65534}, "keepalived_script": {990, 991}}, groups: accounts.groups}
	tests := []struct {
		name   string
		g      global.Config
		m      machine
		s      *cursor.Script
		want   Credential
		absent string
	}{
		{"its own user", global.Config{}, accounts, script("nobody", "", false), Credential{65534, 65534, []uint32{65534}}, "Script user 'keepalived_script' does not exist"},
		{"its own user and group", global.Config{ScriptUser: global.ScriptUser{User: "root"}}, accounts, script("nobody", "root", false), Credential{65534, 0, []uint32{0}}, ""},
		{"script_user", global.Config{ScriptUser: global.ScriptUser{User: "nobody", Group: "root"}}, accounts, script("", "", false), Credential{65534, 0, []uint32{0}}, ""},
		{"keepalived_script", global.Config{}, with, script("", "", false), Credential{990, 991, []uint32{991}}, ""},
		{"ourselves, also with script security (observed)", global.Config{ScriptSecurity: true}, accounts, script("", "", false), Credential{0, 0, []uint32{0}}, "Script user 'keepalived_script' does not exist"},
		{":group", global.Config{}, with, script("nobody", "nogroup", true), Credential{65534, 65534, []uint32{65534, 27}}, ""},
		{"set_supplementary_groups", global.Config{SupplementaryGroups: true}, with, script("nobody", "", false), Credential{65534, 65534, []uint32{65534, 27}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewResolver(&tt.g, tt.m)
			got, err := r.Resolve(tt.s)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tt.want, got.As); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := r.DefaultUserMissing(); got != tt.absent {
				t.Errorf("DefaultUserMissing = %q, want %q", got, tt.absent)
			}
		})
	}
	if r := resolver(global.Config{}); r.UserExists(global.ScriptUser{User: "nobody", Group: "frob"}) || !r.UserExists(global.ScriptUser{User: "nobody"}) {
		t.Error("UserExists")
	}
}

// TestShellSyntax: what keepalived 1.2 gave to system(3).
func TestShellSyntax(t *testing.T) {
	needRoot(t)
	bash := "/bin/bash"
	if unix.Access(bash, unix.X_OK) != nil {
		bash = "/bin/sh"
	}
	tests := []struct {
		name, text string
		shell      string // "": not for a shell
	}{
		{"the seeds' line", "[[ -f /etc/keepalived/down ]] && exit 1 || exit 0", bash},
		{"sh will do", "if [ -f /etc/keepalived/down ]; then exit 1; fi", "/bin/sh"},
		{"subshell", "(exit 3)", "/bin/sh"},
		{"negation", "! pidof nosuch", "/bin/sh"},
		{"builtin", "exit 1", "/bin/sh"},
		{"assignment", "X=1 sh -c 'exit $X'", "/bin/sh"},
		{"here string", "read x <<< hello", bash},
		{"a misspelt path stays disabled", "/nonex/check.sh && exit 1", ""},
		{"a misspelt program stays disabled", "nosuch || exit 1", ""},
		{"a program gets its words as they are", "true || exit 1", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := resolver(global.Config{ScriptSecurity: true}).Resolve(&cursor.Script{Argv: strings.Fields(tt.text), Text: tt.text})
			if tt.shell == "" {
				if err == nil && got.Shell {
					t.Errorf("given to %s", got.Path)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := []string{filepath.Base(tt.shell), "-c", tt.text}
			if !got.Shell || !slices.Equal(got.Argv, want) || len(got.Notices) != 1 || !strings.Contains(got.Notices[0], tt.shell) {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestSeedLineRuns: the seeds' line does what it did in 1.2.
func TestSeedLineRuns(t *testing.T) {
	needRoot(t)
	r, results := run(t, Config{})
	down := filepath.Join(t.TempDir(), "down")
	text := "[[ -f " + down + " ]] && exit 1 || exit 0"
	s, err := resolver(global.Config{}).Resolve(&cursor.Script{Argv: strings.Fields(text), Text: text})
	if err != nil {
		t.Fatal(err)
	}
	r.Start(s.Command(1, 0))
	if got := next(t, results); got.Exit != 0 || got.Err != nil {
		t.Errorf("without the file: %+v", got)
	}
	if err := os.WriteFile(down, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r.Start(s.Command(1, 0))
	if got := next(t, results); got.Exit != 1 || got.Err != nil {
		t.Errorf("with the file: %+v", got)
	}
}
