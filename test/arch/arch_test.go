// Package arch holds the rules of ARCHITECTURE.md §3 as tests: who may import whom,
// what pure packages may use, how long files and functions may get.
package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "keepalived"

// pure lists the packages that decide and never act (level 0 and 1). A trailing /...
// takes in what lies below.
var pure = []string{
	"core/diag", "core/timerq", "core/config", "core/config/cursor", "core/global", "core/track",
	"core/reconcile", "core/notify", "core/dump",
	"vrrp/wire", "vrrp/vrrpcfg", "vrrp/fsm", "vrrp/group", "vrrp/iface", "vrrp/garp", "vrrp/bfd", "vrrp/snapshot",
	"checker/checkercfg", "checker/health", "checker/snapshot",
}

// pureAbove decide without acting, too, but know both children.
var pureAbove = []string{"cmd/internal/dialect", "cmd/internal/lint", "cmd/internal/meaning"}

// forbiddenInPure are the direct imports a pure package must not have.
var forbiddenInPure = []string{
	"os", "net", "context", "sync", "sync/atomic", "log", "log/slog", "math/rand", "math/rand/v2", "path/filepath", "os/exec", "syscall",
}

// level gives every package its place in the strict order of imports.
func level(p string) int {
	switch {
	case p == "core/diag" || p == "core/clock" || p == "core/timerq":
		return 0
	case isPure(p):
		return 10
	case p == "core/config/files" || p == "core/rtnl" || p == "core/rtname" || p == "core/nft" || p == "core/script" || p == "core/mail" || p == "core/watch" ||
		p == "core/process" || p == "core/logging" || p == "core/loop" || p == "core/reconcile/worker":
		return 20
	case p == "vrrp/sock" || p == "vrrp/vip" || p == "checker/probe" || p == "checker/ipvs":
		return 25
	case strings.HasPrefix(p, "proto/"):
		return 30
	case p == "rpc/unixsock":
		return 31
	case strings.HasPrefix(p, "rpc/"):
		return 32
	case p == "core/supervisor" || p == "vrrp" || p == "checker":
		return 40
	case p == "cmd/internal/dialect":
		return 50
	case strings.HasPrefix(p, "cmd/internal/"):
		return 55
	case strings.HasPrefix(p, "cmd/"):
		return 60
	case strings.HasPrefix(p, "test/"):
		return 70
	default:
		return -1
	}
}

// sameLevel lists the imports allowed within one level.
func sameLevel(from, to string) bool {
	switch {
	case from == "core/clock" || from == "core/timerq":
		return from == "core/timerq" && to == "core/clock"
	case to == "core/dump" || to == "core/config" || to == "core/config/cursor" || to == "core/global" || to == "core/track":
		return true
	case from == "vrrp/group" && to == "vrrp/fsm":
		return true
	case path.Base(from) == "snapshot":
		return slices.Contains([]string{"vrrp/vrrpcfg", "vrrp/fsm", "checker/checkercfg", "checker/health"}, to)
	case from == "core/reconcile/worker" && to == "core/reconcile":
		return true
	// An effect package may log through, and run with, the daemon's own process helpers.
	case level(from) == 20:
		return to == "core/process"
	case strings.HasPrefix(from, "test/"):
		return true
	}
	return false
}

// onlyImporter maps a library to the packages that may import it.
var onlyImporter = map[string][]string{
	"github.com/vishvananda/netlink": {"core/rtnl"},
	"github.com/cloudflare/ipvs":     {"checker/ipvs"},
	"github.com/mdlayher/packet":     {"vrrp/sock"},
	"github.com/google/nftables":     {"core/nft"},
	"google.golang.org/grpc":         {"rpc/", "proto/"},
	"github.com/spf13/cobra":         {"cmd/keepalivedctl"},
}

// mutexAllowed: elsewhere one goroutine owns the state.
var mutexAllowed = []string{"core/clock", "core/logging", "core/mail", "rpc/", "checker/probe", "core/supervisor", "test/"}

type file struct {
	path string // relative to the module root, slashes
	pkg  string // directory
	test bool
	ast  *ast.File
	fset *token.FileSet
	len  int
}

func isPure(p string) bool { return slices.Contains(pure, p) }

func load(t *testing.T) []file {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	var files []file
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || p == filepath.Join(root, "test", "tools")) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, ".pb.go") {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, p, text, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		rel = filepath.ToSlash(rel)
		files = append(files, file{path: rel, pkg: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go"),
			ast: parsed, fset: fset, len: strings.Count(string(text), "\n")})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("found only %d Go files: wrong directory?", len(files))
	}
	return files
}

