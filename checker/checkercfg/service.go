package checkercfg

import (
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
)

// service is a virtual_server under construction: what was said, before defaults.
type service struct {
	*Service
	d *decoder

	mark       string // as written, for complaints
	unknown    bool   // a group that does not exist: dropped without a word
	hysteresis int64
	persist    bool // persistence_timeout or persistence_granularity was said
	mail       global.Switch
	servers    []*server
}

const servicePath = "virtual_server"

// title is the service as complaints name it.
func (s *service) title() string {
	if s.Kind == ByMark {
		return "FWM " + s.mark
	}
	return s.Name()
}

func (d *decoder) readService(c *cursor.Cursor) {
	s := &service{d: d, Service: &Service{Range: c.Line(), Quorum: 1, Weight: 1, Timing: unsetTiming()}}
	if !s.readName(c) {
		return
	}
	serviceTable.Decode(s, c.Block(), d.diags)
	if s.unknown {
		return
	}
	s.complete()
}

// readName reads `<ip> [<port>]`, `fwmark <n>` or `group <name>`.
func (s *service) readName(c *cursor.Cursor) bool {
	w, ok := c.Word()
	if !ok {
		return false
	}
	switch w.Text {
	case "fwmark":
		v, ok := c.Word()
		if !ok {
			return false
		}
		n, ok := c.ParseInt(v, v.Text, 0, math.MaxUint32)
		if !ok {
			c.Hint("virtual server fwmark '%s' must be in [0, 4294967295] - ignoring", v.Text)
			return false
		}
		s.Kind, s.Mark, s.mark = ByMark, uint32(n), v.Text
		return true
	case "group":
		v, ok := c.Word()
		if !ok {
			return false
		}
		s.Kind, s.Group = ByGroup, s.d.groups[v.Text]
		if s.Group == nil {
			s.Group, s.unknown = &Group{Name: v.Text}, true
		}
		return true
	}
	if s.Addr, ok = cursor.ParseAddr(w.Text); !ok {
		what := "address/port " + w.Text
		if p, more := c.Peek(); more {
			what += "/" + p.Text
		} else {
			what = "address " + w.Text
		}
		c.Errorf(w.Range, diag.BadAddress, "Invalid virtual server IP %s - skipping", what)
		return false
	}
	if c.More() {
		port, ok := c.Int(0, 65535)
		if !ok {
			c.Hint("Invalid virtual server IP address/port - skipping")
			return false
		}
		s.Port = uint16(port)
	}
	return true
}

var schedulers = []string{"rr", "wrr", "lc", "wlc", "lblc", "sh", "mh", "dh", "fo", "ovf", "lblcr", "sed", "nq", "twos"}

func serviceRows() []cursor.Row[service] {
	const path = servicePath
	return slices.Concat(schedulerRows(), []cursor.Row[service]{
		valued(path, "persistence_engine", config.Of(config.Text), func(s *service, c *cursor.Cursor) {
			w, ok := c.Word()
			if ok && len(w.Text) > 15 {
				c.Errorf(w.Range, diag.BadValue, "persistence_name too long, truncating - %s", w.Text)
				w.Text = w.Text[:15]
			}
			s.Engine = w.Text
		}),
		doc("", "0; 360 without a word", valued(path, "persistence_timeout", config.Whole(1, 2678400).In(config.Seconds).OrNone(), func(s *service, c *cursor.Cursor) {
			n := int64(defaultPersistence)
			if c.More() {
				var ok bool
				if n, ok = c.Number(); !ok {
					c.Hint("persistence_timeout invalid")
					return
				}
			}
			s.persist, s.Persistence = true, time.Duration(n)*time.Second
		})),
		line(path, "persistence_granularity", "<netmask>|<prefix length>", 1, (*service).readGranularity),
		doc("", "UDP", valued(path, "protocol", config.OneOf("TCP", "UDP", "SCTP"), func(s *service, c *cursor.Cursor) {
			w, ok := c.Word()
			if i := slices.Index(c.Value().Words, strings.ToUpper(w.Text)); i >= 0 {
				s.Protocol = Protocol(i + 1)
			} else if ok {
				c.Errorf(w.Range, diag.BadValue, "Unknown protocol %s - ignoring", w.Text)
			}
		})),
		doc("", "that of the addresses", valued(path, "ip_family", config.OneOf("inet", "inet6"), func(s *service, c *cursor.Cursor) {
			i, ok := c.Choice("unknown address family %s")
			switch {
			case !ok:
			case s.Addr.IsValid() && s.Addr.Is4() != (i == 0):
				c.Errorf(c.Line(), diag.Conflict, "Virtual server specified family %s conflicts with server family", c.Value().Words[i])
			default:
				s.Family = []Family{IPv4, IPv6}[i]
			}
		})),
		flag(path, "ha_suspend", func(s *service) { s.HASuspend = true }),
		flag(path, "alpha", func(s *service) { s.Alpha = true }),
		flag(path, "omega", func(s *service) { s.Omega = true }),
		flag(path, "inhibit_on_failure", func(s *service) { s.Inhibit = true }),
		block(line(path, "real_server", "<ip> [<port>] { ... }", 1, (*service).readServer)),
	}, quorumRows(), sorryRows(), timingRows(path, "virtual server", func(s *service) *Timing { return &s.Timing }), []cursor.Row[service]{
		boolean(path, "smtp_alert", "smtp_alert", "Invalid virtual_server smtp_alert parameter %s", func(s *service, v bool) { s.mail = global.SwitchOf(v) }),
		text(path, "virtualhost", "<string>", "virtual server virtualhost missing", func(s *service, v string) { s.VirtualHost = v }),
		effect(noSNMP, text(path, "snmp_name", "<string>", "virtual server snmp_name missing or extra parameters", func(s *service, v string) { s.SNMPName = v })),
	})
}

