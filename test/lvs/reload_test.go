package lvs

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// reloader is one daemon that lives through reloads.
type reloader struct {
	*director
	log *netlab.Syslog
}

// service writes a virtual server.
func service(last int, servers ...string) string {
	return fmt.Sprintf("virtual_server 192.0.2.%d 80 {\n delay_loop 1\n lb_algo rr\n lb_kind NAT\n protocol TCP\n %s\n}\n", last, strings.Join(servers, "\n "))
}

// server writes a real server with a TCP check, unless more has another.
func server(last int, more ...string) string {
	text := strings.Join(more, "\n  ")
	if !strings.Contains(text, "_GET") && !strings.Contains(text, "_CHECK") {
		text += "\n  TCP_CHECK {\n   connect_timeout 1\n   retry 0\n   warmup 0\n  }"
	}
	return fmt.Sprintf("real_server 198.51.100.%d 80 {\n  %s\n }", last, text)
}

const httpCheck = "HTTP_GET {\n   url {\n    path /\n    status_code 200\n   }\n   connect_timeout 1\n   retry 0\n   warmup 0\n  }"

// change is a configuration that both daemons reload, and what the log must have for it
// besides the end of the reload.
type change struct {
	name, conf string
}

// reloadStories begin with their first configuration. Servers 10 to 12 answer, 13 and 14
// do not.
func reloadStories() map[string][]change {
	both := service(100, server(10), server(11))
	inhibited := server(13, "inhibit_on_failure")
	group := func(addrs ...string) string {
		return "virtual_server_group G1 {\n " + strings.Join(addrs, "\n ") + "\n}\nvirtual_server group G1 {\n delay_loop 1\n lb_algo rr\n lb_kind NAT\n protocol TCP\n " + server(10) + "\n}\n"
	}
	return map[string][]change{
		"servers": {
			{"start", both},
			{"no change", both},
			{"server added", service(100, server(10), server(11), server(12))},
			{"weight", service(100, server(10, "weight 5"), server(11), server(12))},
			{"server removed", both},
			{"dead server added", service(100, server(10), server(11), server(13))},
			{"inhibit_on_failure", service(100, server(10), server(11), inhibited)},
			{"inhibited server removed", both},
		},
		"services": {
			{"start", both},
			{"service added", both + service(101, server(12))},
			{"checker changed", both + service(101, server(12, httpCheck))},
			{"quorum", service(100, "quorum 2", "sorry_server 198.51.100.99 80", server(10), server(11)) + service(101, server(12, httpCheck))},
			{"scheduler", strings.Replace(both, "rr", "wrr", 1) + service(101, server(12, httpCheck))},
			{"service removed", both},
		},
		"groups and faults": {
			{"start", group("192.0.2.100 80")},
			{"address added", group("192.0.2.100 80", "192.0.2.101 80")},
			{"address removed", group("192.0.2.101 80")},
			{"complaints", "frobnicate 1\n" + group("192.0.2.101 80") + service(102, "lb_algo none", server(11))},
			{"script that is not there", group("192.0.2.101 80") + service(102, server(11, "MISC_CHECK {\n   misc_path /run/nowhere\n  }"))},
		},
	}
}

func (r *reloader) live(list []change) (why string) {
	mark := r.log.SetMark(list[0].name)
	r.conf = list[0].conf
	r.start2()
	for i, c := range list {
		if i > 0 {
			mark = r.log.SetMark(c.name)
			if err := os.WriteFile(r.proc.Path("/etc/keepalived/keepalived.conf"), []byte(c.conf), 0o644); err != nil {
				return err.Error()
			}
			r.proc.Signal(syscall.SIGHUP)
		}
		end := map[bool]string{false: "Startup complete", true: "Reload complete"}[i > 0]
		if !netlab.Await(20*time.Second, func() bool {
			return slices.ContainsFunc(r.log.Lines()[mark:], func(l netlab.LogLine) bool { return l.Text == end })
		}) {
			return c.name + ": no " + end
		}
		r.rest()
	}
	r.log.SetMark("stop")
	r.stop()
	return ""
}

// rest waits until nothing has been logged for longer than a check's interval.
func (r *reloader) rest() {
	n, since := len(r.log.Lines()), time.Now()
	netlab.Await(20*time.Second, func() bool {
		if now := len(r.log.Lines()); now != n {
			n, since = now, time.Now()
		}
		return time.Since(since) > 2500*time.Millisecond
	})
}

// start2 starts with syslog beside the console.
func (r *reloader) start2() {
	r.t.Helper()
	r.proc = r.host.Start(netlab.ProcOpts{Config: r.conf, Env: []string{"TMPDIR=/tmp"}, Syslog: r.log.Path}, r.bin, "-n", "-D", "-C")
}

var anyNumber = regexp.MustCompile(`^(Starting Keepalived|Running on Linux|Command line:|Stopped Keepalived|Starting Healthcheck child process|Stopped - used|CPU usage).*`)

// lived is what a process has logged, act by act.
func (r *reloader) lived(process string) map[string][]string {
	acts := map[string][]string{}
	for _, l := range r.log.Lines() {
		if l.Process == process {
			acts[l.Mark] = append(acts[l.Mark], l.Severity+" "+anyNumber.ReplaceAllString(l.Text, "$1 ..."))
		}
	}
	return acts
}

// What a healthchecker logs when its configuration changes, beside the real one.
func TestKernelReloadLog(t *testing.T) {
	for name, list := range reloadStories() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needs(t)
			n := newNetwork(t)
			h := n.server("servers", "198.51.100.1", "198.51.100.10/24", "198.51.100.11/24", "198.51.100.12/24", "198.51.100.13/24", "198.51.100.14/24")
			for _, last := range []string{"10", "11", "12"} {
				serve(t, h, last, "198.51.100."+last+":80")
			}
			our := &reloader{n.director("ours", "192.0.2.1/24", "198.51.100.1/24"), netlab.NewSyslog(t)}
			real := &reloader{n.director("real", "192.0.2.2/24", "198.51.100.2/24"), netlab.NewSyslog(t)}
			failed := make(chan string, 2)
			for _, r := range []*reloader{our, real} {
				go func() { failed <- r.live(list) }()
			}
			for range 2 {
				if why := <-failed; why != "" {
					t.Error(why)
				}
			}
			for _, process := range []string{"Keepalived", "Keepalived_healthcheckers"} {
				have, want := our.lived(process), real.lived(process)
				for _, c := range append(list, change{name: "stop"}) {
					if !slices.Equal(have[c.name], want[c.name]) {
						t.Errorf("%s, %s:\n  real %s\n  ours %s", process, c.name, strings.Join(want[c.name], "\n       "), strings.Join(have[c.name], "\n       "))
					}
				}
			}
		})
	}
}
