package daemon

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestDumpDiscipline: a reader that waits for IN_CLOSE_WRITE on the name finds the file
// whole, one that tidies up keepalived.json* finds nothing but it, and a symbolic link
// there is replaced, not followed.
func TestDumpDiscipline(t *testing.T) {
	r := newRig(t)
	r.opts.Files = map[string]string{"/run/victim": "precious\n"}
	r.master(conf("", inst{}))
	for file, sig := range map[string]syscall.Signal{"keepalived.data": syscall.SIGUSR1, "keepalived.stats": syscall.SIGUSR2, "keepalived.json": sigJSON} {
		path := "/tmp/" + file
		if err := os.Symlink("/run/victim", r.p.Path(path)); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var seen []string // the content at each event on the final name
		w := r.watch("/tmp", func(e string) {
			if strings.HasSuffix(e, " "+file) {
				mu.Lock()
				seen = append(seen, r.read(path))
				mu.Unlock()
			}
		})
		for range 3 {
			n := w.count("CLOSE_WRITE " + file)
			r.p.Signal(sig)
			r.eventually(path, func() bool { return w.count("CLOSE_WRITE "+file) > n })
		}
		st, err := os.Lstat(r.p.Path(path))
		if err != nil || st.Mode() != 0o600 {
			t.Errorf("%s: %v %v", path, st.Mode(), err)
		}
		var order []string
		for _, e := range w.list() {
			if _, name, _ := strings.Cut(e, " "); strings.HasPrefix(name, file) {
				order = append(order, e)
			}
		}
		// Once asked for, a dump is also written again when a state changes: three or more,
		// and the newest may not have been closed yet when we looked.
		want := slices.Repeat([]string{"MOVED_TO " + file, "CLOSE_WRITE " + file}, (len(order)+1)/2)[:len(order)]
		if len(order) < 6 || !slices.Equal(order, want) {
			t.Errorf("%s: the events are %q, want %q", file, order, want)
		}
		mu.Lock()
		for i, text := range seen {
			if !whole(file, text) {
				t.Errorf("%s: event %d shows a part of it:\n%s", file, i, text)
			}
		}
		mu.Unlock()
	}
	if got := r.read("/run/victim"); got != "precious\n" {
		t.Errorf("the link's target is now %q", got)
	}
	entries, _ := os.ReadDir(r.p.Path("/tmp"))
	for _, e := range entries {
		if !slices.Contains([]string{"keepalived.data", "keepalived.stats", "keepalived.json", "keepalived_parent.data"}, e.Name()) {
			t.Errorf("%s is left in /tmp", e.Name())
		}
	}
}

// whole tells whether a dump of one instance and one advert or more is complete.
func whole(file, text string) bool {
	switch file {
	case "keepalived.json":
		var v []struct{ Data, Stats map[string]any }
		return json.Unmarshal([]byte(text), &v) == nil && len(v) == 1 && v[0].Data["iname"] == "VI_1" && strings.HasSuffix(text, "]\n")
	case "keepalived.stats":
		return strings.HasPrefix(text, "VRRP Instance: VI_1\n") && regexp.MustCompile(`Priority Zero:\n    Received: \d+\n    Sent: \d+\n$`).MatchString(text)
	}
	return strings.HasPrefix(text, "------< Global definitions >------\n") && strings.Contains(text, "------< Interfaces >------") && strings.HasSuffix(text, "\n")
}

// TestDumpPlaces: the keywords of 2.3.3 and TMPDIR.
func TestDumpPlaces(t *testing.T) {
	t.Run("keywords", func(t *testing.T) {
		r := newRig(t)
		r.opts.Files = map[string]string{"/run/dumps/x": ""}
		r.master(conf("  state_dump_file /run/dumps/\n  stats_dump_file /run/s.txt\n  json_dump_file my.json", inst{}))
		for file, sig := range map[string]syscall.Signal{"/run/dumps/keepalived.data": syscall.SIGUSR1, "/run/s.txt": syscall.SIGUSR2, "/tmp/my.json": sigJSON} {
			r.p.Signal(sig)
			r.eventually(file, func() bool { return r.exists(file) })
		}
	})
	t.Run("TMPDIR", func(t *testing.T) {
		r := newRig(t)
		r.opts.Files = map[string]string{"/run/t/x": ""}
		r.opts.Env = []string{"TMPDIR=/run/t"}
		r.master(conf("", inst{}))
		r.p.Signal(syscall.SIGUSR1)
		for _, file := range []string{"/run/t/keepalived.data", "/run/t/keepalived_parent.data"} {
			r.eventually(file, func() bool { return r.exists(file) })
		}
	})
}

// TestDumpWithoutInstance: no .json without an instance, and a stale one goes.
func TestDumpWithoutInstance(t *testing.T) {
	r := newRig(t)
	r.start(conf("")+"static_ipaddress {\n  198.18.9.77/32 dev eth0\n}\n", "--all")
	r.p.Signal(sigJSON)
	r.p.Signal(syscall.SIGUSR1)
	r.eventually("the data", func() bool { return r.exists("/tmp/keepalived.data") })
	pause(100 * time.Millisecond)
	if r.exists("/tmp/keepalived.json") {
		t.Errorf("there is a keepalived.json: %q", r.read("/tmp/keepalived.json"))
	}
	r.reload(conf("", inst{}))
	r.has(vip1)
	r.p.Signal(sigJSON)
	r.eventually("the json", func() bool { return r.exists("/tmp/keepalived.json") })
	r.reload(conf(""))
	r.p.Signal(sigJSON)
	r.eventually("the json to go", func() bool { return !r.exists("/tmp/keepalived.json") })
}

// TestDumpStaysFresh: an exporter opens the file in the moment of its signal and so
// reads the dump before; once asked for, a dump follows the state by itself.
func TestDumpStaysFresh(t *testing.T) {
	r := newRig(t)
	r.master(conf("", inst{}))
	state := func(s string) bool {
		return strings.Contains(r.read("/tmp/keepalived.data"), "State = "+s) &&
			strings.Contains(r.read("/tmp/keepalived.json"), `"state":`+map[string]string{"MASTER": "2", "FAULT": "3"}[s])
	}
	r.p.Signal(syscall.SIGUSR1)
	r.p.Signal(sigJSON)
	r.eventually("the dumps", func() bool { return state("MASTER") })
	r.lan.Cut(r.h, "eth0")
	r.eventually("fresh dumps after the fault", func() bool { return state("FAULT") })
	r.lan.Mend(r.h, "eth0")
	r.eventually("fresh dumps after the recovery", func() bool { return state("MASTER") })
	if r.exists("/tmp/keepalived.stats") && r.read("/tmp/keepalived.stats") == "" {
		t.Error("an empty .stats")
	}
}
