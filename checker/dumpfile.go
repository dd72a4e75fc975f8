package checker

import (
	"path/filepath"
	"strings"

	"keepalived/core/global"
	"keepalived/core/process"
)

// dumpFiles are the paths of the dumps.
type dumpFiles struct{ data, json string }

// dumpFilesOf finds the paths: keepalived's name in dir, and one like it for the JSON that
// keepalived does not write. A file that is configured is that of the VRRP child; ours
// has _check in its name.
func dumpFilesOf(g *global.Config, dir string) dumpFiles {
	suffix := g.DumpSuffix()
	path := func(configured, name string) string {
		if configured != "" && !strings.HasSuffix(configured, "/") {
			ext := filepath.Ext(configured)
			configured = strings.TrimSuffix(configured, ext) + "_check" + ext
		}
		return process.DumpPath(dir, configured, name)
	}
	return dumpFiles{
		data: path(g.StateDumpFile, "keepalived_check"+suffix+".data"),
		json: path(g.JSONDumpFile, "keepalived_check"+suffix+".json"),
	}
}
