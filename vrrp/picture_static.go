package vrrp

import "keepalived/vrrp/snapshot"

// staticPicture shows the static entries and the groups that they are tracked for.
func (d *daemon) staticPicture() snapshot.Static {
	cfg := d.cfg
	if cfg == nil {
		return snapshot.Static{}
	}
	s := snapshot.Static{Routes: cfg.StaticRoutes, Rules: cfg.StaticRules}
	for _, a := range cfg.StaticAddresses {
		s.Addresses = append(s.Addresses, addressPicture(a, false)) // not set yet
	}
	for _, g := range cfg.TrackGroups {
		s.Groups = append(s.Groups, snapshot.TrackGroup{Name: g.Name, Members: g.Instances})
	}
	return s
}
