package interop

import (
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// dumpKinds are the three dumps with their signals.
var dumpKinds = []struct {
	file   string
	signal syscall.Signal
}{
	{"/tmp/keepalived.data", syscall.SIGUSR1},
	{"/tmp/keepalived.stats", syscall.SIGUSR2},
	{"/tmp/keepalived.json", 36},
}

// dumpConf is a configuration whose dumps are compared. With beside, a real
// keepalived of higher priority is master in the same LAN.
type dumpConf struct {
	name   string
	text   string
	state  string // MASTER or BACKUP
	beside bool
	files  map[string]string
}

var dumpConfs = []dumpConf{
	{name: "v2 multicast, password, labels and excluded addresses", state: "MASTER", text: `
global_defs {
    router_id DUMP_A
    vrrp_garp_master_refresh 30
    vrrp_garp_master_repeat 2
}
vrrp_instance VI_1 {
    state MASTER
    interface eth0
    virtual_router_id 51
    priority 150
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass secret12
    }
    virtual_ipaddress {
        192.0.2.100/24 dev eth0 label eth0:1
        192.0.2.101
    }
    virtual_ipaddress_excluded {
        198.51.100.1/32 dev eth0 scope link
    }
}
`},
	{name: "v3 unicast with a fraction, preempt_delay, a tracked interface", state: "MASTER", text: `
global_defs {
    router_id DUMP_B
    vrrp_version 3
}
vrrp_instance uni {
    state BACKUP
    interface eth0
    virtual_router_id 7
    priority 120
    advert_int 0.3
    preempt_delay 3
    garp_master_delay 1
    unicast_src_ip 192.0.2.1
    unicast_peer {
        192.0.2.2
        192.0.2.3
    }
    track_interface {
        lo weight 10
    }
    virtual_ipaddress {
        192.0.2.104/24
    }
}
`},
	{name: "a tracked script and notify scripts, mail settings", state: "MASTER",
		files: map[string]string{"/etc/keepalived/ok.sh": "#!/bin/sh\nexit 0\n", "/etc/keepalived/n.sh": "#!/bin/sh\nexit 0\n"},
		text: `
global_defs {
    notification_email {
        root@example.org
        ops@example.org
    }
    notification_email_from k@example.org
    smtp_server 192.0.2.254
    smtp_connect_timeout 5
    router_id DUMP_C
    script_user root
    enable_script_security
}
vrrp_script chk {
    script "/etc/keepalived/ok.sh arg"
    interval 1
    timeout 2
    weight 20
    rise 2
    fall 3
}
vrrp_instance VI_S {
    state BACKUP
    interface eth0
    virtual_router_id 60
    priority 100
    version 3
    advert_int 0.5
    track_script {
        chk
    }
    virtual_ipaddress {
        192.0.2.105/24
    }
    notify "/etc/keepalived/n.sh gen"
    notify_master "/etc/keepalived/n.sh master"
    notify_backup "/etc/keepalived/n.sh backup"
    notify_fault "/etc/keepalived/n.sh fault"
    notify_stop "/etc/keepalived/n.sh stop"
}
`},
	{name: "a backup beside a master, nopreempt", state: "BACKUP", beside: true, text: `
global_defs {
    router_id DUMP_D
}
vrrp_instance VI_1 {
    state BACKUP
    nopreempt
    interface eth0
    virtual_router_id 51
    priority 90
    version 3
    advert_int 0.5
    virtual_ipaddress {
        192.0.2.100/24
    }
}
`},
	{name: "two instances on two interfaces, one at 255", state: "MASTER", text: `
vrrp_instance VI_own {
    interface eth0
    virtual_router_id 1
    priority 255
    advert_int 2
    virtual_ipaddress {
        192.0.2.200
    }
}
vrrp_instance VI_two {
    state BACKUP
    interface eth1
    virtual_router_id 2
    priority 100
    version 3
    advert_int 0.1
    garp_master_refresh 60
    virtual_ipaddress {
        203.0.113.5/25 dev eth1 brd 203.0.113.127
    }
}
`},
}

// dumpMasks replace what must differ between two processes in two namespaces.
var dumpMasks = []struct {
	is   *regexp.Regexp
	mask string
}{
	{regexp.MustCompile(`\b\d{10}\.\d{6}\b`), "TIME"},
	{regexp.MustCompile(`\((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} .\d \d\d:\d\d:\d\d(?:\.\d{6})? \d{4}\)`), "(DATE)"},
	{regexp.MustCompile(`\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b`), "MAC"},
	{regexp.MustCompile(`\bfe80::[0-9a-f:]+\b`), "LINKLOCAL"},
	{regexp.MustCompile(`\bfd_in -?\d+,? fd_out =? ?-?\d+`), "FDS"},
	{regexp.MustCompile(`\bpid \d+\b`), "PID"},
	{regexp.MustCompile(`"advert_(rcvd|sent)":[1-9]\d*`), `"advert_$1":N`},
	{regexp.MustCompile(`^(    Received: |    Sent: )[1-9]\d*$`), "${1}N"},
}

// dumpDifferences are the differences allowed, each with its reason. A line of
// 2.2.7's (real) may read as ours; an empty side is a line that the other lacks.
var dumpDifferences = []struct {
	reason     string
	real, ours *regexp.Regexp
}{
	{"ours masks the password", regexp.MustCompile(`^   Password = secret12$`), regexp.MustCompile(`^   Password = \*{8}$`)},
	{"ours masks the password", regexp.MustCompile(`^"auth_data":"secret12"}`), regexp.MustCompile(`^"auth_data":"\*{8}"}`)},
}

// TestDumps compares the three dumps of five configurations line by line with
// those of 2.2.7.
func TestDumps(t *testing.T) {
	t.Parallel()
	for _, c := range dumpConfs {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			netlab.Need(t, "netns", "keepalived")
			real, our := dumps(t, c, netlab.RealKeepalived), dumps(t, c, ours)
			for _, k := range dumpKinds {
				compareDump(t, k.file, real[k.file], our[k.file])
			}
		})
	}
}

