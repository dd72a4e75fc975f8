package dialect_test

import (
	"fmt"
	"slices"
	"strings"

	"keepalived/cmd/internal/dialect"
)

// sheet is a configuration with many cells in it, each in an object of its own, so that
// one run of keepalived tells about hundreds of them.
type sheet struct {
	name  string
	text  strings.Builder
	lines int
	cells []placed
}

// placed is a cell with its place in a sheet.
type placed struct {
	cell
	object      string // how dumps and complaints name what it is in
	first, last int    // lines
}

func (s *sheet) add(c cell, object, text string) {
	n := strings.Count(text, "\n")
	s.cells = append(s.cells, placed{cell: c, object: object, first: s.lines + 1, last: s.lines + n})
	s.text.WriteString(text)
	s.lines += n
}

// alone is the cell in the smallest configuration that it can be in.
func alone(c cell) probe {
	var s sheet
	s.text.WriteString(headOf(c.Path))
	s.put(c, 1)
	return probe{name: c.String(), text: s.text.String()}
}

// headOf is what a configuration with cells of a block begins with.
func headOf(block string) string {
	if block == "garp_group" { // it has no name: an interface tells it from others
		return "global_defs {\ndynamic_interfaces\n}\n"
	}
	return ""
}

// put adds a cell as the n-th.
func (s *sheet) put(c cell, n int) {
	object := fmt.Sprintf("K%d", n)
	block, _, _ := strings.Cut(c.Path, "/")
	switch block {
	case "":
		s.add(c, object, c.line()+"\n"+instanceOf(object, n, ""))
	case "global_defs":
		s.add(c, object, "global_defs {\n"+c.line()+"\n}\n")
	case "vrrp_instance":
		s.add(c, object, instanceOf(object, n, instanceLines(c)))
	case "vrrp_sync_group":
		s.add(c, object, instanceOf(object+"a", 2*n, "")+instanceOf(object+"b", 2*n+1, "")+
			fmt.Sprintf("vrrp_sync_group %s {\ngroup {\n%sa\n%sb\n}\n%s\n}\n", object, object, object, c.line()))
	case "vrrp_script", "track_file", "vrrp_track_process":
		s.add(c, object, trackedOf(c, object, n))
	case "bfd_instance":
		s.add(c, object, fmt.Sprintf("bfd_instance %s {\nneighbor_ip 10.55.%d.%d\n%s\n}\n", object, n/200, n%200+1, c.line()))
	case "garp_group":
		s.add(c, object, "garp_group {\n"+c.line()+"\ninterface "+object+"\n}\n")
	case "virtual_server":
		s.add(c, serviceName(n), serviceOf(c, n))
	case "SSL":
		s.add(c, object, "SSL {\n"+c.line()+"\n}\n"+serviceOf(cell{}, n))
	}
}

// instanceOf is an instance with lines of its own. Numbers go from 2 to 254, so that 1 and
// 255 are free for those of the cells, on one interface after the other.
func instanceOf(name string, n int, lines string) string {
	before, after, _ := strings.Cut(lines, "%")
	return fmt.Sprintf("vrrp_instance %s {\ninterface eth%d\nvirtual_router_id %d\n%s\nvirtual_ipaddress {\n10.66.%d.%d\n}\n%s\n}\n",
		name, n/253%3, 2+n%253, before, n/200, n%200+1, after)
}

// instanceLines are the cell's line and what it needs beside it.
func instanceLines(c cell) string {
	const peers = "unicast_peer {\n10.99.0.1\n}\n"
	switch c.Path {
	case "vrrp_instance/authentication":
		other := map[string]string{"auth_type": "auth_pass word", "auth_pass": "auth_type PASS"}[c.Name]
		return "%authentication {\n" + c.line() + "\n" + other + "\n}"
	}
	switch c.Name {
	case "unicast_ttl", "unicast_fault_no_peer", "check_unicast_src", "old_unicast_checksum", "unicast_src_ip":
		return peers + c.line()
	case "track_src_ip":
		return "mcast_src_ip 198.18.9.1\n" + c.line()
	case "vmac_xmit_base", "use_vmac_addr":
		return "use_vmac\n" + c.line()
	}
	return c.line()
}

// trackedOf is a tracked object with the cell's line, and an instance that tracks it.
func trackedOf(c cell, name string, n int) string {
	own, list := "", strings.TrimPrefix(c.Path, "vrrp_")
	switch c.Path {
	case "vrrp_script":
		own, list = "script /usr/bin/true\n", "track_script"
	case "track_file":
		own = "file /run/" + name + "\n"
	case "vrrp_track_process":
		own = "process " + name + "\n"
	}
	if key, _, _ := strings.Cut(own, " "); key == c.Name {
		own = ""
	}
	return fmt.Sprintf("%s %s {\n%s%s\n}\n", c.Path, name, own, c.line()) +
		instanceOf(name+"i", n, fmt.Sprintf("%%%s {\n%s\n}", list, name))
}

// serviceName is the address of the n-th virtual server.
func serviceName(n int) string { return fmt.Sprintf("10.33.%d.%d", n/200, n%200+1) }

