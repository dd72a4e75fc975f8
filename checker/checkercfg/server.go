package checkercfg

import (
	"math"
	"net/netip"
	"slices"
	"strings"

	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// server is a real_server under construction.
type server struct {
	s        *service
	addr     netip.Addr
	port     uint16
	weight   int64 // -1: the service's
	method   string
	notified map[string]bool
}

const serverPath = servicePath + "/real_server"

// title is the server as log lines name it.
func (r *server) title(s *service) string {
	protocol := strings.ToLower(s.protocol)
	if protocol == "" || s.fwmark {
		protocol = "none"
	}
	return sprintf("[%s]:%s:%d", r.addr, protocol, r.port)
}

func (r *server) effectiveWeight(s *service) int64 {
	if r.weight < 0 {
		return s.weight
	}
	return r.weight
}

// readServer reads `real_server <ip> [<port>] { ... }`.
func (s *service) readServer(c *cursor.Cursor) {
	w, ok := c.Word()
	if !ok {
		return
	}
	r := server{s: s, weight: -1, notified: map[string]bool{}}
	port, more := c.Peek()
	if r.addr, ok = cursor.ParseAddr(w.Text); !ok {
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
		r.port = uint16(n)
	}
	serverTable.Decode(&r, c.Block(), s.d.diags)
	if s.addr.IsValid() && s.addr.Is4() != r.addr.Is4() && s.method != "TUN" && r.method != "TUN" {
		c.Errorf(w.Range, diag.BadAddress, "Address family of virtual server and real server %s don't match - skipping real server.", w.Text)
		return
	}
	s.servers = append(s.servers, r)
}

func serverRows() []cursor.Row[server] {
	const path = serverPath
	title := func(r *server) string { return r.title(r.s) }
	script := func(name string) cursor.Row[server] {
		return notify(path, name, title,
			func(r *server) *[]cursor.ScriptUse { return &r.s.d.scripts },
			func(r *server) map[string]bool { return r.notified })
	}
	rows := slices.Concat([]cursor.Row[server]{
		doc("0..2147483647", "the virtual server's", line(path, "weight", "<n>", 1, func(r *server, c *cursor.Cursor) {
			if n, ok := c.Int(0, math.MaxInt32); ok {
				r.weight = n
			} else {
				c.Hint("Real server weight is outside range 0-2147483647")
			}
		})),
		doc("", "the virtual server's", line(path, "lvs_method", methodGrammar, 1, func(r *server, c *cursor.Cursor) {
			if m, ok := readMethod(c, "real server"); ok {
				r.method = m
			}
		})),
		number[server](path, "uthreshold", "0", 0, math.MaxUint32),
		number[server](path, "lthreshold", "0", 0, math.MaxUint32),
		boolean[server](path, "inhibit_on_failure", "the virtual server's", "Invalid inhibit_on_failure parameter %s"),
		script("notify_up"), script("notify_down"),
		boolean[server](path, "alpha", "the virtual server's", "Invalid alpha parameter %s"),
	}, timingRows[server](path, "real server"), []cursor.Row[server]{
		boolean[server](path, "smtp_alert", "on", "Invalid real_server smtp_alert parameter %s"),
		text[server](path, "virtualhost", "<string>", "real server virtualhost missing"),
		text[server](path, "snmp_name", "<string>", "real server snmp_name missing or extra parameters"),
	})
	for _, k := range checkKinds() {
		rows = append(rows, cursor.Row[server]{Keyword: k.Keyword, Into: func(r *server, c *cursor.Cursor) { k.read(r, c) }})
	}
	return rows
}
