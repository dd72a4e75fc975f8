package checkercfg

import (
	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
)

// Summary is what is known of the checkers' configuration.
type Summary struct {
	// Services is the number of virtual servers that can be used: with none the
	// healthchecker child has nothing to do.
	Services int
	// Scripts are those of checkers and notifications.
	Scripts []cursor.ScriptUse
}

// Validate returns what keepalived complains about in the checkers' blocks.
func Validate(t *config.Tree, g *global.Config) (Summary, diag.List) {
	cfg, diags := Load(t, g)
	return Summary{Services: len(cfg.Services), Scripts: cfg.ScriptUses()}, diags
}
