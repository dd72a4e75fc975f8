package vrrp

import (
	"cmp"
	"slices"
	"time"

	"keepalived/core/clock"
	"keepalived/core/dump"
	"keepalived/core/global"
	"keepalived/core/process"
	"keepalived/core/script"
	"keepalived/vrrp/iface"
	"keepalived/vrrp/snapshot"
	"keepalived/vrrp/vrrpcfg"
)

// objectPictures shows what instances track besides interfaces and scripts. Nothing reads
// the files, counts the processes or talks BFD yet: each stands as it does in 2.2.7 before
// the first news of it, which is how it counts here.
func (d *daemon) objectPictures(s *snapshot.Snapshot) {
	users := d.trackers(func(t *vrrpcfg.Track) []vrrpcfg.TrackRef { return t.Files })
	for _, f := range d.cfg.Files {
		if f.Used { // 2.2.7 drops the others
			s.Files = append(s.Files, snapshot.File{Name: f.Name, Path: d.paths[f.Name], Weight: f.Weight, Reverse: f.Reverse, Users: users[f.Name]})
		}
	}
	users = d.trackers(func(t *vrrpcfg.Track) []vrrpcfg.TrackRef { return t.Processes })
	for _, p := range d.cfg.Processes {
		s.Processes = append(s.Processes, snapshot.Process{
			Name: p.Name, Path: p.Path, Params: p.Params, Match: matchPicture(p.Match), Min: p.Quorum, Max: p.QuorumMax,
			Limited: p.QuorumMax != vrrpcfg.NoQuorumMax, Weight: p.Weight, Reverse: p.Reverse, TerminateDelay: p.TerminateDelay,
			ForkDelay: p.ForkDelay, FullCommand: p.FullCommand, Users: users[p.Name],
		})
	}
	users = d.trackers(func(t *vrrpcfg.Track) []vrrpcfg.TrackRef { return t.BFDs })
	for _, b := range d.cfg.BFDs {
		s.BFDs = append(s.BFDs, snapshot.BFD{Name: b.Name, Weight: b.Weight, Reverse: b.Reverse, Users: users[b.Name]})
	}
}

// trackers are, by the name of an object, the instances that it counts for: those that
// track it themselves in their order, then those that do through their group. One that does
// both has the weight that trackRefs gives it.
func (d *daemon) trackers(list func(*vrrpcfg.Track) []vrrpcfg.TrackRef) map[string][]snapshot.ScriptUser {
	type use struct{ object, instance string }
	out, at := map[string][]snapshot.ScriptUser{}, map[use]int{}
	add := func(in *instance, r *vrrpcfg.TrackRef) {
		u := snapshot.ScriptUser{Instance: in.cfg.Name, Weight: r.Weight, Reverse: r.Reverse}
		key := use{r.Name, in.cfg.Name}
		if i, known := at[key]; known {
			if old := &out[r.Name][i]; old.Weight != 0 {
				*old = u
			}
			return
		}
		at[key] = len(out[r.Name])
		out[r.Name] = append(out[r.Name], u)
	}
	for _, in := range d.instances {
		for i := range list(&in.cfg.Track) {
			add(in, &list(&in.cfg.Track)[i])
		}
	}
	for _, g := range d.groups {
		for i := range list(&g.cfg.Track) {
			for _, in := range g.members {
				add(in, &list(&g.cfg.Track)[i])
			}
		}
	}
	return out
}

func matchPicture(m vrrpcfg.ParamMatch) snapshot.ParamMatch {
	return [...]snapshot.ParamMatch{
		vrrpcfg.MatchNone: snapshot.MatchNone, vrrpcfg.MatchExact: snapshot.MatchExact,
		vrrpcfg.MatchInitial: snapshot.MatchInitial, vrrpcfg.MatchPartial: snapshot.MatchPartial,
	}[m]
}

// trackedPicture is what an instance or a group says of what it tracks.
func trackedPicture(t *vrrpcfg.Track) snapshot.TrackedObjects {
	each := func(list []vrrpcfg.TrackRef) []snapshot.Tracked {
		var out []snapshot.Tracked
		for i := range list {
			out = append(out, snapshot.Tracked{Name: list[i].Name, Weight: list[i].Weight, Reverse: list[i].Reverse})
		}
		return out
	}
	return snapshot.TrackedObjects{Files: each(t.Files), Processes: each(t.Processes), BFDs: each(t.BFDs)}
}

// garpPictures shows the garp_groups, and the pace that the global settings give each
// interface with addresses that is in none: as a group of its own, as in 2.2.7.
func (d *daemon) garpPictures(at func(clock.Instant) dump.Wall) []snapshot.GARPGroup {
	pace := d.cfg.Global.GARP
	if len(d.cfg.GARPGroups) == 0 && pace.Interval == 0 && pace.NAInterval == 0 {
		return nil
	}
	groups, grouped := slices.Clone(d.cfg.GARPGroups), map[string]bool{}
	for i := range groups {
		for _, name := range groups[i].Interfaces {
			grouped[name] = true
		}
	}
	add := func(name string) {
		if !grouped[name] {
			grouped[name] = true
			groups = append(groups, vrrpcfg.GARPGroup{
				Interval: pace.Interval, IntervalSet: pace.Interval > 0, NAInterval: pace.NAInterval, NAIntervalSet: pace.NAInterval > 0,
				Interfaces: []string{name},
			})
		}
	}
	if pace.Interval > 0 || pace.NAInterval > 0 {
		for _, in := range d.instances {
			add(in.cfg.Identity.Interface)
			for _, list := range [][]vrrpcfg.Address{in.cfg.Addresses, in.cfg.Excluded} {
				for i := range list {
					add(list[i].Dev)
				}
			}
		}
	}
	links := map[string]linkPlace{}
	for i, l := range d.links.All() {
		links[l.Name] = linkPlace{i, l.Index}
	}
	out := make([]snapshot.GARPGroup, len(groups))
	for i := range groups {
		out[i] = d.garpPicture(&groups[i], links, at)
	}
	return out
}

