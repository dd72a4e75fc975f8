package snapshot

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"keepalived/checker/checkercfg"
	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/dump"
)

// text is a dump being written.
type text struct {
	dump.Writer
	s *Snapshot
}

// Text writes keepalived_check.data in the layout of 2.2.7.
func (s *Snapshot) Text() []byte {
	w := text{s: s}
	w.ssl()
	w.Section("LVS Topology")
	w.Line(1, "System is compiled with LVS v1.2.1")
	for _, g := range s.Config.Groups {
		w.group(g)
	}
	for i := range s.Services {
		w.service(&s.Services[i])
	}
	w.checkers()
	w.files()
	w.bfds()
	return append(s.Global[:len(s.Global):len(s.Global)], w.Bytes()...)
}

// hasChecks reports whether any checker is of that kind.
func (s *Snapshot) hasChecks(of func(*checkercfg.Check) bool) bool {
	for i := range s.Services {
		for _, r := range s.Services[i].Servers {
			for k := range r.Checks {
				if of(r.Checks[k].Config) {
					return true
				}
			}
		}
	}
	return false
}

// ssl is there when the configuration has an SSL block or needs a context.
func (w *text) ssl() {
	c := w.s.Config.SSL
	if c == (checkercfg.SSL{}) {
		if w.s.hasChecks(func(k *checkercfg.Check) bool { return k.Kind == checkercfg.SSLGet }) {
			w.Section("SSL definitions")
			w.Line(1, "Using autogen SSL context")
		}
		return
	}
	w.Section("SSL definitions")
	if c.Password != "" {
		c.Password = config.Hidden
	}
	for _, l := range []struct{ title, value string }{
		{"Password", c.Password}, {"CA-file", c.CA}, {"Certificate file", c.Certificate}, {"Key file", c.Key},
	} {
		if l.value != "" {
			w.Line(1, "%s : %s", l.title, l.value)
		}
	}
}

// group shows how many destinations every line of a group has.
func (w *text) group(g *checkercfg.Group) {
	alive, v4, v6, reloaded := map[checkercfg.Protocol]int{}, 0, 0, false
	for i := range w.s.Services {
		v := &w.s.Services[i]
		if v.Config.Group != g {
			continue
		}
		alive[v.Config.Protocol] += v.Wanted
		reloaded = reloaded || v.Reloaded
		if v.Config.Family == checkercfg.IPv6 {
			v6 += v.Wanted
		} else {
			v4 += v.Wanted
		}
	}
	has4, has6 := g.Families()
	w.Line(1, "------< Virtual server group >------")
	w.Line(1, "Virtual Server Group = %s, IPv4 = %s, IPv6 = %s", g.Name, dump.OnOff(has4, "yes", "no"), dump.OnOff(has6, "yes", "no"))
	for _, e := range g.Entries {
		if !e.First.IsValid() {
			continue
		}
		if e.First != e.Last {
			w.Line(3, "VIP Range = %s-%s, VPORT = %d", e.First, e.Last, e.Port)
		} else {
			w.Line(3, "VIP = %s, VPORT = %d", e.First, e.Port)
		}
		w.Line(5, "Alive: %d tcp, %d udp, %d sctp", alive[checkercfg.TCP], alive[checkercfg.UDP], alive[checkercfg.SCTP])
		w.Line(5, "reloaded = %s", dump.OnOff(reloaded, "True", "False"))
	}
	for _, e := range g.Entries { // marks come last
		if !e.First.IsValid() {
			w.Line(3, "FWMARK = %d", e.Mark)
			w.Line(5, "Alive: %d IPv4, %d IPv6", v4, v6)
			w.Line(5, "reloaded = %s", dump.OnOff(reloaded, "True", "False"))
		}
	}
}

