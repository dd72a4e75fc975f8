package snapshot

import (
	"keepalived/core/dump"
	"keepalived/vrrp/vrrpcfg"
)

// Static is what is there whatever the instances do.
type Static struct {
	Addresses []Address
	Routes    []vrrpcfg.Route
	Rules     []vrrpcfg.Rule
	Groups    []TrackGroup
}

// TrackGroup is a track_group: the instances that depend on the entries which name it.
type TrackGroup struct {
	Name    string
	Members []string
}

// text writes the sections that have something in them.
func (s *Static) text(w *dump.Writer) {
	if len(s.Addresses) > 0 {
		w.Section("Static Addresses")
	}
	for i := range s.Addresses {
		w.Line(5, "%s", &s.Addresses[i])
	}
	if len(s.Routes) > 0 {
		w.Section("Static Routes")
		routesText(w, s.Routes)
	}
	if len(s.Rules) > 0 {
		w.Section("Static Rules")
		rulesText(w, s.Rules)
	}
	if len(s.Groups) > 0 {
		w.Section("Static Track groups")
	}
	for _, g := range s.Groups {
		w.Line(1, "Static Track Group = %s", g.Name)
		w.Line(3, "VRRP member instances :")
		for _, m := range g.Members {
			w.Line(5, "%s", m)
		}
	}
}
