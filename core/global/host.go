package global

// SetHost fills in what is called after the host when the configuration does not name
// it: router_id, smtp_helo_name and the sender of mails. "": the host has no name.
func (c *Config) SetHost(name string) {
	if name == "" {
		return
	}
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

// DumpSuffix is what data_use_instance adds to the names of the dumps.
func (c *Config) DumpSuffix() string {
	suffix := ""
	if !c.DataUseInstance {
		return suffix
	}
	if c.Instance != "" {
		suffix += "_" + c.Instance
	}
	if c.Namespace != "" {
		suffix += "_" + c.Namespace
	}
	return suffix
}
