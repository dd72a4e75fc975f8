package vrrpcfg

import (
	"slices"

	"keepalived/core/diag"
	"keepalived/core/global"
)

// resolve fills in defaults, follows names and drops what cannot be used.
func (d *decoder) resolve() {
	for _, b := range d.building {
		b.complete()
	}
	d.checkVRIDs()
	for _, b := range d.building {
		d.cfg.Instances = append(d.cfg.Instances, b.Instance)
	}
	d.resolveGroups()
	d.resolveTrackGroups()
	for _, b := range d.building {
		b.resolveTracking()
	}
	d.markUsed()
	d.resolveDelays()
}

// checkVRIDs finds instances that would speak for the same virtual router on
// one network: same interface, VRID, family, and group or a common peer.
func (d *decoder) checkVRIDs() {
	type router struct {
		link   string
		vrid   uint8
		family Family
	}
	earlier := map[router][]*building{}
	for _, b := range d.building {
		key := router{b.Identity.Interface, b.Identity.VRID, b.Identity.Family}
		if key.vrid == 0 || key.link == "" {
			continue
		}
		others := earlier[key]
		earlier[key] = append(others, b)
		for _, a := range others {
			switch {
			case len(a.Unicast.Peers) == 0 && len(b.Unicast.Peers) == 0:
				if a.Identity.Destination == b.Identity.Destination {
					d.diags.Fatalf(b.place("virtual_router_id"), diag.CannotRun, "%s and %s both use VRID %d with %s on interface %s",
						a.Name, b.Name, b.Identity.VRID, b.Identity.Family, b.Identity.Interface)
					b.spoiled = true
				}
			case a.sharesPeer(b):
				a.cannotRun("virtual_router_id", diag.CannotRun, "duplicate VRID conflict with %s VRID %d", b.Name, b.Identity.VRID)
			}
		}
	}
}

func (b *building) sharesPeer(o *building) bool {
	return slices.ContainsFunc(b.Unicast.Peers, func(p Peer) bool {
		return slices.ContainsFunc(o.Unicast.Peers, func(q Peer) bool { return p.Addr == q.Addr })
	})
}

// resolveGroups keeps of each sync group the members that exist and are in no
// earlier group, and drops groups without any.
func (d *decoder) resolveGroups() {
	kept := d.cfg.Groups[:0]
	for _, g := range d.cfg.Groups {
		if len(g.Members) == 0 {
			d.diags.Errorf(g.Range, diag.NotFound, "Sync group %s has no virtual router(s). removing", g.Name)
			continue
		}
		var members []string
		for _, name := range g.Members {
			i := d.named[name]
			switch {
			case i == nil:
				d.diags.Errorf(g.Range, diag.NotFound, "Virtual router %s specified in sync group %s doesn't exist - ignoring", name, g.Name)
			case i.Instance.Group != "":
				d.diags.Errorf(g.Range, diag.Duplicate, "Virtual router %s cannot exist in more than one sync group; ignoring %s", name, g.Name)
			default:
				i.Instance.Group = g.Name
				members = append(members, name)
			}
		}
		g.Members = members
		if len(members) == 0 {
			d.diags.Errorf(g.Range, diag.NotFound, "Sync group %s, no matching virtual router found in group declaration - removing", g.Name)
			continue
		}
		if len(members) == 1 {
			d.diags.Warnf(g.Range, diag.Conflict, "Sync group %s has only 1 virtual router(s) - this probably isn't what you want", g.Name)
		}
		kept = append(kept, g)
	}
	clear(d.cfg.Groups[len(kept):])
	d.cfg.Groups = kept
	d.ownerGroups()
}

// ownerGroups clears the weights of groups with an address owner, whose priority
// nothing may change: what they track is a fault when it fails.
func (d *decoder) ownerGroups() {
	for _, g := range d.cfg.Groups {
		owner := slices.ContainsFunc(g.Members, func(name string) bool {
			return d.named[name].Election.Priority == owner
		})
		if !owner {
			continue
		}
		for _, list := range []struct {
			what, action string
			refs         []TrackRef
		}{
			{"script", "clearing weight", g.Track.Scripts}, {"file", "setting weight 0", g.Track.Files},
			{"process", "setting weight 0", g.Track.Processes}, {"bfd", "setting weight 0", g.Track.BFDs},
		} {
			for i := range list.refs {
				r := &list.refs[i]
				d.clearWeight(g, list.what, r.Name, list.action, &r.Weight, r.Range)
			}
		}
		for i := range g.Track.Interfaces {
			t := &g.Track.Interfaces[i]
			d.clearWeight(g, "interface", t.Name, "clearing weight", &t.Weight, t.Range)
		}
	}
}

func (d *decoder) clearWeight(g *Group, what, name, action string, weight *int, at diag.Range) {
	if *weight == 0 {
		return
	}
	d.diags.Warnf(at, diag.Conflict, "(%s) Cannot have weighted track %s '%s' with member having priority 255 - %s", g.Name, what, name, action)
	*weight = 0
}

