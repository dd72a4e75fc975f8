package main

import (
	"slices"
	"strings"
	"testing"

	"keepalived/core/config"
)

// TestExplainEverything: every keyword has a name by which it is found, and a text with
// what it is for, an example, and what a reload does. (That the examples are read
// without a complaint is a test of package dialect.)
func TestExplainEverything(t *testing.T) {
	t.Parallel()
	r := newReference()
	for _, k := range r.keywords {
		name := dotted(k)
		found := r.find(name)
		if !slices.ContainsFunc(found, func(f config.Keyword) bool { return f.Path == k.Path && f.Name == k.Name }) {
			t.Errorf("%s is not found", name)
			continue
		}
		text := r.explain([]config.Keyword{k})
		help, ok := r.manual.Lookup(k.Path, k.Name)
		if !ok || help.Short == "" || help.Reload == "" || help.Example == "" || !strings.Contains(text, "\nreload ") || !strings.Contains(text, "\nexample\n") {
			t.Errorf("%s: not all is said:\n%s", name, text)
		}
		for line := range strings.Lines(text) {
			if len(line) > 100 && !strings.HasPrefix(line, "    ") && !strings.Contains(line, " { ") && line != synopsis(k)+"\n" {
				t.Errorf("%s: a long line: %s", name, line)
			}
		}
	}
}

func TestExplainFinds(t *testing.T) {
	r := newReference()
	for arg, want := range map[string][]string{
		"virtual_router_id":      {"vrrp_instance.virtual_router_id"},
		"vrrp_instance.priority": {"vrrp_instance.priority"},
		"real_server.weight":     {"virtual_server.real_server.weight"},
		"HTTP_GET.url.path":      {"virtual_server.real_server.HTTP_GET.url.path"},
		"HTTP_GET/url path":      {"virtual_server.real_server.HTTP_GET.url.path"},
		"server.weight":          nil, // no part of a name
		"nosuch":                 nil,
		"":                       nil,
		"...":                    nil,
	} {
		var got []string
		for _, k := range r.find(arg) {
			got = append(got, dotted(k))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q finds %q, want %q", arg, got, want)
		}
	}
	for arg, want := range map[string]string{
		"prioritty": "did you mean priority?", "PRIORITY": "did you mean priority?", "vrrp_instance.weight": "there is bfd_instance.weight",
		"qqqqqqqq": "config explain lists the blocks", "includea": "keepalived.conf(5)", "$PASS": "keepalived.conf(5)",
	} {
		status, out, errs := configCall(t, t.TempDir(), "", "explain", arg)
		if status != exitUsage || out != "" || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%q: %d %q %q, want %q", arg, status, out, errs, want)
		}
	}
}

// TestExplainRules: what stands in brackets behind a finding can be asked for, and no
// keyword has the name of a rule.
func TestExplainRules(t *testing.T) {
	_, all, _ := configCall(t, t.TempDir(), "", "explain", "rules")
	for _, c := range lintCodes() {
		status, out, errs := configCall(t, t.TempDir(), "", "explain", c[0])
		if status != 0 || errs != "" || !strings.HasPrefix(out, "rule "+c[0]+"\n") || !strings.Contains(all, "  "+c[0]+" ") {
			t.Errorf("%s: %d %q %q", c[0], status, out, errs)
		}
		if newReference().find(c[0]) != nil {
			t.Errorf("%s is a keyword, too", c[0])
		}
	}
}

// TestExplainCompletes: what the shell offers.
func TestExplainCompletes(t *testing.T) {
	for begin, want := range map[string]string{
		"virtual_router": "virtual_router_id\t", "vrrp_instance.prio": "vrrp_instance.priority\t", "url.pa": "url.path\t",
	} {
		_, out, _ := configCallRaw(t, "__complete", "config", "explain", begin)
		if !strings.Contains(out, want) || !strings.Contains(out, ":4\n") {
			t.Errorf("%q: %s", begin, out)
		}
	}
	if _, out, _ := configCallRaw(t, "__complete", "config", "explain", "priority", ""); !strings.HasPrefix(out, ":4") {
		t.Errorf("behind a keyword: %s", out)
	}
}
