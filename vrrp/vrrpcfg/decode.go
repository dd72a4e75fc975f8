package vrrpcfg

import (
	"fmt"
	"slices"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
)

// Interfaces is the set of interfaces that exist; nil: not known, do not check.
type Interfaces map[string]struct{}

// Has reports whether the interface exists or nothing is known.
func (i Interfaces) Has(name string) bool {
	if i == nil {
		return true
	}
	_, ok := i[name]
	return ok
}

// Exister knows which interfaces exist; it is an Interfaces, or notes besides what it was
// asked.
type Exister interface{ Has(name string) bool }

// Load decodes the VRRP part of the tree and resolves it: references by name,
// defaults, and what settings mean to each other. The Config is usable unless the
// list has a Fatal finding. ifs nil: interfaces are not looked at. Nothing of the machine
// but ifs has an influence.
func Load(t *config.Tree, g *global.Config, ifs Exister) (*Config, diag.List) {
	var diags diag.List
	d := &decoder{
		cfg: &Config{Global: g}, g: g, ifs: ifs, diags: &diags,
		named: map[string]*building{}, links: map[string]bool{}, rulePriority: lastRulePriority,
	}
	rootTable.DecodeOrdered(d, t.Roots, &diags, &d.order,
		"vrrp_script", "track_file", "vrrp_track_file", "vrrp_track_process", "bfd_instance", "track_group")
	d.resolve()
	return d.cfg, diags
}

// Keywords returns every keyword of the VRRP blocks.
func Keywords() []config.Keyword {
	return slices.Concat(
		cursor.Keywords(rootRows()),
		cursor.Keywords(scriptRows()),
		cursor.Keywords(fileRows("track_file")),
		cursor.Keywords(fileRows("vrrp_track_file")),
		cursor.Keywords(processRows()),
		cursor.Keywords(trackGroupRows()),
		cursor.Keywords(garpGroupRows()),
		cursor.Keywords(groupRows()),
		cursor.Keywords(instanceRows()),
		cursor.Keywords(authRows()),
		cursor.Keywords(hmacRows()),
	)
}

// decoder is the state of one Load.
type decoder struct {
	cfg   *Config
	g     *global.Config
	ifs   Exister
	diags *diag.List

	building []*building // instances in the order of the file
	named    map[string]*building
	links    map[string]bool // that are in cfg.Links
	// garpGroups counts the garp_groups that have their interfaces in common.
	garpGroups int
	order      cursor.Order
	// rulePriority counts down from lastRulePriority.
	rulePriority uint32
}

// The tables by which blocks are read, made once: there may be thousands of instances.
var (
	rootTable       = cursor.Index(rootRows())
	scriptTable     = cursor.Index(scriptRows())
	fileTable       = cursor.Index(fileRows("track_file"))
	processTable    = cursor.Index(processRows())
	trackGroupTable = cursor.Index(trackGroupRows())
	garpGroupTable  = cursor.Index(garpGroupRows())
	groupTable      = cursor.Index(groupRows())
	instanceTable   = cursor.Index(instanceRows())
	authTable       = cursor.Index(authRows())
	hmacTable       = cursor.Index(hmacRows())
)

// wantInterface reports an interface that does not exist, with which a start ends
// unless dynamic_interfaces is set. false: what names it is not to be used.
func (d *decoder) wantInterface(w config.Word, format string, args ...any) bool {
	if d.hasInterface(w.Text) {
		return true
	}
	d.diags.Fatalf(w.Range, diag.NoInterface, format, args...)
	d.diags.WithHint("Non-existent interface specified in configuration; dynamic_interfaces lets it appear later")
	return false
}

// hasInterface reports whether an interface exists, or may come to, and notes it.
func (d *decoder) hasInterface(name string) bool {
	if !d.g.DynamicInterfaces && d.ifs != nil && !d.ifs.Has(name) {
		return false
	}
	if !d.links[name] {
		d.links[name] = true
		d.cfg.Links = append(d.cfg.Links, name)
	}
	return true
}

