package vrrp

import (
	"keepalived/core/config/cursor"
	"keepalived/core/global"
	"keepalived/core/notify"
	"keepalived/core/script"
	"os/exec"
)

func decide(ev notify.Event, o notify.Options) notify.Plan {
	var p notify.Plan
	words := map[notify.State]string{notify.Master: "MASTER", notify.Backup: "BACKUP", notify.Fault: "FAULT", notify.Stop: "STOP"}
	hooks := map[notify.State]notify.Hook{notify.Master: notify.NotifyMaster, notify.Backup: notify.NotifyBackup, notify.Fault: notify.NotifyFault, notify.Stop: notify.NotifyStop}
	if h, ok := hooks[ev.State]; ok && o.Hooks.Has(h) {
		p.Runs = append(p.Runs, notify.Run{Hook: h})
	}
	if words[ev.State] != "" && o.Hooks.Has(notify.Notify) {
		p.Runs = append(p.Runs, notify.Run{Hook: notify.Notify, Args: []string{"INSTANCE", ev.Name, words[ev.State], "0"}})
	}
	return p
}

type resolverTemp struct{}

func (d *daemon) newResolver(g *global.Config) *resolverTemp { return &resolverTemp{} }

func (d *daemon) resolveScript(kind cursor.ScriptKind, owner string, s *cursor.Script) (script.Command, bool) {
	path, err := exec.LookPath(s.Argv[0])
	if err != nil {
		return script.Command{}, false
	}
	return script.Command{Path: path, Argv: s.Argv}, true
}

func (d *daemon) credentialOf(s *cursor.Script) *script.Credential { return nil }

func (n *notifier) command(s *cursor.Script) (string, bool) {
	c, ok := n.d.resolveScript(cursor.NotifyScript, "", s)
	return c.Path, ok
}
