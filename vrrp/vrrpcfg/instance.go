package vrrpcfg

import (
	"math"
	"slices"
	"time"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
)

const instancePath = "vrrp_instance"

const (
	noVMAC     = "VMAC and ipvlan interfaces are not made yet"
	noFirewall = "no firewall rules are made yet"
)

type row = cursor.Row[building]

func on(name, grammar string, need int, into func(*building, *cursor.Cursor)) row {
	return line(instancePath, name, grammar, need, into)
}

// value is a keyword with a value of a usual shape.
func value(name string, v config.Value, into func(*building, *cursor.Cursor)) row {
	return valued(instancePath, name, v, into)
}

// flag is a keyword without words.
func flag(name string, set func(*building)) row { return flagOf(instancePath, name, set) }

// tristate is a bool whose default is a global one.
func tristate(name, def string, complaint func(b *building) string, at func(*building) *global.Switch) row {
	return doc("", def, value(name, config.Of(config.Bool), func(b *building, c *cursor.Cursor) { readSwitch(c, at(b), complaint(b)) }))
}

// invalid is the complaint of most of them.
func invalid(name string) func(*building) string {
	return func(b *building) string { return "(" + b.Name + ") invalid " + name + " %s specified" }
}

// number is `name <n>`; hint says what follows from a bad one.
func number(name, def string, min, max int64, hint string, set func(*building, int64)) row {
	return doc("", def, value(name, config.Whole(min, max), func(b *building, c *cursor.Cursor) {
		n, ok := c.Number()
		if !ok {
			c.Hint("(%s) %s", b.Name, hint)
			return
		}
		set(b, n)
	}))
}

// block makes a list block of addresses, routes and the like.
func block(name, grammar string, into func(*building, *cursor.Cursor)) row {
	r := on(name, grammar, 0, into)
	r.Kind = config.List
	return r
}

// members makes a block of keywords.
func members(name, grammar string, into func(*building, *cursor.Cursor)) row {
	r := on(name, grammar, 0, into)
	r.Kind = config.Block
	return r
}

func since(version string, r row) row  { r.Since = version; return r }
func deprecated(use string, r row) row { r.Deprecated = use; return r }
func secret(word int, r row) row       { r.Secret = word; return r }

func instanceRows() []row {
	return slices.Concat(basicRows(), otherRows(), electionRows(), garpRows(), addressRows(), unicastRows(), interfaceRows(), trackRows(), notifyRows())
}

func basicRows() []row {
	return []row{
		doc("", "BACKUP; MASTER with priority 255", value("state", config.OneOf("MASTER", "BACKUP"), (*building).readState)),
		value("interface", config.Of(config.Interface), func(b *building, c *cursor.Cursor) {
			w, ok := c.Word()
			if !ok {
				return
			}
			if w.Text == "lo" {
				c.Errorf(w.Range, diag.NoInterface, "(%s) cannot use a loopback interface (%s) for vrrp - ignoring", b.Name, w.Text)
				b.Identity.Interface = ""
				return
			}
			b.Identity.Interface = w.Text
			if !b.d.wantInterface(w, "WARNING - interface %s for vrrp_instance %s doesn't exist", w.Text, b.Name) {
				b.spoiled = true
			}
		}),
		effect("VRFs are not looked at yet", value("vrf", config.Of(config.Interface), func(b *building, c *cursor.Cursor) {
			w, _ := c.Word()
			if b.Identity.Interface != "" {
				c.Errorf(w.Range, diag.Conflict, "(%s) Cannot specify VRF interface and interface - ignoring", b.Name)
				return
			}
			b.Identity.VRF = w.Text
			if !b.d.wantInterface(w, "(%s) WARNING - VRF interface %s doesn't exist", b.Name, w.Text) {
				b.spoiled = true
			}
		})),
		number("virtual_router_id", "", 1, 255, "VRID not valid - must be between 1 & 255", func(b *building, n int64) { b.Identity.VRID = uint8(n) }),
		doc("", "100; 255 with state MASTER", value("priority", config.Whole(1, 255), func(b *building, c *cursor.Cursor) {
			n, ok := c.Number()
			if !ok {
				c.Hint("(%s) Priority not valid! must be between 1 & 255. Using default %d", b.Name, defaultPriority)
				n = defaultPriority
			}
			b.priority = uint8(n)
		})),
		doc("VRRP 2: whole seconds; VRRP 3: up to 40.95 in steps of 0.01", "1", value("advert_int", config.Time(6, 10*time.Millisecond, 255*time.Second), func(b *building, c *cursor.Cursor) {
			if t, ok := c.Duration(); ok {
				b.Election.AdvertInt = t
			} else {
				c.Hint("(%s) Advert interval not valid! Must be > 0 - ignoring", b.Name)
			}
		})),
		doc("", "vrrp_version; 3 for IPv6", value("version", config.Whole(2, 3), func(b *building, c *cursor.Cursor) {
			n, ok := c.Number()
			switch {
			case !ok:
				c.Hint("(%s): Version must be either 2 or 3", b.Name)
			case n == 2 && b.family == IPv6:
				c.Errorf(c.Line(), diag.Conflict, "(%s) vrrp_version 2 conflicts with configured or deduced version 3; ignoring.", b.Name)
			default:
				b.version = uint8(n)
			}
		})),
		deprecated("version 3 and an IPv6 address", value("native_ipv6", config.Of(config.Flag), func(b *building, c *cursor.Cursor) {
			if b.family == IPv4 {
				c.Errorf(c.Range(), diag.Conflict, "(%s) Cannot specify native_ipv6 with IPv4 addresses", b.Name)
				return
			}
			b.family, b.version = IPv6, 3
		})),
	}
}