// dumps runs the daemon in a LAN of its own until it is what it should be, and
// returns its dumps by file name.
func dumps(t *testing.T, c dumpConf, bin string) map[string]string {
	t.Helper()
	lab := netlab.New(t)
	lan, second := lab.LAN("lan"), lab.LAN("second")
	h := lab.Host("dumped")
	lab.Attach(lan, h, "eth0", "192.0.2.1/24")
	lab.Attach(second, h, "eth1", "203.0.113.1/25")
	if c.beside {
		m := &node{label: "real", bin: netlab.RealKeepalived, host: lab.Host("beside"),
			conf: conf{version: 3, priority: 150, interval: 500 * time.Millisecond}}
		m.addr = netip.MustParseAddr("192.0.2.2")
		lab.Attach(lan, m.host, "eth0", "192.0.2.2/24")
		m.start(t)
		netlab.Eventually(t, 5*time.Second, "the master beside", func() bool { return m.holdsVIP() })
	}
	p := h.Start(netlab.ProcOpts{Config: c.text, Files: c.files}, bin, "-n", "-l", "-D")
	checkExecutable(t, p, bin)
	instances := strings.Count(c.text, "vrrp_instance ")
	netlab.Eventually(t, 8*time.Second, "every instance in state "+c.state, func() bool {
		// The owner says so without ever having been a backup.
		return strings.Count(p.Log(), "Entering "+c.state+" STATE") >= instances
	})
	netlab.Await(700*time.Millisecond, func() bool { return false }) // adverts heard, scripts risen
	out := map[string]string{}
	for _, k := range dumpKinds {
		p.Signal(k.signal)
		var text, last string
		netlab.Eventually(t, 5*time.Second, k.file, func() bool {
			b, _ := os.ReadFile(p.Path(k.file))
			last, text = text, string(b)
			return text != "" && text == last && strings.HasSuffix(text, "\n")
		})
		out[k.file] = text
	}
	return out
}

