package lvs

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"keepalived/test/netlab"
)

// storyConf has a service with a quorum and a sorry server, one that begins down (alpha) and
// tells its end (omega), and one whose server stays in the table (inhibit_on_failure).
const storyConf = `global_defs {
 lvs_notify_fifo /run/lvs.fifo
 script_user root
 enable_script_security
}
virtual_server 192.0.2.100 80 {
 delay_loop 1
 lb_algo rr
 lb_kind NAT
 protocol TCP
 quorum 2
 quorum_up "/run/tell quorum 100 up"
 quorum_down "/run/tell quorum 100 down"
 sorry_server 198.51.100.99 80
 real_server 198.51.100.10 80 {
  weight 1
  notify_up "/run/tell server 10 up"
  notify_down "/run/tell server 10 down"
  TCP_CHECK {
   connect_timeout 1
   retry 1
   delay_before_retry 1
   warmup 0
  }
 }
 real_server 198.51.100.11 80 {
  notify_up "/run/tell server 11 up"
  notify_down "/run/tell server 11 down"
  HTTP_GET {
   url {
    path /
    status_code 200
   }
   connect_timeout 1
   retry 1
   delay_before_retry 1
   warmup 0
  }
 }
}
virtual_server 192.0.2.101 80 {
 delay_loop 1
 lb_algo rr
 lb_kind NAT
 protocol TCP
 alpha
 omega
 quorum_up "/run/tell quorum 101 up"
 quorum_down "/run/tell quorum 101 down"
 real_server 198.51.100.12 80 {
  notify_up "/run/tell server 12 up"
  notify_down "/run/tell server 12 down"
  TCP_CHECK {
   connect_timeout 1
   retry 1
   delay_before_retry 1
   warmup 0
  }
 }
}
virtual_server 192.0.2.102 80 {
 delay_loop 1
 lb_algo rr
 lb_kind NAT
 protocol TCP
 hysteresis 0
 real_server 198.51.100.13 80 {
  inhibit_on_failure
  notify_up "/run/tell server 13 up"
  notify_down "/run/tell server 13 down"
  TCP_CHECK {
   connect_timeout 1
   retry 1
   delay_before_retry 1
   warmup 0
  }
 }
 real_server 198.51.100.14 80 {
  weight 2
  TCP_CHECK {
   connect_timeout 1
   retry 1
   delay_before_retry 1
   warmup 0
  }
 }
}
`

// told are the traces that one daemon leaves: its log, its FIFO and what its scripts write.
type told struct {
	d    *director
	mu   sync.Mutex
	fifo strings.Builder
	run  *os.File // its /run, which is there after its end, too
	seen [3]int   // lines of log, FIFO and scripts before this act
}

func (s *told) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fifo.Write(b)
}

// follow reads the FIFO; what was written before is still in it.
func (s *told) follow(t *testing.T) {
	t.Helper()
	var f *os.File
	netlab.Eventually(t, 10*time.Second, "the FIFO of "+s.d.label, func() bool {
		info, err := os.Stat(s.d.proc.Path("/run/lvs.fifo"))
		if err == nil && info.Mode()&os.ModeNamedPipe != 0 {
			f, err = os.OpenFile(s.d.proc.Path("/run/lvs.fifo"), os.O_RDWR|syscall.O_NONBLOCK, 0)
		}
		return err == nil && f != nil
	})
	dir, err := os.Open(s.d.proc.Path("/run"))
	if err != nil {
		t.Fatal(err)
	}
	s.run = dir
	t.Cleanup(func() {
		f.Close()
		dir.Close()
	})
	go func() { _, _ = io.Copy(s, f) }()
}

// onServers matches the lines of the log that tell of servers, services and ip_vs.
var onServers = regexp.MustCompile(`\[(192\.0\.2|198\.51\.100)\.|ipvs|IPVS|quorum`)

// all are the three traces so far.
func (s *told) all() (traces [3][]string) {
	for l := range strings.Lines(s.d.proc.Log()) {
		l = logTime.ReplaceAllString(strings.TrimSuffix(l, "\n"), "")
		if onServers.MatchString(l) {
			traces[0] = append(traces[0], l)
		}
	}
	s.mu.Lock()
	traces[1] = strings.FieldsFunc(s.fifo.String(), func(r rune) bool { return r == '\n' })
	s.mu.Unlock()
	scripts, _ := os.ReadFile(fmt.Sprintf("/proc/self/fd/%d/told", s.run.Fd()))
	traces[2] = strings.FieldsFunc(string(scripts), func(r rune) bool { return r == '\n' })
	return traces
}

