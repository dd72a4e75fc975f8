package dialect_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"keepalived/cmd/internal/dialect"
	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
	"keepalived/core/rtname"
	"keepalived/vrrp/vrrpcfg"
)

var schema = dialect.Schema()

// interfaces are those of the lab.
var interfaces = vrrpcfg.Interfaces{"lo": {}, "eth0": {}, "eth1": {}, "eth2": {}, "peer0": {}, "peer1": {}, "peer2": {}}

// checked is what our reading of a probe gives.
type checked struct {
	verdict
	diags diag.List
	tree  *config.Tree
	dialect.Result
}

// ours reads a probe as -t does.
func ours(p probe) checked {
	const name = "keepalived.conf"
	files := config.MapFiles{name: p.text}
	tree, diags := config.Parse(files, name, config.Env{NodeName: "host"}, schema)
	r := checked{tree: tree, verdict: verdict{lines: map[int]bool{}}}
	if !diags.HasFatal() {
		r.Result = dialect.Check(tree, interfaces, osScripts{})
		diags = append(diags, r.Result.Diags...)
	}
	diags.Sort()
	r.setDiags(diags)
	return r
}

// setDiags derives the verdict from findings.
func (r *checked) setDiags(diags diag.List) {
	r.lines, r.whole = map[int]bool{}, 0
	r.diags, r.status = diags, diags.ExitStatus()
	var text strings.Builder
	for _, d := range diags {
		fmt.Fprintf(&text, "%d:%d %s: %s\n", d.Subject.Start().Line, d.Subject.Start().Col, d.Severity, d.Summary)
		if d.Severity > diag.Notice {
			if d.Subject.Start().IsValid() {
				r.lines[d.Subject.Start().Line] = true
			} else {
				r.whole++
			}
		}
	}
	r.output = text.String()
}

// heads maps the line of each closing brace to that of its block's keyword: where
// 2.2.7 notices at the end of a block what is wrong with it, we point at its head.
func heads(tree *config.Tree) map[int]int {
	out := map[int]int{}
	var walk func(nodes []*config.Node)
	walk = func(nodes []*config.Node) {
		for _, n := range nodes {
			if n.Close.Start().Line > 0 {
				out[n.Close.Start().Line] = n.Keyword.Range.Start().Line
			}
			walk(n.Block)
		}
	}
	walk(tree.Roots)
	return out
}

// osScripts looks at files and users as -t does.
type osScripts struct{}

func (osScripts) CheckUser(u global.ScriptUser) bool { return userExists(u.User, u.Group) }

func (osScripts) RouteNames(etc, usr string) *global.Names { return rtname.Read(etc, usr) }

func userExists(name, group string) bool {
	if name != "" {
		if _, err := user.Lookup(name); err != nil {
			return false
		}
	}
	if group != "" {
		if _, err := user.LookupGroup(group); err != nil {
			return false
		}
	}
	return true
}

func (osScripts) CheckScript(use cursor.ScriptUse, g *global.Config) dialect.Verdict {
	s := use.Script
	v := dialect.Verdict{NoUser: !userExists(s.User, s.Group)}
	if s.User == "" && g.ScriptUser.User == "" && g.ScriptSecurity {
		v.NoUser = !userExists("keepalived_script", "")
	}
	path := s.Argv[0]
	if !strings.Contains(path, "/") {
		if found, err := exec.LookPath(path); err == nil {
			path = found
		}
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		v.Shell = strings.ContainsAny(s.Text, "[&|;<>$")
		v.Missing = !v.Shell
		return v
	}
	for p, _ := filepath.EvalSymlinks(path); ; p = filepath.Dir(p) {
		if info, err := os.Stat(p); err == nil && info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
			v.Insecure = true
		}
		if p == "/" || p == "." {
			return v
		}
	}
}

// TestCutAnywhere: a file that ends in the middle of anything is read without a panic:
// the configurations of the field and Debian's samples at every octet, others at some.
func TestCutAnywhere(t *testing.T) {
	t.Parallel()
	whole := seeds(t)
	samples, _ := filepath.Glob("/usr/share/doc/keepalived/samples/keepalived.conf*")
	for _, name := range samples {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		whole = append(whole, probe{name: name, text: string(text)})
	}
	cutAt := func(p probe, from, step int) {
		for cut := from; cut < len(p.text); cut += step {
			tree, diags := config.Parse(config.MapFiles{"f": p.text[:cut]}, "f", config.Env{NodeName: "host"}, schema)
			if !diags.HasFatal() && cut%7 == from%7 {
				dialect.Check(tree, interfaces, nil)
			}
		}
	}
	for _, p := range whole {
		cutAt(p, 0, 1)
	}
	for i, p := range probes(t) {
		cutAt(p, i%41, 41)
	}
}
