// Package rtname reads iproute2's files with names of routing tables, protocols and
// the like, so that a configuration may use the names that `ip route` knows.
package rtname

import (
	"io"
	"math"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"keepalived/core/global"
)

// Where iproute2 keeps its files: the administrator's, and those it comes with.
const (
	EtcDir = "/etc/iproute2"
	UsrDir = "/usr/share/iproute2"
)

// longest is how much of a file is read: those in the field have a few hundred octets.
const longest = 1 << 20

// Read returns the names of the files in etc; one that is not there is looked for in
// usr. "" stands for iproute2's own directory. Without any file the names that need none
// are left.
func Read(etc, usr string) *global.Names {
	if etc == "" {
		etc = EtcDir
	}
	if usr == "" {
		usr = UsrDir
	}
	n := global.BuiltinNames()
	for _, f := range []struct {
		name  string
		into  global.NameTable
		limit uint32
	}{
		{"rt_tables", n.Tables, math.MaxUint32},
		{"rt_protos", n.Protocols, math.MaxUint8},
		{"rt_scopes", n.Scopes, math.MaxUint8},
		{"rt_dsfield", n.DSFields, math.MaxUint8},
		{"rt_realms", n.Realms, math.MaxUint16},
		{"group", n.Groups, math.MaxInt32},
	} {
		text, ok := contents(filepath.Join(etc, f.name))
		if !ok {
			text, _ = contents(filepath.Join(usr, f.name))
		}
		f.into.Read(text, f.limit)
	}
	return n
}

// contents is the text of a regular file: of anything else a reader could wait for ever.
func contents(path string) (string, bool) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", false
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", false
	}
	text, err := io.ReadAll(io.LimitReader(f, longest))
	return string(text), err == nil
}
