package daemon

import (
	"fmt"
	"strings"
)

const (
	vip1 = "198.18.9.100"
	vip2 = "198.18.9.101"
)

// inst is a vrrp_instance as the tests write it. The zero value of a field is the
// default below: a BACKUP on eth0 that becomes MASTER of one address within 0.4 s.
type inst struct {
	name     string   // VI_1
	vrid     int      // 51
	version  int      // 3
	prio     int      // 100
	interval string   // 0.1
	dev      string   // eth0
	vips     []string // vip1/24
	extra    string   // more lines
}

func (i inst) String() string {
	def := func(s *string, d string) {
		if *s == "" {
			*s = d
		}
	}
	num := func(n *int, d int) {
		if *n == 0 {
			*n = d
		}
	}
	def(&i.name, "VI_1")
	def(&i.interval, "0.1")
	def(&i.dev, "eth0")
	num(&i.vrid, 51)
	num(&i.version, 3)
	num(&i.prio, 100)
	if i.vips == nil {
		i.vips = []string{vip1 + "/24"}
	}
	return fmt.Sprintf(`vrrp_instance %s {
  state BACKUP
  interface %s
  version %d
  virtual_router_id %d
  priority %d
  advert_int %s
  garp_master_delay 0
  garp_master_repeat 1
%s
  virtual_ipaddress {
    %s
  }
}
`, i.name, i.dev, i.version, i.vrid, i.prio, i.interval, i.extra, strings.Join(i.vips, "\n    "))
}

// conf joins global definitions and blocks to a configuration.
func conf(global string, blocks ...fmt.Stringer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n  router_id LAB\n  enable_script_security\n  script_user root\n%s\n}\n", global)
	for _, x := range blocks {
		b.WriteString(x.String())
	}
	return b.String()
}

// block is a block in plain text.
type block string

func (b block) String() string { return string(b) + "\n" }

// service makes the healthchecker child run.
const service = block(`virtual_server 10.0.0.1 80 {
  delay_loop 3
  lvs_sched rr
  lvs_method NAT
  protocol TCP
  real_server 10.0.0.2 80 {
    TCP_CHECK {
      connect_timeout 1
    }
  }
}`)

// onlyService reports whether a status finds nothing wrong but with that service: its
// real server does not exist, and the kernel need not have ip_vs.
func onlyService(a answer) bool {
	for line := range strings.Lines(a.out) {
		why, bad := strings.CutPrefix(line, "degraded: ")
		if bad && !strings.HasPrefix(why, "[10.0.0.1]:tcp:80") && !strings.HasPrefix(why, "nothing is balanced: ") {
			return false
		}
	}
	return a.status == 0 || a.status == 1
}
