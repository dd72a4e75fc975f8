package checkercfg

import (
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// service is a virtual_server under construction.
type service struct {
	d         *decoder
	place     diag.Range
	addr      netip.Addr // invalid for fwmark and group
	port      uint16
	name      string // for complaints: address, FWM n or group
	fwmark    bool
	group     bool
	unknown   bool // a group that does not exist: dropped without a word
	protocol  string
	scheduler string
	method    string
	ops       bool
	persist   bool
	quorum    int64
	hyst      int64
	weight    int64
	sorry     bool
	servers   []server
	notified  map[string]bool
}

// title is the service as log lines name it.
func (s *service) title() string {
	switch {
	case s.fwmark:
		return "FWM " + s.name
	case s.group:
		return "[" + s.name + "]:" + strconv.Itoa(int(s.port))
	}
	protocol := strings.ToLower(s.protocol)
	if protocol == "" {
		protocol = "none"
	}
	return sprintf("[%s]:%s:%d", s.addr, protocol, s.port)
}

const servicePath = "virtual_server"

func (d *decoder) readService(c *cursor.Cursor) {
	s := &service{d: d, place: c.Line(), quorum: 1, weight: 1, notified: map[string]bool{}}
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
		if _, ok := c.ParseInt(v, v.Text, 0, math.MaxUint32); !ok {
			c.Hint("virtual server fwmark '%s' must be in [0, 4294967295] - ignoring", v.Text)
			return false
		}
		s.fwmark, s.name = true, v.Text
		return true
	case "group":
		v, ok := c.Word()
		if !ok {
			return false
		}
		s.group, s.name = true, v.Text
		s.unknown = !s.d.groups[v.Text]
		return true
	}
	if s.addr, ok = cursor.ParseAddr(w.Text); !ok {
		what := "address/port " + w.Text
		if p, more := c.Peek(); more {
			what += "/" + p.Text
		} else {
			what = "address " + w.Text
		}
		c.Errorf(w.Range, diag.BadAddress, "Invalid virtual server IP %s - skipping", what)
		return false
	}
	s.name = w.Text
	if c.More() {
		port, ok := c.Int(0, 65535)
		if !ok {
			c.Hint("Invalid virtual server IP address/port - skipping")
			return false
		}
		s.port = uint16(port)
	}
	return true
}

// complete says what is wrong with the service as a whole.
func (s *service) complete() {
	complain := func(format string, args ...any) {
		s.d.diags.Warnf(s.place, diag.Conflict, format, args...)
	}
	if len(s.servers) == 0 {
		complain("Virtual server %s has no real servers - ignoring", s.title())
		return
	}
	s.d.servers++
	if s.protocol == "" && !s.fwmark {
		complain("Virtual server %s: no protocol set - defaulting to UDP", s.title())
		s.protocol = "UDP"
	}
	if !s.fwmark && !s.group && s.port == 0 && !s.persist {
		complain("Virtual server %s: zero port only valid for persistent services - setting", s.title())
	}
	if s.ops && s.protocol != "UDP" && !s.fwmark {
		complain("Virtual server %s: one packet scheduling requires UDP - resetting", s.title())
	}
	if s.scheduler == "" {
		complain("Virtual server %s: no scheduler set, setting default 'wlc'", s.title())
	}
	if s.method == "" {
		complain("Virtual server %s: no forwarding method set, setting default NAT", s.title())
		s.method = "NAT"
	}
	s.completeServers(complain)
	total := int64(0)
	for _, r := range s.servers {
		total += r.effectiveWeight(s)
	}
	if s.quorum > total {
		complain("Warning - quorum %d for %s exceeds total weight of real servers %d, reducing quorum to %d", s.quorum, s.title(), total, total)
		s.quorum = total
	}
	if s.hyst >= s.quorum && s.hyst > 0 {
		complain("Virtual server %s: hysteresis %d >= quorum %d; setting hysteresis to %d", s.title(), s.hyst, s.quorum, max(s.quorum-1, 0))
	}
}

// completeServers drops real servers that are there twice and looks at ports.
func (s *service) completeServers(complain func(string, ...any)) {
	seen := map[netip.AddrPort]bool{}
	s.servers = slices.DeleteFunc(s.servers, func(r server) bool {
		key := netip.AddrPortFrom(r.addr, r.port)
		if seen[key] {
			complain("VS %s: real server %s is duplicated - removing second rs", s.title(), r.title(s))
			return true
		}
		seen[key] = true
		return false
	})
	for _, r := range s.servers {
		method := s.method
		if r.method != "" {
			method = r.method
		}
		if method != "NAT" && !s.fwmark && !s.group && r.port != 0 && r.port != s.port {
			complain("WARNING - virtual server %s and real server %s ports don't match - resetting", s.title(), r.title(s))
		}
	}
}

var schedulers = []string{"rr", "wrr", "lc", "wlc", "lblc", "sh", "mh", "dh", "fo", "ovf", "lblcr", "sed", "nq", "twos"}

