package checkercfg

import (
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
)

func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// Summary is what is known of the checkers' configuration.
type Summary struct {
	// Services is the number of virtual servers that can be used: with none the
	// healthchecker child has nothing to do.
	Services int
	// Scripts are those of checkers and notifications.
	Scripts []cursor.ScriptUse
}

// Validate returns what keepalived complains about in the checkers' blocks.
func Validate(t *config.Tree, g *global.Config) (Summary, diag.List) {
	var diags diag.List
	d := &decoder{g: g, diags: &diags, groups: map[string]bool{}, files: map[string]bool{}, bfds: map[string]bool{}}
	rootTable.Decode(d, t.Roots, &diags)
	return Summary{Services: d.servers, Scripts: d.scripts}, diags
}

func rootRows() []cursor.Row[decoder] {
	rows := []cursor.Row[decoder]{
		block(line("", "SSL", "{ ... }", 0, func(d *decoder, c *cursor.Cursor) {
			sslTable.Decode(d, c.Block(), d.diags)
		})),
		list(line("", "virtual_server_group", "<name> { <ip>[-<n>|-<ip>|/<len>] [<port>] | fwmark <n> [inet|inet6] ... }", 1, (*decoder).readGroup)),
		block(line("", "virtual_server", "<ip> [<port>] | fwmark <n> | group <name> { ... }", 1, (*decoder).readService)),
	}
	for i := range rows {
		rows[i].Effect = noChecks
	}
	return append(rows,
		block(line("", "bfd_instance", "<name> { ... }", 1, (*decoder).readBFD)),
		// track_file is described with the VRRP keywords; FILE_CHECK needs its name.
		block(line("", "track_file", "<name> { ... }", 1, (*decoder).readTrackFile)),
		block(line("", "vrrp_track_file", "<name> { ... }", 1, (*decoder).readTrackFile)),
	)
}

func (d *decoder) readTrackFile(c *cursor.Cursor) {
	w, _ := c.Next()
	for _, n := range c.Block() {
		if n.Keyword.Text == "file" && len(n.Args) > 0 {
			d.files[w.Text] = true
		}
	}
}

func sslRows() []cursor.Row[decoder] {
	return []cursor.Row[decoder]{
		text[decoder]("SSL", "password", "<string>", "SSL password missing"),
		text[decoder]("SSL", "ca", "<file>", "SSL cafile missing"),
		text[decoder]("SSL", "certificate", "<file>", "SSL certfile missing"),
		text[decoder]("SSL", "key", "<file>", "SSL keyfile missing"),
	}
}

// readGroup reads the lines of a virtual_server_group.
func (d *decoder) readGroup(c *cursor.Cursor) {
	name, ok := c.Word()
	if !ok {
		return
	}
	entries := 0
	for _, n := range c.Block() {
		e := cursor.NewEntry(n, d.diags)
		w, _ := e.Next()
		if w.Text == "fwmark" {
			if !e.More() {
				e.Errorf(w.Range, diag.BadValue, "no virtual server group fwmark value specified")
			} else if _, ok := e.Int(1, math.MaxUint32); ok {
				entries++
			}
			continue
		}
		if !validRange(w.Text) {
			e.Errorf(w.Range, diag.BadAddress, "Invalid virtual server group IP address %s  - skipping", w.Text)
			continue
		}
		if e.More() {
			if _, ok := e.Int(1, 65535); !ok {
				continue
			}
		}
		entries++
	}
	if entries == 0 {
		d.diags.Errorf(name.Range, diag.BadValue, "virtual server group %s has no entries - removing", name.Text)
		return
	}
	d.groups[name.Text] = true
}

// validRange reports whether text is <ip>, <ip>-<n>, <ip>-<ip> or <ip>/<len>.
func validRange(text string) bool {
	if strings.Contains(text, "/") {
		_, err := netip.ParsePrefix(text)
		return err == nil
	}
	first, last, ranged := strings.Cut(text, "-")
	a, ok := cursor.ParseAddr(first)
	if !ok || !ranged {
		return ok
	}
	if b, ok := cursor.ParseAddr(last); ok {
		return a.Is4() == b.Is4() && !b.Less(a)
	}
	n := 0
	_, err := fmt.Sscanf(last, map[bool]string{true: "%d", false: "%x"}[a.Is4()], &n)
	return err == nil
}

