package vrrpcfg

import (
	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
)

// Keywords returns every keyword of the VRRP blocks.
func Keywords() []config.Keyword { return nil }

// Interfaces is the set of interfaces that exist; nil: not known, do not check.
type Interfaces map[string]struct{}

// Has reports whether the interface exists or nothing is known.
func (i Interfaces) Has(name string) bool {
	if i == nil {
		return true
	}
	_, ok := i[name]
	return ok
}

// Load decodes the VRRP part of the tree and resolves it. The Config is usable
// unless the list has a Fatal finding.
func Load(t *config.Tree, g *global.Config, ifs Interfaces) (*Config, diag.List) {
	return &Config{Global: g}, nil
}

// ScriptUses lists the scripts of the configuration, in the order of the file.
func (c *Config) ScriptUses() []cursor.ScriptUse { return nil }

// DisableScript drops a track script that cannot be run: whatever tracks it no
// longer does.
func (c *Config) DisableScript(name string) {}
