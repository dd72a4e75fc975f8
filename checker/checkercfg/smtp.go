package checkercfg

import (
	"slices"
	"strings"
	"time"

	"keepalived/core/config"
	"keepalived/core/config/cursor"
	"keepalived/core/diag"
)

// defaultHelo is the name that SMTP_CHECK gives without helo_name.
const defaultHelo = "smtpchecker.keepalived.org"

func smtpRows(path string) []cursor.Row[check] {
	host := block(line(path, "host", "{ ... }", 0, readHost))
	rows := []cursor.Row[check]{
		doc("", defaultHelo, text(path, "helo_name", "<name>", "SMTP_CHECK helo name missing", func(k *check, v string) { k.smtp.Helo = v })),
		insteadOf("connect_ip, connect_port", host),
	}
	return append(rows, connectionRows(path+"/host")...)
}

// readHost reads a host block: a connection of its own. What it does not say is the real
// server's.
func readHost(k *check, c *cursor.Cursor) {
	conn, timeout := k.Connection, k.timeout
	k.Connection, k.timeout = Connection{}, Unset
	hostTable.Decode(k, c.Block(), c.Diags())
	k.hosts = append(k.hosts, host{k.Connection, k.timeout, k.bindAt})
	k.Connection, k.timeout = conn, timeout
}

// host is one host block.
type host struct {
	Connection
	timeout time.Duration
	bindAt  diag.Range
}

// finishSMTP makes one checker of each host block, behind that of the SMTP_CHECK itself
// when it says anything of its connection. A host block that says no connect_timeout has
// none: it takes over neither the SMTP_CHECK's nor the real server's (observed on 2.2.7).
func finishSMTP(k *check, _ *cursor.Cursor) bool {
	if len(k.hosts) == 0 {
		return true
	}
	if k.Connection != (Connection{}) || k.timeout != Unset {
		k.r.checks = append(k.r.checks, k)
	}
	for _, h := range k.hosts {
		one, shown := *k, *k.Check
		one.Check = &shown
		one.Connection, one.timeout, one.bindAt = h.Connection, max(h.timeout, 0), h.bindAt
		k.r.checks = append(k.r.checks, &one)
	}
	return false
}

// DNSTypes are the records that DNS_CHECK can ask for.
var DNSTypes = []string{"A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA", "RRSIG", "DNSKEY"}

func dnsRows(path string) []cursor.Row[check] {
	return []cursor.Row[check]{
		doc("", "SOA", valued(path, "type", config.OneOf(DNSTypes...), func(k *check, c *cursor.Cursor) {
			w, ok := c.Word()
			t := strings.ToUpper(w.Text)
			switch {
			case !ok:
			case !slices.Contains(c.Value().Words, t):
				c.Errorf(w.Range, diag.BadValue, "Unknown DNS check type %s - ignoring", w.Text)
			default:
				k.dns.Type = t
			}
		})),
		doc("", "the root", valued(path, "name", config.Of(config.Text), func(k *check, c *cursor.Cursor) {
			if w, ok := c.Word(); ok {
				k.dns.Name = w.Text
			}
		})),
	}
}

func udpRows(path string) []cursor.Row[check] {
	return []cursor.Row[check]{
		line(path, "payload", "<hex>...", 0, func(k *check, c *cursor.Cursor) {
			if !c.More() {
				c.Errorf(c.Range(), diag.BadValue, "UDP_CHECK payload requires a payload")
				return
			}
			if data, _, ok := readHex(c, false); ok {
				k.udp.Payload = data
			}
		}),
		line(path, "require_reply", "[<hex with X for any digit>...]", 0, func(k *check, c *cursor.Cursor) {
			k.udp.Wanted = true
			if data, mask, ok := readHex(c, true); ok {
				k.udp.Reply, k.udp.Mask = data, mask
			}
		}),
		number(path, "min_reply_length", "0", 0, 65535, func(k *check, n int64) { k.udp.MinLength = uint16(n) }),
		number(path, "max_reply_length", "255", 0, 65535, func(k *check, n int64) { k.udp.MaxLength = uint16(n) }),
	}
}

func finishUDP(k *check, c *cursor.Cursor) bool {
	if u := k.udp; u.MinLength > u.MaxLength {
		c.Errorf(c.Range(), diag.Conflict, "UDP_CHECK min_reply length %d > max_reply_length %d - will always fail", u.MinLength, u.MaxLength)
	}
	return true
}

// readHex reads groups of hexadecimal digits, two an octet; a digit alone is an octet
// of its own. With wild an X stands for any digit: its bits in the mask are zero.
func readHex(c *cursor.Cursor, wild bool) (data, mask []byte, ok bool) {
	for w, more := c.Next(); more; w, more = c.Next() {
		digits := strings.ToLower(w.Text)
		if len(digits)%2 == 1 {
			digits = digits[:len(digits)-1] + "0" + digits[len(digits)-1:]
		}
		for i := 0; i < len(digits); i += 2 {
			high, hm, ok1 := hexDigit(digits[i], wild)
			low, lm, ok2 := hexDigit(digits[i+1], wild)
			if !ok1 || !ok2 {
				c.Errorf(w.Range, diag.BadValue, "Invalid hex string for UDP_CHECK %s", c.Name())
				return nil, nil, false
			}
			data, mask = append(data, high<<4|low), append(mask, hm<<4|lm)
		}
	}
	return data, mask, true
}

func hexDigit(b byte, wild bool) (value, mask byte, ok bool) {
	switch {
	case b >= '0' && b <= '9':
		return b - '0', 0xf, true
	case b >= 'a' && b <= 'f':
		return b - 'a' + 10, 0xf, true
	}
	return 0, 0, wild && b == 'x'
}