// bfdInstance is a bfd_instance under construction.
type bfdInstance struct {
	name              string
	neighbour, source netip.Addr
	bad               bool
}

func (d *decoder) readBFD(c *cursor.Cursor) {
	name, ok := c.Word()
	if !ok {
		return
	}
	b := bfdInstance{name: name.Text}
	bfdTable.Decode(&b, c.Block(), d.diags)
	switch {
	case b.bad:
	case !b.neighbour.IsValid():
		d.diags.Errorf(name.Range, diag.BadValue, "Configuration error: BFD instance %s has no neighbor address set, disabling instance", b.name)
	case b.source.IsValid() && b.source.Is4() != b.neighbour.Is4():
		d.diags.Errorf(name.Range, diag.BadAddress, "Configuration error: BFD instance %s source address %s and neighbor address %s are not of the same family, disabling instance", b.name, b.source, b.neighbour)
	default:
		d.bfds[b.name] = true
	}
}

func bfdRows() []cursor.Row[bfdInstance] {
	const path = "bfd_instance"
	neighbour := func(name string) cursor.Row[bfdInstance] {
		return line(path, name, "<ip>", 1, func(b *bfdInstance, c *cursor.Cursor) {
			w, ok := c.Word()
			if !ok {
				return
			}
			if b.neighbour, ok = cursor.ParseAddr(w.Text); !ok {
				c.Errorf(w.Range, diag.BadAddress, "Configuration error: BFD instance %s has malformed neighbor address %s, ignoring instance", b.name, w.Text)
				b.bad = true
			}
		})
	}
	millis := func(name, def string, min time.Duration) cursor.Row[bfdInstance] {
		const max = 4294967000 * time.Microsecond
		return doc(sprintf("%d..4294967 ms", min.Milliseconds()), def, line(path, name, "<milliseconds>", 1, func(b *bfdInstance, c *cursor.Cursor) {
			if _, ok := c.Millis(min, max); !ok {
				c.Hint("Configuration error: BFD instance %s %s value is not valid (must be in range [%d-4294967]), ignoring", b.name, name, min.Milliseconds())
			}
		}))
	}
	return []cursor.Row[bfdInstance]{
		neighbour("neighbor_ip"),
		neighbour("neighbour_ip"),
		line(path, "source_ip", "<ip>", 1, func(b *bfdInstance, c *cursor.Cursor) {
			w, ok := c.Word()
			if !ok {
				return
			}
			a, ok := cursor.ParseAddr(w.Text)
			if !ok {
				c.Errorf(w.Range, diag.BadAddress, "Configuration error: BFD instance %s has malformed source address %s, ignoring", b.name, w.Text)
				return
			}
			b.source = a
		}),
		millis("min_rx", "10", time.Millisecond),
		millis("min_tx", "10", time.Millisecond),
		millis("idle_tx", "1000", time.Second),
		number[bfdInstance](path, "multiplier", "5", 1, 255),
		flag[bfdInstance](path, "passive"),
		number[bfdInstance](path, "ttl", "255; IPv6: 64", 1, 255),
		number[bfdInstance](path, "hoplimit", "255; IPv6: 64", 1, 255),
		number[bfdInstance](path, "max_hops", "0", -1, 255),
		since("2.2.8", boolean[bfdInstance](path, "multihop", "off", "")),
		doc("-253..253", "0", line(path, "weight", "<n> [reverse]", 1, func(_ *bfdInstance, c *cursor.Cursor) {
			if _, ok := c.Int(-253, 253); ok {
				readReverse(c, "reverse")
			}
		})),
		flag[bfdInstance](path, "vrrp"),
		flag[bfdInstance](path, "checker"),
	}
}