// wantTrackGroup reports whether there is a track_group of that name, with a complaint
// if not.
func (d *decoder) wantTrackGroup(c *cursor.Cursor, w config.Word) bool {
	if !d.hasTrackGroup(w.Text) {
		c.Errorf(w.Range, diag.NotFound, "track_group %s not found", w.Text)
		return false
	}
	d.order.Late(c, w, "track_group", "ignores it", "track_group")
	return true
}

func (d *decoder) hasTrackGroup(name string) bool {
	return slices.ContainsFunc(d.cfg.TrackGroups, func(t TrackGroup) bool { return t.Name == name })
}

// rootRow makes a row of a block that stands outside all others.
func rootRow(name, grammar string, kind config.Kind, into func(*decoder, *cursor.Cursor)) cursor.Row[decoder] {
	return cursor.Row[decoder]{
		Keyword: config.Keyword{Name: name, Kind: kind, Grammar: grammar},
		Into:    into,
	}
}

func needing(n int, r cursor.Row[decoder]) cursor.Row[decoder] { r.Need = n; return r }

func rootRows() []cursor.Row[decoder] {
	oldFile := needing(1, rootRow("vrrp_track_file", "<name> { ... }", config.Block, (*decoder).readFile))
	oldFile.Deprecated = "track_file"
	rows := []cursor.Row[decoder]{
		needing(1, rootRow("vrrp_script", "<name> { ... }", config.Block, (*decoder).readScript)),
		needing(1, rootRow("track_file", "<name> { ... }", config.Block, (*decoder).readFile)),
		oldFile,
		needing(1, rootRow("vrrp_track_process", "<name> { ... }", config.Block, (*decoder).readProcess)),
		rootRow("track_group", "<name> { group { <instance>... } }", config.Block, (*decoder).readTrackGroup),
		rootRow("garp_group", "{ ... }", config.Block, (*decoder).readGARPGroup),
		rootRow("static_ipaddress", "{ <address>... }", config.List, (*decoder).readStaticAddresses),
		rootRow("static_routes", "{ <route>... }", config.List, (*decoder).readStaticRoutes),
		rootRow("static_rules", "{ <rule>... }", config.List, (*decoder).readStaticRules),
		rootRow("linkbeat_interfaces", "{ <if> [MII|ETHTOOL|IOCTL]... }", config.List, (*decoder).readLinkbeat),
		rootRow("interface_up_down_delays", "{ <if> <down> [<up>]... }", config.List, (*decoder).readDelays),
		rootRow("vrrp_sync_group", "<name> { ... }", config.Block, (*decoder).readGroup),
		rootRow("vrrp_instance", "<name> { ... }", config.Block, (*decoder).readInstance),
	}
	effects := map[string]string{
		"track_group":              "static entries are not set yet: only their interfaces are tracked",
		"garp_group":               "announcements are paced per interface only",
		"static_ipaddress":         "static addresses are not set yet",
		"static_routes":            noRoutes,
		"static_rules":             noRoutes,
		"linkbeat_interfaces":      "link state is always taken from netlink",
		"interface_up_down_delays": "link changes are not delayed yet",
		"vrrp_track_process":       noProcesses,
		"track_file":               noFiles,
		"vrrp_track_file":          noFiles,
	}
	for i := range rows {
		rows[i].Effect = effects[rows[i].Name]
	}
	// The checker's table has bfd_instance's keywords; its name and weight are
	// wanted here, because track_bfd may only name what is defined before it.
	return append(rows, cursor.Row[decoder]{
		Keyword: config.Keyword{Name: "bfd_instance", Kind: config.Block, Need: 1, Grammar: "<name> { ... }", Effect: noBFD},
		Into:    (*decoder).readBFD,
	})
}

const noProcesses = "processes are not watched yet"

const noBFD = "BFD does not run yet"

const noMail = "mail is not sent yet"

const noFiles = "files are not watched yet"

const noRoutes = "virtual and static routes and rules are not set yet"

