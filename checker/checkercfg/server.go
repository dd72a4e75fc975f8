package checkercfg

import (
	"math"
	"net/netip"
	"slices"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
	"keepalived/core/global"
)

// server is a real_server under construction: what was said, before defaults.
type server struct {
	*Server
	s *service

	port    uint16 // as written
	hasPort bool
	weight  int64 // -1: the service's

	alpha, inhibit, mail global.Switch
	checks               []*check
}

const serverPath = servicePath + "/real_server"

// title is the server as complaints name it.
func (r *server) title() string {
	protocol := r.s.Protocol
	if r.s.Kind == ByMark {
		protocol = NoProtocol
	}
	return sprintf("[%s]:%s:%d", r.Addr, protocol, r.port)
}

// readServer reads `real_server <ip> [<port>] { ... }`.
func (s *service) readServer(c *cursor.Cursor) {
	w, ok := c.Word()
	if !ok {
		return
	}
	r := &server{s: s, weight: Unset, Server: &Server{Range: w.Range, Timing: unsetTiming()}}
	port, more := c.Peek()
	if r.Addr, ok = cursor.ParseAddr(w.Text); !ok {
		c.Errorf(w.Range, diag.BadAddress, "Invalid real server ip address/port %s/%s - skipping", w.Text, port.Text)
		return
	}
	if more {
		low := int64(1)
		if port.Text == "0" {
			low = 0 // 0 stands for no port
		}
		n, ok := c.Int(low, 65535)
		if !ok {
			c.Hint("Invalid real server ip address/port %s/%s - skipping", w.Text, port.Text)
			return
		}
		r.port, r.hasPort = uint16(n), n != 0
	}
	r.Forwarding = s.Forwarding // as it is here: a method further down is not for this one
	serverTable.Decode(r, c.Block(), s.d.diags)
	if s.wrongFamily(r) {
		c.Errorf(w.Range, diag.BadAddress, "Address family of virtual server and real server %s don't match - skipping real server.", w.Text)
		return
	}
	s.servers = append(s.servers, r)
}

// wrongFamily reports whether packets of the service cannot be sent to r. A service by
// mark is of the family of its first real server.
func (s *service) wrongFamily(r *server) bool {
	if s.Forwarding.Method == TUN || r.Forwarding.Method == TUN {
		return false
	}
	switch {
	case s.Kind == ByAddress:
		return s.Addr.Is4() != r.Addr.Is4()
	case s.Kind == ByMark && s.Family == 0:
		s.Family = FamilyOf(r.Addr)
	}
	return s.Kind == ByMark && s.Family != FamilyOf(r.Addr)
}

func serverRows() []cursor.Row[server] {
	const path = serverPath
	rows := slices.Concat([]cursor.Row[server]{
		doc("", "the virtual server's", valued(path, "weight", config.Whole(0, math.MaxInt32), func(r *server, c *cursor.Cursor) {
			if n, ok := c.Number(); ok {
				r.weight = n
			} else {
				c.Hint("Real server weight is outside range 0-2147483647")
			}
		})),
		doc("", "the virtual server's", line(path, "lvs_method", methodGrammar, 1, func(r *server, c *cursor.Cursor) {
			if f, ok := readMethod(c, "real server"); ok {
				r.Forwarding = f
			}
		})),
		number(path, "uthreshold", "0", 0, math.MaxUint32, func(r *server, n int64) { r.Upper = uint32(n) }),
		number(path, "lthreshold", "0", 0, math.MaxUint32, func(r *server, n int64) { r.Lower = uint32(n) }),
		boolean(path, "inhibit_on_failure", "the virtual server's", "Invalid inhibit_on_failure parameter %s",
			func(r *server, v bool) { r.inhibit = global.SwitchOf(v) }),
		notify(path, "notify_up", (*server).title, func(r *server) **cursor.Script { return &r.NotifyUp }),
		notify(path, "notify_down", (*server).title, func(r *server) **cursor.Script { return &r.NotifyDown }),
		boolean(path, "alpha", "the virtual server's", "Invalid alpha parameter %s",
			func(r *server, v bool) { r.alpha = global.SwitchOf(v) }),
	}, timingRows(path, "real server", func(r *server) *Timing { return &r.Timing }), []cursor.Row[server]{
		boolean(path, "smtp_alert", "on", "Invalid real_server smtp_alert parameter %s",
			func(r *server, v bool) { r.mail = global.SwitchOf(v) }),
		text(path, "virtualhost", "<string>", "real server virtualhost missing", func(r *server, v string) { r.VirtualHost = v }),
		effect(noSNMP, text(path, "snmp_name", "<string>", "real server snmp_name missing or extra parameters", func(r *server, v string) { r.SNMPName = v })),
	})
	for _, k := range checkKinds() {
		rows = append(rows, cursor.Row[server]{Keyword: k.Keyword, Into: func(r *server, c *cursor.Cursor) { k.read(r, c) }})
	}
	return rows
}

// complete gives the server what its service says where it says nothing itself.
func (r *server) complete() {
	s, g := r.s, r.s.d.g
	r.Protocol = s.Protocol
	r.Weight = s.Weight
	if r.weight != Unset {
		r.Weight = int32(r.weight)
	}
	if r.Forwarding.Method == MethodUnset {
		r.Forwarding = s.Forwarding
	}
	r.Server.Port = r.port
	if s.Kind == ByAddress && (r.Forwarding.Method != NAT || !r.hasPort) {
		r.Server.Port = s.Port
	}
	r.Alpha = r.alpha.Or(s.Alpha)
	r.Inhibit = r.inhibit.Or(s.Inhibit)
	r.Mail = r.mail.Or(g.SMTPAlertChecker.Or(g.SMTPAlert.Or(true)))
	r.Timing.inherit(s.Timing)
	for i, k := range r.checks {
		k.Place = i
		k.complete()
		if k.Kind.Runs() {
			r.Checks = append(r.Checks, k.Check)
		} else {
			r.Idle = append(r.Idle, k.Check)
		}
	}
}

// at is where ip_vs has the server.
func (r *server) at() netip.AddrPort { return netip.AddrPortFrom(r.Addr, r.Server.Port) }
