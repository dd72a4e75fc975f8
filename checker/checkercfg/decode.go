package checkercfg

import (
	"fmt"
	"slices"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
)

// Load decodes the checkers' part of the tree and resolves it: defaults, what a virtual
// server says for its real servers and these for their checkers, and what settings mean
// to each other. The Config is usable unless the list has a Fatal finding.
func Load(t *config.Tree, g *global.Config) (*Config, diag.List) {
	var diags diag.List
	d := &decoder{
		cfg: &Config{Global: g}, g: g, diags: &diags,
		groups: map[string]*Group{}, files: map[string]*TrackFile{}, bfds: map[string]*BFD{}, services: map[string]int{},
	}
	rootTable.DecodeOrdered(d, t.Roots, &diags, &d.order, "virtual_server_group", "bfd_instance", "track_file", "vrrp_track_file")
	return d.cfg, diags
}

func rootRows() []cursor.Row[decoder] {
	return []cursor.Row[decoder]{
		block(line("", "SSL", "{ ... }", 0, func(d *decoder, c *cursor.Cursor) {
			if d.ssl {
				c.Errorf(c.Range(), diag.Duplicate, "SSL context already specified - replacing")
			}
			d.ssl, d.cfg.SSL = true, SSL{}
			sslTable.Decode(&d.cfg.SSL, c.Block(), d.diags)
		})),
		list(line("", "virtual_server_group", "<name> { <ip>[-<n>|-<ip>|/<len>] [<port>] | fwmark <n> [inet|inet6] ... }", 1, (*decoder).readGroup)),
		block(line("", "virtual_server", "<ip> [<port>] | fwmark <n> | group <name> { ... }", 1, (*decoder).readService)),
		block(line("", "bfd_instance", "<name> { ... }", 1, (*decoder).readBFD)),
		// track_file is described with the VRRP keywords; FILE_CHECK needs its name.
		block(line("", "track_file", "<name> { ... }", 1, (*decoder).readTrackFile)),
		block(line("", "vrrp_track_file", "<name> { ... }", 1, (*decoder).readTrackFile)),
	}
}

func (d *decoder) readTrackFile(c *cursor.Cursor) {
	w, _ := c.Next()
	f := &TrackFile{Name: w.Text, Range: w.Range, Weight: 1}
	for _, n := range c.Block() {
		var mute diag.List // the VRRP decoder says what is wrong with it
		v := cursor.New(n, &mute)
		switch n.Keyword.Text {
		case "file":
			if path, ok := v.Next(); ok && f.Path == "" {
				f.Path = path.Text
			}
		case "weight":
			if n, ok := v.Int(-254, 254); ok {
				o, _ := v.Next()
				f.Weight, f.Reverse = n, o.Text == "reverse"
			}
		}
	}
	if _, twice := d.files[w.Text]; f.Path != "" && !twice {
		d.files[w.Text] = f
		d.cfg.Files = append(d.cfg.Files, f)
	}
}

func sslRows() []cursor.Row[SSL] {
	password := text("SSL", "password", "<string>", "SSL password missing", func(s *SSL, v string) { s.Password = v })
	password.Secret = 1
	return []cursor.Row[SSL]{
		password,
		authority(),
		text("SSL", "certificate", "<file>", "SSL certfile missing", func(s *SSL, v string) { s.Certificate = v }),
		text("SSL", "key", "<file>", "SSL keyfile missing", func(s *SSL, v string) { s.Key = v }),
	}
}

// authority is the ca. 2.2.7 reads it and looks at no certificate; to believe the word
// would take servers out of service that it keeps.
func authority() cursor.Row[SSL] {
	r := text("SSL", "ca", "<file>", "SSL cafile missing", func(s *SSL, v string) { s.CA = v })
	into := r.Into
	r.Into = func(s *SSL, c *cursor.Cursor) {
		into(s, c)
		if s.CA != "" {
			c.Diags().Noticef(c.Line(), diag.Ignored, "certificates that ca %s has not signed are accepted, as keepalived does; the log and the status name servers that have one", s.CA)
		}
	}
	return r
}

// ScriptUses lists the scripts of the configuration, in the order of the model.
func (c *Config) ScriptUses() []cursor.ScriptUse {
	var out []cursor.ScriptUse
	add := func(owner func() string, scripts ...*cursor.Script) {
		for _, s := range scripts {
			if s != nil { // few have any: names are made only for those
				out = append(out, cursor.ScriptUse{Kind: cursor.CheckScript, Owner: owner(), Script: s})
			}
		}
	}
	for _, s := range c.Services {
		add(s.Name, s.QuorumUp, s.QuorumDown)
		for _, r := range s.Servers {
			add(r.Name, r.NotifyUp, r.NotifyDown)
			for _, k := range r.Checks {
				if k.Misc != nil {
					add(r.Name, k.Misc.Script)
				}
			}
		}
	}
	return out
}

// DisableScript drops a script that cannot be run: the notification does not take
// place, the MISC_CHECK is removed.
func (c *Config) DisableScript(script *cursor.Script) {
	for _, s := range c.Services {
		hooks := []**cursor.Script{&s.QuorumUp, &s.QuorumDown}
		for _, r := range s.Servers {
			hooks = append(hooks, &r.NotifyUp, &r.NotifyDown)
			r.Checks = slices.DeleteFunc(r.Checks, func(k *Check) bool { return k.Misc != nil && k.Misc.Script == script })
		}
		for _, at := range hooks {
			if *at == script {
				*at = nil
			}
		}
	}
}

// sprintf keeps complaint texts with an object's name short.
func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }
