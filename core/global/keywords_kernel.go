package global

import (
	"math"
	"time"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

func firewallRows() []row {
	table := func(name, def string, at func(*Config) *string) row {
		return of(name, "[<table>]", func(g *Config, c *cursor.Cursor) {
			if *at(g) != "" {
				c.Errorf(c.Range(), diag.Duplicate, "%s already specified - ignoring", name)
				return
			}
			*at(g) = def
			if w, ok := c.Next(); ok {
				*at(g) = w.Text
			}
		}).value(config.Of(config.Text).OrNone()).or("none; " + def + " without a word")
	}
	rows := []row{
		table("nftables", "keepalived", func(g *Config) *string { return &g.NFTTable }),
		number("nftables_priority", math.MinInt32, math.MaxInt32, "invalid nftables chain priority", func(g *Config, n int64) {
			g.NFTPriority = int32(n)
		}).or("-1"),
		flag("nftables_counters", func(g *Config) *bool { return &g.NFTCounters }),
		flag("nftables_ifindex", func(g *Config) *bool { return &g.NFTIfIndex }),
		table("nftables_ipvs", "keepalived_ipvs", func(g *Config) *string { return &g.NFTIPVSTable }),
		number("nftables_ipvs_priority", math.MinInt32, math.MaxInt32, "invalid ipvs nftables chain priority", func(g *Config, n int64) {
			g.NFTIPVSPriority = int32(n)
		}).or("-1"),
		number("nftables_ipvs_start_fwmark", 1, math.MaxUint32, "invalid ipvs nftables start_fwmark priority", func(g *Config, n int64) {
			g.NFTIPVSFwmark = uint32(n)
		}).or("1000"),
		of("vrrp_iptables", "[<in> [<out>]]", func(g *Config, c *cursor.Cursor) {
			c.Warnf(c.Range(), diag.Deprecated, "iptables not supported, using nftables instead. "+
				"Please replace 'vrrp_iptables and 'vrrp_ipsets' with 'nftables' config option")
			g.IPTables = true
			if g.NFTTable == "" {
				g.NFTTable = "keepalived"
			}
		}).insteadOf("nftables"),
		of("vrrp_ipsets", "[<n4> [<n6> [<if6> [<igmp> [<mld> [<nd>]]]]]]", func(g *Config, c *cursor.Cursor) {
			c.Warnf(c.Range(), diag.Deprecated, "ipsets not supported, using nftables instead. Please replace 'vrrp_ipsets' with 'nftables' config option")
			for w, ok := c.Next(); ok; w, ok = c.Next() {
				g.IPSets = append(g.IPSets, w.Text)
			}
		}).insteadOf("nftables"),
	}
	for i := range rows {
		rows[i].Effect = noFirewall
	}
	return rows
}

// maxLVSTimeout is 31 days, the longest timeout of an ip_vs connection.
const maxLVSTimeout = 31 * 24 * 3600

func lvsRows() []row {
	flush := func(g *Config, c *cursor.Cursor) {
		g.FlushOnStop = FlushAll
		if w, ok := c.Next(); ok {
			if w.Text == "VS" {
				g.FlushOnStop = FlushVS
			} else {
				c.Errorf(w.Range, diag.BadValue, "Unknown lvs_flush_on_stop type %s", w.Text)
			}
		}
	}
	return []row{
		of("lvs_timeouts", "[tcp <s>] [tcpfin <s>] [udp <s>]", readLVSTimeouts).within("0..2678400").or("unchanged"),
		of("lvs_sync_daemon", "<if> [[inst] <instance>] [id <n>] [maxlen <n>] [port <n>] [ttl <n>] [group <addr>]", readSyncDaemon).effect("connections are not synchronised yet"),
		flag("lvs_flush", func(g *Config) *bool { return &g.LVSFlush }),
		of("lvs_flush_on_stop", "[VS]", flush).or("off"),
		of("lvs_flush_onstop", "[VS]", flush).insteadOf("lvs_flush_on_stop"),
	}
}

func readLVSTimeouts(g *Config, c *cursor.Cursor) {
	at := map[string]*time.Duration{"tcp": &g.TCPTimeout, "tcpfin": &g.TCPFinTimeout, "udp": &g.UDPTimeout}
	if len(c.Node().Args) < 2 {
		c.Errorf(c.Line(), diag.BadValue, "lvs_timeouts requires at least one option")
		return
	}
	for w, ok := c.Next(); ok; w, ok = c.Next() {
		d, known := at[w.Text]
		switch {
		case !known:
			c.Errorf(w.Range, diag.BadValue, "Unknown option %s specified for lvs_timeouts", w.Text)
		case !c.More():
			c.Errorf(w.Range, diag.BadValue, "No value specified for lvs_timeout %s - ignoring", w.Text)
		default:
			if n, ok := c.Int(0, maxLVSTimeout); ok {
				*d = time.Duration(n) * time.Second
			} else {
				c.Hint("Invalid lvs_timeout %s - ignoring", w.Text)
			}
		}
	}
}

func readSyncDaemon(g *Config, c *cursor.Cursor) {
	w, ok := wordOr(c, "lvs_sync_daemon requires interface")
	if !ok {
		return
	}
	if g.SyncDaemon != nil {
		c.Errorf(w.Range, diag.Duplicate, "lvs_sync_daemon has already been specified as %s %s - ignoring", g.SyncDaemon.Interface, g.SyncDaemon.Instance)
		return
	}
	d := &SyncDaemon{Interface: w.Text, ID: -1, Range: w.Range}
	g.SyncDaemon = d
	options := map[string]bool{"inst": true, "id": true, "maxlen": true, "port": true, "ttl": true, "group": true}
	// The old form names instance and id by position.
	if w, ok := c.Peek(); ok && !options[w.Text] {
		c.Next()
		d.Instance = w.Text
		if w, ok := c.Peek(); ok && !options[w.Text] {
			if n, ok := c.Int(0, 255); ok {
				c.Warnf(w.Range, diag.Deprecated, "Please use keyword \"id\" before lvs_sync_daemon SYNCID")
				d.ID = int(n)
			} else {
				c.Hint("defaulting to vrid")
			}
		}
	}
	for w, ok := c.Next(); ok; w, ok = c.Next() {
		if w.Text == "inst" {
			if v, ok := c.Word(); ok {
				d.Instance = v.Text
			}
			continue
		}
		if options[w.Text] && !c.More() {
			c.Errorf(w.Range, diag.BadValue, "No value specified for lvs_sync_daemon %s - ignoring", w.Text)
			return
		}
		readSyncOption(d, w.Text, c)
	}
}

func readSyncOption(d *SyncDaemon, name string, c *cursor.Cursor) {
	switch name {
	case "id":
		if n, ok := c.Int(0, 255); ok {
			d.ID = int(n)
		} else {
			c.Hint("defaulting to vrid")
		}
	case "maxlen":
		if n, ok := c.Int(1, 65507); ok {
			d.MaxLen = uint16(n)
		}
	case "port":
		if n, ok := c.Int(1, 65535); ok {
			d.Port = uint16(n)
		}
	case "ttl":
		if n, ok := c.Int(1, 255); ok {
			d.TTL = uint8(n)
		}
	case "group":
		w, _ := c.Next()
		a, ok := cursor.ParseAddr(w.Text)
		switch {
		case !ok:
			c.Errorf(w.Range, diag.BadAddress, "Invalid lvs_sync_daemon group (%s) - ignoring", w.Text)
		case !a.IsMulticast():
			c.Errorf(w.Range, diag.BadAddress, "lvs_sync_daemon group address %s is not multicast - ignoring", w.Text)
		default:
			d.Group = a
		}
	default:
		c.Errorf(c.Line(), diag.BadValue, "Unknown option %s specified for lvs_sync_daemon", name)
	}
}

func agentRows() []row {
	rows := []row{
		text("snmp_socket", "<addr>", "SNMP error : snmp socket name missing", func(g *Config) *string { return &g.SNMPSocket }).or("unix:/var/agentx/master"),
		flag("enable_snmp_vrrp", func(g *Config) *bool { return &g.SNMPVRRP }),
		flag("enable_snmp_keepalived", func(g *Config) *bool { return &g.SNMPVRRP }).insteadOf("enable_snmp_vrrp"),
		flag("enable_snmp_checker", func(g *Config) *bool { return &g.SNMPChecker }),
		of("enable_snmp_rfc", "", func(g *Config, _ *cursor.Cursor) { g.SNMPRFCv2, g.SNMPRFCv3 = true, true }).value(config.Of(config.Flag)).or("off"),
		flag("enable_snmp_rfcv2", func(g *Config) *bool { return &g.SNMPRFCv2 }),
		flag("enable_snmp_rfcv3", func(g *Config) *bool { return &g.SNMPRFCv3 }),
		flag("enable_traps", func(g *Config) *bool { return &g.SNMPTraps }),
		seconds("snmp_vs_stats_update_interval", 6, time.Millisecond, 30*time.Second, func(g *Config) *time.Duration { return &g.SNMPVSInterval }).since("2.3.0").or("5"),
		seconds("snmp_rs_stats_update_interval", 6, time.Millisecond, 30*time.Second, func(g *Config) *time.Duration { return &g.SNMPRSInterval }).since("2.3.0").or("with the virtual servers"),
	}
	for i := range rows {
		rows[i].Effect = noSNMP
	}
	bus := []row{
		flag("enable_dbus", func(g *Config) *bool { return &g.DBus }),
		text("dbus_service_name", "<name>", "dbus_service_name missing - ignoring", func(g *Config) *string { return &g.DBusServiceName }).or("org.keepalived.Vrrp1"),
		text("dbus_no_interface_name", "<name>", "", func(g *Config) *string { return &g.DBusNoInterfaceName }).since("2.3.0").or("none"),
	}
	for i := range bus {
		bus[i].Effect = noDBus
	}
	return append(rows, bus...)
}