// act is what came since the act before.
func (s *told) act() (traces [3][]string) {
	traces = s.all()
	for i := range traces {
		n := len(traces[i])
		traces[i] = traces[i][min(s.seen[i], n):]
		s.seen[i] = n
	}
	slices.Sort(traces[2]) // 2.2.7 starts the scripts side by side
	return traces
}

// quiet waits until no daemon has had anything to tell for longer than a check and its retry
// take.
func quiet(t *testing.T, tellers []*told) {
	t.Helper()
	var last [3]int
	since, end := time.Now(), time.Now().Add(60*time.Second)
	netlab.Await(time.Until(end), func() bool {
		var now [3]int
		for _, s := range tellers {
			for i, lines := range s.all() {
				now[i] += len(lines)
			}
		}
		if now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 4500*time.Millisecond
	})
}

// story is the life that both daemons live beside each other, with the same servers.
type story struct {
	t       *testing.T
	webs    map[string]*web // by the last octet of their address
	tellers []*told         // ours and the real one
}

func newStory(t *testing.T) *story {
	t.Helper()
	n := newNetwork(t)
	h := n.server("servers", "198.51.100.1", "198.51.100.10/24", "198.51.100.11/24", "198.51.100.12/24", "198.51.100.13/24", "198.51.100.14/24")
	s := &story{t: t, webs: map[string]*web{}}
	for _, last := range []string{"10", "11", "12", "13", "14"} {
		s.webs[last] = serve(t, h, last, "198.51.100."+last+":80")
	}
	s.webs["12"].stop()
	s.tellers = []*told{{d: n.director("ours", "192.0.2.1/24", "198.51.100.1/24")}, {d: n.director("real", "192.0.2.2/24", "198.51.100.2/24")}}
	return s
}

func (s *story) start() {
	for _, w := range s.tellers {
		w.d.conf, w.d.files = storyConf, map[string]string{"/run/tell": "#!/bin/sh\necho \"$@\" >>/run/told\n"}
		w.d.start("-C")
		w.follow(s.t)
	}
}

func (s *story) stop() {
	for _, w := range s.tellers {
		w.d.stop()
	}
}

// act is what happens to both.
type act struct {
	name string
	do   func()
	any  bool // lines of the log in any order: several servers at once
}

// play does the acts and compares the traces after each.
func (s *story) play(acts []act) {
	s.t.Helper()
	for _, a := range acts {
		a.do()
		quiet(s.t, s.tellers)
		our, real := s.tellers[0].act(), s.tellers[1].act()
		if a.any {
			slices.Sort(our[0])
			slices.Sort(real[0])
		}
		for i, what := range []string{"log", "FIFO", "scripts"} {
			if !slices.Equal(our[i], real[i]) {
				s.t.Errorf("%s, %s:\n  real %s\n  ours %s", a.name, what, strings.Join(real[i], "\n       "), strings.Join(our[i], "\n       "))
			}
		}
	}
}

// The life of a healthchecker in lines: what the real keepalived logs, writes into its FIFO
// and has its scripts told, from the start to the stop, and in which order.
func TestKernelStory(t *testing.T) {
	t.Parallel()
	needs(t)
	s := newStory(t)
	s.play([]act{
		{name: "start", do: s.start, any: true},
		{name: "one of two fails: the quorum is lost", do: s.webs["10"].stop},
		{name: "the other fails, too", do: func() { s.webs["11"].become(wrong) }},
		{name: "it returns", do: func() { s.webs["11"].become(answers) }},
		{name: "both are back: the quorum is gained", do: s.webs["10"].start},
		{name: "alpha: the server appears", do: s.webs["12"].start},
		{name: "its only server fails", do: s.webs["12"].stop},
		{name: "and returns", do: s.webs["12"].start},
		{name: "inhibited", do: s.webs["13"].stop},
		{name: "no longer inhibited", do: s.webs["13"].start},
		{name: "inhibited until the end", do: s.webs["13"].stop},
		{name: "stop, with omega", do: s.stop},
	})
}