func serviceRows() []cursor.Row[service] {
	const path = servicePath
	sched := func(name string) cursor.Row[service] {
		return doc(strings.Join(schedulers, " "), "wlc", line(path, name, "<scheduler>", 1, func(s *service, c *cursor.Cursor) {
			if i, ok := c.Enum("Invalid lvs_scheduler '%s' - ignoring", schedulers...); ok {
				s.scheduler = schedulers[i]
			}
		}))
	}
	forSched := func(name string, want ...string) cursor.Row[service] {
		return doc("", "off", line(path, name, "", 0, func(s *service, c *cursor.Cursor) {
			if !slices.Contains(want, s.scheduler) {
				c.Errorf(c.Range(), diag.Conflict, "%s only applies to sh scheduler - ignoring", name)
			}
		}))
	}
	method := func(name string) cursor.Row[service] {
		return doc("", "NAT", line(path, name, methodGrammar, 1, func(s *service, c *cursor.Cursor) {
			if m, ok := readMethod(c, "virtual server"); ok {
				s.method = m
			}
		}))
	}
	return slices.Concat([]cursor.Row[service]{
		sched("lvs_sched"), sched("lb_algo"),
		method("lvs_method"), method("lb_kind"),
		forSched("hashed", "sh"), forSched("sh-port", "sh"), forSched("sh-fallback", "sh"), forSched("mh-port", "mh"), forSched("mh-fallback", "mh"),
		doc("", "off", line(path, "ops", "", 0, func(s *service, _ *cursor.Cursor) { s.ops = true })),
		flag[service](path, "flag-1"), flag[service](path, "flag-2"), flag[service](path, "flag-3"),
		line(path, "persistence_engine", "<name>", 1, func(_ *service, c *cursor.Cursor) {
			if w, ok := c.Word(); ok && len(w.Text) > 15 {
				c.Errorf(w.Range, diag.BadValue, "persistence_name too long, truncating - %s", w.Text)
			}
		}),
		doc("1..2678400", "0; 360 without a word", line(path, "persistence_timeout", "[<seconds>]", 0, func(s *service, c *cursor.Cursor) {
			if c.More() {
				if _, ok := c.Int(1, 2678400); !ok {
					c.Hint("persistence_timeout invalid")
					return
				}
			}
			s.persist = true
		})),
		line(path, "persistence_granularity", "<netmask>|<prefix length>", 1, (*service).readGranularity),
		doc("TCP UDP SCTP", "UDP", line(path, "protocol", "<name>", 1, func(s *service, c *cursor.Cursor) {
			w, ok := c.Word()
			if p := strings.ToUpper(w.Text); ok && slices.Contains([]string{"TCP", "UDP", "SCTP"}, p) {
				s.protocol = p
			} else if ok {
				c.Errorf(w.Range, diag.BadValue, "Unknown protocol %s - ignoring", w.Text)
			}
		})),
		line(path, "ip_family", "inet|inet6", 1, func(s *service, c *cursor.Cursor) {
			i, ok := c.Enum("unknown address family %s", "inet", "inet6")
			if ok && s.addr.IsValid() && s.addr.Is4() != (i == 0) {
				c.Errorf(c.Line(), diag.Conflict, "Virtual server specified family %s conflicts with server family", []string{"inet", "inet6"}[i])
			}
		}),
		flag[service](path, "ha_suspend"), flag[service](path, "alpha"), flag[service](path, "omega"), flag[service](path, "inhibit_on_failure"),
		block(line(path, "real_server", "<ip> [<port>] { ... }", 1, (*service).readServer)),
	}, quorumRows(), sorryRows(), timingRows[service](path, "virtual server"), []cursor.Row[service]{
		boolean[service](path, "smtp_alert", "smtp_alert", "Invalid virtual_server smtp_alert parameter %s"),
		text[service](path, "virtualhost", "<string>", "virtual server virtualhost missing"),
		text[service](path, "snmp_name", "<string>", "virtual server snmp_name missing or extra parameters"),
	})
}

func quorumRows() []cursor.Row[service] {
	const path = servicePath
	script := func(name string) cursor.Row[service] {
		return notify(path, name, (*service).title,
			func(s *service) *[]cursor.ScriptUse { return &s.d.scripts },
			func(s *service) map[string]bool { return s.notified })
	}
	return []cursor.Row[service]{
		doc("1..4294967295", "1", line(path, "quorum", "<n>", 1, func(s *service, c *cursor.Cursor) {
			n, ok := c.Int(1, math.MaxUint32)
			if !ok {
				c.Hint("Quorum must be in [1, 4294967295]. Setting to 1.")
				n = 1
			}
			s.quorum = n
		})),
		doc("0..4294967295", "0", line(path, "hysteresis", "<n>", 1, func(s *service, c *cursor.Cursor) {
			if n, ok := c.Int(0, math.MaxUint32); ok {
				s.hyst = n
			}
		})),
		script("quorum_up"), script("quorum_down"),
		doc("1..2147483647", "1", line(path, "weight", "<n>", 1, func(s *service, c *cursor.Cursor) {
			if n, ok := c.Int(1, math.MaxInt32); ok {
				s.weight = n
			}
		})),
	}
}