// readBFD notes a bfd_instance for track_bfd; what is wrong with it is said by
// the decoder of BFD.
func (d *decoder) readBFD(c *cursor.Cursor) {
	name, ok := c.Word()
	if !ok {
		return
	}
	b := &BFD{Name: name.Text}
	var forVRRP, forCheckers bool
	for _, n := range c.Block() {
		var mute diag.List
		v := cursor.New(n, &mute)
		switch n.Keyword.Text {
		case "weight":
			if n, ok := v.Int(-253, 253); ok {
				b.Weight = int(n)
				w, _ := v.Next()
				b.Reverse = w.Text == "reverse"
			}
		case "vrrp":
			forVRRP = true
		case "checker":
			forCheckers = true
		}
	}
	// Of two with one name the first counts; one for checkers alone cannot be tracked. One
	// without a good neighbour can: it is never up.
	if len(b.Name) <= maxBFDName && (forVRRP || !forCheckers) && d.bfd(b.Name) == nil {
		d.cfg.BFDs = append(d.cfg.BFDs, b)
	}
}

// maxBFDName is the longest name of a bfd_instance.
const maxBFDName = 31

func (d *decoder) bfd(name string) *BFD {
	for _, b := range d.cfg.BFDs {
		if b.Name == name {
			return b
		}
	}
	return nil
}

// ScriptUses lists the scripts of the configuration, in the order of the model,
// those of vrrp_scripts that nothing tracks as well.
func (c *Config) ScriptUses() []cursor.ScriptUse {
	var out []cursor.ScriptUse
	for _, s := range c.Scripts {
		out = append(out, cursor.ScriptUse{Kind: cursor.TrackScript, Owner: s.Name, Script: s.Script, Unused: !s.Used})
	}
	notify := func(owner string, n *Notify) {
		for _, s := range n.scripts() {
			out = append(out, cursor.ScriptUse{Kind: cursor.NotifyScript, Owner: owner, Script: s})
		}
	}
	for _, g := range c.Groups {
		notify(g.Name, &g.Notify)
	}
	for _, i := range c.Instances {
		notify(i.Name, &i.Notify)
	}
	return out
}

// scripts are those that are set.
func (n *Notify) scripts() []*cursor.Script {
	all := []*cursor.Script{n.Backup, n.Master, n.Fault, n.Stop, n.Any, n.RxLowerPri, n.Deleted}
	return slices.DeleteFunc(all, func(s *cursor.Script) bool { return s == nil })
}

// DisableScript drops a track script that cannot be run: whatever tracks it no
// longer does. The script stays in Scripts, marked as not used.
func (c *Config) DisableScript(name string) {
	drop := func(t *Track) {
		t.Scripts = slices.DeleteFunc(t.Scripts, func(r TrackRef) bool { return r.Name == name })
	}
	for _, i := range c.Instances {
		drop(&i.Track)
	}
	for _, g := range c.Groups {
		drop(&g.Track)
	}
	for _, s := range c.Scripts {
		if s.Name == name {
			s.Used = false
		}
	}
}

// DisableNotify drops one notification script that cannot be run.
func (c *Config) DisableNotify(script *cursor.Script) {
	drop := func(n *Notify) {
		for _, at := range []**cursor.Script{&n.Master, &n.Backup, &n.Fault, &n.Stop, &n.Any, &n.RxLowerPri, &n.Deleted} {
			if *at == script {
				*at = nil
			}
		}
	}
	for _, i := range c.Instances {
		drop(&i.Notify)
	}
	for _, g := range c.Groups {
		drop(&g.Notify)
	}
}

// Instance returns the instance of that name, nil when there is none.
func (c *Config) Instance(name string) *Instance {
	for _, i := range c.Instances {
		if i.Name == name {
			return i
		}
	}
	return nil
}

// Script returns the vrrp_script of that name, nil when there is none.
func (c *Config) Script(name string) *Script {
	for _, s := range c.Scripts {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// sprintf keeps complaint texts with an object's name short.
func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }
