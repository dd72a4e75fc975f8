// Package checkercfg knows the checkers' configuration: virtual_server,
// virtual_server_group, SSL and bfd_instance. Pure; imports core/config and core/diag.
package checkercfg

import (
	"keepalived/core/config"
	"keepalived/core/diag"
	"keepalived/core/global"
)

// Keywords returns every keyword of the checkers' blocks.
func Keywords() []config.Keyword { return nil }

// Validate returns what keepalived complains about in the checkers' blocks.
func Validate(t *config.Tree, g *global.Config) diag.List { return nil }
