package snapshot

import (
	"cmp"
	"math"
	"slices"
	"time"

	"keepalived/checker/checkercfg"
	"keepalived/core/dump"
)

// Checkers that are read and do not run yet are shown with their settings, as not enabled.

// inOrder lists a server's checkers as they stand in the file, with those that do not
// run, which count for nothing.
func (r *Server) inOrder() []Check {
	if len(r.Config.Idle) == 0 {
		return r.Checks
	}
	all := slices.Clone(r.Checks)
	for _, k := range r.Config.Idle {
		all = append(all, Check{Config: k, Up: !k.Alpha})
	}
	slices.SortFunc(all, func(a, b Check) int { return cmp.Compare(a.Config.Place, b.Config.Place) })
	return all
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
			w.Line(5, "%s, weight %d%s", f.Name, f.Weight, reverse(f.Reverse))
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

func reverse(b bool) string { return dump.OnOff(b, " reverse", "") }

// event shows a checker that is told by something else. BFD_CHECK has neither times nor
// retries, for which 2.2.7 shows the largest numbers.
func (w *text) event(c *checkercfg.Check) {
	if c.BFD != nil {
		const none = uint64(math.MaxUint64)
		w.Line(3, "Alpha = %s", yesNo(c.Alpha))
		w.Line(3, "Delay loop = %d us", none)
		w.Line(3, "Warmup = %d us", none)
		w.Line(3, "Retries = %d", uint32(math.MaxUint32))
		w.Line(3, "Delay before retry = %d us", none)
		w.Line(3, "Retries iterations = 0")
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

// files are the track_files of FILE_CHECKs. They are not watched yet: none has a value.
func (w *text) files() {
	shown := 0
	for _, f := range w.s.Config.Files {
		tracking := 0
		for _, v := range w.s.Config.Services {
			for _, r := range v.Servers {
				for _, k := range r.Idle {
					if k.File == nil || k.File.Name != f.Name {
						continue
					}
					if shown++; shown == 1 {
						w.Section("Checker track files")
					}
					if tracking++; tracking == 1 {
						w.Line(1, "Track file = %s", f.Name)
						w.Line(3, "File = %s", cmp.Or(w.s.Paths[f.Name], f.Path))
						w.Line(3, "Status = 0")
						w.Line(3, "Weight = %d%s", f.Weight, reverse(f.Reverse))
						w.Line(3, "Tracking instances :")
					}
					w.Line(5, "%s -> %s, weight %d%s", v.Name(), r.Name(), k.File.Weight, reverse(k.File.Reverse))
				}
			}
		}
	}
}

// bfds are those that tell checkers, with whom they tell.
func (w *text) bfds() {
	shown := 0
	for _, b := range w.s.Config.BFDs {
		if !b.Checker {
			continue
		}
		if shown++; shown == 1 {
			w.Section("Checker track BFDs")
		}
		w.Line(1, "Checker Track BFD = %s", b.Name)
		w.Line(3, "Tracking RS :")
		for _, v := range w.s.Config.Services {
			for _, r := range v.Servers {
				for _, k := range r.Idle {
					if k.BFD != nil && k.BFD.Name == b.Name {
						w.Line(3, "%s", r.Name())
					}
				}
			}
		}
	}
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
