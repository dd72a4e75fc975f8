package global

import (
	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// Keywords returns the root keywords and those of global_defs.
func Keywords() []config.Keyword { return nil }

// Decode reads the root keywords and every global_defs of the tree, wherever they stand.
func Decode(t *config.Tree) (*Config, diag.List) { return Default(), nil }

// Scripts lists the scripts of the shared configuration.
func (c *Config) Scripts() []cursor.ScriptUse { return nil }
