package main

import (
	"keepalived/cmd/internal/dialect"
	"keepalived/core/config/cursor"
	"keepalived/core/global"
)

type scriptFiles struct{}

func (scriptFiles) CheckScript(use cursor.ScriptUse, g *global.Config) dialect.Verdict {
	return dialect.Verdict{}
}
func (scriptFiles) CheckUser(u global.ScriptUser) bool { return true }
