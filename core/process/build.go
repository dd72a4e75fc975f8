package process

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Compat is the version of keepalived whose behaviour and dump contents this daemon
// keeps; exporters parse it out of the first line of -v.
const Compat = "v2.4.3"

// CompatDate goes with Compat, in keepalived's form.
const CompatDate = "(08/30,2026)"

// version is this project's own.
const version = "0.1.0"

// commit is set by the linker (-X).
var commit string

// Version returns this project's version with the commit it was built from, as far as
// known: 0.1.0 (3b2c1d0e9f8a).
func Version() string {
	c := commit
	if c == "" {
		if info, ok := debug.ReadBuildInfo(); ok {
			for _, s := range info.Settings {
				if s.Key == "vcs.revision" && len(s.Value) >= 12 {
					c = s.Value[:12]
				}
			}
		}
	}
	if c == "" {
		return version
	}
	return fmt.Sprintf("%s (%s)", version, c)
}

// Go names the toolchain and platform: go1.26.8 linux/amd64.
func Go() string { return fmt.Sprintf("%s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH) }