// serviceOf is a virtual server with the cell's line in the block that it belongs to.
func serviceOf(c cell, n int) string {
	var service, server, check, inner string
	scheduler, method, protocol := "lvs_sched rr\n", "lvs_method NAT\n", "protocol TCP\n"
	switch block := strings.TrimPrefix(c.Path, "virtual_server"); {
	case c.Name == "":
	case block == "":
		service = c.line() + "\n"
		switch {
		case strings.HasPrefix(c.Name, "sh-"), c.Name == "hashed":
			scheduler = "lvs_sched sh\n"
		case strings.HasPrefix(c.Name, "mh-"):
			scheduler = "lvs_sched mh\n"
		case c.Name == "lvs_sched", c.Name == "lb_algo":
			scheduler = ""
		case c.Name == "lvs_method", c.Name == "lb_kind":
			method = ""
		case c.Name == "protocol":
			protocol = ""
		case c.Name == "sorry_server_inhibit":
			service = "sorry_server 10.44.0.9 80\n" + service
		}
	case block == "/real_server":
		server = c.line() + "\n"
	default:
		check, inner, _ = strings.Cut(strings.TrimPrefix(block, "/real_server/"), "/")
	}
	if check == "" {
		check = "TCP_CHECK"
		server += "TCP_CHECK {\n}\n"
	} else {
		server = checkOf(c, check, inner)
	}
	return fmt.Sprintf("virtual_server %s 80 {\n%s%s%s%sreal_server 10.44.%d.%d 80 {\n%s}\n}\n",
		serviceName(n), scheduler, method, protocol, service, n/200, n%200+1, server)
}

// checkOf is a checker with the cell's line, in a block of its own when inner is one.
func checkOf(c cell, check, inner string) string {
	line := c.line() + "\n"
	if inner == "host" {
		if c.Name != "connect_timeout" {
			line += "connect_timeout 7\n"
		}
		line = "host {\n" + line + "}\n"
	}
	switch check {
	case "HTTP_GET", "SSL_GET":
		path := "path /\n"
		switch {
		case inner == "url" && c.Name == "path":
			return check + " {\nurl {\n" + line + "}\n}\n"
		case inner == "url":
			return check + " {\nurl {\n" + path + line + "}\n}\n"
		}
		return check + " {\n" + line + "url {\n" + path + "}\n}\n"
	case "MISC_CHECK":
		if c.Name != "misc_path" {
			line += "misc_path /usr/bin/true\n"
		}
	case "UDP_CHECK":
		line += "require_reply\n"
	case "BFD_CHECK":
		return "BFD_CHECK {\nname B\n" + line + "}\n"
	case "FILE_CHECK":
		return "FILE_CHECK {\ntrack_file F\n" + line + "}\n"
	}
	return check + " {\n" + line + "}\n"
}

// known are the cells of all rows that 2.2.7 has.
func knownCells() []cell {
	var out []cell
	for _, k := range dialect.Keywords() {
		if k.Since == "" && k.Path != "vrrp_track_file" {
			out = append(out, cellsOf(k)...)
		}
	}
	return out
}

// sheets puts the cells that keep accepts into as few configurations as can be: those
// of global_defs, which all speak of the same thing, one of each keyword to a sheet.
func sheets(keep func(cell) bool) []*sheet {
	byName := map[string]*sheet{}
	var out []*sheet
	get := func(name string) *sheet {
		s := byName[name]
		if s == nil {
			s = &sheet{name: name}
			if name == "checkers" {
				s.text.WriteString("bfd_instance B {\nneighbor_ip 10.55.99.1\n}\ntrack_file F {\nfile /run/F\n}\n")
				s.lines = 6
			}
			if head := headOf(name); head != "" {
				s.text.WriteString(head)
				s.lines = strings.Count(head, "\n")
			}
			byName[name], out = s, append(out, s)
		}
		return s
	}
	nth := map[string]int{}
	for _, c := range knownCells() {
		if !keep(c) || c.Path == "" {
			continue
		}
		block, _, _ := strings.Cut(c.Path, "/")
		name := block
		switch {
		case block == "global_defs":
			family := c.Name
			if c.Deprecated != "" {
				family = "old " + family
			}
			switch {
			case c.what == "default" || c.absent:
				name = "global " + c.what
			case c.Deprecated != "":
				nth[family]++
				name = fmt.Sprintf("global old %d", nth[family])
			default:
				nth[family]++
				name = fmt.Sprintf("global %d", nth[family])
			}
		case block == "virtual_server":
			name = "checkers"
		case slices.Contains([]string{"vrrp_script", "track_file", "vrrp_track_process", "bfd_instance"}, block):
			name = "objects"
		}
		s := get(name)
		s.put(c, len(s.cells)+1)
	}
	for _, s := range out {
		if strings.HasPrefix(s.name, "global") || strings.HasPrefix(s.name, "garp_group") {
			s.text.WriteString(instanceOf("V", 0, ""))
		}
	}
	return out
}