func (w *text) service(v *Service) {
	c := v.Config
	w.Line(1, "------< Virtual server >------")
	switch c.Kind {
	case checkercfg.ByMark:
		w.Line(1, "VS FWMARK = %d", c.Mark)
	case checkercfg.ByGroup:
		w.Line(1, "VS GROUP = %s", c.Name())
	default:
		w.Line(1, "VS VIP = %s, VPORT = %d", c.Addr, c.Port)
	}
	if c.VirtualHost != "" {
		w.Line(3, "VirtualHost = %s", c.VirtualHost)
	}
	if c.SNMPName != "" {
		w.Line(3, "SNMP name = '%s'", c.SNMPName)
	}
	w.Line(3, "Address family = %s", c.Family)
	w.Line(3, "connection timeout = %f", c.Timing.ConnectTimeout.Seconds())
	w.Line(3, "delay_loop = %f", c.Timing.DelayLoop.Seconds())
	w.scheduler(c)
	w.Line(3, "alpha is %s", onOff(c.Alpha))
	w.Line(3, "omega is %s", onOff(c.Omega))
	w.timing(&c.Timing)
	w.Line(3, "Inhibit on failure is %s", onOff(c.Inhibit))
	w.Line(3, "quorum = %d, hysteresis = %d", c.Quorum, c.Hysteresis)
	w.script(3, "Quorum up notify script", c.QuorumUp)
	w.script(3, "Quorum down notify script", c.QuorumDown)
	if c.HASuspend {
		w.Line(3, "Using HA suspend")
	}
	w.Line(3, "Using smtp notification = %s", yesNo(c.Mail))
	w.Line(3, "default forwarding method = %s", forwarding(c.Forwarding))
	if c.Sorry != nil {
		w.Line(3, "sorry server = %s", c.SorryName())
		w.Line(5, "forwarding method = %s", forwarding(c.Sorry.Forwarding))
		w.Line(5, "Inhibit on failure is %s", onOff(c.Sorry.Inhibit))
	}
	w.Line(3, "alive = 1")
	w.Line(3, "quorum_state_up = %s", oneZero(v.Up))
	w.Line(3, "reloaded = %s", oneZero(v.Reloaded))
	for i := range v.Servers {
		w.server(&v.Servers[i])
	}
}

// scheduler: the flags have the names of the scheduler. 2.2.7 never shows hashed.
func (w *text) scheduler(c *checkercfg.Service) {
	w.Line(3, "lvs_sched = %s", c.Scheduler)
	w.Line(3, "Hashed = disabled")
	flag := func(name string, f checkercfg.Flags) {
		w.Line(3, "%s = %s", name, dump.OnOff(c.Flags&f != 0, "enabled", "disabled"))
	}
	switch c.Scheduler {
	case "sh", "mh":
		flag(c.Scheduler+"-port", checkercfg.FlagTwo)
		flag(c.Scheduler+"-fallback", checkercfg.FlagOne)
	default:
		flag("flag-1", checkercfg.FlagOne)
		flag("flag-2", checkercfg.FlagTwo)
		flag("flag-3", checkercfg.FlagThree)
	}
	w.Line(3, "One packet scheduling = %s", dump.OnOff(c.OnePacket, "enabled", "disabled"))
	if c.Persistence > 0 {
		w.Line(3, "persistence timeout = %d", c.Persistence/time.Second)
	}
	if c.Granularity != "" {
		w.Line(3, "persistence granularity = %s", c.Granularity)
	}
	protocol := "none"
	if c.Protocol != checkercfg.NoProtocol {
		protocol = strings.ToUpper(c.Protocol.String())
	}
	w.Line(3, "protocol = %s", protocol)
}

// timing is what was said of retries; without a word every checker has its own.
func (w *text) timing(t *checkercfg.Timing) {
	if t.Retry != checkercfg.Unset {
		w.Line(3, "Retry count = %d", t.Retry)
	}
	if t.RetryDelay != checkercfg.Unset {
		w.Line(3, "Retry delay = %f", t.RetryDelay.Seconds())
	}
	if t.Warmup != checkercfg.Unset {
		w.Line(3, "Warmup = %f", t.Warmup.Seconds())
	}
}

