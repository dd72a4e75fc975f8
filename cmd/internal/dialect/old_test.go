package dialect_test

import (
	"strings"
	"testing"

	"keepalived/core/diag"
)

// TestOldWords: words of older versions are named, with what came in their place; the
// complaint stays one, as 2.2.7 does not know them either.
func TestOldWords(t *testing.T) {
	for _, c := range []struct{ name, text, hint string }{
		{"lvs_id", frame("global", "lvs_id X"), "router_id"},
		{"nat_mask", frame("vs", "nat_mask 255.255.255.0"), "may go"},
		{"nb_get_retry in TCP_CHECK", frame("rs", "TCP_CHECK {\nnb_get_retry 3\n}"), "retry"},
		{"vrrp_garp_interval 0", frame("global", "vrrp_garp_interval 0"), "'off' in older versions"},
		{"vrrp_gna_interval 0", frame("global", "vrrp_gna_interval 0"), "'off' in older versions"},
		{"persistence_timeout 0", frame("vs", "persistence_timeout 0"), "'off' in older versions"},
		{"lvs_sync_daemon_inteface", frame("instance", "lvs_sync_daemon_inteface eth0"), "lvs_sync_daemon"},
	} {
		r := ours(probe{name: c.name, text: c.text})
		var said diag.List
		for _, d := range r.diags {
			if d.Severity > diag.Notice {
				said = append(said, d)
			}
		}
		if len(said) != 1 || said[0].Code != diag.Deprecated || said[0].Severity != diag.Warning || !strings.Contains(said[0].Hint, c.hint) || r.status != 5 {
			t.Errorf("%s: status %d, %+v", c.name, r.status, said)
		}
	}
	if r := ours(probe{text: frame("rs", "HTTP_GET {\nurl {\npath /\nstatus_code 200\n}\nnb_get_retry 3\n}")}); strings.Contains(r.output, "older versions") {
		t.Errorf("HTTP_GET still has nb_get_retry: %s", r.output)
	}
}

// TestManualWords: what only keepalived's manual has stays unknown, and what to write is
// said; so it is with comments of other languages.
func TestManualWords(t *testing.T) {
	for _, c := range []struct{ text, hint string }{
		{frame("global", "state_file_location /run/x"), "write state_dump_file"},
		{frame("global", "stats_file_location /run/x"), "write stats_dump_file"},
		{frame("global", "json_file_location /run/x"), "write json_dump_file"},
		{frame("instance", "") + "vrrp_sync_group G {\ngroup {\nV\n}\nnotify_deleted /bin/true\n}\n", "write it in the vrrp_instance blocks"},
		{frame("rs", "FILE_CHECK {\ndynamic\n}"), "counts without it"},
		{frame("instance", "virtual_rules {\nfrom 10.0.0.1 ip_proto tcp table 5\n}"), "ipproto"},
		{frame("global", "// a comment"), "begins with # or !"},
		{frame("global", "//comment"), "begins with # or !"},
		{frame("instance", "-- a comment"), "begins with # or !"},
		{frame("instance", "; a comment"), "begins with # or !"},
	} {
		r := ours(probe{text: c.text})
		var hints []string
		for _, d := range r.diags {
			if d.Code == diag.UnknownKeyword || d.Suggest != "" {
				hints = append(hints, d.Hint+d.Suggest)
			}
		}
		if len(hints) != 1 || !strings.Contains(hints[0], c.hint) || r.status != 5 {
			t.Errorf("%s: status %d, %q", c.text, r.status, hints)
		}
	}
}

func frame(kind, snippet string) string { return strings.Replace(frames[kind], "%s", snippet, 1) }