// group returns the sync group of b, nil when it is in none.
func (b *building) group() *Group {
	if b.Instance.Group == "" {
		return nil
	}
	for _, g := range b.d.cfg.Groups {
		if g.Name == b.Instance.Group {
			return g
		}
	}
	return nil
}

// resolveTracking drops from an instance what may not count: the own interface
// named again, and weights of an address owner or of a member of a sync group
// that does not ask for weights.
func (b *building) resolveTracking() {
	g := b.group()
	if g != nil && !b.prioLinesSaid() {
		b.Notify.PriorityChanges = g.Notify.PriorityChanges
	}
	b.Track.Interfaces = slices.DeleteFunc(b.Track.Interfaces, func(t TrackInterface) bool {
		if t.Name == b.Identity.Interface {
			b.d.diags.Warnf(t.Range, diag.Ignored, "(%s) Ignoring track_interface %s since own interface", b.Name, t.Name)
			return true
		}
		return false
	})
	if g != nil {
		for _, t := range g.Track.Interfaces {
			own := t.Name == b.Identity.Interface && !b.Track.NoPrimary
			if own || slices.ContainsFunc(b.Track.Interfaces, func(o TrackInterface) bool { return o.Name == t.Name }) {
				b.d.diags.Warnf(t.Range, diag.Duplicate, "(%s) track_interface %s is configured on VRRP instance and sync group. Remove vrrp instance or sync group config", b.Name, t.Name)
			}
		}
	}
	switch {
	case b.Election.Priority == owner:
		b.dropWeights("address_owner", func(t TrackInterface) (keep bool) {
			b.d.diags.Warnf(t.Range, diag.Ignored, "(%s) ignoring %s tracked interface due to address owner", b.Name, t.Name)
			return false
		})
	case g != nil && !g.TrackingWeight:
		b.dropWeights("SYNC group", func(t TrackInterface) (keep bool) {
			b.d.diags.Warnf(t.Range, diag.Ignored, "(%s) ignoring %s tracked interface weight due to SYNC group", b.Name, t.Name)
			return true
		})
	}
}

func (b *building) prioLinesSaid() bool { return b.prioLines != global.Unset }

// dropWeights takes weighted trackers away from the instance; weighted says what
// becomes of an interface.
func (b *building) dropWeights(cause string, weighted func(TrackInterface) (keep bool)) {
	b.Track.Interfaces = slices.DeleteFunc(b.Track.Interfaces, func(t TrackInterface) bool {
		return t.Weight != 0 && !weighted(t)
	})
	for i := range b.Track.Interfaces {
		b.Track.Interfaces[i].Hidden = b.Track.Interfaces[i].Weight != 0
	}
	drop := func(list *[]TrackRef, format string) {
		*list = slices.DeleteFunc(*list, func(r TrackRef) bool {
			if r.Weight == 0 {
				return false
			}
			args := []any{b.Name, r.Name, r.Weight, cause}
			if format == droppedScript {
				args = []any{b.Name, r.Name, cause}
			}
			b.d.diags.Warnf(r.Range, diag.Ignored, format, args...)
			return true
		})
	}
	drop(&b.Track.Scripts, droppedScript)
	drop(&b.Track.BFDs, "(%s) ignoring tracked bfd %s with weight %d due to %s")
	for i := range b.Track.Files {
		// Weight 1 is what a file has when none is given: then the file itself
		// still counts, as a fault.
		if r := &b.Track.Files[i]; r.Weight == 1 {
			b.d.diags.Warnf(r.Range, diag.Ignored, "(%s) ignoring weight from tracked file %s due to %s. specify weight 0", b.Name, r.Name, cause)
			r.Weight = 0
		}
	}
	drop(&b.Track.Files, "(%s) ignoring tracked file %s with weight %d due to %s")
	// Those of processes stay: 2.2.7 looks at them neither here nor in its complaints.
}

const droppedScript = "(%s) ignoring tracked script %s with weights due to %s"

// markUsed finds out which tracked objects anybody tracks.
func (d *decoder) markUsed() {
	var all []*Track
	for _, i := range d.cfg.Instances {
		all = append(all, &i.Track)
	}
	for _, g := range d.cfg.Groups {
		all = append(all, &g.Track)
	}
	for _, t := range all {
		for _, r := range t.Scripts {
			d.cfg.Script(r.Name).Used = true
		}
		for _, r := range t.Files {
			for _, f := range d.cfg.Files {
				f.Used = f.Used || f.Name == r.Name
			}
		}
		for _, r := range t.Processes {
			for _, p := range d.cfg.Processes {
				p.Used = p.Used || p.Name == r.Name
			}
		}
	}
	for _, s := range d.cfg.Scripts {
		if !s.Used {
			d.diags.Noticef(s.Range, diag.Ignored, "Warning - script %s is not used", s.Name)
		}
	}
}
