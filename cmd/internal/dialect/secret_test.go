package dialect_test

import (
	"slices"
	"strings"
	"testing"

	"keepalived/cmd/internal/dialect"
	"keepalived/core/config"
)

// TestDecodersKeepSecrets: whatever a password or key is, no complaint of a decoder has
// it: those of the children reach the log without a Mask.
func TestDecodersKeepSecrets(t *testing.T) {
	t.Parallel()
	const secret = "Zq7vX2pL"
	secrets := 0
	for _, kw := range dialect.Keywords() {
		if kw.Secret == 0 {
			continue
		}
		secrets++
		for _, value := range []string{
			secret, secret + secret + secret, `"` + secret + `"`, `"` + secret, secret + " more", "hex:" + secret, "file:" + secret, strings.Repeat(secret, 8), secret + "\xff", "",
		} {
			for _, id := range []string{"1", "300", "x"} {
				line := kw.Name + " " + value
				if kw.Secret == 2 {
					line = kw.Name + " " + id + " " + value
				}
				text := line
				for _, block := range slices.Backward(strings.Split(kw.Path, "/")) {
					text = block + " {\n" + text + "\n}"
				}
				text = strings.Replace(text, "vrrp_instance {", "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\nvirtual_ipaddress {\n10.0.0.1\n}", 1)
				tree, _ := config.Parse(config.MapFiles{"f": text}, "f", config.Env{}, schema)
				for _, d := range ours(probe{text: text}).Result.Diags {
					if all := d.Summary + d.Hint; strings.Contains(all, secret) {
						t.Errorf("%s\n%s", text, all)
					}
				}
				if shown := config.Print(config.Redact(schema, "", tree.Roots)); strings.Contains(shown, secret) {
					t.Errorf("%s\nis shown as\n%s", text, shown)
				}
			}
		}
	}
	if secrets < 3 {
		t.Errorf("only %d keywords have a secret", secrets)
	}
}