func (w *text) script(indent int, title string, s *cursor.Script) {
	if s != nil {
		uid, gid := w.s.IDs(s.User, s.Group)
		w.Line(indent, "%s = %s, uid:gid %d:%d", title, w.s.Command(s), uid, gid)
	}
}

func (w *text) server(r *Server) {
	c := r.Config
	w.Line(3, "------< Real server >------")
	w.Line(3, "RIP = %s, RPORT = %d, WEIGHT = %d EFF WEIGHT = %d", c.Addr, c.Port, r.Weight, r.Weight)
	w.Line(3, "forwarding method = %s", forwarding(c.Forwarding))
	w.Line(3, "Alpha is %s", onOff(c.Alpha))
	w.Line(3, "connection timeout = %f", c.Timing.ConnectTimeout.Seconds())
	w.Line(3, "connection limit range = %d -> %d", c.Lower, c.Upper)
	w.Line(3, "Delay loop = %f", c.Timing.DelayLoop.Seconds())
	w.timing(&c.Timing)
	w.Line(3, "Inhibit on failure is %s", onOff(c.Inhibit))
	w.script(5, "RS up notify script", c.NotifyUp)
	w.script(5, "RS down notify script", c.NotifyDown)
	if c.VirtualHost != "" {
		w.Line(4, "VirtualHost = '%s'", c.VirtualHost)
	}
	if c.SNMPName != "" {
		w.Line(3, "SNMP name = %s", c.SNMPName)
	}
	w.Line(3, "Using smtp notification = %s", yesNo(c.Mail))
	w.Line(3, "initial weight = %d", c.Weight)
	w.Line(3, "effective weight = %d", r.Weight)
	w.Line(3, "previous effective_weight = %d", r.Before)
	w.Line(3, "alive = %s", oneZero(r.Alive))
	w.Line(3, "num failed checkers = %d", r.Failed)
	w.Line(3, "RS set = %s", oneZero(r.Set))
	w.Line(3, "reloaded = %s", oneZero(r.Reloaded))
	w.tracked(c)
}

func (w *text) check(k *Check) {
	c := k.Config
	w.Line(3, "Enabled = %s", yesNo(c.Kind.Runs() && !k.Suspended))
	w.Line(3, "Up = %s", yesNo(k.Up))
	w.Line(3, "Has run = %s", yesNo(k.HasRun))
	w.Line(3, "Current weight = %d", k.Delta)
	if c.BFD != nil || c.File != nil {
		w.event(c)
		return
	}
	w.Line(3, "Alpha = %s", yesNo(c.Alpha))
	w.Line(3, "Delay loop = %d us", c.DelayLoop.Microseconds())
	w.Line(3, "Warmup = %d us", c.Warmup.Microseconds())
	w.Line(3, "Retries = %d", c.Retry)
	if c.Retry > 0 {
		w.Line(3, "Delay before retry = %d us", c.RetryDelay.Microseconds())
		w.Line(3, "Retries iterations = %d", k.Iterations)
	}
	w.Line(3, "Default delay before retry = %d us", c.DefaultRetryDelay.Microseconds())
	w.Line(3, "Log all failures = %s", yesNo(c.LogAll))
	if c.Kind != checkercfg.MiscCheck {
		w.connection(&c.Connection)
	}
	switch {
	case c.HTTP != nil:
		w.web(k)
	case c.Misc != nil:
		w.misc(k)
	case c.SMTP != nil || c.DNS != nil || c.UDP != nil:
		w.other(c)
	default:
		w.Line(3, "Keepalive method = %s", c.Kind)
	}
}

