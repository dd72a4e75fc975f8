package snapshot

import (
	"time"

	"keepalived/checker/checkercfg"
	"keepalived/core/dump"
)

// Checkers that are read and do not run yet are shown with their settings, as not enabled.

func (s *Snapshot) hasIdle() bool {
	for _, v := range s.Config.Services {
		for _, r := range v.Servers {
			if len(r.Idle) > 0 {
				return true
			}
		}
	}
	return false
}

// idle shows those of a real server, which count for nothing.
func (w *text) idle(v *Service, r *Server) {
	for _, k := range r.Config.Idle {
		w.Line(1, "%s -> %s", v.Config.Name(), r.Config.Name())
		w.check(&Check{Config: k, Up: !k.Alpha})
	}
}

// tracked lists what a real server is told of by FILE_CHECK and BFD_CHECK.
func (w *text) tracked(c *checkercfg.Server) {
	files, bfds := false, false
	for _, k := range c.Idle {
		if f := k.File; f != nil {
			if !files {
				w.Line(3, "Tracked Files")
			}
			files = true
			w.Line(5, "%s, weight %d%s", f.Name, f.Weight, dump.OnOff(f.Reverse, " reverse", ""))
		}
	}
	for _, k := range c.Idle {
		if b := k.BFD; b != nil {
			if !bfds {
				w.Line(3, "Tracked BFDs")
			}
			bfds = true
			w.Line(5, "%s", b.Name)
		}
	}
}

// event shows a checker that is told by something else.
func (w *text) event(c *checkercfg.Check) {
	if c.BFD != nil {
		w.Line(3, "Alpha = %s", yesNo(c.Alpha))
	}
	if c.BFD != nil {
		w.Line(3, "Default delay before retry = %d us", time.Second.Microseconds())
	}
	w.Line(3, "Log all failures = %s", yesNo(c.LogAll))
	w.Line(3, "Keepalive method = %s", c.Kind)
	if c.BFD != nil {
		w.Line(3, "Name = %s", c.BFD.Name)
		w.Line(3, "Alpha is %s", onOff(c.Alpha))
		return
	}
	w.Line(5, "Tracked file = %s", c.File.Name)
	w.Line(5, "Reloaded = No")
}

// other shows what SMTP_CHECK, DNS_CHECK and UDP_CHECK ask.
func (w *text) other(c *checkercfg.Check) {
	w.Line(3, "Keepalive method = %s", c.Kind)
	switch {
	case c.SMTP != nil:
		w.Line(3, "helo = %s", c.SMTP.Helo)
	case c.DNS != nil:
		w.Line(3, "Type = %s", c.DNS.Type)
		w.Line(3, "Name = %s", c.DNS.Name)
	default:
		w.datagram(c.UDP)
	}
}

func (w *text) datagram(u *checkercfg.Datagram) {
	if len(u.Payload) > 0 {
		w.Line(3, "Payload len = %d", len(u.Payload))
	} else {
		w.Line(3, "Payload specified = no")
	}
	w.Line(3, "Require reply = %s", yesNo(u.Wanted))
	if !u.Wanted {
		return
	}
	w.Line(5, "Min reply length = %d", u.MinLength)
	w.Line(5, "Max reply length = %d", u.MaxLength)
	w.Line(5, "Reply data len = %d", len(u.Reply))
	for _, m := range u.Mask {
		if m != 0xff {
			w.Line(5, "Reply data mask = yes")
			break
		}
	}
}
