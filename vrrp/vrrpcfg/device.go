package vrrpcfg

import "keepalived/core/diag"

// Devices are the interfaces that the addresses, routes and rules of an instance need, as
// far as they are tracked: with one of them down it is in FAULT. For an address its own
// interface does not count, which is another matter.
func (i *Instance) Devices() []string {
	var out []string
	for _, list := range [][]Address{i.Addresses, i.Excluded} {
		for _, a := range list {
			if a.Dev != "" && a.Dev != i.Identity.Interface && !a.NoTrack {
				out = append(out, a.Dev)
			}
		}
	}
	for _, r := range i.Routes {
		if r.Dev != "" && !r.NoTrack {
			out = append(out, r.Dev)
		}
	}
	for _, r := range i.Rules {
		for _, dev := range []string{r.IIF, r.OIF} {
			if dev != "" && !r.NoTrack {
				out = append(out, dev)
			}
		}
	}
	return out
}

// StaticDevice is the interface of a static entry and the instances it is tracked for.
type StaticDevice struct {
	Device    string
	Instances []string
}

// StaticDevices are those of all entries with a track_group: addresses, routes, rules.
func (c *Config) StaticDevices() []StaticDevice {
	var out []StaticDevice
	add := func(device, group string, noTrack bool) {
		for _, g := range c.TrackGroups {
			if device != "" && !noTrack && g.Name == group {
				out = append(out, StaticDevice{Device: device, Instances: g.Instances})
			}
		}
	}
	for _, a := range c.StaticAddresses {
		add(a.Dev, a.TrackGroup, a.NoTrack)
	}
	for _, r := range c.StaticRoutes {
		add(r.Dev, r.TrackGroup, r.NoTrack)
	}
	for _, r := range c.StaticRules {
		add(r.IIF, r.TrackGroup, r.NoTrack)
	}
	return out
}

// resolveTrackGroups drops the instances of track groups that are not there, and groups
// without any. 2.2.7 says so when it runs, not with -t.
func (d *decoder) resolveTrackGroups() {
	kept := d.cfg.TrackGroups[:0]
	for _, g := range d.cfg.TrackGroups {
		var instances []string
		for _, name := range g.Instances {
			if d.named[name] == nil {
				d.diags.Noticef(g.Range, diag.NotFound, "vrrp instance %s specified in track group %s doesn't exist - ignoring", name, g.Name)
				continue
			}
			instances = append(instances, name)
		}
		if g.Instances = instances; len(instances) == 0 {
			d.diags.Noticef(g.Range, diag.NotFound, "Static track group %s has no VRRP instance(s) - removing", g.Name)
			continue
		}
		kept = append(kept, g)
	}
	clear(d.cfg.TrackGroups[len(kept):])
	d.cfg.TrackGroups = kept
}
