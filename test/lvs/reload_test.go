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
type reloader struct{ *director }

// reloader makes a director whose daemon logs to a syslog of its own.
func (n *network) reloader(label, front, back string) *reloader {
	d := n.director(label, front, back)
	d.syslog = netlab.NewSyslog(n.t)
	return &reloader{d}
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

// change is a configuration that both daemons reload.
type change struct{ name, conf string }

// reloadStories begin with their first configuration. Servers 10 to 12 answer, 13 and 14
// do not.
func reloadStories() map[string][]change {
	both := service(100, server(10), server(11))
	inhibited := server(13, "inhibit_on_failure")
	group := func(addrs ...string) string {
		return "global_defs {\n script_user root\n}\nvirtual_server_group G1 {\n " + strings.Join(addrs, "\n ") + "\n}\nvirtual_server group G1 {\n delay_loop 1\n lb_algo rr\n lb_kind NAT\n protocol TCP\n " + server(10) + "\n}\n"
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

// live starts with the first configuration, reloads the others and stops.
func (r *reloader) live(list []change) (why string) {
	mark := r.syslog.SetMark(list[0].name)
	r.conf = list[0].conf
	r.start("-C")
	for i, c := range list {
		if i > 0 {
			mark = r.syslog.SetMark(c.name)
			if err := os.WriteFile(r.proc.Path("/etc/keepalived/keepalived.conf"), []byte(c.conf), 0o644); err != nil {
				return err.Error()
			}
			r.proc.Signal(syscall.SIGHUP)
		}
		end := map[bool]string{false: "Startup complete", true: "Reload complete"}[i > 0]
		if !netlab.Await(20*time.Second, func() bool {
			return slices.ContainsFunc(r.syslog.Lines()[mark:], func(l netlab.LogLine) bool { return l.Text == end })
		}) {
			return c.name + ": no " + end
		}
		r.rest()
	}
	r.syslog.SetMark("stop")
	r.stop()
	if !netlab.Await(5*time.Second, func() bool {
		return slices.ContainsFunc(r.syslog.Lines(), func(l netlab.LogLine) bool { return strings.HasPrefix(l.Text, "Stopped Keepalived ") })
	}) {
		return "no last line"
	}
	return ""
}

// rest waits until nothing has been logged for longer than a check's interval.
func (r *reloader) rest() {
	n, since := len(r.syslog.Lines()), time.Now()
	netlab.Await(20*time.Second, func() bool {
		if now := len(r.syslog.Lines()); now != n {
			n, since = now, time.Now()
		}
		return time.Since(since) > 2500*time.Millisecond
	})
}

var anyNumber = regexp.MustCompile(`^(Starting Keepalived|Running on Linux|Command line:|Stopped Keepalived|Starting Healthcheck child process|Stopped - used|CPU usage).*`)

// apart are the lines of the real one that ours does not have, and of ours that the real one
// does not have, by the items of the ledger.
var apart = map[string]*regexp.Regexp{
	"real": regexp.MustCompile(`^(NOTICE: setting config option max_auto_priority .*` +
		`|Activating BFD healthchecker)$`),
	"ours": regexp.MustCompile(`^\(Line \d+\) script .* was not found: it will not be run$`),
}

var place = regexp.MustCompile(`^\((/\S+: )?Line \d+\) `)

// lived is what a process has logged, act by act; complaints apart: which process tells them
// differs. What is said again of servers that were there before a reload is left out.
func (r *reloader) lived() (acts map[string][]string) {
	acts = map[string][]string{}
	activated := map[string]bool{}
	for _, l := range r.syslog.Lines() {
		text, severity, process := anyNumber.ReplaceAllString(l.Text, "$1 ..."), l.Severity, l.Process
		switch {
		case apart[r.label].MatchString(text):
			continue
		case strings.HasPrefix(text, "Activating healthchecker") && r.label == "real":
			if activated[text] && !(l.Mark == "checker changed" && strings.Contains(text, ".12]")) {
				continue
			}
			activated[text] = true
		case strings.HasSuffix(text, "nitializing ipvs"):
			severity = "-"
		case place.MatchString(text):
			text, process = place.ReplaceAllString(text, ""), "complaint"
			if slices.Contains(acts[process+", "+l.Mark], severity+" "+text) {
				continue
			}
		}
		name := process + ", " + l.Mark
		acts[name] = append(acts[name], severity+" "+text)
	}
	for name := range acts {
		if strings.HasSuffix(name, ", start") { // several servers at once
			slices.Sort(acts[name])
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
			our := n.reloader("ours", "192.0.2.1/24", "198.51.100.1/24")
			real := n.reloader("real", "192.0.2.2/24", "198.51.100.2/24")
			failed := make(chan string, 2)
			for _, r := range []*reloader{our, real} {
				go func() { failed <- r.live(list) }()
			}
			for range 2 {
				if why := <-failed; why != "" {
					t.Error(why)
				}
			}
			have, want := our.lived(), real.lived()
			for name := range have {
				want[name] = append(want[name], []string{}...)
			}
			for name := range want {
				if !slices.Equal(have[name], want[name]) {
					t.Errorf("%s:\n  real %s\n  ours %s", name, strings.Join(want[name], "\n       "), strings.Join(have[name], "\n       "))
				}
			}
		})
	}
}
