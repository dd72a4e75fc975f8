package vrrpcfg

import (
	"slices"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
)

// syncGroup is a vrrp_sync_group under construction.
type syncGroup struct {
	*Group
	d               *decoder
	members         []string
	listed          bool
	smtp, prioLines global.Switch
}

func (d *decoder) readGroup(c *cursor.Cursor) {
	w, ok := c.OnlyName("vrrp_sync_group must have a name - skipping")
	if !ok {
		return
	}
	if slices.ContainsFunc(d.cfg.Groups, func(g *Group) bool { return g.Name == w.Text }) {
		c.Errorf(w.Range, diag.Duplicate, "vrrp sync group %s already defined", w.Text)
		return
	}
	g := syncGroup{Group: &Group{Name: w.Text, Range: w.Range}, d: d}
	groupTable.Decode(&g, c.Block(), d.diags)
	g.Members = g.members
	g.Notify.SMTPAlert = g.smtp.Or(d.g.SMTPAlertVRRP.Or(d.g.SMTPAlert.Or(false)))
	g.PriorityLines = g.prioLines
	g.Notify.PriorityChanges = g.prioLines.Or(d.g.NotifyPriorityChanges)
	d.cfg.Groups = append(d.cfg.Groups, g.Group)
}

func groupRows() []cursor.Row[syncGroup] {
	const path = "vrrp_sync_group"
	list := func(name, grammar string, into func(*syncGroup, *cursor.Cursor)) cursor.Row[syncGroup] {
		r := line(path, name, grammar, 0, into)
		r.Kind = config.List
		return r
	}
	notify := func(name string, at func(*syncGroup) **cursor.Script) cursor.Row[syncGroup] {
		r := valued(path, name, config.Of(config.Command), func(g *syncGroup, c *cursor.Cursor) {
			readNotify(c, at(g), sprintf("vrrp group %s: %s script already specified - ignoring %%s", g.Name, name))
		})
		r.Script = true
		return r
	}
	oldTracking := valued(path, "global_tracking", config.Of(config.Flag), func(g *syncGroup, c *cursor.Cursor) {
		c.Warnf(c.Range(), diag.Deprecated, "(%s) global_tracking is deprecated. Use track_interface/script/file on the sync group", g.Name)
		g.TrackingWeight = true
	})
	oldTracking.Deprecated = "sync_group_tracking_weight"
	return []cursor.Row[syncGroup]{
		list("group", "{ <instance>... }", func(g *syncGroup, c *cursor.Cursor) {
			if g.listed {
				c.Errorf(c.Range(), diag.Duplicate, "Group list already specified for sync group %s", g.Name)
				return
			}
			g.members, g.listed = names(c), true
			if len(g.members) == 0 {
				c.Warnf(c.Range(), diag.BadValue, "Warning - sync group %s has empty group block", g.Name)
				g.listed = false
			}
		}),
		list("track_interface", "{ <if> [weight <n> [reverse]] }", func(g *syncGroup, c *cursor.Cursor) {
			g.d.trackInterfaces(g.Name, &g.Track.Interfaces, c)
		}),
		list("track_script", "{ <name> [weight <n> [reverse|noreverse]] }", func(g *syncGroup, c *cursor.Cursor) {
			g.d.trackList(trackScripts, g.Name, &g.Track.Scripts, c)
		}),
		effect(noFiles, list("track_file", "{ <name> [weight <n> [reverse|noreverse]] }", func(g *syncGroup, c *cursor.Cursor) {
			g.d.trackList(trackFiles, g.Name, &g.Track.Files, c)
		})),
		effect(noProcesses, list("track_process", "{ <name> [weight <n> [reverse|noreverse]] }", func(g *syncGroup, c *cursor.Cursor) {
			g.d.trackList(trackProcesses, g.Name, &g.Track.Processes, c)
		})),
		effect(noBFD, list("track_bfd", "{ <name> [weight <n> [reverse|noreverse]] }", func(g *syncGroup, c *cursor.Cursor) {
			g.d.trackList(trackBFDs, g.Name, &g.Track.BFDs, c)
		})),
		notify("notify_master", func(g *syncGroup) **cursor.Script { return &g.Notify.Master }),
		notify("notify_backup", func(g *syncGroup) **cursor.Script { return &g.Notify.Backup }),
		notify("notify_fault", func(g *syncGroup) **cursor.Script { return &g.Notify.Fault }),
		notify("notify_stop", func(g *syncGroup) **cursor.Script { return &g.Notify.Stop }),
		notify("notify", func(g *syncGroup) **cursor.Script { return &g.Notify.Any }),
		effect(noMail, doc("", "smtp_alert_vrrp", valued(path, "smtp_alert", config.Of(config.Bool), func(g *syncGroup, c *cursor.Cursor) {
			readSwitch(c, &g.smtp, "Invalid vrrp_group smtp_alert parameter %s")
		}))),
		doc("", "vrrp_notify_priority_changes", valued(path, "notify_priority_changes", config.Of(config.Bool), func(g *syncGroup, c *cursor.Cursor) {
			readSwitch(c, &g.prioLines, sprintf("(%s) Invalid value '%%s' for sync group notify_priority_changes specified", g.Name))
		})),
		flagOf(path, "sync_group_tracking_weight", func(g *syncGroup) { g.TrackingWeight = true }),
		oldTracking,
	}
}

// readNotify reads a notify script; the first one wins.
func readNotify(c *cursor.Cursor, at **cursor.Script, again string) {
	s, ok := c.Script()
	switch {
	case !ok:
	case *at != nil:
		c.Errorf(s.Range, diag.Duplicate, again, s.Text)
	default:
		*at = s
	}
}

// readSwitch reads a bool that may also stay unset.
func readSwitch(c *cursor.Cursor, at *global.Switch, complaint string) {
	if v, ok := c.Bool(complaint); ok {
		*at = global.SwitchOf(v)
	}
}