func imports(f file) []string {
	var out []string
	for _, spec := range f.ast.Imports {
		out = append(out, strings.Trim(spec.Path.Value, `"`))
	}
	return out
}

func TestEveryPackageHasALevel(t *testing.T) {
	for _, f := range load(t) {
		if level(f.pkg) < 0 {
			t.Errorf("%s: package %s has no place in the architecture", f.path, f.pkg)
		}
		for _, bad := range []string{"util", "utils", "common", "helpers", "types", "base"} {
			if path.Base(f.pkg) == bad {
				t.Errorf("%s: %q says nothing about what is in the package", f.path, bad)
			}
		}
	}
}

func TestImportsGoDown(t *testing.T) {
	for _, f := range load(t) {
		for _, imp := range imports(f) {
			to, ours := strings.CutPrefix(imp, module+"/")
			if !ours || to == f.pkg {
				continue
			}
			if f.test && (strings.HasPrefix(to, "test/") || sameTree(f.pkg, to)) {
				continue
			}
			if problem := importProblem(f.pkg, to); problem != "" {
				t.Errorf("%s imports %s: %s", f.path, to, problem)
			}
		}
	}
}

// sameTree lets tests of a package use what lies beside it in its own process's tree.
func sameTree(from, to string) bool {
	return strings.Split(from, "/")[0] == strings.Split(to, "/")[0] || strings.HasPrefix(to, "core/")
}

func importProblem(from, to string) string {
	lf, lt := level(from), level(to)
	switch {
	case strings.HasPrefix(from, "vrrp") && strings.HasPrefix(to, "checker"), strings.HasPrefix(from, "checker") && strings.HasPrefix(to, "vrrp"):
		return "the two children know nothing of each other"
	case (strings.HasPrefix(from, "core/") || strings.HasPrefix(from, "rpc/")) && (strings.HasPrefix(to, "vrrp") || strings.HasPrefix(to, "checker")):
		return "core and rpc know no child"
	case from == "test/netlab":
		return "netlab stands alone"
	case strings.HasPrefix(to, "test/") && !strings.HasPrefix(from, "test/"):
		return "only tests use test/"
	case lt < lf || lt == lf && sameLevel(from, to):
		return ""
	default:
		return fmt.Sprintf("level %d may only import lower ones, %s is level %d", lf, to, lt)
	}
}

func TestPurePackages(t *testing.T) {
	for _, f := range load(t) {
		if f.test || !isPure(f.pkg) && !slices.Contains(pureAbove, f.pkg) {
			continue
		}
		for _, imp := range imports(f) {
			if slices.Contains(forbiddenInPure, imp) {
				t.Errorf("%s is pure and imports %s", f.path, imp)
			}
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s is pure and starts a goroutine", f.fset.Position(n.Pos()))
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && !allowedOfTime(n.Sel.Name) {
					t.Errorf("%s is pure and uses time.%s", f.fset.Position(n.Pos()), n.Sel.Name)
				} else if ok && x.Name == "clock" && n.Sel.Name == "Real" {
					t.Errorf("%s is pure and reads the real clock", f.fset.Position(n.Pos()))
				}
			}
			return true
		})
	}
}

func allowedOfTime(name string) bool {
	switch name {
	case "Duration", "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour":
		return true
	}
	return false
}

func TestOneImporterPerLibrary(t *testing.T) {
	for _, f := range load(t) {
		for _, imp := range imports(f) {
			for lib, allowed := range onlyImporter {
				if imp != lib && !strings.HasPrefix(imp, lib+"/") {
					continue
				}
				if !slices.ContainsFunc(allowed, func(a string) bool { return f.pkg == a || strings.HasSuffix(a, "/") && strings.HasPrefix(f.pkg+"/", a) }) {
					t.Errorf("%s imports %s, which only %v may", f.path, imp, allowed)
				}
			}
		}
	}
}

func TestMutexesOnlyWhereStateIsShared(t *testing.T) {
	for _, f := range load(t) {
		if f.test || slices.ContainsFunc(mutexAllowed, func(a string) bool { return f.pkg == a || strings.HasSuffix(a, "/") && strings.HasPrefix(f.pkg+"/", a) }) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "sync" && (s.Sel.Name == "Mutex" || s.Sel.Name == "RWMutex") {
					t.Errorf("%s: a mutex; state has one owner here", f.fset.Position(s.Pos()))
				}
			}
			return true
		})
	}
}

func TestLengths(t *testing.T) {
	for _, f := range load(t) {
		if f.len > 600 {
			t.Errorf("%s has %d lines, 600 are allowed", f.path, f.len)
		}
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			if n := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1; n > 80 {
				t.Errorf("%s: %s has %d lines, 80 are allowed", f.path, fn.Name.Name, n)
			}
		}
	}
}