// compareDump compares two dumps line by line; lines only one of them has are
// found by the longest common sequence.
func compareDump(t *testing.T, file, real, our string) {
	t.Helper()
	a, b := maskLines(real), maskLines(our)
	for _, d := range diffLines(a, b) {
		if reason := allowed(d.real, d.ours); reason != "" {
			t.Logf("%s:%d differs, allowed: %s\n  2.2.7: %q\n  ours:  %q", file, d.line, reason, d.real, d.ours)
		} else {
			t.Errorf("%s:%d\n  2.2.7: %q\n  ours:  %q", file, d.line, d.real, d.ours)
		}
	}
}

// maskLines splits and masks. The JSON dump is one line: it is split at its commas.
func maskLines(text string) []string {
	if strings.HasPrefix(text, "[{") || strings.HasPrefix(text, "{") {
		text = strings.ReplaceAll(text, ",\"", ",\n\"")
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, l := range lines {
		for _, m := range dumpMasks {
			l = m.is.ReplaceAllString(l, m.mask)
		}
		lines[i] = l
	}
	return lines
}

// allowed returns the reason of an allowed difference, or "".
func allowed(real, our string) string {
	match := func(re *regexp.Regexp, s string) bool {
		if re == nil {
			return s == ""
		}
		return re.MatchString(s)
	}
	for _, d := range dumpDifferences {
		if match(d.real, real) && match(d.ours, our) {
			return d.reason
		}
	}
	return ""
}

// difference is a line that reads differently, or that one side lacks.
type difference struct {
	line       int // of 2.2.7's dump, from 1
	real, ours string
}

// diffLines pairs the lines of two texts by a longest common subsequence; the
// lines between two common ones are paired in order.
func diffLines(a, b []string) []difference {
	n, m := len(a), len(b)
	lcs := make([][]int, n+1)
	for i := range lcs {
		lcs[i] = make([]int, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if a[i] == b[j] {
				lcs[i][j] = lcs[i+1][j+1] + 1
			} else {
				lcs[i][j] = max(lcs[i+1][j], lcs[i][j+1])
			}
		}
	}
	var out []difference
	for i, j := 0, 0; i < n || j < m; {
		if i < n && j < m && a[i] == b[j] {
			i, j = i+1, j+1
			continue
		}
		i0, j0 := i, j
		for (i < n || j < m) && !(i < n && j < m && a[i] == b[j]) {
			if j >= m || i < n && lcs[i+1][j] >= lcs[i][j+1] {
				i++
			} else {
				j++
			}
		}
		for k := range max(i-i0, j-j0) {
			d := difference{line: min(i0+k, n-1) + 1}
			if i0+k < i {
				d.real = a[i0+k]
			}
			if j0+k < j {
				d.ours = b[j0+k]
			}
			out = append(out, d)
		}
	}
	return out
}

// TestDiffLines proves the comparison itself.
func TestDiffLines(t *testing.T) {
	t.Parallel()
	cases := []struct{ a, b, want string }{
		{"x y z", "x y z", "[]"},
		{"x y z", "x z", "[{2 y }]"},
		{"x z", "x y z", "[{2  y}]"},
		{"x y z", "x w z", "[{2 y w}]"},
		{"x y", "x y z", "[{2  z}]"},
		{"", "x", "[{1  x}]"},
	}
	for _, c := range cases {
		if got := fmt.Sprint(diffLines(strings.Fields(c.a), strings.Fields(c.b))); got != c.want && c.a != "" {
			t.Errorf("%q and %q: %s, want %s", c.a, c.b, got, c.want)
		}
	}
}
