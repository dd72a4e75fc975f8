package machine

import (
	"errors"

	"keepalived/cmd/internal/dialect"
	"keepalived/core/config/cursor"
	"keepalived/core/global"
	"keepalived/core/process"
	"keepalived/core/rtname"
	"keepalived/core/script"
)

// Scripts looks at the files and users behind the scripts of a configuration.
type Scripts struct{}

// CheckScript implements dialect.ScriptChecker.
func (Scripts) CheckScript(use cursor.ScriptUse, g *global.Config) dialect.Verdict {
	s, err := script.NewResolver(g, process.Accounts{}).Resolve(use.Script)
	var p *script.Problem
	if errors.As(err, &p) {
		return dialect.Verdict{
			NoUser:   p.Kind == script.NoUser,
			Missing:  p.Kind == script.Missing || p.Kind == script.NotExecutable,
			Insecure: p.Kind == script.Insecure || p.Kind == script.WrongType,
		}
	}
	return dialect.Verdict{Insecure: s.Insecure, Shell: s.Shell}
}

// RouteNames implements dialect.ScriptChecker.
func (Scripts) RouteNames(etc, usr string) *global.Names { return rtname.Read(etc, usr) }

// CheckUser implements dialect.ScriptChecker.
func (Scripts) CheckUser(u global.ScriptUser) bool {
	return script.NewResolver(global.Default(), process.Accounts{}).UserExists(u)
}
