package dialect_test

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"keepalived/cmd/internal/dialect"
	"keepalived/core/config"
)

var update = flag.Bool("update", false, "write the keyword lines of the ledger anew")

const ledgerFile = "../../../test/compat/ledger.txt"

// entry is one line of the ledger.
type entry struct {
	area, item, state, reason string
}

func (e entry) String() string {
	s := e.area + " | " + e.item + " | " + e.state
	if e.reason != "" {
		s += " | " + e.reason
	}
	return s
}

type ledgerText struct {
	head []string // comment lines
	all  []entry
	test map[string]entry // area "-t"
	dump map[string]entry // area "dump"
}

func readLedger(t *testing.T) ledgerText {
	t.Helper()
	f, err := os.Open(ledgerFile)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l := ledgerText{test: map[string]entry{}, dump: map[string]entry{}}
	n := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		n++
		line := s.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			l.head = append(l.head, line)
			continue
		}
		parts := strings.SplitN(line, " | ", 4)
		if len(parts) < 3 {
			t.Fatalf("%s:%d: want area | item | state | reason", ledgerFile, n)
		}
		e := entry{area: parts[0], item: parts[1], state: parts[2]}
		if len(parts) == 4 {
			e.reason = parts[3]
		}
		switch e.state {
		case "same":
		case "differs-because", "missing", noEffect:
			if e.reason == "" {
				t.Errorf("%s:%d: %s without a reason", ledgerFile, n, e.state)
			}
		default:
			t.Errorf("%s:%d: state %q is none of same, differs-because, missing, %s", ledgerFile, n, e.state, noEffect)
		}
		l.all = append(l.all, e)
		switch e.area {
		case "-t":
			l.test[e.item] = e
		case "dump":
			l.dump[e.item] = e
		}
	}
	return l
}

// keywordEntries are the lines that the keyword tables stand for.
func keywordEntries() []entry {
	var out []entry
	for _, k := range dialect.Keywords() {
		e := entry{area: "keyword", item: strings.TrimPrefix(k.Path+"/"+k.Name, "/"), state: "same"}
		switch {
		case k.Effect != "":
			e.state, e.reason = noEffect, k.Effect
		case k.Since != "":
			e.state, e.reason = "differs-because", "keepalived "+k.Since+" brought it, 2.2.7 does not know it"
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b entry) int { return strings.Compare(a.item, b.item) })
	return out
}

// TestLedger: the ledger's keyword lines are what the tables say.
func TestLedger(t *testing.T) {
	l := readLedger(t)
	var have, rest []entry
	for _, e := range l.all {
		if e.area == "keyword" {
			have = append(have, e)
		} else {
			rest = append(rest, e)
		}
	}
	want := keywordEntries()
	now, before := inState(want, noEffect), inState(have, noEffect)
	if *update {
		if now > before && os.Getenv("KEEPALIVED_LEDGER") != "more" {
			t.Fatalf("%d keywords would have no effect, up from %d: that number may only fall", now, before)
		}
		var b strings.Builder
		for _, h := range l.head {
			fmt.Fprintln(&b, h)
		}
		for _, e := range append(rest, want...) {
			fmt.Fprintln(&b, e)
		}
		if err := os.WriteFile(ledgerFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !slices.Equal(have, want) {
		for _, e := range want {
			if !slices.Contains(have, e) {
				t.Errorf("not in the ledger: %s", e)
			}
		}
		for _, e := range have {
			if !slices.Contains(want, e) {
				t.Errorf("in the ledger, but not so in the tables: %s", e)
			}
		}
	}
	t.Logf("%d keywords accepted, no effect yet", now)
	for _, state := range []string{"same", "differs-because"} {
		t.Logf("%d keywords: %s", inState(want, state), state)
	}
	t.Logf("%d deliberate differences in behaviour, %d things missing", inState(rest, "differs-because"), inState(rest, "missing"))
}

// noEffect is the state of a keyword that is decoded and checked, and does nothing.
const noEffect = "accepted, no effect yet"

func inState(all []entry, state string) int {
	n := 0
	for _, e := range all {
		if e.state == state {
			n++
		}
	}
	return n
}

// TestBuilt: what makes VRRP fail over and ip_vs balance has its effect.
func TestBuilt(t *testing.T) {
	t.Parallel()
	const vrrp = "state interface virtual_router_id priority advert_int version authentication preempt nopreempt preempt_delay " +
		"virtual_ipaddress virtual_ipaddress_excluded unicast_peer unicast_src_ip mcast_src_ip track_interface track_script " +
		"garp_master_delay garp_master_repeat garp_master_refresh garp_master_refresh_repeat notify notify_master notify_backup notify_fault notify_stop"
	const service = "lvs_sched lvs_method lb_algo lb_kind protocol persistence_timeout persistence_granularity real_server quorum hysteresis quorum_up quorum_down " +
		"sorry_server sorry_server_inhibit alpha omega inhibit_on_failure delay_loop connect_timeout retry delay_before_retry warmup weight virtualhost"
	for path, names := range map[string]string{
		"vrrp_instance": vrrp, "vrrp_script": "script interval timeout weight rise fall user init_fail",
		"vrrp_sync_group": "group notify notify_master", "virtual_server": service,
		"virtual_server/real_server":            "weight lvs_method uthreshold lthreshold notify_up notify_down TCP_CHECK HTTP_GET SSL_GET MISC_CHECK",
		"virtual_server/real_server/HTTP_GET":   "url retry connect_port virtualhost http_protocol",
		"virtual_server/real_server/MISC_CHECK": "misc_path misc_timeout misc_dynamic user",
		"":                                      "global_defs vrrp_instance vrrp_script vrrp_sync_group virtual_server virtual_server_group SSL",
	} {
		for _, name := range strings.Fields(names) {
			if k, ok := schema.Lookup(path, name); !ok || k.Effect != "" {
				t.Errorf("%s/%s has no effect: %s", path, name, k.Effect)
			}
		}
	}
}

// newer are the keywords that 2.2.7 does not know.
var newer = func() map[string]config.Keyword {
	out := map[string]config.Keyword{}
	for _, k := range dialect.Keywords() {
		if k.Since != "" {
			out[k.Name] = k
		}
	}
	return out
}()

// isNewer reports whether the difference is only that 2.2.7 does not know a
// keyword that a later version brought.
func isNewer(p probe, their verdict) bool {
	for line := range strings.Lines(their.output) {
		_, name, ok := strings.Cut(line, "Unknown keyword '")
		if ok {
			name, _, _ = strings.Cut(name, "'")
			if _, known := newer[name]; known {
				return true
			}
		}
	}
	return false
}
