package checkercfg

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"keepalived/core/config"
	"keepalived/core/diag"
	"keepalived/core/global"
)

func load(t *testing.T, text string) (*Config, diag.List) {
	t.Helper()
	tree, diags := config.Parse(config.MapFiles{"f": text}, "f", config.Env{}, config.NewSchema(slices.Concat(Keywords(), global.Keywords())))
	g, more := global.Decode(tree)
	cfg, found := Load(tree, g)
	return cfg, slices.Concat(diags, more, found)
}

// TestEndpoints: what 2.2.7 made of the configuration in ip_vs (ipvsadm -Sn, sorted), in
// User-Mode Linux: groups, marks, families, ports that are left out or reset, tunnels,
// scheduler flags, persistence.
func TestEndpoints(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/endpoints.conf")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/endpoints.ipvs")
	if err != nil {
		t.Fatal(err)
	}
	cfg, _ := load(t, string(text))
	lines := map[string]bool{}
	for _, s := range cfg.Services {
		for _, e := range s.Endpoints() {
			name := e.option()
			if s.Nth == 0 { // the kernel has one service for both, the first's
				lines["-A "+name+s.options()] = true
			}
			for _, r := range s.Servers {
				lines["-a "+name+" -r "+bracketed(r.Addr.String(), r.Port)+r.options()] = true
			}
		}
	}
	var got []string
	for l := range lines {
		got = append(got, l)
	}
	slices.Sort(got)
	if w := strings.Split(strings.TrimSpace(string(want)), "\n"); !slices.Equal(sorted(w), got) {
		t.Errorf("want\n%s\ngot\n%s", strings.Join(sorted(w), "\n"), strings.Join(got, "\n"))
	}
}

func sorted(s []string) []string { s = slices.Clone(s); slices.Sort(s); return s }

// option names a service as ipvsadm does.
func (e Endpoint) option() string {
	if e.Mark != 0 {
		if e.Family == IPv6 {
			return fmt.Sprintf("-f %d -6", e.Mark)
		}
		return fmt.Sprintf("-f %d", e.Mark)
	}
	return map[Protocol]string{TCP: "-t ", UDP: "-u ", SCTP: "--sctp-service "}[e.Protocol] + bracketed(e.Addr.String(), e.Port)
}

func bracketed(addr string, port uint16) string {
	if strings.Contains(addr, ":") {
		addr = "[" + addr + "]"
	}
	return fmt.Sprintf("%s:%d", addr, port)
}

// options are those of a service in ipvsadm's words.
func (s *Service) options() string {
	out := " -s " + s.Scheduler
	if s.Persistence > 0 {
		out += fmt.Sprintf(" -p %d", s.Persistence/time.Second)
	}
	if s.Granularity != "" {
		out += " -M " + s.Granularity
	}
	if s.Engine != "" {
		out += " --pe " + s.Engine
	}
	if s.OnePacket {
		out += " -o"
	}
	var flags []string
	if s.Flags&FlagOne != 0 {
		flags = append(flags, s.Scheduler+"-fallback")
	}
	if s.Flags&FlagTwo != 0 {
		flags = append(flags, s.Scheduler+"-port")
	}
	if len(flags) > 0 {
		out += " -b " + strings.Join(flags, ",")
	}
	return out
}

func (r *Server) options() string {
	f := r.Forwarding
	out := map[Method]string{NAT: " -m", DR: " -g", TUN: " -i"}[f.Method] + fmt.Sprintf(" -w %d", r.Weight)
	if f.Method != TUN {
		return out
	}
	switch f.Tunnel {
	case IPIP:
		out += " --tun-type ipip"
	case GUE:
		out += fmt.Sprintf(" --tun-type gue --tun-port %d --tun-nocsum", f.Port)
	case GRE:
		out += " --tun-type gre" + map[Checksum]string{NoChecksum: " --tun-nocsum", WithChecksum: " --tun-csum"}[f.Checksum]
	}
	return out
}

