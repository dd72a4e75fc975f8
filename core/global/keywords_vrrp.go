package global

import (
	"math"
	"net/netip"
	"strings"
	"time"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

func vrrpRows() []row {
	return []row{
		text("default_interface", "<if>", "default_interface requires interface name", func(g *Config) *string { return &g.DefaultInterface }).value(config.Of(config.Interface)).or("eth0"),
		of("dynamic_interfaces", "[allow_if_changes]", func(g *Config, c *cursor.Cursor) {
			g.DynamicInterfaces = true
			if w, ok := c.Next(); ok {
				if w.Text == "allow_if_changes" {
					g.AllowIfChanges = true
				} else {
					c.Errorf(w.Range, diag.BadValue, "Unknown dynamic_interfaces option '%s'", w.Text)
				}
			}
		}).or("off"),
		number("vrrp_version", 2, 3, "VRRP Error: Version must be either 2 or 3", func(g *Config, n int64) { g.Version = uint8(n) }).or("2; 3 for IPv6"),
		group("vrrp_mcast_group4", netip.Addr.Is4, func(g *Config) *netip.Addr { return &g.Group4 }).within("IPv4 multicast").or("224.0.0.18"),
		group("vrrp_mcast_group6", isIPv6, func(g *Config) *netip.Addr { return &g.Group6 }).within("IPv6 multicast, link-local").or("ff02::12"),
		number("vrrp_down_timer_adverts", 1, 100, "Invalid vrrp_down_timer_adverts [1:100]", func(g *Config, n int64) {
			g.DownTimerAdverts = uint8(n)
		}).or("3"),
		tristate("vrrp_lower_prio_no_advert", "Invalid value for vrrp_lower_prio_no_advert specified", func(g *Config) *Switch { return &g.LowerPrioNoAdvert }).or("off; on with vrrp_strict"),
		tristate("vrrp_higher_prio_send_advert", "Invalid value for vrrp_higher_prio_send_advert specified", func(g *Config) *Switch { return &g.HigherPrioSendAdvert }).or("off"),
		tristate("vrrp_owner_ignore_adverts", "Invalid value for vrrp_owner_ignore_adverts specified", func(g *Config) *Switch { return &g.OwnerIgnoreAdverts }).or("off; on with vrrp_strict").since("2.3.3"),
		flag("v3_checksum_as_v2", func(g *Config) *bool { return &g.V3ChecksumAsV2 }).since("2.2.8"),
		flag("vrrp_check_unicast_src", func(g *Config) *bool { return &g.CheckUnicastSource }),
		// 2.2.7 looks at no word behind these two: `vrrp_strict off` is strict.
		loose("vrrp_skip_check_adv_addr", func(g *Config) *bool { return &g.SkipCheckAdvAddr }),
		loose("vrrp_strict", func(g *Config) *bool { return &g.Strict }),
		seconds("vrrp_startup_delay", 6, time.Millisecond, maxTimer, func(g *Config) *time.Duration { return &g.StartupDelay }).or("0"),
		seconds("vrrp_delay_after_boot", 6, time.Millisecond, maxTimer, func(g *Config) *time.Duration { return &g.DelayAfterBoot }).since("2.4.0").or("0"),
		flag("log_unknown_vrids", func(g *Config) *bool { return &g.LogUnknownVRIDs }),
		text("vmac_prefix", "<string>", "", func(g *Config) *string { return &g.VMACPrefix }).or("vrrp").effect(noVMAC),
		text("vmac_addr_prefix", "<string>", "", func(g *Config) *string { return &g.VMACAddrPrefix }).or("vmac_prefix").effect(noVMAC),
		flag("disable_local_igmp", func(g *Config) *bool { return &g.DisableLocalIGMP }).effect(noVMAC),
	}
}

func isIPv6(a netip.Addr) bool { return a.Is6() }

// loose is a boolean of which 2.2.7 reads no word, so that `off` switches it on
// too. Here the word counts, and one that is none is passed over as in 2.2.7.
func loose(name string, at func(*Config) *bool) row {
	return of(name, "", func(g *Config, c *cursor.Cursor) {
		w, _ := c.Next()
		switch w.Text {
		case "off", "false", "no":
			*at(g) = false
		default:
			*at(g) = true
		}
	}).value(config.Of(config.Bool)).or("off")
}

func group(name string, family func(netip.Addr) bool, at func(*Config) *netip.Addr) row {
	return of(name, "", func(g *Config, c *cursor.Cursor) {
		w, ok := c.Word()
		if !ok {
			return
		}
		a, ok := cursor.ParseAddr(w.Text)
		switch {
		case !ok || !family(a):
			c.Errorf(w.Range, diag.BadAddress, "Can't parse %s [%s]. Skipping", name, w.Text)
		case !a.IsMulticast():
			c.Errorf(w.Range, diag.BadAddress, "%s [%s] is not multicast. Skipping", name, w.Text)
		default:
			if a.Is6() && !a.IsLinkLocalMulticast() {
				c.Warnf(w.Range, diag.BadAddress, "%s [%s] should be link-local multicast.", name, w.Text)
			}
			*at(g) = a
		}
	}).value(config.Of(config.Address)).need(1)
}

// wholeSeconds is a delay in whole seconds; keepalived keeps most of them in 32 bits of
// microseconds.
func wholeSeconds(name string, max int64, at func(*Config) *time.Duration) row {
	return number(name, 0, max, name+" invalid - ignoring", func(g *Config, n int64) { *at(g) = time.Duration(n) * time.Second }).seconds()
}

// atLeastOne is a repeat count of which 0 becomes 1, with a complaint.
func atLeastOne(name string, at func(*Config) *uint32) row {
	return of(name, "", func(g *Config, c *cursor.Cursor) {
		n, ok := c.NumberFrom(0)
		if !ok {
			return
		}
		if n == 0 {
			c.Errorf(c.Line(), diag.BadNumber, "%s must be greater than 0, setting to 1", name)
			n = 1
		}
		*at(g) = uint32(n)
	}).value(config.Whole(1, math.MaxUint32)).need(1)
}

func garpRows() []row {
	extra := func(g *Config, c *cursor.Cursor) { readExtraIf(g, c) }
	return []row{
		wholeSeconds("vrrp_garp_master_delay", 4294, func(g *Config) *time.Duration { return &g.GARP.Delay }).or("5"),
		atLeastOne("vrrp_garp_master_repeat", func(g *Config) *uint32 { return &g.GARP.Repeat }).or("5"),
		wholeSeconds("vrrp_garp_master_refresh", math.MaxUint32, func(g *Config) *time.Duration { return &g.GARP.Refresh }).or("0: off"),
		atLeastOne("vrrp_garp_master_refresh_repeat", func(g *Config) *uint32 { return &g.GARP.RefreshRepeat }).or("1"),
		wholeSeconds("vrrp_garp_lower_prio_delay", 4294, func(g *Config) *time.Duration { return &g.GARP.LowerPrioDelay }).or("vrrp_garp_master_delay"),
		number("vrrp_garp_lower_prio_repeat", 0, math.MaxInt32, "Invalid vrrp_garp_lower_prio_repeat", func(g *Config, n int64) {
			g.GARP.LowerPrioRepeat = uint32(n)
		}).or("vrrp_garp_master_repeat"),
		seconds("vrrp_garp_interval", 6, time.Microsecond, maxTimer, func(g *Config) *time.Duration { return &g.GARP.Interval }).or("0"),
		seconds("vrrp_gna_interval", 6, time.Microsecond, maxTimer, func(g *Config) *time.Duration { return &g.GARP.NAInterval }).or("0"),
		of("vrrp_min_garp", "", func(g *Config, c *cursor.Cursor) {
			if v, ok := c.Bool("Invalid value for vrrp_min_garp specified"); ok && v {
				g.MinGARP = true
			}
		}).value(config.Of(config.Bool)).or("off"),
		of("vrrp_garp_extra_if", "[all] <seconds>", extra).within("1..86400").or("off").effect(noVMAC),
		of("vrrp_vmac_garp_intvl", "[all] <seconds>", func(g *Config, c *cursor.Cursor) {
			deprecated(c, "vrrp_garp_extra_if")
			extra(g, c)
		}).insteadOf("vrrp_garp_extra_if").effect(noVMAC),
	}
}

func readExtraIf(g *Config, c *cursor.Cursor) {
	all := false
	if w, ok := c.Peek(); ok && w.Text == "all" {
		all = true
		c.Next()
	}
	if !c.More() {
		c.Errorf(c.Range(), diag.BadValue, "%s specified without time - ignoring", c.Name())
		return
	}
	if n, ok := c.Int(1, 86400); ok {
		g.GARP.ExtraIf, g.GARP.ExtraIfAll = time.Duration(n)*time.Second, all
	}
}

func bufferRows() []row {
	var rows []row
	for _, b := range []struct {
		name string
		at   func(*Config) *Buffers
	}{
		{"vrrp_netlink_cmd_rcv_bufs", func(g *Config) *Buffers { return &g.NetlinkCmdBufs }},
		{"vrrp_netlink_monitor_rcv_bufs", func(g *Config) *Buffers { return &g.NetlinkMonitorBufs }},
		{"lvs_netlink_cmd_rcv_bufs", func(g *Config) *Buffers { return &g.LVSNetlinkCmdBufs }},
		{"lvs_netlink_monitor_rcv_bufs", func(g *Config) *Buffers { return &g.LVSNetlinkMonitorBufs }},
		{"process_monitor_rcv_bufs", func(g *Config) *Buffers { return &g.ProcessMonitorBufs }},
	} {
		rows = append(rows,
			of(b.name, "", func(g *Config, c *cursor.Cursor) {
				if !c.More() {
					c.Errorf(c.Range(), diag.BadValue, "%s size missing", b.name)
				} else if n, ok := c.Number(); ok {
					b.at(g).Bytes = uint32(n)
				}
			}).value(config.Whole(0, math.MaxUint32).In(config.Bytes)).or("0: the system's").effect(noBuffers),
			boolean(b.name+"_force", "Invalid value '%s' for global "+b.name+"_force specified", func(g *Config) *bool { return &b.at(g).Force }).effect(noBuffers))
	}
	return append(rows,
		of("vrrp_rx_bufs_policy", "MTU|ADVERT|<bytes>", readRxBufs).or("the system's").effect(noBuffers),
		of("vrrp_rx_bufs_multiplier", "", func(g *Config, c *cursor.Cursor) {
			if !c.More() {
				c.Errorf(c.Range(), diag.BadValue, "Invalid vrrp_rx_bufs_multiplier")
			} else if n, ok := c.Number(); ok {
				g.RxBufs.Multiplier = uint32(n)
			}
		}).value(config.Whole(1, math.MaxUint32)).or("3").effect(noBuffers))
}

func readRxBufs(g *Config, c *cursor.Cursor) {
	if !c.More() {
		c.Errorf(c.Range(), diag.BadValue, "vrrp_rx_bufs_policy missing")
		return
	}
	size, policy := false, false
	for c.More() {
		w, _ := c.Peek()
		switch strings.ToUpper(w.Text) {
		case "MTU":
			g.RxBufs.ByMTU, policy = true, true
			c.Next()
		case "ADVERT":
			g.RxBufs.ByAdvert, policy = true, true
			c.Next()
		default:
			n, ok := c.Int(0, math.MaxUint32)
			if !ok {
				c.Hint("Invalid vrrp_rx_bufs_policy %s", w.Text)
				continue
			}
			g.RxBufs.Bytes, size = uint32(n), true
		}
	}
	if size && policy {
		c.Errorf(c.Line(), diag.Conflict, "Cannot set vrrp_rx_bufs_policy size and policy, ignoring policy")
		g.RxBufs.ByMTU, g.RxBufs.ByAdvert = false, false
	}
	if g.RxBufs.ByMTU && g.RxBufs.ByAdvert {
		c.Errorf(c.Line(), diag.Conflict, "Cannot set both vrrp_rx_bufs_policy MTU and ADVERT, ignoring ADVERT")
		g.RxBufs.ByAdvert = false
	}
}