// otherRows are authentication and what has no effect.
func otherRows() []row {
	return []row{
		doc("", "none", members("authentication", "{ auth_type PASS|AH auth_pass <password> }", (*building).readAuthentication)),
		effect("a process that is late asks the network first and needs no such rule", since("2.2.8", doc("", "off; 254 without a number", value("timer_expired_backup", config.Whole(1, 254).OrNone(), (*building).readTimerExpired)))),
		deprecated("timer_expired_backup", since("2.3.2", value("thread_timer_expired", config.Whole(1, 254).OrNone(), func(b *building, c *cursor.Cursor) {
			c.Warnf(c.Range(), diag.Deprecated, "Keyword %q is deprecated - please use %q", "thread_timer_expired", "timer_expired_backup")
			b.readTimerExpired(c)
		}))),
		effect("nothing depends on it", number("debug", "0", 0, 4, "Debug value not valid; must be between 0-4", func(b *building, n int64) { b.Election.Debug = uint8(n) })),
		effect("socket buffer sizes are left to the kernel", doc("", "vrrp_rx_bufs_policy", optional(value("kernel_rx_buf_size", config.Whole(0, math.MaxUint32).In(config.Bytes), func(b *building, c *cursor.Cursor) {
			if !c.More() {
				c.Errorf(c.Range(), diag.BadValue, "(%s) invalid kernel_rx_buf_size specified", b.Name)
			} else if n, ok := c.Number(); ok {
				b.Election.RxBuf = uint32(n)
			} else {
				c.Hint("(%s) invalid kernel_rx_buf_size specified", b.Name)
			}
		})))),
		effect("adverts are sent and accepted without it", since("2.4.0", members("auth_hmac", "{ ... }", (*building).readHMAC))),
	}
}

const defaultPriority = 100

func (b *building) readState(c *cursor.Cursor) {
	w, ok := c.Word()
	if !ok {
		return
	}
	switch w.Text {
	case "MASTER":
		b.state = stateMaster
	case "BACKUP":
		if b.state == stateMaster {
			c.Errorf(w.Range, diag.Duplicate, "(%s) state previously set as MASTER - ignoring BACKUP", b.Name)
			return
		}
		b.state = stateBackup
	default:
		c.Errorf(w.Range, diag.BadValue, "(%s) unknown state '%s', defaulting to BACKUP", b.Name, w.Text)
		c.Expect("MASTER or BACKUP, in capital letters")
		c.Diags().Suggest(diag.Near(w.Text, slices.Values([]string{"MASTER", "BACKUP"})))
		c.Hint("the instance starts as BACKUP, unless its priority is 255")
	}
}

func (b *building) readTimerExpired(c *cursor.Cursor) {
	b.Election.TimerExpiredBackup = 254
	if c.More() {
		if n, ok := c.Number(); ok {
			b.Election.TimerExpiredBackup = uint8(n)
		}
	}
}

const authPath = instancePath + "/authentication"

func (b *building) readAuthentication(c *cursor.Cursor) {
	authTable.Decode(b, c.Block(), c.Diags())
}

func authRows() []row {
	return []row{
		valued(authPath, "auth_type", config.OneOf("PASS", "AH"), func(b *building, c *cursor.Cursor) {
			if i, ok := c.Choice("(" + b.Name + ") unknown authentication type '%s'"); ok {
				b.Auth.Type, b.authType = AuthPass+AuthType(i), true
			}
		}),
		secret(1, doc("at most 8 octets", "", line(authPath, "auth_pass", "<password>", 1, func(b *building, c *cursor.Cursor) {
			w, ok := c.Word()
			if !ok {
				return
			}
			b.Auth.Pass = [8]byte{}
			if len(w.Text) > len(b.Auth.Pass) {
				c.Errorf(w.Range, diag.BadValue, "Truncating auth_pass to %d characters", len(b.Auth.Pass))
			}
			copy(b.Auth.Pass[:], w.Text)
			b.authPass = w.Text != ""
		}))),
	}
}

func notifyRows() []row {
	script := func(name string, at func(*building) **cursor.Script) row {
		r := value(name, config.Of(config.Command), func(b *building, c *cursor.Cursor) {
			readNotify(c, at(b), sprintf("(%s) %s script already specified - ignoring %%s", b.Name, name))
		})
		r.Script = true
		return r
	}
	deleted := value("notify_deleted", config.Of(config.Command).OrNone(), func(b *building, c *cursor.Cursor) {
		b.Notify.DeletedSet = true
		readNotify(c, &b.Notify.Deleted, sprintf("(%s) notify_deleted script already specified - ignoring %%s", b.Name))
	})
	deleted.Script = true
	return []row{
		script("notify_master", func(b *building) **cursor.Script { return &b.Notify.Master }),
		script("notify_backup", func(b *building) **cursor.Script { return &b.Notify.Backup }),
		script("notify_fault", func(b *building) **cursor.Script { return &b.Notify.Fault }),
		script("notify_stop", func(b *building) **cursor.Script { return &b.Notify.Stop }),
		script("notify", func(b *building) **cursor.Script { return &b.Notify.Any }),
		script("notify_master_rx_lower_pri", func(b *building) **cursor.Script { return &b.Notify.RxLowerPri }),
		deleted,
		effect(noMail, tristate("smtp_alert", "smtp_alert_vrrp", func(*building) string { return "Invalid vrrp_instance smtp_alert parameter %s" }, func(b *building) *global.Switch { return &b.smtp })),
		tristate("notify_priority_changes", "as the sync group, else vrrp_notify_priority_changes",
			func(b *building) string {
				return "(" + b.Name + ") Invalid value '%s' for notify_priority_changes specified"
			},
			func(b *building) *global.Switch { return &b.prioLines }),
	}
}
