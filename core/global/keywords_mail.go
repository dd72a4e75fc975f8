package global

import (
	"net/netip"
	"time"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

func mailRows() []row {
	email := of("notification_email", "{ <addr>... }", func(g *Config, c *cursor.Cursor) {
		if len(c.Block()) == 0 {
			c.Warnf(c.Range(), diag.BadValue, "Warning - empty notification_email block")
		}
		for _, n := range c.Block() {
			for _, w := range cursor.NewEntry(n, c.Diags()).Rest() {
				g.Email = append(g.Email, w.Text)
			}
		}
	})
	email.Kind = config.List
	rows := []row{
		email,
		text("notification_email_from", "<addr>", "emailfrom missing - ignoring", func(g *Config) *string { return &g.EmailFrom }).or("root@<host name>"),
		of("smtp_server", "<ip>|<host> [<port>]", readSMTPServer).need(1).or("none; port 25"),
		of("smtp_helo_name", "<string>", func(g *Config, c *cursor.Cursor) {
			if w, ok := c.Next(); ok {
				g.SMTPHelo = w.Text
			}
		}).value(config.Of(config.Text)).or("the host name"),
		of("smtp_connect_timeout", "", func(g *Config, c *cursor.Cursor) {
			n, ok := c.NumberFrom(0)
			if !ok {
				return
			}
			if n == 0 {
				c.Errorf(c.Line(), diag.BadNumber, "smtp_conect_timeout must be greater than 0, setting to 1")
				n = 1
			}
			g.SMTPTimeout = time.Duration(n) * time.Second
		}).need(1).value(config.Whole(1, 4294).In(config.Seconds)).or("30"),
		tristate("smtp_alert", "Invalid value '%s' for global smtp_alert specified", func(g *Config) *Switch { return &g.SMTPAlert }),
		tristate("smtp_alert_vrrp", "Invalid value '%s' for global smtp_alert_vrrp specified", func(g *Config) *Switch { return &g.SMTPAlertVRRP }),
		tristate("smtp_alert_checker", "Invalid value '%s' for global smtp_alert_checker specified", func(g *Config) *Switch { return &g.SMTPAlertChecker }),
		flag("no_email_faults", func(g *Config) *bool { return &g.NoEmailFaults }),
		boolean("no_checker_emails", "Invalid value '%s' for global no_checker_emails specified", func(g *Config) *bool { return &g.NoCheckerEmails }),
	}
	for i := range rows {
		rows[i].Effect = noMail
	}
	return append(rows,
		boolean("checker_log_all_failures", "Invalid value for checker_log_all_failures specified", func(g *Config) *bool { return &g.LogAllFailures }))
}

// readSMTPServer takes a host name without looking it up: 2.2.7 asks DNS while it
// reads the file and drops a name that does not resolve at that moment.
func readSMTPServer(g *Config, c *cursor.Cursor) {
	w, ok := c.Word()
	if !ok {
		return
	}
	port := int64(25)
	if c.More() {
		if port, ok = c.Int(1, 65535); !ok {
			c.Hint("Invalid smtp server %s", w.Text)
			return
		}
	}
	if _, err := netip.ParseAddr(w.Text); err != nil && !isHostName(w.Text) {
		c.Errorf(w.Range, diag.BadAddress, "Invalid smtp server %s %d", w.Text, port)
		return
	}
	g.SMTPServer, g.SMTPPort = w.Text, uint16(port)
}

// isHostName reports whether s can be a host name: letters, digits, "-", "." and
// "_", and not only digits and dots, which would be a bad address.
func isHostName(s string) bool {
	letter := false
	for i := range len(s) {
		switch b := s[i]; {
		case b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z':
			letter = true
		case b >= '0' && b <= '9', b == '-', b == '.', b == '_':
		default:
			return false
		}
	}
	return letter
}

func fifoRows() []row {
	var rows []row
	for _, f := range []struct {
		name string
		at   func(*Config) *FIFO
	}{
		{"notify_fifo", func(g *Config) *FIFO { return &g.FIFO }},
		{"vrrp_notify_fifo", func(g *Config) *FIFO { return &g.VRRPFIFO }},
		{"lvs_notify_fifo", func(g *Config) *FIFO { return &g.LVSFIFO }},
	} {
		rows = append(rows,
			of(f.name, "<path> [<user> [<group>]]", func(g *Config, c *cursor.Cursor) { readFIFO(f.at(g), c) }),
			of(f.name+"_script", "", func(g *Config, c *cursor.Cursor) { readFIFOScript(f.at(g), c) }).asScript().effect("readers of FIFOs are not started yet"))
	}
	return append(rows,
		boolean("vrrp_notify_priority_changes", "Invalid value '%s' for global vrrp_notify_priority_changes specified", func(g *Config) *bool { return &g.NotifyPriorityChanges }),
		flag("fifo_write_vrrp_states_on_reload", func(g *Config) *bool { return &g.FIFOStatesOnReload }).effect("states are not written again at a reload yet"),
		boolean("rs_init_notifies", "Invalid value '%s' for global rs_init_notifies specified", func(g *Config) *bool { return &g.RSInitNotifies }))
}

func readFIFO(f *FIFO, c *cursor.Cursor) {
	w, ok := wordOr(c, "No "+c.Name()+" name specified")
	if !ok {
		return
	}
	if f.Path != "" {
		c.Errorf(w.Range, diag.Duplicate, "%s already specified - ignoring %s", c.Name(), w.Text)
		return
	}
	f.Path, f.Range = w.Text, w.Range
	user, _ := c.Next()
	group, _ := c.Next()
	f.User, f.Group = user.Text, group.Text
}

func readFIFOScript(f *FIFO, c *cursor.Cursor) {
	s, ok := c.Script()
	switch {
	case !ok:
		c.Errorf(c.Range(), diag.BadValue, "No %s specified", c.Name())
	case f.Script != nil:
		c.Errorf(s.Range, diag.Duplicate, "%s already specified - ignoring %s", c.Name(), s.Text)
	default:
		f.Script = s
	}
}