func sorryRows() []cursor.Row[service] {
	const path = servicePath
	return []cursor.Row[service]{
		line(path, "sorry_server", "<ip> [<port>]", 1, func(s *service, c *cursor.Cursor) {
			w, ok := c.Word()
			if !ok {
				return
			}
			a, ok := cursor.ParseAddr(w.Text)
			if !ok {
				c.Errorf(w.Range, diag.BadAddress, "Invalid sorry server IP address %s - skipping", w.Text)
				return
			}
			if c.More() {
				if _, ok := c.Int(0, 65535); !ok {
					return
				}
			}
			if s.addr.IsValid() && s.addr.Is4() != a.Is4() {
				c.Errorf(w.Range, diag.BadAddress, "Address family of virtual server and sorry server %s don't match - skipping sorry server.", w.Text)
				return
			}
			s.sorry = true
		}),
		doc("", "off", line(path, "sorry_server_inhibit", "", 0, func(s *service, c *cursor.Cursor) {
			if !s.sorry {
				c.Errorf(c.Range(), diag.Conflict, "Ignoring sorry_server inhibit used before or without sorry_server")
			}
		})),
		line(path, "sorry_server_lvs_method", methodGrammar, 0, func(s *service, c *cursor.Cursor) {
			if !s.sorry {
				c.Errorf(c.Range(), diag.Conflict, "sorry_server forwarding used without sorry_server")
				return
			}
			readMethod(c, "sorry server")
		}),
	}
}

// timingRows are the times that virtual servers, real servers and checkers share.
func timingRows[T any](path, what string) []cursor.Row[T] {
	return []cursor.Row[T]{
		timer[T](path, "connect_timeout", "5", time.Microsecond, longest),
		doc("1..4294967295", "as the checker has it", line(path, "retry", "<n>", 1, func(_ *T, c *cursor.Cursor) {
			if _, ok := c.Int(1, math.MaxUint32); !ok {
				c.Hint("%s retry value invalid", what)
			}
		})),
		timer[T](path, "delay_before_retry", "as the checker has it", 0, longest),
		timer[T](path, "warmup", "delay_loop", 0, math.MaxInt64),
		timer[T](path, "delay_loop", "60", time.Microsecond, math.MaxInt64),
	}
}

func (s *service) readGranularity(c *cursor.Cursor) {
	w, ok := c.Word()
	if !ok {
		return
	}
	if s.addr.Is6() {
		if _, ok := c.ParseInt(w, w.Text, 1, 128); !ok {
			c.Hint("Invalid IPv6 persistence_granularity specified - %s", w.Text)
		}
		return
	}
	// inet_aton's shorthand: a bare number is an address too.
	_, err := strconv.ParseUint(w.Text, 0, 32)
	if _, ok := cursor.ParseAddr(w.Text); !ok && err != nil {
		c.Errorf(w.Range, diag.BadAddress, "Invalid IPv4 persistence_granularity specified - %s", w.Text)
		return
	}
	s.persist = true
}

const methodGrammar = "NAT|DR|TUN [type ipip|gue|gre] [port <n>] [nocsum|csum|remcsum]"

// readMethod reads a forwarding method.
func readMethod(c *cursor.Cursor, what string) (string, bool) {
	w, ok := c.Word()
	if !ok {
		return "", false
	}
	switch w.Text {
	case "NAT", "DR":
		return w.Text, true
	case "TUN":
	default:
		c.Errorf(w.Range, diag.BadValue, "PARSER : unknown [%s] routing method for %s.", w.Text, what)
		return "", false
	}
	kind, port, csum := "ipip", false, ""
	for o, ok := c.Next(); ok; o, ok = c.Next() {
		switch o.Text {
		case "type":
			v, ok := c.Word()
			if !ok {
				return "", false
			}
			if !slices.Contains([]string{"ipip", "gue", "gre"}, v.Text) {
				c.Errorf(v.Range, diag.BadValue, "Unknown tunnel type %s for %s.", v.Text, what)
				return "TUN", true
			}
			kind = v.Text
		case "port":
			_, port = c.Int(1, 65535)
		case "nocsum", "csum", "remcsum":
			csum = o.Text
		default:
			c.Errorf(o.Range, diag.BadValue, "unknown tunnel option %s for %s.", o.Text, what)
		}
	}
	switch {
	case (kind == "gue") != port:
		c.Errorf(c.Line(), diag.Conflict, "gue tunnels require port, otherwise cannot have port.")
	case kind == "ipip" && csum != "" && csum != "nocsum":
		c.Errorf(c.Line(), diag.Conflict, "ipip tunnels do not support checksum option.")
	case kind == "gre" && csum == "remcsum":
		c.Errorf(c.Line(), diag.Conflict, "gre tunnels do not support remote checksum option.")
	}
	return "TUN", true
}
