package vrrpcfg

import (
	"math"
	"time"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
)

func electionRows() []row {
	return []row{
		doc("", "preempt", flag("preempt", func(b *building) { b.nopreemptSaid = false })),
		flag("nopreempt", func(b *building) { b.nopreemptSaid = true }),
		doc("", "0", value("preempt_delay", config.Time(6, 0, 1000*time.Second), func(b *building, c *cursor.Cursor) {
			if t, ok := c.Duration(); ok {
				b.Election.PreemptDelay = t
			} else {
				c.Hint("(%s) Preempt_delay not valid! must be between 0-1000", b.Name)
			}
		})),
		number("down_timer_adverts", "vrrp_down_timer_adverts", 1, 100, "Invalid down_timer_adverts [1:100]", func(b *building, n int64) {
			b.Election.DownTimerAdverts, b.downTimerSet = uint8(n), true
		}),
		tristate("lower_prio_no_advert", "vrrp_lower_prio_no_advert", invalid("lower_prio_no_advert"), func(b *building) *global.Switch { return &b.lowerPrioNoAdvert }),
		tristate("higher_prio_send_advert", "vrrp_higher_prio_send_advert", invalid("higher_prio_send_advert"), func(b *building) *global.Switch { return &b.higherPrioSendAdvert }),
		since("2.3.3", tristate("owner_ignore_adverts", "vrrp_owner_ignore_adverts", invalid("owner_ignore_adverts"), func(b *building) *global.Switch { return &b.ownerIgnore })),
		tristate("skip_check_adv_addr", "vrrp_skip_check_adv_addr", invalid("skip_check_adv_addr"), func(b *building) *global.Switch { return &b.skipCheck }),
		since("2.2.8", tristate("v3_checksum_as_v2", "v3_checksum_as_v2", invalid("v3_checksum_as_v2"), func(b *building) *global.Switch { return &b.checksumAsV2 })),
		tristate("strict_mode", "vrrp_strict", invalid("strict_mode"), func(b *building) *global.Switch { return &b.strict }),
		doc("", "accept; strict mode: no_accept unless priority 255", flag("accept", func(b *building) { b.accept = global.On })),
		effect(noFirewall, flag("no_accept", func(b *building) { b.accept = global.Off })),
		effect("the sysctl is left alone", flag("promote_secondaries", func(b *building) { b.Election.PromoteSecondaries = true })),
	}
}

func garpRows() []row {
	delay := func(name, def string, max int64, at func(*building) *time.Duration) row {
		r := number(name, def, 0, max, name+" invalid - ignoring", func(b *building, n int64) { *at(b) = time.Duration(n) * time.Second })
		r.Value.Unit = config.Seconds
		return r
	}
	repeat := func(name string, at func(*building) *uint32) row {
		return doc("", "vrrp_"+name, value(name, config.Whole(1, math.MaxUint32), func(b *building, c *cursor.Cursor) {
			n, ok := c.NumberFrom(0)
			if !ok {
				c.Hint("(%s): %s invalid - ignoring", b.Name, name)
				return
			}
			if n == 0 {
				c.Errorf(c.Line(), diag.BadNumber, "(%s): %s must be greater than 0, setting to 1", b.Name, name)
				n = 1
			}
			*at(b) = uint32(n)
		}))
	}
	return []row{
		delay("garp_master_delay", "vrrp_garp_master_delay", 4294, func(b *building) *time.Duration { return &b.GARP.Delay }),
		repeat("garp_master_repeat", func(b *building) *uint32 { return &b.GARP.Repeat }),
		delay("garp_master_refresh", "vrrp_garp_master_refresh", math.MaxUint32, func(b *building) *time.Duration { return &b.GARP.Refresh }),
		repeat("garp_master_refresh_repeat", func(b *building) *uint32 { return &b.GARP.RefreshRepeat }),
		delay("garp_lower_prio_delay", "vrrp_garp_lower_prio_delay", 4294, func(b *building) *time.Duration { return &b.GARP.LowerPrioDelay }),
		number("garp_lower_prio_repeat", "vrrp_garp_lower_prio_repeat", 0, math.MaxInt32, "Invalid garp_lower_prio_repeat", func(b *building, n int64) {
			b.GARP.LowerPrioRepeat = uint32(n)
		}),
		effect(noVMAC, doc("0..86400", "vrrp_garp_extra_if", on("garp_extra_if", "[all] <seconds>", 0, (*building).readExtraIf))),
		effect(noVMAC, deprecated("garp_extra_if", on("vmac_garp_intvl", "[all] <seconds>", 0, func(b *building, c *cursor.Cursor) {
			c.Warnf(c.Range(), diag.Deprecated, "Keyword %q is deprecated - please use %q", "vmac_garp_intvl", "garp_extra_if")
			b.readExtraIf(c)
		}))),
	}
}

func (b *building) readExtraIf(c *cursor.Cursor) {
	all := false
	if w, ok := c.Peek(); ok && w.Text == "all" {
		all = true
		c.Next()
	}
	if !c.More() {
		c.Errorf(c.Range(), diag.BadValue, "(%s): %s specified without time - ignoring", b.Name, c.Name())
		return
	}
	if n, ok := c.Int(0, 86400); ok {
		b.GARP.ExtraIf, b.GARP.ExtraIfAll = time.Duration(n)*time.Second, all
	} else {
		c.Hint("(%s): %s invalid - ignoring", b.Name, c.Name())
	}
}

func trackRows() []row {
	const named = "{ <name> [weight <n> [reverse|noreverse]] }"
	return []row{
		block("track_interface", "{ <if> [weight <n> [reverse]] }", func(b *building, c *cursor.Cursor) {
			b.d.trackInterfaces(b.Name, &b.Track.Interfaces, c)
		}),
		block("track_script", named, func(b *building, c *cursor.Cursor) { b.d.trackList(trackScripts, b.Name, &b.Track.Scripts, c) }),
		effect(noFiles, block("track_file", named, func(b *building, c *cursor.Cursor) { b.d.trackList(trackFiles, b.Name, &b.Track.Files, c) })),
		effect(noProcesses, block("track_process", named, func(b *building, c *cursor.Cursor) {
			b.d.trackList(trackProcesses, b.Name, &b.Track.Processes, c)
		})),
		effect(noBFD, block("track_bfd", named, func(b *building, c *cursor.Cursor) { b.d.trackList(trackBFDs, b.Name, &b.Track.BFDs, c) })),
		flag("dont_track_primary", func(b *building) { b.Track.NoPrimary = true }),
		flag("track_src_ip", func(b *building) { b.Source.Track = true }),
		deprecated("linkbeat_interfaces", value("linkbeat_use_polling", config.Of(config.Flag), func(b *building, c *cursor.Cursor) {
			c.Warnf(c.Range(), diag.Deprecated, "(%s) 'linkbeat_use_polling' in vrrp instance deprecated - use linkbeat_interfaces block", b.Name)
			b.Track.LinkbeatPolling = true
		})),
		deprecated("lvs_sync_daemon", value("lvs_sync_daemon_interface", config.Of(config.Interface), func(b *building, c *cursor.Cursor) {
			c.Warnf(c.Range(), diag.Deprecated, "(%s) Specifying lvs_sync_daemon_interface against a vrrp is deprecated.", b.Name)
			c.Hint("Please use global lvs_sync_daemon")
			if w, ok := c.Word(); ok && b.d.cfg.SyncDaemon == nil {
				b.d.cfg.SyncDaemon = &global.SyncDaemon{Interface: w.Text, Instance: b.Name, Range: w.Range}
			}
		})),
	}
}
