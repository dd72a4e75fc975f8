package checkercfg

import (
	"strings"
	"testing"

	"keepalived/core/diag"
)

// The ca is said to decide nothing, which changes no status.
func TestAuthorityNotice(t *testing.T) {
	for text, want := range map[string]bool{
		"SSL {\n ca /etc/ca.pem\n}\n":         true,
		"SSL {\n certificate /etc/c.pem\n}\n": false,
		"":                                    false,
	} {
		cfg, diags := load(t, text)
		said := false
		for _, d := range diags {
			said = said || d.Severity == diag.Notice && strings.Contains(d.Summary, "/etc/ca.pem") && strings.Contains(d.Summary, "accepted, as keepalived does")
		}
		if said != want || diags.ExitStatus() != 0 || want != (cfg.SSL.CA != "") {
			t.Errorf("%q: %v, status %d", text, diags, diags.ExitStatus())
		}
	}
}