// TestInheritance: a checker's settings are its own, else the real server's, else the
// virtual server's, else its type's.
func TestInheritance(t *testing.T) {
	t.Parallel()
	const open = "virtual_server 10.0.0.1 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n"
	build := func(vs, rs, check string) string {
		return open + vs + "real_server 10.0.0.2 8080 {\n" + rs + check + "}\n}\n"
	}
	all := "delay_loop %d\nconnect_timeout %d\nretry %d\ndelay_before_retry %d\nwarmup %d\n"
	say := func(n int) string { return fmt.Sprintf(all, n, n+1, n+2, n+3, n+4) }
	cases := []struct {
		name          string
		vs, rs, check string
		want          string // delay_loop connect_timeout retry delay_before_retry warmup alpha
	}{
		{"TCP_CHECK without a word", "", "", "TCP_CHECK {\n}\n", "1m0s 5s 1 1s 1m0s false"},
		{"HTTP_GET", "", "", "HTTP_GET {\nurl {\npath /\n}\n}\n", "1m0s 5s 1 3s 1m0s false"},
		{"SSL_GET", "", "", "SSL_GET {\nurl {\npath /\n}\n}\n", "1m0s 5s 1 3s 1m0s false"},
		{"MISC_CHECK", "", "", "MISC_CHECK {\nmisc_path /bin/true\n}\n", "1m0s 0s 0 1s 1m0s false"},
		{"of the virtual server", say(10) + "alpha\n", "", "TCP_CHECK {\n}\n", "10s 11s 12 13s 14s true"},
		{"of the real server", say(10), say(20) + "alpha\n", "TCP_CHECK {\n}\n", "20s 21s 22 23s 24s true"},
		{"its own", say(10) + "alpha\n", say(20), "TCP_CHECK {\n" + say(30) + "alpha off\n}\n", "30s 31s 32 33s 34s false"},
		{"retry 0 is the checker's to say", say(10), "", "TCP_CHECK {\nretry 0\n}\n", "10s 11s 0 13s 14s false"},
		{"warmup is its own delay_loop", "delay_loop 9\n", "", "TCP_CHECK {\ndelay_loop 2\n}\n", "2s 5s 1 1s 2s false"},
		{"warmup 0", "warmup 0\n", "", "TCP_CHECK {\n}\n", "1m0s 5s 1 1s 0s false"},
		{"nb_get_retry and retry: the last", "", "", "HTTP_GET {\nnb_get_retry 5\nretry 6\nurl {\npath /\n}\n}\n", "1m0s 5s 6 3s 1m0s false"},
		{"written below", "", "", "TCP_CHECK {\n}\n}\ndelay_loop 7\nreal_server 10.0.0.9 80 {\n", "7s 5s 1 1s 7s false"},
	}
	for _, tt := range cases {
		cfg, _ := load(t, build(tt.vs, tt.rs, tt.check))
		k := cfg.Services[0].Servers[0].Checks[0]
		got := fmt.Sprint(k.DelayLoop, " ", k.Connection.Timeout, " ", k.Retry, " ", k.RetryDelay, " ", k.Warmup, " ", k.Alpha)
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestTraps: what 2.2.7 makes of configurations that say less or something else than
// they seem to.
func TestTraps(t *testing.T) {
	t.Parallel()
	service := func(lines string) string { return "virtual_server 10.0.0.1 80 {\n" + lines + "}\n" }
	const rs = "real_server 10.0.0.2 80 {\n}\n"
	one := func(c *Config) *Service { return c.Services[0] }
	cases := []struct {
		name, text string
		got        func(*Config) any
		want       any
	}{
		{"no protocol is UDP", service(rs), func(c *Config) any { return one(c).Protocol }, UDP},
		{"no scheduler is wlc", service(rs), func(c *Config) any { return one(c).Scheduler }, "wlc"},
		{"lower-case dr is NAT", service("lb_kind dr\n" + rs), func(c *Config) any { return one(c).Servers[0].Forwarding.Method }, NAT},
		{"protocol in small letters", service("protocol sctp\n" + rs), func(c *Config) any { return one(c).Protocol }, SCTP},
		{"DR: another port is reset", service("lb_kind DR\nreal_server 10.0.0.2 8080 {\n}\n"), func(c *Config) any { return one(c).Servers[0].Port }, uint16(80)},
		{"but the check goes where it was written", service("lb_kind DR\nreal_server 10.0.0.2 8080 {\nTCP_CHECK {\n}\n}\n"),
			func(c *Config) any { return one(c).Servers[0].Checks[0].Connection.Port }, uint16(8080)},
		{"NAT: another port is kept", service("lb_kind NAT\nreal_server 10.0.0.2 8080 {\n}\n"), func(c *Config) any { return one(c).Servers[0].Port }, uint16(8080)},
		{"without a port the service's", service("real_server 10.0.0.2 {\nTCP_CHECK {\n}\n}\n"),
			func(c *Config) any { r := one(c).Servers[0]; return [2]uint16{r.Port, r.Checks[0].Connection.Port} }, [2]uint16{80, 80}},
		{"a sorry server's is kept under NAT", service("sorry_server 10.0.0.9\n" + rs), func(c *Config) any { return one(c).Sorry.Port }, uint16(0)},
		{"and the service's under DR", service("sorry_server 10.0.0.9 5\nsorry_server_lvs_method DR\n" + rs), func(c *Config) any { return one(c).Sorry.Port }, uint16(80)},
		{"duplicates are removed", service(rs + "real_server 10.0.0.2 80 {\nweight 5\n}\n"), func(c *Config) any { return len(one(c).Servers) }, 1},
		{"what ip_vs would take for the same too", service("lb_kind DR\n" + rs + "real_server 10.0.0.2 81 {\n}\n"), func(c *Config) any { return len(one(c).Servers) }, 1},
		{"a quorum nobody reaches", service("quorum 9\nweight 3\n" + rs + "real_server 10.0.0.3 80 {\nweight 2\n}\n"), func(c *Config) any { return one(c).Quorum }, uint32(5)},
		{"all weights 0", service("real_server 10.0.0.3 80 {\nweight 0\n}\n"), func(c *Config) any { return [2]uint32{one(c).Quorum, one(c).Hysteresis} }, [2]uint32{0, 0}},
		{"hysteresis is less than the quorum", service("quorum 2\nhysteresis 2\nweight 3\n" + rs), func(c *Config) any { return one(c).Hysteresis }, uint32(1)},
		{"ops is UDP's", service("protocol TCP\nops\n" + rs), func(c *Config) any { return one(c).OnePacket }, false},
		{"port 0 wants persistence", "virtual_server 10.0.0.1 {\n" + rs + "}\n", func(c *Config) any { return one(c).Persistence }, 360 * time.Second},
		{"granularity brings persistence", service("persistence_granularity 255.255.255.0\n" + rs),
			func(c *Config) any { return fmt.Sprint(one(c).Persistence, one(c).Mask) }, "6m0s 24"},
		{"persistence_timeout 100", service("persistence_timeout 100\npersistence_granularity 255.255.0.0\n" + rs),
			func(c *Config) any { return fmt.Sprint(one(c).Persistence, one(c).Mask) }, "1m40s 16"},
		{"a mark has no protocol", "virtual_server fwmark 3 {\nprotocol TCP\n" + rs + "}\n", func(c *Config) any { return one(c).Servers[0].Name() }, "[10.0.0.2]:none:80"},
		{"a group that is not there", "virtual_server group G {\n" + rs + "}\n", func(c *Config) any { return len(c.Services) }, 0},
		{"real servers: mail by default, virtual servers: none", service(rs), func(c *Config) any { return [2]bool{one(c).Mail, one(c).Servers[0].Mail} }, [2]bool{false, true}},
		{"smtp_alert of global_defs", "global_defs {\nsmtp_alert off\nsmtp_alert_checker on\n}\n" + service(rs), func(c *Config) any { return [2]bool{one(c).Mail, one(c).Servers[0].Mail} }, [2]bool{true, true}},
		{"MISC_CHECK ends after the virtual server's delay_loop", service("real_server 10.0.0.2 80 {\ndelay_loop 3\nMISC_CHECK {\nmisc_path /bin/a\n}\n}\ndelay_loop 8\n"),
			func(c *Config) any { return one(c).Servers[0].Checks[0].Misc.Limit }, 8 * time.Second},
		{"the Host of a url", service("virtualhost v\nreal_server 10.0.0.2 80 {\nHTTP_GET {\nurl {\npath /\nstatus_code 200 300-302\n}\n}\n}\n"),
			func(c *Config) any { h := one(c).Servers[0].Checks[0].HTTP; return fmt.Sprint(h.Host, h.URLs[0].Codes) }, "v[{200 200} {300 302}]"},
		{"the Host nearest to the url", service("virtualhost v\nreal_server 10.0.0.2 80 {\nvirtualhost r\nHTTP_GET {\nurl {\npath /\n}\n}\nHTTP_GET {\nvirtualhost h\nurl {\npath /\n}\n}\n}\n"),
			func(c *Config) any { k := one(c).Servers[0].Checks; return k[0].HTTP.Host + " " + k[1].HTTP.Host }, "r h"},
		{"a group's mark is of the service's family", "virtual_server_group G {\nfwmark 3\n}\nvirtual_server group G {\nip_family inet6\nreal_server 2001:db8::1 80 {\n}\n}\n",
			func(c *Config) any { return one(c).Endpoints()[0] }, Endpoint{Family: IPv6, Mark: 3}},
		{"status codes without a word", service("real_server 10.0.0.2 80 {\nSSL_GET {\nurl {\npath /\ndigest B1946AC92492D2347C6235B4D2611184\n}\n}\n}\n"),
			func(c *Config) any { return fmt.Sprint(one(c).Servers[0].Checks[0].HTTP.URLs[0]) }, "{/ b1946ac92492d2347c6235b4d2611184  [{200 299}] <nil> false}"},
		{"checkers that do not run are left out", service("real_server 10.0.0.2 80 {\nSMTP_CHECK {\n}\nPING_CHECK {\n}\n}\n"), func(c *Config) any { return len(one(c).Servers[0].Checks) }, 0},
		{"keys of namesakes", service(rs) + service(rs) + "virtual_server fwmark 3 {\n" + rs + "}\nvirtual_server fwmark 3 {\nreal_server 2001:db8::1 {\n}\n}\n",
			func(c *Config) any {
				var keys []string
				for _, s := range c.Services {
					keys = append(keys, s.Key())
				}
				return strings.Join(keys, ", ")
			}, "[10.0.0.1]:udp:80, [10.0.0.1]:udp:80 #2, FWM 3, FWM 3 inet6"},
	}
	for _, tt := range cases {
		cfg, _ := load(t, tt.text)
		if got := tt.got(cfg); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestGroupRanges: the four ways to write addresses.
func TestGroupRanges(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ line, first, last, complaint string }{
		{"10.0.0.5 80", "10.0.0.5", "10.0.0.5", ""},
		{"10.0.0.5-7 80", "10.0.0.5", "10.0.0.7", ""},
		{"10.0.0.5-10.0.1.2 80", "10.0.0.5", "10.0.1.2", ""},
		{"10.0.0.8/30 80", "10.0.0.8", "10.0.0.11", ""},
		{"2001:db8::5-1f 80", "2001:db8::5", "2001:db8::1f", ""},
		{"2001:db8::5-1234 80", "2001:db8::5", "2001:db8::1234", ""},
		{"2001:db8::fff0-ffff 80", "2001:db8::fff0", "2001:db8::ffff", ""},
		{"2001:db8::/126 80", "2001:db8::", "2001:db8::3", ""},
		{"10.0.0.9/30 80", "", "", "Address mask bits not empty - 10.0.0.9/30 - skipping"},
		{"10.0.0.5-3 80", "", "", "Address range end is not greater than address range start - 10.0.0.5-3 - skipping"},
		{"10.0.0.5-300 80", "", "", "Virtual server group range '10.0.0.5-300' end is invalid"},
		{"nonsense 80", "", "", "Invalid virtual server group IP address nonsense  - skipping"},
	} {
		cfg, diags := load(t, "virtual_server_group G {\n"+tt.line+"\nfwmark 9 inet6\n}\n")
		entries := cfg.Groups[0].Entries
		if last := entries[len(entries)-1]; last.Mark != 9 || last.Family != IPv6 {
			t.Errorf("%s: the mark is %+v", tt.line, last)
		}
		if tt.complaint != "" {
			if len(entries) != 1 || len(diags) != 1 || diags[0].Summary != tt.complaint {
				t.Errorf("%s: %d entries, %v", tt.line, len(entries), diags)
			}
			continue
		}
		if e := entries[0]; len(diags) != 0 || e.First.String() != tt.first || e.Last.String() != tt.last || e.Port != 80 {
			t.Errorf("%s: %+v, %v", tt.line, e, diags)
		}
	}
}