// checkers shows those of all real servers in the order of the file, FILE_CHECKs last.
func (w *text) checkers() {
	shown := 0
	for _, files := range []bool{false, true} {
		for i := range w.s.Services {
			v := &w.s.Services[i]
			for j := range v.Servers {
				for _, k := range v.Servers[j].inOrder() {
					if (k.Config.File != nil) != files {
						continue
					}
					if shown++; shown == 1 {
						w.Section("Health checkers")
					}
					w.Line(1, "%s -> %s", v.Config.Name(), v.Servers[j].Config.Name())
					w.check(&k)
				}
			}
		}
	}
}

func (w *text) connection(c *checkercfg.Connection) {
	w.Line(3, "Connection")
	w.Line(5, "Dest = [%s]:%d", c.Addr, c.Port)
	if c.Bind.Addr().IsValid() { // of a port alone 2.2.7 says nothing
		w.Line(5, "Bind to = [%s]:%d", c.Bind.Addr(), c.Bind.Port())
	}
	if c.BindIf != "" {
		w.Line(5, "Bind i/f = %s", c.BindIf)
	}
	if c.Mark != 0 {
		w.Line(5, "Mark = %d", c.Mark)
	}
	w.Line(5, "Timeout = %f", c.Timeout.Seconds())
}

func (w *text) web(k *Check) {
	h := k.Config.HTTP
	w.Line(3, "Keepalive method = %s, http protocol %s", k.Config.Kind, h.Version)
	if h.VirtualHost != "" {
		w.Line(3, "Virtualhost = %s", h.VirtualHost)
	}
	w.Line(3, "Enable SNI %s", dump.OnOff(h.SNI, "set", "unset"))
	w.Line(3, "Fast recovery %s", dump.OnOff(h.FastRecovery, "set", "unset"))
	for _, u := range h.URLs {
		w.Line(3, "Checked url = %s", u.Path)
		if u.Digest != "" {
			w.Line(5, "digest = %s", u.Digest)
		}
		w.Line(5, "HTTP Status Code(s)")
		for _, c := range u.Codes {
			if c.First == c.Last {
				w.Line(7, "%d", c.First)
			} else {
				w.Line(7, "%d-%d", c.First, c.Last)
			}
		}
		if u.VirtualHost != "" {
			w.Line(5, "Virtual host = %s", u.VirtualHost)
		}
	}
	if n := int(k.Failed); n > 0 && n <= len(h.URLs) {
		w.Line(3, "Failed URL = %s", h.URLs[n-1].Path)
	}
}

func (w *text) misc(k *Check) {
	m := k.Config.Misc
	uid, gid := w.s.IDs(m.Script.User, m.Script.Group)
	w.Line(3, "Keepalive method = %s", k.Config.Kind)
	w.Line(3, "script = %s", w.s.Command(m.Script))
	w.Line(3, "timeout = %d", m.Timeout/time.Second)
	w.Line(3, "dynamic = %s", dump.OnOff(m.Dynamic, "YES", "NO"))
	w.Line(3, "uid:gid = %d:%d", uid, gid)
	w.Line(3, "Last ran = %s", k.LastRan.LateStamp())
	w.Line(3, "Last status = %d", k.Exit)
}

// forwarding is a method in the words of the dump.
func forwarding(f checkercfg.Forwarding) string {
	if f.Method != checkercfg.TUN {
		return f.Method.String()
	}
	checksum := cmp.Or(map[checkercfg.Checksum]string{
		checkercfg.WithChecksum: ", checksum", checkercfg.RemoteChecksum: ", remote checksum",
	}[f.Checksum], ", no checksum")
	switch f.Tunnel {
	case checkercfg.GUE:
		return fmt.Sprintf("TUN, type = GUE, port = %d%s", f.Port, checksum)
	case checkercfg.GRE:
		return "TUN, type = GRE" + checksum
	}
	return "TUN, type = IPIP"
}

func onOff(b bool) string   { return dump.OnOff(b, "ON", "OFF") }
func yesNo(b bool) string   { return dump.OnOff(b, "yes", "no") }
func oneZero(b bool) string { return dump.OnOff(b, "1", "0") }
