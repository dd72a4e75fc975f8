package vrrp

import (
	"fmt"
	"time"

	"keepalived/core/clock"
	"keepalived/vrrp/fsm"
	"keepalived/vrrp/group"
	"keepalived/vrrp/vrrpcfg"
)

// syncGroup is one vrrp_sync_group as the daemon runs it.
type syncGroup struct {
	cfg      *vrrpcfg.Group
	st       group.State
	members  []*instance
	standing []fsm.Standing
	notify   notifyOptions
	pending  bool      // a member's standing has changed
	by       *instance // the member that caused it
	changed  time.Time
}

// groupChanged remembers that a member's standing has changed. The group is stepped
// when the turn's event has been worked off: members move together, after it.
func (d *daemon) groupChanged(in *instance) {
	if g := in.group; g != nil {
		g.pending, g.by = true, in // the last is what makes the group's standing whole
	}
}

// maxGroupSteps bounds how often one group is stepped in a turn. A group comes to rest
// after a pull or two; more would be a mistake of ours that must not stop the loop.
const maxGroupSteps = 16

// syncGroups steps the groups whose members have changed, until they are at rest.
func (d *daemon) syncGroups(now clock.Instant) {
	for _, g := range d.groups {
		d.settleGroup(now, g)
	}
}

// settleGroup steps a group until it is at rest; g may be nil.
func (d *daemon) settleGroup(now clock.Instant, g *syncGroup) {
	for range maxGroupSteps {
		if g == nil || !g.pending {
			break
		}
		g.pending = false
		d.stepGroup(now, g)
	}
}

// stepGroup carries out one decision of the group in the order that group.Outcome gives.
func (d *daemon) stepGroup(now clock.Instant, g *syncGroup) {
	g.standing = g.standing[:0]
	for _, in := range g.members {
		g.standing = append(g.standing, in.st.Standing())
	}
	from := g.st.Phase
	var out group.Outcome
	g.st, out = group.Step(g.st, g.standing)
	if out.Opening && out.Notice != 0 {
		d.notify.group(now, g, out.Notice)
	}
	pull := fsm.Event{Kind: fsm.EvGroupPull, Phase: out.Pull}
	if out.Held {
		pull.Causes = fsm.CauseInit
	}
	if out.Opening && !out.Held {
		g.by = g.members[0]
	}
	if out.Pull != fsm.Initialize {
		d.step(now, g.by, pull)
	}
	if out.Say {
		d.info(fmt.Sprintf("VRRP_Group(%s) Syncing instances to %s state", g.cfg.Name, g.st.Phase))
	}
	if !out.Opening && out.Notice != 0 {
		d.notify.group(now, g, out.Notice)
	}
	if out.Pull != fsm.Initialize {
		for _, in := range g.members {
			if in != g.by {
				d.step(now, in, pull)
			}
		}
		g.pending = true
	}
	if g.st.Phase != from {
		g.changed = time.Now()
		d.reportGroup(g, from)
	}
}

// announceGroup has the other members announce as well: hosts that believed a rival of
// one may have believed it of all.
func (d *daemon) announceGroup(now clock.Instant, by *instance) {
	if by.group == nil {
		return
	}
	for _, in := range by.group.members {
		if in != by {
			d.step(now, in, fsm.Event{Kind: fsm.EvGroupAnnounce})
		}
	}
}
