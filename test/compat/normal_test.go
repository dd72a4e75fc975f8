package compat

import (
	"regexp"
	"strings"
)

// What cannot be the same twice, or is not about what was understood, is masked or left
// out before two dumps are compared.
var masks = []struct {
	find *regexp.Regexp
	with string
}{
	// Times of day.
	{regexp.MustCompile(`\d{10}\.\d{6}( \(\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d(\.\d{6} \d{4}| \d{4}\.\d{6})\))?`), "TIME"},
	{regexp.MustCompile(`\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}`), "TIME"},
	// Descriptors.
	{regexp.MustCompile(`fd_(in|out) (= )?-?\d+`), "fd_$1"},
	// A MASTER may have announced by then.
	{regexp.MustCompile(`(?m)^( G(ARP|NA) next time) .*`), "$1 TIME"},
	// What 2.2.7 has changed of the host or read of it: sysctls that we leave alone.
	{regexp.MustCompile(`(?m)^   (rp_filter|Original|Reset).*\n`), ""},
	{regexp.MustCompile(`(?m)^   (IPv6 address) = fe80:.*\n`), ""},
	{regexp.MustCompile(`(?m)^( Password : ).*`), "$1***"},
	// What the kernel with ip_vs has no name for.
	{regexp.MustCompile(`(?m)^ Router ID = (lab|\[unknown\])$`), " Router ID = HOST"},
	{regexp.MustCompile(`(?m)^ Smtp HELO name = lab\n`), ""},
	// Buffer sizes are left to the kernel, and ours is always 0.
	{regexp.MustCompile(`(?m)^   Rx buf size = ([1-9]\d*|\.\.\.)$`), "   Rx buf size = 0"},
	// A line of 2.3.3.
	{regexp.MustCompile(`(?m)^   Address owner ignores received adverts.*\n`), ""},
	// What is not built yet, each missing by the ledger.
	// Checkers that do not run yet say so.
	{regexp.MustCompile(`(?m)^   Enabled = .*\n((?:   .*\n)*?   Keepalive method = (?:SMTP|DNS|UDP|PING|BFD|FILE)_CHECK)$`), "   Enabled = ...\n$1"},
	// Secrets: 2.4.0 masks them as well.
	{regexp.MustCompile(`(?m)^(   Password = ).*`), "$1***"},
	// Where the state machine is by the time of the dump. Before it has heard a master
	// 2.2.7 shows whatever address it wrote last.
	{regexp.MustCompile(`(?m)^(   (Read timeout|State|Wantstate|Master router|Master priority|Effective priority|Total priority|Num track scripts|Number of interface and track script faults|Number of track scripts init) = ).*`), "$1..."},
	{regexp.MustCompile(`(?m)^(     \S+ .*scope .*) set$`), "$1"},
	{regexp.MustCompile(`(?m)^(     \S+ .* proto .*) \[installed ifindex \d+\]$`), "$1"},
	{regexp.MustCompile(`(?m)^(   (Result|Init state) = ).*`), "$1..."}, // of a script
	{regexp.MustCompile(`(?m)^   Status = (GOOD|BAD)$`), "   Status = ..."},
	// The same of the healthchecker, whose first checks may be over.
	{regexp.MustCompile(`(?m)^( +(alive|Up|Has run|Current weight|effective weight|previous effective_weight|num failed checkers|RS set|quorum_state_up|Retries iterations|reloaded|num checkers up) = ).*`), "$1..."},
	{regexp.MustCompile(`EFF WEIGHT = -?\d+`), "EFF WEIGHT = ..."},
	{regexp.MustCompile(`(?m)^ +(Last (ran|transition|exit|status)|Current state|Failed URL).*\n`), ""},
	{regexp.MustCompile(`(?m)^   Scripts in init state.*\n`), ""},
	{regexp.MustCompile(`(?m)^   (Master (priority|router)|Track script faults).*\n`), ""},
}

// The names of the dumps.
const (
	vrrpDump  = "keepalived.data"
	checkDump = "keepalived_check.data"
)

// normal masks what is named above. The settings of global_defs are the same in both
// dumps, and compared in the VRRP child's.
func normal(name, dump string) string {
	if name == checkDump {
		i := strings.Index(dump, "------< SSL")
		if i < 0 {
			i = strings.Index(dump, "------< LVS")
		}
		if i < 0 {
			return "" // 2.2.7 has such a child even without work for it
		}
		// The record of 2.2.7's has them without /usr.
		dump = strings.ReplaceAll(dump[i:], "'/usr/bin/", "'/bin/")
	}
	for _, m := range masks {
		dump = m.find.ReplaceAllString(dump, m.with)
	}
	return strings.TrimRight(dump, "\n")
}
