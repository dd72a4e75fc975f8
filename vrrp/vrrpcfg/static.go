package vrrpcfg

import (
	"slices"
	"time"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

func (d *decoder) readStaticAddresses(c *cursor.Cursor) {
	for _, n := range c.Block() {
		a, ok := d.readAddress(n, staticAddress)
		if !ok {
			continue
		}
		if !a.DevSet {
			a.Dev = d.defaultInterface()
			if !d.hasInterface(a.Dev) {
				d.diags.Fatalf(a.Range, diag.NoInterface, "Static address %s requires either an interface or default interface must exist", a.Prefix.Addr())
				continue
			}
		}
		d.cfg.StaticAddresses = append(d.cfg.StaticAddresses, a)
	}
}

// defaultInterface is where addresses go that name no interface and have none.
func (d *decoder) defaultInterface() string {
	if d.g.DefaultInterface != "" {
		return d.g.DefaultInterface
	}
	return "eth0"
}

func (d *decoder) readStaticRoutes(c *cursor.Cursor) {
	for _, n := range c.Block() {
		if r, ok := d.readRoute(n, true); ok {
			d.cfg.StaticRoutes = append(d.cfg.StaticRoutes, r)
		}
	}
}

func (d *decoder) readStaticRules(c *cursor.Cursor) {
	for _, n := range c.Block() {
		if r, ok := d.readRule(n, true); ok {
			d.cfg.StaticRules = append(d.cfg.StaticRules, r)
		}
	}
}

func (d *decoder) readLinkbeat(c *cursor.Cursor) {
	types := []string{"MII", "ETHTOOL", "IOCTL"}
	for _, n := range c.Block() {
		e := cursor.NewEntry(n, d.diags)
		w, _ := e.Next()
		if !d.hasInterface(w.Text) {
			e.Errorf(w.Range, diag.NoInterface, "unknown interface %s specified for linkbeat interface", w.Text)
			continue
		}
		l := Linkbeat{Interface: w.Text, Range: w.Range}
		for o, ok := e.Next(); ok; o, ok = e.Next() {
			if !slices.Contains(types, o.Text) {
				e.Errorf(o.Range, diag.BadValue, "extra characters %s in linkbeat interface", o.Text)
				break
			}
			l.Type = o.Text
		}
		d.cfg.Linkbeat = append(d.cfg.Linkbeat, l)
	}
}

// readDelays reads `<if> <down> [<up>]` lines. Without a second time the way up
// is not delayed (the manual says it is the same as down). Of two lines for an interface
// the last counts, one with a time out of range not at all; what is no number is 0.
func (d *decoder) readDelays(c *cursor.Cursor) {
	const longest = 255 * time.Second
	for _, n := range c.Block() {
		e := cursor.NewEntry(n, d.diags)
		w, _ := e.Next()
		if !d.hasInterface(w.Text) {
			e.Errorf(w.Range, diag.NoInterface, "unknown interface %s specified for up/down delay", w.Text)
			continue
		}
		l := Delay{Interface: w.Text, Range: w.Range}
		inRange := true
		for _, at := range []*time.Duration{&l.Down, &l.Up} {
			if e.More() {
				*at, _ = e.Seconds(6, 0, longest)
				inRange = inRange && *at >= 0 && *at <= longest
			}
		}
		e.Surplus()
		if !inRange {
			continue
		}
		d.cfg.Delays = slices.DeleteFunc(d.cfg.Delays, func(o Delay) bool { return o.Interface == l.Interface })
		d.cfg.Delays = append(d.cfg.Delays, l)
	}
}

// resolveDelays keeps the delays of an interface short of the time after which a backup
// of an instance on it takes over.
func (d *decoder) resolveDelays() {
	for _, i := range d.cfg.Instances {
		at := slices.IndexFunc(d.cfg.Delays, func(l Delay) bool { return l.Interface == i.Identity.Interface })
		if at < 0 {
			continue
		}
		l, adverts := &d.cfg.Delays[at], i.Election.DownTimerAdverts
		if adverts <= 1 {
			d.diags.Noticef(l.Range, diag.Conflict, "%s: cannot use debounce timers with down_timer_adverts = %d - resetting", i.Name, adverts)
			l.Down, l.Up = 0, 0
			continue
		}
		// Less a skew time that keepalived takes as that of the highest priority.
		interval := i.Election.AdvertInt
		longest := time.Duration(adverts-1)*interval - (interval / 256).Truncate(time.Microsecond)
		if l.Down > longest || l.Up > longest {
			d.diags.Noticef(l.Range, diag.Conflict, "%s: interface %s debounce timer(s) not less that %d * advert_int - resetting", i.Name, l.Interface, adverts-1)
			l.Down, l.Up = min(l.Down, longest), min(l.Up, longest)
		}
	}
}

func (d *decoder) readTrackGroup(c *cursor.Cursor) {
	w, ok := c.OnlyName("track_group must have a name - skipping")
	if !ok {
		return
	}
	if d.hasTrackGroup(w.Text) {
		c.Errorf(w.Range, diag.Duplicate, "track_group %s already defined", w.Text)
		return
	}
	t := TrackGroup{Name: w.Text, Range: w.Range}
	trackGroupTable.Decode(&t, c.Block(), d.diags)
	d.cfg.TrackGroups = append(d.cfg.TrackGroups, t)
}

func trackGroupRows() []cursor.Row[TrackGroup] {
	group := line("track_group", "group", "{ <instance>... }", 0, func(t *TrackGroup, c *cursor.Cursor) {
		all := names(c)
		if len(all) == 0 {
			c.Warnf(c.Range(), diag.BadValue, "Warning - track group %s has empty group block", t.Name)
		}
		t.Instances = append(t.Instances, all...)
	})
	group.Kind = config.List
	return []cursor.Row[TrackGroup]{group}
}

// names are all words of a list block, however they are spread over its lines.
func names(c *cursor.Cursor) []string {
	var out []string
	for _, n := range c.Block() {
		for _, w := range cursor.NewEntry(n, c.Diags()).Rest() {
			out = append(out, w.Text)
		}
	}
	return out
}

// garpGroup is a garp_group under construction.
type garpGroup struct {
	GARPGroup
	d      *decoder
	shared bool // the intervals are for all its interfaces together
}

func (d *decoder) readGARPGroup(c *cursor.Cursor) {
	g := garpGroup{GARPGroup: GARPGroup{Range: c.Range()}, d: d}
	garpGroupTable.Decode(&g, c.Block(), d.diags)
	if !g.IntervalSet && !g.NAIntervalSet {
		d.diags.Errorf(c.Range(), diag.BadValue, "garp group %d does not have any delay set - removing", len(d.cfg.GARPGroups))
		return
	}
	if g.shared {
		d.garpGroups++
		g.Number = d.garpGroups
	}
	d.cfg.GARPGroups = append(d.cfg.GARPGroups, g.GARPGroup)
}

func garpGroupRows() []cursor.Row[garpGroup] {
	const path = "garp_group"
	interval := func(name string, set func(*garpGroup, time.Duration)) cursor.Row[garpGroup] {
		return doc("", "none", valued(path, name, config.Time(6, 0, 2147483647*time.Microsecond), func(g *garpGroup, c *cursor.Cursor) {
			if t, ok := c.Duration(); ok {
				set(g, t)
			}
		}))
	}
	add := func(g *garpGroup, w config.Word) {
		if !g.d.wantInterface(w, "WARNING - interface %s specified for garp_group doesn't exist", w.Text) {
			return
		}
		taken := slices.Contains(g.Interfaces, w.Text) || slices.ContainsFunc(g.d.cfg.GARPGroups, func(o GARPGroup) bool {
			return slices.Contains(o.Interfaces, w.Text)
		})
		if taken {
			g.d.diags.Errorf(w.Range, diag.Duplicate, "garp_group already specified for %s - ignoring", w.Text)
			return
		}
		g.Interfaces = append(g.Interfaces, w.Text)
	}
	interfaces := line(path, "interfaces", "{ <if>... }", 0, func(g *garpGroup, c *cursor.Cursor) {
		if len(c.Block()) == 0 {
			c.Warnf(c.Range(), diag.BadValue, "Warning - empty garp_group interfaces block")
			return
		}
		g.shared = true
		for _, n := range c.Block() {
			for _, w := range cursor.NewEntry(n, c.Diags()).Rest() {
				add(g, w)
			}
		}
	})
	interfaces.Kind = config.List
	return []cursor.Row[garpGroup]{
		interval("garp_interval", func(g *garpGroup, t time.Duration) { g.Interval, g.IntervalSet = t, true }),
		interval("gna_interval", func(g *garpGroup, t time.Duration) { g.NAInterval, g.NAIntervalSet = t, true }),
		valued(path, "interface", config.Of(config.Interface), func(g *garpGroup, c *cursor.Cursor) {
			if w, ok := c.Word(); ok {
				add(g, w)
			}
		}),
		interfaces,
	}
}
