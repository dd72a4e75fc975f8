package global

import (
	"slices"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// tables are all rows, outside any block and of global_defs.
func tables() []row {
	return slices.Concat(rootRows(), identityRows(), processRows(), fileRows(), mailRows(), fifoRows(),
		vrrpRows(), garpRows(), bufferRows(), firewallRows(), lvsRows(), agentRows())
}

// Keywords returns the root keywords and those of global_defs.
func Keywords() []config.Keyword {
	out := []config.Keyword{{Name: "global_defs", Kind: config.Block, Grammar: "{ ... }"}}
	for _, r := range tables() {
		out = append(out, r.Keyword)
	}
	return out
}

// Decode reads the root keywords and every global_defs of the tree, wherever they
// stand: unlike in 2.2.7 their place makes no difference to what stands before them.
func Decode(t *config.Tree) (*Config, diag.List) {
	g := Default()
	var diags diag.List
	var outside, inside []cursor.Row[Config]
	for _, r := range tables() {
		if r.Path == "" {
			outside = append(outside, r.Row)
		} else {
			inside = append(inside, r.Row)
		}
	}
	root, defs := cursor.Index(outside), cursor.Index(inside)
	for _, n := range t.Roots {
		if n.Keyword.Text == "global_defs" {
			defs.Decode(g, n.Block, &diags)
		}
	}
	root.Decode(g, t.Roots, &diags)
	g.finish()
	return g, diags
}

// finish applies what keywords mean to each other.
func (g *Config) finish() {
	if g.MinGARP {
		// "unless already changed": only values that still are the defaults give way.
		d := Default().GARP
		if g.GARP.Repeat == d.Repeat {
			g.GARP.Repeat = 1
		}
		if g.GARP.Delay == d.Delay {
			g.GARP.Delay = 0
		}
		if g.GARP.RefreshRepeat == d.RefreshRepeat {
			g.GARP.RefreshRepeat = 0
		}
	}
}

// Scripts lists the scripts of the shared configuration.
func (g *Config) Scripts() []cursor.ScriptUse {
	var out []cursor.ScriptUse
	add := func(kind cursor.ScriptKind, owner string, s *cursor.Script) {
		if s != nil {
			out = append(out, cursor.ScriptUse{Kind: kind, Owner: owner, Script: s})
		}
	}
	fifo := func(owner string, f FIFO) {
		add(cursor.FIFOScript, owner, f.Script) // also without a FIFO, in which case 2.2.7 checks it, too
	}
	add(cursor.LifeScript, "startup_script", g.StartupScript)
	add(cursor.LifeScript, "shutdown_script", g.ShutdownScript)
	fifo("notify_fifo_script", g.FIFO)
	fifo("vrrp_notify_fifo_script", g.VRRPFIFO)
	fifo("lvs_notify_fifo_script", g.LVSFIFO)
	return out
}
