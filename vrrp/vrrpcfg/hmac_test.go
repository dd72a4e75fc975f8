package vrrpcfg

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHMAC(t *testing.T) {
	t.Parallel()
	const key = "0123456789abcdef0123456789abcdefXYZ"
	digits := strings.Repeat("00ff", 16)
	octets := strings.Repeat("\x00\xff", 16)
	for _, c := range []struct {
		name, head, body string
		want             *HMAC
		complaint        string
	}{
		{"defaults", "", "key 7 " + key + "\nactive_key 7\n",
			&HMAC{Keys: []HMACKey{{ID: 7, Secret: key}}, Active: 7, Window: 5 * time.Second}, "not built yet"},
		{"everything", "", "key 1 hex:" + digits + "\nkey 2 file:/etc/keepalived/key\nactive_key 1\nanti_replay monotonic\ntime_window 300\nmode receive-only\n",
			&HMAC{Keys: []HMACKey{{ID: 1, Secret: octets}, {ID: 2, File: "/etc/keepalived/key"}}, Active: 1, Monotonic: true,
				Window: 300 * time.Second, Mode: HMACReceiveOnly}, "not built yet"},
		{"the window follows the interval", "advert_int 10\n", "key 7 " + key + "\nactive_key 7\n",
			&HMAC{Keys: []HMACKey{{ID: 7, Secret: key}}, Active: 7, Window: 30 * time.Second}, "not built yet"},
		{"strict mode enforces", "strict_mode\n", "key 7 " + key + "\nactive_key 7\nmode permissive\n",
			&HMAC{Keys: []HMACKey{{ID: 7, Secret: key}}, Active: 7, Window: 5 * time.Second}, "strict mode requires"},
		{"no active key", "", "key 7 " + key + "\n", nil, "no active_key"},
		{"an active key that is none", "", "key 7 " + key + "\nactive_key 8\n", nil, "has no key 8"},
		{"no key", "", "active_key 8\n", nil, "has no key"},
		{"a short key", "", "key 7 short\nactive_key 7\n", nil, "has 5 octets, not 32 to 64"},
		{"a long key", "", "key 7 " + strings.Repeat("x", 65) + "\nactive_key 7\n", nil, "has 65 octets"},
		{"bad digits", "", "key 7 hex:0g\nactive_key 7\n", nil, "no even number of hexadecimal digits"},
		{"an id out of range", "", "key 256 " + key + "\nactive_key 7\n", nil, "number '256' outside range [1, 255]"},
		{"a key twice", "", "key 7 " + key + "\nkey 7 " + key + "x\nactive_key 7\n",
			&HMAC{Keys: []HMACKey{{ID: 7, Secret: key}}, Active: 7, Window: 5 * time.Second}, "is there already"},
		{"beside a password", "authentication {\nauth_type PASS\nauth_pass x\n}\n", "key 7 " + key + "\nactive_key 7\n", nil, "excludes authentication"},
	} {
		text := "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\n" + c.head +
			"virtual_ipaddress {\n10.0.0.1\n}\nauth_hmac {\n" + c.body + "}\n}\n"
		cfg, diags := load(t, text)
		if d := cmp.Diff(c.want, cfg.Instances[0].HMAC); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
		var all strings.Builder
		for _, d := range diags {
			all.WriteString(d.Summary + "\n" + d.Hint + "\n")
		}
		if !strings.Contains(all.String(), c.complaint) {
			t.Errorf("%s: want %q in\n%s", c.name, c.complaint, all.String())
		}
		if strings.Contains(all.String(), key) || strings.Contains(all.String(), digits) || strings.Contains(all.String(), "short") {
			t.Errorf("%s: a complaint shows the key:\n%s", c.name, all.String())
		}
	}
}
