package vrrp

import (
	"errors"
	"io/fs"
	"os"

	"keepalived/core/global"
	"keepalived/core/process"
)

// dumpFiles are the paths of the three dumps.
type dumpFiles struct{ data, stats, json string }

// dumpFilesOf finds the paths: configured ones, else keepalived's names in dir.
func dumpFilesOf(g *global.Config, dir string) dumpFiles {
	suffix := g.DumpSuffix()
	return dumpFiles{
		data:  process.DumpPath(dir, g.StateDumpFile, "keepalived"+suffix+".data"),
		stats: process.DumpPath(dir, g.StatsDumpFile, "keepalived"+suffix+".stats"),
		json:  process.DumpPath(dir, g.JSONDumpFile, "keepalived"+suffix+".json"),
	}
}

// writeDump replaces a dump as a whole; nil text (no instance to tell of) removes a
// stale one, so that nobody takes it for the present.
func writeDump(path string, text []byte) error {
	if text == nil {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	return process.ReplaceFile(path, text)
}
