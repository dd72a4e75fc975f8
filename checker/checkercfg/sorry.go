package checkercfg

import (
	"slices"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

func sorryRows() []cursor.Row[service] {
	const path = servicePath
	return []cursor.Row[service]{
		line(path, "sorry_server", "<ip> [<port>]", 1, (*service).readSorry),
		doc("", "off", valued(path, "sorry_server_inhibit", config.Of(config.Flag), func(s *service, c *cursor.Cursor) {
			if s.Sorry == nil {
				c.Errorf(c.Range(), diag.Conflict, "Ignoring sorry_server inhibit used before or without sorry_server")
				return
			}
			s.Sorry.Inhibit = true
		})),
		line(path, "sorry_server_lvs_method", methodGrammar, 0, func(s *service, c *cursor.Cursor) {
			if s.Sorry == nil {
				c.Errorf(c.Range(), diag.Conflict, "sorry_server forwarding used without sorry_server")
				return
			}
			if f, ok := readMethod(c, "sorry server"); ok {
				s.Sorry.Forwarding = f
			}
		}),
	}
}

func (s *service) readSorry(c *cursor.Cursor) {
	w, ok := c.Word()
	if !ok {
		return
	}
	a, ok := cursor.ParseAddr(w.Text)
	if !ok {
		c.Errorf(w.Range, diag.BadAddress, "Invalid sorry server IP address %s - skipping", w.Text)
		return
	}
	sorry := &Sorry{Addr: a}
	if c.More() {
		n, ok := c.Int(0, 65535)
		if !ok {
			return
		}
		sorry.Port = uint16(n)
	}
	if s.Addr.IsValid() && s.Addr.Is4() != a.Is4() {
		c.Errorf(w.Range, diag.BadAddress, "Address family of virtual server and sorry server %s don't match - skipping sorry server.", w.Text)
		return
	}
	s.Sorry = sorry
}

// completeSorry: unlike a real server's, the port of a sorry server is taken from the
// service only where packets are not translated (observed on 2.2.7).
func (s *service) completeSorry() {
	if s.Sorry == nil {
		return
	}
	if s.Sorry.Forwarding.Method == MethodUnset {
		s.Sorry.Forwarding = s.Forwarding
	}
	if s.Kind == ByAddress && s.Sorry.Forwarding.Method != NAT {
		s.Sorry.Port = s.Port
	}
}

const methodGrammar = "NAT|DR|TUN [type ipip|gue|gre] [port <n>] [nocsum|csum|remcsum]"

var tunnels = []string{"ipip", "gue", "gre"}

// readMethod reads a forwarding method.
func readMethod(c *cursor.Cursor, what string) (Forwarding, bool) {
	w, ok := c.Word()
	if !ok {
		return Forwarding{}, false
	}
	switch w.Text {
	case "NAT":
		return Forwarding{Method: NAT}, true
	case "DR":
		return Forwarding{Method: DR}, true
	case "TUN":
	default:
		c.Errorf(w.Range, diag.BadValue, "PARSER : unknown [%s] routing method for %s.", w.Text, what)
		c.Expect("NAT, DR or TUN, in capital letters")
		c.Diags().Suggest(diag.Near(w.Text, slices.Values([]string{"NAT", "DR", "TUN"})))
		c.Hint("the line has no effect: what was said before stays, NAT if nothing was")
		return Forwarding{}, false
	}
	f, csum := Forwarding{Method: TUN}, ""
	for o, ok := c.Next(); ok; o, ok = c.Next() {
		switch o.Text {
		case "type":
			v, ok := c.Word()
			if !ok {
				return Forwarding{}, false
			}
			i := slices.Index(tunnels, v.Text)
			if i < 0 {
				c.Errorf(v.Range, diag.BadValue, "Unknown tunnel type %s for %s.", v.Text, what)
				return f, true
			}
			f.Tunnel = Tunnel(i)
		case "port":
			if n, ok := c.Int(1, 65535); ok {
				f.Port = uint16(n)
			}
		case "nocsum", "csum", "remcsum":
			csum = o.Text
		default:
			c.Errorf(o.Range, diag.BadValue, "unknown tunnel option %s for %s.", o.Text, what)
		}
	}
	switch {
	case (f.Tunnel == GUE) != (f.Port != 0):
		c.Errorf(c.Line(), diag.Conflict, "gue tunnels require port, otherwise cannot have port.")
	case f.Tunnel == IPIP && csum != "" && csum != "nocsum":
		c.Errorf(c.Line(), diag.Conflict, "ipip tunnels do not support checksum option.")
	case f.Tunnel == GRE && csum == "remcsum":
		c.Errorf(c.Line(), diag.Conflict, "gre tunnels do not support remote checksum option.")
	default:
		f.Checksum = map[string]Checksum{"csum": WithChecksum, "remcsum": RemoteChecksum}[csum]
	}
	return f, true
}
