package vrrp

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"keepalived/core/global"
	"keepalived/core/process"
)

// dumpFiles are the paths of the three dumps.
type dumpFiles struct{ data, stats, json string }

// dumpFilesOf finds the paths: configured ones (a trailing slash is a directory, one
// without a leading slash is below dir), else keepalived's names in dir.
func dumpFilesOf(g *global.Config, dir string) dumpFiles {
	suffix := ""
	if g.DataUseInstance {
		if g.Instance != "" {
			suffix += "_" + g.Instance
		}
		if g.Namespace != "" {
			suffix += "_" + g.Namespace
		}
	}
	path := func(configured, base, ext string) string {
		name := base + suffix + ext
		switch {
		case configured == "":
			return filepath.Join(dir, name)
		case strings.HasSuffix(configured, "/"):
			return filepath.Join(configured, name)
		case !filepath.IsAbs(configured):
			return filepath.Join(dir, configured)
		}
		return configured
	}
	return dumpFiles{
		data:  path(g.StateDumpFile, "keepalived", ".data"),
		stats: path(g.StatsDumpFile, "keepalived", ".stats"),
		json:  path(g.JSONDumpFile, "keepalived", ".json"),
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