// defaultPersistence is that of persistence_timeout without a number, in seconds.
const defaultPersistence = 360

// schedulerRows are those that say which server gets a connection and how it gets there.
func schedulerRows() []cursor.Row[service] {
	const path = servicePath
	sched := func(name string) cursor.Row[service] {
		return doc("", "wlc", valued(path, name, config.OneOf(schedulers...), func(s *service, c *cursor.Cursor) {
			if i, ok := c.Choice("Invalid lvs_scheduler '%s' - ignoring"); ok {
				s.Scheduler = schedulers[i]
			}
		}))
	}
	forSched := func(name, want string, set func(*service)) cursor.Row[service] {
		return doc("", "off", valued(path, name, config.Of(config.Flag), func(s *service, c *cursor.Cursor) {
			if s.Scheduler != want {
				c.Errorf(c.Range(), diag.Conflict, "%s only applies to sh scheduler - ignoring", name)
				return
			}
			set(s)
		}))
	}
	raise := func(f Flags) func(*service) { return func(s *service) { s.Flags |= f } }
	method := func(name string) cursor.Row[service] {
		return doc("", "NAT", line(path, name, methodGrammar, 1, func(s *service, c *cursor.Cursor) {
			if f, ok := readMethod(c, "virtual server"); ok {
				s.Forwarding = f
			}
		}))
	}
	return []cursor.Row[service]{
		sched("lvs_sched"), sched("lb_algo"),
		method("lvs_method"), method("lb_kind"),
		forSched("hashed", "sh", func(s *service) { s.Hashed = true }),
		forSched("sh-port", "sh", raise(FlagTwo)), forSched("sh-fallback", "sh", raise(FlagOne)),
		forSched("mh-port", "mh", raise(FlagTwo)), forSched("mh-fallback", "mh", raise(FlagOne)),
		flag(path, "ops", func(s *service) { s.OnePacket = true }),
		flag(path, "flag-1", raise(FlagOne)), flag(path, "flag-2", raise(FlagTwo)), flag(path, "flag-3", raise(FlagThree)),
	}
}

func quorumRows() []cursor.Row[service] {
	const path = servicePath
	return []cursor.Row[service]{
		doc("", "1", valued(path, "quorum", config.Whole(1, math.MaxUint32), func(s *service, c *cursor.Cursor) {
			n, ok := c.Number()
			if !ok {
				c.Hint("Quorum must be in [1, 4294967295]. Setting to 1.")
				n = 1
			}
			s.Quorum = uint32(n)
		})),
		number(path, "hysteresis", "0", 0, math.MaxUint32, func(s *service, n int64) { s.hysteresis = n }),
		notify(path, "quorum_up", (*service).title, func(s *service) **cursor.Script { return &s.QuorumUp }),
		notify(path, "quorum_down", (*service).title, func(s *service) **cursor.Script { return &s.QuorumDown }),
		number(path, "weight", "1", 1, math.MaxInt32, func(s *service, n int64) { s.Weight = int32(n) }),
	}
}

func (s *service) readGranularity(c *cursor.Cursor) {
	w, ok := c.Word()
	if !ok {
		return
	}
	if s.Addr.Is6() {
		n, ok := c.ParseInt(w, w.Text, 1, 128)
		if !ok {
			c.Hint("Invalid IPv6 persistence_granularity specified - %s", w.Text)
			return
		}
		s.persist, s.Granularity, s.Mask = true, w.Text, uint8(n)
		return
	}
	// inet_aton's shorthand: a bare number is an address too.
	n, err := strconv.ParseUint(w.Text, 0, 32)
	a, ok := cursor.ParseAddr(w.Text)
	if !ok && err == nil {
		a, ok = netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}), true
	}
	if !ok {
		c.Errorf(w.Range, diag.BadAddress, "Invalid IPv4 persistence_granularity specified - %s", w.Text)
		return
	}
	s.persist = true
	if a.Is4() {
		s.Granularity, s.Mask = a.String(), ones(a)
	}
}

// ones counts the leading one bits of a netmask.
func ones(mask netip.Addr) uint8 {
	n := uint8(0)
	for _, b := range mask.AsSlice() {
		for bit := byte(0x80); bit != 0 && b&bit != 0; bit >>= 1 {
			n++
		}
		if b != 0xff {
			break
		}
	}
	return n
}
