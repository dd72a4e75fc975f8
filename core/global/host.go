package global

// SetHost fills in what is called after the host when the configuration does not name
// it: router_id, smtp_helo_name and the sender of mails.
func (c *Config) SetHost(name string) {
	if c.RouterID == "" {
		c.RouterID = name
	}
	if c.SMTPServer != "" && c.SMTPHelo == "" {
		c.SMTPHelo = name
	}
	if len(c.Email) > 0 && c.EmailFrom == "" {
		c.EmailFrom = "keepalived@" + name
	}
}
