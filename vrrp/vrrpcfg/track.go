package vrrpcfg

import (
	"slices"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// trackKind is what differs between the track_* lists.
type trackKind struct {
	what    string   // "track script", as the complaints say
	keyword string   // "track_script"
	defined []string // the keywords that define one
	limit   int64    // of the weight, both ways
	// clip: the limit itself is a complaint and one less is taken.
	clip bool
	// find returns the object's own weight.
	find func(d *decoder, name string) (weight int, reverse, ok bool)
}

var (
	trackScripts = trackKind{what: "track script", keyword: "track_script", defined: []string{"vrrp_script"}, limit: 254, clip: true,
		find: func(d *decoder, name string) (int, bool, bool) {
			i := slices.IndexFunc(d.cfg.Scripts, func(s *Script) bool { return s.Name == name })
			if i < 0 {
				return 0, false, false
			}
			return d.cfg.Scripts[i].Weight, d.cfg.Scripts[i].Reverse, true
		}}
	trackFiles = trackKind{what: "track file", keyword: "track_file", defined: []string{"track_file", "vrrp_track_file"}, limit: 254,
		find: func(d *decoder, name string) (int, bool, bool) {
			i := slices.IndexFunc(d.cfg.Files, func(f *File) bool { return f.Name == name })
			if i < 0 {
				return 0, false, false
			}
			return d.cfg.Files[i].Weight, d.cfg.Files[i].Reverse, true
		}}
	trackProcesses = trackKind{what: "track process", keyword: "track_process", defined: []string{"vrrp_track_process"}, limit: 254,
		find: func(d *decoder, name string) (int, bool, bool) {
			i := slices.IndexFunc(d.cfg.Processes, func(p *Process) bool { return p.Name == name })
			if i < 0 {
				return 0, false, false
			}
			return d.cfg.Processes[i].Weight, d.cfg.Processes[i].Reverse, true
		}}
	trackBFDs = trackKind{what: "track bfd", keyword: "track_bfd", defined: []string{"bfd_instance"}, limit: 253,
		find: func(d *decoder, name string) (int, bool, bool) {
			b := d.bfd(name)
			if b == nil {
				return 0, false, false
			}
			return b.Weight, b.Reverse, true
		}}
)

// trackList reads a track_script, track_file, track_process or track_bfd block
// of owner into list. Repeated blocks add up.
func (d *decoder) trackList(k trackKind, owner string, list *[]TrackRef, c *cursor.Cursor) {
	for _, n := range c.Block() {
		if ref, ok := d.trackRef(k, owner, cursor.NewEntry(n, d.diags)); ok {
			if slices.ContainsFunc(*list, func(r TrackRef) bool { return r.Name == ref.Name }) {
				d.diags.Errorf(ref.Range, diag.Duplicate, "(%s) duplicate %s %s - ignoring", owner, k.keyword, ref.Name)
				continue
			}
			*list = append(*list, ref)
		}
	}
}

// trackRef reads `<name> [weight <n> [reverse|noreverse]]`.
func (d *decoder) trackRef(k trackKind, owner string, c *cursor.Cursor) (TrackRef, bool) {
	w, _ := c.Next()
	weight, reverse, ok := k.find(d, w.Text)
	if !ok {
		c.Errorf(w.Range, diag.NotFound, "(%s) %s %s not found, ignoring...", owner, k.what, w.Text)
		c.Hint("nothing of that name is defined")
		return TrackRef{}, false
	}
	d.order.Late(c, w, sprintf("(%s) %s", owner, k.what), "does not track it", k.defined...)
	ref := TrackRef{Name: w.Text, Weight: weight, Reverse: reverse, Range: w.Range}
	o, ok := c.Next()
	if !ok {
		return ref, true
	}
	if o.Text != "weight" {
		c.Errorf(o.Range, diag.BadValue, "(%s) unknown %s option %s - ignoring", owner, k.what, o.Text)
		return ref, false
	}
	v, ok := c.Next()
	if !ok {
		c.Errorf(o.Range, diag.BadValue, "(%s) weight without value specified for %s %s - ignoring", owner, k.what, w.Text)
		return ref, false
	}
	n, ok := d.trackWeight(k, owner, w, v, c)
	if !ok {
		return ref, true // the object's own weight stays
	}
	ref.Weight = n
	if r, more := c.Next(); more {
		switch r.Text {
		case "reverse":
			ref.Reverse = true
		case "noreverse":
			ref.Reverse = false
		default:
			c.Errorf(r.Range, diag.BadValue, "(%s) unknown %s %s weight option %s - ignoring", owner, k.what, w.Text, r.Text)
		}
	}
	c.Surplus()
	return ref, true
}

func (d *decoder) trackWeight(k trackKind, owner string, name, v config.Word, c *cursor.Cursor) (int, bool) {
	n, ok := c.ParseInt(v, v.Text, -k.limit, k.limit)
	if !ok {
		c.Hint("(%s) weight for %s %s must be in [%d..%d] inclusive. Ignoring...", owner, k.what, name.Text, -k.limit, k.limit)
		return 0, false
	}
	return d.clip(k.clip, owner, name, v, n), true
}

// clip takes the range's end for one less, with a complaint.
func (d *decoder) clip(clip bool, owner string, name, v config.Word, n int64) int {
	if clip && (n == 254 || n == -254) {
		d.diags.Errorf(v.Range, diag.BadNumber, "(%s) weight for %s cannot be +/-254. Setting to +/-253", owner, name.Text)
		n -= n / 254
	}
	return int(n)
}

// trackInterfaces reads a track_interface block.
func (d *decoder) trackInterfaces(owner string, list *[]TrackInterface, c *cursor.Cursor) {
	for _, n := range c.Block() {
		if t, ok := d.trackInterface(owner, cursor.NewEntry(n, d.diags)); ok {
			if slices.ContainsFunc(*list, func(o TrackInterface) bool { return o.Name == t.Name }) {
				d.diags.Errorf(t.Range, diag.Duplicate, "(%s) duplicate track_interface %s - ignoring", owner, t.Name)
				continue
			}
			*list = append(*list, t)
		}
	}
}

// trackInterface reads `<if> [weight <n> [reverse]]`.
func (d *decoder) trackInterface(owner string, c *cursor.Cursor) (t TrackInterface, ok bool) {
	w, _ := c.Next()
	t = TrackInterface{Name: w.Text, Range: w.Range}
	if !d.wantInterface(w, "(%s) tracked interface %s doesn't exist", owner, w.Text) {
		return t, false
	}
	o, ok := c.Next()
	if !ok {
		return t, true
	}
	if o.Text != "weight" {
		c.Errorf(o.Range, diag.BadValue, "(%s) unknown track_interface %s option %s - ignoring", owner, w.Text, o.Text)
		return t, false
	}
	v, ok := c.Next()
	if !ok {
		c.Errorf(o.Range, diag.BadValue, "(%s) weight without value specified for track_interface %s - ignoring", owner, w.Text)
		return t, false
	}
	n, ok := c.ParseInt(v, v.Text, -254, 254)
	if !ok {
		c.Hint("(%s) weight %s for %s must be between [-253..253] inclusive. Ignoring...", owner, v.Text, w.Text)
		return t, true
	}
	t.Weight = d.clip(true, owner, w, v, n)
	if r, more := c.Next(); more {
		if r.Text == "reverse" {
			t.Reverse = true
		} else {
			c.Errorf(r.Range, diag.BadValue, "(%s) unknown track_interface %s weight option %s - ignoring", owner, w.Text, r.Text)
		}
	}
	c.Surplus()
	return t, true
}