// linkPlace is where an interface stands among all, and its number.
type linkPlace struct {
	nth   int
	index int32
}

func (d *daemon) garpPicture(g *vrrpcfg.GARPGroup, links map[string]linkPlace, at func(clock.Instant) dump.Wall) snapshot.GARPGroup {
	p := snapshot.GARPGroup{
		Number: g.Number,
		GARP:   snapshot.Pace{Set: g.IntervalSet, Interval: g.Interval},
		NA:     snapshot.Pace{Set: g.NAIntervalSet, Interval: g.NAInterval},
	}
	p.Interfaces = slices.Clone(g.Interfaces)
	// 2.2.7 has them in the order of its interfaces, those that are not there last.
	place := func(name string) int {
		if l, there := links[name]; there {
			return l.nth
		}
		return len(links)
	}
	slices.SortStableFunc(p.Interfaces, func(a, b string) int { return cmp.Compare(place(a), place(b)) })
	var arp, na clock.Instant
	for _, name := range p.Interfaces {
		if pacer := d.announce.pacers[links[name].index]; pacer != nil {
			a, n := pacer.Free()
			arp, na = max(arp, a), max(na, n)
		}
	}
	if arp > 0 {
		p.GARP.Next = at(arp)
	}
	if na > 0 {
		p.NA.Next = at(na)
	}
	return p
}

// linkSettings are what the configuration says of interfaces, by name.
type linkSettings struct {
	changeable bool
	delays     map[string]*vrrpcfg.Delay
	paces      map[string]*snapshot.GARPGroup
}

func (d *daemon) linkSettings(groups []snapshot.GARPGroup) linkSettings {
	s := linkSettings{
		changeable: d.cfg.Global.DynamicInterfaces && d.cfg.Global.AllowIfChanges,
		delays:     map[string]*vrrpcfg.Delay{}, paces: map[string]*snapshot.GARPGroup{},
	}
	for i := range d.cfg.Delays {
		s.delays[d.cfg.Delays[i].Interface] = &d.cfg.Delays[i]
	}
	for i := range groups {
		for _, name := range groups[i].Interfaces {
			s.paces[name] = &groups[i]
		}
	}
	return s
}

func (s *linkSettings) show(p *snapshot.Interface) {
	p.Changeable = s.changeable && !p.Loopback && !p.Absent
	if l := s.delays[p.Name]; l != nil {
		p.UpDelay, p.DownDelay = l.Up, l.Down
	}
	p.GARP = s.paces[p.Name]
}

// absentPictures are the interfaces that the configuration names and that are not there
// (dynamic_interfaces).
func (d *daemon) absentPictures(present []iface.Link) []snapshot.Interface {
	if !d.cfg.Global.DynamicInterfaces {
		return nil
	}
	there := map[string]bool{}
	for i := range present {
		there[present[i].Name] = true
	}
	var out []snapshot.Interface
	for _, name := range d.cfg.Links {
		if !there[name] {
			out = append(out, snapshot.Interface{Name: name, Absent: true, NoBroadcast: true, NoMulticast: true, HWType: "UNKNOWN (0)"})
		}
	}
	return out
}

// globalsText is the section of the global definitions; off the loop, because it looks for
// users and files.
func globalsText(g *global.Config, cfg *vrrpcfg.Config) []byte {
	shown := *g
	if shown.SyncDaemon == nil {
		shown.SyncDaemon = cfg.SyncDaemon
	}
	if shown.NFTTable == "" && slices.ContainsFunc(cfg.Instances, needsFirewall) {
		shown.NFTTable = "keepalived" // the name that it takes unasked
	}
	find := script.NewResolver(g, process.Accounts{})
	return shown.Dump(false, global.Facts{IDs: process.Accounts{}.IDs, Reader: func(f *global.FIFO) string {
		if f == &shown.LVSFIFO { // the healthchecker's
			return f.Script.String()
		}
		s, err := find.Resolve(f.Script)
		if err != nil {
			return ""
		}
		return s.String() + " '" + f.Path + "'"
	}})
}

// needsFirewall reports whether an instance asks for firewall rules.
func needsFirewall(i *vrrpcfg.Instance) bool { return !i.Election.Accept || i.Identity.VMAC.Enabled }

// filePaths are the paths of the tracked files as 2.2.7 has them: from the root on, and
// without symbolic links. Off the loop, because it looks at them.
func filePaths(cfg *vrrpcfg.Config) map[string]string {
	out := map[string]string{}
	for _, f := range cfg.Files {
		out[f.Name] = process.RealPath(f.Path, f.Range.Start().File)
	}
	return out
}

// sayDay writes the words of a time out.
func sayDay(w *dump.Wall) {
	t := time.UnixMicro(w.Micros)
	w.Day, w.Year = t.Format("Mon Jan _2 15:04:05"), t.Year()
}
